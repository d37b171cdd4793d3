//! Own tails as a graph.

use super::OwnTails;
use crate::model::onnx::{Of, Value};
use crate::model::scale::Tables;

impl OwnTails {
    /// The scores of raw rows (float) of these entities (text), as a column; NaN for entities without a past, infinity for
    /// those that training never saw (1 in `strangers`).
    pub(in crate::model) fn graph<'g>(
        &self,
        rows: &Value<'g>,
        entities: &Value<'g>,
        strangers: Option<&Value<'g>>,
    ) -> Value<'g> {
        let graph = rows.graph();
        let places = self.habits.keys().enumerate().map(|(place, entity)| (entity.as_str(), place as f32));
        let place = entities.look_up(places, -1.0).to(Of::Integer);
        let zero = graph.integers(&[], [0]);
        let has_no_past = place.with("Less", &zero).unsqueeze(1);
        let no_score = match strangers {
            Some(strangers) => {
                let is_stranger = strangers.with("Equal", &graph.floats(&[], [1.0]));
                is_stranger.choose(&graph.double(f64::INFINITY), &graph.double(f64::NAN))
            }
            None => graph.double(f64::NAN),
        };
        let columns = self.habits.values().next().map_or(0, |habit| habit.ranges().len());
        let own = Tables::of(graph, self.habits.values(), columns).at(&place.with("Max", &zero)).scale(rows);
        has_no_past.choose(&no_score, &self.tails.graph(&own))
    }
}
