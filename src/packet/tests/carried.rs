//! Packets behind shims and inside tunnels.

use super::*;

/// From SRC, port 1000 to DST, port 2000: "hi".
fn plain() -> Vec<u8> {
    built!(PacketBuilder::ipv4(SRC, DST, 64).udp(1000, 2000), b"hi")
}

fn six() -> Vec<u8> {
    ipv6(17, &UDP_10)
}

/// The MACs of a packet inside a tunnel.
const C: Mac = [2, 0, 0, 0, 0, 0xc];
const D: Mac = [2, 0, 0, 0, 0, 0xd];

fn inner_frame() -> Vec<u8> {
    [&D[..], &C, &[8, 0], &plain()].concat()
}

/// A datagram between the tunnel's ends.
fn udp(port: u16, header: &[u8], inner: &[u8]) -> Vec<u8> {
    let builder = PacketBuilder::ethernet2(A, B).ipv4([172, 16, 0, 1], [172, 16, 0, 2], 64).udp(50_000, port);
    built!(builder, &[header, inner].concat())
}

/// An IP packet of another protocol between the tunnel's ends.
fn ip(protocol: u8, header: &[u8], inner: &[u8]) -> Vec<u8> {
    let payload = [header, inner].concat();
    let builder = PacketBuilder::ethernet2(A, B).ipv4([172, 16, 0, 1], [172, 16, 0, 2], 64);
    let mut bytes = Vec::new();
    builder.write(&mut bytes, etherparse::IpNumber(protocol), &payload).unwrap();
    bytes
}

const ERSPAN_III: [u8; 20] = [0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];

/// A header of service chains with all its contexts.
fn chain(next: u8) -> Vec<u8> {
    [&[0x0f, 0xc6, 1, next][..], &[0; 20]].concat()
}

const SHIM: [(&str, u16, &[u8]); 13] = [
    ("VLAN", 0x8100, &[0, 1, 8, 0]),
    ("802.1ad", 0x88a8, &[0, 1, 0x81, 0, 0, 2, 8, 0]),
    ("older stacked VLAN", 0x9100, &[0, 1, 0x92, 0, 0, 1, 0x81, 0, 0, 2, 8, 0]),
    ("MPLS", 0x8847, &[0, 1, 1, 64]),
    ("MPLS of three labels", 0x8848, &[0, 1, 0, 64, 0, 1, 0, 64, 0, 1, 1, 64]),
    ("PPPoE", 0x8864, &[0x11, 0, 0, 1, 0, 32, 0, 0x21]),
    ("MPLS over PPPoE", 0x8864, &[0x11, 0, 0, 1, 0, 36, 2, 0x81, 0, 1, 1, 64]),
    ("SNAP", 38, &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0]),
    ("VN-Tag in a VLAN", 0x8100, &[0, 1, 0x89, 0x26, 0, 0, 0, 0, 8, 0]),
    ("security group", 0x8909, &[1, 1, 0, 1, 0, 2, 8, 0]),
    ("MACsec", 0x88e5, &[0, 0, 0, 0, 0, 1, 8, 0]),
    ("MACsec with its channel", 0x88e5, &[0x20, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0xa, 0, 1, 8, 0]),
    ("PPPoE in a VLAN", 0x8100, &[0, 1, 0x88, 0x64, 0x11, 0, 0, 1, 0, 32, 0, 0x21]),
];

/// Every tunnel, with what it carries: a frame of Ethernet, IPv4 or IPv6.
fn tunnels() -> Vec<(&'static str, Vec<u8>, u8)> {
    let pseudowire = |stack: &[u8]| ether(B, 0x8847, &[stack, &inner_frame()].concat());
    let vlan_frame = [&D[..], &C, &[0x81, 0, 0, 1, 8, 0], &plain()].concat();
    let ppp: &[u8] = &[0x30, 0x81, 0x88, 0x0b, 0, 32, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1];
    let gtp_extended = [0x34, 255, 0, 38, 0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0x10, 1, 0];
    let gre_nested = ip(47, &[0, 0, 8, 0], &udp(4789, &[8, 0, 0, 0, 0, 0, 1, 0], &inner_frame())[14..]);
    vec![
        ("IP in IP", ip(4, &[], &plain()), 4),
        ("6in4", ip(41, &[], &six()), 6),
        ("GRE", ip(47, &[0, 0, 8, 0], &plain()), 4),
        ("GRE with IPv6", ip(47, &[0, 0, 0x86, 0xdd], &six()), 6),
        ("GRE with checksum, key and sequence", ip(47, &[&[0xb0, 0, 8, 0][..], &[9; 12]].concat(), &plain()), 4),
        ("GRE with a key and Ethernet", ip(47, &[0x20, 0, 0x65, 0x58, 0, 0, 0, 1], &inner_frame()), 2),
        ("GRE with MPLS", ip(47, &[0, 0, 0x88, 0x47, 0, 1, 1, 64], &plain()), 4),
        ("PPTP", ip(47, &[ppp, &[0xff, 3, 0, 0x21]].concat(), &plain()), 4),
        ("PPTP, compressed", ip(47, &[ppp, &[0x57]].concat(), &six()), 6),
        ("ERSPAN I", ip(47, &[0, 0, 0x88, 0xbe], &inner_frame()), 2),
        ("ERSPAN II", ip(47, &[&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1][..], &[0x10; 8]].concat(), &inner_frame()), 2),
        ("ERSPAN III", ip(47, &[&[0x10, 0, 0x22, 0xeb, 0, 0, 0, 1][..], &ERSPAN_III].concat(), &inner_frame()), 2),
        ("GRE over UDP", udp(4754, &[0, 0, 8, 0], &plain()), 4),
        ("MPLS over UDP", udp(6635, &[0, 1, 1, 64], &plain()), 4),
        ("VXLAN", udp(4789, &[8, 0, 0, 0, 0, 0, 1, 0], &inner_frame()), 2),
        ("VXLAN of Linux, with a VLAN", udp(8472, &[8, 0, 0, 0, 0, 0, 1, 0], &vlan_frame), 2),
        ("VXLAN-GPE", udp(4790, &[0x0c, 0, 0, 1, 0, 0, 1, 0], &plain()), 4),
        ("Geneve", udp(6081, &[0, 0, 0x65, 0x58, 0, 0, 1, 0], &inner_frame()), 2),
        ("Geneve with options", udp(6081, &[&[2, 0, 8, 0, 0, 0, 1, 0][..], &[1; 8]].concat(), &plain()), 4),
        ("GTP-U", udp(2152, &[0x30, 255, 0, 30, 0, 0, 0, 1], &plain()), 4),
        ("GTP-U with an extension", udp(2152, &gtp_extended, &plain()), 4),
        ("Teredo", udp(3544, &[], &six()), 6),
        ("Teredo with its indications", udp(3544, &[&[0, 1, 0, 0][..], &[7; 9], &[0; 8]].concat(), &six()), 6),
        ("Ethernet over MPLS", pseudowire(&[0, 1, 1, 64]), 2),
        ("Ethernet over MPLS, controlled", pseudowire(&[0, 1, 0, 64, 0, 1, 1, 64, 0, 0, 0, 9]), 2),
        ("VXLAN in GRE", gre_nested, 2),
        ("VXLAN that says what it carries", udp(4789, &[0x0c, 0, 0, 3, 0, 0, 1, 0], &inner_frame()), 2),
        (
            "VXLAN-GPE with a service chain",
            udp(4790, &[&[0x0c, 0, 0, 4, 0, 0, 1, 0][..], &chain(3)].concat(), &inner_frame()),
            2,
        ),
        ("a service chain", ether(B, 0x894f, &[&chain(1)[..], &plain()].concat()), 4),
        ("LISP", udp(4341, &[0x80, 0, 0, 1, 0, 0, 0, 0], &plain()), 4),
        ("L2TP", udp(1701, &[0, 2, 0, 1, 0, 1, 0xff, 3, 0, 0x21], &plain()), 4),
        (
            "L2TP with all it may have",
            udp(1701, &[0x4a, 2, 0, 60, 0, 1, 0, 1, 0, 0, 0, 0, 0, 2, 9, 9, 0, 0x57], &six()),
            6,
        ),
        ("WCCP", ip(47, &[0, 0, 0x88, 0x3e], &plain()), 4),
        ("WCCP with its header", ip(47, &[0, 0, 0x88, 0x3e, 5, 0x59, 0, 9], &plain()), 4),
        ("Ethernet in IP", ip(143, &[], &inner_frame()), 2),
        ("EtherIP", ip(97, &[0x30, 0], &inner_frame()), 2),
        ("PIM", ip(103, &[0x21, 0, 0, 0, 0, 0, 0, 0], &plain()), 4),
        ("a backbone", ether(B, 0x88e7, &[&[0, 0, 0, 1][..], &inner_frame()].concat()), 2),
        ("FabricPath", ether(B, 0x8903, &[&[0, 0][..], &inner_frame()].concat()), 2),
    ]
}

#[test]
fn shims_are_taken_off() {
    for (name, kind, shim) in SHIM {
        let mut bytes = ether(B, kind, &[shim, &plain()].concat());
        bytes.extend([0; 16]); // a short frame's padding, or MACsec's checksum
        for tunnels in [Tunnels::Inner, Tunnels::Outer] {
            let packet = Packet::decode(&frame(Link::Ethernet, &bytes, bytes.len()), tunnels).unwrap();
            assert_eq!((packet.src, packet.dst, packet.payload), (SRC.into(), DST.into(), &b"hi"[..]), "{name}");
            assert_eq!((packet.src_mac, packet.flaw, packet.tunnel), (Some(A), None, false), "{name}");
            assert_eq!(packet.vlan, name.contains("VLAN") || name == "802.1ad", "{name}");
        }
    }
    // IPv6 behind PPPoE and MPLS.
    let session = ether(B, 0x8864, &[&[0x11, 0, 0, 1, 0, 52, 0, 0x57][..], &six()].concat());
    assert_eq!(decode(Link::Ethernet, &session).network, Network::Ipv6);
    let labelled = ether(B, 0x8847, &[&[0, 1, 1, 64][..], &six()].concat());
    assert_eq!(decode(Link::Ethernet, &labelled).network, Network::Ipv6);
}

#[test]
fn what_shims_carry_beside_ip_keeps_their_number() {
    for (kind, bytes) in [
        (0x8864, &[0x11, 0, 0, 1, 0, 6, 0xc0, 0x21, 9, 1, 0, 4][..]), // PPPoE: an echo of LCP
        (0x8863, &[0x11, 9, 0, 0, 0, 4, 1, 1, 0, 0]),                 // PPPoE: discovery
        (0x8847, &[0, 1, 1, 64, 0x10, 0, 0, 0x21, 1, 2, 3, 4]),       // MPLS: an associated channel
        (38, &[0x42, 0x42, 3, 0, 0, 0, 0, 0, 0, 0]),                  // LLC: spanning tree
        (8, &[0xaa, 0xaa, 3, 0, 0, 0xc, 0x20, 0]),                    // SNAP: Cisco's discovery
        (0, &[0; 46]),                                                // a length of nothing
    ] {
        let bytes = ether(B, kind, bytes);
        let packet = decode(Link::Ethernet, &bytes);
        assert_eq!((packet.network, packet.flaw, packet.tunnel), (Network::Other(kind), None, false), "{kind:x}");
    }
}

/// Found by fuzzing: cut before its LLC, a frame of spanning tree was said to lack the SNAP header that it does not have.
#[test]
fn a_cut_frame_is_not_blamed_for_a_header_that_it_may_not_have() {
    let bytes = ether(B, 38, &[0x42, 0x42, 3, 0]);
    for len in 14..=bytes.len() {
        let packet = Packet::decode(&frame(Link::Ethernet, &bytes[..len], bytes.len()), Tunnels::Inner).unwrap();
        assert_eq!(packet.flaw, (len == 14).then_some(Flaw::Cut), "cut at {len}");
    }
}

#[test]
fn tunnels_are_peeled_or_not() {
    for (name, bytes, carries) in tunnels() {
        let frame = frame(Link::Ethernet, &bytes, bytes.len());
        let inner = Packet::decode(&frame, Tunnels::Inner).unwrap();
        let (src, dst): (Host, Host) = if carries == 6 { (SRC6.into(), DST6.into()) } else { (SRC.into(), DST.into()) };
        assert_eq!((inner.src, inner.dst, inner.tunnel, inner.flaw), (src, dst, true, None), "{name}");
        assert_eq!(inner.transport, Transport::Udp { src_port: 1000, dst_port: 2000 }, "{name}");
        assert_eq!((inner.payload, inner.payload_len), (&b"hi"[..], 2), "{name}");
        let macs = if carries == 2 { (Some(C), Some(D)) } else { (Some(A), Some(B)) };
        assert_eq!((inner.src_mac, inner.dst_mac), macs, "{name}");
        assert_eq!(inner.cast == Cast::Multicast, carries == 6, "{name}");
        assert_eq!((inner.wire_len as usize, inner.vlan), (bytes.len(), name.contains("VLAN")), "{name}");

        let outer = Packet::decode(&frame, Tunnels::Outer).unwrap();
        assert_eq!((outer.src_mac, outer.tunnel, outer.flaw), (Some(A), false, None), "{name}");
        if let Network::Other(kind) = outer.network {
            assert_eq!((outer.src, &kind.to_be_bytes()[..]), (Host::from_mac(A), &bytes[12..14]), "{name}");
        } else {
            assert_eq!(outer.src, Host::from([172, 16, 0, 1]), "{name}");
        }
    }
}

#[test]
fn a_tunnel_cut_anywhere_gives_the_inner_or_the_outer_packet() {
    for (name, bytes, _) in tunnels() {
        let whole = decode(Link::Ethernet, &bytes);
        let mut peeled = false;
        for len in 14..=bytes.len() {
            let cut = Packet::decode(&frame(Link::Ethernet, &bytes[..len], bytes.len()), Tunnels::Inner).unwrap();
            let outer = Packet::decode(&frame(Link::Ethernet, &bytes[..len], bytes.len()), Tunnels::Outer).unwrap();
            let told = format!("{name} cut at {len}");
            if cut.src == whole.src {
                peeled = true;
                assert!(cut.tunnel && cut.dst == whole.dst && !cut.flaw.is_some_and(Flaw::is_length), "{told}");
            } else if name != "VXLAN in GRE" {
                assert!(!peeled, "{told}: what is longer says more");
                assert_eq!(cut, outer, "{told}");
            }
        }
        assert!(peeled, "{name}");
    }
}

#[test]
fn what_only_looks_like_a_tunnel_stays_what_it_is() {
    for (name, bytes) in [
        ("no VXLAN network", udp(4789, &[0, 0, 0, 0, 0, 0, 1, 0], &inner_frame())),
        ("a VXLAN port in a DNS answer", udp(4789, b"\x12\x34\x81\x80\0\x01\0\x01\0\0\0\0\x03www", b"")),
        ("Geneve of another version", udp(6081, &[0x40, 0, 0x65, 0x58, 0, 0, 1, 0], &inner_frame())),
        ("an echo of GTP-U", udp(2152, &[0x32, 1, 0, 4, 0, 0, 0, 0, 0, 1, 0, 0], b"")),
        ("an endless extension of GTP-U", udp(2152, &[0x34, 255, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0x85, 0], &plain())),
        ("GRE with routing", ip(47, &[0x40, 0, 8, 0], &plain())),
        ("PPTP's acknowledgement", ip(47, &[0x20, 0x81, 0x88, 0x0b, 0, 0, 0, 1, 0, 0, 0, 1], b"")),
        ("GRE with what nobody knows", ip(47, &[0, 0, 0x12, 0x34], &plain())),
        ("IP in IP without IP", ip(4, &[], &[0xff; 30])),
        ("IPv4 that is too short", ip(4, &[], &[0x45; 12])),
        ("GRE that says IPv4 of IPv6", ip(47, &[0, 0, 8, 0], &six())),
        ("Teredo of IPv4", udp(3544, &[], &plain())),
        ("a control message of L2TP", udp(1701, &[0xc8, 2, 0, 12, 0, 1, 0, 0, 0, 0, 0, 0], &plain())),
        ("L2TP of another version", udp(1701, &[0, 3, 0, 1, 0, 1, 0xff, 3, 0, 0x21], &plain())),
        ("PIM's register of nothing", ip(103, &[0x21, 0, 0, 0, 0x40, 0, 0, 0], &plain())),
        ("PIM's greeting", ip(103, &[0x20, 0, 0, 0, 0, 0, 0, 0], &plain())),
        ("MACsec with a secret", ether(B, 0x88e5, &[&[0x0c, 0, 0, 0, 0, 1, 8, 0][..], &plain(), &[0; 16]].concat())),
        ("a service chain without end", ether(B, 0x894f, &[&[0, 1, 1, 1][..], &plain()].concat())),
        ("an empty datagram", udp(4789, &[], &[])),
    ] {
        let frame = frame(Link::Ethernet, &bytes, bytes.len());
        let outer = Packet::decode(&frame, Tunnels::Outer);
        assert_eq!(Packet::decode(&frame, Tunnels::Inner), outer, "{name}");
    }
}

#[test]
fn a_frame_of_ppp_that_is_cut_in_front_of_its_protocol_is_short() {
    let bytes = [&[0xff, 3, 0, 0x21], &plain()[..]].concat();
    for len in 0..=bytes.len() {
        let cut = Packet::decode(&frame(Link::Ppp, &bytes[..len], bytes.len()), Tunnels::Inner);
        assert_eq!(cut.is_err(), len < 4, "cut at {len}: {cut:?}");
    }
}

/// A fuzzer's find: of the byte that the capture left out nobody can say that it was half a protocol's number.
#[test]
fn a_session_that_is_cut_in_front_of_a_compressed_protocol_is_not_called_short() {
    let bytes = ether(B, 0x8864, &[0x11, 0, 0, 1, 0, 1, 0x21]);
    let flaw =
        |len: usize| Packet::decode(&frame(Link::Ethernet, &bytes[..len], bytes.len()), Tunnels::Outer).unwrap().flaw;
    assert_eq!(flaw(bytes.len()), Some(Flaw::ShortIpHeader), "a whole frame, without a packet");
    assert_eq!(flaw(bytes.len() - 1), Some(Flaw::Cut));
}

#[test]
fn peeling_has_an_end() {
    let mut bytes = plain();
    for depth in 1..=9 {
        let mut around = Vec::new();
        let builder = PacketBuilder::ipv4([172, 16, 0, depth], [172, 16, 0, 100], 64);
        builder.write(&mut around, etherparse::IpNumber(4), &bytes).unwrap();
        bytes = around;
    }
    let packet = decode(Link::RawIp, &bytes);
    assert_eq!((packet.src, packet.tunnel), (Host::from([172, 16, 0, 1]), true));
}

#[test]
fn a_fragmented_tunnel_shows_its_inner_packet_in_the_first_part() {
    let inner = built!(PacketBuilder::ipv4(SRC, DST, 64).udp(1000, 2000), &[1; 1000]);
    let mut bytes = ip(47, &[0, 0, 8, 0], &inner[..500]);
    bytes[20] = 0x20; // more fragments
    let packet = decode(Link::Ethernet, &bytes);
    assert_eq!((packet.src, packet.flaw, packet.payload_len), (SRC.into(), None, 472));
    let part = packet.fragment.unwrap();
    assert_eq!((part.src, part.protocol, part.first), (Host::from([172, 16, 0, 1]), 47, true));
}

#[test]
fn ports_stand_first_in_other_protocols_too() {
    let header = [0x0b, 0xb8, 0x0f, 0xa0, 4, 0, 0, 0, 0, 0, 0, 0];
    for (protocol, header_len) in [(132, 12), (136, 8), (33, 16)] {
        let bytes = ip(protocol, &header, &[7; 20]);
        let packet = decode(Link::Ethernet, &bytes);
        assert_eq!(packet.transport, Transport::Ports { protocol, src_port: 3000, dst_port: 4000 });
        assert_eq!((packet.payload_len, packet.flaw), (32 - header_len, None), "{protocol}");
    }
    let dccp = ip(33, &header[..4], &[1; 20]);
    assert_eq!(decode(Link::Ethernet, &dccp).flaw, Some(Flaw::DataOffset));
    let short = ip(132, &header[..6], &[]);
    let packet = decode(Link::Ethernet, &short);
    assert_eq!((packet.flaw, packet.payload_len), (Some(Flaw::ShortTransportHeader), 0));
}

/// What is made here, for the tests that cut and spoil frames.
pub(super) fn samples() -> Vec<(Link, Vec<u8>)> {
    let shims = SHIM.into_iter().map(|(_, kind, shim)| ether(B, kind, &[shim, &plain()].concat()));
    shims.chain(tunnels().into_iter().map(|(_, bytes, _)| bytes)).map(|bytes| (Link::Ethernet, bytes)).collect()
}
