//! What the hosts say: messages that are right in their headers, with filling where real ones hold secrets.

use super::dice::Dice;

/// How many bytes of a filling are random; the rest lies behind what a capture keeps, and is zero.
const RANDOM: usize = 128;

/// A message that begins with `head` and is `length` bytes long.
pub(super) fn filled(dice: &mut Dice, head: &[u8], length: usize) -> Vec<u8> {
    let mut message = head.to_vec();
    message.resize(length.max(head.len()), 0);
    let random = message.len().min(RANDOM).max(head.len());
    dice.fill(&mut message[head.len()..random]);
    message
}

/// Application data of TLS (RFC 8446, 5.1) of about `length` bytes.
pub(super) fn encrypted(dice: &mut Dice, length: usize) -> Vec<u8> {
    filled(dice, &tls_record(0x17, length), length)
}

/// A handshake message of TLS: 1 the client's hello, 2 the server's with its certificate.
pub(super) fn tls_hello(dice: &mut Dice, kind: u8, length: usize) -> Vec<u8> {
    let [.., high, low] = (length.saturating_sub(9) as u32).to_be_bytes();
    let head = [tls_record(0x16, length).as_slice(), &[kind, 0, high, low, 3, 3]].concat();
    filled(dice, &head, length)
}

fn tls_record(kind: u8, length: usize) -> [u8; 5] {
    let [high, low] = (length.saturating_sub(5).min(1 << 14) as u16).to_be_bytes();
    [kind, 3, 3, high, low]
}

/// The question of a DNS message (RFC 1035, 4.1).
pub(super) struct Question<'a> {
    pub id: u16,
    pub name: &'a str,
    pub kind: u16,
}

/// Types of DNS records.
pub(super) const A: u16 = 1;
pub(super) const PTR: u16 = 12;
pub(super) const TXT: u16 = 16;
pub(super) const AAAA: u16 = 28;

impl Question<'_> {
    pub fn query(&self) -> Vec<u8> {
        self.message(0x0100, &[])
    }

    /// The answer with a response code (0 no error, 3 no such name) and the records' data.
    pub fn answer(&self, code: u16, records: &[Vec<u8>]) -> Vec<u8> {
        self.message(0x8180 | code, records)
    }

    fn message(&self, flags: u16, records: &[Vec<u8>]) -> Vec<u8> {
        let mut message = Vec::with_capacity(64);
        for field in [self.id, flags, 1, records.len() as u16, 0, 0] {
            message.extend(field.to_be_bytes());
        }
        for label in self.name.split('.') {
            message.push(label.len() as u8);
            message.extend(label.bytes());
        }
        message.push(0);
        message.extend([self.kind.to_be_bytes(), [0, 1]].concat());
        for record in records {
            // The name is the question's, 12 bytes from the start; class Internet; five minutes to live.
            message.extend([0xc0, 12]);
            message.extend([self.kind.to_be_bytes(), [0, 1], [0, 0], [1, 44]].concat());
            message.extend((record.len() as u16).to_be_bytes());
            message.extend(record);
        }
        message
    }
}

/// A Modbus/TCP message: header, function code and the rest (Modbus Messaging Implementation Guide 1.0b, 3.1.3).
pub(super) fn modbus(transaction: u16, unit: u8, function: u8, rest: &[u8]) -> Vec<u8> {
    let [high, low] = transaction.to_be_bytes();
    let mut message = vec![high, low, 0, 0, 0, rest.len() as u8 + 2, unit, function];
    message.extend(rest);
    message
}

/// An NTP message: 3 from a client, 4 from a server (RFC 5905, 7.3).
pub(super) fn ntp(dice: &mut Dice, mode: u8) -> Vec<u8> {
    let stratum = if mode == 4 { 2 } else { 0 };
    filled(dice, &[0x20 | mode, stratum, 6, 0xec, 0, 0, 1, 0], 48)
}

/// A DHCP message (RFC 2131, 2): 1 discover, 2 offer, 3 request, 5 acknowledge.
pub(super) fn dhcp(kind: u8, transaction: u32, mac: [u8; 6], ip: [u8; 4]) -> Vec<u8> {
    let from_server = matches!(kind, 2 | 5);
    let mut message = vec![1 + u8::from(from_server), 1, 6, 0];
    message.extend(transaction.to_be_bytes());
    message.resize(if from_server { 16 } else { 12 }, 0);
    message.extend(ip);
    message.resize(28, 0);
    message.extend(mac);
    message.resize(236, 0);
    message.extend([0x63, 0x82, 0x53, 0x63, 53, 1, kind, 255]);
    message.resize(300, 0);
    message
}

/// A packet of a video stream (RFC 3550, 5.1).
pub(super) fn rtp(dice: &mut Dice, sequence: u16, length: usize) -> Vec<u8> {
    let timestamp = u32::from(sequence).wrapping_mul(270_000);
    let head = [&[0x80, 96][..], &sequence.to_be_bytes(), &timestamp.to_be_bytes(), b"cam1"].concat();
    filled(dice, &head, length)
}

/// A question for how long a device has been up, in SNMP version 2c (RFC 3416, 3), and with `up` its answer.
pub(super) fn snmp(id: u32, up: Option<u32>) -> Vec<u8> {
    const SYS_UP_TIME: [u8; 10] = [6, 8, 0x2b, 6, 1, 2, 1, 1, 3, 0];
    let value = up.map_or(vec![5, 0], |ticks| tagged(0x43, &[&ticks.to_be_bytes()]));
    let bindings = tagged(0x30, &[&tagged(0x30, &[&SYS_UP_TIME, &value])]);
    let kind = if up.is_some() { 0xa2 } else { 0xa0 };
    let request = tagged(kind, &[&tagged(2, &[&id.to_be_bytes()]), &[2, 1, 0, 2, 1, 0], &bindings]);
    tagged(0x30, &[&[2, 1, 1], &tagged(4, &[b"public"]), &request])
}

/// A value of ASN.1 in basic encoding, shorter than 128 bytes.
fn tagged(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    [&[tag, content.len() as u8], content.as_slice()].concat()
}

/// A packet of SSH, encrypted (RFC 4253, 6).
pub(super) fn ssh(dice: &mut Dice, length: usize) -> Vec<u8> {
    filled(dice, &(length.saturating_sub(20) as u32).to_be_bytes(), length)
}

/// A message of SMB 2 in its frame (MS-SMB2, 2.2.1).
pub(super) fn smb(dice: &mut Dice, command: u8, length: usize) -> Vec<u8> {
    let [_, a, b, c] = (length.saturating_sub(4) as u32).to_be_bytes();
    let head = [&[0, a, b, c, 0xfe][..], b"SMB", &[64, 0, 0, 0, 0, 0, 0, 0, command, 0]].concat();
    filled(dice, &head, length)
}

/// Text of `length` letters and digits, as in encoded secrets.
pub(super) fn letters(dice: &mut Dice, length: usize) -> String {
    (0..length).map(|_| char::from(dice.pick(b"abcdefghijklmnopqrstuvwxyz234567"))).collect()
}
