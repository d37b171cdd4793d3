//! Packets → rows. A window is a pure function of its packets (law 2): rows know nothing of the window before.
//!
//! A packet is counted into its *flow*, the 5-tuple's traffic in both directions within the window (`flow`); an entity's
//! flows are rolled up into a *tally* (`tally`); a feature is a formula over a tally (`features`). What is in no flow, the
//! rhythm and the traces of an entity, is kept beside them (`table`).
//!
//! What a row means:
//! - A **host** row stands for one address (or MAC, of what has no IP address) that sent a packet in the window or was sent one
//!   to itself alone. `out` is what it sent, also to groups; `in` is what others sent to it alone: a broadcast is sent by
//!   one and received by nobody. So the packets that all hosts sent are the packets of the network. What a host sends
//!   to itself is sent. As a client it is on the asking side of conversations, as a server on the other.
//! - The **network** row stands for everything on the wire. A conversation counts once: `out` is what its client sent, `in`
//!   what its server sent; whoever speaks to a group is a client.
//! - Which end is the client: who asked for the TCP connection; else who asks rather than answers (SYN-ACKs, pings, ICMP
//!   errors, ARP, DNS); else who has the higher port; else who spoke first. So a conversation that goes on over windows keeps
//!   its direction, but for a service whose port is above its clients': that shows only in the window of the handshake.
//! - A TCP connection is *established* once each end has acknowledged the other's SYN, else *half open* if it was granted,
//!   *refused* if it was reset, and *unanswered*. Only connections that were asked for within the window count.
//! - What is undefined, such as a mean of nothing, is NaN. Counts, maxima of what may be absent, and entropies of nothing are 0.
//! - The first and the last window of a capture are seen in part.
//!
//! The scenes in the tests work the features out by hand.

mod features;
mod flow;
#[cfg(test)]
mod scenes;
mod sent;
mod stream;
mod table;
mod tally;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

pub use features::{DEFINITIONS_VERSION, Feature, Unit, catalogue, find};
pub use stream::{Plan, Windowing, Windows, extract};
pub use table::Table;

use crate::error::Error;
use crate::truth::AttackId;
use tally::Tally;

/// Whose row a row is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum View {
    /// One row a window, for everything on the wire.
    Network,
    /// A row an address, for what it sent and what it received.
    #[default]
    Host,
}

impl View {
    /// The view's name in columns and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            View::Network => "network",
            View::Host => "host",
        }
    }
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for View {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        match name {
            "network" => Ok(View::Network),
            "host" => Ok(View::Host),
            other => Err(Error::parameter("--view", format!("there is no view '{other}'"), "use network or host")),
        }
    }
}

/// What one window says of one entity.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The address of a host; `network` for the network.
    pub entity: String,
    /// The features of the view's [`catalogue`], in its order.
    pub values: Vec<f32>,
    /// The attack with the most packets in the row, if there is ground truth and any of its packets is an attack's.
    pub attack: Option<AttackId>,
    /// Packets of any attack.
    pub attack_packets: u32,
}

/// The window's rows in one view, in the order of addresses.
pub fn rows(table: &Table, view: View) -> Vec<Row> {
    let attacks = table.attacks();
    let row = |entity: String, host: Option<u32>, tally: &Tally| {
        let (attack, attack_packets) = attacks.get(&host).map_or((None, 0), |&(id, packets)| (Some(id), packets));
        let values = catalogue(view).map(|feature| (feature.value)(tally) as f32).collect();
        Row { entity, values, attack, attack_packets }
    };
    match view {
        View::Network => vec![row("network".to_owned(), None, &Tally::network(table))],
        View::Host => tally::parts(table)
            .par_chunk_by(|a, b| a.host == b.host)
            .filter_map(|parts| {
                let whose = parts.first()?;
                Some(row(whose.address.to_string(), Some(whose.host), &Tally::host(table, parts)))
            })
            .collect(),
    }
}
