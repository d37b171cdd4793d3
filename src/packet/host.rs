//! Who a packet is from or to.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A link-layer address.
pub type Mac = [u8; 6];

/// An end of a packet: its IP address, or its MAC address where it has no IP address (yet).
///
/// One number in the IPv6 space, so that it compares and hashes in one step: IPv4 as `::ffff:a.b.c.d` (RFC 4291,
/// 2.5.5.2), a MAC in the discard-only prefix `100::/64` (RFC 6666), neither of which is ever routed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Host(u128);

const IPV4_MAPPED: u128 = 0xffff_0000_0000;
const MAC_PREFIX: u128 = 0x0100 << 112;

impl Host {
    /// Stands for all hosts that are not told apart; no packet's, for an IPv6 group cannot have all bits of its scope set (RFC
    /// 4291, 2.7). It comes behind every other.
    pub const REST: Host = Host(u128::MAX);

    /// The host with this MAC address, for frames that carry no IP address.
    pub fn from_mac(mac: Mac) -> Self {
        Self(mac.iter().fold(0, |bits, &byte| bits << 8 | u128::from(byte)) | MAC_PREFIX)
    }

    /// The IP address, if that is what names this host.
    pub fn ip(self) -> Option<IpAddr> {
        if self.0 >> 64 == MAC_PREFIX >> 64 {
            None
        } else if self.0 >> 32 == IPV4_MAPPED >> 32 {
            Some(Ipv4Addr::from_bits(self.0 as u32).into())
        } else {
            Some(Ipv6Addr::from_bits(self.0).into())
        }
    }

    /// Whether it is the address of a host that has none yet: `0.0.0.0` or `::`.
    pub fn is_unspecified(self) -> bool {
        self.0 == IPV4_MAPPED || self.0 == 0
    }

    /// The number that stands for this host.
    pub fn bits(self) -> u128 {
        self.0
    }
}

impl From<[u8; 4]> for Host {
    fn from(octets: [u8; 4]) -> Self {
        Self(IPV4_MAPPED | u128::from(u32::from_be_bytes(octets)))
    }
}

impl From<[u8; 16]> for Host {
    fn from(octets: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(octets))
    }
}

impl From<IpAddr> for Host {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => address.octets().into(),
            IpAddr::V6(address) => address.octets().into(),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ip() {
            Some(IpAddr::V4(ip)) => f.pad(Dotted::of(ip.octets()).as_str()),
            Some(ip) => ip.fmt(f),
            None => {
                let [_, _, a, b, c, d, e, g] = (self.0 as u64).to_be_bytes();
                write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
            }
        }
    }
}

/// An IPv4 address as it is written: every row has one, and the standard library's way takes longer than the row's features.
struct Dotted {
    bytes: [u8; 15],
    len: usize,
}

impl Dotted {
    fn of(octets: [u8; 4]) -> Self {
        let mut text = Self { bytes: [0; 15], len: 0 };
        for (place, octet) in octets.into_iter().enumerate() {
            if place > 0 {
                text.push(b'.');
            }
            if octet >= 100 {
                text.push(b'0' + octet / 100);
            }
            if octet >= 10 {
                text.push(b'0' + octet / 10 % 10);
            }
            text.push(b'0' + octet % 10);
        }
        text
    }

    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.len) {
            *place = byte;
            self.len += 1;
        }
    }

    fn as_str(&self) -> &str {
        self.bytes.get(..self.len).and_then(|bytes| str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_prints_as_operators_write_it() {
        assert_eq!(Host::from([192, 168, 1, 9]).to_string(), "192.168.1.9");
        assert_eq!(Host::from_mac([0, 0x10, 0x18, 0xcb, 0x8c, 0x13]).to_string(), "00:10:18:cb:8c:13");
        let v6: IpAddr = "fe80::1".parse().unwrap();
        assert_eq!(Host::from(v6).to_string(), "fe80::1");
        assert_eq!(Host::from(v6).ip(), Some(v6));
        assert_eq!(Host::from_mac([0; 6]).ip(), None);
    }

    #[test]
    fn an_address_is_written_as_by_the_standard_library() {
        for octets in [[0, 1, 9, 10], [11, 99, 100, 101], [109, 110, 199, 200], [209, 250, 254, 255], [255; 4]] {
            assert_eq!(Host::from(octets).to_string(), Ipv4Addr::from(octets).to_string());
        }
    }

    #[test]
    fn only_addresses_can_be_unspecified() {
        assert!(Host::from([0; 4]).is_unspecified());
        assert!(Host::from([0; 16]).is_unspecified());
        assert!(!Host::from([0, 0, 0, 1]).is_unspecified());
        assert!(!Host::from_mac([0; 6]).is_unspecified());
    }
}
