//! What a client offers when a TLS connection begins, and alerts that are sent in the clear: TLS 1.3 (RFC 8446), its
//! forerunners (RFC 5246, RFC 6101), server names (RFC 6066, 3), GREASE (RFC 8701).
//!
//! The fingerprint is made in the way of JA4 (FoxIO 2023): of the best version, the sets of cipher suites and extensions,
//! the first application protocol and the signature algorithms in their order; without GREASE, without the server's name.

use super::{Named, hash};

/// Record types.
pub const ALERT: u8 = 21;
pub const HANDSHAKE: u8 = 22;
/// The first byte of a short record of SSL 2.0, in which clients wrapped their hello that knew servers of that version.
pub const SSL_2: u8 = 0x80;

const CLIENT_HELLO: u8 = 1;
const TLS_1_3: u16 = 0x0304;

const SERVER_NAME: u16 = 0;
const SIGNATURE_ALGORITHMS: u16 = 13;
const ALPN: u16 = 16;
const SUPPORTED_VERSIONS: u16 = 43;

/// Cipher suites, extensions and versions that are looked at; real clients offer far fewer.
const MOST: usize = 256;

/// A TLS message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// A client begins.
    Hello(Hello),
    /// An alert before there is a key: a handshake failed.
    Alert,
}

/// A ClientHello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The best version that it offers, of those that were captured: 0x0002 SSL 2.0, 0x0300 SSL 3.0, …, 0x0304 TLS 1.3.
    pub version: u16,
    /// The server that it asks for.
    pub server_name: Named,
    /// The length of that name.
    pub name_len: u8,
    /// What tells the client's software: of the whole, or only of the first half (up to the cipher suites) if that is all
    /// that the packet holds.
    pub fingerprint: Option<u32>,
}

/// The message that `payload` begins with.
pub(super) fn read(payload: &[u8]) -> Option<Tls> {
    if let [SSL_2, ..] = payload {
        return old_hello(payload).map(Tls::Hello);
    }
    let (&[kind, 3, 0..=4, upper, lower], record) = payload.split_first_chunk()? else { return None };
    let len = u16::from_be_bytes([upper, lower]).into();
    let record = record.get(..len).unwrap_or(record);
    match kind {
        // What is encrypted is longer.
        ALERT if len == 2 => matches!(record, [1 | 2, _]).then_some(Tls::Alert),
        HANDSHAKE => hello(record).map(Tls::Hello),
        _ => None,
    }
}

fn hello(record: &[u8]) -> Option<Hello> {
    let (&[CLIENT_HELLO, a, b, c, 3, minor @ 0..=4], message) = record.split_first_chunk()? else { return None };
    let len = (u32::from_be_bytes([0, a, b, c]) as usize).checked_sub(2)?;
    let version = u16::from_be_bytes([3, minor]);
    let mut hello = Hello { version, server_name: Named::Cut, name_len: 0, fingerprint: None };
    let whole = message.len() >= len;
    body(&mut hello, Bytes(message.get(..len).unwrap_or(message)), whole);
    Some(hello)
}

/// A hello in the form of SSL 2.0, of whatever version (RFC 5246, E.2). It has no extensions.
fn old_hello(record: &[u8]) -> Option<Hello> {
    const HEADER: usize = 9;
    let (&[_, len, CLIENT_HELLO, major, minor], rest) = record.split_first_chunk()? else { return None };
    let (lens, rest) = rest.split_first_chunk::<6>()?;
    let [ciphers, session, challenge] = [0, 2, 4].map(|at| usize::from(lens[at]) << 8 | usize::from(lens[at + 1]));
    let version = u16::from_be_bytes([major, minor]);
    let sane = matches!(version, 0x0002 | 0x0300..=0x0303)
        && ciphers % 3 == 0
        && matches!(session, 0 | 16)
        && (16..=32).contains(&challenge)
        && HEADER + ciphers + session + challenge == usize::from(len);
    let ciphers = rest.get(..ciphers).map(hash::long);
    let fingerprint = ciphers.map(|ciphers| fingerprint([version.into(), ciphers]));
    sane.then_some(Hello { version, server_name: Named::Nothing, name_len: 0, fingerprint })
}

/// Reads on behind the version; none where the bytes end.
fn body(hello: &mut Hello, mut bytes: Bytes<'_>, whole: bool) -> Option<()> {
    const RANDOM: usize = 32;
    bytes.take(RANDOM)?;
    let len = bytes.u8()?;
    bytes.take(len.into())?;
    let len = bytes.u16()?;
    let ciphers = set(Bytes(bytes.take(len.into())?));
    hello.fingerprint = Some(fingerprint([hello.version.into(), ciphers]));
    let len = bytes.u8()?;
    bytes.take(len.into())?;
    let mut offer = Offer::default();
    // A hello may end here (RFC 5246, 7.4.1.2).
    let ended = match bytes.u16() {
        Some(len) => {
            let cut = bytes.0.len() < usize::from(len);
            let extensions = bytes.0.get(..len.into()).unwrap_or(bytes.0);
            extensions_of(hello, &mut offer, Bytes(extensions)).is_some() && !cut
        }
        None => whole && bytes.0.is_empty(),
    };
    if ended {
        if hello.server_name == Named::Cut {
            hello.server_name = Named::Nothing;
        }
        let Offer { extensions, protocol, signatures } = offer;
        hello.fingerprint = Some(fingerprint([hello.version.into(), ciphers, extensions, protocol, signatures]));
    }
    Some(())
}

/// What extensions say of a client.
#[derive(Default)]
struct Offer {
    extensions: u64,
    protocol: u64,
    signatures: u64,
}

/// Reads extensions; none if the bytes end within one.
fn extensions_of(hello: &mut Hello, offer: &mut Offer, mut bytes: Bytes<'_>) -> Option<()> {
    for _ in 0..MOST {
        if bytes.0.is_empty() {
            break;
        }
        let (kind, len) = (bytes.u16()?, bytes.u16()?);
        let mut body = Bytes(bytes.take(len.into())?);
        match kind {
            SERVER_NAME => {
                // There may be one only; the first, so that what follows it changes nothing that is already known.
                if hello.server_name == Named::Cut
                    && let Some(name) = host_name(body)
                {
                    hello.server_name = Named::Hash(hash::caseless(name));
                    hello.name_len = name.len().min(u8::MAX.into()) as u8;
                }
                continue;
            }
            ALPN => {
                // The length of the list, then of its first entry.
                let first = body.u16().and_then(|_| body.u8()).and_then(|len| body.take(len.into()));
                offer.protocol = hash::long(first.unwrap_or_default());
                continue;
            }
            SIGNATURE_ALGORITHMS => offer.signatures = hash::long(body.0),
            SUPPORTED_VERSIONS => {
                body.u8();
                let best = body.words().map(|version| if version > TLS_1_3 { TLS_1_3 } else { version }).max();
                hello.version = hello.version.max(best.unwrap_or_default());
            }
            _ => {}
        }
        if !is_grease(kind) {
            offer.extensions = offer.extensions.wrapping_add(scattered(kind));
        }
    }
    Some(())
}

/// The first name of a list of server names.
fn host_name(mut list: Bytes<'_>) -> Option<&[u8]> {
    const HOST_NAME: u8 = 0;
    list.u16()?;
    let (kind, len) = (list.u8()?, list.u16()?);
    list.take(len.into()).filter(|_| kind == HOST_NAME)
}

/// Values that clients send only so that servers learn to ignore what they do not know.
pub(super) fn is_grease(value: u16) -> bool {
    value & 0x0f0f == 0x0a0a && value >> 8 == value & 0xff
}

/// A hash of a set of values, whatever their order.
fn set(values: Bytes<'_>) -> u64 {
    values.words().map(scattered).fold(0, u64::wrapping_add)
}

/// A value's bits spread over a word, so that sums of several hardly meet (the end of SplitMix64, Steele 2014).
fn scattered(value: u16) -> u64 {
    let value = (u64::from(value) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ value >> 31
}

fn fingerprint<const N: usize>(parts: [u64; N]) -> u32 {
    hash::short(parts.map(u64::to_be_bytes).as_flattened())
}

/// What is still to be read.
#[derive(Clone, Copy)]
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn u8(&mut self) -> Option<u8> {
        let (&byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(byte)
    }

    fn u16(&mut self) -> Option<u16> {
        let (&word, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u16::from_be_bytes(word))
    }

    /// The numbers of 16 bits that are left, without GREASE.
    fn words(self) -> impl Iterator<Item = u16> {
        let words =
            self.0.chunks_exact(2).take(MOST).filter_map(|word| Some(u16::from_be_bytes(word.try_into().ok()?)));
        words.filter(|&word| !is_grease(word))
    }
}
