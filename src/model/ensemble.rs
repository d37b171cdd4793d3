//! Several detectors behind one scaling, each calibrated, heard as one.
//!
//! Members' scores have nothing in common but their benign distributions, so each becomes the surprise of its p-value
//! before they meet. No member alone is right everywhere (Han et al., ADBench, 2022): an attack that shows in two features
//! of seventy is plain to the tails and diluted in a forest, a combination of ordinary values is plain to clusters only. A
//! mean would bury the one that knows; the norm of order 4 hears it, and lets agreement count a little.

use linfa::DatasetBase;
use linfa::traits::Fit;
use ndarray::{Array2, ArrayView1, ArrayView2};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::Detector;
use super::calibrate::Calibration;
use super::gmm::Mixture;
use super::iforest::IsolationForest;
use super::kmeans::Clusters;
use super::scale::{Range, Scaler};
use super::tail::Tails;
use crate::error::{Error, ErrorKind, Result};

/// The order of the norm over the members' surprises.
const ORDER: i32 = 4;

/// A kind of member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// [`IsolationForest`].
    Iforest,
    /// [`Clusters`].
    Kmeans,
    /// [`Mixture`].
    Gmm,
    /// [`Tails`].
    Tail,
}

impl Kind {
    /// All of them: the default ensemble.
    pub const ALL: [Kind; 4] = [Kind::Iforest, Kind::Kmeans, Kind::Gmm, Kind::Tail];

    /// Its name on the command line and in figures.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Iforest => "iforest",
            Kind::Kmeans => "kmeans",
            Kind::Gmm => "gmm",
            Kind::Tail => "tail",
        }
    }

    /// Fits a detector of this kind on scaled rows.
    fn fit(self, rows: ArrayView2<'_, f32>, seed: u64) -> Result<Fitted> {
        match self {
            Kind::Iforest => Ok(Fitted::Iforest(IsolationForest::params().seed(seed).fit(&DatasetBase::from(rows))?)),
            Kind::Kmeans => Clusters::fit(rows, seed).map(Fitted::Kmeans),
            Kind::Gmm => Mixture::fit(rows, seed).map(Fitted::Gmm),
            Kind::Tail => Ok(Fitted::Tail(Tails::fit(rows))),
        }
    }
}

/// A fitted detector of any kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Fitted {
    Iforest(IsolationForest),
    Kmeans(Clusters),
    Gmm(Mixture),
    Tail(Tails),
}

impl Fitted {
    fn detector(&self) -> &dyn Detector {
        match self {
            Fitted::Iforest(forest) => forest,
            Fitted::Kmeans(clusters) => clusters,
            Fitted::Gmm(mixture) => mixture,
            Fitted::Tail(tails) => tails,
        }
    }

    fn check(&self, features: usize) -> std::result::Result<(), String> {
        match self {
            Fitted::Iforest(forest) => forest.check(features),
            Fitted::Kmeans(clusters) => clusters.check(features),
            Fitted::Gmm(mixture) => mixture.check(features),
            Fitted::Tail(tails) => tails.check(features),
        }
    }
}

/// Scaling and detectors that were fitted on the same rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Members {
    scaler: Scaler,
    fitted: Vec<(Kind, Fitted)>,
}

impl Members {
    /// Fits a detector of each kind on raw rows, in parallel. A detector that cannot be fitted is left out, with why.
    ///
    /// # Errors
    /// None could be fitted.
    pub fn fit(rows: ArrayView2<'_, f32>, kinds: &[Kind], seed: u64) -> Result<(Self, Vec<(Kind, Error)>)> {
        let scaler = Scaler::fit(rows);
        let scaled = scaler.transform(rows);
        let results: Vec<_> = kinds.par_iter().map(|&kind| (kind, kind.fit(scaled.view(), seed))).collect();
        let (mut fitted, mut left_out) = (Vec::new(), Vec::new());
        for (kind, result) in results {
            match result {
                Ok(detector) => fitted.push((kind, detector)),
                Err(error) => left_out.push((kind, error)),
            }
        }
        if fitted.is_empty() {
            let why = left_out.pop().map_or_else(|| "no kind was named".to_owned(), |(_, error)| error.what);
            return Err(Error::new(ErrorKind::Model, "training", why).hint("try the model tail, or more rows"));
        }
        Ok((Self { scaler, fitted }, left_out))
    }

    /// The kinds that were fitted.
    pub fn kinds(&self) -> impl Iterator<Item = Kind> {
        self.fitted.iter().map(|&(kind, _)| kind)
    }

    /// Raw rows, scaled.
    pub fn scale(&self, rows: ArrayView2<'_, f32>) -> Array2<f32> {
        self.scaler.transform(rows)
    }

    /// Every member's own scores of scaled rows.
    pub fn scores(&self, scaled: ArrayView2<'_, f32>) -> Vec<Vec<f64>> {
        self.fitted.par_iter().map(|(_, fitted)| fitted.detector().score(scaled).to_vec()).collect()
    }

    /// What each feature was in training.
    pub fn ranges(&self) -> impl ExactSizeIterator<Item = &Range> {
        self.scaler.ranges()
    }

    /// Whether what was read from a file can be used with `features` features.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self, features: usize) -> std::result::Result<(), String> {
        self.scaler.check(features)?;
        if self.fitted.is_empty() {
            return Err("there is no detector in it".to_owned());
        }
        self.fitted.iter().try_for_each(|(_, fitted)| fitted.check(features))
    }
}

/// The members' surprises as one: their norm of order 4.
pub fn combine(surprises: impl Iterator<Item = f64>) -> f64 {
    surprises.map(|surprise| surprise.powi(ORDER)).sum::<f64>().powf(1.0 / f64::from(ORDER))
}

/// Members with the calibration of each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ensemble {
    /// The detectors, behind their scaling.
    pub members: Members,
    /// As the members, in their order.
    pub calibrations: Vec<Calibration>,
}

impl Ensemble {
    /// The combined scores of raw rows, and the surprises of every member, in nats.
    pub fn score(&self, rows: ArrayView2<'_, f32>) -> (Vec<f64>, Vec<Vec<f64>>) {
        let mut surprises = self.members.scores(self.members.scale(rows).view());
        for (scores, calibration) in surprises.iter_mut().zip(&self.calibrations) {
            scores.iter_mut().for_each(|score| *score = calibration.surprise(*score));
        }
        let combined = (0..rows.nrows()).map(|row| combine(surprises.iter().map(|member| member[row])));
        (combined.collect(), surprises)
    }

    /// What each feature contributes to a raw row's combined score; the sum is the score.
    ///
    /// A member's say is its part of the sum under the norm's root; within it the features share as the member explains.
    pub fn explain(&self, row: ArrayView1<'_, f32>) -> Vec<f64> {
        let rows = row.insert_axis(ndarray::Axis(0));
        let (combined, surprises) = self.score(rows);
        let scaled = self.members.scale(rows);
        let mut contributions = vec![0.0; row.len()];
        let powers: Vec<f64> = surprises.iter().map(|member| member[0].powi(ORDER)).collect();
        let total: f64 = powers.iter().sum();
        for ((_, fitted), power) in self.members.fitted.iter().zip(powers).filter(|(_, power)| *power > 0.0) {
            // What speaks for the row being ordinary explains no alarm.
            let mut shares = fitted.detector().explain(scaled.row(0));
            shares.iter_mut().for_each(|share| *share = share.max(0.0));
            let whole: f64 = shares.iter().sum();
            if whole > 0.0 {
                for (contribution, share) in contributions.iter_mut().zip(shares) {
                    *contribution += combined[0] * power / total * share / whole;
                }
            }
        }
        contributions
    }

    /// Whether what was read from a file can be used with `features` features.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self, features: usize) -> std::result::Result<(), String> {
        self.members.check(features)?;
        if self.calibrations.len() != self.members.fitted.len() {
            return Err("not every detector has a calibration".to_owned());
        }
        self.calibrations.iter().try_for_each(Calibration::check)
    }
}
