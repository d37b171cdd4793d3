//! The columns of a polars table as what they hold.

use ndarray::Array2;
use polars::prelude::{
    Column as Series, DataType, IntoColumn, ListBuilderTrait, ListPrimitiveChunkedBuilder, PolarsError, UInt32Type,
};

use super::Schema;
use crate::window::Sightings;

/// The values of a column as numbers; what is no number is NaN.
pub(super) fn numbers(column: &Series) -> Result<Vec<f64>, PolarsError> {
    let cast = column.cast(&DataType::Float64)?;
    Ok(cast.f64()?.iter().map(|value| value.unwrap_or(f64::NAN)).collect())
}

/// The values of a column as text; none where missing.
pub(super) fn texts(column: &Series) -> Result<Vec<Option<String>>, PolarsError> {
    let cast = column.cast(&DataType::String)?;
    Ok(cast.str()?.iter().map(|value| value.map(str::to_owned)).collect())
}

/// The values of a column as integers; 0 where missing.
pub(super) fn integers(column: &Series) -> Result<Vec<i64>, PolarsError> {
    let cast = column.cast(&DataType::Int64)?;
    Ok(cast.i64()?.iter().map(|value| value.unwrap_or(0)).collect())
}

/// What each row showed; none if a row does not tell.
pub(super) fn sightings(column: &Series) -> Result<Option<Sightings>, PolarsError> {
    let mut sightings = Sightings::default();
    for row in column.list()?.amortized_iter() {
        let Some(row) = row else { return Ok(None) };
        sightings.push(row.as_ref().u32()?.iter().flatten());
    }
    Ok(Some(sightings))
}

/// What some rows showed as a column of lists; nulls if they do not tell.
pub(super) fn as_lists(name: &str, sightings: Option<&Sightings>, rows: usize) -> Series {
    let mut lists = ListPrimitiveChunkedBuilder::<UInt32Type>::new(name.into(), rows, 8 * rows, DataType::UInt32);
    (0..rows).for_each(|row| lists.append_opt_slice(sightings.map(|sightings| sightings.row(row))));
    lists.finish().into_column()
}

/// The values of the feature columns, and the levels of the categorical ones.
pub(super) fn features_of(
    features: &[&Series],
    schema: &Schema,
) -> Result<(Array2<f32>, Vec<Vec<String>>), PolarsError> {
    let rows = features.first().map_or(0, |column| column.len());
    let mut values = Array2::from_elem((rows, features.len()), f32::NAN);
    let mut levels = vec![Vec::new(); features.len()];
    for (index, (column, kind)) in features.iter().zip(&schema.columns).enumerate() {
        let mut target = values.column_mut(index);
        if kind.categorical {
            let texts = texts(column)?;
            let mut names: Vec<String> = texts.iter().flatten().cloned().collect();
            names.sort_unstable();
            names.dedup();
            for (value, text) in target.iter_mut().zip(&texts) {
                if let Some(place) = text.as_ref().and_then(|text| names.binary_search(text).ok()) {
                    *value = place as f32;
                }
            }
            levels[index] = names;
        } else {
            for (value, number) in target.iter_mut().zip(numbers(column)?) {
                *value = number as f32;
            }
        }
    }
    Ok((values, levels))
}
