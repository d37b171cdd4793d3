//! A model that follows its network: what came since is learned, and a part of what was known is kept.

use super::train::Training;
use super::train::{Model, Source, Start, learn};
use crate::error::{Error, ErrorKind, Result};
use crate::matrix::Matrix;
use crate::progress::Progress;

/// How a model is renewed.
#[derive(Clone, Debug, PartialEq)]
pub struct Renewal {
    /// The share of every forest's trees that are grown on the new rows, above 0 and up to 1; the oldest give way.
    pub share: f64,
    /// Benign rows that may alert in a day; what the model was trained for if none.
    pub alarms_per_day: Option<f64>,
}

impl Renewal {
    /// Whether a model can be renewed so.
    ///
    /// # Errors
    /// The share is out of range.
    pub fn check(&self) -> Result<()> {
        if self.share > 0.0 && self.share <= 1.0 {
            Ok(())
        } else {
            Err(Error::parameter("--share", "must be above 0 and at most 1", "0.5 forgets half of the trees"))
        }
    }
}

/// Renews a model on rows that came after those that it knows. Forests keep the younger of their trees, the memory goes on; all
/// other members, the scaling, the calibration and the threshold are made of the new rows alone, as in training: each block of
/// time is judged by members that were renewed on the others.
///
/// # Errors
/// What [`train`](super::train::train) refuses; rows of another schema; rows that the model has learned from.
pub fn renew(
    model: &Model,
    matrix: &Matrix,
    renewal: &Renewal,
    sources: Vec<Source>,
    progress: &dyn Progress,
) -> Result<Model> {
    renewal.check()?;
    model.accept(&matrix.schema)?;
    let first_ns = matrix.window_start_ns.iter().min().copied().unwrap_or(i64::MAX);
    if matrix.schema.window_ns > 0 && first_ns < model.card.last_ns {
        let what =
            "the rows begin before the end of those that the model has learned from: it would judge what it knows";
        return Err(Error::new(ErrorKind::Model, "renewal", what).hint("renew with what came after, or train anew"));
    }
    let card = &model.card;
    let kinds = card.members.iter().copied().chain(card.left_out.iter().map(|&(kind, _)| kind)).collect();
    let alarms_per_day = renewal.alarms_per_day.unwrap_or(card.alarms_per_day);
    let training = Training { kinds: Some(kinds), alarms_per_day, seed: card.seed };
    learn(matrix, &training, sources, Start::From { model, share: renewal.share }, progress)
}
