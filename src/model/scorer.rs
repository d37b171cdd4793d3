//! Rows to scores, one matrix after the other, offline and live.

use std::ops::Deref;

use ndarray::{Array2, Axis, CowArray, Ix2};

use super::ensemble::Kind;
use super::lasting::Runs;
use super::part;
use super::train::{Model, decades};
use crate::context::{self, Context};
use crate::error::Result;
use crate::matrix::Matrix;

/// What a model says of the rows of a matrix, in their order.
#[derive(Clone, Debug, PartialEq)]
pub struct Scores {
    /// −log₁₀ of the p-value: 3 for what one benign row in a thousand reaches.
    pub score: Vec<f64>,
    /// The share of benign scores that are at least this high.
    pub p_value: Vec<f64>,
    /// Whether the score is over the model's threshold.
    pub alert: Vec<bool>,
    /// What the score were if its entity's other windows did not count.
    pub alone: Vec<f64>,
    /// The least that this was in its entity's last two windows; 0 if there were not two.
    pub before: Vec<f64>,
    /// The members' own scores, in the same unit.
    pub members: Vec<(Kind, Vec<f64>)>,
    /// What the context tells of each row, by which it was judged; without columns if nothing asks for it.
    pub context: Array2<f32>,
    /// The rows whose windows were seen in part, in rising order: they were completed by what is usual.
    pub parts: Vec<usize>,
}

impl Model {
    /// Scores every row of a matrix, with which watching ends, going on from the memory of training.
    ///
    /// # Errors
    /// The matrix has another schema than the rows that the model learned from.
    pub fn score(&self, matrix: &Matrix) -> Result<Scores> {
        self.scorer().score(matrix, true)
    }

    /// Scores matrices one after the other, each remembering those before.
    pub fn scorer(&self) -> Scorer<&Model> {
        Scorer::new(self)
    }

    /// What each feature, and behind them each column of the context, contributes to a row's score, in its unit; the baseline is 0, the
    /// score of what nothing speaks against, and so the sum is the score. Of a row that no member can say anything of, all are 0.
    ///
    /// # Panics
    /// If the matrix has no such row, or the scores are not of it.
    pub fn explain(&self, matrix: &Matrix, scores: &Scores, row: usize) -> Vec<f64> {
        let alone = matrix.select(&[row]);
        let parts: &[usize] = if scores.parts.binary_search(&row).is_ok() { &[0] } else { &[] };
        let values = self.completed(&alone, parts);
        let context = scores.context.select(Axis(0), &[row]);
        let mut contributions = self.ensemble.explain(&self.rows(values.view(), &alone, &context));
        // The members' norm was calibrated once more: what it came to, the features share as they share the norm.
        let combined: f64 = contributions.iter().sum();
        let share = if combined > 0.0 { scores.score[row] / combined } else { 0.0 };
        contributions.iter_mut().for_each(|contribution| *contribution *= share);
        contributions
    }

    /// The values of a matrix as the members want them, those of `parts` completed.
    fn completed<'a>(&self, matrix: &'a Matrix, parts: &[usize]) -> CowArray<'a, f32, Ix2> {
        let members = &self.ensemble.members;
        part::complete(self.encoder.encode(matrix), parts, &self.schema, |row| members.usual(&matrix.entity[row]))
    }
}

/// A model, borrowed or shared, that scores and remembers what it has scored.
#[derive(Clone, Debug)]
pub struct Scorer<M> {
    model: M,
    context: Option<Context>,
    /// Who is odd at present.
    runs: Option<Runs>,
    /// Where the latest window starts that it has scored.
    seen_ns: Option<i64>,
}

impl<M: Deref<Target = Model>> Scorer<M> {
    /// Goes on from the memory of training.
    pub fn new(model: M) -> Self {
        let context = model.context();
        let runs = model.lasting.as_ref().map(|lasting| lasting.runs(model.schema.window_ns));
        Self { model, context, runs, seen_ns: None }
    }

    /// Another model that goes on with what this one watches.
    pub fn succeeded_by(&self, model: M) -> Self {
        Self { seen_ns: self.seen_ns, ..Self::new(model) }
    }

    /// The model that scores.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Whether these rows lie before the end of what is remembered, as far as that matters: they are judged by the memory as it was
    /// saved.
    pub fn goes_back(&self, matrix: &Matrix) -> bool {
        let first_ns = matrix.window_start_ns.iter().min();
        self.context.as_ref().zip(first_ns).is_some_and(|(context, &first_ns)| first_ns < context.end_ns())
    }

    /// Scores every row of a matrix that comes behind those before; `ends` is whether watching ended within its last window.
    ///
    /// # Errors
    /// The matrix has another schema than the rows that the model learned from.
    pub fn score(&mut self, matrix: &Matrix, ends: bool) -> Result<Scores> {
        let model = &*self.model;
        model.accept(&matrix.schema)?;
        let edges = matrix.edges_after(self.seen_ns, ends);
        self.seen_ns = matrix.window_start_ns.iter().max().copied().or(self.seen_ns);
        if self.goes_back(matrix) {
            self.context = model.context();
        }
        let order = matrix.in_time();
        let mut context = self.context.as_mut().map_or_else(
            || context::nothing(matrix.rows()),
            |context| {
                let mut places = vec![0; order.len()];
                order.iter().enumerate().for_each(|(place, &row)| places[row] = place);
                context.judge(matrix, &order).select(Axis(0), &places)
            },
        );
        let parts = part::rows(matrix, &edges, model.rows(matrix.values.view(), matrix, &context).strangers());
        part::forget(&mut context, &parts, &model.schema);
        let values = model.completed(matrix, &parts);
        let (combined, members) = model.ensemble.score(&model.rows(values.view(), matrix, &context));
        let alone = combined.into_iter().zip(&matrix.window_start_ns).map(|(score, &start_ns)| {
            let surprise = model.calibration.surprise(score);
            model.hours.as_ref().map_or(surprise, |hours| hours.heard(start_ns, surprise))
        });
        let alone: Vec<f64> = alone.collect();
        let (before, surprises) = match model.lasting.as_ref().zip(self.runs.as_mut()) {
            Some((lasting, runs)) => {
                let before = runs.before(matrix, &order, &alone);
                let surprise = |(&alone, &before): (&f64, &f64)| lasting.surprise(alone, before);
                let surprises = alone.iter().zip(&before).map(surprise).collect();
                (before, surprises)
            }
            None => (vec![0.0; alone.len()], alone.clone()),
        };
        let kinds = model.card.members.iter().copied();
        Ok(Scores {
            alert: surprises.iter().map(|&surprise| surprise >= model.threshold).collect(),
            p_value: surprises.iter().map(|surprise| (-surprise).exp().max(f64::MIN_POSITIVE)).collect(),
            score: surprises.iter().map(|&surprise| decades(surprise)).collect(),
            alone: alone.into_iter().map(decades).collect(),
            before: before.into_iter().map(decades).collect(),
            members: kinds
                .zip(members)
                .map(|(kind, surprises)| (kind, surprises.into_iter().map(decades).collect()))
                .collect(),
            context,
            parts,
        })
    }
}
