//! Addresses as people write them.

use std::net::IpAddr;

use super::{Host, Mac};

/// An IP network: the addresses that agree in the bits of a mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subnet {
    /// In the numbering of [`Host`].
    bits: u128,
    mask: u128,
    v6: bool,
}

impl Subnet {
    /// "10.0.0.0/8", "192.168.1.9", "fe80::/10".
    pub fn parse(text: &str) -> Option<Self> {
        let (address, length) = match text.trim().split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text.trim(), None),
        };
        let address: IpAddr = address.parse().ok()?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let length = length.map_or(Some(longest), |length| length.parse().ok().filter(|&length| length <= longest))?;
        let mask = u128::MAX.checked_shl(longest - length).unwrap_or(0);
        Some(Self { bits: Host::from(address).bits() & mask, mask, v6: address.is_ipv6() })
    }

    /// Whether its addresses are of IPv6; the bits in which they agree, and which those are.
    pub(super) fn parts(&self) -> (bool, u128, u128) {
        (self.v6, self.bits, self.mask)
    }

    /// Whether the host has an address in it.
    pub fn contains(&self, host: Host) -> bool {
        host.bits() & self.mask == self.bits && host.ip().is_some_and(|ip| ip.is_ipv6() == self.v6)
    }
}

/// "00:10:18:cb:8c:13", or with hyphens.
pub fn mac(text: &str) -> Option<Mac> {
    let mut bytes = text.trim().split([':', '-']).map(|byte| {
        let two_digits = byte.len() == 2 && byte.bytes().all(|digit| digit.is_ascii_hexdigit());
        two_digits.then(|| u8::from_str_radix(byte, 16).ok())?
    });
    let mut mac = Mac::default();
    for byte in &mut mac {
        *byte = bytes.next()??;
    }
    bytes.next().is_none().then_some(mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let host = |text: &str| Host::from(text.parse::<IpAddr>().unwrap());
        let ten = Subnet::parse("10.1.2.3/8").unwrap();
        assert!(ten.contains(host("10.255.0.1")) && !ten.contains(host("11.0.0.1")) && !ten.contains(host("a00::")));
        let one = Subnet::parse("fe80::1").unwrap();
        assert!(one.contains(host("fe80::1")) && !one.contains(host("fe80::2")));
        let all = Subnet::parse("::/0").unwrap();
        assert!(
            all.contains(host("2001::1")) && !all.contains(host("1.2.3.4")) && !all.contains(Host::from_mac([2; 6]))
        );
        for text in ["10.0.0.0/33", "fe80::/129", "10.0.0/8", "10.0.0.0/", "10.0.0.0/-1", "", "host"] {
            assert_eq!(Subnet::parse(text), None, "{text}");
        }
        assert_eq!(mac("00:10:18:CB:8c:13"), Some([0, 0x10, 0x18, 0xcb, 0x8c, 0x13]));
        assert_eq!(mac("00-10-18-cb-8c-13"), mac("00:10:18:cb:8c:13"));
        for text in ["", "00:10:18:cb:8c", "00:10:18:cb:8c:13:14", "00:10:18:cb:8c:+3", "0:10:18:cb:8c:13"] {
            assert_eq!(mac(text), None, "{text}");
        }
    }
}
