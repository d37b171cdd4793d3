//! The header and the first question of a DNS message (RFC 1035, 4.1), also of mDNS (RFC 6762) and LLMNR (RFC 4795).

use super::{Dns, Transport};

const DNS: u16 = 53;
const MDNS: u16 = 5353;
const LLMNR: u16 = 5355;

/// The last operation that is assigned: stateful operations (RFC 8490).
const LAST_OPCODE: u8 = 6;
/// The most bytes of a name as it is written, with dots between the labels (RFC 1035, 2.3.4).
const LONGEST_NAME: usize = 253;

/// The message that `payload` begins with; none if that is no DNS message, or cut before the first question's end.
pub(super) fn of(transport: &Transport, payload: &[u8]) -> Option<Dns> {
    match *transport {
        Transport::Udp { src_port, dst_port } => {
            let is_dns = |port| matches!(port, DNS | MDNS | LLMNR);
            if is_dns(src_port) || is_dns(dst_port) { parse(payload) } else { None }
        }
        Transport::Tcp(tcp) if tcp.src_port == DNS || tcp.dst_port == DNS => {
            // Over TCP its length comes first (RFC 1035, 4.2.2). A segment from a message's middle begins with
            // anything, which seldom has a question behind it.
            let (&len, message) = payload.split_first_chunk()?;
            let message = message.get(..u16::from_be_bytes(len).into()).unwrap_or(message);
            parse(message).filter(|dns| dns.qtype != 0)
        }
        _ => None,
    }
}

fn parse(message: &[u8]) -> Option<Dns> {
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
        name_hash: name.hash(),
        name_len: name.len as u8,
        name_entropy: name.entropy(),
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

    /// FNV-1a with 64 bits (draft-eastlake-fnv).
    fn hash(&self) -> u64 {
        self.as_bytes()
            .iter()
            .fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    }

    /// Shannon's entropy of its characters, in bits.
    fn entropy(&self) -> f32 {
        let mut counts = [0_u8; 256];
        for &byte in self.as_bytes() {
            if let Some(count) = counts.get_mut(usize::from(byte)) {
                *count += 1;
            }
        }
        let len = self.len as f64;
        let bits = |&count: &u8| {
            let share = f64::from(count) / len;
            -share * share.log2()
        };
        counts.iter().filter(|&&count| count > 0).map(bits).sum::<f64>() as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UDP: Transport = Transport::Udp { src_port: 40_000, dst_port: 53 };

    fn message(flags: [u8; 2], questions: u8, answers: u8, body: &[u8]) -> Vec<u8> {
        let mut message = vec![0x12, 0x34, flags[0], flags[1], 0, questions, 0, answers, 0, 0, 0, 0];
        message.extend_from_slice(body);
        message
    }

    #[test]
    fn a_query_is_read_as_it_was_asked() {
        let query = message([0x01, 0], 1, 0, b"\x03WwW\x02ab\x00\x00\x1c\x00\x01");
        let dns = of(&UDP, &query).unwrap();
        assert_eq!((dns.response, dns.rcode, dns.answers, dns.qtype, dns.name_len), (false, 0, 0, 28, 6));
        // FNV-1a of "www.ab", and its entropy: 3 of 6 w (0.5 bits each), three once.
        let expected = 0.5 * 1.0 + 3.0 / 6.0 * 6_f32.log2();
        assert!((dns.name_entropy - expected).abs() < 1e-6);
        let lower = of(&UDP, &message([0x01, 0], 1, 0, b"\x03www\x02AB\x00\x00\x1c\x00\x01")).unwrap();
        assert_eq!(dns, lower);
    }

    #[test]
    fn the_hash_is_fnv_1a() {
        let mut name = Name::default();
        assert_eq!(name.hash(), 0xcbf2_9ce4_8422_2325);
        name.append(b"foobar").unwrap();
        assert_eq!(name.hash(), 0x85944171f73967e8); // the draft's test vector
    }

    #[test]
    fn a_failed_response_tells_so() {
        let dns = of(&UDP, &message([0x81, 0x83], 1, 2, b"\x01a\xc0\x0c\x00\x01\x00\x01")).unwrap();
        assert_eq!((dns.response, dns.rcode, dns.answers, dns.qtype, dns.name_len), (true, 3, 2, 1, 1));
        assert_eq!(dns.name_entropy, 0.0);
    }

    #[test]
    fn announcements_ask_nothing() {
        let mdns = Transport::Udp { src_port: 5353, dst_port: 5353 };
        let dns = of(&mdns, &message([0x84, 0], 0, 3, b"whatever")).unwrap();
        assert_eq!((dns.response, dns.answers, dns.qtype, dns.name_len, dns.name_entropy), (true, 3, 0, 0, 0.0));
    }

    #[test]
    fn nonsense_is_no_message() {
        let good = message([0x01, 0], 1, 0, b"\x03www\x02ab\x00\x00\x01\x00\x01");
        for len in 0..good.len() {
            assert_eq!(of(&UDP, &good[..len]), None, "cut at {len}");
        }
        assert!(of(&Transport::Udp { src_port: 1, dst_port: 2 }, &good).is_none());
        assert!(of(&UDP, &message([0x78, 0], 1, 0, b"\x00\x00\x01\x00\x01")).is_none(), "operation 15");
        assert!(of(&UDP, &message([0, 0], 1, 0, b"\x40abc\x00\x00\x01\x00\x01")).is_none(), "a label of 64");
        let long: Vec<u8> = [b"\x3f".as_slice(), &[b'x'; 63]].concat().repeat(4);
        let long = [long.as_slice(), b"\x00\x00\x01\x00\x01"].concat();
        assert!(of(&UDP, &message([0, 0], 1, 0, &long)).is_none(), "255 bytes");
    }
}
