//! One window being filled: its flows, its hosts and, where there is ground truth, its attacks.

use rustc_hash::{FxHashMap, FxHashSet};

use super::flow::{Flow, FlowKey};
use super::scope::Scope;
use super::sent::Kind;
use crate::capture::Skip;
use crate::packet::app::{App, Dns};
use crate::packet::{Host, Mac, Packet, Transport};
use crate::truth::AttackId;

/// Flows that one window holds at most: memory is bounded in floods from spoofed addresses too (about 1 GB).
pub const MAX_FLOWS: usize = 1 << 20;
/// Distinct MACs that are remembered of one host; more say no more.
pub const MAX_MACS: usize = 16;
/// Distinct DNS names that are remembered of one entity; more say no more.
pub const MAX_NAMES: usize = 1 << 16;

const SECOND_NS: i64 = 1_000_000_000;

/// What the flows cannot tell of an entity: how its packets are spread over time, and the traces of who sent them.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    pub rhythm: Rhythm,
    /// The set of TTLs that it sent, a bit each.
    ttls: [u64; 4],
    /// The MACs that sent in its name.
    macs: Vec<Mac>,
    /// Hashes of the DNS names that it asked for.
    names: FxHashSet<u64>,
}

impl Trace {
    fn sent(&mut self, packet: &Packet) {
        if packet.ttl > 0 {
            self.ttls[usize::from(packet.ttl >> 6)] |= 1 << (packet.ttl & 63);
        }
        if let Some(App::Dns(Dns { response: false, name_hash, .. })) = packet.app
            && self.names.len() < MAX_NAMES
        {
            self.names.insert(name_hash);
        }
    }

    /// Notes the machines that say that they are this host.
    fn claimed(&mut self, packet: &Packet) {
        let arp = match packet.transport {
            Transport::Arp(arp) => Some(arp.sender_mac),
            _ => None,
        };
        for mac in packet.src_mac.into_iter().chain(arp) {
            if self.macs.len() < MAX_MACS && !self.macs.contains(&mac) {
                self.macs.push(mac);
            }
        }
    }

    /// How many distinct TTLs it sent.
    pub fn ttls(&self) -> u32 {
        self.ttls.iter().map(|bits| bits.count_ones()).sum()
    }

    /// How many distinct MACs sent in its name.
    pub fn macs(&self) -> usize {
        self.macs.len()
    }

    /// How many distinct DNS names it asked for.
    pub fn names(&self) -> usize {
        self.names.len()
    }
}

/// How packets are spread over time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rhythm {
    pub packets: u64,
    latest_ns: i64,
    /// Gaps between packets: their sum, the sum of their squares and the longest, in seconds.
    pub gap_sum: f64,
    pub gap_squares: f64,
    pub gap_max: f64,
    /// The last time in the second of the latest packet.
    second_last_ns: i64,
    in_second: u64,
    /// Seconds of the clock in which there was a packet.
    pub active_seconds: u64,
    /// Packets in the busiest of them.
    pub busiest_second: u64,
}

impl Rhythm {
    /// Counts a packet at `time_ns`. One that comes late comes together with the latest before it.
    pub fn beat(&mut self, time_ns: i64) {
        let first = self.packets == 0;
        let time_ns = if first { time_ns } else { time_ns.max(self.latest_ns) };
        if !first {
            let gap = time_ns.saturating_sub(self.latest_ns) as f64 * 1e-9;
            self.gap_sum += gap;
            self.gap_squares += gap * gap;
            self.gap_max = self.gap_max.max(gap);
        }
        if first || time_ns > self.second_last_ns {
            self.second_last_ns = time_ns.saturating_add(SECOND_NS - 1 - time_ns.rem_euclid(SECOND_NS));
            self.active_seconds += 1;
            self.in_second = 0;
        }
        self.packets += 1;
        self.latest_ns = time_ns;
        self.in_second += 1;
        self.busiest_second = self.busiest_second.max(self.in_second);
    }

    /// How many gaps there are between its packets.
    pub fn gaps(&self) -> u64 {
        self.packets.saturating_sub(1)
    }
}

/// A window and everything that its packets said.
#[derive(Debug)]
pub struct Table {
    /// Where the window starts, nanoseconds since the epoch.
    pub start_ns: i64,
    /// The window's length.
    pub length_ns: i64,
    /// Its flows, in the order of their first packets.
    pub(super) flows: Vec<Flow>,
    flow_index: FxHashMap<FlowKey, u32>,
    /// The flow of the latest packet.
    latest: usize,
    /// Its hosts, in the order of their first packets.
    pub(super) hosts: Vec<(Host, Trace)>,
    host_index: FxHashMap<Host, u32>,
    /// All packets of the window.
    pub(super) network: Trace,
    /// Attack packets by host (none: all of the network) and attack.
    attacks: FxHashMap<(Option<u32>, AttackId), u32>,
    max_flows: usize,
}

impl Table {
    /// A window without packets.
    pub fn new(start_ns: i64, length_ns: i64, _scope: &Scope) -> Self {
        Self::with_room(start_ns, length_ns, MAX_FLOWS)
    }

    /// A window without packets, for at most `max_flows` flows.
    pub(super) fn with_room(start_ns: i64, length_ns: i64, max_flows: usize) -> Self {
        Self {
            start_ns,
            length_ns,
            flows: Vec::new(),
            flow_index: FxHashMap::default(),
            latest: 0,
            hosts: Vec::new(),
            host_index: FxHashMap::default(),
            network: Trace::default(),
            attacks: FxHashMap::default(),
            max_flows,
        }
    }

    /// Takes a packet in, with the attack that it belongs to.
    ///
    /// # Errors
    /// [`Skip::WindowFull`] if it would be the first of one flow too many.
    pub fn count(&mut self, packet: &Packet, attack: Option<AttackId>) -> Result<(), Skip> {
        let (key, sender) = FlowKey::of(packet);
        let index = self.flow(key, sender).ok_or(Skip::WindowFull)?;
        let flow = &mut self.flows[index];
        flow.count(packet, sender);

        let mut host = |end: usize| {
            *flow.hosts[end].get_or_insert_with(|| {
                let host = key.ends[end];
                *self.host_index.entry(host).or_insert_with(|| {
                    self.hosts.push((host, Trace::default()));
                    (self.hosts.len() - 1) as u32
                })
            })
        };
        let source = host(sender);
        // A group is no host: what is sent to everyone is received by nobody in particular.
        let target = (!key.group).then(|| host(1 - sender)).filter(|&target| target != source);

        let trace = &mut self.hosts[source as usize].1;
        trace.rhythm.beat(packet.time_ns);
        trace.sent(packet);
        trace.claimed(packet);
        if let Some(target) = target {
            self.hosts[target as usize].1.rhythm.beat(packet.time_ns);
        }
        self.network.rhythm.beat(packet.time_ns);
        self.network.sent(packet);

        if let Some(attack) = attack {
            for whose in [None, Some(source)].into_iter().chain(target.map(Some)) {
                let packets = self.attacks.entry((whose, attack)).or_default();
                *packets = packets.saturating_add(1);
            }
        }
        Ok(())
    }

    /// The index of a flow, which begins with this packet of `sender` if it is not known; none if there are too many.
    fn flow(&mut self, key: FlowKey, sender: usize) -> Option<usize> {
        // Packets come in bursts.
        if self.flows.get(self.latest).is_some_and(|flow| flow.key == key) {
            return Some(self.latest);
        }
        let flows = self.flows.len();
        self.latest = match self.flow_index.get(&key) {
            Some(&index) => index as usize,
            None if flows >= self.max_flows => return None,
            None => {
                self.flow_index.insert(key, flows as u32);
                self.flows.push(Flow::new(key, sender));
                flows
            }
        };
        Some(self.latest)
    }

    /// How often `asker` asked for the address of `asked` by ARP in this window.
    pub(super) fn arp_requests(&self, asker: Host, asked: Host) -> u64 {
        [true, false]
            .into_iter()
            .filter_map(|group| {
                let (key, end) = FlowKey::arp(asker, asked, group);
                let flow = self.flows.get(*self.flow_index.get(&key)? as usize)?;
                Some(flow.sent[end].sum([Kind::ArpRequest]))
            })
            .sum()
    }

    /// For each host with attack packets, and for the network (none), the attack with the most of them (the first by name
    /// among equals) and the packets of all attacks.
    pub(super) fn attacks(&self) -> FxHashMap<Option<u32>, (AttackId, u32)> {
        let mut counts: Vec<_> = self.attacks.iter().map(|(&(whose, attack), &count)| (whose, attack, count)).collect();
        counts.sort_unstable_by_key(|&(whose, attack, count)| (whose, std::cmp::Reverse(count), attack));
        let mut worst: FxHashMap<Option<u32>, (AttackId, u32)> = FxHashMap::default();
        for (whose, attack, count) in counts {
            worst.entry(whose).and_modify(|(_, total)| *total = total.saturating_add(count)).or_insert((attack, count));
        }
        worst
    }
}
