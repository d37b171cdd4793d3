//! How much of something an entity's rows usually have: of late, and at this hour of other days.

use serde::{Deserialize, Serialize};

/// After so many of an entity's own rows half of what came before is forgotten: of late, and over a longer time.
const HALF_LIVES: [f64; 2] = [16.0, 256.0];
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

/// The habit of one entity in one matter.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Habit {
    late: [Moments; HALF_LIVES.len()],
    hours: [Hour; 24],
}

/// An hour of the day (UTC).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Hour {
    /// The day since the epoch that it was last seen on, and what it was on that day and before.
    day: u32,
    today: Moments,
    before: Moments,
}

impl Habit {
    /// How far a value strays from it.
    pub fn drift(&self, value: f64, second: u32) -> Drift {
        let (day, hour) = day_and_hour(second);
        let hour = &self.hours[hour];
        let others = if hour.day == day { hour.before } else { hour.before.faded(DAILY).and(hour.today) };
        Drift { late: self.late.map(|moments| moments.strays(value)), hour: others.strays(value) }
    }

    /// Takes a value in; what is undefined teaches nothing.
    pub fn learn(&mut self, value: f64, second: u32) {
        if !value.is_finite() {
            return;
        }
        for (moments, half_life) in self.late.iter_mut().zip(HALF_LIVES) {
            *moments = moments.faded((-1.0 / half_life).exp2()).with(moments.within(value));
        }
        let (day, hour) = day_and_hour(second);
        let hour = &mut self.hours[hour];
        if hour.day != day {
            hour.turn(day);
        }
        hour.today = hour.today.with(self.late[HALF_LIVES.len() - 1].within(value));
    }

    /// Whether what was read from a file can be used.
    pub fn is_sound(&self) -> bool {
        let hours = self.hours.iter().flat_map(|hour| [hour.today, hour.before]);
        self.late.into_iter().chain(hours).all(Moments::is_sound)
    }
}

impl Hour {
    fn turn(&mut self, day: u32) {
        *self = Self { day, today: Moments::default(), before: self.before.faded(DAILY).and(self.today) };
    }
}

fn day_and_hour(second: u32) -> (u32, usize) {
    (second / 86_400, (second / 3600 % 24) as usize)
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
        (f64::from(self.squares) / f64::from(self.weight)).sqrt().hypot(STEADY)
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

    /// A row a minute of an hour, around `level`.
    fn hour(habit: &mut Habit, start: u32, level: f64) {
        (0..60).for_each(|minute| habit.learn(level + f64::from(minute % 3) * 0.1, start + minute * 60));
    }

    #[test]
    fn of_late_and_at_this_hour_are_two_habits() {
        let mut habit = Habit::default();
        assert!(habit.drift(1.0, 0).late[0].is_nan() && habit.drift(1.0, 0).hour.is_nan());
        hour(&mut habit, 0, 1.0);
        hour(&mut habit, 3600, 5.0);
        // On the first day there is no other day.
        assert!(habit.drift(1.0, 0).hour.is_nan());
        let next = habit.drift(1.0, DAY);
        assert!(next.hour.abs() < 1.0, "as every day at this hour: {next:?}");
        assert!(next.late[0] < -2.0 && next.late[1] < -1.0, "but not as of late: {next:?}");
        assert!(habit.drift(1.0, DAY + 3600).hour < -1.5);
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
