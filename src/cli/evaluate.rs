//! `tidewatch evaluate`: truth against scores.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tidewatch::alert::reasons;
use tidewatch::evaluate::baselines::baselines;
use tidewatch::evaluate::{Evaluation, Judged, judge, judge_attacks, numbered};
use tidewatch::matrix::Matrix;
use tidewatch::model::shift::Shift;
use tidewatch::model::train::Model;
use tidewatch::report::{Report, html, rows_to_explain, text};
use tidewatch::{Error, ErrorKind, Result, artifact, file};

use super::Outcome;
use super::card::card;
use super::input::{Loaded, Shape, check_output, load, tell_unsighted};
use super::reading::ReadArgs;
use super::terminal::{Terminal, print, print_json};

#[derive(clap::Args)]
pub struct Args {
    /// The model file
    model: PathBuf,
    /// Labelled captures, matrices or tables
    #[arg(required = true, value_name = "CAPTURE|MATRIX")]
    inputs: Vec<PathBuf>,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
    /// Write a report: one self-contained HTML page
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    #[command(flatten)]
    read: ReadArgs,
}

pub fn run(args: &Args, terminal: &Terminal) -> Result<Outcome> {
    let reading = args.read.check()?;
    if let Some(report) = &args.report {
        check_output(report, &args.inputs)?;
    }
    let model = artifact::read(&args.model)?;
    let loaded = load(&args.inputs, Shape::Of(&model), &reading, terminal)?.with_rows(&args.inputs)?;
    let evaluation = evaluate(&model, &loaded, &args.model, &args.inputs, args.report.as_deref(), terminal)?;
    if args.json {
        print_json(&evaluation)?;
    } else {
        print(&text(&evaluation))?;
    }
    Ok(Outcome::partial_if(loaded.partial))
}

/// Judges a model on what was loaded, and writes the report if it is wanted.
pub fn evaluate(
    model: &Model,
    loaded: &Loaded,
    model_path: &Path,
    inputs: &[PathBuf],
    report: Option<&Path>,
    terminal: &Terminal,
) -> Result<Evaluation> {
    let matrix = &loaded.matrix;
    let Some(labels) = &matrix.labels else {
        let names: Vec<String> = inputs.iter().map(|path| path.display().to_string()).collect();
        return Err(Error::new(ErrorKind::Truth, names.join(", "), "there is no ground truth to judge by")
            .hint("name the --labels FILE of a capture, extract a matrix with it, name the --label-column of a table, or use score"));
    };
    tell_unsighted(model, matrix, terminal);
    // Attacks are to be seen in features, too: what has changed for good is seen in benign rows.
    let mut shift = Shift::new(model);
    shift.count(matrix, matrix.benign());
    let drift = shift.drift();
    terminal.say(format_args!("drift: {}", drift.in_words()));
    let mut warnings = warnings(model, matrix);
    warnings.iter().for_each(|warning| terminal.warn(warning));
    if drift.retrain {
        warnings.push(drift.in_words());
    }
    let scores = model.score(matrix)?;
    let (entity, entities) = numbered(&matrix.entity);
    let judged = Judged {
        window_start_ns: &matrix.window_start_ns,
        window_ns: matrix.schema.window_ns.max(1),
        entity: &entity,
        entities: &entities,
        label: &labels.attack,
        names: &labels.names,
        span_days: matrix.days(),
    };
    let threshold = model.threshold();
    let members =
        scores.members.iter().map(|(kind, scores)| Ok((kind.name().to_owned(), judge(&judged, scores, threshold)?)));
    let names: Vec<String> = matrix.schema.columns.iter().map(|column| column.name.clone()).collect();
    let packets = names.iter().position(|name| name == "packets").map(|column| matrix.values.column(column));
    let ledger = if loaded.reads.packets > 0 {
        serde_json::to_value(&loaded.reads.ledger)
    } else {
        serde_json::to_value(serde_json::json!({"read": matrix.rows(), "used": matrix.rows(), "skipped": {}}))
    };
    let evaluation = Evaluation {
        overall: judge(&judged, &scores.score, threshold)?,
        attacks: judge_attacks(&judged, &scores.score, threshold)?,
        members: members.collect::<Result<_>>()?,
        baselines: baselines(&judged, packets, matrix.values(), &names)?,
        ledger: ledger.map_err(|error| Error::new(ErrorKind::Io, "ledger", error.to_string()))?,
        drift,
    };
    if let Some(path) = report {
        let reasons: BTreeMap<usize, Vec<String>> = rows_to_explain(&judged, &scores.score, threshold)
            .into_iter()
            .map(|row| (row, reasons(model, matrix, &scores, row).into_iter().map(|reason| reason.text).collect()))
            .collect();
        let name = |path: &Path| path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let named: Vec<String> = inputs.iter().map(|path| name(path)).collect();
        let page = html(&Report {
            title: format!("{} on {}", name(model_path), named.join(", ")),
            generated_from: std::iter::once(name(model_path)).chain(named.clone()).collect(),
            evaluation: &evaluation,
            rows: &judged,
            scores: &scores.score,
            threshold,
            reasons,
            commands: vec![format!(
                "tidewatch evaluate {} {} --report {}",
                name(model_path),
                named.join(" "),
                name(path)
            )],
            model_card: card(model),
            warnings,
        });
        file::write(path, |out| out.write_all(page.as_bytes()).map_err(|error| Error::io(path, &error)))?;
        terminal.say(format_args!("{}: report written", path.display()));
    }
    Ok(evaluation)
}

/// What the reader has to know before believing a figure.
fn warnings(model: &Model, matrix: &Matrix) -> Vec<String> {
    let mut warnings = Vec::new();
    let starts = &matrix.window_start_ns;
    let (first, last) = (starts.iter().min().copied().unwrap_or(0), starts.iter().max().copied().unwrap_or(0));
    if matrix.schema.window_ns > 0 && first < model.card.last_ns && last >= model.card.first_ns {
        warnings.push("the test overlaps the training in time: its figures are too good to be true".to_owned());
    } else if matrix.schema.window_ns > 0 && last < model.card.first_ns {
        warnings.push("the test lies before the training: in operation nobody can train on the future".to_owned());
    }
    if matrix.schema.window_ns == 0 {
        warnings.push("the rows have no time: they are taken as one day".to_owned());
    }
    if matrix.benign().len() == matrix.rows() {
        warnings.push("there is no attack in the ground truth: only false alarms can be judged".to_owned());
    }
    warnings
}
