//! The roll-up of a window's flows for one entity: the numbers that features are computed from.

use super::flow::Flow;
use super::key::Protocol;
use super::pace::Rhythm;
use super::role::{Conversations, Role};
use super::scope::View;
use super::sent::{Kind, Total};
use super::spread::{distinct, spread};
use super::table::Table;
use super::trace::Trace;
use crate::packet::Host;

/// Everything that a window knows of one entity.
///
/// For a host, `sent` is what it sent and `received` what others sent to it alone. For the network, a pair or a flow a
/// conversation counts once: `sent` is what clients sent (and whoever spoke to a group), `received` what servers answered.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub view: View,
    pub window_s: f64,
    pub sent: Total,
    pub received: Total,
    pub rhythm: Rhythm,
    pub ttls: u32,
    /// The most MACs that sent in one address's name, and how often another did than the time before.
    pub macs: usize,
    pub mac_changes: u64,
    /// Distinct hosts: of a host, those that it exchanged packets with; else all.
    pub peers: usize,
    /// Distinct hosts that it sent to, and that sent to it (of the network: clients' targets, servers' clients).
    pub peers_sent_to: usize,
    pub peers_received_from: usize,
    /// Packets by peer (of the network: by sender): how evenly they are spread, in bits.
    pub peer_entropy: f64,
    /// Conversations as a client, and as a server (of the network: all, and none).
    pub client: Role,
    pub server: Role,
    /// Distinct addresses of others asked for by ARP.
    pub arp_targets: usize,
    /// ARP replies sent beyond those that their receivers asked for in this window.
    pub arp_unasked: u64,
    /// DNS queries to one host that were not answered.
    pub dns_unanswered: u64,
    pub flows: u64,
    /// Flows with a single packet.
    pub single_packet_flows: usize,
    /// How long flows lasted, in seconds: all together, and the longest.
    pub duration_sum: f64,
    pub duration_max: f64,
}

/// Room to work in, used for one entity after another.
#[derive(Default)]
pub struct Scratch {
    /// Packets by peer, or by sender.
    weights: Vec<(Host, u64)>,
    all: Vec<Host>,
    to: Vec<Host>,
    from: Vec<Host>,
    arp_targets: Vec<Host>,
    as_client: Conversations,
    as_server: Conversations,
}

impl Scratch {
    fn clear(&mut self) {
        self.weights.clear();
        for hosts in [&mut self.all, &mut self.to, &mut self.from, &mut self.arp_targets] {
            hosts.clear();
        }
    }
}

/// A host's part in a flow.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    flow: u32,
    /// Which end of the flow it is.
    end: u8,
}

impl Part {
    /// The flow, and which end of it the host is.
    pub fn of(self, table: &Table) -> (&Flow, usize) {
        (&table.flows[self.flow as usize], usize::from(self.end))
    }
}

/// The parts of all hosts in all flows, with where those of each begin, by its place. Each host has at least one.
pub fn parts(table: &Table) -> (Vec<Part>, Vec<usize>) {
    let whose = |flow: &Flow| {
        let [one, other] = flow.hosts;
        // What a host says to itself is its own once.
        [one, other.filter(|_| one != other)]
    };
    let mut ends = vec![0; table.hosts.len() + 1];
    for place in table.flows.iter().flat_map(whose).flatten() {
        ends[place as usize + 1] += 1;
    }
    let starts = &mut ends;
    for place in 1..starts.len() {
        starts[place] += starts[place - 1];
    }
    let starts = ends.clone();
    let mut parts = vec![Part { flow: 0, end: 0 }; *starts.last().unwrap_or(&0)];
    let mut next = ends;
    for (index, flow) in table.flows.iter().enumerate() {
        for (end, place) in whose(flow).into_iter().enumerate() {
            if let Some(place) = place {
                parts[next[place as usize]] = Part { flow: index as u32, end: end as u8 };
                next[place as usize] += 1;
            }
        }
    }
    (parts, starts)
}

impl Tally {
    fn new(view: View, table: &Table, trace: &Trace) -> Self {
        Self {
            view,
            window_s: table.length_ns as f64 * 1e-9,
            rhythm: trace.rhythm.clone(),
            ttls: trace.ttls(),
            macs: trace.macs(),
            mac_changes: trace.mac_changes.into(),
            ..Self::default()
        }
    }

    /// The tally of the host whose parts these are.
    pub fn host(table: &Table, trace: &Trace, parts: &[Part], scratch: &mut Scratch) -> Self {
        let mut tally = Self::new(View::Host, table, trace);
        scratch.clear();
        let Scratch { weights: peers, to: sent_to, from: received_from, arp_targets, as_client, as_server, .. } =
            scratch;
        let mut unknown = 0;
        for part in parts {
            let (flow, end) = part.of(table);
            let peer = flow.key.ends[1 - end];
            let (mine, others) = (&flow.sent[end], &flow.sent[1 - end]);
            tally.count_flow(flow);
            tally.sent.add(mine);
            tally.arp_unasked += unasked_replies(table, flow, end);
            tally.dns_unanswered += unanswered_queries(flow, end);
            arp_targets.extend(arp_target(flow, end));
            // Of hosts without rows of their own, one with another is with itself.
            let alone = flow.hosts[0] == flow.hosts[1];
            if alone {
                tally.sent.add(others);
                tally.dns_unanswered += unanswered_queries(flow, 1 - end);
            }
            if flow.key.group {
                continue;
            }
            if !alone {
                tally.received.add(others);
            }
            if peer == Host::REST {
                unknown += flow.merged.as_ref().map_or(0, |merged| merged.hosts());
            } else {
                peers.push((peer, flow.packets()));
            }
            if mine.packets > 0 {
                sent_to.push(peer);
            }
            if others.packets > 0 {
                received_from.push(peer);
            }
            let client = flow.client();
            let role = if client == end || alone { &mut *as_client } else { &mut *as_server };
            role.add(flow, client, peer);
        }
        let (known, entropy) = spread(peers);
        (tally.peers, tally.peer_entropy) = (known + unknown as usize, entropy);
        tally.peers_sent_to = hosts(sent_to, unknown);
        tally.peers_received_from = hosts(received_from, unknown);
        tally.client = as_client.role();
        tally.server = as_server.role();
        tally.arp_targets = distinct(arp_targets);
        tally
    }

    /// The tally of all that the window saw.
    pub fn network(table: &Table) -> Self {
        let flows = table.flows.iter();
        let mut tally = Self::conversations(View::Network, table, &table.network, flows, &mut Scratch::default());
        tally.macs = table.hosts.own_traces().map(|trace| trace.macs()).max().unwrap_or(0);
        tally.mac_changes = table.hosts.own_traces().map(|trace| u64::from(trace.mac_changes)).sum();
        tally
    }

    /// The tally of these flows, in which each conversation counts once.
    pub fn conversations<'a>(
        view: View,
        table: &Table,
        trace: &Trace,
        flows: impl Iterator<Item = &'a Flow>,
        scratch: &mut Scratch,
    ) -> Self {
        let mut tally = Self::new(view, table, trace);
        scratch.clear();
        let Scratch {
            weights: senders, all, to: servers, from: clients, arp_targets, as_client: conversations, ..
        } = scratch;
        let mut unknown = 0;
        for flow in flows {
            let client = flow.client();
            let (asker, answerer) = (flow.key.ends[client], flow.key.ends[1 - client]);
            tally.count_flow(flow);
            tally.sent.add(&flow.sent[client]);
            tally.received.add(&flow.sent[1 - client]);
            for end in 0..2 {
                let sends = flow.sent[end].packets > 0;
                if sends {
                    senders.push((flow.key.ends[end], flow.sent[end].packets));
                }
                if sends || !flow.key.group {
                    all.push(flow.key.ends[end]);
                }
                tally.arp_unasked += unasked_replies(table, flow, end);
                tally.dns_unanswered += unanswered_queries(flow, end);
                arp_targets.extend(arp_target(flow, end));
            }
            unknown += flow.merged.as_ref().map_or(0, |merged| merged.hosts());
            if !flow.key.group {
                servers.push(answerer);
                clients.push(asker);
                conversations.add(flow, client, answerer);
            }
        }
        tally.peers = hosts(all, unknown);
        tally.peer_entropy = spread(senders).1;
        tally.peers_sent_to = hosts(servers, unknown);
        tally.peers_received_from = hosts(clients, unknown);
        tally.client = conversations.role();
        tally.arp_targets = distinct(arp_targets);
        tally
    }

    fn count_flow(&mut self, flow: &Flow) {
        self.flows += flow.stands_for();
        self.single_packet_flows += usize::from(flow.packets() == 1);
        let duration = flow.duration();
        self.duration_sum += duration;
        self.duration_max = self.duration_max.max(duration);
    }
}

/// ARP replies of one end of a flow beyond those that the other asked for. Who announces itself by a reply was not asked.
fn unasked_replies(table: &Table, flow: &Flow, end: usize) -> u64 {
    if flow.key.protocol != Protocol::Arp {
        return 0;
    }
    let replies = flow.sent[end].sum([Kind::ArpReply]);
    if replies == 0 {
        return 0;
    }
    let [replier, asker] = [flow.key.ends[end], flow.key.ends[1 - end]];
    replies.saturating_sub(table.arp_requests(asker, replier))
}

/// DNS queries of one end of a flow beyond the answers of the other. Of a group nobody in particular has to answer.
fn unanswered_queries(flow: &Flow, end: usize) -> u64 {
    let lookups = |end: usize| flow.sent[end].talk.as_ref().map_or((0, 0), |talk| talk.lookups());
    let (queries, responses) = (lookups(end).0, lookups(1 - end).1);
    if flow.key.group { 0 } else { queries.saturating_sub(responses) }
}

/// The address that one end of a flow asked for by ARP; an announcement asks for nobody.
fn arp_target(flow: &Flow, end: usize) -> Option<Host> {
    let asked = flow.key.protocol == Protocol::Arp && flow.sent[end].any([Kind::ArpRequest]) && !flow.is_with_itself();
    asked.then(|| flow.key.ends[1 - end])
}

/// How many distinct hosts these are; those that are not told apart, if there are any, are about `unknown`.
fn hosts(hosts: &mut Vec<Host>, unknown: u64) -> usize {
    let told = distinct(hosts);
    if hosts.last() == Some(&Host::REST) { told - 1 + unknown as usize } else { told }
}
