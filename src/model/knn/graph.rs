//! Nearest neighbours as a graph.

use super::{Neighbours, SHARES};
use crate::model::onnx::{Of, Value};

impl Neighbours {
    /// The scores of scaled rows (float), as a column.
    pub(in crate::model) fn graph<'g>(&self, rows: &Value<'g>) -> Value<'g> {
        let graph = rows.graph();
        // Feature by feature, for rows × neighbours × features would be a million numbers a row.
        let square = |feature: usize| {
            let known = self.known.iter().map(|row| f64::from(row[feature]));
            let here = rows.at(&graph.integers(&[1], [feature as i64]), 1).to(Of::Double);
            let apart = here - graph.doubles(&[1, self.known.count()], known);
            &apart * &apart
        };
        let features = self.known.iter().next().map_or(0, <[f32]>::len);
        let squares = (1..features).fold(square(0), |sum, feature| sum + square(feature));
        let places = SHARES.map(|share| self.place(share));
        let ranked = squares.lowest(places[SHARES.len() - 1] + 1);
        let chosen = ranked.at(&graph.integers(&[SHARES.len()], places.map(|place| place as i64)), 1);
        chosen.op("Sqrt").sum(1) / graph.double(SHARES.len() as f64)
    }
}
