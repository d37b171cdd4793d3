//! Many rows at once through trees whose cuts look at one feature each.
//!
//! A forest compares a feature with a few hundred thresholds and no more, so of a value it needs its rank among them: a
//! byte. Ranks are looked up once for a block of rows and a group of trees. Then every cut of a tree is made for all rows of
//! the block, whether they come by or not: a vector register holds 16 to 64 ranks, and a tree of 256 samples has some sixty
//! cuts, so that is cheaper than to let each row find its own way, load by load. Decisions are those of the walk, to the
//! bit. The idea of walking by ranks and by all cuts is QuickScorer's (Lucchese et al., SIGIR 2015), whose bit vectors do
//! not suit trees of 256 leaves.

use fearless_simd::prelude::*;
use fearless_simd::{Level, Simd, dispatch};

use super::tree::Tree;

/// Rows of a block.
pub(super) const ROWS: usize = 256;

/// Vectors that go down a tree together.
const ABREAST: usize = 4;

/// As many leaves as a byte can name.
const MOST_LEAVES: usize = 256;

/// As many thresholds of a feature as a byte can count.
const MOST_THRESHOLDS: usize = 255;

/// Trees in an order for vector registers.
#[derive(Debug)]
pub(super) struct Ranked(Vec<Group>);

/// Trees that share their ranks.
#[derive(Debug)]
struct Group {
    columns: Vec<Column>,
    trees: Vec<Program>,
}

/// A feature with the thresholds that a group has for it.
#[derive(Debug)]
struct Column {
    feature: usize,
    /// Ascending; behind the last one infinity, up to a length that halves well.
    thresholds: Box<[f32; MOST_THRESHOLDS + 1]>,
    /// The largest power of two that is not above their number.
    stride: usize,
}

/// A tree as a list of [`super::tree::Turn`]s.
#[derive(Debug)]
struct Program {
    cuts: Vec<Cut>,
    paths: Box<[f32; MOST_LEAVES]>,
}

#[derive(Clone, Copy, Debug)]
struct Cut {
    column: u32,
    /// From this rank on a row goes to the right.
    rank: u8,
    first: u8,
    skip: u8,
}

/// What scoring a block of rows writes to, used again for the next.
pub(super) struct Space {
    values: [f32; ROWS],
    ranks: Vec<[u8; ROWS]>,
    leaves: [u8; ROWS],
}

impl Space {
    pub fn new() -> Self {
        Self { values: [0.0; ROWS], ranks: Vec::new(), leaves: [0; ROWS] }
    }
}

impl Ranked {
    /// Prepares trees whose cuts look at one feature of `width`; none if one of them has too many leaves.
    pub fn of(trees: &[Tree], width: usize) -> Option<Self> {
        let mut groups = Vec::new();
        let mut rest = trees;
        while !rest.is_empty() {
            let mut thresholds: Vec<Vec<f32>> = vec![Vec::new(); width];
            let fits = rest.iter().take_while(|tree| {
                let before = thresholds.clone();
                for (node, &feature) in
                    tree.nodes.iter().zip(&tree.features).filter(|(node, _)| !node.threshold.is_nan())
                {
                    let known = &mut thresholds[feature as usize];
                    if let Err(at) = known.binary_search_by(|known| known.total_cmp(&node.threshold)) {
                        known.insert(at, node.threshold);
                    }
                }
                let fits = thresholds.iter().all(|known| known.len() <= MOST_THRESHOLDS);
                if !fits {
                    thresholds = before;
                }
                fits
            });
            let count = fits.count();
            let (group, behind) = rest.split_at(count);
            groups.push(Group::of(group, &thresholds).filter(|_| count > 0)?);
            rest = behind;
        }
        Some(Self(groups))
    }

    /// Adds the path length of each row to its sum. There are at most [`ROWS`] rows, one behind the other; `centre` stands
    /// for what is missing.
    pub fn add_paths(&self, rows: &[f32], width: usize, centre: &[f32], space: &mut Space, sums: &mut [f64]) {
        for group in &self.0 {
            dispatch!(Level::new(), simd => simd.vectorize(
                #[inline(always)]
                || group.add_paths(simd, rows, width, centre, space, sums)
            ));
        }
    }
}

impl Group {
    fn of(trees: &[Tree], thresholds: &[Vec<f32>]) -> Option<Self> {
        let used = thresholds.iter().enumerate().filter(|(_, thresholds)| !thresholds.is_empty());
        let columns: Vec<Column> = used.map(|(feature, thresholds)| Column::of(feature, thresholds)).collect();
        let mut places = vec![0; thresholds.len()];
        columns.iter().enumerate().for_each(|(place, column)| places[column.feature] = place as u32);
        let rank = |feature: usize, threshold| thresholds[feature].partition_point(|&known| known <= threshold) as u8;
        let trees = trees.iter().map(|tree| Program::of(tree, &places, rank)).collect::<Option<_>>()?;
        Some(Self { columns, trees })
    }

    #[inline(always)]
    fn add_paths<S: Simd>(
        &self,
        simd: S,
        rows: &[f32],
        width: usize,
        centre: &[f32],
        space: &mut Space,
        sums: &mut [f64],
    ) {
        if space.ranks.len() < self.columns.len() {
            space.ranks.resize(self.columns.len(), [0; ROWS]);
        }
        for (column, ranks) in self.columns.iter().zip(&mut space.ranks) {
            let values = rows.iter().skip(column.feature).step_by(width);
            for (to, &value) in space.values.iter_mut().zip(values) {
                *to = if value.is_nan() { centre[column.feature] } else { value };
            }
            column.rank(&space.values, ranks);
        }
        for tree in &self.trees {
            tree.leaves(simd, &space.ranks, &mut space.leaves);
            for (sum, &leaf) in sums.iter_mut().zip(&space.leaves) {
                *sum += f64::from(tree.paths[usize::from(leaf)]);
            }
        }
    }
}

impl Column {
    fn of(feature: usize, known: &[f32]) -> Self {
        let mut thresholds = Box::new([f32::INFINITY; MOST_THRESHOLDS + 1]);
        thresholds[..known.len()].copy_from_slice(known);
        Self { feature, thresholds, stride: 1 << known.len().max(1).ilog2() }
    }

    /// How many thresholds are not above each value: a binary search without branches, all rows in step.
    #[inline(always)]
    fn rank(&self, values: &[f32; ROWS], ranks: &mut [u8; ROWS]) {
        let mut counts = [0_u32; ROWS];
        let mut stride = self.stride;
        while stride > 0 {
            for (count, &value) in counts.iter_mut().zip(values) {
                let above = *count as usize + stride - 1;
                *count += if self.thresholds[above & MOST_THRESHOLDS] <= value { stride as u32 } else { 0 };
            }
            stride /= 2;
        }
        for (rank, count) in ranks.iter_mut().zip(counts) {
            *rank = count as u8;
        }
    }
}

impl Program {
    fn of(tree: &Tree, places: &[u32], rank: impl Fn(usize, f32) -> u8) -> Option<Self> {
        let (turns, paths) = tree.turns();
        if paths.len() > MOST_LEAVES {
            return None;
        }
        let mut program = Self { cuts: Vec::with_capacity(turns.len()), paths: Box::new([0.0; MOST_LEAVES]) };
        program.paths[..paths.len()].copy_from_slice(&paths);
        program.cuts.extend(turns.iter().map(|turn| {
            let feature = tree.features[turn.node] as usize;
            Cut {
                column: places[feature],
                rank: rank(feature, tree.nodes[turn.node].threshold),
                first: turn.first as u8,
                skip: turn.skip as u8,
            }
        }));
        Some(program)
    }

    /// The leaf of each row of a block.
    #[inline(always)]
    fn leaves<S: Simd>(&self, simd: S, ranks: &[[u8; ROWS]], leaves: &mut [u8; ROWS]) {
        let lanes = S::u8s::LEN;
        let zero = S::u8s::splat(simd, 0);
        for (part, leaves) in leaves.chunks_exact_mut(ABREAST * lanes).enumerate() {
            let mut at = [zero; ABREAST];
            for cut in &self.cuts {
                let ranks = &ranks[cut.column as usize][part * ABREAST * lanes..][..ABREAST * lanes];
                let (first, skip) = (S::u8s::splat(simd, cut.first), S::u8s::splat(simd, cut.skip));
                let rank = S::u8s::splat(simd, cut.rank);
                for (at, ranks) in at.iter_mut().zip(ranks.chunks_exact(lanes)) {
                    let right = S::u8s::from_slice(simd, ranks).simd_ge(rank);
                    *at += (right & at.simd_eq(first)).select(skip, zero);
                }
            }
            for (at, leaves) in at.iter().zip(leaves.chunks_exact_mut(lanes)) {
                at.store_slice(leaves);
            }
        }
    }
}
