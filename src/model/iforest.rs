//! Isolation forests: a row that few random cuts separate from the others is an anomaly.
//!
//! Liu, Ting, Zhou: Isolation Forest, ICDM 2008, and its descendants (see [`Preset`]), which differ in how a cut is chosen.
//! Explained after Saabas (Interpreting random forests, 2014) and Carletti, Terzi, Susto (DIFFI, 2019): every step down a
//! tree changes the path length that is to be expected, and the features that the step looks at are credited with the
//! change.

use std::sync::OnceLock;

use linfa::dataset::DatasetBase;
use linfa::traits::{Fit, PredictInplace};
use ndarray::{Array1, ArrayBase, ArrayView1, ArrayView2, Data, Ix2};
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256Plus;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Detector, score_blocks};

mod graph;
mod grow;
mod params;
mod place;
mod ranked;
mod sloped;
#[cfg(test)]
mod tests;
mod tree;
mod walk;

pub use params::{Depth, ForestError, IsolationForestParams, IsolationForestValidParams, Place, Preset};
use params::{MAX_SAMPLES, MAX_TREES, Recipe};
use ranked::{ROWS, Ranked, Space};
use sloped::Sloped;
use tree::{Tree, prepared};
use walk::Walks;

/// Rows from which on it pays to rank a block of them, instead of letting each walk.
const MANY: usize = 128;

/// Rows that the centre of each feature is read off.
const CENTRE_ROWS: usize = 512;

/// Trees that one forest may see in its life.
const MOST_GROWN: u32 = 1 << 20;

/// A fitted forest. Scores lie in (0, 1): near 1 for a row that is cut off at once, 0.5 for one like all others. (Where rows
/// out of range lose steps, a score may exceed 1.)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IsolationForest {
    recipe: Recipe,
    features: u32,
    /// Rows that each tree was grown on.
    samples: u32,
    seed: u64,
    /// Trees grown so far, with those that are gone.
    grown: u32,
    /// The median of each feature, which stands for a missing value.
    centre: Vec<f32>,
    /// The oldest first.
    trees: Vec<Tree>,
    #[serde(skip)]
    prepared: Prepared,
}

/// What is made of a forest when first needed, and is no part of what it is.
#[derive(Debug, Default)]
struct Prepared {
    /// The trees as [`Ranked`] wants them, if they can be had so.
    ranked: OnceLock<Option<Ranked>>,
    /// And as [`Sloped`] does.
    sloped: OnceLock<Option<Sloped>>,
    /// The trees laid out for rows that walk, unless their cuts look at more features than usual.
    walks: OnceLock<Option<Walks>>,
    /// c(ψ).
    scale: OnceLock<f64>,
}

impl Clone for Prepared {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for Prepared {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<D: Data<Elem = f32>, T> Fit<ArrayBase<D, Ix2>, T, ForestError> for IsolationForestValidParams {
    type Object = IsolationForest;

    fn fit(&self, dataset: &DatasetBase<ArrayBase<D, Ix2>, T>) -> Result<IsolationForest, ForestError> {
        let rows = dataset.records().view();
        let (count, features) = rows.dim();
        if count == 0 || features == 0 {
            return Err(ForestError::Empty(count, features));
        }
        refuse_infinite(rows)?;
        let mut forest = IsolationForest {
            recipe: self.recipe,
            features: features as u32,
            samples: self.samples.min(count) as u32,
            seed: self.seed,
            grown: 0,
            centre: centre(rows, self.seed),
            trees: Vec::new(),
            prepared: Prepared::default(),
        };
        forest.grow(rows, self.trees);
        Ok(forest)
    }
}

fn refuse_infinite(rows: ArrayView2<'_, f32>) -> Result<(), ForestError> {
    // Nearly always there is none, and to ask which one costs more than whether; so does to stop at the first.
    if rows.rows().into_iter().any(|row| row.iter().fold(false, |any, value| any | value.is_infinite()))
        && let Some(((i, j), _)) = rows.indexed_iter().find(|(_, value)| value.is_infinite())
    {
        return Err(ForestError::Infinite(i, j));
    }
    Ok(())
}

/// The median of every feature's values in a sample of the rows; 0 where all are missing.
fn centre(rows: ArrayView2<'_, f32>, seed: u64) -> Vec<f32> {
    let mut rng = Xoshiro256Plus::seed_from_u64(seed);
    let chosen = rand::seq::index::sample(&mut rng, rows.nrows(), CENTRE_ROWS.min(rows.nrows())).into_vec();
    let median = |column: ArrayView1<'_, f32>| {
        let mut values: Vec<f32> = chosen.iter().map(|&i| column[i]).filter(|value| !value.is_nan()).collect();
        let middle = values.len() / 2;
        if values.is_empty() { 0.0 } else { *values.select_nth_unstable_by(middle, f32::total_cmp).1 }
    };
    rows.columns().into_iter().map(median).collect()
}

/// c(n) of the paper: the mean path of an unsuccessful search in a binary search tree of `n` keys.
fn mean_search_path(n: usize) -> f64 {
    mean_search_paths(n)[n]
}

/// c(0) to c(n).
fn mean_search_paths(n: usize) -> Vec<f64> {
    let mut harmonic = 0.0;
    let path = |n: usize| {
        if n < 2 {
            return 0.0;
        }
        harmonic += 1.0 / (n - 1) as f64;
        2.0 * harmonic - 2.0 * (n - 1) as f64 / n as f64
    };
    (0..=n).map(path).collect()
}

impl IsolationForest {
    /// Parameters of the first paper's forest, with 256 samples a tree, 200 trees and seed 0.
    pub fn params() -> IsolationForestParams {
        IsolationForestParams::default()
    }

    /// Grows so many trees on new rows and retires as many of the oldest, so that the forest follows what it watches. The
    /// random numbers go on where they were, so two steps on the same rows are one large one.
    ///
    /// # Errors
    /// The rows have other columns than those that the forest was grown on, fewer rows than a tree wants, or infinite
    /// values; or there are more trees than it has, or than it may see in its life.
    pub fn renew(&mut self, rows: ArrayView2<'_, f32>, trees: usize) -> Result<(), ForestError> {
        let (count, features) = rows.dim();
        if features != self.features as usize || count < self.samples as usize {
            return Err(ForestError::Unlike(count, features, self.samples, self.features));
        }
        if trees > self.trees.len() || self.grown as usize + trees > MOST_GROWN as usize {
            return Err(ForestError::Trees(trees));
        }
        refuse_infinite(rows)?;
        self.grow(rows, trees);
        self.trees.drain(..trees);
        self.prepared = Prepared::default();
        Ok(())
    }

    fn grow(&mut self, rows: ArrayView2<'_, f32>, trees: usize) {
        let samples = self.samples as usize;
        let paths = mean_search_paths(samples);
        let ground = grow::Ground {
            rows: rows.reborrow(),
            recipe: self.recipe,
            dims: self.dims(),
            samples,
            centre: &self.centre,
            paths: &paths,
        };
        // Jumps make the streams of neighbouring trees disjoint; a tree depends on the seed and its number alone.
        let mut rng = Xoshiro256Plus::seed_from_u64(self.seed);
        let streams = std::iter::repeat_with(|| {
            rng.jump();
            rng.clone()
        });
        let streams: Vec<_> = streams.skip(self.grown as usize).take(trees).collect();
        let grown: Vec<Tree> = streams.into_par_iter().map(|rng| grow::grow(&ground, rng)).collect();
        self.trees.extend(grown);
        self.grown += trees as u32;
    }

    /// The features that a cut looks at.
    fn dims(&self) -> usize {
        self.recipe.dims.min(self.features) as usize
    }

    /// Rows as the trees see them, one behind the other.
    fn prepare(&self, rows: &[f32], prepared_rows: &mut Vec<f32>) {
        let dims = self.dims();
        prepared_rows.clear();
        for row in rows.chunks_exact(self.features as usize) {
            prepared_rows.extend(row.iter().zip(&self.centre).map(|(&value, &centre)| prepared(value, centre, dims)));
        }
    }

    /// The score of a mean path, 2^(−path / c(ψ)); a forest grown on a single row knows nothing and says 0.5.
    fn score_of_path(&self) -> impl Fn(f64) -> f64 + Sync {
        let scale = *self.prepared.scale.get_or_init(|| mean_search_path(self.samples as usize));
        move |path| if scale > 0.0 { (-path / scale).exp2() } else { 0.5 }
    }

    /// How many trees it has.
    pub fn count(&self) -> usize {
        self.trees.len()
    }

    /// What it is made of, for people.
    pub(super) fn in_words(&self) -> String {
        let gone = self.grown as usize - self.trees.len();
        let gone = if gone > 0 { format!(" ({gone} older ones are gone)") } else { String::new() };
        format!("{} trees of {} rows{gone}", self.trees.len(), self.samples)
    }

    /// The path length that the training rows have on average.
    pub fn baseline_path(&self) -> f64 {
        self.trees.iter().map(|tree| f64::from(tree.nodes[0].path)).sum::<f64>() / self.trees.len() as f64
    }

    /// By how many steps each feature shortens the row's mean path: the sum is [`Self::baseline_path`] less that path.
    /// The features of a sloped cut share as they move the row along it, from the centre. The row has as many values as
    /// the forest has features.
    pub fn shortened_by(&self, row: ArrayView1<'_, f32>) -> Vec<f64> {
        let mut values = Vec::new();
        self.prepare(&row.to_vec(), &mut values);
        let mut steps = vec![0.0; self.features as usize];
        for tree in &self.trees {
            tree.walk(&values, |step| {
                let path = |node: usize| f64::from(tree.nodes[node].path);
                let shorter = path(step.from) - path(step.to) + f64::from(u8::from(step.outside));
                match tree.cut(step.from) {
                    ([feature], _) => steps[*feature as usize] += shorter,
                    (features, weights) => {
                        let moved = |i: usize| f64::from(weights[i] * values[features[i] as usize]).abs();
                        let whole: f64 = (0..features.len()).map(moved).sum();
                        for (i, &feature) in features.iter().enumerate() {
                            let even = 1.0 / features.len() as f64;
                            let share = if whole > 0.0 && whole.is_finite() { moved(i) / whole } else { even };
                            steps[feature as usize] += shorter * share;
                        }
                    }
                }
            });
        }
        steps.iter_mut().for_each(|steps| *steps /= self.trees.len() as f64);
        steps
    }

    /// Whether what was read from a file can be used with `features` features.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self, features: usize) -> Result<(), String> {
        if self.features as usize != features || features == 0 {
            return Err(format!("forest: made for {} features, not {features}", self.features));
        }
        if self.samples == 0 || self.samples as usize > MAX_SAMPLES {
            return Err(format!("forest: {} samples are impossible", self.samples));
        }
        self.recipe.check().map_err(|error| format!("forest: {error}"))?;
        if self.centre.len() != features || self.centre.iter().any(|value| !value.is_finite()) {
            return Err("forest: its centre is damaged".to_owned());
        }
        if !(1..=MAX_TREES).contains(&self.trees.len())
            || self.grown > MOST_GROWN
            || (self.grown as usize) < self.trees.len()
        {
            return Err(format!("forest: {} trees of {} are impossible", self.trees.len(), self.grown));
        }
        match self.trees.iter().position(|tree| !tree.is_sound(self.features, self.dims() as u32)) {
            Some(at) => Err(format!("forest: tree {at} is damaged")),
            None => Ok(()),
        }
    }

    /// Trees in the order for many rows, if there are many and the trees, whose cuts look at one feature each, allow it.
    fn ranked(&self, rows: usize) -> Option<&Ranked> {
        if rows < MANY || self.dims() > 1 || self.recipe.ranged {
            return None;
        }
        self.prepared.ranked.get_or_init(|| Ranked::of(&self.trees, self.features as usize)).as_ref()
    }

    /// The same for sloped cuts.
    fn sloped(&self, rows: usize) -> Option<&Sloped> {
        if rows < MANY || self.dims() != sloped::DIMS {
            return None;
        }
        self.prepared.sloped.get_or_init(|| Sloped::of(&self.trees)).as_ref()
    }

    /// Adds the path lengths of rows, one behind the other, to their sums, as they walk.
    fn add_paths(&self, rows: &[f32], sums: &mut [f64]) {
        let width = self.features as usize;
        let mut values = Vec::with_capacity(rows.len());
        self.prepare(rows, &mut values);
        match self.prepared.walks.get_or_init(|| Walks::of(&self.trees)) {
            Some(walks) => walks.add_paths(width, &values, self.recipe.ranged, sums),
            None => {
                for (row, sum) in values.chunks_exact(width).zip(sums) {
                    self.trees.iter().for_each(|tree| *sum += tree.path(row));
                }
            }
        }
    }

    /// The scores of many rows, from the sums of their path lengths.
    fn score_ranked(
        &self,
        ranked: &Ranked,
        rows: ArrayView2<'_, f32>,
        score_of: impl Fn(f64) -> f64 + Sync,
    ) -> Array1<f64> {
        let (mut scores, width) = (vec![0.0; rows.nrows()], rows.ncols());
        let rows = rows.as_standard_layout();
        let blocks = rows.as_slice().unwrap_or_default().par_chunks(ROWS * width);
        blocks.zip(scores.par_chunks_mut(ROWS)).for_each_init(Space::new, |space, (rows, scores)| {
            ranked.add_paths(rows, width, &self.centre, space, scores);
            scores.iter_mut().for_each(|score| *score = score_of(*score));
        });
        Array1::from(scores)
    }
}

impl Detector for IsolationForest {
    /// 2^(−E\[h\] / c(ψ)).
    fn score(&self, rows: ArrayView2<'_, f32>) -> Array1<f64> {
        let score_of_path = self.score_of_path();
        let count = self.trees.len() as f64;
        if let Some(ranked) = self.ranked(rows.nrows()) {
            return self.score_ranked(ranked, rows, |path| score_of_path(path / count));
        }
        let sloped = self.sloped(rows.nrows());
        score_blocks(rows, |rows, scores| {
            match sloped {
                Some(sloped) => sloped.add_paths(rows, &self.centre, self.recipe.ranged, scores),
                None => self.add_paths(rows, scores),
            }
            for score in scores {
                *score = score_of_path(*score / count);
            }
        })
    }

    /// [`IsolationForest::shortened_by`], in units of the score; the baseline is the score of the mean training path.
    fn explain(&self, row: ArrayView1<'_, f32>) -> Vec<f64> {
        let steps = self.shortened_by(row);
        let (baseline, score_of_path) = (self.baseline_path(), self.score_of_path());
        let shorter: f64 = steps.iter().sum();
        let gained = score_of_path(baseline - shorter) - score_of_path(baseline);
        // The score is monotone in the path, so this share is positive and the order of the features stays.
        let share = if shorter.abs() > 1e-12 { gained / shorter } else { 0.0 };
        steps.into_iter().map(|steps| steps * share).collect()
    }
}

impl<D: Data<Elem = f32>> PredictInplace<ArrayBase<D, Ix2>, Array1<f64>> for IsolationForest {
    fn predict_inplace<'a>(&'a self, rows: &'a ArrayBase<D, Ix2>, scores: &mut Array1<f64>) {
        *scores = self.score(rows.view());
    }

    fn default_target(&self, rows: &ArrayBase<D, Ix2>) -> Array1<f64> {
        Array1::zeros(rows.nrows())
    }
}
