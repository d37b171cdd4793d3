//! Files that are whole or not there at all.

use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use tempfile::NamedTempFile;

use crate::error::{Error, ErrorKind, Result};

/// Whether a file can be made at `path`: asked before long work, so that it is not done for nothing.
///
/// # Errors
/// It is a directory, or its folder is not there.
pub fn check(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Err(Error::io(path, &io::ErrorKind::IsADirectory.into()).hint("name a file in it"));
    }
    if folder(path).is_dir() {
        return Ok(());
    }
    let what = format!("there is no folder {}", folder(path).display());
    Err(Error::new(ErrorKind::Io, path.display(), what).hint("make it first"))
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Writes a file through `fill`: to a temporary one beside it, synced, then renamed; on any error nothing is left behind.
/// `-` is standard output.
///
/// # Errors
/// What the operating system says of the path, or what `fill` returns.
pub fn write(path: &Path, fill: impl FnOnce(&mut (dyn Write + Send)) -> Result<()>) -> Result<()> {
    let io = |error: io::Error| Error::io(path, &error);
    if path == Path::new("-") {
        return through(io::stdout(), fill, |error| standard_output(&error)).map(drop);
    }
    check(path)?;
    // A device or a pipe is written to; a rename would put a file in its place.
    if path.metadata().is_ok_and(|metadata| !metadata.is_file()) {
        return through(OpenOptions::new().write(true).open(path).map_err(io)?, fill, io).map(drop);
    }
    let file = through(NamedTempFile::new_in(folder(path)).map_err(io)?, fill, io)?;
    file.as_file().sync_all().map_err(io)?;
    open_to_readers(&file).map_err(io)?;
    file.persist(path).map_err(|error| io(error.error)).map(drop)
}

/// The subject of the error that means that nobody reads standard output any more.
pub const BROKEN_PIPE: &str = "standard output is closed";

/// What writing to standard output met.
pub fn standard_output(error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Error::new(ErrorKind::Io, BROKEN_PIPE, "nobody reads it"),
        _ => Error::io(Path::new("standard output"), error),
    }
}

/// Writes to `out` through `fill`, and gives it back.
fn through<W: Write + Send>(
    out: W,
    fill: impl FnOnce(&mut (dyn Write + Send)) -> Result<()>,
    io: impl Fn(io::Error) -> Error,
) -> Result<W> {
    let mut out = BufWriter::with_capacity(1 << 16, Witness { out, error: None });
    let filled = fill(&mut out);
    let flushed = filled.and_then(|()| out.flush().map_err(&io));
    let (witness, _) = out.into_parts();
    match witness.error {
        Some(error) => Err(io(error)),
        None => flushed.map(|()| witness.out),
    }
}

/// Remembers the first error: the libraries that write through it tell of a full disk in words of their own.
struct Witness<W> {
    out: W,
    error: Option<io::Error>,
}

impl<W> Witness<W> {
    fn saw<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &result
            && error.kind() != io::ErrorKind::Interrupted
            && self.error.is_none()
        {
            self.error = Some(error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error));
        }
        result
    }
}

impl<W: Write> Write for Witness<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes);
        self.saw(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.out.flush();
        self.saw(flushed)
    }
}

/// Temporary files are made for their owner alone; what is delivered gets the permissions that a plain new file has.
#[cfg(unix)]
fn open_to_readers(file: &NamedTempFile) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn open_to_readers(_: &NamedTempFile) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

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
