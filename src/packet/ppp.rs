//! PPP (RFC 1661), on a link of its own, in PPPoE and in tunnels.

use etherparse::{EtherType, ether_type};

use super::Flaw;
use super::rest::Rest;

/// Protocols of PPP, by the registry of its numbers.
const IPV4: u16 = 0x0021;
const IPV6: u16 = 0x0057;
const MPLS_UNICAST: u16 = 0x0281;
/// A stack of MPLS labels.
pub(super) const MPLS: EtherType = EtherType(0x8847);

/// What lies behind a header and its EtherType; what is wrong if the header is not all there; none if it carries something
/// else.
pub(super) type Peeled<'a> = Option<Result<(EtherType, Rest<'a>), Flaw>>;

/// Behind the address and the control field of HDLC (RFC 1662, 3.1), which are the same in every packet and may be left out.
pub(super) fn framed(rest: Rest<'_>) -> Peeled<'_> {
    match *rest.bytes {
        // Half of the two: no protocol has this number.
        [0xff] => Some(Err(rest.lacks(2, Flaw::ShortLinkHeader))),
        [0xff, 3, ..] => peel(rest.after(2)),
        _ => peel(rest),
    }
}

/// A packet of PPP, whose protocol takes two bytes, or one if it is compressed (RFC 1661, 6.5).
pub(super) fn peel(rest: Rest<'_>) -> Peeled<'_> {
    let (protocol, len) = match *rest.bytes {
        [short, ..] if short & 1 == 1 => (u16::from(short), 1),
        [] => return Some(Err(rest.lacks(1, Flaw::ShortLinkHeader))),
        [_] => return Some(Err(rest.lacks(2, Flaw::ShortLinkHeader))),
        [upper, lower, ..] => (u16::from_be_bytes([upper, lower]), 2),
    };
    let kind = match protocol {
        IPV4 => ether_type::IPV4,
        IPV6 => ether_type::IPV6,
        MPLS_UNICAST => MPLS,
        _ => return None,
    };
    Some(Ok((kind, rest.after(len))))
}
