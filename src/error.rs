//! What can go wrong, in the form that every message has: `subject: what is wrong (where); hint: the cure`.

use std::fmt;
use std::path::Path;

/// The stage, or the kind of trouble, that an [`Error`] comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The operating system refused: a missing file, a permission, a full disk.
    Io,
    /// A capture that cannot be read as one.
    Capture,
    /// A file of ground truth that cannot be understood.
    Truth,
    /// A matrix or foreign table that cannot be used.
    Matrix,
    /// Training that cannot be done with the rows at hand.
    Model,
    /// A model file that is damaged, hostile or of another version.
    Artifact,
    /// A matrix and a model, or two matrices, that do not belong together.
    Mismatch,
    /// A parameter outside its range.
    Parameter,
    /// The user interrupted the work.
    Cancelled,
}

/// A failure with its subject (a path or a parameter), what is wrong, and the cure where there is one.
#[derive(Debug, thiserror::Error)]
#[error("{subject}: {what}{}", hint.as_ref().map(|hint| format!("; hint: {hint}")).unwrap_or_default())]
pub struct Error {
    /// Which stage failed.
    pub kind: ErrorKind,
    /// The file or the parameter at fault.
    pub subject: String,
    /// What is wrong and where, lower case, without a full stop.
    pub what: String,
    /// What the user can do.
    pub hint: Option<String>,
}

/// The result of every library call that can fail.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error of `kind` about `subject`.
    pub fn new(kind: ErrorKind, subject: impl fmt::Display, what: impl fmt::Display) -> Self {
        Self { kind, subject: subject.to_string(), what: what.to_string(), hint: None }
    }

    /// The same error with the cure behind it.
    #[must_use]
    pub fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }

    /// The same error about the file in whose reading it arose.
    #[must_use]
    pub fn about(mut self, path: &Path) -> Self {
        self.subject = path.display().to_string();
        self
    }

    /// What the operating system said of `path`, with a cure for the common cases.
    pub fn io(path: &Path, source: &std::io::Error) -> Self {
        use std::io::ErrorKind as Io;
        let (what, hint) = match source.kind() {
            Io::NotFound => ("no such file".to_owned(), Some("check the spelling of the path")),
            Io::PermissionDenied => {
                ("permission denied".to_owned(), Some("check who owns it, or choose another place"))
            }
            Io::IsADirectory => ("is a directory".to_owned(), Some("name the files in it, as in DIR/*.pcap")),
            Io::StorageFull => {
                ("no space left on the disk".to_owned(), Some("free some space, or choose another place"))
            }
            _ => (source.to_string(), None),
        };
        Self { kind: ErrorKind::Io, subject: path.display().to_string(), what, hint: hint.map(str::to_owned) }
    }

    /// A parameter `name` whose value is refused.
    pub fn parameter(name: &str, what: impl fmt::Display, hint: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Parameter, name, what).hint(hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hint_stands_last() {
        let error = Error::new(ErrorKind::Capture, "a.pcap", "not a capture (first bytes 7f 45 4c 46)")
            .hint("name a pcap file");
        assert_eq!(error.to_string(), "a.pcap: not a capture (first bytes 7f 45 4c 46); hint: name a pcap file");
    }
}
