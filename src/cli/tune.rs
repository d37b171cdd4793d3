//! `tidewatch tune`: which model finds most.

use std::path::PathBuf;

use serde_json::json;
use tidewatch::matrix::{Schema, duration};
use tidewatch::model::ensemble::Kind;
use tidewatch::model::train::{Training, train};
use tidewatch::progress::Progress;
use tidewatch::tune::{Fold, Trial, candidates, folds, named, rank, try_all};
use tidewatch::{Error, ErrorKind, Result, artifact};

use super::Outcome;
use super::input::{Loaded, Shape, check_output, load};
use super::reading::{ReadArgs, WindowArgs};
use super::terminal::{Terminal, print, print_json};
use super::train::tell;

#[derive(clap::Args)]
pub struct Args {
    /// Captures, matrices or tables to learn from; without --validation they are labelled, and their later half is judged
    #[arg(required = true, value_name = "CAPTURE|MATRIX")]
    inputs: Vec<PathBuf>,
    /// Labelled captures, matrices or tables of what came later, to judge by
    #[arg(long, value_name = "CAPTURE|MATRIX", num_args = 1..)]
    validation: Vec<PathBuf>,
    /// Where the best model is written
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Models to try, as `train --model` names them, separated by commas [default: the ensemble, with and without each member, and
    /// each kind alone]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    models: Vec<String>,
    /// Views of captures to try, separated by commas [default: host]
    #[arg(long, value_name = "VIEWS", value_delimiter = ',')]
    view: Vec<String>,
    /// Windows of captures to try, separated by commas, as in 30s,5m [default: 30s]
    #[arg(long, value_name = "TIMES", value_delimiter = ',')]
    window: Vec<String>,
    /// How many benign rows may alert in a day
    #[arg(long, default_value_t = 1.0, value_name = "NUMBER")]
    alarms_per_day: f64,
    /// The seed of everything random
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Print the leaderboard as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    read: ReadArgs,
}

/// Rows of one view in windows of one length.
struct Rows {
    past: Loaded,
    folds: Vec<Fold>,
}

pub fn run(args: &Args, terminal: &Terminal) -> Result<Outcome> {
    let training = Training { alarms_per_day: args.alarms_per_day, seed: args.seed, ..Training::default() };
    training.check()?;
    let named = named(&args.models)?;
    check_output(&args.output, &[&args.inputs[..], &args.validation].concat())?;
    let mut shapes = Vec::new();
    for view in several(&args.view) {
        for window in several(&args.window) {
            shapes.push(load_rows(args, WindowArgs::new(view.clone(), window), terminal)?);
        }
    }
    // They are all of windows, or all of a table made elsewhere.
    let models = shapes.first().map_or(Vec::new(), |rows| resolve(named, &rows.past.matrix.schema));
    terminal.begin("tune", Some((shapes.len() * models.len()) as u64));
    let (mut trials, mut origins) = (Vec::new(), Vec::new());
    for (place, rows) in shapes.iter().enumerate() {
        let (tried, failed) = try_all(&models, &rows.folds, &training, terminal)?;
        for (name, error) in failed {
            terminal.warn(format_args!("{name} could not be tried: {error}"));
        }
        origins.extend(tried.iter().map(|trial| ((trial.view.clone(), trial.window_ns), place)));
        trials.extend(tried);
    }
    terminal.finish();
    rank(&mut trials);
    let best = trials.first().zip(trials.first().and_then(|best| {
        let shape = (best.view.clone(), best.window_ns);
        origins.iter().find(|(known, _)| *known == shape).and_then(|&(_, place)| shapes.get(place))
    }));
    let Some((best, rows)) = best else {
        return Err(Error::new(ErrorKind::Model, "tuning", "there is nothing to try").hint("name --models"));
    };
    if args.json {
        print_json(&json!({ "leaderboard": trials, "best": best }))?;
    } else {
        print(&leaderboard(&trials))?;
    }
    let training = Training { kinds: Some(best.kinds().to_vec()), ..training };
    let model = train(&rows.past.matrix, &training, rows.past.sources()?, terminal)?;
    terminal.finish();
    artifact::write(&model, &args.output)?;
    tell(&model.card, terminal);
    terminal.say(format_args!("{}: {}, the best of {}", args.output.display(), best.model, trials.len()));
    Ok(Outcome::partial_if(shapes.iter().any(|rows| rows.past.partial)))
}

/// The models to try on such rows.
fn resolve(named: Vec<Option<Vec<Kind>>>, schema: &Schema) -> Vec<Vec<Kind>> {
    if named.is_empty() {
        return candidates(schema);
    }
    named.into_iter().map(|kinds| kinds.unwrap_or_else(|| Kind::ensemble(schema))).collect()
}

/// What the user names; once nothing if it is not named.
fn several(named: &[String]) -> Vec<Option<String>> {
    if named.is_empty() { vec![None] } else { named.iter().cloned().map(Some).collect() }
}

fn load_rows(args: &Args, window: WindowArgs, terminal: &Terminal) -> Result<Rows> {
    let mut reading = args.read.check()?;
    let (view, windowing) = window.check_one(&mut reading)?;
    let shape = Shape::Windows(view, windowing);
    let past = load(&args.inputs, shape, &reading, terminal)?.with_rows(&args.inputs)?;
    if args.validation.is_empty() {
        let folds = folds(&past.matrix)?;
        return Ok(Rows { past, folds });
    }
    let future = load(&args.validation, shape, &reading, terminal)?.with_rows(&args.validation)?.matrix;
    let last = past.matrix.window_start_ns.iter().max();
    if past.matrix.schema.window_ns > 0 && future.window_start_ns.iter().min() <= last {
        terminal
            .warn("the validation begins before the end of what is learned from: its figures are too good to be true");
    }
    let folds = vec![Fold { past: past.matrix.clone(), future }];
    Ok(Rows { past, folds })
}

/// The trials as a table, the best first.
fn leaderboard(trials: &[Trial]) -> String {
    let width = trials.iter().map(|trial| trial.model.len()).max().unwrap_or(0).max(5);
    let mut lines = vec![format!(
        "{:>4}  {:width$}  {:8} {:>6}  PR-AUC  ROC-AUC  recall at 1/d  episodes  false/day",
        "", "model", "view", "window"
    )];
    for (place, trial) in trials.iter().enumerate() {
        let mean = |figure: &dyn Fn(&tidewatch::evaluate::Figures) -> Option<f64>| {
            let known: Vec<f64> = trial.folds.iter().filter_map(figure).collect();
            known.iter().sum::<f64>() / known.len().max(1) as f64
        };
        let found: usize = trial.folds.iter().map(|figures| figures.episodes_detected).sum();
        let all: usize = trial.folds.iter().map(|figures| figures.episodes).sum();
        lines.push(format!(
            "{:>4}  {:width$}  {:8} {:>6}  {:>6.3}  {:>7.3}  {:>13.3}  {:>8}  {:>9.1}",
            place + 1,
            trial.model,
            trial.view,
            if trial.window_ns > 0 { duration(trial.window_ns) } else { "none".to_owned() },
            trial.pr_auc,
            mean(&|figures| figures.roc_auc),
            mean(&|figures| figures.recall_at_alarms_per_day.one),
            format!("{found}/{all}"),
            mean(&|figures| Some(figures.false_alarms_per_day)),
        ));
    }
    lines.join("\n") + "\n"
}
