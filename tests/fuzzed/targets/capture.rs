//! Any bytes as a capture.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Cursor, Read};

use tidewatch::capture::{Capture, Frame, Ledger};
use tidewatch::packet::{Packet, Tunnels};

/// What a reading showed, frames as a hash of all that they say.
#[derive(Debug, PartialEq)]
pub struct Seen {
    pub ledger: Ledger,
    pub trouble: Option<String>,
    frames: u64,
}

pub fn target(data: &[u8]) {
    let whole = read(Cursor::new(data.to_vec()), data);
    let slow = read(Trickle { bytes: Cursor::new(data.to_vec()), reads: 0 }, data);
    // However the bytes come in, they say the same.
    assert_eq!(slow, whole);
}

/// Reads `data`, which comes out of `reader`, to its end, and decodes every frame.
///
/// # Errors
/// Why it is refused.
pub fn read(reader: impl Read + Send + 'static, data: &[u8]) -> Result<Seen, String> {
    let mut capture = match Capture::from_reader("it", reader, None) {
        Ok(capture) => capture,
        Err(error) => {
            let told = error.to_string();
            assert!(told.starts_with("it: ") && !told.contains(char::is_control), "{told:?}");
            return Err(told);
        }
    };
    let (mut ledger, mut frames) = (Ledger::default(), DefaultHasher::new());
    let (mut number, mut captured) = (0, 0);
    while let Some(frame) = capture.next_frame(&mut ledger) {
        let Frame { number: this, time_ns, link, wire_len, bytes } = frame;
        assert!(this > number && this == ledger.read, "{this} after {number}");
        assert!(bytes.len() <= wire_len as usize, "{} bytes of {wire_len}", bytes.len());
        (number, captured) = (this, captured + bytes.len() as u64);
        match Packet::decode(&frame, Tunnels::Inner) {
            Ok(_) => ledger.used += 1,
            Err(reason) => ledger.skip(reason),
        }
        (this, time_ns, format!("{link:?}"), wire_len, bytes).hash(&mut frames);
    }
    assert!(ledger.balances(), "{ledger:?}");
    let plain = [
        &b"\x0a\x0d\x0d\x0a"[..],
        b"snoop",
        b"\xa1\xb2",
        b"\xd4\xc3\xb2\xa1",
        b"\x4d\x3c\xb2\xa1",
        b"\x34\xcd\xb2\xa1",
    ];
    let plain = plain.iter().any(|magic| data.starts_with(magic));
    assert!(capture.position() <= data.len() as u64, "byte {} of {}", capture.position(), data.len());
    match capture.trouble() {
        Some(trouble) => {
            let rest = trouble.strip_prefix("reading stopped at byte ").unwrap_or_else(|| panic!("{trouble}"));
            let (offset, why) = rest.split_once(": ").unwrap_or_else(|| panic!("{trouble}"));
            let offset: u64 = offset.parse().unwrap_or_else(|_| panic!("{trouble}"));
            assert!(offset >= captured && (!plain || offset <= data.len() as u64), "{trouble}");
            assert!(!why.is_empty() && !why.contains(char::is_control), "{trouble:?}");
        }
        None => assert!(!plain || capture.position() == data.len() as u64, "{} left", data.len()),
    }
    // The end stays the end.
    let before = ledger.clone();
    assert!(capture.next_frame(&mut ledger).is_none() && ledger == before);
    Ok(Seen { ledger, trouble: capture.trouble().map(str::to_owned), frames: frames.finish() })
}

/// A pipe from which a few bytes come at a time, and sometimes a signal.
struct Trickle {
    bytes: Cursor<Vec<u8>>,
    reads: usize,
}

impl Read for Trickle {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        const SIZES: [usize; 6] = [1, 13, 0, 400, 3, 2_000];
        self.reads += 1;
        match SIZES[self.reads % SIZES.len()] {
            0 => Err(io::ErrorKind::Interrupted.into()),
            size => {
                let size = size.min(buffer.len());
                self.bytes.read(&mut buffer[..size])
            }
        }
    }
}
