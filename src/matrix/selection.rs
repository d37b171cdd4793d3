//! Which packets rows are made of.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::packet::Tunnels;

/// Which packets rows are made of, and who has rows: rows of two selections mean different things under the same names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// Which packet of a tunnel counts.
    pub tunnels: Tunnels,
    /// The filter that packets passed, in the user's words.
    pub filter: Option<String>,
    /// The own networks, if only their hosts have rows.
    pub local: Vec<String>,
}

/// As the options that ask for it.
impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut options = Vec::new();
        if self.tunnels == Tunnels::Outer {
            options.push("--tunnels outer".to_owned());
        }
        options.extend(self.filter.as_ref().map(|filter| format!("--filter '{filter}'")));
        if !self.local.is_empty() {
            options.push(format!("--local {}", self.local.join(",")));
        }
        f.write_str(&if options.is_empty() { "all packets".to_owned() } else { options.join(" ") })
    }
}
