//! Histograms: a row is an anomaly if its features lie where training seldom was, in the middle of their range as well
//! as at its ends (Goldstein, Dengel: Histogram-based Outlier Score, KI 2012).
//!
//! Tails ask how far out a value is; a value between two habits, such as a packet size that is neither small nor full, is far
//! out nowhere. As in the paper, features are taken as independent.

use ndarray::{Array1, ArrayView1, ArrayView2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::scale::quantile_f64;
use super::{Detector, score_rows};

/// Bins over the middle 99 % of a feature; what is beyond them has a bin for itself at either end.
const MOST_BINS: usize = 64;
const FEWEST_BINS: usize = 5;
const OUTSIDE: f64 = 0.005;

/// Histograms of all the features.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Histograms {
    features: Vec<Histogram>,
}

/// Bins of one width.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Histogram {
    low: f64,
    width: f64,
    /// −ln of each bin's height over the highest; the first and the last are all that is below and above.
    surprise: Vec<f64>,
}

impl Histograms {
    /// Learns from scaled rows, one column a feature.
    pub fn fit(rows: ArrayView2<'_, f32>) -> Self {
        Self {
            features: (0..rows.ncols()).into_par_iter().map(|j| Histogram::fit(rows.index_axis(Axis(1), j))).collect(),
        }
    }

    fn terms(&self, row: &[f32]) -> impl Iterator<Item = f64> {
        self.features.iter().zip(row).map(|(histogram, &value)| histogram.surprise[histogram.bin(f64::from(value))])
    }

    /// Whether what was read from a file can be used with `features` features.
    pub fn check(&self, features: usize) -> Result<(), String> {
        if self.features.len() != features {
            return Err(format!("histograms: {} features, not {features}", self.features.len()));
        }
        match self.features.iter().position(|histogram| !histogram.is_sound()) {
            Some(at) => Err(format!("histograms: feature {at} is damaged")),
            None => Ok(()),
        }
    }
}

impl Histogram {
    fn fit(column: ArrayView1<'_, f32>) -> Self {
        let mut values: Vec<f64> =
            column.iter().map(|&value| f64::from(value)).filter(|value| value.is_finite()).collect();
        values.sort_unstable_by(f64::total_cmp);
        let range = |outside| (quantile_f64(&values, outside), quantile_f64(&values, 1.0 - outside));
        let ends = [range(OUTSIDE), range(0.0)].into_iter().find(|(low, high)| low < high);
        // A feature that is always the same has one bin around it.
        let (low, high) = ends.unwrap_or_else(|| (range(0.0).0 - 0.5, range(0.0).0 + 0.5));
        let bins = ((values.len() as f64).sqrt() as usize).clamp(FEWEST_BINS, MOST_BINS);
        let mut histogram = Self { low, width: (high - low) / bins as f64, surprise: vec![0.0; bins + 2] };
        // One more in each, so that no bin is empty.
        let mut heights = vec![1.0; bins + 2];
        values.iter().for_each(|&value| heights[histogram.bin(value)] += 1.0);
        // All that lies outside is spread over more than a bin, nobody knows how far: its height is that of an empty one.
        (heights[0], heights[bins + 1]) = (1.0, 1.0);
        let highest = heights.iter().copied().fold(1.0, f64::max);
        histogram.surprise = heights.into_iter().map(|height| (highest / height).ln()).collect();
        histogram
    }

    /// The bin of a value; the last of those within reaches up to the high end.
    fn bin(&self, value: f64) -> usize {
        let bins = self.surprise.len() - 2;
        let place = (value - self.low) / self.width;
        if place < 0.0 {
            0
        } else if place <= bins as f64 {
            (place as usize).min(bins - 1) + 1
        } else {
            bins + 1
        }
    }

    fn is_sound(&self) -> bool {
        self.low.is_finite()
            && self.width.is_finite()
            && self.width > 0.0
            && (3..=MOST_BINS + 2).contains(&self.surprise.len())
            && self.surprise.iter().all(|surprise| surprise.is_finite() && *surprise >= 0.0)
    }
}

impl Detector for Histograms {
    /// The sum over the features of −ln of the bin's height, in nats.
    fn score(&self, rows: ArrayView2<'_, f32>) -> Array1<f64> {
        score_rows(rows, |row| self.terms(row).sum())
    }

    /// Each feature's term; the baseline is 0.
    fn explain(&self, row: ArrayView1<'_, f32>) -> Vec<f64> {
        self.terms(&row.to_vec()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::{blob, keeps_its_bits};
    use ndarray::{Array2, array, concatenate};

    #[test]
    fn the_space_between_two_habits_is_strange() {
        let rows =
            concatenate(Axis(0), &[(blob(500, 1, 1) * 0.1).view(), (blob(500, 1, 2) * 0.1 + 10.0).view()]).unwrap();
        let histograms = Histograms::fit(rows.view());
        let scores = histograms.score(array![[0.0], [10.0], [5.0], [-90.0], [90.0_f32]].view());
        assert!(scores[0] < 1.0 && scores[1] < 1.0, "{scores}");
        assert!(scores.iter().skip(2).all(|&score| score > 4.0), "{scores}");
        assert_eq!(histograms.explain(array![5.0_f32].view()), [scores[2]]);
    }

    #[test]
    fn few_rows_or_none_can_be_learned() {
        for rows in [Array2::zeros((0, 2)), array![[1.0, 2.0]], Array2::from_elem((9, 2), 1.0), array![[f32::NAN, 1.0]]]
        {
            let histograms = Histograms::fit(rows.view());
            assert_eq!(histograms.check(2), Ok(()));
            let scores = histograms.score(array![[1.0, 1.0], [5.0, -1e3], [f32::NAN, 0.0]].view());
            assert!(scores.iter().all(|score| score.is_finite()));
        }
    }

    #[test]
    fn neither_threads_nor_neighbours_change_a_bit() {
        let rows = blob(600, 9, 4);
        keeps_its_bits(&rows, 321, Histograms::fit);
    }

    #[test]
    fn damaged_histograms_are_refused() {
        let good = Histograms::fit(blob(50, 2, 5).view());
        assert!(good.check(3).is_err());
        for damage in [
            |bad: &mut Histogram| bad.width = 0.0,
            |bad: &mut Histogram| bad.low = f64::NAN,
            |bad: &mut Histogram| bad.surprise.truncate(2),
            |bad: &mut Histogram| bad.surprise[1] = -1.0,
        ] {
            let mut bad = good.clone();
            damage(&mut bad.features[1]);
            assert!(bad.check(2).is_err());
        }
    }
}
