//! How many alarms a day training lets one expect, and how sure that is.
//!
//! Rows over a threshold come in clusters: one event shows in several windows, and in several hosts at once. How many rows a day are
//! over it all rows tell best, clustered or not (Fawcett, Walshaw: Improved estimation for temporally clustered extremes,
//! Environmetrics 18, 2007), but how far that may be wrong the clusters tell: there are fewer of them, and one of them is many alarms.
//!
//! So rows over a high level are taken together by runs (Coles: An Introduction to Statistical Modeling of Extreme Values, 2001,
//! section 5.3.2). Clusters over the threshold come at random, at a rate of which their number in training is all that is known
//! (Jeffreys' prior, which makes their number on another day negative binomial), or that the threshold was made for more; each is as
//! large as those over the level were.
//! The sum has no closed form and needs no drawing: Panjer's recursion (ASTIN Bulletin 12, 1981) gives its whole distribution.
//!
//! What no training day showed, as a change from one day to the next when there was one day, is in no interval.

use serde::{Deserialize, Serialize};

/// Alarms of a day that is like those of training.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Expected {
    /// Rows over the threshold in training, a day.
    pub alarms: f64,
    /// Clusters of them, a day.
    pub events: f64,
    /// Of forty days, 38 have at least so many alarms and at most so many: one has fewer, and one more.
    pub interval: (u32, u32),
}

/// The fewest rows over the level by which the size of clusters is known, and how many times those over the threshold they are.
const LEVEL_ROWS: usize = 30;
const LEVEL_TIMES: usize = 3;

/// Rows are of one cluster if fewer than this many windows lie between them: an event of which every third window tells is one.
const RUN: i64 = 3;

/// The share of days that the interval leaves out at each end.
const OUTSIDE: f64 = 0.025;
/// The normal deviate that belongs to it.
const DEVIATE: f64 = 1.959963984540054;

/// The most alarms a day that are counted.
const MOST: usize = 4096;

impl Expected {
    /// Learns from rows in the order of time: the score of each, the start of its window, the length of windows, and the days that
    /// they cover. A row is over the threshold if its score is at least that; it was made for `asked` of them a day, of which ties may
    /// have left fewer.
    pub fn fit(scores: &[f64], starts_ns: &[i64], window_ns: i64, days: f64, threshold: f64, asked: f64) -> Self {
        let over = |level: f64| {
            let rows = scores.iter().zip(starts_ns).filter(move |(score, _)| **score >= level);
            clusters(rows.map(|(_, &start_ns)| start_ns), window_ns)
        };
        let events = over(threshold);
        let alarms: usize = events.iter().sum();
        let mut highest = scores.to_vec();
        highest.sort_unstable_by(|a, b| b.total_cmp(a));
        let level = highest.get(LEVEL_ROWS.max(alarms * LEVEL_TIMES)).or(highest.last());
        let sizes = level.map_or(Vec::new(), |&level| over(level.min(threshold)));
        let a_day = |count: usize| count as f64 / days;
        let mean_size = sizes.iter().sum::<usize>() as f64 / sizes.len().max(1) as f64;
        let known = (events.len() as f64).max(asked * days / mean_size.max(1.0));
        Self { alarms: a_day(alarms), events: a_day(events.len()), interval: interval(known, days, &sizes) }
    }

    /// Whether what was read from a file can be told.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        let rates = [self.alarms, self.events].iter().all(|rate| rate.is_finite() && *rate >= 0.0);
        if rates && self.interval.0 <= self.interval.1 { Ok(()) } else { Err("what it expects is damaged".to_owned()) }
    }
}

/// The sizes of the clusters of rows whose windows start at these times, in their order.
fn clusters(starts_ns: impl Iterator<Item = i64>, window_ns: i64) -> Vec<usize> {
    let mut sizes: Vec<usize> = Vec::new();
    let mut last_ns = None;
    for start_ns in starts_ns {
        let near = |last_ns: i64| start_ns.saturating_sub(last_ns) <= window_ns.saturating_mul(RUN);
        match sizes.last_mut() {
            Some(size) if last_ns.is_some_and(near) => *size += 1,
            _ => sizes.push(1),
        }
        last_ns = Some(start_ns);
    }
    sizes
}

/// Between which numbers of alarms a day lies, if `events` clusters came in so many days and clusters have these sizes.
fn interval(events: f64, days: f64, sizes: &[usize]) -> (u32, u32) {
    let mut share_of_size = vec![0.0; MOST + 1];
    for &size in sizes {
        share_of_size[size.min(MOST)] += 1.0 / sizes.len() as f64;
    }
    // Of the negative binomial distribution of their number, in the letters of Panjer's class: p(k)/p(k − 1) = a + b/k.
    let shape = events + 0.5;
    let a = 1.0 / (1.0 + days);
    let b = (shape - 1.0) * a;
    let none = (days / (1.0 + days)).powf(shape);
    if none < f64::MIN_POSITIVE * 1e20 {
        // So many that the recursion's first term vanishes: their sum is normal.
        let mean_of = |power: i32| {
            share_of_size.iter().enumerate().map(|(size, share)| share * (size as f64).powi(power)).sum::<f64>()
        };
        let (mean, rate) = (mean_of(1), shape / days);
        let spread = DEVIATE * (rate * mean_of(2) + rate / days * mean * mean).sqrt();
        return ((rate * mean - spread).max(0.0) as u32, (rate * mean + spread).ceil() as u32);
    }
    let mut share_of_sum = vec![none];
    let mut below = share_of_sum[0];
    let mut low = None;
    while below < 1.0 - OUTSIDE && share_of_sum.len() <= MOST {
        let sum = share_of_sum.len();
        if below > OUTSIDE && low.is_none() {
            low = Some(sum - 1);
        }
        let term = |size: usize| (a + b * size as f64 / sum as f64) * share_of_size[size] * share_of_sum[sum - size];
        let share: f64 = (1..=sum).map(term).sum();
        share_of_sum.push(share);
        below += share;
    }
    let high = share_of_sum.len() - 1;
    (low.unwrap_or(high) as u32, high as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW_NS: i64 = 10;

    #[test]
    fn rows_close_in_time_are_one_cluster() {
        assert_eq!(clusters([0, 0, 10, 40, 80, 81].into_iter(), WINDOW_NS), [4, 2]);
        assert_eq!(clusters(std::iter::empty(), WINDOW_NS), [0; 0]);
    }

    #[test]
    fn single_alarms_have_the_interval_of_their_rate() {
        // The negative binomial distribution of scipy.stats: nbinom.ppf([.025, .975], 1.5, .5), and of 20 in 10 days.
        assert_eq!(interval(1.0, 1.0, &[1]), (0, 6));
        assert_eq!(interval(20.0, 10.0, &[1]), (0, 5));
        // A hundred a day of ten days: nearly the normal distribution of mean 100 and variance 110.
        let (low, high) = interval(1000.0, 10.0, &[1]);
        assert!((78..=82).contains(&low) && (119..=123).contains(&high), "{low} to {high}");
        // Where there are too many for the recursion the normal distribution goes on: mean 5,000, variance 10,000.
        let (low, high) = interval(5000.0, 1.0, &[1]);
        assert!((4790..=4810).contains(&low) && (5190..=5210).contains(&high), "{low} to {high}");
    }

    #[test]
    fn clusters_make_an_interval_wider() {
        // All of size five: the same number of clusters, five times the alarms.
        assert_eq!(interval(1.0, 1.0, &[5; 7]), (0, 30));
        assert!(interval(1.0, 1.0, &[1, 1, 9]).1 > 9);
    }

    #[test]
    fn what_is_expected_is_what_training_had() {
        // Two days of a row a window; thrice an event of two rows.
        let starts_ns: Vec<i64> = (0..1000).map(|row| row * WINDOW_NS).collect();
        let mut scores: Vec<f64> = (0..1000).map(|row| f64::from(row * 387 % 1000) / 1000.0).collect();
        for row in [100, 102, 500, 501, 900, 903] {
            scores[row] = 2.0 + row as f64;
        }
        let expected = Expected::fit(&scores, &starts_ns, WINDOW_NS, 2.0, 2.0, 3.0);
        assert_eq!((expected.alarms, expected.events), (3.0, 1.5));
        assert!(expected.interval.0 == 0 && (4..=9).contains(&expected.interval.1), "{:?}", expected.interval);
        assert_eq!(expected.check(), Ok(()));
        // A threshold that ties have lifted above all rows was made for alarms all the same.
        let tied = |asked| Expected::fit(&scores, &starts_ns, WINDOW_NS, 2.0, 1e9, asked);
        assert_eq!((tied(3.0).alarms, tied(3.0).interval.1 > tied(0.1).interval.1), (0.0, true));
    }

    #[test]
    fn without_rows_and_with_nothing_but_alarms_it_ends() {
        let nothing = Expected::fit(&[], &[], WINDOW_NS, 1.0, 1.0, 1.0);
        assert_eq!((nothing.alarms, nothing.events, nothing.interval.0), (0.0, 0.0, 0));
        let all = Expected::fit(&[1.0; 20_000], &[0; 20_000], 0, 1e-9, 1.0, 1.0);
        assert!(all.alarms > 0.0 && all.check().is_ok());
        assert!(Expected { interval: (2, 1), ..nothing }.check().is_err());
    }
}
