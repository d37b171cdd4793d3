//! Detectors that learn from a matrix.

use ndarray::{Array1, ArrayView1, ArrayView2};

/// A fitted detector. Rows are scaled rows of the matrix (see [`scale`]): finite, one column a feature.
pub trait Detector: Send + Sync {
    /// A score for every row; higher is more anomalous. The same row has the same score, to the bit, alone or among others.
    fn score(&self, rows: ArrayView2<'_, f32>) -> Array1<f64>;

    /// What each feature contributes to the row's score; the sum is the score less the detector's baseline.
    fn explain(&self, row: ArrayView1<'_, f32>) -> Vec<f64>;
}
