//! Tempers as a graph.

use super::Tempers;
use crate::model::onnx::Value;

impl Tempers {
    /// Surprises (a column of doubles, in nats) as they are heard of these entities (text).
    pub(in crate::model) fn graph<'g>(&self, surprises: &Value<'g>, entities: &Value<'g>) -> Value<'g> {
        if self.0.is_empty() {
            return surprises.clone();
        }
        let (place, has_none) = entities.place_among(self.0.keys());
        let curves: Vec<_> = self.0.values().map(|curve| &curve.0).collect();
        let own = surprises.through_one_of(&curves, 1.0, &place);
        has_none.choose(surprises, &surprises.with("Min", &own))
    }
}
