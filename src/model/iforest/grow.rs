//! How a tree grows.

use ndarray::ArrayView2;
use rand::Rng;
use rand_xoshiro::Xoshiro256Plus;

use super::params::{Depth, Place, Recipe, Weights};
use super::place::{Found, Search};
use super::tree::{Node, Tree, along, prepared};

/// What all trees of a forest have in common.
pub(super) struct Ground<'a> {
    /// Rows to draw samples from.
    pub rows: ArrayView2<'a, f32>,
    pub recipe: Recipe,
    /// Features a cut looks at.
    pub dims: usize,
    pub samples: usize,
    /// What stands for a missing value, and the origin of sloped cuts.
    pub centre: &'a [f32],
    /// The mean search path for every number of rows up to `samples`.
    pub paths: &'a [f64],
}

/// A part of the sample that is still to be cut.
struct Part {
    node: usize,
    depth: u32,
    /// Its members.
    from: usize,
    to: usize,
    /// How many features may still vary among them.
    varying: usize,
}

/// A direction and where it is cut.
struct Cut {
    features: Vec<u32>,
    weights: Vec<f32>,
    found: Found,
    /// The width of what it sees.
    range: f32,
}

struct Grower<'g, 'r> {
    ground: &'g Ground<'r>,
    rng: Xoshiro256Plus,
    /// The sample, column by column.
    columns: Vec<f32>,
    /// Features; the first `varying` of a part may vary in it.
    features: Vec<u32>,
    search: Search,
    values: Vec<f32>,
}

/// Grows a tree on a sample of the rows.
pub(super) fn grow(ground: &Ground<'_>, mut rng: Xoshiro256Plus) -> Tree {
    let (samples, dims) = (ground.samples, ground.dims);
    let chosen = rand::seq::index::sample(&mut rng, ground.rows.nrows(), samples).into_vec();
    let mut columns = Vec::with_capacity(samples * ground.centre.len());
    for (feature, &centre) in ground.centre.iter().enumerate() {
        columns.extend(chosen.iter().map(|&i| prepared(ground.rows[[i, feature]], centre, dims)));
    }
    let features = (0..ground.rows.ncols() as u32).collect();
    let mut grower = Grower { ground, rng, columns, features, search: Search::default(), values: Vec::new() };

    let deepest = match ground.recipe.depth {
        Depth::Balanced => samples.next_power_of_two().ilog2(),
        Depth::AtMost(depth) => depth,
        Depth::Full => u32::MAX,
    };
    let mut members: Vec<u32> = (0..samples as u32).collect();
    let mut sizes = vec![samples];
    let mut tree = Tree::sapling(dims);
    let mut parts = vec![Part { node: 0, depth: 0, from: 0, to: samples, varying: ground.rows.ncols() }];
    while let Some(mut part) = parts.pop() {
        let members = &mut members[part.from..part.to];
        let cut = if part.depth < deepest { grower.choose(members, &mut part.varying) } else { None };
        let Some(cut) = cut else {
            tree.nodes[part.node].path = (f64::from(part.depth) + ground.paths[members.len()]) as f32;
            continue;
        };
        let below = grower.part(members, &cut);
        let left = tree.push_cut(part.node, &cut.features, &cut.weights, cut.found.threshold);
        if ground.recipe.ranged {
            tree.nodes[part.node].range = cut.range;
        }
        tree.height = tree.height.max(part.depth + 1);
        sizes.extend([below, members.len() - below]);
        let middle = part.from + below;
        // The left side is grown first.
        let child = |node, from, to| Part { node, depth: part.depth + 1, from, to, varying: part.varying };
        parts.extend([child(left + 1, middle, part.to), child(left, part.from, middle)]);
    }
    set_mean_paths(&mut tree.nodes, &sizes);
    tree
}

/// From the leaves, whose paths are known, to the root.
fn set_mean_paths(nodes: &mut [Node], sizes: &[usize]) {
    let mut paths: Vec<f64> = nodes.iter().map(|node| f64::from(node.path)).collect();
    for at in (0..nodes.len()).rev() {
        let left = nodes[at].left as usize;
        if left != at {
            let whole = paths[left] * sizes[left] as f64 + paths[left + 1] * sizes[left + 1] as f64;
            paths[at] = whole / sizes[at] as f64;
            nodes[at].path = paths[at] as f32;
        }
    }
}

impl Grower<'_, '_> {
    /// The best cut of the members among as many tries as the recipe has; none if they are all equal, or no cut gains.
    fn choose(&mut self, members: &[u32], varying: &mut usize) -> Option<Cut> {
        let recipe = self.ground.recipe;
        // Two rows take one step to part, cut or not; and what they span is no range that others could be out of.
        let fewest = if recipe.ranged { 3 } else { 2 };
        if members.len() < fewest {
            return None;
        }
        let tries = if recipe.place == Place::Anywhere { 1 } else { recipe.tries };
        let mut best: Option<Cut> = None;
        for _ in 0..tries {
            let (features, weights, seen) = self.direction(members, varying);
            if features.is_empty() {
                break;
            }
            self.values.clear();
            let samples = self.ground.samples;
            let (min, max) = if self.ground.dims > 1 {
                let value = |&i| along(&features, &weights, |feature| self.columns[feature * samples + i as usize]);
                self.values.extend(members.iter().map(value));
                range(self.values.iter().copied())
            } else {
                if recipe.place != Place::Anywhere {
                    let column = &self.columns[features[0] as usize * samples..][..samples];
                    self.values.extend(members.iter().map(|&i| column[i as usize]));
                }
                seen
            };
            if min < max
                && let Some(found) = self.search.find(recipe.place, &self.values, min, max, &mut self.rng)
                && best.as_ref().is_none_or(|best| found.gain > best.found.gain)
            {
                best = Some(Cut { features, weights, found, range: max - min });
            }
        }
        best
    }

    /// Features that vary among the members, at most as many as a cut looks at, their weights, and the range of the last. One that turns
    /// out to be constant is never drawn again among them: a node that gave up because it drew a constant would make rows look
    /// crowded that were only looked at from the wrong side.
    fn direction(&mut self, members: &[u32], varying: &mut usize) -> (Vec<u32>, Vec<f32>, (f32, f32)) {
        let (dims, samples) = (self.ground.dims, self.ground.samples);
        let (mut features, mut weights) = (Vec::with_capacity(dims), Vec::with_capacity(dims));
        // In `self.features` stand those not drawn yet, those drawn, and behind them the constants.
        let (mut fresh, mut seen) = (*varying, (0.0, 0.0));
        while features.len() < dims && fresh > 0 {
            let drawn = self.rng.gen_range(0..fresh);
            let feature = self.features[drawn];
            fresh -= 1;
            self.features.swap(drawn, fresh);
            let column = &self.columns[feature as usize * samples..][..samples];
            let values = members.iter().map(|&i| column[i as usize]);
            let (min, max) = range(values.clone());
            let weight = if dims > 1 { weight(self.ground.recipe.weights, values, &mut self.rng) } else { 1.0 };
            if min == max || !weight.is_finite() {
                *varying -= 1;
                self.features.swap(fresh, *varying);
            } else {
                features.push(feature);
                weights.push(weight);
                seen = (min, max);
            }
        }
        (features, weights, seen)
    }

    /// Moves the members below the cut to the front, and counts them.
    fn part(&self, members: &mut [u32], cut: &Cut) -> usize {
        let samples = self.ground.samples;
        let at = |i: u32, feature: usize| self.columns[feature * samples + i as usize];
        let mut front = 0;
        for i in 0..members.len() {
            let member = members[i];
            let value = if self.ground.dims == 1 {
                at(member, cut.features[0] as usize)
            } else {
                along(&cut.features, &cut.weights, |feature| at(member, feature))
            };
            if value < cut.found.threshold {
                members.swap(front, i);
                front += 1;
            }
        }
        front
    }
}

/// None is missing: comparing alone is one instruction, where `f32::min` looks for values that are no numbers.
fn range(values: impl Iterator<Item = f32>) -> (f32, f32) {
    values.fold((f32::INFINITY, f32::NEG_INFINITY), |(min, max), value| {
        (if value < min { value } else { min }, if value > max { value } else { max })
    })
}

fn weight(weights: Weights, values: impl ExactSizeIterator<Item = f32> + Clone, rng: &mut Xoshiro256Plus) -> f32 {
    match weights {
        Weights::Uniform => rng.gen_range(-1.0..1.0),
        Weights::Normal => {
            // Box and Muller, 1958.
            let (u, v): (f64, f64) = (1.0 - rng.r#gen::<f64>(), rng.r#gen());
            let normal = (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos();
            let count = values.len() as f64;
            let mean = values.clone().map(f64::from).sum::<f64>() / count;
            let variance = values.map(|value| (f64::from(value) - mean).powi(2)).sum::<f64>() / count;
            (normal / variance.sqrt()) as f32
        }
    }
}
