//! Matrices from Parquet and CSV, through polars.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use polars::prelude::{
    AnyValue, Column as Series, CsvReadOptions, DataFrame, DataType, ParquetReader, PolarsError, SerReader,
};

use super::columns::{features_of, integers, sightings, texts};
use super::foreign::{TableOptions, from_foreign, no_table};
use super::{Column, FOREIGN_VIEW, Labels, Matrix, Schema, Selection};
use crate::error::{Error, ErrorKind, Result};
use crate::window::DEFINITIONS_VERSION;

/// The columns that tell whose row a row is.
pub(super) const KEYS: [&str; 4] = ["window_start_ns", "window_ns", "view", "entity"];
/// The columns that tell what it is in truth.
pub(super) const TRUTH: [&str; 2] = ["label", "attack_packets"];
/// The column that tells what each row showed.
pub(super) const SIGHTINGS: &str = "sightings";
/// The key of the version of the features' formulas in a Parquet file's metadata.
pub(super) const DEFINITIONS_KEY: &str = "tidewatch.definitions";
/// The key of the selection of packets, if it is not all.
pub(super) const SELECTION_KEY: &str = "tidewatch.selection";
pub(super) const FINGERPRINT_KEY: &str = "tidewatch.schema";

const PARQUET_MAGIC: &[u8] = b"PAR1";

fn fault(path: &Path, what: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Matrix, path.display(), what)
}

pub(super) fn polars_fault(path: &Path, error: &PolarsError) -> Error {
    let text = error.to_string();
    fault(path, text.lines().next().unwrap_or("cannot be read").to_lowercase())
        .hint("is it a whole CSV or Parquet file?")
}

fn damaged_parquet(path: &Path, error: &PolarsError) -> Error {
    let text = error.to_string().to_lowercase();
    let why = text.lines().next().unwrap_or_default().trim_start_matches("parquet: ");
    let why = why.trim_start_matches("file out of specification: ").trim_start_matches("underlying io error: ");
    fault(path, format!("is a damaged Parquet file ({why})")).hint("copy it again, or extract it again")
}

fn ragged(path: &Path, error: &PolarsError) -> Error {
    if error.to_string().contains("more fields") {
        no_table(path, "a line of it has more fields than the first")
    } else {
        polars_fault(path, error)
    }
}

/// Whether a file that starts with these bytes is a matrix or a table rather than a capture or a model: Parquet, or text.
pub fn is_matrix(head: &[u8]) -> bool {
    let text = |&byte: &u8| byte >= 0x20 || matches!(byte, b'\t' | b'\n' | b'\r');
    head.starts_with(PARQUET_MAGIC) || !head.is_empty() && head.iter().all(text)
}

/// Reads a matrix, or a table made elsewhere, from Parquet or CSV (told by content).
///
/// `schema` is that of the model which is to take the rows, if there is one: a table made elsewhere may hold more columns than it.
///
/// # Errors
/// The file is neither, is damaged, or lacks columns.
pub fn read(path: &Path, options: &TableOptions, schema: Option<&Schema>) -> Result<Matrix> {
    let (frame, made) = read_frame(path, options)?;
    rows_of(path, &frame, made, options, schema)
}

/// The rows of a table: ours by its keys, or made elsewhere.
pub(super) fn rows_of(
    path: &Path,
    frame: &DataFrame,
    made: Made,
    options: &TableOptions,
    schema: Option<&Schema>,
) -> Result<Matrix> {
    let ours = KEYS.iter().all(|key| frame.column(key).is_ok());
    if ours { from_frame(path, frame, made) } else { from_foreign(path, frame, options, schema) }
}

/// How the rows of a file were made, as far as its columns do not tell; CSV tells nothing.
pub(super) struct Made {
    definitions: u32,
    selection: Selection,
}

pub(super) fn read_frame(path: &Path, options: &TableOptions) -> Result<(DataFrame, Made)> {
    let io = |error: std::io::Error| Error::io(path, &error);
    let mut head = [0; 4];
    let length = File::open(path).and_then(|mut file| file.read(&mut head)).map_err(io)?;
    let file = File::open(path).map_err(io)?;
    if head[..length] == *PARQUET_MAGIC {
        let wrong = |error: PolarsError| damaged_parquet(path, &error);
        let mut reader = ParquetReader::new(file);
        let metadata = reader.get_metadata().map_err(wrong)?.key_value_metadata().clone().unwrap_or_default();
        let told = |key: &str| metadata.iter().find(|entry| entry.key == key).and_then(|entry| entry.value.as_deref());
        let definitions = told(DEFINITIONS_KEY).and_then(|text| text.parse().ok()).unwrap_or(DEFINITIONS_VERSION);
        let selection = told(SELECTION_KEY).map_or(Ok(Selection::default()), serde_json::from_str);
        let unknown =
            |_| fault(path, "its packets were selected in a way that is not known here").hint("extract it again");
        Ok((reader.finish().map_err(wrong)?, Made { definitions, selection: selection.map_err(unknown)? }))
    } else {
        // All rows decide on a column's type: a table whose thousandth row holds the first name is common.
        let csv = CsvReadOptions::default().with_has_header(options.header).with_infer_schema_length(None);
        Ok((
            csv.into_reader_with_file_handle(file).finish().map_err(|error| ragged(path, &error))?,
            Made { definitions: DEFINITIONS_VERSION, selection: Selection::default() },
        ))
    }
}

fn from_frame(path: &Path, frame: &DataFrame, made: Made) -> Result<Matrix> {
    let wrong = |error: PolarsError| polars_fault(path, &error);
    let column = |name: &str| frame.column(name).map_err(wrong);
    let constant = |name: &str| {
        let column = column(name)?;
        let first = column.get(0).map_or(AnyValue::Null, AnyValue::into_static);
        if column.n_unique().map_err(wrong)? > 1 {
            return Err(fault(path, format!("the column {name} has several values"))
                .hint("keep one view and one window in a file"));
        }
        Ok(first)
    };
    if frame.height() == 0 {
        return Err(fault(path, "there are no rows").hint("extract it from a capture that holds packets"));
    }
    let view = constant("view")?.get_str().unwrap_or_default().to_owned();
    let window_ns: i64 = constant("window_ns")?.extract().unwrap_or(0);
    let foreign = view == FOREIGN_VIEW;
    let features: Vec<&Series> = frame
        .columns()
        .iter()
        .filter(|column| {
            let name = column.name().as_str();
            !KEYS.contains(&name) && !TRUTH.contains(&name) && (foreign || name != SIGHTINGS)
        })
        .collect();
    let columns = features
        .iter()
        .map(|column| Column {
            name: column.name().to_string(),
            categorical: foreign && column.dtype() == &DataType::String,
        })
        .collect();
    let definitions = if foreign { 0 } else { made.definitions };
    let schema = Schema { view, window_ns, columns, definitions, selection: made.selection };
    let (values, levels) = features_of(&features, &schema).map_err(wrong)?;
    let labels = match (frame.column(TRUTH[0]), frame.column(TRUTH[1])) {
        (Ok(names), packets) => {
            let mut labels = Labels::default();
            let packets = packets.ok().map(integers).transpose().map_err(wrong)?;
            for (row, name) in texts(names).map_err(wrong)?.into_iter().enumerate() {
                labels.push(name.as_deref(), packets.as_ref().map_or(0, |packets| packets[row] as u32));
            }
            Some(labels)
        }
        _ => None,
    };
    let sightings = match frame.column(SIGHTINGS) {
        Ok(column) if !foreign => sightings(column).map_err(wrong)?,
        _ => None,
    };
    Ok(Matrix {
        schema,
        sightings,
        window_start_ns: integers(column(KEYS[0])?).map_err(wrong)?,
        entity: texts(column(KEYS[3])?).map_err(wrong)?.into_iter().map(Option::unwrap_or_default).collect(),
        values,
        levels,
        labels,
    })
}
