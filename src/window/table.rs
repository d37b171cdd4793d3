//! One window being filled: its flows, its hosts and, where there is ground truth, its attacks.

use rustc_hash::FxHashMap;

use super::flow::{Flow, FlowKey};
use crate::packet::{Cast, Dns, Host, Mac, Packet, Transport};
use crate::truth::AttackId;

/// Distinct MACs that are remembered of one host; more say no more.
const MAX_MACS: usize = 16;

/// What the flows cannot tell of an entity: how its packets are spread over time, and the traces of who sent them.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    pub rhythm: Rhythm,
    /// The set of TTLs that it sent, a bit each.
    ttls: [u64; 4],
    /// The MACs that sent in its name.
    macs: Vec<Mac>,
    /// Hashes of the DNS names that it asked for.
    names: Vec<u64>,
}

impl Trace {
    fn sent(&mut self, packet: &Packet) {
        if packet.ttl > 0 {
            self.ttls[usize::from(packet.ttl >> 6)] |= 1 << (packet.ttl & 63);
        }
        if let Some(mac) = packet.src_mac {
            self.claim(mac);
        }
        if let Transport::Arp(arp) = packet.transport {
            self.claim(arp.sender_mac);
        }
        if let Some(Dns { response: false, name_hash, .. }) = packet.dns {
            self.names.push(name_hash);
        }
    }

    fn claim(&mut self, mac: Mac) {
        if self.macs.len() < MAX_MACS && !self.macs.contains(&mac) {
            self.macs.push(mac);
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

    /// The hashes of the DNS names that it asked for, with repetitions.
    pub fn names(&self) -> &[u64] {
        &self.names
    }
}

/// How packets are spread over time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rhythm {
    last_ns: Option<i64>,
    /// Gaps between packets: how many, their sum, the sum of their squares and the longest, in seconds.
    pub gaps: u64,
    pub gap_sum: f64,
    pub gap_squares: f64,
    pub gap_max: f64,
    second: i64,
    in_second: u64,
    /// Seconds of the clock in which there was a packet.
    pub active_seconds: u64,
    /// Packets in the busiest of them.
    pub busiest_second: u64,
}

impl Rhythm {
    /// Counts a packet at `time_ns`. A packet that comes before its predecessor closes no gap.
    pub fn beat(&mut self, time_ns: i64) {
        if let Some(last_ns) = self.last_ns {
            let gap = (time_ns - last_ns).max(0) as f64 * 1e-9;
            self.gaps += 1;
            self.gap_sum += gap;
            self.gap_squares += gap * gap;
            self.gap_max = self.gap_max.max(gap);
        }
        self.last_ns = Some(self.last_ns.map_or(time_ns, |last_ns| last_ns.max(time_ns)));
        let second = time_ns.div_euclid(1_000_000_000);
        if self.active_seconds == 0 || second > self.second {
            self.second = second;
            self.active_seconds += 1;
            self.in_second = 0;
        }
        self.in_second += 1;
        self.busiest_second = self.busiest_second.max(self.in_second);
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
    pub flows: Vec<Flow>,
    flow_index: FxHashMap<FlowKey, u32>,
    /// Its hosts, in the order of their first packets.
    pub hosts: Vec<(Host, Trace)>,
    host_index: FxHashMap<Host, u32>,
    /// All packets of the window.
    pub network: Trace,
    /// Attack packets by host (none: all of the network) and attack.
    attacks: FxHashMap<(Option<u32>, AttackId), u32>,
}

impl Table {
    /// A window without packets.
    pub fn new(start_ns: i64, length_ns: i64) -> Self {
        Self {
            start_ns,
            length_ns,
            flows: Vec::new(),
            flow_index: FxHashMap::default(),
            hosts: Vec::new(),
            host_index: FxHashMap::default(),
            network: Trace::default(),
            attacks: FxHashMap::default(),
        }
    }

    /// Takes a packet in, with the attack that it belongs to.
    pub fn count(&mut self, packet: &Packet, attack: Option<AttackId>) {
        let (key, sender) = FlowKey::of(packet);
        let index = *self.flow_index.entry(key).or_insert_with(|| {
            self.flows.push(Flow::new(key, sender));
            (self.flows.len() - 1) as u32
        });
        let flow = &mut self.flows[index as usize];
        flow.count(packet, sender);

        let mut host = |end: usize| {
            *flow.hosts[end].get_or_insert_with(|| {
                let host = key.ends[end].0;
                *self.host_index.entry(host).or_insert_with(|| {
                    self.hosts.push((host, Trace::default()));
                    (self.hosts.len() - 1) as u32
                })
            })
        };
        let source = host(sender);
        // A group is no host: what is sent to everyone is received by nobody in particular.
        let target = (packet.cast == Cast::Unicast).then(|| host(1 - sender)).filter(|&target| target != source);

        let trace = &mut self.hosts[source as usize].1;
        trace.rhythm.beat(packet.time_ns);
        trace.sent(packet);
        if let Some(target) = target {
            self.hosts[target as usize].1.rhythm.beat(packet.time_ns);
        }
        self.network.rhythm.beat(packet.time_ns);
        self.network.sent(packet);

        if let Some(attack) = attack {
            for whose in [None, Some(source)].into_iter().chain(target.map(Some)) {
                *self.attacks.entry((whose, attack)).or_default() += 1;
            }
        }
    }

    /// Whether a request was sent by `from` for the address of `to` in this window: what makes an ARP reply an asked one.
    pub fn arp_asked(&self, from: Host, to: Host) -> bool {
        [true, false].into_iter().any(|group| {
            let (a, b) = if from <= to { (from, to) } else { (to, from) };
            let key = FlowKey { ends: [(a, 0), (b, 0)], protocol: super::flow::Protocol::Arp, group };
            let sender = usize::from(from > to);
            self.flow_index.get(&key).is_some_and(|&flow| self.flows[flow as usize].sent[sender].arp_requests > 0)
        })
    }

    /// For each host with attack packets, and for the network (none), the attack with the most of them (the first by name
    /// among equals) and the packets of all attacks.
    pub fn attacks(&self) -> FxHashMap<Option<u32>, (AttackId, u32)> {
        let mut counts: Vec<_> = self.attacks.iter().map(|(&(whose, attack), &count)| (whose, attack, count)).collect();
        counts.sort_unstable_by_key(|&(whose, attack, count)| (whose, std::cmp::Reverse(count), attack));
        let mut worst: FxHashMap<Option<u32>, (AttackId, u32)> = FxHashMap::default();
        for (whose, attack, count) in counts {
            worst.entry(whose).and_modify(|(_, total)| *total += count).or_insert((attack, count));
        }
        worst
    }
}
