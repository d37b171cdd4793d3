//! Which packets belong together: those of one 5-tuple.

use std::hash::{Hash, Hasher};

use crate::packet::{Cast, Host, Network, Packet, Tcp, Transport};

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
        // As (src, src_port) <= (dst, dst_port), without a branch that nobody could predict.
        let forth = (packet.src <= packet.dst) & ((packet.src < packet.dst) | (src_port <= dst_port));
        if forth {
            (Self { ends: [packet.src, packet.dst], ports: [src_port, dst_port], protocol, group, merged }, 0)
        } else {
            (Self { ends: [packet.dst, packet.src], ports: [dst_port, src_port], protocol, group, merged }, 1)
        }
    }

    /// A place among `N` that is soon found, and often another than that of the next flow.
    #[inline]
    pub fn slot<const N: usize>(&self) -> usize {
        let [one, other] = self.ends.map(|end| end.bits() as u64);
        let [one_port, other_port] = self.ports.map(u64::from);
        // Multiplied by the golden ratio (Knuth, The Art of Computer Programming 3, 6.4).
        let mixed =
            (one ^ other.rotate_left(24) ^ one_port << 48 ^ other_port << 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 32) as usize % N
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
