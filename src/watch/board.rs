//! What the page of a watch shows, in bounded memory: how high the tide stood, who stood out, and which episodes there were.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::alert::Alert;
use crate::alert::episode::{Episodes, Event, Notice};
use crate::matrix::Matrix;
use crate::model::scorer::Scores;

/// Windows of the tide: a day of half minutes.
const WINDOWS: usize = 2880;
/// Points that they are told in at most.
const POINTS: i64 = 360;
/// Windows of which single rows are remembered.
const LATEST: usize = 60;
/// Rows of one of those: the ones of the highest scores.
const ROWS: usize = 512;
/// Entities that are told of.
const ENTITIES: usize = 20;
/// Episodes that are told of, of those that are open and of those that are closed.
const EPISODES: usize = 50;

/// Written by who watches, read by who serves.
#[derive(Default)]
pub struct Board {
    latest: Mutex<Latest>,
}

#[derive(Default)]
struct Latest {
    /// How often it was written: what has the same number looks the same.
    version: u64,
    view: String,
    window_ns: i64,
    threshold: f64,
    windows: VecDeque<Window>,
    rows: VecDeque<Loud>,
    open: Vec<Notice>,
    open_count: usize,
    closed: VecDeque<Notice>,
}

/// A window in numbers.
#[derive(Clone, Copy)]
struct Window {
    start_ns: i64,
    packets: u64,
    bytes: u64,
    alerts: u64,
    highest: Option<f64>,
}

/// The rows of a window that stand out.
struct Loud {
    start_ns: i64,
    rows: Vec<(Box<str>, f64)>,
}

/// What is on the board, for programs. Times are milliseconds since the epoch, scores −log₁₀ of p-values.
#[derive(Serialize)]
pub struct Shown {
    /// How often it was written: what has the same number looks the same.
    pub version: u64,
    /// Whose rows are scored.
    pub view: String,
    /// A window's length.
    pub window_ms: i64,
    /// The score from which a row is an alert.
    pub threshold: f64,
    /// How high the tide stood.
    pub tide: Tide,
    /// Who stood out.
    pub entities: Crowd,
    /// What was told.
    pub episodes: Told,
}

/// The tide in steps of time; of steps without packets there is none.
#[derive(Serialize)]
pub struct Tide {
    /// The length of a step.
    pub step_ms: i64,
    /// The end of the latest window.
    pub end_ms: i64,
    /// The steps, in the order of time.
    pub steps: Vec<Step>,
}

/// A stretch of the tide.
#[derive(Serialize)]
pub struct Step {
    /// When it begins.
    pub start_ms: i64,
    /// Packets a second.
    pub packets_per_second: f64,
    /// Bytes a second.
    pub bytes_per_second: f64,
    /// Rows over the threshold.
    pub alerts: u64,
    /// The highest score; null if nothing was scored.
    pub score: Option<f64>,
}

/// Who stood out in the latest windows, the highest first.
#[derive(Serialize)]
pub struct Crowd {
    /// When these windows began.
    pub starts_ms: Vec<i64>,
    /// How many entities have rows in these windows, as far as they are remembered.
    pub count: usize,
    /// The entities.
    pub rows: Vec<Entity>,
}

/// One who stood out.
#[derive(Serialize)]
pub struct Entity {
    /// What it is called.
    pub entity: String,
    /// By window; null where it had no row.
    pub scores: Vec<Option<f64>>,
}

/// The episodes on the board.
#[derive(Serialize)]
pub struct Told {
    /// How many are open, also those that are not among the ones that are told.
    pub open_count: usize,
    /// Those of the highest scores.
    pub open: Vec<Notice>,
    /// The latest first.
    pub closed: Vec<Notice>,
}

impl Board {
    fn lock(&self) -> MutexGuard<'_, Latest> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a window of so many packets and bytes, and its rows' scores.
    pub fn window(&self, start_ns: i64, (packets, bytes): (u64, u64), rows: &Matrix, scores: &Scores, threshold: f64) {
        let mut order: Vec<usize> = (0..rows.rows()).collect();
        if order.len() > ROWS {
            order.select_nth_unstable_by(ROWS, |&a, &b| scores.score[b].total_cmp(&scores.score[a]).then(a.cmp(&b)));
            order.truncate(ROWS);
        }
        let loud: Vec<_> = order.iter().map(|&row| (rows.entity[row].as_str().into(), scores.score[row])).collect();
        let highest = loud.iter().map(|&(_, score)| score).reduce(f64::max);
        let alerts = scores.alert.iter().filter(|&&alert| alert).count() as u64;

        let mut latest = self.lock();
        latest.version += 1;
        latest.view.clone_from(&rows.schema.view);
        (latest.window_ns, latest.threshold) = (rows.schema.window_ns, threshold);
        push(&mut latest.windows, WINDOWS, Window { start_ns, packets, bytes, alerts, highest });
        push(&mut latest.rows, LATEST, Loud { start_ns, rows: loud });
    }

    /// Notes which episodes are open, and those among the notices that have closed.
    pub fn episodes(&self, open: &Episodes, notices: &[Notice]) {
        let mut latest = self.lock();
        latest.version += 1;
        latest.open_count = open.open();
        latest.open = open.worst(EPISODES);
        for notice in notices.iter().filter(|notice| notice.event == Event::Closed) {
            push(&mut latest.closed, EPISODES, notice.clone());
        }
    }

    /// The alert of the highest score of an episode that is on it.
    pub fn alert_of(&self, episode: &str) -> Option<Alert> {
        let latest = self.lock();
        let mut notices = latest.open.iter().chain(latest.closed.iter().rev());
        notices.find(|notice| notice.episode == episode).map(|notice| notice.alert.clone())
    }

    /// What is on it now.
    pub fn shown(&self) -> Shown {
        let latest = self.lock();
        Shown {
            version: latest.version,
            view: latest.view.clone(),
            window_ms: millis(latest.window_ns),
            threshold: latest.threshold,
            tide: tide(&latest.windows, latest.window_ns),
            entities: crowd(&latest.rows),
            episodes: Told {
                open_count: latest.open_count,
                open: latest.open.clone(),
                closed: latest.closed.iter().rev().cloned().collect(),
            },
        }
    }
}

impl Shown {
    /// The names of its episodes whose alerts are such.
    pub fn episodes(&self, are: impl Fn(&Alert) -> bool) -> Vec<String> {
        let notices = self.episodes.open.iter().chain(&self.episodes.closed);
        notices.filter(|notice| are(&notice.alert)).map(|notice| notice.episode.clone()).collect()
    }
}

/// Adds to the end, and lets go of what is too much at the beginning.
fn push<T>(queue: &mut VecDeque<T>, most: usize, one: T) {
    queue.push_back(one);
    if queue.len() > most {
        queue.pop_front();
    }
}

fn millis(ns: i64) -> i64 {
    ns.div_euclid(1_000_000)
}

fn tide(windows: &VecDeque<Window>, window_ns: i64) -> Tide {
    let (Some(first), Some(last)) = (windows.front(), windows.back()) else {
        return Tide { step_ms: 0, end_ms: 0, steps: Vec::new() };
    };
    let window_ns = window_ns.max(1);
    let end_ns = last.start_ns.saturating_add(window_ns);
    // Whole windows a step, and steps in multiples of themselves, so that they stay what they are while the tide moves on.
    let span = (end_ns.saturating_sub(first.start_ns) / window_ns).max(1);
    let step_ns = window_ns.saturating_mul((span + POINTS - 1) / POINTS);
    let mut steps: BTreeMap<i64, (u64, u64, u64, Option<f64>)> = BTreeMap::new();
    for window in windows {
        let start_ns = window.start_ns.saturating_sub(window.start_ns.rem_euclid(step_ns));
        let (packets, bytes, alerts, highest) = steps.entry(start_ns).or_default();
        *packets += window.packets;
        *bytes += window.bytes;
        *alerts += window.alerts;
        *highest = window.highest.into_iter().chain(*highest).reduce(f64::max);
    }
    let steps = steps.into_iter().map(|(start_ns, (packets, bytes, alerts, score))| {
        let from_ns = start_ns.max(first.start_ns);
        let seconds = start_ns.saturating_add(step_ns).min(end_ns).saturating_sub(from_ns).max(1) as f64 * 1e-9;
        Step {
            start_ms: millis(start_ns),
            packets_per_second: packets as f64 / seconds,
            bytes_per_second: bytes as f64 / seconds,
            alerts,
            score,
        }
    });
    Tide { step_ms: millis(step_ns), end_ms: millis(end_ns), steps: steps.collect() }
}

fn crowd(rows: &VecDeque<Loud>) -> Crowd {
    let mut of: BTreeMap<&str, Vec<Option<f64>>> = BTreeMap::new();
    for (place, loud) in rows.iter().enumerate() {
        for (entity, score) in &loud.rows {
            of.entry(entity).or_insert_with(|| vec![None; rows.len()])[place] = Some(*score);
        }
    }
    let highest = |scores: &[Option<f64>]| scores.iter().flatten().copied().fold(f64::NEG_INFINITY, f64::max);
    let count = of.len();
    let mut order: Vec<_> = of.into_iter().map(|(entity, scores)| (highest(&scores), entity, scores)).collect();
    order.sort_by(|(a, _, _), (b, _, _)| b.total_cmp(a));
    order.truncate(ENTITIES);
    let rows_of = |(_, entity, scores): (f64, &str, _)| Entity { entity: entity.to_owned(), scores };
    Crowd {
        starts_ms: rows.iter().map(|loud| millis(loud.start_ns)).collect(),
        count,
        rows: order.into_iter().map(rows_of).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn windows(count: i64) -> VecDeque<Window> {
        let window = |number| Window {
            start_ns: (100 + number) * SECOND,
            packets: 10,
            bytes: 1000,
            alerts: u64::from(number % 7 == 0),
            highest: Some(number as f64),
        };
        (0..count).map(window).collect()
    }

    #[test]
    fn a_long_tide_is_told_in_longer_steps_of_the_same_height() {
        for (count, step_ms) in [(1, 1000), (360, 1000), (361, 2000), (2880, 8000)] {
            let told = tide(&windows(count), SECOND);
            assert_eq!((told.step_ms, told.end_ms), (step_ms, (100 + count) * 1000));
            assert!(told.steps.len() as i64 <= POINTS + 1);
            for step in &told.steps {
                assert!((step.packets_per_second - 10.0).abs() < 1e-9, "{count}: {}", step.packets_per_second);
            }
            let alerts: u64 = told.steps.iter().map(|step| step.alerts).sum();
            assert_eq!(alerts, (count as u64).div_ceil(7));
            assert_eq!(told.steps.last().unwrap().score, Some((count - 1) as f64));
        }
        assert!(tide(&VecDeque::new(), 0).steps.is_empty());
    }

    #[test]
    fn a_jump_of_a_clock_is_a_gap_and_no_flood_of_steps() {
        let mut windows = windows(3);
        windows.push_back(Window { start_ns: i64::MAX - 1, ..windows[0] });
        windows.push_front(Window { start_ns: i64::MIN + 1, ..windows[0] });
        assert!(tide(&windows, SECOND).steps.len() <= 5);
    }

    #[test]
    fn those_who_stood_out_come_first_each_in_its_windows() {
        let loud = |start_s: i64, rows: &[(&str, f64)]| Loud {
            start_ns: start_s * SECOND,
            rows: rows.iter().map(|&(entity, score)| (entity.into(), score)).collect(),
        };
        let rows = VecDeque::from([loud(1, &[("a", 1.0), ("b", 0.5)]), loud(2, &[("b", 7.0), ("c", 0.1)])]);
        let crowd = crowd(&rows);
        assert_eq!((crowd.starts_ms, crowd.count), (vec![1000, 2000], 3));
        let told: Vec<_> = crowd.rows.iter().map(|row| (row.entity.as_str(), row.scores.clone())).collect();
        let expected = [("b", vec![Some(0.5), Some(7.0)]), ("a", vec![Some(1.0), None]), ("c", vec![None, Some(0.1)])];
        assert_eq!(told, expected);
    }
}
