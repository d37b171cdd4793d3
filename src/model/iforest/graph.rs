//! A forest as a graph.

use super::{IsolationForest, Tree};
use crate::model::onnx::{Of, Value};

impl IsolationForest {
    /// The scores of scaled rows (float), as a column: all trees are one table of nodes, in which every row stands in every tree,
    /// and takes as many steps as the highest tree has; from a leaf it stays.
    pub(in crate::model) fn graph<'g>(&self, rows: &Value<'g>) -> Value<'g> {
        let (graph, dims) = (rows.graph(), self.dims());
        let firsts = self.trees.iter().scan(0_i64, |next, tree| {
            let first = *next;
            *next += tree.nodes.len() as i64;
            Some(first)
        });
        let firsts: Vec<i64> = firsts.collect();
        let count: usize = self.trees.iter().map(|tree| tree.nodes.len()).sum();
        let nodes = || self.trees.iter().flat_map(|tree| &tree.nodes);
        let shifted = |(tree, first): (&Tree, &i64)| {
            let first = *first;
            tree.nodes.iter().map(move |node| first + i64::from(node.left)).collect::<Vec<_>>()
        };
        let lefts = graph.integers(&[count], self.trees.iter().zip(&firsts).flat_map(shifted));
        // What is not reached is the same as NaN, and every runtime compares it alike.
        let reached = |threshold: f32| if threshold.is_nan() { f32::INFINITY } else { threshold };
        let thresholds = graph.floats(&[count], nodes().map(|node| reached(node.threshold)));
        let ranges = self.recipe.ranged.then(|| graph.floats(&[count], nodes().map(|node| node.range)));
        let paths = graph.doubles(&[count], nodes().map(|node| f64::from(node.path)));
        let features: Vec<Value<'g>> = (0..dims)
            .map(|dim| {
                let features = self.trees.iter().flat_map(|tree| tree.features.iter().skip(dim).step_by(dims));
                graph.integers(&[count], features.map(|&feature| i64::from(feature)))
            })
            .collect();
        let weights: Vec<Value<'g>> = (0..if dims > 1 { dims } else { 0 })
            .map(|dim| {
                let weights = self.trees.iter().flat_map(|tree| tree.weights.iter().skip(dim).step_by(dims));
                graph.floats(&[count], weights.copied())
            })
            .collect();

        let rows = if dims > 1 {
            rows - graph.floats(&[1, self.centre.len()], self.centre.iter().copied())
        } else {
            rows.clone()
        };
        let roots = graph.integers(&[1, firsts.len()], firsts);
        let mut at = roots.with("Expand", &graph.shape(&rows, 1));
        let mut outside: Option<Value<'g>> = None;
        for _ in 0..self.trees.iter().map(|tree| tree.height).max().unwrap_or(0) {
            let seen = |dim: usize| {
                let value = rows.in_columns(&features[dim].at(&at, 0));
                weights.get(dim).map_or(value.clone(), |weights| weights.at(&at, 0) * value)
            };
            let value = (1..dims).fold(seen(0), |sum, dim| sum + seen(dim));
            let threshold = thresholds.at(&at, 0);
            if let Some(ranges) = &ranges {
                let beyond = (&value - &threshold).op("Abs").with("Greater", &ranges.at(&at, 0)).to(Of::Double);
                outside = Some(outside.map_or(beyond.clone(), |outside| outside + beyond));
            }
            at = lefts.at(&at, 0) + value.with("GreaterOrEqual", &threshold).to(Of::Integer);
        }
        let path = paths.at(&at, 0);
        let path = outside.map_or(path.clone(), |outside| path - outside);
        let scale = super::mean_search_path(self.samples as usize);
        // A forest grown on a single row knows nothing and says 0.5.
        let halves = if scale > 0.0 { -1.0 / (scale * self.trees.len() as f64) } else { 0.0 };
        let mean = path.sum(1) * graph.double(halves);
        if scale > 0.0 { graph.double(2.0).with("Pow", &mean) } else { mean + graph.double(0.5) }
    }
}
