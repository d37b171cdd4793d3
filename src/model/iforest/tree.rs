//! A tree, and rows that walk down it.

use serde::{Deserialize, Serialize};

/// A fitted tree. Node `i` looks at features `i · dims ..` of `features`, each with its weight if there are several.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Tree {
    /// The depth of its deepest leaf.
    pub height: u32,
    pub nodes: Vec<Node>,
    pub features: Vec<u32>,
    /// Empty where a cut looks at one feature.
    pub weights: Vec<f32>,
    dims: u32,
}

/// A cut: rows at or above the threshold go to `left + 1`, others to `left`.
///
/// A leaf is its own left child and its threshold is NaN, which nothing reaches: to walk on from a leaf is to stay. So
/// rows walk abreast, without a branch that the processor could guess wrongly, and their steps overlap.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Node {
    pub threshold: f32,
    pub left: u32,
    /// The mean path length of the samples that came through here, from the root; in a leaf the path length itself.
    pub path: f32,
    /// A row farther than this from the threshold loses a step; infinite where none does.
    pub range: f32,
}

impl PartialEq for Node {
    /// By bits, so that a leaf equals itself.
    fn eq(&self, other: &Self) -> bool {
        let key = |node: &Self| (node.threshold.to_bits(), node.left, node.path.to_bits(), node.range.to_bits());
        key(self) == key(other)
    }
}

/// A value as trees see it. What is missing lies at the centre of the training rows; where cuts are sloped, the centre is
/// the origin, so that sums do not lose what is small beside what is large.
pub(super) fn prepared(value: f32, centre: f32, dims: usize) -> f32 {
    match (value.is_nan(), dims) {
        (false, 1) => value,
        (true, 1) => centre,
        (false, _) => value - centre,
        (true, _) => 0.0,
    }
}

/// How far a row lies along a sloped direction. In one order, and in `f32`, so that fitting and scoring agree to the bit.
pub(super) fn along(features: &[u32], weights: &[f32], at: impl Fn(usize) -> f32) -> f32 {
    features.iter().zip(weights).fold(0.0, |sum, (&feature, weight)| sum + weight * at(feature as usize))
}

/// What a row's way down says of it.
pub(super) struct Step {
    /// The node that it comes from, and the one that it goes to.
    pub from: usize,
    pub to: usize,
    /// Whether it loses a step here.
    pub outside: bool,
}

impl Tree {
    /// A single leaf.
    pub fn sapling(dims: usize) -> Self {
        let leaf = Node { threshold: f32::NAN, left: 0, path: 0.0, range: f32::INFINITY };
        let weights = if dims > 1 { vec![0.0; dims] } else { Vec::new() };
        Self { height: 0, nodes: vec![leaf], features: vec![0; dims], weights, dims: dims as u32 }
    }

    /// Makes the leaf `at` a cut between two new leaves, and returns the lower one.
    pub fn push_cut(&mut self, at: usize, features: &[u32], weights: &[f32], threshold: f32) -> usize {
        let (left, dims) = (self.nodes.len(), self.dims());
        self.features[at * dims..][..features.len()].copy_from_slice(features);
        if dims > 1 {
            self.weights[at * dims..][..weights.len()].copy_from_slice(weights);
            self.weights.resize((left + 2) * dims, 0.0);
        }
        self.features.resize((left + 2) * dims, 0);
        self.nodes[at].threshold = threshold;
        self.nodes[at].left = left as u32;
        let leaf = |left: usize| Node { threshold: f32::NAN, left: left as u32, path: 0.0, range: f32::INFINITY };
        self.nodes.extend([leaf(left), leaf(left + 1)]);
        left
    }

    /// The features that a cut looks at.
    pub fn dims(&self) -> usize {
        self.dims as usize
    }

    /// The features of a node's cut, and their weights if there are several.
    pub fn cut(&self, node: usize) -> (&[u32], &[f32]) {
        let part = node * self.dims()..(node + 1) * self.dims();
        (&self.features[part.clone()], self.weights.get(part).unwrap_or(&[]))
    }

    /// Walks a prepared row down to its leaf.
    pub fn walk(&self, row: &[f32], mut step: impl FnMut(Step)) {
        let mut at = 0;
        while self.nodes[at].left as usize != at {
            let node = &self.nodes[at];
            let (features, weights) = self.cut(at);
            let value = match features {
                [feature] => row[*feature as usize],
                _ => along(features, weights, |feature| row[feature]),
            };
            let to = node.left as usize + usize::from(value >= node.threshold);
            step(Step { from: at, to, outside: (value - node.threshold).abs() > node.range });
            at = to;
        }
    }

    /// Whether what was read from a file is a tree over so many features: as many features and weights as its nodes need,
    /// every index in range, every node but the root the child of exactly one earlier node.
    pub fn is_sound(&self, features: u32, dims: u32) -> bool {
        let entries = self.nodes.len().checked_mul(dims as usize);
        if self.dims != dims
            || self.nodes.is_empty()
            || entries != Some(self.features.len())
            || self.weights.len() != if dims > 1 { self.features.len() } else { 0 }
            || self.features.iter().any(|&feature| feature >= features)
            || self.weights.iter().any(|weight| !weight.is_finite())
        {
            return false;
        }
        // The depth of every node that an earlier one leads to.
        let mut depths = vec![None; self.nodes.len()];
        depths[0] = Some(0);
        let mut deepest = 0;
        let all = self.nodes.iter().enumerate().all(|(at, node)| {
            let Some(depth) = depths[at] else { return false };
            let left = node.left as usize;
            if !node.path.is_finite() || node.range.is_nan() || node.range < 0.0 {
                return false;
            }
            deepest = deepest.max(depth);
            if left == at {
                return node.threshold.is_nan() && node.range == f32::INFINITY;
            }
            let Some(children) = left.checked_add(2).and_then(|end| depths.get_mut(left..end)) else { return false };
            let fresh = children.iter().all(Option::is_none);
            children.fill(Some(depth + 1));
            left > at && fresh && node.threshold.is_finite()
        });
        all && deepest == self.height
    }
}

/// Adds the path lengths of prepared rows in all trees to their sums, tree by tree. The trees' cuts look at equally many
/// features.
pub(super) fn add_paths(trees: &[Tree], width: usize, rows: &[f32], ranged: bool, sums: &mut [f64]) {
    let dims = trees.first().map_or(1, Tree::dims);
    match (dims, ranged) {
        (1, false) => add_paths_of::<1, false>(trees, width, rows, sums),
        (1, true) => add_paths_of::<1, true>(trees, width, rows, sums),
        (2, false) => add_paths_of::<2, false>(trees, width, rows, sums),
        (2, true) => add_paths_of::<2, true>(trees, width, rows, sums),
        (3, false) => add_paths_of::<3, false>(trees, width, rows, sums),
        (_, false) => add_paths_of::<0, false>(trees, width, rows, sums),
        (_, true) => add_paths_of::<0, true>(trees, width, rows, sums),
    }
}

/// The same for cuts of `DIMS` features (0: any number), with or without ranges.
fn add_paths_of<const DIMS: usize, const RANGED: bool>(trees: &[Tree], width: usize, rows: &[f32], sums: &mut [f64]) {
    if let [sum] = sums {
        // A row that comes alone, as live ones do: here it is trees that are gone down together.
        const ABREAST: usize = 4;
        let (several, rest) = trees.as_chunks::<ABREAST>();
        for trees in several {
            let paths = descend::<DIMS, RANGED, ABREAST>(|i| &trees[i], [rows; ABREAST]);
            paths.iter().for_each(|path| *sum += path);
        }
        rest.iter().for_each(|tree| *sum += descend::<DIMS, RANGED, 1>(|_| tree, [rows])[0]);
        return;
    }
    for tree in trees {
        const ABREAST: usize = 8;
        let row = |i: usize| &rows[i * width..][..width];
        let (several, rest) = sums.as_chunks_mut::<ABREAST>();
        let walked = several.len() * ABREAST;
        for (at, sums) in several.iter_mut().enumerate() {
            let rows = std::array::from_fn(|i| row(at * ABREAST + i));
            let paths = descend::<DIMS, RANGED, ABREAST>(|_| tree, rows);
            sums.iter_mut().zip(paths).for_each(|(sum, path)| *sum += path);
        }
        for (at, sum) in rest.iter_mut().enumerate() {
            *sum += descend::<DIMS, RANGED, 1>(|_| tree, [row(walked + at)])[0];
        }
    }
}

/// The path lengths of rows, each in its tree (a function, so that a tree that all share is known to be one): all of them step together, so that their memory accesses overlap.
#[inline(always)]
fn descend<'a, const DIMS: usize, const RANGED: bool, const ABREAST: usize>(
    tree_of: impl Fn(usize) -> &'a Tree,
    rows: [&[f32]; ABREAST],
) -> [f64; ABREAST] {
    /// In deep trees most have long arrived when the last one does, so every few steps it is asked whether all have.
    const STRIDE: u32 = 4;
    let height = (0..ABREAST).map(|i| tree_of(i).height).max().unwrap_or(0);
    let mut at = [0; ABREAST];
    let mut outside = [0_u32; ABREAST];
    let mut walked = 0;
    while walked < height {
        let before = at;
        for _ in 0..STRIDE.min(height - walked) {
            for i in 0..ABREAST {
                let (tree, row) = (tree_of(i), rows[i]);
                let node = &tree.nodes[at[i]];
                let value = if DIMS == 1 {
                    row[tree.features[at[i]] as usize]
                } else {
                    let dims = if DIMS == 0 { tree.dims() } else { DIMS };
                    let cut = at[i] * dims..(at[i] + 1) * dims;
                    along(&tree.features[cut.clone()], &tree.weights[cut], |feature| row[feature])
                };
                at[i] = node.left as usize + usize::from(value >= node.threshold);
                if RANGED {
                    outside[i] += u32::from((value - node.threshold).abs() > node.range);
                }
            }
        }
        if before == at {
            break;
        }
        walked += STRIDE;
    }
    std::array::from_fn(|i| f64::from(tree_of(i).nodes[at[i]].path) - f64::from(outside[i]))
}
