//! Isolation forest: a row that few random cuts separate from the others is an anomaly.
//!
//! Liu, Ting, Zhou: Isolation Forest, ICDM 2008. Explained after Saabas (Interpreting random forests, 2014) and Carletti,
//! Terzi, Susto (DIFFI, 2019): every step down a tree changes the path length that is to be expected, and the feature
//! that was cut at that step is credited with the change.

use linfa::dataset::DatasetBase;
use linfa::traits::{Fit, PredictInplace};
use ndarray::{Array1, ArrayBase, ArrayView1, ArrayView2, Data, Ix2};
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256Plus;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Detector, score_blocks};

mod params;
use params::MAX_SAMPLES;
pub use params::{ForestError, IsolationForestParams, IsolationForestValidParams};

/// A fitted forest. Scores lie in (0, 1): near 1 for a row that is cut off at once, 0.5 for one like all others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IsolationForest {
    features: u32,
    /// Rows that each tree was grown on.
    samples: u32,
    /// No leaf lies deeper.
    height: u32,
    /// Where each tree begins in `nodes`.
    roots: Vec<u32>,
    nodes: Vec<Node>,
}

/// A cut: values at or above the threshold go to `left + 1`, others (and NaN) to `left`, both counted from the root.
///
/// A leaf is its own left child and its threshold is NaN, which nothing reaches: to walk on from a leaf is to stay. So
/// every row takes `height` steps without a branch that the processor could guess wrongly, and the steps of several rows
/// overlap.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Node {
    feature: u32,
    threshold: f32,
    left: u32,
    /// The mean path length of the samples that came through here, from the root; in a leaf the path length itself.
    path: f32,
}

impl PartialEq for Node {
    /// By bits, so that a leaf equals itself.
    fn eq(&self, other: &Self) -> bool {
        let key = |node: &Self| (node.feature, node.threshold.to_bits(), node.left, node.path.to_bits());
        key(self) == key(other)
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
        if let Some(((i, j), _)) = rows.indexed_iter().find(|(_, value)| !value.is_finite()) {
            return Err(ForestError::NotFinite(i, j));
        }
        let samples = self.samples.min(count);
        let height = samples.next_power_of_two().ilog2();
        // Jumps make the streams of neighbouring trees disjoint; a tree depends on the seed and its number alone.
        let mut rng = Xoshiro256Plus::seed_from_u64(self.seed);
        let streams: Vec<_> = std::iter::repeat_with(|| {
            rng.jump();
            rng.clone()
        })
        .take(self.trees)
        .collect();
        let trees: Vec<Vec<Node>> = streams.into_par_iter().map(|rng| Tree::grow(rows, samples, height, rng)).collect();

        let mut roots = Vec::with_capacity(trees.len());
        let mut nodes = Vec::with_capacity(trees.iter().map(Vec::len).sum());
        for tree in trees {
            roots.push(nodes.len() as u32);
            nodes.extend(tree);
        }
        Ok(IsolationForest { features: features as u32, samples: samples as u32, height, roots, nodes })
    }
}

/// A tree while it grows.
struct Tree {
    /// The sample, column by column.
    columns: Vec<f32>,
    samples: usize,
    height: u32,
    rng: Xoshiro256Plus,
    nodes: Vec<Node>,
}

impl Tree {
    fn grow(rows: ArrayView2<'_, f32>, samples: usize, height: u32, mut rng: Xoshiro256Plus) -> Vec<Node> {
        let chosen = rand::seq::index::sample(&mut rng, rows.nrows(), samples).into_vec();
        let columns = rows.columns().into_iter().flat_map(|column| chosen.iter().map(move |&i| column[i])).collect();
        let mut members: Vec<u32> = (0..samples as u32).collect();
        let mut varying: Vec<u32> = (0..rows.ncols() as u32).collect();
        let root = Node { feature: 0, threshold: f32::NAN, left: 0, path: 0.0 };
        let mut tree = Self { columns, samples, height, rng, nodes: vec![root] };
        tree.cut(0, 0, &mut members, &mut varying);
        tree.nodes
    }

    /// Cuts `members` at node `at` until each is alone, and returns their mean path length. Of the features in `varying`
    /// some may turn out to be constant among the members: another is drawn instead. A node that gives up because it
    /// drew a constant makes rows look crowded that were only looked at from the wrong side.
    fn cut(&mut self, at: usize, depth: u32, members: &mut [u32], mut varying: &mut [u32]) -> f64 {
        while depth < self.height && members.len() > 1 && !varying.is_empty() {
            let drawn = self.rng.gen_range(0..varying.len());
            let feature = varying[drawn];
            let column = &self.columns[feature as usize * self.samples..][..self.samples];
            let (min, max) = members.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(min, max), &i| {
                (min.min(column[i as usize]), max.max(column[i as usize]))
            });
            if min == max {
                let last = varying.len() - 1;
                varying.swap(drawn, last);
                varying = &mut varying[..last];
                continue;
            }
            let between = f64::from(min) + self.rng.r#gen::<f64>() * (f64::from(max) - f64::from(min));
            // Rounding must not leave a side empty.
            let threshold = if between as f32 > min { (between as f32).min(max) } else { max };
            let (below, above) = partition(members, |&i| column[i as usize] < threshold);
            let left = self.nodes.len();
            self.nodes.extend([self.nodes[at]; 2]);
            let paths = self.cut(left, depth + 1, below, varying) * below.len() as f64
                + self.cut(left + 1, depth + 1, above, varying) * above.len() as f64;
            let path = paths / (below.len() + above.len()) as f64;
            self.nodes[at] = Node { feature, threshold, left: left as u32, path: path as f32 };
            return path;
        }
        let path = f64::from(depth) + mean_search_path(members.len());
        self.nodes[at] = Node { feature: 0, threshold: f32::NAN, left: at as u32, path: path as f32 };
        path
    }
}

/// Moves those for which `first` holds to the front and returns both parts.
fn partition(members: &mut [u32], first: impl Fn(&u32) -> bool) -> (&mut [u32], &mut [u32]) {
    let mut front = 0;
    for i in 0..members.len() {
        if first(&members[i]) {
            members.swap(front, i);
            front += 1;
        }
    }
    members.split_at_mut(front)
}

/// c(n) of the paper: the mean path of an unsuccessful search in a binary search tree of `n` keys.
fn mean_search_path(n: usize) -> f64 {
    let harmonic: f64 = (1..n).map(|i| 1.0 / i as f64).sum();
    if n > 1 { 2.0 * harmonic - 2.0 * (n - 1) as f64 / n as f64 } else { 0.0 }
}

impl IsolationForest {
    /// Parameters with the paper's 256 samples a tree, 200 trees and seed 0.
    pub fn params() -> IsolationForestParams {
        IsolationForestParams::default()
    }

    fn trees(&self) -> impl Iterator<Item = &[Node]> {
        let ends = self.roots.iter().skip(1).copied().chain([self.nodes.len() as u32]);
        self.roots.iter().zip(ends).map(|(&start, end)| &self.nodes[start as usize..end as usize])
    }

    /// The score of a mean path, 2^(−path / c(ψ)); a forest grown on a single row knows nothing and says 0.5.
    fn score_of_path(&self) -> impl Fn(f64) -> f64 + Sync {
        let scale = mean_search_path(self.samples as usize);
        move |path| if scale > 0.0 { (-path / scale).exp2() } else { 0.5 }
    }

    /// The path length that the training rows have on average.
    pub fn baseline_path(&self) -> f64 {
        self.trees().map(|tree| f64::from(tree[0].path)).sum::<f64>() / self.roots.len() as f64
    }

    /// By how many steps each feature shortens the row's mean path: the sum is [`Self::baseline_path`] less that path.
    /// The row has as many values as the forest has features.
    pub fn shortened_by(&self, row: ArrayView1<'_, f32>) -> Vec<f64> {
        let mut steps = vec![0.0; self.features as usize];
        for tree in self.trees() {
            let mut node = &tree[0];
            for _ in 0..self.height {
                let next = &tree[node.next(row[node.feature as usize])];
                steps[node.feature as usize] += f64::from(node.path) - f64::from(next.path);
                node = next;
            }
        }
        steps.iter_mut().for_each(|steps| *steps /= self.roots.len() as f64);
        steps
    }

    /// Whether what was read from a file can be used with `features` features: every index inside its tree, every node
    /// but the root the child of exactly one earlier node.
    pub fn check(&self, features: usize) -> Result<(), String> {
        if self.features as usize != features || features == 0 {
            return Err(format!("forest: made for {} features, not {features}", self.features));
        }
        if self.samples == 0 || self.samples as usize > MAX_SAMPLES || self.height > MAX_SAMPLES.ilog2() {
            return Err(format!("forest: {} samples and height {} are impossible", self.samples, self.height));
        }
        let ascending = self.roots.first() == Some(&0) && self.roots.is_sorted_by(|a, b| a < b);
        if !ascending || self.roots.last().is_none_or(|&last| last as usize >= self.nodes.len()) {
            return Err("forest: its roots are out of place".to_owned());
        }
        match self.trees().position(|tree| !self.is_sound(tree)) {
            Some(at) => Err(format!("forest: tree {at} is damaged")),
            None => Ok(()),
        }
    }

    fn is_sound(&self, tree: &[Node]) -> bool {
        // The depth of every node that an earlier one leads to.
        let mut depths = vec![None; tree.len()];
        depths[0] = Some(0);
        tree.iter().enumerate().all(|(at, node)| {
            let Some(depth) = depths[at] else { return false };
            let left = node.left as usize;
            if node.feature >= self.features || !node.path.is_finite() || depth > self.height {
                return false;
            }
            if left == at {
                return node.threshold.is_nan();
            }
            let Some(children) = left.checked_add(2).and_then(|end| depths.get_mut(left..end)) else { return false };
            let fresh = children.iter().all(Option::is_none);
            children.fill(Some(depth + 1));
            left > at && fresh && node.threshold.is_finite()
        })
    }
}

impl Node {
    fn next(&self, value: f32) -> usize {
        self.left as usize + usize::from(value >= self.threshold)
    }
}

/// Adds the path length of each row to its sum. A handful of rows walk abreast, so that their memory accesses overlap.
fn add_paths(tree: &[Node], height: u32, width: usize, rows: &[f32], sums: &mut [f64]) {
    const ABREAST: usize = 8;
    for (rows, sums) in rows.chunks(ABREAST * width).zip(sums.chunks_mut(ABREAST)) {
        let mut at = [0; ABREAST];
        for _ in 0..height {
            for (at, row) in at.iter_mut().zip(rows.chunks_exact(width)) {
                let node = &tree[*at];
                *at = node.next(row[node.feature as usize]);
            }
        }
        for (sum, at) in sums.iter_mut().zip(at) {
            *sum += f64::from(tree[at].path);
        }
    }
}

impl Detector for IsolationForest {
    /// 2^(−E\[h\] / c(ψ)), in (0, 1).
    fn score(&self, rows: ArrayView2<'_, f32>) -> Array1<f64> {
        let width = rows.ncols();
        let score_of_path = self.score_of_path();
        score_blocks(rows, |rows, scores| {
            for tree in self.trees() {
                add_paths(tree, self.height, width, rows, scores);
            }
            for score in scores {
                *score = score_of_path(*score / self.roots.len() as f64);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::{auc, blob, in_pool};
    use linfa::traits::Predict;
    use ndarray::{Array2, Axis, Slice, array, concatenate};

    fn fit(rows: &Array2<f32>) -> IsolationForest {
        IsolationForest::params().trees(50).seed(7).fit(&DatasetBase::from(rows.view())).unwrap()
    }

    #[test]
    fn the_mean_search_path_is_that_of_the_paper() {
        assert_eq!(mean_search_path(1), 0.0);
        assert_eq!(mean_search_path(2), 1.0);
        // 2 (1 + 1/2) − 2 · 2/3
        assert!((mean_search_path(3) - 5.0 / 3.0).abs() < 1e-12);
        // The paper's 10.2448 takes ln i + 0.5772 for the harmonic number.
        assert!((mean_search_path(256) - 10.2487).abs() < 1e-4);
    }

    #[test]
    fn two_rows_are_cut_apart_once() {
        let forest = fit(&array![[0.0, 5.0], [1.0, 5.0]]);
        assert_eq!(forest.height, 1);
        // A root and two leaves each; feature 1 is constant and never cut.
        assert_eq!(forest.nodes.len(), 150);
        assert!(forest.nodes.iter().all(|node| node.feature == 0 && node.path == 1.0));
        let scores = forest.predict(&array![[0.0_f32, 5.0], [1.0, 5.0], [9.0, 9.0]]);
        assert_eq!(scores, array![0.5, 0.5, 0.5]);
    }

    #[test]
    fn constant_features_are_drawn_again() {
        let mut rows = blob(300, 20, 1);
        rows.slice_axis_mut(Axis(1), Slice::from(1..)).fill(4.0);
        let forest = fit(&rows);
        // Were they not, nineteen trees in twenty would be a single leaf.
        assert!(forest.trees().all(|tree| tree.len() > 30));
        let mut far = rows.row(0).to_owned();
        far[0] = 30.0;
        assert!(forest.score(far.view().insert_axis(Axis(0)))[0] > 0.7);
    }

    #[test]
    fn rows_that_are_all_equal_or_alone_score_a_half() {
        for rows in [Array2::from_elem((40, 3), 2.5), array![[1.0, 2.0, 3.0]]] {
            let forest = fit(&rows);
            assert_eq!(forest.check(3), Ok(()));
            for score in forest.predict(&array![[2.5_f32, 2.5, 2.5], [1e3, -1e3, 0.0]]) {
                assert!((score - 0.5).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn outliers_score_higher_than_the_blob() {
        let benign = blob(2000, 8, 3);
        let outliers = blob(60, 8, 4) * 4.0;
        let both = concatenate(Axis(0), &[benign.view(), outliers.view()]).unwrap();
        let scores = fit(&both).predict(&both);
        let auc = {
            let (benign, outliers) = scores.view().split_at(Axis(0), 2000);
            auc(benign, outliers)
        };
        assert!(auc > 0.98, "{auc}");
    }

    #[test]
    fn contributions_sum_to_what_the_path_is_shorter_and_name_the_feature() {
        let rows = blob(1000, 6, 5);
        let forest = fit(&rows);
        let mut odd = rows.row(0).to_owned();
        odd[4] = 12.0;
        let score = forest.score(odd.view().insert_axis(Axis(0)))[0];
        let path = -score.log2() * mean_search_path(256);
        let steps = forest.shortened_by(odd.view());
        assert!((steps.iter().sum::<f64>() - (forest.baseline_path() - path)).abs() < 1e-9);
        let contributions = forest.explain(odd.view());
        let baseline = forest.score_of_path()(forest.baseline_path());
        assert!((contributions.iter().sum::<f64>() - (score - baseline)).abs() < 1e-9);
        assert!(contributions.iter().enumerate().all(|(i, &c)| i == 4 || c < contributions[4] / 3.0));
    }

    #[test]
    fn neither_threads_nor_neighbours_change_a_bit() {
        let rows = blob(700, 5, 6);
        let run = || {
            let forest = fit(&rows);
            let scores = forest.score(rows.view());
            (forest, scores)
        };
        let (forest, scores) = in_pool(1, run);
        assert_eq!(in_pool(2, run), (forest.clone(), scores.clone()));
        for i in [0, 127, 128, 699] {
            assert_eq!(forest.score(rows.slice_axis(Axis(0), Slice::from(i..=i)))[0].to_bits(), scores[i].to_bits());
        }
        // Column-major rows, as a table gives them.
        assert_eq!(forest.score(rows.t().as_standard_layout().t()), scores);
    }

    #[test]
    fn a_forest_survives_its_file_to_the_bit() {
        let forest = fit(&blob(300, 4, 9));
        let bytes = bincode::serde::encode_to_vec(&forest, bincode::config::standard()).unwrap();
        let (read, _) = bincode::serde::decode_from_slice(&bytes, bincode::config::standard()).unwrap();
        assert_eq!(forest, read);
        assert_eq!(read.check(4), Ok(()));
    }

    #[test]
    fn bad_parameters_and_rows_are_refused() {
        let params = IsolationForest::params;
        let rows = DatasetBase::from(array![[1.0_f32], [f32::NAN]]);
        assert!(matches!(params().trees(0).fit(&rows), Err(ForestError::Trees(0))));
        assert!(matches!(params().samples(1).fit(&rows), Err(ForestError::Samples(1))));
        assert!(matches!(params().fit(&rows), Err(ForestError::NotFinite(1, 0))));
        let none = DatasetBase::from(Array2::<f32>::zeros((0, 3)));
        assert!(matches!(params().fit(&none), Err(ForestError::Empty(0, 3))));
    }

    #[test]
    fn a_damaged_forest_is_refused() {
        let good = fit(&blob(300, 4, 8));
        assert_eq!(good.check(4), Ok(()));
        assert!(good.check(5).is_err());
        let inner = good.nodes.iter().position(|node| !node.threshold.is_nan()).unwrap();
        let leaf = good.nodes.iter().position(|node| node.threshold.is_nan()).unwrap();
        let damages: [&dyn Fn(&mut IsolationForest); 10] = [
            &|forest| forest.nodes[inner].feature = 4,
            &|forest| forest.nodes[inner].left = u32::MAX,
            &|forest| forest.nodes[inner].left = inner as u32,
            &|forest| forest.nodes[inner].left += 1,
            &|forest| forest.nodes[inner].threshold = f32::NAN,
            &|forest| forest.nodes[leaf].threshold = 0.0,
            &|forest| forest.nodes[leaf].path = f32::INFINITY,
            &|forest| forest.height = 3,
            &|forest| forest.roots[1] = u32::MAX,
            &|forest| forest.roots.clear(),
        ];
        for (i, damage) in damages.iter().enumerate() {
            let mut bad = good.clone();
            damage(&mut bad);
            assert!(bad.check(4).is_err(), "damage {i}");
        }
    }
}
