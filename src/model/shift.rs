//! Whether rows are still such as training saw: which features have moved, and whether it is time to learn again.

use serde::Serialize;

use super::train::Model;
use crate::matrix::Matrix;

/// The share of the features that have to move before the model should be trained again.
const MANY: f64 = 0.1;

/// Fewer rows say nothing.
const FEWEST_ROWS: u64 = 30;

/// Counts rows against what training saw.
#[derive(Clone, Debug)]
pub struct Shift<'a> {
    model: &'a Model,
    counts: Vec<Vec<u64>>,
    rows: u64,
}

/// How far rows are from those of training.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Drift {
    /// The rows that were compared.
    pub rows: u64,
    /// The features that have moved, the farthest first.
    pub moved: Vec<Moved>,
    /// Of how many.
    pub features: usize,
    /// Whether so many have moved that the model should be trained again, if this is how things will stay.
    pub retrain: bool,
}

/// A feature that has moved.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Moved {
    /// Its name.
    pub feature: String,
    /// Its population stability index.
    pub psi: f64,
    /// Above which index it has moved.
    pub limit: f64,
}

impl<'a> Shift<'a> {
    /// Nothing counted yet.
    pub fn new(model: &'a Model) -> Self {
        Self { model, counts: model.reference.no_counts(), rows: 0 }
    }

    /// Counts some rows of a matrix of the model's schema.
    pub fn count(&mut self, matrix: &Matrix, rows: impl IntoIterator<Item = usize>) {
        let values = self.model.encoder.encode(matrix);
        for row in rows {
            self.rows += 1;
            self.model.reference.add(values.row(row), &mut self.counts);
        }
    }

    /// How far all that was counted is from training.
    pub fn drift(&self) -> Drift {
        let compared = if self.rows < FEWEST_ROWS { Vec::new() } else { self.model.reference.compare(&self.counts) };
        let features = self.model.schema.columns.len();
        let named = compared.into_iter().zip(&self.model.schema.columns);
        let named = named.map(|((psi, limit), column)| Moved { feature: column.name.clone(), psi, limit });
        let mut moved: Vec<Moved> = named.filter(|moved| moved.psi > moved.limit).collect();
        moved.sort_by(|a, b| b.psi.total_cmp(&a.psi));
        let retrain = moved.len() as f64 >= (features as f64 * MANY).max(1.0);
        Drift { rows: self.rows, moved, features, retrain }
    }
}

impl Drift {
    /// The same as a sentence.
    pub fn in_words(&self) -> String {
        const NAMED: usize = 3;
        if self.rows < FEWEST_ROWS {
            return format!("{} rows are too few to tell whether the features have moved", self.rows);
        }
        let named: Vec<String> =
            self.moved.iter().take(NAMED).map(|moved| format!("{} (PSI {:.2})", moved.feature, moved.psi)).collect();
        let more = self.moved.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        match self.moved.len() {
            0 => format!("none of {} features has moved since training", self.features),
            moved => {
                let advice = if self.retrain { "; if this is the new normal, train again" } else { "" };
                let have = if moved == 1 { "has" } else { "have" };
                format!(
                    "{moved} of {} features {have} moved since training: {}{more}{advice}",
                    self.features,
                    named.join(", ")
                )
            }
        }
    }
}
