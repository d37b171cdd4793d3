//! A calibration as a graph.

use super::Calibration;
use crate::model::onnx::Value;

impl Calibration {
    /// The surprises of a column of scores (double), in nats.
    pub(in crate::model) fn graph<'g>(&self, scores: &Value<'g>) -> Value<'g> {
        let graph = scores.graph();
        let unheard_of = scores.op("IsInf");
        let comparable = unheard_of.choose(&graph.double(0.0), scores);
        let inside = comparable.through(&[&self.seen.0], &[0.0]);
        let last = self.seen.last().map_or(f64::MAX, |(highest, _)| highest);
        let excess = (&comparable - graph.double(last)).with("Max", &graph.double(0.0));
        let reduced = (excess / graph.double(self.scale)).with("Min", &graph.double(1e300));
        let beyond = if self.shape < 1e-6 {
            reduced
        } else {
            (reduced * graph.double(self.shape)).ln_1p() / graph.double(self.shape)
        };
        let surprise = (inside + beyond).with("Min", &graph.double(self.most));
        let judged = scores.op("IsNaN").choose(&graph.double(self.missing), &surprise);
        unheard_of.choose(&graph.double(self.unheard_of), &judged)
    }
}
