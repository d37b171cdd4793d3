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
//! flows = "conn.log.labeled"       # flows with their labels: CSV of CICFlowMeter or UNSW-NB15, Zeek's log, Argus' binetflow
//! benign = ["Benign", "*Attempted"] # optional: labels that are no attack; `*` stands for anything
//! times = "%d/%m/%Y %H:%M:%S"      # optional: how its times are written, as strptime has it
//! utc_offset = "-03:00"            # optional: of those times; else they are UTC
//! slack = "1s"                     # widens the flows at both ends
//!
//! [[rule]]
//! attack = "malware"
//! whole_file = true                # a rule without conditions must say that it means it
//! ```

mod flows;
mod proto;
mod read;
mod rule;
mod steps;
mod table;
mod value;

use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};
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

/// What is known of the attacks in several captures that are read as one: each keeps its own truth and packet numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Truths {
    attacks: Vec<String>,
    /// By the capture's place: its truth, and the place of each of its attacks in `attacks`.
    parts: Vec<Option<(Truth, Vec<AttackId>)>>,
}

impl Truths {
    /// The truths of captures by their places; none where nothing is known.
    ///
    /// # Errors
    /// More attacks than an [`AttackId`] can number.
    pub fn new(truths: Vec<Option<Truth>>) -> Result<Self> {
        let mut attacks: Vec<String> = truths.iter().flatten().flat_map(|truth| truth.attacks.clone()).collect();
        attacks.sort_unstable();
        attacks.dedup();
        if attacks.len() > usize::from(AttackId::MAX) {
            let what = format!("the captures have {} attacks, and {} can be told apart", attacks.len(), AttackId::MAX);
            return Err(Error::new(ErrorKind::Truth, "input", what).hint("read fewer captures at once"));
        }
        let place = |name: &String| attacks.binary_search(name).unwrap_or_default() as AttackId;
        let parts =
            truths.into_iter().map(|truth| truth.map(|truth| (truth.attacks.iter().map(place).collect(), truth)));
        let parts = parts.map(|part| part.map(|(places, truth)| (truth, places))).collect();
        Ok(Self { attacks, parts })
    }

    /// Whether the truth of any capture is known.
    pub fn known(&self) -> bool {
        self.parts.iter().any(Option::is_some)
    }

    /// The names of the attacks, sorted; none if nothing is known.
    pub fn attacks(&self) -> Option<&[String]> {
        self.known().then_some(self.attacks.as_slice())
    }

    /// The attack that a packet of the capture at `place` belongs to, if any.
    #[inline]
    pub fn label(&self, place: usize, packet: &Packet<'_>, number: u64) -> Option<AttackId> {
        let (truth, places) = self.parts.get(place)?.as_ref()?;
        places.get(usize::from(truth.label(packet, number)?)).copied()
    }
}

/// Where labels of `capture` may lie, the closest name first.
pub fn names_beside(capture: &Path) -> Vec<PathBuf> {
    const SUFFIXES: [&[&str]; 2] = [&["gz", "zst", "xz"], &["pcap", "pcapng", "cap", "dmp"]];
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
