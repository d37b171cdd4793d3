//! Gaussian mixture: a row in a thin place of the training density is an anomaly. It is the member that knows how
//! features move together.
//!
//! A full covariance of 70 correlated features is singular in practice, so the density is that of probabilistic
//! principal components (Tipping, Bishop: Probabilistic Principal Component Analysis, 1999): the mixture, fitted by
//! linfa, lives on the leading axes of the data, and what it cannot see there, the distance from the plane of these
//! axes, is Gaussian with one variance. linfa's own densities underflow for far rows: ours are computed here, in
//! logarithms.

mod graph;
mod place;

use linfa::dataset::DatasetBase;
use linfa::traits::Fit;
use linfa_clustering::GaussianMixtureModel;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256Plus;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use self::place::{Surveyor, heights, log_density};
use super::{Detector, eigen, sample, score_rows};
use crate::error::{Error, ErrorKind, Result};

/// Rows that the axes are sought on, and rows that the mixture is fitted to.
const AXES_ROWS: usize = 20_000;
const FIT_ROWS: usize = 4_096;

/// The most axes, the most components, and the counts of components that are tried.
const MAX_AXES: usize = 16;
const MAX_COMPONENTS: usize = 8;
const COUNTS: [usize; 6] = [1, 2, 3, 4, 6, MAX_COMPONENTS];

/// The axes explain this share of the variance, if so many are allowed.
const EXPLAINED: f64 = 0.95;

/// Training values are cut off here: a Gaussian gives one wild row the say over a whole axis.
const WILD: f64 = 8.0;

/// The least variance off the plane, in squared spreads: features that are exact functions of others in training
/// would otherwise turn rounding into alarms.
const LEAST_RESIDUAL: f64 = 0.01;

/// Added to the variances of the whitened axes; if a covariance is singular all the same, the next is tried.
const REGULARIZATION: [f64; 3] = [1e-3, 1e-2, 1e-1];

/// A fitted mixture. A score is a negative log density, in nats: it has no bound, and may be negative.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mixture {
    mean: Vec<f64>,
    /// Unit vectors, one behind the other.
    axes: Vec<f64>,
    /// The variance along each axis.
    variances: Vec<f64>,
    /// The variance in each of the directions that are no axis.
    residual: f64,
    components: Vec<Component>,
}

/// A Gaussian over the whitened axes, where every variance of the data as a whole is 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Component {
    log_weight: f64,
    mean: Vec<f64>,
    /// L of precision = L·Lᵀ, lower triangle of a square, row by row.
    factor: Vec<f64>,
}

impl Mixture {
    /// Learns from scaled rows. The number of components, up to 8, is the one with the least BIC (Schwarz 1978).
    ///
    /// # Errors
    /// If the rows are too few, do not vary, or no fit succeeds: linfa's can fail on real data. A model is whole
    /// without this member.
    pub fn fit(rows: ArrayView2<'_, f32>, seed: u64) -> Result<Self> {
        let rows = sample(rows, AXES_ROWS, seed).mapv_into(|value| value.clamp(-WILD, WILD));
        let mut mixture = Self::plane(&rows)?;
        let count = mixture.variances.len();
        let fit_rows = rows.nrows().min(FIT_ROWS);
        let mut whitened = Array2::zeros((fit_rows, count));
        let surveyor = Surveyor::new(&mixture);
        for (row, mut place) in rows.rows().into_iter().zip(whitened.rows_mut()) {
            place.assign(&ArrayView1::from(&surveyor.place(row.iter().copied()).on_axes[..count]));
        }
        // A component costs a parameter for each pair of axes: ten rows for each axis are the least that pays.
        let counts: Vec<_> = COUNTS.into_iter().filter(|k| k * count * 10 <= fit_rows).collect();
        let fits: Vec<_> = counts.par_iter().map(|&k| fit_components(&whitened, k, seed)).collect();
        let mut best = None;
        let mut failure = "too few rows".to_owned();
        for fit in fits {
            match fit {
                Ok((bic, components)) if best.as_ref().is_none_or(|(least, _)| bic < *least) => {
                    best = Some((bic, components));
                }
                Ok(_) => {}
                Err(why) => failure = why,
            }
        }
        let (_, components) = best.ok_or_else(|| refused(failure))?;
        mixture.components = components;
        Ok(mixture)
    }

    /// What it is made of, for people.
    pub(super) fn in_words(&self) -> String {
        format!("{} components on {} axes", self.components.len(), self.variances.len())
    }

    /// The plane of the leading axes, with no components yet.
    fn plane(rows: &Array2<f64>) -> Result<Self> {
        let (n, features) = rows.dim();
        let mean = rows.mean_axis(Axis(0)).ok_or_else(|| refused("there are no rows"))?;
        let centred = rows - &mean;
        let covariance = centred.t().dot(&centred) / n as f64;
        let (values, vectors) = eigen::symmetric(covariance);
        let total: f64 = values.iter().sum();
        if total.is_nan() || total <= 1e-9 {
            return Err(refused("the rows do not vary"));
        }
        let most = MAX_AXES.min(n / 10).max(1);
        let mut explained = 0.0;
        let axes = values
            .iter()
            .take(most)
            .take_while(|&&value| {
                let wanted = explained < EXPLAINED * total && value > 1e-9;
                explained += value;
                wanted
            })
            .count();
        let left: f64 = values[axes..].iter().map(|value| value.max(0.0)).sum();
        Ok(Self {
            mean: mean.to_vec(),
            axes: vectors.iter().take(axes * features).copied().collect(),
            residual: (left / (features - axes).max(1) as f64).max(LEAST_RESIDUAL),
            variances: values[..axes].to_vec(),
            components: Vec::new(),
        })
    }

    fn axes(&self) -> impl Iterator<Item = &[f64]> {
        self.axes.chunks_exact(self.mean.len())
    }

    /// Whether what was read from a file can be used with `features` features.
    pub fn check(&self, features: usize) -> std::result::Result<(), String> {
        let finite = |values: &[f64]| values.iter().all(|value| value.is_finite());
        let axes = self.variances.len();
        let plane = self.mean.len() == features
            && (1..=MAX_AXES.min(features)).contains(&axes)
            && self.axes.len() == axes * features
            && finite(&self.mean)
            && finite(&self.axes)
            && self.variances.iter().chain([&self.residual]).all(|value| value.is_finite() && *value > 0.0);
        if !plane {
            return Err(format!("mixture: its axes are damaged or not made for {features} features"));
        }
        if !(1..=MAX_COMPONENTS).contains(&self.components.len()) {
            return Err(format!("mixture: {} components are impossible", self.components.len()));
        }
        let sound = |component: &Component| {
            component.log_weight.is_finite()
                && component.mean.len() == axes
                && component.factor.len() == axes * axes
                && finite(&component.mean)
                && finite(&component.factor)
                && component.factor.iter().step_by(axes + 1).all(|&diagonal| diagonal > 0.0)
        };
        match self.components.iter().position(|component| !sound(component)) {
            Some(at) => Err(format!("mixture: component {at} is damaged")),
            None => Ok(()),
        }
    }
}

impl Detector for Mixture {
    /// −ln density of the row, in nats.
    fn score(&self, rows: ArrayView2<'_, f32>) -> Array1<f64> {
        let surveyor = Surveyor::new(self);
        score_rows(
            rows,
            #[inline(always)]
            |row| surveyor.surprise(&surveyor.place(row.iter().map(|&value| f64::from(value)))),
        )
    }

    /// The excess over the densest mean, shared out as the features share the squared Mahalanobis distance to the most
    /// responsible component. A share is negative where the feature is closer than its companions make one expect.
    fn explain(&self, row: ArrayView1<'_, f32>) -> Vec<f64> {
        let surveyor = Surveyor::new(self);
        let place = surveyor.place(row.iter().map(|&value| f64::from(value)));
        let excess = surveyor.surprise(&place) - surveyor.least();
        let Some(component) = surveyor.nearest(&place) else { return vec![0.0; row.len()] };
        let axes = self.variances.len();
        let deviation = component.deviation(&place.on_axes);
        // In the space of the features: how far the row is from the component's mean, how much of that is off the
        // plane, and the precision times the former.
        let mut from_component: Vec<f64> = row.iter().zip(&self.mean).map(|(x, mean)| f64::from(*x) - mean).collect();
        let mut off_plane = from_component.clone();
        let mut pull = vec![0.0; row.len()];
        let factors = component.factor.chunks_exact(axes);
        for ((i, axis), factor) in self.axes().enumerate().zip(factors) {
            let deviation_times_factor: f64 = factor.iter().zip(&deviation).map(|(f, d)| f * d).sum();
            let root = self.variances[i].sqrt();
            for (f, a) in axis.iter().enumerate() {
                from_component[f] -= a * component.mean[i] * root;
                off_plane[f] -= a * place.on_axes[i] * root;
                pull[f] += a * deviation_times_factor / root;
            }
        }
        let flat = axes == self.mean.len();
        let terms: Vec<f64> = (0..row.len())
            .map(|f| from_component[f] * (pull[f] + if flat { 0.0 } else { off_plane[f] / self.residual }))
            .collect();
        let total: f64 = terms.iter().sum();
        let even = excess / row.len().max(1) as f64;
        terms.iter().map(|term| if total > 1e-9 { excess * term / total } else { even }).collect()
    }
}

/// A mixture of `count` components by linfa, and its BIC; or why there is none.
fn fit_components(
    whitened: &Array2<f64>,
    count: usize,
    seed: u64,
) -> std::result::Result<(f64, Vec<Component>), String> {
    let axes = whitened.ncols();
    let dataset = DatasetBase::from(whitened.view());
    let mut failure = String::new();
    for regularization in REGULARIZATION {
        // Each try has its own start: what fails may be the start.
        let rng = Xoshiro256Plus::seed_from_u64(seed ^ regularization.to_bits());
        let fitted = GaussianMixtureModel::params_with_rng(count, rng)
            .reg_covariance(regularization)
            .tolerance(1e-3)
            .max_n_iterations(200)
            .fit(&dataset);
        let model = match fitted {
            Ok(model) => model,
            Err(error) => {
                failure = error.to_string();
                continue;
            }
        };
        let components: Option<Vec<_>> = (0..count)
            .map(|k| {
                let log_weight = model.weights()[k].ln();
                let factor = eigen::cholesky(&model.precisions().index_axis(Axis(0), k).to_owned())?;
                Some(Component { log_weight, mean: model.means().row(k).to_vec(), factor })
            })
            .collect();
        let Some(components) = components else {
            failure = "a covariance is singular".to_owned();
            continue;
        };
        let heights = heights(&components);
        let likelihood: f64 = whitened
            .rows()
            .into_iter()
            .map(|row| {
                let mut place = [0.0; MAX_AXES];
                place.iter_mut().zip(row).for_each(|(to, from)| *to = *from);
                log_density(&components, &heights, &place)
            })
            .sum();
        if likelihood.is_finite() {
            let parameters = count - 1 + count * (axes + axes * (axes + 1) / 2);
            return Ok(((parameters as f64) * (whitened.nrows() as f64).ln() - 2.0 * likelihood, components));
        }
        failure = "the likelihood is not finite".to_owned();
    }
    Err(failure)
}

fn refused(why: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Model, "gaussian mixture", why).hint("train without it; the other detectors do not need it")
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;
    use crate::model::testing::{auc, blob, keeps_its_bits};
    use ndarray::{Slice, array, concatenate};

    /// A plane that is all of a two-dimensional space, with two components.
    fn by_hand() -> Mixture {
        let component = |weight: f64, x: f64| Component {
            log_weight: weight.ln(),
            mean: vec![x, 0.0],
            factor: vec![2.0, 0.0, 0.0, 1.0],
        };
        Mixture {
            mean: vec![1.0, 0.0],
            axes: vec![1.0, 0.0, 0.0, 1.0],
            variances: vec![1.0, 1.0],
            residual: 1.0,
            components: vec![component(0.25, 0.0), component(0.75, 100.0)],
        }
    }

    #[test]
    fn the_density_is_that_of_the_formula() {
        // At (2, 3) the first component deviates by 2 · 1 and 1 · 3, the root of its precision's determinant is 2.
        let expected = -(0.25_f64.ln() + 2.0_f64.ln() - 0.5 * (4.0 + 9.0) - TAU.ln());
        let mixture = by_hand();
        assert_eq!(mixture.check(2), Ok(()));
        let scores = mixture.score(array![[2.0, 3.0], [1e3, -1e3]].view());
        assert!((scores[0] - expected).abs() < 1e-12);
        assert!(scores[1].is_finite() && scores[1] > 1e5);
        // The shares are 4 and 9 of 13, and the baseline is at the heavier mean.
        let contributions = mixture.explain(array![2.0_f32, 3.0].view());
        let baseline = -(0.75_f64.ln() + 2.0_f64.ln() - TAU.ln());
        assert!((contributions[0] - (expected - baseline) * 4.0 / 13.0).abs() < 1e-9);
        assert!((contributions[1] - (expected - baseline) * 9.0 / 13.0).abs() < 1e-9);
    }

    #[test]
    fn what_is_off_the_plane_counts_too() {
        let mixture = Mixture {
            mean: vec![0.0; 3],
            axes: vec![0.6, 0.8, 0.0],
            variances: vec![4.0],
            residual: 0.5,
            components: vec![Component { log_weight: 0.0, mean: vec![0.0], factor: vec![1.0] }],
        };
        assert_eq!(mixture.check(3), Ok(()));
        // Along the axis 5 · 0.6 + 0 = 3, whitened 1.5; off the plane 25 + 1 − 9 = 17, in two directions.
        let expected = 0.5 * (1.5_f64.powi(2) + 17.0 / 0.5 + 4.0_f64.ln() + TAU.ln() + 2.0 * (TAU * 0.5).ln());
        let row = array![5.0_f32, 0.0, 1.0];
        let score = mixture.score(row.view().insert_axis(Axis(0)))[0];
        assert!((score - expected).abs() < 1e-9);
        let contributions = mixture.explain(row.view());
        assert!((contributions.iter().sum::<f64>() - (score - Surveyor::new(&mixture).least())).abs() < 1e-9);
        // The third feature has no part in the axis: 1² / 0.5 / 2.
        assert!((contributions[2] - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_broken_correlation_is_seen_though_each_feature_is_ordinary() {
        let noise = blob(500, 12, 7);
        // Twelve features that all follow the first two.
        let rows = Array2::from_shape_fn((500, 12), |(i, j)| noise[[i, j % 2]] + 0.1 * noise[[i, j]]);
        let mixture = Mixture::fit(rows.view(), 0).unwrap();
        assert_eq!(mixture.check(12), Ok(()));
        let mut broken = rows.slice_axis(Axis(0), Slice::from(..200)).to_owned();
        broken.column_mut(5).mapv_inplace(|x| -x);
        let auc = auc(mixture.score(rows.view()).view(), mixture.score(broken.view()).view());
        assert!(auc > 0.9, "{auc}");
        let row = array![1.5, 1.0, 1.5, 1.0, 1.5, -1.0, 1.5, 1.0, 1.5, 1.0, 1.5, 1.0_f32];
        let contributions = mixture.explain(row.view());
        assert!(contributions.iter().enumerate().all(|(j, &c)| j == 5 || c < contributions[5]), "{contributions:?}");
        let score = mixture.score(row.view().insert_axis(Axis(0)))[0];
        assert!((contributions.iter().sum::<f64>() - (score - Surveyor::new(&mixture).least())).abs() < 1e-9);
    }

    #[test]
    fn two_clouds_are_two_components() {
        let rows = concatenate(Axis(0), &[(blob(150, 2, 1) - 5.0).view(), (blob(150, 2, 2) + 5.0).view()]).unwrap();
        let mixture = Mixture::fit(rows.view(), 0).unwrap();
        assert_eq!(mixture.components.len(), 2);
        let scores = mixture.score(array![[0.0, 0.0], [5.0, 5.0]].view());
        assert!(scores[0] > scores[1] + 5.0, "{scores}");
    }

    #[test]
    fn rows_that_hold_no_density_are_refused_with_a_cure() {
        let refuses = |rows: Array2<f32>| Mixture::fit(rows.view(), 0).unwrap_err().to_string();
        assert_eq!(
            refuses(Array2::from_elem((100, 3), 2.0)),
            "gaussian mixture: the rows do not vary; hint: train without it; the other detectors do not need it"
        );
        assert!(refuses(Array2::zeros((0, 3))).contains("there are no rows"));
        assert!(refuses(array![[1.0, 2.0]]).contains("do not vary"));
        assert!(refuses(array![[1.0, 2.0], [2.0, 1.0], [3.0, 3.0]]).contains("too few rows"));
        assert!(refuses(Array2::from_elem((100, 3), f32::NAN)).contains("do not vary"));
    }

    #[test]
    fn copies_constants_and_wild_rows_do_not_break_the_fit() {
        let mut rows = blob(200, 6, 3);
        let copy = rows.column(0).to_owned();
        rows.column_mut(1).assign(&copy);
        rows.column_mut(2).fill(0.0);
        rows.row_mut(9).fill(1000.0);
        let mixture = Mixture::fit(rows.view(), 1).unwrap();
        assert_eq!(mixture.check(6), Ok(()));
        assert!(mixture.score(rows.view()).iter().all(|score| score.is_finite()));
    }

    #[test]
    fn neither_threads_nor_neighbours_change_a_bit() {
        let rows = blob(250, 4, 4);
        keeps_its_bits(&rows, 200, |rows| Mixture::fit(rows, 2).unwrap());
    }

    #[test]
    fn a_damaged_mixture_is_refused() {
        let good = by_hand();
        assert!(good.check(3).is_err());
        for (i, damage) in [
            |mixture: &mut Mixture| mixture.residual = 0.0,
            |mixture: &mut Mixture| mixture.variances[0] = -1.0,
            |mixture: &mut Mixture| mixture.axes[3] = f64::NAN,
            |mixture: &mut Mixture| mixture.axes.truncate(3),
            |mixture: &mut Mixture| mixture.components.clear(),
            |mixture: &mut Mixture| mixture.components = vec![mixture.components[0].clone(); 9],
            |mixture: &mut Mixture| mixture.components[1].factor[3] = 0.0,
            |mixture: &mut Mixture| mixture.components[1].mean.truncate(1),
            |mixture: &mut Mixture| mixture.components[1].log_weight = f64::NEG_INFINITY,
        ]
        .into_iter()
        .enumerate()
        {
            let mut bad = good.clone();
            damage(&mut bad);
            assert!(bad.check(2).is_err(), "damage {i}");
        }
    }
}
