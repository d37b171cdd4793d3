//! Names as numbers, as a graph.

use super::Encoder;
use crate::model::onnx::{Graph, Of, Value};

impl Encoder {
    /// Raw rows (float), of inputs `features` (the columns of numbers) and `names` (those of names; an empty one is missing).
    pub(in crate::model) fn graph<'g>(&self, graph: &'g Graph) -> Value<'g> {
        let named = self.columns.iter().filter(|column| column.is_some()).count();
        let numbers = self.columns.len() - named;
        let features = (numbers > 0).then(|| graph.input("features", Of::Float, Some(numbers)));
        if let (0, Some(features)) = (named, &features) {
            return features.clone();
        }
        let names = graph.input("names", Of::Text, Some(named));
        let mut places = [0..numbers as i64, 0..named as i64];
        let column = |rarity: &Option<super::Rarity>| -> Option<Value<'g>> {
            let from = if rarity.is_some() { Some(&names) } else { features.as_ref() }?;
            let place = places[usize::from(rarity.is_some())].next()?;
            let column = from.at(&graph.integers(&[1], [place]), 1);
            let Some(rarity) = rarity else { return Some(column) };
            let missing = (!rarity.levels.contains_key("")).then_some(("", f32::NAN));
            let levels = rarity.levels.iter().map(|(name, &rare)| (name.as_str(), rare));
            Some(column.look_up(levels.chain(missing), rarity.unseen))
        };
        graph.beside(&self.columns.iter().filter_map(column).collect::<Vec<_>>())
    }
}
