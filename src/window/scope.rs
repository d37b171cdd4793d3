//! What windows shall tell.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;

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
    /// All of them, the coarsest first.
    pub const ALL: [View; 2] = [View::Network, View::Host];

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
        View::ALL
            .into_iter()
            .find(|view| view.name() == name)
            .ok_or_else(|| Error::parameter("--view", format!("there is no view '{name}'"), "use network or host"))
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

/// What windows shall tell.
#[derive(Clone, Debug)]
pub struct Scope {
    /// The views whose rows are wanted.
    pub views: Views,
}

impl Scope {
    /// Rows of these views.
    pub fn new(views: impl Into<Views>) -> Self {
        Self { views: views.into() }
    }
}

impl Default for Scope {
    fn default() -> Self {
        Self::new(View::default())
    }
}
