//! Tables that were made elsewhere: NSL-KDD, UNSW-NB15, anyone's features.

use std::path::Path;

use polars::prelude::{Column as Series, DataFrame, DataType, PolarsError};

use super::columns::{features_of, numbers, texts};
use super::{Column, FOREIGN_VIEW, Labels, Matrix, Schema, Selection};
use crate::error::{Error, ErrorKind, Result};

/// How a table that was made elsewhere is to be read.
#[derive(Clone, Debug)]
pub struct TableOptions {
    /// The column that holds the truth.
    pub label_column: Option<String>,
    /// The values of that column that mean benign, compared without case.
    pub benign: Vec<String>,
    /// The column that holds the time: epoch seconds (or milli-, micro-, nanoseconds, told by size), or RFC 3339.
    pub time_column: Option<String>,
    /// Columns that are left out.
    pub drop: Vec<String>,
    /// Whether a CSV's first line names the columns; else they are `column_1`, `column_2`, ….
    pub header: bool,
}

impl Default for TableOptions {
    fn default() -> Self {
        let benign = ["benign", "normal", "background", "legitimate", "0", "0.0", "false", "no", "-", ""];
        Self {
            label_column: None,
            benign: benign.map(str::to_owned).to_vec(),
            time_column: None,
            drop: Vec::new(),
            header: true,
        }
    }
}

/// What a row of a table with times covers: a flow or an event, taken as a second.
const EVENT_NS: i64 = 1_000_000_000;

/// The rows of a table made elsewhere: all columns but those that the options name are features.
pub(super) fn from_foreign(
    path: &Path,
    frame: &DataFrame,
    options: &TableOptions,
    schema: Option<&Schema>,
) -> Result<Matrix> {
    let fault = |what: String| Error::new(ErrorKind::Matrix, path.display(), what);
    let wrong = |error: PolarsError| fault(error.to_string().to_lowercase());
    let names = || frame.get_column_names().iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
    let column = |name: &str| {
        frame
            .column(name)
            .map_err(|_| fault(format!("there is no column '{name}'")).hint(format!("the columns are {}", names())))
    };
    if frame.width() < 2 {
        return Err(no_table(path, "it has a single column"));
    }
    if frame.height() == 0 {
        return Err(no_table(path, "it has no rows"));
    }
    if let Some(schema) = schema.filter(|schema| schema.view != FOREIGN_VIEW) {
        let what = format!("is a table made elsewhere, but the model is for the view {}", schema.view);
        return Err(Error::new(ErrorKind::Mismatch, path.display(), what)
            .hint("give it a capture, or train a model on such tables"));
    }
    for name in &options.drop {
        column(name)?;
    }

    let aside = |name: &str| {
        options.drop.iter().any(|dropped| dropped == name)
            || [&options.label_column, &options.time_column].into_iter().flatten().any(|special| special == name)
    };
    let features: Vec<&Series> = match schema {
        Some(schema) => schema.columns.iter().map(|wanted| column(&wanted.name)).collect::<Result<_>>()?,
        None => frame.columns().iter().filter(|column| !aside(column.name())).collect(),
    };
    if features.is_empty() {
        return Err(fault("there is no feature column".into()).hint("keep at least one column of numbers or names"));
    }
    if schema.is_none() && !features.iter().any(|column| column.dtype().is_primitive_numeric()) {
        return Err(no_table(path, "no column of it holds numbers"));
    }
    let window_ns = if options.time_column.is_some() { EVENT_NS } else { 0 };
    let schema = schema.cloned().unwrap_or_else(|| Schema {
        view: FOREIGN_VIEW.to_owned(),
        window_ns,
        columns: features.iter().map(|column| describe(column)).collect(),
        definitions: 0,
        selection: Selection::default(),
    });
    let (values, levels) = features_of(&features, &schema).map_err(wrong)?;
    let window_start_ns = match &options.time_column {
        Some(name) => times(column(name)?).map_err(wrong)?.ok_or_else(|| {
            fault(format!("the column '{name}' holds something that is no time")).hint("use epoch seconds or RFC 3339")
        })?,
        None => (0..frame.height() as i64).collect(),
    };
    let labels = options
        .label_column
        .as_deref()
        .map(|name| labels(column(name)?, &options.benign).map_err(wrong))
        .transpose()?;
    let entity = (1..=frame.height()).map(|row| format!("row {row}")).collect();
    Ok(Matrix { schema, window_start_ns, entity, values, levels, labels, sightings: None })
}

/// Every text is a CSV of sorts: what has one column, or none of numbers, is a letter, a list or a log.
pub(super) fn no_table(path: &Path, why: &str) -> Error {
    Error::new(ErrorKind::Matrix, path.display(), format!("is not a table of features ({why})"))
        .hint("name a capture, a matrix, or a CSV or Parquet table of numbers")
}

fn describe(column: &Series) -> Column {
    let categorical = column.dtype() == &DataType::String && column.null_count() < column.len();
    Column { name: column.name().to_string(), categorical }
}

fn labels(column: &Series, benign: &[String]) -> std::result::Result<Labels, PolarsError> {
    let mut labels = Labels::default();
    for text in texts(column)? {
        let name = text.as_deref().map(str::trim).unwrap_or_default();
        let is_benign = benign.iter().any(|benign| benign.eq_ignore_ascii_case(name));
        // A column of 0 and 1 names no attack.
        let name = if matches!(name, "1" | "1.0" | "true") { "attack" } else { name };
        labels.push((!is_benign).then_some(name), u32::from(!is_benign));
    }
    Ok(labels)
}

/// The column as nanoseconds since the epoch; none if a value is no time.
fn times(column: &Series) -> std::result::Result<Option<Vec<i64>>, PolarsError> {
    if column.dtype() == &DataType::String {
        let parse = |text: Option<String>| {
            let text = text?;
            let text = text.trim();
            let stamp = text.parse::<jiff::Timestamp>().ok();
            let civil = || text.parse::<jiff::civil::DateTime>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok();
            let ns = stamp.or_else(|| civil().map(|zoned| zoned.timestamp()))?.as_nanosecond();
            i64::try_from(ns).ok()
        };
        return Ok(texts(column)?.into_iter().map(parse).collect());
    }
    // Seconds of our age have ten digits before the point, milliseconds thirteen, and so on.
    let ns = |time: f64| {
        let unit = if time < 1e11 {
            1e9
        } else if time < 1e14 {
            1e6
        } else if time < 1e17 {
            1e3
        } else {
            1.0
        };
        time.is_finite().then_some((time * unit) as i64)
    };
    Ok(numbers(column)?.into_iter().map(ns).collect())
}
