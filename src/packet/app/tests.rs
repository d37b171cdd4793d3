//! The readers against messages that are made by hand.

use proptest::prelude::*;

use super::super::{Tcp, TcpFlags};
use super::*;

pub const CLIENT: u16 = 40_000;

/// What a segment between these ports says.
fn segment(src_port: u16, dst_port: u16, payload: &[u8]) -> Option<App> {
    let tcp = Tcp { src_port, dst_port, seq: 0, ack: 0, window: 0, flags: TcpFlags(TcpFlags::ACK) };
    of(&Transport::Tcp(tcp), payload)
}

fn datagram(src_port: u16, dst_port: u16, payload: &[u8]) -> Option<App> {
    of(&Transport::Udp { src_port, dst_port }, payload)
}

/// The bytes that are written as hexadecimal digits.
fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits.chars().filter_map(|c| c.to_digit(16)).map(|digit| digit as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

#[test]
fn a_packet_stays_small() {
    assert!(size_of::<Option<App>>() <= 32, "{}", size_of::<Option<App>>());
}

mod tls {
    use super::*;

    /// An extension of a ClientHello.
    pub fn extension(kind: u16, body: &[u8]) -> Vec<u8> {
        [&kind.to_be_bytes()[..], &(body.len() as u16).to_be_bytes(), body].concat()
    }

    pub fn server_name(name: &str) -> Vec<u8> {
        let len = name.len() as u8;
        extension(0, &[&[0, len + 3, 0, 0, len], name.as_bytes()].concat())
    }

    fn words(values: &[u16]) -> Vec<u8> {
        values.iter().flat_map(|value| value.to_be_bytes()).collect()
    }

    pub fn versions(values: &[u16]) -> Vec<u8> {
        extension(43, &[&[2 * values.len() as u8][..], &words(values)].concat())
    }

    /// A record with a ClientHello; without extensions if none are given.
    pub fn hello(version: u16, ciphers: &[u16], extensions: Option<&[Vec<u8>]>) -> Vec<u8> {
        let (ciphers, extensions) = (words(ciphers), extensions.map(<[_]>::concat));
        let mut body = [&version.to_be_bytes()[..], &[7; 32], &[4, 1, 2, 3, 4]].concat();
        body.extend((ciphers.len() as u16).to_be_bytes());
        body.extend(&ciphers);
        body.extend([1, 0]);
        if let Some(extensions) = &extensions {
            body.extend((extensions.len() as u16).to_be_bytes());
            body.extend(extensions);
        }
        let len = body.len() as u16;
        [&[22, 3, 1][..], &(len + 4).to_be_bytes(), &[1, 0], &len.to_be_bytes(), &body].concat()
    }

    pub fn modern() -> Vec<u8> {
        let extensions = [
            extension(0x1a1a, b""),
            server_name("Example.org"),
            extension(16, b"\0\x0c\x02h2\x08http/1.1"),
            extension(13, b"\0\x04\x04\x03\x08\x04"),
            versions(&[0xcaca, 0x0304, 0x0303]),
        ];
        hello(0x0303, &[0xfafa, 0x1301, 0xc02b], Some(&extensions))
    }

    fn read(payload: &[u8]) -> Hello {
        match segment(CLIENT, 443, payload) {
            Some(App::Tls(Tls::Hello(hello))) => hello,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_hello_tells_its_version_its_server_and_its_software() {
        let modern = read(&modern());
        assert_eq!((modern.version, modern.name_len), (0x0304, 11));
        assert_eq!(modern.server_name, Named::Hash(hash::short(b"example.org")));
        let old = hello(0x0301, &[5], None);
        let old = read(&old);
        assert_eq!((old.version, old.server_name, old.name_len), (0x0301, Named::Nothing, 0));
        assert!(old.fingerprint.is_some());
        // A draft of TLS 1.3.
        assert_eq!(read(&hello(0x0303, &[5], Some(&[versions(&[0x7f1c])]))).version, 0x0304);
        // Any port will do, for what it is shows.
        assert!(segment(25, CLIENT, &hello(0x0303, &[5], None)).is_some());
    }

    #[test]
    fn the_fingerprint_is_of_the_software_alone() {
        let of = |ciphers: &[u16], extensions: &[Vec<u8>]| read(&hello(0x0303, ciphers, Some(extensions))).fingerprint;
        let (a, b, c) = (extension(10, b"x"), extension(11, b"y"), extension(13, b"z"));
        let alpn = |first: &str| extension(16, &[&[0, 9, first.len() as u8][..], first.as_bytes(), b"\x02xx"].concat());
        let one = of(&[1, 2, 3], &[server_name("a.org"), a.clone(), b.clone(), alpn("h2")]);
        assert!(one.is_some());
        // The same whatever the order, the server and the GREASE.
        assert_eq!(one, of(&[3, 0x8a8a, 1, 2], &[b.clone(), alpn("h2"), extension(0x2a2a, b"q"), a.clone()]));
        for (ciphers, extensions) in [
            (&[1, 2][..], vec![a.clone(), b.clone(), alpn("h2")]),
            (&[1, 2, 3], vec![a.clone(), alpn("h2")]),
            (&[1, 2, 3], vec![a.clone(), b.clone()]),
            (&[1, 2, 3], vec![a.clone(), b.clone(), alpn("http/1.1")]),
            (&[1, 2, 3], vec![a.clone(), b.clone(), alpn("h2"), c.clone()]),
            (&[1, 2, 3], vec![a.clone(), b.clone(), alpn("h2"), versions(&[0x0304])]),
        ] {
            assert_ne!(one, of(ciphers, &extensions), "{ciphers:?} {extensions:?}");
        }
        let signatures = |order: &[u8]| of(&[1], &[extension(13, order)]);
        assert_ne!(signatures(&[0, 4, 1, 1, 2, 2]), signatures(&[0, 4, 2, 2, 1, 1]));
        assert!(!super::super::tls::is_grease(0x0a1a) && super::super::tls::is_grease(0x0a0a));
    }

    #[test]
    fn a_cut_hello_tells_what_it_reaches() {
        let bytes = modern();
        let whole = read(&bytes);
        let half = read(&bytes[..70]).fingerprint;
        assert!(half.is_some() && half != whole.fingerprint);
        for len in 0..bytes.len() {
            // Cut in the capture, and by the end of a segment.
            let Some(App::Tls(Tls::Hello(cut))) = segment(CLIENT, 443, &bytes[..len]) else {
                assert!(len < 11, "{len}");
                continue;
            };
            assert!(cut.version == 0x0303 || cut.version == whole.version, "{len}");
            assert!(cut.server_name == Named::Cut || cut.server_name == whole.server_name, "{len}");
            assert!([None, half].contains(&cut.fingerprint), "{len}");
        }
    }

    /// Found by fuzzing: the last of two names counted, so that a cut hello told another one than the whole.
    #[test]
    fn of_two_server_names_the_first_counts() {
        let bytes = hello(0x0303, &[5], Some(&[server_name("a.org"), server_name("bc.org")]));
        let hello = read(&bytes);
        assert_eq!((hello.server_name, hello.name_len), (Named::Hash(hash::short(b"a.org")), 5));
    }

    #[test]
    fn old_clients_greet_in_the_old_way() {
        let hello = |version: [u8; 2], challenge: u8| {
            let lens = [0, 6, 0, 0, 0, challenge];
            [&[0x80, 9 + 6 + challenge, 1][..], &version, &lens, &[0, 0, 5, 7, 0, 192], &[9; 32][..challenge.into()]]
                .concat()
        };
        let old = read(&hello([0, 2], 16));
        assert_eq!((old.version, old.server_name), (0x0002, Named::Nothing));
        assert!(old.fingerprint.is_some());
        assert_eq!(read(&hello([3, 1], 32)).version, 0x0301);
        assert_eq!(read(&hello([3, 1], 32)[..15]), Hello { version: 0x0301, fingerprint: None, ..old });
        let mut longer = hello([3, 1], 16);
        longer[1] += 1;
        for nonsense in [hello([3, 9], 16), hello([3, 1], 15), longer] {
            assert_eq!(segment(CLIENT, 443, &nonsense), None, "{nonsense:?}");
        }
    }

    #[test]
    fn alerts_in_the_clear_are_told_from_encrypted_ones() {
        let alert = |bytes: &[u8]| segment(443, CLIENT, bytes);
        assert_eq!(alert(&[21, 3, 3, 0, 2, 2, 40]), Some(App::Tls(Tls::Alert)));
        assert_eq!(alert(&[21, 3, 3, 0, 26, 0, 0, 0, 0, 0, 0, 0, 1, 9, 9]), None);
        assert_eq!(alert(&[21, 3, 3, 0, 2, 7, 40]), None);
        assert_eq!(alert(&[21, 3, 3, 0, 2]), None);
    }

    #[test]
    fn other_records_are_none() {
        let good = modern();
        for (at, value) in [(0, 23), (1, 4), (2, 9), (5, 2), (9, 2)] {
            let mut bytes = good.clone();
            bytes[at] = value;
            assert_eq!(segment(CLIENT, 443, &bytes), None, "{at}");
        }
    }
}

mod http {
    use super::*;

    fn read(payload: &str) -> Option<Request> {
        match segment(CLIENT, 80, payload.as_bytes()) {
            Some(App::Http(Http::Request(request))) => Some(request),
            None => None,
            other => panic!("{other:?}"),
        }
    }

    fn named(text: &str) -> Named {
        Named::Hash(hash::short(text.as_bytes()))
    }

    #[test]
    fn a_request_tells_who_asks_whom_for_what() {
        let request =
            read("POST /a?b=c HTTP/1.1\r\nAccept: *\r\nhost:  WWW.ab\r\nUser-agent: Me/1\r\nHost: x\r\n\r\nHi")
                .unwrap();
        assert_eq!((request.method, request.target_len), (Method::Post, 6));
        assert_eq!((request.target, request.host, request.agent), (named("/a?b=c"), named("www.ab"), named("Me/1")));
        let bare = read("GET * HTTP/1.0\r\n\r\n").unwrap();
        assert_eq!((bare.method, bare.host, bare.agent), (Method::Get, Named::Nothing, Named::Nothing));
        // Lines of sloppy clients, and a target with a space in it.
        let sloppy = read("PUT /a b HTTP/1.1\nHost: x\n\n").unwrap();
        assert_eq!((sloppy.target_len, sloppy.target, sloppy.host), (4, named("/a b"), named("x")));
        let ancient = read("GET /a\r\n").unwrap();
        assert_eq!((ancient.target, ancient.agent), (named("/a"), Named::Cut));
        assert_eq!(read("PROPFIND / HTTP/1.1\r\n").unwrap().method, Method::Other);
    }

    #[test]
    fn a_cut_request_tells_what_it_reaches() {
        let bytes = "GET /a/b HTTP/1.1\r\nHost: x\r\nUser-Agent: y\r\nA: b\r\n\r\n";
        let whole = read(bytes).unwrap();
        for len in 0..bytes.len() {
            let Some(cut) = read(&bytes[..len]) else {
                assert!(len < 4, "{len}");
                continue;
            };
            assert!(cut.target_len <= whole.target_len, "{len}");
            for (cut, whole) in [(cut.target, whole.target), (cut.host, whole.host), (cut.agent, whole.agent)] {
                assert!(cut == Named::Cut || cut == whole, "{len}");
            }
        }
        // That there is no host shows only at the end.
        assert_eq!(read("GET / HTTP/1.1\r\nA: b\r\n").unwrap().host, Named::Cut);
        let endless = "GET /".to_owned() + &"x".repeat(20_000);
        assert_eq!(read(&endless).unwrap().target_len, 8192);
        let fields = "GET / HTTP/1.1\r\n".to_owned() + &"A: b\r\n".repeat(200) + "Host: x\r\n\r\n";
        assert_eq!(read(&fields).unwrap().host, Named::Cut);
    }

    #[test]
    fn a_response_tells_its_status() {
        let status = |text: &str| segment(80, CLIENT, text.as_bytes());
        assert_eq!(status("HTTP/1.1 404 Not Found\r\n"), Some(App::Http(Http::Response { status: 404 })));
        assert_eq!(status("HTTP/1.0 200"), Some(App::Http(Http::Response { status: 200 })));
        for nonsense in ["HTTP/1.1 20", "HTTP/1.1 2x0", "HTTP/1.1404", "HTTP/2.0 200 OK"] {
            assert_eq!(status(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn what_only_looks_like_it_is_none() {
        for other in [
            "OPTIONS sip:a SIP/2.0\r\n",
            "DESCRIBE rtsp://a RTSP/1.0\r\n",
            "EHLO example.org\r\n",
            "GET a\r\n",
            "POST /\r\n",
            "GET  HTTP/1.1\r\n",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            "HELO a HTTP",
            "GET /\x01 HTTP/1.1\r\n",
            "GETTING",
            "GetX / HTTP/1.1\r\n",
            "ABCDEFGHIJKLMNOPQRSTUVWXYZ / HTTP/1.1\r\n",
        ] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}

mod industrial {
    use super::*;

    fn functions(app: Option<App>) -> Vec<(u8, Class)> {
        match app {
            Some(App::Ics(ics)) => {
                let named = |&(function, times): &(Function, u8)| vec![(function.code, function.class); times.into()];
                ics.functions().iter().flat_map(named).collect()
            }
            None => Vec::new(),
            other => panic!("{other:?}"),
        }
    }

    /// A Modbus message of unit 1.
    pub fn modbus(pdu: &[u8]) -> Vec<u8> {
        [&[0, 9, 0, 0, 0, pdu.len() as u8 + 1, 1], pdu].concat()
    }

    #[test]
    fn modbus_is_asked_and_answered() {
        let ask = |pdu: &[u8]| functions(segment(CLIENT, 502, &modbus(pdu)));
        let answer = |pdu: &[u8]| functions(segment(502, CLIENT, &modbus(pdu)));
        for (pdu, class) in [
            (&[3, 0, 1, 0, 2][..], Class::Read),
            (&[5, 0, 1, 0xff, 0], Class::Write),
            (&[16, 0, 1, 0, 1, 2, 0, 7], Class::Write),
            (&[8, 0, 0, 1, 2], Class::Configuration),
            (&[8, 0, 1, 0, 0], Class::Restart),
            (&[43, 14, 1, 0], Class::Configuration),
            (&[90, 0, 2], Class::Program),
            (&[100], Class::Unknown),
            (&[0x83, 2], Class::Unknown),
        ] {
            assert_eq!(ask(pdu), [(pdu[0], class)]);
        }
        assert_eq!(answer(&[3, 2, 0, 7]), [(3, Class::Response)]);
        assert_eq!(answer(&[0x83, 2]), [(0x83, Class::Error)]);
        let three = [modbus(&[3, 0, 1, 0, 2]), modbus(&[6, 0, 1, 0, 2]), modbus(&[1, 0, 1, 0, 2])].concat();
        let all = [(3, Class::Read), (6, Class::Write), (1, Class::Read)];
        assert_eq!(functions(segment(CLIENT, 502, &three)), all);
        for (at, value) in [(2, 1), (3, 1), (4, 1), (5, 1)] {
            let mut other = three.clone();
            other[at] = value;
            assert_eq!(functions(segment(CLIENT, 502, &other)), [], "{at}");
        }
        assert_eq!(functions(segment(CLIENT, 503, &three)), []);
        assert_eq!(functions(segment(CLIENT, 502, &modbus(&[3, 0, 1, 0, 2]).repeat(50))).len(), 50);
        assert_eq!(functions(segment(CLIENT, 502, &modbus(&[3, 0, 1, 0, 2]).repeat(999))).len(), 255);
        // Of functions that are too many to tell apart, the first ones count.
        let all: Vec<u8> = (1..=20).flat_map(|code| modbus(&[code, 0, 0])).collect();
        assert_eq!(functions(segment(CLIENT, 502, &all)).len(), 8);
    }

    /// A DNP3 frame with this transport octet and application fragment.
    pub fn dnp3(transport: u8, fragment: &[u8]) -> Vec<u8> {
        use super::super::dnp3::crc;
        let checked = |block: &[u8]| [block, &crc(block).to_le_bytes()].concat();
        let data = [&[transport], fragment].concat();
        let header = [0x05, 0x64, 5 + data.len() as u8, 0xc4, 1, 0, 2, 0];
        [checked(&header), data.chunks(16).flat_map(checked).collect()].concat()
    }

    #[test]
    fn the_checksum_is_that_of_the_standard() {
        // The check value of CRC-16/DNP in the catalogues of such codes.
        assert_eq!(super::super::dnp3::crc(b"123456789"), 0xea82);
    }

    #[test]
    fn dnp3_frames_tell_their_functions() {
        let of = |fragment: &[u8]| functions(segment(CLIENT, 20_000, &dnp3(0xc0, fragment)));
        for (code, class) in [
            (0, Class::Response),
            (1, Class::Read),
            (2, Class::Write),
            (3, Class::Control),
            (5, Class::Control),
            (9, Class::Write),
            (13, Class::Restart),
            (18, Class::Restart),
            (21, Class::Configuration),
            (25, Class::Program),
            (31, Class::Configuration),
            (34, Class::Unknown),
            (131, Class::Response),
        ] {
            assert_eq!(of(&[0xc0, code, 60, 2, 6]), [(code, class)]);
        }
        assert_eq!(of(&[0xc0, 129, 0x80, 0x08]), [(129, Class::Response)]);
        assert_eq!(of(&[0xc0, 129, 0x80, 0x02]), [(129, Class::Error)]);
        assert_eq!(of(&[0xf0, 130, 0x80, 0]), [(130, Class::Unsolicited)]);
        let link = hex("05 64 05 c9 01 00 00 04");
        let link = [&link[..], &super::super::dnp3::crc(&link).to_le_bytes()].concat();
        // Later frames of a fragment, frames of the link layer alone.
        assert_eq!(functions(segment(CLIENT, 20_000, &dnp3(0x80, &[0xc0, 1]))), []);
        assert_eq!(functions(segment(CLIENT, 20_000, &link)), []);
        // Several in one packet, over UDP too.
        let long: Vec<u8> = [&[0xc0, 2][..], &[1; 60]].concat();
        let all = [dnp3(0xc0, &long), dnp3(0x81, &[1; 30]), dnp3(0xc0, &[0xc1, 1]), dnp3(0xc0, &[0xc2, 4])].concat();
        let expected = [(2, Class::Write), (1, Class::Read), (4, Class::Control)];
        assert_eq!(functions(segment(CLIENT, 20_000, &all)), expected);
        assert_eq!(functions(datagram(20_000, CLIENT, &all)), expected);
        for at in 0..10 {
            let mut damaged = dnp3(0xc0, &[0xc0, 1]);
            damaged[at] ^= 1;
            assert_eq!(functions(segment(CLIENT, 20_000, &damaged)), [], "{at}");
        }
    }

    /// An S7 message in its ISO envelopes.
    pub fn s7(kind: u8, error: &[u8], parameters: &[u8]) -> Vec<u8> {
        let header = [0x32, kind, 0, 0, 0, 1, 0, parameters.len() as u8, 0, 0];
        let message = [&[2, 0xf0, 0x80], &header[..], error, parameters].concat();
        [&[3, 0, 0, message.len() as u8 + 4], &message[..]].concat()
    }

    pub fn service(name: &str) -> Vec<u8> {
        [&[0x28, 0, 0, 0, 0, 0, 0, 0xfd, 0, 0, name.len() as u8], name.as_bytes()].concat()
    }

    #[test]
    fn s7_jobs_answers_and_user_data() {
        let of = |kind, error: &[u8], parameters: &[u8]| functions(segment(CLIENT, 102, &s7(kind, error, parameters)));
        for (parameters, class) in [
            (vec![0xf0, 0, 0, 1, 0, 1, 1, 0xe0], Class::Configuration),
            (vec![4, 1], Class::Read),
            (vec![5, 1], Class::Write),
            (vec![0x1d, 0], Class::Program),
            (vec![0x29, 0], Class::Restart),
            (service("P_PROGRAM"), Class::Restart),
            (service("_DELE"), Class::Program),
            (vec![0x77], Class::Unknown),
        ] {
            assert_eq!(of(1, &[], &parameters), [(parameters[0], class)]);
        }
        assert_eq!(of(3, &[0, 0], &[4, 1]), [(4, Class::Response)]);
        assert_eq!(of(3, &[0x81, 4], &[5, 1]), [(5, Class::Error)]);
        assert_eq!(of(2, &[0x85, 0], &[]), [(0, Class::Error)]);
        let user_data = |what| of(7, &[], &[0, 1, 0x12, 4, 0x11, what, 1, 0]);
        assert_eq!(user_data(0x44), [(0x94, Class::Configuration)]);
        assert_eq!(user_data(0x84), [(0xa4, Class::Response)]);
        assert_eq!(user_data(0x04), [(0x84, Class::Unsolicited)]);
        assert_eq!(user_data(0x43), [(0x93, Class::Program)]);
        // A connection request comes first, and MMS has another first byte.
        let request = hex("03 00 00 16 11 e0 00 00 00 01 00 c1 02 01 00 c2 02 01 02 c0 01 0a");
        assert_eq!(functions(segment(CLIENT, 102, &request)), []);
        let two = [request, s7(1, &[], &[4, 1]), s7(1, &[], &[5, 1])].concat();
        assert_eq!(functions(segment(CLIENT, 102, &two)), [(4, Class::Read), (5, Class::Write)]);
        let mut mms = s7(1, &[], &[4, 1]);
        mms[7] = 0xa0;
        assert_eq!(functions(segment(CLIENT, 102, &mms)), []);
    }

    #[test]
    fn cut_messages_begin_as_whole_ones_do() {
        for (port, bytes) in samples().into_iter().filter(|(port, _)| [502, 20_000, 102].contains(port)) {
            let whole = functions(segment(CLIENT, port, &bytes));
            for len in 0..bytes.len() {
                let cut = functions(segment(CLIENT, port, &bytes[..len]));
                assert!(whole.starts_with(&cut), "{port}: {len}: {cut:?}");
            }
        }
    }

    pub fn samples() -> Vec<(u16, Vec<u8>)> {
        let frames = [dnp3(0xc0, &[0xc0, 129, 0, 2]), dnp3(0xc0, &[0xc0, 3, 12, 1]), dnp3(0xc0, &[1, 130, 0, 0])];
        let jobs =
            [s7(1, &[], &service("P_PROGRAM")), s7(3, &[0x81, 4], &[5, 1]), s7(7, &[], &[0, 1, 18, 4, 17, 68, 1])];
        vec![
            (502, [modbus(&[8, 0, 1, 0, 0]), modbus(&[3, 0, 1, 0, 2]), modbus(&[43, 14, 1, 0])].concat()),
            (20_000, frames.concat()),
            (102, jobs.concat()),
        ]
    }
}

/// A port and what it may be sent, of each protocol.
fn samples() -> Vec<(u16, Vec<u8>)> {
    let query = b"\x00\x18\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x03www\x02ab\0\0\x01\0\x01".to_vec();
    let request = b"DELETE /a HTTP/1.1\r\nHost: x\r\nUser-Agent: y\r\n\r\n".to_vec();
    let others = vec![
        (53, query),
        (443, tls::modern()),
        (443, vec![21, 3, 1, 0, 2, 2, 40]),
        (
            443,
            hex("80 1f 01 03 01 00 06 00 00 00 10 00 00 05 07 00 c0 09 09 09 09 09 09 09 09 09 09 09 09 09 09 09 09"),
        ),
        (80, request),
        (80, b"HTTP/1.1 503 no\r\n".to_vec()),
    ];
    others.into_iter().chain(industrial::samples()).collect()
}

proptest! {
    #[test]
    fn no_bytes_make_reading_panic(
        port in prop::sample::select(vec![53_u16, 80, 102, 443, 502, 5353, 20_000]),
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        to in any::<bool>(),
    ) {
        let (src, dst) = if to { (CLIENT, port) } else { (port, CLIENT) };
        segment(src, dst, &bytes);
        datagram(src, dst, &bytes);
    }

    #[test]
    fn no_damage_to_a_message_makes_reading_panic(
        sample in any::<prop::sample::Index>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        len in any::<prop::sample::Index>(),
        repeats in 1..40_usize,
    ) {
        let samples = samples();
        let (port, mut bytes) = samples[sample.index(samples.len())].clone();
        for (at, value) in damage {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let bytes = bytes.repeat(repeats);
        let bytes = &bytes[..len.index(bytes.len() + 1)];
        segment(CLIENT, port, bytes);
        segment(port, CLIENT, bytes);
        datagram(CLIENT, port, bytes);
    }
}
