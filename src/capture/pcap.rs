//! Classic captures (draft-ietf-opsawg-pcap). Their header is read by pcap-file, their records here: there are millions, and
//! pcap-file's reader cannot tell a corrupt length from the end of the file.

use pcap_file::Endianness;
use pcap_file::pcap::{PcapParser, PcapTsResolution};

use super::{Link, Record, Step};

/// Bytes of the file header.
pub(super) const HEADER: usize = 24;
const RECORD_HEADER: usize = 16;

/// What libpcap calls `MAXIMUM_SNAPLEN`: it takes a record that claims more for a corrupt one.
const LONGEST: usize = 262_144;

/// The upper bits of the link type say whether frames end in a checksum, and how long that is (libpcap's
/// `LT_LINKTYPE`).
const LINK_TYPE: u32 = 0x03ff_ffff;

/// A. Kuznetzov's patch of libpcap: microseconds, and eight more bytes in a record's header.
const MODIFIED: [u8; 4] = [0xa1, 0xb2, 0xcd, 0x34];
const MICROSECONDS: [u8; 4] = [0xa1, 0xb2, 0xc3, 0xd4];
const NANOSECONDS: [u8; 4] = [0xa1, 0xb2, 0x3c, 0x4d];

/// The state of a classic capture behind its file header.
pub(super) struct Pcap {
    /// Whether numbers have their most significant byte first.
    big: bool,
    link: Link,
    /// Nanoseconds in a unit of a record's fraction of a second.
    unit_ns: i64,
    /// Bytes of a record's header.
    header: usize,
    /// The most bytes that a record can hold.
    longest: usize,
}

/// Whether a classic capture begins like `head`.
pub(super) fn begins(head: &[u8]) -> bool {
    head.first_chunk().is_some_and(|&magic| {
        [MICROSECONDS, NANOSECONDS, MODIFIED].iter().any(|&known| magic == known || turned(magic) == known)
    })
}

fn turned(mut magic: [u8; 4]) -> [u8; 4] {
    magic.reverse();
    magic
}

impl Pcap {
    /// The capture with this file header; none if it is no such header.
    pub fn new(mut header: [u8; HEADER]) -> Option<Self> {
        let (magic, _) = header.split_first_chunk_mut()?;
        let mut more = 0;
        if *magic == MODIFIED {
            (*magic, more) = (MICROSECONDS, 8);
        } else if *magic == turned(MODIFIED) {
            (*magic, more) = (turned(MICROSECONDS), 8);
        }
        let (_, parser) = PcapParser::new(&header).ok()?;
        let facts = parser.header();
        Some(Self {
            big: facts.endianness == Endianness::Big,
            link: Link::from(u32::from(facts.datalink) & LINK_TYPE),
            unit_ns: if facts.ts_resolution == PcapTsResolution::NanoSecond { 1 } else { 1_000 },
            header: RECORD_HEADER + more,
            longest: LONGEST.max(facts.snaplen as usize).min(super::LONGEST_RECORD),
        })
    }

    /// What `bytes` begin with.
    #[inline]
    pub fn step(&self, bytes: &[u8]) -> Step {
        let Some(header) = bytes.first_chunk::<RECORD_HEADER>() else {
            return Step::Need(self.header);
        };
        let [seconds, fraction, captured, wire_len] = self.numbers(header);
        if captured as usize > self.longest {
            let longest = self.longest;
            let what = format!("a record claims {captured} captured bytes, where {longest} are the most");
            return Step::Corrupt(what);
        }
        let size = self.header + captured as usize;
        if bytes.len() < size {
            return Step::Need(size);
        }
        Step::Packet(Record {
            size,
            start: self.header,
            captured: captured as usize,
            wire_len: wire_len.max(captured),
            time_ns: i64::from(seconds) * 1_000_000_000 + i64::from(fraction) * self.unit_ns,
            link: Some(self.link),
        })
    }

    #[inline]
    fn numbers(&self, header: &[u8; RECORD_HEADER]) -> [u32; 4] {
        let (numbers, _) = header.as_chunks::<4>();
        let number = |at: usize| {
            let number = numbers.get(at).map_or(0, |&bytes| u32::from_le_bytes(bytes));
            if self.big { number.swap_bytes() } else { number }
        };
        [number(0), number(1), number(2), number(3)]
    }
}

#[cfg(test)]
mod tests {
    use pcap_file::DataLink;

    #[test]
    fn pcap_file_keeps_the_number_of_every_link_type() {
        for number in (0..1000).chain([0x1400_0001, 0x03ff_ffff]) {
            assert_eq!(u32::from(DataLink::from(number)), number);
        }
    }
}
