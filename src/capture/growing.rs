//! A file that is still being written, read on as it grows.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;

/// How long to wait before looking whether there is more.
const PAUSE: Duration = Duration::from_millis(50);

/// Its end is not the end, unless the user has enough: then more bytes are waited for.
pub(super) struct Growing<F> {
    file: File,
    path: PathBuf,
    read: u64,
    enough: F,
}

impl<F: Fn() -> bool> Growing<F> {
    pub fn new(file: File, path: PathBuf, enough: F) -> Self {
        Self { file, path, read: 0, enough }
    }

    /// Why nothing will be written behind what has been read; none if something may.
    fn over(&self) -> io::Result<Option<&'static str>> {
        let opened = self.file.metadata()?;
        if opened.len() < self.read {
            return Ok(Some("the file was truncated"));
        }
        match self.path.metadata() {
            Ok(named) if same(&opened, &named) => Ok(None),
            Ok(_) => Ok(Some("the file was replaced by another")),
            Err(_) => Ok(Some("the file was moved or removed")),
        }
    }
}

/// Whether a path still names the file that was opened.
#[cfg(unix)]
fn same(opened: &std::fs::Metadata, named: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (opened.dev(), opened.ino()) == (named.dev(), named.ino())
}

#[cfg(not(unix))]
fn same(opened: &std::fs::Metadata, named: &std::fs::Metadata) -> bool {
    named.len() >= opened.len()
}

impl<F: Fn() -> bool> Read for Growing<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.file.read(buffer)?;
            self.read += read as u64;
            if read > 0 || buffer.is_empty() || (self.enough)() {
                return Ok(read);
            }
            if let Some(why) = self.over()? {
                // Perhaps there was more before that.
                return match self.file.read(buffer)? {
                    0 => Err(io::Error::other(why)),
                    read => {
                        self.read += read as u64;
                        Ok(read)
                    }
                };
            }
            sleep(PAUSE);
        }
    }
}
