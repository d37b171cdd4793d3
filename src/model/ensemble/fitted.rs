//! A detector of any kind: how it is fitted, asked and checked.

use linfa::DatasetBase;
use linfa::traits::Fit;
use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

use super::{Kind, Rows};
use crate::error::Result;
use crate::model::Detector;
use crate::model::dbscan::CorePoints;
use crate::model::ecdf::{EmpiricalTails, Sum};
use crate::model::gmm::Mixture;
use crate::model::hbos::Histograms;
use crate::model::iforest::{IsolationForest, Preset};
use crate::model::kmeans::Clusters;
use crate::model::knn::Neighbours;
use crate::model::lof::LocalDensity;
use crate::model::novelty::Novelty;
use crate::model::optics::Valleys;
use crate::model::own::OwnTails;
use crate::model::pca::Plane;
use crate::model::scale::Scaler;
use crate::model::tail::Tails;

/// A fitted detector of any kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Fitted {
    Forest(IsolationForest),
    Kmeans(Clusters),
    Gmm(Mixture),
    Tail(Tails),
    Own(OwnTails),
    Novelty(Novelty),
    Knn(Neighbours),
    Lof(LocalDensity),
    Dbscan(CorePoints),
    Empirical(EmpiricalTails),
    Hbos(Histograms),
    Pca(Plane),
    Optics(Valleys),
}

/// How a detector wants to be asked: most judge a row by its scaled values alone.
enum Asked<'a> {
    Scaled(&'a dyn Detector),
    ByEntity(&'a OwnTails),
    ByContext(&'a Novelty),
}

impl Fitted {
    fn asked(&self) -> Asked<'_> {
        match self {
            Fitted::Forest(forest) => Asked::Scaled(forest),
            Fitted::Kmeans(clusters) => Asked::Scaled(clusters),
            Fitted::Gmm(mixture) => Asked::Scaled(mixture),
            Fitted::Tail(tails) => Asked::Scaled(tails),
            Fitted::Own(own) => Asked::ByEntity(own),
            Fitted::Novelty(novelty) => Asked::ByContext(novelty),
            Fitted::Knn(neighbours) => Asked::Scaled(neighbours),
            Fitted::Lof(density) => Asked::Scaled(density),
            Fitted::Dbscan(core) => Asked::Scaled(core),
            Fitted::Empirical(tails) => Asked::Scaled(tails),
            Fitted::Hbos(histograms) => Asked::Scaled(histograms),
            Fitted::Pca(plane) => Asked::Scaled(plane),
            Fitted::Optics(valleys) => Asked::Scaled(valleys),
        }
    }

    pub(super) fn score(&self, rows: &Rows<'_>, scaled: ArrayView2<'_, f32>) -> Vec<f64> {
        match self.asked() {
            Asked::Scaled(detector) => detector.score(scaled).to_vec(),
            Asked::ByEntity(own) => own.score(rows.values, rows.entities, rows.strangers()),
            Asked::ByContext(novelty) => novelty.score(rows.context).to_vec(),
        }
    }

    /// What each feature contributes, and behind them each column of the context.
    pub(super) fn explain(&self, row: &Rows<'_>, scaled: ArrayView2<'_, f32>) -> Vec<f64> {
        let features = row.values.ncols();
        let mut contributions = match self.asked() {
            Asked::Scaled(detector) => detector.explain(scaled.row(0)),
            Asked::ByEntity(own) => own.explain(row.values.row(0), &row.entities[0]),
            Asked::ByContext(novelty) => [vec![0.0; features], novelty.explain(row.context.row(0))].concat(),
        };
        contributions.resize(features + row.context.ncols(), 0.0);
        // Of a stranger that alone is strange: there is no past that its features could be held against.
        let is_stranger = row.strangers().is_some_and(|strangers| strangers[0] == 1.0);
        if let (Fitted::Own(_), true, Some(column)) = (self, is_stranger, row.columns.stranger()) {
            contributions[features + column] = 1.0;
        }
        contributions
    }

    pub(super) fn check(&self, features: usize, context: usize) -> std::result::Result<(), String> {
        match self {
            Fitted::Forest(forest) => forest.check(features),
            Fitted::Kmeans(clusters) => clusters.check(features),
            Fitted::Gmm(mixture) => mixture.check(features),
            Fitted::Tail(tails) => tails.check(features),
            Fitted::Own(own) => own.check(features),
            Fitted::Novelty(novelty) => novelty.check(context),
            Fitted::Knn(neighbours) => neighbours.check(features),
            Fitted::Lof(density) => density.check(features),
            Fitted::Dbscan(core) => core.check(features),
            Fitted::Empirical(tails) => tails.check(features),
            Fitted::Hbos(histograms) => histograms.check(features),
            Fitted::Pca(plane) => plane.check(features),
            Fitted::Optics(valleys) => valleys.check(features),
        }
    }
}

impl Kind {
    /// Fits a detector of this kind on raw rows, which are there scaled, too.
    pub(super) fn fit(
        self,
        rows: &Rows<'_>,
        scaler: &Scaler,
        scaled: ArrayView2<'_, f32>,
        seed: u64,
    ) -> Result<Fitted> {
        let forest = |preset| {
            let params = IsolationForest::params().preset(preset).seed(seed);
            Ok(Fitted::Forest(params.fit(&DatasetBase::from(scaled))?))
        };
        match self {
            Kind::Iforest => forest(Preset::Iforest),
            Kind::Extended => forest(Preset::Extended),
            Kind::SciForest => forest(Preset::SciForest),
            Kind::FairCut => forest(Preset::FairCut),
            Kind::Kmeans => Clusters::fit(scaled, seed).map(Fitted::Kmeans),
            Kind::Gmm => Mixture::fit(scaled, seed).map(Fitted::Gmm),
            Kind::Tail => Ok(Fitted::Tail(Tails::fit(scaled))),
            Kind::Own => OwnTails::fit(rows.values, rows.entities, scaler, rows.zeros).map(Fitted::Own),
            Kind::Novelty => Novelty::fit(rows.context, rows.columns.first_seen()).map(Fitted::Novelty),
            Kind::Drift => Novelty::fit(rows.context, rows.columns.habits()).map(Fitted::Novelty),
            Kind::Knn => Neighbours::fit(scaled, seed).map(Fitted::Knn),
            Kind::Lof => LocalDensity::fit(scaled, seed).map(Fitted::Lof),
            Kind::Dbscan => CorePoints::fit(scaled, seed).map(Fitted::Dbscan),
            Kind::Ecod => Ok(Fitted::Empirical(EmpiricalTails::fit(scaled, Sum::Ecod))),
            Kind::Copod => Ok(Fitted::Empirical(EmpiricalTails::fit(scaled, Sum::Copod))),
            Kind::Hbos => Ok(Fitted::Hbos(Histograms::fit(scaled))),
            Kind::Pca => Plane::fit(scaled, seed).map(Fitted::Pca),
            Kind::Optics => Valleys::fit(scaled, seed).map(Fitted::Optics),
        }
    }
}
