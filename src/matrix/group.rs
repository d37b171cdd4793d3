//! Rows that will be a row group, column by column: so they are written, and so they lie in the file.

use std::ops::Range;

use polars::prelude::{Column as Series, NamedFrom, Series as Named};

use super::columns::as_lists;
use super::store::{KEYS, SIGHTINGS, TRUTH};
use super::{Labels, Matrix, Schema};
use crate::window::{Names, Rows, Sightings};

/// Rows of a row group, all but the last.
pub(super) const ROW_GROUP: usize = 1 << 13;

/// Rows that are turned into columns at once: they fit into a processor's nearest cache.
const BLOCK: usize = 16;

/// From a column to the next: not a power of two, for what lies so far apart shares few places in a cache.
const STRIDE: usize = ROW_GROUP + BLOCK;

/// Up to [`ROW_GROUP`] rows of a matrix.
pub(super) struct Group {
    pub schema: Schema,
    pub window_start_ns: Vec<i64>,
    pub entity: Names,
    pub labels: Option<Labels>,
    /// What each row showed, if all of them tell.
    sightings: Option<Sightings>,
    /// The names of the categorical columns' values, by column; empty for a column of numbers.
    pub levels: Vec<Vec<String>>,
    /// Of each feature [`STRIDE`] values, of which the first are in use.
    values: Vec<f32>,
}

impl Group {
    /// One without rows, for a matrix of this kind.
    pub fn new(schema: Schema, labelled: bool) -> Self {
        let columns = schema.columns.len();
        Self {
            schema,
            window_start_ns: Vec::new(),
            entity: Names::default(),
            labels: labelled.then(Labels::default),
            sightings: Some(Sightings::default()),
            levels: vec![Vec::new(); columns],
            values: vec![0.0; columns * STRIDE],
        }
    }

    /// How many rows it has.
    pub fn rows(&self) -> usize {
        self.entity.len()
    }

    /// How many more it can take.
    pub fn room(&self) -> usize {
        ROW_GROUP - self.rows()
    }

    /// The values of a feature.
    pub fn feature(&self, column: usize) -> &[f32] {
        &self.values[column * STRIDE..][..self.rows()]
    }

    /// The columns that tell whose row each row is.
    pub fn keys(&self) -> Vec<Series> {
        keys(&self.schema, &self.window_start_ns, self.entity.iter().collect())
    }

    /// A feature whose values are names.
    pub fn names(&self, column: usize) -> Series {
        let (name, levels) = (self.schema.columns[column].name.as_str(), &self.levels[column]);
        let level = |&code: &f32| if code.is_nan() { None } else { levels.get(code as usize).map(String::as_str) };
        Named::new(name.into(), self.feature(column).iter().map(level).collect::<Vec<_>>()).into()
    }

    /// The columns that tell what each row is in truth, if that is known.
    pub fn truth(&self) -> Vec<Series> {
        truth(self.labels.as_ref())
    }

    /// The column that tells what each row showed, if rows of the view can tell; nulls if not all of them do.
    pub fn sighted(&self) -> Vec<Series> {
        let told = self.schema.view().is_some_and(Sightings::told_by);
        if told { vec![as_lists(SIGHTINGS, self.sightings.as_ref(), self.rows())] } else { Vec::new() }
    }

    /// Takes in some rows of a window; `attacks` names the attacks of the ground truth, if there is one.
    ///
    /// # Panics
    /// If there is no room for them, or they are not of the schema's view.
    pub fn push_window(&mut self, start_ns: i64, rows: &Rows, part: Range<usize>, attacks: Option<&[String]>) {
        let width = self.schema.columns.len();
        assert_eq!(rows.values.len(), rows.len() * width, "a row has the columns of its view");
        self.turn(&rows.values[part.start * width..part.end * width]);
        self.window_start_ns.extend(std::iter::repeat_n(start_ns, part.len()));
        if let Some(labels) = &mut self.labels {
            labels.push_window(rows, part.clone(), attacks);
        }
        self.push_sightings(rows.sightings.as_ref(), part.clone());
        self.entity.append(&rows.entity, part);
    }

    /// Takes in some rows of a matrix of its kind.
    ///
    /// # Panics
    /// If there is no room for them.
    pub fn push_rows(&mut self, matrix: &Matrix, part: Range<usize>) {
        let width = self.schema.columns.len();
        let values = matrix.values.as_standard_layout();
        self.turn(&values.as_slice().unwrap_or_default()[part.start * width..part.end * width]);
        self.window_start_ns.extend_from_slice(&matrix.window_start_ns[part.clone()]);
        if let (Some(mine), Some(labels)) = (&mut self.labels, &matrix.labels) {
            part.clone().for_each(|row| mine.push(labels.name(row), labels.packets[row]));
        }
        self.push_sightings(matrix.sightings.as_ref(), part.clone());
        matrix.entity[part].iter().for_each(|entity| self.entity.push(entity));
    }

    fn push_sightings(&mut self, sightings: Option<&Sightings>, part: Range<usize>) {
        match (&mut self.sightings, sightings) {
            (Some(mine), Some(theirs)) => part.for_each(|row| mine.push_sorted(theirs.row(row).iter().copied())),
            _ => self.sightings = None,
        }
    }

    /// Adds these values, row after row, to the columns.
    fn turn(&mut self, values: &[f32]) {
        let width = self.schema.columns.len().max(1);
        let mut start = self.rows();
        for block in values.chunks(BLOCK * width) {
            for (column, values) in self.values.chunks_exact_mut(STRIDE).enumerate() {
                for (to, row) in values[start..].iter_mut().zip(block.chunks_exact(width)) {
                    *to = row[column];
                }
            }
            start += block.len() / width;
        }
    }

    /// Forgets its rows.
    pub fn clear(&mut self) {
        self.window_start_ns.clear();
        self.entity.clear();
        if let Some(labels) = &mut self.labels {
            labels.attack.clear();
            labels.packets.clear();
        }
        self.sightings = Some(Sightings::default());
    }
}

/// The columns that tell whose row each row is.
pub(super) fn keys(schema: &Schema, window_start_ns: &[i64], entity: Vec<&str>) -> Vec<Series> {
    vec![
        Named::new(KEYS[0].into(), window_start_ns).into(),
        Named::new(KEYS[1].into(), vec![schema.window_ns; entity.len()]).into(),
        Named::new(KEYS[2].into(), vec![schema.view.as_str(); entity.len()]).into(),
        Named::new(KEYS[3].into(), entity).into(),
    ]
}

/// The columns that tell what each row is in truth, if that is known.
pub(super) fn truth(labels: Option<&Labels>) -> Vec<Series> {
    let Some(labels) = labels else { return Vec::new() };
    let names: Vec<Option<&str>> = (0..labels.attack.len()).map(|row| labels.name(row)).collect();
    vec![Named::new(TRUTH[0].into(), names).into(), Named::new(TRUTH[1].into(), &labels.packets).into()]
}
