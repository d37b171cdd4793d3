//! What the packets of one 5-tuple did within one window: the grain that every view is rolled up from.

use crate::packet::{Arp, Cast, Dns, Flaw, Host, Network, Packet, Tcp, TcpFlags, Transport};

/// Upper bounds of the packet-size classes, in bytes, as RMON counts them (RFC 2819, `etherStatsPkts…Octets`).
pub const SIZE_CLASSES: [u32; 6] = [64, 127, 255, 511, 1023, 1518];

/// One of the six TCP flags that are counted, in the order of their bits.
pub const FLAG_BITS: [u8; 6] =
    [TcpFlags::FIN, TcpFlags::SYN, TcpFlags::RST, TcpFlags::PSH, TcpFlags::ACK, TcpFlags::URG];

/// What a flow is made of, coarse enough to be a feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
            (_, Network::Arp) => Self::Arp,
            (_, Network::Ipv4 | Network::Ipv6) => Self::OtherIp,
            (_, Network::Other(_)) => Self::NonIp,
        }
    }
}

/// A bidirectional 5-tuple, the smaller end first. Packets to a group are kept apart, for a group is no host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowKey {
    pub ends: [(Host, u16); 2],
    pub protocol: Protocol,
    pub group: bool,
}

impl FlowKey {
    /// The key of a packet's flow, and which of its ends sent the packet.
    pub fn of(packet: &Packet) -> (Self, usize) {
        let (src_port, dst_port) = match packet.transport {
            Transport::Tcp(Tcp { src_port, dst_port, .. }) | Transport::Udp { src_port, dst_port } => {
                (src_port, dst_port)
            }
            _ => (0, 0),
        };
        let (src, dst) = ((packet.src, src_port), (packet.dst, dst_port));
        let key = |ends| Self { ends, protocol: Protocol::of(packet), group: packet.cast != Cast::Unicast };
        if src <= dst { (key([src, dst]), 0) } else { (key([dst, src]), 1) }
    }
}

/// What one end of a flow, or one entity, sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sent {
    pub packets: u64,
    pub bytes: u64,
    pub payload_bytes: u64,
    /// Sum of the squares of the packets' lengths.
    pub size_squares: u64,
    pub size_min: Option<u32>,
    pub size_max: u32,
    /// Packets by [`SIZE_CLASSES`]; the last class is larger than all bounds.
    pub sizes: [u64; SIZE_CLASSES.len() + 1],
    pub ipv6: u64,
    pub fragments: u64,
    pub flaws: u64,
    pub multicast: u64,
    pub broadcast: u64,
    pub tcp: u64,
    /// TCP packets by flag, as [`FLAG_BITS`].
    pub flags: [u64; FLAG_BITS.len()],
    /// SYN without ACK: a connection asked for.
    pub syn: u64,
    /// SYN with ACK: a connection granted.
    pub syn_ack: u64,
    /// Flag combinations that no connection uses: none at all, SYN with FIN or RST, FIN without ACK.
    pub odd_flags: u64,
    pub zero_window: u64,
    pub udp: u64,
    pub icmp: u64,
    pub echo_requests: u64,
    pub echo_replies: u64,
    /// ICMP errors: unreachable, time exceeded, redirect and the like.
    pub icmp_errors: u64,
    pub arp_requests: u64,
    pub arp_replies: u64,
    pub arp_gratuitous: u64,
    pub other_ip: u64,
    pub non_ip: u64,
    pub dns: DnsSent,
}

/// The DNS messages among what was sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DnsSent {
    pub queries: u64,
    pub responses: u64,
    /// Responses that say that the name does not exist.
    pub nxdomain: u64,
    /// Queries for TXT, NULL or ANY: the types that carry the most bytes.
    pub bulky: u64,
    pub name_len_sum: u64,
    pub name_len_max: u64,
    pub name_entropy_sum: f64,
}

impl Sent {
    /// Counts one packet.
    pub fn count(&mut self, packet: &Packet) {
        let size = packet.wire_len;
        self.packets += 1;
        self.bytes += u64::from(size);
        self.payload_bytes += u64::from(packet.payload_len);
        self.size_squares = self.size_squares.saturating_add(u64::from(size) * u64::from(size));
        self.size_min = Some(self.size_min.map_or(size, |min| min.min(size)));
        self.size_max = self.size_max.max(size);
        self.sizes[SIZE_CLASSES.partition_point(|&bound| bound < size)] += 1;
        self.ipv6 += u64::from(packet.network == Network::Ipv6);
        self.fragments += u64::from(packet.fragment);
        self.flaws += u64::from(matches!(packet.flaw, Some(Flaw::Length | Flaw::Malformed)));
        match packet.cast {
            Cast::Unicast => {}
            Cast::Multicast => self.multicast += 1,
            Cast::Broadcast => self.broadcast += 1,
        }
        match packet.transport {
            Transport::Tcp(tcp) => self.count_tcp(&tcp),
            Transport::Udp { .. } => self.udp += 1,
            Transport::Icmp { v6, kind, .. } => self.count_icmp(v6, kind),
            Transport::Arp(arp) => self.count_arp(&arp),
            Transport::Other(_) | Transport::None => match packet.network {
                Network::Ipv4 | Network::Ipv6 => self.other_ip += 1,
                Network::Arp => {}
                Network::Other(_) => self.non_ip += 1,
            },
        }
        if let Some(dns) = &packet.dns {
            self.dns.count(dns);
        }
    }

    fn count_tcp(&mut self, tcp: &Tcp) {
        let flags = tcp.flags;
        self.tcp += 1;
        for (count, bit) in self.flags.iter_mut().zip(FLAG_BITS) {
            *count += u64::from(flags.has(bit));
        }
        let ack = flags.has(TcpFlags::ACK);
        let syn = flags.has(TcpFlags::SYN);
        let fin = flags.has(TcpFlags::FIN);
        let rst = flags.has(TcpFlags::RST);
        self.syn += u64::from(syn && !ack);
        self.syn_ack += u64::from(syn && ack);
        let none = flags.0 & FLAG_BITS.iter().fold(0, |all, bit| all | bit) == 0;
        self.odd_flags += u64::from(none || syn && (fin || rst) || fin && !ack);
        self.zero_window += u64::from(tcp.window == 0 && !rst);
    }

    fn count_icmp(&mut self, v6: bool, kind: u8) {
        self.icmp += 1;
        match (v6, kind) {
            (false, 8) | (true, 128) => self.echo_requests += 1,
            (false, 0) | (true, 129) => self.echo_replies += 1,
            // RFC 792: unreachable, source quench, redirect, time exceeded, parameter problem; RFC 4443: types below 128.
            (false, 3 | 4 | 5 | 11 | 12) | (true, 0..=127) => self.icmp_errors += 1,
            _ => {}
        }
    }

    fn count_arp(&mut self, arp: &Arp) {
        match arp.operation {
            1 => self.arp_requests += 1,
            2 => self.arp_replies += 1,
            _ => {}
        }
        self.arp_gratuitous += u64::from(arp.gratuitous);
    }

    /// Adds what another end or entity sent.
    pub fn add(&mut self, other: &Sent) {
        self.packets += other.packets;
        self.bytes += other.bytes;
        self.payload_bytes += other.payload_bytes;
        self.size_squares = self.size_squares.saturating_add(other.size_squares);
        self.size_min = match (self.size_min, other.size_min) {
            (Some(mine), Some(theirs)) => Some(mine.min(theirs)),
            (mine, theirs) => mine.or(theirs),
        };
        self.size_max = self.size_max.max(other.size_max);
        for (mine, theirs) in self.sizes.iter_mut().zip(other.sizes) {
            *mine += theirs;
        }
        self.ipv6 += other.ipv6;
        self.fragments += other.fragments;
        self.flaws += other.flaws;
        self.multicast += other.multicast;
        self.broadcast += other.broadcast;
        self.tcp += other.tcp;
        for (mine, theirs) in self.flags.iter_mut().zip(other.flags) {
            *mine += theirs;
        }
        self.syn += other.syn;
        self.syn_ack += other.syn_ack;
        self.odd_flags += other.odd_flags;
        self.zero_window += other.zero_window;
        self.udp += other.udp;
        self.icmp += other.icmp;
        self.echo_requests += other.echo_requests;
        self.echo_replies += other.echo_replies;
        self.icmp_errors += other.icmp_errors;
        self.arp_requests += other.arp_requests;
        self.arp_replies += other.arp_replies;
        self.arp_gratuitous += other.arp_gratuitous;
        self.other_ip += other.other_ip;
        self.non_ip += other.non_ip;
        self.dns.add(&other.dns);
    }
}

impl DnsSent {
    fn count(&mut self, dns: &Dns) {
        if dns.response {
            self.responses += 1;
            self.nxdomain += u64::from(dns.rcode == 3);
        } else {
            self.queries += 1;
            self.bulky += u64::from(matches!(dns.qtype, 10 | 16 | 255));
            self.name_len_sum += u64::from(dns.name_len);
            self.name_len_max = self.name_len_max.max(u64::from(dns.name_len));
            self.name_entropy_sum += f64::from(dns.name_entropy);
        }
    }

    fn add(&mut self, other: &DnsSent) {
        self.queries += other.queries;
        self.responses += other.responses;
        self.nxdomain += other.nxdomain;
        self.bulky += other.bulky;
        self.name_len_sum += other.name_len_sum;
        self.name_len_max = self.name_len_max.max(other.name_len_max);
        self.name_entropy_sum += other.name_entropy_sum;
    }
}

/// How a TCP connection that was asked for within the window went, as far as the window shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handshake {
    /// No answer at all: a dead host, a filter, a spoofed source.
    Unanswered,
    /// Answered with a reset.
    Refused,
    /// Granted, but the client never went on: a SYN flood, a half-open scan.
    HalfOpen,
    /// All three steps were seen.
    Established,
}

/// One flow in one window.
#[derive(Clone, Debug)]
pub struct Flow {
    pub key: FlowKey,
    /// The indices of the ends in the window's hosts; none for an end that is a group or that was never heard of.
    pub hosts: [Option<u32>; 2],
    /// What each end sent.
    pub sent: [Sent; 2],
    /// Which end sent the first packet.
    pub first_sender: usize,
    /// Which end asked for a TCP connection, if that was seen.
    opener: Option<usize>,
    /// Whether the opener's acknowledgement came after the other's SYN-ACK.
    acknowledged: bool,
}

impl Flow {
    /// A flow without packets yet.
    pub fn new(key: FlowKey, first_sender: usize) -> Self {
        Self { key, hosts: [None; 2], sent: Default::default(), first_sender, opener: None, acknowledged: false }
    }

    /// Counts a packet that `sender` sent.
    pub fn count(&mut self, packet: &Packet, sender: usize) {
        self.sent[sender].count(packet);
        if let Transport::Tcp(tcp) = packet.transport {
            let (syn, ack) = (tcp.flags.has(TcpFlags::SYN), tcp.flags.has(TcpFlags::ACK));
            if syn && !ack {
                self.opener.get_or_insert(sender);
            } else if ack && !syn && self.opener == Some(sender) && self.sent[1 - sender].syn_ack > 0 {
                self.acknowledged |= !tcp.flags.has(TcpFlags::RST);
            }
        }
    }

    /// The end that started the conversation. A window cuts conversations, so the first packet in it tells little: who asked
    /// for the TCP connection does, else who granted it, else the ports (a service has the lower one).
    pub fn client(&self) -> usize {
        let [(_, low), (_, high)] = self.key.ends;
        if let Some(opener) = self.opener {
            opener
        } else if self.sent[0].syn_ack != self.sent[1].syn_ack {
            usize::from(self.sent[0].syn_ack > self.sent[1].syn_ack)
        } else if low != high {
            usize::from(high > low)
        } else {
            self.first_sender
        }
    }

    /// How the connection went that this window saw asked for.
    pub fn handshake(&self) -> Option<Handshake> {
        let server = &self.sent[1 - self.opener?];
        Some(if self.acknowledged {
            Handshake::Established
        } else if server.syn_ack > 0 {
            Handshake::HalfOpen
        } else if server.flags[2] > 0 {
            Handshake::Refused
        } else {
            Handshake::Unanswered
        })
    }

    /// The port that the conversation is about.
    pub fn service_port(&self) -> u16 {
        self.key.ends[1 - self.client()].1
    }

    /// Whether its ends have ports.
    pub fn has_ports(&self) -> bool {
        matches!(self.key.protocol, Protocol::Tcp | Protocol::Udp)
    }
}
