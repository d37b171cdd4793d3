//! Scored rows, offline and live through the same code.

use std::io::Write;
use std::path::Path;

use polars::io::parquet::write::BatchedWriter;
use polars::prelude::{
    Column as Series, DataFrame, NamedFrom, ParquetCompression, ParquetWriter, PolarsError, Series as Named,
};

use crate::error::{Error, ErrorKind, Result};
use crate::matrix::{Matrix, SCORE_COLUMNS, key_columns, truth_columns};
use crate::model::scorer::Scores;

/// Rows that are held back until they make a row group.
const ROW_GROUP: usize = 1 << 14;

/// A Parquet file of scores that is written as they come: the rows' keys and truth, `score`, `p_value`, `alert`.
pub struct ScoreTable<'a, W: Write> {
    path: &'a Path,
    state: State<W>,
    pending: Option<DataFrame>,
}

enum State<W: Write> {
    /// No row yet, so no column is known.
    Fresh(Option<W>),
    Open(Box<BatchedWriter<W>>),
}

impl<'a, W: Write> ScoreTable<'a, W> {
    /// A table without rows; `path` is for messages.
    pub fn new(path: &'a Path, out: W) -> Self {
        Self { path, state: State::Fresh(Some(out)), pending: None }
    }

    /// Adds scored rows.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn push(&mut self, matrix: &Matrix, scores: &Scores) -> Result<()> {
        if matrix.rows() == 0 {
            return Ok(());
        }
        let frame = frame(matrix, scores).map_err(|error| self.fault(&error))?;
        match &mut self.pending {
            Some(pending) => pending.vstack_mut(&frame).map(drop).map_err(|error| fault(self.path, &error))?,
            None => self.pending = Some(frame),
        }
        if self.pending.as_ref().is_some_and(|pending| pending.height() >= ROW_GROUP) { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        let Some(mut frame) = self.pending.take() else { return Ok(()) };
        frame.rechunk_mut();
        let written = match &mut self.state {
            State::Open(writer) => writer.write_batch(&frame),
            State::Fresh(out) => {
                let Some(out) = out.take() else { return Ok(()) };
                let writer = ParquetWriter::new(out).with_compression(ParquetCompression::Zstd(None));
                writer.batched(frame.schema()).and_then(|mut writer| {
                    writer.write_batch(&frame)?;
                    self.state = State::Open(Box::new(writer));
                    Ok(())
                })
            }
        };
        written.map_err(|error| self.fault(&error))
    }

    /// Writes what is pending and the file's end.
    ///
    /// # Errors
    /// There was no row, or it cannot be written.
    pub fn finish(mut self) -> Result<()> {
        self.flush()?;
        match &self.state {
            State::Open(writer) => writer.finish().map(drop).map_err(|error| self.fault(&error)),
            State::Fresh(_) => Err(Error::new(ErrorKind::Matrix, self.path.display(), "there are no rows to write")
                .hint("give it a capture that holds packets")),
        }
    }

    fn fault(&self, error: &PolarsError) -> Error {
        fault(self.path, error)
    }
}

fn fault(path: &Path, error: &PolarsError) -> Error {
    Error::new(ErrorKind::Io, path.display(), error.to_string().to_lowercase())
}

fn frame(matrix: &Matrix, scores: &Scores) -> std::result::Result<DataFrame, PolarsError> {
    let mut columns: Vec<Series> = key_columns(matrix);
    columns.extend(truth_columns(matrix));
    let [score, p_value, alert] = SCORE_COLUMNS;
    columns.push(Named::new(score.into(), &scores.score).into());
    columns.push(Named::new(p_value.into(), &scores.p_value).into());
    columns.push(Named::new(alert.into(), &scores.alert).into());
    DataFrame::new(matrix.rows(), columns)
}
