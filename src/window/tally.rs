//! The roll-up of a window's flows for one entity: the numbers that features are computed from.

use super::View;
use super::flow::{Flow, Handshake, Protocol, Sent};
use super::table::{Rhythm, Table, Trace};
use crate::packet::Host;

/// Everything that a window knows of one entity.
///
/// For a host, `sent` is what it sent and `received` what was sent to it alone. For the network, a conversation counts once:
/// `sent` is what clients sent, `received` what servers answered.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub view: View,
    pub window_s: f64,
    pub sent: Sent,
    pub received: Sent,
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
    /// Packets by peer: how evenly they are spread, in bits.
    pub peer_entropy: f64,
    /// Conversations as a client, and as a server (of the network: all, and none).
    pub client: Role,
    pub server: Role,
    /// Distinct addresses asked for by ARP.
    pub arp_targets: usize,
    /// ARP replies sent that nobody had asked for in this window.
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
    /// UDP conversations in which only the client spoke.
    pub udp_unanswered: usize,
}

/// The rows of one view: an entity's index among the hosts (none: the network) with its tally, in the order of addresses.
pub fn tallies(table: &Table, view: View) -> Vec<(Option<u32>, Tally)> {
    match view {
        View::Network => vec![(None, Tally::network(table))],
        View::Host => {
            let mut flows_of: Vec<Vec<(&Flow, usize)>> = vec![Vec::new(); table.hosts.len()];
            for flow in &table.flows {
                for end in 0..2 {
                    // A flow of a host with itself (a land attack, a loopback) is its own once.
                    if let Some(host) = flow.hosts[end].filter(|_| end == 0 || flow.hosts[1] != flow.hosts[0]) {
                        flows_of[host as usize].push((flow, end));
                    }
                }
            }
            let mut order: Vec<u32> = (0..table.hosts.len() as u32).collect();
            order.sort_unstable_by_key(|&host| table.hosts[host as usize].0);
            order
                .into_iter()
                .map(|host| (Some(host), Tally::host(table, host as usize, &flows_of[host as usize])))
                .collect()
        }
    }
}

impl Tally {
    fn new(view: View, table: &Table, trace: &Trace, macs: usize) -> Self {
        let mut names = trace.names().to_vec();
        names.sort_unstable();
        names.dedup();
        Self {
            view,
            window_s: table.length_ns as f64 * 1e-9,
            rhythm: trace.rhythm.clone(),
            ttls: trace.ttls(),
            macs,
            names: names.len(),
            ..Self::default()
        }
    }

    fn host(table: &Table, host: usize, flows: &[(&Flow, usize)]) -> Self {
        let (_, trace) = &table.hosts[host];
        let mut tally = Self::new(View::Host, table, trace, trace.macs());
        let mut peers = Counts::default();
        let (mut sent_to, mut received_from) = (Vec::new(), Vec::new());
        let (mut as_client, mut as_server) = (Conversations::default(), Conversations::default());
        for &(flow, end) in flows {
            let peer = flow.key.ends[1 - end].0;
            let (sent, received) = (&flow.sent[end], &flow.sent[1 - end]);
            tally.sent.add(sent);
            if !flow.key.group {
                tally.received.add(received);
                peers.add(peer, sent.packets + received.packets);
                if sent.packets > 0 {
                    sent_to.push(peer);
                }
                if received.packets > 0 {
                    received_from.push(peer);
                }
                let role = if flow.client() == end { &mut as_client } else { &mut as_server };
                role.add(flow, peer);
            }
            tally.count_flow(table, flow, end);
        }
        tally.peers = peers.distinct();
        tally.peer_entropy = peers.entropy();
        tally.peers_sent_to = distinct(sent_to);
        tally.peers_received_from = distinct(received_from);
        tally.client = as_client.role();
        tally.server = as_server.role();
        tally.arp_targets = arp_targets(flows.iter().copied());
        tally
    }

    fn network(table: &Table) -> Self {
        let macs = table.hosts.iter().map(|(_, trace)| trace.macs()).max().unwrap_or(0);
        let mut tally = Self::new(View::Network, table, &table.network, macs);
        let mut senders = Counts::default();
        let (mut sent_to, mut received_from) = (Vec::new(), Vec::new());
        let mut conversations = Conversations::default();
        for flow in &table.flows {
            let client = flow.client();
            tally.sent.add(&flow.sent[client]);
            tally.received.add(&flow.sent[1 - client]);
            for (end, sent) in flow.sent.iter().enumerate().filter(|(_, sent)| sent.packets > 0) {
                senders.add(flow.key.ends[end].0, sent.packets);
            }
            if !flow.key.group {
                sent_to.push(flow.key.ends[1 - client].0);
                received_from.push(flow.key.ends[client].0);
                conversations.add(flow, flow.key.ends[1 - client].0);
            }
            tally.count_flow(table, flow, client);
            if flow.key.protocol == Protocol::Arp {
                tally.arp_unasked += unasked_replies(table, flow, 1 - client);
            }
        }
        tally.peers = table.hosts.len();
        tally.peer_entropy = senders.entropy();
        tally.peers_sent_to = distinct(sent_to);
        tally.peers_received_from = distinct(received_from);
        tally.client = conversations.role();
        tally.arp_targets = arp_targets(table.flows.iter().flat_map(|flow| [(flow, 0), (flow, 1)]));
        tally
    }

    fn count_flow(&mut self, table: &Table, flow: &Flow, end: usize) {
        self.flows += 1;
        self.single_packet_flows += usize::from(flow.sent[0].packets + flow.sent[1].packets == 1);
        if flow.key.protocol == Protocol::Arp {
            self.arp_unasked += unasked_replies(table, flow, end);
        }
    }
}

/// ARP replies of one end of a flow that the other had not asked for; announcements ask for themselves.
fn unasked_replies(table: &Table, flow: &Flow, end: usize) -> u64 {
    let sent = &flow.sent[end];
    let (replier, asker) = (flow.key.ends[end].0, flow.key.ends[1 - end].0);
    if sent.arp_replies > 0 && !table.arp_asked(asker, replier) { sent.arp_replies } else { 0 }
}

fn arp_targets<'a>(flows: impl Iterator<Item = (&'a Flow, usize)>) -> usize {
    distinct(
        flows
            .filter(|(flow, end)| flow.sent[*end].arp_requests > 0)
            .map(|(flow, end)| flow.key.ends[1 - end].0)
            .collect(),
    )
}

fn distinct<T: Ord>(mut items: Vec<T>) -> usize {
    items.sort_unstable();
    items.dedup();
    items.len()
}

/// Weights by key, for distinct counts and entropies.
struct Counts<K>(Vec<(K, u64)>);

impl<K> Default for Counts<K> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Ord + Copy> Counts<K> {
    fn add(&mut self, key: K, weight: u64) {
        self.0.push((key, weight));
    }

    /// The weights of the distinct keys, in the order of the keys.
    fn weights(&mut self) -> Vec<u64> {
        self.0.sort_unstable();
        self.0.chunk_by(|a, b| a.0 == b.0).map(|same| same.iter().map(|(_, weight)| weight).sum()).collect()
    }

    fn distinct(&mut self) -> usize {
        self.weights().len()
    }

    fn entropy(&mut self) -> f64 {
        entropy(&self.weights())
    }
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
    ports: Counts<u16>,
    client_ports: Counts<u16>,
    peer_ports: Vec<(Host, u16)>,
}

impl Conversations {
    fn add(&mut self, flow: &Flow, peer: Host) {
        let client = flow.client();
        let packets = flow.sent[0].packets + flow.sent[1].packets;
        if flow.has_ports() {
            self.role.flows += 1;
            self.ports.add(flow.service_port(), packets);
            self.client_ports.add(flow.key.ends[client].1, 1);
            self.peer_ports.push((peer, flow.service_port()));
        }
        if flow.key.protocol == Protocol::Udp && flow.sent[1 - client].packets == 0 {
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
        let most = |groups: &mut dyn Iterator<Item = usize>| groups.max().unwrap_or(0);
        let ports_per_peer = most(&mut self.peer_ports.chunk_by(|a, b| a.0 == b.0).map(<[_]>::len));
        self.peer_ports.sort_unstable_by_key(|&(peer, port)| (port, peer));
        let peers_per_port = most(&mut self.peer_ports.chunk_by(|a, b| a.1 == b.1).map(<[_]>::len));
        Role {
            ports: self.ports.distinct(),
            port_entropy: self.ports.entropy(),
            client_port_entropy: self.client_ports.entropy(),
            ports_per_peer,
            peers_per_port,
            ..self.role
        }
    }
}
