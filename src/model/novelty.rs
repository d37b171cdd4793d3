//! Novelty and drift: a row is an anomaly if it is unlike all that came before, as the [`context`](crate::context) tells. First contacts
//! and habits are two members, for on most networks first contacts are the rarer, and many columns would drown few.
//!
//! The columns are judged by [`Tails`] of their own: first contacts are rare and in no proportion to one another, and how
//! rare each kind is on this network is what training shows. They are not scaled by what training shows, as features are: of
//! a count that was always 0 every 1 would be beyond all measure, and the first new peer in weeks is no attack.

mod graph;

use std::ops::Range;

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

use super::scale::{self, Scaler, Zeros};
use super::tail::Tails;
use super::{Detector, fill_rows};
use crate::error::{Error, ErrorKind, Result};

/// A column is judged if it is known in so many rows, in so many tenths of the training. Of an hour that came once, the day
/// before, training does not tell how alike two days are.
const FEWEST_ROWS: usize = 40;
const FEWEST_TENTHS: usize = 4;

/// Tails of the context's columns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Novelty {
    columns: Vec<Column>,
    tails: Tails,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Column {
    judged: bool,
    range: scale::Range,
}

impl Novelty {
    /// Learns from the context's columns of rows, in the order of time, each row judged by a memory of others. It is about some
    /// of the columns.
    ///
    /// # Errors
    /// Nothing is known of any of them.
    pub fn fit(context: ArrayView2<'_, f32>, about: Range<usize>) -> Result<Self> {
        let ranges = Scaler::fit(context, Zeros::Natural);
        let columns = context.columns().into_iter().zip(ranges.ranges()).enumerate();
        let columns: Vec<Column> = columns
            .map(|(at, (column, &range))| Column { judged: about.contains(&at) && is_known(column), range })
            .collect();
        if !columns.iter().any(|column| column.judged) {
            let what = "the rows have no past that they could be held against";
            return Err(
                Error::new(ErrorKind::Model, "novelty", what).hint("train on a longer capture, with --view host")
            );
        }
        let tails = Tails::fit(measured(&columns, context).view());
        Ok(Self { columns, tails })
    }

    /// A score for every row.
    pub fn score(&self, context: ArrayView2<'_, f32>) -> Array1<f64> {
        self.tails.score(measured(&self.columns, context).view())
    }

    /// What each of the context's columns contributes to a row's score.
    pub fn explain(&self, context: ArrayView1<'_, f32>) -> Vec<f64> {
        self.tails.explain(measured(&self.columns, context.insert_axis(Axis(0))).row(0))
    }

    /// How many columns are judged.
    pub fn count(&self) -> usize {
        self.columns.iter().filter(|column| column.judged).count()
    }

    /// What each of the context's columns was in training.
    pub fn ranges(&self) -> impl ExactSizeIterator<Item = &scale::Range> {
        self.columns.iter().map(|column| &column.range)
    }

    /// Whether what was read from a file can be used with so many columns of the context.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self, columns: usize) -> std::result::Result<(), String> {
        self.tails.check(columns)?;
        if self.columns.len() == columns { Ok(()) } else { Err(format!("novelty: not {columns} columns")) }
    }
}

/// Whether enough is known of a column, often enough.
fn is_known(column: ArrayView1<'_, f32>) -> bool {
    let known = |value: &&f32| !value.is_nan();
    let tenths = column.axis_chunks_iter(Axis(0), column.len().div_ceil(10).max(1));
    column.iter().filter(known).count() >= FEWEST_ROWS
        && tenths.filter(|tenth| tenth.iter().any(|value| known(&value))).count() >= FEWEST_TENTHS
}

/// Magnitudes, as they are counted by people; 0 of what is unknown or not judged.
fn measured(columns: &[Column], context: ArrayView2<'_, f32>) -> Array2<f32> {
    fill_rows(context.nrows(), context.ncols(), |row, measures| {
        let judged = measures.into_iter().zip(context.row(row)).zip(columns).filter(|(_, column)| column.judged);
        judged.filter(|((_, value), _)| value.is_finite()).for_each(|((measure, value), _)| {
            *measure = value.abs().ln_1p().copysign(*value);
        });
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A column that is 0 but for one row in a hundred, and one that is never known.
    fn rows() -> Array2<f32> {
        Array2::from_shape_fn((1000, 2), |(row, column)| if column == 0 { f32::from(row % 100 == 7) } else { f32::NAN })
    }

    #[test]
    fn what_training_never_knew_is_not_judged() {
        let novelty = Novelty::fit(rows().view(), 0..2).unwrap();
        assert_eq!(novelty.check(2), Ok(()));
        assert!(novelty.check(3).is_err());
        let [quiet, one, many, unknown] = [[0.0, f32::NAN], [1.0, 0.0], [9.0, 0.0], [0.0, 1e6]]
            .map(|row| novelty.score(ArrayView2::from_shape((1, 2), &row).unwrap())[0]);
        assert!(quiet < one && one < many, "{quiet} {one} {many}");
        assert_eq!(unknown, quiet);
        assert!(Novelty::fit(Array2::from_elem((1000, 2), f32::NAN).view(), 0..2).is_err());
    }
}
