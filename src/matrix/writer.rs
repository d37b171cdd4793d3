//! Rows to a file as they come, Parquet or CSV.

use std::io::Write;
use std::path::Path;

use polars::io::parquet::write::BatchedWriter;
use polars::prelude::{
    Column as Series, CsvWriter, DataFrame, Float32Chunked, IntoColumn, KeyValueMetadata, ParquetCompression,
    ParquetWriter, PolarsError, SerWriter, StatisticsOptions,
};

use super::group::{self, Group};
use super::pages::Pages;
use super::store::{DEFINITIONS_KEY, FINGERPRINT_KEY, SELECTION_KEY, polars_fault};
use super::{Matrix, Schema, Selection};
use crate::error::Result;
use crate::file;
use crate::window::Rows;

/// Whether a matrix that is written there will be CSV.
pub fn is_csv(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"))
}

/// Writes a matrix: CSV if the name ends in `.csv`, else Parquet.
///
/// # Errors
/// The file cannot be written.
pub fn write(matrix: &Matrix, path: &Path) -> Result<()> {
    file::write(path, |out| {
        let mut writer = Writer::new(path, out, matrix.schema.clone(), matrix.labels.is_some())?;
        writer.pending.levels.clone_from(&matrix.levels);
        writer.push_rows(matrix)?;
        writer.finish().map(drop)
    })
}

/// A matrix that is written as its windows close. What the file holds depends on the rows alone, not on how they came.
pub struct Writer<'a, W: Write> {
    sheet: Sheet<'a, W>,
    /// Rows that do not yet make a row group.
    pending: Group,
}

impl<'a, W: Write> Writer<'a, W> {
    /// A matrix without rows: CSV if the name of `path` ends in `.csv`, else Parquet.
    ///
    /// # Errors
    /// The beginning of the file cannot be written.
    pub fn new(path: &'a Path, out: W, schema: Schema, labelled: bool) -> Result<Self> {
        let pending = Group::new(schema, labelled);
        Ok(Self { sheet: Sheet::new(path, out, &pending)?, pending })
    }

    /// Adds the rows of one window; `attacks` names the attacks of the ground truth, if there is one.
    ///
    /// # Errors
    /// They cannot be written.
    ///
    /// # Panics
    /// If the rows are not of the schema's view.
    pub fn push(&mut self, start_ns: i64, rows: Rows, attacks: Option<&[String]>) -> Result<()> {
        let mut start = 0;
        while start < rows.len() {
            let part = start..rows.len().min(start + self.room()?);
            start = part.end;
            self.pending.push_window(start_ns, &rows, part, attacks);
        }
        Ok(())
    }

    /// Adds rows of a matrix of the same kind, numbers alone.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn push_rows(&mut self, matrix: &Matrix) -> Result<()> {
        let mut start = 0;
        while start < matrix.rows() {
            let part = start..matrix.rows().min(start + self.room()?);
            start = part.end;
            self.pending.push_rows(matrix, part);
        }
        Ok(())
    }

    /// How many rows the pending group can take: it is written first if it is full.
    fn room(&mut self) -> Result<usize> {
        if self.pending.room() == 0 {
            self.sheet.write(&self.pending)?;
            self.pending.clear();
        }
        Ok(self.pending.room())
    }

    /// Writes what is pending and the end of the file.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn finish(mut self) -> Result<Written> {
        if self.pending.rows() > 0 {
            self.sheet.write(&self.pending)?;
            self.pending.clear();
        }
        self.sheet.finish(&self.pending)
    }
}

/// A file that takes rows in groups.
struct Sheet<'a, W: Write> {
    path: &'a Path,
    format: Format<W>,
    written: Written,
}

enum Format<W: Write> {
    Parquet(Box<BatchedWriter<W>>, Pages),
    Csv { out: W, headed: bool },
}

/// What has been written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// How many rows.
    pub rows: usize,
    /// Those of them that hold packets of attacks.
    pub attack_rows: usize,
}

impl<'a, W: Write> Sheet<'a, W> {
    fn new(path: &'a Path, out: W, empty: &Group) -> Result<Self> {
        let schema = &empty.schema;
        let format = if is_csv(path) {
            Format::Csv { out, headed: false }
        } else {
            let mut metadata = vec![
                (DEFINITIONS_KEY.to_owned(), schema.definitions.to_string()),
                (FINGERPRINT_KEY.to_owned(), schema.fingerprint()),
            ];
            if schema.selection != Selection::default() {
                metadata.extend(serde_json::to_string(&schema.selection).map(|json| (SELECTION_KEY.to_owned(), json)));
            }
            // Nothing looks rows up by the ranges of their values.
            let writer = ParquetWriter::new(out)
                .with_compression(ParquetCompression::Zstd(None))
                .with_statistics(StatisticsOptions::empty())
                .set_parallel(false)
                .with_key_value_metadata(Some(KeyValueMetadata::from_static(metadata)));
            let columns = frame(empty).and_then(|mut columns| {
                columns.hstack_mut(&empty.sighted())?;
                Ok(columns)
            });
            let writer = columns.and_then(|columns| writer.batched(columns.schema()));
            let writer = writer.map_err(|error| polars_fault(path, &error))?;
            Format::Parquet(Box::new(writer), Pages::default())
        };
        Ok(Self { path, format, written: Written::default() })
    }

    /// Writes these rows, which become a row group.
    fn write(&mut self, group: &Group) -> Result<()> {
        self.written.rows += group.rows();
        if let Some(labels) = &group.labels {
            self.written.attack_rows += labels.attack.iter().flatten().count();
        }
        let written = match &mut self.format {
            Format::Parquet(writer, pages) => pages
                .of(group, writer.parquet_schema())
                .and_then(|pages| writer.write_row_group(group.rows() as u64, &pages)),
            Format::Csv { out, headed } => {
                let head = !std::mem::replace(headed, true);
                frame(group).and_then(|mut frame| CsvWriter::new(out).include_header(head).finish(&mut frame))
            }
        };
        written.map_err(|error| polars_fault(self.path, &error))
    }

    /// Writes the end of the file. A table without rows has the columns of the `empty` group all the same.
    fn finish(mut self, empty: &Group) -> Result<Written> {
        match &self.format {
            Format::Parquet(writer, _) => {
                writer.finish().map(drop).map_err(|error| polars_fault(self.path, &error))?;
            }
            Format::Csv { headed: false, .. } => self.write(empty)?,
            Format::Csv { .. } => {}
        }
        Ok(self.written)
    }
}

/// Rows as a table with all columns that a CSV has a place for.
fn frame(group: &Group) -> std::result::Result<DataFrame, PolarsError> {
    let mut columns = group.keys();
    for (place, column) in group.schema.columns.iter().enumerate() {
        columns.push(if column.categorical {
            group.names(place)
        } else {
            Float32Chunked::from_vec(column.name.as_str().into(), group.feature(place).to_vec()).into_column()
        });
    }
    columns.extend(group.truth());
    DataFrame::new(group.rows(), columns)
}

/// The columns that tell whose row each row of a matrix is.
pub fn key_columns(matrix: &Matrix) -> Vec<Series> {
    group::keys(&matrix.schema, &matrix.window_start_ns, matrix.entity.iter().map(String::as_str).collect())
}

/// The columns that tell what each row of a matrix is in truth, if that is known.
pub fn truth_columns(matrix: &Matrix) -> Vec<Series> {
    group::truth(matrix.labels.as_ref())
}

#[cfg(test)]
mod tests {
    use super::super::{Column, TableOptions, read};
    use super::*;
    use crate::file::Draft;

    fn schema() -> Schema {
        let column = |name: &str| Column { name: name.to_owned(), categorical: false };
        let columns = ["a", "b", "c"].map(column).to_vec();
        let definitions = crate::window::DEFINITIONS_VERSION;
        let selection = Selection { filter: Some("tcp".into()), ..Selection::default() };
        Schema { view: "host".into(), window_ns: 10, columns, definitions, selection }
    }

    /// A window of so many rows, one of which is an attack's.
    fn window(number: i64, rows: usize) -> Rows {
        Rows {
            entity: (0..rows).map(|row| format!("10.0.0.{row}")).collect(),
            values: (0..3 * rows)
                .map(|value| if value % 7 == 3 { f32::NAN } else { value as f32 + number as f32 })
                .collect(),
            attack: (0..rows).map(|row| (row == 1).then_some((number % 2) as u16)).collect(),
            attack_packets: (0..rows).map(|row| u32::from(row == 1)).collect(),
            sightings: Some((0..rows as u32).map(|row| (0..row % 3).collect::<Vec<u32>>()).collect()),
            parties: None,
        }
    }

    #[test]
    fn a_file_depends_on_the_rows_and_not_on_how_they_came() {
        let folder = tempfile::tempdir().unwrap();
        let attacks = ["flood".to_owned(), "scan".to_owned()];
        // One row group within a window, windows within a row group, one that is longer than two, and none.
        let windows = [10_000, 7_000, 3, 0, 40_000, 1];
        for (name, other) in [("a.parquet", "b.parquet"), ("a.csv", "b.csv")] {
            let (path, other) = (folder.path().join(name), folder.path().join(other));
            let mut whole = Matrix::new(schema(), true);
            let mut draft = Draft::new(&path).unwrap();
            let mut writer = Writer::new(&path, &mut draft, schema(), true).unwrap();
            for (number, rows) in windows.into_iter().enumerate() {
                let number = number as i64;
                writer.push(number * 10, window(number, rows), Some(&attacks)).unwrap();
                whole.push_window(number * 10, window(number, rows), Some(&attacks));
            }
            assert_eq!(writer.finish().unwrap(), Written { rows: 57_004, attack_rows: 4 });
            crate::file::finish(vec![draft], Ok(())).unwrap();
            write(&whole, &other).unwrap();
            let written = std::fs::read(&path).unwrap();
            assert!(written == std::fs::read(&other).unwrap(), "{name}");
            // Nor on who makes the pages.
            for threads in [1, 3] {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| write(&whole, &other)).unwrap();
                assert!(written == std::fs::read(&other).unwrap(), "{name} on one of {threads} threads");
            }

            let again = read(&path, &TableOptions::default(), None).unwrap();
            assert_eq!(again.window_start_ns, whole.window_start_ns);
            // A CSV does not tell which packets there were.
            assert_eq!(again.schema.difference(&whole.schema).is_some(), name.ends_with("csv"));
            assert_eq!((&again.entity, &again.labels), (&whole.entity, &whole.labels));
            assert!(again.sightings == whole.sightings.clone().filter(|_| name.ends_with("parquet")), "{name}");
            assert!(again.values.iter().zip(&whole.values).all(|(a, b)| a == b || a.is_nan() && b.is_nan()));
        }
    }

    #[test]
    fn a_matrix_without_rows_has_its_columns() {
        let folder = tempfile::tempdir().unwrap();
        let empty = Matrix::new(schema(), true);
        write(&empty, &folder.path().join("m.csv")).unwrap();
        let expected = "window_start_ns,window_ns,view,entity,a,b,c,label,attack_packets\n";
        assert_eq!(std::fs::read_to_string(folder.path().join("m.csv")).unwrap(), expected);
        write(&empty, &folder.path().join("m.parquet")).unwrap();
        let error = read(&folder.path().join("m.parquet"), &TableOptions::default(), None).unwrap_err();
        assert!(error.what.contains("no rows"), "{error}");
    }
}
