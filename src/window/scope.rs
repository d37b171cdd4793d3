//! What windows shall tell, and how much one may remember.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::packet::{Host, Subnet};

/// Whose row a row is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum View {
    /// One row a window, for everything on the wire.
    Network,
    /// A row an address, for what it sent and what it received.
    #[default]
    Host,
    /// A row two addresses, for what they said to each other.
    Pair,
    /// A row a bidirectional 5-tuple.
    Flow,
}

impl View {
    /// All of them, the coarsest first.
    pub const ALL: [View; 4] = [View::Network, View::Host, View::Pair, View::Flow];

    /// The view's name in columns and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            View::Network => "network",
            View::Host => "host",
            View::Pair => "pair",
            View::Flow => "flow",
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
        View::ALL.into_iter().find(|view| view.name() == name).ok_or_else(|| {
            Error::parameter("--view", format!("there is no view '{name}'"), "use network, host, pair or flow")
        })
    }
}

/// A set of views.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Views(u8);

impl Views {
    /// Whether the view is among them.
    pub fn has(self, view: View) -> bool {
        self.0 & (1 << view as u8) != 0
    }

    /// Those that it holds, the coarsest first.
    pub fn iter(self) -> impl Iterator<Item = View> {
        View::ALL.into_iter().filter(move |&view| self.has(view))
    }
}

impl FromIterator<View> for Views {
    fn from_iter<I: IntoIterator<Item = View>>(views: I) -> Self {
        Self(views.into_iter().fold(0, |set, view| set | 1 << view as u8))
    }
}

impl From<View> for Views {
    fn from(view: View) -> Self {
        [view].into_iter().collect()
    }
}

/// What windows shall tell, of whom, and how much one of them may remember.
#[derive(Clone, Debug)]
pub struct Scope {
    /// The views whose rows are wanted.
    pub views: Views,
    /// The own networks; none if every address shall have its row.
    pub local: Arc<[Subnet]>,
    /// How much one window may remember.
    pub room: Room,
    /// Whether rows shall tell what was sighted.
    pub sightings: bool,
    /// Whether rows shall tell with whom they were, for people to read.
    pub parties: bool,
}

impl Scope {
    /// Rows of these views for every address, within the usual bounds.
    pub fn new(views: impl Into<Views>) -> Self {
        Self { views: views.into(), local: Arc::new([]), room: Room::default(), sightings: true, parties: false }
    }

    /// Whether a host is of the own networks.
    pub(super) fn is_local(&self, host: Host) -> bool {
        self.local.is_empty() || host.ip().is_none() || self.names(host)
    }

    /// Whether a host is of networks that were named: those of the operator, which keep their rows in any flood.
    pub(super) fn names(&self, host: Host) -> bool {
        self.local.iter().any(|subnet| subnet.contains(host))
    }
}

impl Default for Scope {
    fn default() -> Self {
        Self::new(View::default())
    }
}

/// How much one window may remember. What finds no room is counted all the same, together with others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Entities that have rows of their own, of each view.
    pub entities: usize,
    /// Flows that are kept apart.
    pub flows: usize,
    /// Flows that stand for what found no room, by whom of the known hosts it is with.
    pub merged: usize,
}

impl Room {
    /// The least memory that can be asked for.
    pub const LEAST_MEMORY: u64 = 128 << 20;
    /// The memory that is asked for unless told otherwise.
    pub const MEMORY: u64 = 1 << 30;
    /// Entities that have rows of their own, unless told otherwise.
    pub const ENTITIES: usize = 1 << 16;

    /// What a program of `memory` bytes has room for, and at most `entities` rows.
    ///
    /// It depends on nothing but these numbers, so that the rows do not either. The program itself and what it reads ahead take
    /// 64 MiB; of the rest a window that is being filled takes a quarter, one that becomes rows another, and rows become a file in
    /// a third.
    ///
    /// # Errors
    /// Too little memory, or no entity.
    pub fn new(memory: u64, entities: usize) -> Result<Self, Error> {
        if memory < Self::LEAST_MEMORY {
            let hint = format!("try --memory {}MiB", Self::LEAST_MEMORY >> 20);
            return Err(Error::parameter("--memory", "that is too little to work with", hint));
        }
        if entities == 0 {
            return Err(Error::parameter("--max-entities", "at least one row is needed", "try --max-entities 65536"));
        }
        let quarter = usize::try_from((memory - (64 << 20)) / 4).unwrap_or(usize::MAX);
        let entities = entities.min(quarter / ROW_BYTES).min(u32::MAX as usize / 2);
        let flows = (quarter / FLOW_BYTES).clamp(1024, u32::MAX as usize / 2);
        Ok(Self { entities, flows, merged: (flows / 64).min(1 << 12) })
    }
}

/// What an entity takes at most, with its trace, its row, the row as a part of columns and what is written of it.
pub(super) const ROW_BYTES: usize = 4096;
/// What a flow takes at most, with its places in indices and among the parts of hosts, and what was said in it.
pub(super) const FLOW_BYTES: usize = 2048;

impl Default for Room {
    fn default() -> Self {
        Self::new(Self::MEMORY, Self::ENTITIES).unwrap_or(Self { entities: 1 << 14, flows: 1 << 16, merged: 1 << 10 })
    }
}
