//! What the packets of one 5-tuple did within one window: the grain that every view is rolled up from.

use std::hash::{Hash, Hasher};

use super::sent::{Kind, Sent};
use crate::packet::{Cast, Host, Network, Packet, Tcp, TcpFlags, Transport};

/// What a flow is made of, coarse enough to be a feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Tcp,
    Udp,
    Icmp,
    Arp,
    /// Another IP protocol, or IP without a readable transport header.
    OtherIp,
    /// A frame without an IP header.
    NonIp,
}

impl Protocol {
    fn of(packet: &Packet) -> Self {
        match (packet.transport, packet.network) {
            (Transport::Tcp(_), _) => Self::Tcp,
            (Transport::Udp { .. }, _) => Self::Udp,
            (Transport::Icmp { .. }, _) => Self::Icmp,
            (Transport::Ports { protocol: 1 | 58, .. }, _) => Self::Icmp,
            (Transport::Ports { protocol: 6, .. }, _) => Self::Tcp,
            (Transport::Ports { protocol: 17, .. }, _) => Self::Udp,
            (Transport::Arp(_), _) | (_, Network::Arp) => Self::Arp,
            (_, Network::Ipv4 | Network::Ipv6) => Self::OtherIp,
            (_, Network::Other(_)) => Self::NonIp,
        }
    }
}

/// A bidirectional 5-tuple, the smaller end first. Packets to a group are kept apart, for a group is no host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowKey {
    pub ends: [Host; 2],
    /// 0 for protocols without ports.
    pub ports: [u16; 2],
    pub protocol: Protocol,
    pub group: bool,
}

/// In whole words: what is derived takes the small fields one by one, and the arrays' lengths too.
impl Hash for FlowKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let [one, other] = self.ends.map(Host::bits);
        let [one_port, other_port] = self.ports.map(u64::from);
        state.write_u128(one);
        state.write_u128(other);
        state.write_u64(one_port << 32 | other_port << 16 | (self.protocol as u64) << 1 | u64::from(self.group));
    }
}

impl FlowKey {
    /// The key of a packet's flow, and which of its ends sent the packet.
    pub fn of(packet: &Packet) -> (Self, usize) {
        let (src_port, dst_port) = match packet.transport {
            Transport::Tcp(Tcp { src_port, dst_port, .. })
            | Transport::Udp { src_port, dst_port }
            | Transport::Ports { src_port, dst_port, .. } => (src_port, dst_port),
            _ => (0, 0),
        };
        let (protocol, group) = (Protocol::of(packet), packet.cast != Cast::Unicast);
        if (packet.src, src_port) <= (packet.dst, dst_port) {
            (Self { ends: [packet.src, packet.dst], ports: [src_port, dst_port], protocol, group }, 0)
        } else {
            (Self { ends: [packet.dst, packet.src], ports: [dst_port, src_port], protocol, group }, 1)
        }
    }

    /// The key of the ARP messages between two hosts, and the end that `a` is.
    pub fn arp(a: Host, b: Host, group: bool) -> (Self, usize) {
        let (ends, end) = if a <= b { ([a, b], 0) } else { ([b, a], 1) };
        (Self { ends, ports: [0; 2], protocol: Protocol::Arp, group }, end)
    }
}

/// How a TCP connection that was asked for within the window went, as far as the window shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handshake {
    /// Neither granted nor reset: a dead host, a filter, a spoofed source.
    Unanswered,
    /// Answered with a reset.
    Refused,
    /// Granted, but who asked never went on: a SYN flood, a half-open scan.
    HalfOpen,
    /// Each end acknowledged the other's SYN.
    Established,
}

/// One flow in one window.
#[derive(Clone, Debug)]
pub struct Flow {
    pub key: FlowKey,
    /// The indices of the ends in the window's hosts; none for an end that is a group.
    pub hosts: [Option<u32>; 2],
    /// What each end sent.
    pub sent: [Sent; 2],
    /// Which end sent the first packet.
    first_sender: usize,
    /// Which end asked for a TCP connection, if that was seen.
    opener: Option<usize>,
    /// Which ends acknowledged a SYN of the other.
    acknowledged: [bool; 2],
}

impl Flow {
    /// A flow without packets yet.
    pub fn new(key: FlowKey, first_sender: usize) -> Self {
        Self { key, hosts: [None; 2], sent: Default::default(), first_sender, opener: None, acknowledged: [false; 2] }
    }

    /// Counts a packet that `sender` sent.
    pub fn count(&mut self, packet: &Packet, sender: usize) {
        self.sent[sender].count(packet);
        if let Transport::Tcp(tcp) = packet.transport {
            let [syn, ack, rst] = [TcpFlags::SYN, TcpFlags::ACK, TcpFlags::RST].map(|flag| tcp.flags.has(flag));
            if syn && !ack {
                self.opener.get_or_insert(sender);
            }
            // A SYN-ACK acknowledges too, and in a simultaneous open (RFC 9293, 3.5) nothing else does.
            self.acknowledged[sender] |= ack && !rst && self.sent[1 - sender].any([Kind::Syn, Kind::SynAck]);
        }
    }

    /// Packets of both ends.
    pub fn packets(&self) -> u64 {
        self.sent[0].packets + self.sent[1].packets
    }

    /// Whether it is a host's with itself: on a loopback, in a land attack, in an announcement.
    pub fn is_with_itself(&self) -> bool {
        self.key.ends[0] == self.key.ends[1]
    }

    /// The end that started the conversation. A window cuts conversations, so the first packet in it tells little: who asked
    /// for the TCP connection does, else who asks rather than answers, else the ports (a service has the lower one).
    pub fn client(&self) -> usize {
        let initiative = [self.sent[0].initiative(), self.sent[1].initiative()];
        let ports = self.key.ports;
        if let Some(opener) = self.opener {
            opener
        } else if self.key.group {
            // A group asks for nothing.
            self.first_sender
        } else if initiative[0] != initiative[1] {
            usize::from(initiative[1] > initiative[0])
        } else if ports[0] != ports[1] {
            usize::from(ports[1] > ports[0])
        } else {
            self.first_sender
        }
    }

    /// How the connection went that this window saw asked for.
    pub fn handshake(&self) -> Option<Handshake> {
        let server = &self.sent[1 - self.opener?];
        Some(if self.acknowledged == [true; 2] {
            Handshake::Established
        } else if server.any([Kind::SynAck]) {
            Handshake::HalfOpen
        } else if server.any([Kind::Rst]) {
            Handshake::Refused
        } else {
            Handshake::Unanswered
        })
    }

    /// Whether its ends have ports.
    pub fn has_ports(&self) -> bool {
        matches!(self.key.protocol, Protocol::Tcp | Protocol::Udp)
    }
}
