//! What the features of training were, to tell whether those of others still are so.
//!
//! A model remembers of each feature the deciles of training, and how many rows lay in each. How far others are from that is the
//! population stability index, Σ (p − q) ln(p/q), of which scorecards' custom is to call 0.25 a change (Siddiqi: Credit Risk
//! Scorecards, 2006). The custom does not know how many rows there are: among rows of one source the index is about
//! (1/n + 1/m) · χ² with a degree of freedom for each bin but one (Yurdakul, Naranjo: Statistical properties of the population
//! stability index, Journal of Risk Model Validation 14, 2020), so that few rows always differ; nor that neighbours in time are
//! alike, nor that nights are not days. So a feature has moved if its index is above the custom, above what chance gives so few rows
//! once in a thousand times, and above what the contiguous tenths of training itself differ from its other nine.

use std::ops::Range;

use ndarray::{ArrayView1, ArrayView2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Bins of the values; what is missing has one more.
const BINS: usize = 10;

/// The index from which a change is worth a word.
const CUSTOM: f64 = 0.25;

/// The normal quantile of one in a thousand.
const RARE: f64 = 3.090;

/// What the features of training were.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Reference {
    features: Vec<Bins>,
    rows: u64,
    /// Rows of a tenth.
    tenth: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Bins {
    /// A value lies in the bin of the first edge that is not below it, or in the last. Strictly rising.
    edges: Vec<f32>,
    /// The rows of training in each bin, the missing ones last.
    counts: Vec<u64>,
    /// The largest index of a tenth against the others.
    usual: f64,
}

impl Bins {
    fn fit(column: ArrayView1<'_, f32>, tenths: &[Range<usize>]) -> Self {
        let mut values: Vec<f32> = column.iter().copied().filter(|value| value.is_finite()).collect();
        values.sort_unstable_by(f32::total_cmp);
        let mut edges: Vec<f32> = (1..BINS).filter_map(|bin| values.get(bin * values.len() / BINS)).copied().collect();
        edges.dedup();
        let mut bins = Self { counts: vec![0; edges.len() + 2], edges, usual: 0.0 };
        bins.counts = bins.count(column);
        let index = |tenth: &Range<usize>| {
            let counts = bins.count(column.slice_axis(Axis(0), tenth.clone().into()));
            let others: Vec<u64> = bins.counts.iter().zip(&counts).map(|(all, tenth)| all - tenth).collect();
            stability_index(&counts, &others)
        };
        bins.usual = tenths.iter().map(index).fold(0.0, f64::max);
        bins
    }

    fn bin(&self, value: f32) -> usize {
        if value.is_finite() { self.edges.partition_point(|&edge| edge < value) } else { self.edges.len() + 1 }
    }

    fn count(&self, column: ArrayView1<'_, f32>) -> Vec<u64> {
        let mut counts = vec![0; self.edges.len() + 2];
        column.iter().for_each(|&value| counts[self.bin(value)] += 1);
        counts
    }
}

/// Σ (p − q) ln(p/q) of the shares of two counts, each bin with half a row more, so that an empty one is no infinity.
fn stability_index(some: &[u64], others: &[u64]) -> f64 {
    let whole = |counts: &[u64]| counts.iter().sum::<u64>() as f64 + 0.5 * counts.len() as f64;
    let (all, all_others) = (whole(some), whole(others));
    let terms = some.iter().zip(others).map(|(&some, &other)| {
        let (p, q) = ((some as f64 + 0.5) / all, (other as f64 + 0.5) / all_others);
        (p - q) * (p / q).ln()
    });
    terms.sum()
}

/// The 0.999 quantile of χ² (Wilson, Hilferty, PNAS 17, 1931).
fn rare_chi_squared(degrees: usize) -> f64 {
    let part = 2.0 / (9.0 * degrees.max(1) as f64);
    degrees as f64 * (1.0 - part + RARE * part.sqrt()).powi(3)
}

impl Reference {
    /// Learns from raw rows in the order of time, and of which rows each tenth of the time consists.
    pub fn fit(rows: ArrayView2<'_, f32>, tenths: &[Range<usize>]) -> Self {
        let columns = (0..rows.ncols()).into_par_iter().map(|j| Bins::fit(rows.index_axis(Axis(1), j), tenths));
        let tenth = rows.nrows() as u64 / tenths.len().max(1) as u64;
        Self { features: columns.collect(), rows: rows.nrows() as u64, tenth: tenth.max(1) }
    }

    /// Counts of no rows: for each feature its bins.
    pub fn no_counts(&self) -> Vec<Vec<u64>> {
        self.features.iter().map(|bins| vec![0; bins.counts.len()]).collect()
    }

    /// Adds a raw row to counts.
    pub fn add(&self, row: ArrayView1<'_, f32>, counts: &mut [Vec<u64>]) {
        for ((bins, counts), &value) in self.features.iter().zip(counts).zip(row) {
            counts[bins.bin(value)] += 1;
        }
    }

    /// For each feature the index of the rows that were counted, and above which it has moved.
    pub fn compare(&self, counts: &[Vec<u64>]) -> Vec<(f64, f64)> {
        let index = |(bins, counts): (&Bins, &Vec<u64>)| {
            let rows = counts.iter().sum::<u64>().max(1) as f64;
            let used = bins.counts.iter().zip(counts).filter(|(seen, counted)| **seen + **counted > 0).count();
            let by_chance = rare_chi_squared(used.saturating_sub(1)) * (1.0 / rows + 1.0 / self.rows.max(1) as f64);
            // What less than a tenth would differ by is not known: if its rows were independent, by as much more as it is
            // smaller.
            let usual = bins.usual * (self.tenth as f64 / rows).max(1.0);
            (stability_index(counts, &bins.counts), CUSTOM.max(by_chance).max(usual))
        };
        self.features.iter().zip(counts).map(index).collect()
    }

    /// Whether what was read from a file can be used with `features` features.
    pub fn check(&self, features: usize) -> Result<(), String> {
        let sound = |bins: &Bins| {
            bins.counts.len() == bins.edges.len() + 2
                && bins.edges.len() < BINS
                && bins.edges.iter().all(|edge| edge.is_finite())
                && bins.edges.is_sorted_by(|a, b| a < b)
                && bins.counts.iter().all(|&count| count <= self.rows)
                && bins.usual.is_finite()
        };
        if self.features.len() == features && self.rows <= 1 << 48 && self.tenth > 0 && self.features.iter().all(sound)
        {
            Ok(())
        } else {
            Err("what training saw of the features is damaged".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::blob;
    use ndarray::Array2;

    fn tenths(rows: usize) -> Vec<Range<usize>> {
        (0..10).map(|tenth| tenth * rows / 10..(tenth + 1) * rows / 10).collect()
    }

    #[test]
    fn the_index_is_that_of_the_books() {
        // Shares of 0.25 and 0.75 against 0.5 and 0.5, of so many rows that half a row more is nothing.
        let expected = -0.25 * 0.5_f64.ln() + 0.25 * 1.5_f64.ln();
        assert!((stability_index(&[250_000, 750_000], &[500_000, 500_000]) - expected).abs() < 1e-5);
        assert_eq!(stability_index(&[7, 0], &[7, 0]), 0.0);
        // Tables have 29.59 for ten degrees of freedom, and 27.88 for nine; the approximation is as good as one in a hundred.
        assert!((rare_chi_squared(10) / 29.59 - 1.0).abs() < 0.01 && (rare_chi_squared(9) / 27.88 - 1.0).abs() < 0.01);
    }

    #[test]
    fn values_lie_in_the_bin_of_their_decile() {
        let column = Array2::from_shape_fn((1000, 1), |(row, _)| if row < 900 { 0.0 } else { row as f32 });
        let bins = Bins::fit(column.column(0), &[]);
        assert_eq!((bins.edges.len(), bins.edges[0]), (2, 0.0), "nine deciles are one value");
        assert_eq!([-1.0, 0.0, 0.5, 900.0, 1e9, f32::NAN].map(|value| bins.bin(value)), [0, 0, 1, 1, 2, 3]);
        let empty = Bins::fit(ArrayView1::from(&[f32::NAN; 4]), &tenths(4));
        assert_eq!(empty.counts, [0, 4]);
    }

    #[test]
    fn what_tenths_differ_by_is_usual() {
        let mut rows = blob(4000, 2, 1);
        // The second column has a rhythm: its tenths are far from each other.
        rows.column_mut(1).iter_mut().enumerate().for_each(|(at, value)| *value += (at / 400) as f32);
        let reference = Reference::fit(rows.view(), &tenths(4000));
        assert_eq!(reference.check(2), Ok(()));
        assert!(reference.check(3).is_err());
        let usual: Vec<f64> = reference.features.iter().map(|bins| bins.usual).collect();
        assert!(usual[0] < 0.1 && usual[1] > 1.0, "{usual:?}");
    }
}
