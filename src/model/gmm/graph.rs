//! A mixture as a graph.

use std::f64::consts::TAU;

use super::{Component, Mixture};
use crate::model::onnx::{Of, Value};

impl Mixture {
    /// The scores of scaled rows (float), as a column.
    pub(in crate::model) fn graph<'g>(&self, rows: &Value<'g>) -> Value<'g> {
        let graph = rows.graph();
        let (features, axes) = (self.mean.len(), self.variances.len());
        let from_mean = rows.to(Of::Double) - graph.doubles(&[1, features], self.mean.iter().copied());
        let across = (0..features).flat_map(|feature| (0..axes).map(move |axis| axis * features + feature));
        let directions = graph.doubles(&[features, axes], across.map(|at| self.axes[at]));
        let along = from_mean.with("MatMul", &directions);
        let place = &along / graph.doubles(&[1, axes], self.variances.iter().map(|variance| variance.sqrt()));

        let term = |component: &Component| {
            let mean = graph.doubles(&[1, axes], component.mean.iter().copied());
            let factor = graph.doubles(&[axes, axes], component.factor.iter().copied());
            let deviation = (&place - mean).with("MatMul", &factor);
            let log_root: f64 = component.factor.iter().step_by(axes + 1).map(|diagonal| diagonal.ln()).sum();
            let constant = component.log_weight + log_root - 0.5 * axes as f64 * TAU.ln();
            graph.double(constant) - (&deviation * &deviation).sum(1) * graph.double(0.5)
        };
        let terms = graph.beside(&self.components.iter().map(term).collect::<Vec<_>>());
        let largest = terms.largest();
        let log_density = (&terms - &largest).op("Exp").sum(1).op("Log") + largest;

        let off = (features - axes) as f64;
        let constant =
            off * (TAU * self.residual).ln() + self.variances.iter().map(|variance| variance.ln()).sum::<f64>();
        let all = if axes < features {
            let off_plane = (&from_mean * &from_mean).sum(1) - (&along * &along).sum(1);
            off_plane.with("Max", &graph.double(0.0)) / graph.double(self.residual) + graph.double(constant)
        } else {
            graph.double(constant)
        };
        all * graph.double(0.5) - log_density
    }
}
