//! Own tails: a row is an anomaly if it is unlike its own entity's past.
//!
//! A server among workstations is strange in all its rows, and a workstation that behaves like a server in none. So every
//! entity that training saw often enough has a scaling of its own, and the rows of all of them, each in its own units,
//! share one set of tails: how far entities stray from their habits is a trait of the network.
//!
//! An entity without a past has no habits to break: its rows have no score here (NaN), and the calibration says how
//! surprising it is to meet one on this network. It makes a difference whether training saw it too seldom or never:
//! where strangers are rare, they alone are suspect.

mod graph;

use std::collections::BTreeMap;

use ndarray::{Array2, ArrayView1, ArrayView2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::scale::{Range, Scaler, Zeros};
use super::tail::Tails;
use super::{BLOCK, Detector, fill_rows};
use crate::error::{Error, ErrorKind, Result};

/// The fewest rows that make a habit.
const FEWEST_ROWS: usize = 50;

/// The least spread of a feature of an entity, as a share of everybody's. A server that always answered within a sixth of a second
/// has no habit of never being slow, where others are slow for seconds.
const LEAST_SPREAD: f64 = 0.05;

/// The most entities whose habits are kept: those with the most rows.
const MOST_ENTITIES: usize = 2048;

/// The habits of entities, and how far they stray from them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OwnTails {
    habits: BTreeMap<String, Scaler>,
    tails: Tails,
}

/// The entities that have rows enough for a habit, with their rows.
pub(super) fn regulars(entities: &[String]) -> BTreeMap<&String, Vec<usize>> {
    let mut rows: BTreeMap<&String, Vec<usize>> = BTreeMap::new();
    for (row, entity) in entities.iter().enumerate() {
        rows.entry(entity).or_default().push(row);
    }
    let mut counts: Vec<usize> = rows.values().map(Vec::len).collect();
    counts.sort_unstable_by(|a, b| b.cmp(a));
    let fewest = counts.get(MOST_ENTITIES).map_or(FEWEST_ROWS, |&next| FEWEST_ROWS.max(next + 1));
    rows.retain(|_, rows| rows.len() >= fewest);
    rows
}

impl OwnTails {
    /// Whether these entities have habits that can be told apart: at least two of them come often enough.
    pub fn apply_to(entities: &[String]) -> bool {
        regulars(entities).len() > 1
    }

    /// Learns from raw rows and their entities, with the scaling of all of them and what zero is in them.
    ///
    /// # Errors
    /// No entity has rows enough.
    pub fn fit(rows: ArrayView2<'_, f32>, entities: &[String], all: &Scaler, zeros: Zeros) -> Result<Self> {
        let regulars = regulars(entities);
        if regulars.is_empty() {
            let what = format!("no entity has {FEWEST_ROWS} rows to make a habit of");
            return Err(Error::new(ErrorKind::Model, "own tails", what).hint("train on a longer capture"));
        }
        let mut habits = BTreeMap::new();
        let mut own = Array2::zeros((regulars.values().map(Vec::len).sum(), rows.ncols()));
        let mut filled = 0;
        for (entity, places) in regulars {
            let past = rows.select(Axis(0), &places);
            let scaler = Scaler::fit(past.view(), zeros).at_least(LEAST_SPREAD, all);
            let end = filled + places.len();
            own.slice_axis_mut(Axis(0), (filled..end).into()).assign(&scaler.transform(past.view()));
            filled = end;
            habits.insert(entity.clone(), scaler);
        }
        Ok(Self { habits, tails: Tails::fit(own.view()) })
    }

    /// A score for every raw row; NaN for entities without a past, infinity for those that training never saw (1 in `strangers`).
    pub fn score(
        &self,
        rows: ArrayView2<'_, f32>,
        entities: &[String],
        strangers: Option<ArrayView1<'_, f32>>,
    ) -> Vec<f64> {
        let is_stranger = |row: usize| strangers.is_some_and(|strangers| strangers[row] == 1.0);
        let unknown = |row| if is_stranger(row) { f64::INFINITY } else { f64::NAN };
        let mut scores: Vec<f64> = (0..rows.nrows()).map(unknown).collect();
        let habits: Vec<_> = entities.par_iter().with_min_len(BLOCK).map(|entity| self.habits.get(entity)).collect();
        let known: Vec<(usize, &Scaler)> =
            habits.into_iter().enumerate().filter_map(|(row, habit)| Some((row, habit?))).collect();
        let own = fill_rows(known.len(), rows.ncols(), |at, scaled| {
            let (row, habit) = known[at];
            habit.scale(rows.row(row), scaled);
        });
        for ((row, _), score) in known.into_iter().zip(self.tails.score(own.view())) {
            scores[row] = score;
        }
        scores
    }

    /// What each feature contributes to a raw row's score.
    pub fn explain(&self, row: ArrayView1<'_, f32>, entity: &str) -> Vec<f64> {
        match self.habits.get(entity) {
            Some(habit) => self.tails.explain(habit.transform(row.insert_axis(Axis(0))).row(0)),
            None => vec![0.0; row.len()],
        }
    }

    /// How many entities have a past.
    pub fn count(&self) -> usize {
        self.habits.len()
    }

    /// What each feature was for this entity in training, if it has a past.
    pub fn ranges(&self, entity: &str) -> Option<impl ExactSizeIterator<Item = &Range>> {
        self.habits.get(entity).map(Scaler::ranges)
    }

    /// Whether what was read from a file can be used with `features` features.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self, features: usize) -> std::result::Result<(), String> {
        self.tails.check(features)?;
        self.habits.values().try_for_each(|scaler| scaler.check(features))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::blob;

    fn fit(rows: &Array2<f32>, entities: &[String]) -> Result<OwnTails> {
        OwnTails::fit(rows.view(), entities, &Scaler::fit(rows.view(), Zeros::Natural), Zeros::Natural)
    }

    fn entities(rows: usize) -> Vec<String> {
        (0..rows).map(|row| if row % 2 == 0 { "server" } else { "client" }.to_owned()).collect()
    }

    /// Rows in turn of a server around 100 and of a client around 0.
    fn network(rows: usize) -> Array2<f32> {
        let mut rows = blob(rows, 3, 5);
        rows.rows_mut().into_iter().step_by(2).for_each(|mut row| row += 100.0);
        rows
    }

    #[test]
    fn a_client_that_acts_as_a_server_breaks_its_habit() {
        let own = fit(&network(400), &entities(400)).unwrap();
        assert_eq!(own.check(3), Ok(()));
        let row = Array2::from_elem((1, 3), 100.0_f32);
        let score = |entity: &str| own.score(row.view(), &[entity.to_owned()], None)[0];
        assert!(score("client") > 5.0 * score("server"), "{} {}", score("client"), score("server"));
        assert!(score("stranger").is_nan());
        let never_seen = own.score(row.view(), &["stranger".to_owned()], Some(ndarray::aview1(&[1.0])));
        assert_eq!(never_seen, [f64::INFINITY]);
        let contributions: f64 = own.explain(row.row(0), "client").iter().sum();
        assert!((contributions - score("client")).abs() < 1e-9);
    }

    #[test]
    fn habits_need_rows() {
        assert!(OwnTails::apply_to(&entities(100)));
        assert!(!OwnTails::apply_to(&entities(98)));
        assert!(!OwnTails::apply_to(&vec!["network".to_owned(); 500]));
        assert!(fit(&network(98), &entities(98)).is_err());
    }
}
