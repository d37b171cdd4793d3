//! What the packets of one 5-tuple did within one window: the grain that every view is rolled up from.

use std::hash::{Hash, Hasher};

use super::merged::Merged;
use super::sent::{Kind, Sent};
use crate::packet::{Cast, Host, Network, Packet, Tcp, TcpFlags, Transport};

/// What a flow is made of, coarse enough to be a feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
    /// How the rows of flows call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Icmp => "icmp",
            Self::Arp => "arp",
            Self::OtherIp => "ip",
            Self::NonIp => "frame",
        }
    }

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FlowKey {
    pub ends: [Host; 2],
    /// 0 for protocols without ports.
    pub ports: [u16; 2],
    pub protocol: Protocol,
    pub group: bool,
    /// Whether it stands for all flows between its ends that found no room, whatever their ports.
    pub merged: bool,
}

/// In whole words: what is derived takes the small fields one by one, and the arrays' lengths too.
impl Hash for FlowKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let [one, other] = self.ends.map(Host::bits);
        let [one_port, other_port] = self.ports.map(u64::from);
        state.write_u128(one);
        state.write_u128(other);
        let small = (self.protocol as u64) << 2 | u64::from(self.group) << 1 | u64::from(self.merged);
        state.write_u64(one_port << 32 | other_port << 16 | small);
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
        let (protocol, group, merged) = (Protocol::of(packet), packet.cast != Cast::Unicast, false);
        if (packet.src, src_port) <= (packet.dst, dst_port) {
            (Self { ends: [packet.src, packet.dst], ports: [src_port, dst_port], protocol, group, merged }, 0)
        } else {
            (Self { ends: [packet.dst, packet.src], ports: [dst_port, src_port], protocol, group, merged }, 1)
        }
    }

    /// The key of the ARP messages between two hosts, and the end that `a` is.
    pub fn arp(a: Host, b: Host, group: bool) -> (Self, usize) {
        let (ends, end) = if a <= b { ([a, b], 0) } else { ([b, a], 1) };
        (Self { ends, ports: [0; 2], protocol: Protocol::Arp, group, merged: false }, end)
    }

    /// The key under which a flow without room is counted, and the end there of the end `sender` here: hosts that are not
    /// `known` are not told apart.
    pub fn merged(&self, sender: usize, known: impl Fn(Host) -> bool) -> (Self, usize) {
        let [one, other] = self.ends.map(|host| if known(host) { host } else { Host::REST });
        let (ends, sender) = if one <= other { ([one, other], sender) } else { ([other, one], 1 - sender) };
        (Self { ends, ports: [0; 2], merged: true, ..*self }, sender)
    }

    /// Its two hosts, whatever the ports.
    pub fn pair(&self) -> [Host; 2] {
        let [one, other] = self.ends;
        if one <= other { [one, other] } else { [other, one] }
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
    /// The places of the ends among the window's hosts; none for an end that is a group.
    pub hosts: [Option<u32>; 2],
    /// The place of both among its pairs, if rows of pairs are wanted.
    pub pair: Option<u32>,
    /// Its own place among them, if rows of flows are wanted.
    pub place: Option<u32>,
    /// What each end sent.
    pub sent: [Sent; 2],
    /// Which end sent the first packet.
    first_sender: usize,
    /// Which end asked for a TCP connection, if that was seen.
    opener: Option<usize>,
    /// Which ends acknowledged a SYN of the other.
    acknowledged: [bool; 2],
    /// When a connection was first asked for and first granted.
    asked_ns: i64,
    granted_ns: Option<i64>,
    /// How many flows it stands for, if it is not one alone.
    pub merged: Option<Box<Merged>>,
}

impl Flow {
    /// A flow without packets yet.
    pub fn new(key: FlowKey, first_sender: usize) -> Self {
        Self {
            key,
            hosts: [None; 2],
            pair: None,
            place: None,
            sent: Default::default(),
            first_sender,
            opener: None,
            acknowledged: [false; 2],
            asked_ns: 0,
            granted_ns: None,
            merged: key.merged.then(Box::default),
        }
    }

    /// Whether it stands for flows that found no room.
    pub fn is_merged(&self) -> bool {
        self.merged.is_some()
    }

    /// How many flows it is.
    pub fn stands_for(&self) -> u64 {
        self.merged.as_ref().map_or(1, |merged| merged.flows())
    }

    /// Notes, in a flow that is not one alone, the one that a packet belongs to.
    pub fn stand_for(&mut self, one: &FlowKey) {
        if let Some(merged) = &mut self.merged {
            merged.insert(one, self.key.ends);
        }
    }

    /// Counts a packet that `sender` sent.
    pub fn count(&mut self, packet: &Packet, sender: usize) {
        self.sent[sender].count(packet);
        if let Transport::Tcp(tcp) = packet.transport {
            let [syn, ack, rst] = [TcpFlags::SYN, TcpFlags::ACK, TcpFlags::RST].map(|flag| tcp.flags.has(flag));
            if syn && !ack && self.opener.is_none() {
                self.opener = Some(sender);
                self.asked_ns = packet.time_ns;
            } else if syn && ack && self.opener == Some(1 - sender) {
                self.granted_ns.get_or_insert(packet.time_ns);
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

    /// From the request for a connection to its being granted, in seconds: a round trip from where the capture was taken.
    pub fn granted_after(&self) -> Option<f64> {
        let granted_ns = self.granted_ns.filter(|_| !self.is_merged())?;
        Some(granted_ns.saturating_sub(self.asked_ns).max(0) as f64 * 1e-9)
    }

    /// From its first packet to its latest, in seconds.
    pub fn duration(&self) -> f64 {
        let paces = || self.sent.iter().filter(|sent| sent.packets > 0).map(|sent| &sent.pace);
        let first_ns = paces().map(|pace| pace.first_ns).min().unwrap_or(0);
        let latest_ns = paces().map(|pace| pace.latest_ns).max().unwrap_or(0);
        latest_ns.saturating_sub(first_ns) as f64 * 1e-9
    }

    /// Whether its ends have ports.
    pub fn has_ports(&self) -> bool {
        matches!(self.key.protocol, Protocol::Tcp | Protocol::Udp)
    }
}
