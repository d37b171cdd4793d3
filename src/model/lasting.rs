//! What lasts: an entity that is odd in window after window is an alarm, though none of its windows is one.
//!
//! An attack of an hour may be no odder at any time than the oddest benign row of the day; but that row's entity is ordinary again in the
//! next window. So it is also asked how odd an entity was at least in its last three windows, which is a run rule of control
//! charts (Western Electric, Statistical Quality Control Handbook, 1956): one enormous window, such as leaves its traces in those
//! behind it, moves the least of three as little as any.

mod graph;

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::calibrate::Calibration;
use super::question::norm;
use crate::matrix::Matrix;

/// Windows of an entity belong together if fewer than this many lie between them, so that one that shows in every third lasts.
const APART: i64 = 3;

/// A surprise that every third benign row reaches ends a run, and need not be remembered.
const ORDINARY: f64 = 1.0;

/// Only what lasts longer than all but this share of benign rows is heard, so that it raises alarms and orders nothing else.
const HEARD: f64 = 0.01;

/// How surprising it is that an entity stays odd.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lasting {
    /// Of the least surprise of an entity's last three windows.
    least: Calibration,
    /// Its largest surprise that is believed: what is seen in one of so many rows as training had.
    most: f64,
    /// Of what a row says alone and what lasts, together.
    together: Calibration,
}

impl Lasting {
    /// Learns from benign rows of windows of this length, in the order of time: whose each is, when its window starts, and how surprising
    /// it is alone, to members that were not fitted on it. Returns their surprises with what lasts, too.
    pub fn fit(matrix: &Matrix, alone: &[f64]) -> (Self, Vec<f64>) {
        let mut runs = Runs::new(matrix.schema.window_ns);
        let before = runs.before(matrix, alone);
        let least = Calibration::fit(alone.iter().zip(&before).map(|(alone, before)| alone.min(*before)).collect());
        let most = (alone.len() as f64).ln_1p();
        let mut lasting = Self { least, most, together: Calibration::fit(Vec::new()) };
        let together: Vec<f64> =
            alone.iter().zip(&before).map(|(&alone, &before)| lasting.together(alone, before)).collect();
        lasting.together = Calibration::fit(together.clone());
        let surprises = together.into_iter().map(|together| lasting.together.surprise(together)).collect();
        (lasting, surprises)
    }

    /// The surprise of a row, in nats, that alone has one, and whose entity had at least the other in its two windows before.
    pub fn surprise(&self, alone: f64, before: f64) -> f64 {
        self.together.surprise(self.together(alone, before))
    }

    fn together(&self, alone: f64, before: f64) -> f64 {
        let lasts = self.least.surprise(alone.min(before)) + HEARD.ln();
        norm([alone, lasts.clamp(0.0, self.most)].into_iter())
    }

    /// Whether what was read from a file can be used.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        self.least.check()?;
        self.together.check()?;
        if self.most.is_finite() && self.most >= 0.0 { Ok(()) } else { Err("what lasts is damaged".to_owned()) }
    }
}

/// Entities that are odd at present.
#[derive(Clone, Debug)]
pub struct Runs {
    window_ns: i64,
    of: HashMap<String, Run>,
}

/// The latest windows of an entity.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// When the last of them starts.
    start_ns: i64,
    /// Their surprises, the last one first; 0 where there was none.
    surprises: [f64; 3],
}

impl Runs {
    /// Windows have this length.
    pub fn new(window_ns: i64) -> Self {
        Self { window_ns, of: HashMap::new() }
    }

    /// For each row of a matrix the least surprise that its entity had in the two windows before, 0 if there were not two; `alone` has what
    /// each row says alone. Goes on from the matrices before.
    pub fn before(&mut self, matrix: &Matrix, alone: &[f64]) -> Vec<f64> {
        let mut order: Vec<usize> = (0..matrix.rows()).collect();
        order.sort_by_key(|&row| matrix.window_start_ns[row]);
        let mut before = vec![0.0; alone.len()];
        for window in order.chunk_by(|&a, &b| matrix.window_start_ns[a] == matrix.window_start_ns[b]) {
            for &row in window {
                before[row] = self.push(&matrix.entity[row], matrix.window_start_ns[row], alone[row]);
            }
            let start_ns = window.first().map_or(0, |&row| matrix.window_start_ns[row]);
            self.of.retain(|_, run| goes_on(run.start_ns, start_ns, self.window_ns));
        }
        before
    }

    fn push(&mut self, entity: &str, start_ns: i64, alone: f64) -> f64 {
        let known = self.of.get_mut(entity).filter(|run| goes_on(run.start_ns, start_ns, self.window_ns));
        match known {
            Some(run) => {
                let [last, earlier, earliest] = run.surprises;
                // Several captures may tell of one entity in one window.
                run.surprises = if run.start_ns == start_ns {
                    [last.max(alone), earlier, earliest]
                } else {
                    [alone, last, earlier]
                };
                run.start_ns = start_ns;
                let [_, earlier, earliest] = run.surprises;
                if run.surprises[0] < ORDINARY {
                    self.of.remove(entity);
                }
                earlier.min(earliest)
            }
            None => {
                if alone >= ORDINARY {
                    self.of.insert(entity.to_owned(), Run { start_ns, surprises: [alone, 0.0, 0.0] });
                }
                0.0
            }
        }
    }
}

/// Whether a window that starts then belongs to a run whose last window started before.
fn goes_on(last_ns: i64, start_ns: i64, window_ns: i64) -> bool {
    (0..=window_ns.saturating_mul(APART)).contains(&start_ns.saturating_sub(last_ns))
}
