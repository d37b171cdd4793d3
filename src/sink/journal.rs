//! Lines to a file that is put aside when it has grown long enough.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::{Carrier, Needs};

/// A file of lines, and older ones beside it: `notices.jsonl`, `notices.jsonl.1`, `notices.jsonl.2`.
///
/// A line is written at once and whole. If the program is killed while it writes one, the half that is there is cut off when the file
/// is opened again; if the disk is full, it is cut off at once.
pub struct Journal {
    path: PathBuf,
    /// Bytes of the file before it is put aside, and how many older ones are kept.
    most: u64,
    keep: usize,
    file: Option<(File, u64)>,
}

impl Journal {
    /// Lines to the file at `path`, which is made if it is not there.
    pub fn new(path: PathBuf, most: u64, keep: usize) -> Self {
        Self { path, most, keep, file: None }
    }

    /// The file, and how long it is.
    fn open(&mut self) -> io::Result<&mut (File, u64)> {
        if self.file.is_none() {
            let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&self.path)?;
            let whole = whole_lines(&mut file)?;
            file.set_len(whole)?;
            file.seek(SeekFrom::Start(whole))?;
            self.file = Some((file, whole));
        }
        self.file.as_mut().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Puts the file aside, and the older ones further; the oldest goes.
    fn rotate(&mut self) -> io::Result<()> {
        self.file = None;
        if self.keep == 0 {
            return fs::remove_file(&self.path);
        }
        for number in (1..self.keep).rev() {
            let older = aside(&self.path, number);
            if older.exists() {
                fs::rename(older, aside(&self.path, number + 1))?;
            }
        }
        fs::rename(&self.path, aside(&self.path, 1))
    }
}

fn aside(path: &Path, number: usize) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    name.into()
}

/// How many bytes of a file are whole lines.
fn whole_lines(file: &mut File) -> io::Result<u64> {
    const PIECE: u64 = 1 << 16;
    let mut end = file.metadata()?.len();
    let mut buffer = Vec::new();
    while end > 0 {
        let start = end.saturating_sub(PIECE);
        file.seek(SeekFrom::Start(start))?;
        buffer.clear();
        Read::by_ref(file).take(end - start).read_to_end(&mut buffer)?;
        if let Some(last) = memchr::memrchr(b'\n', &buffer) {
            return Ok(start + last as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

impl Carrier for Journal {
    fn deliver(&mut self, message: &[u8]) -> io::Result<()> {
        let most = self.most;
        let (_, length) = self.open()?;
        if *length > 0 && *length + message.len() as u64 > most {
            self.rotate()?;
        }
        let (file, length) = self.open()?;
        match file.write_all(message) {
            Ok(()) => *length += message.len() as u64,
            Err(error) => {
                // Whatever of it is there goes, now or when the file is opened again.
                let _ = file.set_len(*length);
                self.file = None;
                return Err(error);
            }
        }
        Ok(())
    }

    fn needs(&self) -> Needs<'_> {
        Needs::File(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_put_aside_when_it_is_long_enough() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notices.jsonl");
        let mut journal = Journal::new(path.clone(), 10, 2);
        for line in ["one\n", "two\n", "three\n", "four\n", "much longer than ten\n", "six\n"] {
            journal.deliver(line.as_bytes()).unwrap();
        }
        let read = |path: &Path| fs::read_to_string(path).unwrap();
        assert_eq!(read(&path), "six\n");
        assert_eq!(read(&aside(&path, 1)), "much longer than ten\n");
        assert_eq!(read(&aside(&path, 2)), "four\n");
        assert!(!aside(&path, 3).exists());
    }

    #[test]
    fn half_a_line_is_cut_off_when_the_file_is_opened_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notices.jsonl");
        for (before, after) in [("a\nb\nhal", "a\nb\nnew\n"), ("half", "new\n"), ("", "new\n"), ("a\n", "a\nnew\n")] {
            fs::write(&path, before).unwrap();
            Journal::new(path.clone(), 1000, 1).deliver(b"new\n").unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), after, "{before:?}");
        }
        let long = format!("a\n{}", "x".repeat(200_000));
        fs::write(&path, long).unwrap();
        Journal::new(path.clone(), 1000, 1).deliver(b"new\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "a\nnew\n");
    }

    #[test]
    fn what_cannot_be_written_is_an_error() {
        assert!(Journal::new("/no/such/folder/notices.jsonl".into(), 1000, 1).deliver(b"new\n").is_err());
    }
}
