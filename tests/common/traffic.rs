//! Captures that are made on the spot: a small office that asks and is answered, and someone who scans it.

use std::io::Write;

use etherparse::{IpHeaders, PacketBuilder, PacketBuilderStep, TcpHeader};
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256Plus;

/// The first second of all made traffic: 14 November 2023, the start of a minute.
pub const START_S: i64 = 1_700_000_040;

const SERVER: u8 = 1;
/// Who scans.
pub const SCANNER: u8 = 66;

/// Ground truth of [`Traffic::scan`].
pub const LABELS: &str = "[[rule]]\nattack = \"port-scan\"\nsrc_ip = \"10.0.0.66\"\n";

/// Frames with their times in nanoseconds since the epoch.
#[derive(Clone, Default)]
pub struct Traffic {
    frames: Vec<(i64, Vec<u8>)>,
}

impl Traffic {
    /// The office from `from` on, for so many seconds after [`START_S`]: every second each of three clients asks the
    /// server a few times.
    pub fn office(from: i64, seconds: i64) -> Self {
        let mut traffic = Self::default();
        for second in from..from + seconds {
            let mut rng = Xoshiro256Plus::seed_from_u64(second as u64);
            for client in 10..13 {
                for question in 0..rng.gen_range(2..6) {
                    let at_us = second * 1_000_000 + rng.gen_range(0..900_000);
                    let port = 40_000 + (second % 1000) as u16 + question;
                    let (asked, answered) = (rng.gen_range(30..60), rng.gen_range(60..300));
                    traffic.push(at_us, datagram((client, port), (SERVER, 53), asked));
                    traffic.push(at_us + 400, datagram((SERVER, 53), (client, port), answered));
                }
                let at_us = second * 1_000_000 + rng.gen_range(0..800_000);
                traffic.connection(
                    at_us,
                    (client, 50_000 + (second % 1000) as u16),
                    (SERVER, 443),
                    rng.gen_range(1..4),
                );
            }
        }
        traffic.sorted()
    }

    /// The same, and in the second `at` one host that tries 200 ports of the server.
    pub fn scan(mut self, at: i64) -> Self {
        for port in 1..=200 {
            let at_us = at * 1_000_000 + i64::from(port) * 2_000;
            self.push(at_us, segment((SCANNER, 60_000), (SERVER, port), "S", b""));
            self.push(at_us + 50, segment((SERVER, port), (SCANNER, 60_000), "RA", b""));
        }
        self.sorted()
    }

    /// How many frames there are.
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Cuts the traffic in two: the frames before the second `at`, and the others.
    pub fn split(self, at: i64) -> (Self, Self) {
        let (before, after) = self.frames.into_iter().partition(|(time, _)| *time < (START_S + at) * 1_000_000_000);
        (Self { frames: before }, Self { frames: after })
    }

    /// As a classic capture of microseconds.
    pub fn pcap(&self) -> Vec<u8> {
        [&pcap_header()[..], &self.records()].concat()
    }

    /// The records of a classic capture, without its header.
    pub fn records(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (time, frame) in &self.frames {
            let (seconds, micros) = (time / 1_000_000_000, time % 1_000_000_000 / 1_000);
            for field in [seconds as u32, micros as u32, frame.len() as u32, frame.len() as u32] {
                bytes.extend(field.to_le_bytes());
            }
            bytes.extend(frame);
        }
        bytes
    }

    /// As pcapng: a section, an interface with nanoseconds, a packet a block.
    pub fn pcapng(&self) -> Vec<u8> {
        let mut bytes = block(0x0a0d_0d0a, &[&0x1a2b_3c4d_u32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat());
        // Ethernet, no limit of length; option 9 is the resolution, 10⁻⁹ s; option 0 ends the options.
        bytes.extend(block(1, &[1, 0, 0, 0, 0, 0, 0, 0, 9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0]));
        for (time, frame) in &self.frames {
            let fields = [0, (time >> 32) as u32, *time as u32, frame.len() as u32, frame.len() as u32];
            bytes.extend(block(6, &[&fields.map(u32::to_le_bytes).concat()[..], frame].concat()));
        }
        bytes
    }

    /// A connection that is opened, used `times` times and closed.
    fn connection(&mut self, at_us: i64, client: End, server: End, times: i64) {
        self.push(at_us, segment(client, server, "S", b""));
        self.push(at_us + 200, segment(server, client, "SA", b""));
        for time in 0..times {
            self.push(at_us + 1_000 + 5_000 * time, segment(client, server, "PA", &[b'?'; 100]));
            self.push(at_us + 1_300 + 5_000 * time, segment(server, client, "PA", &[b'!'; 400]));
        }
        self.push(at_us + 90_000, segment(client, server, "FA", b""));
        self.push(at_us + 90_200, segment(server, client, "FA", b""));
    }

    fn push(&mut self, at_us: i64, frame: Vec<u8>) {
        self.frames.push(((START_S * 1_000_000 + at_us) * 1_000, frame));
    }

    fn sorted(mut self) -> Self {
        self.frames.sort_by_key(|&(time, _)| time);
        self
    }
}

/// The file header of a classic capture: microseconds, little endian, Ethernet.
pub fn pcap_header() -> Vec<u8> {
    [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 1].map(u32::to_le_bytes).concat()
}

/// Packed as gzip.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

/// Packed as zstd.
pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let padding = vec![0; body.len().next_multiple_of(4) - body.len()];
    let size = ((body.len() + padding.len() + 12) as u32).to_le_bytes();
    [&kind.to_le_bytes()[..], &size, body, &padding, &size].concat()
}

/// A host of 10.0.0.0/24 and a port of it.
type End = (u8, u16);

fn network(from: End, to: End) -> PacketBuilderStep<IpHeaders> {
    let mac = |host| [2, 0, 0, 0, 0, host];
    PacketBuilder::ethernet2(mac(from.0), mac(to.0)).ipv4([10, 0, 0, from.0], [10, 0, 0, to.0], 64)
}

fn datagram(from: End, to: End, size: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    network(from, to).udp(from.1, to.1).write(&mut bytes, &vec![b'.'; size]).unwrap();
    bytes
}

fn segment(from: End, to: End, flags: &str, payload: &[u8]) -> Vec<u8> {
    let mut header = TcpHeader::new(from.1, to.1, 100, 65_000);
    for flag in flags.chars() {
        match flag {
            'S' => header.syn = true,
            'A' => header.ack = true,
            'F' => header.fin = true,
            'R' => header.rst = true,
            'P' => header.psh = true,
            other => panic!("there is no flag {other}"),
        }
    }
    let mut bytes = Vec::new();
    network(from, to).tcp_header(header).write(&mut bytes, payload).unwrap();
    bytes
}
