//! How packets are spread over time: of one end of a flow, and of an entity.

const SECOND_NS: i64 = 1_000_000_000;

/// A packet that comes at least this long after the one before begins a new burst: it was not the answer to something, nor the
/// rest of a transfer, but a decision to speak again.
const BURST_GAP_NS: i64 = SECOND_NS;

fn seconds(ns: i64) -> f64 {
    ns as f64 * 1e-9
}

/// From one time to a later one of the same window, so that it cannot overflow.
fn between(earlier_ns: i64, later_ns: i64) -> i64 {
    later_ns.wrapping_sub(earlier_ns)
}

/// The times at which one end of a flow sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pace {
    pub first_ns: i64,
    pub latest_ns: i64,
    /// Gaps between its packets: the sum of their squares in s², and the longest.
    pub gap_squares: f64,
    pub gap_max_ns: i64,
    bursts: u32,
    burst_ns: i64,
    interval_squares: f64,
}

impl Pace {
    /// Counts a packet at `time_ns`, the first if `first`. One that comes late comes together with the latest before it.
    #[inline]
    pub fn beat(&mut self, time_ns: i64, first: bool) {
        if first {
            (self.first_ns, self.latest_ns, self.burst_ns, self.bursts) = (time_ns, time_ns, time_ns, 1);
            return;
        }
        if time_ns <= self.latest_ns {
            return;
        }
        let gap_ns = between(self.latest_ns, time_ns);
        self.latest_ns = time_ns;
        let gap = seconds(gap_ns);
        self.gap_squares += gap * gap;
        self.gap_max_ns = self.gap_max_ns.max(gap_ns);
        if gap_ns >= BURST_GAP_NS {
            let interval = seconds(between(self.burst_ns, time_ns));
            self.interval_squares += interval * interval;
            self.burst_ns = time_ns;
            self.bursts = self.bursts.saturating_add(1);
        }
    }

    /// From the first packet to the latest, in seconds.
    pub fn span(&self) -> f64 {
        seconds(self.latest_ns.saturating_sub(self.first_ns))
    }

    /// The times from the beginning of one burst to that of the next.
    pub fn intervals(&self) -> Intervals {
        Intervals {
            count: self.bursts.saturating_sub(1),
            sum: seconds(self.burst_ns.saturating_sub(self.first_ns)),
            squares: self.interval_squares,
        }
    }
}

/// Times between beginnings, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Intervals {
    pub count: u32,
    pub sum: f64,
    pub squares: f64,
}

impl Intervals {
    /// Fewer intervals are regular by chance too often.
    const FEWEST: u32 = 3;

    /// Those between `starts_ns`, which are in the order of time; what begins at once begins together.
    pub fn between(starts_ns: impl IntoIterator<Item = i64>) -> Self {
        let mut intervals = Self::default();
        let mut before_ns = None;
        for start_ns in starts_ns {
            let gap_ns = before_ns.map_or(0, |before_ns| start_ns.saturating_sub(before_ns));
            if before_ns.is_none() || gap_ns >= BURST_GAP_NS {
                if before_ns.is_some() {
                    let interval = seconds(gap_ns);
                    intervals.count += 1;
                    intervals.sum += interval;
                    intervals.squares += interval * interval;
                }
                before_ns = Some(start_ns);
            }
        }
        intervals
    }

    /// How alike they are: 1 if all are the same, 1/(1 + their coefficient of variation) else; 0 for too few of them.
    pub fn regularity(&self) -> f64 {
        if self.count < Self::FEWEST || self.sum <= 0.0 {
            return 0.0;
        }
        let count = f64::from(self.count);
        let mean = self.sum / count;
        let variance = (self.squares / count - mean * mean).max(0.0);
        1.0 / (1.0 + variance.sqrt() / mean)
    }
}

/// How an entity's packets are spread over time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rhythm {
    pub packets: u64,
    first_ns: i64,
    latest_ns: i64,
    /// Gaps between packets: the sum of their squares in s², and the longest.
    pub gap_squares: f64,
    gap_max_ns: i64,
    /// The last time in the second of the latest packet.
    second_last_ns: i64,
    in_second: u64,
    /// Seconds of the clock in which there was a packet.
    pub active_seconds: u64,
    /// Packets in the busiest of them.
    pub busiest_second: u64,
    gaps: Octaves,
}

impl Rhythm {
    /// Counts a packet at `time_ns`. One that comes late comes together with the latest before it.
    #[inline]
    pub fn beat(&mut self, time_ns: i64) {
        let first = self.packets == 0;
        if first {
            (self.first_ns, self.latest_ns) = (time_ns, time_ns);
        } else {
            let latest_ns = self.latest_ns.max(time_ns);
            let gap_ns = between(self.latest_ns, latest_ns);
            let gap = seconds(gap_ns);
            self.gap_squares += gap * gap;
            self.gap_max_ns = self.gap_max_ns.max(gap_ns);
            self.gaps.count(gap_ns);
            self.latest_ns = latest_ns;
        }
        let time_ns = self.latest_ns;
        if first || time_ns > self.second_last_ns {
            self.second_last_ns = time_ns.saturating_add(SECOND_NS - 1 - time_ns.rem_euclid(SECOND_NS));
            self.active_seconds += 1;
            self.in_second = 0;
        }
        self.packets += 1;
        self.in_second += 1;
        self.busiest_second = self.busiest_second.max(self.in_second);
    }

    /// All gaps together, in seconds.
    pub fn gap_sum(&self) -> f64 {
        seconds(self.latest_ns.saturating_sub(self.first_ns))
    }

    /// The longest gap, in seconds.
    pub fn gap_max(&self) -> f64 {
        seconds(self.gap_max_ns)
    }

    /// How many gaps there are between its packets.
    pub fn gap_count(&self) -> u64 {
        self.packets.saturating_sub(1)
    }

    /// The gap, in seconds, that this share of all gaps does not exceed, to within the bounds of an octave; NaN without gaps.
    pub fn gap_quantile(&self, share: f64) -> f64 {
        self.gaps.quantile(share)
    }
}

/// How often gaps were of each order of magnitude: a quantile sketch with a bounded relative error, mergeable, and the same for
/// any order of the gaps (Masson, Rim and Lee 2019, "DDSketch", with γ = 2).
#[derive(Clone, Debug, PartialEq)]
struct Octaves([u32; OCTAVES]);

/// Up to 1 µs, up to 2 µs, …, up to half an hour and more.
const OCTAVES: usize = 32;

impl Default for Octaves {
    fn default() -> Self {
        Self([0; OCTAVES])
    }
}

impl Octaves {
    #[inline]
    fn count(&mut self, gap_ns: i64) {
        // From 1024 ns on for 1000, an octave is an octave: what a number has as its exponent (IEEE 754, 3.4), and a processor finds at
        // once. To find the first bit of a whole number takes some of them ten times as long.
        let octave = ((gap_ns.max(0) as f64).to_bits() >> 52).saturating_sub(1023 + 9);
        let count = &mut self.0[(octave as usize).min(OCTAVES - 1)];
        *count = count.saturating_add(1);
    }

    fn quantile(&self, share: f64) -> f64 {
        let total: u64 = self.0.iter().map(|&count| u64::from(count)).sum();
        if total == 0 {
            return f64::NAN;
        }
        let rank = share * total as f64;
        let mut below = 0.0;
        for (octave, &count) in self.0.iter().enumerate() {
            let count = f64::from(count);
            if count > 0.0 && below + count >= rank {
                let upper = 1024e-9 * (1_u64 << octave) as f64;
                let lower = if octave == 0 { 0.0 } else { upper / 2.0 };
                return lower + (upper - lower) * ((rank - below) / count).clamp(0.0, 1.0);
            }
            below += count;
        }
        f64::NAN
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: i64 = 1_000_000;

    fn pace(times_ms: &[i64]) -> Pace {
        let mut pace = Pace::default();
        for (at, &time) in times_ms.iter().enumerate() {
            pace.beat(time * MS, at == 0);
        }
        pace
    }

    #[test]
    fn bursts_begin_behind_a_silence() {
        let pace = pace(&[0, 100, 2000, 2100, 2050, 4000, 6000]);
        let intervals = pace.intervals();
        assert_eq!((intervals.count, intervals.sum, intervals.squares), (3, 6.0, 12.0));
        assert_eq!(intervals.regularity(), 1.0);
        assert_eq!(pace.span(), 6.0);
        assert_eq!(pace.gap_max_ns, 2000 * MS);
    }

    #[test]
    fn regular_is_what_repeats() {
        let regularity = |starts: &[i64]| Intervals::between(starts.iter().map(|&start| start * MS)).regularity();
        assert_eq!(regularity(&[0, 5000, 10_000, 15_000]), 1.0);
        // Two connections at once are one beginning; two intervals are too few.
        assert_eq!(regularity(&[0, 10, 5000, 5010, 10_000, 15_000]), 1.0 / (1.0 + spread(&[5.0, 5.0, 5.0])));
        assert_eq!(regularity(&[0, 5000, 10_000]), 0.0);
        let irregular = regularity(&[0, 2000, 9000, 10_000]);
        assert!((irregular - 1.0 / (1.0 + spread(&[2.0, 7.0, 1.0]))).abs() < 1e-12, "{irregular}");
    }

    fn spread(intervals: &[f64]) -> f64 {
        let mean = intervals.iter().sum::<f64>() / intervals.len() as f64;
        let variance = intervals.iter().map(|i| (i - mean).powi(2)).sum::<f64>() / intervals.len() as f64;
        variance.sqrt() / mean
    }

    #[test]
    fn an_octave_begins_at_a_power_of_two() {
        let octave = |gap_ns| {
            let mut octaves = Octaves::default();
            octaves.count(gap_ns);
            octaves.0.iter().position(|&count| count > 0)
        };
        assert_eq!([-1, 0, 1, 1023].map(octave), [Some(0); 4]);
        for place in 1..OCTAVES {
            let first = 512 << place;
            assert_eq!([first, 2 * first - 1].map(octave), [Some(place); 2]);
        }
        assert_eq!([1 << 42, i64::MAX].map(octave), [Some(OCTAVES - 1); 2]);
    }

    proptest! {
        #[test]
        fn a_quantile_is_right_to_an_octave(gaps in prop::collection::vec(0..2_000_000_000_000_i64, 1..200), share in 0.0..=1.0_f64) {
            let mut octaves = Octaves::default();
            gaps.iter().for_each(|&gap_ns| octaves.count(gap_ns));
            let mut sorted = gaps.clone();
            sorted.sort_unstable();
            let rank = ((share * gaps.len() as f64).ceil() as usize).clamp(1, gaps.len());
            let exact = seconds(sorted[rank - 1]);
            let found = octaves.quantile(share);
            prop_assert!(found <= 2.0 * exact + 1025e-9 && found >= exact / 2.0 - 1e-9, "{found} for {exact}");
        }
    }
}
