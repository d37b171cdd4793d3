//! Packets inside packets: GRE, VXLAN, Geneve, GTP-U, L2TP, LISP, Teredo, IP in IP, Ethernet in IP, over MPLS and in the frames
//! of backbones and service chains, and what is on its way to the root of a multicast tree.
//!
//! A port says too little: what lies behind it counts as a packet if its headers say so too, else the outer one stands.

use etherparse::{EtherType, ether_type};

use super::link::{self, Outer};
use super::rest::Rest;
use super::{Flaw, Network, Packet, Transport, ppp, shim};
use crate::capture::Frame;

/// Tunnels inside tunnels that are followed; real networks have two or three.
const DEEPEST: usize = 8;

const IP_IN_IP: u8 = 4;
const IPV6_IN_IP: u8 = 41;
const GRE: u8 = 47;
/// RFC 3378.
const ETHER_IP: u8 = 97;
const PIM: u8 = 103;
/// RFC 8986, 9.1.
const ETHERNET_IN_IP: u8 = 143;

const L2TP: u16 = 1701;
const GTP_U: u16 = 2152;
const TEREDO: u16 = 3544;
const LISP: u16 = 4341;
const VXLAN: u16 = 4789;
/// VXLAN that tells what it carries (draft-ietf-nvo3-vxlan-gpe).
const VXLAN_GPE: u16 = 4790;
const GENEVE: u16 = 6081;
/// RFC 8086.
const GRE_OVER_UDP: u16 = 4754;
/// RFC 7510.
const MPLS_OVER_UDP: u16 = 6635;
/// VXLAN's port in Linux, older than the standard's.
const VXLAN_LINUX: u16 = 8472;

const ETHERNET: EtherType = EtherType(0x6558);
/// Provider backbones (IEEE 802.1ah): a frame behind the number of its service.
const BACKBONE: u16 = 0x88e7;
/// RFC 8300.
const SERVICE_CHAIN: u16 = 0x894f;
/// Cisco's: a frame behind the number of its tree and a time to live.
const FABRIC_PATH: u16 = 0x8903;

/// Takes a tunnel's header off, if it is there.
type Peel = fn(Rest<'_>) -> Option<Outer<'_>>;

/// The tunnel over UDP that can have these ports.
#[inline]
fn over_udp(src_port: u16, dst_port: u16) -> Option<Peel> {
    Some(match dst_port {
        VXLAN | VXLAN_LINUX => vxlan,
        VXLAN_GPE => vxlan_gpe,
        GENEVE => geneve,
        LISP => lisp,
        GRE_OVER_UDP => gre,
        MPLS_OVER_UDP => |rest| Some(Outer::new(shim::MPLS[0], rest)),
        // Both ends should have it, but the receiver of a reply may have another one.
        _ if dst_port == GTP_U || src_port == GTP_U => gtp_u,
        _ if dst_port == TEREDO || src_port == TEREDO => teredo,
        _ if dst_port == L2TP || src_port == L2TP => l2tp,
        _ => return None,
    })
}

/// The ports that a tunnel over UDP can have, at either end.
pub(super) const PORTS: [u16; 10] =
    [VXLAN, VXLAN_LINUX, VXLAN_GPE, GENEVE, LISP, GRE_OVER_UDP, MPLS_OVER_UDP, GTP_U, TEREDO, L2TP];

/// Whether a tunnel over UDP can have these ports.
#[inline]
pub(super) fn may_carry(src_port: u16, dst_port: u16) -> bool {
    over_udp(src_port, dst_port).is_some()
}

/// The packet inside the packet behind `outer`, and so on, as far as one can be decoded.
pub(super) fn innermost<'a>(frame: &Frame<'a>, outer: Outer<'a>) -> Packet<'a> {
    follow(frame, outer, |_| {})
}

/// The same; shows every packet on the way to `see`, as it is without what those around it tell.
pub(super) fn follow<'a>(frame: &Frame<'a>, outer: Outer<'a>, mut see: impl FnMut(&Packet<'a>)) -> Packet<'a> {
    let mut behind_link = outer.rest;
    let mut packet = Packet::of(frame, outer);
    see(&packet);
    for _ in 0..DEEPEST {
        let Some(outer) = carried(&packet, behind_link) else { break };
        behind_link = outer.rest;
        let mut inner = Packet::of(frame, outer);
        let addressed = inner.src.ip().or(inner.dst.ip()).is_some();
        let contradicts = inner.transport == Transport::None && inner.flaw != Some(Flaw::Cut);
        if inner.flaw.is_some() && (!addressed || contradicts) {
            break;
        }
        see(&inner);
        inner.tunnel = true;
        inner.vlan |= packet.vlan;
        inner.fragment = packet.fragment.or(inner.fragment);
        inner.flaw = packet.flaw.or(inner.flaw);
        if inner.src_mac.is_none() {
            (inner.src_mac, inner.dst_mac) = (packet.src_mac, packet.dst_mac);
        }
        packet = inner;
    }
    packet
}

/// What `packet` carries, if it is a tunnel's; of the link layer's own protocols, what lies `behind_link`.
fn carried<'a>(packet: &Packet<'a>, behind_link: Rest<'a>) -> Option<Outer<'a>> {
    let torn = packet.fragment.is_some();
    let rest = Rest { bytes: packet.payload, wire: packet.payload_len as usize, torn };
    let inner = match (packet.transport, packet.network) {
        (Transport::Udp { src_port, dst_port }, _) => over_udp(src_port, dst_port)?(rest),
        (Transport::Other(IP_IN_IP | IPV6_IN_IP), _) => ip(rest),
        (Transport::Other(GRE), _) => gre(rest),
        (Transport::Other(ETHERNET_IN_IP), _) => link::ethernet(rest),
        (Transport::Other(ETHER_IP), _) if rest.bytes.starts_with(&[0x30, 0]) => link::ethernet(rest.after(2)),
        (Transport::Other(PIM), _) => pim(rest),
        (Transport::None, Network::Other(SERVICE_CHAIN)) => service_chain(behind_link),
        (Transport::None, Network::Other(BACKBONE)) => link::ethernet(behind_link.after(4)),
        (Transport::None, Network::Other(FABRIC_PATH)) => link::ethernet(behind_link.after(2)),
        (Transport::None, Network::Other(kind)) if shim::MPLS.contains(&EtherType(kind)) => pseudowire(behind_link),
        _ => None,
    };
    inner.map(shim::peel)
}

/// What has this EtherType behind a tunnel's header.
fn typed(kind: u16, rest: Rest<'_>) -> Option<Outer<'_>> {
    match EtherType(kind) {
        ETHERNET => link::ethernet(rest),
        kind => known(kind).then(|| Outer::new(kind, rest)),
    }
}

fn known(kind: EtherType) -> bool {
    matches!(
        kind,
        ether_type::IPV4
            | ether_type::IPV6
            | ether_type::ARP
            | ether_type::VLAN_TAGGED_FRAME
            | ether_type::PROVIDER_BRIDGING
    ) || shim::MPLS.contains(&kind)
}

/// IP of either version.
fn ip(rest: Rest<'_>) -> Option<Outer<'_>> {
    link::raw_ip(rest).filter(|outer| outer.flaw.is_none())
}

/// RFC 2784 and 2890; as PPTP enhances it (RFC 2637, 4.1).
fn gre(rest: Rest<'_>) -> Option<Outer<'_>> {
    const PPP: u16 = 0x880b;
    const ERSPAN: u16 = 0x88be;
    const ERSPAN_III: u16 = 0x22eb;
    const WCCP: u16 = 0x883e;
    let &[flags, version, upper, lower] = rest.bytes.first_chunk()?;
    let has = |bit: u8| flags & bit != 0;
    let (checksum, routing, key, sequence) = (has(0x80), has(0x40), has(0x20), has(0x10));
    let words = |parts: &[bool]| 4 * (1 + parts.iter().filter(|&&part| part).count());
    let kind = u16::from_be_bytes([upper, lower]);
    match version & 7 {
        0 if !routing => {
            let rest = rest.after(words(&[checksum, key, sequence]));
            match kind {
                // The first version has no header of its own, and no sequence (draft-foschiano-erspan).
                ERSPAN if !sequence => link::ethernet(rest),
                ERSPAN => link::ethernet(rest.after(8)),
                ERSPAN_III => {
                    // What kind of frame it is, and whether the platform adds eight bytes.
                    let (frame_type, platform) = (rest.bytes.get(10)? >> 2 & 0x1f, rest.bytes.get(11)? & 1 == 1);
                    let rest = rest.after(if platform { 20 } else { 12 });
                    match frame_type {
                        0 => link::ethernet(rest),
                        2 => ip(rest),
                        _ => None,
                    }
                }
                // The second version has a header of four bytes (draft-mclaggan-wccp-v2rev1, 4), which cannot begin as IPv4.
                WCCP => ip(rest).or_else(|| ip(rest.after(4))),
                kind => typed(kind, rest),
            }
        }
        // Without a sequence it only acknowledges.
        1 if kind == PPP && key && sequence => {
            let rest = rest.after(words(&[key, sequence, version & 0x80 != 0]));
            ppp_packet(rest)
        }
        _ => None,
    }
}

/// RFC 7348, 5; the other flags are of group policies (draft-smith-vxlan-group-policy), and the one that says what it carries.
fn vxlan(rest: Rest<'_>) -> Option<Outer<'_>> {
    let &[flags, _, _, _, _, _, _, 0] = rest.bytes.first_chunk()? else { return None };
    match flags & 0x7f {
        0x08 => link::ethernet(rest.after(8)),
        0x0c => vxlan_gpe(rest),
        _ => None,
    }
}

fn vxlan_gpe(rest: Rest<'_>) -> Option<Outer<'_>> {
    let &[flags, _, _, next, ..] = rest.bytes.first_chunk::<8>()?;
    if flags & 0x08 == 0 { None } else { numbered(next, rest.after(8)) }
}

/// What has this number in VXLAN-GPE and in service chains.
fn numbered(next: u8, rest: Rest<'_>) -> Option<Outer<'_>> {
    match next {
        1 | 2 => ip(rest),
        3 => link::ethernet(rest),
        4 => service_chain(rest),
        _ => None,
    }
}

/// RFC 8300, 2.2.
fn service_chain(rest: Rest<'_>) -> Option<Outer<'_>> {
    let &[version, words, _, next] = rest.bytes.first_chunk()?;
    let len = 4 * usize::from(words & 0x3f);
    (version >> 6 == 0 && len >= 8 && next < 4).then(|| numbered(next, rest.after(len)))?
}

/// RFC 8926, 3.4.
fn geneve(rest: Rest<'_>) -> Option<Outer<'_>> {
    let &[version, _, upper, lower, _, _, _, 0] = rest.bytes.first_chunk()? else { return None };
    let options = 4 * usize::from(version & 0x3f);
    (version >> 6 == 0).then(|| typed(u16::from_be_bytes([upper, lower]), rest.after(8 + options)))?
}

/// 3GPP TS 29.281, 5: only the messages that carry a user's packet.
fn gtp_u(rest: Rest<'_>) -> Option<Outer<'_>> {
    const USER_PACKET: u8 = 255;
    let &[flags, USER_PACKET, a, b, ..] = rest.bytes.first_chunk::<8>()? else { return None };
    if flags >> 4 != 0b0011 {
        return None;
    }
    let mut rest = rest.after(8).first(u16::from_be_bytes([a, b]).into());
    if flags & 7 != 0 {
        let &[_, _, _, mut next] = rest.bytes.first_chunk()?;
        rest = rest.after(4);
        while flags & 4 != 0 && next != 0 {
            let words = usize::from(*rest.bytes.first()?);
            let last = (4 * words).checked_sub(1)?;
            next = *rest.bytes.get(last)?;
            rest = rest.after(last + 1);
        }
    }
    ip(rest)
}

/// RFC 2661, 3.1: the messages that carry a user's packet.
fn l2tp(rest: Rest<'_>) -> Option<Outer<'_>> {
    let &[flags, version] = rest.bytes.first_chunk()?;
    let has = |bit: u8| flags & bit != 0;
    let (control, length, sequence, offset) = (has(0x80), has(0x40), has(0x08), has(0x02));
    if control || version & 0x0f != 2 {
        return None;
    }
    let mut len = 6 + if length { 2 } else { 0 } + if sequence { 4 } else { 0 };
    if offset {
        let &[upper, lower] = rest.bytes.get(len..)?.first_chunk()?;
        len += 2 + usize::from(u16::from_be_bytes([upper, lower]));
    }
    ppp_packet(rest.after(len))
}

fn ppp_packet(rest: Rest<'_>) -> Option<Outer<'_>> {
    let (kind, rest) = ppp::framed(rest)?.ok()?;
    Some(Outer::new(kind, rest))
}

/// RFC 7761, 4.9.3: a Register message carries a packet to the tree's root, unless it only says that there is none.
fn pim(rest: Rest<'_>) -> Option<Outer<'_>> {
    let &[0x21, _, _, _, flags, _, _, _] = rest.bytes.first_chunk()? else { return None };
    (flags & 0x40 == 0).then(|| ip(rest.after(8)))?
}

/// RFC 9300, 5.1: behind a header of eight bytes, whatever its flags.
fn lisp(rest: Rest<'_>) -> Option<Outer<'_>> {
    ip(rest.after(8))
}

/// RFC 4380, 5.1.1: IPv6 behind an authentication and an origin indication, each of which may be missing.
fn teredo(mut rest: Rest<'_>) -> Option<Outer<'_>> {
    if let [0, 1, id, authentication, ..] = *rest.bytes {
        rest = rest.after(13 + usize::from(id) + usize::from(authentication));
    }
    if rest.bytes.starts_with(&[0, 0]) {
        rest = rest.after(8);
    }
    ip(rest).filter(|outer| outer.network == Network::Ipv6)
}

/// A frame of Ethernet behind MPLS labels, with or without a control word (RFC 4448), which begins with four zero bits.
/// Nothing in the packet says that it is there: its EtherType has to be a known one.
fn pseudowire(labels: Rest<'_>) -> Option<Outer<'_>> {
    let rest = shim::labelled(labels).ok()?;
    let frame = |rest| {
        let outer = link::ethernet(rest)?;
        let credible = match outer.network {
            Network::Other(kind) => known(EtherType(kind)),
            _ => true,
        };
        credible.then_some(outer)
    };
    let controlled = || if rest.bytes.first()? >> 4 == 0 { frame(rest.after(4)) } else { None };
    controlled().or_else(|| frame(rest))
}
