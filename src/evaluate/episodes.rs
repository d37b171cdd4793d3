//! Attacks as a person meets them: not rows, but episodes that are noticed or missed, sooner or later.
//!
//! Nothing is adjusted: one alert makes the episode *detected*, and leaves its other rows as missed as they were.
//! (Point adjustment, which counts them all as found, makes a random score look like the state of the art: Kim et al.
//! 2022, "Towards a rigorous evaluation of time-series anomaly detection".)

use super::{Judged, Row};

/// A run of rows of one attack, over all entities, joined over gaps shorter than two windows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Episode {
    /// The attack's number in [`Judged::names`].
    pub attack: u16,
    /// Start of the first window.
    pub start_ns: i64,
    /// End of the last window.
    pub end_ns: i64,
    /// How many rows it has.
    pub rows: usize,
    /// Its row of the highest score; the earliest of equals.
    pub peak: usize,
    /// End of the window of its first row that is an alert: when one could first have known.
    pub detected_ns: Option<i64>,
}

impl Episode {
    /// Seconds from the beginning of the attack's first window to the end of the first window that alerts; at least one
    /// window's length. None if it was missed.
    pub fn delay_s(&self) -> Option<f64> {
        self.detected_ns.map(|detected_ns| detected_ns.saturating_sub(self.start_ns) as f64 / 1e9)
    }
}

/// The episodes of truth in `rows`, by time, then by attack; a row whose score is at least `threshold` is an alert.
pub fn episodes(rows: &Judged<'_>, scores: &[f64], threshold: f64) -> Vec<Episode> {
    episodes_of(rows.scored(scores), rows.window_ns, threshold)
}

/// The same, of some rows with windows of `window_ns`.
pub(super) fn episodes_of(rows: impl Iterator<Item = Row>, window_ns: i64, threshold: f64) -> Vec<Episode> {
    let mut attack_rows: Vec<_> =
        rows.filter_map(|row| row.attack.map(|attack| (attack, row.start_ns, row.index, row.score))).collect();
    attack_rows.sort_unstable_by_key(|&(attack, start_ns, index, _)| (attack, start_ns, index));

    let mut episodes: Vec<Episode> = Vec::new();
    let mut highest = f64::NEG_INFINITY;
    for (attack, start_ns, index, score) in attack_rows {
        let end_ns = start_ns.saturating_add(window_ns);
        let detected_ns = (score >= threshold).then_some(end_ns);
        match episodes.last_mut() {
            Some(last) if last.attack == attack && goes_on(last.end_ns, start_ns, window_ns) => {
                last.end_ns = end_ns;
                last.rows += 1;
                last.detected_ns = last.detected_ns.or(detected_ns);
                if score > highest {
                    (highest, last.peak) = (score, index);
                }
            }
            _ => {
                highest = score;
                episodes.push(Episode { attack, start_ns, end_ns, rows: 1, peak: index, detected_ns });
            }
        }
    }
    episodes.sort_by_key(|episode| (episode.start_ns, episode.attack));
    episodes
}

/// Whether an episode whose latest window ends then goes on in a window that starts then.
fn goes_on(end_ns: i64, start_ns: i64, window_ns: i64) -> bool {
    i128::from(start_ns) - i128::from(end_ns) < 2 * i128::from(window_ns)
}

/// How often somebody is called for nothing: the alerts of an entity, joined as attack rows are, are one call, which is for nothing
/// if no attack row is among them. What an attack leaves behind in the window after it costs a row, but no call.
pub fn false_episodes(rows: &Judged<'_>, scores: &[f64], threshold: f64) -> usize {
    let alerts = rows.scored(scores).filter(|row| row.score >= threshold);
    let mut alerts: Vec<(u32, i64, bool)> =
        alerts.map(|row| (rows.entity[row.index], row.start_ns, row.attack.is_some())).collect();
    alerts.sort_unstable();
    let same = |a: &(u32, i64, bool), b: &(u32, i64, bool)| {
        a.0 == b.0 && goes_on(a.1.saturating_add(rows.window_ns), b.1, rows.window_ns)
    };
    alerts.chunk_by(same).filter(|episode| episode.iter().all(|&(.., attack)| !attack)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: i64 = 30_000_000_000;

    /// Rows given as (window, attack, score), scored against the threshold 1.
    fn found(rows: &[(i64, Option<u16>, f64)]) -> Vec<Episode> {
        let starts: Vec<i64> = rows.iter().map(|row| row.0 * WINDOW).collect();
        let labels: Vec<Option<u16>> = rows.iter().map(|row| row.1).collect();
        let scores: Vec<f64> = rows.iter().map(|row| row.2).collect();
        let judged = Judged {
            window_start_ns: &starts,
            window_ns: WINDOW,
            entity: &vec![0; rows.len()],
            entities: &["10.0.0.1".to_owned()],
            label: &labels,
            names: &["flood".to_owned(), "scan".to_owned()],
            span_days: 1.0,
            prevalence: None,
        };
        episodes(&judged, &scores, 1.0)
    }

    #[test]
    fn a_gap_of_one_window_joins_and_of_two_parts() {
        let rows = [(0, Some(0), 0.0), (2, Some(0), 0.0), (5, Some(0), 0.0)];
        let spans: Vec<_> = found(&rows).iter().map(|e| (e.start_ns / WINDOW, e.end_ns / WINDOW, e.rows)).collect();
        assert_eq!(spans, [(0, 3, 2), (5, 6, 1)]);
    }

    #[test]
    fn attacks_at_one_time_are_episodes_of_their_own() {
        let rows = [(1, Some(1), 0.0), (1, Some(0), 2.0), (2, Some(1), 0.0), (2, None, 9.0)];
        let found: Vec<_> = found(&rows).iter().map(|e| (e.attack, e.rows, e.delay_s())).collect();
        assert_eq!(found, [(0, 1, Some(30.0)), (1, 2, None)]);
    }

    #[test]
    fn the_delay_runs_to_the_end_of_the_first_window_that_alerts() {
        // Out of order on purpose; two entities share the windows.
        let rows = [(6, Some(0), 3.0), (4, Some(0), 0.5), (5, Some(0), 0.2), (5, Some(0), 1.0)];
        let found = found(&rows);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].delay_s(), found[0].peak, found[0].rows), (Some(60.0), 0, 4));
    }

    #[test]
    fn an_alert_beside_an_attack_calls_nobody_for_nothing() {
        // Of the first entity: an attack row and what it leaves behind; two false alarms that are one call; one more, three
        // windows later. Of the second, at the same times: a call of its own, and a row that is no alert.
        let rows = [
            (0, 0, Some(0), 3.0),
            (1, 0, None, 2.0),
            (9, 0, None, 2.0),
            (7, 0, None, 1.0),
            (13, 0, None, 2.0),
            (0, 1, None, 2.0),
            (5, 1, None, 0.9),
        ];
        let starts = rows.map(|row| row.0 * WINDOW);
        let judged = Judged {
            window_start_ns: &starts,
            window_ns: WINDOW,
            entity: &rows.map(|row| row.1),
            entities: &["10.0.0.1".to_owned(), "10.0.0.2".to_owned()],
            label: &rows.map(|row| row.2),
            names: &["flood".to_owned()],
            span_days: 1.0,
            prevalence: None,
        };
        assert_eq!(false_episodes(&judged, &rows.map(|row| row.3), 1.0), 3);
        assert_eq!(false_episodes(&judged, &rows.map(|row| row.3), 2.5), 0);
    }

    #[test]
    fn times_at_the_ends_of_the_range_do_not_overflow() {
        let starts = [i64::MIN, i64::MAX];
        let judged = Judged {
            window_start_ns: &starts,
            window_ns: i64::MAX,
            entity: &[0, 0],
            entities: &[],
            label: &[Some(0), Some(0)],
            names: &[],
            span_days: 1.0,
            prevalence: None,
        };
        assert_eq!(episodes(&judged, &[0.0, 0.0], 1.0).len(), 1);
    }
}
