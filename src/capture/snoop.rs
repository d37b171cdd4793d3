//! Snoop captures (RFC 1761), as Solaris and illumos record them.

use super::{Link, Record, Step};

/// Bytes of the file header.
pub(super) const HEADER: usize = 16;
const MAGIC: [u8; 8] = *b"snoop\0\0\0";
const VERSION: u32 = 2;
const RECORD_HEADER: usize = 24;

/// The state of a snoop capture behind its file header.
pub(super) struct Snoop {
    link: Link,
}

impl Snoop {
    /// The capture that begins with these bytes; none if it is of another kind or version.
    pub fn new(head: &[u8]) -> Option<Self> {
        let (magic, rest) = head.split_first_chunk::<8>()?;
        let [version, link] = numbers(rest.first_chunk::<8>()?);
        // The numbers are snoop's own: IEEE 802.3 and Ethernet.
        let link = if matches!(link, 0 | 4) { Link::Ethernet } else { Link::Other(link) };
        (*magic == MAGIC && version == VERSION).then_some(Self { link })
    }

    /// What `bytes` begin with.
    pub fn step(&self, bytes: &[u8]) -> Step {
        let Some(header) = bytes.first_chunk::<RECORD_HEADER>() else {
            return Step::Need(RECORD_HEADER);
        };
        let [wire_len, captured, size, _drops, seconds, micros] = numbers(header);
        let (captured, size) = (captured as usize, size as usize);
        if size < RECORD_HEADER + captured || size > super::LONGEST_RECORD {
            return Step::Corrupt(format!("a record of {size} bytes claims {captured} captured ones"));
        }
        if bytes.len() < size {
            return Step::Need(size);
        }
        Step::Packet(Record {
            size,
            start: RECORD_HEADER,
            captured,
            wire_len: wire_len.max(captured as u32),
            time_ns: i64::from(seconds) * 1_000_000_000 + i64::from(micros) * 1_000,
            link: Some(self.link),
        })
    }
}

/// Numbers of four bytes, the most significant first.
fn numbers<const BYTES: usize, const N: usize>(bytes: &[u8; BYTES]) -> [u32; N] {
    let mut chunks = bytes.chunks_exact(4);
    std::array::from_fn(|_| chunks.next().and_then(|chunk| chunk.try_into().ok()).map_or(0, u32::from_be_bytes))
}
