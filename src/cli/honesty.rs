//! What stands between a figure and its meaning: a test that was learned from, and labels that are easier than the world.

use tidewatch::capture::Survey;
use tidewatch::evaluate::Judged;
use tidewatch::evaluate::audit::audit;
use tidewatch::matrix::Matrix;
use tidewatch::model::footprint::{Footprint, Overlap};
use tidewatch::model::train::Model;
use tidewatch::{Error, ErrorKind, Result};

use super::input::Loaded;
use super::terminal::{Terminal, count};

/// A packet comes again in the same microsecond of a second once in a million times. From this share on, it is the capture that
/// is the same.
const SAME_FRAMES: f64 = 0.01;
/// Rows of quiet hosts are the same on any day. From this share on, it is the table that is the same.
const SAME_ROWS: f64 = 0.5;
/// On a network of machines that say the same day by day, most packets come again byte by byte: no leak, but worth knowing.
const SAME_CONTENTS: f64 = 0.5;
/// The share of packets that come twice, or out of order, from which it is said.
const ODD: f64 = 0.001;

/// What is said of a truth without attacks.
pub const NO_ATTACK: &str = "there is no attack in the ground truth: only false alarms can be judged";

/// What the test shares with what the model learned from, in sentences; nothing if it is a test.
///
/// # Errors
/// An input cannot be read again; the user cancelled the work.
pub fn overlap(model: &Model, loaded: &Loaded, footprint: &Footprint) -> Result<Vec<String>> {
    let mut shared = Vec::new();
    let learned = |sha256: &str| model.card.sources.iter().find(|known| !sha256.is_empty() && known.sha256 == sha256);
    for source in loaded.sources()? {
        if let Some(known) = learned(&source.sha256) {
            let under = if known.name == source.name { String::new() } else { format!(" (as {})", known.name) };
            shared.push(format!("the model was trained on {}{under}", source.name));
        }
    }
    shared.extend(sentences(&model.footprint.overlap(footprint), loaded.matrix.schema.window_ns));
    Ok(shared)
}

/// What two sets of data share, as far as it is more than any two days do. A window that two captures cut is no day.
pub fn sentences(found: &Overlap, window_ns: i64) -> Vec<String> {
    let share = |share: Option<f64>, same: f64| share.filter(|share| *share >= same).map(|share| 100.0 * share);
    let time = (found.time_ns > window_ns)
        .then(|| format!("{} of the test lie in the time of the training", span(found.time_ns)));
    let frames = share(found.frames, SAME_FRAMES);
    let frames = frames
        .map(|share| format!("about {share:.0} % of the test's packets are in the training, with their microseconds"));
    let rows = share(found.rows, SAME_ROWS);
    let rows = rows.map(|share| format!("about {share:.0} % of the test's rows are in the training, value by value"));
    [time, frames, rows].into_iter().flatten().collect()
}

/// A length of time for people.
fn span(ns: i64) -> String {
    let seconds = ns as f64 / 1e9;
    match seconds {
        s if s < 120.0 => format!("{s:.0} seconds"),
        s if s < 7200.0 => format!("{:.0} minutes", s / 60.0),
        s => format!("{:.1} hours", s / 3600.0),
    }
}

/// The error of a test that is none.
pub fn refusal(inputs: &str, shared: &[String]) -> Error {
    Error::new(ErrorKind::Mismatch, inputs, format!("is no test of this model: {}", shared.join("; "))).hint(
        "judge it on data that it has not seen; with --allow-overlap it is judged all the same, and the report says so",
    )
}

/// What the reader has to know before believing a figure.
pub fn warnings(
    model: &Model,
    matrix: &Matrix,
    survey: &Survey,
    footprint: &Footprint,
    judged: &Judged<'_>,
    pr_auc: Option<f64>,
) -> Vec<String> {
    let mut warnings = Vec::new();
    if footprint.lies_before(&model.footprint) {
        warnings.push("the test lies before the training: in operation nobody can train on the future".to_owned());
    }
    if matrix.schema.window_ns == 0 {
        warnings.push("the rows have no time: they are taken as one day".to_owned());
    }
    if matrix.benign().len() == matrix.rows() {
        warnings.push(NO_ATTACK.to_owned());
    }
    let contents = model.footprint.overlap(footprint).contents;
    if let Some(share) = contents.filter(|share| *share >= SAME_CONTENTS) {
        let share = 100.0 * share;
        warnings.push(format!(
            "about {share:.0} % of the test's packets are in the training byte by byte, at other times: the two say the same over and over"
        ));
    }
    warnings.extend(odd_packets(survey));
    warnings.extend(audited(matrix, judged, pr_auc));
    warnings
}

/// What is odd about the packets as such.
pub fn odd_packets(survey: &Survey) -> Vec<String> {
    let share = |packets: u64| packets as f64 / survey.packets.max(1) as f64;
    let told = |packets: u64, what: &str| {
        let percent = 100.0 * share(packets);
        (share(packets) >= ODD).then(|| format!("{} packets ({percent:.1} %) {what}", count(packets)))
    };
    let repeated = told(
        survey.repeated,
        "are equal to one of at most 10 ms before, as a mirror port doubles them and a flood repeats them",
    );
    let backwards = told(
        survey.backwards,
        "are earlier than one before them: the capture was merged or re-ordered, and windows may lack what came late",
    );
    [repeated, backwards].into_iter().flatten().collect()
}

/// What there is to be said against the labels.
pub fn audited(matrix: &Matrix, judged: &Judged<'_>, pr_auc: Option<f64>) -> Vec<String> {
    let names: Vec<String> = matrix.schema.columns.iter().map(|column| column.name.clone()).collect();
    audit(judged, matrix.values(), &names, pr_auc)
}

/// Says each warning.
pub fn tell(warnings: &[String], terminal: &Terminal) {
    warnings.iter().for_each(|warning| terminal.warn(warning));
}
