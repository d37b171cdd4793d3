//! What holds of any packets.

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
    let classes = vec![
        Class::Read,
        Class::Write,
        Class::Control,
        Class::Restart,
        Class::Program,
        Class::Configuration,
        Class::Response,
        Class::Unsolicited,
        Class::Error,
        Class::Unknown,
    ];
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

pub(super) fn usual_packets() -> impl Strategy<Value = Vec<Packet<'static>>> {
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
