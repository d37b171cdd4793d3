//! Scenes of what happens without ports: on the segment, to groups, and below or beside the usual protocols.

use super::*;

const ALICE: Address = [10, 0, 0, 1];
const BOB: Address = [10, 0, 0, 2];
const DEAD: Address = [10, 0, 0, 99];
const GATEWAY: Address = [10, 0, 0, 254];

pub fn scenes() -> Vec<Scene> {
    vec![pings(), arp_spoofing(), groups(), two_machines_one_address(), odd_protocols()]
}

fn pings() -> Scene {
    Scene {
        story: "a host pings a live neighbour twice and a dead one once; the gateway says that the latter is unreachable",
        packets: vec![
            icmp(0.0, ALICE, BOB, 8),
            icmp(0.1, BOB, ALICE, 0),
            icmp(1.0, ALICE, BOB, 8),
            icmp(1.1, BOB, ALICE, 0),
            icmp(2.0, ALICE, DEAD, 8),
            icmp(5.0, GATEWAY, ALICE, 3),
        ],
        rows: &[
            (
                "10.0.0.1",
                "icmp_packets 6  icmp_echo_requests_out 3  icmp_echo_requests_in 0  icmp_echo_replies 2
                 icmp_errors_out 0  icmp_errors_in 1  peers 3  peers_out 2  peers_in 2  flows 3  flows_out 0  ports_out 0",
            ),
            ("10.0.0.2", "icmp_packets 4  icmp_echo_requests_in 2  icmp_echo_replies 2  icmp_errors_in 0"),
            ("10.0.0.254", "icmp_packets 1  icmp_errors_out 1"),
            // Who asks is the client, and an error is an answer.
            (
                "network",
                "icmp_packets 6  icmp_echo_requests_out 3  icmp_echo_replies 2  icmp_errors_out 1
                 packets_out 3  packets_in 3  peers_in 1  peers_out 3",
            ),
        ],
    }
}

fn arp_spoofing() -> Scene {
    let forged = |at| Packet { src_mac: Some([6; 6]), ..is_at(at, GATEWAY, ALICE) };
    Scene {
        story: "a host asks for a neighbour and for the gateway; another machine twice says that it is the gateway; \
                and a host announces itself",
        packets: vec![
            who_has(0.0, BOB, ALICE),
            is_at(0.1, BOB, ALICE),
            who_has(1.0, GATEWAY, ALICE),
            is_at(1.1, GATEWAY, ALICE),
            forged(1.2),
            forged(3.2),
            who_has(4.0, DEAD, DEAD),
        ],
        rows: &[
            (
                "10.0.0.1",
                "arp_requests 2  arp_replies 0  arp_replies_in 4  arp_unasked_replies 0  arp_gratuitous 0  arp_targets 2
                 broadcast_packets 2  macs_per_address 1",
            ),
            (
                "10.0.0.254",
                "arp_requests 0  arp_replies 3  arp_replies_in 0  arp_unasked_replies 2  macs_per_address 2  ttls 0",
            ),
            ("10.0.0.99", "arp_requests 1  arp_gratuitous 1  arp_targets 0  broadcast_packets 1  peers 0"),
            (
                "network",
                "arp_requests 3  arp_replies 4  arp_unasked_replies 2  arp_gratuitous 1  arp_targets 2
                 broadcast_packets 3  macs_per_address 2  peers 4",
            ),
        ],
    }
}

fn groups() -> Scene {
    let to = |cast, packet| Packet { cast, ..packet };
    Scene {
        story: "a host looks for devices, a server answers a lease to everyone; what goes to groups nobody receives",
        packets: vec![
            to(Cast::Multicast, udp(0.0, (ALICE, 50_000), ([239, 255, 255, 250], 1900), 100)),
            to(Cast::Multicast, udp(0.5, (ALICE, 50_000), ([239, 255, 255, 250], 1900), 100)),
            to(Cast::Broadcast, udp(1.0, (GATEWAY, 67), ([255; 4], 68), 300)),
        ],
        rows: &[
            (
                "10.0.0.1",
                "packets 2  packets_out 2  multicast_packets 2  broadcast_packets 0  flows 1  flows_out 0  peers 0
                 peers_out 0  udp_packets_out 2  udp_unanswered_out 0  peer_entropy 0",
            ),
            ("10.0.0.254", "packets 1  multicast_packets 0  broadcast_packets 1  single_packet_flows 1"),
            (
                "network",
                "packets_out 3  packets_in 0  multicast_packets 2  broadcast_packets 1  peers 2  flows 2  flows_out 0
                 udp_unanswered_out 0",
            ),
        ],
    }
}

fn two_machines_one_address() -> Scene {
    let hijacked = |packet| Packet { src_mac: Some([6; 6]), ttl: 128, ..packet };
    Scene {
        story: "a second machine speaks in a host's name, with another TTL",
        packets: vec![icmp(0.0, ALICE, BOB, 8), icmp(0.1, BOB, ALICE, 0), hijacked(icmp(0.2, ALICE, BOB, 8))],
        rows: &[
            ("10.0.0.1", "macs_per_address 2  ttls 2  peers 1"),
            ("10.0.0.2", "macs_per_address 1  ttls 1"),
            ("network", "macs_per_address 2  ttls 2"),
        ],
    }
}

fn odd_protocols() -> Scene {
    let v6 = |host: u8| -> Host { [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host].into() };
    let neighbours = Packet {
        network: Network::Ipv6,
        transport: Transport::Udp { src_port: 546, dst_port: 547 },
        ..packet(4.0, v6(1), v6(2), 14 + 40 + 8, 20)
    };
    let tunnel = Packet { transport: Transport::Other(47), ..packet(2.0, ALICE, BOB, 34, 100) };
    let discovery = Packet {
        cast: Cast::Multicast,
        network: Network::Other(0x88cc),
        ttl: 0,
        ..packet(3.0, Host::from_mac([2; 6]), Host::from_mac([1, 0x80, 0xc2, 0, 0, 0x0e]), 60, 0)
    };
    let part = |first| Some(Fragment { src: ALICE.into(), dst: BOB.into(), id: 1, protocol: 17, first });
    let first_part = Packet { fragment: part(true), ..udp(0.0, (ALICE, 2049), (BOB, 2049), 1472) };
    // A later fragment has no ports.
    let second_part = Packet { fragment: part(false), payload_len: 0, ..packet(0.1, ALICE, BOB, 34, 500) };
    let cut = Packet { flaw: Some(Flaw::Cut), ..udp(5.0, (ALICE, 2049), (BOB, 2049), 10) };
    let bent = Packet { flaw: Some(Flaw::IpTooLong), ..udp(6.0, (ALICE, 2049), (BOB, 2049), 10) };
    Scene {
        story: "a datagram in two fragments, a tunnel, a frame of link discovery, IPv6, a cut packet and a malformed one",
        packets: vec![first_part, second_part, tunnel, discovery, neighbours, cut, bent],
        rows: &[
            // Three UDP packets and two of other protocols.
            (
                "10.0.0.1",
                "packets 5  fragments 2  other_ip_packets 2  malformed_packets 1  ipv6_packets 0  non_ip_packets 0
                 protocol_entropy 0.970951  flows 2  size_max 1514  large_packets 1",
            ),
            ("02:02:02:02:02:02", "non_ip_packets 1  multicast_packets 1  ttls 0  flows_out 0"),
            ("fe80::1", "ipv6_packets 1  udp_packets_out 1  bytes_out 82  payload_bytes_out 20"),
            // Four UDP packets, two of other protocols, one frame without IP.
            (
                "network",
                "packets 7  fragments 2  other_ip_packets 2  malformed_packets 1  ipv6_packets 1  non_ip_packets 1
                 protocol_entropy 1.378783  peers 5",
            ),
        ],
    }
}
