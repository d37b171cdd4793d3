//! Curves of straight pieces, which ONNX has no operator for: the piece is found by counting knots, the rest is looked up.

use super::{Graph, Of, Value};

/// Curves, as tables of their pieces, one curve behind the other.
struct Pieces<'g> {
    /// Curves × knots.
    knots: Value<'g>,
    /// Of how many pieces each curve is.
    count: usize,
    starts: Value<'g>,
    heights: Value<'g>,
    slopes: Value<'g>,
}

impl<'g> Pieces<'g> {
    /// Each curve is 0 below its first knot (x, y), straight between knots, and goes on from the last one with its slope. It may have
    /// no knots.
    fn of(graph: &'g Graph, curves: &[impl AsRef<[(f64, f64)]>], last_slopes: &[f64]) -> Self {
        let most = curves.iter().map(|curve| curve.as_ref().len()).max().unwrap_or(0);
        let (mut knots, mut starts, mut heights, mut slopes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (curve, &last_slope) in curves.iter().map(AsRef::as_ref).zip(last_slopes) {
            knots.extend((0..most).map(|at| curve.get(at).map_or(f64::INFINITY, |knot| knot.0)));
            // Before the first knot lies the piece that is 0; behind the last one places that are never reached.
            for piece in 0..=most {
                let start = piece.checked_sub(1).and_then(|at| curve.get(at)).copied();
                let (x, y) = start.unwrap_or((0.0, 0.0));
                let slope = start.map_or(0.0, |_| match curve.get(piece) {
                    Some(next) => (next.1 - y) / (next.0 - x),
                    None => last_slope,
                });
                starts.push(x);
                heights.push(y);
                slopes.push(slope);
            }
        }
        let count = most + 1;
        let [starts, heights, slopes] =
            [starts, heights, slopes].map(|table| graph.doubles(&[curves.len() * count], table));
        Self { knots: graph.doubles(&[curves.len(), most], knots), count, starts, heights, slopes }
    }

    /// What values come to on these pieces.
    fn at(&self, values: &Value<'g>, piece: &Value<'g>) -> Value<'g> {
        let [start, height, slope] = [&self.starts, &self.heights, &self.slopes].map(|table| table.at(piece, 0));
        height + (values - start) * slope
    }
}

impl<'g> Value<'g> {
    /// Each column (double) through a curve of its own, which goes on from its last knot with its slope.
    pub fn through(&self, curves: &[impl AsRef<[(f64, f64)]>], last_slopes: &[f64]) -> Value<'g> {
        let graph = self.graph();
        let pieces = Pieces::of(graph, curves, last_slopes);
        let passed = self.unsqueeze(2).with("GreaterOrEqual", &pieces.knots.unsqueeze(0));
        let first = (0..curves.len()).map(|column| (column * pieces.count) as i64);
        let piece = passed.to(Of::Integer).sum(2).squeeze(2) + graph.integers(&[1, curves.len()], first);
        pieces.at(self, &piece)
    }

    /// Each row of a column (double) through the curve that stands at its place (a whole number a row); all go on from their last knot
    /// with the same slope.
    pub fn through_one_of(
        &self,
        curves: &[impl AsRef<[(f64, f64)]>],
        last_slope: f64,
        places: &Value<'g>,
    ) -> Value<'g> {
        let graph = self.graph();
        let pieces = Pieces::of(graph, curves, &vec![last_slope; curves.len()]);
        let passed = self.with("GreaterOrEqual", &pieces.knots.at(places, 0));
        let first = places.unsqueeze(1) * graph.integers(&[], [pieces.count as i64]);
        pieces.at(self, &(passed.to(Of::Integer).sum(1) + first))
    }
}
