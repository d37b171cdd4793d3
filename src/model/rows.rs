//! A bounded memory of training rows, and how far other rows are from them: what nearest neighbours, local density and
//! clusters of density stand on.
//!
//! A sample is enough, and often better than all: the distance to the nearest of a few rows drawn at random finds outliers
//! as well as the distance to the nearest of all (Sugiyama, Borgwardt: Rapid Distance-Based Outlier Detection via Sampling,
//! NeurIPS 2013). At 180 features no tree of space pays; every distance is measured.

use ndarray::{ArrayView1, ArrayView2};
use serde::{Deserialize, Serialize};

use super::sample;

/// The most rows that are kept: 1.5 MB of 180 features.
pub(super) const MOST: usize = 2048;

/// Rows, one behind the other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Remembered {
    features: usize,
    values: Vec<f32>,
}

impl Remembered {
    /// A sample of at most [`MOST`] rows, without replacement.
    pub fn draw(rows: ArrayView2<'_, f32>, seed: u64) -> Self {
        let rows = sample(rows, MOST, seed);
        Self { features: rows.ncols(), values: rows.iter().map(|&value| value as f32).collect() }
    }

    /// The rows for which `keep` holds of their number.
    pub fn keep(&self, keep: impl Fn(usize) -> bool) -> Self {
        let kept = self.iter().enumerate().filter(|(at, _)| keep(*at));
        Self { features: self.features, values: kept.flat_map(|(_, row)| row.iter().copied()).collect() }
    }

    pub fn count(&self) -> usize {
        self.values.len().checked_div(self.features).unwrap_or(0)
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.values.chunks_exact(self.features.max(1))
    }

    /// The squared distances of a row to each of those that are remembered, in their order, to six digits.
    pub fn squares(&self, row: &[f32]) -> Vec<f32> {
        self.iter().map(|other| rough_square(row, other)).collect()
    }

    /// Adds to each feature its part of `weight` times the distance of `row` to a remembered one, as it has part in the
    /// square.
    pub fn share(&self, at: usize, row: ArrayView1<'_, f32>, weight: f64, contributions: &mut [f64]) {
        let Some(other) = self.iter().nth(at) else { return };
        let squares: Vec<f64> = row.iter().zip(other).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).collect();
        let distance = squares.iter().sum::<f64>().sqrt();
        if distance > 0.0 {
            for (contribution, square) in contributions.iter_mut().zip(squares) {
                *contribution += weight * square / distance;
            }
        }
    }

    /// Whether what was read from a file can be used with `features` features.
    pub fn check(&self, features: usize) -> Result<(), String> {
        let whole = self.features == features && features > 0 && self.values.len().is_multiple_of(features);
        if whole && (1..=MOST).contains(&self.count()) && self.values.iter().all(|value| value.is_finite()) {
            Ok(())
        } else {
            Err(format!("the rows that are remembered are damaged or not made for {features} features"))
        }
    }
}

/// The `size` nearest of rows that are given by the squares of their distances and their numbers: their distances, in the order
/// of the numbers.
pub(super) fn nearest(mut squares: Vec<(f32, usize)>, size: usize) -> Vec<(f32, usize)> {
    if size < squares.len() {
        squares.select_nth_unstable_by(size, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        squares.truncate(size);
    }
    squares.sort_unstable_by_key(|&(_, at)| at);
    squares.iter_mut().for_each(|near| near.0 = near.0.sqrt());
    squares
}

/// The square of the distance of two rows, summed in four lanes, which is what lets the compiler use vector instructions.
#[inline(always)]
pub(super) fn squared_distance(a: &[f32], b: &[f32]) -> f64 {
    let square = |(a, b): (&f32, &f32)| (f64::from(*a) - f64::from(*b)).powi(2);
    let (a, b) = (a.chunks_exact(4), b.chunks_exact(4));
    let rest: f64 = a.remainder().iter().zip(b.remainder()).map(square).sum();
    let mut lanes = [0.0; 4];
    for (a, b) in a.zip(b) {
        for (lane, pair) in lanes.iter_mut().zip(a.iter().zip(b)) {
            *lane += square(pair);
        }
    }
    lanes.iter().sum::<f64>() + rest
}

/// Summed in sixteen lanes of `f32`, which is what lets the compiler use vector instructions; scaled values are at most
/// 1000, and a distance is known to six digits.
fn rough_square(a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<16>(), b.as_chunks::<16>());
    let mut lanes = [0.0_f32; 16];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..16 {
            let difference = a[lane] - b[lane];
            lanes[lane] += difference * difference;
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| (a - b) * (a - b)).sum();
    lanes.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::blob;
    use ndarray::{Array2, array};

    #[test]
    fn distances_are_those_of_euclid() {
        let rows = Array2::from_shape_fn((3, 19), |(i, _)| i as f32);
        let known = Remembered { features: 19, values: rows.iter().copied().collect() };
        assert_eq!(known.squares(&[1.0; 19]), [19.0, 0.0, 19.0]);
        let mut contributions = [0.0; 19];
        known.share(2, rows.row(0), 1.0, &mut contributions);
        assert!((contributions.iter().sum::<f64>() - (4.0 * 19.0_f64).sqrt()).abs() < 1e-12);
        known.share(1, rows.row(1), 1.0, &mut contributions);
        known.share(7, rows.row(1), 1.0, &mut contributions);
        assert!((contributions.iter().sum::<f64>() - (4.0 * 19.0_f64).sqrt()).abs() < 1e-12);
    }

    #[test]
    fn memory_is_bounded_and_checked() {
        let known = Remembered::draw(blob(MOST + 500, 2, 1).view(), 3);
        assert_eq!((known.count(), known.check(2)), (MOST, Ok(())));
        assert!(known.check(1).is_err() && known.check(4).is_err());
        assert_eq!(known.keep(|at| at % 2 == 0).count(), MOST / 2);
        assert!(known.keep(|_| false).check(2).is_err());
        assert!(Remembered::draw(array![[0.0, f32::NAN]].view(), 0).check(2).is_err());
        assert!(Remembered::draw(Array2::zeros((0, 2)).view(), 0).check(2).is_err());
        assert!(Remembered { features: 0, values: Vec::new() }.check(0).is_err());
    }
}
