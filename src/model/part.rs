//! Windows that were seen in part: those in which watching began or ended.
//!
//! What is usual is usual of whole windows: a part of one holds less, and by that alone every start and every end of watching
//! would be an alarm. All that is known of it is that what more packets never make less came to at least so much. So it is heard
//! only where it counts more than usual; what it counts less of, and what it shows of means, shares and gaps, is taken as
//! usual. A stranger is heard in full: nothing is usual of it that a part could fall short of. So is everybody where the model
//! does not know whom training saw.

use ndarray::{Array2, ArrayView1, ArrayViewMut1, ArrayViewMut2, Axis, CowArray, Ix2};

use crate::context;
use crate::matrix::{Matrix, Schema};
use crate::window::{self, View};

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

/// Makes missing what a part says nothing of: in these raw rows the columns of what does not grow.
pub(super) fn forget<'a>(
    mut values: CowArray<'a, f32, Ix2>,
    parts: &[usize],
    schema: &Schema,
) -> CowArray<'a, f32, Ix2> {
    if !parts.is_empty() {
        let grows = |name: &str| window::find(name).is_some_and(|feature| feature.grows);
        blank(values.view_mut(), parts, schema.columns.iter().map(|column| grows(&column.name)));
    }
    values
}

/// The same of what the context tells of them.
pub(super) fn forget_context(context: &mut Array2<f32>, parts: &[usize], schema: &Schema) {
    if let Some(view) = schema.view()
        && context.ncols() > 0
    {
        blank(context.view_mut(), parts, context::catalogue(view).map(|feature| feature.grows));
    }
}

fn blank(mut values: ArrayViewMut2<'_, f32>, rows: &[usize], grows: impl Iterator<Item = bool>) {
    let silent: Vec<usize> = grows.enumerate().filter(|&(_, grows)| !grows).map(|(column, _)| column).collect();
    for &row in rows {
        silent.iter().for_each(|&column| values[[row, column]] = f32::NAN);
    }
}

/// Takes as usual what these scaled rows have less of than usual.
pub(super) fn raise(scaled: &mut Array2<f32>, parts: &[usize]) {
    parts.iter().for_each(|&row| raise_row(scaled.index_axis_mut(Axis(0), row)));
}

/// [`raise`] for one row.
pub(super) fn raise_row(mut scaled: ArrayViewMut1<'_, f32>) {
    scaled.mapv_inplace(|value| value.max(0.0));
}
