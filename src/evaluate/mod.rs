//! Truth against scores: how well a detector tells attack rows from benign ones, and what it costs in false alarms.
//!
//! The headline is not an area under a curve but what an operator lives with: episodes found, how late, and false
//! alarms a day. PR-AUC stands beside its prevalence, since it means nothing without it; [`baselines`] stand beside
//! every model.

pub mod audit;
pub mod baselines;
pub mod bootstrap;
pub mod entities;
pub mod episodes;
pub mod metrics;
pub mod spread;
pub mod vus;

use std::collections::BTreeMap;

use serde::Serialize;

pub use baselines::Baseline;
pub use bootstrap::{Interval, Intervals};
pub use entities::{EntityFigures, judge_entities};
pub use episodes::{Episode, episodes, false_episodes};
pub use metrics::Curve;
pub use spread::{Period, Spread};

use crate::error::{Error, ErrorKind, Result};
use crate::matrix::{Labels, Matrix};
use crate::model::shift::Drift;
use bootstrap::Blocks;
use metrics::{alarms_allowed, quantile, share};

/// The rows that are judged: slices of one length, in any order.
#[derive(Clone, Copy, Debug)]
pub struct Judged<'a> {
    /// Start of each row's window.
    pub window_start_ns: &'a [i64],
    /// Length of every window: a row covers `[start, start + window_ns)`.
    pub window_ns: i64,
    /// Each row's entity, as its place in `entities`.
    pub entity: &'a [u32],
    /// What the entities are called.
    pub entities: &'a [String],
    /// Each row's attack, as its place in `names`; none if the row is benign.
    pub label: &'a [Option<u16>],
    /// What the attacks are called.
    pub names: &'a [String],
    /// The time that the rows cover, in days, for alarms per day.
    pub span_days: f64,
    /// The share of attack rows that is to be expected in operation, if the user names one.
    pub prevalence: Option<f64>,
}

/// One row with its score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// Its place among the rows.
    pub index: usize,
    /// Start of its window.
    pub start_ns: i64,
    /// Its attack, none if benign.
    pub attack: Option<u16>,
    /// Its anomaly score.
    pub score: f64,
}

impl<'a> Judged<'a> {
    /// The rows of a matrix with this truth, and its entities as they are [`numbered`].
    pub fn of(matrix: &'a Matrix, labels: &'a Labels, (entity, entities): &'a (Vec<u32>, Vec<String>)) -> Self {
        Self {
            window_start_ns: &matrix.window_start_ns,
            window_ns: matrix.schema.window_ns.max(1),
            entity,
            entities,
            label: &labels.attack,
            names: &labels.names,
            span_days: matrix.days(),
            prevalence: None,
        }
    }

    /// The rows with their scores, in their order.
    pub fn scored<'s>(&self, scores: &'s [f64]) -> impl Iterator<Item = Row> + use<'a, 's> {
        let rows = self.window_start_ns.iter().zip(self.label).zip(scores).enumerate();
        rows.map(|(index, ((&start_ns, &attack), &score))| Row { index, start_ns, attack, score })
    }

    /// The name of the entity of row `index`, "?" if there is none.
    pub fn entity_of(&self, index: usize) -> &'a str {
        let entity = self.entity.get(index).and_then(|&entity| self.entities.get(entity as usize));
        entity.map_or("?", String::as_str)
    }

    /// The name of an attack, "?" if it has none.
    pub fn attack_name(&self, attack: u16) -> &'a str {
        self.names.get(usize::from(attack)).map_or("?", String::as_str)
    }

    /// An error if the slices, the labels or the time do not fit each other or the scores.
    fn check(&self, scores: &[f64], threshold: f64) -> Result<()> {
        let mismatch = |what: String| Err(Error::new(ErrorKind::Mismatch, "rows to judge", what));
        let lengths = [self.window_start_ns.len(), self.entity.len(), self.label.len(), scores.len()];
        if lengths.iter().any(|&length| length != lengths[0]) {
            return mismatch(format!(
                "{} window starts, {} entities, {} labels, {} scores",
                lengths[0], lengths[1], lengths[2], lengths[3]
            ));
        }
        if let Some(attack) = self.label.iter().flatten().find(|&&attack| usize::from(attack) >= self.names.len()) {
            return mismatch(format!("a label is attack {attack}, but {} attacks have names", self.names.len()));
        }
        if let Some(name) = self.names.iter().enumerate().find(|(at, name)| self.names[..*at].contains(name)) {
            return mismatch(format!("two attacks are named {}", name.1));
        }
        if self.window_ns <= 0 {
            return mismatch(format!("windows of {} ns", self.window_ns));
        }
        if !(self.span_days.is_finite() && self.span_days > 0.0) {
            return mismatch(format!("they cover {} days", self.span_days));
        }
        // A detector that gives no number has failed on the row; to rank it last would hide an attack in silence.
        if let Some(index) = scores.iter().position(|score| score.is_nan()) {
            return Err(Error::new(ErrorKind::Model, "scores", format!("not a number (row {index})"))
                .hint("train the model anew; if it stays so, report it with the matrix"));
        }
        if let Some(prevalence) = self.prevalence.filter(|share| !(0.0..=1.0).contains(share)) {
            let what = format!("{prevalence} is no share of rows");
            return Err(Error::parameter(
                "--prevalence",
                what,
                "give the share of attack rows, from 0 to 1, as in 0.001",
            ));
        }
        if threshold.is_nan() {
            return Err(Error::parameter("threshold", "not a number", "give the score from which a row is an alert"));
        }
        Ok(())
    }
}

/// How well one score does on the rows of one file, or on one attack against all benign rows of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// Rows judged.
    pub rows: usize,
    /// Attack rows among them.
    pub positives: usize,
    /// Area under the receiver operating characteristic; null if a class is missing.
    pub roc_auc: Option<f64>,
    /// Average precision; null if a class is missing. A random score has the prevalence.
    pub pr_auc: Option<f64>,
    /// `positives / rows`.
    pub prevalence: f64,
    /// Volume under the surface of precision and recall, of the windows in the order of time, each with its highest score
    /// ([`vus`]); null if a class is missing.
    pub vus_pr: Option<f64>,
    /// Share of alerts that are attack rows; 0 if there are no alerts.
    pub precision: f64,
    /// Share of attack rows that are alerts; 0 if there are no attack rows.
    pub recall: f64,
    /// Harmonic mean of the two, by row and never point-adjusted.
    pub f1: f64,
    /// Share of benign rows that are alerts; 0 if there are none.
    pub false_positive_rate: f64,
    /// What precision would be if attacks were as common as the user says; left out unless the user does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_prevalence: Option<AtPrevalence>,
    /// A row is an alert if its score is at least this; null if infinite.
    pub threshold: f64,
    /// Share of attack rows found at the lowest threshold that lets at most `⌊k · span_days⌋` benign rows *of this file*
    /// alert, for k = 1 and 10; null without benign rows.
    pub recall_at_alarms_per_day: RecallAtAlarms,
    /// Episodes of truth.
    pub episodes: usize,
    /// Those with at least one row that is an alert.
    pub episodes_detected: usize,
    /// How late, over the detected episodes; null if there are none.
    pub detection_delay_s: Delay,
    /// Benign rows that alert, divided by the days that the rows cover.
    pub false_alarms_per_day: f64,
    /// Episodes of alerts without any attack row ([`false_episodes`]), divided by the same.
    pub false_episodes_per_day: f64,
    /// How sure these figures are; left out where nobody asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intervals: Option<Intervals>,
}

/// Precision at the prevalence of operation, which is far below that of most tests: with one attack row in a million, even one
/// false alarm in ten thousand rows drowns the true ones (Axelsson 2000, "The base-rate fallacy and the difficulty of intrusion
/// detection").
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct AtPrevalence {
    /// The share of attack rows that is expected.
    pub prevalence: f64,
    /// Share of alerts that would be attack rows; 0 if nothing alerts.
    pub precision: f64,
}

impl AtPrevalence {
    /// By Bayes, from the shares of attack rows and of benign rows that alert.
    pub fn new(prevalence: f64, recall: f64, false_positive_rate: f64) -> Self {
        let (right, wrong) = (recall * prevalence, false_positive_rate * (1.0 - prevalence));
        Self { prevalence, precision: if right > 0.0 { right / (right + wrong) } else { 0.0 } }
    }
}

/// Recall when one, or ten, benign rows a day may alert.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RecallAtAlarms {
    /// At one a day.
    #[serde(rename = "1")]
    pub one: Option<f64>,
    /// At ten a day.
    #[serde(rename = "10")]
    pub ten: Option<f64>,
}

/// Seconds from the start of an episode to the end of its first window that alerts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Delay {
    /// Half of the detected episodes were found within this time.
    pub median: Option<f64>,
    /// Nineteen of twenty were, interpolated linearly.
    pub p95: Option<f64>,
}

/// All figures of one model on one file, in the form of `evaluate --json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evaluation {
    /// The model at its own threshold.
    pub overall: Figures,
    /// Each attack's rows against all benign rows.
    pub attacks: BTreeMap<String, Figures>,
    /// The model's parts, each alone.
    pub members: BTreeMap<String, Figures>,
    /// The entities that tell most.
    pub entities: BTreeMap<String, EntityFigures>,
    /// What costs no learning.
    pub baselines: BTreeMap<String, Baseline>,
    /// What became of every packet or row that was read.
    pub ledger: serde_json::Value,
    /// What the test shares with the training, if the user wanted to go on all the same: then no figure here is worth anything.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub overlap: Vec<String>,
    /// What the reader has to know before believing a figure.
    pub warnings: Vec<String>,
    /// How far the benign rows are from those of training.
    pub drift: Drift,
}

/// Texts as numbers, and the texts that these stand for: the entities of [`Judged`].
pub fn numbered(texts: &[String]) -> (Vec<u32>, Vec<String>) {
    let mut places: BTreeMap<&str, u32> = BTreeMap::new();
    let mut names = Vec::new();
    let numbers = texts.iter().map(|text| {
        *places.entry(text).or_insert_with(|| {
            names.push(text.clone());
            (names.len() - 1) as u32
        })
    });
    (numbers.collect(), names)
}

/// Judges `scores` (one a row, higher is more anomalous) at `threshold`; a score that equals it is an alert.
///
/// # Errors
/// `Mismatch` if slices differ in length, a label has no name, or window or time are not positive; `Model` if a score
/// is NaN (infinite scores are ranked).
pub fn judge(rows: &Judged<'_>, scores: &[f64], threshold: f64) -> Result<Figures> {
    rows.check(scores, threshold)?;
    Ok(figures(rows, scores, threshold, &episodes(rows, scores, threshold), &Blocks::of(rows), None))
}

/// [`judge`], with the interval of the volume under the surface too, which costs more than all others together.
///
/// # Errors
/// As [`judge`].
pub fn judge_overall(rows: &Judged<'_>, scores: &[f64], threshold: f64) -> Result<Figures> {
    let mut figures = judge(rows, scores, threshold)?;
    let (highest, attacked) = series(&rows.scored(scores).collect::<Vec<_>>());
    if let Some(intervals) = &mut figures.intervals {
        intervals.vus_pr = bootstrap::interval_of_volume(&highest, &attacked);
    }
    Ok(figures)
}

/// Judges every attack that has rows, by name: its rows against all benign rows, those of other attacks left out.
///
/// # Errors
/// As [`judge`].
pub fn judge_attacks(rows: &Judged<'_>, scores: &[f64], threshold: f64) -> Result<BTreeMap<String, Figures>> {
    rows.check(scores, threshold)?;
    let episodes = episodes(rows, scores, threshold);
    let mut present: Vec<u16> = episodes.iter().map(|episode| episode.attack).collect();
    present.sort_unstable();
    present.dedup();
    let blocks = Blocks::of(rows);
    let judged = present.into_iter().map(|attack| {
        (rows.attack_name(attack).to_owned(), figures(rows, scores, threshold, &episodes, &blocks, Some(attack)))
    });
    Ok(judged.collect())
}

/// The figures of all rows, or of the benign rows and those of one attack.
fn figures(
    rows: &Judged<'_>,
    scores: &[f64],
    threshold: f64,
    episodes: &[Episode],
    blocks: &Blocks,
    only: Option<u16>,
) -> Figures {
    let kept = rows.scored(scores).filter(|row| only.is_none() || row.attack.is_none() || row.attack == only);
    let kept: Vec<Row> = kept.collect();
    let curve = Curve::new(kept.iter().map(|row| (row.score, row.attack.is_some())));
    let alerts = curve.at(threshold);
    let recall_at = |per_day| curve.recall_at(alarms_allowed(per_day, rows.span_days));

    let episodes: Vec<&Episode> =
        episodes.iter().filter(|episode| only.is_none_or(|attack| attack == episode.attack)).collect();
    let mut delays: Vec<f64> = episodes.iter().filter_map(|episode| episode.delay_s()).collect();
    delays.sort_unstable_by(f64::total_cmp);
    let (highest, attacked) = series(&kept);
    let (recall, false_positive_rate) = (alerts.recall(curve.attack()), share(alerts.wrong, curve.benign()));

    Figures {
        rows: curve.attack() + curve.benign(),
        positives: curve.attack(),
        roc_auc: curve.roc_auc(),
        pr_auc: curve.pr_auc(),
        prevalence: share(curve.attack(), curve.attack() + curve.benign()),
        vus_pr: vus::vus_pr(&highest, &attacked, vus::widest(&attacked)),
        precision: alerts.precision(),
        recall,
        f1: alerts.f1(curve.attack()),
        false_positive_rate,
        at_prevalence: rows.prevalence.map(|share| AtPrevalence::new(share, recall, false_positive_rate)),
        threshold,
        recall_at_alarms_per_day: RecallAtAlarms { one: recall_at(1.0), ten: recall_at(10.0) },
        episodes: episodes.len(),
        episodes_detected: delays.len(),
        detection_delay_s: Delay { median: quantile(&delays, 0.5), p95: quantile(&delays, 0.95) },
        false_alarms_per_day: alerts.wrong as f64 / rows.span_days,
        false_episodes_per_day: false_episodes(rows, scores, threshold) as f64 / rows.span_days,
        intervals: Some(bootstrap::intervals(blocks, &kept, &episodes, threshold)),
    }
}

/// The windows that rows are of, in the order of time: an operator sees a window's loudest row, so each has its highest score, and
/// whether an attack is in it.
fn series(kept: &[Row]) -> (Vec<f64>, Vec<bool>) {
    let mut order: Vec<&Row> = kept.iter().collect();
    order.sort_unstable_by_key(|row| row.start_ns);
    let windows = order.chunk_by(|a, b| a.start_ns == b.start_ns);
    let window = |rows: &[&Row]| {
        let highest = rows.iter().map(|row| row.score).fold(f64::NEG_INFINITY, f64::max);
        (highest, rows.iter().any(|row| row.attack.is_some()))
    };
    windows.map(window).unzip()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: i64 = 30_000_000_000;

    /// Eight windows of a tenth of a day in all: a flood in 2 and 3, a scan in 6.
    fn sample(test: impl FnOnce(Judged<'_>)) {
        let starts: Vec<i64> = (0..8).map(|window| window * WINDOW).collect();
        let label = [None, None, Some(0), Some(0), None, None, Some(1), None];
        test(Judged {
            window_start_ns: &starts,
            window_ns: WINDOW,
            entity: &[0; 8],
            entities: &["10.0.0.1".to_owned()],
            label: &label,
            names: &["flood".to_owned(), "scan".to_owned()],
            span_days: 0.1,
            prevalence: None,
        });
    }

    const SCORES: [f64; 8] = [0.1, 0.2, 0.4, 0.9, 0.3, 0.6, 0.25, 0.1];

    #[test]
    fn the_contract() {
        sample(|rows| {
            let attacks = judge_attacks(&rows, &SCORES, 0.5).unwrap();
            let evaluation = Evaluation {
                overall: judge(&rows, &SCORES, 0.5).unwrap(),
                members: BTreeMap::from([("forest".to_owned(), attacks["scan"].clone())]),
                entities: judge_entities(&rows, &SCORES, 0.5).unwrap(),
                attacks,
                baselines: BTreeMap::new(),
                ledger: serde_json::json!({"read": 8, "used": 8, "skipped": {}}),
                overlap: Vec::new(),
                warnings: vec!["the labels are a step".to_owned()],
                drift: Drift::default(),
            };
            insta::assert_snapshot!(serde_json::to_string_pretty(&evaluation).unwrap());
        });
    }

    #[test]
    fn an_attack_is_judged_against_all_benign_rows_only() {
        sample(|rows| {
            let attacks = judge_attacks(&rows, &SCORES, 0.5).unwrap();
            let scan = &attacks["scan"];
            // Above the scan's 0.25 are the benign 0.6 and 0.3; the flood's rows are not there.
            assert_eq!((scan.rows, scan.positives, scan.roc_auc), (6, 1, Some(0.6)));
            assert_eq!((scan.episodes, scan.episodes_detected, scan.detection_delay_s.median), (1, 0, None));
            assert_eq!(
                (attacks["flood"].episodes_detected, attacks["flood"].detection_delay_s.median),
                (1, Some(60.0))
            );
        });
    }

    #[test]
    fn precision_falls_with_the_prevalence() {
        // Axelsson's example: found 7 of 10, one false alarm in 100,000; with 2 attack rows in 100,000 58 % are right.
        let at = |prevalence| AtPrevalence::new(prevalence, 0.7, 1e-5).precision;
        assert!((at(2e-5) - 0.5833).abs() < 1e-4);
        assert_eq!((at(0.0), at(1.0), AtPrevalence::new(0.5, 0.0, 0.0).precision), (0.0, 1.0, 0.0));
        sample(|rows| {
            let rows = Judged { prevalence: Some(0.5), ..rows };
            let figures = judge(&rows, &SCORES, 0.5).unwrap();
            // One attack row of three, one benign row of five.
            let expected = (1.0 / 3.0) / (1.0 / 3.0 + 1.0 / 5.0);
            assert!((figures.at_prevalence.unwrap().precision - expected).abs() < 1e-12);
            assert!(judge(&Judged { prevalence: Some(2.0), ..rows }, &SCORES, 0.5).is_err());
        });
    }

    #[test]
    fn rows_that_do_not_fit_are_refused() {
        sample(|rows| {
            let refused = |rows: Judged<'_>, scores: &[f64]| judge(&rows, scores, 0.5).unwrap_err().to_string();
            assert_eq!(refused(rows, &SCORES[..7]), "rows to judge: 8 window starts, 8 entities, 8 labels, 7 scores");
            assert_eq!(
                refused(Judged { names: &rows.names[..1], ..rows }, &SCORES),
                "rows to judge: a label is attack 1, but 1 attacks have names"
            );
            assert_eq!(refused(Judged { span_days: 0.0, ..rows }, &SCORES), "rows to judge: they cover 0 days");
            let mut scores = SCORES;
            scores[3] = f64::NAN;
            assert!(refused(rows, &scores).starts_with("scores: not a number (row 3)"));
        });
    }
}
