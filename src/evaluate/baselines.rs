//! What any model has to beat before it may be called one: scores that cost no learning.
//!
//! Published detectors have lost to such scores on their own benchmarks (Wu & Keogh 2021, "Current time series anomaly
//! detection benchmarks are flawed"); on a file whose attacks come last, the clock alone has a ROC-AUC of 1.

use std::collections::BTreeMap;

use ndarray::{ArrayView1, ArrayView2, Axis};
use rayon::prelude::*;
use serde::Serialize;

use super::metrics::{Curve, alarms_allowed};
use super::{Figures, Judged, judge};
use crate::error::{Error, ErrorKind, Result};

/// The figures of a baseline, and the feature that it took if it chose one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Baseline {
    /// How well it does.
    #[serde(flatten)]
    pub figures: Figures,
    /// The column and direction, of `best_single_feature` only.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub choice: Option<Choice>,
}

/// One column read in one direction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Choice {
    /// The column's name.
    pub feature: String,
    /// Which end of it is anomalous.
    pub direction: Direction,
}

/// Which end of a feature is anomalous.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Large values.
    High,
    /// Small values.
    Low,
}

/// The baselines of `rows`, by name:
///
/// - `always_alarm`: every row has the score 1 and alerts; its PR-AUC is the prevalence.
/// - `time_only`: the score is the window's start in seconds since the epoch: later is more anomalous, never the reverse.
/// - `packet_count`: the score is `packets`, one value a row; left out for tables that have no such column.
/// - `best_single_feature`: the column of `features` (one row a row, columns named by `names`) and the direction with the
///   highest PR-AUC, *chosen with the labels in hand*: an oracle and a yardstick, not a rival. The first of equals, high
///   before low. Left out if a class is missing or there are no columns.
///
/// Nobody trains a baseline, so all but the first have their threshold where one benign row a day *of this file* alerts
/// ([`alarms_allowed`]), which flatters them a little. A missing value (NaN) ranks last in either direction.
///
/// # Errors
/// As [`judge`]; `Mismatch` if `packets`, `features` or `names` do not fit the rows.
pub fn baselines(
    rows: &Judged<'_>,
    packets: Option<ArrayView1<'_, f32>>,
    features: ArrayView2<'_, f32>,
    names: &[String],
) -> Result<BTreeMap<String, Baseline>> {
    let count = rows.window_start_ns.len();
    if features.nrows() != count || features.ncols() != names.len() || packets.is_some_and(|p| p.len() != count) {
        let what = format!(
            "{count} rows, but {} × {} features, {} names, {} packet counts",
            features.nrows(),
            features.ncols(),
            names.len(),
            packets.map_or_else(|| "no".to_owned(), |packets| packets.len().to_string()),
        );
        return Err(Error::new(ErrorKind::Mismatch, "baselines", what));
    }

    let plain = |figures| Baseline { figures, choice: None };
    let mut baselines = BTreeMap::from([
        ("always_alarm".to_owned(), plain(judge(rows, &vec![1.0; count], 1.0)?)),
        ("time_only".to_owned(), plain(at_one_a_day(rows, &seconds(rows))?)),
    ]);
    if let Some(packets) = packets {
        baselines.insert("packet_count".to_owned(), plain(at_one_a_day(rows, &ranked(packets, Direction::High))?));
    }
    if let Some(&Alone { column, direction, .. }) = alone(rows, features).first() {
        let figures = at_one_a_day(rows, &ranked(features.column(column), direction))?;
        let choice = Some(Choice { feature: names[column].clone(), direction });
        baselines.insert("best_single_feature".to_owned(), Baseline { figures, choice });
    }
    Ok(baselines)
}

/// Each row's time, in seconds since the epoch.
fn seconds(rows: &Judged<'_>) -> Vec<f64> {
    rows.window_start_ns.iter().map(|&start_ns| start_ns as f64 / 1e9).collect()
}

/// A column as finite scores; what is missing comes last.
fn ranked(column: ArrayView1<'_, f32>, direction: Direction) -> Vec<f64> {
    let sign = if direction == Direction::High { 1.0 } else { -1.0 };
    let score =
        |&value: &f32| if value.is_nan() { f64::MIN } else { (sign * f64::from(value)).clamp(f64::MIN, f64::MAX) };
    column.iter().map(score).collect()
}

/// The figures of scores whose threshold is read off this file's benign rows.
fn at_one_a_day(rows: &Judged<'_>, scores: &[f64]) -> Result<Figures> {
    let curve = Curve::new(rows.scored(scores).map(|row| (row.score, row.attack.is_some())));
    judge(rows, scores, curve.threshold_at(alarms_allowed(1.0, rows.span_days)))
}

/// What one column is worth, read in its better direction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Alone {
    /// The column's place.
    pub column: usize,
    /// Which end of it is anomalous.
    pub direction: Direction,
    /// How well it ranks the rows.
    pub pr_auc: f64,
}

/// Every column alone, the best first, the first of equals and high before low; nothing if a class is missing.
pub fn alone(rows: &Judged<'_>, features: ArrayView2<'_, f32>) -> Vec<Alone> {
    let area = |column: usize, direction: Direction| {
        let scores = ranked(features.index_axis(Axis(1), column), direction);
        let curve = Curve::new(rows.scored(&scores).map(|row| (row.score, row.attack.is_some())));
        Some(Alone { column, direction, pr_auc: curve.pr_auc()? })
    };
    let better = |column: usize| {
        let (high, low) = (area(column, Direction::High)?, area(column, Direction::Low)?);
        Some(if low.pr_auc > high.pr_auc { low } else { high })
    };
    let columns = (0..features.ncols()).into_par_iter();
    let mut columns: Vec<Alone> = columns.filter_map(better).collect();
    columns.sort_by(|a, b| b.pr_auc.total_cmp(&a.pr_auc));
    columns
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    const DAY: i64 = 86_400_000_000_000;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    /// Four windows in a day, the third an attack.
    fn rows(label: &[Option<u16>], test: impl FnOnce(&Judged<'_>)) {
        test(&Judged {
            window_start_ns: &[0, DAY / 4, DAY / 2, DAY / 4 * 3],
            window_ns: DAY / 4,
            entity: &[0; 4],
            entities: &names(&["network"]),
            label,
            names: &names(&["flood"]),
            span_days: 1.0,
            prevalence: None,
        });
    }

    #[test]
    fn baselines_by_hand() {
        rows(&[None, None, Some(0), None], |rows| {
            let features = array![[1.0_f32, 5.0], [2.0, f32::NAN], [3.0, 1.0], [9.0, 7.0]];
            let found = baselines(rows, Some(features.column(0)), features.view(), &names(&["a", "b"])).unwrap();
            let always = &found["always_alarm"].figures;
            assert_eq!((always.roc_auc, always.pr_auc, always.recall), (Some(0.5), Some(0.25), 1.0));
            assert_eq!((always.false_alarms_per_day, always.recall_at_alarms_per_day.one), (3.0, Some(0.0)));
            // The attack is third in time; the last row, benign, is the one alarm of the day.
            let time = &found["time_only"].figures;
            assert_eq!((time.pr_auc, time.threshold, time.recall), (Some(0.5), 43_200.0, 1.0));
            assert_eq!(
                (found["packet_count"].figures.threshold, found["packet_count"].figures.pr_auc),
                (3.0, Some(0.5))
            );
            // The missing value of b is last also when small values are the anomalous ones.
            let best = &found["best_single_feature"];
            assert_eq!(best.choice, Some(Choice { feature: "b".to_owned(), direction: Direction::Low }));
            assert_eq!((best.figures.pr_auc, best.figures.threshold), (Some(1.0), -5.0));
            let json = serde_json::to_value(best).unwrap();
            assert_eq!((json["feature"].as_str(), json["direction"].as_str()), (Some("b"), Some("low")));
        });
    }

    #[test]
    fn without_attacks_there_is_no_best_feature() {
        rows(&[None; 4], |rows| {
            let features = array![[1.0_f32], [2.0], [3.0], [4.0]];
            let found = baselines(rows, None, features.view(), &names(&["a"])).unwrap();
            assert_eq!(found.keys().collect::<Vec<_>>(), ["always_alarm", "time_only"]);
        });
    }

    #[test]
    fn features_of_another_length_are_refused() {
        rows(&[None; 4], |rows| {
            let error = baselines(rows, None, array![[1.0_f32]].view(), &names(&["a"])).unwrap_err();
            assert_eq!(error.to_string(), "baselines: 4 rows, but 1 × 1 features, 1 names, no packet counts");
        });
    }
}
