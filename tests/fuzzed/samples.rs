//! Samples of every format, made on the spot, and the words that mean something in it.

use std::io::Write;

use etherparse::PacketBuilder;

use crate::common::traffic::{LABELS, Traffic, gzip, zstd};

pub const CAPTURE: &[&[u8]] = &[
    b"\x0a\x0d\x0d\x0a",
    b"\x4d\x3c\x2b\x1a",
    b"\x1a\x2b\x3c\x4d",
    b"\xd4\xc3\xb2\xa1",
    b"\xa1\xb2\x3c\x4d",
    b"\xa1\xb2\xcd\x34",
    b"snoop\0\0\0\0\0\0\x02",
    b"\x1f\x8b\x08\0",
    b"\x28\xb5\x2f\xfd",
    b"\xfd7zXZ\0",
    b"\0\0\0\0",
    b"\xff\xff\xff\xff",
    b"\0\0\0\x01",
    b"\x01\0\0\0",
    b"\x06\0\0\0",
];
pub const PACKET: &[&[u8]] = &[
    b"\x08\0",
    b"\x86\xdd",
    b"\x08\x06",
    b"\x81\0\0\x01",
    b"\x88\x47\0\x01\x01\x40",
    b"\x88\x64\x11\0",
    b"\x65\x58",
    b"\xaa\xaa\x03\0\0\0",
    b"\x45\0",
    b"\x60\0\0\0",
    b"\x12\xb5",
    b"\x17\xc1",
    b"\x08\x68",
    b"\x0d\xd8",
    b"\x20\0",
    b"\x2c\0",
    b"\xff\xff",
    b"\0\0",
];
pub const PAYLOAD: &[&[u8]] = &[
    b"\x03www\x07example\x03com\0",
    b"\xc0\x0c",
    b"\0\x01\0\0",
    b"\xff\xff",
    b"\x3f",
    b"\x16\x03\x01",
    b"\x03\x03",
    b"\r\n",
    b"Host: ",
    b"GET ",
    b" HTTP/1.1\r\n",
    b"\x05\x64",
    b"\x03\0\0",
    b"\x02\xf0\x80",
    b"\x32\x01",
];
pub const FILTER: &[&[u8]] = &[
    b" and ",
    b" or ",
    b" not ",
    b" ( ",
    b" ) ",
    b"!",
    b" host ",
    b" net ",
    b" port ",
    b" portrange ",
    b" src ",
    b" dst ",
    b" ether ",
    b" proto ",
    b" less ",
    b" greater ",
    b" tcp ",
    b" ip6 ",
    b" 10.0.0.0/8 ",
    b" fe80::1 ",
    b" 0-65535 ",
];
pub const TRUTH: &[&[u8]] = &[
    b"[[rule]]\n",
    b"rule = []\n",
    b"attack = ",
    b"start = 2016-10-10T07:54:45Z\n",
    b"end = ",
    b"src_ip = ",
    b"mac = ",
    b"port = ",
    b"proto = ",
    b"intervals = \"i\"\n",
    b"slack = \"1s\"\n",
    b"packets = \"p\"\n",
    b"whole_file = true\n",
    b"[",
    b"]",
    b"\"",
    b"\0",
    b"\"9-1\"",
    b"1e300",
    b"-1",
    b";",
    b",",
];

pub fn captures() -> Vec<Vec<u8>> {
    let traffic = Traffic::office(0, 1);
    let (pcap, pcapng) = (traffic.pcap(), traffic.pcapng());
    let mut xz = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(1)).unwrap();
    xz.write_all(&pcap).unwrap();
    let header = [&b"snoop\0\0\0"[..], &[0, 0, 0, 2, 0, 0, 0, 4]].concat();
    let record = [4, 4, 28, 0, 1_700_000_040, 5].map(u32::to_be_bytes).concat();
    let snoop = [&header[..], &record, b"abcd", &record, b"efgh"].concat();
    let packed = [gzip(&pcap), zstd(&pcapng), xz.finish().unwrap(), [gzip(&pcap[..200]), gzip(&pcap[200..])].concat()];
    [pcap, pcapng, snoop].into_iter().chain(packed).collect()
}

/// For the target `pcapng`: where to cut, then blocks.
pub fn blocks() -> Vec<Vec<u8>> {
    let two =
        b"\xff\xff\0\x01\x30\x06\0\0\0\0\0\0\0\x01\x02\0\0\0\0\0\x05\0\0\x04abcd\x03\0\0\0\0\0\0\x07\0\x01\x01\x02ef";
    let many = b"\xff\xff\x01\x01\x08\x40\x01\x16\0\x04\x06hello!\x05\0\0\0\0\0\0\0\0\0\0\0\0\x03abc\0\0\x02\x01\0\0";
    vec![two.to_vec(), many.to_vec()]
}

/// For the target `packet`: the link type and how to look at it, then a frame.
pub fn frames() -> Vec<Vec<u8>> {
    let ip = |protocol, inner: &[u8]| {
        let mut bytes = Vec::new();
        let builder = PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64);
        builder.write(&mut bytes, etherparse::IpNumber(protocol), inner).unwrap();
        bytes
    };
    let udp = |port, payload: &[u8]| {
        let mut bytes = Vec::new();
        PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64).udp(1000, port).write(&mut bytes, payload).unwrap();
        bytes
    };
    let ether = |kind: &[u8], rest: &[u8]| [b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01", kind, rest].concat();
    let mut v6 = Vec::new();
    let builder = PacketBuilder::ipv6([0xfe; 16], [0xfd; 16], 64);
    builder.udp(53, 53).write(&mut v6, &payloads()[0][2..]).unwrap();
    let mut tcp = Vec::new();
    let builder = PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64).tcp(1000, 80, 5, 900).syn();
    builder.options_raw(&[2, 4, 5, 0xb4]).unwrap().write(&mut tcp, b"hello").unwrap();
    let frame = ether(b"\x08\0", &tcp);
    let extended = [&v6[..6], b"\x2c\x40", &v6[8..40], b"\x11\0\0\x01\0\0\0\x01", &v6[40..]].concat();
    let arp = b"\0\x01\x08\0\x06\x04\0\x01\x02\0\0\0\0\x01\x0a\0\0\x01\0\0\0\0\0\0\x0a\0\0\x02";
    let with = |how: u8, frame: &[u8]| [&[how, 0, 60][..], frame].concat();
    vec![
        with(0, &frame),
        with(16, &frame),
        with(0, &ether(b"\x08\x06", arp)),
        with(0, &ether(b"\x81\0\0\x01\x86\xdd", &v6)),
        with(0, &ether(b"\x88\x47\0\x01\x01\x40", &tcp)),
        with(0, &ether(b"\x88\x64\x11\0\0\x01\0\x2e\0\x21", &tcp)),
        with(0, &ether(b"\0\x2e\xaa\xaa\x03\0\0\0\x08\0", &tcp)),
        with(1, &ip(4, &tcp)),
        with(1, &ip(41, &v6)),
        with(1, &ip(47, &[b"\0\0\x65\x58", &frame[..]].concat())),
        with(1, &ip(132, &[0; 12])),
        with(1, &ip(51, b"\x06\x01\0\0\0\0\0\x01\0\0\0\x01")),
        with(1, &udp(4789, &[b"\x08\0\0\0\0\0\x01\0", &frame[..]].concat())),
        with(1, &udp(6081, &[b"\0\0\x65\x58\0\0\x01\0", &frame[..]].concat())),
        with(1, &udp(2152, &[b"\x30\xff\0\x30\0\0\0\x01", &tcp[..]].concat())),
        with(1, &udp(3544, &v6)),
        with(1, &extended),
        with(17, &v6),
        with(2, &[b"\0\0\0\x01\0\x06\x02\0\0\0\0\x01\0\0\x08\0", &tcp[..]].concat()),
        with(3, &[b"\x08\0\0\0\0\0\0\x01\0\x01\0\x06\x02\0\0\0\0\x01\0\0", &tcp[..]].concat()),
        with(4, &[b"\x02\0\0\0", &tcp[..]].concat()),
        with(5, &[b"\xff\x03\0\x21", &tcp[..]].concat()),
        with(6, &[b"\x0f\0\x08\0", &tcp[..]].concat()),
        with(7, &[b"\x02\0\0\0\x31\0\x09\0", &tcp[..]].concat()),
        // Two fragments of one packet.
        with(
            33,
            b"\x20\0\x45\0\0\x20\0\x07\x20\0\x40\x11\0\0\x0a\0\0\x01\x0a\0\0\x02\0\x35\0\x35\0\x40\0\0abcd\
            \x18\x01\x45\0\0\x18\0\x07\0\x01\x40\x11\0\0\x0a\0\0\x01\x0a\0\0\x02efgh",
        ),
    ]
}

/// For the target `payload`: the protocol and the direction, then what is carried.
pub fn payloads() -> Vec<Vec<u8>> {
    let query = b"\0\x01\x01\0\0\x01\0\0\0\0\0\0\x03www\x02ab\0\0\x01\0\x01";
    let http = b"GET /index.html HTTP/1.1\r\nHost: example.org\r\nUser-Agent: made/1\r\n\r\n";
    let setup = b"\x03\0\0\x19\x02\xf0\x80\x32\x01\0\0\0\0\0\x08\0\0\xf0\0\0\x01\0\x01\x01\xe0";
    vec![
        [b"\0\0", &query[..]].concat(),
        [b"\x01\0\0\x18", &query[..]].concat(),
        b"\x02\x01\0\0\x84\0\0\0\0\x02\0\0\0\0whatever".to_vec(),
        [b"\x05\0", &http[..]].concat(),
        b"\x05\x01HTTP/1.1 404 Not Found\r\nServer: made\r\n\r\n".to_vec(),
        // ClientHello: TLS 1.2, two ciphers, server name "a.bc".
        b"\x04\0\x16\x03\x01\0\x40\x01\0\0\x3c\x03\x03................................\0\0\x04\x13\x01\xc0\x2f\x01\0\0\x0f\0\0\0\x09\0\x07\0\0\x04a.bc\0\x17\0\0".to_vec(),
        b"\x06\0\0\x01\0\0\0\x06\x01\x03\0\0\0\x0a".to_vec(),
        b"\x06\x01\0\x01\0\0\0\x03\x01\x83\x02".to_vec(),
        b"\x07\0\x05\x64\x0b\xc4\x01\0\x02\0\0\0\xc0\xc0\x01\x3c\x02\x06\0\0".to_vec(),
        [b"\x08\0", &setup[..]].concat(),
        // Twice the same function, of which the cut takes one.
        [b"\x08\x10", &setup[..], setup].concat(),
    ]
}

pub fn filters() -> Vec<Vec<u8>> {
    let texts = [
        "tcp port 80 or 443",
        "not (src net 10 and dst net fe80::/10)",
        "ether src host 02:00:00:00:00:01 and udp dst portrange 1-1023",
        "host 10.0.0.1 && ! icmp6 || less 100 and greater 10 or proto 47",
    ];
    texts.map(|text| text.as_bytes().to_vec()).into()
}

pub fn labels() -> Vec<Vec<u8>> {
    let intervals = "start_epoch_s,end_epoch_s,attack\n1476086085.5,1476086086,scan\n1,2,\"a,b\"\n";
    let rules = "[[rule]]\nattack=\"a\"\nstart=2016-10-10T07:54:45Z\nip=[\"10.0.0.0/8\"]\nport=\"1-9\"\nproto=6\n\
        [[rule]]\nintervals=\"i\"\nslack=\"1s\"\n[[rule]]\npackets=\"p\"\n";
    let texts = [LABELS.to_owned(), "rule = []".to_owned(), format!("{rules}\0{intervals}\x001;0\n2;1\n3;scan\n")];
    texts.map(String::into_bytes).into()
}
