//! Files that are whole or not there at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Stdout, Write};
use std::path::{Path, PathBuf};

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

/// The folder of a file.
pub(crate) fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Writes a file through `fill`: to a temporary one beside it, synced, then renamed; on any error nothing is left behind.
/// `-` is standard output.
///
/// # Errors
/// What the operating system says of the path, or what `fill` returns.
pub fn write(path: &Path, fill: impl FnOnce(&mut (dyn Write + Send)) -> Result<()>) -> Result<()> {
    let mut draft = Draft::new(path)?;
    let filled = fill(&mut draft);
    finish(vec![draft], filled)
}

/// A file that is being written, and is not there until it is finished; dropped before, nothing is left behind.
pub struct Draft {
    path: PathBuf,
    out: BufWriter<Witness<Target>>,
}

/// Where the bytes of a [`Draft`] go.
enum Target {
    Standard(Stdout),
    /// A device or a pipe: a rename would put a file in its place.
    Device(File),
    New(NamedTempFile),
}

impl Draft {
    /// Begins the file that will be at `path`; `-` is standard output.
    ///
    /// # Errors
    /// What the operating system says of the path.
    pub fn new(path: &Path) -> Result<Self> {
        let io = |error: io::Error| Error::io(path, &error);
        let target = if path == Path::new("-") {
            Target::Standard(io::stdout())
        } else {
            check(path)?;
            if path.metadata().is_ok_and(|metadata| !metadata.is_file()) {
                Target::Device(OpenOptions::new().write(true).open(path).map_err(io)?)
            } else {
                Target::New(draft_in(folder(path)).map_err(io)?)
            }
        };
        let out = BufWriter::with_capacity(1 << 16, Witness { out: target, error: None });
        Ok(Self { path: path.to_owned(), out })
    }

    /// What went wrong with writing, in the words of all errors.
    fn error(&self, error: &io::Error) -> Error {
        match self.out.get_ref().out {
            Target::Standard(_) => standard_output(error),
            Target::Device(_) | Target::New(_) => Error::io(&self.path, error),
        }
    }

    /// What went wrong so far.
    fn check(&self) -> Result<()> {
        self.out.get_ref().error.as_ref().map_or(Ok(()), |error| Err(self.error(error)))
    }

    /// Puts what was written in its place.
    fn keep(self) -> Result<()> {
        let (witness, _) = self.out.into_parts();
        let Target::New(file) = witness.out else { return Ok(()) };
        let io = |error: io::Error| Error::io(&self.path, &error);
        file.as_file().sync_all().map_err(io)?;
        open_to_readers(&file).map_err(io)?;
        file.persist(&self.path).map_err(|error| io(error.error)).map(drop)
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// What the names of drafts begin and end with.
const DRAFT: (&str, &str) = (".tidewatch-", ".draft");

/// A new draft in a folder, locked for as long as it is written, so that nobody takes it for one that was left behind.
fn draft_in(folder: &Path) -> io::Result<NamedTempFile> {
    loop {
        let draft = tempfile::Builder::new().prefix(DRAFT.0).suffix(DRAFT.1).tempfile_in(folder)?;
        // Where files cannot be locked, nobody clears them away either.
        let _ = draft.as_file().lock();
        // Another process may have found it in the moment before.
        if draft.path().exists() {
            return Ok(draft);
        }
    }
}

/// Removes the drafts that processes have left in a folder which died while they wrote them: those that nobody has locked.
pub fn clear_drafts(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let is_draft = name.to_str().is_some_and(|name| name.starts_with(DRAFT.0) && name.ends_with(DRAFT.1));
        if is_draft
            && entry.file_type().is_ok_and(|kind| kind.is_file())
            && let Ok(file) = File::open(entry.path())
            && file.try_lock().is_ok()
        {
            // What cannot be removed takes up room and does no other harm.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Puts files in their places, unless writing or filling any of them failed.
///
/// # Errors
/// That it did.
pub fn finish(mut drafts: Vec<Draft>, filled: Result<()>) -> Result<()> {
    let flushed: Vec<io::Result<()>> =
        if filled.is_ok() { drafts.iter_mut().map(Write::flush).collect() } else { Vec::new() };
    drafts.iter().try_for_each(Draft::check)?;
    filled?;
    for (draft, flushed) in drafts.iter().zip(flushed) {
        flushed.map_err(|error| draft.error(&error))?;
    }
    drafts.into_iter().try_for_each(Draft::keep)
}

/// Removes the oldest of the files in a folder whose names are `ours`, while all of those take more than `most` bytes.
pub fn make_room(folder: &Path, ours: impl Fn(&str) -> bool, most: u64) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let known = |entry: fs::DirEntry| {
        let metadata = entry.metadata().ok()?;
        let is_ours = entry.file_name().to_str().is_some_and(&ours) && metadata.is_file();
        Some((metadata.modified().ok()?, entry.path(), metadata.len())).filter(|_| is_ours)
    };
    let mut files: Vec<_> = entries.filter_map(|entry| known(entry.ok()?)).collect();
    files.sort();
    let mut held: u64 = files.iter().map(|(_, _, bytes)| bytes).sum();
    for (_, path, bytes) in files {
        if held <= most {
            return;
        }
        if fs::remove_file(path).is_ok() {
            held -= bytes;
        }
    }
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

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Target::Standard(out) => out.write(bytes),
            Target::Device(out) => out.write(bytes),
            Target::New(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Target::Standard(out) => out.flush(),
            Target::Device(out) => out.flush(),
            Target::New(out) => out.flush(),
        }
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

    #[test]
    fn drafts_that_nobody_writes_are_cleared_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        let mut living = Draft::new(&path).unwrap();
        for name in [".tidewatch-dead.draft", ".tidewatch-notes", "plan.draft", ".tmpabc"] {
            std::fs::write(folder.path().join(name), "x").unwrap();
        }
        std::fs::create_dir(folder.path().join(".tidewatch-folder.draft")).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 6);
        clear_drafts(folder.path());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 5);
        assert!(!folder.path().join(".tidewatch-dead.draft").exists());
        living.write_all(b"whole").unwrap();
        finish(vec![living], Ok(())).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"whole");
        clear_drafts(&folder.path().join("no such folder"));
    }
}
