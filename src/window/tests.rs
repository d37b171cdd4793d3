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

mod properties {
    use super::*;

    /// Few hosts and ports, so that packets meet in flows; every kind of name.
    fn hosts() -> [Host; 6] {
        let v6 = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
        let [a, b, c] = [[0; 4], [10, 0, 0, 1], [255; 4]].map(Host::from);
        [a, b, c, Host::from(v6), Host::from_mac([2; 6]), Host::from_mac([0xff; 6])]
    }

    fn any_host() -> impl Strategy<Value = Host> {
        prop::sample::select(hosts().to_vec())
    }

    fn any_transport() -> impl Strategy<Value = Transport> {
        let port = || prop::sample::select(vec![0_u16, 53, 80, 50_000, u16::MAX]);
        let segment = (port(), port(), 0_u16..2, any::<u8>()).prop_map(|(src_port, dst_port, window, flags)| {
            Transport::Tcp(Tcp { src_port, dst_port, seq: 0, ack: 0, window, flags: TcpFlags(flags) })
        });
        let message = (0_u16..4, any::<bool>())
            .prop_map(|(operation, gratuitous)| Transport::Arp(Arp { operation, sender_mac: [7; 6], gratuitous }));
        prop_oneof![
            3 => segment,
            2 => (port(), port()).prop_map(|(src_port, dst_port)| Transport::Udp { src_port, dst_port }),
            1 => (any::<bool>(), any::<u8>()).prop_map(|(v6, kind)| Transport::Icmp { v6, kind, code: 0 }),
            1 => message,
            1 => any::<u8>().prop_map(Transport::Other),
            1 => Just(Transport::None),
        ]
    }

    fn any_app() -> impl Strategy<Value = Option<App>> {
        let named = || prop_oneof![Just(Named::Cut), Just(Named::Nothing), (0..4_u32).prop_map(Named::Hash)];
        let dns = (any::<bool>(), 0_u8..5, 0_u16..20, 0_u64..4, any::<u8>(), 0_f32..8.0).prop_map(
            |(response, rcode, qtype, name_hash, name_len, name_entropy)| {
                App::Dns(Dns { response, rcode, answers: qtype, qtype, name_hash, name_len, name_entropy })
            },
        );
        let hello = (0x0300_u16..0x0305, named(), any::<u8>(), prop::option::of(0..4_u32)).prop_map(
            |(version, server_name, name_len, fingerprint)| {
                App::Tls(Tls::Hello(Hello { version, server_name, name_len, fingerprint }))
            },
        );
        let methods = vec![Method::Get, Method::Post, Method::Delete, Method::Other];
        let request = (prop::sample::select(methods), any::<u16>(), named(), named(), named()).prop_map(
            |(method, target_len, target, host, agent)| {
                App::Http(Http::Request(Request { method, target_len, target, host, agent }))
            },
        );
        let classes = vec![Class::Read, Class::Write, Class::Restart, Class::Response, Class::Error, Class::Unknown];
        let function = (any::<u8>(), prop::sample::select(classes)).prop_map(|(code, class)| Function { code, class });
        let protocol = prop::sample::select(vec![Industrial::Modbus, Industrial::Dnp3, Industrial::S7]);
        let messages = (protocol, prop::collection::vec(function, 1..4))
            .prop_map(|(protocol, functions)| App::Ics(Ics::of(protocol, functions.into_iter()).unwrap()));
        let response = (100..600_u16).prop_map(|status| App::Http(Http::Response { status }));
        prop::option::of(prop_oneof![dns, hello, Just(App::Tls(Tls::Alert)), request, response, messages])
    }

    fn any_payload() -> impl Strategy<Value = &'static [u8]> {
        prop::sample::select(vec![&b""[..], b"a", b"a line of text\r\n", b"\x16\x03\x01\0\xff\xfe", &[0; 100]])
    }

    /// Any packet with times and lengths of these.
    fn any_packet(
        times: impl Strategy<Value = i64>,
        lengths: impl Strategy<Value = u32>,
    ) -> impl Strategy<Value = Packet<'static>> {
        let network = prop::sample::select(vec![Network::Ipv4, Network::Ipv6, Network::Arp, Network::Other(1)]);
        let cast = prop::sample::select(vec![Cast::Unicast, Cast::Unicast, Cast::Multicast, Cast::Broadcast]);
        let flaw = prop::sample::select(vec![None, Some(Flaw::Cut), Some(Flaw::IpTooLong), Some(Flaw::IpVersion)]);
        let mac = prop::option::of(prop::array::uniform6(0_u8..2));
        let about = (any::<u8>(), any::<bool>(), mac, any_payload());
        let facts = (any_host(), any_host(), network, cast, flaw, any_transport(), any_app(), about);
        (times, lengths, 0.0..=1.0_f64, facts).prop_map(|(time_ns, wire_len, share, facts)| {
            let (src, dst, network, cast, flaw, transport, app, (ttl, fragment, src_mac, payload)) = facts;
            let fragment = fragment.then_some(Fragment { src, dst, id: 1, protocol: 17, first: false });
            let payload_len = (f64::from(wire_len) * share) as u32;
            let plain = packet(0.0, src, dst, 0, 0);
            let sizes = Packet { time_ns, wire_len, payload_len, ..plain };
            Packet { network, cast, flaw, transport, app, ttl, fragment, src_mac, payload, ..sizes }
        })
    }

    fn usual_packets() -> impl Strategy<Value = Vec<Packet<'static>>> {
        prop::collection::vec(any_packet(START_NS..START_NS + LENGTH_NS, 0..2000_u32), 1..60)
    }

    /// The values of one feature in all rows of a view.
    fn values(table: &Table, view: View, name: &str) -> Vec<f64> {
        let column = catalogue(view).position(|feature| feature.name == name);
        let column = column.unwrap_or_else(|| panic!("{view}: there is no {name}"));
        by_entity(table, view).values().map(|row| f64::from(row[column])).collect()
    }

    fn same(a: f32, b: f32) -> bool {
        a.is_nan() && b.is_nan() || (a - b).abs() <= 1e-5 * a.abs().max(1.0)
    }

    proptest! {
        #[test]
        fn every_value_lies_in_the_range_of_its_unit(
            packets in prop::collection::vec(
                any_packet(
                    prop_oneof![any::<i64>(), prop::sample::select(vec![i64::MIN, -1, 0, i64::MAX])],
                    prop_oneof![any::<u32>(), Just(u32::MAX)],
                ),
                1..40,
            ),
        ) {
            let table = table(&packets);
            for view in View::ALL {
                for row in by_entity(&table, view).values() {
                    for (feature, &value) in catalogue(view).zip(row) {
                        let most = if feature.unit == Unit::Share { 1.0 } else { f32::MAX };
                        prop_assert!(value.is_nan() || (0.0..=most).contains(&value), "{} is {value}", feature.name);
                    }
                }
            }
        }

        #[test]
        fn what_all_hosts_sent_is_what_the_network_carried(packets in usual_packets()) {
            let table = table(&packets);
            let of_hosts = |name: &str| -> f64 { values(&table, View::Host, name).iter().sum() };
            let of_network = |name: &str| values(&table, View::Network, name)[0];

            prop_assert_eq!(of_network("packets"), packets.len() as f64);
            prop_assert_eq!(of_network("peers"), rows(&table, View::Host).len() as f64);
            for way in [
                "packets", "bytes", "payload_bytes", "tcp_packets", "udp_packets", "tcp_fin", "tcp_rst", "tcp_psh",
                "tcp_repeated", "ics_messages",
            ] {
                let both = of_network(&format!("{way}_out")) + of_network(&format!("{way}_in"));
                prop_assert_eq!(of_hosts(&format!("{way}_out")), both, "{}", way);
            }
            for own in [
                "broadcast_packets", "multicast_packets", "tcp_syn_out", "tcp_synack_out", "icmp_echo_requests_out",
                "icmp_errors_out", "arp_requests", "arp_replies", "arp_unasked_replies", "arp_gratuitous", "dns_queries",
                "dns_responses_out", "dns_unanswered", "tls_hellos_out", "http_requests_out", "ics_reads", "ics_writes",
                "ics_restarts", "ics_responses", "ics_errors", "ics_unknown", "flows_out", "unasked_answers",
                "udp_unanswered_out", "tcp_opened_out", "tcp_established_out", "tcp_refused_out", "tcp_unanswered_out", "tcp_half_open_out",
            ] {
                prop_assert_eq!(of_hosts(own), of_network(own), "{}", own);
            }
        }

        /// A conversation is in one row of pairs and in one of flows, so what counts packets adds up to the network's.
        #[test]
        fn pairs_and_flows_are_parts_of_the_network(packets in usual_packets()) {
            let table = table(&packets);
            let network = catalogue(View::Network);
            let units = ["packets", "flows", "queries", "responses", "hellos", "alerts", "requests", "messages", "bytes"];
            let counts = network.filter(|feature| units.contains(&feature.unit.name()));
            for feature in counts.filter(|feature| {
                ["size_", "busiest_", "packets_per_flow", "dns_name_", "http_target_length"]
                    .iter()
                    .all(|other| !feature.name.starts_with(other))
            }) {
                let whole = values(&table, View::Network, feature.name)[0];
                for view in [View::Pair, View::Flow].into_iter().filter(|view| feature.views.contains(view)) {
                    let parts: f64 = values(&table, view, feature.name).iter().sum();
                    prop_assert_eq!(parts, whole, "{}: {}", view, feature.name);
                }
            }
        }

        /// What finds no room is counted together, and nothing is lost: whatever the room, hosts send what the network carries.
        #[test]
        fn what_finds_no_room_is_counted_all_the_same(
            packets in usual_packets(), entities in 1..8_usize, flows in 0..8_usize, merged in 0..4_usize, local in any::<bool>(),
        ) {
            let mut scope = Scope::new(View::ALL.into_iter().collect::<Views>());
            scope.room = Room { entities, flows, merged };
            if local {
                scope.local = ["10.0.0.0/8"].map(|net| Subnet::parse(net).unwrap()).into();
            }
            let mut table = Table::new(START_NS, LENGTH_NS, &scope);
            packets.iter().for_each(|packet| table.count(packet, None));
            for view in View::ALL {
                prop_assert!(rows(&table, view).len() <= entities + 1);
                for way in ["packets", "bytes", "tcp_packets", "tcp_fin"] {
                    let sum = |name: String| values(&table, view, &name).iter().sum::<f64>();
                    let whole: f64 = match view {
                        View::Host => sum(format!("{way}_out")),
                        _ => sum(format!("{way}_out")) + sum(format!("{way}_in")),
                    };
                    let network = |name: String| values(&table, View::Network, &name)[0];
                    prop_assert_eq!(whole, network(format!("{way}_out")) + network(format!("{way}_in")), "{} {}", view, way);
                }
                for row in by_entity(&table, view).values() {
                    for (feature, &value) in catalogue(view).zip(row) {
                        prop_assert!(value.is_nan() || value >= 0.0, "{} is {value}", feature.name);
                    }
                }
            }
            prop_assert_eq!(values(&table, View::Network, "packets")[0], packets.len() as f64);
        }

        #[test]
        fn counts_do_not_depend_on_the_order_of_packets(
            (packets, shuffled) in usual_packets().prop_flat_map(|packets| (Just(packets.clone()), Just(packets).prop_shuffle())),
        ) {
            // Times, who asked first, and who acknowledged what.
            let ordered = |name: &str| {
                let beginnings = [
                    "gap_", "active_", "busiest_", "burstiness", "flows_", "unasked_answers", "udp_unanswered_", "ports_",
                    "port_", "client_", "peers_per_port", "tcp_opened", "tcp_established", "tcp_refused", "tcp_unanswered",
                    "tcp_half_open", "tcp_failed", "flow_gap_", "flow_duration_", "tcp_repeated", "tcp_granted_", "services_",
                    "regularity_", "mac_changes", "payload_entropy_", "payload_printable_",
                ];
                beginnings.iter().any(|beginning| name.starts_with(beginning))
            };
            let (one, other) = (by_entity(&table(&packets), View::Host), by_entity(&table(&shuffled), View::Host));
            prop_assert!(one.keys().eq(other.keys()));
            for (one, other) in one.values().zip(other.values()) {
                for (index, feature) in catalogue(View::Host).enumerate().filter(|(_, feature)| !ordered(feature.name)) {
                    let (a, b) = (one[index], other[index]);
                    prop_assert!(same(a, b), "{}: {a} and {b}", feature.name);
                }
            }
        }

        /// Nothing in a row tells which addresses took part, or when it was.
        #[test]
        fn names_and_dates_do_not_show(packets in usual_packets(), windows_later in -1000_i64..1000) {
            // The last of the hosts takes the first one's name, and so on: the order of addresses turns round.
            let renamed = |host: Host| {
                let place = hosts().iter().position(|&known| known == host).unwrap();
                hosts()[hosts().len() - 1 - place]
            };
            let moved: Vec<Packet> = packets
                .iter()
                .map(|&packet| Packet {
                    time_ns: packet.time_ns + windows_later * LENGTH_NS,
                    src: renamed(packet.src),
                    dst: renamed(packet.dst),
                    ..packet
                })
                .collect();
            let names: Vec<String> = hosts().iter().map(Host::to_string).collect();
            for view in [View::Network, View::Host] {
                let (here, there) = (by_entity(&table(&packets), view), by_entity(&table(&moved), view));
                prop_assert_eq!(here.len(), there.len());
                for (entity, row) in &here {
                    let place = names.iter().position(|name| name == entity);
                    let entity = place.map_or(NETWORK, |place| &names[names.len() - 1 - place]);
                    let moved = &there[entity];
                    for (feature, (&a, &b)) in catalogue(view).zip(row.iter().zip(moved)) {
                        prop_assert!(same(a, b), "{}: {a} and {b}", feature.name);
                    }
                }
            }
        }
    }
}

mod over_time;

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
