//! The files of a watch, and its connections, by Landlock.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, NetPort, PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetError, RulesetStatus, Scope, make_bitflags,
};

use super::Bounds;

/// The latest version whose every right was thought of here; an older kernel holds the program to those that it knows.
const KNOWN: ABI = ABI::V6;

/// What goes without saying: random numbers, this process, how many processors its group may use, the terminal.
const READS: [&str; 3] = ["/dev/urandom", "/proc/self", "/sys/fs/cgroup"];
const TERMINAL: &str = "/dev/tty";
/// What the C library resolves names with. These files are replaced while the program runs, and a right to a file is not one to what
/// comes in its place: so it is their folders.
const RESOLVER: [&str; 8] = [
    "/etc",
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/run/systemd/resolve",
    "/run/resolvconf",
    "/run/NetworkManager",
];

/// Holds this thread, and those that it starts, to the bounds; whether the kernel does.
///
/// # Errors
/// It should, and does not.
pub fn restrict(bounds: &Bounds) -> Result<bool, RulesetError> {
    let read = make_bitflags!(AccessFs::{ReadFile | ReadDir});
    let write = read | make_bitflags!(AccessFs::{WriteFile | MakeReg | RemoveFile | Truncate});
    // Of the rights to a folder, a file has no use for those to what is in it.
    let rights = |path: &Path, rights: BitFlags<AccessFs>| {
        let rights = if path.is_dir() { rights } else { rights & AccessFs::from_file(KNOWN) };
        Some(Ok::<_, RulesetError>(PathBeneath::new(PathFd::new(path).ok()?, rights)))
    };
    let resolver: &[&str] = if bounds.connects { &RESOLVER } else { &[] };
    let reads = READS.iter().chain(resolver).map(Path::new).chain(bounds.reads.iter().map(PathBuf::as_path));
    let connections = if bounds.connects { AccessNet::BindTcp.into() } else { AccessNet::from_all(KNOWN) };
    let rules = Ruleset::default()
        .handle_access(AccessFs::from_all(KNOWN))?
        .handle_access(connections)?
        .scope(Scope::from_all(KNOWN))?
        .create()?
        .add_rules(reads.filter_map(|path| rights(path, read)))?
        .add_rules(bounds.writes.iter().filter_map(|path| rights(path, write)))?
        .add_rules(rights(Path::new(TERMINAL), write | AccessFs::IoctlDev))?
        .add_rules(bounds.listens.map(|port| Ok::<_, RulesetError>(NetPort::new(port, AccessNet::BindTcp))))?;
    Ok(rules.restrict_self()?.ruleset != RulesetStatus::NotEnforced)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io::ErrorKind::PermissionDenied;
    use std::net::{TcpListener, TcpStream, ToSocketAddrs};
    use std::thread;

    use landlock::{CompatLevel, Compatible};

    use super::*;

    /// What is done by a thread that is held to these bounds, if this kernel knows how to.
    fn within(bounds: Bounds, act: impl FnOnce() + Send + 'static) {
        let confined = thread::spawn(move || match restrict(&bounds) {
            Ok(true) => act(),
            other => println!("skipped: this kernel does not hold programs to files: {other:?}"),
        });
        confined.join().unwrap();
    }

    #[test]
    fn only_what_is_named_is_read_and_written() {
        let folder = tempfile::tempdir().unwrap();
        let [read, write, neither] = ["read", "write", "neither"].map(|name| folder.path().join(name));
        for folder in [&read, &write, &neither] {
            fs::create_dir(folder).unwrap();
            fs::write(folder.join("file"), "old").unwrap();
        }
        let bounds = Bounds { reads: vec![read.clone()], writes: vec![write.clone()], ..Bounds::default() };
        within(bounds, move || {
            assert_eq!(fs::read(read.join("file")).unwrap(), b"old");
            assert_eq!(fs::write(read.join("file"), "new").unwrap_err().kind(), PermissionDenied);
            crate::file::write(&write.join("file"), |out| out.write_all(b"new").map_err(|_| unreachable!())).unwrap();
            assert_eq!(fs::read(write.join("file")).unwrap(), b"new");
            fs::rename(write.join("file"), write.join("aside")).unwrap();
            fs::remove_file(write.join("aside")).unwrap();
            assert_eq!(File::open(neither.join("file")).unwrap_err().kind(), PermissionDenied);
            assert_eq!(File::open("/etc/passwd").unwrap_err().kind(), PermissionDenied);
            // Nor by a name that leads there.
            assert!(std::os::unix::fs::symlink(neither.join("file"), write.join("link")).is_err());
            assert_eq!(fs::read_dir("/").unwrap_err().kind(), PermissionDenied);
        });
    }

    #[test]
    fn whom_it_connects_to_and_where_it_listens_is_for_who_asked_for_it() {
        let asked = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
        let knows_tcp = asked.handle_access(AccessNet::ConnectTcp).is_ok();
        if !knows_tcp {
            println!("skipped: this kernel does not hold programs to connections");
            return;
        }
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        within(Bounds::default(), move || {
            assert_eq!(TcpStream::connect(address).unwrap_err().kind(), PermissionDenied);
            assert_eq!(TcpListener::bind("127.0.0.1:0").unwrap_err().kind(), PermissionDenied);
        });
        within(Bounds { connects: true, listens: Some(0), ..Bounds::default() }, move || {
            TcpStream::connect(("localhost", address.port()).to_socket_addrs().unwrap().find(|a| a.is_ipv4()).unwrap())
                .unwrap();
            TcpListener::bind("127.0.0.1:0").unwrap();
            assert_eq!(TcpListener::bind("127.0.0.1:1").unwrap_err().kind(), PermissionDenied);
        });
    }
}
