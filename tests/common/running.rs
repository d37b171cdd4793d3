//! A watch that goes on for as long as a test wants, and what it answers.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use super::Folder;

/// A watch of what the test writes to it, which goes on for as long as the test wants; with what it has said so far.
pub struct Running {
    pub child: Child,
    err: BufReader<std::process::ChildStderr>,
    pub said: String,
    _bounded: Bounded,
}

/// Ends a process that goes on for so long that what a test waits for will not come: the test fails then, and does not hang. Dropped
/// when the process is not waited for any more.
pub struct Bounded {
    _sender: Sender<()>,
}

impl Bounded {
    const LONGEST: Duration = Duration::from_secs(300);

    /// With what is to be done once it was ended.
    pub fn new(process: u32, then: impl FnOnce() + Send + 'static) -> Self {
        let (sender, receiver) = channel::<()>();
        std::thread::spawn(move || {
            if receiver.recv_timeout(Self::LONGEST) == Err(RecvTimeoutError::Timeout) {
                Command::new("kill").args(["-KILL", &process.to_string()]).status().unwrap();
                then();
            }
        });
        Self { _sender: sender }
    }
}

impl Running {
    pub fn start(folder: &Folder, options: &str) -> Self {
        let mut command = folder.command(&format!("watch model.tw --replay - {options}"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let err = BufReader::new(child.stderr.take().unwrap());
        let bounded = Bounded::new(child.id(), || ());
        Self { child, err, said: String::new(), _bounded: bounded }
    }

    /// More of what is watched.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.child.stdin.as_mut().unwrap().write_all(bytes).unwrap();
    }

    /// Waits until it says this.
    pub fn hear(&mut self, words: &str) {
        let from = self.said.len();
        while !self.said[from..].contains(words) {
            assert!(self.err.read_line(&mut self.said).unwrap() > 0, "'{words}' was not said: {}", self.said);
        }
    }

    /// Lets what is watched end, and waits for the watch's end.
    pub fn end(mut self) -> (Option<i32>, String) {
        drop(self.child.stdin.take());
        self.err.read_to_string(&mut self.said).unwrap();
        (self.child.wait().unwrap().code(), self.said)
    }
}

/// The answer to a GET, head and all, with these headers besides.
pub fn get(address: &str, path: &str, headers: &str) -> String {
    ask(address, &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}Connection: close\r\n\r\n"))
}

/// The answer to a request, head and all.
pub fn ask(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

/// Where it serves, out of what it said.
pub fn address(said: &str) -> String {
    said.split("http://").nth(1).unwrap().split('/').next().unwrap().to_owned()
}

/// The values of a field of /proc's status, of each thread of a process.
pub fn of_threads(process: u32, field: &str) -> Vec<String> {
    let of = |thread: std::path::PathBuf| {
        let status = std::fs::read_to_string(thread.join("status")).unwrap();
        status.lines().find_map(|line| line.strip_prefix(field)).unwrap().trim().to_owned()
    };
    std::fs::read_dir(format!("/proc/{process}/task")).unwrap().map(|thread| of(thread.unwrap().path())).collect()
}
