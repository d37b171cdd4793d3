//! Novelty as a graph.

use super::Novelty;
use crate::model::onnx::{Of, Value};

impl Novelty {
    /// The scores of rows of the context (float), as a column.
    pub(in crate::model) fn graph<'g>(&self, context: &Value<'g>) -> Value<'g> {
        let graph = context.graph();
        let unknown = context.op("IsNaN").with("Or", &context.op("IsInf"));
        let zero = graph.floats(&[], [0.0]);
        let known = unknown.choose(&zero, context);
        let magnitude = (known.op("Abs").to(Of::Double).ln_1p() * known.op("Sign").to(Of::Double)).to(Of::Float);
        let judged = graph.floats(&[1, self.columns.len()], self.columns.iter().map(|column| f32::from(column.judged)));
        self.tails.graph(&(magnitude * judged))
    }
}
