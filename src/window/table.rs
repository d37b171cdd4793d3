//! One window being filled: its flows, its hosts and, where there is ground truth, its attacks.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use rustc_hash::FxHashMap;

use super::entities::Entities;
use super::flow::Flow;
use super::key::FlowKey;
use super::scope::{Scope, View};
use super::sent::Kind;
use super::trace::Trace;
use crate::packet::{Host, Packet};
use crate::truth::AttackId;

/// Whose attack packets are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Whose {
    Network,
    Host(u32),
    Pair(u32),
    Flow(u32),
}

/// Flows that are found again without being looked up: as many as a busy network has at a time, in an eighth of the nearest cache.
const RECENT: usize = 1024;

/// What is counted together with others for want of room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overflow {
    /// Packets whose flow is not kept apart.
    pub flows: u64,
    /// Ends of flows that have no row of their own.
    pub entities: u64,
}

/// A window and everything that its packets said.
#[derive(Debug)]
pub struct Table {
    /// Where the window starts, nanoseconds since the epoch.
    pub start_ns: i64,
    /// The window's length.
    pub length_ns: i64,
    /// How many packets are in it.
    pub packets: u64,
    /// How many bytes these had on the wire.
    pub bytes: u64,
    pub(super) scope: Scope,
    /// Its flows, in the order of their first packets.
    pub(super) flows: Vec<Flow>,
    flow_index: HashTable<u32>,
    hasher: RandomState,
    /// Flows of late packets, each in the place that [`FlowKey::slot`] says.
    recent: [u32; RECENT],
    /// How many of the flows stand for others.
    merged: usize,
    pub(super) hosts: Entities<Host>,
    pub(super) pairs: Entities<[Host; 2]>,
    pub(super) flow_places: Entities<FlowKey>,
    /// All packets of the window.
    pub(super) network: Trace,
    attacks: FxHashMap<(Whose, AttackId), u32>,
    /// What found no room of its own.
    pub overflow: Overflow,
}

impl Table {
    /// A window without packets.
    pub fn new(start_ns: i64, length_ns: i64, scope: &Scope) -> Self {
        Self {
            start_ns,
            length_ns,
            packets: 0,
            bytes: 0,
            scope: scope.clone(),
            flows: Vec::new(),
            flow_index: HashTable::new(),
            hasher: RandomState::default(),
            recent: [0; RECENT],
            merged: 0,
            hosts: Entities::default(),
            pairs: Entities::default(),
            flow_places: Entities::default(),
            network: Trace::default(),
            attacks: FxHashMap::default(),
            overflow: Overflow::default(),
        }
    }

    /// Forgets all packets and becomes another window of the same length, in the memory that it has.
    pub(super) fn renew(&mut self, start_ns: i64) {
        self.start_ns = start_ns;
        (self.packets, self.bytes) = (0, 0);
        self.flows.clear();
        self.flow_index.clear();
        (self.recent, self.merged) = ([0; RECENT], 0);
        self.hosts.clear();
        self.pairs.clear();
        self.flow_places.clear();
        self.network = Trace::default();
        self.attacks.clear();
        self.overflow = Overflow::default();
    }

    /// Whether it is of the usual size: one that held a flood would hold its memory too.
    pub(super) fn is_usual(&self) -> bool {
        const USUAL: usize = 1 << 13;
        self.flows.capacity() <= USUAL
    }

    /// Takes a packet in, with the attack that it belongs to. It always finds a place: what there is no room for is counted
    /// together with others.
    pub fn count(&mut self, packet: &Packet, attack: Option<AttackId>) {
        self.packets += 1;
        self.bytes += u64::from(packet.wire_len);
        let (key, sender) = FlowKey::of(packet);
        let (index, sender) = self.flow(key, sender);
        self.meet(index, sender);
        let Self { flows, hosts, pairs, flow_places, network, scope, .. } = self;
        let Some(flow) = flows.get_mut(index) else { return };
        flow.count(packet, sender);
        if flow.is_merged() {
            flow.stand_for(&key);
            self.overflow.flows += 1;
        }

        let (source, target) = (flow.hosts[sender], flow.hosts[1 - sender]);
        let target = target.filter(|&target| Some(target) != source);
        let views = scope.views;
        if let Some(trace) = source.and_then(|source| hosts.traces.get_mut(source as usize)) {
            trace.claimed(packet);
            if views.has(View::Host) {
                trace.sent(packet);
                if let Some(trace) = target.and_then(|target| hosts.traces.get_mut(target as usize)) {
                    trace.received(packet);
                }
            }
        }
        if views.has(View::Network) {
            network.sent(packet);
        }
        if let Some(trace) = flow.pair.and_then(|pair| pairs.traces.get_mut(pair as usize)) {
            trace.sent(packet);
        }
        if let Some(trace) = flow.place.and_then(|place| flow_places.traces.get_mut(place as usize)) {
            trace.sent(packet);
        }
        if let Some(attack) = attack {
            let hosts = source.into_iter().chain(target).map(Whose::Host);
            let others = flow.pair.map(Whose::Pair).into_iter().chain(flow.place.map(Whose::Flow));
            for whose in hosts.chain(others).chain([Whose::Network]) {
                let packets = self.attacks.entry((whose, attack)).or_default();
                *packets = packets.saturating_add(1);
            }
        }
    }

    /// The index of a packet's flow, which begins with it if it is not known, and which of the flow's ends sent it.
    fn flow(&mut self, key: FlowKey, sender: usize) -> (usize, usize) {
        // Packets come in bursts.
        let slot = key.slot::<RECENT>();
        let recent = self.recent[slot] as usize;
        if self.flows.get(recent).is_some_and(|flow| flow.key == key) {
            return (recent, sender);
        }
        if let Some(index) = self.find(&key) {
            self.recent[slot] = index as u32;
            return (index, sender);
        }
        if self.flows.len() - self.merged < self.scope.room.flows {
            return (self.begin(key, sender), sender);
        }
        let known = |host: Host| self.hosts.find(host).is_some() || self.scope.names(host);
        let (mut merged, mut sender) = key.merged(sender, known);
        if self.find(&merged).is_none() && self.merged >= self.scope.room.merged {
            (merged, sender) = key.merged(sender, |_| false);
        }
        let index = self.find(&merged).unwrap_or_else(|| {
            self.merged += 1;
            self.begin(merged, sender)
        });
        (index, sender)
    }

    /// Gives the ends of a flow, of which `sender` sends, their places among the hosts.
    #[inline]
    fn meet(&mut self, index: usize, sender: usize) {
        if self.flows.get(index).is_none_or(|flow| flow.hosts[sender].is_some()) {
            return;
        }
        let key = self.flows[index].key;
        self.flows[index].hosts[sender] = Some(self.host(key.ends[sender]));
        // A group is no host: what is sent to everyone is received by nobody in particular.
        if !key.group {
            self.flows[index].hosts[1 - sender] = Some(self.host(key.ends[1 - sender]));
        }
    }

    fn find(&self, key: &FlowKey) -> Option<usize> {
        let same = |&index: &u32| self.flows.get(index as usize).is_some_and(|flow| flow.key == *key);
        self.flow_index.find(self.hasher.hash_one(key), same).map(|&index| index as usize)
    }

    /// Begins a flow with a packet of `sender`.
    fn begin(&mut self, key: FlowKey, sender: usize) -> usize {
        let index = self.flows.len();
        let mut flow = Flow::new(key, sender);
        let most = self.scope.room.entities;
        let told = !key.merged && key.ends.iter().any(|&host| self.scope.is_local(host));
        if self.scope.views.has(View::Pair) {
            flow.pair = Some(self.pairs.place(key.pair(), |pairs| told && pairs < most));
        }
        if self.scope.views.has(View::Flow) {
            flow.place = Some(self.flow_places.place(key, |flows| told && flows < most));
        }
        self.flows.push(flow);
        let Self { flows, flow_index, hasher, .. } = self;
        let hash = |index: &u32| flows.get(*index as usize).map_or(0, |flow| hasher.hash_one(flow.key));
        flow_index.insert_unique(hasher.hash_one(key), index as u32, hash);
        self.recent[key.slot::<RECENT>()] = index as u32;
        index
    }

    /// The place of a host among those that have rows.
    fn host(&mut self, host: Host) -> u32 {
        let own = host != Host::REST && self.scope.is_local(host);
        let most = self.scope.room.entities;
        let place = self.hosts.place(host, |hosts| own && hosts < most);
        if own && self.hosts.key(place).is_none() {
            self.overflow.entities += 1;
        }
        place
    }

    /// How often `asker` asked for the address of `asked` by ARP in this window.
    pub(super) fn arp_requests(&self, asker: Host, asked: Host) -> u64 {
        [true, false]
            .into_iter()
            .filter_map(|group| {
                let (key, end) = FlowKey::arp(asker, asked, group);
                let flow = self.flows.get(self.find(&key)?)?;
                Some(flow.sent[end].sum([Kind::ArpRequest]))
            })
            .sum()
    }

    /// For each entity with attack packets the attack with the most of them (the first by name among equals) and the packets of
    /// all attacks.
    pub(super) fn attacks(&self) -> FxHashMap<Whose, (AttackId, u32)> {
        let mut counts: Vec<_> = self.attacks.iter().map(|(&(whose, attack), &count)| (whose, attack, count)).collect();
        counts.sort_unstable_by_key(|&(whose, attack, count)| (whose, std::cmp::Reverse(count), attack));
        let mut worst: FxHashMap<Whose, (AttackId, u32)> = FxHashMap::default();
        for (whose, attack, count) in counts {
            worst.entry(whose).and_modify(|(_, total)| *total = total.saturating_add(count)).or_insert((attack, count));
        }
        worst
    }
}
