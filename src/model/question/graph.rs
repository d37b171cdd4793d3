//! A verdict as a graph.

use super::Verdict;
use crate::model::onnx::Value;

impl Verdict {
    /// The surprises of all members (columns of doubles, in nats) as one.
    pub(in crate::model) fn graph<'g>(&self, surprises: &[Value<'g>]) -> Option<Value<'g>> {
        let graph = surprises.first()?.graph();
        let answers: Vec<Value<'g>> = self
            .voices
            .iter()
            .map(|voice| {
                let members: Vec<Value<'g>> = voice.members.iter().map(|&member| surprises[member].clone()).collect();
                let together = graph.beside(&members).norm4();
                voice.calibration.as_ref().map_or(together.clone(), |calibration| calibration.graph(&together))
            })
            .collect();
        Some(graph.beside(&answers).norm4())
    }
}
