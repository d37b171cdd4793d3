//! A window's rows in one view.

use std::fmt::{self, Display};
use std::net::IpAddr;

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::features::{catalogue, compute};
use super::flow::Flow;
use super::key::FlowKey;
use super::names::Names;
use super::parties::Parties;
use super::scope::{Scope, View};
use super::sightings::{Lookout, Sightings};
use super::table::{Table, Whose};
use super::tally::{self, Scratch, Tally};
use crate::packet::Host;
use crate::truth::AttackId;

/// The entity of everything on the wire.
pub const NETWORK: &str = "network";
/// The entity of all that have no row of their own.
pub const OTHERS: &str = "others";

/// What one window says of entities, a row each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    /// Whose row each is: an address, a pair of them, a flow; [`NETWORK`]; [`OTHERS`].
    pub entity: Names,
    /// The features of the view's [`catalogue`], in its order, row after row.
    pub values: Vec<f32>,
    /// The attack with the most packets in each row, if there is ground truth and any of its packets is an attack's.
    pub attack: Vec<Option<AttackId>>,
    /// Packets of any attack.
    pub attack_packets: Vec<u32>,
    /// What each showed, if that was asked for and the view can tell.
    pub sightings: Option<Sightings>,
    /// With whom each was, if that was asked for.
    pub parties: Option<Vec<Parties>>,
}

impl Rows {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.entity.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entity.is_empty()
    }

    /// About how much memory they take.
    pub(super) fn bytes(&self) -> usize {
        let attack = size_of::<Option<AttackId>>() + size_of::<u32>();
        let sightings = self.sightings.as_ref().map_or(0, Sightings::bytes);
        self.entity.bytes() + self.len() * attack + self.values.len() * size_of::<f32>() + sightings
    }

    /// The features of one of them.
    pub fn values(&self, row: usize) -> &[f32] {
        let columns = self.values.len() / self.len().max(1);
        &self.values[row * columns..][..columns]
    }

    fn append(mut self, mut other: Self) -> Self {
        if self.is_empty() {
            return other;
        }
        self.entity.append(&other.entity, 0..other.len());
        self.values.append(&mut other.values);
        self.attack.append(&mut other.attack);
        self.attack_packets.append(&mut other.attack_packets);
        if let (Some(mine), Some(others)) = (&mut self.sightings, &other.sightings) {
            mine.append(others);
        }
        if let (Some(mine), Some(others)) = (&mut self.parties, &mut other.parties) {
            mine.append(others);
        }
        self
    }
}

/// Rows that are computed one after the other, before others take a part of them.
const CHUNK: usize = 256;
/// Rows that a thread of rayon's pool makes alone: the others have windows of their own, and to put together what several made
/// takes longer than they save.
const ALONE: usize = 1 << 13;

/// Rows that are being made.
struct Sheet<'a> {
    attacks: &'a FxHashMap<Whose, (AttackId, u32)>,
    rows: Rows,
    lookout: Lookout,
}

impl<'a> Sheet<'a> {
    /// For so many rows of a view, with what the scope wants told of them.
    fn new(view: View, scope: &Scope, attacks: &'a FxHashMap<Whose, (AttackId, u32)>, rows: usize) -> Self {
        let rows = Rows {
            entity: Names::with_capacity(rows),
            values: Vec::with_capacity(rows * catalogue(view).count()),
            attack: Vec::with_capacity(rows),
            attack_packets: Vec::with_capacity(rows),
            sightings: (scope.sightings && Sightings::told_by(view)).then(Sightings::default),
            parties: scope.parties.then(Vec::new),
        };
        Self { attacks, rows, lookout: Lookout::default() }
    }

    /// Adds the row of an entity; of those without a row of their own if it is none.
    fn add(&mut self, entity: Option<impl Display>, whose: Whose, tally: &Tally) {
        let (attack, attack_packets) = self.attacks.get(&whose).map_or((None, 0), |&(id, packets)| (Some(id), packets));
        match entity {
            Some(entity) => self.rows.entity.push(entity),
            None => self.rows.entity.push(OTHERS),
        }
        compute(tally, &mut self.rows.values);
        self.rows.attack.push(attack);
        self.rows.attack_packets.push(attack_packets);
    }

    /// Adds what the row showed, if that is told.
    fn sight(&mut self, look: impl FnOnce(&mut Lookout, &mut Sightings)) {
        if let Some(sightings) = &mut self.rows.sightings {
            look(&mut self.lookout, sightings);
        }
    }

    /// Adds with whom the row was, if that is told.
    fn meet(&mut self, parties: impl FnOnce() -> Parties) {
        if let Some(all) = &mut self.rows.parties {
            all.push(parties());
        }
    }
}

/// The window's rows in one view, in the order of addresses, those of all others last.
pub fn rows(table: &Table, view: View) -> Rows {
    let attacks = table.attacks();
    let sheet = |rows| Sheet::new(view, &table.scope, &attacks, rows);
    let each = |items: &[u32], one: &(dyn Fn(&mut Sheet, u32, &mut Scratch) + Sync)| {
        let chunk = |items: &[u32]| {
            let mut sheet = sheet(items.len());
            let mut scratch = Scratch::default();
            items.iter().for_each(|&item| one(&mut sheet, item, &mut scratch));
            sheet.rows
        };
        // To wake another thread, and to wait for it, takes longer than many rows.
        let alone = if rayon::current_thread_index().is_some() { ALONE } else { CHUNK };
        if items.len() <= alone || rayon::current_num_threads() == 1 {
            return chunk(items);
        }
        let chunks: Vec<Rows> = items.par_chunks(CHUNK).map(chunk).collect();
        chunks.into_iter().fold(Rows::default(), Rows::append)
    };
    match view {
        View::Network => {
            let mut sheet = sheet(1);
            sheet.add(Some(NETWORK), Whose::Network, &Tally::network(table));
            sheet.sight(|lookout, sightings| lookout.network(table, sightings));
            sheet.meet(|| Parties::network(table));
            sheet.rows
        }
        View::Host => {
            let (parts, starts) = tally::parts(table);
            each(&table.hosts.in_order(), &|sheet, place, scratch| {
                let at = place as usize;
                let parts = &parts[starts[at]..starts[at + 1]];
                let tally = Tally::host(table, &table.hosts.traces[at], parts, scratch);
                sheet.add(table.hosts.key(place), Whose::Host(place), &tally);
                sheet.sight(|lookout, sightings| lookout.host(table, place, parts, sightings));
                sheet.meet(|| Parties::host(table, parts));
            })
        }
        View::Pair => {
            let flows = by_place(table, |flow| flow.pair);
            each(&table.pairs.in_order(), &|sheet, place, scratch| {
                let trace = &table.pairs.traces[place as usize];
                let tally = Tally::conversations(view, table, trace, of(&flows, place), scratch);
                sheet.add(table.pairs.key(place).map(Pair), Whose::Pair(place), &tally);
                sheet.sight(|lookout, sightings| lookout.pair(of(&flows, place), sightings));
                sheet.meet(|| Parties::between(of(&flows, place)));
            })
        }
        View::Flow => {
            let flows = by_place(table, |flow| flow.place);
            each(&table.flow_places.in_order(), &|sheet, place, scratch| {
                let trace = &table.flow_places.traces[place as usize];
                let tally = Tally::conversations(view, table, trace, of(&flows, place), scratch);
                let alone = table.flow_places.key(place).and_then(|_| of(&flows, place).next());
                sheet.add(alone.map(Conversation), Whose::Flow(place), &tally);
                sheet.meet(|| Parties::between(of(&flows, place)));
            })
        }
    }
}

/// The flows with the places of those whose rows they are in, in the order of places.
fn by_place(table: &Table, place: impl Fn(&Flow) -> Option<u32>) -> Vec<(u32, &Flow)> {
    let mut flows: Vec<(u32, &Flow)> = table.flows.iter().filter_map(|flow| Some((place(flow)?, flow))).collect();
    flows.sort_by_key(|&(place, _)| place);
    flows
}

/// Those at one place.
fn of<'a>(flows: &[(u32, &'a Flow)], place: u32) -> impl Iterator<Item = &'a Flow> {
    let first = flows.partition_point(|&(other, _)| other < place);
    flows[first..].iter().take_while(move |&&(other, _)| other == place).map(|&(_, flow)| flow)
}

/// `10.0.0.2 10.0.0.9`.
struct Pair([Host; 2]);

impl Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self([one, other]) = self;
        write!(f, "{one} {other}")
    }
}

/// `tcp 10.0.0.9:50000 > 10.0.0.2:80`, the client first; `icmp 10.0.0.9 > 10.0.0.2`.
struct Conversation<'a>(&'a Flow);

impl Display for Conversation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FlowKey { ends, ports, protocol, group, .. } = self.0.key;
        let client = self.0.client();
        let with_ports = self.0.has_ports() || ports != [0, 0];
        let end = |f: &mut fmt::Formatter<'_>, end: usize| match (with_ports, ends[end].ip()) {
            (true, Some(IpAddr::V6(address))) => write!(f, "[{address}]:{}", ports[end]),
            (true, _) => write!(f, "{}:{}", ends[end], ports[end]),
            (false, _) => ends[end].fmt(f),
        };
        write!(f, "{} ", protocol.name())?;
        end(f, client)?;
        // The same addresses can be a group's in one frame and not in another, by their MACs.
        f.write_str(if group { " >> " } else { " > " })?;
        end(f, 1 - client)
    }
}
