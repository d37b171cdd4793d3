use etherparse::{PacketBuilder, TcpHeader};
use proptest::prelude::*;

use super::*;
use crate::capture::{Frame, Link, Skip};

const A: Mac = [2, 0, 0, 0, 0, 0xa];
const B: Mac = [2, 0, 0, 0, 0, 0xb];
const ALL: Mac = [0xff; 6];
const SRC: [u8; 4] = [192, 168, 1, 10];
const DST: [u8; 4] = [10, 0, 0, 1];
const SRC6: [u8; 16] = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
const DST6: [u8; 16] = [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];

fn frame(link: Link, bytes: &[u8], wire_len: usize) -> Frame<'_> {
    Frame { number: 1, time_ns: 5, link, wire_len: wire_len as u32, bytes }
}

fn decode(link: Link, bytes: &[u8]) -> Packet<'_> {
    Packet::decode(&frame(link, bytes, bytes.len()), Tunnels::Inner).unwrap()
}

macro_rules! built {
    ($builder:expr, $payload:expr) => {{
        let (builder, payload): (_, &[u8]) = ($builder, $payload);
        let mut bytes = Vec::new();
        builder.write(&mut bytes, payload).unwrap();
        bytes
    }};
}

mod carried;
mod counted;
mod filtered;
mod flawed;
mod parts;

fn ether(dst: Mac, kind: u16, rest: &[u8]) -> Vec<u8> {
    [&dst[..], &A, &kind.to_be_bytes(), rest].concat()
}

fn tcp_frame(payload: &[u8]) -> Vec<u8> {
    let mut tcp = TcpHeader::new(40_000, 443, 1_000, 8_192);
    (tcp.syn, tcp.ack, tcp.acknowledgment_number) = (true, true, 77);
    tcp.set_options_raw(&[2, 4, 5, 0xb4]).unwrap();
    built!(PacketBuilder::ethernet2(A, B).ipv4(SRC, DST, 64).tcp_header(tcp), payload)
}

fn udp_frame(payload: &[u8]) -> Vec<u8> {
    built!(PacketBuilder::ethernet2(A, ALL).ipv4(SRC, [255; 4], 1).udp(1000, 2000), payload)
}

fn arp(operation: u8, sender: [u8; 4], target: [u8; 4]) -> Vec<u8> {
    [&[0, 1, 8, 0, 6, 4, 0, operation][..], &A, &sender, &[0; 6], &target].concat()
}

/// An IPv6 packet whose extension headers and payload are `rest`.
fn ipv6(next: u8, rest: &[u8]) -> Vec<u8> {
    [&[0x60, 0, 0, 0][..], &(rest.len() as u16).to_be_bytes(), &[next, 9], &SRC6, &DST6, rest].concat()
}

const UDP_10: [u8; 10] = [0x03, 0xe8, 0x07, 0xd0, 0, 10, 0, 0, b'h', b'i'];

#[test]
fn tcp_over_ipv4() {
    let bytes = tcp_frame(b"hello");
    let packet = decode(Link::Ethernet, &bytes);
    let tcp = Tcp { src_port: 40_000, dst_port: 443, seq: 1_000, ack: 77, window: 8_192, flags: TcpFlags(0x12) };
    let expected = Packet {
        time_ns: 5,
        wire_len: 63,
        src: SRC.into(),
        dst: DST.into(),
        src_mac: Some(A),
        dst_mac: Some(B),
        cast: Cast::Unicast,
        network: Network::Ipv4,
        ttl: 64,
        fragment: None,
        vlan: false,
        tunnel: false,
        flaw: None,
        transport: Transport::Tcp(tcp),
        payload_len: 5,
        payload: b"hello",
        app: None,
    };
    assert_eq!(packet, expected);
    assert!(tcp.flags.has(TcpFlags::SYN | TcpFlags::ACK) && !tcp.flags.has(TcpFlags::FIN));
}

#[test]
fn udp_to_all() {
    let bytes = udp_frame(b"hi");
    let packet = decode(Link::Ethernet, &bytes);
    assert_eq!(packet.transport, Transport::Udp { src_port: 1000, dst_port: 2000 });
    assert_eq!((packet.cast, packet.ttl, packet.payload, packet.payload_len), (Cast::Broadcast, 1, &b"hi"[..], 2));
}

#[test]
fn dns_is_found_over_udp_and_tcp() {
    let query = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x03www\x02ab\0\0\x01\0\x01";
    let udp = built!(PacketBuilder::ethernet2(A, B).ipv4(SRC, DST, 64).udp(40_000, 53), query);
    let dns = decode(Link::Ethernet, &udp).app;
    assert!(matches!(dns, Some(App::Dns(dns)) if (dns.response, dns.qtype, dns.name_len) == (false, 1, 6)));
    let segment = [&[0, query.len() as u8][..], query].concat();
    let tcp = built!(PacketBuilder::ethernet2(A, B).ipv4(SRC, DST, 64).tcp(53, 40_000, 1, 1), &segment);
    assert_eq!(decode(Link::Ethernet, &tcp).app, dns);
    let middle = built!(PacketBuilder::ethernet2(A, B).ipv4(SRC, DST, 64).tcp(53, 40_000, 1, 1), query);
    assert_eq!(decode(Link::Ethernet, &middle).app, None);
}

#[test]
fn icmp_of_both_versions() {
    let echo = built!(PacketBuilder::ethernet2(A, B).ipv4(SRC, DST, 64).icmpv4_echo_request(1, 2), b"ping");
    let packet = decode(Link::Ethernet, &echo);
    assert_eq!(packet.transport, Transport::Icmp { v6: false, kind: 8, code: 0 });
    assert_eq!((packet.payload, packet.payload_len), (&b"ping"[..], 4));
    let echo = built!(PacketBuilder::ethernet2(A, B).ipv6(SRC6, DST6, 64).icmpv6_echo_reply(1, 2), b"pong!");
    let packet = decode(Link::Ethernet, &echo);
    assert_eq!(packet.transport, Transport::Icmp { v6: true, kind: 129, code: 0 });
    assert_eq!((packet.network, packet.src, packet.payload_len), (Network::Ipv6, SRC6.into(), 5));
}

#[test]
fn arp_names_hosts_by_their_addresses() {
    let request = ether(ALL, 0x0806, &arp(1, SRC, DST));
    let packet = decode(Link::Ethernet, &request);
    let expected = Arp { operation: 1, sender_mac: A, gratuitous: false };
    assert_eq!((packet.network, packet.transport), (Network::Arp, Transport::Arp(expected)));
    assert_eq!((packet.src, packet.dst, packet.cast), (SRC.into(), DST.into(), Cast::Broadcast));
    assert_eq!((packet.payload_len, packet.flaw), (0, None));
    let announcement = ether(ALL, 0x0806, &arp(2, SRC, SRC));
    assert!(matches!(decode(Link::Ethernet, &announcement).transport, Transport::Arp(arp) if arp.gratuitous));
    // A probe (RFC 5227) has no sender's address yet.
    let probe = ether(ALL, 0x0806, &arp(1, [0; 4], DST));
    assert_eq!(decode(Link::Ethernet, &probe).src, Host::from_mac(A));
    // Of other networks than IPv4 only the frame's own addresses count.
    let mut other = ether(B, 0x0806, &arp(1, SRC, DST));
    other[16] = 9;
    let packet = decode(Link::Ethernet, &other);
    assert_eq!((packet.src, packet.transport, packet.flaw), (Host::from_mac(A), Transport::None, None));
}

#[test]
fn a_host_without_an_address_is_named_by_its_mac() {
    let dhcp = built!(PacketBuilder::ethernet2(A, ALL).ipv4([0; 4], [255; 4], 64).udp(68, 67), b"");
    let packet = decode(Link::Ethernet, &dhcp);
    assert_eq!((packet.src, packet.dst), (Host::from_mac(A), Host::from([255; 4])));
    let lldp = ether([1, 0x80, 0xc2, 0, 0, 0xe], 0x88cc, &[0; 40]);
    let packet = decode(Link::Ethernet, &lldp);
    assert_eq!((packet.src, packet.network), (Host::from_mac(A), Network::Other(0x88cc)));
    assert_eq!((packet.cast, packet.transport, packet.flaw), (Cast::Multicast, Transport::None, None));
    let anonymous = built!(PacketBuilder::ipv4([0; 4], DST, 64).udp(68, 67), b"");
    assert_eq!(decode(Link::RawIp, &anonymous).src, Host::from_mac([0; 6]));
}

#[test]
fn every_link_carries_the_same_ip() {
    let ip = built!(PacketBuilder::ipv4(SRC, [224, 0, 0, 251], 3).udp(5, 6), b"abc");
    let sll = [&[0, 2, 0, 1, 0, 6][..], &A, &[0, 0, 8, 0], &ip].concat();
    let sll2 = [&[8, 0, 0, 0, 0, 0, 0, 9, 0, 1, 4, 6][..], &A, &[0, 0], &ip].concat();
    let whole = ether([1, 0, 0x5e, 0, 0, 0xfb], 0x0800, &ip);
    let tagged = [&whole[..12], &[0x88, 0xa8, 0, 1, 0x81, 0, 0, 2], &whole[12..]].concat();
    let (ppp, compressed) = ([&[0xff, 3, 0, 0x21], &ip[..]].concat(), [&[0x21], &ip[..]].concat());
    let hdlc = [&[0x0f, 0, 8, 0], &ip[..]].concat();
    let len = (ip.len() + 4) as u16;
    let logged =
        |mark: [u8; 8], [a, b]: [u8; 2], kind: [u8; 2]| [&[2, 0, 0, 0][..], &mark, &[a, b], &kind, &ip, &[0]].concat();
    let nflog = logged([5, 0, 10, 0, 0, 0, 0, 0], len.to_le_bytes(), [9, 0]);
    let nflog_big = logged([0, 5, 0, 10, 0, 0, 0, 0], len.to_be_bytes(), [0, 9]);
    let (linux, freebsd) = ([&[2, 0, 0, 0], &ip[..]].concat(), [&[0, 0, 0, 2], &ip[..]].concat());
    for (link, bytes, mac) in [
        (Link::Ethernet, &whole, Some(A)),
        (Link::Ethernet, &tagged, Some(A)),
        (Link::RawIp, &ip, None),
        (Link::LinuxSll, &sll, Some(A)),
        (Link::LinuxSll2, &sll2, Some(A)),
        (Link::BsdLoopback, &linux, None),
        (Link::BsdLoopback, &freebsd, None),
        (Link::Ppp, &ppp, None),
        (Link::Ppp, &compressed, None),
        (Link::CiscoHdlc, &hdlc, None),
        (Link::Nflog, &nflog, None),
        (Link::Nflog, &nflog_big, None),
    ] {
        let packet = decode(link, bytes);
        assert_eq!((packet.src, packet.src_mac, packet.network), (SRC.into(), mac, Network::Ipv4), "{link:?}");
        assert_eq!(packet.transport, Transport::Udp { src_port: 5, dst_port: 6 }, "{link:?}");
        assert_eq!((packet.cast, packet.flaw, packet.payload), (Cast::Multicast, None, &b"abc"[..]), "{link:?}");
        assert_eq!(packet.vlan, *bytes == tagged);
        assert_eq!(packet.dst_mac.is_some(), link == Link::Ethernet);
    }
    let echo = decode(Link::Ppp, &[0xff, 3, 0xc0, 0x21, 9, 1, 0, 4]);
    assert_eq!((echo.network, echo.flaw), (Network::Other(0x880b), None), "PPP's own");
    for endless in [&[2, 0, 0, 0, 0, 0, 1, 0][..], &[2, 0, 0, 0, 8, 0, 1, 0, 0, 0, 0, 0]] {
        assert_eq!(Packet::decode(&frame(Link::Nflog, endless, 60), Tunnels::Inner), Err(Skip::ShortFrame));
    }
    let six = [&[30, 0, 0, 0][..], &ipv6(17, &UDP_10)].concat();
    assert_eq!(decode(Link::BsdLoopback, &six).network, Network::Ipv6);
    assert_eq!(Packet::decode(&frame(Link::Other(105), &whole, 60), Tunnels::Inner), Err(Skip::UnknownLink));
}

#[test]
fn padding_behind_a_short_packet_is_no_payload() {
    let mut bytes = udp_frame(b"hi");
    bytes.resize(60, 0);
    let packet = decode(Link::Ethernet, &bytes);
    assert_eq!((packet.payload, packet.payload_len, packet.flaw), (&b"hi"[..], 2, None));
    // Nor what lies between the end of the UDP and of the IP packet.
    bytes[17] += 5;
    let packet = decode(Link::Ethernet, &bytes);
    assert_eq!((packet.payload, packet.payload_len, packet.flaw), (&b"hi"[..], 2, None));
}

#[test]
fn a_length_that_the_card_was_to_fill_in_is_that_of_the_wire() {
    let mut bytes = tcp_frame(&[1; 3000]);
    bytes[16..18].fill(0);
    let packet = Packet::decode(&frame(Link::Ethernet, &bytes[..100], bytes.len()), Tunnels::Inner).unwrap();
    assert_eq!((packet.payload_len, packet.payload.len(), packet.flaw), (3000, 42, None));
    let mut six = ipv6(17, &UDP_10);
    six[4..6].fill(0);
    assert_eq!(decode(Link::RawIp, &six).payload, b"hi");
}

#[test]
fn only_the_first_fragment_has_a_transport_header() {
    let mut bytes = udp_frame(&[1; 16]);
    bytes[39] = 200; // the UDP length counts the fragments to come
    bytes[20] = 0x20; // more fragments
    let packet = decode(Link::Ethernet, &bytes);
    assert!(
        packet.fragment.is_some_and(|part| part.first) && packet.flaw.is_none() && packet.transport != Transport::None
    );
    assert_eq!(packet.payload_len, 16);
    bytes[20..22].copy_from_slice(&[0, 3]);
    let packet = decode(Link::Ethernet, &bytes);
    assert_eq!((packet.fragment.is_some(), packet.transport, packet.payload_len), (true, Transport::None, 0));

    for (offset, fragment, transport) in [
        ([0, 1], true, Transport::Udp { src_port: 1000, dst_port: 2000 }),
        ([0, 8], true, Transport::None),
        ([0, 0], false, Transport::Udp { src_port: 1000, dst_port: 2000 }),
    ] {
        let bytes = ipv6(44, &[&[17, 0, offset[0], offset[1], 0, 0, 0, 9], &UDP_10[..]].concat());
        let packet = decode(Link::RawIp, &bytes);
        assert_eq!((packet.fragment.is_some(), packet.transport), (fragment, transport), "{offset:?}");
    }
}

#[test]
fn extension_headers_are_passed_over() {
    let hop_by_hop = [60, 0, 5, 2, 0, 0, 1, 0];
    let options = [51, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let authentication = [17, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1];
    let bytes = ipv6(0, &[&hop_by_hop[..], &options, &authentication, &UDP_10].concat());
    let packet = decode(Link::RawIp, &bytes);
    assert_eq!((packet.transport, packet.payload), (Transport::Udp { src_port: 1000, dst_port: 2000 }, &b"hi"[..]));
    assert_eq!((packet.ttl, packet.cast, packet.flaw), (9, Cast::Multicast, None));
    let nothing = ipv6(59, &[]);
    assert_eq!(decode(Link::RawIp, &nothing).transport, Transport::Other(59));
}

#[test]
fn other_protocols_carry_what_ip_carries() {
    let mut gre = built!(PacketBuilder::ipv4(SRC, DST, 64).udp(1, 2), b"hi");
    gre[9] = 47;
    let packet = decode(Link::RawIp, &gre);
    assert_eq!((packet.transport, packet.payload_len), (Transport::Other(47), 10));
}

#[test]
fn headers_that_lie_are_flawed_and_used() {
    let flaw = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = tcp_frame(b"hello");
        change(&mut bytes);
        let packet = decode(Link::Ethernet, &bytes);
        (packet.flaw, matches!(packet.transport, Transport::Tcp(_)), packet.payload_len)
    };
    assert_eq!(flaw(&|_| ()), (None, true, 5));
    // A total length that the frame does not have; one shorter than its own header.
    assert_eq!(flaw(&|bytes| bytes[17] += 1), (Some(Flaw::IpTooLong), true, 5));
    assert_eq!(flaw(&|bytes| bytes[17] = 19), (Some(Flaw::IpTooShort), true, 5));
    // A total length that leaves no room for the TCP header.
    assert_eq!(flaw(&|bytes| bytes[17] = 30), (Some(Flaw::ShortTransportHeader), false, 0));
    // An IPv4 header of 16 bytes; IPv6 where the EtherType says IPv4.
    assert_eq!(flaw(&|bytes| bytes[14] = 0x44), (Some(Flaw::IpHeaderLength), false, 0));
    assert_eq!(flaw(&|bytes| bytes[14] = 0x65), (Some(Flaw::IpVersion), false, 0));
    // A TCP header of 16 bytes; of 60, which are not there.
    assert_eq!(flaw(&|bytes| bytes[46] = 0x40), (Some(Flaw::DataOffset), true, 0));
    assert_eq!(flaw(&|bytes| bytes[46] = 0xf0), (Some(Flaw::TcpOptions), true, 0));
}

#[test]
fn options_that_are_cut_off_do_not_take_the_rest_along() {
    let bytes = tcp_frame(b"hello");
    let packet = Packet::decode(&frame(Link::Ethernet, &bytes[..54], bytes.len()), Tunnels::Inner).unwrap();
    assert!(matches!(packet.transport, Transport::Tcp(tcp) if tcp.window == 8_192));
    assert_eq!((packet.flaw, packet.payload_len, packet.payload), (Some(Flaw::Cut), 5, &b""[..]));

    let mut bytes = bytes;
    bytes[14] = 0x46;
    let packet = Packet::decode(&frame(Link::Ethernet, &bytes[..36], bytes.len()), Tunnels::Inner).unwrap();
    assert_eq!((packet.src, packet.dst, packet.ttl), (SRC.into(), DST.into(), 64));
    assert_eq!((packet.flaw, packet.transport), (Some(Flaw::Cut), Transport::None));
}

fn samples() -> Vec<(Link, Vec<u8>)> {
    let ip = built!(PacketBuilder::ipv4(SRC, DST, 3).udp(5, 53), b"\0\0\x01\0\0\x01\0\0\0\0\0\0\x03www\0\0\x01\0\x01");
    let whole = ether(B, 0x0800, &ip);
    let extended = ipv6(0, &[&[44, 0, 5, 2, 0, 0, 1, 0, 17, 0, 0, 1, 0, 0, 0, 9], &UDP_10[..]].concat());
    let mut optional = ip.clone();
    optional[0] = 0x48;
    vec![
        (Link::Ethernet, tcp_frame(b"hello")),
        (Link::Ethernet, udp_frame(b"hello")),
        (Link::Ethernet, ether(B, 0x0806, &arp(1, SRC, DST))),
        (Link::Ethernet, ether(B, 0x86dd, &extended)),
        (Link::Ethernet, [&whole[..12], &[0x81, 0, 0, 2], &whole[12..]].concat()),
        (Link::Ethernet, built!(PacketBuilder::ethernet2(A, B).ipv6(SRC6, DST6, 9).icmpv6_echo_reply(1, 2), b"x")),
        (Link::RawIp, built!(PacketBuilder::ipv4(SRC, DST, 9).icmpv4_echo_request(1, 2), b"x")),
        (Link::RawIp, optional),
        (Link::RawIp, ip.clone()),
        (Link::RawIp, ipv6(51, &[&[17, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1][..], &UDP_10].concat())),
        (Link::LinuxSll, [&[0, 0, 0, 1, 0, 6][..], &A, &[0, 0, 8, 0], &ip].concat()),
        (Link::LinuxSll2, [&[8, 0, 0, 0, 0, 0, 0, 9, 0, 1, 0, 6][..], &A, &[0, 0], &ip].concat()),
        (Link::BsdLoopback, [&[2, 0, 0, 0], &ip[..]].concat()),
    ]
}

#[test]
fn a_frame_cut_at_any_length_is_used_as_far_as_it_goes() {
    let shims = carried::samples().into_iter().take(9);
    for (link, bytes) in samples().into_iter().chain(shims) {
        let whole = decode(link, &bytes);
        let payload_at = bytes.len() - whole.payload.len();
        for len in 0..=bytes.len() {
            let told = format!("{link:?} cut at {len} of {bytes:?}");
            // Cut by the snap length: what was on the wire is known.
            match Packet::decode(&frame(link, &bytes[..len], bytes.len()), Tunnels::Inner) {
                Err(skip) => assert_eq!(skip, Skip::ShortFrame, "{told}"),
                Ok(cut) => {
                    assert_eq!(cut.flaw.is_some(), len < payload_at || whole.flaw.is_some(), "{told}");
                    assert!(whole.flaw.is_some() || !cut.flaw.is_some_and(Flaw::is_length), "{told}");
                    assert!(whole.payload.starts_with(cut.payload), "{told}");
                    if cut.flaw == whole.flaw {
                        let (payload, app) = (whole.payload, whole.app);
                        assert_eq!(Packet { payload, app, ..cut }, whole, "{told}");
                    }
                }
            }
            // Cut before it was captured: the headers lie.
            match Packet::decode(&frame(link, &bytes[..len], len), Tunnels::Inner) {
                Err(skip) => assert_eq!(skip, Skip::ShortFrame, "{told}"),
                Ok(short) => assert_eq!(short.flaw.is_none(), len == bytes.len() && whole.flaw.is_none(), "{told}"),
            }
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_make_decoding_panic(
        sample in 0..13 + 9 + 26_usize,
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        len in any::<prop::sample::Index>(),
        wire_len in 0..3000_usize,
    ) {
        let (link, mut bytes) = samples().into_iter().chain(carried::samples()).nth(sample).unwrap();
        for (index, byte) in flips {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        let len = len.index(bytes.len() + 1);
        if let Ok(packet) = Packet::decode(&frame(link, &bytes[..len], wire_len), Tunnels::Inner) {
            prop_assert!(packet.payload.len() <= packet.payload_len as usize);
            prop_assert!(packet.payload_len as usize <= len.max(wire_len));
        }
    }
}
