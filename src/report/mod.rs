//! An evaluation for people: a [`text`] table for the terminal, one self-contained [`html`] page.

mod curves;
mod entities;
mod escape;
mod heatmap;
mod html;
mod rows;
#[cfg(test)]
mod sample;
mod spread;
mod text;
mod timeline;

use std::collections::BTreeMap;

pub use html::html;
pub use text::text;

use crate::evaluate::{Episode, Evaluation, Figures, Interval, Judged, episodes};

/// How many of the highest-scoring false alarms a report shows.
const WORST: usize = 10;

/// How many missed episodes it lists; of more, it tells the number.
const LISTED: usize = 50;

/// What the page shows. It holds no clock: the same report gives the same bytes.
pub struct Report<'a> {
    /// The page's heading.
    pub title: String,
    /// The files that were read: the model, matrices or captures.
    pub generated_from: Vec<String>,
    /// The figures.
    pub evaluation: &'a Evaluation,
    /// The rows that were judged.
    pub rows: &'a Judged<'a>,
    /// Their anomaly scores.
    pub scores: &'a [f64],
    /// The score from which a row is an alert.
    pub threshold: f64,
    /// Why a row has its score, most telling reason first, for the rows of [`rows_to_explain`].
    pub reasons: BTreeMap<usize, Vec<String>>,
    /// The features that tell most, for [`crate::evaluate::spread`].
    pub spreads: Vec<crate::evaluate::Spread>,
    /// The command lines that make this page again.
    pub commands: Vec<String>,
    /// What the model says of itself, as name and value.
    pub model_card: Vec<(String, String)>,
}

/// The rows that a report explains: the worst false alarms and the highest row of each missed
/// episode that it lists, ascending.
pub fn rows_to_explain(rows: &Judged<'_>, scores: &[f64], threshold: f64) -> Vec<usize> {
    let mut explained = worst_false_alarms(rows, scores, threshold);
    let episodes = episodes(rows, scores, threshold);
    explained.extend(missed(&episodes).take(LISTED).map(|episode| episode.peak));
    explained.sort_unstable();
    explained
}

/// The benign rows that alert, highest score first, at most [`WORST`].
fn worst_false_alarms(rows: &Judged<'_>, scores: &[f64], threshold: f64) -> Vec<usize> {
    let mut alarms: Vec<_> = rows.scored(scores).filter(|row| row.attack.is_none() && row.score >= threshold).collect();
    alarms.sort_by(|a, b| b.score.total_cmp(&a.score));
    alarms.iter().take(WORST).map(|row| row.index).collect()
}

/// What was found and what it cost, in a sentence.
fn verdict(overall: &Figures) -> String {
    let false_alarms = match overall.false_alarms_per_day {
        0.0 => "no false alarm".to_owned(),
        per_day => {
            format!("{} false alarms a day ({} false episodes)", rate(per_day), rate(overall.false_episodes_per_day))
        }
    };
    if overall.episodes == 0 {
        return format!("No attack to find; {false_alarms}.");
    }
    let (found, episodes) = (overall.episodes_detected, overall.episodes);
    let of = if episodes == 1 { "1 attack episode".to_owned() } else { format!("{episodes} attack episodes") };
    let delay = match overall.detection_delay_s.median {
        Some(median) => format!("; median delay {}", duration(median)),
        None => String::new(),
    };
    format!("Found {found} of {of}, with {false_alarms}{delay}.")
}

/// How the model ranks rows beside the strongest baseline that does not know the labels; none without attacks.
fn comparison(evaluation: &Evaluation) -> Option<String> {
    let model = evaluation.overall.pr_auc?;
    let rivals = evaluation.baselines.iter().filter(|(_, baseline)| baseline.choice.is_none());
    let rivals = rivals.filter_map(|(name, baseline)| Some((name, baseline.figures.pr_auc?)));
    let (name, rival) = rivals.max_by(|a, b| a.1.total_cmp(&b.1).then_with(|| b.0.cmp(a.0)))?;
    let word = if model > rival { "above" } else { "not above" };
    Some(format!("PR-AUC {model:.3} is {word} {rival:.3} of the strongest trivial baseline, {name}."))
}

/// Where a figure lies; nothing if that is not known.
fn between(interval: Option<Interval>, show: impl Fn(f64) -> String) -> String {
    interval.map(|[low, high]| format!("{} to {}", show(low), show(high))).unwrap_or_default()
}

/// A share or an area, to three places; a dash if undefined.
fn ratio(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.3}"))
}

/// The share of attack rows, which can be very small.
fn prevalence(value: f64) -> String {
    if value == 0.0 || value >= 0.00005 { format!("{value:.4}") } else { format!("{value:.0e}") }
}

/// Something a day.
fn rate(per_day: f64) -> String {
    match per_day {
        0.0 => "0".to_owned(),
        x if x < 0.1 => format!("{x:.2}"),
        x if x < 100.0 => format!("{x:.1}"),
        x => format!("{x:.0}"),
    }
}

/// Seconds, with a fraction only if it says something; a dash if undefined.
fn seconds(value: Option<f64>) -> String {
    value.map_or_else(
        || "–".to_owned(),
        |s| if s < 10.0 && s.fract() != 0.0 { format!("{s:.1}") } else { format!("{s:.0}") },
    )
}

/// Seconds in the unit that a person would choose.
fn duration(s: f64) -> String {
    match s {
        s if s < 120.0 => format!("{} s", seconds(Some(s))),
        s if s < 7_200.0 => format!("{:.0} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.1} h", s / 3_600.0),
        s => format!("{:.1} days", s / 86_400.0),
    }
}

/// A score in four significant digits, without an exponent where that is short.
fn score(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        x if !x.is_finite() => value.to_string(),
        x if !(1e-4..1e7).contains(&x) => format!("{value:.3e}"),
        x => format!("{value:.*}", (3 - x.log10().floor() as i32).clamp(0, 8) as usize),
    }
}

/// A time in UTC; `pattern` as of strftime.
fn utc(ns: i64, pattern: &str) -> String {
    let time = jiff::Timestamp::from_nanosecond(i128::from(ns));
    time.map_or_else(|_| ns.to_string(), |time| time.strftime(pattern).to_string())
}

/// Data as they may be shown: what a terminal or a browser would obey (control characters, marks that turn the
/// direction of writing) becomes visible as what it is, a foreign body.
fn printable(text: &str) -> String {
    let obeyed = |c: char| {
        c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if obeyed(c) { '\u{fffd}' } else { c }).collect()
}

/// The missed episodes, by time.
fn missed(episodes: &[Episode]) -> impl Iterator<Item = &Episode> {
    episodes.iter().filter(|episode| episode.detected_ns.is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_people() {
        assert_eq!([0.0, 0.04, 1.0, 12.34, 1234.5].map(rate), ["0", "0.04", "1.0", "12.3", "1234"]);
        assert_eq!(
            [0.0, 0.61234, 12.0, 123_456.7, 1e9, -2e-9].map(score),
            ["0", "0.6123", "12.00", "123457", "1.000e9", "-2.000e-9"]
        );
        assert_eq!([5.5, 60.0, 300.0, 9_000.0, 1e6].map(duration), ["5.5 s", "60 s", "5 min", "2.5 h", "11.6 days"]);
        assert_eq!([0.0, 0.0417, 3e-7].map(prevalence), ["0.0000", "0.0417", "3e-7"]);
        assert_eq!(utc(1_476_086_085_000_000_000, "%F %T"), "2016-10-10 07:54:45");
    }

    #[test]
    fn nothing_in_the_data_is_obeyed() {
        assert_eq!(printable("a\x1b[31mb\u{202e}c"), "a\u{fffd}[31mb\u{fffd}c");
    }
}
