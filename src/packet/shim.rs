//! What stands between the link-layer header and the network layer: VLAN tags, MPLS labels, PPPoE, SNAP.

use etherparse::{EtherType, SingleVlanHeaderSlice, ether_type};

use super::link::Outer;
use super::rest::Rest;
use super::{Flaw, Network};

/// The last value of an EtherType's field that is a length (IEEE 802.3, 3.2.6).
const LONGEST_802_3: u16 = 1500;
/// IEEE 802.1Q, 802.1ad, and two older numbers of outer tags.
const VLAN: [EtherType; 4] = [
    ether_type::VLAN_TAGGED_FRAME,
    ether_type::PROVIDER_BRIDGING,
    ether_type::VLAN_DOUBLE_TAGGED_FRAME,
    EtherType(0x9200),
];
const PPPOE_SESSION: EtherType = EtherType(0x8864);
/// A label stack; the second number was once for labels of groups (RFC 5332).
pub(super) const MPLS: [EtherType; 2] = [EtherType(0x8847), EtherType(0x8848)];
/// Protocols of PPP (RFC 1661, and the registry of PPP's numbers).
const PPP_IPV4: u16 = 0x0021;
const PPP_IPV6: u16 = 0x0057;
const PPP_MPLS: u16 = 0x0281;

/// Takes them off, one inside the other; what cannot be taken off keeps its EtherType.
pub(super) fn peel(mut outer: Outer<'_>) -> Outer<'_> {
    while let Network::Other(kind) = outer.network {
        let peeled = match EtherType(kind) {
            kind if VLAN.contains(&kind) => {
                outer.vlan = true;
                vlan(outer.rest)
            }
            kind if MPLS.contains(&kind) => mpls(outer.rest),
            PPPOE_SESSION => pppoe(outer.rest),
            EtherType(len) if len <= LONGEST_802_3 && outer.dst_mac.is_some() => snap(outer.rest, len.into()),
            _ => None,
        };
        match peeled {
            Some(Ok((kind, rest))) => {
                outer.network = kind.into();
                outer.rest = rest;
            }
            Some(Err(flaw)) => {
                outer.flaw = Some(flaw);
                break;
            }
            None => break,
        }
    }
    outer
}

/// What lies behind a header and its EtherType; what is wrong if the header is not all there; none if it carries something
/// else.
type Peeled<'a> = Option<Result<(EtherType, Rest<'a>), Flaw>>;

fn vlan(rest: Rest<'_>) -> Peeled<'_> {
    Some(match SingleVlanHeaderSlice::from_slice(rest.bytes) {
        Ok(tag) => Ok((tag.ether_type(), rest.after(tag.slice().len()))),
        Err(error) => Err(rest.lacks(error.required_len)),
    })
}

/// A stack of labels (RFC 3032). It does not tell what it carries: IP shows by its version (RFC 4928, 3), and a frame of
/// Ethernet is looked for by [`tunnel`](super::tunnel), for that is one.
fn mpls(rest: Rest<'_>) -> Peeled<'_> {
    let rest = match labelled(rest) {
        Ok(rest) => rest,
        Err(flaw) => return Some(Err(flaw)),
    };
    match rest.bytes.first().map(|byte| byte >> 4) {
        Some(4) => Some(Ok((ether_type::IPV4, rest))),
        Some(6) => Some(Ok((ether_type::IPV6, rest))),
        _ => None,
    }
}

/// What lies behind a stack of labels.
pub(super) fn labelled(mut rest: Rest<'_>) -> Result<Rest<'_>, Flaw> {
    loop {
        let Some(&[_, _, bottom, _]) = rest.bytes.first_chunk() else { return Err(rest.lacks(4)) };
        rest = rest.after(4);
        if bottom & 1 == 1 {
            return if rest.bytes.is_empty() { Err(rest.lacks(1)) } else { Ok(rest) };
        }
    }
}

/// A session's data (RFC 2516, 4), not the frames that negotiate it.
fn pppoe(rest: Rest<'_>) -> Peeled<'_> {
    let Some(&[version, code, _, _, a, b]) = rest.bytes.first_chunk() else { return Some(Err(rest.lacks(6))) };
    if (version, code) != (0x11, 0) {
        return None;
    }
    let len = usize::from(u16::from_be_bytes([a, b]));
    ppp(rest.after(6).first(len))
}

/// A packet of PPP, whose protocol takes two bytes, or one if it is compressed (RFC 1661, 6.5).
pub(super) fn ppp(rest: Rest<'_>) -> Peeled<'_> {
    let (protocol, len) = match *rest.bytes {
        [short, ..] if short & 1 == 1 => (u16::from(short), 1),
        [] | [_] => return Some(Err(rest.lacks(2))),
        [upper, lower, ..] => (u16::from_be_bytes([upper, lower]), 2),
    };
    let kind = match protocol {
        PPP_IPV4 => ether_type::IPV4,
        PPP_IPV6 => ether_type::IPV6,
        PPP_MPLS => MPLS[0],
        _ => return None,
    };
    Some(Ok((kind, rest.after(len))))
}

/// An EtherType behind an IEEE 802.2 header, in a frame that states its length (RFC 1042; 0000f8 is the number of IEEE 802.1H for the same).
fn snap(rest: Rest<'_>, len: usize) -> Peeled<'_> {
    const LLC: [u8; 3] = [0xaa, 0xaa, 3];
    let rest = rest.first(len);
    if len < 8 || !LLC.starts_with(rest.first(LLC.len()).bytes) {
        return None;
    }
    let Some(&[_, _, _, a, b, c, upper, lower]) = rest.bytes.first_chunk() else {
        // Of a frame cut within its first three bytes it is not known what the others were.
        let unknown = rest.bytes.len() < LLC.len().min(rest.wire);
        return Some(Err(if unknown { Flaw::Cut } else { rest.lacks(8) }));
    };
    let kind = u16::from_be_bytes([upper, lower]);
    let is_ether_type = matches!([a, b, c], [0, 0, 0] | [0, 0, 0xf8]) && kind > LONGEST_802_3;
    is_ether_type.then(|| Ok((EtherType(kind), rest.after(8))))
}
