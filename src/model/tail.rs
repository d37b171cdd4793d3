//! Statistical tails: a row is an anomaly if one of its features lies where training hardly ever was.
//!
//! For each feature the surprise of a value is −ln of its two-sided tail probability. Within the training range that is
//! empirical (Li et al.: ECOD, 2022). Beyond it, where every empirical tail is 0, the tail goes on as an exponential with
//! the scale of the outermost training values (peaks over threshold; Pickands 1975, for streams Siffer et al. 2017), so
//! that farther is always worse. A feature that varies wildly in training has a wide tail of its own and is forgiven
//! more.
//!
//! ECOD adds the surprises up, which buries one telling feature under 70 others. The score here is their norm of order
//! 4, (Σ s⁴)^¼: 70 ordinary features, whose surprises are about exponential with mean 1, come to 6, hardly more than
//! the largest of them; one surprise of 20 scores 20 with or without company; and ten features that are strange
//! together still count more than one of them.

mod graph;

use ndarray::{Array1, ArrayView1, ArrayView2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::f64::consts::LN_2;

use super::{Detector, score_rows};

/// The order of the norm over the features.
const ORDER: i32 = 4;

/// The share of the training rows whose spread gives the scale of the tail, and the fewest of them.
const TAIL_SHARE: usize = 50;
const TAIL_ROWS: usize = 10;

/// The least scale of a tail, in spreads of the feature; a normal distribution has 0.37. It is what a feature that was
/// constant in training has.
const LEAST_SCALE: f32 = 0.25;

/// Fitted tails of all the features.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tails {
    features: Vec<Feature>,
}

/// Both tails of a feature; the lower one is the upper one of its negative.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Feature {
    upper: Tail,
    lower: Tail,
}

/// Surprise as a function of the value: 0 below the first knot, straight between knots, and beyond the last one nat for
/// every `scale`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Tail {
    knots: Vec<Knot>,
    scale: f32,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Knot {
    value: f32,
    surprise: f32,
}

impl Tails {
    /// Learns from scaled rows, one column a feature.
    pub fn fit(rows: ArrayView2<'_, f32>) -> Self {
        let feature = |j| {
            let mut values = rows.index_axis(Axis(1), j).to_vec();
            values.sort_unstable_by(f32::total_cmp);
            let upper = Tail::fit(&values);
            values.iter_mut().for_each(|value| *value = -*value);
            values.reverse();
            Feature { upper, lower: Tail::fit(&values) }
        };
        Self { features: (0..rows.ncols()).into_par_iter().map(feature).collect() }
    }

    /// Whether what was read from a file can be used with `features` features.
    pub fn check(&self, features: usize) -> Result<(), String> {
        if self.features.len() != features {
            return Err(format!("tails: {} features, not {features}", self.features.len()));
        }
        match self.features.iter().position(|feature| !feature.upper.is_sound() || !feature.lower.is_sound()) {
            Some(at) => Err(format!("tails: feature {at} is damaged")),
            None => Ok(()),
        }
    }
}

impl Feature {
    fn surprise(&self, value: f32) -> f64 {
        self.upper.surprise(value).max(self.lower.surprise(-value))
    }
}

/// How much farther out one nat of surprise lies, beyond sorted values.
pub(super) fn scale(sorted: &[f32]) -> f32 {
    let n = sorted.len();
    let tail = n.div_ceil(TAIL_SHARE).max(TAIL_ROWS).min(n);
    // Of an exponential excess the median is ln 2 of its scale, and unlike the mean it is deaf to one wild row.
    let excess = if n > 0 { sorted[n - tail.div_ceil(2)] - sorted[n - tail] } else { 0.0 };
    (excess / LN_2 as f32).max(LEAST_SCALE)
}

impl Tail {
    /// The upper tail of sorted values: knots where 1/2, 1/4, 1/8, … of them remain, down to the last one.
    fn fit(sorted: &[f32]) -> Self {
        let n = sorted.len();
        let remaining = std::iter::successors(Some(n.div_ceil(2)), |remaining| Some(remaining / 2));
        let mut knots: Vec<Knot> = Vec::new();
        for value in remaining.take_while(|&remaining| remaining > 0).map(|remaining| sorted[n - remaining]) {
            // All that are at least this large, ties included; the tail is two-sided.
            let at_least = n - sorted.partition_point(|&other| other < value);
            let surprise = -(2.0 * at_least as f64 / (n + 1) as f64).ln();
            if knots.last().is_none_or(|last| last.value < value) {
                knots.push(Knot { value, surprise: surprise.max(0.0) as f32 });
            }
        }
        Self { knots, scale: scale(sorted) }
    }

    fn surprise(&self, value: f32) -> f64 {
        // Half of all values lie before the first knot, half of the others before the second: this finds the place sooner than halving.
        let above = self.knots.iter().position(|knot| knot.value > value).unwrap_or(self.knots.len());
        let Some(below) = above.checked_sub(1).map(|at| self.knots[at]) else { return 0.0 };
        let past = f64::from(value) - f64::from(below.value);
        let slope = match self.knots.get(above) {
            Some(next) => {
                (f64::from(next.surprise) - f64::from(below.surprise))
                    / (f64::from(next.value) - f64::from(below.value))
            }
            None => 1.0 / f64::from(self.scale),
        };
        f64::from(below.surprise) + past * slope
    }

    fn is_sound(&self) -> bool {
        self.scale.is_finite()
            && self.scale > 0.0
            && self.knots.iter().all(|knot| knot.value.is_finite() && knot.surprise.is_finite() && knot.surprise >= 0.0)
            && self.knots.is_sorted_by(|a, b| a.value < b.value && a.surprise <= b.surprise)
    }
}

impl Detector for Tails {
    /// (Σ s⁴)^¼ over the surprises s of the features, in nats.
    fn score(&self, rows: ArrayView2<'_, f32>) -> Array1<f64> {
        score_rows(rows, |row| {
            let powers = self.features.iter().zip(row).map(|(feature, &value)| feature.surprise(value).powi(ORDER));
            powers.sum::<f64>().powf(1.0 / f64::from(ORDER))
        })
    }

    /// The score, shared out as the features share the sum under the root; the baseline is 0.
    fn explain(&self, row: ArrayView1<'_, f32>) -> Vec<f64> {
        let powers: Vec<f64> =
            self.features.iter().zip(row).map(|(feature, &value)| feature.surprise(value).powi(ORDER)).collect();
        let total: f64 = powers.iter().sum();
        let share = if total > 0.0 { total.powf(1.0 / f64::from(ORDER) - 1.0) } else { 0.0 };
        powers.iter().map(|power| power * share).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::{blob, keeps_its_bits};
    use ndarray::{Array2, array};

    fn surprise(values: &[f32], value: f32) -> f64 {
        let rows = Array2::from_shape_vec((values.len(), 1), values.to_vec()).unwrap();
        Tails::fit(rows.view()).score(array![[value]].view())[0]
    }

    #[test]
    fn surprise_is_empirical_inside_and_grows_for_ever_outside() {
        // −2, …, 2: of five values, one is at least 2, so that the two-sided tail is 2 · 1/6.
        let values = [-2.0, -1.0, 0.0, 1.0, 2.0];
        assert_eq!(surprise(&values, 0.0), 0.0);
        assert!((surprise(&values, 2.0) - 3.0_f64.ln()).abs() < 1e-6);
        assert!((surprise(&values, -2.0) - 3.0_f64.ln()).abs() < 1e-6);
        // Knots at 0 (3 remain), 2 (1 remains): halfway lies half of it.
        assert!((surprise(&values, 1.0) - 3.0_f64.ln() / 2.0).abs() < 1e-6);
        // All five are the tail; the median excess over −2 is 2, and its scale 2 / ln 2.
        assert!((surprise(&values, 12.0) - (3.0_f64.ln() + 10.0 * LN_2 / 2.0)).abs() < 1e-5);
        assert!(surprise(&values, 1000.0) > surprise(&values, 999.0));
    }

    #[test]
    fn a_constant_feature_is_silent_until_it_moves() {
        let values = [0.0; 30];
        assert_eq!(surprise(&values, 0.0), 0.0);
        assert!(surprise(&values, 1e-6) < 1e-4, "rounding is no surprise");
        assert!((surprise(&values, 14.0) - 56.0).abs() < 1e-9);
        assert!((surprise(&values, -14.0) - 56.0).abs() < 1e-9);
    }

    #[test]
    fn one_strange_feature_of_seventy_is_heard() {
        let rows = blob(2000, 70, 1);
        let tails = Tails::fit(rows.view());
        let most = tails.score(rows.view()).iter().copied().fold(0.0, f64::max);
        let mut odd = rows.row(3).to_owned();
        odd[17] = 9.0;
        let score = tails.score(odd.view().insert_axis(Axis(0)))[0];
        assert!(score > 1.3 * most, "{score} {most}");
        let contributions = tails.explain(odd.view());
        assert!((contributions.iter().sum::<f64>() - score).abs() < 1e-9);
        assert!(contributions[17] > 0.9 * score);
    }

    #[test]
    fn a_wild_feature_is_forgiven_what_a_quiet_one_is_not() {
        let mut rows = blob(2000, 2, 2);
        rows.column_mut(0).mapv_inplace(|x| x * x * x * 3.0);
        let tails = Tails::fit(rows.view());
        let scores = tails.score(array![[20.0, 0.0], [0.0, 20.0]].view());
        assert!(scores[1] > 5.0 * scores[0], "{scores}");
    }

    #[test]
    fn few_rows_or_none_can_be_learned() {
        for rows in [Array2::zeros((0, 2)), array![[1.0, 2.0]], Array2::from_elem((9, 2), 1.0)] {
            let tails = Tails::fit(rows.view());
            assert_eq!(tails.check(2), Ok(()));
            let scores = tails.score(array![[1.0, 1.0], [5.0, 5.0], [f32::NAN, 0.0]].view());
            assert!(scores.iter().take(2).all(|score| score.is_finite()));
            assert_eq!(tails.explain(array![1.0_f32, 1.0].view()).len(), 2);
        }
    }

    #[test]
    fn neither_threads_nor_neighbours_change_a_bit() {
        let rows = blob(600, 9, 4);
        keeps_its_bits(&rows, 321, Tails::fit);
    }

    #[test]
    fn damaged_tails_are_refused() {
        let good = Tails::fit(blob(50, 2, 5).view());
        assert_eq!(good.check(2), Ok(()));
        assert!(good.check(3).is_err());
        for damage in [
            |tail: &mut Tail| tail.scale = 0.0,
            |tail: &mut Tail| tail.knots[0].value = f32::NAN,
            |tail: &mut Tail| tail.knots[1].surprise = -1.0,
            |tail: &mut Tail| tail.knots.swap(0, 1),
        ] {
            let mut bad = good.clone();
            damage(&mut bad.features[1].lower);
            assert!(bad.check(2).is_err());
        }
    }
}
