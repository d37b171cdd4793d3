//! Members as graphs.

use super::fitted::Fitted;
use super::{Ensemble, Kind};
use crate::model::onnx::Value;

/// What members are given, as graphs.
pub(in crate::model) struct Given<'g> {
    /// Raw rows (float).
    pub rows: Value<'g>,
    /// The entities (text) and the context (float), where a member asks for them.
    pub entities: Option<Value<'g>>,
    pub context: Option<Value<'g>>,
    /// 1 for an entity that training never saw, as a column (float), if that is told.
    pub strangers: Option<Value<'g>>,
}

/// Members as graphs: of each its score and its surprise, as columns.
pub(in crate::model) struct Graphs<'g> {
    pub members: Vec<(Kind, [Value<'g>; 2])>,
    /// Those that cannot be written as graphs.
    pub left_out: Vec<Kind>,
}

impl Ensemble {
    /// Whether a member asks whose a row is.
    pub(in crate::model) fn asks_whose(&self) -> bool {
        self.members.fitted.iter().any(|(_, fitted)| matches!(fitted, Fitted::Own(_)))
    }

    /// Every member as a graph.
    pub(in crate::model) fn graphs<'g>(&self, given: &Given<'g>) -> Graphs<'g> {
        let scaled = self.members.scaler.graph(&given.rows);
        let as_grown = self.members.grown_in.as_ref().map_or(scaled.clone(), |scaler| scaler.graph(&given.rows));
        let mut graphs = Graphs { members: Vec::new(), left_out: Vec::new() };
        for ((kind, fitted), calibration) in self.members.fitted.iter().zip(&self.calibrations) {
            let score = match (fitted, &given.entities, &given.context) {
                (Fitted::Forest(forest), _, _) => Some(forest.graph(&as_grown)),
                (Fitted::Kmeans(clusters), _, _) => Some(clusters.graph(&scaled)),
                (Fitted::Gmm(mixture), _, _) => Some(mixture.graph(&scaled)),
                (Fitted::Knn(neighbours), _, _) => Some(neighbours.graph(&scaled)),
                (Fitted::Tail(tails), _, _) => Some(tails.graph(&scaled)),
                (Fitted::Empirical(tails), _, _) => Some(tails.graph(&scaled)),
                (Fitted::Own(own), Some(entities), _) => {
                    Some(own.graph(&given.rows, entities, given.strangers.as_ref()))
                }
                (Fitted::Novelty(novelty), _, Some(context)) => Some(novelty.graph(context)),
                _ => None,
            };
            match score {
                Some(score) => graphs.members.push((*kind, [score.clone(), calibration.graph(&score)])),
                None => graphs.left_out.push(*kind),
            }
        }
        graphs
    }
}
