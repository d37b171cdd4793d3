//! Clusters: a row far from everything that training showed often is an anomaly.
//!
//! Centroids by linfa's k-means, started by k-means++ (Arthur, Vassilvitskii 2007) on a sample; of large data all rows then move
//! them, in mini-batches (Sculley: Web-Scale K-Means Clustering, WWW 2010). What is stored is our own: centroids, and for each the
//! distance at which its own rows lie, so that a cluster wider than most forgives more, within bounds: busy servers differ
//! more from each other than idle hosts do.

mod graph;

use linfa::dataset::DatasetBase;
use linfa::traits::{Fit, FitWith};
use linfa_clustering::{IncrKMeansError, KMeans, KMeansInit};
use linfa_nn::distance::L2Dist;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, Slice};
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256Plus;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::rows::squared_distance;
use super::scale::quantile_f64;
use super::{Detector, sample, score_rows};
use crate::error::{Error, ErrorKind, Result};

/// Rows that centroids are sought on, and rows that the clusters' widths are measured on.
const SEEK_ROWS: usize = 4_096;
const MEASURE_ROWS: usize = 20_000;

/// Of more rows than this the sample is so small a part that all of them are gone through once, in batches. On made rows (200,000,
/// 40 features, 12 clouds of 25 % to 1.5 %) their mean square distance to the nearest centroid falls by 0.2 to 0.6 % for it, in 0.2 s.
/// What is won is with the small: centroids of clouds of 2 % come from 0.7 standard deviations off the middle of theirs to 0.1.
const MANY_ROWS: usize = 1 << 16;
const BATCH_ROWS: usize = 4_096;

/// The numbers of clusters that are tried.
const COUNTS: [usize; 6] = [1, 2, 4, 8, 16, 32];

/// The fewest clusters win whose error is within this factor of the best.
const GOOD_ENOUGH: f64 = 1.1;

/// A cluster of fewer rows than this, or of less than this share of them, is not "normal": an attack in the training
/// data makes such clusters, and must not vouch for itself.
const FEWEST_ROWS: usize = 5;
const SMALLEST_SHARE: f64 = 0.01;

/// A cluster is at least this many times as wide as training rows are far from their centroids in the median: only one
/// that is wider than most by far is given its own width. Attacks in the training data make wide clusters too, and are
/// forgiven. On ten of ADBench's sets (mean ROC-AUC with the attacks in the training data, and without), half the median
/// gave .69/.92, the median .75/.93, twice the median .85/.94 and plain distance .86/.95; plain distance would make
/// every busy server an alarm among idle hosts.
const LEAST_WIDTH: f64 = 2.0;

/// And at most this many times. A calibration is learned from clusters fitted to nine blocks of ten: where one of those fits
/// makes a few stray rows one cluster, a dozen times as wide as the others, all that lies near it looks ordinary there, and
/// strange to the fit of the whole, that made no such cluster. On three made networks nothing is lost by the bound (mean PR-AUC
/// .737 with it and without at 30 s, .730 for .727 at 300 s).
const MOST_WIDTH: f64 = 4.0;

/// A cluster is at least this wide, in spreads of a single feature: identical rows do not make their neighbours strange.
const NARROWEST: f64 = 0.1;

/// Fitted clusters. A score is a distance in units of the cluster's width: below 1 for most rows, without an upper bound.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Clusters {
    clusters: Vec<Cluster>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Cluster {
    centroid: Vec<f32>,
    /// The unit of distances from the centroid: the median distance of the cluster's training rows, if that is neither too
    /// small nor too large.
    width: f64,
}

impl Clusters {
    /// Learns from scaled rows. The number of clusters is the smallest for which the mean distance of rows that were
    /// held out is within 10 % of the best: the error of rows that were not seen stops falling where clusters stop
    /// being real, and a smaller model that is as good is the better one.
    ///
    /// # Errors
    /// If there are no rows, or linfa cannot cluster them.
    pub fn fit(all: ArrayView2<'_, f32>, seed: u64) -> Result<Self> {
        let rows = sample(all, MEASURE_ROWS, seed);
        if rows.is_empty() {
            return Err(Error::new(ErrorKind::Model, "clusters", "there are no rows to learn from")
                .hint("train on a longer capture"));
        }
        let sought = rows.slice_axis(Axis(0), Slice::from(..rows.nrows().min(SEEK_ROWS)));
        let mut centroids = seek(sought, best_count(sought, seed)?, 2, seed)?;
        if all.nrows() > MANY_ROWS {
            centroids = go_on(all, centroids, seed)?;
        }
        Ok(Self::settle(&rows.mapv(|value| value as f32), centroids))
    }

    /// Drops the centroids of too few rows, gives their rows to the neighbours, and measures what is left.
    fn settle(rows: &Array2<f32>, mut centroids: Vec<Vec<f32>>) -> Self {
        let fewest = ((rows.nrows() as f64 * SMALLEST_SHARE).ceil() as usize).max(FEWEST_ROWS);
        let mut members = assign(rows, &centroids);
        let largest = members.iter().map(Vec::len).max().unwrap_or(0);
        let mut sizes = members.iter().map(Vec::len);
        // The largest stays even if it is small, for rows there are.
        centroids.retain(|_| sizes.next().is_some_and(|size| size >= fewest.min(largest)));
        members = assign(rows, &centroids);

        let all = median(members.iter().flatten().copied().collect());
        let clusters = centroids
            .into_iter()
            .zip(members)
            .map(|(centroid, distances)| Cluster {
                centroid,
                width: median(distances).max(all * LEAST_WIDTH).min(all * MOST_WIDTH).max(NARROWEST),
            })
            .collect();
        Self { clusters }
    }

    /// How many clusters there are.
    pub fn count(&self) -> usize {
        self.clusters.len()
    }

    /// The cluster in whose units the row is nearest, and that distance.
    #[inline(always)]
    fn nearest(&self, row: &[f32]) -> (Option<&Cluster>, f64) {
        let mut nearest = (None, f64::INFINITY);
        // A loop, for what is handed to an iterator is compiled apart from here, without the machine's widest registers.
        for cluster in &self.clusters {
            let distance = squared_distance(row, &cluster.centroid).sqrt() / cluster.width;
            if distance < nearest.1 {
                nearest = (Some(cluster), distance);
            }
        }
        nearest
    }

    /// Whether what was read from a file can be used with `features` features.
    pub fn check(&self, features: usize) -> std::result::Result<(), String> {
        let sound = |cluster: &Cluster| {
            cluster.centroid.len() == features
                && cluster.centroid.iter().all(|value| value.is_finite())
                && cluster.width.is_finite()
                && cluster.width > 0.0
        };
        match self.clusters.iter().position(|cluster| !sound(cluster)) {
            Some(at) => Err(format!("clusters: cluster {at} is damaged or not made for {features} features")),
            None if self.clusters.is_empty() => Err("clusters: there are none".to_owned()),
            None => Ok(()),
        }
    }
}

impl Detector for Clusters {
    /// Distance to the nearest centroid, each in units of its cluster's width.
    fn score(&self, rows: ArrayView2<'_, f32>) -> Array1<f64> {
        score_rows(
            rows,
            #[inline(always)]
            |row| self.nearest(row).1,
        )
    }

    /// The distance, shared out as the features share its square; the baseline is 0.
    fn explain(&self, row: ArrayView1<'_, f32>) -> Vec<f64> {
        let row = row.to_vec();
        let (Some(cluster), score) = self.nearest(&row) else { return vec![0.0; row.len()] };
        let squares = row.iter().zip(&cluster.centroid).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2));
        let total = (score * cluster.width).powi(2).max(f64::MIN_POSITIVE);
        squares.map(|square| score * square / total).collect()
    }
}

/// The number of clusters, by the error on rows that were held out.
fn best_count(rows: ArrayView2<'_, f64>, seed: u64) -> Result<usize> {
    let (train, test) = rows.split_at(Axis(0), rows.nrows().div_ceil(2));
    if test.is_empty() {
        return Ok(1);
    }
    let test = test.mapv(|value| value as f32);
    let counts = COUNTS.iter().copied().filter(|&count| count * FEWEST_ROWS <= train.nrows());
    let errors = counts
        .map(|count| {
            let members = assign(&test, &seek(train, count, 1, seed)?);
            Ok((count, members.iter().flatten().sum::<f64>() / test.nrows() as f64))
        })
        .collect::<Result<Vec<_>>>()?;
    let best = errors.iter().map(|(_, error)| *error).fold(f64::INFINITY, f64::min);
    Ok(errors.iter().find(|(_, error)| *error <= best * GOOD_ENOUGH).map_or(1, |(count, _)| *count))
}

/// Centroids by linfa: the best of `runs` starts.
fn seek(rows: ArrayView2<'_, f64>, count: usize, runs: usize, seed: u64) -> Result<Vec<Vec<f32>>> {
    let model = KMeans::params_with_rng(count, Xoshiro256Plus::seed_from_u64(seed))
        .n_runs(runs)
        .max_n_iterations(25)
        .tolerance(1e-3)
        .fit(&DatasetBase::from(rows))
        .map_err(refused)?;
    Ok(centroids_of(&model))
}

/// Centroids that were sought on a sample, after one pass over all rows in random order. Each comes to lie in the mean of the rows
/// that were nearest to it when their batch came; one that was nearest to none stays.
fn go_on(rows: ArrayView2<'_, f32>, centroids: Vec<Vec<f32>>, seed: u64) -> Result<Vec<Vec<f32>>> {
    let mut rng = Xoshiro256Plus::seed_from_u64(seed);
    let order = rand::seq::index::sample(&mut rng, rows.nrows(), rows.nrows()).into_vec();
    let start = Array2::from_shape_fn((centroids.len(), rows.ncols()), |(i, j)| f64::from(centroids[i][j]));
    // No model of linfa's `fit` is gone on with: the rows that it counts for each centroid are those of its last run, not its best.
    let params = KMeans::params_with_rng(centroids.len(), rng).init_method(KMeansInit::Precomputed(start));
    let model = order.chunks(BATCH_ROWS).try_fold(None, |model, batch| {
        let batch = Array2::from_shape_fn((batch.len(), rows.ncols()), |(i, j)| f64::from(rows[[batch[i], j]]));
        match params.fit_with(model, &DatasetBase::from(batch)) {
            Ok(model) | Err(IncrKMeansError::NotConverged(model)) => Ok(Some(model)),
            Err(error) => Err(refused(error)),
        }
    })?;
    Ok(model.map_or(centroids, |model| centroids_of(&model)))
}

fn centroids_of(model: &KMeans<f64, L2Dist>) -> Vec<Vec<f32>> {
    model.centroids().rows().into_iter().map(|row| row.iter().map(|&value| value as f32).collect()).collect()
}

fn refused(error: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Model, "clusters", error).hint("leave this detector out")
}

/// For each centroid the distances of the rows that are nearest to it, in the order of the rows.
fn assign(rows: &Array2<f32>, centroids: &[Vec<f32>]) -> Vec<Vec<f64>> {
    let nearest = |row: &[f32]| {
        let squares = centroids.iter().map(|centroid| squared_distance(row, centroid)).enumerate();
        squares.fold((0, f64::INFINITY), |nearest, next| if next.1 < nearest.1 { next } else { nearest })
    };
    let flat = rows.as_slice().unwrap_or_default();
    let pairs: Vec<_> = flat.par_chunks(rows.ncols().max(1)).with_min_len(256).map(nearest).collect();
    let mut members = vec![Vec::new(); centroids.len()];
    for (cluster, square) in pairs {
        members[cluster].push(square.sqrt());
    }
    members
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    quantile_f64(&values, 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::{auc, blob, keeps_its_bits};
    use ndarray::{array, concatenate};

    /// As many rows around each of the centres, one standard deviation wide.
    fn around(centres: &Array2<f32>, each: usize) -> Array2<f32> {
        let mut rows = blob(each * centres.nrows(), centres.ncols(), 11);
        for (i, mut row) in rows.rows_mut().into_iter().enumerate() {
            row += &centres.row(i % centres.nrows());
        }
        rows
    }

    #[test]
    fn a_distance_is_counted_in_widths() {
        let clusters = Clusters {
            clusters: vec![
                Cluster { centroid: vec![0.0; 5], width: 2.0 },
                Cluster { centroid: vec![10.0, 0.0, 0.0, 0.0, 0.0], width: 0.5 },
            ],
        };
        // 6 / 2 from the first, 4 / 0.5 from the second.
        let row = array![6.0_f32, 0.0, 0.0, 0.0, 0.0];
        assert_eq!(clusters.score(row.view().insert_axis(Axis(0))), array![3.0]);
        assert_eq!(clusters.explain(row.view()), [3.0, 0.0, 0.0, 0.0, 0.0]);
        // 3-4-5 over 2: squares of 9 and 16 share 2.5.
        let contributions = clusters.explain(array![0.0_f32, 3.0, 0.0, 0.0, -4.0].view());
        assert!((contributions[1] - 0.9).abs() < 1e-12 && (contributions[4] - 1.6).abs() < 1e-12);
        assert_eq!(clusters.explain(array![0.0_f32, 0.0, 0.0, 0.0, 0.0].view()), [0.0; 5]);
    }

    #[test]
    fn four_clouds_are_found_and_the_space_between_is_strange() {
        let centres = array![[0.0_f32, 0.0, 0.0], [20.0, 0.0, 0.0], [0.0, 20.0, 0.0], [20.0, 20.0, 20.0]];
        let rows = around(&centres, 60);
        let clusters = Clusters::fit(rows.view(), 0).unwrap();
        assert!(clusters.count() >= 4);
        let between = blob(50, 3, 12) + 10.0;
        let auc = auc(clusters.score(rows.view()).view(), clusters.score(between.view()).view());
        assert!(auc > 0.99, "{auc}");
    }

    #[test]
    fn a_few_rows_do_not_vouch_for_themselves() {
        let attack = Array2::from_elem((4, 2), 40.0_f32);
        let rows = concatenate(Axis(0), &[blob(600, 2, 1).view(), attack.view()]).unwrap();
        let clusters = Clusters::fit(rows.view(), 3).unwrap();
        assert!(clusters.score(attack.view())[0] > 10.0);
    }

    /// A fit that made one cluster of rows far from each other called everything near them ordinary.
    #[test]
    fn stray_rows_do_not_make_a_cluster_that_forgives_everything() {
        let mut rows = blob(600, 3, 1);
        let stray = 400.0 + 100.0 * blob(20, 3, 2);
        rows.slice_axis_mut(Axis(0), Slice::from(..20)).assign(&stray);
        let clusters = Clusters::settle(&rows, vec![vec![0.0; 3], vec![400.0; 3]]);
        let [usual, wide] = [0, 1].map(|at| clusters.clusters[at].width);
        assert!(wide > usual && wide <= usual * MOST_WIDTH / LEAST_WIDTH, "{wide} {usual}");
    }

    #[test]
    fn rows_that_are_equal_alone_or_doubled_can_be_learned() {
        for rows in [Array2::from_elem((40, 3), 2.0), Array2::from_elem((1, 3), 2.0), Array2::from_elem((7, 3), 2.0)] {
            let clusters = Clusters::fit(rows.view(), 0).unwrap();
            assert_eq!((clusters.count(), clusters.check(3)), (1, Ok(())));
            assert_eq!(clusters.score(array![[2.0, 2.0, 2.0], [2.0, 3.0, 2.0]].view()), array![0.0, 10.0]);
        }
        let mut doubled = Array2::zeros((100, 2));
        doubled.slice_axis_mut(Axis(0), Slice::from(50..)).fill(1.0_f32);
        let clusters = Clusters::fit(doubled.view(), 0).unwrap();
        assert_eq!(clusters.check(2), Ok(()));
        assert!(clusters.score(doubled.view()).iter().all(|&score| score < 1.0));
        assert!(Clusters::fit(Array2::zeros((0, 2)).view(), 0).is_err());
        assert!(Clusters::fit(Array2::from_elem((20, 2), f32::NAN).view(), 0).is_err());
    }

    #[test]
    fn neither_threads_nor_neighbours_change_a_bit() {
        let rows = around(&array![[0.0, 0.0, 0.0, 0.0, 0.0], [9.0, 9.0, 0.0, 0.0, 0.0]], 100);
        let (clusters, scores) = keeps_its_bits(&rows, 150, |rows| Clusters::fit(rows, 5).unwrap());
        let sum: f64 = clusters.explain(rows.row(150)).iter().sum();
        assert!((sum - scores[150]).abs() < 1e-9);
    }

    /// Two clouds in eight dimensions, the second, of one row in 32, far from the first.
    fn a_large_cloud_and_a_small_one(rows: usize) -> Array2<f32> {
        let mut rows = blob(rows, 8, 21);
        rows.axis_chunks_iter_mut(Axis(0), 32)
            .for_each(|mut chunk| chunk.row_mut(0).mapv_inplace(|value| value + 30.0));
        rows
    }

    #[test]
    fn much_data_teaches_more_than_its_sample_and_the_same_each_time() {
        let rows = a_large_cloud_and_a_small_one(MANY_ROWS + 1);
        let (clusters, _) = keeps_its_bits(&rows, 32, |rows| Clusters::fit(rows, 5).unwrap());
        let squares = clusters.clusters.iter().map(|cluster| squared_distance(&[30.0; 8], &cluster.centroid));
        let off = squares.fold(f64::INFINITY, f64::min).sqrt();
        // About √(8 / 2049), where the 128 rows of the small cloud that a sample has would give √(8 / 128).
        assert!(off < 0.12, "{off}");
    }

    #[test]
    fn less_data_is_learned_from_the_sample_alone() {
        let rows = a_large_cloud_and_a_small_one(MANY_ROWS);
        let sampled = sample(rows.view(), MEASURE_ROWS, 5);
        let sought = sampled.slice_axis(Axis(0), Slice::from(..SEEK_ROWS));
        let centroids = seek(sought, best_count(sought, 5).unwrap(), 2, 5).unwrap();
        let by_sample = Clusters::settle(&sampled.mapv(|value| value as f32), centroids);
        assert!(Clusters::fit(rows.view(), 5).unwrap() == by_sample);
    }

    #[test]
    fn damaged_clusters_are_refused() {
        let good = Clusters { clusters: vec![Cluster { centroid: vec![0.0; 3], width: 1.0 }] };
        assert_eq!(good.check(3), Ok(()));
        assert!(good.check(2).is_err());
        assert!(Clusters { clusters: Vec::new() }.check(3).is_err());
        for (centroid, width) in [(vec![f32::NAN, 0.0, 0.0], 1.0), (vec![0.0; 3], 0.0), (vec![0.0; 3], f64::NAN)] {
            assert!(Clusters { clusters: vec![Cluster { centroid, width }] }.check(3).is_err());
        }
    }
}
