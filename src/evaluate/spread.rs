//! How features are spread over benign and attack rows, and how benign scores move over time: what a page draws.

use ndarray::ArrayView2;
use serde::Serialize;

use super::Judged;
use super::baselines::alone;
use super::metrics::quantile;

/// Bins of a spread.
const BINS: usize = 24;
/// Parts of the time.
const PERIODS: usize = 24;

/// One feature's values in benign and in attack rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// The column's name.
    pub feature: String,
    /// How well it ranks the rows alone.
    pub pr_auc: f64,
    /// The values at the ends of the bins, which are equally wide in the inverse hyperbolic sine: linear about 0, logarithmic
    /// beyond.
    pub range: (f64, f64),
    /// The share of benign rows in each bin.
    pub benign: Vec<f64>,
    /// The share of attack rows in each bin.
    pub attack: Vec<f64>,
}

/// Benign scores in a part of the time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Period {
    /// When it begins.
    pub start_ns: i64,
    /// Benign rows in it.
    pub rows: usize,
    /// Their median score.
    pub median: f64,
    /// Their 99th percentile.
    pub high: f64,
    /// Those that alert.
    pub false_alarms: usize,
}

/// The spreads of the `most` features that tell most, each alone; none if a class is missing.
pub fn spreads(rows: &Judged<'_>, features: ArrayView2<'_, f32>, names: &[String], most: usize) -> Vec<Spread> {
    let spread = |single: super::baselines::Alone| {
        let column = features.column(single.column);
        let bent = |value: f32| f64::from(value).asinh();
        let finite = column.iter().copied().filter(|value| value.is_finite());
        let (low, high) = finite
            .clone()
            .map(bent)
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
        if low > high {
            return None;
        }
        let shares = |attack: bool| {
            let of =
                column.iter().zip(rows.label).filter(|(value, label)| value.is_finite() && label.is_some() == attack);
            let (mut bins, mut count) = (vec![0.0; BINS], 0.0_f64);
            for (value, _) in of {
                let at = (bent(*value) - low) / (high - low).max(1e-12) * BINS as f64;
                bins[(at as usize).min(BINS - 1)] += 1.0;
                count += 1.0;
            }
            bins.iter_mut().for_each(|bin| *bin /= count.max(1.0));
            bins
        };
        Some(Spread {
            feature: names.get(single.column)?.clone(),
            pr_auc: single.pr_auc,
            range: (low.sinh(), high.sinh()),
            benign: shares(false),
            attack: shares(true),
        })
    };
    alone(rows, features).into_iter().take(most).filter_map(spread).collect()
}

/// Benign scores in equal parts of the time that has rows.
pub fn periods(rows: &Judged<'_>, scores: &[f64], threshold: f64) -> Vec<Period> {
    let mut starts = rows.window_start_ns.to_vec();
    starts.sort_unstable();
    starts.dedup();
    let count = PERIODS.min(starts.len());
    let mut of: Vec<Vec<f64>> = vec![Vec::new(); count];
    for row in rows.scored(scores).filter(|row| row.attack.is_none()) {
        let place = starts.partition_point(|start| *start < row.start_ns) * count / starts.len();
        of[place].push(row.score);
    }
    let period = |(place, mut scores): (usize, Vec<f64>)| {
        scores.sort_unstable_by(f64::total_cmp);
        Period {
            start_ns: starts[(place * starts.len()).div_ceil(count)],
            rows: scores.len(),
            median: quantile(&scores, 0.5).unwrap_or(0.0),
            high: quantile(&scores, 0.99).unwrap_or(0.0),
            false_alarms: scores.iter().filter(|score| **score >= threshold).count(),
        }
    };
    of.into_iter().enumerate().map(period).collect()
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    #[test]
    fn spreads_and_periods_by_hand() {
        let starts: Vec<i64> = (0..48).collect();
        let label: Vec<Option<u16>> = (0..48).map(|row| (row >= 40).then_some(0)).collect();
        let names = ["network".to_owned()];
        let rows = Judged {
            window_start_ns: &starts,
            window_ns: 1,
            entity: &[0; 48],
            entities: &names,
            label: &label,
            names: &names,
            span_days: 1.0,
            prevalence: None,
        };
        let features =
            Array2::from_shape_fn((48, 2), |(row, at)| if at == 1 && row >= 40 { 1e6 } else { (row % 3) as f32 });
        let found = spreads(&rows, features.view(), &["dull".to_owned(), "telling".to_owned()], 1);
        assert_eq!((found.len(), found[0].feature.as_str(), found[0].pr_auc), (1, "telling", 1.0));
        assert_eq!((found[0].attack[BINS - 1], found[0].benign[BINS - 1]), (1.0, 0.0));
        assert!((found[0].benign.iter().sum::<f64>() - 1.0).abs() < 1e-12);

        let scores: Vec<f64> = (0..48).map(f64::from).collect();
        let periods = periods(&rows, &scores, 39.0);
        assert_eq!((periods.len(), periods[0].start_ns, periods[1].start_ns), (24, 0, 2));
        assert_eq!((periods[0].median, periods[19].false_alarms, periods[20].rows), (0.5, 1, 0));
    }
}
