//! What people said of episodes, remembered in a file: alerts like one that was called benign are muted from then on.
//!
//! A line of JSON a saying, the latest of a likeness holds. Who wants to take something back, says the contrary, or takes the line out.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::alert::Alert;
use crate::error::{Error, ErrorKind, Result};

/// Likenesses that are remembered at most.
const MOST: usize = 1 << 16;

/// What alerts have in common that are alike: whose they are, and what made them so most of all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Likeness {
    view: String,
    entity: String,
    /// None, if it was no single feature.
    feature: Option<String>,
}

impl Likeness {
    fn of(alert: &Alert) -> Self {
        Self {
            view: alert.view.clone(),
            entity: alert.entity.clone(),
            feature: alert.reasons.first().map(|reason| reason.feature.clone()),
        }
    }
}

/// What an episode is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Nobody wants to hear of the like again.
    Benign,
    /// It was right to tell of it.
    Unusual,
}

/// Why a verdict was not remembered.
#[derive(Debug, thiserror::Error)]
pub enum Unsaid {
    /// Nothing is.
    #[error("nothing is remembered: start with --verdicts FILE")]
    Nowhere,
    /// Nobody knows what it would be of.
    #[error("there is no such episode, or not any more")]
    Unknown,
    /// It cannot be written down.
    #[error("it cannot be remembered: {0}")]
    Failed(#[from] io::Error),
}

/// A line of the file.
#[derive(Serialize, Deserialize)]
struct Saying {
    verdict: Verdict,
    #[serde(flatten)]
    likeness: Likeness,
}

/// What was said so far.
pub struct Verdicts {
    path: PathBuf,
    said: Mutex<BTreeMap<Likeness, Verdict>>,
}

impl Verdicts {
    /// What the file at `path` holds; nothing, if it is not there yet.
    ///
    /// # Errors
    /// It cannot be read, or a line of it is not understood.
    pub fn read(path: &Path) -> Result<Self> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(Error::io(path, &error)),
        };
        let mut said = BTreeMap::new();
        // A line without its end was being written when the program died: the next one shall not join it.
        let whole = text.rfind('\n').map_or(0, |last| last + 1);
        if whole < text.len() {
            let cut = OpenOptions::new().write(true).open(path).and_then(|file| file.set_len(whole as u64));
            cut.map_err(|error| Error::io(path, &error))?;
        }
        for (number, line) in text[..whole].lines().enumerate() {
            let Saying { verdict, likeness } = serde_json::from_str(line).map_err(|error| {
                Error::new(ErrorKind::Parameter, path.display(), format!("{error} (line {})", number + 1))
                    .hint("take the line out, or name another file with --verdicts")
            })?;
            said.insert(likeness, verdict);
        }
        Ok(Self { path: path.to_owned(), said: Mutex::new(said) })
    }

    /// Remembers a verdict on an alert and those like it.
    ///
    /// # Errors
    /// It cannot be written down, or too many are remembered; then nothing has changed.
    pub fn say(&self, alert: &Alert, verdict: Verdict) -> io::Result<()> {
        let likeness = Likeness::of(alert);
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.len() >= MOST && !said.contains_key(&likeness) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let saying = Saying { verdict, likeness };
        let mut line = serde_json::to_vec(&saying)?;
        line.push(b'\n');
        let mut file = OpenOptions::new().append(true).create(true).open(&self.path)?;
        file.write_all(&line)?;
        file.sync_data()?;
        said.insert(saying.likeness, verdict);
        Ok(())
    }

    /// Whether an alert is like one that was called benign.
    pub fn mutes(&self, alert: &Alert) -> bool {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        !said.is_empty() && said.get(&Likeness::of(alert)) == Some(&Verdict::Benign)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::testing::alert;

    #[test]
    fn what_was_said_last_holds_and_is_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("verdicts.jsonl");
        let backup = alert("10.0.0.7", "bytes");
        Verdicts::read(&path).unwrap().say(&backup, Verdict::Benign).unwrap();
        let verdicts = Verdicts::read(&path).unwrap();
        assert!(verdicts.mutes(&backup));
        assert!(!verdicts.mutes(&alert("10.0.0.7", "peers")) && !verdicts.mutes(&alert("10.0.0.8", "bytes")));
        verdicts.say(&backup, Verdict::Unusual).unwrap();
        assert!(!verdicts.mutes(&backup) && !Verdicts::read(&path).unwrap().mutes(&backup));
    }

    #[test]
    fn half_a_line_was_not_said_and_a_wrong_one_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("verdicts.jsonl");
        std::fs::write(&path, "{\"verdict\":\"benign\",\"vie").unwrap();
        let verdicts = Verdicts::read(&path).unwrap();
        assert!(!verdicts.mutes(&alert("a", "b")));
        verdicts.say(&alert("a", "b"), Verdict::Benign).unwrap();
        assert!(Verdicts::read(&path).unwrap().mutes(&alert("a", "b")));
        std::fs::write(&path, "{\"verdict\":\"fine\"}\n").unwrap();
        let error = Verdicts::read(&path).err().unwrap().to_string();
        assert!(error.contains("fine") && error.contains("(line 1"), "{error}");
    }
}
