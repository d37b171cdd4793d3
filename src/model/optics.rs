//! Clusters of any density: a row far from the places where training rows lie dense is an anomaly, and how far is far each
//! place says for itself. The places are those of OPTICS (Ankerst, Breunig, Kriegel, Sander, SIGMOD 1999), found by linfa in a
//! sample. A core point has as many rows around it as one of DBSCAN's, but within a distance of its own, its core distance, in
//! units of which a new row's distance to it is counted: a dense cluster forgives less than a sparse one.

use linfa::traits::Transformer;
use linfa_clustering::Optics;
use linfa_nn::KdTree;
use linfa_nn::distance::Distance;
use ndarray::{Array1, Array2, ArrayView, ArrayView1, ArrayView2, Dimension};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::dbscan::{LEAST_RADIUS, enough};
use super::rows::{Remembered, nearest};
use super::{Detector, score_rows};
use crate::error::{Error, ErrorKind, Result};

/// A row is in a valley of the reachability plot if its core distance is at most this many times as large as the reachability of
/// the rows around it, which are as many as make a core point. The lowest decile of theirs counts, so that a clump of attacks
/// smaller than nine tenths of a cluster finds others among them, and is held to lie thin beside these. Twice as large would leave
/// out more than half of the hosts of a composed day, whose tails are heavy.
const STEEP: f32 = 3.0;
const LOWEST: f64 = 0.1;

/// The core points in all valleys. A score is a distance in core distances: below 1 for most rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Valleys {
    core: Remembered,
    /// As the core points, in their order.
    core_distances: Vec<f32>,
}

impl Valleys {
    /// Learns from a sample of scaled rows.
    ///
    /// # Errors
    /// There are no rows, they are not finite, or linfa cannot order them.
    pub fn fit(rows: ArrayView2<'_, f32>, seed: u64) -> Result<Self> {
        let refused = |what: String| Error::new(ErrorKind::Model, "valleys", what).hint("leave this detector out");
        let sample = Remembered::draw(rows, seed);
        sample.check(rows.ncols()).map_err(refused)?;
        let (count, enough) = (sample.count(), enough(sample.count()));
        let sampled: Vec<&[f32]> = sample.iter().collect();
        let squares: Vec<f32> = sampled.par_iter().flat_map_iter(|row| sample.squares(row)).collect();

        // Without a tolerance every row is a core point, and reached from others: linfa's first row behind a gap wider than the
        // tolerance has its core distance for its reachability, and looks like any other row.
        let numbers = Array2::from_shape_fn((count, 1), |(row, _)| row as f32);
        let plot = Optics::params_with(enough, Known { squares: &squares, count }, KdTree)
            .transform(numbers.view())
            .map_err(|error| refused(error.to_string()))?;
        let (mut core_distances, mut reachabilities) = (vec![f32::INFINITY; count], vec![f32::INFINITY; count]);
        for row in plot.iter() {
            let at_least = |square: &Option<f32>| square.unwrap_or(f32::INFINITY).sqrt().max(LEAST_RADIUS);
            core_distances[row.index()] = at_least(row.core_distance());
            reachabilities[row.index()] = at_least(row.reachability_distance());
        }

        let in_valley: Vec<bool> = squares
            .par_chunks(count)
            .zip(&core_distances)
            .map(|(squares, &core_distance)| {
                let near = nearest(squares.iter().copied().zip(0..).collect(), enough);
                let mut around: Vec<f32> = near.into_iter().map(|(_, row)| reachabilities[row]).collect();
                let low = ((around.len() - 1) as f64 * LOWEST) as usize;
                core_distance <= STEEP * *around.select_nth_unstable_by(low, f32::total_cmp).1
            })
            .collect();
        let core = sample.keep(|row| in_valley[row]);
        core.check(rows.ncols()).map_err(|_| refused("no place is dense".to_owned()))?;
        let kept = core_distances.into_iter().zip(in_valley).filter(|(_, kept)| *kept);
        Ok(Self { core, core_distances: kept.map(|(core_distance, _)| core_distance).collect() })
    }

    /// The distance to the core point that is nearest in its own units, in these, and which it is.
    fn nearest(&self, row: &[f32]) -> (f64, usize) {
        let squares = self.core.squares(row).into_iter().zip(&self.core_distances);
        let in_units = squares.map(|(square, &unit)| f64::from(square) / f64::from(unit).powi(2)).zip(0..);
        let least = in_units.fold((f64::INFINITY, 0), |least, next| if next.0 < least.0 { next } else { least });
        (least.0.sqrt(), least.1)
    }

    /// Whether what was read from a file can be used with `features` features.
    pub fn check(&self, features: usize) -> std::result::Result<(), String> {
        self.core.check(features).map_err(|why| format!("valleys: {why}"))?;
        let sound = self.core_distances.len() == self.core.count()
            && self.core_distances.iter().all(|distance| distance.is_finite() && *distance > 0.0);
        if sound { Ok(()) } else { Err("valleys: a core distance is damaged".to_owned()) }
    }
}

impl Detector for Valleys {
    /// The least distance to a core point, each in units of its own core distance.
    fn score(&self, rows: ArrayView2<'_, f32>) -> Array1<f64> {
        score_rows(rows, |row| self.nearest(row).0)
    }

    /// The distance, shared out as the features share its square; the baseline is 0.
    fn explain(&self, row: ArrayView1<'_, f32>) -> Vec<f64> {
        let mut contributions = vec![0.0; row.len()];
        let (_, at) = self.nearest(&row.to_vec());
        if let Some(&unit) = self.core_distances.get(at) {
            self.core.share(at, row, 1.0 / f64::from(unit), &mut contributions);
        }
        contributions
    }
}

/// Squares of distances that are looked up, of rows that are given by their numbers: linfa asks for each several times, and with 180
/// features that would take most of the time. All that OPTICS does with distances is to compare them, so squares will do. Its tree
/// is there to sort neighbours, for of the linear search's linfa takes the core distance as they come; it parts the numbers, but
/// leaves none out, for nothing is beyond the tolerance.
#[derive(Clone, Copy)]
struct Known<'d> {
    squares: &'d [f32],
    count: usize,
}

impl Distance<f32> for Known<'_> {
    fn distance<D: Dimension>(&self, a: ArrayView<'_, f32, D>, b: ArrayView<'_, f32, D>) -> f32 {
        let number = |row: ArrayView<'_, f32, D>| row.first().map_or(0, |&number| number as usize);
        self.squares[number(a) * self.count + number(b)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::dbscan::CorePoints;
    use crate::model::testing::{blob, its_middle_is_strange, keeps_its_bits, ring};
    use ndarray::{Axis, array, concatenate};

    #[test]
    fn the_middle_of_a_ring_is_strange() {
        let valleys = Valleys::fit(ring().view(), 0).unwrap();
        assert_eq!(valleys.check(2), Ok(()));
        its_middle_is_strange(&valleys);
    }

    #[test]
    fn a_dense_cluster_forgives_less_than_a_sparse_one_and_dbscan_does_not_tell_them_apart() {
        // A cloud fifty times as wide as another: 1 wide from its centre is ordinary there and strange here.
        let rows = concatenate(Axis(0), &[(blob(350, 2, 1) * 0.02).view(), (blob(250, 2, 2) + 30.0).view()]).unwrap();
        let asked = array![[0.0, 0.0], [0.0, 0.9], [30.0, 30.0], [30.0, 30.9]];
        let scores = Valleys::fit(rows.view(), 0).unwrap().score(asked.view());
        assert!(scores[0] < 1.0 && scores[2] < 1.0 && scores[3] < 1.0 && scores[1] > 5.0, "{scores}");
        let same = CorePoints::fit(rows.view(), 0).unwrap().score(asked.view());
        assert!(same.iter().all(|&score| score < 1.0), "{same}");
    }

    #[test]
    fn a_clump_in_the_training_data_is_no_cluster_beside_dense_rows_or_sparse_ones() {
        let ordinary =
            concatenate(Axis(0), &[blob(360, 5, 1).view(), (blob(220, 5, 2) * 20.0 - 200.0).view()]).unwrap();
        for far in [30.0, 100.0] {
            for count in [1, 12, 24] {
                let attack = blob(count, 5, 2) * 0.01 + far;
                let rows = concatenate(Axis(0), &[ordinary.view(), attack.view()]).unwrap();
                let valleys = Valleys::fit(rows.view(), 3).unwrap();
                assert!(valleys.score(attack.view()).iter().all(|&score| score > 5.0), "{count} rows {far} away");
                // The sparse cluster is one for all that.
                assert!(valleys.score(array![[-200.0, -200.0, -190.0, -200.0, -200.0]].view())[0] < 1.0);
            }
        }
    }

    #[test]
    fn few_rows_can_be_learned_and_none_cannot() {
        for count in [2, 3, 40] {
            let valleys = Valleys::fit(Array2::from_elem((count, 3), 2.0).view(), 0).unwrap();
            let scores = valleys.score(array![[2.0, 2.0, 2.0], [2.0, 3.0, 2.0]].view());
            assert!(scores[0] == 0.0 && (scores[1] - 10.0).abs() < 1e-5, "{scores}");
        }
        assert!(Valleys::fit(Array2::from_elem((1, 3), 2.0).view(), 0).is_err());
        assert!(Valleys::fit(Array2::zeros((0, 2)).view(), 0).is_err());
        assert!(Valleys::fit(Array2::from_elem((20, 2), f32::NAN).view(), 0).is_err());
    }

    #[test]
    fn neither_threads_nor_neighbours_change_a_bit() {
        let rows = blob(600, 9, 4);
        let (valleys, scores) = keeps_its_bits(&rows, 321, |rows| Valleys::fit(rows, 5).unwrap());
        let outside = array![4.0, 0.0, 0.0, -3.0, 0.0, 0.0, 1.0, 0.0, 0.0];
        let sum: f64 = valleys.explain(outside.view()).iter().sum();
        assert!((sum - valleys.score(outside.view().insert_axis(Axis(0)))[0]).abs() < 1e-5);
        assert!(scores.iter().filter(|&&score| score < 1.0).count() > 500);
    }

    #[test]
    fn damaged_valleys_are_refused() {
        let good = Valleys::fit(blob(50, 2, 5).view(), 0).unwrap();
        assert!(good.check(2).is_ok() && good.check(3).is_err());
        for damage in [
            |bad: &mut Valleys| bad.core_distances[0] = f32::NAN,
            |bad: &mut Valleys| bad.core_distances[1] = 0.0,
            |bad: &mut Valleys| bad.core_distances.truncate(3),
        ] {
            let mut bad = good.clone();
            damage(&mut bad);
            assert!(bad.check(2).is_err());
        }
    }
}
