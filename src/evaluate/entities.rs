//! Each entity alone: whose attacks are found, and who raises the false alarms.

use std::collections::BTreeMap;

use serde::Serialize;

use super::bootstrap::{Blocks, intervals};
use super::episodes::episodes_of;
use super::metrics::Curve;
use super::{Intervals, Judged, Row};
use crate::error::Result;

/// So many entities are told of: those with the most attack rows, then with the most false alarms.
pub const TOLD: usize = 100;

/// How well one score does on the rows of one entity.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EntityFigures {
    /// Its rows.
    pub rows: usize,
    /// Attack rows among them.
    pub positives: usize,
    /// Attack rows that alert.
    pub found: usize,
    /// Benign rows that alert.
    pub false_alarms: usize,
    /// The same, divided by the days that all rows cover.
    pub false_alarms_per_day: f64,
    /// Share of its attack rows that alert; 0 if there are none.
    pub recall: f64,
    /// Share of its alerts that are attack rows; 0 if there are none.
    pub precision: f64,
    /// Area under the receiver operating characteristic; null if a class is missing.
    pub roc_auc: Option<f64>,
    /// Average precision; null if a class is missing.
    pub pr_auc: Option<f64>,
    /// The highest score of its benign rows; null if it has none.
    pub highest_benign: Option<f64>,
    /// Episodes of truth that it has a part in.
    pub episodes: usize,
    /// Those in which a row of it is an alert.
    pub episodes_detected: usize,
    /// How sure these figures are.
    pub intervals: Intervals,
}

/// The figures of entities that have an attack row or a false alarm, by name, [`TOLD`] at most.
///
/// # Errors
/// As [`judge`](super::judge).
pub fn judge_entities(rows: &Judged<'_>, scores: &[f64], threshold: f64) -> Result<BTreeMap<String, EntityFigures>> {
    rows.check(scores, threshold)?;
    let mut counts = vec![(0_usize, 0_usize); rows.entities.len()];
    for row in rows.scored(scores) {
        let Some((attack, alarms)) = counts.get_mut(rows.entity[row.index] as usize) else { continue };
        *attack += usize::from(row.attack.is_some());
        *alarms += usize::from(row.attack.is_none() && row.score >= threshold);
    }
    let mut told: Vec<usize> = (0..counts.len()).filter(|&entity| counts[entity] != (0, 0)).collect();
    told.sort_by_key(|&entity| (std::cmp::Reverse(counts[entity]), entity));
    told.truncate(TOLD);
    let mut places = vec![None; counts.len()];
    told.iter().enumerate().for_each(|(place, &entity)| places[entity] = Some(place));
    let mut of_each: Vec<Vec<Row>> = vec![Vec::new(); told.len()];
    for row in rows.scored(scores) {
        if let Some(place) = places.get(rows.entity[row.index] as usize).copied().flatten() {
            of_each[place].push(row);
        }
    }
    let blocks = Blocks::of(rows);
    let figures = |of: Vec<Row>| {
        let benign = of.iter().filter(|row| row.attack.is_none());
        let highest_benign = benign.map(|row| row.score).max_by(f64::total_cmp);
        let curve = Curve::new(of.iter().map(|row| (row.score, row.attack.is_some())));
        let episodes = episodes_of(of.iter().copied(), rows.window_ns, threshold);
        let alerts = curve.at(threshold);
        EntityFigures {
            rows: curve.attack() + curve.benign(),
            positives: curve.attack(),
            found: alerts.right,
            false_alarms: alerts.wrong,
            false_alarms_per_day: alerts.wrong as f64 / rows.span_days,
            recall: alerts.recall(curve.attack()),
            precision: alerts.precision(),
            roc_auc: curve.roc_auc(),
            pr_auc: curve.pr_auc(),
            highest_benign,
            episodes: episodes.len(),
            episodes_detected: episodes.iter().filter(|episode| episode.detected_ns.is_some()).count(),
            intervals: intervals(&blocks, &of, &episodes.iter().collect::<Vec<_>>(), threshold),
        }
    };
    Ok(told.into_iter().zip(of_each).map(|(entity, of)| (rows.entities[entity].clone(), figures(of))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_entity_is_judged_by_its_own_rows() {
        let names = ["a", "b", "c"].map(str::to_owned);
        let rows = Judged {
            window_start_ns: &[0, 0, 0, 30, 30, 30],
            window_ns: 30,
            entity: &[0, 1, 2, 0, 1, 2],
            entities: &names,
            label: &[None, None, None, Some(0), None, None],
            names: &["scan".to_owned()],
            span_days: 0.5,
            prevalence: None,
        };
        let found = judge_entities(&rows, &[0.1, 0.9, 0.1, 0.8, 0.2, 0.3], 0.5).unwrap();
        assert_eq!(found.keys().collect::<Vec<_>>(), ["a", "b"], "c shows nothing");
        let (a, b) = (&found["a"], &found["b"]);
        assert_eq!((a.rows, a.positives, a.found, a.recall, a.pr_auc), (2, 1, 1, 1.0, Some(1.0)));
        assert_eq!((b.false_alarms, b.false_alarms_per_day, b.roc_auc, b.highest_benign), (1, 2.0, None, Some(0.9)));
    }
}
