//! Another model while the watch goes on: read and checked beside it, and put in its place between two windows.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use crate::artifact;
use crate::error::Result;
use crate::matrix::Schema;
use crate::model::train::Model;

/// A model that waits for its turn, and what became of those before it.
#[derive(Default)]
pub struct Succession {
    next: Mutex<Option<Arc<Model>>>,
    /// Models that came into place.
    pub taken: AtomicU64,
    /// Files that were none, or not for these rows.
    pub refused: AtomicU64,
}

impl Succession {
    /// The model that is to score from now on, if there is another one.
    pub fn next(&self) -> Option<Arc<Model>> {
        let next = self.next.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.taken.fetch_add(u64::from(next.is_some()), Ordering::Relaxed);
        next
    }
}

/// Looks whether the model's file is another one.
pub struct Lookout {
    path: PathBuf,
    schema: Schema,
    succession: Arc<Succession>,
    /// Set by who wants the file to be read again, whether it has changed or not.
    asked: Arc<AtomicBool>,
    seen: Option<Mark>,
}

/// What tells one state of a file from another.
type Mark = (SystemTime, u64, u64);

#[cfg(unix)]
fn mark(path: &Path) -> Option<Mark> {
    use std::os::unix::fs::MetadataExt;
    let metadata = path.metadata().ok()?;
    Some((metadata.modified().ok()?, metadata.len(), metadata.ino()))
}

#[cfg(not(unix))]
fn mark(path: &Path) -> Option<Mark> {
    let metadata = path.metadata().ok()?;
    Some((metadata.modified().ok()?, metadata.len(), 0))
}

impl Lookout {
    /// Looks at the file at `path`, of which `model` was read.
    pub fn new(path: PathBuf, model: &Model, succession: Arc<Succession>, asked: Arc<AtomicBool>) -> Self {
        let seen = mark(&path);
        Self { path, schema: model.schema.clone(), succession, asked, seen }
    }

    /// Reads the file if it has changed or that was asked for: whether there is another model, or why what is there is none. None if
    /// there is nothing new.
    pub fn look(&mut self) -> Option<Result<()>> {
        let asked = self.asked.swap(false, Ordering::Relaxed);
        let now = mark(&self.path);
        // A file that is gone for a moment is being replaced.
        if !asked && (now.is_none() || now == self.seen) {
            return None;
        }
        self.seen = now;
        let read = artifact::read(&self.path).and_then(|model| {
            model.accept(&self.schema).map_err(|error| error.about(&self.path))?;
            Ok(model)
        });
        Some(match read {
            Ok(model) => {
                *self.succession.next.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(model));
                Ok(())
            }
            Err(error) => {
                self.succession.refused.fetch_add(1, Ordering::Relaxed);
                Err(error)
            }
        })
    }
}
