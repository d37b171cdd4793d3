//! `tidewatch report`: scores that are there already, judged as those of a model are.

use std::collections::BTreeMap;
use std::path::PathBuf;

use tidewatch::evaluate::baselines::baselines;
use tidewatch::evaluate::{Evaluation, Judged, judge_attacks, judge_entities, judge_overall, numbered};
use tidewatch::matrix::{SCORE_COLUMNS, Scored, read_scores};
use tidewatch::model::shift::Drift;
use tidewatch::report::{Report, text};
use tidewatch::{Error, ErrorKind, Result};

use super::evaluate::{name, write_page};
use super::input::check_output;
use super::reading::TableArgs;
use super::terminal::{Terminal, print, print_json};
use super::{Outcome, honesty};

#[derive(clap::Args)]
pub struct Args {
    /// Labelled scores, as from score -o, or a CSV or Parquet table with scores of any detector
    #[arg(required = true, value_name = "SCORES")]
    scores: Vec<PathBuf>,
    /// Write the report: one self-contained HTML page
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
    /// The score from which a row is an alert [default: what the column alert says]
    #[arg(long, value_name = "SCORE")]
    threshold: Option<f64>,
    /// The column of scores; more is more anomalous
    #[arg(long, value_name = "COLUMN", default_value = SCORE_COLUMNS[0])]
    score_column: String,
    /// The share of attack rows that you expect in operation, as in 0.0001: tells what precision would be there
    #[arg(long, value_name = "SHARE")]
    prevalence: Option<f64>,
    #[command(flatten)]
    table: TableArgs,
}

pub fn run(args: &Args, terminal: &Terminal) -> Result<Outcome> {
    if let Some(output) = &args.output {
        check_output(output, &args.scores)?;
    }
    let options = args.table.options();
    let parts = args.scores.iter().map(|path| read_scores(path, &options, &args.score_column));
    let scored = Scored::concat(parts.collect::<Result<_>>()?)?;
    let files: Vec<String> = args.scores.iter().map(|path| name(path)).collect();
    let Some(labels) = &scored.rows.labels else {
        return Err(Error::new(ErrorKind::Truth, files.join(", "), "there is no ground truth to judge by")
            .hint("name the --label-column, or score a capture with its --labels"));
    };
    let threshold = match args.threshold {
        Some(threshold) => threshold,
        None => scored.threshold()?.ok_or_else(|| {
            Error::parameter("--threshold", "no column says what is an alert", "name the score from which a row is one")
        })?,
    };
    let entities = numbered(&scored.rows.entity);
    let judged = Judged { prevalence: args.prevalence, ..Judged::of(&scored.rows, labels, &entities) };
    let overall = judge_overall(&judged, &scored.score, threshold)?;
    let mut warnings = honesty::audited(&scored.rows, &judged, overall.pr_auc);
    if overall.positives == 0 {
        warnings.push(honesty::NO_ATTACK.to_owned());
    }
    warnings.push(
        "only scores were judged: whether their detector has learned from these days is for its owner to tell"
            .to_owned(),
    );
    honesty::tell(&warnings, terminal);
    let rows = scored.rows.rows();
    let evaluation = Evaluation {
        overall,
        attacks: judge_attacks(&judged, &scored.score, threshold)?,
        members: BTreeMap::new(),
        entities: judge_entities(&judged, &scored.score, threshold)?,
        baselines: baselines(&judged, None, scored.rows.values(), &[])?,
        ledger: serde_json::json!({"read": rows, "used": rows, "skipped": {}}),
        overlap: Vec::new(),
        warnings,
        drift: Drift::default(),
    };
    if let Some(path) = &args.output {
        let command = format!("tidewatch report {} -o {}", files.join(" "), name(path));
        let page = Report {
            title: format!("Scores of {}", files.join(", ")),
            generated_from: files,
            evaluation: &evaluation,
            rows: &judged,
            scores: &scored.score,
            threshold,
            reasons: BTreeMap::new(),
            spreads: Vec::new(),
            commands: vec![command],
            model_card: Vec::new(),
        };
        write_page(path, &page, terminal)?;
    }
    if args.json {
        print_json(&evaluation)?;
    } else {
        print(&text(&evaluation))?;
    }
    Ok(Outcome::Whole)
}
