//! A verdict as a graph.

use super::Verdict;
use crate::model::onnx::Value;

impl Verdict {
    /// The surprises of all members (columns of doubles, in nats) as one, for rows of these entities (text), where whose they are matters.
    pub(in crate::model) fn graph<'g>(
        &self,
        surprises: &[Value<'g>],
        entities: Option<&Value<'g>>,
    ) -> Option<Value<'g>> {
        let graph = surprises.first()?.graph();
        let answers: Vec<Value<'g>> = self
            .voices
            .iter()
            .map(|voice| {
                let members: Vec<Value<'g>> = voice.members.iter().map(|&member| surprises[member].clone()).collect();
                let together = graph.beside(&members).norm4();
                let answer =
                    voice.calibration.as_ref().map_or(together.clone(), |calibration| calibration.graph(&together));
                match voice.tempers.as_ref().zip(entities) {
                    Some((tempers, entities)) => tempers.graph(&answer, entities),
                    None => answer,
                }
            })
            .collect();
        Some(graph.beside(&answers).norm4())
    }
}
