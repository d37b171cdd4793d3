//! A model in an open format, so that any program with an ONNX runtime can score rows as we do.

use super::ensemble::{Given, Kind};
use super::onnx::{Graph, Of, Value};
use super::train::Model;
use crate::context;

/// A model as an ONNX file.
///
/// Inputs: `features` (float, rows × numbers), and where the model asks for them `names` (text, rows × columns of names; an empty
/// one is missing), `entity` (text, a row each) and `context` (float, rows × columns of the [`context`], NaN
/// where nothing is known) and `hour` (whole numbers, a row each: the hour of the day, UTC, at which its window starts). Which columns they are, in which order, stands in the file's metadata. One may be given or not: `before`
/// (float, rows × 1), the least `alone` of the entity's two windows before, without which nothing is taken to last.
///
/// Outputs: `raw` (double, rows × members: their own scores), `members` (the same as −log₁₀ of their p-values), and if no member
/// is left out `score` (−log₁₀ of the p-value), `p_value`, `alert`, and where there are windows `alone` (the score without what lasts).
#[derive(Clone, Debug, PartialEq)]
pub struct Onnx {
    /// The file.
    pub bytes: Vec<u8>,
    /// The inputs, each with how many columns it has; 1 if it has one value a row.
    pub inputs: Vec<(&'static str, usize)>,
    /// Members that no graph can be written of; then there is no verdict in the file.
    pub left_out: Vec<Kind>,
}

impl Model {
    /// The model as an ONNX file.
    pub fn onnx(&self) -> Onnx {
        let graph = Graph::default();
        let columns = |categorical: bool| -> Vec<&str> {
            let columns = self.schema.columns.iter().filter(|column| column.categorical == categorical);
            columns.map(|column| column.name.as_str()).collect()
        };
        let (numbers, names) = (columns(false), columns(true));
        let past: Vec<&str> = match self.schema.view() {
            Some(view) if self.card.members.iter().any(|kind| kind.asks_the_past()) => {
                context::catalogue(view).map(|feature| feature.name).collect()
            }
            _ => Vec::new(),
        };
        let whose = self.ensemble.asks_whose();
        let rows = self.encoder.graph(&graph);
        let entities = whose.then(|| graph.input("entity", Of::Text, None));
        let context = (!past.is_empty()).then(|| graph.input("context", Of::Float, Some(past.len())));
        let column = context::Columns::of(&self.schema).stranger();
        let strangers = context
            .as_ref()
            .zip(column)
            .map(|(context, column)| context.at(&graph.integers(&[1], [i64::try_from(column).unwrap_or(i64::MAX)]), 1));
        let given = Given { rows, entities, context, strangers };
        let graphs = self.ensemble.graphs(&given);
        let nat = graph.double(1.0 / std::f64::consts::LN_10);
        let column =
            |at: usize| -> Vec<Value<'_>> { graphs.members.iter().map(|(_, values)| values[at].clone()).collect() };
        let (raw, surprises) = (column(0), column(1));
        if !raw.is_empty() {
            graph.output("raw", &graph.beside(&raw), Of::Double, Some(raw.len()));
            graph.output("members", &(graph.beside(&surprises) * &nat), Of::Double, Some(raw.len()));
        }
        let complete = graphs.left_out.is_empty();
        let mut by_hour = false;
        if let Some(combined) =
            complete.then(|| self.ensemble.verdict.graph(&surprises, given.entities.as_ref())).flatten()
        {
            let mut alone = self.calibration.graph(&combined);
            if let Some(hours) = &self.hours {
                by_hour = true;
                alone = hours.graph(&alone, &graph.input("hour", Of::Integer, None));
            }
            let surprise = self.lasting.as_ref().map_or(alone.clone(), |lasting| {
                graph.output("alone", &(&alone * &nat).squeeze(1), Of::Double, None);
                lasting.graph(&alone, &(graph.optional("before").to(Of::Double) / &nat))
            });
            let surprise = surprise.squeeze(1);
            graph.output("score", &(&surprise * &nat), Of::Double, None);
            let p_value = surprise.op("Neg").op("Exp").with("Max", &graph.double(f64::MIN_POSITIVE));
            graph.output("p_value", &p_value, Of::Double, None);
            let alert = surprise.with("GreaterOrEqual", &graph.double(self.threshold));
            graph.output("alert", &alert, Of::Truth, None);
        }

        let kinds: Vec<&str> = graphs.members.iter().map(|(kind, _)| kind.name()).collect();
        let mut facts = vec![
            ("schema", self.schema.fingerprint()),
            ("view", self.schema.view.clone()),
            ("window_ns", self.schema.window_ns.to_string()),
            ("members", kinds.join(",")),
            ("threshold", self.threshold().to_string()),
        ];
        let mut inputs = Vec::new();
        for (name, columns) in [("features", &numbers), ("names", &names), ("context", &past)] {
            if !columns.is_empty() {
                inputs.push((name, columns.len()));
                facts.push((name, columns.join(",")));
            }
        }
        if whose {
            inputs.push(("entity", 1));
        }
        if by_hour {
            inputs.push(("hour", 1));
        }
        let left_out = graphs.left_out.clone();
        let about = "scores rows as tidewatch does; higher is more anomalous";
        drop((given, graphs, nat, raw, surprises));
        Onnx { bytes: graph.finish(about, &facts), inputs, left_out }
    }
}
