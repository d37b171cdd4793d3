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

/// A cut as one who knows only leaves sees it: they are numbered from left to right, and a row that is in a node has the number of the
/// node's first leaf.
pub(super) struct Turn {
    pub node: usize,
    /// The node's first leaf.
    pub first: usize,
    /// How many leaves lie on the left: a row that goes right skips them.
    pub skip: usize,
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

    /// The same in the room of `DIMS` features, which are no fewer than a cut looks at. A feature that has no weight has 1.
    pub fn slope<const DIMS: usize>(&self, node: usize) -> ([u32; DIMS], [f32; DIMS]) {
        let (cut, mut features, mut weights) = (self.cut(node), [0; DIMS], [1.0; DIMS]);
        features[..cut.0.len()].copy_from_slice(cut.0);
        weights[..cut.1.len()].copy_from_slice(cut.1);
        (features, weights)
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

    /// The path length of a prepared row.
    pub fn path(&self, row: &[f32]) -> f64 {
        let (mut leaf, mut outside) = (0, 0_u32);
        self.walk(row, |step| (leaf, outside) = (step.to, outside + u32::from(step.outside)));
        f64::from(self.nodes[leaf].path) - f64::from(outside)
    }

    /// The cuts, each before those below it, and the path lengths of the leaves. In this order exactly the rows of a node have its
    /// first leaf's number when its turn comes.
    pub fn turns(&self) -> (Vec<Turn>, Vec<f32>) {
        // The number of leaves below each node: children stand behind their parents.
        let mut leaves = vec![1; self.nodes.len()];
        for (at, node) in self.nodes.iter().enumerate().rev() {
            let left = node.left as usize;
            if left != at {
                leaves[at] = leaves[left] + leaves[left + 1];
            }
        }
        let (mut turns, mut paths) = (Vec::with_capacity(leaves[0] - 1), vec![0.0; leaves[0]]);
        let mut open = vec![(0, 0)];
        while let Some((node, first)) = open.pop() {
            let left = self.nodes[node].left as usize;
            if left == node {
                paths[first] = self.nodes[node].path;
                continue;
            }
            let skip = leaves[left];
            turns.push(Turn { node, first, skip });
            open.extend([(left + 1, first + skip), (left, first)]);
        }
        (turns, paths)
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
