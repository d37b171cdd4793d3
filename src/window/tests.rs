use std::collections::HashSet;

use etherparse::PacketBuilder;
use proptest::prelude::*;

use super::flow::{Flow, Handshake};
use super::key::FlowKey;
use super::scenes::{LENGTH_NS, START_NS, by_entity, dns, icmp, is_at, packet, reworded, table, tcp, udp, who_has};
use super::*;
use crate::capture::{Frame, Ledger, Link};
use crate::packet::app::{App, Class, Dns, Function, Hello, Http, Ics, Industrial, Method, Named, Request, Tls};
use crate::packet::{
    Arp, Cast, Flaw, Fragment, Fragments, Host, Network, Packet, Subnet, Tcp, TcpFlags, Transport, Tunnels,
};

/// How the connection goes in which these segments are sent, by the one who is first (`>`) or the other (`<`).
fn outcome(segments: &str) -> Option<Handshake> {
    let (one, other) = (([10, 0, 0, 1], 40_000), ([10, 0, 0, 2], 80));
    let mut flow: Option<Flow> = None;
    for (at, segment) in segments.split_whitespace().enumerate() {
        let packet = match segment.split_at(1) {
            (">", flags) => tcp(at as f64, one, other, flags, 0),
            (_, flags) => tcp(at as f64, other, one, flags, 0),
        };
        let (key, sender) = FlowKey::of(&packet);
        flow.get_or_insert_with(|| Flow::new(key, sender)).count(&packet, sender);
    }
    flow.unwrap().handshake()
}

#[test]
fn handshakes_are_judged_by_who_acknowledged_whose_syn() {
    use Handshake::{Established, HalfOpen, Refused, Unanswered};
    for (segments, expected) in [
        (">S <SA >A", Some(Established)),
        // The third step carries data.
        (">S <SA >PA", Some(Established)),
        // Repeats on either side.
        (">S >S <SA >S <SA >A", Some(Established)),
        // Both open at once (RFC 9293, 3.5), and a server that answers a SYN by a SYN.
        (">S <S >SA <SA", Some(Established)),
        (">S <S >SA <A", Some(Established)),
        // Closed or broken afterwards.
        (">S <SA >A >R", Some(Established)),
        (">S <SA >A >FA <RA", Some(Established)),
        // A half-open scan, a SYN flood.
        (">S <SA >R", Some(HalfOpen)),
        (">S <SA >RA", Some(HalfOpen)),
        (">S <SA <SA <SA", Some(HalfOpen)),
        (">S <SA <R", Some(HalfOpen)),
        (">S <RA", Some(Refused)),
        (">S >S <RA >S <RA", Some(Refused)),
        (">S", Some(Unanswered)),
        (">S >S >R", Some(Unanswered)),
        // The other knows a connection of that name already (RFC 5961, 4).
        (">S <A", Some(Unanswered)),
        // Asked for before the window.
        ("<SA >A", None),
        (">A <PA", None),
        ("<RA", None),
    ] {
        assert_eq!(outcome(segments), expected, "{segments}");
    }
}

#[test]
fn the_client_does_not_depend_on_where_the_window_cuts() {
    let (client, server) = (([10, 0, 0, 9], 50_000), ([10, 0, 0, 2], 80));
    let (a, b) = (client.0, server.0);
    let between_resolvers =
        |at, from, to, response| reworded(dns(at, (from, 53), (to, 53), "name", 2.0), |dns| dns.response = response);
    let conversations = [
        vec![tcp(0.0, client, server, "S", 0), tcp(1.0, server, client, "SA", 0), tcp(2.0, client, server, "A", 0)],
        vec![tcp(0.0, client, server, "PA", 9), tcp(1.0, server, client, "PA", 9)],
        vec![udp(0.0, client, server, 9), udp(1.0, server, client, 9)],
        vec![icmp(0.0, a, b, 8), icmp(1.0, b, a, 0), icmp(2.0, a, b, 8)],
        vec![who_has(0.0, b, a), is_at(1.0, b, a)],
        vec![between_resolvers(0.0, a, b, false), between_resolvers(1.0, b, a, true)],
    ];
    for packets in conversations {
        for cut in 0..packets.len() {
            for flow in &table(&packets[cut..]).flows {
                assert_eq!(flow.key.ends[flow.client()], Host::from(a), "cut at {cut}: {packets:?}");
            }
        }
    }
    // Where nothing tells, who speaks first is taken for it.
    let time_keepers = table(&[udp(0.0, (a, 123), (b, 123), 48)]);
    assert_eq!(time_keepers.flows[0].key.ends[time_keepers.flows[0].client()], Host::from(a));
}

#[test]
fn a_row_is_of_the_attack_with_the_most_packets_in_it() {
    let mut table = table(&[]);
    let (a, b, c) = ([10, 0, 0, 1], [10, 0, 0, 2], [10, 0, 0, 3]);
    for (from, to, attack) in [(a, b, Some(1)), (a, b, Some(0)), (c, b, Some(1)), (c, a, None)] {
        table.count(&icmp(0.0, from, to, 8), attack);
    }
    let labels = |view| -> Vec<_> {
        let rows = rows(&table, view);
        rows.attack.into_iter().zip(rows.attack_packets).collect()
    };
    // Of one packet each, the first by name.
    assert_eq!(labels(View::Host), [(Some(0), 2), (Some(1), 3), (Some(1), 1)]);
    assert_eq!(labels(View::Network), [(Some(1), 3)]);
    assert_eq!(labels(View::Pair), [(Some(0), 2), (None, 0), (Some(1), 1)]);
    assert_eq!(labels(View::Flow), labels(View::Pair));
}

/// A fragment of one datagram, `at` seconds after the epoch.
fn fragment(bytes: &mut Vec<u8>, at: i64, first: bool) -> Packet<'_> {
    PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64).udp(1000, 2000).write(bytes, &[1; 64]).unwrap();
    bytes[6..8].copy_from_slice(if first { &[0x20, 0] } else { &[0, 9] });
    let frame = Frame { number: 1, time_ns: at * 1_000_000_000, link: Link::RawIp, wire_len: 92, bytes };
    Packet::decode(&frame, Tunnels::Inner).unwrap()
}

#[test]
fn a_datagram_in_fragments_is_one_flow() {
    let mut table = Table::new(0, 10_000_000_000, &Scope::default());
    let mut fragments = Fragments::default();
    for first in [true, false] {
        let mut bytes = Vec::new();
        let mut packet = fragment(&mut bytes, 1, first);
        fragments.join(&mut packet, &mut Ledger::default());
        table.count(&packet, None);
    }
    assert_eq!(table.flows.len(), 1);
    assert_eq!(table.flows[0].packets(), 2);
}

mod catalogue_of_features {
    use super::*;

    #[test]
    fn names_are_unique_and_plain() {
        let mut seen = HashSet::new();
        for feature in catalogue(View::Host) {
            assert!(seen.insert(feature.name), "{} is there twice", feature.name);
            let plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
            assert!(feature.name.chars().all(plain), "{}", feature.name);
            assert!(feature.name.starts_with(|letter: char| letter.is_ascii_lowercase()), "{}", feature.name);
            let telling = ["src", "dst", "id", "ip_address", "time", "timestamp", "hour", "weekday", "date", "index"];
            assert!(!feature.name.split('_').any(|word| telling.contains(&word)), "{} tells who or when", feature.name);
        }
        // The command line lists the features of hosts as all there are.
        for feature in View::ALL.into_iter().flat_map(catalogue) {
            assert!(seen.contains(feature.name), "hosts do not have {}", feature.name);
        }
    }

    #[test]
    fn every_feature_is_explained() {
        for feature in catalogue(View::Host) {
            for sentence in [feature.measures, feature.matters, feature.blind_spot] {
                assert!(sentence.ends_with('.') && sentence.len() > 10, "{}: {sentence:?}", feature.name);
                assert!(
                    sentence.starts_with(|letter: char| letter.is_uppercase() || letter.is_ascii_digit()),
                    "{sentence}"
                );
            }
            assert!(!feature.phrase.is_empty() && !feature.phrase.ends_with('.'), "{}", feature.name);
            assert!(!feature.unit.name().is_empty() && !feature.views.is_empty(), "{}", feature.name);
            assert!(std::ptr::eq(find(feature.name).unwrap(), feature));
        }
    }
}

mod over_time;
mod parts;
mod properties;
mod sums;

#[test]
fn room_is_reckoned_with_no_less_than_things_take() {
    use super::scope::{FLOW_BYTES, ROW_BYTES};
    use super::trace::Trace;
    // A flow has a place of 5 bytes in an index that may be half empty, two parts of a host, and is one of the sorted.
    assert!(size_of::<Flow>() + 2 * 5 + 2 * 8 + 16 < FLOW_BYTES, "{}", size_of::<Flow>());
    let row = catalogue(View::Host).count() * size_of::<f32>();
    assert!(size_of::<Trace>() + 3 * row + 100 < ROW_BYTES, "{} and {row}", size_of::<Trace>());
    assert!(Room::new(Room::LEAST_MEMORY - 1, 1).is_err() && Room::new(Room::LEAST_MEMORY, 0).is_err());
    let (least, usual) = (Room::new(Room::LEAST_MEMORY, usize::MAX).unwrap(), Room::default());
    assert!(least.flows >= 1024 && least.entities >= 1024 && least.flows < usual.flows, "{least:?} {usual:?}");
}
