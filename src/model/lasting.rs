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
    /// The surprise of what is seen in one of so many rows as training had. It is the most that is believed of what lasts; and a window
    /// that is as odd alone needs no others: what follows it lasts no more until the entity was ordinary, for an attack's traces do.
    most: f64,
    /// Of what a row says alone and what lasts, together.
    together: Calibration,
}

impl Lasting {
    /// Learns from benign rows of windows of this length, in the order of time: whose each is, when its window starts, and how surprising
    /// it is alone, to members that were not fitted on it. Returns their surprises with what lasts, too.
    pub fn fit(matrix: &Matrix, alone: &[f64]) -> (Self, Vec<f64>) {
        let most = (alone.len() as f64).ln_1p();
        let before = Runs::new(matrix.schema.window_ns, most).before(matrix, &matrix.in_time(), alone);
        let least = Calibration::fit(alone.iter().zip(&before).map(|(alone, before)| alone.min(*before)).collect());
        let mut lasting = Self { least, most, together: Calibration::fit(Vec::new()) };
        let together: Vec<f64> =
            alone.iter().zip(&before).map(|(&alone, &before)| lasting.joined(alone, before)).collect();
        lasting.together = Calibration::fit(together.clone());
        let surprises = together.into_iter().map(|together| lasting.together.surprise(together)).collect();
        (lasting, surprises)
    }

    /// The surprise of a row, in nats, that alone has one, and whose entity had at least the other in its two windows before.
    pub fn surprise(&self, alone: f64, before: f64) -> f64 {
        self.together.surprise(self.joined(alone, before))
    }

    fn joined(&self, alone: f64, before: f64) -> f64 {
        let lasts = self.least.surprise(alone.min(before)) + HEARD.ln();
        norm([alone, lasts.clamp(0.0, self.most)].into_iter())
    }

    /// Nobody is odd as yet, in windows of this length.
    pub fn runs(&self, window_ns: i64) -> Runs {
        Runs::new(window_ns, self.most)
    }

    /// What is heard, and how the benign rows end.
    pub fn in_words(&self) -> String {
        format!("the least surprise of an entity's last three windows; {}", self.least.in_words())
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

/// Entities that are odd at present: of the latest four windows, for older runs have ended, so at most those that had rows in them.
#[derive(Clone, Debug)]
pub struct Runs {
    window_ns: i64,
    most: f64,
    of: HashMap<String, Run>,
}

/// The latest windows of an entity.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// When the last of them starts.
    start_ns: i64,
    /// Their surprises, the last one first; 0 where there was none.
    surprises: [f64; 3],
    /// Whether a window of the run was an alarm alone.
    alarmed: bool,
}

impl Runs {
    fn new(window_ns: i64, most: f64) -> Self {
        Self { window_ns, most, of: HashMap::new() }
    }

    /// For each row of a matrix the least surprise that its entity had in the two windows before, 0 if there were not two; `order` is
    /// that of time, and `alone` has what each row says alone. Goes on from the matrices before.
    pub fn before(&mut self, matrix: &Matrix, order: &[usize], alone: &[f64]) -> Vec<f64> {
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
        let Some(run) = known else {
            if alone >= ORDINARY {
                let run = Run { start_ns, surprises: [alone, 0.0, 0.0], alarmed: alone >= self.most };
                self.of.insert(entity.to_owned(), run);
            }
            return 0.0;
        };
        let [last, earlier, earliest] = run.surprises;
        // Several captures may tell of one entity in one window.
        let is_same = run.start_ns == start_ns;
        run.surprises = if is_same { [last.max(alone), earlier, earliest] } else { [alone, last, earlier] };
        run.start_ns = start_ns;
        run.alarmed |= alone >= self.most;
        let [now, earlier, earliest] = run.surprises;
        let before = if run.alarmed { 0.0 } else { earlier.min(earliest) };
        if now < ORDINARY {
            self.of.remove(entity);
        }
        before
    }
}

/// Whether a window that starts then belongs to a run whose last window started before.
fn goes_on(last_ns: i64, start_ns: i64, window_ns: i64) -> bool {
    (0..=window_ns.saturating_mul(APART)).contains(&start_ns.saturating_sub(last_ns))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::{Rng, SeedableRng};
    use rand_xoshiro::Xoshiro256Plus;

    use super::*;
    use crate::matrix::Schema;
    use crate::window::{Names, Rows, View};

    const WINDOW_NS: i64 = 30_000_000_000;

    /// A row for each number of a window and entity.
    fn rows(of: &[(i64, &str)]) -> Matrix {
        let mut matrix = Matrix::new(Schema::of(View::Host, WINDOW_NS), false);
        for &(window, entity) in of {
            let values = vec![0.0; matrix.schema.columns.len()];
            let rows = Rows { entity: Names::from_iter([entity]), values, ..Rows::default() };
            matrix.push_window(window * WINDOW_NS, rows, None);
        }
        matrix
    }

    fn before(of: &[(i64, &str, f64)]) -> Vec<f64> {
        let matrix = rows(&of.iter().map(|&(window, entity, _)| (window, entity)).collect::<Vec<_>>());
        let alone: Vec<f64> = of.iter().map(|row| row.2).collect();
        Runs::new(WINDOW_NS, 10.0).before(&matrix, &matrix.in_time(), &alone)
    }

    #[test]
    fn what_an_entity_was_at_least_in_its_two_windows_before() {
        let each =
            [(0, "a", 5.0), (0, "b", 9.0), (1, "a", 4.0), (2, "a", 6.0), (2, "b", 9.0), (3, "a", 7.0), (4, "b", 9.0)];
        assert_eq!(before(&each), [0.0, 0.0, 0.0, 4.0, 0.0, 4.0, 9.0]);
    }

    #[test]
    fn a_run_ends_by_silence_by_an_ordinary_window_and_by_one_that_is_an_alarm_alone() {
        assert_eq!(before(&[(0, "a", 5.0), (3, "a", 5.0), (6, "a", 5.0)]), [0.0, 0.0, 5.0]);
        assert_eq!(before(&[(0, "a", 5.0), (3, "a", 5.0), (7, "a", 5.0), (8, "a", 5.0)]), [0.0; 4]);
        assert_eq!(
            before(&[(0, "a", 5.0), (1, "a", 0.5), (2, "a", 5.0), (3, "a", 5.0), (4, "a", 5.0)])[2..],
            [0.0, 0.0, 5.0]
        );
        assert_eq!(before(&[(0, "a", 5.0), (1, "a", 25.0), (2, "a", 5.0), (3, "a", 5.0), (4, "a", 5.0)]), [0.0; 5]);
    }

    #[test]
    fn a_capture_that_goes_back_in_time_goes_on_with_no_run() {
        let mut runs = Runs::new(WINDOW_NS, 10.0);
        let order = [0, 1, 2];
        assert_eq!(runs.before(&rows(&[(7, "a"), (8, "a"), (9, "a")]), &order, &[5.0; 3]), [0.0, 0.0, 5.0]);
        assert_eq!(runs.before(&rows(&[(8, "a"), (9, "a"), (10, "a")]), &order, &[5.0; 3]), [0.0, 0.0, 5.0]);
    }

    #[test]
    fn two_captures_of_one_window_are_one_window() {
        let both = [(0, "a", 5.0), (0, "a", 3.0), (1, "a", 4.0), (1, "a", 6.0), (2, "a", 7.0), (2, "a", 2.0)];
        assert_eq!(before(&both), [0.0, 0.0, 0.0, 0.0, 5.0, 5.0]);
    }

    /// Surprises of benign rows of ten hosts: what is odd in one window is as ordinary as any in the next.
    fn benign() -> (Matrix, Vec<f64>) {
        const HOSTS: [&str; 10] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
        let mut rng = Xoshiro256Plus::seed_from_u64(0);
        let of: Vec<(i64, &str)> = (0..1000).flat_map(|window| HOSTS.map(|host| (window, host))).collect();
        let alone = of.iter().map(|_| -(1.0 - rng.r#gen::<f64>()).ln()).collect();
        (rows(&of), alone)
    }

    #[test]
    fn three_odd_windows_are_an_alarm_where_one_of_them_is_none() {
        let (matrix, alone) = benign();
        let (lasting, surprises) = Lasting::fit(&matrix, &alone);
        assert_eq!(lasting.check(), Ok(()));
        let threshold = (alone.len() as f64).ln();
        assert!(surprises.iter().filter(|&&surprise| surprise >= threshold).count() <= 2);
        let odd = -(20.0 / alone.len() as f64).ln();
        assert!((lasting.surprise(odd, 0.0) - odd).abs() < 0.5, "{} alone is {}", odd, lasting.surprise(odd, 0.0));
        assert!(lasting.surprise(odd, odd) > threshold, "{}", lasting.surprise(odd, odd));
        // What lasts is heard, but does not bury what is odder than all.
        assert!(lasting.surprise(30.0, 0.0) > lasting.surprise(odd, 9.0));
    }

    #[test]
    fn what_lasts_in_one_row_of_a_hundred_says_nothing() {
        let (matrix, alone) = benign();
        let (lasting, _) = Lasting::fit(&matrix, &alone);
        assert_eq!(lasting.surprise(1.2, 1.2), lasting.surprise(1.2, 0.0));
    }

    #[test]
    fn without_rows_nothing_lasts() {
        let (lasting, surprises) = Lasting::fit(&rows(&[]), &[]);
        assert_eq!((lasting.check(), surprises.len()), (Ok(()), 0));
        assert!(lasting.surprise(5.0, 5.0).is_finite());
    }

    proptest! {
        #[test]
        fn windows_one_by_one_tell_what_all_at_once_tell(
            of in prop::collection::vec((0_i64..12, 0_usize..3, 0.0..12.0_f64), 0..60)
        ) {
            let mut of: Vec<_> = of.into_iter().map(|(window, host, alone)| (window, ["a", "b", "c"][host], alone)).collect();
            of.sort_by_key(|row| row.0);
            let mut runs = Runs::new(WINDOW_NS, 10.0);
            let mut one_by_one = Vec::new();
            for window in of.chunk_by(|a, b| a.0 == b.0) {
                let keys: Vec<_> = window.iter().map(|&(window, host, _)| (window, host)).collect();
                let alone: Vec<f64> = window.iter().map(|row| row.2).collect();
                let rows = rows(&keys);
                one_by_one.extend(runs.before(&rows, &rows.in_time(), &alone));
                prop_assert!(runs.of.len() <= 3);
            }
            prop_assert_eq!(one_by_one, before(&of));
        }
    }
}
