//! Own tails as a graph.

use super::OwnTails;
use crate::model::onnx::Value;
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
        let (place, has_no_past) = entities.place_among(self.habits.keys());
        let no_score = match strangers {
            Some(strangers) => {
                let is_stranger = strangers.with("Equal", &graph.floats(&[], [1.0]));
                is_stranger.choose(&graph.double(f64::INFINITY), &graph.double(f64::NAN))
            }
            None => graph.double(f64::NAN),
        };
        let columns = self.habits.values().next().map_or(0, |habit| habit.ranges().len());
        let own = Tables::of(graph, self.habits.values(), columns).at(&place).scale(rows);
        has_no_past.choose(&no_score, &self.tails.graph(&own))
    }
}
