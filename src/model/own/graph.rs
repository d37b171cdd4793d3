//! Own tails as a graph.

use super::OwnTails;
use crate::model::onnx::{Of, Value};
use crate::model::scale::Tables;

impl OwnTails {
    /// The scores of raw rows (float) of these entities (text), as a column; NaN for entities without a past.
    pub(in crate::model) fn graph<'g>(&self, rows: &Value<'g>, entities: &Value<'g>) -> Value<'g> {
        let graph = rows.graph();
        let places = self.habits.keys().enumerate().map(|(place, entity)| (entity.as_str(), place as f32));
        let place = entities.look_up(places, -1.0).to(Of::Integer);
        let zero = graph.integers(&[], [0]);
        let is_stranger = place.with("Less", &zero).unsqueeze(1);
        let columns = self.habits.values().next().map_or(0, |habit| habit.ranges().len());
        let own = Tables::of(graph, self.habits.values(), columns).at(&place.with("Max", &zero)).scale(rows);
        is_stranger.choose(&graph.double(f64::NAN), &self.tails.graph(&own))
    }
}
