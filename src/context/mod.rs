//! What a window cannot know: whether its entities ever did before what they do in it (law 2's second stage).
//!
//! Rows are pure functions of their windows. This stage walks over them in the order of time, with a [`Memory`] of all that
//! came before, and adds columns to each row: how many of its peers, services, machines and names were never seen, and how far
//! it strays from the entity's own latest rows and from the same hour of other days. All rows of a window are judged before any
//! of them is remembered, so their order does not matter. A new row costs a few look-ups.
//!
//! The memory is saved with the model, and scoring goes on from it. What is shown for the first time counts as new for an hour
//! of the capture's time, in every row that shows it: an attack is as new in its fifth minute as in its first.
//!
//! Time may run back, as in a capture from before the memory's end. It is then judged by what is in the memory, all of which
//! counts as known.

mod catalogue;
mod habit;
mod memory;

use std::ops::Range;

use ndarray::{Array2, ArrayView1, Axis, Slice};
use rayon::prelude::*;

pub use catalogue::catalogue;
use habit::{Gauged, HABITS};
pub use memory::{Look, Memory};
use memory::{MANY, Told};

use crate::matrix::{Matrix, Schema};
use crate::window::{Feature, Sightings, View};

/// The walk over rows.
#[derive(Clone, Debug)]
pub struct Context {
    memory: Memory,
    view: View,
    /// Where the columns stand whose habits are remembered, as far as the rows have them.
    gauges: [Option<usize>; HABITS.len()],
}

impl Context {
    /// Without any memory yet, for rows of this schema; none if they have no past, as flows and tables made elsewhere.
    pub fn new(schema: &Schema) -> Option<Self> {
        Self::of(schema, Memory::default())
    }

    /// With this memory.
    pub fn of(schema: &Schema, memory: Memory) -> Option<Self> {
        let view = schema.view().filter(|&view| Sightings::told_by(view))?;
        let gauges = HABITS.map(|habit| schema.columns.iter().position(|column| column.name == habit));
        Some(Self { memory, view, gauges })
    }

    /// Where the memory ends, nanoseconds since the epoch.
    pub fn end_ns(&self) -> i64 {
        self.memory.end_ns()
    }

    /// What has come to be remembered. What comes next counts all of it as known.
    pub fn into_memory(mut self) -> Memory {
        self.memory.settle();
        self.memory
    }

    /// From now on the entities of these rows alone are no strangers.
    fn settle_in<'a>(&mut self, matrix: &Matrix, rows: impl Iterator<Item = &'a usize>) {
        self.memory.settle_in(rows.map(|&row| matrix.entity[row].as_str()));
    }

    /// From now on the entities of these rows are no strangers either.
    pub fn welcome(&mut self, matrix: &Matrix, rows: &[usize]) {
        self.memory.welcome(rows.iter().map(|&row| matrix.entity[row].as_str()));
    }

    /// Remembers rows of a matrix, which are named in the order of time.
    pub fn learn(&mut self, matrix: &Matrix, rows: &[usize]) {
        self.walk(matrix, rows, |_, _| ());
    }

    /// Judges rows of a matrix, which are named in the order of time, each against all before it, and remembers them: those rows,
    /// in that order × the columns of the [`catalogue`]; NaN where nothing can be said.
    pub fn judge(&mut self, matrix: &Matrix, rows: &[usize]) -> Array2<f32> {
        let features: Vec<&Feature<Look>> = catalogue(self.view).collect();
        let mut columns = Vec::with_capacity(rows.len() * features.len());
        self.walk(matrix, rows, |memory, window| {
            let filled = columns.len();
            columns.resize(filled + window.len() * features.len(), f32::NAN);
            let judge = |(values, told): (&mut [f32], &Told<'_>)| {
                let look = memory.look(told);
                values.iter_mut().zip(&features).for_each(|(value, feature)| *value = (feature.value)(&look) as f32);
            };
            let unfilled = &mut columns[filled..];
            if window.len() > MANY {
                unfilled.par_chunks_mut(features.len()).zip(window).for_each(judge);
            } else {
                unfilled.chunks_mut(features.len()).zip(window).for_each(judge);
            }
        });
        Array2::from_shape_vec((rows.len(), features.len()), columns).expect("each row has all columns")
    }

    /// Shows `each` the rows of every window beside what the memory holds before it, and remembers them then.
    fn walk(&mut self, matrix: &Matrix, rows: &[usize], mut each: impl FnMut(&Memory, &[Told<'_>])) {
        let gauges = self.gauges;
        let told = |&row: &usize| Told {
            entity: matrix.entity[row].as_str(),
            codes: matrix.sightings.as_ref().map(|all| all.row(row)),
            gauged: gauged(&gauges, matrix.values.row(row)),
        };
        for window in rows.chunk_by(|&one, &other| matrix.window_start_ns[one] == matrix.window_start_ns[other]) {
            let start_ns = matrix.window_start_ns[window[0]];
            let told: Vec<Told<'_>> = window.iter().map(told).collect();
            self.memory.begin(start_ns);
            each(&self.memory, &told);
            self.memory.learn(&told);
            self.memory.end(start_ns.saturating_add(matrix.schema.window_ns));
        }
    }
}

/// The logarithms of what is gauged: habits are a matter of magnitude.
fn gauged(gauges: &[Option<usize>; HABITS.len()], row: ArrayView1<'_, f32>) -> Gauged {
    gauges.map(|column| column.map_or(f64::NAN, |column| f64::from(row[column]).max(0.0).ln_1p()))
}

/// What the context tells of the rows of a matrix, which lie in the order of time, as if nothing had taught of them; and the
/// memory of them all. No column, and no memory, of rows that have no past.
///
/// First contacts in each block are judged as if it came last: behind a memory of the rows after it, and then of those before.
/// So each row has about as much to be held against as rows that will be scored. Habits are judged as they came: what lies
/// behind a row, on the same day, tells too much of it.
pub fn held_out(matrix: &Matrix, blocks: &[Range<usize>]) -> (Array2<f32>, Option<Memory>) {
    let Some(start) = Context::new(&matrix.schema) else { return (nothing(matrix.rows()), None) };
    let rows: Vec<usize> = (0..matrix.rows()).collect();
    let judge = |block: &Range<usize>| {
        let mut context = start.clone();
        context.learn(matrix, &rows[block.end..]);
        context.learn(matrix, &rows[..block.start]);
        context.settle_in(matrix, rows[..block.start].iter().chain(&rows[block.end..]));
        context.judge(matrix, &rows[block.clone()])
    };
    let judged: Vec<Array2<f32>> = blocks.par_iter().map(judge).collect();
    let kept_out = Slice::from(..Columns::of(&matrix.schema).habits().start);
    let mut context = start;
    let mut columns = context.judge(matrix, &rows);
    context.settle_in(matrix, rows.iter());
    for (block, judged) in blocks.iter().zip(judged) {
        let mut columns = columns.slice_axis_mut(Axis(0), block.clone().into());
        columns.slice_axis_mut(Axis(1), kept_out).assign(&judged.slice_axis(Axis(1), kept_out));
    }
    (columns, Some(context.into_memory()))
}

/// Which columns tell what: first those of first contacts, then whether the entity is a stranger, then those of habits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    first_seen: usize,
    stranger: usize,
    habits: usize,
}

impl Columns {
    /// Those of rows of this schema.
    pub fn of(schema: &Schema) -> Self {
        schema.view().map_or(Self::default(), catalogue::columns)
    }

    /// Of first contacts.
    pub fn first_seen(self) -> Range<usize> {
        0..self.first_seen
    }

    /// Whether the entity is a stranger, where that is told.
    pub fn stranger(self) -> Option<usize> {
        (self.stranger > 0).then_some(self.first_seen)
    }

    /// How far the row is from habits.
    pub fn habits(self) -> Range<usize> {
        let start = self.first_seen + self.stranger;
        start..start + self.habits
    }
}

/// No column, of so many rows.
pub fn nothing(rows: usize) -> Array2<f32> {
    Array2::zeros((rows, 0))
}
