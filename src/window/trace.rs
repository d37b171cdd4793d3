//! What flows cannot tell of an entity: how its packets are spread over time, and the traces of who sent them.

use super::pace::Rhythm;
use crate::packet::{Mac, Packet, Transport};

/// Distinct MACs that are remembered of one host; more say no more.
pub const MAX_MACS: usize = 16;

/// The rhythm of an entity's packets, and who sent them.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    pub rhythm: Rhythm,
    /// The set of TTLs that it sent, a bit each.
    ttls: [u64; 4],
    /// The MAC that sent in its name the latest; all that did, once there were two; and how often another did than the time before.
    latest_mac: Option<Mac>,
    macs: Vec<Mac>,
    pub mac_changes: u32,
}

impl Trace {
    /// Counts a packet that it sent.
    #[inline]
    pub fn sent(&mut self, packet: &Packet) {
        self.rhythm.beat(packet.time_ns);
        if packet.ttl > 0 {
            self.ttls[usize::from(packet.ttl >> 6)] |= 1 << (packet.ttl & 63);
        }
    }

    /// Counts a packet that was sent to it.
    #[inline]
    pub fn received(&mut self, packet: &Packet) {
        self.rhythm.beat(packet.time_ns);
    }

    /// Notes the machines that say that they are this host.
    #[inline]
    pub fn claimed(&mut self, packet: &Packet) {
        if let Some(mac) = packet.src_mac {
            self.claimed_by(mac);
        }
        if let Transport::Arp(arp) = packet.transport {
            self.claimed_by(arp.sender_mac);
        }
    }

    fn claimed_by(&mut self, mac: Mac) {
        if self.latest_mac == Some(mac) {
            return;
        }
        let Some(before) = self.latest_mac.replace(mac) else { return };
        self.mac_changes = self.mac_changes.saturating_add(1);
        if self.macs.is_empty() {
            self.macs.push(before);
        }
        if self.macs.len() < MAX_MACS && !self.macs.contains(&mac) {
            self.macs.push(mac);
        }
    }

    /// How many distinct TTLs it sent.
    pub fn ttls(&self) -> u32 {
        self.ttls.iter().map(|bits| bits.count_ones()).sum()
    }

    /// The distinct MACs that sent in its name.
    pub fn claimants(&self) -> &[Mac] {
        if self.macs.is_empty() { self.latest_mac.as_slice() } else { &self.macs }
    }

    /// How many distinct MACs sent in its name.
    pub fn macs(&self) -> usize {
        self.macs.len().max(usize::from(self.latest_mac.is_some()))
    }
}
