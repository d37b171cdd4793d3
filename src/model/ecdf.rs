//! ECOD and COPOD: how far out in the tails of all its features together a row lies, without any parameter.
//!
//! Both add up −ln of the features' empirical tail probabilities, as if features were independent. ECOD (Li, Zhao, Hu, Botta,
//! Ionescu, Chen, TKDE 2022) takes of each feature the rarer tail, as its authors' program does (their paper has the largest of
//! the sums of one side each, which is worse on the sets that we judge by). COPOD (Li, Zhao, Botta, Ionescu, Hu, ICDM 2020)
//! takes the tail to which the feature is skewed, or the mean of both if that is larger.
//! Unlike [`tail`](super::tail) they hear many features that are a little strange together.
//!
//! Theirs are scores of the rows that they learn from: all that lies beyond those is equally rare to them. Here a tail goes on where its
//! rows end, as a generalized Pareto distribution (Pickands 1975), so that farther is always worse; one that is heavier than that of
//! [`tail`](super::tail), for in a sum one feature that is far out would silence all others.

mod graph;

use ndarray::{Array1, ArrayView1, ArrayView2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::f32::consts::LN_2;

use super::tail::scale;
use super::{Detector, score_rows};

/// Knots of a tail for each halving of the rows that remain in it.
const KNOTS_PER_OCTAVE: f64 = 3.0;

/// The shape of a tail beyond its last row: of the rows that are so far out, counted from 3 scales before that row, one in 2³ is
/// twice as far.
const SHAPE: f32 = 1.0 / 3.0;

/// How many doublings have a knot of their own; whatever lies farther is as rare as the last of them.
const DOUBLINGS: i32 = 24;

/// How the features' tails are added up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sum {
    /// ECOD: of each feature the rarer tail.
    Ecod,
    /// COPOD: of each feature the larger of its skewed tail and the mean of both.
    Copod,
}

/// Empirical tails of all the features.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EmpiricalTails {
    sum: Sum,
    features: Vec<Feature>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Feature {
    right: Tail,
    /// The right tail of the negative.
    left: Tail,
    /// Whether its longer tail is the left one.
    skewed_left: bool,
}

/// Knots of value and −ln of the share of rows that are at least as large, both rising; beyond the last row of the share that
/// there would be in so many more rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Tail(Vec<(f32, f32)>);

impl EmpiricalTails {
    /// Learns from scaled rows, one column a feature.
    pub fn fit(rows: ArrayView2<'_, f32>, sum: Sum) -> Self {
        let feature = |j| {
            let mut values = rows.index_axis(Axis(1), j).to_vec();
            let n = values.len().max(1) as f64;
            let mean = values.iter().map(|&value| f64::from(value)).sum::<f64>() / n;
            let third: f64 = values.iter().map(|&value| (f64::from(value) - mean).powi(3)).sum();
            values.sort_unstable_by(f32::total_cmp);
            let right = Tail::fit(&values);
            values.iter_mut().for_each(|value| *value = -*value);
            values.reverse();
            Feature { right, left: Tail::fit(&values), skewed_left: third < 0.0 }
        };
        Self { sum, features: (0..rows.ncols()).into_par_iter().map(feature).collect() }
    }

    /// What each feature adds to the row's score.
    fn terms(&self, row: &[f32]) -> Vec<f64> {
        let tails = self.features.iter().zip(row).map(|(feature, &value)| feature.tails(value));
        tails
            .map(|Sides { left, right, skewed }| match self.sum {
                Sum::Ecod => left.max(right),
                Sum::Copod => skewed.max((left + right) / 2.0),
            })
            .collect()
    }

    /// Whether what was read from a file can be used with `features` features.
    pub fn check(&self, features: usize) -> Result<(), String> {
        if self.features.len() != features {
            return Err(format!("empirical tails: {} features, not {features}", self.features.len()));
        }
        match self.features.iter().position(|feature| !feature.left.is_sound() || !feature.right.is_sound()) {
            Some(at) => Err(format!("empirical tails: feature {at} is damaged")),
            None => Ok(()),
        }
    }
}

/// −ln of the tail probabilities of a value.
#[derive(Clone, Copy)]
struct Sides {
    left: f64,
    right: f64,
    skewed: f64,
}

impl Feature {
    fn tails(&self, value: f32) -> Sides {
        let (left, right) = (self.left.surprise(-value), self.right.surprise(value));
        Sides { left, right, skewed: if self.skewed_left { left } else { right } }
    }
}

impl Tail {
    /// The right tail of sorted values: knots where ever fewer of them remain, and then where ever fewer would.
    fn fit(sorted: &[f32]) -> Self {
        let n = sorted.len();
        let mut knots: Vec<(f32, f32)> = Vec::new();
        for step in 0.. {
            let remaining = (n as f64 * 2_f64.powf(-f64::from(step) / KNOTS_PER_OCTAVE)) as usize;
            if remaining == 0 {
                break;
            }
            let value = sorted[n - remaining];
            let at_least = n - sorted.partition_point(|&other| other < value);
            if knots.last().is_none_or(|last| last.0 < value) {
                knots.push((value, -(at_least as f64 / n as f64).ln() as f32));
            }
        }
        let mut tail = Self(knots);
        tail.go_on(scale(sorted));
        tail
    }

    /// Knots beyond the last row, where a nat is so much farther out.
    fn go_on(&mut self, scale: f32) {
        let Some(&(last, surprise)) = self.0.last() else { return };
        for doubling in 1..=DOUBLINGS {
            // −ln of the tail is ln(1 + shape · x / scale) / shape, which is a multiple of ln 2 here.
            let value = last + (2_f32.powi(doubling) - 1.0) * scale / SHAPE;
            if value.is_finite() && self.0.last().is_some_and(|knot| knot.0 < value) {
                self.0.push((value, surprise + doubling as f32 * LN_2 / SHAPE));
            }
        }
    }

    fn surprise(&self, value: f32) -> f64 {
        let above = self.0.partition_point(|knot| knot.0 <= value);
        let Some(&(low, surprise)) = above.checked_sub(1).and_then(|at| self.0.get(at)) else { return 0.0 };
        let surprise = f64::from(surprise);
        match self.0.get(above) {
            Some(&(high, next)) => {
                let share = (f64::from(value) - f64::from(low)) / (f64::from(high) - f64::from(low));
                surprise + (f64::from(next) - surprise) * share
            }
            None => surprise,
        }
    }

    fn is_sound(&self) -> bool {
        self.0.iter().all(|(value, surprise)| value.is_finite() && surprise.is_finite() && *surprise >= 0.0)
            && self.0.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1)
    }
}

impl Detector for EmpiricalTails {
    /// The sum over the features, in nats.
    fn score(&self, rows: ArrayView2<'_, f32>) -> Array1<f64> {
        score_rows(rows, |row| self.terms(row).iter().sum())
    }

    /// Each feature's term; the baseline is 0.
    fn explain(&self, row: ArrayView1<'_, f32>) -> Vec<f64> {
        self.terms(&row.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::{blob, keeps_its_bits};
    use ndarray::{Array2, array};

    #[test]
    fn the_tails_of_eight_numbers() {
        // 1 to 7 and 20: skewed to the right.
        let rows = array![[1.0], [2.0], [3.0], [4.0], [5.0], [6.0], [7.0], [20.0_f32]];
        let eighth = 8_f64.ln();
        for (sum, lowest, highest) in [(Sum::Ecod, eighth, eighth), (Sum::Copod, eighth / 2.0, eighth)] {
            let tails = EmpiricalTails::fit(rows.view(), sum);
            let scores = tails.score(array![[1.0], [20.0]].view());
            for (score, expected) in scores.iter().zip([lowest, highest]) {
                assert!((score - expected).abs() < 1e-6, "{sum:?} {scores}");
            }
        }
    }

    #[test]
    fn beyond_the_last_row_farther_is_rarer_and_ever_more_slowly() {
        // Half of the rows are 4 or more from the least: a nat is 4 / ln 2 farther out.
        let tails =
            EmpiricalTails::fit(array![[1.0], [2.0], [3.0], [4.0], [5.0], [6.0], [7.0], [20.0_f32]].view(), Sum::Ecod);
        let scale = 4.0 / LN_2;
        for (excess, expected) in [(0.0, 8_f64.ln()), (3.0 * scale, 64_f64.ln()), (9.0 * scale, 512_f64.ln())] {
            let score = tails.score(array![[20.0 + excess]].view())[0];
            assert!((score - expected).abs() < 1e-5, "{score}, not {expected}, at {excess}");
        }
        let far = tails.score(array![[-50.0], [1e3], [1e6], [1e9], [f32::MAX]].view()).to_vec();
        assert!(far.is_sorted() && far[3] < 80.0 && far[3] == far[4], "{far:?}");
    }

    #[test]
    fn many_that_are_a_little_strange_are_heard() {
        let tails = EmpiricalTails::fit(blob(1000, 40, 3).view(), Sum::Ecod);
        let ordinary = tails.score(blob(200, 40, 4).view());
        let strange = tails.score(Array2::from_elem((1, 40), 1.5_f32).view())[0];
        assert!(ordinary.iter().all(|&score| score < strange));
        assert!((tails.explain(Array1::from_elem(40, 1.5_f32).view()).iter().sum::<f64>() - strange).abs() < 1e-9);
    }

    #[test]
    fn few_rows_or_none_can_be_learned() {
        for rows in [Array2::zeros((0, 2)), array![[1.0, 2.0]], Array2::from_elem((9, 2), 1.0)] {
            for sum in [Sum::Ecod, Sum::Copod] {
                let tails = EmpiricalTails::fit(rows.view(), sum);
                assert_eq!(tails.check(2), Ok(()));
                assert!(tails.score(array![[1.0, 1.0], [5.0, -5.0]].view()).iter().all(|score| score.is_finite()));
            }
        }
    }

    #[test]
    fn neither_threads_nor_neighbours_change_a_bit() {
        let rows = blob(600, 9, 4);
        keeps_its_bits(&rows, 321, |rows| EmpiricalTails::fit(rows, Sum::Ecod));
    }

    #[test]
    fn damaged_tails_are_refused() {
        let good = EmpiricalTails::fit(blob(50, 2, 5).view(), Sum::Copod);
        assert!(good.check(3).is_err());
        for damage in [
            |tail: &mut Tail| tail.0[0].0 = f32::NAN,
            |tail: &mut Tail| tail.0[1].1 = -1.0,
            |tail: &mut Tail| tail.0.swap(0, 1),
        ] {
            let mut bad = good.clone();
            damage(&mut bad.features[1].left);
            assert!(bad.check(2).is_err());
        }
    }
}
