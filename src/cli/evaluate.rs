//! `tidewatch evaluate`: truth against scores.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tidewatch::alert::{lasts, reasons, too_low_alone};
use tidewatch::evaluate::baselines::baselines;
use tidewatch::evaluate::spread::spreads;
use tidewatch::evaluate::{Evaluation, Judged, judge, judge_attacks, judge_entities, judge_overall, numbered};
use tidewatch::model::footprint::Footprint;
use tidewatch::model::shift::Shift;
use tidewatch::model::train::Model;
use tidewatch::report::{Report, html, rows_to_explain, text};
use tidewatch::{Error, ErrorKind, Result, artifact, file};

use super::card::card;
use super::input::{Loaded, Shape, check_output, load, tell_unsighted};
use super::reading::ReadArgs;
use super::terminal::{Terminal, print, print_json};
use super::{Outcome, honesty};

/// Features whose spread a report shows.
const TOLD_APART: usize = 9;

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
    /// Judge a test that shares time or bytes with the training all the same; the report says so in red
    #[arg(long)]
    allow_overlap: bool,
    /// The share of attack rows that you expect in operation, as in 0.0001: tells what precision would be there
    #[arg(long, value_name = "SHARE")]
    prevalence: Option<f64>,
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
    let report = args.report.as_deref();
    let judging = Judging { prevalence: args.prevalence, allow_overlap: args.allow_overlap, quiet: false };
    let evaluation = evaluate(&model, &loaded, &args.model, &args.inputs, report, &judging, terminal)?;
    if args.json {
        print_json(&evaluation)?;
    } else {
        print(&text(&evaluation))?;
    }
    Ok(Outcome::partial_if(loaded.partial))
}

/// How a model is judged.
#[derive(Clone, Copy, Debug, Default)]
pub struct Judging {
    /// The share of attack rows that is expected in operation.
    pub prevalence: Option<f64>,
    /// Whether a test that was learned from is judged.
    pub allow_overlap: bool,
    /// Whether warnings are only in the evaluation.
    pub quiet: bool,
}

/// Judges a model on what was loaded, and writes the report if it is wanted.
pub fn evaluate(
    model: &Model,
    loaded: &Loaded,
    model_path: &Path,
    inputs: &[PathBuf],
    report: Option<&Path>,
    judging: &Judging,
    terminal: &Terminal,
) -> Result<Evaluation> {
    let matrix = &loaded.matrix;
    let subject = inputs.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
    let Some(labels) = &matrix.labels else {
        return Err(Error::new(ErrorKind::Truth, subject, "there is no ground truth to judge by")
            .hint("name the --labels FILE of a capture, extract a matrix with it, name the --label-column of a table, or use score"));
    };
    let survey = loaded.survey(terminal)?;
    let footprint = Footprint::of(matrix).with(&survey);
    let overlap = honesty::overlap(model, loaded, &footprint)?;
    if !overlap.is_empty() && !judging.allow_overlap {
        return Err(honesty::refusal(&subject, &overlap));
    }
    tell_unsighted(model, matrix, terminal);
    // Attacks are to be seen in features, too: what has changed for good is seen in benign rows.
    let mut shift = Shift::new(model);
    shift.count(matrix, matrix.benign());
    let drift = shift.drift();
    let scores = model.score(matrix)?;
    let entities = numbered(&matrix.entity);
    let judged = Judged { prevalence: judging.prevalence, ..Judged::of(matrix, labels, &entities) };
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
    let overall = judge_overall(&judged, &scores.score, threshold)?;
    let mut warnings = honesty::warnings(model, matrix, &survey, &footprint, &judged, overall.pr_auc);
    warnings.extend(drift.retrain.then(|| drift.in_words()));
    if !judging.quiet {
        terminal.say(format_args!("drift: {}", drift.in_words()));
        honesty::tell(&overlap, terminal);
        honesty::tell(&warnings, terminal);
    }
    let evaluation = Evaluation {
        overall,
        attacks: judge_attacks(&judged, &scores.score, threshold)?,
        members: members.collect::<Result<_>>()?,
        entities: judge_entities(&judged, &scores.score, threshold)?,
        baselines: baselines(&judged, packets, matrix.values(), &names)?,
        ledger: ledger.map_err(|error| Error::new(ErrorKind::Io, "ledger", error.to_string()))?,
        overlap,
        warnings,
        drift,
    };
    if let Some(path) = report {
        let explain = |row| {
            let reasons = reasons(model, matrix, &scores, row).into_iter().map(|reason| reason.text);
            reasons.chain(too_low_alone(model, &scores, row).map(lasts)).collect()
        };
        let reasons: BTreeMap<usize, Vec<String>> =
            rows_to_explain(&judged, &scores.score, threshold).into_iter().map(|row| (row, explain(row))).collect();
        let named: Vec<String> = inputs.iter().map(|path| name(path)).collect();
        let page = Report {
            title: format!("{} on {}", name(model_path), named.join(", ")),
            generated_from: std::iter::once(name(model_path)).chain(named.clone()).collect(),
            evaluation: &evaluation,
            rows: &judged,
            scores: &scores.score,
            threshold,
            reasons,
            spreads: spreads(&judged, matrix.values(), &names, TOLD_APART),
            commands: vec![format!(
                "tidewatch evaluate {} {} --report {}",
                name(model_path),
                named.join(" "),
                name(path)
            )],
            model_card: card(model),
        };
        write_page(path, &page, terminal)?;
    }
    Ok(evaluation)
}

/// A file's name, for a page that others will read.
pub fn name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// Writes a report.
pub fn write_page(path: &Path, report: &Report<'_>, terminal: &Terminal) -> Result<()> {
    let page = html(report);
    file::write(path, |out| out.write_all(page.as_bytes()).map_err(|error| Error::io(path, &error)))?;
    terminal.say(format_args!("{}: report written", path.display()));
    Ok(())
}
