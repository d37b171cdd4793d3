//! Tempers as a graph.

use super::Tempers;
use crate::model::onnx::{Of, Value};

impl Tempers {
    /// Surprises (a column of doubles, in nats) as they are heard of these entities (text).
    pub(in crate::model) fn graph<'g>(&self, surprises: &Value<'g>, entities: &Value<'g>) -> Value<'g> {
        if self.0.is_empty() {
            return surprises.clone();
        }
        let graph = surprises.graph();
        let places = self.0.keys().enumerate().map(|(place, entity)| (entity.as_str(), place as f32));
        let place = entities.look_up(places, -1.0).to(Of::Integer);
        let zero = graph.integers(&[], [0]);
        let has_none = place.with("Less", &zero).unsqueeze(1);
        let curves: Vec<_> = self.0.values().map(|curve| &curve.0).collect();
        let own = surprises.through_one_of(&curves, 1.0, &place.with("Max", &zero));
        has_none.choose(surprises, &surprises.with("Min", &own))
    }
}
