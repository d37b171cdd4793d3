//! Any bytes as what a well-formed packet carries, between ports that promise a protocol.

use tidewatch::capture::{Frame, Link};
use tidewatch::packet::app::{App, Http, Named, Tls};
use tidewatch::packet::{Packet, Transport, Tunnels};

use super::{Bytes, packet};

const TCP: u8 = 6;
const UDP: u8 = 17;

/// Who is told by a port, and the port.
const PROMISES: [(u8, u16); 16] = [
    (UDP, 53),
    (TCP, 53),
    (UDP, 5353),
    (UDP, 5355),
    (TCP, 443),
    (TCP, 80),
    (TCP, 502),
    (TCP, 20_000),
    (TCP, 102),
    (UDP, 20_000),
    (UDP, 443),
    (TCP, 8080),
    (TCP, 8443),
    (UDP, 4789),
    (UDP, 2152),
    (UDP, 3544),
];

pub fn target(data: &[u8]) {
    let mut data = Bytes(data);
    let [which, how] = data.array();
    let (protocol, port) = PROMISES[usize::from(which) % PROMISES.len()];
    let ports = if how & 1 == 0 { [40_000, port] } else { [port, 40_000] };
    let payload = data.take(60_000);
    let bytes = carrying(protocol, ports, payload);
    let frame = Frame { number: 1, time_ns: 0, link: Link::RawIp, wire_len: bytes.len() as u32, bytes: &bytes };

    let outer = packet::decoded(&frame, Tunnels::Outer).unwrap_or_else(|| panic!("{bytes:?}"));
    assert_eq!((outer.payload, outer.payload_len as usize, outer.flaw), (payload, payload.len(), None));
    match outer.transport {
        Transport::Tcp(tcp) => assert_eq!((protocol, [tcp.src_port, tcp.dst_port]), (TCP, ports)),
        Transport::Udp { src_port, dst_port } => assert_eq!((protocol, [src_port, dst_port]), (UDP, ports)),
        other => panic!("{other:?}"),
    }
    told(&outer);
    if let Some(inner) = packet::decoded(&frame, Tunnels::Inner) {
        told(&inner);
    }
    let len = bytes.len() - usize::from(how >> 1).min(payload.len());
    let cut = Packet::decode(&Frame { bytes: &bytes[..len], ..frame }, Tunnels::Outer);
    let cut = cut.unwrap_or_else(|skip| panic!("{skip:?} of {bytes:?}"));
    if let (Some(part), Some(whole)) = (cut.app, outer.app) {
        reaches(part, whole);
    }
}

/// What can be said of every message.
fn told(packet: &Packet<'_>) {
    match packet.app {
        Some(App::Dns(dns)) => {
            assert!(dns.name_len <= 253 && dns.rcode < 16, "{dns:?}");
            let most = f32::from(dns.name_len.max(1)).log2();
            assert!((0.0..=most + 1e-3).contains(&dns.name_entropy), "{dns:?}");
        }
        Some(App::Tls(Tls::Hello(hello))) => {
            assert!(matches!(hello.version, 2 | 0x0300..=0x0304), "{hello:?}");
            assert!(hello.name_len == 0 || hello.server_name.hash().is_some(), "{hello:?}");
        }
        Some(App::Http(Http::Request(request))) => assert!(usize::from(request.target_len) <= packet.payload.len()),
        Some(App::Http(Http::Response { status })) => assert!((100..1000).contains(&status)),
        Some(App::Ics(ics)) => assert!((1..=12).contains(&ics.functions().len()), "{ics:?}"),
        Some(App::Tls(Tls::Alert)) | None => {}
    }
}

/// What a cut message says is what the whole one says, as far as it reaches.
fn reaches(part: App, whole: App) {
    let named = |part, whole| part == Named::Cut || part == whole;
    let agree = match (part, whole) {
        (App::Dns(part), App::Dns(whole)) => part == whole,
        (App::Tls(Tls::Hello(part)), App::Tls(Tls::Hello(whole))) => {
            part.version <= whole.version && named(part.server_name, whole.server_name)
        }
        (App::Http(Http::Request(part)), App::Http(Http::Request(whole))) => {
            part.method == whole.method && named(part.host, whole.host) && named(part.agent, whole.agent)
        }
        (App::Ics(part), App::Ics(whole)) => {
            // The last of them may be named again behind the cut.
            let mut both = part.functions().iter().zip(whole.functions());
            part.protocol == whole.protocol
                && part.functions().len() <= whole.functions().len()
                && both.all(|(part, whole)| part.0 == whole.0 && part.1 <= whole.1)
        }
        // Where what tells the protocol is cut, the port tells another.
        (part, whole) => part == whole || std::mem::discriminant(&part) != std::mem::discriminant(&whole),
    };
    assert!(agree, "{part:?} {whole:?}");
}

/// An IPv4 packet with nothing wrong with it.
fn carrying(protocol: u8, [src_port, dst_port]: [u16; 2], payload: &[u8]) -> Vec<u8> {
    let header = if protocol == TCP { 20 } else { 8 };
    let [upper, lower] = ((20 + header + payload.len()) as u16).to_be_bytes();
    let mut bytes = vec![0x45, 0, upper, lower, 0, 1, 0, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
    bytes.extend([src_port, dst_port].map(u16::to_be_bytes).concat());
    if protocol == TCP {
        bytes.extend([0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x18, 0x20, 0, 0, 0, 0, 0]);
    } else {
        bytes.extend([((8 + payload.len()) as u16).to_be_bytes(), [0, 0]].concat());
    }
    bytes.extend(payload);
    bytes
}
