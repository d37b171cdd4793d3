//! Hours of the day: what is odd at night may be ordinary at noon.
//!
//! Where surprises rise and fall with the hours, day after day, one threshold for all of them spends the alarms of a day on its
//! restless hours, and leaves the calm ones to whoever works at night. So each hour has the distribution of its own training rows: of
//! a calm hour a row is heard as rarer than it is among all, of a restless one as less rare.
//!
//! Whether there is a rhythm the days tell: if hours do not matter, each day may as well have begun at another of them. Days that are
//! turned at random keep all else, what lasts for hours too (a permutation test; Edgington, Onghena: Randomization Tests, 2007). Two
//! days cannot tell a rhythm from chance. Hours are those of UTC: where clocks are changed, the rhythm is an hour late until the
//! model is trained again. Days of the week are not told apart.

mod graph;

use std::collections::BTreeMap;

use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256Plus;
use serde::{Deserialize, Serialize};

use super::calibrate::Calibration;
use crate::window::day_and_hour;

const HOURS: usize = 24;

/// How often the days are turned, and how often they may show as much as they do unturned.
const TURNS: usize = 999;
const BY_CHANCE: usize = 9;

/// The fewest days that tell a rhythm.
const FEWEST_DAYS: usize = 3;
/// The fewest rows by which an hour is known: its tail is fitted to a twentieth of them.
const FEWEST_ROWS: usize = 500;

/// How surprising surprises are at each hour of the day; none of an hour that is hardly known, at which they stay what they are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Hours(Vec<Option<Calibration>>);

impl Hours {
    /// Learns from benign rows: when the window of each starts, and how surprising it is, to members that were not fitted on it. None if
    /// they show no rhythm.
    pub fn fit(starts_ns: &[i64], surprises: &[f64]) -> Option<Self> {
        let mut days: BTreeMap<i64, [(f64, usize); HOURS]> = BTreeMap::new();
        let mut of_hour: Vec<Vec<f64>> = vec![Vec::new(); HOURS];
        for (&start_ns, &surprise) in starts_ns.iter().zip(surprises) {
            let (day, hour) = day_and_hour(start_ns);
            of_hour[hour].push(surprise);
            let cell = &mut days.entry(day).or_default()[hour];
            *cell = (cell.0 + surprise, cell.1 + 1);
        }
        let days: Vec<Day> = days.values().map(level).collect();
        let known = |rows: Vec<f64>| (rows.len() >= FEWEST_ROWS).then(|| Calibration::fit(rows));
        has_rhythm(&days).then(|| Self(of_hour.into_iter().map(known).collect()))
    }

    /// A surprise, in nats, as it is heard of a window that starts then.
    pub fn heard(&self, start_ns: i64, surprise: f64) -> f64 {
        let (_, hour) = day_and_hour(start_ns);
        let known = self.0.get(hour).and_then(Option::as_ref);
        known.map_or(surprise, |calibration| calibration.surprise(surprise))
    }

    /// Whether what was read from a file can be used.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        let whole = self.0.len() == HOURS && self.0.iter().flatten().all(|calibration| calibration.check().is_ok());
        if whole { Ok(()) } else { Err("the hours of the day are damaged".to_owned()) }
    }
}

/// How far the mean surprise of each hour lies from that of the day; none of an hour without rows.
type Day = [Option<f64>; HOURS];

fn level(sums: &[(f64, usize); HOURS]) -> Day {
    let means = sums.map(|(sum, rows)| (rows > 0).then(|| sum / rows as f64));
    let known = means.iter().flatten().count().max(1);
    let mean = means.iter().flatten().sum::<f64>() / known as f64;
    means.map(|level| level.map(|level| level - mean))
}

/// Whether the hours of these days are alike, more than days that are turned at random.
fn has_rhythm(days: &[Day]) -> bool {
    if days.len() < FEWEST_DAYS {
        return false;
    }
    let shown = alike(days, &vec![0; days.len()]);
    let mut rng = Xoshiro256Plus::seed_from_u64(0);
    let mut turned = || days.iter().map(|_| rng.gen_range(0..HOURS)).collect::<Vec<_>>();
    shown > 0.0 && (0..TURNS).filter(|_| alike(days, &turned()) >= shown * (1.0 - 1e-9)).count() <= BY_CHANCE
}

/// How much the hours tell of the levels of these days, each turned by so many hours.
fn alike(days: &[Day], turns: &[usize]) -> f64 {
    let of_hour = |hour: usize| {
        let levels = days.iter().zip(turns).filter_map(|(day, turn)| day[(hour + turn) % HOURS]);
        let (sum, known) = levels.fold((0.0, 0.0), |(sum, known), level| (sum + level, known + 1.0));
        if known > 0.0 { sum * sum / known } else { 0.0 }
    };
    (0..HOURS).map(of_hour).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::Rng;

    use super::*;

    const HOUR_NS: i64 = 3_600_000_000_000;

    fn hour(start_ns: i64) -> usize {
        day_and_hour(start_ns).1
    }

    /// Surprises of so many days, 120 an hour, as large as `size` says of the day and the hour in the mean.
    fn rows(days: i64, seed: u64, size: impl Fn(i64, usize) -> f64) -> (Vec<i64>, Vec<f64>) {
        let mut rng = Xoshiro256Plus::seed_from_u64(seed);
        let starts = (0..days * 24 * 120).map(|window| window * HOUR_NS / 120);
        let surprise = |start_ns| -(1.0 - rng.r#gen::<f64>()).ln() * size(start_ns / (24 * HOUR_NS), hour(start_ns));
        (starts.clone().collect(), starts.map(surprise).collect())
    }

    fn by_day(_: i64, hour: usize) -> f64 {
        if (8..20).contains(&hour) { 1.3 } else { 0.7 }
    }

    #[test]
    fn an_alarm_is_as_likely_at_night_as_at_noon() {
        let (starts, surprises) = rows(10, 10, by_day);
        let hours = Hours::fit(&starts, &surprises).unwrap();
        assert_eq!(hours.check(), Ok(()));
        // Of other days: an alarm is a row of a thousand.
        let (starts, surprises) = rows(100, 2, by_day);
        let alarms = |night: bool, heard: &dyn Fn(i64, f64) -> f64| {
            let rows = starts.iter().zip(&surprises).filter(|&(&start, _)| (8..20).contains(&hour(start)) != night);
            rows.filter(|&(&start, &surprise)| heard(start, surprise) >= 1000_f64.ln()).count()
        };
        let unheard = [false, true].map(|night| alarms(night, &|_, surprise| surprise));
        let heard = [false, true].map(|night| alarms(night, &|start, surprise| hours.heard(start, surprise)));
        assert!(unheard[0] > 50 * unheard[1], "{unheard:?}");
        assert!(heard.iter().all(|alarms| (70..300).contains(alarms)), "{heard:?} where 144 are meant");
        // What is usual at noon is an alarm at night.
        let [noon, night] = [12, 3].map(|hour| hours.heard(hour * HOUR_NS, 6.0));
        assert!(noon < 5.5 && night > 1000_f64.ln(), "{noon} and {night}");
    }

    #[test]
    fn two_days_show_no_rhythm_and_neither_do_days_without_one() {
        let (starts, surprises) = rows(2, 1, by_day);
        assert_eq!(Hours::fit(&starts, &surprises), None);
        assert_eq!(Hours::fit(&[], &[]), None);
        assert_eq!(Hours::fit(&starts, &vec![0.0; starts.len()]), None);
        // Neither do busy half days, each at an hour of its own.
        let even = |_, _| 1.0;
        let shifted = |day: i64, hour: usize| by_day(0, (hour + [3, 20, 11, 7, 15, 0][day as usize]) % 24);
        let told = |size: &dyn Fn(i64, usize) -> f64| {
            let rhythm = |seed| {
                let (starts, surprises) = rows(6, seed, size);
                Hours::fit(&starts, &surprises).is_some()
            };
            (0..20).filter(|&seed| rhythm(seed)).count()
        };
        assert!(told(&even) <= 1);
        assert_eq!((told(&shifted), told(&by_day)), (0, 20));
    }

    #[test]
    fn an_hour_that_is_hardly_known_leaves_things_as_they_are() {
        let (starts, surprises) = rows(5, 1, by_day);
        let known =
            starts.into_iter().zip(surprises).filter(|&(start, _)| hour(start) != 3 || start % (30 * HOUR_NS) == 0);
        let (starts, surprises): (Vec<i64>, Vec<f64>) = known.unzip();
        let hours = Hours::fit(&starts, &surprises).unwrap();
        assert_eq!([0.0, 2.5, 7.0].map(|surprise| hours.heard(3 * HOUR_NS, surprise)), [0.0, 2.5, 7.0]);
    }

    proptest! {
        #[test]
        fn more_is_never_heard_as_less(hour in 0_i64..24, one in 0.0..40.0_f64, other in 0.0..40.0_f64) {
            let (starts, surprises) = rows(3, 2, by_day);
            let hours = Hours::fit(&starts, &surprises).unwrap();
            let [less, more] = if one < other { [one, other] } else { [other, one] };
            prop_assert!(hours.heard(hour * HOUR_NS, less) <= hours.heard(hour * HOUR_NS, more));
        }
    }
}
