//! The kinds of detectors, and which of them make a default ensemble.

use serde::{Deserialize, Serialize};

use crate::matrix::Schema;
use crate::model::question::Question;

/// A kind of member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// [`IsolationForest`](crate::model::iforest::IsolationForest) as first published.
    Iforest,
    /// [`Clusters`](crate::model::kmeans::Clusters).
    Kmeans,
    /// [`Mixture`](crate::model::gmm::Mixture).
    Gmm,
    /// [`Tails`](crate::model::tail::Tails).
    Tail,
    /// [`OwnTails`](crate::model::own::OwnTails).
    Own,
    /// [`IsolationForest`](crate::model::iforest::IsolationForest) with sloped cuts.
    Extended,
    /// [`IsolationForest`](crate::model::iforest::IsolationForest) with the best of several sloped cuts.
    #[serde(rename = "sciforest")]
    SciForest,
    /// [`IsolationForest`](crate::model::iforest::IsolationForest) with sloped cuts where they part best.
    FairCut,
    /// [`Novelty`](crate::model::novelty::Novelty) of first contacts.
    Novelty,
    /// [`Novelty`](crate::model::novelty::Novelty) of habits; beside others it adds to an alarm, but never is one by itself.
    Drift,
    /// [`Neighbours`](crate::model::knn::Neighbours).
    Knn,
    /// [`LocalDensity`](crate::model::lof::LocalDensity).
    Lof,
    /// [`CorePoints`](crate::model::dbscan::CorePoints).
    Dbscan,
    /// [`EmpiricalTails`](crate::model::ecdf::EmpiricalTails) as ECOD adds them up.
    Ecod,
    /// [`EmpiricalTails`](crate::model::ecdf::EmpiricalTails) as COPOD does.
    Copod,
    /// [`Histograms`](crate::model::hbos::Histograms).
    Hbos,
    /// [`Plane`](crate::model::pca::Plane).
    Pca,
    /// [`Valleys`](crate::model::optics::Valleys).
    Optics,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 18] = [
        Kind::Iforest,
        Kind::Extended,
        Kind::SciForest,
        Kind::FairCut,
        Kind::Kmeans,
        Kind::Gmm,
        Kind::Tail,
        Kind::Own,
        Kind::Novelty,
        Kind::Drift,
        Kind::Knn,
        Kind::Lof,
        Kind::Dbscan,
        Kind::Optics,
        Kind::Ecod,
        Kind::Copod,
        Kind::Hbos,
        Kind::Pca,
    ];

    /// The default ensemble for windows of traffic: of benign days, of which much is known beside the rows.
    const OF_WINDOWS: [Kind; 6] = [Kind::SciForest, Kind::Kmeans, Kind::Gmm, Kind::Tail, Kind::Own, Kind::Novelty];

    /// The default ensemble for tables that were made elsewhere, of which nothing is known, nor whether attacks are in them: some of
    /// each way to look at rows, and of each those that attacks in the training mislead least.
    const OF_TABLES: [Kind; 6] = [Kind::Extended, Kind::SciForest, Kind::FairCut, Kind::Gmm, Kind::Knn, Kind::Ecod];

    /// The default ensemble for rows of a schema.
    pub fn ensemble(schema: &Schema) -> Vec<Kind> {
        if schema.view().is_some() { Self::OF_WINDOWS.to_vec() } else { Self::OF_TABLES.to_vec() }
    }

    /// Its name on the command line and in figures.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Iforest => "iforest",
            Kind::Kmeans => "kmeans",
            Kind::Gmm => "gmm",
            Kind::Tail => "tail",
            Kind::Own => "own",
            Kind::Extended => "extended",
            Kind::SciForest => "sciforest",
            Kind::FairCut => "fair-cut",
            Kind::Novelty => "novelty",
            Kind::Drift => "drift",
            Kind::Knn => "knn",
            Kind::Lof => "lof",
            Kind::Dbscan => "dbscan",
            Kind::Ecod => "ecod",
            Kind::Copod => "copod",
            Kind::Hbos => "hbos",
            Kind::Pca => "pca",
            Kind::Optics => "optics",
        }
    }

    /// What it asks of a row of a schema.
    pub fn question(self, schema: &Schema) -> Question {
        match self {
            Kind::Own => Question::Own,
            Kind::Novelty => Question::New,
            Kind::Drift => Question::Habit,
            _ if schema.view().is_some() => Question::Anybody,
            Kind::Iforest | Kind::Extended | Kind::SciForest | Kind::FairCut => Question::Apart,
            Kind::Tail | Kind::Ecod | Kind::Copod | Kind::Hbos => Question::AtTheEnds,
            Kind::Kmeans | Kind::Gmm | Kind::Knn | Kind::Lof | Kind::Dbscan | Kind::Optics | Kind::Pca => Question::Far,
        }
    }

    /// Whether it judges rows by what came before them.
    pub fn asks_the_past(self) -> bool {
        matches!(self, Kind::Own | Kind::Novelty | Kind::Drift)
    }

    /// Whether it can judge nothing else.
    pub fn needs_the_past(self) -> bool {
        matches!(self, Kind::Novelty | Kind::Drift)
    }
}
