//! A calibration in words, for the model's card.

use super::Calibration;

impl Calibration {
    /// The highest benign score, and how the tail goes on beyond it.
    pub(in crate::model) fn in_words(&self) -> String {
        match self.seen.last() {
            Some((highest, _)) => {
                format!("benign scores up to {highest:.4}, beyond them a Pareto tail of shape {:.2}", self.shape)
            }
            None => "no benign scores".to_owned(),
        }
    }
}
