use std::collections::BTreeSet;

use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use proptest::prelude::*;

use super::*;
use crate::packet::{Arp, Host, Network, Packet, Tcp, TcpFlags, Transport};
use crate::truth::Truth;

const MONDAY: i64 = 1_772_409_600_000_000_000; // 2026-03-02T00:00:00Z

fn day(seed: u64, hours: f64, attacks: bool) -> Day {
    // From nine o'clock, so that a short day is a busy one.
    Day { seed, start_ns: MONDAY + if hours < 12.0 { 9 * HOUR_NS } else { 0 }, hours, attacks }
}

fn pcap(recording: &Recording) -> Vec<u8> {
    let mut pcap = Vec::new();
    recording.write_pcap(&mut pcap).unwrap();
    pcap
}

/// A packet as far as labels need it, by etherparse alone.
fn decode(frame: &[u8], time_ns: i64, wire_len: u32) -> Packet<'_> {
    let sliced = SlicedPacket::from_ethernet(frame).unwrap();
    let ethernet = frame[..12].split_at(6);
    let (dst_mac, src_mac) = (ethernet.0.try_into().unwrap(), ethernet.1.try_into().unwrap());
    let (src, dst): (Host, Host);
    let mut transport = Transport::None;
    match sliced.net.unwrap() {
        NetSlice::Ipv4(ip) => (src, dst) = (ip.header().source().into(), ip.header().destination().into()),
        NetSlice::Ipv6(ip) => (src, dst) = (ip.header().source().into(), ip.header().destination().into()),
        NetSlice::Arp(arp) => {
            let arp = arp.to_packet().try_eth_ipv4().unwrap();
            (src, dst) = (arp.sender_ipv4.into(), arp.target_ipv4.into());
            let operation = arp.operation.0;
            transport = Transport::Arp(Arp { operation, sender_mac: arp.sender_mac, gratuitous: src == dst });
        }
    }
    match sliced.transport {
        Some(TransportSlice::Tcp(tcp)) => {
            let bit = |set: bool, flag: u8| if set { flag } else { 0 };
            transport = Transport::Tcp(Tcp {
                src_port: tcp.source_port(),
                dst_port: tcp.destination_port(),
                seq: tcp.sequence_number(),
                ack: tcp.acknowledgment_number(),
                window: tcp.window_size(),
                flags: TcpFlags(
                    bit(tcp.fin(), TcpFlags::FIN)
                        | bit(tcp.syn(), TcpFlags::SYN)
                        | bit(tcp.rst(), TcpFlags::RST)
                        | bit(tcp.ack(), TcpFlags::ACK),
                ),
            });
        }
        Some(TransportSlice::Udp(udp)) => {
            transport = Transport::Udp { src_port: udp.source_port(), dst_port: udp.destination_port() };
        }
        Some(TransportSlice::Icmpv4(icmp)) => {
            transport = Transport::Icmp { v6: false, kind: icmp.type_u8(), code: icmp.code_u8() };
        }
        Some(TransportSlice::Icmpv6(icmp)) => {
            transport = Transport::Icmp { v6: true, kind: icmp.type_u8(), code: icmp.code_u8() };
        }
        _ => {}
    }
    Packet {
        time_ns,
        wire_len,
        src,
        dst,
        src_mac: Some(src_mac),
        dst_mac: Some(dst_mac),
        network: Network::Ipv4,
        transport,
        ..Packet::BLANK
    }
}

/// That the labels name every attack packet by its attack, and no other packet.
fn assert_labels_are_exact(day: Day) {
    let recording = day.record_with_snap(usize::MAX).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("day.labels.toml");
    std::fs::write(&path, recording.labels()).unwrap();
    let truth = Truth::read(&path).unwrap();
    for (before, frame) in recording.wire.frames.iter().enumerate() {
        let packet = decode(&recording.wire.bytes[frame.bytes.clone()], frame.time_ns, frame.wire_len);
        let label = truth.label(&packet, before as u64 + 1).map(|id| truth.attacks()[id as usize].as_str());
        let attack = frame.attack.map(|episode| recording.episodes[episode].attack);
        assert_eq!(label, attack, "seed {}, packet {}: {packet:?}", day.seed, before + 1);
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let twice = [(); 2].map(|()| day(3, 1.0, true).record().unwrap());
    assert!(pcap(&twice[0]) == pcap(&twice[1]));
    assert_eq!(twice[0].labels(), twice[1].labels());
    assert!(pcap(&day(4, 1.0, true).record().unwrap()) != pcap(&twice[0]));
}

#[test]
fn attacks_leave_daily_life_as_it_is() {
    let life = |attacks| {
        let recording = day(5, 1.0, attacks).record().unwrap();
        let benign = recording.wire.frames.iter().filter(|frame| frame.attack.is_none());
        benign.map(|frame| (frame.time_ns, recording.wire.bytes[frame.bytes.clone()].to_vec())).collect::<Vec<_>>()
    };
    assert!(life(true) == life(false));
}

#[test]
fn the_pcap_is_in_order_and_snapped() {
    let recording = day(1, 0.5, true).record().unwrap();
    let pcap = pcap(&recording);
    let mut reader = pcap_file::pcap::PcapReader::new(pcap.as_slice()).unwrap();
    let (mut count, mut wire_bytes, mut last) = (0, 0, std::time::Duration::ZERO);
    while let Some(packet) = reader.next_packet() {
        let packet = packet.unwrap();
        assert!(packet.timestamp() >= last && packet.len() <= SNAP as u32 && packet.len() <= packet.orig_len());
        (last, count, wire_bytes) = (packet.timestamp(), count + 1, wire_bytes + u64::from(packet.orig_len()));
    }
    let summary = recording.summary();
    assert_eq!((count, wire_bytes), (summary.packets, summary.wire_bytes));
    assert!(last.as_nanos() < (MONDAY + 9 * HOUR_NS + HOUR_NS / 2) as u128);
}

#[test]
fn every_frame_is_right_to_its_checksums() {
    let recording = day(2, 1.0, true).record_with_snap(usize::MAX).unwrap();
    for frame in &recording.wire.frames {
        let bytes = &recording.wire.bytes[frame.bytes.clone()];
        assert_eq!(bytes.len(), frame.wire_len as usize);
        assert!((60..=1514).contains(&bytes.len()), "{} bytes", bytes.len());
        let sliced = SlicedPacket::from_ethernet(bytes).unwrap();
        match (&sliced.net, &sliced.transport) {
            (Some(NetSlice::Ipv4(ip)), Some(TransportSlice::Tcp(tcp))) => {
                assert_eq!(tcp.calc_checksum_ipv4(ip.header().source(), ip.header().destination()), Ok(tcp.checksum()));
            }
            (Some(NetSlice::Ipv4(ip)), _) => {
                assert_eq!(ip.header().to_header().calc_header_checksum(), ip.header().header_checksum())
            }
            (Some(NetSlice::Ipv6(_) | NetSlice::Arp(_)), _) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// Follows every connection: it begins with a SYN, its sequence numbers have no gap, and what is acknowledged was sent.
#[test]
fn connections_are_well_formed() {
    let recording = day(6, 2.0, true).record_with_snap(usize::MAX).unwrap();
    let mut next: BTreeMap<_, u32> = BTreeMap::new();
    let mut closed = 0;
    for frame in &recording.wire.frames {
        let bytes = &recording.wire.bytes[frame.bytes.clone()];
        let packet = decode(bytes, frame.time_ns, frame.wire_len);
        let (Transport::Tcp(tcp), Some(TransportSlice::Tcp(slice))) =
            (packet.transport, SlicedPacket::from_ethernet(bytes).unwrap().transport)
        else {
            continue;
        };
        let ends = ((packet.src, tcp.src_port), (packet.dst, tcp.dst_port));
        let counts = |flag| u32::from(tcp.flags.has(flag));
        let after = tcp.seq.wrapping_add(slice.payload().len() as u32 + counts(TcpFlags::SYN) + counts(TcpFlags::FIN));
        if tcp.flags.has(TcpFlags::SYN) {
            next.insert(ends, after);
        } else if !tcp.flags.has(TcpFlags::RST) {
            let expected = *next.get(&ends).unwrap_or_else(|| panic!("no SYN before {packet:?}"));
            // A segment that is sent again ends where the one before it did.
            assert!(tcp.seq == expected || after == expected, "a gap before {packet:?}");
            next.insert(ends, after);
        }
        if tcp.flags.has(TcpFlags::ACK) {
            let sent = next.get(&(ends.1, ends.0)).copied();
            assert!(sent == Some(tcp.ack), "{packet:?} acknowledges what was not sent: {sent:?}");
        }
        closed += counts(TcpFlags::FIN);
    }
    assert!(closed > 300, "{closed} ends of connections");
}

#[test]
fn labels_are_exact_on_a_whole_day() {
    assert_labels_are_exact(day(1, 24.0, true));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn labels_are_exact_whatever_the_seed(seed: u64, hours in 0.25f64..1.5) {
        assert_labels_are_exact(day(seed, hours, true));
    }
}

#[test]
fn a_day_has_its_size_and_all_attacks() {
    for seed in 0..3 {
        let recording = day(seed, 24.0, true).record().unwrap();
        let summary = recording.summary();
        assert!((150_000..350_000).contains(&summary.packets), "{summary:?}");
        assert!(recording.wire.bytes.len() + 16 * recording.wire.frames.len() < 56 << 20, "{summary:?}");
        assert_eq!((summary.attacks.len(), summary.episodes), (11, 33));
        assert!(summary.attacks.values().all(|&packets| packets >= 100), "{summary:?}");
        let attack_packets: u64 = summary.attacks.values().sum();
        assert!(3 * attack_packets < summary.packets, "{summary:?}");
        let mut thirds: BTreeMap<_, BTreeSet<i64>> = BTreeMap::new();
        for frame in &recording.wire.frames {
            if let Some(episode) = frame.attack {
                thirds
                    .entry(recording.episodes[episode].attack)
                    .or_default()
                    .insert((frame.time_ns - MONDAY) / (8 * HOUR_NS));
            }
        }
        assert!(thirds.values().all(|thirds| thirds.len() == 3), "{thirds:?}");
    }
}

#[test]
fn a_quiet_day_says_so() {
    let recording = day(9, 0.5, false).record().unwrap();
    assert!(recording.labels().ends_with("\nrule = []\n"));
    assert_eq!((recording.summary().episodes, recording.summary().attacks.len()), (0, 0));
}

#[test]
fn saved_beside_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("day.pcap");
    let summary = day(1, 0.25, true).save(&path).unwrap();
    let truth = Truth::beside(&path).unwrap().unwrap();
    assert!(truth.attacks().iter().eq(summary.attacks.keys()));
    assert!(std::fs::metadata(&path).unwrap().len() > 16 * summary.packets);
    let nowhere = folder.path().join("no/day.pcap");
    assert!(day(1, 0.25, true).save(&nowhere).unwrap_err().to_string().contains("no such file"));
}

#[test]
fn days_that_cannot_be() {
    let whole = day(1, 24.0, false);
    for (wrong, subject) in [
        (Day { hours: 0.1, ..whole }, "hours"),
        (Day { hours: f64::NAN, ..whole }, "hours"),
        (Day { hours: 1e9, ..whole }, "hours"),
        (Day { start_ns: -1, ..whole }, "start_ns"),
        (Day { start_ns: i64::MAX, ..whole }, "start_ns"),
    ] {
        assert_eq!(wrong.record().err().map(|error| error.subject), Some(subject.to_owned()), "{wrong:?}");
    }
}
