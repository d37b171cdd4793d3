//! Clusters as a graph.

use super::{Cluster, Clusters};
use crate::model::onnx::{Of, Value};

impl Clusters {
    /// The scores of scaled rows (float), as a column.
    pub(in crate::model) fn graph<'g>(&self, rows: &Value<'g>) -> Value<'g> {
        let (graph, rows) = (rows.graph(), rows.to(Of::Double));
        // By differences: |x|² − 2xc + |c|² loses what is small.
        let distance = |cluster: &Cluster| {
            let centroid = cluster.centroid.iter().map(|&value| f64::from(value));
            let apart = &rows - graph.doubles(&[1, cluster.centroid.len()], centroid);
            (&apart * &apart).sum(1).op("Sqrt") / graph.double(cluster.width)
        };
        let distances: Vec<Value<'g>> = self.clusters.iter().map(distance).collect();
        graph.beside(&distances).least()
    }
}
