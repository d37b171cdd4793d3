//! Scaling: every feature in units of its own robust spread around its own median, so that detectors can compare them.
//!
//! Only medians and quantiles are used (Rousseeuw, Croux: Alternatives to the Median Absolute Deviation, 1993), so that
//! a few wild training rows cannot hide the attacks to come.

mod graph;

pub(super) use graph::Tables;

use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut1, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::fill_rows;
use crate::matrix::Schema;

/// Scaled values lie within ± this bound, so that squared distances over any number of features stay finite.
pub const LIMIT: f32 = 1e3;

/// A column is heavy-tailed if its far quantile (0.005 or 0.995) lies this many times farther from the median than its
/// quartile: 3.8 for a normal distribution, 6.6 for an exponential one, 13 for the standard log-normal one.
const HEAVY: f32 = 8.0;

/// The least spread of a logged column, in log units. For a count that is 0 in all of training, a 1 then lies 14 spreads
/// away and a 1,000 lies 138 away; a column that trembles by 5 % trembles by one spread.
const LOG_FLOOR: f64 = 0.05;

/// The least spread of any other column, relative to its magnitude. A constant that doubles is 50 spreads away; if it were
/// hundreds, the first name of another length would dwarf what an attack does to features that vary.
const LINEAR_FLOOR: f64 = 0.02;

/// The smallest magnitude that is told from zero, in the feature's own unit: no feature is finer than a microsecond.
const TINY: f32 = 1e-6;

/// Which columns have a zero at which there is nothing. They alone may be logged, for a logarithm stretches what lies about zero
/// and squeezes all else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zeros {
    /// All of them: counts, sizes, times and shares, as the features of windows are.
    Natural,
    /// Counts, which are whole and never below it, and no others: in a table made elsewhere a fraction may have been measured
    /// from anywhere.
    OfCounts,
}

impl Zeros {
    /// Of rows of this schema.
    pub fn of(schema: &Schema) -> Self {
        if schema.view().is_some() { Self::Natural } else { Self::OfCounts }
    }
}

/// A fitted scaling of all the features of a matrix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scaler {
    columns: Vec<Column>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Column {
    /// `Some(unit)` if the column is logged: x becomes sign(x)·ln(1 + |x| / unit).
    unit: Option<f32>,
    /// Median and spread, after the logarithm.
    median: f64,
    spread: f64,
    range: Range,
}

/// What a feature was in training, in its own unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Range {
    /// The smallest value.
    pub min: f32,
    /// The 0.005 quantile.
    pub low: f32,
    /// The 0.5 quantile.
    pub median: f32,
    /// The 0.995 quantile.
    pub high: f32,
    /// The largest value.
    pub max: f32,
}

impl Scaler {
    /// Learns the scaling from raw rows, one column a feature, and from what zero is in them. Values that are not finite are
    /// missing and are left out; a column of which nothing is known counts as constantly zero.
    pub fn fit(rows: ArrayView2<'_, f32>, zeros: Zeros) -> Self {
        let column = |j| Column::fit(rows.index_axis(Axis(1), j), zeros);
        let columns = (0..rows.ncols()).into_par_iter().map(column).collect();
        Self { columns }
    }

    /// The same for rows that are part of others: no column's spread is less than this share of the spread that `all` of them have there.
    /// What hardly varied among a few rows, and varies widely among others, may vary.
    pub fn at_least(mut self, share: f64, all: &Scaler) -> Self {
        for (column, all) in self.columns.iter_mut().zip(&all.columns) {
            let place = f64::from(column.range.median);
            column.spread = column.spread.max(share * all.reach(place) * column.steepness(place));
        }
        self
    }

    /// Raw rows, scaled: 0 at the median (and where a value is missing), 1 a spread above it, within ± [`LIMIT`].
    /// The rows have as many columns as those of [`fit`](Self::fit).
    pub fn transform(&self, rows: ArrayView2<'_, f32>) -> Array2<f32> {
        fill_rows(rows.nrows(), rows.ncols(), |row, scaled| self.scale(rows.row(row), scaled))
    }

    /// Scales one raw row.
    pub fn scale(&self, raw: ArrayView1<'_, f32>, mut scaled: ArrayViewMut1<'_, f32>) {
        for ((scaled, &raw), column) in scaled.iter_mut().zip(raw).zip(&self.columns) {
            *scaled = column.scale(raw);
        }
    }

    /// What each feature was in training.
    pub fn ranges(&self) -> impl ExactSizeIterator<Item = &Range> {
        self.columns.iter().map(|column| &column.range)
    }

    /// Whether what was read from a file can be used with `features` features.
    pub fn check(&self, features: usize) -> Result<(), String> {
        if self.columns.len() != features {
            return Err(format!("scaler: {} columns for {features} features", self.columns.len()));
        }
        match self.columns.iter().position(|column| !column.is_sound()) {
            Some(at) => Err(format!("scaler: column {at} is damaged")),
            None => Ok(()),
        }
    }
}

impl Column {
    fn fit(raw: ArrayView1<'_, f32>, zeros: Zeros) -> Self {
        let mut values: Vec<f32> = raw.iter().copied().filter(|value| value.is_finite()).collect();
        values.sort_unstable_by(f32::total_cmp);
        let at = |q| quantile(&values, q);
        let range = Range { min: at(0.0), low: at(0.005), median: at(0.5), high: at(0.995), max: at(1.0) };

        let tail = (range.high - range.median).max(range.median - range.low);
        let quartile = (at(0.75) - range.median).max(range.median - at(0.25));
        // The logarithm pays only where the tail dwarfs the median too: 1,000,000 ± 10 is as straight logged as not. A
        // column that is always 0 meets both conditions: whatever else it may become, it will grow from nothing.
        let heavy = tail >= HEAVY * quartile && tail >= range.median.abs();
        let counts = || range.min >= 0.0 && values.iter().all(|value| value.fract() == 0.0);
        let may_be_logged = zeros == Zeros::Natural || counts();
        let unit = (heavy && may_be_logged).then(|| typical_magnitude(&values));

        let mut column = Self { unit, median: 0.0, spread: 1.0, range };
        // The logarithm is monotone: the values stay sorted, and their quantiles are the quantiles logged.
        let warped: Vec<f64> = values.iter().map(|&value| column.warp(value)).collect();
        let at = |q| quantile_f64(&warped, q);
        column.median = at(0.5);
        let floor = match unit {
            Some(_) => LOG_FLOOR,
            None => LINEAR_FLOOR * f64::from(range.low.abs().max(range.high.abs())) + f64::from(TINY),
        };
        let mut deviations: Vec<f64> = warped.iter().map(|value| (value - column.median).abs()).collect();
        deviations.sort_unstable_by(f64::total_cmp);
        // A feature that is 0 in nine rows of ten has neither MAD nor IQR, but a 1 in it is no alarm: the standard
        // deviation knows. Half of it and without the outermost 1 %, so that it does not overrule the other two where
        // they have something to say.
        column.spread = (1.4826 * quantile_f64(&deviations, 0.5))
            .max((at(0.75) - at(0.25)) / 1.349)
            .max(0.5 * winsorized_deviation(&warped, at(0.005), at(0.995)))
            .max(floor);
        column
    }

    fn warp(&self, raw: f32) -> f64 {
        let raw = f64::from(raw);
        match self.unit {
            Some(unit) => (raw.abs() / f64::from(unit)).ln_1p().copysign(raw),
            None => raw,
        }
    }

    /// How much the logarithm adds to a raw value for each unit that is added there.
    fn steepness(&self, raw: f64) -> f64 {
        self.unit.map_or(1.0, |unit| 1.0 / (raw.abs() + f64::from(unit)))
    }

    /// How far a spread reaches around a raw value.
    fn reach(&self, raw: f64) -> f64 {
        self.spread / self.steepness(raw)
    }

    fn scale(&self, raw: f32) -> f32 {
        if raw.is_finite() { (((self.warp(raw) - self.median) / self.spread) as f32).clamp(-LIMIT, LIMIT) } else { 0.0 }
    }

    fn is_sound(&self) -> bool {
        let Range { min, low, median, high, max } = self.range;
        self.unit.is_none_or(|unit| unit.is_finite() && unit > 0.0)
            && self.median.is_finite()
            && self.spread.is_finite()
            && self.spread > 0.0
            && [min, low, median, high, max].iter().all(|value| value.is_finite())
            && [min, low, median, high, max].is_sorted()
    }
}

/// What 1 is to a count: the median of the values that are not zero. At most 1, so that counts themselves keep
/// ln(1 + n), and shares and seconds, which live below 1, are stretched as counts are.
fn typical_magnitude(values: &[f32]) -> f32 {
    let mut magnitudes: Vec<f32> = values.iter().map(|value| value.abs()).filter(|&value| value > 0.0).collect();
    magnitudes.sort_unstable_by(f32::total_cmp);
    if magnitudes.is_empty() { 1.0 } else { quantile(&magnitudes, 0.5).clamp(TINY, 1.0) }
}

fn winsorized_deviation(values: &[f64], low: f64, high: f64) -> f64 {
    let n = values.len().max(1) as f64;
    let inside = || values.iter().map(|value| value.clamp(low, high));
    let mean = inside().sum::<f64>() / n;
    (inside().map(|value| (value - mean).powi(2)).sum::<f64>() / n).sqrt()
}

/// The `q` quantile of sorted values, interpolated between neighbours; 0 if there are none.
fn quantile(sorted: &[f32], q: f64) -> f32 {
    let (below, above, share) = neighbours(sorted, q);
    (f64::from(below) + share * (f64::from(above) - f64::from(below))) as f32
}

/// [`quantile`] of `f64`.
pub(super) fn quantile_f64(sorted: &[f64], q: f64) -> f64 {
    let (below, above, share) = neighbours(sorted, q);
    below + share * (above - below)
}

fn neighbours<T: Copy + Default>(sorted: &[T], q: f64) -> (T, T, f64) {
    let place = q * sorted.len().saturating_sub(1) as f64;
    let get = |at: f64| sorted.get(at as usize).copied().unwrap_or_default();
    (get(place.floor()), get(place.ceil()), place.fract())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array1, array, concatenate};
    use proptest::prelude::*;

    fn column(values: impl IntoIterator<Item = f32>) -> Array2<f32> {
        Array1::from_iter(values).insert_axis(Axis(1))
    }

    fn scaled(scaler: &Scaler, value: f32) -> f32 {
        scaler.transform(array![[value]].view())[[0, 0]]
    }

    #[test]
    fn an_even_column_is_centred_and_divided_by_its_largest_spread() {
        // 0, 1, …, 100: median 50, quartiles 25 and 75, MAD 25; 25 · 1.4826 = 37.065 > 50 / 1.349 = 37.064.
        let scaler = Scaler::fit(column((0..=100).map(|i| i as f32)).view(), Zeros::Natural);
        assert_eq!(scaled(&scaler, 50.0), 0.0);
        assert!((scaled(&scaler, 87.065) - 1.0).abs() < 1e-4);
        let range = scaler.ranges().next().copied();
        assert_eq!(range, Some(Range { min: 0.0, low: 0.5, median: 50.0, high: 99.5, max: 100.0 }));
    }

    #[test]
    fn a_count_that_was_always_zero_stands_out_in_logarithms() {
        let scaler = Scaler::fit(column([0.0; 50]).view(), Zeros::Natural);
        assert_eq!(scaled(&scaler, 0.0), 0.0);
        assert!((scaled(&scaler, 3.0) - (4.0_f32.ln() / 0.05)).abs() < 1e-3);
        assert!(scaled(&scaler, 1e6) < 300.0);
    }

    #[test]
    fn a_constant_up_to_rounding_does_not_stand_out_by_rounding() {
        let noise = |i: i32| 1e6 + (i % 3) as f32 * 0.0625;
        let scaler = Scaler::fit(column((0..99).map(noise)).view(), Zeros::Natural);
        assert!(scaled(&scaler, 1e6 + 0.25).abs() < 0.01);
        assert!(scaled(&scaler, 2e6) > 49.0);
        let nearly_zero = Scaler::fit(column((0..99).map(|i| (i % 5) as f32 * 1e-10)).view(), Zeros::Natural);
        assert!(scaled(&nearly_zero, 1e-9).abs() < 0.1);
    }

    #[test]
    fn a_rare_flag_is_neither_an_alarm_nor_nothing() {
        // One row in ten is 1: MAD and IQR are 0, the standard deviation is 0.3 of the step, half of it is the spread.
        let scaler = Scaler::fit(column((0..1000).map(|i| f32::from(i % 10 == 0))).view(), Zeros::Natural);
        assert!((scaled(&scaler, 1.0) - 1.0 / 0.15).abs() < 1e-2);
    }

    #[test]
    fn heavy_tails_are_logged_and_others_are_not() {
        let unit = |values: Vec<f32>| Scaler::fit(column(values).view(), Zeros::Natural).columns[0].unit;
        let grid = |f: fn(f32) -> f32| (1..1000).map(|i| f(i as f32 / 1000.0)).collect();
        assert_eq!(unit(grid(|u| u)), None);
        assert_eq!(unit(grid(|u| -u.ln())), None, "exponential");
        assert_eq!(unit(grid(|u| 1.0 / u)), Some(1.0), "Pareto");
        assert_eq!(unit(grid(|u| 1e6 + 1.0 / u)), None, "Pareto far from zero");
        let seconds = unit(grid(|u| 1e-4 / u));
        assert!(seconds.is_some_and(|unit| (unit - 2e-4).abs() < 1e-5), "{seconds:?}");
    }

    #[test]
    fn of_a_table_made_elsewhere_counts_alone_are_logged() {
        let unit = |f: fn(f32) -> f32| {
            let values = column((1..1000).map(|i| f(i as f32 / 1000.0)));
            Scaler::fit(values.view(), Zeros::OfCounts).columns[0].unit
        };
        assert_eq!(unit(|u| (1.0 / u).floor()), Some(1.0), "a count");
        assert_eq!(unit(|_| 0.0), Some(1.0), "whatever else it may become, it grows from nothing");
        assert_eq!(unit(|u| 1.0 / u), None, "a fraction");
        assert_eq!(unit(|u| (1.0 / u).floor() - 2.0), None, "a number that can be below zero");
    }

    #[test]
    fn missing_values_are_the_median_and_teach_nothing() {
        let whole = column((0..=100).map(|i| i as f32));
        let holes = column([f32::NAN, f32::INFINITY, f32::NEG_INFINITY]);
        let both = concatenate(Axis(0), &[whole.view(), holes.view()]).unwrap();
        let scaler = Scaler::fit(both.view(), Zeros::Natural);
        assert_eq!(scaler, Scaler::fit(whole.view(), Zeros::Natural));
        for missing in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert_eq!(scaled(&scaler, missing), 0.0);
        }
        let unknown = Scaler::fit(holes.view(), Zeros::Natural);
        assert_eq!(unknown, Scaler::fit(column([0.0]).view(), Zeros::Natural));
        assert_eq!(unknown, Scaler::fit(Array2::zeros((0, 1)).view(), Zeros::Natural));
    }

    #[test]
    fn what_hardly_varies_among_a_few_rows_may_vary_as_among_others_by_a_share() {
        let few = || Scaler::fit(column([0.16; 60]).view(), Zeros::Natural);
        assert_eq!(scaled(&few(), 10.16), LIMIT);
        let all = Scaler::fit(column((0..=100).map(|i| i as f32 / 10.0)).view(), Zeros::Natural);
        let all_spread = 0.1 * 37.065;
        assert!((scaled(&few().at_least(0.2, &all), 10.16) - 10.0 / (0.2 * all_spread)).abs() < 1e-3);
        // Nothing is narrowed.
        assert_eq!(all.clone().at_least(0.2, &few()), all);
        // Where one of both is logged: 1 is as far from 0 as ln 2, with a unit of 1.
        let zeros = || Scaler::fit(column([0.0; 60]).view(), Zeros::Natural);
        assert!((scaled(&zeros().at_least(0.2, &all), 1.0) - 2.0_f32.ln() / (0.2 * all_spread)).abs() < 1e-4);
        assert!((scaled(&few().at_least(0.2, &zeros()), 0.26) - 0.1 / (0.2 * 0.05 * 1.16)).abs() < 1e-3);
    }

    #[test]
    fn a_damaged_scaler_is_refused() {
        let good = Scaler::fit(column([1.0, 2.0, 3.0]).view(), Zeros::Natural);
        assert_eq!(good.check(1), Ok(()));
        assert!(good.check(2).is_err());
        for damage in [
            |column: &mut Column| column.spread = 0.0,
            |column: &mut Column| column.median = f64::NAN,
            |column: &mut Column| column.unit = Some(-1.0),
            |column: &mut Column| column.range.high = 0.0,
        ] {
            let mut bad = good.clone();
            damage(&mut bad.columns[0]);
            assert!(bad.check(1).is_err());
        }
    }

    proptest! {
        #[test]
        fn scaled_values_are_finite_and_keep_their_order(
            training in prop::collection::vec(any::<f32>(), 0..40), mut values in prop::collection::vec(any::<f32>(), 2..20)
        ) {
            let scaler = Scaler::fit(column(training).view(), Zeros::Natural);
            prop_assert_eq!(scaler.check(1), Ok(()));
            values.retain(|value| value.is_finite());
            values.sort_unstable_by(f32::total_cmp);
            let scaled = scaler.transform(column(values).view());
            prop_assert!(scaled.iter().all(|value| value.abs() <= LIMIT));
            prop_assert!(scaled.iter().is_sorted());
        }
    }
}
