//! Scenes of conversations between hosts with ports.

use super::*;

const CLIENT: End = ([10, 0, 0, 1], 50_000);
const WEB: End = ([10, 0, 0, 80], 80);
const SCANNER: Address = [10, 0, 0, 66];
const OTHER_BOT: Address = [10, 0, 0, 67];
const VICTIM: Address = [10, 0, 0, 9];
const NEIGHBOUR: Address = [10, 0, 0, 10];
const RESOLVER: End = ([10, 0, 0, 53], 53);

pub fn scenes() -> Vec<Scene> {
    vec![
        web_request(),
        port_scan(),
        sweep_by_two(),
        impossible_flags(),
        reset_connection(),
        unanswered_datagrams(),
        lookups(),
        loopback(),
    ]
}

fn web_request() -> Scene {
    Scene {
        story: "a client fetches a page: handshake, request, answer, and both ends close",
        packets: vec![
            tcp(0.0, CLIENT, WEB, "S", 0),
            tcp(0.1, WEB, CLIENT, "SA", 0),
            tcp(0.2, CLIENT, WEB, "A", 0),
            tcp(0.3, CLIENT, WEB, "PA", 100),
            tcp(1.3, WEB, CLIENT, "PA", 1000),
            tcp(1.4, CLIENT, WEB, "A", 0),
            tcp(1.5, CLIENT, WEB, "FA", 0),
            tcp(1.6, WEB, CLIENT, "FA", 0),
            tcp(1.7, CLIENT, WEB, "A", 0),
        ],
        rows: &[
            // Lengths: seven of 54, one of 154, one of 1054 bytes. Gaps: seven of 0.1 s, one of 1 s.
            (
                "10.0.0.1",
                "packets 9  bytes 1586  packets_out 6  packets_in 3  bytes_out 424  bytes_in 1162
                 payload_bytes_out 100  payload_bytes_in 1000  packets_out_share 6/9  bytes_out_share 424/1586
                 payload_share 1100/1586  broadcast_packets 0  multicast_packets 0
                 size_mean_out 424/6  size_mean_in 1162/3  size_std 311.90375  size_min 54  size_max 1054
                 size_entropy 0.986427  small_packets 7  large_packets 1
                 gap_mean 1.7/8  gap_std 0.297647  gap_max 1  active_seconds 2  busiest_second 5  burstiness 50/9
                 tcp_packets_out 6  tcp_packets_in 3  tcp_syn_out 1  tcp_syn_in 0  tcp_synack_out 0  tcp_synack_in 1
                 tcp_fin_out 1  tcp_fin_in 1  tcp_rst_out 0  tcp_psh_out 1  tcp_psh_in 1  tcp_ack_share 8/9
                 tcp_odd_flags 0  tcp_zero_window 0  tcp_opened_out 1  tcp_opened_in 0  tcp_established_out 1
                 tcp_failed_share_out 0  flows 1  flows_out 1  flows_in 0  single_packet_flows 0  packets_per_flow 9
                 unasked_answers 0  udp_unanswered_out 0  peers 1  peers_out 1  peers_in 1  peer_entropy 0
                 ports_out 1  ports_in 0  port_entropy_out 0  ports_per_peer 1  peers_per_port 1
                 protocol_entropy 0  ttls 1  macs_per_address 1  dns_name_length -  dns_name_entropy -",
            ),
            (
                "10.0.0.80",
                "packets 9  bytes 1586  packets_out 3  packets_in 6  bytes_out 1162  bytes_in 424
                 payload_bytes_out 1000  payload_bytes_in 100  packets_out_share 3/9  size_mean_out 1162/3
                 tcp_syn_in 1  tcp_synack_out 1  tcp_fin_out 1  tcp_fin_in 1  tcp_opened_out 0  tcp_opened_in 1
                 tcp_established_out 0  tcp_established_in 1  tcp_half_open_in 0  tcp_failed_share_out -
                 flows_out 0  flows_in 1  ports_in 1  ports_per_peer_in 1  peers_per_port_in 1",
            ),
            // The network counts the conversation once, from its client's side.
            (
                "network",
                "packets 9  bytes 1586  packets_out 6  packets_in 3  bytes_out 424  bytes_in 1162
                 payload_bytes_out 100  payload_bytes_in 1000  packets_out_share 6/9  bytes_out_share 424/1586
                 payload_share 1100/1586  size_mean_out 424/6  size_mean_in 1162/3  size_std 311.90375  size_min 54
                 size_max 1054  size_entropy 0.986427  small_packets 7  large_packets 1
                 gap_mean 1.7/8  gap_std 0.297647  gap_max 1  active_seconds 2  busiest_second 5  burstiness 50/9
                 tcp_packets_out 6  tcp_packets_in 3  tcp_syn_out 1  tcp_synack_out 1  tcp_fin_out 1  tcp_fin_in 1
                 tcp_psh_out 1  tcp_psh_in 1  tcp_ack_share 8/9  tcp_opened_out 1  tcp_established_out 1
                 flows 1  flows_out 1  packets_per_flow 9  peers 2  peers_out 1  peers_in 1  peer_entropy 0.918296
                 ports_out 1  ports_per_peer 1  peers_per_port 1  ttls 1  macs_per_address 1",
            ),
        ],
    }
}

fn port_scan() -> Scene {
    let from = (SCANNER, 40_000);
    Scene {
        story: "a scan with bare SYNs: port 22 is open, 23 refuses, 25 is filtered and asked twice",
        packets: vec![
            tcp(0.0, from, (VICTIM, 22), "S", 0),
            tcp(0.1, (VICTIM, 22), from, "SA", 0),
            tcp(0.2, from, (VICTIM, 22), "R", 0),
            tcp(0.3, from, (VICTIM, 23), "S", 0),
            tcp(0.4, (VICTIM, 23), from, "RA", 0),
            tcp(0.5, from, (VICTIM, 25), "S", 0),
            tcp(3.5, from, (VICTIM, 25), "S", 0),
        ],
        rows: &[
            // Packets by service port: 3, 2, 2.
            (
                "10.0.0.66",
                "packets_out 5  packets_in 2  payload_share 0  small_packets 7  gap_max 3  active_seconds 2
                 tcp_syn_out 4  tcp_synack_in 1  tcp_rst_out 1  tcp_rst_in 1  tcp_ack_share 2/7
                 tcp_opened_out 3  tcp_established_out 0  tcp_refused_out 1  tcp_unanswered_out 1  tcp_half_open_out 1
                 tcp_failed_share_out 1  flows 3  flows_out 3  flows_in 0  single_packet_flows 0  packets_per_flow 7/3
                 ports_out 3  port_entropy_out 1.556657  client_port_entropy 0  ports_per_peer 3  peers_per_port 1",
            ),
            (
                "10.0.0.9",
                "packets_out 2  packets_in 5  tcp_syn_in 4  tcp_synack_out 1  tcp_rst_out 1  tcp_rst_in 1
                 tcp_opened_in 3  tcp_established_in 0  tcp_refused_in 1  tcp_unanswered_in 1  tcp_half_open_in 1
                 flows_out 0  flows_in 3  ports_out 0  ports_in 3  port_entropy_in 1.556657  client_port_entropy_in 0
                 ports_per_peer_in 3  peers_per_port_in 1",
            ),
            (
                "network",
                "tcp_syn_out 4  tcp_synack_out 1  tcp_rst_out 1  tcp_rst_in 1  tcp_opened_out 3  tcp_refused_out 1
                 tcp_unanswered_out 1  tcp_half_open_out 1  tcp_failed_share_out 1  ports_out 3
                 port_entropy_out 1.556657  ports_per_peer 3",
            ),
        ],
    }
}

fn sweep_by_two() -> Scene {
    Scene {
        story: "two infected hosts look for file servers; nobody answers",
        packets: vec![
            tcp(0.0, (SCANNER, 40_001), (VICTIM, 445), "S", 0),
            tcp(2.0, (SCANNER, 40_002), (NEIGHBOUR, 445), "S", 0),
            tcp(4.0, (OTHER_BOT, 40_003), (VICTIM, 445), "S", 0),
        ],
        rows: &[
            (
                "10.0.0.66",
                "packets_out 2  packets_in 0  packets_out_share 1  bytes_out_share 1  size_mean_in -  size_std 0
                 gap_mean 2  gap_std 0  tcp_unanswered_out 2  flows_out 2  single_packet_flows 2  packets_per_flow 1
                 peers 2  peers_out 2  peers_in 0  peer_entropy 1  ports_out 1  client_port_entropy 1
                 ports_per_peer 1  peers_per_port 2",
            ),
            (
                "10.0.0.9",
                "packets_out 0  packets_in 2  packets_out_share 0  size_mean_out -  ttls 0  macs_per_address 0
                 tcp_unanswered_in 2  tcp_failed_share_out -  flows_in 2  peers 2  peers_out 0  peers_in 2
                 peer_entropy 1  client_port_entropy_in 1  ports_per_peer_in 1  peers_per_port_in 2",
            ),
            // A single packet has no gap.
            (
                "10.0.0.10",
                "packets 1  gap_mean -  gap_std -  gap_max -  active_seconds 1  busiest_second 1  burstiness 10",
            ),
            (
                "network",
                "flows 3  flows_out 3  single_packet_flows 3  packets_per_flow 1  tcp_unanswered_out 3
                 peers 4  peers_out 2  peers_in 2  peer_entropy 0.918296  client_port_entropy 1.584963
                 ports_per_peer 1  peers_per_port 2",
            ),
        ],
    }
}

fn impossible_flags() -> Scene {
    let (from, to) = ((SCANNER, 40_000), (VICTIM, 80));
    let shut = |mut packet: Packet<'static>| {
        if let Transport::Tcp(tcp) = &mut packet.transport {
            tcp.window = 0;
        }
        packet
    };
    Scene {
        story: "null, Xmas and SYN-FIN probes; then a segment with urgent data, a closed window, and a reset (always 0)",
        packets: vec![
            tcp(0.0, from, to, "", 0),
            tcp(0.1, from, to, "FPU", 0),
            tcp(0.2, from, to, "SF", 0),
            tcp(0.3, from, to, "AU", 1),
            shut(tcp(0.4, to, from, "A", 0)),
            shut(tcp(0.5, to, from, "RA", 0)),
        ],
        rows: &[
            (
                "10.0.0.66",
                "tcp_odd_flags 3  tcp_urg 2  tcp_zero_window 1  tcp_fin_out 2  tcp_psh_out 1  tcp_syn_out 1
                 tcp_ack_share 3/6",
            ),
            ("10.0.0.9", "tcp_odd_flags 3  tcp_urg 2  tcp_zero_window 1  tcp_fin_in 2  tcp_refused_in 1"),
            ("network", "tcp_odd_flags 3  tcp_urg 2  tcp_zero_window 1  tcp_refused_out 1"),
        ],
    }
}

fn reset_connection() -> Scene {
    Scene {
        story: "a connection from before the window: only the ports tell which end is the client's; both ends reset it",
        packets: vec![tcp(0.0, WEB, CLIENT, "PA", 10), tcp(0.1, CLIENT, WEB, "R", 0), tcp(0.2, WEB, CLIENT, "R", 0)],
        rows: &[
            (
                "10.0.0.1",
                "flows_out 1  flows_in 0  tcp_opened_out 0  tcp_failed_share_out -  tcp_rst_out 1  tcp_rst_in 1
                 tcp_psh_in 1  unasked_answers 0",
            ),
            ("10.0.0.80", "flows_out 0  flows_in 1  tcp_opened_in 0  tcp_psh_out 1"),
            ("network", "packets_out 1  packets_in 2  tcp_rst_out 1  tcp_rst_in 1  tcp_psh_in 1"),
        ],
    }
}

fn unanswered_datagrams() -> Scene {
    Scene {
        story: "two datagrams probe a host, a third is answered; a resolver's large answer comes to who did not ask",
        packets: vec![
            udp(0.0, (SCANNER, 5000), (VICTIM, 161), 8),
            udp(0.1, (SCANNER, 5000), (VICTIM, 162), 8),
            udp(0.2, (SCANNER, 5000), (VICTIM, 123), 8),
            udp(0.3, (VICTIM, 123), (SCANNER, 5000), 8),
            udp(0.4, RESOLVER, (VICTIM, 33_333), 1400),
        ],
        rows: &[
            (
                "10.0.0.66",
                "udp_packets_out 3  udp_packets_in 1  udp_unanswered_out 2  unasked_answers 0  flows_out 3
                 single_packet_flows 2  peers_in 1",
            ),
            (
                "10.0.0.9",
                "udp_packets_out 1  udp_packets_in 4  udp_unanswered_in 2  udp_unanswered_out 0  unasked_answers 1
                 flows_in 3  flows_out 1  peers 2  peers_out 1  peers_in 2  large_packets 1",
            ),
            ("10.0.0.53", "udp_packets_out 1  udp_unanswered_in 0  unasked_answers 0  flows_in 1"),
            ("network", "udp_packets_out 3  udp_packets_in 2  udp_unanswered_out 2  unasked_answers 1  flows_out 4"),
        ],
    }
}

fn lookups() -> Scene {
    let as_bulky = |packet| reworded(packet, |dns| dns.qtype = 16);
    let no_such_name = |packet| reworded(packet, |dns| dns.rcode = 3);
    Scene {
        story: "a name is looked up twice and found; one that does not exist is asked for as TXT",
        packets: vec![
            dns(0.0, CLIENT, RESOLVER, "abab", 1.0),
            dns(0.1, RESOLVER, CLIENT, "abab", 1.0),
            dns(0.2, CLIENT, RESOLVER, "abab", 1.0),
            dns(0.3, RESOLVER, CLIENT, "abab", 1.0),
            as_bulky(dns(0.4, CLIENT, RESOLVER, "abcdefgh", 3.0)),
            no_such_name(dns(0.5, RESOLVER, CLIENT, "abcdefgh", 3.0)),
        ],
        rows: &[
            (
                "10.0.0.1",
                "dns_queries 3  dns_responses_out 0  dns_responses_in 3  dns_nxdomain 1  dns_nxdomain_share 1/3  dns_bulky_queries 1  dns_names 2
                 dns_name_length 16/3  dns_name_length_max 8  dns_name_entropy 5/3",
            ),
            (
                "10.0.0.53",
                "dns_queries 0  dns_responses_out 3  dns_responses_in 0  dns_nxdomain 1  dns_bulky_queries 1  dns_names 0
                 dns_name_length 16/3  dns_name_length_max 8  dns_name_entropy 5/3  ports_in 1",
            ),
            (
                "network",
                "dns_queries 3  dns_responses_out 3  dns_nxdomain 1  dns_nxdomain_share 1/3  dns_bulky_queries 1  dns_names 2
                 dns_name_length 16/3  dns_name_length_max 8  dns_name_entropy 5/3",
            ),
        ],
    }
}

fn loopback() -> Scene {
    const ITSELF: Address = [127, 0, 0, 1];
    Scene {
        story: "a host speaks with itself: all that it says is sent, nothing is received, and it is its own client",
        packets: vec![
            tcp(0.0, (ITSELF, 50_000), (ITSELF, 80), "S", 0),
            tcp(0.1, (ITSELF, 80), (ITSELF, 50_000), "SA", 0),
            tcp(0.2, (ITSELF, 50_000), (ITSELF, 80), "A", 0),
        ],
        rows: &[
            (
                "127.0.0.1",
                "packets 3  packets_out 3  packets_in 0  flows 1  flows_out 1  flows_in 0  peers 1  tcp_opened_out 1
                 tcp_opened_in 0  tcp_established_out 1  gap_max 0.1",
            ),
            ("network", "packets 3  packets_out 2  packets_in 1  peers 1  tcp_established_out 1"),
        ],
    }
}
