//! Which model finds most on this network: candidates learn from what came first and are judged on what came after.
//!
//! Rows are never shuffled: neighbours in time are alike, so a model that has seen both sides of a row knows it (Hyndman,
//! Athanasopoulos: Forecasting: Principles and Practice, 2021, on evaluation on a rolling forecasting origin). Without a validation
//! of its own, the time of the rows is cut at its half, at two thirds and at five sixths; each time candidates learn from all that
//! lies before the cut and are judged on what lies between it and the next.

use rayon::prelude::*;
use serde::Serialize;

use crate::error::{Error, ErrorKind, Result};
use crate::evaluate::{Figures, Judged, judge, numbered};
use crate::matrix::{Matrix, Schema};
use crate::model::ensemble::Kind;
use crate::model::train::{Training, kinds, train};
use crate::progress::{Progress, Quiet};

/// Where the time of rows is cut, in sixths.
const CUTS: [usize; 4] = [3, 4, 5, 6];

/// The models that are tried on such rows unless others are named: the default ensemble, the same without each of its members and with each
/// member that it has not, and each kind alone.
pub fn candidates(schema: &Schema) -> Vec<Vec<Kind>> {
    let ensemble = Kind::ensemble(schema);
    let without = ensemble.iter().map(|left_out| ensemble.iter().copied().filter(|kind| kind != left_out).collect());
    let others = Kind::ALL.into_iter().filter(|kind| !ensemble.contains(kind));
    let with = others.map(|other| [&ensemble[..], &[other]].concat());
    let mut all = vec![ensemble.clone()];
    all.extend(without);
    all.extend(with);
    all.extend(Kind::ALL.map(|kind| vec![kind]));
    all
}

/// The models that names on the command line stand for; none for the default ensemble.
///
/// # Errors
/// There is no model of a name.
pub fn named(names: &[String]) -> Result<Vec<Option<Vec<Kind>>>> {
    names.iter().map(|name| kinds(name)).collect()
}

/// A part of the time to learn from, and a later one to be judged on.
#[derive(Clone, Debug)]
pub struct Fold {
    /// Rows to learn from; those of attacks are left out.
    pub past: Matrix,
    /// Rows with truth.
    pub future: Matrix,
}

/// Cuts labelled rows by their time; parts without an attack judge nothing and are left out.
///
/// # Errors
/// No later part has both an attack and benign rows.
pub fn folds(matrix: &Matrix) -> Result<Vec<Fold>> {
    let order = matrix.in_time();
    // A window is not parted.
    let cut = |sixths: usize| {
        let place = order.len() * sixths / 6;
        let at = order.get(place).map(|&row| matrix.window_start_ns[row]);
        at.map_or(order.len(), |at| order.partition_point(|&row| matrix.window_start_ns[row] < at))
    };
    let parts = CUTS.windows(2).map(|cuts| (cut(cuts[0]), cut(cuts[1])));
    let folds: Vec<Fold> = parts
        .map(|(from, to)| Fold { past: matrix.select(&order[..from]), future: matrix.select(&order[from..to]) })
        .filter(|fold| {
            let benign = fold.future.benign().len();
            benign > 0 && benign < fold.future.rows()
        })
        .collect();
    if folds.is_empty() {
        return Err(Error::new(ErrorKind::Truth, "tuning", "no later half of these rows has attacks to be judged by")
            .hint("name labelled rows that came later with --validation"));
    }
    Ok(folds)
}

/// How a candidate did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Trial {
    /// Its members, as `--model` takes them.
    pub model: String,
    /// The view and the window of its rows.
    pub view: String,
    /// In nanoseconds.
    pub window_ns: i64,
    /// The mean average precision over the folds, by which candidates are ranked.
    pub pr_auc: f64,
    /// The figures of each fold.
    pub folds: Vec<Figures>,
    #[serde(skip)]
    kinds: Vec<Kind>,
}

impl Trial {
    /// Its members.
    pub fn kinds(&self) -> &[Kind] {
        &self.kinds
    }
}

/// A candidate that could not be tried, with why.
pub type Failed = (String, Error);

/// Tries every candidate on the folds, in parallel; the best first, of equals the one with fewer members. One that cannot be
/// trained is left out, with why.
///
/// # Errors
/// None could be tried, or the user cancelled the work.
pub fn try_all(
    candidates: &[Vec<Kind>],
    folds: &[Fold],
    training: &Training,
    progress: &dyn Progress,
) -> Result<(Vec<Trial>, Vec<Failed>)> {
    let Some(schema) = folds.first().map(|fold| &fold.future.schema) else {
        return Err(Error::new(ErrorKind::Truth, "validation", "there are no rows to judge by"));
    };
    let tried: Vec<(String, Result<Trial>)> = candidates
        .par_iter()
        .map(|kinds| {
            let result = progress.check().and_then(|()| try_one(kinds, folds, training));
            progress.advance(1);
            (name(kinds, schema), result)
        })
        .collect();
    progress.check()?;
    let (mut trials, mut failed) = (Vec::new(), Vec::new());
    for (name, result) in tried {
        match result {
            Ok(trial) => trials.push(trial),
            Err(error) => failed.push((name, error)),
        }
    }
    rank(&mut trials);
    match failed.pop() {
        Some((_, error)) if trials.is_empty() => Err(error),
        last => {
            failed.extend(last);
            Ok((trials, failed))
        }
    }
}

/// The best first.
pub fn rank(trials: &mut [Trial]) {
    trials.sort_by(|a, b| b.pr_auc.total_cmp(&a.pr_auc).then(a.kinds.len().cmp(&b.kinds.len())));
}

fn try_one(kinds: &[Kind], folds: &[Fold], training: &Training) -> Result<Trial> {
    let training = Training { kinds: Some(kinds.to_vec()), ..training.clone() };
    let figures: Vec<Figures> = folds
        .iter()
        .map(|fold| {
            let model = train(&fold.past, &training, Vec::new(), &Quiet)?;
            let scores = model.score(&fold.future)?;
            let rows = &fold.future;
            let Some(labels) = &rows.labels else {
                return Err(Error::new(ErrorKind::Truth, "validation", "there is no ground truth to judge by")
                    .hint("name the --labels FILE of a capture, or extract a matrix with it"));
            };
            let entities = numbered(&rows.entity);
            let judged = Judged::of(rows, labels, &entities);
            judge(&judged, &scores.score, model.threshold())
        })
        .collect::<Result<_>>()?;
    let areas: Vec<f64> = figures.iter().filter_map(|figures| figures.pr_auc).collect();
    if areas.is_empty() {
        return Err(Error::new(
            ErrorKind::Truth,
            "validation",
            "there are not both attacks and benign rows to judge by",
        )
        .hint("name labelled rows that hold attacks with --validation"));
    }
    let schema = &folds[0].future.schema;
    Ok(Trial {
        model: name(kinds, schema),
        view: schema.view.clone(),
        window_ns: schema.window_ns,
        pr_auc: areas.iter().sum::<f64>() / areas.len() as f64,
        folds: figures,
        kinds: kinds.to_vec(),
    })
}

fn name(kinds: &[Kind], schema: &Schema) -> String {
    if kinds == Kind::ensemble(schema) {
        return "ensemble".to_owned();
    }
    kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join("+")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::Schema;
    use crate::window::{Names, Rows, View};

    /// Windows of ten minutes with one row each; of an attack are those whose number is named.
    fn rows(windows: i64, attacks: &[i64]) -> Matrix {
        let mut matrix = Matrix::new(Schema::of(View::Network, 600_000_000_000), true);
        let columns = matrix.schema.columns.len();
        for window in 0..windows {
            let attack = attacks.contains(&window).then_some(0);
            let rows = Rows {
                entity: Names::from_iter(["network"]),
                values: vec![window as f32; columns],
                attack: vec![attack],
                attack_packets: vec![u32::from(attack.is_some())],
                ..Rows::default()
            };
            matrix.push_window(window * 600_000_000_000, rows, Some(&["scan".to_owned()]));
        }
        matrix
    }

    #[test]
    fn the_past_lies_before_the_future() {
        let folds = folds(&rows(60, &[5, 33, 55])).unwrap();
        let spans: Vec<_> = folds.iter().map(|fold| (fold.past.rows(), fold.future.rows())).collect();
        // Between two thirds and five sixths there is no attack.
        assert_eq!(spans, [(30, 10), (50, 10)]);
        for fold in folds {
            assert!(fold.past.window_start_ns.iter().max() < fold.future.window_start_ns.iter().min());
        }
        assert!(super::folds(&rows(60, &[5])).is_err());
    }

    #[test]
    fn candidates_are_tried_once() {
        let schema = Schema::of(View::Host, 30_000_000_000);
        let all = candidates(&schema);
        let mut names: Vec<String> = all.iter().map(|kinds| name(kinds, &schema)).collect();
        assert_eq!(names[0], "ensemble");
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all.len());
    }
}
