//! Hours of the day as a graph.

use super::Hours;
use crate::model::onnx::Value;

impl Hours {
    /// Surprises (a column of doubles, in nats) as they are heard at these hours of the day (a whole number a row).
    pub(in crate::model) fn graph<'g>(&self, surprises: &Value<'g>, hours: &Value<'g>) -> Value<'g> {
        let known = (0_i64..).zip(&self.0).filter_map(|(hour, calibration)| Some((hour, calibration.as_ref()?)));
        known.fold(surprises.clone(), |heard, (hour, calibration)| {
            let now = hours.with("Equal", &surprises.graph().integers(&[], [hour])).unsqueeze(1);
            now.choose(&calibration.graph(surprises), &heard)
        })
    }
}
