//! Several detectors behind one scaling, each calibrated, heard as one.
//!
//! Members' scores have nothing in common but their benign distributions, so each becomes the surprise of its p-value
//! before they meet in a [`Verdict`]. No member alone is right everywhere (Han et al., ADBench, 2022): an attack that shows in
//! two features of seventy is plain to the tails and diluted in a forest, a combination of ordinary values is plain to clusters only.

mod fitted;
mod graph;
mod kind;
mod renew;
mod words;

pub(super) use graph::Given;
pub use kind::Kind;

use ndarray::{Array2, ArrayView1, ArrayView2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::BLOCK;
use super::calibrate::Calibration;
use super::question::{Question, Verdict};
use super::scale::{Range, Scaler, Zeros};
use crate::context::Columns;
use crate::error::{Error, ErrorKind, Result};
use crate::matrix::Schema;
use fitted::Fitted;

/// Raw rows, whose each is, and what came before it.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// Rows × features.
    pub values: ArrayView2<'a, f32>,
    /// Which of the features have a zero at which there is nothing.
    pub zeros: Zeros,
    /// An entity for each row.
    pub entities: &'a [String],
    /// Rows × columns of the [`context`](crate::context); without columns if they have none.
    pub context: ArrayView2<'a, f32>,
    /// Which of those columns tell what.
    pub columns: Columns,
}

impl<'a> Rows<'a> {
    /// For each row 1 if training never saw its entity, if that is known.
    pub(super) fn strangers(&self) -> Option<ArrayView1<'a, f32>> {
        let told = self.columns.stranger().filter(|&column| column < self.context.ncols());
        told.map(|column| self.context.index_axis_move(Axis(1), column))
    }
}

/// Scaled rows, as detectors want them.
struct Units {
    scaled: Array2<f32>,
    as_grown: Option<Array2<f32>>,
}

impl Units {
    fn of(&self, fitted: &Fitted) -> ArrayView2<'_, f32> {
        match (fitted, &self.as_grown) {
            (Fitted::Forest(_), Some(as_grown)) => as_grown.view(),
            _ => self.scaled.view(),
        }
    }
}

/// Scaling and detectors that were fitted on the same rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Members {
    scaler: Scaler,
    /// The scaling in whose units the forests were grown, if that is another.
    grown_in: Option<Scaler>,
    fitted: Vec<(Kind, Fitted)>,
}

impl Members {
    /// Fits a detector of each kind on raw rows, in parallel. A detector that cannot be fitted is left out, with why.
    ///
    /// # Errors
    /// None could be fitted.
    pub fn fit(rows: &Rows<'_>, kinds: &[Kind], seed: u64) -> Result<(Self, Vec<(Kind, Error)>)> {
        let scaler = Scaler::fit(rows.values, rows.zeros);
        let scaled = scaler.transform(rows.values);
        let results: Vec<_> =
            kinds.par_iter().map(|&kind| (kind, kind.fit(rows, &scaler, scaled.view(), seed))).collect();
        Self::of(scaler, None, results)
    }

    fn of(
        scaler: Scaler,
        grown_in: Option<Scaler>,
        results: Vec<(Kind, Result<Fitted>)>,
    ) -> Result<(Self, Vec<(Kind, Error)>)> {
        let (mut fitted, mut left_out) = (Vec::new(), Vec::new());
        for (kind, result) in results {
            match result {
                Ok(detector) => fitted.push((kind, detector)),
                Err(error) => left_out.push((kind, error)),
            }
        }
        if fitted.is_empty() {
            let why = left_out.pop().map_or_else(|| "no kind was named".to_owned(), |(_, error)| error.what);
            return Err(Error::new(ErrorKind::Model, "training", why).hint("try the model tail, or more rows"));
        }
        Ok((Self { scaler, grown_in, fitted }, left_out))
    }

    /// The kinds that were fitted.
    pub fn kinds(&self) -> impl Iterator<Item = Kind> {
        self.fitted.iter().map(|&(kind, _)| kind)
    }

    /// Every member's own scores of raw rows.
    pub fn scores(&self, rows: &Rows<'_>) -> Vec<Vec<f64>> {
        let units = self.units(rows);
        self.fitted.par_iter().map(|(_, fitted)| fitted.score(rows, units.of(fitted))).collect()
    }

    /// What each feature contributes to each member's score of a single raw row.
    fn explain(&self, row: &Rows<'_>) -> Vec<Vec<f64>> {
        let units = self.units(row);
        self.fitted.iter().map(|(_, fitted)| fitted.explain(row, units.of(fitted))).collect()
    }

    /// Raw rows, scaled for every member.
    fn units(&self, rows: &Rows<'_>) -> Units {
        let as_grown = self.grown_in.as_ref().map(|scaler| scaler.transform(rows.values));
        Units { scaled: self.scaler.transform(rows.values), as_grown }
    }

    /// What each column of the context was in training, if it is judged.
    pub fn context_ranges(&self) -> Vec<Range> {
        let novelty = self.fitted.iter().find_map(|(_, fitted)| match fitted {
            Fitted::Novelty(novelty) => Some(novelty),
            _ => None,
        });
        novelty.map_or(Vec::new(), |novelty| novelty.ranges().copied().collect())
    }

    /// What each feature was in training for this entity, if it has a past of its own there.
    pub fn own_ranges(&self, entity: &str) -> Option<Vec<Range>> {
        let own = self.fitted.iter().find_map(|(_, fitted)| match fitted {
            Fitted::Own(own) => Some(own),
            _ => None,
        });
        own.and_then(|own| own.ranges(entity)).map(|ranges| ranges.copied().collect())
    }

    /// What each feature was in training for this entity, or for all if it has no past of its own.
    pub fn usual(&self, entity: &str) -> Vec<Range> {
        self.own_ranges(entity).unwrap_or_else(|| self.ranges().copied().collect())
    }

    /// What each feature was in training.
    pub fn ranges(&self) -> impl ExactSizeIterator<Item = &Range> {
        self.scaler.ranges()
    }

    /// Whether what was read from a file can be used with `features` features and `context` columns of the context.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self, features: usize, context: usize) -> std::result::Result<(), String> {
        self.scaler.check(features)?;
        self.grown_in.as_ref().map_or(Ok(()), |scaler| scaler.check(features))?;
        if self.fitted.is_empty() {
            return Err("there is no detector in it".to_owned());
        }
        self.fitted.iter().try_for_each(|(_, fitted)| fitted.check(features, context))
    }
}

/// Members with the calibration of each, and how they are heard as one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ensemble {
    /// The detectors, behind their scaling.
    pub members: Members,
    /// As the members, in their order.
    pub calibrations: Vec<Calibration>,
    /// How their surprises become one.
    pub verdict: Verdict,
}

impl Ensemble {
    /// Learns how to hear members from their scores of benign rows of these entities and of this schema, which they were not fitted
    /// on; returns the combined scores of these rows, too.
    pub fn calibrate(
        members: Members,
        mut held_out: Vec<Vec<f64>>,
        entities: &[String],
        schema: &Schema,
    ) -> (Self, Vec<f64>) {
        let kinds: Vec<Kind> = members.kinds().collect();
        let calibrate = |(&kind, scores): (&Kind, &mut Vec<f64>)| {
            let calibration = Calibration::fit(scores.clone());
            // Habits change for many reasons: where others judge too, who strays is not accused by that alone.
            let calibration = if kind == Kind::Drift && kinds.len() > 1 { calibration.doubted() } else { calibration };
            scores.iter_mut().for_each(|score| *score = calibration.surprise(*score));
            calibration
        };
        let calibrations = kinds.iter().zip(&mut held_out).map(calibrate).collect();
        let questions: Vec<Question> = kinds.iter().map(|kind| kind.question(schema)).collect();
        let verdict = Verdict::fit(&questions, &held_out, entities);
        let combined = entities.iter().enumerate().map(|(row, entity)| verdict.of(&held_out, row, entity)).collect();
        (Self { members, calibrations, verdict }, combined)
    }

    /// The combined scores of raw rows, and the surprises of every member, in nats.
    pub fn score(&self, rows: &Rows<'_>) -> (Vec<f64>, Vec<Vec<f64>>) {
        self.hear(self.members.scores(rows), rows.entities)
    }

    /// The same for every member's own scores of rows of these entities.
    pub(super) fn hear(&self, scores: Vec<Vec<f64>>, entities: &[String]) -> (Vec<f64>, Vec<Vec<f64>>) {
        let mut surprises = scores;
        let verdict = &self.verdict;
        let calibrate = |scores: &mut Vec<f64>, calibration: &Calibration| {
            scores.iter_mut().for_each(|score| *score = calibration.surprise(*score));
        };
        let combined = if entities.len() > BLOCK {
            let calibrated = surprises.par_iter_mut().zip(&self.calibrations);
            calibrated.for_each(|(scores, calibration)| calibrate(scores, calibration));
            entities.par_iter().enumerate().map(|(row, entity)| verdict.of(&surprises, row, entity)).collect()
        } else {
            surprises
                .iter_mut()
                .zip(&self.calibrations)
                .for_each(|(scores, calibration)| calibrate(scores, calibration));
            entities.iter().enumerate().map(|(row, entity)| verdict.of(&surprises, row, entity)).collect()
        };
        (combined, surprises)
    }

    /// What each feature, and behind them each column of the context, contributes to the combined score of a single raw row; the
    /// sum is the score.
    ///
    /// A member's say is its part of the verdict; within it the features share as the member explains. One that cannot say why, as
    /// of an entity without a past, leaves its say to those that can.
    pub fn explain(&self, row: &Rows<'_>) -> Vec<f64> {
        let (combined, surprises) = self.score(row);
        let says = self.verdict.shares(&surprises, 0, &row.entities[0]);
        let mut contributions = vec![0.0; row.values.ncols() + row.context.ncols()];
        let mut said = 0.0;
        for (shares, say) in self.members.explain(row).into_iter().zip(says) {
            // What speaks for the row being ordinary explains no alarm.
            let whole: f64 = shares.iter().map(|share| share.max(0.0)).sum();
            if say > 0.0 && whole > 0.0 {
                said += say;
                for (contribution, share) in contributions.iter_mut().zip(shares) {
                    *contribution += say * (share.max(0.0) / whole);
                }
            }
        }
        if said > 0.0 {
            contributions.iter_mut().for_each(|contribution| *contribution *= combined[0] / said);
        }
        contributions
    }

    /// Whether what was read from a file can be used with `features` features and `context` columns of the context.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self, features: usize, context: usize) -> std::result::Result<(), String> {
        self.members.check(features, context)?;
        if self.calibrations.len() != self.members.fitted.len() {
            return Err("not every detector has a calibration".to_owned());
        }
        self.verdict.check(self.calibrations.len())?;
        self.calibrations.iter().try_for_each(Calibration::check)
    }
}
