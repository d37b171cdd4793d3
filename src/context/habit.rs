//! How much of something an entity's rows usually have: of late, and at this hour of other days.

use serde::{Deserialize, Serialize};

use crate::window::day_and_hour;

/// The columns whose habits are remembered.
pub const HABITS: [&str; 4] = ["packets", "bytes_out", "flows", "peers"];

/// How much of each of them a row has, as logarithms; NaN where it has no such column.
pub type Gauged = [f64; HABITS.len()];

/// After so many of an entity's own rows half of what came before is forgotten: of late, and over a longer time.
const HALF_LIVES: [f64; 2] = [16.0, 256.0];
/// What is left of it from one row to the next, 2^(-1/half-life).
const ROWLY: [f64; HALF_LIVES.len()] = [0.957_603_280_698_573_7, 0.997_296_056_085_470_1];
/// What is left of an hour's habit from one day to the next: half of it after a week.
const DAILY: f64 = 0.9;
/// The rows that it takes to know a habit.
const FEWEST: f32 = 8.0;
/// A standard deviation of the logarithm that nobody is more steady than: a tenth more or less is nothing.
const STEADY: f64 = 0.1;
/// How many standard deviations from a habit a row counts as, at most, when it teaches (Huber 1964).
const TEACHES: f64 = 2.0;
/// The farthest that anything strays.
const FARTHEST: f64 = 50.0;

/// How far a value strays from habits, in standard deviations; NaN of a habit that is not known yet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drift {
    /// From the latest rows, by half-life.
    pub late: [f64; HALF_LIVES.len()],
    /// From the same hour of other days.
    pub hour: f64,
}

impl Drift {
    /// From no habit.
    pub const UNKNOWN: Self = Self { late: [f64::NAN; HALF_LIVES.len()], hour: f64::NAN };
}

/// The habits of one entity, of each of what is gauged.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Habits {
    late: [[Moments; HALF_LIVES.len()]; HABITS.len()],
    /// The hours of the day that it was there in, in their order.
    hours: Vec<Hour>,
}

/// An hour of the day (UTC).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Hour {
    hour: u8,
    /// The day since the epoch that the entity was last there on in this hour, and how it was on that day and before.
    day: u32,
    today: [Moments; HABITS.len()],
    before: [Moments; HABITS.len()],
}

impl Habits {
    /// How far a row strays from them.
    pub fn drift(&self, gauged: &Gauged, second: u32) -> [Drift; HABITS.len()] {
        let (day, hour) = when(second);
        let others = self.place(hour).map_or_else(|_| Default::default(), |place| self.hours[place].but_on(day));
        std::array::from_fn(|habit| Drift {
            late: self.late[habit].map(|moments| moments.strays(gauged[habit])),
            hour: others[habit].strays(gauged[habit]),
        })
    }

    /// Takes a row in; what is undefined teaches nothing.
    pub fn learn(&mut self, gauged: &Gauged, second: u32) {
        let (day, hour) = when(second);
        let place = self.place(hour).unwrap_or_else(|place| {
            self.hours.insert(place, Hour { hour, day, today: Default::default(), before: Default::default() });
            place
        });
        let hour = &mut self.hours[place];
        if hour.day != day {
            *hour = Hour { day, today: Default::default(), before: hour.but_on(day), ..*hour };
        }
        for ((late, today), &value) in self.late.iter_mut().zip(&mut hour.today).zip(gauged) {
            if !value.is_finite() {
                continue;
            }
            for (moments, left) in late.iter_mut().zip(ROWLY) {
                *moments = moments.faded(left).with(moments.within(value));
            }
            *today = today.with(late[HALF_LIVES.len() - 1].within(value));
        }
    }

    /// Where an hour is among those that it was there in, or where it belongs.
    fn place(&self, hour: u8) -> Result<usize, usize> {
        self.hours.binary_search_by_key(&hour, |known| known.hour)
    }

    /// Whether what was read from a file can be used.
    pub fn is_sound(&self) -> bool {
        let hours = self.hours.iter().flat_map(|hour| hour.today.iter().chain(&hour.before));
        self.late.iter().flatten().chain(hours).all(|moments| moments.is_sound())
            && self.hours.is_sorted_by(|one, next| one.hour < next.hour)
            && self.hours.last().is_none_or(|last| last.hour < 24)
    }
}

impl Hour {
    /// How it was on other days than this one.
    fn but_on(&self, day: u32) -> [Moments; HABITS.len()] {
        if self.day == day {
            return self.before;
        }
        std::array::from_fn(|habit| self.before[habit].faded(DAILY).and(self.today[habit]))
    }
}

/// The day and the hour of a second since the epoch, as small as they are kept.
fn when(second: u32) -> (u32, u8) {
    let (day, hour) = day_and_hour(i64::from(second) * 1_000_000_000);
    (day as u32, hour as u8)
}

/// How many values there were, their mean, and the sum of the squared distances from it (Welford 1962; joined by Chan et al.
/// 1983).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Moments {
    weight: f32,
    mean: f32,
    squares: f32,
}

impl Moments {
    fn with(self, value: f64) -> Self {
        self.and(Self { weight: 1.0, mean: value as f32, squares: 0.0 })
    }

    fn and(self, other: Self) -> Self {
        let [mine, others] = [self.weight, other.weight].map(f64::from);
        let weight = mine + others;
        if weight <= 0.0 {
            return self;
        }
        let apart = f64::from(other.mean) - f64::from(self.mean);
        let squares = f64::from(self.squares) + f64::from(other.squares) + apart * apart * mine * others / weight;
        let mean = f64::from(self.mean) + apart * others / weight;
        Self { weight: weight as f32, mean: mean as f32, squares: squares as f32 }
    }

    /// With a share of its weight.
    fn faded(self, share: f64) -> Self {
        let [weight, squares] = [self.weight, self.squares].map(|sum| (f64::from(sum) * share) as f32);
        Self { weight, squares, ..self }
    }

    fn strays(self, value: f64) -> f64 {
        if self.weight < FEWEST {
            return f64::NAN;
        }
        // `clamp` keeps NaN.
        ((value - f64::from(self.mean)) / self.deviation()).clamp(-FARTHEST, FARTHEST)
    }

    /// The value as far as it may teach: an attack is not to become the habit that what is ordinary then strays from.
    fn within(self, value: f64) -> f64 {
        if self.weight < FEWEST {
            return value;
        }
        let (mean, most) = (f64::from(self.mean), TEACHES * self.deviation());
        value.clamp(mean - most, mean + most)
    }

    fn deviation(self) -> f64 {
        (f64::from(self.squares) / f64::from(self.weight) + STEADY * STEADY).sqrt()
    }

    fn is_sound(self) -> bool {
        let Self { weight, mean, squares } = self;
        [weight, mean, squares].iter().all(|number| number.is_finite()) && weight >= 0.0 && squares >= 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u32 = 86_400;

    /// A row of which one habit is known.
    fn row(value: f64) -> Gauged {
        [value, f64::NAN, f64::NAN, f64::NAN]
    }

    /// A row a minute of an hour, around `level`.
    fn hour(habits: &mut Habits, start: u32, level: f64) {
        (0..60).for_each(|minute| habits.learn(&row(level + f64::from(minute % 3) * 0.1), start + minute * 60));
    }

    #[test]
    fn of_late_and_at_this_hour_are_two_habits() {
        let mut habits = Habits::default();
        let drift = |habits: &Habits, value, second| habits.drift(&row(value), second)[0];
        assert!(drift(&habits, 1.0, 0).late[0].is_nan() && drift(&habits, 1.0, 0).hour.is_nan());
        hour(&mut habits, 7200, 1.0);
        hour(&mut habits, 3600, 5.0);
        // On the first day there is no other day.
        assert!(drift(&habits, 1.0, 7200).hour.is_nan());
        let next = drift(&habits, 1.0, DAY + 7200);
        assert!(next.hour.abs() < 1.0, "as every day at this hour: {next:?}");
        assert!(next.late[0] < -2.0 && next.late[1] < -1.0, "but not as of late: {next:?}");
        assert!(drift(&habits, 1.0, DAY + 3600).hour < -1.5);
        assert!(habits.drift(&row(1.0), DAY)[1].late[0].is_nan(), "of what is not gauged nothing is known");
        assert!(habits.is_sound());
        habits.hours.reverse();
        assert!(!habits.is_sound());
    }

    #[test]
    fn half_is_forgotten_after_a_half_life() {
        for (left, half_life) in ROWLY.into_iter().zip(HALF_LIVES) {
            assert!((left.powf(half_life) - 0.5).abs() < 1e-12, "{left}");
        }
    }

    #[test]
    fn moments_are_those_of_the_values() {
        let moments = [1.0, 2.0, 6.0].into_iter().fold(Moments::default(), Moments::with);
        assert_eq!(moments, Moments { weight: 3.0, mean: 3.0, squares: 14.0 });
        assert_eq!(moments.and(Moments::default()), moments);
        let steady = (0..20).fold(Moments::default(), |moments, _| moments.with(3.0));
        assert!((steady.strays(3.1) - 1.0).abs() < 1e-6);
        assert!(steady.strays(f64::NAN).is_nan());
        assert_eq!(steady.strays(1e9), FARTHEST);
    }
}
