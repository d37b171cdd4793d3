//! What a window knows of an entity that no number can carry: *which* peers, services, machines and names it showed.
//!
//! Whether any of them is new can be told only by who remembers earlier windows, and that is not the window (law 2). So they
//! travel beside the rows, as hashes: a bounded number of 32 bits each, of which the upper three tell the kind. Nothing can be
//! read from them but whether two are the same, and no detector sees them.
//!
//! Of more than are carried, those with the smallest hashes are: the same ones in every window in which they show, so that
//! what is remembered of a busy entity is a steady sample (bottom-k; Cohen and Kaplan, PODC 2007). A hash has 29 bits: of what
//! was never seen, one in half a million passes as known to who knows a thousand.

use super::flow::Flow;
use super::scope::View;
use super::table::Table;
use super::tally::Part;
use crate::packet::Host;

/// What can be sighted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// A host that packets were exchanged with; of the network, any that sent.
    Peer,
    /// A protocol and port that was asked for.
    Asked,
    /// A protocol and port at which others asked.
    Served,
    /// A MAC that spoke in the entity's name; of the network, one together with the address.
    Machine,
    /// A name that was asked for in DNS, TLS or HTTP.
    Name,
}

impl Sight {
    /// How many kinds there are.
    pub const KINDS: usize = 5;

    /// The kind of a code; none if it is of no kind that is known here.
    pub fn of(code: u32) -> Option<Self> {
        [Self::Peer, Self::Asked, Self::Served, Self::Machine, Self::Name].get((code >> HASH_BITS) as usize).copied()
    }
}

const HASH_BITS: u32 = 29;

/// Codes of a kind that a row carries at most; of the network's more.
const MOST: usize = 32;
const MOST_OF_NETWORK: usize = 128;

/// From here on ports are dynamic in most systems (RFC 6335 has them from 49152, Linux from 32768): they are one service.
const DYNAMIC: u16 = 32_768;

/// The codes of what rows showed, row by row: sorted, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sightings {
    codes: Vec<u32>,
    /// Where those of each row end.
    ends: Vec<usize>,
}

impl Sightings {
    /// Whether the rows of a view can show anything: a flow is a name of its own each time.
    pub fn told_by(view: View) -> bool {
        view != View::Flow
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.ends.len()
    }

    /// What a row showed.
    pub fn row(&self, row: usize) -> &[u32] {
        let start = row.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.codes[start..self.ends[row]]
    }

    /// Adds what a row showed, in any order.
    pub fn push(&mut self, codes: impl IntoIterator<Item = u32>) {
        let start = self.codes.len();
        self.push_sorted(codes);
        self.codes[start..].sort_unstable();
    }

    /// Adds what a row showed, in order.
    pub fn push_sorted(&mut self, codes: impl IntoIterator<Item = u32>) {
        self.codes.extend(codes);
        self.ends.push(self.codes.len());
    }

    /// Adds the rows of another.
    pub fn append(&mut self, other: &Self) {
        let before = self.codes.len();
        self.codes.extend_from_slice(&other.codes);
        self.ends.extend(other.ends.iter().map(|end| before + end));
    }

    /// Those of some rows.
    pub fn select(&self, rows: impl IntoIterator<Item = usize>) -> Self {
        rows.into_iter().map(|row| self.row(row).iter().copied()).collect()
    }

    /// About how much memory they take.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&self.codes[..]) + size_of_val(&self.ends[..])
    }
}

impl<I: IntoIterator<Item = u32>> FromIterator<I> for Sightings {
    /// A row from each.
    fn from_iter<R: IntoIterator<Item = I>>(rows: R) -> Self {
        let mut sightings = Self::default();
        rows.into_iter().for_each(|codes| sightings.push(codes));
        sightings
    }
}

/// What is being sighted of one entity. It can be used for one after another.
#[derive(Default)]
pub(super) struct Lookout(Vec<u32>);

impl Lookout {
    fn note(&mut self, kind: Sight, facts: &[u64]) {
        self.0.push((kind as u32) << HASH_BITS | hash(facts) >> (32 - HASH_BITS));
    }

    fn note_peer(&mut self, peer: Host) {
        if peer != Host::REST {
            self.note(Sight::Peer, &words(peer));
        }
    }

    /// The service of a flow, by its asker if that matters; of flows that are not told apart none is known.
    fn note_service(&mut self, kind: Sight, flow: &Flow, client: usize, asker: Option<Host>) {
        if flow.is_merged() {
            return;
        }
        let (protocol, port) = (flow.key.protocol as u64, flow.key.ports[1 - client].min(DYNAMIC).into());
        match asker.map(words) {
            None => self.note(kind, &[protocol, port]),
            Some([low, high]) => self.note(kind, &[protocol, port, low, high]),
        }
    }

    fn note_names(&mut self, flow: &Flow, end: usize) {
        if let Some(talk) = &flow.sent[end].talk {
            talk.names().for_each(|name| self.note(Sight::Name, &[name]));
        }
    }

    /// What a host showed in these flows.
    pub fn host(&mut self, table: &Table, place: u32, parts: &[Part], sightings: &mut Sightings) {
        for part in parts {
            let (flow, end) = part.of(table);
            let (alone, client) = (flow.hosts[0] == flow.hosts[1], flow.client());
            if !flow.key.group && !alone {
                self.note_peer(flow.key.ends[1 - end]);
            }
            let kind = if client == end || alone { Sight::Asked } else { Sight::Served };
            self.note_service(kind, flow, client, None);
            self.note_names(flow, end);
        }
        let macs = table.hosts.traces.get(place as usize).map_or(&[][..], |trace| trace.claimants());
        macs.iter().for_each(|mac| self.note(Sight::Machine, &[number(mac)]));
        self.settle(MOST, sightings);
    }

    /// What was shown on the wire.
    pub fn network(&mut self, table: &Table, sightings: &mut Sightings) {
        for flow in &table.flows {
            (0..2).filter(|&end| flow.sent[end].packets > 0).for_each(|end| self.note_peer(flow.key.ends[end]));
            self.note_service(Sight::Asked, flow, flow.client(), None);
            (0..2).for_each(|end| self.note_names(flow, end));
        }
        for (place, trace) in (0..).zip(&table.hosts.traces) {
            if let Some(host) = table.hosts.key(place) {
                let [low, high] = words(host);
                trace.claimants().iter().for_each(|mac| self.note(Sight::Machine, &[low, high, number(mac)]));
            }
        }
        self.settle(MOST_OF_NETWORK, sightings);
    }

    /// What two hosts showed each other in these flows.
    pub fn pair<'a>(&mut self, flows: impl Iterator<Item = &'a Flow>, sightings: &mut Sightings) {
        for flow in flows {
            let client = flow.client();
            self.note_service(Sight::Asked, flow, client, Some(flow.key.ends[client]));
            (0..2).for_each(|end| self.note_names(flow, end));
        }
        self.settle(MOST, sightings);
    }

    /// Hands over what there is, of each kind so many at most. Nothing is left for the next.
    fn settle(&mut self, most: usize, sightings: &mut Sightings) {
        self.0.sort_unstable();
        self.0.dedup();
        let kinds = self.0.chunk_by(|one, other| one >> HASH_BITS == other >> HASH_BITS);
        sightings.push_sorted(kinds.flat_map(|kind| kind.iter().copied().take(most)));
        self.0.clear();
    }
}

fn words(host: Host) -> [u64; 2] {
    [host.bits() as u64, (host.bits() >> 64) as u64]
}

fn number(mac: &[u8; 6]) -> u64 {
    mac.iter().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

/// The same in every version of this program, for it is kept in files: each word through the finalizer of MurmurHash3
/// (Appleby, 2011), which no two words leave alike.
fn hash(words: &[u64]) -> u32 {
    let mix = |hash: u64, word: &u64| {
        let mut bits = (hash ^ word).wrapping_add(0x9e37_79b9_7f4a_7c15);
        bits = (bits ^ bits >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
        bits = (bits ^ bits >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        bits ^ bits >> 33
    };
    (words.iter().fold(0, mix) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::rows;
    use crate::window::scenes::{self, dns, table, tcp, udp};

    #[test]
    fn rows_are_kept_apart() {
        let mut all = Sightings::default();
        for row in [&[3, 1][..], &[], &[7], &[2, 9]] {
            all.push(row.iter().copied());
        }
        assert_eq!((0..4).map(|row| all.row(row)).collect::<Vec<_>>(), [&[1, 3][..], &[], &[7], &[2, 9]]);
        let mut twice = all.clone();
        twice.append(&all);
        assert_eq!(twice.select(4..8), all);
        assert_eq!((twice.rows(), twice.row(3), twice.row(4)), (8, &[2, 9][..], &[1, 3][..]));
    }

    #[test]
    fn of_many_the_same_ones_are_carried_and_no_kind_crowds_out_another() {
        let (mut lookout, mut sightings) = (Lookout::default(), Sightings::default());
        for peers in [0..1000_u64, 0..500, 500..1000] {
            peers.for_each(|peer| lookout.note(Sight::Peer, &[peer]));
            lookout.note(Sight::Name, &[1]);
            lookout.settle(MOST, &mut sightings);
        }
        let [all, some, others] = [0, 1, 2].map(|row| sightings.row(row));
        assert_eq!(all.len(), MOST + 1);
        assert!(all.iter().all(|code| some.contains(code) || others.contains(code)));
        assert_eq!(Sight::of(all[MOST]), Some(Sight::Name));
        assert_eq!(Sight::of(u32::MAX), None);
    }

    /// What is in files must mean the same tomorrow.
    #[test]
    fn the_hash_stays() {
        assert_eq!([hash(&[]), hash(&[0]), hash(&[1, 2])], [0, 2_627_757_809, 211_386_734]);
    }

    /// How many of each kind a row has: peers, asked, served, machines, names.
    fn kinds(codes: &[u32]) -> [usize; Sight::KINDS] {
        let mut counts = [0; Sight::KINDS];
        codes.iter().for_each(|&code| counts[Sight::of(code).unwrap() as usize] += 1);
        counts
    }

    #[test]
    fn rows_tell_whom_they_met_and_what_for() {
        const A: [u8; 4] = [10, 0, 0, 1];
        const B: [u8; 4] = [10, 0, 0, 2];
        const C: [u8; 4] = [10, 0, 0, 3];
        let packets = [
            tcp(0.0, (A, 40_000), (B, 22), "S", 0),
            tcp(0.1, (B, 22), (A, 40_000), "SA", 0),
            tcp(0.2, (A, 40_001), (B, 22), "S", 0),
            tcp(0.3, (A, 40_002), (C, 80), "S", 0),
            dns(0.4, (A, 40_003), (C, 53), "one", 1.0),
            dns(0.5, (A, 40_003), (C, 53), "two", 1.0),
            // Two ports that no service is known by.
            udp(0.6, (A, 50_000), (C, 40_000), 10),
            udp(0.7, (A, 50_000), (C, 41_000), 10),
        ];
        let table = table(&packets);
        let told = |view| rows(&table, view).sightings;
        let hosts = told(View::Host).unwrap();
        assert_eq!([0, 1, 2].map(|row| kinds(hosts.row(row))), [[2, 4, 0, 1, 2], [1, 0, 1, 1, 0], [1, 0, 3, 0, 0]]);
        assert_eq!(kinds(told(View::Network).unwrap().row(0)), [2, 4, 0, 2, 2]);
        let pairs = told(View::Pair).unwrap();
        assert_eq!([0, 1].map(|row| kinds(pairs.row(row))), [[0, 1, 0, 0, 0], [0, 3, 0, 0, 2]]);
        assert_eq!(told(View::Flow), None);

        // The same in the next window, whatever the order.
        let mut backwards = packets.to_vec();
        backwards.reverse();
        let again = scenes::table(&backwards);
        assert_eq!(rows(&again, View::Host).sightings, Some(hosts));
    }
}
