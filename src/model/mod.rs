//! Detectors that learn from a matrix.

pub mod calibrate;
mod curve;
pub mod dbscan;
mod doubt;
pub mod ecdf;
mod eigen;
pub mod encode;
pub mod ensemble;
pub mod expect;
pub mod export;
mod folds;
pub mod footprint;
pub mod gmm;
pub mod hbos;
mod hours;
pub mod iforest;
pub mod kmeans;
pub mod knn;
pub mod lasting;
pub mod lof;
pub mod novelty;
mod onnx;
pub mod optics;
pub mod own;
mod part;
pub mod pca;
pub mod question;
mod reference;
pub mod renew;
mod rows;
pub mod scale;
pub mod scorer;
pub mod shift;
pub mod tail;
mod temper;
pub mod train;

use fearless_simd::{Level, Simd, dispatch};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, Axis};
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256Plus;
use rayon::prelude::*;

/// A fitted detector. Rows are scaled rows of the matrix (see [`scale`]): finite, one column a feature, as many columns as
/// the rows that it was fitted to (a matrix with another schema is refused before it comes here).
pub trait Detector: Send + Sync {
    /// A score for every row; higher is more anomalous. The same row has the same score, to the bit, alone or among others.
    fn score(&self, rows: ArrayView2<'_, f32>) -> Array1<f64>;

    /// What each feature contributes to the row's score; the sum is the score less the detector's baseline.
    fn explain(&self, row: ArrayView1<'_, f32>) -> Vec<f64>;
}

/// Rows scored at once: few enough to stay in the first-level cache beside a tree.
const BLOCK: usize = 128;

/// Scores rows in blocks, in parallel: `score` gets the rows of a block, one behind the other, and writes a score for each.
fn score_blocks(rows: ArrayView2<'_, f32>, score: impl Fn(&[f32], &mut [f64]) + Sync) -> Array1<f64> {
    let width = rows.ncols();
    let rows = rows.as_standard_layout();
    let mut scores = vec![0.0; rows.nrows()];
    match rows.as_slice() {
        Some(flat) if width > 0 => {
            if scores.len() <= BLOCK {
                // A live window has few rows: waking a thread would cost more than scoring them.
                score(flat, &mut scores);
            } else {
                let blocks = flat.par_chunks(BLOCK * width);
                blocks.zip(scores.par_chunks_mut(BLOCK)).for_each(|(rows, scores)| score(rows, scores));
            }
        }
        _ => {}
    }
    Array1::from(scores)
}

/// [`score_blocks`] for a detector that looks at one row at a time, with the machine's widest vector registers for what the compiler
/// inlines. Their width does not change what is summed in which order, and so no bit.
fn score_rows(rows: ArrayView2<'_, f32>, score: impl Fn(&[f32]) -> f64 + Sync) -> Array1<f64> {
    let width = rows.ncols();
    score_blocks(rows, |rows, scores| {
        dispatch!(Level::new(), simd => simd.vectorize(
            #[inline(always)]
            || rows.chunks_exact(width).zip(scores).for_each(|(row, out)| *out = score(row))
        ));
    })
}

/// Rows that are made one by one, in parallel if there are many: `fill` gets the number of a row and the row, which holds zeros.
fn fill_rows(rows: usize, width: usize, fill: impl Fn(usize, ArrayViewMut1<'_, f32>) + Sync) -> Array2<f32> {
    let mut filled = Array2::zeros((rows, width));
    if rows > BLOCK {
        let each = filled.axis_iter_mut(Axis(0)).into_par_iter().enumerate();
        each.with_min_len(BLOCK).for_each(|(row, to)| fill(row, to));
    } else {
        filled.axis_iter_mut(Axis(0)).enumerate().for_each(|(row, to)| fill(row, to));
    }
    filled
}

/// At most `limit` rows, drawn without replacement, in `f64`. They come in random order, so that a prefix is a sample too.
fn sample(rows: ArrayView2<'_, f32>, limit: usize, seed: u64) -> Array2<f64> {
    let mut rng = Xoshiro256Plus::seed_from_u64(seed);
    let chosen = rand::seq::index::sample(&mut rng, rows.nrows(), limit.min(rows.nrows())).into_vec();
    Array2::from_shape_fn((chosen.len(), rows.ncols()), |(i, j)| f64::from(rows[[chosen[i], j]]))
}

#[cfg(test)]
mod testing {
    use super::*;

    /// Rows of independent standard normal values.
    pub fn blob(rows: usize, features: usize, seed: u64) -> Array2<f32> {
        use rand::Rng;
        let mut rng = Xoshiro256Plus::seed_from_u64(seed);
        // Box and Muller, 1958.
        Array2::from_shape_simple_fn((rows, features), || {
            let (u, v): (f64, f64) = (1.0 - rng.r#gen::<f64>(), rng.r#gen());
            ((-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()) as f32
        })
    }

    /// Rows on a circle.
    pub fn ring() -> Array2<f32> {
        Array2::from_shape_fn((1000, 2), |(i, j)| {
            let (sin, cos) = (i as f32 * 0.1).sin_cos();
            [sin, cos][j] * 10.0
        })
    }

    /// What a detector of dense places says that was fitted on a [`ring`]: the circle is ordinary, its middle is not.
    #[track_caller]
    pub fn its_middle_is_strange(density: &impl Detector) {
        let scores = density.score(ndarray::array![[0.0, 10.0], [-10.0, 0.0], [0.0, 0.0]].view());
        assert!(scores[0] < 1.0 && scores[1] < 1.0 && scores[2] > 5.0, "{scores}");
        let sum: f64 = density.explain(ndarray::array![0.0, 0.0].view()).iter().sum();
        assert!((sum - scores[2]).abs() < 1e-5);
    }

    /// The share of pairs in which the anomaly scores higher.
    pub fn auc(benign: ArrayView1<'_, f64>, anomalies: ArrayView1<'_, f64>) -> f64 {
        let pairs = anomalies.iter().flat_map(|a| benign.iter().map(move |b| (a, b)));
        let wins: f64 = pairs.map(|(a, b)| if a == b { 0.5 } else { f64::from(u8::from(a > b)) }).sum();
        wins / (benign.len() * anomalies.len()) as f64
    }

    /// Fits and scores on one thread and on two, and scores row `at` alone: all of it has to be the same to the bit. Returns the
    /// detector and its scores.
    pub fn keeps_its_bits<D>(
        rows: &Array2<f32>,
        at: usize,
        fit: impl Fn(ArrayView2<'_, f32>) -> D + Sync,
    ) -> (D, Array1<f64>)
    where
        D: Detector + PartialEq + Send,
    {
        let run = || {
            let detector = fit(rows.view());
            let scores = detector.score(rows.view());
            (detector, scores)
        };
        let (detector, scores) = in_pool(1, run);
        let (again, same) = in_pool(2, run);
        assert!(again == detector && same == scores, "threads make a difference");
        let alone = detector.score(rows.slice_axis(ndarray::Axis(0), ndarray::Slice::from(at..at + 1)));
        assert_eq!(alone[0].to_bits(), scores[at].to_bits());
        (detector, scores)
    }

    /// Runs `work` on that many threads.
    pub fn in_pool<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(work)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_filled_by_its_number_however_many_there_are() {
        for rows in [0, 1, BLOCK, BLOCK + 1, 5 * BLOCK + 7] {
            let filled = || fill_rows(rows, 2, |row, mut to| to[1] = row as f32);
            for threads in [1, 2] {
                let filled = testing::in_pool(threads, filled);
                assert_eq!(filled, Array2::from_shape_fn((rows, 2), |(row, column)| (row * column) as f32));
            }
        }
    }
}
