//! What the behaviour tests share: a folder to work in, the binary run in it, and captures that are made on the spot.

// Every test file is a program of its own and uses a part of this.
#![allow(dead_code)]

pub mod running;
pub mod traffic;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256Plus;
use serde_json::Value;
use tempfile::TempDir;
use tidewatch::matrix::{Matrix, Schema};
use tidewatch::window::{Names, Rows, View};

use traffic::{LABELS, Traffic};

/// The binary under test.
pub const TIDEWATCH: &str = env!("CARGO_BIN_EXE_tidewatch");

/// A folder of its own for a test; the binary runs in it, so that messages hold names and no paths.
pub struct Folder(TempDir);

/// How a command ended, and what it said.
#[derive(Debug)]
pub struct Said {
    /// None if a signal ended it.
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// A quiet minute of an office, so many later seconds of it with a scan at one of them, and a model of the minute.
pub fn office(seconds: i64, scan: i64) -> Folder {
    let folder = Folder::new();
    folder.put("benign.pcap", Traffic::office(0, 60).pcap());
    folder.put("attack.pcap", Traffic::office(100, seconds).scan(scan).pcap());
    folder.done("train benign.pcap -o model.tw --model tail --window 1s");
    folder
}

/// [`office`] with the truth beside the scan.
pub fn labelled_office() -> Folder {
    let folder = office(30, 115);
    folder.put("attack.labels.toml", LABELS);
    folder
}

/// Rows of a network whose half minutes are ever the same in the mean, and by day ten times as restless as by night: so many days from
/// the first on.
pub fn days_with_a_rhythm(first: i64, days: i64) -> Matrix {
    const WINDOW_NS: i64 = 30_000_000_000;
    const A_DAY: i64 = 2880;
    let mut rng = Xoshiro256Plus::seed_from_u64(first as u64);
    let mut matrix = Matrix::new(Schema::of(View::Network, WINDOW_NS), false);
    for window in first * A_DAY..(first + days) * A_DAY {
        let size = if (960..2400).contains(&(window % A_DAY)) { 20.0 } else { 2.0 };
        let mut values = vec![0.0; matrix.schema.columns.len()];
        values[..4].fill_with(|| 100.0 + size * (0..6).map(|_| rng.gen_range(-1.0..1.0_f32)).sum::<f32>());
        let rows = Rows { entity: Names::from_iter(["network"]), values, ..Rows::default() };
        matrix.push_window(window * WINDOW_NS, rows, None);
    }
    matrix
}

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// The path of a file in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Puts a file into the folder.
    pub fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// The bytes of a file in the folder.
    pub fn get(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The names in the folder, hidden ones too.
    pub fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// `tidewatch LINE`, in the folder.
    pub fn command(&self, line: &str) -> Command {
        let mut command = Command::new(TIDEWATCH);
        command.args(line.split_whitespace()).current_dir(self.0.path()).env_remove("RUST_BACKTRACE");
        command
    }

    /// Runs `tidewatch LINE` with nothing on standard input.
    pub fn run(&self, line: &str) -> Said {
        assert_cmd::Command::from_std(self.command(line)).output().unwrap().into()
    }

    /// Runs `tidewatch LINE` with these bytes on standard input.
    pub fn run_with(&self, line: &str, input: impl Into<Vec<u8>>) -> Said {
        assert_cmd::Command::from_std(self.command(line)).write_stdin(input).output().unwrap().into()
    }

    /// Runs `tidewatch LINE`, which has to end with exit code 0.
    pub fn done(&self, line: &str) -> Said {
        let said = self.run(line);
        assert_eq!(said.code, Some(0), "tidewatch {line}\n{}", said.err);
        said
    }

    pub fn folder(&self) -> &Path {
        self.0.path()
    }
}

impl Said {
    /// Standard output as one JSON value.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}{}", self.out, self.err))
    }

    /// Standard output as one JSON value a line.
    pub fn json_lines(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// The names of an object's members, in their order.
pub fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap_or_else(|| panic!("no object: {value}")).keys().map(String::as_str).collect()
}

/// The folder of real captures and tables that is not the project's to redistribute; without it a test says so and ends.
pub fn data() -> Option<PathBuf> {
    let folder = std::env::var_os("TIDEWATCH_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from);
    if !folder.is_dir() {
        println!("skipped: no data folder");
        return None;
    }
    Some(folder)
}

/// Adds the files in a folder and in those below it.
pub fn files_below(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_below(&path, files);
        } else {
            files.push(path);
        }
    }
}
