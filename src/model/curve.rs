//! How surprising scores are that were seen: the share of them that is at least as high, as a curve of straight pieces.

use serde::{Deserialize, Serialize};

/// Scores and their surprises, −ln of the share that scores as high: scores rise strictly, surprises never fall.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Curve(pub(super) Vec<(f64, f64)>);

impl Curve {
    /// Of finite scores that are sorted from the highest, with about so many knots.
    pub fn of(scores: &[f64], knots: usize) -> Self {
        let n = scores.len();
        // Ranks 1, 2, 3, … near the top, then ever fewer: the curve's detail follows the information in it.
        let growth = (n as f64).powf(1.0 / knots as f64).max(1.0 + 1e-9);
        let mut ranks: Vec<usize> = Vec::new();
        let mut rank = 1.0_f64;
        while (rank as usize) < n {
            ranks.push(rank as usize);
            rank = (rank + 1.0).max(rank * growth);
        }
        if n > 0 {
            ranks.push(n);
        }
        let mut knots: Vec<(f64, f64)> = Vec::new();
        for rank in ranks.into_iter().rev() {
            let score = scores[rank - 1];
            // Ties count as at least as high.
            let at_least = scores.partition_point(|&other| other >= score);
            let surprise = ((n + 1) as f64 / at_least as f64).ln();
            match knots.last() {
                Some(&(last, _)) if last >= score => {}
                _ => knots.push((score, surprise)),
            }
        }
        Self(knots)
    }

    /// The surprise of a score, 0 for less than was ever seen, and how far the score lies beyond the highest that was seen.
    pub fn at(&self, score: f64) -> (f64, f64) {
        let above = self.0.partition_point(|&(knot, _)| knot <= score);
        let Some(&(low, surprise)) = above.checked_sub(1).and_then(|at| self.0.get(at)) else { return (0.0, 0.0) };
        match self.0.get(above) {
            Some(&(high, next)) => (surprise + (next - surprise) * (score - low) / (high - low), 0.0),
            None => (surprise, score - low),
        }
    }

    /// The highest score that was seen, and its surprise.
    pub fn last(&self) -> Option<(f64, f64)> {
        self.0.last().copied()
    }

    /// Whether what was read from a file can be used.
    pub fn is_sound(&self) -> bool {
        let finite = |&(score, surprise): &(f64, f64)| score.is_finite() && surprise.is_finite() && surprise >= 0.0;
        self.0.iter().all(finite) && self.0.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1)
    }
}
