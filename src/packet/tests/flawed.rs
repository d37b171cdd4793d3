//! What is wrong with headers, each by its reason.

use super::*;

/// A frame for each reason, whole as it was on the wire, and the transport layer that is told all the same.
fn flawed() -> Vec<(Flaw, &'static str, Link, Vec<u8>, &'static str)> {
    let tcp = |at: usize, byte: u8| {
        let mut bytes = tcp_frame(b"hello");
        bytes[at] = byte;
        bytes
    };
    let udp = |len: u8| {
        let mut bytes = udp_frame(b"hi");
        bytes[39] = len;
        bytes
    };
    let ip = |protocol: u8, rest: &[u8]| {
        let mut bytes = Vec::new();
        let builder = PacketBuilder::ethernet2(A, B).ipv4(SRC, DST, 64);
        builder.write(&mut bytes, etherparse::IpNumber(protocol), rest).unwrap();
        bytes
    };
    // A first fragment of eight bytes, as evasion makes it (RFC 1858, 3): the flags of TCP are in the next.
    let mut tiny = ip(6, &tcp_frame(b"")[34..42]);
    tiny[20] = 0x20;
    let mut six = ether(B, 0x86dd, &ipv6(17, &UDP_10));
    six[19] += 1;
    // Behind the MACs, the EtherType and the tag of a VLAN.
    let tagged = |len: usize| [&ether(B, 0x8100, &[0, 1, 8, 0])[..], &tcp_frame(b"")[14..]].concat()[..len].to_vec();
    use Flaw::*;
    use Link::{Ethernet, Ppp, RawIp};
    vec![
        (ShortLinkHeader, "a VLAN's tag of three bytes", Ethernet, tagged(17), ""),
        (ShortLinkHeader, "no label behind a label", Ethernet, ether(B, 0x8847, &[0, 1, 0, 64]), ""),
        (ShortLinkHeader, "half a header of PPPoE", Ethernet, ether(B, 0x8864, &[0x11, 0, 0]), ""),
        (ShortArp, "a message of 27 bytes", Ethernet, ether(ALL, 0x0806, &arp(1, SRC, DST)[..27]), ""),
        (ShortIpHeader, "19 bytes of IPv4", Ethernet, tcp_frame(b"")[..33].to_vec(), ""),
        (ShortIpHeader, "options of 40 bytes in a packet of 29", RawIp, tcp(14, 0x4f)[14..43].to_vec(), ""),
        (ShortIpHeader, "39 bytes of IPv6", RawIp, ipv6(17, &[])[..39].to_vec(), ""),
        (ShortIpHeader, "an extension header of 16 bytes in 8", RawIp, ipv6(60, &[17, 1, 0, 0, 0, 0, 0, 0]), ""),
        (ShortIpHeader, "an extension header of 3 bytes", RawIp, ipv6(0, &[17, 0, 0]), ""),
        (IpTooLong, "IPv4 of one byte more", Ethernet, tcp(17, 50), "Tcp"),
        (IpTooLong, "IPv6 of one byte more", Ethernet, six, "Udp"),
        (IpTooLong, "IPv4 cut before it was captured", Ethernet, tcp_frame(b"hello")[..60].to_vec(), "Tcp"),
        (ShortTransportHeader, "a total length that leaves TCP ten bytes", Ethernet, tcp(17, 30), ""),
        (ShortTransportHeader, "a tiny fragment", Ethernet, tiny, ""),
        (ShortTransportHeader, "seven bytes of UDP", Ethernet, ip(17, &UDP_10[..7]), ""),
        (ShortTransportHeader, "four bytes of ICMP", Ethernet, ip(1, &[8, 0, 0, 0]), "Icmp"),
        (ShortTransportHeader, "six bytes of SCTP", Ethernet, ip(132, &[0; 6]), "Ports"),
        (TcpOptions, "options of 40 bytes in a segment of 29", Ethernet, tcp(46, 0xf0), "Tcp"),
        (UdpTooLong, "a datagram of 11 bytes in a packet of 10", Ethernet, udp(11), "Udp"),
        (IpVersion, "IPv6 where the EtherType says IPv4", Ethernet, tcp(14, 0x65), ""),
        (IpVersion, "IPv4 where the EtherType says IPv6", Ethernet, ether(B, 0x86dd, &tcp_frame(b"")[14..]), ""),
        (IpVersion, "a version that there is not", RawIp, vec![0x12; 40], ""),
        (IpVersion, "the same behind a label", Ppp, [&[0xff, 3, 0, 0x21], &[0x12; 40][..]].concat(), ""),
        (IpHeaderLength, "an IPv4 header of 16 bytes", Ethernet, tcp(14, 0x44), ""),
        (IpTooShort, "a packet of 19 bytes", Ethernet, tcp(17, 19), "Tcp"),
        (DataOffset, "a TCP header of 16 bytes", Ethernet, tcp(46, 0x40), "Tcp"),
        (DataOffset, "a DCCP header of four bytes", Ethernet, ip(33, &[0, 1, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0]), "Ports"),
        (UdpTooShort, "a datagram of 7 bytes", Ethernet, udp(7), "Udp"),
    ]
}

#[test]
fn every_flaw_is_told_by_its_reason_and_the_packet_is_used() {
    let mut seen = vec![Flaw::Cut];
    for (flaw, what, link, bytes, transport) in flawed() {
        let packet = decode(link, &bytes);
        assert_eq!(packet.flaw, Some(flaw), "{what}");
        let told = format!("{:?}", packet.transport);
        let name = told.split([' ', '(', '{']).next().unwrap();
        assert_eq!(name, if transport.is_empty() { "None" } else { transport }, "{what}");
        // If the capture has cut it, what is missing is no fault of the packet's.
        let cut = Packet::decode(&frame(link, &bytes, bytes.len() + 100), Tunnels::Inner).unwrap().flaw;
        assert!(cut.is_none_or(|other| other == flaw || other == Flaw::Cut), "{what}: {cut:?}");
        seen.push(flaw);
    }
    assert!(Flaw::ALL.iter().all(|flaw| seen.contains(flaw)), "not every reason is tried");
}

#[test]
fn names_of_flaws_are_distinct_and_in_order() {
    let names: std::collections::BTreeSet<&str> = Flaw::ALL.map(Flaw::name).into();
    assert_eq!(names.len(), Flaw::ALL.len());
    assert!(Flaw::ALL.iter().enumerate().all(|(place, &flaw)| flaw as usize == place));
}
