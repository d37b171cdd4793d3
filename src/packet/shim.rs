//! What stands between the link-layer header and the network layer: VLAN tags, MPLS labels, PPPoE, SNAP, and the tags of
//! MACsec and of Cisco's security groups and virtual interfaces.

use etherparse::{EtherType, SingleVlanHeaderSlice, ether_type};

use super::link::Outer;
use super::ppp::{self, Peeled};
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
/// Cisco's VN-Tag, between switches and the virtual interfaces of a host.
const VN_TAG: EtherType = EtherType(0x8926);
/// Cisco's security group tag.
const META_DATA: EtherType = EtherType(0x8909);
/// IEEE 802.1AE.
const MACSEC: EtherType = EtherType(0x88e5);
/// A label stack; the second number was once for labels of groups (RFC 5332).
pub(super) const MPLS: [EtherType; 2] = [ppp::MPLS, EtherType(0x8848)];
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
            VN_TAG => Some(typed(outer.rest, 4)),
            META_DATA => Some(typed(outer.rest, 6)),
            MACSEC => macsec(outer.rest),
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

/// What lies behind `len` bytes and the EtherType that ends them.
fn typed(rest: Rest<'_>, len: usize) -> Result<(EtherType, Rest<'_>), Flaw> {
    match rest.bytes.get(len..len + 2) {
        Some(&[upper, lower]) => Ok((EtherType(u16::from_be_bytes([upper, lower])), rest.after(len + 2))),
        _ => Err(rest.lacks(len + 2, Flaw::ShortLinkHeader)),
    }
}

/// A frame whose integrity alone is protected can be read (IEEE 802.1AE, 9.3); a checksum ends it.
fn macsec(rest: Rest<'_>) -> Peeled<'_> {
    const CHECKSUM: usize = 16;
    let Some(&flags) = rest.bytes.first() else { return Some(Err(rest.lacks(1, Flaw::ShortLinkHeader))) };
    let (channel, secret) = (flags & 0x20 != 0, flags & 0x0c != 0);
    let rest = rest.first(rest.wire.saturating_sub(CHECKSUM));
    if secret { None } else { Some(typed(rest, if channel { 14 } else { 6 })) }
}

fn vlan(rest: Rest<'_>) -> Peeled<'_> {
    Some(match SingleVlanHeaderSlice::from_slice(rest.bytes) {
        Ok(tag) => Ok((tag.ether_type(), rest.after(tag.slice().len()))),
        Err(error) => Err(rest.lacks(error.required_len, Flaw::ShortLinkHeader)),
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
        let Some(&[_, _, bottom, _]) = rest.bytes.first_chunk() else {
            return Err(rest.lacks(4, Flaw::ShortLinkHeader));
        };
        rest = rest.after(4);
        if bottom & 1 == 1 {
            return if rest.bytes.is_empty() { Err(rest.lacks(1, Flaw::ShortLinkHeader)) } else { Ok(rest) };
        }
    }
}

/// A session's data (RFC 2516, 4), not the frames that negotiate it.
fn pppoe(rest: Rest<'_>) -> Peeled<'_> {
    let Some(&[version, code, _, _, a, b]) = rest.bytes.first_chunk() else {
        return Some(Err(rest.lacks(6, Flaw::ShortLinkHeader)));
    };
    if (version, code) != (0x11, 0) {
        return None;
    }
    let len = usize::from(u16::from_be_bytes([a, b]));
    ppp::peel(rest.after(6).first(len))
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
        return Some(Err(if unknown { Flaw::Cut } else { rest.lacks(8, Flaw::ShortLinkHeader) }));
    };
    let kind = u16::from_be_bytes([upper, lower]);
    let is_ether_type = matches!([a, b, c], [0, 0, 0] | [0, 0, 0xf8]) && kind > LONGEST_802_3;
    is_ether_type.then(|| Ok((EtherType(kind), rest.after(8))))
}
