//! Principal components: a row that cannot be rebuilt from the leading axes of the training data breaks the bonds between
//! features (the squared prediction error of Jackson, Mudholkar: Control Procedures for Residuals Associated with Principal
//! Component Analysis, Technometrics 21, 1979; for traffic Lakhina, Crovella, Diot, SIGCOMM 2004).
//!
//! A row that is larger than all in the directions in which training varied is rebuilt and not strange here: that is what
//! the tails and the mixture are for.

use ndarray::{Array1, ArrayView1, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

use super::{Detector, eigen, sample, score_rows};
use crate::error::{Error, ErrorKind, Result};

/// Rows that the axes are sought on.
const ROWS: usize = 20_000;

/// The axes explain this share of the variance, or are this many.
const EXPLAINED: f64 = 0.9;
const MOST_AXES: usize = 32;

/// Training values are cut off here: one wild row would turn an axis to itself.
const WILD: f64 = 8.0;

/// The plane of the leading axes. A score is a distance from it, in spreads of a feature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plane {
    mean: Vec<f64>,
    /// Unit vectors that are orthogonal, one behind the other.
    axes: Vec<f64>,
}

impl Plane {
    /// Learns from scaled rows. At least one direction is left over, else every row could be rebuilt.
    ///
    /// # Errors
    /// There are no rows, they are not finite, or have a single feature.
    pub fn fit(rows: ArrayView2<'_, f32>, seed: u64) -> Result<Self> {
        let refused = |what: &str| {
            Error::new(ErrorKind::Model, "principal components", what)
                .hint("train without them; the other detectors do not need them")
        };
        let rows = sample(rows, ROWS, seed).mapv_into(|value| value.clamp(-WILD, WILD));
        let (n, features) = rows.dim();
        let mean = rows.mean_axis(Axis(0)).ok_or_else(|| refused("there are no rows"))?;
        if features < 2 || mean.iter().any(|mean| !mean.is_finite()) {
            return Err(refused("there are no features that could be bound to each other"));
        }
        let centred = rows - &mean;
        let (values, vectors) = eigen::symmetric(centred.t().dot(&centred) / n as f64);
        let total: f64 = values.iter().sum();
        let mut explained = 0.0;
        let leading = values.iter().take((features - 1).min(MOST_AXES)).take_while(|&&value| {
            let wanted = explained < EXPLAINED * total;
            explained += value;
            wanted
        });
        let axes = leading.count() * features;
        Ok(Self { mean: mean.to_vec(), axes: vectors.iter().take(axes).copied().collect() })
    }

    /// What of the row is off the plane.
    fn residual(&self, row: &[f32]) -> Vec<f64> {
        let mut residual: Vec<f64> = row.iter().zip(&self.mean).map(|(value, mean)| f64::from(*value) - mean).collect();
        for axis in self.axes.chunks_exact(self.mean.len()) {
            let along: f64 = residual.iter().zip(axis).map(|(value, axis)| value * axis).sum();
            residual.iter_mut().zip(axis).for_each(|(value, axis)| *value -= along * axis);
        }
        residual
    }

    /// Whether what was read from a file can be used with `features` features.
    pub fn check(&self, features: usize) -> std::result::Result<(), String> {
        let whole = self.mean.len() == features && features > 0 && self.axes.len().is_multiple_of(features);
        if whole && self.axes.len() <= features * features && self.mean.iter().chain(&self.axes).all(|x| x.is_finite())
        {
            Ok(())
        } else {
            Err(format!("principal components: damaged or not made for {features} features"))
        }
    }
}

impl Detector for Plane {
    /// The distance from the plane.
    fn score(&self, rows: ArrayView2<'_, f32>) -> Array1<f64> {
        score_rows(rows, |row| self.residual(row).iter().map(|value| value * value).sum::<f64>().sqrt())
    }

    /// The distance, shared out as the features share its square; the baseline is 0.
    fn explain(&self, row: ArrayView1<'_, f32>) -> Vec<f64> {
        let residual = self.residual(&row.to_vec());
        let distance = residual.iter().map(|value| value * value).sum::<f64>().sqrt().max(f64::MIN_POSITIVE);
        residual.iter().map(|value| value * value / distance).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::{blob, keeps_its_bits};
    use ndarray::{Array2, array, concatenate};

    #[test]
    fn a_broken_bond_is_strange_and_a_large_row_is_not() {
        let x = blob(500, 1, 1);
        let rows = concatenate(Axis(1), &[x.view(), (&x * 2.0).view()]).unwrap();
        let plane = Plane::fit(rows.view(), 0).unwrap();
        assert_eq!(plane.check(2), Ok(()));
        let scores = plane.score(array![[3.0, 6.0], [2.0, -1.0_f32]].view());
        // (2, −1) is at right angles to (1, 2).
        assert!(scores[0] < 0.1 && (scores[1] - 5_f64.sqrt()).abs() < 0.1, "{scores}");
        let contributions = plane.explain(array![2.0, -1.0_f32].view());
        assert!((contributions.iter().sum::<f64>() - scores[1]).abs() < 1e-9 && contributions[0] > contributions[1]);
    }

    #[test]
    fn what_cannot_be_bound_is_refused() {
        for rows in [Array2::zeros((0, 3)), Array2::zeros((50, 1)), Array2::from_elem((50, 3), f32::NAN)] {
            assert!(Plane::fit(rows.view(), 0).is_err());
        }
        let still = Plane::fit(Array2::from_elem((50, 3), 1.0).view(), 0).unwrap();
        assert_eq!(still.score(array![[1.0, 1.0, 1.0], [1.0, 4.0, 5.0_f32]].view()), array![0.0, 5.0]);
        assert!(still.check(2).is_err());
        assert!(Plane { mean: vec![0.0, f64::NAN], axes: Vec::new() }.check(2).is_err());
        assert!(Plane { mean: vec![0.0; 2], axes: vec![0.0; 3] }.check(2).is_err());
        assert!(Plane { mean: vec![0.0; 2], axes: vec![0.0; 6] }.check(2).is_err());
    }

    #[test]
    fn neither_threads_nor_neighbours_change_a_bit() {
        let rows = blob(600, 9, 4);
        keeps_its_bits(&rows, 321, |rows| Plane::fit(rows, 5).unwrap());
    }
}
