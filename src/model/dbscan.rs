//! Clusters of density: a row far from every place where training rows lie dense is an anomaly. The clusters are DBSCAN's (Ester,
//! Kriegel, Sander, Xu, KDD 1996), found by linfa in a sample; a new row is judged by its distance to the nearest core
//! point of a cluster, so a cluster may have any shape.

use linfa::traits::Transformer;
use linfa_clustering::Dbscan;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::rows::Remembered;
use super::{Detector, score_rows};
use crate::error::{Error, ErrorKind, Result};

/// Rows within the radius that make a core point, as a share of the sample, and the fewest. A clump of attacks in the
/// training data that is smaller than this is no cluster.
const SHARE: f64 = 0.05;
const FEWEST: usize = 5;

/// How many rows of a sample of that many make a core point, itself among them.
pub(super) fn enough(sampled: usize) -> usize {
    ((sampled as f64 * SHARE) as usize).max(FEWEST).min(sampled)
}

/// The share of the sample that are core points: the radius follows from it, and from it how many clusters there are.
const CORE: f64 = 0.9;

/// The least radius, in spreads of a feature: rows that are all equal are dense.
pub(super) const LEAST_RADIUS: f32 = 0.1;

/// The core points of all clusters. A score is a distance in radii: below 1 for most rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CorePoints {
    core: Remembered,
    radius: f32,
}

impl CorePoints {
    /// Learns from a sample of scaled rows. The radius is the least within which nine rows of ten have enough neighbours.
    ///
    /// # Errors
    /// There are no rows, they are not finite, or linfa cannot cluster them.
    pub fn fit(rows: ArrayView2<'_, f32>, seed: u64) -> Result<Self> {
        let refused = |what: String| Error::new(ErrorKind::Model, "density", what).hint("leave this detector out");
        let sample = Remembered::draw(rows, seed);
        sample.check(rows.ncols()).map_err(refused)?;
        let enough = enough(sample.count());
        let sampled: Vec<&[f32]> = sample.iter().collect();
        // The distance within which each row, itself among them, has neighbours enough.
        let reach: Vec<f32> = sampled
            .par_iter()
            .map(|row| {
                let mut squares = sample.squares(row);
                *squares.select_nth_unstable_by(enough - 1, f32::total_cmp).1
            })
            .map(f32::sqrt)
            .collect();
        let mut sorted = reach.clone();
        sorted.sort_unstable_by(f32::total_cmp);
        let radius = sorted[((sorted.len() - 1) as f64 * CORE) as usize].max(LEAST_RADIUS);
        let points = Array2::from_shape_vec((sample.count(), rows.ncols()), sampled.concat())
            .map_err(|error| refused(error.to_string()))?;
        let clusters =
            Dbscan::params(enough).tolerance(radius).transform(&points).map_err(|error| refused(error.to_string()))?;
        let core = sample.keep(|at| clusters[at].is_some() && reach[at] <= radius);
        core.check(rows.ncols()).map_err(|_| refused("no place is dense".to_owned()))?;
        Ok(Self { core, radius })
    }

    /// The square of the distance to the nearest core point, and which it is.
    fn nearest(&self, row: &[f32]) -> (f32, usize) {
        let squares = self.core.squares(row).into_iter().zip(0..);
        squares.fold((f32::INFINITY, 0), |nearest, next| if next.0 < nearest.0 { next } else { nearest })
    }

    /// Whether what was read from a file can be used with `features` features.
    pub fn check(&self, features: usize) -> std::result::Result<(), String> {
        self.core.check(features).map_err(|why| format!("density: {why}"))?;
        let sound = self.radius.is_finite() && self.radius > 0.0;
        if sound { Ok(()) } else { Err("density: its radius is none".to_owned()) }
    }
}

impl Detector for CorePoints {
    /// The distance to the nearest core point, in radii.
    fn score(&self, rows: ArrayView2<'_, f32>) -> Array1<f64> {
        score_rows(rows, |row| f64::from(self.nearest(row).0).sqrt() / f64::from(self.radius))
    }

    /// The distance, shared out as the features share its square; the baseline is 0.
    fn explain(&self, row: ArrayView1<'_, f32>) -> Vec<f64> {
        let mut contributions = vec![0.0; row.len()];
        let (_, at) = self.nearest(&row.to_vec());
        self.core.share(at, row, 1.0 / f64::from(self.radius), &mut contributions);
        contributions
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::{blob, its_middle_is_strange, keeps_its_bits, ring};
    use ndarray::{Axis, array, concatenate};

    #[test]
    fn the_middle_of_a_ring_is_strange() {
        let density = CorePoints::fit(ring().view(), 0).unwrap();
        assert_eq!(density.check(2), Ok(()));
        its_middle_is_strange(&density);
    }

    #[test]
    fn a_clump_in_the_training_data_is_no_cluster() {
        let attack = blob(40, 5, 2) * 0.01 + 30.0;
        let rows = concatenate(Axis(0), &[blob(1960, 5, 1).view(), attack.view()]).unwrap();
        let density = CorePoints::fit(rows.view(), 3).unwrap();
        assert!(density.score(attack.view()).iter().all(|&score| score > 10.0));
    }

    #[test]
    fn few_rows_can_be_learned_and_none_cannot() {
        for count in [1, 2, 40] {
            let density = CorePoints::fit(Array2::from_elem((count, 3), 2.0).view(), 0);
            if let Ok(density) = density {
                assert_eq!(density.score(array![[2.0, 2.0, 2.0]].view()), array![0.0]);
                assert!((density.score(array![[2.0, 3.0, 2.0]].view())[0] - 10.0).abs() < 1e-5);
            } else {
                assert!(count < 40);
            }
        }
        assert!(CorePoints::fit(Array2::zeros((0, 2)).view(), 0).is_err());
        assert!(CorePoints::fit(Array2::from_elem((20, 2), f32::NAN).view(), 0).is_err());
    }

    #[test]
    fn neither_threads_nor_neighbours_change_a_bit() {
        let rows = blob(600, 9, 4);
        let (density, _) = keeps_its_bits(&rows, 321, |rows| CorePoints::fit(rows, 5).unwrap());
        let mut bad = density;
        bad.radius = 0.0;
        assert!(bad.check(9).is_err());
    }
}
