//! Where a direction is cut, and what the cut gains.

use rand::Rng;

use super::params::Place;

/// A place to cut between: what lies at or above the threshold is on the upper side, and neither side is empty.
pub(super) struct Found {
    pub threshold: f32,
    /// Comparable among directions for [`Place::Averaged`]; above 0.
    pub gain: f64,
}

/// Buffers that are used again.
#[derive(Default)]
pub(super) struct Search {
    sorted: Vec<f32>,
    /// The standard deviation of the values from here on.
    above: Vec<f64>,
}

impl Search {
    /// Finds where to cut values that lie from `min` to `max` and are not all equal; none if no cut gains anything.
    pub fn find(&mut self, place: Place, values: &[f32], min: f32, max: f32, rng: &mut impl Rng) -> Option<Found> {
        if place == Place::Anywhere {
            let between = f64::from(min) + rng.r#gen::<f64>() * (f64::from(max) - f64::from(min));
            // Rounding must not leave a side empty.
            let threshold = if between as f32 > min { (between as f32).min(max) } else { max };
            return Some(Found { threshold, gain: 1.0 });
        }
        self.sorted.clear();
        self.sorted.extend(values);
        self.sorted.sort_unstable_by(f32::total_cmp);
        let (at, gain) = match place {
            _ if self.sorted.len() == 2 => (1, 1.0),
            Place::Pooled => self.pooled()?,
            _ => self.averaged()?,
        };
        let (below, above) = (self.sorted[at - 1], self.sorted[at]);
        let middle = below.midpoint(above);
        Some(Found { threshold: if middle > below { middle } else { above }, gain })
    }

    /// 1 − (σ₁ + σ₂) / 2σ at its largest: SCiForest's gain.
    fn averaged(&mut self) -> Option<(usize, f64)> {
        self.above.clear();
        let mut welford = Welford::default();
        self.above.extend(self.sorted.iter().rev().map(|&value| welford.deviation_with(value)));
        self.above.reverse();
        let (whole, mut welford) = (self.above[0], Welford::default());
        let mut best: Option<(usize, f64)> = None;
        for at in 1..self.sorted.len() {
            let below = welford.deviation_with(self.sorted[at - 1]);
            let gain = 1.0 - (below + self.above[at]) / (2.0 * whole);
            if self.sorted[at - 1] < self.sorted[at] && gain > best.map_or(0.0, |(_, gain)| gain) {
                best = Some((at, gain));
            }
        }
        best
    }

    /// The variance between the sides at its largest, which leaves least within: Σ₁²/n₁ + Σ₂²/n₂ of the centred values.
    fn pooled(&self) -> Option<(usize, f64)> {
        let count = self.sorted.len();
        let mean = self.sorted.iter().map(|&value| f64::from(value)).sum::<f64>() / count as f64;
        let whole: f64 = self.sorted.iter().map(|&value| f64::from(value) - mean).sum();
        let mut below = 0.0;
        let mut best: Option<(usize, f64)> = None;
        for at in 1..count {
            below += f64::from(self.sorted[at - 1]) - mean;
            let above = whole - below;
            let gain = below * below / at as f64 + above * above / (count - at) as f64;
            if self.sorted[at - 1] < self.sorted[at] && gain > best.map_or(0.0, |(_, gain)| gain) {
                best = Some((at, gain));
            }
        }
        best
    }
}

/// A standard deviation that grows by a value at a time (Welford, 1962).
#[derive(Default)]
struct Welford {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Welford {
    fn deviation_with(&mut self, value: f32) -> f64 {
        self.count += 1.0;
        let off = f64::from(value) - self.mean;
        self.mean += off / self.count;
        self.squares += off * (f64::from(value) - self.mean);
        (self.squares / self.count).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_xoshiro::Xoshiro256Plus;

    fn find(place: Place, values: &[f32]) -> Option<f32> {
        let (min, max) = values.iter().fold((f32::MAX, f32::MIN), |(min, max), &v| (min.min(v), max.max(v)));
        let mut rng = Xoshiro256Plus::seed_from_u64(3);
        Search::default().find(place, values, min, max, &mut rng).map(|found| found.threshold)
    }

    #[test]
    fn gains_part_two_clusters_in_the_middle_between_them() {
        let values = [9.0, 1.0, 1.2, 9.2, 0.8, 8.8, 1.1];
        for place in [Place::Averaged, Place::Pooled] {
            assert_eq!(find(place, &values), Some(5.0), "{place:?}");
        }
    }

    #[test]
    fn the_averaged_gain_is_that_of_all_cuts_by_hand() {
        // Of 0, 1, 2, 10 the cuts leave (0, 4.03), (.5, 4) and (.82, 0).
        assert_eq!(find(Place::Averaged, &[0.0, 1.0, 2.0, 10.0]), Some(6.0));
    }

    #[test]
    fn neither_side_is_ever_empty() {
        let next = 1.0_f32.next_up();
        for place in [Place::Anywhere, Place::Averaged, Place::Pooled] {
            assert_eq!(find(place, &[1.0, next]), Some(next), "{place:?}");
            assert_eq!(find(place, &[1.0, 1.0, next]), Some(next), "{place:?}");
        }
    }
}
