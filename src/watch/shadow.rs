//! A second model beside the first: it scores the same rows, nobody hears its alerts, and how far the two differ is told.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::Result;
use crate::matrix::Matrix;
use crate::model::scorer::{Scorer, Scores};
use crate::model::train::Model;

/// How two models judged the same rows.
#[derive(Debug, Default)]
pub struct Compared {
    /// Rows that both scored.
    pub rows: AtomicU64,
    /// Rows over both thresholds, over the first model's alone, and over the shadow's alone.
    pub both: AtomicU64,
    /// See `both`.
    pub first: AtomicU64,
    /// See `both`.
    pub shadow: AtomicU64,
    /// The sum of the windows' rank correlations, and how many had one.
    ranks: Mutex<(f64, u64)>,
}

impl Compared {
    /// Spearman's rank correlation of the two scores, the mean over windows; none before there was one.
    pub fn agreement(&self) -> Option<f64> {
        let (sum, windows) = *self.ranks.lock().unwrap_or_else(PoisonError::into_inner);
        (windows > 0).then(|| sum / windows as f64)
    }
}

/// The second model, with a memory of its own.
pub struct Shadow {
    scorer: Scorer<Arc<Model>>,
    compared: Arc<Compared>,
}

impl Shadow {
    /// Goes on from the memory of this model's training.
    pub fn new(model: Model) -> Self {
        Self { scorer: Scorer::new(Arc::new(model)), compared: Arc::default() }
    }

    /// What came of it so far.
    pub fn compared(&self) -> Arc<Compared> {
        Arc::clone(&self.compared)
    }

    /// Scores rows that the first model has scored so, and within whose last window watching ended or not.
    ///
    /// # Errors
    /// They are not rows of the shadow's.
    pub fn compare(&mut self, rows: &Matrix, first: &Scores, ends: bool) -> Result<()> {
        let second = self.scorer.score(rows, ends)?;
        let compared = &self.compared;
        compared.rows.fetch_add(rows.rows() as u64, Ordering::Relaxed);
        for alerts in first.alert.iter().zip(&second.alert) {
            let count = match alerts {
                (true, true) => &compared.both,
                (true, false) => &compared.first,
                (false, true) => &compared.shadow,
                (false, false) => continue,
            };
            count.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(agreement) = spearman(&first.score, &second.score) {
            let mut ranks = compared.ranks.lock().unwrap_or_else(PoisonError::into_inner);
            *ranks = (ranks.0 + agreement, ranks.1 + 1);
        }
        Ok(())
    }
}

/// The ranks of values, those of equal ones their mean.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0;
    for equals in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let rank = before as f64 + (equals.len() as f64 - 1.0) / 2.0;
        equals.iter().for_each(|&place| ranks[place] = rank);
        before += equals.len();
    }
    ranks
}

/// Spearman's rank correlation (The American Journal of Psychology 15, 1904): Pearson's, of the ranks. None of fewer than three
/// values, or if one side's are all equal.
fn spearman(one: &[f64], other: &[f64]) -> Option<f64> {
    if one.len() < 3 {
        return None;
    }
    let (one, other) = (ranks(one), ranks(other));
    // Also with ties the mean of ranks is that of the places.
    let mean = (one.len() as f64 - 1.0) / 2.0;
    let sum = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - mean) * (b - mean)).sum::<f64>();
    let spread = (sum(&one, &one) * sum(&other, &other)).sqrt();
    (spread > 0.0).then(|| sum(&one, &other) / spread)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values as scipy.stats.spearmanr has them.
    #[test]
    fn ranks_agree_or_not() {
        let close = |one: &[f64], other: &[f64], expected: f64| {
            let found = spearman(one, other).unwrap();
            assert!((found - expected).abs() < 1e-9, "{found}");
        };
        close(&[1.0, 2.0, 3.0, 4.0], &[10.0, 20.0, 30.0, 1e9], 1.0);
        close(&[1.0, 2.0, 3.0, 4.0], &[4.0, 3.0, 2.0, 1.0], -1.0);
        close(&[1.0, 2.0, 2.0, 4.0], &[1.0, 3.0, 2.0, 4.0], 0.948_683_298_050_513_8);
        assert_eq!(spearman(&[1.0, 2.0], &[1.0, 2.0]), None);
        assert_eq!(spearman(&[1.0, 1.0, 1.0], &[1.0, 2.0, 3.0]), None);
    }
}
