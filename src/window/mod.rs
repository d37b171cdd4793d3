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
//!   errors, ARP, DNS, TLS, HTTP, industrial protocols); else who has the higher port; else who spoke first. So a conversation
//!   that goes on over windows keeps its direction, but for a service whose port is above its clients': that shows only in the
//!   window of the handshake.
//! - A TCP connection is *established* once each end has acknowledged the other's SYN, else *half open* if it was granted,
//!   *refused* if it was reset, and *unanswered*. Only connections that were asked for within the window count.
//! - What is undefined, such as a mean of nothing, is NaN. Counts, maxima of what may be absent, and entropies of nothing are 0.
//! - The first and the last window of a capture are seen in part.
//!
//! The scenes in the tests work the features out by hand.

mod backlog;
mod clock;
mod collect;
mod distinct;
mod entities;
mod features;
mod flow;
mod frames;
mod key;
mod merged;
mod names;
mod order;
mod pace;
mod parties;
mod role;
mod rows;
#[cfg(test)]
mod scenes;
mod scope;
mod sent;
mod sightings;
mod spread;
mod stream;
mod table;
mod talk;
mod tally;
#[cfg(test)]
mod tests;
mod trace;

pub use clock::{Windowing, Windows, day_and_hour};
pub use features::{Adds, DEFINITIONS_VERSION, Feature, Unit, catalogue, find};
pub use names::Names;
pub use parties::{Busiest, Parties, Share};
pub use rows::{NETWORK, OTHERS, Rows, rows};
pub use scope::{Room, Scope, View, Views};
pub use sightings::{Sight, Sightings};
pub use stream::{Closed, Plan, extract, extract_live};
pub use table::{Overflow, Table};
