//! Every capture that others keep to test their readers with: each is read or refused, never a crash, never much memory, and
//! every packet of it is accounted for.

mod common;

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{TIDEWATCH, data, files_below, keys};
use serde_json::Value;

/// What a run may have resident at most.
const MEMORY: usize = 256 << 20;

/// How a run ended: its exit code, none if a signal ended it; what it said; and the most bytes that it had resident.
struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
    peak: usize,
}

/// The kernel's own count of a process that has ended, which needs no sampling and misses nothing.
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
mod kernel {
    /// `struct rusage` of getrusage(2): two times of two words each, the peak in KiB, and thirteen more words.
    #[repr(C)]
    #[derive(Default)]
    struct Usage {
        times: [i64; 4],
        peak_kib: i64,
        others: [i64; 13],
    }

    unsafe extern "C" {
        fn wait4(pid: i32, status: *mut i32, options: i32, usage: *mut Usage) -> i32;
    }

    /// Waits for a child that nobody else waits for; its exit code, if it has one, and the most bytes that it had resident.
    pub fn wait(child: &mut std::process::Child) -> (Option<i32>, usize) {
        use std::os::unix::process::ExitStatusExt;
        let (pid, mut status, mut usage) = (child.id() as i32, 0, Usage::default());
        // SAFETY: both pointers are to values of the types that wait4(2) writes, which live until it returns.
        let ended = unsafe { wait4(pid, &mut status, 0, &mut usage) };
        assert_eq!(ended, pid, "wait4 failed");
        (std::process::ExitStatus::from_raw(status).code(), usage.peak_kib as usize * 1024)
    }
}

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
mod kernel {
    /// Waits for a child; elsewhere memory is not measured.
    pub fn wait(child: &mut std::process::Child) -> (Option<i32>, usize) {
        (child.wait().unwrap().code(), 0)
    }
}

fn run(args: &[&str], file: &Path, more: &[&str]) -> Ended {
    let mut child: Child = Command::new(TIDEWATCH)
        .args(args)
        .arg(file)
        .args(more)
        .env("RAYON_NUM_THREADS", "1")
        .env_remove("RUST_BACKTRACE")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut out, mut err) = (String::new(), String::new());
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    let (code, peak) = kernel::wait(&mut child);
    Ended { code, out, err, peak }
}

/// How `extract` ends on a file.
fn extract(file: &Path, output: &Path) -> Ended {
    let to = output.display().to_string();
    run(&["extract"], file, &["-o", &to, "--json"])
}

/// What is wrong with that; nothing if nothing is.
fn complaint(file: &Path, output: &Path, ended: &Ended) -> Option<String> {
    if ended.err.contains("panicked") {
        return Some(ended.err.clone());
    }
    if ended.peak > MEMORY {
        return Some(format!("{} MiB were resident", ended.peak >> 20));
    }
    match ended.code {
        Some(0 | 3) => {
            let summary: Value = serde_json::from_str(&ended.out).unwrap();
            let ledger = &summary["ledger"];
            let count = |value: &Value| value.as_u64().unwrap();
            let skipped: u64 = keys(&ledger["skipped"]).iter().map(|&reason| count(&ledger["skipped"][reason])).sum();
            let balances = count(&ledger["read"]) == count(&ledger["used"]) + skipped;
            let all = summary["packets"] == ledger["read"];
            let rows = (count(&ledger["used"]) > 0) == (count(&summary["matrices"][0]["rows"]) > 0);
            let told = skipped == 0 || ended.code == Some(3);
            (!(balances && all && rows && told)).then(|| format!("exit code {:?}, {summary}", ended.code))
        }
        Some(1) => {
            let errors = ended.err.lines().filter(|line| line.starts_with("error: ")).count();
            if errors != 1 || output.exists() {
                return Some(format!("{errors} errors: {}", ended.err));
            }
            // It may refuse only what holds no packet that can be read.
            let inspected = run(&["inspect", "--json"], file, &[]);
            let read = serde_json::from_str(&inspected.out)
                .map_or(0, |value: Value| value["ledger"]["read"].as_u64().unwrap_or(0));
            (read > 0).then(|| format!("refused, but {read} packets can be read: {}", ended.err))
        }
        code => Some(format!("ended with {code:?}: {}", ended.err)),
    }
}

#[test]
fn every_file_is_read_or_refused() {
    let Some(data) = data() else { return };
    let mut files = Vec::new();
    files_below(&data.join("robust"), &mut files);
    files.sort();
    assert!(files.len() > 2000, "only {} files", files.len());
    let next = AtomicUsize::new(0);
    let work = || {
        let folder = tempfile::tempdir().unwrap();
        // An unoptimized Parquet writer would take five times as long as all the rest.
        let output = folder.path().join("m.csv");
        let mut seen = Vec::new();
        while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            let _ = std::fs::remove_file(&output);
            let ended = extract(file, &output);
            let complaint = complaint(file, &output, &ended).map(|what| format!("{}: {what}", file.display()));
            seen.push((ended.code, ended.peak, complaint));
        }
        seen
    };
    let seen: Vec<(Option<i32>, usize, Option<String>)> = std::thread::scope(|scope| {
        let threads = [scope.spawn(work), scope.spawn(work)];
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let count = |code| seen.iter().filter(|(ended, ..)| *ended == Some(code)).count();
    let peak = seen.iter().map(|(_, peak, _)| peak >> 20).max().unwrap_or(0);
    println!("{} read, {} in part, {} refused; at most {peak} MiB resident", count(0), count(3), count(1));
    let complaints: Vec<&str> = seen.iter().filter_map(|(.., complaint)| complaint.as_deref()).collect();
    assert!(complaints.is_empty(), "{} of {}:\n{}", complaints.len(), files.len(), complaints.join("\n"));
}
