//! Scenes of what comes when, again, or in another's name.

use super::*;

const CLIENT: End = ([10, 0, 0, 1], 40_000);
const SERVER: End = ([10, 0, 0, 2], 80);

pub fn scenes() -> Vec<Scene> {
    vec![lossy_transfer(), beacon(), polling(), two_machines()]
}

/// A segment with its place in the sender's stream.
fn segment(at: f64, src: End, dst: End, flags: &str, seq: u32, payload: u32) -> Packet<'static> {
    let packet = tcp(at, src, dst, flags, payload);
    match packet.transport {
        Transport::Tcp(tcp) => Packet { transport: Transport::Tcp(Tcp { seq, ..tcp }), ..packet },
        _ => packet,
    }
}

fn congested(packet: Packet<'static>) -> Packet<'static> {
    match packet.transport {
        Transport::Tcp(tcp) => {
            let flags = TcpFlags(tcp.flags.0 | TcpFlags::ECE);
            Packet { transport: Transport::Tcp(Tcp { flags, ..tcp }), ..packet }
        }
        _ => packet,
    }
}

fn lossy_transfer() -> Scene {
    Scene {
        story: "a request and a part of its answer are sent twice, the server tells of congestion",
        packets: vec![
            segment(0.0, CLIENT, SERVER, "S", u32::MAX, 0),
            segment(0.25, SERVER, CLIENT, "SA", 100, 0),
            // The numbers begin again behind 2³² − 1.
            segment(0.5, CLIENT, SERVER, "A", 0, 0),
            segment(1.0, CLIENT, SERVER, "PA", 0, 100),
            segment(2.0, CLIENT, SERVER, "PA", 0, 100),
            congested(segment(2.5, SERVER, CLIENT, "A", 101, 0)),
            segment(3.0, SERVER, CLIENT, "PA", 101, 500),
            segment(4.0, SERVER, CLIENT, "PA", 601, 500),
            segment(4.0, SERVER, CLIENT, "PA", 601, 500),
        ],
        rows: &[
            // Sent: 54, 54, 154 and 154 bytes with gaps of 0.5, 0.5 and 1 s; received: 54, 54 and thrice 554 with gaps of 2.25, 0.5,
            // 1 and 0 s. All gaps, in the octaves that end at 1024 ns · 2ⁿ: 0; 0.25 twice in n = 18; 0.5 thrice in n = 19; 1
            // twice in n = 20. The fourth of eight is the first of three, the 7.6th is 1.6 of two.
            (
                "10.0.0.1",
                "size_std_out 50  size_std_in 244.948974  size_max_out 154  size_max_in 554  gap_median 0.357913941
                 gap_p95 0.966367642  flow_gap_mean_out 2/3  flow_gap_std_out 0.235702260  flow_gap_max_out 1
                 flow_gap_mean_in 0.9375  flow_gap_std_in 0.836193  flow_gap_max_in 2.25  flow_duration_mean 4
                 flow_duration_max 4  tcp_bare_acks 2  tcp_repeated_out 1  tcp_repeated_in 1  tcp_congestion 1
                 tcp_granted_after_out 0.25  tcp_granted_after_in -  services_out 1  services_in 0  regularity_out 0",
            ),
            ("10.0.0.2", "tcp_granted_after_in 0.25  services_in 1  services_out 0  size_std_in 50"),
            (
                "network",
                "size_std_out 50  size_std_in 244.948974  size_max_out 154  size_max_in 554  gap_median 0.357913941
                 gap_p95 0.966367642  flow_gap_mean_out 2/3  flow_gap_std_out 0.235702260  flow_gap_max_out 1
                 flow_gap_mean_in 0.9375  flow_gap_std_in 0.836193  flow_gap_max_in 2.25  flow_duration_mean 4
                 flow_duration_max 4  tcp_bare_acks 2  tcp_repeated_out 1  tcp_repeated_in 1  tcp_congestion 1
                 tcp_granted_after_out 0.25  services_out 1",
            ),
            ("10.0.0.1 10.0.0.2", "packets_out 4  packets_in 5  bytes_out 416  flows 1  tcp_granted_after_out 0.25"),
            (
                "tcp 10.0.0.1:40000 > 10.0.0.2:80",
                "packets_out 4  packets_in 5  size_max_in 554  flow_gap_max_in 2.25  gap_mean 4/8  tcp_established_out 1",
            ),
        ],
    }
}

fn beacon() -> Scene {
    let ask = |at: f64, port| tcp(at, (CLIENT.0, port), SERVER, "S", 0);
    Scene {
        story: "every other second a new connection to the same service, and one more to another",
        packets: vec![
            ask(0.0, 40_000),
            ask(2.0, 40_001),
            ask(4.0, 40_002),
            tcp(4.5, (CLIENT.0, 40_009), (SERVER.0, 443), "S", 0),
            ask(6.0, 40_003),
        ],
        rows: &[
            ("10.0.0.1", "regularity_out 1  regularity_in 0  services_out 2  flow_duration_max 0  flows_out 5"),
            ("10.0.0.2", "regularity_out 0  regularity_in 1  services_in 2"),
            ("network", "regularity_out 1  services_out 2"),
            ("10.0.0.1 10.0.0.2", "regularity_out 1  services_out 2  flows_out 5"),
        ],
    }
}

fn polling() -> Scene {
    let poll = |at| [udp(at, CLIENT, (SERVER.0, 502), 12), udp(at + 0.25, (SERVER.0, 502), CLIENT, 20)];
    Scene {
        story: "a poller speaks after 2, 2 and 5 seconds in one conversation",
        packets: [0.0, 2.0, 4.0, 9.0].into_iter().flat_map(poll).collect(),
        rows: &[
            // Their mean is 3, their standard deviation √2.
            ("10.0.0.1", "regularity_out 0.679622"),
            ("udp 10.0.0.1:40000 > 10.0.0.2:502", "regularity_out 0.679622  flow_duration_max 9.25  packets 8"),
        ],
    }
}

fn two_machines() -> Scene {
    let by = |packet: Packet<'static>, last| Packet { src_mac: Some([2, 0, 0, 0, 0, last]), ..packet };
    let one = || udp(0.0, CLIENT, SERVER, 9);
    let wrong = Packet { flaw: Some(Flaw::IpTooLong), ..one() };
    Scene {
        story: "two machines take turns to send in one host's name; a header lies",
        packets: vec![by(one(), 1), by(one(), 1), by(one(), 2), by(one(), 1), by(wrong, 2)],
        rows: &[
            ("10.0.0.1", "mac_changes 3  macs_per_address 2  wrong_lengths 1  malformed_packets 1"),
            ("network", "mac_changes 3  macs_per_address 2  wrong_lengths 1"),
            ("udp 10.0.0.1:40000 > 10.0.0.2:80", "wrong_lengths 1"),
        ],
    }
}
