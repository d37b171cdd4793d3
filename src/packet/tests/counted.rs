//! The census of headers.

use super::super::Census;
use super::*;

type Counts<'a> = Vec<(&'a str, u64)>;

fn counted(frames: &[(Link, Vec<u8>)]) -> Census {
    let mut census = Census::default();
    for (link, bytes) in frames {
        let packet = census.count(&frame(*link, bytes, bytes.len()));
        assert_eq!(packet, Packet::decode(&frame(*link, bytes, bytes.len()), Tunnels::Inner));
    }
    census
}

#[test]
fn every_header_is_counted_once_a_packet() {
    let inner = ether(B, 0x8100, &[&[0, 1, 0x86, 0xdd][..], &ipv6(17, &UDP_10)].concat());
    let vxlan = [&[8, 0, 0, 0, 0, 0, 1, 0][..], &inner].concat();
    let census = counted(&[
        (Link::Ethernet, tcp_frame(b"hi")),
        (Link::Ethernet, ether(ALL, 0x0806, &arp(1, SRC, DST))),
        (Link::Ethernet, built!(PacketBuilder::ethernet2(A, B).ipv4(SRC, DST, 64).udp(50_000, 4789), &vxlan)),
        (Link::RawIp, built!(PacketBuilder::ipv4(SRC, DST, 64).icmpv4_echo_request(1, 2), b"")),
        (Link::Other(105), tcp_frame(b"")),
        (Link::Ethernet, vec![0; 13]),
    ]);
    let anywhere: Counts<'_> = census.anywhere().into_iter().collect();
    let mut expected = vec![
        ("arp", 1),
        ("ethernet", 3),
        ("icmp", 1),
        ("ipv4", 3),
        ("ipv6", 1),
        ("tcp", 1),
        ("tunnel", 1),
        ("udp", 1),
        ("vlan", 1),
    ];
    assert_eq!(anywhere, expected);
    expected = vec![("ethernet", 1), ("ipv6", 1), ("udp", 1), ("vlan", 1)];
    assert_eq!(census.tunnelled().into_iter().collect::<Counts<'_>>(), expected);
}

#[test]
fn a_flawed_packet_counts_as_far_as_it_goes() {
    let mut part = udp_frame(&[1; 16]);
    part[20] = 0x20; // more fragments
    let mut later = part.clone();
    later[21] = 9;
    let mut long = tcp_frame(b"");
    long[17] += 200;
    let mut wrong = tcp_frame(b"");
    wrong[14] = 0x42;
    let mut census = counted(&[part, later, long, wrong].map(|bytes| (Link::Ethernet, bytes)));
    let cut = tcp_frame(b"");
    census.count(&frame(Link::Ethernet, &cut[..40], cut.len())).unwrap();
    let anywhere: Counts<'_> = census.anywhere().into_iter().collect();
    // The later part has no header of UDP, and of the cut one that of TCP is missing.
    assert_eq!(anywhere, [("ethernet", 5), ("fragment", 2), ("ipv4", 5), ("tcp", 1), ("udp", 1)]);
}
