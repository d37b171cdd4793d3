//! Members in words, for the model's card.

use super::fitted::Fitted;
use super::{Ensemble, Kind};

impl Ensemble {
    /// What each member is, and how its benign scores end.
    pub fn in_words(&self) -> impl Iterator<Item = (Kind, String)> {
        let members = self.members.fitted.iter().zip(&self.calibrations);
        members
            .map(|((kind, fitted), calibration)| (*kind, format!("{}; {}", fitted.in_words(), calibration.in_words())))
    }
}

impl Fitted {
    fn in_words(&self) -> String {
        match self {
            Fitted::Forest(forest) => forest.in_words(),
            Fitted::Kmeans(clusters) => format!("{} clusters", clusters.count()),
            Fitted::Gmm(mixture) => mixture.in_words(),
            Fitted::Tail(_) => "two tails of every feature".to_owned(),
            Fitted::Own(own) => format!("the tails of {} entities with a past", own.count()),
            Fitted::Novelty(novelty) => format!("tails of {} columns of the context", novelty.count()),
            Fitted::Knn(_) => "distances to a sample of rows".to_owned(),
            Fitted::Lof(_) => "densities around a sample of rows".to_owned(),
            Fitted::Dbscan(_) => "distances to core points of a sample".to_owned(),
            Fitted::Empirical(_) => "empirical tails of every feature".to_owned(),
            Fitted::Hbos(_) => "histograms of every feature".to_owned(),
            Fitted::Pca(_) => "a plane of principal axes".to_owned(),
            Fitted::Optics(_) => "distances to core points of a sample, each in units of its own".to_owned(),
        }
    }
}
