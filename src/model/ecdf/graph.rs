//! Empirical tails as a graph.

use super::{EmpiricalTails, Feature, Sum, Tail};
use crate::model::onnx::{Of, Value};

impl EmpiricalTails {
    /// The scores of scaled rows (float), as a column.
    pub(in crate::model) fn graph<'g>(&self, rows: &Value<'g>) -> Value<'g> {
        let (graph, value) = (rows.graph(), rows.to(Of::Double));
        let surprise = |value: Value<'g>, tail: fn(&Feature) -> &Tail| {
            let knots =
                |feature| tail(feature).0.iter().map(|&(value, surprise)| (value.into(), surprise.into())).collect();
            let curves: Vec<Vec<(f64, f64)>> = self.features.iter().map(knots).collect();
            value.through(&curves, &vec![0.0; curves.len()])
        };
        let left = surprise(value.op("Neg"), |feature| &feature.left);
        let right = surprise(value, |feature| &feature.right);
        let terms = match self.sum {
            Sum::Ecod => left.with("Max", &right),
            Sum::Copod => {
                let to_the_left = self.features.iter().map(|feature| i64::from(feature.skewed_left));
                let to_the_left = graph.integers(&[1, self.features.len()], to_the_left).to(Of::Truth);
                let skewed = to_the_left.choose(&left, &right);
                skewed.with("Max", &((left + right) * graph.double(0.5)))
            }
        };
        terms.sum(1)
    }
}
