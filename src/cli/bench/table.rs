//! The results as one table.

use serde::Serialize;
use serde_json::Value;
use tidewatch::{Error, ErrorKind, Result};

use super::Cell;

/// A line of the table. Figures are null where they are undefined, or where the evaluation failed.
#[derive(Debug, Serialize)]
pub struct Line {
    dataset: String,
    view: String,
    window: String,
    model: String,
    seed: u64,
    rows: Option<u64>,
    prevalence: Option<f64>,
    pr_auc: Option<f64>,
    pr_auc_low: Option<f64>,
    pr_auc_high: Option<f64>,
    roc_auc: Option<f64>,
    vus_pr: Option<f64>,
    recall_at_1: Option<f64>,
    recall_at_10: Option<f64>,
    episodes: Option<u64>,
    episodes_detected: Option<u64>,
    median_delay_s: Option<f64>,
    false_alarms_per_day: Option<f64>,
    packet_count_pr_auc: Option<f64>,
    best_single_feature_pr_auc: Option<f64>,
    best_single_feature: Option<String>,
    warnings: Vec<String>,
    pub error: Option<String>,
}

impl Line {
    pub fn new(cell: &Cell<'_>, judged: Result<Value>) -> Self {
        let (value, error) = match judged {
            Ok(value) => (value, None),
            Err(error) => (Value::Null, Some(error.what)),
        };
        let overall = &value["overall"];
        let float = |at: &Value| at.as_f64();
        let best = &value["baselines"]["best_single_feature"];
        let warnings = value["warnings"].as_array().into_iter().flatten();
        Self {
            dataset: cell.matrices.dataset.clone(),
            view: cell.matrices.view.to_string(),
            window: cell.matrices.window.clone(),
            model: cell.model.to_owned(),
            seed: cell.seed,
            rows: overall["rows"].as_u64(),
            prevalence: float(&overall["prevalence"]),
            pr_auc: float(&overall["pr_auc"]),
            pr_auc_low: float(&overall["intervals"]["pr_auc"][0]),
            pr_auc_high: float(&overall["intervals"]["pr_auc"][1]),
            roc_auc: float(&overall["roc_auc"]),
            vus_pr: float(&overall["vus_pr"]),
            recall_at_1: float(&overall["recall_at_alarms_per_day"]["1"]),
            recall_at_10: float(&overall["recall_at_alarms_per_day"]["10"]),
            episodes: overall["episodes"].as_u64(),
            episodes_detected: overall["episodes_detected"].as_u64(),
            median_delay_s: float(&overall["detection_delay_s"]["median"]),
            false_alarms_per_day: float(&overall["false_alarms_per_day"]),
            packet_count_pr_auc: float(&value["baselines"]["packet_count"]["pr_auc"]),
            best_single_feature_pr_auc: float(&best["pr_auc"]),
            best_single_feature: best["feature"].as_str().map(str::to_owned),
            warnings: warnings.filter_map(|warning| warning.as_str().map(str::to_owned)).collect(),
            error,
        }
    }
}

/// As JSON.
///
/// # Errors
/// None that is known of.
pub fn json(lines: &[Line]) -> Result<String> {
    let text = serde_json::to_string_pretty(lines);
    text.map(|text| text + "\n").map_err(|error| Error::new(ErrorKind::Io, "results", error.to_string()))
}

/// As CSV, every figure with all its digits.
pub fn csv(lines: &[Line]) -> String {
    let mut text = String::new();
    for line in lines {
        let Ok(Value::Object(fields)) = serde_json::to_value(line) else { continue };
        if text.is_empty() {
            text = fields.keys().map(String::as_str).collect::<Vec<_>>().join(",") + "\n";
        }
        let field = |value: &Value| match value {
            Value::Null => String::new(),
            Value::String(text) => quoted(text),
            Value::Array(items) => quoted(&items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("; ")),
            other => other.to_string(),
        };
        text += &(fields.values().map(field).collect::<Vec<_>>().join(",") + "\n");
    }
    text
}

/// A field of a CSV (RFC 4180).
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

/// As a table for people.
pub fn markdown(name: &str, lines: &[Line]) -> String {
    let mut text = format!(
        "# {name}\n\nPR-AUC with what 95 of 100 such tests would show, beside the packet count and the best single feature (chosen with \
         the labels); recall where this file's benign rows would give 1 and 10 false alarms a day.\n\n\
         | dataset | view | window | model | seed | prevalence | PR-AUC | packets; best feature | VUS-PR | recall 1/d, 10/d | episodes | delay s | false/day |\n\
         |---|---|---|---|---|---|---|---|---|---|---|---|---|\n"
    );
    let ratio = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.3}"));
    for line in lines {
        if let Some(error) = &line.error {
            text += &format!(
                "| {} | {} | {} | {} | {} | failed: {} |\n",
                line.dataset,
                line.view,
                line.window,
                line.model,
                line.seed,
                error.replace('|', "/")
            );
            continue;
        }
        let between = line.pr_auc_low.zip(line.pr_auc_high).map(|(low, high)| format!(" ({low:.2}–{high:.2})"));
        let delay = line.median_delay_s.map_or_else(|| "–".to_owned(), |delay| format!("{delay:.0}"));
        text += &format!(
            "| {} | {} | {} | {} | {} | {:.4} | {}{} | {}; {} | {} | {}, {} | {} of {} | {delay} | {:.1} |\n",
            line.dataset,
            line.view,
            line.window,
            line.model,
            line.seed,
            line.prevalence.unwrap_or(0.0),
            ratio(line.pr_auc),
            between.unwrap_or_default(),
            ratio(line.packet_count_pr_auc),
            ratio(line.best_single_feature_pr_auc),
            ratio(line.vus_pr),
            ratio(line.recall_at_1),
            ratio(line.recall_at_10),
            line.episodes_detected.unwrap_or(0),
            line.episodes.unwrap_or(0),
            line.false_alarms_per_day.unwrap_or(0.0),
        );
    }
    text
}
