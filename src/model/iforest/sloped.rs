//! Many rows at once through trees whose cuts look at two features each.
//!
//! As in [`super::ranked`], every cut of a tree is made for all rows of a block, whether they come by or not; but what a sloped cut
//! sees has no rank, so it is computed anew, for 4 to 16 rows in a vector register. A tree that is cut where gains are best has
//! ten cuts and as many levels, so its rows come by nearly all of them anyway.

use fearless_simd::prelude::*;
use fearless_simd::{Level, Simd, dispatch};

use super::tree::{Tree, prepared};
use crate::model::BLOCK;

/// Features of a cut.
pub(super) const DIMS: usize = 2;

/// Vectors that go down a tree together.
const ABREAST: usize = 4;

/// From so many cuts for each row in a vector on, it is cheaper to let each row walk.
const MOST_CUTS: usize = 16;

/// Trees in an order for vector registers.
#[derive(Debug)]
pub(super) struct Sloped(Vec<Program>);

/// A tree as a list of [`super::tree::Turn`]s.
#[derive(Debug)]
struct Program {
    cuts: Vec<Cut>,
    paths: Vec<f32>,
}

#[derive(Clone, Copy, Debug)]
struct Cut {
    features: [u32; DIMS],
    weights: [f32; DIMS],
    threshold: f32,
    range: f32,
    first: u32,
    skip: u32,
}

/// The leaf of each row of a block, and how often it was out of range.
struct Ends {
    leaves: [u32; BLOCK],
    outside: [u32; BLOCK],
}

impl Sloped {
    /// Prepares trees whose cuts look at [`DIMS`] features; none if they have so many cuts that it would not pay on this machine.
    pub fn of(trees: &[Tree]) -> Option<Self> {
        let programs: Vec<Program> = trees.iter().map(Program::of).collect();
        let cuts: usize = programs.iter().map(|program| program.cuts.len()).sum();
        (cuts <= trees.len() * MOST_CUTS * lanes()).then_some(Self(programs))
    }

    /// Adds the path length of each row to its sum. There are at most [`BLOCK`] rows, one behind the other; `centre` stands for what
    /// is missing.
    pub fn add_paths(&self, rows: &[f32], centre: &[f32], ranged: bool, sums: &mut [f64]) {
        let width = centre.len();
        let mut columns = vec![[0.0; BLOCK]; width];
        for (feature, (column, &centre)) in columns.iter_mut().zip(centre).enumerate() {
            let values = rows.iter().skip(feature).step_by(width);
            column.iter_mut().zip(values).for_each(|(to, &value)| *to = prepared(value, centre, DIMS));
        }
        dispatch!(Level::new(), simd => simd.vectorize(
            #[inline(always)]
            || match ranged {
                false => self.add_paths_of::<_, false>(simd, &columns, sums),
                true => self.add_paths_of::<_, true>(simd, &columns, sums),
            }
        ));
    }

    #[inline(always)]
    fn add_paths_of<S: Simd, const RANGED: bool>(&self, simd: S, columns: &[[f32; BLOCK]], sums: &mut [f64]) {
        let mut ends = Ends { leaves: [0; BLOCK], outside: [0; BLOCK] };
        for tree in &self.0 {
            tree.descend::<S, RANGED>(simd, columns, &mut ends);
            for ((sum, &leaf), &outside) in sums.iter_mut().zip(&ends.leaves).zip(&ends.outside) {
                *sum += f64::from(tree.paths[leaf as usize]) - f64::from(outside);
            }
        }
    }
}

/// The rows in a vector register of this machine.
fn lanes() -> usize {
    fn of<S: Simd>(_: S) -> usize {
        S::f32s::LEN
    }
    dispatch!(Level::new(), simd => of(simd))
}

impl Program {
    fn of(tree: &Tree) -> Self {
        let (turns, paths) = tree.turns();
        let cuts = turns.iter().map(|turn| {
            let (node, (features, weights)) = (&tree.nodes[turn.node], tree.slope(turn.node));
            let (first, skip) = (turn.first as u32, turn.skip as u32);
            Cut { features, weights, threshold: node.threshold, range: node.range, first, skip }
        });
        Self { cuts: cuts.collect(), paths }
    }

    /// Where each row of a block ends.
    #[inline(always)]
    fn descend<S: Simd, const RANGED: bool>(&self, simd: S, columns: &[[f32; BLOCK]], ends: &mut Ends) {
        let lanes = S::f32s::LEN;
        let (zero, one) = (S::u32s::splat(simd, 0), S::u32s::splat(simd, 1));
        for part in (0..BLOCK).step_by(ABREAST * lanes) {
            let (mut at, mut outside) = ([zero; ABREAST], [zero; ABREAST]);
            for cut in &self.cuts {
                let values = cut.features.map(|feature| &columns[feature as usize][part..][..ABREAST * lanes]);
                let weights = cut.weights.map(|weight| S::f32s::splat(simd, weight));
                let (first, skip) = (S::u32s::splat(simd, cut.first), S::u32s::splat(simd, cut.skip));
                let (threshold, range) = (S::f32s::splat(simd, cut.threshold), S::f32s::splat(simd, cut.range));
                for i in 0..ABREAST {
                    let [a, b] = values.map(|values| S::f32s::from_slice(simd, &values[i * lanes..][..lanes]));
                    // As `along` has it, but for the sign of a zero, which no comparison sees.
                    let value = weights[0] * a + weights[1] * b;
                    let here = at[i].simd_eq(first);
                    at[i] += (here & value.simd_ge(threshold)).select(skip, zero);
                    if RANGED {
                        outside[i] += (here & (value - threshold).abs().simd_gt(range)).select(one, zero);
                    }
                }
            }
            for i in 0..ABREAST {
                let to = part + i * lanes..part + (i + 1) * lanes;
                at[i].store_slice(&mut ends.leaves[to.clone()]);
                outside[i].store_slice(&mut ends.outside[to]);
            }
        }
    }
}
