//! Names as numbers: the level of a categorical feature becomes how rare it was in training.

mod graph;

use std::collections::BTreeMap;

use ndarray::{CowArray, Ix2};
use serde::{Deserialize, Serialize};

use crate::matrix::Matrix;

/// For each column of names, the rarity of its levels; nothing for a column of numbers.
///
/// One column stays one column, however many levels it has, and a level that training never saw is rarer than all others:
/// what an anomaly detector wants to know of a name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Encoder {
    columns: Vec<Option<Rarity>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Rarity {
    /// −ln of the level's share of the training rows.
    levels: BTreeMap<String, f32>,
    unseen: f32,
}

impl Encoder {
    /// Learns the rarities from the rows of a matrix.
    pub fn fit(matrix: &Matrix) -> Self {
        let rarity = |index: usize| {
            let names = &matrix.levels[index];
            let mut counts = vec![0_usize; names.len()];
            for &code in matrix.values.column(index) {
                if let Some(count) = counts.get_mut(code as usize).filter(|_| !code.is_nan()) {
                    *count += 1;
                }
            }
            let total = (matrix.rows() + 1) as f32;
            let seen = names.iter().zip(counts).filter(|&(_, count)| count > 0);
            Rarity {
                levels: seen.map(|(name, count)| (name.clone(), (total / count as f32).ln())).collect(),
                unseen: total.ln(),
            }
        };
        let columns = matrix.schema.columns.iter().enumerate();
        Self { columns: columns.map(|(index, column)| column.categorical.then(|| rarity(index))).collect() }
    }

    /// The matrix's values with every name replaced by its rarity; what is missing stays missing. They are not copied where there are
    /// no names.
    pub fn encode<'a>(&self, matrix: &'a Matrix) -> CowArray<'a, f32, Ix2> {
        let mut values = CowArray::from(matrix.values.view());
        for (index, rarity) in self.columns.iter().enumerate() {
            let Some(rarity) = rarity else { continue };
            let of = |name: &String| rarity.levels.get(name).copied().unwrap_or(rarity.unseen);
            let rarities: Vec<f32> = matrix.levels[index].iter().map(of).collect();
            let recode =
                |code: f32| if code.is_nan() { code } else { rarities.get(code as usize).copied().unwrap_or(f32::NAN) };
            values.column_mut(index).mapv_inplace(recode);
        }
        values
    }

    /// Whether what was read from a file can be used with `features` features.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self, features: usize) -> Result<(), String> {
        let sound =
            |rarity: &Rarity| rarity.unseen.is_finite() && rarity.levels.values().all(|value| value.is_finite());
        if self.columns.len() == features && self.columns.iter().flatten().all(sound) {
            Ok(())
        } else {
            Err("the encoding of names is damaged".to_owned())
        }
    }
}
