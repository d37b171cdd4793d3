//! Curves of straight pieces, which ONNX has no operator for: the piece is found by counting knots, the rest is looked up.

use super::{Of, Value};

impl<'g> Value<'g> {
    /// Each column (double) through a curve of its own: 0 below the first knot (x, y), straight between knots, and from the last
    /// one on with its slope. A curve may have no knots.
    pub fn through(&self, curves: &[Vec<(f64, f64)>], last_slopes: &[f64]) -> Value<'g> {
        let graph = self.graph();
        let most = curves.iter().map(Vec::len).max().unwrap_or(0);
        let (mut knots, mut starts, mut heights, mut slopes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (curve, &last_slope) in curves.iter().zip(last_slopes) {
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
        let (columns, pieces) = (curves.len(), most + 1);
        let knots = graph.doubles(&[1, columns, most], knots);
        let passed = self.unsqueeze(2).with("GreaterOrEqual", &knots).to(Of::Integer).sum(2).squeeze(2);
        let piece = passed + graph.integers(&[1, columns], (0..columns).map(|column| (column * pieces) as i64));
        let [starts, heights, slopes] =
            [starts, heights, slopes].map(|table| graph.doubles(&[columns * pieces], table).at(&piece, 0));
        heights + (self - starts) * slopes
    }
}
