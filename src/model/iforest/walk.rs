//! A row, or a few of them, that walk down the trees.
//!
//! A step waits for the one before it, from the node to the row and on to the next node, and does little itself. So several
//! walks go abreast, that their waits overlap, and all that a step needs of a node lies in one place.

use super::tree::{Tree, along};

/// Walks that step together: trees of a row that comes alone, as live ones do, or rows in one tree.
const ABREAST: usize = 8;

/// Trees, laid out for rows that walk.
#[derive(Debug)]
pub(super) enum Walks {
    Level(Trees<1>),
    Sloped(Trees<2>),
}

/// Trees whose cuts look at `DIMS` features, one behind the other.
#[derive(Debug)]
pub(super) struct Trees<const DIMS: usize> {
    nodes: Vec<Node<DIMS>>,
    roots: Vec<Root>,
}

#[derive(Clone, Copy, Debug)]
struct Root {
    node: u32,
    height: u32,
}

/// A [`super::tree::Node`] with what it looks at.
#[derive(Clone, Copy, Debug)]
struct Node<const DIMS: usize> {
    features: [u32; DIMS],
    weights: [f32; DIMS],
    threshold: f32,
    range: f32,
    /// Among the nodes of all trees.
    left: u32,
    path: f32,
}

impl Walks {
    /// Lays out trees; none if their cuts look at more than two features, or if there are more nodes than can be numbered.
    pub fn of(trees: &[Tree]) -> Option<Self> {
        u32::try_from(trees.iter().map(|tree| tree.nodes.len()).sum::<usize>()).ok()?;
        match trees.first().map(Tree::dims) {
            Some(1) => Some(Self::Level(Trees::of(trees))),
            Some(2) => Some(Self::Sloped(Trees::of(trees))),
            _ => None,
        }
    }

    /// Adds the path lengths of prepared rows in all trees to their sums, tree by tree. Rows may lose steps only if `ranged`.
    pub fn add_paths(&self, width: usize, rows: &[f32], ranged: bool, sums: &mut [f64]) {
        match (self, ranged) {
            (Self::Level(trees), false) => trees.add_paths::<false>(width, rows, sums),
            (Self::Level(trees), true) => trees.add_paths::<true>(width, rows, sums),
            (Self::Sloped(trees), false) => trees.add_paths::<false>(width, rows, sums),
            (Self::Sloped(trees), true) => trees.add_paths::<true>(width, rows, sums),
        }
    }
}

impl<const DIMS: usize> Trees<DIMS> {
    fn of(trees: &[Tree]) -> Self {
        let mut laid = Self { nodes: Vec::new(), roots: Vec::new() };
        for tree in trees {
            let root = laid.nodes.len() as u32;
            laid.roots.push(Root { node: root, height: tree.height });
            laid.nodes.extend(tree.nodes.iter().enumerate().map(|(at, node)| {
                let (features, weights) = tree.slope(at);
                let (threshold, range, left, path) = (node.threshold, node.range, root + node.left, node.path);
                Node { features, weights, threshold, range, left, path }
            }));
        }
        laid
    }

    fn add_paths<const RANGED: bool>(&self, width: usize, rows: &[f32], sums: &mut [f64]) {
        if let [sum] = sums {
            for roots in self.roots.chunks(ABREAST) {
                // Where fewer are left, the last one walks for those that are not there.
                let paths = self.descend::<RANGED>(|i| roots[i.min(roots.len() - 1)], |_| rows);
                paths.iter().take(roots.len()).for_each(|path| *sum += path);
            }
            return;
        }
        for &root in &self.roots {
            for (sums, rows) in sums.chunks_mut(ABREAST).zip(rows.chunks(ABREAST * width)) {
                let last = sums.len() - 1;
                let paths = self.descend::<RANGED>(|_| root, |i| &rows[i.min(last) * width..][..width]);
                sums.iter_mut().zip(paths).for_each(|(sum, path)| *sum += path);
            }
        }
    }

    /// The path lengths of rows, each in its tree.
    #[inline(always)]
    fn descend<'r, const RANGED: bool>(
        &self,
        root_of: impl Fn(usize) -> Root,
        row_of: impl Fn(usize) -> &'r [f32],
    ) -> [f64; ABREAST] {
        /// In deep trees most have long arrived when the last one does, so every few steps it is asked whether all have.
        const STRIDE: u32 = 4;
        let (roots, rows): ([Root; ABREAST], [&[f32]; ABREAST]) =
            (std::array::from_fn(root_of), std::array::from_fn(row_of));
        let height = roots.iter().map(|root| root.height).max().unwrap_or(0);
        let mut at = roots.map(|root| root.node);
        let mut outside = [0_u32; ABREAST];
        let mut walked = 0;
        while walked < height {
            let before = at;
            for _ in 0..STRIDE.min(height - walked) {
                for i in 0..ABREAST {
                    let node = &self.nodes[at[i] as usize];
                    let value = match DIMS {
                        1 => rows[i][node.features[0] as usize],
                        _ => along(&node.features, &node.weights, |feature| rows[i][feature]),
                    };
                    at[i] = node.left + u32::from(value >= node.threshold);
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
        std::array::from_fn(|i| f64::from(self.nodes[at[i] as usize].path) - f64::from(outside[i]))
    }
}
