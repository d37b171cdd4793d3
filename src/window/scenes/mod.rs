//! Small scenes of traffic with the values of features worked out by hand: what each feature means, by example.

mod local;
mod sessions;
mod talks;
mod times;

use std::collections::BTreeMap;

use super::*;
use crate::packet::app::{App, Dns};
use crate::packet::{Arp, Cast, Flaw, Fragment, Host, Network, Packet, Tcp, TcpFlags, Transport};

/// Where the window of every scene starts, and how long it lasts.
pub const START_NS: i64 = 1_700_000_000_000_000_000;
pub const LENGTH_NS: i64 = 10_000_000_000;

/// What happens in one window, and what rows say of it.
pub struct Scene {
    pub story: &'static str,
    pub packets: Vec<Packet<'static>>,
    /// By entity, values by feature: `packets 9  packets_out_share 6/9`.
    pub rows: &'static [(&'static str, &'static str)],
}

/// The window that holds these packets.
pub fn table(packets: &[Packet]) -> Table {
    let mut table = Table::new(START_NS, LENGTH_NS, &Scope::new(View::ALL.into_iter().collect::<Views>()));
    for packet in packets {
        table.count(packet, None);
    }
    table
}

/// A host, and a host's port.
pub type Address = [u8; 4];
pub type End = (Address, u16);

/// The MAC of every address's own machine.
pub fn mac(host: Host) -> [u8; 6] {
    let bytes = host.bits().to_be_bytes();
    [2, 0, bytes[12], bytes[13], bytes[14], bytes[15]]
}

/// A packet with `payload` bytes behind `header` bytes, `at` seconds into the window.
pub fn packet(at: f64, src: impl Into<Host>, dst: impl Into<Host>, header: u32, payload: u32) -> Packet<'static> {
    let (src, dst) = (src.into(), dst.into());
    Packet {
        time_ns: START_NS + (at * 1e9).round() as i64,
        wire_len: header + payload,
        src,
        dst,
        src_mac: Some(mac(src)),
        dst_mac: Some(mac(dst)),
        network: Network::Ipv4,
        ttl: 64,
        payload_len: payload,
        ..Packet::BLANK
    }
}

/// A TCP segment; `flags` are letters as tcpdump writes them, with A for ACK.
pub fn tcp(at: f64, src: End, dst: End, flags: &str, payload: u32) -> Packet<'static> {
    let bit = |letter| match letter {
        'F' => TcpFlags::FIN,
        'S' => TcpFlags::SYN,
        'R' => TcpFlags::RST,
        'P' => TcpFlags::PSH,
        'A' => TcpFlags::ACK,
        'U' => TcpFlags::URG,
        other => panic!("no flag is called {other}"),
    };
    let flags = TcpFlags(flags.chars().map(bit).sum());
    let transport = Transport::Tcp(Tcp { src_port: src.1, dst_port: dst.1, seq: 0, ack: 0, window: 1024, flags });
    Packet { transport, ..packet(at, src.0, dst.0, 14 + 20 + 20, payload) }
}

pub fn udp(at: f64, src: End, dst: End, payload: u32) -> Packet<'static> {
    let transport = Transport::Udp { src_port: src.1, dst_port: dst.1 };
    Packet { transport, ..packet(at, src.0, dst.0, 14 + 20 + 8, payload) }
}

/// A DNS message about `name`, whose characters have `entropy` bits.
pub fn dns(at: f64, src: End, dst: End, name: &str, entropy: f32) -> Packet<'static> {
    let name_hash = name.bytes().fold(0, |hash, byte| hash << 8 | u64::from(byte));
    let dns = Dns {
        response: src.1 == 53,
        rcode: 0,
        answers: 0,
        qtype: 1,
        name_hash,
        name_len: name.len() as u8,
        name_entropy: entropy,
    };
    Packet { app: Some(App::Dns(dns)), ..udp(at, src, dst, 18 + name.len() as u32) }
}

/// A packet whose DNS message says something else.
pub fn reworded(packet: Packet<'static>, change: impl Fn(&mut Dns)) -> Packet<'static> {
    let app = match packet.app {
        Some(App::Dns(mut dns)) => {
            change(&mut dns);
            Some(App::Dns(dns))
        }
        other => other,
    };
    Packet { app, ..packet }
}

pub fn icmp(at: f64, src: Address, dst: Address, kind: u8) -> Packet<'static> {
    Packet { transport: Transport::Icmp { v6: false, kind, code: 0 }, ..packet(at, src, dst, 14 + 20 + 8, 56) }
}

fn arp(at: f64, sender: Address, target: Address, operation: u16, cast: Cast) -> Packet<'static> {
    let frame = packet(at, sender, target, 60, 0);
    let arp = Arp { operation, sender_mac: mac(sender.into()), gratuitous: sender == target };
    Packet { cast, network: Network::Arp, ttl: 0, transport: Transport::Arp(arp), ..frame }
}

/// An ARP request to everyone.
pub fn who_has(at: f64, asked: Address, asker: Address) -> Packet<'static> {
    arp(at, asker, asked, 1, Cast::Broadcast)
}

/// An ARP reply to one host.
pub fn is_at(at: f64, replier: Address, asker: Address) -> Packet<'static> {
    arp(at, replier, asker, 2, Cast::Unicast)
}

/// `number` or `part/whole`, with `-` for undefined.
fn value(text: &str) -> f64 {
    match text.split_once('/') {
        Some((part, whole)) => value(part) / value(whole),
        None if text == "-" => f64::NAN,
        None => text.parse().unwrap_or_else(|_| panic!("{text} is no number")),
    }
}

/// The values that a scene expects of an entity, by feature.
fn expected(values: &str) -> Vec<(&str, f64)> {
    let words: Vec<&str> = values.split_whitespace().collect();
    words.chunks(2).map(|pair| (pair[0], value(pair[1]))).collect()
}

/// The values of a view's rows by entity.
pub fn by_entity(table: &Table, view: View) -> BTreeMap<String, Vec<f32>> {
    let rows = rows(table, view);
    let values = rows.values.chunks(catalogue(view).count()).map(<[f32]>::to_vec);
    rows.entity.iter().map(str::to_owned).zip(values).collect()
}

pub fn all() -> Vec<Scene> {
    [sessions::scenes(), local::scenes(), times::scenes(), talks::scenes()].into_iter().flatten().collect()
}

fn view_of(entity: &str) -> View {
    match entity {
        NETWORK => View::Network,
        flow if flow.contains(" > ") => View::Flow,
        pair if pair.contains(' ') => View::Pair,
        _ => View::Host,
    }
}

#[test]
fn every_value_is_the_one_worked_out_by_hand() {
    let mut wrong = Vec::new();
    for Scene { story, packets, rows: expectations } in all() {
        let table = table(&packets);
        for (entity, values) in expectations {
            let view = view_of(entity);
            let rows = by_entity(&table, view);
            let row =
                rows.get(*entity).unwrap_or_else(|| panic!("{story}: there is no row of {entity}: {:?}", rows.keys()));
            for (name, expected) in expected(values) {
                let column = catalogue(view).position(|feature| feature.name == name);
                let got = column.map_or_else(|| panic!("{view} rows have no {name}"), |column| row[column]);
                let close = (f64::from(got) - expected).abs() <= 1e-5 * expected.abs().max(1.0);
                if !(close || got.is_nan() && expected.is_nan()) {
                    wrong.push(format!("{story}: {entity}: {name} is {got}, not {expected}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_feature_is_without_a_scene_in_which_it_says_something() {
    for view in [View::Network, View::Host] {
        let scenes = all();
        let rows = scenes.iter().flat_map(|scene| scene.rows).filter(|(entity, _)| view_of(entity) == view);
        let telling: Vec<&str> = rows
            .flat_map(|(_, values)| expected(values))
            .filter(|(_, value)| value.abs() > 0.0)
            .map(|(name, _)| name)
            .collect();
        let untold: Vec<&str> =
            catalogue(view).map(|feature| feature.name).filter(|name| !telling.contains(name)).collect();
        assert!(untold.is_empty(), "{view}: {untold:?}");
    }
}
