//! What one end of a flow sent within one window, and the sums of that over flows.

use std::ops::Index;

use super::pace::Pace;
use super::talk::{Opening, Openings, Said, Talk};
use crate::packet::{Arp, Cast, Flaw, Network, Packet, Tcp, TcpFlags, Transport};

/// Upper bounds of the packet-size classes, in bytes, as RMON counts them (RFC 2819, `etherStatsPkts…Octets`).
pub const SIZE_BOUNDS: [u32; 6] = [64, 127, 255, 511, 1023, 1518];
/// One class for each bound, and one for what is larger than all of them.
pub const SIZE_CLASSES: usize = SIZE_BOUNDS.len() + 1;

/// The class of each size up to the first above all bounds: to compare a size with each bound takes longer than to look it up.
static CLASSES: [u8; SIZE_BOUNDS[SIZE_BOUNDS.len() - 1] as usize + 2] = {
    let mut classes = [0; SIZE_BOUNDS[SIZE_BOUNDS.len() - 1] as usize + 2];
    let (mut size, mut class) = (0, 0);
    while size < classes.len() {
        if class < SIZE_BOUNDS.len() && SIZE_BOUNDS[class] < size as u32 {
            class += 1;
        }
        classes[size] = class as u8;
        size += 1;
    }
    classes
};

fn size_class(size: u32) -> usize {
    CLASSES[(size as usize).min(CLASSES.len() - 1)].into()
}

/// What a packet is counted as. A packet is of as many kinds as fit it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Kind {
    Multicast,
    Broadcast,
    Ipv6,
    Fragment,
    /// A header holds what its standard forbids.
    Malformed,
    /// A header claims a length that the frame does not have.
    WrongLength,
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
    /// Congestion told of, or answered to (RFC 3168, 6.1): ECE or CWR, but for a SYN's.
    Congestion,
    /// An ACK and nothing else: no data, no other flag that matters.
    BareAck,
    /// Only data (or a SYN or FIN) that had been sent before, or that come behind later ones.
    Repeated,
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
///
/// In this order in memory: what every packet changes lies together.
#[derive(Clone, Debug, Default)]
#[repr(C)]
pub struct Sent {
    pub packets: u64,
    pub bytes: u64,
    pub payload_bytes: u64,
    /// Sum of the squares of the packets' lengths.
    pub size_squares: f64,
    /// The shortest and the longest packet, if there was one.
    sizes_between: (u32, u32),
    pub pace: Pace,
    /// The TCP sequence number behind all data that were sent, once a segment was seen.
    next_seq: Option<u32>,
    /// How the first payload looks; none before it.
    opening: Option<Opening>,
    sizes: [u32; SIZE_CLASSES],
    kinds: [u32; KINDS],
    /// None before the first message of a protocol that is read: few flows hold any.
    pub talk: Option<Talk>,
}

impl Sent {
    /// Counts one packet.
    pub fn count(&mut self, packet: &Packet) {
        let size = packet.wire_len;
        let first = self.packets == 0;
        self.pace.beat(packet.time_ns, first);
        self.packets += 1;
        self.bytes += u64::from(size);
        self.payload_bytes += u64::from(packet.payload_len);
        self.size_squares += f64::from(size) * f64::from(size);
        let (min, max) = self.sizes_between;
        self.sizes_between = (if first { size } else { min.min(size) }, max.max(size));
        self.sizes[size_class(size)] += self.step();

        match packet.cast {
            Cast::Unicast => {}
            Cast::Multicast => self.note(Kind::Multicast),
            Cast::Broadcast => self.note(Kind::Broadcast),
        }
        self.note_if(packet.network == Network::Ipv6, Kind::Ipv6);
        self.note_if(packet.fragment.is_some(), Kind::Fragment);
        if let Some(flaw) = packet.flaw {
            self.count_flaw(flaw);
        }
        match packet.transport {
            Transport::Tcp(tcp) => self.count_tcp(&tcp, packet.payload_len),
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
        if let Some(app) = &packet.app {
            self.talk.get_or_insert_with(|| Talk::like(app)).count(app);
        }
        if self.opening.is_none() {
            self.opening = Opening::of(packet);
        }
    }

    fn note(&mut self, kind: Kind) {
        self.kinds[kind as usize] += self.step();
    }

    /// What a packet adds to a narrow count: nothing any more, once they are full.
    #[inline(always)]
    fn step(&self) -> u32 {
        u32::from(self.packets <= u32::MAX.into())
    }

    fn note_if(&mut self, condition: bool, kind: Kind) {
        if condition {
            self.note(kind);
        }
    }

    fn count_tcp(&mut self, tcp: &Tcp, payload_len: u32) {
        const ALL: u8 = TcpFlags::FIN | TcpFlags::SYN | TcpFlags::RST | TcpFlags::PSH | TcpFlags::ACK | TcpFlags::URG;
        const CONGESTION: u8 = TcpFlags::ECE | TcpFlags::CWR;
        let flags = tcp.flags.0;
        self.note(Kind::Tcp);
        self.note_if(tcp.window == 0 && !tcp.flags.has(TcpFlags::RST), Kind::ZeroWindow);
        // What nearly all segments are: data or their acknowledgement, within a connection.
        if flags & !TcpFlags::PSH == TcpFlags::ACK {
            self.note(Kind::Ack);
            self.note_if(flags != TcpFlags::ACK, Kind::Psh);
            self.note_if(flags == TcpFlags::ACK && payload_len == 0, Kind::BareAck);
            return self.follow(tcp.seq, payload_len, payload_len);
        }
        let [syn, ack, fin, rst] =
            [TcpFlags::SYN, TcpFlags::ACK, TcpFlags::FIN, TcpFlags::RST].map(|flag| tcp.flags.has(flag));
        self.note_if(syn && !ack, Kind::Syn);
        self.note_if(syn && ack, Kind::SynAck);
        self.note_if(ack, Kind::Ack);
        self.note_if(fin, Kind::Fin);
        self.note_if(rst, Kind::Rst);
        self.note_if(tcp.flags.has(TcpFlags::PSH), Kind::Psh);
        self.note_if(tcp.flags.has(TcpFlags::URG), Kind::Urg);
        self.note_if(flags & CONGESTION != 0 && !syn, Kind::Congestion);
        self.note_if(flags & ALL == TcpFlags::ACK && payload_len == 0, Kind::BareAck);
        self.note_if(flags & ALL == 0 || syn && (fin || rst) || fin && !ack, Kind::OddFlags);
        let span = payload_len.wrapping_add(u32::from(syn) + u32::from(fin));
        let end = tcp.seq.wrapping_add(span);
        if syn && self.next_seq != Some(end) {
            // A connection begins anew, wherever the last one of that name had come to.
            self.next_seq = Some(end);
        } else if !rst {
            self.follow(tcp.seq, payload_len, span);
        }
    }

    /// Follows the sequence numbers (RFC 9293, 3.4) over a segment that takes `span` of them. A repeat takes none beyond those
    /// already sent. One that probes whether the other is still there repeats one byte at most (RFC 9293, 3.8.4).
    fn follow(&mut self, seq: u32, payload_len: u32, span: u32) {
        let end = seq.wrapping_add(span);
        let Some(next) = self.next_seq else {
            self.next_seq = Some(end);
            return;
        };
        if (end.wrapping_sub(next) as i32) > 0 {
            self.next_seq = Some(end);
        } else if span > 0 && !(payload_len <= 1 && seq == next.wrapping_sub(1)) {
            self.note(Kind::Repeated);
        }
    }

    #[cold]
    fn count_flaw(&mut self, flaw: Flaw) {
        if flaw != Flaw::Cut {
            self.note(if flaw.is_length() { Kind::WrongLength } else { Kind::Malformed });
        }
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

    /// The shortest and the longest packet.
    pub fn size_range(&self) -> Option<(u32, u32)> {
        (self.packets > 0).then_some(self.sizes_between)
    }

    /// Questions sent less answers sent: who asks has more of it than who answers.
    pub fn initiative(&self) -> i64 {
        let said = self.talk.as_ref().map_or(0, |talk| talk.initiative());
        let asked = self.sum([Kind::EchoRequest, Kind::ArpRequest]);
        let answered = self.sum([Kind::SynAck, Kind::EchoReply, Kind::IcmpError, Kind::ArpReply]);
        asked as i64 - answered as i64 + said
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

/// The sum of what ends of flows sent.
#[derive(Clone, Debug, Default)]
pub struct Total {
    pub packets: u64,
    pub bytes: u64,
    pub payload_bytes: u64,
    pub size_squares: f64,
    pub size_range: Option<(u32, u32)>,
    /// Gaps between packets of the same end of the same flow: how many, their sum in seconds, the sum of their squares, the longest.
    pub gaps: u64,
    pub gap_sum: f64,
    pub gap_squares: f64,
    pub gap_max_ns: i64,
    pub sizes: [u64; SIZE_CLASSES],
    kinds: [u64; KINDS],
    pub said: Said,
    pub openings: Openings,
}

impl Total {
    /// Adds what an end of a flow sent.
    pub fn add(&mut self, sent: &Sent) {
        // Of nothing nothing has to be fetched.
        if sent.packets == 0 {
            return;
        }
        self.packets += sent.packets;
        self.bytes += sent.bytes;
        self.payload_bytes += sent.payload_bytes;
        self.size_squares += sent.size_squares;
        self.size_range = widest(self.size_range, sent.size_range());
        self.gaps += sent.packets.saturating_sub(1);
        self.gap_sum += sent.pace.span();
        self.gap_squares += sent.pace.gap_squares;
        self.gap_max_ns = self.gap_max_ns.max(sent.pace.gap_max_ns);
        for (sum, count) in self.sizes.iter_mut().zip(sent.sizes) {
            *sum += u64::from(count);
        }
        for (sum, count) in self.kinds.iter_mut().zip(sent.kinds) {
            *sum += u64::from(count);
        }
        if let Some(talk) = &sent.talk {
            self.said.add(talk);
        }
        if let Some(opening) = sent.opening {
            self.openings.add(opening);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_of_the_class_of_the_first_bound_that_it_keeps() {
        for size in (0..2000).chain([u32::MAX]) {
            assert_eq!(size_class(size), SIZE_BOUNDS.iter().filter(|&&bound| bound < size).count(), "{size}");
        }
    }
}
