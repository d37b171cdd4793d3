//! Classic captures (draft-ietf-opsawg-pcap), through pcap-file's parser on a buffer of our own: pcap-file's reader
//! cannot tell a corrupt length from the end of the file.

use pcap_file::pcap::{PcapParseError, PcapParser, PcapTsResolution};

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
    parser: PcapParser,
    link: Link,
    /// Nanoseconds in a unit of a record's fraction of a second.
    unit_ns: i64,
    /// Bytes of a record's header that pcap-file does not know of.
    more: usize,
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
            parser,
            link: Link::from(u32::from(facts.datalink) & LINK_TYPE),
            unit_ns: if facts.ts_resolution == PcapTsResolution::NanoSecond { 1 } else { 1_000 },
            more,
            longest: LONGEST.max(facts.snaplen as usize).min(super::LONGEST_RECORD),
        })
    }

    /// What `bytes` begin with.
    pub fn step(&self, bytes: &[u8]) -> Step {
        let corrupt = |captured| {
            let longest = self.longest;
            Step::Corrupt(format!("a record claims {captured} captured bytes, where {longest} are the most"))
        };
        let header = RECORD_HEADER + self.more;
        match self.parser.next_raw_packet(bytes) {
            Ok((_, packet)) => {
                let captured = packet.data.len();
                if captured > self.longest {
                    return corrupt(captured);
                }
                let size = header + captured;
                if bytes.len() < size {
                    return Step::Need(size);
                }
                Step::Packet(Record {
                    size,
                    start: header,
                    captured,
                    wire_len: packet.orig_len.max(packet.incl_len),
                    time_ns: i64::from(packet.ts_sec) * 1_000_000_000 + i64::from(packet.ts_frac) * self.unit_ns,
                    link: Some(self.link),
                })
            }
            // The parser first asks for the record's header, then for the bytes that this claims.
            Err(PcapParseError::IncompleteBuffer(..)) if bytes.len() < RECORD_HEADER => Step::Need(header),
            Err(PcapParseError::IncompleteBuffer(captured, _)) if captured > self.longest => corrupt(captured),
            Err(PcapParseError::IncompleteBuffer(captured, _)) => Step::Need(header + captured),
            Err(PcapParseError::Validation(error)) => Step::Corrupt(error.to_string()),
        }
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
