//! Any bytes as an IP packet, behind an Ethernet header and without: both say the same. Of Ethernet, plain packets are decoded
//! the short way; without a link layer all of them are decoded header by header.

use tidewatch::capture::{Frame, Link};
use tidewatch::packet::{Cast, Host, Mac, Packet, Tunnels};

use super::{Bytes, packet};

const DST: Mac = [2, 0, 0, 0, 0, 2];
const SRC: Mac = [2, 0, 0, 0, 0, 1];

pub fn target(data: &[u8]) {
    let mut data = Bytes(data);
    let [how, more] = data.array();
    let bytes = data.0;
    let kind = match bytes.first().map(|byte| byte >> 4) {
        Some(4) => [8, 0],
        Some(6) => [0x86, 0xdd],
        _ => return,
    };
    let tunnels = if how & 1 == 0 { Tunnels::Inner } else { Tunnels::Outer };
    let wire_len = (bytes.len() + usize::from(more)) as u32;
    let alone = Frame { number: 1, time_ns: 1, link: Link::RawIp, wire_len, bytes };
    let framed = [&DST[..], &SRC, &kind, bytes].concat();
    let framed = Frame { link: Link::Ethernet, wire_len: wire_len + 14, bytes: &framed, ..alone };

    let alone = Packet::decode(&alone, tunnels).unwrap_or_else(|skip| panic!("{skip:?} of {bytes:?}"));
    let framed = packet::decoded(&framed, tunnels).unwrap_or_else(|| panic!("no packet in {bytes:?}"));
    assert_eq!(behind(framed), behind(Packet { wire_len: wire_len + 14, ..alone }));
}

/// The packet, if these are the MACs on its way and it was not carried by another.
fn behind(packet: Packet<'_>) -> Packet<'_> {
    let mut framed = packet;
    if framed.src_mac.is_none() {
        (framed.src_mac, framed.dst_mac) = (Some(SRC), Some(DST));
    }
    if !framed.tunnel {
        framed.cast = Cast::Unicast;
        (framed.src, framed.dst) = (named(packet.src, SRC), named(packet.dst, DST));
    }
    // Of a tunnel's packet or of the one inside.
    if let Some(part) = &mut framed.fragment {
        (part.src, part.dst) = (named(part.src, SRC), named(part.dst, DST));
    }
    framed
}

/// What has no address has its MAC's name.
fn named(host: Host, mac: Mac) -> Host {
    if host == Host::from_mac([0; 6]) { Host::from_mac(mac) } else { host }
}
