//! Folds: detectors, and what such detectors say of rows that they were not fitted on.

use std::ops::Range;

use ndarray::{ArrayView2, Axis, CowArray, Slice};
use rayon::prelude::*;

use super::ensemble::{Kind, Members, Rows};
use super::scale::Zeros;
use crate::context::Columns;
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::progress::Progress;

/// Contiguous parts of the benign time; each is scored by members that were fitted on the others. Ten, so that these members
/// have seen nearly as much as the final ones, and their scores stand for those.
pub(super) const COUNT: usize = 10;

/// Detectors, and those that could not be had, with why.
pub(super) type Fitted = Result<(Members, Vec<(Kind, Error)>)>;

/// Rows to learn from in the order of time, and how they are learned from.
pub(super) struct Folds<'a> {
    pub benign: &'a Matrix,
    /// The rows, encoded.
    pub values: ArrayView2<'a, f32>,
    /// What came before each row.
    pub context: ArrayView2<'a, f32>,
    /// The rows of each fold.
    pub blocks: &'a [Range<usize>],
    /// Fits a detector of each kind on rows; says which could not be fitted, and why.
    pub fitter: &'a (dyn Fn(&Rows<'_>, &[Kind]) -> Fitted + Sync),
    pub progress: &'a dyn Progress,
}

/// What was fitted on all rows, and what is known of it.
pub(super) struct Fit {
    pub members: Members,
    /// What could not be fitted, with why.
    pub left_out: Vec<(Kind, Error)>,
    /// For each member a score of every row, by members of its kind that were not fitted on it; NaN where none could be.
    pub held_out: Vec<Vec<f64>>,
}

impl<'a> Folds<'a> {
    /// Fits a detector of each kind on the rows that are `kept`, and scores all of them.
    ///
    /// # Errors
    /// None could be fitted, or the user cancelled the work.
    pub fn fit(&self, wanted: &[Kind], kept: &[bool]) -> Result<Fit> {
        let all: Vec<usize> = (0..kept.len()).filter(|&row| kept[row]).collect();
        let (members, left_out) = self.fit_on(&all, wanted)?;
        let kinds: Vec<Kind> = members.kinds().collect();
        self.progress.advance(1);
        // A member that fails on a block is left out there: its calibration then rests on the other blocks.
        let score_block = |block: &Range<usize>| -> Result<Vec<_>> {
            self.progress.check()?;
            let others: Vec<usize> = all.iter().copied().filter(|row| !block.contains(row)).collect();
            let (fitted, _) = self.fit_on(&others, &kinds)?;
            let slice = Slice::from(block.clone());
            let scores = fitted.scores(&Rows {
                values: self.values.slice_axis(Axis(0), slice),
                context: self.context.slice_axis(Axis(0), slice),
                entities: &self.benign.entity[block.clone()],
                zeros: Zeros::of(&self.benign.schema),
                columns: Columns::of(&self.benign.schema),
            });
            self.progress.advance(1);
            Ok(fitted.kinds().zip(scores).map(|(kind, scores)| (kind, block.clone(), scores)).collect())
        };
        let scored: Vec<_> = self.blocks.par_iter().map(score_block).collect::<Result<_>>()?;
        let mut held_out = vec![vec![f64::NAN; kept.len()]; kinds.len()];
        for (kind, block, scores) in scored.into_iter().flatten() {
            if let Some(member) = kinds.iter().position(|&known| known == kind) {
                held_out[member][block].copy_from_slice(&scores);
            }
        }
        self.progress.check()?;
        Ok(Fit { members, left_out, held_out })
    }

    fn fit_on(&self, rows: &[usize], kinds: &[Kind]) -> Fitted {
        let entities: Vec<String> = rows.iter().map(|&row| self.benign.entity[row].clone()).collect();
        let all = rows.len() == self.values.nrows();
        let these = |of: ArrayView2<'a, f32>| if all { of.into() } else { CowArray::from(of.select(Axis(0), rows)) };
        let (values, context) = (these(self.values), these(self.context));
        let rows = Rows {
            values: values.view(),
            context: context.view(),
            entities: &entities,
            zeros: Zeros::of(&self.benign.schema),
            columns: Columns::of(&self.benign.schema),
        };
        (self.fitter)(&rows, kinds)
    }
}

/// [`COUNT`] contiguous ranges of rows; the rows of one window are never parted.
pub(super) fn blocks(window_start_ns: &[i64]) -> Vec<Range<usize>> {
    let rows = window_start_ns.len();
    let cut = |fold: usize| {
        let at = rows * fold / COUNT;
        if fold == COUNT { rows } else { window_start_ns.partition_point(|start| *start < window_start_ns[at]) }
    };
    (0..COUNT).map(|fold| cut(fold)..cut(fold + 1)).filter(|block| !block.is_empty() && block.len() < rows).collect()
}
