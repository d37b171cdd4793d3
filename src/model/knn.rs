//! Nearest neighbours: a row that is far from the rows of training nearest to it is an anomaly (Ramaswamy, Rastogi, Shim:
//! Efficient Algorithms for Mining Outliers from Large Data Sets, SIGMOD 2000).
//!
//! With clean training the nearest few rows tell most. If attacks are in the training data, a clump of them vouches for
//! itself, and only neighbours farther than the clump is large do tell: those of a small sample do (Pang, Ting, Albrecht:
//! LeSiNN, ICDM workshops 2015). Which case it is nobody says, so the score is the mean of the distances to the neighbours at
//! several shares of the memory, from the third in a thousand to a fifth of all.

mod graph;

use ndarray::{Array1, ArrayView1, ArrayView2};
use serde::{Deserialize, Serialize};

use super::rows::{Remembered, squared_distance};
use super::{Detector, score_rows};
use crate::error::{Error, ErrorKind, Result};

/// The neighbours that count, as shares of the memory. On ten of ADBench's sets (mean ROC-AUC with the attacks in the training
/// data, and without) the first alone has .80/.955, the last .948/.949, and all together .943/.956; the five nearest of 4,096
/// rows have .76/.960.
const SHARES: [f64; 5] = [0.003, 0.01, 0.03, 0.1, 0.2];

/// Rows of training, to which others are held. A score is a distance in spreads of a feature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Neighbours {
    known: Remembered,
}

impl Neighbours {
    /// Remembers a sample of scaled rows.
    ///
    /// # Errors
    /// There are no rows, or they are not finite.
    pub fn fit(rows: ArrayView2<'_, f32>, seed: u64) -> Result<Self> {
        let known = Remembered::draw(rows, seed);
        let refused = |what| Error::new(ErrorKind::Model, "neighbours", what).hint("train on a longer capture");
        known.check(rows.ncols()).map_err(refused)?;
        Ok(Self { known })
    }

    /// The place of a share's neighbour, from the nearest on, which is 0.
    fn place(&self, share: f64) -> usize {
        let count = self.known.count();
        ((share * count as f64).ceil() as usize).clamp(1, count.max(1)) - 1
    }

    /// For each share the square of the distance, and which row lies there.
    #[inline(always)]
    fn nearest(&self, row: &[f32]) -> [(f64, usize); SHARES.len()] {
        let mut squares: Vec<(f64, usize)> =
            self.known.iter().map(|known| squared_distance(row, known)).zip(0..).collect();
        let mut found = [(0.0, 0); SHARES.len()];
        let mut among = &mut squares[..];
        // From the farthest on: what is beyond it is of no interest to the nearer ones.
        for (share, found) in SHARES.iter().zip(&mut found).rev() {
            let at = self.place(*share);
            if at < among.len() {
                among.select_nth_unstable_by(at, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                *found = among[at];
                among = &mut among[..=at];
            }
        }
        found
    }

    /// Whether what was read from a file can be used with `features` features.
    pub fn check(&self, features: usize) -> std::result::Result<(), String> {
        self.known.check(features).map_err(|why| format!("neighbours: {why}"))
    }
}

impl Detector for Neighbours {
    /// The mean distance to the neighbours at several shares of the memory.
    fn score(&self, rows: ArrayView2<'_, f32>) -> Array1<f64> {
        score_rows(rows, |row| {
            self.nearest(row).iter().map(|(square, _)| square.sqrt()).sum::<f64>() / SHARES.len() as f64
        })
    }

    /// Each distance, shared out as the features share its square; the baseline is 0.
    fn explain(&self, row: ArrayView1<'_, f32>) -> Vec<f64> {
        let mut contributions = vec![0.0; row.len()];
        for (_, at) in self.nearest(&row.to_vec()) {
            self.known.share(at, row, 1.0 / SHARES.len() as f64, &mut contributions);
        }
        contributions
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::{auc, blob, keeps_its_bits};
    use ndarray::{Array2, Axis, array, concatenate};

    #[test]
    fn distances_to_rows_on_a_line() {
        // 0, 1, …, 999: of 1000 rows the 3rd, 10th, 30th, 100th and 200th nearest of −1 lie at 2, 9, 29, 99 and 199.
        let rows = Array2::from_shape_fn((1000, 1), |(i, _)| i as f32);
        let neighbours = Neighbours::fit(rows.view(), 0).unwrap();
        let row = array![[-1.0_f32]];
        let score = neighbours.score(row.view())[0];
        assert!((score - f64::from(3 + 10 + 30 + 100 + 200) / 5.0).abs() < 1e-6, "{score}");
        assert!((neighbours.explain(row.row(0))[0] - score).abs() < 1e-6);
    }

    #[test]
    fn a_clump_in_the_training_data_does_not_vouch_for_itself() {
        let attack = blob(40, 5, 2) * 0.1 + 6.0;
        let rows = concatenate(Axis(0), &[blob(1960, 5, 1).view(), attack.view()]).unwrap();
        let neighbours = Neighbours::fit(rows.view(), 3).unwrap();
        let auc = auc(neighbours.score(blob(500, 5, 4).view()).view(), neighbours.score(attack.view()).view());
        assert!(auc > 0.99, "{auc}");
    }

    #[test]
    fn few_rows_can_be_learned_and_none_cannot() {
        for count in [1, 2, 40] {
            let neighbours = Neighbours::fit(Array2::from_elem((count, 3), 2.0).view(), 0).unwrap();
            assert_eq!(neighbours.score(array![[2.0, 2.0, 2.0], [2.0, 3.0, 2.0]].view()), array![0.0, 1.0]);
            assert_eq!(neighbours.explain(array![2.0, 2.0, 2.0].view()), [0.0; 3]);
        }
        assert!(Neighbours::fit(Array2::zeros((0, 2)).view(), 0).is_err());
        assert!(Neighbours::fit(Array2::from_elem((20, 2), f32::NAN).view(), 0).is_err());
    }

    #[test]
    fn neither_threads_nor_neighbours_change_a_bit() {
        let rows = blob(600, 33, 4);
        let (neighbours, scores) = keeps_its_bits(&rows, 321, |rows| Neighbours::fit(rows, 5).unwrap());
        let sum: f64 = neighbours.explain(rows.row(321)).iter().sum();
        assert!((sum - scores[321]).abs() < 1e-5);
    }
}
