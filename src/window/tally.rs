//! The roll-up of a window's flows for one entity: the numbers that features are computed from.

use super::View;
use super::flow::{Flow, Handshake, Protocol};
use super::sent::{Kind, Total};
use super::table::{Rhythm, Table, Trace};
use crate::packet::Host;

/// Everything that a window knows of one entity.
///
/// For a host, `sent` is what it sent and `received` what others sent to it alone. For the network, a conversation counts
/// once: `sent` is what clients sent (and whoever spoke to a group), `received` what servers answered.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub view: View,
    pub window_s: f64,
    pub sent: Total,
    pub received: Total,
    pub rhythm: Rhythm,
    pub ttls: u32,
    /// The most MACs that sent in one address's name.
    pub macs: usize,
    /// Distinct DNS names asked for.
    pub names: usize,
    /// Distinct hosts: of a host, those that it exchanged packets with; of the network, all.
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
    pub flows: usize,
    /// Flows with a single packet.
    pub single_packet_flows: usize,
}

/// What an entity did at one side of conversations.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Role {
    /// Conversations with ports (TCP and UDP).
    pub flows: usize,
    /// Those in which only the server spoke.
    pub unasked: usize,
    /// UDP conversations in which only the client spoke.
    pub udp_unanswered: usize,
    /// Distinct service ports.
    pub ports: usize,
    /// Packets by service port, and conversations by the client's port: how evenly they are spread, in bits.
    pub port_entropy: f64,
    pub client_port_entropy: f64,
    /// The most service ports on one peer, and the most peers on one service port.
    pub ports_per_peer: usize,
    pub peers_per_port: usize,
    /// TCP connections asked for in this window, by how they went.
    pub opened: usize,
    pub established: usize,
    pub refused: usize,
    pub unanswered: usize,
    pub half_open: usize,
}

/// A host's part in a flow.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// Its address, and its index among the window's hosts.
    pub address: Host,
    pub host: u32,
    flow: u32,
    /// Which end of the flow it is.
    end: usize,
}

/// The parts of all hosts in all flows, in the order of addresses; each host has at least one.
pub fn parts(table: &Table) -> Vec<Part> {
    let mut parts = Vec::with_capacity(2 * table.flows.len());
    for (index, flow) in table.flows.iter().enumerate() {
        for (end, &host) in flow.hosts.iter().enumerate() {
            // What a host says to itself is its own once.
            if let Some(host) = host.filter(|_| end == 0 || flow.hosts[0] != flow.hosts[1]) {
                parts.push(Part { address: flow.key.ends[end], host, flow: index as u32, end });
            }
        }
    }
    parts.sort_unstable_by_key(|part| (part.address, part.flow));
    parts
}

impl Tally {
    fn new(view: View, table: &Table, trace: &Trace, macs: usize) -> Self {
        Self {
            view,
            window_s: table.length_ns as f64 * 1e-9,
            rhythm: trace.rhythm.clone(),
            ttls: trace.ttls(),
            macs,
            names: trace.names(),
            ..Self::default()
        }
    }

    /// The tally of the host whose parts these are.
    pub fn host(table: &Table, parts: &[Part]) -> Self {
        let trace = parts.first().map_or(&table.network, |part| &table.hosts[part.host as usize].1);
        let mut tally = Self::new(View::Host, table, trace, trace.macs());
        let mut peers = Vec::new();
        let (mut sent_to, mut received_from, mut arp_targets) = (Vec::new(), Vec::new(), Vec::new());
        let (mut as_client, mut as_server) = (Conversations::default(), Conversations::default());
        for &Part { flow, end, .. } in parts {
            let flow = &table.flows[flow as usize];
            let peer = flow.key.ends[1 - end];
            let (mine, others) = (&flow.sent[end], &flow.sent[1 - end]);
            tally.count_flow(flow);
            tally.sent.add(mine);
            tally.arp_unasked += unasked_replies(table, flow, end);
            arp_targets.extend(arp_target(flow, end));
            if flow.is_with_itself() {
                tally.sent.add(others);
            }
            if flow.key.group {
                continue;
            }
            if !flow.is_with_itself() {
                tally.received.add(others);
            }
            peers.push((peer, flow.packets()));
            if mine.packets > 0 {
                sent_to.push(peer);
            }
            if others.packets > 0 {
                received_from.push(peer);
            }
            let client = flow.client();
            let role = if client == end || flow.is_with_itself() { &mut as_client } else { &mut as_server };
            role.add(flow, client, peer);
        }
        (tally.peers, tally.peer_entropy) = spread(peers);
        tally.peers_sent_to = distinct(sent_to);
        tally.peers_received_from = distinct(received_from);
        tally.client = as_client.role();
        tally.server = as_server.role();
        tally.arp_targets = distinct(arp_targets);
        tally
    }

    /// The tally of all that the window saw.
    pub fn network(table: &Table) -> Self {
        let macs = table.hosts.iter().map(|(_, trace)| trace.macs()).max().unwrap_or(0);
        let mut tally = Self::new(View::Network, table, &table.network, macs);
        let mut senders = Vec::new();
        let (mut servers, mut clients, mut arp_targets) = (Vec::new(), Vec::new(), Vec::new());
        let mut conversations = Conversations::default();
        for flow in &table.flows {
            let client = flow.client();
            let (asker, answerer) = (flow.key.ends[client], flow.key.ends[1 - client]);
            tally.count_flow(flow);
            tally.sent.add(&flow.sent[client]);
            tally.received.add(&flow.sent[1 - client]);
            for end in 0..2 {
                if flow.sent[end].packets > 0 {
                    senders.push((flow.key.ends[end], flow.sent[end].packets));
                }
                tally.arp_unasked += unasked_replies(table, flow, end);
                arp_targets.extend(arp_target(flow, end));
            }
            if !flow.key.group {
                servers.push(answerer);
                clients.push(asker);
                conversations.add(flow, client, answerer);
            }
        }
        tally.peers = table.hosts.len();
        tally.peer_entropy = spread(senders).1;
        tally.peers_sent_to = distinct(servers);
        tally.peers_received_from = distinct(clients);
        tally.client = conversations.role();
        tally.arp_targets = distinct(arp_targets);
        tally
    }

    fn count_flow(&mut self, flow: &Flow) {
        self.flows += 1;
        self.single_packet_flows += usize::from(flow.packets() == 1);
    }
}

/// ARP replies of one end of a flow beyond those that the other asked for. Who announces itself by a reply was not asked.
fn unasked_replies(table: &Table, flow: &Flow, end: usize) -> u64 {
    let replies = flow.sent[end].sum([Kind::ArpReply]);
    if replies == 0 {
        return 0;
    }
    let [replier, asker] = [flow.key.ends[end], flow.key.ends[1 - end]];
    replies.saturating_sub(table.arp_requests(asker, replier))
}

/// The address that one end of a flow asked for by ARP; an announcement asks for nobody.
fn arp_target(flow: &Flow, end: usize) -> Option<Host> {
    let asked = flow.sent[end].any([Kind::ArpRequest]) && !flow.is_with_itself();
    asked.then(|| flow.key.ends[1 - end])
}

fn distinct<T: Ord>(mut items: Vec<T>) -> usize {
    items.sort_unstable();
    items.dedup();
    items.len()
}

/// How many distinct keys there are, and how evenly the weights are spread over them, in bits.
fn spread<K: Ord + Copy>(mut weights: Vec<(K, u64)>) -> (usize, f64) {
    weights.sort_unstable_by_key(|&(key, _)| key);
    let sums: Vec<u64> =
        weights.chunk_by(|a, b| a.0 == b.0).map(|same| same.iter().map(|(_, weight)| weight).sum()).collect();
    (sums.len(), entropy(&sums))
}

/// Shannon entropy of the distribution that these weights make, in bits (Shannon 1948); 0 for none.
pub fn entropy(weights: &[u64]) -> f64 {
    let total: u64 = weights.iter().sum();
    if total == 0 {
        return 0.0;
    }
    let share = |weight: u64| weight as f64 / total as f64;
    let bits: f64 = weights.iter().filter(|&&w| w > 0).map(|&w| -share(w) * share(w).log2()).sum();
    bits.max(0.0)
}

/// The conversations of an entity at one side.
#[derive(Default)]
struct Conversations {
    role: Role,
    /// Packets by service port, and conversations by the client's port.
    ports: Vec<(u16, u64)>,
    client_ports: Vec<(u16, u64)>,
    peer_ports: Vec<(Host, u16)>,
}

impl Conversations {
    fn add(&mut self, flow: &Flow, client: usize, peer: Host) {
        let [asked, answered] = [client, 1 - client].map(|end| flow.sent[end].packets > 0);
        if flow.has_ports() {
            let [client_port, service_port] = [client, 1 - client].map(|end| flow.key.ports[end]);
            self.role.flows += 1;
            self.role.unasked += usize::from(!asked);
            self.ports.push((service_port, flow.packets()));
            self.client_ports.push((client_port, 1));
            self.peer_ports.push((peer, service_port));
        }
        if flow.key.protocol == Protocol::Udp && !answered {
            self.role.udp_unanswered += 1;
        }
        if let Some(handshake) = flow.handshake() {
            self.role.opened += 1;
            match handshake {
                Handshake::Established => self.role.established += 1,
                Handshake::Refused => self.role.refused += 1,
                Handshake::Unanswered => self.role.unanswered += 1,
                Handshake::HalfOpen => self.role.half_open += 1,
            }
        }
    }

    fn role(mut self) -> Role {
        self.peer_ports.sort_unstable();
        self.peer_ports.dedup();
        let ports_per_peer = longest(self.peer_ports.chunk_by(|a, b| a.0 == b.0));
        self.peer_ports.sort_unstable_by_key(|&(_, port)| port);
        let peers_per_port = longest(self.peer_ports.chunk_by(|a, b| a.1 == b.1));
        let (ports, port_entropy) = spread(self.ports);
        let (_, client_port_entropy) = spread(self.client_ports);
        Role { ports, port_entropy, client_port_entropy, ports_per_peer, peers_per_port, ..self.role }
    }
}

fn longest<'a, T: 'a>(runs: impl Iterator<Item = &'a [T]>) -> usize {
    runs.map(<[T]>::len).max().unwrap_or(0)
}
