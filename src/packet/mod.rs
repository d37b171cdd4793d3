//! Frame bytes → one small [`Packet`]. The only place that knows headers.

pub mod app;
mod census;
mod decode;
pub(crate) mod entropy;
mod filter;
mod fragments;
mod host;
mod ip;
mod link;
mod plain;
mod ppp;
mod rest;
mod shim;
pub mod subnet;
#[cfg(test)]
mod tests;
mod transport;
mod tunnel;

pub use crate::capture::Flaw;
pub use app::App;
pub use census::Census;
use serde::{Deserialize, Serialize};

pub use filter::Filter;
pub(crate) use filter::Side;
pub use fragments::Fragments;
pub use host::{Host, Mac};
pub use subnet::Subnet;

/// Which packet of a tunnel counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tunnels {
    /// The one that is carried: who talks to whom through the tunnel.
    #[default]
    Inner,
    /// The one that carries: which tunnels there are.
    Outer,
}

/// What one frame says, as far as it could be decoded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Packet<'a> {
    /// When it was captured, nanoseconds since the epoch.
    pub time_ns: i64,
    /// Its length on the wire, in bytes, even if less was captured.
    pub wire_len: u32,
    /// Who sent it: the IP (or ARP sender) address; the MAC for other frames and for the unspecified address.
    pub src: Host,
    /// Whom it is for: the IP (or ARP target) address, else the MAC.
    pub dst: Host,
    /// The sender's MAC, where the link has one.
    pub src_mac: Option<Mac>,
    /// The receiver's MAC, where the link has one.
    pub dst_mac: Option<Mac>,
    /// Whether it is for one receiver, a group, or everyone (by the MAC, else by the IP address).
    pub cast: Cast,
    /// The network layer.
    pub network: Network,
    /// IPv4 time to live or IPv6 hop limit; 0 without an IP header.
    pub ttl: u8,
    /// Which part of which fragmented IP packet it is; of a tunnel's outer packet, if that is what was fragmented.
    pub fragment: Option<Fragment>,
    /// Whether it lies inside at least one VLAN tag.
    pub vlan: bool,
    /// Whether it was carried inside another packet.
    pub tunnel: bool,
    /// Why decoding stopped before the end of the headers, if it did.
    pub flaw: Option<Flaw>,
    /// The transport layer and its ports, flags or types.
    pub transport: Transport,
    /// Bytes of transport payload on the wire, by the headers' lengths: of [`Transport::Other`], all that IP carries; 0
    /// without a transport header.
    pub payload_len: u32,
    /// The captured part of the transport payload.
    pub payload: &'a [u8],
    /// What it says in an application protocol, if that is one that is read.
    pub app: Option<App>,
}

/// Receivers of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cast {
    Unicast,
    Multicast,
    Broadcast,
}

/// The network layer of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    Ipv4,
    Ipv6,
    Arp,
    /// Any other EtherType (or an 802.3 length).
    Other(u16),
}

/// A part of a fragmented IP packet, with what tells that packet from others (RFC 791, 3.2; RFC 8200, 4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment {
    pub src: Host,
    pub dst: Host,
    pub id: u32,
    /// The protocol that it carries; that of the fragment header (44) for IPv6, whose later fragments do not tell.
    pub protocol: u8,
    /// Whether it is the part with the transport header.
    pub first: bool,
}

/// The transport layer of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    Tcp(Tcp),
    Udp {
        src_port: u16,
        dst_port: u16,
    },
    /// ICMP for IPv4 or (`v6`) IPv6.
    Icmp {
        v6: bool,
        kind: u8,
        code: u8,
    },
    Arp(Arp),
    /// Only an IP protocol's number and ports: of SCTP, DCCP and UDP-Lite, and of a later fragment that [`Fragments`] knows
    /// the first one of; 0 if that has no ports.
    Ports {
        protocol: u8,
        src_port: u16,
        dst_port: u16,
    },
    /// Another IP protocol, by its number.
    Other(u8),
    /// No transport header: not IP, a later fragment, or cut before it.
    None,
}

/// The TCP header fields that features are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tcp {
    pub src_port: u16,
    pub dst_port: u16,
    pub seq: u32,
    pub ack: u32,
    pub window: u16,
    pub flags: TcpFlags,
}

/// TCP flags as the bits of the header's 14th byte (RFC 9293, 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpFlags(pub u8);

impl TcpFlags {
    pub const FIN: u8 = 0x01;
    pub const SYN: u8 = 0x02;
    pub const RST: u8 = 0x04;
    pub const PSH: u8 = 0x08;
    pub const ACK: u8 = 0x10;
    pub const URG: u8 = 0x20;
    pub const ECE: u8 = 0x40;
    pub const CWR: u8 = 0x80;

    /// Whether all the bits of `mask` are set.
    pub fn has(self, mask: u8) -> bool {
        self.0 & mask == mask
    }
}

/// An ARP message (RFC 826), for Ethernet and IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arp {
    /// 1 request, 2 reply.
    pub operation: u16,
    /// The MAC that the sender claims for its address.
    pub sender_mac: Mac,
    /// Whether sender and target address are the same: an announcement.
    pub gratuitous: bool,
}
