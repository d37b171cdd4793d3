//! The header and the first question of a DNS message (RFC 1035, 4.1), also of mDNS (RFC 6762) and LLMNR (RFC 4795).

use super::hash;
use crate::packet::entropy;

pub const PORT: u16 = 53;
const MDNS: u16 = 5353;
const LLMNR: u16 = 5355;

/// The last operation that is assigned: stateful operations (RFC 8490).
const LAST_OPCODE: u8 = 6;
/// The most bytes of a name as it is written, with dots between the labels (RFC 1035, 2.3.4).
const LONGEST_NAME: usize = 253;

/// The header of a DNS message and its first question (RFC 1035, 4.1).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dns {
    pub response: bool,
    /// 0 no error, 3 the name does not exist.
    pub rcode: u8,
    /// How many answers it claims to hold.
    pub answers: u16,
    /// The type of the first question: 1 A, 16 TXT, 28 AAAA, …; 0 without a question.
    pub qtype: u16,
    /// A hash of the first question's name in lower case, to count distinct names with.
    pub name_hash: u64,
    /// The length of that name in bytes.
    pub name_len: u8,
    /// Shannon entropy of that name's characters, in bits.
    pub name_entropy: f32,
}

/// Whether UDP carries messages on this port.
pub(super) fn is_port(port: u16) -> bool {
    matches!(port, PORT | MDNS | LLMNR)
}

/// The message that a segment of TCP begins with.
pub(super) fn read_stream(segment: &[u8]) -> Option<Dns> {
    // Over TCP its length comes first (RFC 1035, 4.2.2). A segment from a message's middle begins with anything, which
    // seldom has a question behind it.
    let (&len, message) = segment.split_first_chunk()?;
    let message = message.get(..u16::from_be_bytes(len).into()).unwrap_or(message);
    read(message).filter(|dns| dns.qtype != 0)
}

/// The message; none if that is none, or cut before the first question's end.
pub(super) fn read(message: &[u8]) -> Option<Dns> {
    let (header, body) = message.split_first_chunk::<12>()?;
    let [_, _, flags, codes, questions @ .., a, b, _, _, _, _] = *header;
    if flags >> 3 & 0x0f > LAST_OPCODE {
        return None;
    }
    let (name, qtype) = if questions == [0, 0] { (Name::default(), 0) } else { question(body)? };
    Some(Dns {
        response: flags & 0x80 != 0,
        rcode: codes & 0x0f,
        answers: u16::from_be_bytes([a, b]),
        qtype,
        name_hash: hash::long(name.as_bytes()),
        name_len: name.len as u8,
        name_entropy: entropy::of(name.as_bytes()) as f32,
    })
}

/// The name and the type that the question at the head of `bytes` asks for.
fn question(mut bytes: &[u8]) -> Option<(Name, u16)> {
    let mut name = Name::default();
    loop {
        let (&len, rest) = bytes.split_first()?;
        match len {
            0 => {
                bytes = rest;
                break;
            }
            1..=63 => {
                let (label, rest) = rest.split_at_checked(len.into())?;
                name.append(label)?;
                bytes = rest;
            }
            // A pointer, which ends a name. There is nothing in front of the first question to point at.
            0xc0.. => {
                bytes = rest.get(1..)?;
                break;
            }
            _ => return None,
        }
    }
    let [upper, lower, _, _] = *bytes.first_chunk()?;
    Some((name, u16::from_be_bytes([upper, lower])))
}

/// A name in lower case: the case is chance where resolvers draw it (draft-vixie-dnsext-dns0x20).
struct Name {
    bytes: [u8; LONGEST_NAME],
    len: usize,
}

impl Default for Name {
    fn default() -> Self {
        Self { bytes: [0; LONGEST_NAME], len: 0 }
    }
}

impl Name {
    fn append(&mut self, label: &[u8]) -> Option<()> {
        if self.len > 0 {
            *self.bytes.get_mut(self.len)? = b'.';
            self.len += 1;
        }
        let place = self.bytes.get_mut(self.len..self.len + label.len())?;
        place.copy_from_slice(label);
        place.make_ascii_lowercase();
        self.len += label.len();
        Some(())
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(flags: [u8; 2], questions: u8, answers: u8, body: &[u8]) -> Vec<u8> {
        let mut message = vec![0x12, 0x34, flags[0], flags[1], 0, questions, 0, answers, 0, 0, 0, 0];
        message.extend_from_slice(body);
        message
    }

    #[test]
    fn a_query_is_read_as_it_was_asked() {
        let query = message([0x01, 0], 1, 0, b"\x03WwW\x02ab\x00\x00\x1c\x00\x01");
        let dns = read(&query).unwrap();
        assert_eq!((dns.response, dns.rcode, dns.answers, dns.qtype, dns.name_len), (false, 0, 0, 28, 6));
        // FNV-1a of "www.ab", and its entropy: 3 of 6 w (0.5 bits each), three once.
        let expected = 0.5 * 1.0 + 3.0 / 6.0 * 6_f32.log2();
        assert!((dns.name_entropy - expected).abs() < 1e-6);
        let lower = read(&message([0x01, 0], 1, 0, b"\x03www\x02AB\x00\x00\x1c\x00\x01")).unwrap();
        assert_eq!(dns, lower);
    }

    #[test]
    fn a_failed_response_tells_so() {
        let dns = read(&message([0x81, 0x83], 1, 2, b"\x01a\xc0\x0c\x00\x01\x00\x01")).unwrap();
        assert_eq!((dns.response, dns.rcode, dns.answers, dns.qtype, dns.name_len), (true, 3, 2, 1, 1));
        assert_eq!(dns.name_entropy, 0.0);
    }

    #[test]
    fn announcements_ask_nothing() {
        let dns = read(&message([0x84, 0], 0, 3, b"whatever")).unwrap();
        assert_eq!((dns.response, dns.answers, dns.qtype, dns.name_len, dns.name_entropy), (true, 3, 0, 0, 0.0));
    }

    #[test]
    fn nonsense_is_no_message() {
        let good = message([0x01, 0], 1, 0, b"\x03www\x02ab\x00\x00\x01\x00\x01");
        for len in 0..good.len() {
            assert_eq!(read(&good[..len]), None, "cut at {len}");
        }
        assert!(read(&message([0x78, 0], 1, 0, b"\x00\x00\x01\x00\x01")).is_none(), "operation 15");
        assert!(read(&message([0, 0], 1, 0, b"\x40abc\x00\x00\x01\x00\x01")).is_none(), "a label of 64");
        let long: Vec<u8> = [b"\x3f".as_slice(), &[b'x'; 63]].concat().repeat(4);
        let long = [long.as_slice(), b"\x00\x00\x01\x00\x01"].concat();
        assert!(read(&message([0, 0], 1, 0, &long)).is_none(), "255 bytes");
    }
}
