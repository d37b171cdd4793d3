//! `tidewatch bench`: a declared experiment over datasets, views, models and seeds, into one table.
//!
//! Each matrix and each evaluation is a file in the results' folder, named after everything that it is made from: the bytes of its
//! inputs and of their ground truth, the options, and the program itself. What is there already is not made again, so a run that
//! was killed goes on where it was, and ends with the same bytes.

mod compose;
mod experiment;
mod table;

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tidewatch::dataset::sha256;
use tidewatch::matrix::{self, Matrix};
use tidewatch::model::train::{Training, kinds, train};
use tidewatch::progress::{Progress, Quiet};
use tidewatch::window::{View, Windowing};
use tidewatch::{Error, ErrorKind, Result, file};

use super::evaluate::{Judging, evaluate};
use super::input::{Shape, load};
use super::reading::ReadArgs;
use super::terminal::{Terminal, print, print_json};
use super::{Outcome, pieces};
use experiment::{Data, Experiment};

#[derive(clap::Args)]
pub struct Args {
    /// The experiment: datasets, views, windows, models, seeds
    #[arg(value_name = "EXPERIMENT.toml")]
    experiment: PathBuf,
    /// Where the paths in the experiment start [default: the experiment's folder]
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// Where results and what they are made of are kept [default: EXPERIMENT.results]
    #[arg(short, long, value_name = "FOLDER")]
    output: Option<PathBuf>,
    /// Print the table as JSON
    #[arg(long)]
    json: bool,
}

/// The rows that a model is trained on and those that it is judged on.
struct Matrices {
    dataset: String,
    view: View,
    window: String,
    train: PathBuf,
    test: PathBuf,
}

/// What a line of the table is of.
struct Cell<'a> {
    matrices: &'a Matrices,
    model: &'a str,
    seed: u64,
}

pub fn run(args: &Args, terminal: &Terminal) -> Result<Outcome> {
    let experiment = Experiment::read(&args.experiment)?;
    let parent = args.experiment.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let data = args.data.clone().unwrap_or_else(|| parent.to_owned());
    let output = args.output.clone().unwrap_or_else(|| args.experiment.with_extension("results"));
    let cache = Cache::new(&output.join("cache"))?;

    let kinds_of_rows = experiment.kinds_of_rows();
    terminal.say(format_args!(
        "{}: {} matrices, {} evaluations",
        experiment.name,
        kinds_of_rows.len(),
        experiment.cells()
    ));
    let made: Vec<Result<Matrices>> = kinds_of_rows
        .par_iter()
        .map(|(dataset, view, window)| {
            let made = matrices(&cache, &data, dataset, *view, window, terminal);
            made.map_err(|error| Error {
                what: format!("{} ({}, {view}, {window})", error.what, dataset.name),
                ..error
            })
        })
        .collect();
    terminal.check()?;
    let made: Vec<Matrices> = made.into_iter().collect::<Result<_>>()?;
    let mut cells: Vec<Cell<'_>> = Vec::new();
    for matrices in &made {
        for model in &experiment.models {
            cells.extend(experiment.seeds.iter().map(|&seed| Cell { matrices, model, seed }));
        }
    }
    let judged: Vec<Result<Value>> =
        cells.par_iter().map(|cell| judged(&cache, cell, experiment.alarms_per_day, terminal)).collect();
    terminal.check()?;
    let lines: Vec<table::Line> = cells
        .iter()
        .zip(judged)
        .map(|(cell, judged)| {
            if let Err(error) = &judged {
                terminal.error(error);
            }
            table::Line::new(cell, judged)
        })
        .collect();
    let failed = lines.iter().filter(|line| line.error.is_some()).count();
    for (name, text) in [
        ("results.csv", table::csv(&lines)),
        ("results.md", table::markdown(&experiment.name, &lines)),
        ("results.json", table::json(&lines)?),
    ] {
        let path = output.join(name);
        file::write(&path, |out| out.write_all(text.as_bytes()).map_err(|error| Error::io(&path, &error)))?;
    }
    if args.json {
        print_json(&lines)?;
    } else {
        print(&table::markdown(&experiment.name, &lines))?;
    }
    terminal.say(format_args!("{}: results.csv, results.md, results.json", output.display()));
    if failed == lines.len() {
        return Err(Error::new(ErrorKind::Model, args.experiment.display(), "no evaluation came to an end")
            .hint("see what is said of each above"));
    }
    Ok(Outcome::partial_if(failed > 0))
}

/// Files by what they are made from.
struct Cache {
    folder: PathBuf,
    /// The program's own hash: another program makes other files.
    program: String,
}

impl Cache {
    fn new(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(|error| Error::io(folder, &error))?;
        let program = std::env::current_exe().map_err(|error| Error::io(Path::new("tidewatch"), &error))?;
        Ok(Self { folder: folder.to_owned(), program: sha256(&program)? })
    }

    /// Where that is kept which is made from `parts`.
    fn path(&self, parts: &[&str], ending: &str) -> PathBuf {
        let mut hash = Sha256::new();
        for part in parts.iter().chain([&self.program.as_str()]) {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        self.folder.join(format!("{}.{ending}", matrix::hex(&hash.finalize()[..16])))
    }
}

/// The matrices of a dataset in a view, made unless they are there.
fn matrices(
    cache: &Cache,
    data: &Path,
    dataset: &Data,
    view: View,
    window: &str,
    terminal: &Terminal,
) -> Result<Matrices> {
    terminal.check()?;
    let (train, test) = dataset.captures(data, cache, terminal)?;
    let split = dataset.split.map(|share| share.to_string()).unwrap_or_default();
    let mut inputs = Vec::new();
    for path in train.iter().chain(&test) {
        inputs.extend(fingerprints(path)?);
    }
    let train_count = train.len().to_string();
    let mut parts: Vec<&str> = vec!["matrix", view.name(), window, &split, &train_count];
    parts.extend(inputs.iter().map(String::as_str));
    let [train_path, test_path] = ["train.parquet", "test.parquet"].map(|ending| cache.path(&parts, ending));
    let made =
        Matrices { dataset: dataset.name.clone(), view, window: window.to_owned(), train: train_path, test: test_path };
    if made.train.exists() && made.test.exists() {
        return Ok(made);
    }
    let reading = ReadArgs::default().check()?;
    let windowing = Windowing::new(experiment::nanoseconds(window)?, reading.lateness_ns)?;
    let rows = |paths: &[PathBuf]| -> Result<Matrix> {
        Ok(load(paths, Shape::Windows(view, windowing), &reading, terminal)?.with_rows(paths)?.matrix)
    };
    let (train_rows, test_rows) = match dataset.split {
        Some(share) => parted(&rows(&train)?, share),
        None => (rows(&train)?, rows(&test)?),
    };
    matrix::write(&train_rows, &made.train)?;
    matrix::write(&test_rows, &made.test)?;
    terminal.say(format_args!(
        "{}, {view}, {window}: {} and {} rows",
        dataset.name,
        train_rows.rows(),
        test_rows.rows()
    ));
    Ok(made)
}

/// The rows of the first part of the windows, and the others.
fn parted(matrix: &Matrix, share: f64) -> (Matrix, Matrix) {
    let mut starts = matrix.window_start_ns.clone();
    starts.sort_unstable();
    starts.dedup();
    let at = ((starts.len() as f64 * share) as usize).min(starts.len().saturating_sub(1));
    let cut = starts.get(at).copied().unwrap_or(0);
    let (before, after): (Vec<usize>, Vec<usize>) =
        (0..matrix.rows()).partition(|&row| matrix.window_start_ns[row] < cut);
    (matrix.select(&before), matrix.select(&after))
}

/// The hashes of a capture, and of the ground truth beside it with its tables.
fn fingerprints(path: &Path) -> Result<Vec<String>> {
    let mut hashes = vec![sha256(path)?];
    for labels in tidewatch::truth::names_beside(path).into_iter().filter(|labels| labels.is_file()).take(1) {
        hashes.push(sha256(&labels)?);
        let text = std::fs::read_to_string(&labels).map_err(|error| Error::io(&labels, &error))?;
        let rules = text.parse::<toml::Table>().ok();
        let rules = rules.as_ref().and_then(|table| table.get("rule")?.as_array()).into_iter().flatten();
        for name in
            rules.flat_map(|rule| ["intervals", "packets", "flows"].map(|key| rule.get(key)?.as_str())).flatten()
        {
            let table = labels.with_file_name(name);
            hashes.push(if table.is_file() { sha256(&table)? } else { String::new() });
        }
    }
    Ok(hashes)
}

/// The evaluation of a cell, made unless it is there.
fn judged(cache: &Cache, cell: &Cell<'_>, alarms_per_day: f64, terminal: &Terminal) -> Result<Value> {
    terminal.check()?;
    let Cell { matrices, model, seed } = cell;
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (train_name, test_name) = (name(&matrices.train), name(&matrices.test));
    let path = cache
        .path(&["evaluation", &train_name, &test_name, model, &seed.to_string(), &alarms_per_day.to_string()], "json");
    if let Ok(text) = std::fs::read_to_string(&path)
        && let Ok(value) = serde_json::from_str(&text)
    {
        return Ok(value);
    }
    let about = format!("{}, {}, {}, {model}, seed {seed}", matrices.dataset, matrices.view, matrices.window);
    let judge = || -> Result<Value> {
        let reading = ReadArgs::default().check()?;
        let windowing = Windowing::new(experiment::nanoseconds(&matrices.window)?, reading.lateness_ns)?;
        let train_paths = std::slice::from_ref(&matrices.train);
        let learned = load(train_paths, Shape::Windows(matrices.view, windowing), &reading, terminal)?;
        let training = Training { kinds: kinds(model)?, alarms_per_day, seed: *seed };
        let model = train(&learned.matrix, &training, learned.sources()?, &Quiet)?;
        let test_paths = std::slice::from_ref(&matrices.test);
        let loaded = load(test_paths, Shape::Of(&model), &reading, terminal)?.with_rows(test_paths)?;
        let judging = Judging { quiet: true, ..Judging::default() };
        let evaluation = evaluate(&model, &loaded, Path::new("model"), test_paths, None, &judging, terminal)?;
        serde_json::to_value(&evaluation).map_err(|error| Error::new(ErrorKind::Io, path.display(), error.to_string()))
    };
    // What is read back later is taken now too, so that a line does not depend on when its evaluation was made.
    let text = judge().map_err(|error| error_about(error, &about))?.to_string();
    let value: Value =
        serde_json::from_str(&text).map_err(|error| Error::new(ErrorKind::Io, path.display(), error.to_string()))?;
    file::write(&path, |out| out.write_all(text.as_bytes()).map_err(|error| Error::io(&path, &error)))?;
    terminal.say(format_args!("{about}: PR-AUC {}", value["overall"]["pr_auc"]));
    Ok(value)
}

fn error_about(error: Error, about: &str) -> Error {
    Error { subject: about.to_owned(), ..error }
}

/// The captures that a list of files and folders names, from the folder of the data on.
fn expanded(names: &[String], data: &Path, terminal: &Terminal) -> Result<Vec<PathBuf>> {
    let paths: Vec<PathBuf> = names.iter().map(|name| data.join(name)).collect();
    pieces::expand(&paths, terminal)
}
