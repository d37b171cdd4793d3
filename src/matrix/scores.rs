//! Rows that are scored already, by `score`, by `watch` or by a detector made elsewhere.

use std::path::Path;

use ndarray::Array2;
use polars::prelude::PolarsError;

use super::columns::{numbers, texts};
use super::store::{KEYS, polars_fault, read_frame, rows_of};
use super::{FOREIGN_VIEW, Matrix, SCORE_COLUMNS, TableOptions};
use crate::error::{Error, ErrorKind, Result};

/// Rows without features, each with its score.
#[derive(Debug)]
pub struct Scored {
    /// Their keys and their truth.
    pub rows: Matrix,
    /// Their anomaly scores.
    pub score: Vec<f64>,
    /// Which of them alert, if that is known.
    pub alert: Option<Vec<bool>>,
}

impl Scored {
    /// The lowest score that alerts, infinity if none does; none if that is not known.
    ///
    /// # Errors
    /// A row of a higher score does not alert: no threshold says what these alerts say.
    pub fn threshold(&self) -> Result<Option<f64>> {
        let Some(alert) = &self.alert else { return Ok(None) };
        let alerts = || self.score.iter().zip(alert);
        let lowest = alerts().filter(|(_, alert)| **alert).map(|(score, _)| *score).fold(f64::INFINITY, f64::min);
        if let Some(row) = alerts().position(|(score, alert)| !alert && *score >= lowest) {
            let what = format!(
                "no one threshold makes these alerts: row {} has a score of {} and is none, another has {lowest} and is one",
                row + 1,
                self.score[row],
            );
            return Err(Error::new(ErrorKind::Mismatch, "alerts", what)
                .hint("report the scores of each model on its own, or name the --threshold"));
        }
        Ok(Some(lowest))
    }

    /// All `parts`, one after the other. Who alerts is known if all of them tell.
    ///
    /// # Errors
    /// Two of them are of other views or windows.
    pub fn concat(parts: Vec<Self>) -> Result<Self> {
        let (mut rows, mut score, mut alert) = (Vec::new(), Vec::new(), Some(Vec::new()));
        for mut part in parts {
            rows.push(part.rows);
            score.append(&mut part.score);
            alert = alert.zip(part.alert).map(|(all, part)| [all, part].concat());
        }
        Ok(Self { rows: Matrix::concat(rows)?, score, alert })
    }
}

/// Reads scored rows from Parquet or CSV (told by content): files of scores, and tables made elsewhere that have a column of
/// scores of this name (and may have a column `entity`).
///
/// # Errors
/// The file is neither, is damaged, or has no such column; a score is missing.
pub fn read_scores(path: &Path, options: &TableOptions, column: &str) -> Result<Scored> {
    let ([_, _, alert_column], [.., entity_column]) = (SCORE_COLUMNS, KEYS);
    let (frame, made) = read_frame(path, options)?;
    let wrong = |error: PolarsError| polars_fault(path, &error);
    let named = |name: &str| frame.columns().iter().find(|column| column.name() == name);
    let Some(scores) = named(column) else {
        let names: Vec<&str> = frame.get_column_names().iter().map(|name| name.as_str()).collect();
        return Err(Error::new(ErrorKind::Matrix, path.display(), format!("there is no column '{column}' of scores"))
            .hint(format!("name it with --score-column; the columns are {}", names.join(", "))));
    };
    let score = numbers(scores).map_err(wrong)?;
    if let Some(row) = score.iter().position(|score| score.is_nan()) {
        let what = format!("the column '{column}' holds no number (row {})", row + 1);
        return Err(Error::new(ErrorKind::Matrix, path.display(), what).hint("give every row a score"));
    }
    let alert = named(alert_column).map(numbers).transpose().map_err(wrong)?;
    let alert = alert.map(|alert| alert.into_iter().map(|alert| alert > 0.0).collect());
    let mut rows = rows_of(path, &frame, made, options, None)?;
    if let Some(entity) = named(entity_column).filter(|_| rows.schema.view == FOREIGN_VIEW) {
        rows.entity = texts(entity).map_err(wrong)?.into_iter().map(Option::unwrap_or_default).collect();
    }
    rows.schema.columns = Vec::new();
    rows.levels = Vec::new();
    rows.values = Array2::zeros((rows.rows(), 0));
    Ok(Scored { rows, score, alert })
}
