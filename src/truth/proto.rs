//! What a packet carries.

use crate::packet::Transport;

/// What a packet carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Proto {
    Arp,
    /// By the IP protocol's number.
    Ip(u8),
}

impl Proto {
    pub const ICMP: Proto = Proto::Ip(1);
    pub const TCP: Proto = Proto::Ip(6);
    pub const UDP: Proto = Proto::Ip(17);
    pub const ICMP6: Proto = Proto::Ip(58);

    /// Whether its packets have ports: TCP, UDP, DCCP, SCTP and UDP-Lite.
    pub fn has_ports(self) -> bool {
        matches!(self, Proto::Ip(6 | 17 | 33 | 132 | 136))
    }

    pub fn of(transport: Transport) -> Option<Proto> {
        match transport {
            Transport::Tcp(_) => Some(Proto::TCP),
            Transport::Udp { .. } => Some(Proto::UDP),
            Transport::Icmp { v6: false, .. } => Some(Proto::ICMP),
            Transport::Icmp { v6: true, .. } => Some(Proto::ICMP6),
            Transport::Arp(_) => Some(Proto::Arp),
            Transport::Other(number) | Transport::Ports { protocol: number, .. } => Some(Proto::Ip(number)),
            Transport::None => None,
        }
    }
}
