//! What the packets of one 5-tuple did within one window: the grain that every view is rolled up from.

use std::cmp::Ordering;

use super::key::{FlowKey, Protocol};
use super::merged::Merged;
use super::sent::{Kind, Sent};
use crate::packet::{Packet, TcpFlags, Transport};

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
///
/// In this order in memory: what every packet asks for lies together, and before what an end sent, for a packet waits for memory
/// more than for anything else.
#[derive(Clone, Debug)]
#[repr(C)]
pub struct Flow {
    pub key: FlowKey,
    /// The places of the ends among the window's hosts; none for an end that is a group.
    pub hosts: [Option<u32>; 2],
    /// The place of both among its pairs, if rows of pairs are wanted.
    pub pair: Option<u32>,
    /// Its own place among them, if rows of flows are wanted.
    pub place: Option<u32>,
    /// How many flows it stands for, if it is not one alone.
    pub merged: Option<Box<Merged>>,
    /// Which end asked for a TCP connection, if that was seen.
    opener: Option<u8>,
    /// Which end sent the first packet.
    first_sender: u8,
    /// Which ends acknowledged a SYN of the other.
    acknowledged: [bool; 2],
    /// When a connection was first asked for and first granted.
    asked_ns: i64,
    granted_ns: Option<i64>,
    /// What each end sent.
    pub sent: [Sent; 2],
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
            first_sender: first_sender as u8,
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
    #[inline]
    pub fn count(&mut self, packet: &Packet, sender: usize) {
        self.sent[sender].count(packet);
        if let Transport::Tcp(tcp) = packet.transport {
            let [syn, ack, rst] = [TcpFlags::SYN, TcpFlags::ACK, TcpFlags::RST].map(|flag| tcp.flags.has(flag));
            if syn && !ack && self.opener.is_none() {
                self.opener = Some(sender as u8);
                self.asked_ns = packet.time_ns;
            } else if syn && ack && self.opener == Some(1 - sender as u8) {
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
        let ports = self.key.ports;
        if let Some(opener) = self.opener {
            return usize::from(opener);
        }
        if self.key.group {
            // A group asks for nothing.
            return usize::from(self.first_sender);
        }
        match self.sent[1].initiative().cmp(&self.sent[0].initiative()).then(ports[1].cmp(&ports[0])) {
            Ordering::Less => 0,
            Ordering::Greater => 1,
            Ordering::Equal => usize::from(self.first_sender),
        }
    }

    /// How the connection went that this window saw asked for.
    pub fn handshake(&self) -> Option<Handshake> {
        let server = &self.sent[1 - usize::from(self.opener?)];
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
