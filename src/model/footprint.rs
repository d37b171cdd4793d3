//! What a model learned from, as far as is needed to tell that a test is no test: when, which packets and which rows.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::capture::{Span, Survey};
use crate::matrix::Matrix;
use crate::sketch::Sketch;

/// Stretches of time that are told apart; of more, neighbours become one.
const SPANS: usize = 4096;

/// Traces of data that tell them again under another name, in another order and in another format.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Footprint {
    /// When was watched: from the start of a first window to the end of a last one. None in a table without times.
    spans: Vec<Span>,
    /// Which packets, with the microsecond of their second ([`Survey`]); none if it was rows that were read.
    frames: Sketch,
    /// Which packets, by their bytes alone.
    contents: Sketch,
    /// Which rows, by their values alone.
    rows: Sketch,
}

/// What two sets of data share.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Overlap {
    /// Time of the second that the first covers too, in nanoseconds.
    pub time_ns: i64,
    /// The share of the second's packets, if of both the packets are known.
    pub frames: Option<f64>,
    /// The share of what the second's packets are but for their times.
    pub contents: Option<f64>,
    /// The share of the second's rows, if there are enough.
    pub rows: Option<f64>,
}

impl Footprint {
    /// Of the rows of a matrix. Which packets they are made of has to be added, with [`with`](Self::with).
    pub fn of(matrix: &Matrix) -> Self {
        let mut rows = Sketch::default();
        let mut bytes = Vec::with_capacity(4 * matrix.values.ncols());
        for values in matrix.values.rows() {
            bytes.clear();
            for (value, levels) in values.iter().zip(&matrix.levels) {
                match levels.get(*value as usize).filter(|_| !value.is_nan()) {
                    Some(name) => bytes.extend(name.as_bytes()),
                    // One bit pattern for every NaN, and for both zeros.
                    None if value.is_nan() => bytes.extend(f32::NAN.to_le_bytes()),
                    None => bytes.extend((value + 0.0).to_le_bytes()),
                }
            }
            rows.add(xxh3_64(&bytes));
        }
        Self { spans: spans(matrix), rows, ..Self::default() }
    }

    /// The same with the packets of captures.
    #[must_use]
    pub fn with(mut self, survey: &Survey) -> Self {
        self.frames.merge(&survey.frames);
        self.contents.merge(&survey.contents);
        self
    }

    /// What `other` shares with this.
    pub fn overlap(&self, other: &Footprint) -> Overlap {
        let (mut mine, mut theirs) = (self.spans.iter().peekable(), other.spans.iter().peekable());
        let mut time_ns = 0_i64;
        while let (Some(&&(from, to)), Some(&&(their_from, their_to))) = (mine.peek(), theirs.peek()) {
            time_ns = time_ns.saturating_add(to.min(their_to).saturating_sub(from.max(their_from)).max(0));
            if to < their_to {
                mine.next()
            } else {
                theirs.next()
            };
        }
        Overlap {
            time_ns,
            frames: self.frames.share_of(&other.frames),
            contents: self.contents.share_of(&other.contents),
            rows: self.rows.share_of(&other.rows),
        }
    }

    /// Whether all of it lies before the first time of `other`.
    pub fn lies_before(&self, other: &Footprint) -> bool {
        matches!((self.spans.last(), other.spans.first()), (Some(mine), Some(theirs)) if mine.1 <= theirs.0)
    }

    /// Whether what was read from a file is one.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        self.frames.check()?;
        self.contents.check()?;
        self.rows.check()?;
        let sorted = self.spans.windows(2).all(|pair| pair[0].1 <= pair[1].0);
        if self.spans.len() > SPANS || !sorted || self.spans.iter().any(|(from, to)| from > to) {
            return Err("the times that it was trained on are no times".to_owned());
        }
        Ok(())
    }
}

/// When a matrix was watched.
fn spans(matrix: &Matrix) -> Vec<Span> {
    let window_ns = matrix.schema.window_ns;
    if window_ns == 0 {
        return Vec::new();
    }
    let mut spans = matrix.watches();
    spans.iter_mut().for_each(|(_, last)| *last = last.saturating_add(window_ns));
    if spans.len() > SPANS {
        let together = spans.len().div_ceil(SPANS);
        spans = spans.chunks(together).map(|chunk| (chunk[0].0, chunk[chunk.len() - 1].1)).collect();
    }
    spans
}
