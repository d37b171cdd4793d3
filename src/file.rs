//! Files that are whole or not there at all.

use std::io::{BufWriter, Write};
use std::path::Path;

use tempfile::NamedTempFile;

use crate::error::{Error, Result};

/// Writes a file through `fill`: to a temporary one beside it, synced, then renamed; on any error nothing is left behind.
/// `-` is standard output.
///
/// # Errors
/// What the operating system says of the path, or what `fill` returns.
pub fn write(path: &Path, fill: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    let io = |error: &std::io::Error| Error::io(path, error);
    if path == Path::new("-") {
        let mut out = BufWriter::new(std::io::stdout().lock());
        fill(&mut out)?;
        return out.flush().map_err(|error| io(&error));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if path.is_dir() {
        return Err(Error::io(path, &std::io::ErrorKind::IsADirectory.into()).hint("name a file in it"));
    }
    let file = NamedTempFile::new_in(folder).map_err(|error| {
        let error = Error::io(path, &error);
        let missing = !folder.exists();
        if missing {
            Error { what: format!("there is no folder {}", folder.display()), ..error }.hint("make it first")
        } else {
            error
        }
    })?;
    let mut out = BufWriter::with_capacity(1 << 16, file);
    fill(&mut out)?;
    let file = out.into_inner().map_err(|error| io(error.error()))?;
    file.as_file().sync_all().map_err(|error| io(&error))?;
    open_to_readers(&file).map_err(|error| io(&error))?;
    file.persist(path).map_err(|error| io(&error.error)).map(drop)
}

/// Temporary files are made for their owner alone; what is delivered gets the permissions that a plain new file has.
#[cfg(unix)]
fn open_to_readers(file: &NamedTempFile) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn open_to_readers(_: &NamedTempFile) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_failure_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        write(&path, |out| out.write_all(b"old").map_err(|e| Error::io(&path, &e))).unwrap();
        let failed = write(&path, |out| {
            out.write_all(b"half of the new").map_err(|e| Error::io(&path, &e))?;
            Err(Error::new(ErrorKind::Cancelled, "cancelled", "by the test"))
        });
        assert!(failed.is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_missing_folder_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = write(&folder.path().join("no/such/out"), |_| Ok(())).unwrap_err();
        assert!(error.what.starts_with("there is no folder"), "{error}");
    }
}
