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
    /// Reads the model at `path`, and looks at that file from then on: another one that comes the moment after is seen.
    ///
    /// # Errors
    /// If the file is no model that can be used.
    pub fn read(path: PathBuf, asked: Arc<AtomicBool>) -> Result<(Model, Self)> {
        let seen = mark(&path);
        let model = artifact::read(&path)?;
        let lookout = Self { path, schema: model.schema.clone(), succession: Arc::default(), asked, seen };
        Ok((model, lookout))
    }

    /// Where another model waits for its turn.
    pub fn succession(&self) -> Arc<Succession> {
        Arc::clone(&self.succession)
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A watch that had begun to look only once all else was set up missed a model that was replaced before.
    #[test]
    fn what_comes_the_moment_after_the_model_was_read_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("model.tw"), folder.path().join("other"));
        fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/models/plant-network.tw"), &path).unwrap();
        let (model, mut lookout) = Lookout::read(path.clone(), Arc::default()).unwrap();
        fs::copy(&path, &other).unwrap();
        fs::rename(&other, &path).unwrap();
        assert!(matches!(lookout.look(), Some(Ok(()))));
        assert_eq!(lookout.succession().next().map(|next| next.schema.clone()), Some(model.schema.clone()));
        assert!(lookout.look().is_none() && lookout.succession().next().is_none(), "nothing is new any more");
        fs::write(&path, b"no model").unwrap();
        assert!(matches!(lookout.look(), Some(Err(_))));
        assert!(lookout.succession().next().is_none());
    }
}
