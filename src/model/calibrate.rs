//! From scores to p-values: how seldom a benign row scores so high.
//!
//! Within the scores that were seen the tail is empirical; beyond them it goes on as a generalized Pareto distribution
//! (peaks over threshold: Pickands 1975; for alarms: Siffer et al., KDD 2017), fitted by probability-weighted moments
//! (Hosking and Wallis, Technometrics 29, 1987), so that two rows beyond all that was seen are still told apart, and a
//! detector whose benign scores have a heavy tail is believed less.

mod graph;
mod words;

use serde::{Deserialize, Serialize};

use super::curve::Curve;

/// The share of the benign scores that the tail is fitted to, and the fewest and most of them.
const TAIL_SHARE: f64 = 0.05;
const TAIL_FEWEST: usize = 10;
const TAIL_MOST: usize = 1000;

/// The heaviest tail that is believed. In a day or two some rows have no like in the other blocks of time, and a tail that is
/// fitted to them is so heavy that no attack could ever be told from them.
const HEAVIEST: f64 = 0.25;

/// The least share of rows without a score that is believed: a row that cannot be judged (an entity without a past) is a
/// one-in-a-hundred event at most, so that it adds to an alarm but never is one by itself.
const LEAST_MISSING: f64 = 0.01;

/// Knots that are kept of the scores that were seen.
const KNOTS: usize = 256;

/// Benign scores, as a curve from a score to its surprise: −ln of the p-value, in nats.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Of the scores that were seen.
    seen: Curve,
    /// How the tail goes on beyond the highest of them: its scale there, and its shape.
    scale: f64,
    shape: f64,
    /// The surprise of a row that the detector cannot judge, and of one that it judges to be like nothing it ever saw.
    missing: f64,
    unheard_of: f64,
    /// The largest surprise that is believed.
    most: f64,
}

impl Calibration {
    /// Learns from benign scores that the detector was not fitted on; NaN is a row that it could not judge, infinity one that
    /// it would not compare with any other. Without any score, nothing is a surprise.
    pub fn fit(mut scores: Vec<f64>) -> Self {
        let all = scores.len();
        let share = |count: usize| if all == 0 { 1.0 } else { count as f64 / all as f64 };
        let surprise_of = |count: usize| -share(count).max(LEAST_MISSING).ln();
        let missing = surprise_of(scores.iter().filter(|score| score.is_nan()).count());
        let unheard_of = surprise_of(scores.iter().filter(|&&score| score == f64::INFINITY).count());
        scores.retain(|score| score.is_finite());
        scores.sort_unstable_by(|a, b| b.total_cmp(a));
        let (scale, shape) = tail(&scores);
        Self { seen: Curve::of(&scores, KNOTS), scale, shape, missing, unheard_of, most: f64::MAX }
    }

    /// Believes in no row that is rarer than one in a hundred: it adds to an alarm, but never is one by itself.
    pub fn doubted(self) -> Self {
        Self { most: -LEAST_MISSING.ln(), ..self }
    }

    /// The surprise of a score, in nats: 0 for the most ordinary, ln 2880 for what is seen in one row of 2880.
    pub fn surprise(&self, score: f64) -> f64 {
        if score.is_nan() {
            return self.missing;
        }
        if score == f64::INFINITY {
            return self.unheard_of;
        }
        let (surprise, excess) = self.seen.at(score);
        (surprise + self.beyond(excess)).min(self.most)
    }

    /// The surprise that an excess over the highest benign score adds: −ln of the Pareto tail.
    fn beyond(&self, excess: f64) -> f64 {
        let reduced = (excess / self.scale).min(1e300);
        if self.shape < 1e-6 { reduced } else { (self.shape * reduced).ln_1p() / self.shape }
    }

    /// Whether what was read from a file can be used.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        let believed = 0.0..=-LEAST_MISSING.ln();
        let missing = believed.contains(&self.missing) && believed.contains(&self.unheard_of);
        let tail = self.scale.is_finite() && self.scale > 0.0 && (0.0..=HEAVIEST).contains(&self.shape);
        if self.seen.is_sound() && tail && missing && self.most > 0.0 {
            Ok(())
        } else {
            Err("a calibration is damaged".to_owned())
        }
    }
}

/// Scale (at the highest score) and shape of the tail of scores that are sorted from the highest.
fn tail(scores: &[f64]) -> (f64, f64) {
    let n = scores.len();
    let size = ((n as f64 * TAIL_SHARE) as usize).clamp(TAIL_FEWEST, TAIL_MOST).min(n.saturating_sub(1));
    let least = scores.first().map_or(1.0, |highest| highest.abs() * 1e-6).max(1e-9);
    if size < 2 || scores[0] - scores[size] < least {
        // Of scores that are all the same nothing can be told but that more is more.
        return (least.max(1.0), 0.0);
    }
    let threshold = scores[size];
    // a₀ = E[x], a₁ = E[x(1 − F)], from excesses in rising order with the plotting positions (j − 0.35)/n.
    let (mut a0, mut a1) = (0.0, 0.0);
    for (j, score) in scores[..size].iter().rev().enumerate() {
        let excess = score - threshold;
        a0 += excess / size as f64;
        a1 += excess * (1.0 - (j as f64 + 0.65) / size as f64) / size as f64;
    }
    let denominator = a0 - 2.0 * a1;
    if a0 <= 0.0 || denominator <= 0.0 {
        return (a0.max(least), 0.0);
    }
    // Hosking and Wallis write k for −shape. A tail that ends (shape < 0) is not believed to: it goes on as an exponential.
    let shape = (2.0 - a0 / denominator).clamp(0.0, HEAVIEST);
    let scale = a0 * (1.0 - shape);
    // Above a higher threshold the same tail has a scale that is larger by shape × distance.
    ((scale + shape * (scores[0] - threshold)).max(least), shape)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Quantiles of the generalized Pareto distribution at evenly spaced probabilities.
    fn pareto(n: usize, shape: f64) -> Vec<f64> {
        let probability = |i: usize| (i as f64 + 0.5) / n as f64;
        let quantile = |p: f64| if shape == 0.0 { -(1.0 - p).ln() } else { ((1.0 - p).powf(-shape) - 1.0) / shape };
        (0..n).map(|i| quantile(probability(i))).collect()
    }

    #[test]
    fn surprise_is_the_share_that_scores_so_high() {
        let calibration = Calibration::fit((1..=999).map(f64::from).collect());
        assert!((calibration.surprise(999.0) - 1000_f64.ln()).abs() < 1e-12);
        assert!((calibration.surprise(900.0) - (1000.0_f64 / 100.0).ln()).abs() < 0.01);
        assert_eq!(calibration.surprise(0.0), 0.0);
        assert!(calibration.surprise(1e12) > calibration.surprise(1e6));
    }

    #[test]
    fn the_tail_goes_on_as_it_was() {
        for shape in [0.0, 0.1, 0.2] {
            let calibration = Calibration::fit(pareto(20_000, shape));
            assert!((calibration.shape - shape).abs() < 0.1, "{} for {shape}", calibration.shape);
            // One row of ten million: 500 times beyond what was seen.
            let rare: f64 = 1e-7;
            let score = if shape == 0.0 { -rare.ln() } else { (rare.powf(-shape) - 1.0) / shape };
            let surprise = calibration.surprise(score);
            assert!((surprise + rare.ln()).abs() < 1.5, "{surprise} for shape {shape}");
        }
    }

    #[test]
    fn what_cannot_be_judged_is_as_surprising_as_it_is_rare() {
        let mut scores = vec![1.0; 75];
        scores.extend([f64::NAN; 25]);
        assert!((Calibration::fit(scores).surprise(f64::NAN) - 4_f64.ln()).abs() < 1e-12);
        assert!((Calibration::fit(vec![1.0; 9999]).surprise(f64::NAN) - 100_f64.ln()).abs() < 1e-12);
    }

    #[test]
    fn what_is_like_nothing_else_is_as_surprising_as_that_is_rare() {
        let mut scores = vec![1.0; 90];
        scores.extend([f64::INFINITY; 10]);
        let calibration = Calibration::fit(scores);
        assert!((calibration.surprise(f64::INFINITY) - 10_f64.ln()).abs() < 1e-12);
        assert!((calibration.surprise(f64::NAN) - 100_f64.ln()).abs() < 1e-12);
        assert!((Calibration::fit(vec![1.0; 99]).surprise(f64::INFINITY) - 100_f64.ln()).abs() < 1e-12);
    }

    #[test]
    fn who_is_doubted_never_is_an_alarm_alone() {
        let calibration = Calibration::fit((1..=9999).map(f64::from).collect());
        let doubted = calibration.clone().doubted();
        assert_eq!(doubted.surprise(9000.0), calibration.surprise(9000.0));
        assert!((doubted.surprise(1e9) - 100_f64.ln()).abs() < 1e-12);
        assert_eq!(doubted.check(), Ok(()));
    }

    #[test]
    fn degenerate_scores_give_a_sound_curve() {
        for scores in [vec![], vec![1.0], vec![2.0; 50], vec![f64::NAN, 1.0, 2.0], vec![0.0; 3]] {
            let calibration = Calibration::fit(scores);
            calibration.check().unwrap();
            let surprises: Vec<f64> =
                [-1.0, 0.0, 1.0, 2.0, 3.0, 1e9].iter().map(|&s| calibration.surprise(s)).collect();
            assert!(surprises.is_sorted() && surprises.iter().all(|s| s.is_finite()), "{surprises:?}");
        }
    }

    #[test]
    fn more_is_never_less_surprising() {
        let calibration = Calibration::fit(pareto(777, 0.4));
        let surprises: Vec<f64> = (0..5000).map(|i| calibration.surprise(f64::from(i) * 0.01)).collect();
        assert!(surprises.is_sorted());
    }
}
