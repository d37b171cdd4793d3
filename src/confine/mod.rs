//! What a watch gives up once it has all that it needs: whoever takes the program over through what it reads, or talks to, shall not
//! have got the network, the disk or root with it.
//!
//! Linux holds threads, not programs, to this: it is for the time before the first thread is begun. What a kernel does not know, it
//! does not hold the program to; [`Confined`] says what it did.

#[cfg(target_os = "linux")]
mod calls;
#[cfg(target_os = "linux")]
mod capabilities;
#[cfg(target_os = "linux")]
mod files;

use std::path::{Path, PathBuf};

#[cfg(target_os = "linux")]
pub use capabilities::renounce;

use crate::error::Result;
use crate::file::folder;

/// What is still to be had.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// Files, and folders with all that is in them, that may be read.
    pub reads: Vec<PathBuf>,
    /// Those in which files may be made, written, renamed and removed besides.
    pub writes: Vec<PathBuf>,
    /// Whether there may be connections to others, and names may be resolved.
    pub connects: bool,
    /// The TCP port to listen at.
    pub listens: Option<u16>,
}

impl Bounds {
    /// Lets a file be read, and whatever comes to stand in its place.
    pub fn read(&mut self, file: &Path) {
        self.reads.extend(places(file));
    }

    /// Lets a file be written, put aside and replaced.
    pub fn write(&mut self, file: &Path) {
        self.writes.extend(places(file));
    }
}

/// Where a file can be replaced: its folder, and that of the file that its name leads to; if the folder is not there yet, where it would
/// be made. What is neither file nor folder stands for itself.
fn places(file: &Path) -> Vec<PathBuf> {
    let leads_to = file.canonicalize().ok();
    if leads_to.as_ref().is_some_and(|file| !file.is_file()) {
        return leads_to.into_iter().collect();
    }
    let place = |file: &Path| {
        let folder = folder(file);
        let is_there = folder.is_dir();
        let nearest = folder.ancestors().chain([Path::new(".")]).find_map(|folder| folder.canonicalize().ok())?;
        // The root, for the lack of anything nearer, would be everything; and what looks like a file among devices is none.
        let is_apt = (is_there || nearest.parent().is_some()) && nearest != Path::new("/dev");
        is_apt.then_some(nearest)
    };
    leads_to.as_deref().into_iter().chain([file]).filter_map(place).collect()
}

/// What the kernel holds the program to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Confined {
    /// Which files there are, and whom it may connect to ([Landlock](https://docs.kernel.org/userspace-api/landlock.html)).
    pub files: bool,
    /// Which system calls there are ([seccomp](https://docs.kernel.org/userspace-api/seccomp_filter.html)).
    pub calls: bool,
}

/// Gives up for good whatever lies beyond the bounds. A path that is not there is passed over.
///
/// # Errors
/// Other threads run already, which could not be held to it.
#[cfg(target_os = "linux")]
pub fn confine(bounds: &Bounds) -> Result<Confined> {
    use crate::error::{Error, ErrorKind};

    let threads = std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
    if threads != 1 {
        return Err(Error::new(ErrorKind::Io, "the program", format!("{threads} threads run already")));
    }
    Ok(Confined { files: files::restrict(bounds).unwrap_or(false), calls: calls::restrict() })
}

/// Gives up nothing, for nothing of the kind is known here.
///
/// # Errors
/// None.
#[cfg(not(target_os = "linux"))]
pub fn renounce() -> std::io::Result<()> {
    Ok(())
}

/// Gives up nothing, for nothing of the kind is known here.
///
/// # Errors
/// None.
#[cfg(not(target_os = "linux"))]
pub fn confine(_: &Bounds) -> Result<Confined> {
    Ok(Confined::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_in_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let there = folder.path().canonicalize().unwrap();
        std::fs::write(there.join("model.tw"), "").unwrap();
        assert_eq!(places(&there.join("model.tw")), [there.clone(), there.clone()]);
        assert_eq!(places(&there.join("no/such/file")), [there]);
        assert_eq!(places(Path::new("/no/such/folder/file")), [] as [PathBuf; 0]);
        assert_eq!(places(Path::new("/file")), [Path::new("/")]);
        assert_eq!(places(Path::new("file")), [Path::new(".").canonicalize().unwrap()]);
        assert_eq!(places(Path::new("/dev/null")), [Path::new("/dev/null")]);
        assert_eq!(places(Path::new("/dev/none")), [] as [PathBuf; 0]);
    }
}
