//! The words in which a notice is told.

use crate::alert::episode::Notice;

/// A way to write a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Tidewatch's own: a line of JSON.
    Json,
}

impl Form {
    /// The notice in these words.
    pub fn words(self, notice: &Notice) -> Vec<u8> {
        match self {
            Self::Json => line(notice),
        }
    }
}

/// A value as a line of JSON. Notices hold nothing that JSON cannot: numbers that are none are written as null.
fn line(value: &impl serde::Serialize) -> Vec<u8> {
    let mut line = serde_json::to_vec(value).unwrap_or_default();
    line.push(b'\n');
    line
}
