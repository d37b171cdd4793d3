//! Fragments and their first one.

use super::super::Fragments;
use super::*;
use crate::capture::Ledger;

/// A part, at `at` seconds, of the datagram `id` from SRC to DST.
fn part(at: i64, id: u16, first: bool) -> Vec<u8> {
    let mut bytes = built!(PacketBuilder::ipv4(SRC, DST, 64).udp(1000, 2000), &[at as u8; 64]);
    bytes[4..6].copy_from_slice(&id.to_be_bytes());
    bytes[6..8].copy_from_slice(if first { &[0x20, 0] } else { &[0, 9] });
    bytes
}

fn joined(fragments: &mut Fragments, ledger: &mut Ledger, at: i64, id: u16, first: bool) -> Transport {
    let bytes = part(at, id, first);
    let mut packet = decode(Link::RawIp, &bytes);
    packet.time_ns = at * 1_000_000_000;
    fragments.join(&mut packet, ledger);
    packet.transport
}

const JOINED: Transport = Transport::Ports { protocol: 17, src_port: 1000, dst_port: 2000 };

#[test]
fn later_fragments_take_the_ports_of_their_first() {
    let (mut fragments, mut ledger) = (Fragments::default(), Ledger::default());
    let mut join = |at, id, first| joined(&mut fragments, &mut ledger, at, id, first);
    assert_eq!(join(0, 1, false), Transport::None, "it overtook its first");
    assert_eq!(join(0, 1, true), Transport::Udp { src_port: 1000, dst_port: 2000 });
    assert_eq!(join(0, 1, false), JOINED);
    assert_eq!(join(1, 2, false), Transport::None, "of another datagram");
    assert_eq!(join(30, 1, false), JOINED);
    assert_eq!(join(31, 1, false), Transport::None, "it is too late");
    assert_eq!((ledger.orphans, ledger.evictions), (3, 0));
}

#[test]
fn a_number_that_is_used_again_lives_anew() {
    let (mut fragments, mut ledger) = (Fragments::default(), Ledger::default());
    let mut join = |at, id, first| joined(&mut fragments, &mut ledger, at, id, first);
    join(0, 1, true);
    join(20, 1, true);
    assert_eq!(join(40, 1, false), JOINED);
}

#[test]
fn a_flood_of_first_fragments_pushes_the_oldest_out() {
    let (mut fragments, mut ledger) = (Fragments::default(), Ledger::default());
    let mut join = |at, id, first| joined(&mut fragments, &mut ledger, at, id, first);
    for id in 0..=1 << 14 {
        join(0, id, true);
    }
    assert_eq!((join(0, 0, false), join(0, 1, false)), (Transport::None, JOINED));
    assert_eq!((ledger.orphans, ledger.evictions), (1, 1));
}

#[test]
fn fragments_of_ipv6_and_of_a_tunnel() {
    let (mut fragments, mut ledger) = (Fragments::default(), Ledger::default());
    let part = |offset: [u8; 2]| ipv6(44, &[&[17, 0, offset[0], offset[1], 0, 0, 0, 9], &UDP_10[..]].concat());
    for (offset, expected) in [([0, 1], Transport::Udp { src_port: 1000, dst_port: 2000 }), ([0, 8], JOINED)] {
        let bytes = part(offset);
        let mut packet = decode(Link::RawIp, &bytes);
        fragments.join(&mut packet, &mut ledger);
        assert_eq!(packet.transport, expected);
    }

    let inner = built!(PacketBuilder::ipv4(SRC, DST, 64).tcp(1000, 2000, 1, 1), &[1; 64]);
    for (flags, first) in [([0x20, 0], true), ([0, 10], false)] {
        let mut bytes = Vec::new();
        let builder = PacketBuilder::ethernet2(A, B).ipv4([172, 16, 0, 1], [172, 16, 0, 2], 9);
        builder.write(&mut bytes, etherparse::IpNumber(4), &inner).unwrap();
        bytes[20..22].copy_from_slice(&flags);
        let mut packet = decode(Link::Ethernet, &bytes);
        fragments.join(&mut packet, &mut ledger);
        assert_eq!((packet.src, packet.tunnel, packet.ttl), (SRC.into(), true, 64));
        if !first {
            assert_eq!(packet.transport, Transport::Ports { protocol: 6, src_port: 1000, dst_port: 2000 });
        }
    }
    assert_eq!((ledger.orphans, ledger.evictions), (0, 0));
}
