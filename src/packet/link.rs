//! Link-layer headers.

use std::net::IpAddr;

use etherparse::{EtherType, Ethernet2HeaderSlice, ether_type};

use super::rest::Rest;
use super::{Cast, Flaw, Mac, Network, ppp};
use crate::capture::{Link, Skip};

/// What the link layer says, and what it carries.
pub(super) struct Outer<'a> {
    pub src_mac: Option<Mac>,
    pub dst_mac: Option<Mac>,
    /// None where the link layer does not tell.
    pub cast: Option<Cast>,
    pub vlan: bool,
    pub network: Network,
    pub flaw: Option<Flaw>,
    pub rest: Rest<'a>,
}

/// Takes the link-layer header off the frame.
pub(super) fn peel(link: Link, frame: Rest<'_>) -> Result<Outer<'_>, Skip> {
    let outer = match link {
        Link::Ethernet => ethernet(frame),
        Link::RawIp => raw_ip(frame),
        Link::LinuxSll => sll(frame),
        Link::LinuxSll2 => sll2(frame),
        Link::BsdLoopback => bsd_loopback(frame),
        Link::Ppp => ppp_link(frame),
        Link::CiscoHdlc => cisco_hdlc(frame),
        Link::Nflog => nflog(frame),
        Link::Other(_) => return Err(Skip::UnknownLink),
    };
    outer.ok_or(Skip::ShortFrame)
}

impl<'a> Outer<'a> {
    /// What has this EtherType and no link layer.
    pub fn new(network: EtherType, rest: Rest<'a>) -> Self {
        let network = Network::from(network);
        Outer { src_mac: None, dst_mac: None, cast: None, vlan: false, network, flaw: None, rest }
    }
}

impl From<EtherType> for Network {
    fn from(kind: EtherType) -> Self {
        match kind {
            ether_type::IPV4 => Network::Ipv4,
            ether_type::IPV6 => Network::Ipv6,
            ether_type::ARP => Network::Arp,
            EtherType(other) => Network::Other(other),
        }
    }
}

pub(super) fn ethernet(frame: Rest<'_>) -> Option<Outer<'_>> {
    let header = Ethernet2HeaderSlice::from_slice(frame.bytes).ok()?;
    let dst_mac = header.destination();
    Some(Outer {
        src_mac: Some(header.source()),
        dst_mac: Some(dst_mac),
        cast: Some(Cast::of_mac(dst_mac)),
        ..Outer::new(header.ether_type(), frame.after(header.slice().len()))
    })
}

pub(super) fn raw_ip(frame: Rest<'_>) -> Option<Outer<'_>> {
    Some(match frame.bytes.first()? >> 4 {
        4 => Outer::new(ether_type::IPV4, frame),
        6 => Outer::new(ether_type::IPV6, frame),
        _ => Outer { flaw: Some(Flaw::IpVersion), ..Outer::new(EtherType(0), frame) },
    })
}

/// [LINKTYPE_LINUX_SLL](https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL.html)
fn sll(frame: Rest<'_>) -> Option<Outer<'_>> {
    let header = frame.bytes.first_chunk::<16>()?;
    let [_, kind, _, _, _, mac_len, a, b, c, d, e, f, _, _, upper, lower] = *header;
    Some(Outer {
        src_mac: (mac_len == 6).then_some([a, b, c, d, e, f]),
        cast: cast_of_sll(kind),
        ..Outer::new(EtherType(u16::from_be_bytes([upper, lower])), frame.after(header.len()))
    })
}

/// [LINKTYPE_LINUX_SLL2](https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL2.html)
fn sll2(frame: Rest<'_>) -> Option<Outer<'_>> {
    let header = frame.bytes.first_chunk::<20>()?;
    let [upper, lower, _, _, _, _, _, _, _, _, kind, mac_len, a, b, c, d, e, f, _, _] = *header;
    Some(Outer {
        src_mac: (mac_len == 6).then_some([a, b, c, d, e, f]),
        cast: cast_of_sll(kind),
        ..Outer::new(EtherType(u16::from_be_bytes([upper, lower])), frame.after(header.len()))
    })
}

/// Linux's packet types: to us, to all, to a group, to another host; of outgoing packets (4) it says no more.
fn cast_of_sll(kind: u8) -> Option<Cast> {
    match kind {
        0 | 3 => Some(Cast::Unicast),
        1 => Some(Cast::Broadcast),
        2 => Some(Cast::Multicast),
        _ => None,
    }
}

/// [LINKTYPE_NULL](https://www.tcpdump.org/linktypes/LINKTYPE_NULL.html): the address family, in the byte order of the
/// machine that captured (LINKTYPE_LOOP: of the network). Families are small, so the order shows.
fn bsd_loopback(frame: Rest<'_>) -> Option<Outer<'_>> {
    let header = frame.bytes.first_chunk::<4>()?;
    let family = u32::from_le_bytes(*header).min(u32::from_be_bytes(*header));
    let kind = match family {
        2 => ether_type::IPV4,
        // AF_INET6 of Linux, of NetBSD and OpenBSD, of FreeBSD, of macOS.
        10 | 24 | 28 | 30 => ether_type::IPV6,
        other => EtherType(other as u16),
    };
    Some(Outer::new(kind, frame.after(header.len())))
}

/// [LINKTYPE_PPP](https://www.tcpdump.org/linktypes.html); what it carries besides packets is its own.
fn ppp_link(frame: Rest<'_>) -> Option<Outer<'_>> {
    const PPP: EtherType = EtherType(0x880b);
    Some(match ppp::framed(frame) {
        Some(Ok((kind, rest))) => Outer::new(kind, rest),
        Some(Err(_)) => return None,
        None => Outer::new(PPP, frame),
    })
}

/// [LINKTYPE_C_HDLC](https://www.tcpdump.org/linktypes.html): an address, a zero, and an EtherType (RFC 1547, 4.3.1).
fn cisco_hdlc(frame: Rest<'_>) -> Option<Outer<'_>> {
    let &[_, _, upper, lower] = frame.bytes.first_chunk()?;
    Some(Outer::new(EtherType(u16::from_be_bytes([upper, lower])), frame.after(4)))
}

/// [LINKTYPE_NFLOG](https://www.tcpdump.org/linktypes/LINKTYPE_NFLOG.html): the address family and two more fields, then
/// values, each behind its length and type in the byte order of the machine that captured; one of them is the packet.
fn nflog(frame: Rest<'_>) -> Option<Outer<'_>> {
    const PAYLOAD: u16 = 9;
    let kind = match frame.bytes.first()? {
        2 => ether_type::IPV4,
        10 => ether_type::IPV6,
        &other => EtherType(other.into()),
    };
    let mut rest = frame.after(4);
    loop {
        let &[a, b, c, d] = rest.bytes.first_chunk()?;
        // Types are small, so the order shows.
        let (len, value) = match [c, d] {
            [small, 0] => ([b, a], small),
            [0, small] => ([a, b], small),
            _ => return None,
        };
        let len = usize::from(u16::from_be_bytes(len));
        if len < 4 {
            return None;
        }
        if u16::from(value) == PAYLOAD {
            return Some(Outer::new(kind, rest.first(len).after(4)));
        }
        rest = rest.after(len.next_multiple_of(4));
    }
}

impl Cast {
    pub(super) fn of_mac(mac: Mac) -> Self {
        match mac {
            [0xff, 0xff, 0xff, 0xff, 0xff, 0xff] => Cast::Broadcast,
            [first, ..] if first & 1 == 1 => Cast::Multicast,
            _ => Cast::Unicast,
        }
    }

    pub(super) fn of_ip(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) if ip.is_broadcast() => Cast::Broadcast,
            ip if ip.is_multicast() => Cast::Multicast,
            _ => Cast::Unicast,
        }
    }
}
