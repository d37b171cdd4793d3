//! `tidewatch inspect`: what a file holds.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tidewatch::alert::time;
use tidewatch::capture::{Capture, Ledger};
use tidewatch::matrix::{self, TableOptions, duration};
use tidewatch::packet::{Census, Fragments};
use tidewatch::progress::Progress;
use tidewatch::truth::Truth;
use tidewatch::{Result, artifact};

use super::Outcome;
use super::card::card;
use super::input::{FileKind, Reads, none_of, source};
use super::pieces::expand;
use super::terminal::{Terminal, print, print_json};

/// Distinct hosts that are counted; a flood of spoofed sources must not fill the memory.
const MAX_HOSTS: usize = 100_000;

#[derive(clap::Args)]
pub struct Args {
    /// Captures, folders of them, matrices, models or scores; - is a capture on standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print it as JSON, an object a file
    #[arg(long)]
    json: bool,
}

/// Tells of each file on its own. One that cannot be read is reported, and the work goes on with the others.
pub fn run(args: &Args, terminal: &Terminal) -> Result<Outcome> {
    let files = expand(&args.files, terminal)?;
    let (mut told, mut partial) = (0, false);
    for file in &files {
        match inspect(file, terminal) {
            Ok((value, outcome)) => {
                partial |= outcome == Outcome::Partial;
                if args.json {
                    print_json(&value)?;
                } else {
                    print(if told > 0 { "\n" } else { "" })?;
                    print(&as_text(&value))?;
                }
                told += 1;
            }
            Err(error) if files.len() == 1 => return Err(error),
            Err(error) => {
                terminal.check()?;
                terminal.error(&error);
                partial = true;
            }
        }
    }
    if told == 0 { Err(none_of(&files)) } else { Ok(Outcome::partial_if(partial)) }
}

fn inspect(file: &Path, terminal: &Terminal) -> Result<(Value, Outcome)> {
    Ok(match FileKind::of(file)? {
        FileKind::Capture => capture(file, terminal)?,
        FileKind::Table => (table(file)?, Outcome::Whole),
        FileKind::Model => (model(file)?, Outcome::Whole),
    })
}

fn capture(path: &Path, terminal: &Terminal) -> Result<(Value, Outcome)> {
    let mut capture = Capture::open(path)?;
    let truth = if path == Path::new("-") { None } else { Truth::beside(path)? };
    let mut ledger = Ledger::default();
    let (mut census, mut fragments) = (Census::default(), Fragments::default());
    let mut attacks: BTreeMap<String, u64> = BTreeMap::new();
    let mut hosts = BTreeSet::new();
    while let Some(frame) = capture.next_frame(&mut ledger) {
        terminal.check()?;
        match census.count(&frame) {
            Ok(mut packet) => {
                ledger.used += 1;
                packet.flaw.into_iter().for_each(|flaw| ledger.flaw(flaw));
                fragments.join(&mut packet, &mut ledger);
                if hosts.len() < MAX_HOSTS {
                    hosts.insert(packet.src);
                }
                if let Some((truth, attack)) = truth.as_ref().and_then(|t| Some((t, t.label(&packet, frame.number)?))) {
                    *attacks.entry(truth.attacks()[usize::from(attack)].clone()).or_default() += 1;
                }
            }
            Err(reason) => ledger.skip(reason),
        }
    }
    let mut reads = Reads::default();
    reads.add(&ledger);
    let mut value = json!({
        "file": path.display().to_string(),
        "kind": "capture",
        "packets": reads.packets,
        "bytes": reads.bytes,
        "first": reads.first_ns.map(time),
        "last": reads.last_ns.map(time),
        "senders": hosts.len(),
        "protocols": census.anywhere(),
        "ledger": reads.ledger,
    });
    if !census.tunnelled().is_empty() {
        value["tunnelled"] = json!(census.tunnelled());
    }
    if truth.is_some() {
        value["attack packets"] = json!(attacks);
    }
    if let Some(trouble) = capture.trouble() {
        value["cut short"] = json!(trouble);
    }
    Ok((value, Outcome::partial_if(capture.trouble().is_some() || ledger.skipped_total() > 0)))
}

fn table(path: &Path) -> Result<Value> {
    let matrix = matrix::read(path, &TableOptions::default(), None)?;
    let starts = &matrix.window_start_ns;
    let entities: BTreeSet<&String> = matrix.entity.iter().collect();
    let mut value = json!({"file": path.display().to_string()});
    if let Some(alerts) = matrix.schema.is_of_scores().then(|| matrix.values.column(2)) {
        value["kind"] = json!("scores");
        value["view"] = json!(matrix.schema.view);
        value["rows"] = json!(matrix.rows());
        value["alerts"] = json!(alerts.iter().filter(|&&alert| alert > 0.0).count());
    } else {
        value["kind"] = json!(if matrix.schema.definitions == 0 { "table" } else { "matrix" });
        value["view"] = json!(matrix.schema.view);
        value["rows"] = json!(matrix.rows());
        value["features"] = json!(matrix.schema.columns.len());
        value["schema"] = json!(matrix.schema.fingerprint());
    }
    if matrix.schema.window_ns > 0 {
        value["window"] = json!(duration(matrix.schema.window_ns));
        value["entities"] = json!(entities.len());
        value["first"] = json!(starts.iter().min().map(|&ns| time(ns)));
        value["last"] = json!(starts.iter().max().map(|&ns| time(ns)));
    }
    if let Some(labels) = &matrix.labels {
        let mut attacks: BTreeMap<&str, usize> = BTreeMap::new();
        for name in (0..matrix.rows()).filter_map(|row| labels.name(row)) {
            *attacks.entry(name).or_default() += 1;
        }
        value["attack rows"] = json!(attacks);
    }
    Ok(value)
}

fn model(path: &Path) -> Result<Value> {
    let model = artifact::read(path)?;
    let mut value = json!({
        "file": path.display().to_string(),
        "kind": "model",
        "format": artifact::FORMAT,
        "sha256": source(path, None)?.sha256,
    });
    for (name, fact) in card(&model) {
        value[name] = json!(fact);
    }
    // In full, for programs; as text there are too many.
    value["sources"] = json!(model.card.sources);
    value["columns"] = json!(model.schema.columns);
    Ok(value)
}

/// An object as lines of names and values.
fn as_text(value: &Value) -> String {
    let empty = serde_json::Map::new();
    let object = value.as_object().unwrap_or(&empty);
    let told = || object.iter().filter(|(_, value)| !value.is_array());
    let width = told().map(|(name, _)| name.len()).max().unwrap_or(0) + 2;
    let lines = told().map(|(name, value)| {
        let words = match value {
            Value::String(text) => text.clone(),
            Value::Object(parts) if parts.is_empty() => "none".to_owned(),
            Value::Object(parts) => {
                let parts: Vec<String> = parts.iter().map(|(name, part)| format!("{name} {}", plain(part))).collect();
                parts.join(", ")
            }
            other => plain(other),
        };
        format!("{name:<width$}{words}\n")
    });
    lines.collect()
}

fn plain(value: &Value) -> String {
    match value {
        Value::Object(parts) if parts.is_empty() => "none".to_owned(),
        Value::Object(parts) => {
            let parts: Vec<String> = parts.iter().map(|(name, part)| format!("{name} {}", plain(part))).collect();
            format!("({})", parts.join(", "))
        }
        Value::Number(number) => number.as_f64().map_or_else(|| number.to_string(), tidewatch::alert::number),
        Value::Null => "unknown".to_owned(),
        other => other.to_string(),
    }
}
