//! What one end of a flow sent within one window, and the sums of that over flows.

use std::ops::Index;

use crate::packet::app::{App, Dns};
use crate::packet::{Arp, Cast, Flaw, Network, Packet, Tcp, TcpFlags, Transport};

/// Upper bounds of the packet-size classes, in bytes, as RMON counts them (RFC 2819, `etherStatsPkts…Octets`).
pub const SIZE_BOUNDS: [u32; 6] = [64, 127, 255, 511, 1023, 1518];
/// One class for each bound, and one for what is larger than all of them.
pub const SIZE_CLASSES: usize = SIZE_BOUNDS.len() + 1;

/// What a packet is counted as. A packet is of as many kinds as fit it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Kind {
    Multicast,
    Broadcast,
    Ipv6,
    Fragment,
    /// Headers that contradict themselves or the frame.
    Malformed,
    Tcp,
    /// SYN without ACK: a connection asked for.
    Syn,
    /// SYN with ACK: a connection granted.
    SynAck,
    Ack,
    Fin,
    Rst,
    Psh,
    Urg,
    /// Flags that no connection uses: none at all, SYN with FIN or RST, FIN without ACK.
    OddFlags,
    /// A receive window of 0, on anything but a reset.
    ZeroWindow,
    Udp,
    Icmp,
    EchoRequest,
    EchoReply,
    /// Unreachable, time exceeded, redirect and the like.
    IcmpError,
    Arp,
    ArpRequest,
    ArpReply,
    /// An ARP message about the sender's own address: an announcement.
    ArpGratuitous,
    /// Another IP protocol, or IP without a readable transport header.
    OtherIp,
    /// Neither IP nor ARP.
    NonIp,
}

const KINDS: usize = Kind::NonIp as usize + 1;

/// What one end of a flow sent. As floods make flows by the hundred thousand, counts by kind and size are narrow; they stop at
/// 2³² − 1 packets of one end of a flow in a window.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sent {
    pub packets: u64,
    pub bytes: u64,
    pub payload_bytes: u64,
    /// Sum of the squares of the packets' lengths.
    pub size_squares: f64,
    /// The shortest and the longest packet.
    pub size_range: Option<(u32, u32)>,
    sizes: [u32; SIZE_CLASSES],
    kinds: [u32; KINDS],
    /// None before the first DNS message: few flows hold any.
    dns: Option<Box<DnsSent>>,
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
        self.size_squares += f64::from(size) * f64::from(size);
        self.size_range = Some(self.size_range.map_or((size, size), |(min, max)| (min.min(size), max.max(size))));
        let class = &mut self.sizes[SIZE_BOUNDS.partition_point(|&bound| bound < size)];
        *class = class.saturating_add(1);

        match packet.cast {
            Cast::Unicast => {}
            Cast::Multicast => self.note(Kind::Multicast),
            Cast::Broadcast => self.note(Kind::Broadcast),
        }
        self.note_if(packet.network == Network::Ipv6, Kind::Ipv6);
        self.note_if(packet.fragment.is_some(), Kind::Fragment);
        self.note_if(matches!(packet.flaw, Some(Flaw::Length | Flaw::Malformed)), Kind::Malformed);
        match packet.transport {
            Transport::Tcp(tcp) => self.count_tcp(&tcp),
            Transport::Udp { .. } => self.note(Kind::Udp),
            Transport::Icmp { v6, kind, .. } => self.count_icmp(v6, kind),
            Transport::Arp(arp) => self.count_arp(&arp),
            Transport::Ports { protocol: 6, .. } => self.note(Kind::Tcp),
            Transport::Ports { protocol: 17, .. } => self.note(Kind::Udp),
            Transport::Ports { protocol: 1 | 58, .. } => self.note(Kind::Icmp),
            Transport::Ports { .. } | Transport::Other(_) | Transport::None => self.note(match packet.network {
                Network::Ipv4 | Network::Ipv6 => Kind::OtherIp,
                Network::Arp => Kind::Arp,
                Network::Other(_) => Kind::NonIp,
            }),
        }
        if let Some(App::Dns(dns)) = &packet.app {
            self.dns.get_or_insert_default().count(dns);
        }
    }

    fn note(&mut self, kind: Kind) {
        let count = &mut self.kinds[kind as usize];
        *count = count.saturating_add(1);
    }

    fn note_if(&mut self, condition: bool, kind: Kind) {
        if condition {
            self.note(kind);
        }
    }

    fn count_tcp(&mut self, tcp: &Tcp) {
        const ALL: u8 = TcpFlags::FIN | TcpFlags::SYN | TcpFlags::RST | TcpFlags::PSH | TcpFlags::ACK | TcpFlags::URG;
        let [syn, ack, fin, rst] =
            [TcpFlags::SYN, TcpFlags::ACK, TcpFlags::FIN, TcpFlags::RST].map(|flag| tcp.flags.has(flag));
        self.note(Kind::Tcp);
        self.note_if(syn && !ack, Kind::Syn);
        self.note_if(syn && ack, Kind::SynAck);
        self.note_if(ack, Kind::Ack);
        self.note_if(fin, Kind::Fin);
        self.note_if(rst, Kind::Rst);
        self.note_if(tcp.flags.has(TcpFlags::PSH), Kind::Psh);
        self.note_if(tcp.flags.has(TcpFlags::URG), Kind::Urg);
        self.note_if(tcp.flags.0 & ALL == 0 || syn && (fin || rst) || fin && !ack, Kind::OddFlags);
        self.note_if(tcp.window == 0 && !rst, Kind::ZeroWindow);
    }

    fn count_icmp(&mut self, v6: bool, kind: u8) {
        self.note(Kind::Icmp);
        match (v6, kind) {
            (false, 8) | (true, 128) => self.note(Kind::EchoRequest),
            (false, 0) | (true, 129) => self.note(Kind::EchoReply),
            // RFC 792: unreachable, source quench, redirect, time exceeded, parameter problem; RFC 4443: types below 128;
            // RFC 4861: redirect.
            (false, 3 | 4 | 5 | 11 | 12) | (true, 0..=127 | 137) => self.note(Kind::IcmpError),
            _ => {}
        }
    }

    fn count_arp(&mut self, arp: &Arp) {
        self.note(Kind::Arp);
        self.note_if(arp.operation == 1, Kind::ArpRequest);
        self.note_if(arp.operation == 2, Kind::ArpReply);
        self.note_if(arp.gratuitous, Kind::ArpGratuitous);
    }

    /// Questions sent less answers sent: who asks has more of it than who answers.
    pub fn initiative(&self) -> i64 {
        let (queries, responses) = self.dns.as_ref().map_or((0, 0), |dns| (dns.queries, dns.responses));
        let asked = self.sum([Kind::EchoRequest, Kind::ArpRequest]);
        let answered = self.sum([Kind::SynAck, Kind::EchoReply, Kind::IcmpError, Kind::ArpReply]);
        (asked + queries) as i64 - (answered + responses) as i64
    }

    /// Whether a packet was of one of these kinds.
    pub fn any<const N: usize>(&self, kinds: [Kind; N]) -> bool {
        self.sum(kinds) > 0
    }

    /// How often packets were of these kinds.
    pub fn sum<const N: usize>(&self, kinds: [Kind; N]) -> u64 {
        kinds.iter().map(|&kind| u64::from(self.kinds[kind as usize])).sum()
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

/// The sum of what ends of flows sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Total {
    pub packets: u64,
    pub bytes: u64,
    pub payload_bytes: u64,
    pub size_squares: f64,
    pub size_range: Option<(u32, u32)>,
    pub sizes: [u64; SIZE_CLASSES],
    kinds: [u64; KINDS],
    pub dns: DnsSent,
}

impl Total {
    /// Adds what an end of a flow sent.
    pub fn add(&mut self, sent: &Sent) {
        self.packets += sent.packets;
        self.bytes += sent.bytes;
        self.payload_bytes += sent.payload_bytes;
        self.size_squares += sent.size_squares;
        self.size_range = widest(self.size_range, sent.size_range);
        for (sum, count) in self.sizes.iter_mut().zip(sent.sizes) {
            *sum += u64::from(count);
        }
        for (sum, count) in self.kinds.iter_mut().zip(sent.kinds) {
            *sum += u64::from(count);
        }
        if let Some(dns) = &sent.dns {
            self.dns.add(dns);
        }
    }
}

impl Index<Kind> for Total {
    type Output = u64;

    fn index(&self, kind: Kind) -> &u64 {
        &self.kinds[kind as usize]
    }
}

/// The range that covers both.
pub fn widest(a: Option<(u32, u32)>, b: Option<(u32, u32)>) -> Option<(u32, u32)> {
    match (a, b) {
        (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
        _ => a.or(b),
    }
}
