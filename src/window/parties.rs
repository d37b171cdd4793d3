//! With whom, and about what, the packets of a row were: for the people who have to act on an alert. No detector sees it, for an
//! identity is no feature.

use serde::Serialize;

use super::flow::Flow;
use super::table::Table;
use super::tally::Part;
use crate::packet::Host;

/// The others of a row, the busiest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Parties {
    /// Hosts and groups that packets were exchanged with, by their addresses; of the network, those that sent.
    pub peers: Busiest,
    /// Services, as `tcp/443`: the protocol and the port that was asked for; the protocol alone where there is no port.
    pub ports: Busiest,
}

/// The busiest of many.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Busiest {
    /// How many there are.
    pub count: usize,
    /// Those with the most packets; of equals the first by address or port.
    pub top: Vec<Share>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Share {
    /// How operators write it.
    pub name: String,
    /// Packets in either direction.
    pub packets: u64,
}

/// How many are named.
const TOP: usize = 5;

impl Busiest {
    /// Of things that may come several times, each with some packets.
    fn of<T: Ord + Copy>(mut packets: Vec<(T, u64)>, name: impl Fn(T) -> String) -> Self {
        packets.sort_unstable();
        packets.dedup_by(|next, first| {
            let same = next.0 == first.0;
            first.1 += if same { next.1 } else { 0 };
            same
        });
        let count = packets.len();
        packets.sort_by_key(|&(_, packets)| std::cmp::Reverse(packets));
        packets.truncate(TOP);
        Self { count, top: packets.into_iter().map(|(one, packets)| Share { name: name(one), packets }).collect() }
    }
}

fn address(host: Host) -> String {
    if host == Host::REST { super::OTHERS.to_owned() } else { host.to_string() }
}

impl Parties {
    fn of<'a>(peers: Vec<(Host, u64)>, flows: impl Iterator<Item = &'a Flow>) -> Self {
        let ports = flows.map(|flow| {
            let port = flow.key.ports[1 - flow.client()];
            ((flow.key.protocol, Some(port).filter(|&port| port > 0 || flow.has_ports())), flow.packets())
        });
        let ports = Busiest::of(ports.collect(), |(protocol, port)| match port {
            Some(port) => format!("{}/{port}", protocol.name()),
            None => protocol.name().to_owned(),
        });
        Self { peers: Busiest::of(peers, address), ports }
    }

    /// Those of a host whose parts these are.
    pub(super) fn host(table: &Table, parts: &[Part]) -> Self {
        let flows = || parts.iter().map(|part| part.of(table));
        let peers = flows().filter(|(flow, _)| !flow.is_with_itself());
        let peers = peers.map(|(flow, end)| (flow.key.ends[1 - end], flow.packets())).collect();
        Self::of(peers, flows().map(|(flow, _)| flow))
    }

    /// Those of the network.
    pub(super) fn network(table: &Table) -> Self {
        let senders = |flow: &Flow| [0, 1].map(|end| (flow.key.ends[end], flow.sent[end].packets));
        let senders = table.flows.iter().flat_map(senders).filter(|&(_, packets)| packets > 0).collect();
        Self::of(senders, table.flows.iter())
    }

    /// Those of a pair or a flow, both of whose ends its name tells.
    pub(super) fn between<'a>(flows: impl Iterator<Item = &'a Flow>) -> Self {
        Self::of(Vec::new(), flows)
    }
}

#[cfg(test)]
mod tests {
    use super::super::scenes::{table, tcp, udp};
    use super::super::{View, rows};
    use super::*;

    fn told(busiest: &Busiest) -> Vec<String> {
        busiest.top.iter().map(|share| format!("{} {}", share.name, share.packets)).collect()
    }

    #[test]
    fn a_scan_names_its_victim_and_some_of_the_ports() {
        let (scanner, victim) = ([10, 0, 0, 1], [10, 0, 0, 2]);
        let mut packets = vec![udp(0.0, (scanner, 40_000), ([10, 0, 0, 3], 53), 20)];
        for port in 1..=9 {
            packets.push(tcp(f64::from(port), (scanner, 50_000), (victim, port), "S", 0));
            packets.push(tcp(f64::from(port) + 0.1, (victim, port), (scanner, 50_000), "RA", 0));
        }
        let mut table = table(&packets);
        table.scope.parties = true;
        let hosts = rows(&table, View::Host);
        let of =
            |entity: &str| &hosts.parties.as_ref().unwrap()[hosts.entity.iter().position(|e| e == entity).unwrap()];
        let parties = of("10.0.0.1");
        assert_eq!((parties.peers.count, parties.ports.count), (2, 10));
        assert_eq!(told(&parties.peers), ["10.0.0.2 18", "10.0.0.3 1"]);
        assert_eq!(told(&parties.ports), ["tcp/1 2", "tcp/2 2", "tcp/3 2", "tcp/4 2", "tcp/5 2"]);
        assert_eq!(told(&of("10.0.0.3").ports), ["udp/53 1"]);
        let network = rows(&table, View::Network);
        assert_eq!(told(&network.parties.unwrap()[0].peers), ["10.0.0.1 10", "10.0.0.2 9"]);
        table.scope.parties = false;
        assert!(rows(&table, View::Host).parties.is_none());
    }
}
