//! What lasts, as a graph.

use super::{HEARD, Lasting};
use crate::model::onnx::Value;

impl Lasting {
    /// The surprises of rows (a column of doubles, in nats) that alone have some, and whose entities had at least others before.
    pub(in crate::model) fn graph<'g>(&self, alone: &Value<'g>, before: &Value<'g>) -> Value<'g> {
        let graph = alone.graph();
        let lasts = self.least.graph(&alone.with("Min", before)) + graph.double(HEARD.ln());
        let lasts = lasts.with("Max", &graph.double(0.0)).with("Min", &graph.double(self.most));
        self.together.graph(&graph.beside(&[alone.clone(), lasts]).norm4())
    }
}
