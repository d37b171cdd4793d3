//! Windows that were seen in part: those in which watching began or ended.
//!
//! What is usual is usual of whole windows: a part of one holds less, and by that alone every start and every end of watching
//! would be an alarm. All that is known of it is that what more packets never make less came to at least so much. So a part is
//! completed by what is usual of its entity: counts are at least that, and means, shares and gaps, of which a part says nothing,
//! are that. What is more than usual is heard. A stranger is heard as it is: nothing is usual of it that a part could fall short
//! of. So is everybody where the model does not know whom training saw.

use ndarray::{Array2, ArrayView1, CowArray, Ix2};

use super::scale::Range;
use crate::context;
use crate::matrix::{Matrix, Schema};
use crate::window::{self, Feature, Unit, View};

/// The rows of a matrix whose windows start at one of these times, which are sorted. `strangers` has a 1 for whom training never
/// saw, and is none if that is not known; everything together is no stranger.
pub(super) fn rows(matrix: &Matrix, edges: &[i64], strangers: Option<ArrayView1<'_, f32>>) -> Vec<usize> {
    let is_cut = |row: usize| edges.binary_search(&matrix.window_start_ns[row]).is_ok();
    let is_known = |row: usize| match strangers {
        Some(strangers) => strangers[row] != 1.0,
        None => matrix.schema.view() == Some(View::Network),
    };
    if edges.is_empty() {
        return Vec::new();
    }
    (0..matrix.rows()).filter(|&row| is_cut(row) && is_known(row)).collect()
}

/// Completes these raw rows by what is `usual` of a row's entity, feature by feature.
pub(super) fn complete<'a>(
    mut values: CowArray<'a, f32, Ix2>,
    parts: &[usize],
    schema: &Schema,
    usual: impl Fn(usize) -> Vec<Range>,
) -> CowArray<'a, f32, Ix2> {
    if parts.is_empty() {
        return values;
    }
    let features: Vec<Option<&Feature>> = schema.columns.iter().map(|column| window::find(&column.name)).collect();
    for &row in parts {
        for ((value, range), feature) in values.row_mut(row).iter_mut().zip(usual(row)).zip(&features) {
            let Some(feature) = feature else { continue };
            let is_count = matches!(feature.unit, Unit::Count(_));
            *value = match feature.grows {
                true => value.max(range.median),
                // What is missing stays so, and a mean of what the entity never had is news.
                false if value.is_nan() || range == Range::default() && !is_count => *value,
                false => range.median,
            };
        }
    }
    values
}

/// Makes missing what a part says nothing of, in what the context tells of these rows.
pub(super) fn forget(context: &mut Array2<f32>, parts: &[usize], schema: &Schema) {
    let Some(view) = schema.view().filter(|_| context.ncols() > 0) else { return };
    for (column, _) in context::catalogue(view).enumerate().filter(|(_, feature)| !feature.grows) {
        parts.iter().for_each(|&row| context[[row, column]] = f32::NAN);
    }
}
