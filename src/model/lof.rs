//! Local outlier factor: a row in a thinner place than its neighbours are in is an anomaly (Breunig, Kriegel, Ng, Sander:
//! LOF, SIGMOD 2000), in the form that judges new rows by those of training.
//!
//! How thin a place is matters only beside its neighbourhood, so a busy server among its like is ordinary and a host
//! halfway between two kinds is not, however near both are.

use ndarray::{Array1, ArrayView1, ArrayView2};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::rows::{Remembered, nearest};
use super::{Detector, score_rows};
use crate::error::{Error, ErrorKind, Result};

/// Neighbours that make a neighbourhood, as a share of the memory, and the fewest: a clump of attacks in the training data that
/// is smaller than this is strange in the middle of its neighbourhood.
const SHARE: f64 = 0.1;
const FEWEST: usize = 5;

/// The least mean distance of a neighbourhood, in spreads of a feature: rows that are all equal have no density.
const LEAST_REACH: f64 = 1e-3;

/// Rows of training with the density around each. A score is a ratio of densities: about 1 for most rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LocalDensity {
    known: Remembered,
    /// For each row, how far the last of its neighbourhood is, and how dense it is there.
    reach: Vec<f32>,
    density: Vec<f64>,
}

impl LocalDensity {
    /// Remembers a sample of scaled rows, and measures how dense they lie.
    ///
    /// # Errors
    /// There are too few rows, or they are not finite.
    pub fn fit(rows: ArrayView2<'_, f32>, seed: u64) -> Result<Self> {
        let refused = |what| Error::new(ErrorKind::Model, "local density", what).hint("train on a longer capture");
        let known = Remembered::draw(rows, seed);
        known.check(rows.ncols()).map_err(refused)?;
        let size = neighbourhood(known.count());
        if known.count() <= FEWEST {
            return Err(refused(format!("{} rows have no neighbourhood", known.count())));
        }
        let rows: Vec<&[f32]> = known.iter().collect();
        let nearest: Vec<Vec<(f32, usize)>> = rows
            .par_iter()
            .enumerate()
            .map(|(at, row)| {
                // No row is its own neighbour.
                nearest(known.squares(row).into_iter().zip(0..).filter(|&(_, other)| other != at).collect(), size)
            })
            .collect();
        let reach: Vec<f32> = nearest.iter().map(|near| near.iter().fold(0.0, |most, near| near.0.max(most))).collect();
        let density = nearest.iter().map(|near| density(near, &reach)).collect();
        Ok(Self { known, reach, density })
    }

    fn neighbours(&self, row: &[f32]) -> Vec<(f32, usize)> {
        let squares = self.known.squares(row).into_iter().zip(0..).collect();
        nearest(squares, neighbourhood(self.known.count()))
    }

    /// The density of the neighbours, in the mean, over the density at the row.
    fn factor(&self, near: &[(f32, usize)]) -> f64 {
        let around = near.iter().map(|&(_, at)| self.density[at]).sum::<f64>() / near.len().max(1) as f64;
        around / density(near, &self.reach)
    }

    /// Whether what was read from a file can be used with `features` features.
    pub fn check(&self, features: usize) -> std::result::Result<(), String> {
        self.known.check(features).map_err(|why| format!("local density: {why}"))?;
        let sound = self.reach.len() == self.known.count()
            && self.density.len() == self.known.count()
            && self.reach.iter().all(|reach| reach.is_finite() && *reach >= 0.0)
            && self.density.iter().all(|density| density.is_finite() && *density > 0.0);
        if sound { Ok(()) } else { Err("local density: a neighbourhood is damaged".to_owned()) }
    }
}

fn neighbourhood(rows: usize) -> usize {
    ((rows as f64 * SHARE) as usize).max(FEWEST)
}

/// The inverse of the mean distance to the neighbours, none of which counts as nearer than its own neighbourhood is wide.
fn density(near: &[(f32, usize)], reach: &[f32]) -> f64 {
    let reachable: f64 = near.iter().map(|&(distance, at)| f64::from(distance.max(reach[at]))).sum();
    1.0 / (reachable / near.len().max(1) as f64).max(LEAST_REACH)
}

impl Detector for LocalDensity {
    /// The local outlier factor.
    fn score(&self, rows: ArrayView2<'_, f32>) -> Array1<f64> {
        score_rows(rows, |row| self.factor(&self.neighbours(row)))
    }

    /// The factor, shared out as the features share the distances to the neighbours; the baseline is 0.
    fn explain(&self, row: ArrayView1<'_, f32>) -> Vec<f64> {
        let near = self.neighbours(&row.to_vec());
        let mut contributions = vec![0.0; row.len()];
        near.iter().for_each(|&(_, at)| self.known.share(at, row, 1.0, &mut contributions));
        let total: f64 = contributions.iter().sum();
        if total > 0.0 {
            let factor = self.factor(&near);
            contributions.iter_mut().for_each(|contribution| *contribution *= factor / total);
        }
        contributions
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::{blob, keeps_its_bits};
    use ndarray::{Array2, Axis, array, concatenate};

    #[test]
    fn a_row_is_judged_by_its_neighbourhood() {
        // A cloud a hundred times as wide as another: 3 wide from its centre is ordinary there and strange here.
        let narrow = blob(500, 2, 1) * 0.01;
        let wide = blob(500, 2, 2) + 30.0;
        let rows = concatenate(Axis(0), &[narrow.view(), wide.view()]).unwrap();
        let density = LocalDensity::fit(rows.view(), 0).unwrap();
        assert_eq!(density.check(2), Ok(()));
        let scores = density.score(array![[0.0, 0.0], [30.0, 30.0], [0.0, 1.0], [30.0, 31.0]].view());
        assert!(scores[0] < 1.3 && scores[1] < 1.3 && scores[3] < 1.5, "{scores}");
        assert!(scores[2] > 10.0, "{scores}");
        let sum: f64 = density.explain(array![0.0, 1.0].view()).iter().sum();
        assert!((sum - scores[2]).abs() < 1e-9);
    }

    #[test]
    fn few_rows_and_equal_ones_give_sound_scores() {
        assert!(LocalDensity::fit(blob(FEWEST, 2, 1).view(), 0).is_err());
        assert!(LocalDensity::fit(Array2::from_elem((50, 2), f32::NAN).view(), 0).is_err());
        let density = LocalDensity::fit(Array2::from_elem((50, 2), 1.0).view(), 0).unwrap();
        let scores = density.score(array![[1.0, 1.0], [2.0, 1.0]].view());
        assert!((scores[0] - 1.0).abs() < 1e-9 && scores[1].is_finite() && scores[1] > 100.0, "{scores}");
        assert_eq!(density.explain(array![1.0, 1.0].view()), [0.0; 2]);
    }

    #[test]
    fn neither_threads_nor_neighbours_change_a_bit() {
        let rows = blob(400, 7, 4);
        keeps_its_bits(&rows, 321, |rows| LocalDensity::fit(rows, 5).unwrap());
    }

    #[test]
    fn damaged_densities_are_refused() {
        let good = LocalDensity::fit(blob(50, 2, 5).view(), 0).unwrap();
        assert!(good.check(3).is_err());
        for damage in [
            |bad: &mut LocalDensity| bad.reach[0] = f32::NAN,
            |bad: &mut LocalDensity| bad.density[1] = 0.0,
            |bad: &mut LocalDensity| bad.density.truncate(3),
        ] {
            let mut bad = good.clone();
            damage(&mut bad);
            assert!(bad.check(2).is_err());
        }
    }
}
