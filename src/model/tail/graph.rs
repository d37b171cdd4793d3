//! Tails as a graph.

use super::{Tail, Tails};
use crate::model::onnx::{Of, Value};

impl Tails {
    /// The scores of scaled rows (float), as a column.
    pub(in crate::model) fn graph<'g>(&self, rows: &Value<'g>) -> Value<'g> {
        let value = rows.to(Of::Double);
        let surprise = |value: Value<'g>, tails: Vec<&Tail>| {
            let knots = |tail: &&Tail| {
                tail.knots.iter().map(|knot| (f64::from(knot.value), f64::from(knot.surprise))).collect()
            };
            let curves: Vec<Vec<(f64, f64)>> = tails.iter().map(knots).collect();
            let slopes: Vec<f64> = tails.iter().map(|tail| 1.0 / f64::from(tail.scale)).collect();
            value.through(&curves, &slopes)
        };
        let upper = surprise(value.clone(), self.features.iter().map(|feature| &feature.upper).collect());
        let lower = surprise(value.op("Neg"), self.features.iter().map(|feature| &feature.lower).collect());
        upper.with("Max", &lower).norm4()
    }
}
