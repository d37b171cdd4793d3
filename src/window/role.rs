//! What an entity did at one side of conversations.

use super::flow::{Flow, Handshake};
use super::key::Protocol;
use super::pace::Intervals;
use super::sent::Kind;
use super::spread::spread;
use crate::packet::Host;

/// What an entity did at one side of conversations.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Role {
    /// Conversations with ports (TCP and UDP).
    pub flows: u64,
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
    /// Pairs of a peer and a service port.
    pub services: usize,
    /// TCP connections asked for in this window, by how they went.
    pub opened: u64,
    pub established: u64,
    pub refused: u64,
    pub unanswered: u64,
    pub half_open: u64,
    /// Time until a connection was granted, in seconds: of how many, and together.
    pub granted: u64,
    pub granted_after_sum: f64,
    /// How alike the times between its approaches to the service are that it approaches most regularly, from 0 to 1.
    pub regularity: f64,
}

/// The conversations of an entity at one side. It can be used for one after another, without asking for memory again.
#[derive(Default)]
pub struct Conversations {
    role: Role,
    /// Packets by service port, and conversations by the client's port.
    ports: Vec<(u16, u64)>,
    client_ports: Vec<(u16, u64)>,
    /// Each with when it began.
    services: Vec<(Host, u16, i64)>,
    /// Each once.
    distinct: Vec<(Host, u16)>,
    /// Service ports of flows that are not told apart.
    unknown_ports: u64,
}

impl Conversations {
    pub fn add(&mut self, flow: &Flow, client: usize, peer: Host) {
        let [asked, answered] = [client, 1 - client].map(|end| flow.sent[end].packets > 0);
        if let Some(merged) = &flow.merged {
            return self.add_merged(flow, client, merged.flows(), merged.ports());
        }
        if flow.has_ports() {
            let [client_port, service_port] = [client, 1 - client].map(|end| flow.key.ports[end]);
            let pace = &flow.sent[client].pace;
            self.role.flows += 1;
            self.role.unasked += usize::from(!asked);
            self.ports.push((service_port, flow.packets()));
            self.client_ports.push((client_port, 1));
            self.services.push((peer, service_port, pace.first_ns));
            self.role.regularity = self.role.regularity.max(pace.intervals().regularity());
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
        if let Some(seconds) = flow.granted_after() {
            self.role.granted += 1;
            self.role.granted_after_sum += seconds;
        }
    }

    /// Of many flows together only what each end sent is known: as many connections were asked for as there were SYNs, and none
    /// is known to have been established.
    fn add_merged(&mut self, flow: &Flow, client: usize, flows: u64, ports: u64) {
        if !flow.has_ports() {
            return;
        }
        let [asker, answerer] = [client, 1 - client].map(|end| &flow.sent[end]);
        let opened = asker.sum([Kind::Syn]).min(flows);
        let half_open = answerer.sum([Kind::SynAck]).min(opened);
        let refused = answerer.sum([Kind::Rst]).min(opened - half_open);
        self.role.flows += flows;
        self.role.opened += opened;
        self.role.half_open += half_open;
        self.role.refused += refused;
        self.role.unanswered += opened - half_open - refused;
        if flow.key.protocol == Protocol::Udp {
            self.role.udp_unanswered += flows.saturating_sub(answerer.packets) as usize;
        }
        self.unknown_ports = self.unknown_ports.max(ports);
    }

    /// What it all comes to. Nothing is left for the next.
    pub fn role(&mut self) -> Role {
        self.services.sort_unstable();
        let mut role = std::mem::take(&mut self.role);
        for service in self.services.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
            if let Some(&(peer, port, _)) = service.first() {
                self.distinct.push((peer, port));
            }
            let starts = service.iter().map(|&(_, _, start_ns)| start_ns);
            role.regularity = role.regularity.max(Intervals::between(starts).regularity());
        }
        role.services = self.distinct.len();
        role.ports_per_peer = longest(self.distinct.chunk_by(|a, b| a.0 == b.0));
        self.distinct.sort_unstable_by_key(|&(_, port)| port);
        role.peers_per_port = longest(self.distinct.chunk_by(|a, b| a.1 == b.1));
        let (ports, port_entropy) = spread(&mut self.ports);
        let (_, client_port_entropy) = spread(&mut self.client_ports);
        role.ports = ports + std::mem::take(&mut self.unknown_ports) as usize;
        (role.port_entropy, role.client_port_entropy) = (port_entropy, client_port_entropy);
        self.ports.clear();
        self.client_ports.clear();
        self.services.clear();
        self.distinct.clear();
        role
    }
}

fn longest<'a, T: 'a>(runs: impl Iterator<Item = &'a [T]>) -> usize {
    runs.map(<[T]>::len).max().unwrap_or(0)
}
