//! A window's rows in one view.

use rayon::prelude::*;

use super::features::{Feature, catalogue};
use super::scope::View;
use super::table::Table;
use super::tally::{self, Tally};
use crate::truth::AttackId;

/// What one window says of entities, a row each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    /// Whose row each is: the address of a host; `network` for the network.
    pub entity: Vec<String>,
    /// The features of the view's [`catalogue`], in its order, row after row.
    pub values: Vec<f32>,
    /// The attack with the most packets in each row, if there is ground truth and any of its packets is an attack's.
    pub attack: Vec<Option<AttackId>>,
    /// Packets of any attack.
    pub attack_packets: Vec<u32>,
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

    /// The features of one of them.
    pub fn values(&self, row: usize) -> &[f32] {
        let columns = self.values.len() / self.len().max(1);
        &self.values[row * columns..][..columns]
    }

    fn append(mut self, mut other: Self) -> Self {
        if self.is_empty() {
            return other;
        }
        self.entity.append(&mut other.entity);
        self.values.append(&mut other.values);
        self.attack.append(&mut other.attack);
        self.attack_packets.append(&mut other.attack_packets);
        self
    }
}

/// The window's rows in one view, in the order of addresses.
pub fn rows(table: &Table, view: View) -> Rows {
    let attacks = table.attacks();
    let features: Vec<&Feature> = catalogue(view).collect();
    let add = |mut rows: Rows, entity: String, host: Option<u32>, tally: &Tally| {
        let (attack, attack_packets) = attacks.get(&host).map_or((None, 0), |&(id, packets)| (Some(id), packets));
        rows.entity.push(entity);
        rows.values.extend(features.iter().map(|feature| (feature.value)(tally) as f32));
        rows.attack.push(attack);
        rows.attack_packets.push(attack_packets);
        rows
    };
    match view {
        View::Network => add(Rows::default(), "network".to_owned(), None, &Tally::network(table)),
        View::Host => tally::parts(table)
            .par_chunk_by(|a, b| a.host == b.host)
            .fold(Rows::default, |rows, parts| match parts.first() {
                Some(whose) => add(rows, whose.address.to_string(), Some(whose.host), &Tally::host(table, parts)),
                None => rows,
            })
            .reduce(Rows::default, Rows::append),
    }
}
