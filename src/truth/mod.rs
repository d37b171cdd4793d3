//! Ground truth: which packets of a capture belong to an attack, read from a `*.labels.toml` file.
//!
//! A file is a list of rules; a packet belongs to the attack of the first rule whose conditions all hold, and is benign
//! if there is none. `rule = []` says that a capture is attack-free.
//!
//! ```toml
//! [[rule]]
//! attack = "port-scan"
//! start = 2016-10-10T07:54:45Z     # RFC 3339 (without an offset: UTC) or epoch seconds; both ends included
//! end = 2016-10-10T07:54:48Z
//! src_ip = ["192.168.1.0/24"]      # dst_ip; ip = either side
//! mac = "00:10:18:cb:8c:13"        # src_mac, dst_mac; mac = either side
//! dst_port = [22, "8000-8080"]     # src_port; port = either side
//! proto = "tcp"                    # udp, icmp, icmp6, arp or an IP protocol's number
//!
//! [[rule]]
//! intervals = "day1.intervals.csv" # header start_epoch_s,end_epoch_s,attack[,…]: inside any of them
//! slack = "1s"                     # widens the intervals at both ends
//!
//! [[rule]]
//! attack = "cnc"
//! packets = "day1_labeled.csv"     # one line a packet: "number from 1;value", with a comma, or the value alone
//!
//! [[rule]]
//! attack = "malware"
//! whole_file = true                # a rule without conditions must say that it means it
//! ```

mod read;
mod rule;
mod steps;
mod table;
mod value;

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::packet::Packet;

use rule::Rule;

/// An attack's place in [`Truth::attacks`].
pub type AttackId = u16;

/// What is known of a capture's attacks.
#[derive(Clone, Debug, PartialEq)]
pub struct Truth {
    attacks: Vec<String>,
    rules: Vec<Rule>,
}

impl Truth {
    /// Reads the labels file `path` and the tables that it refers to, which lie relative to it.
    ///
    /// # Errors
    /// A file that cannot be read, an unknown key, a value or a line that cannot be understood, an interval that ends
    /// before it starts, a rule without conditions.
    pub fn read(path: &Path) -> Result<Truth> {
        read::labels(path)
    }

    /// Reads the labels file that lies beside `capture`, if there is one: for `x.pcap.gz` the first of
    /// `x.pcap.gz.labels.toml`, `x.pcap.labels.toml` and `x.labels.toml`.
    ///
    /// # Errors
    /// As for [`Truth::read`]; that there is no such file is not an error.
    pub fn beside(capture: &Path) -> Result<Option<Truth>> {
        for path in names_beside(capture) {
            if path.try_exists().map_err(|source| Error::io(&path, &source))? {
                return Truth::read(&path).map(Some);
            }
        }
        Ok(None)
    }

    /// The names of the attacks, sorted; an [`AttackId`] is an index into them.
    pub fn attacks(&self) -> &[String] {
        &self.attacks
    }

    /// The attack that a packet belongs to, if any; `number` counts the packets of its capture from 1.
    pub fn label(&self, packet: &Packet<'_>, number: u64) -> Option<AttackId> {
        self.rules.iter().find_map(|rule| rule.label(packet, number))
    }
}

/// Where labels of `capture` may lie, the closest name first.
fn names_beside(capture: &Path) -> Vec<PathBuf> {
    const SUFFIXES: [&[&str]; 2] = [&["gz", "zst"], &["pcap", "pcapng", "cap", "dmp"]];
    let mut stem = capture.to_owned();
    let mut stems = vec![stem.clone()];
    for suffixes in SUFFIXES {
        let known = |end: &std::ffi::OsStr| suffixes.iter().any(|suffix| end.eq_ignore_ascii_case(suffix));
        if stem.extension().is_some_and(known) {
            stem.set_extension("");
            stems.push(stem.clone());
        }
    }
    for stem in &mut stems {
        stem.as_mut_os_string().push(".labels.toml");
    }
    stems
}

#[cfg(test)]
mod tests;
