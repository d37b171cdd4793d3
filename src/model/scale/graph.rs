//! Scaling as a graph.

use super::{Column, LIMIT, Scaler};
use crate::model::onnx::{Graph, Of, Value};

/// The numbers of scalings, each a row: units (0 where a column is not logged), medians and spreads.
pub(in crate::model) struct Tables<'g>([Value<'g>; 3]);

impl<'g> Tables<'g> {
    /// Of several scalings of so many columns.
    pub fn of<'a>(
        graph: &'g Graph,
        scalers: impl ExactSizeIterator<Item = &'a Scaler> + Clone,
        columns: usize,
    ) -> Self {
        let table = |number: fn(&Column) -> f64| {
            let numbers = scalers.clone().flat_map(|scaler| &scaler.columns).map(number);
            graph.doubles(&[scalers.len(), columns], numbers)
        };
        let unit = |column: &Column| column.unit.map_or(0.0, f64::from);
        Self([table(unit), table(|column| column.median), table(|column| column.spread)])
    }

    /// For each row the scaling at its place.
    pub fn at(&self, places: &Value<'g>) -> Self {
        Self(self.0.each_ref().map(|table| table.at(places, 0)))
    }

    /// Raw rows (float), scaled (float).
    pub fn scale(&self, raw: &Value<'g>) -> Value<'g> {
        let graph = raw.graph();
        let [units, medians, spreads] = &self.0;
        let zero = graph.floats(&[], [0.0]);
        let missing = raw.op("IsNaN").with("Or", &raw.op("IsInf"));
        let value = missing.choose(&zero, raw).to(Of::Double);
        let is_logged = units.with("Greater", &graph.double(0.0));
        let units = is_logged.choose(units, &graph.double(1.0));
        let logged = (value.op("Abs") / units).ln_1p() * value.op("Sign");
        let scaled = ((is_logged.choose(&logged, &value) - medians) / spreads).to(Of::Float);
        let [low, high] = [-LIMIT, LIMIT].map(|limit| graph.floats(&[], [limit]));
        missing.choose(&zero, &scaled.with("Max", &low).with("Min", &high))
    }
}

impl Scaler {
    /// Raw rows (float), scaled (float).
    pub(in crate::model) fn graph<'g>(&self, raw: &Value<'g>) -> Value<'g> {
        Tables::of(raw.graph(), std::iter::once(self), self.columns.len()).scale(raw)
    }
}
