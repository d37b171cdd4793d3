//! Captures cut at every byte of their first 4 KiB: never a panic, every packet is accounted for, and a byte more never
//! takes a packet away.
//!
//! Of the real ones, which take minutes, every run cuts a part; `TIDEWATCH_CUT=all` cuts them all.

mod common;
#[path = "fuzzed/targets/mod.rs"]
mod targets;

use std::io::{Cursor, Read};
use std::panic;
use std::path::{Path, PathBuf};

use common::data;
use common::traffic::{Traffic, gzip, zstd};
use rayon::prelude::*;

/// How far into a capture it is cut.
const DEEPEST: usize = 4096;
/// Of so many real captures one is cut in every run.
const STRIDE: usize = 16;

/// Reads the capture that begins with `head` at every length of that, and says how often and how many packets were used.
fn cut(head: &[u8]) -> (u64, u64) {
    let (mut used, mut opened, mut uses) = (0, 0, 0);
    for len in 0..=head.len() {
        let head = &head[..len];
        if let Ok(seen) = targets::capture::read(Cursor::new(head.to_vec()), head) {
            assert!(
                seen.ledger.used >= used,
                "cut at {len} of it {} packets are used, before it {used}",
                seen.ledger.used
            );
            used = seen.ledger.used;
            opened += 1;
            uses += used;
        } else {
            assert!(used == 0, "cut at {len} it is refused, before it {used} packets were used");
        }
    }
    (opened, uses)
}

#[test]
fn made_captures_are_cut_anywhere() {
    let traffic = Traffic::office(0, 3);
    let (pcap, pcapng) = (traffic.pcap(), traffic.pcapng());
    for (name, bytes) in [("gzip", gzip(&pcap)), ("zstd", zstd(&pcapng)), ("pcap", pcap), ("pcapng", pcapng)] {
        let (opened, uses) = cut(&bytes[..bytes.len().min(DEEPEST)]);
        assert!(opened > 0 && uses > 100, "{name}: {opened} were opened, {uses} packets were used");
    }
}

#[test]
fn real_captures_are_cut_anywhere() {
    let Some(data) = data() else { return };
    let mut files = Vec::new();
    for folder in ["robust", "stopddos", "lucid", "modbus_cset16", "slips", "qut_dnp3", "iot_sentinel"] {
        files_below(&data.join(folder), &mut files);
    }
    files.sort();
    let all = std::env::var_os("TIDEWATCH_CUT").is_some_and(|which| which == "all");
    let chosen: Vec<&PathBuf> = files.iter().step_by(if all { 1 } else { STRIDE }).collect();
    let seen: Vec<Result<(u64, u64), String>> = chosen
        .par_iter()
        .map(|path| {
            let mut head = Vec::new();
            std::fs::File::open(path).unwrap().take(DEEPEST as u64).read_to_end(&mut head).unwrap();
            panic::catch_unwind(|| cut(&head)).map_err(|panic| {
                let what = panic.downcast_ref::<String>().map_or("it panicked", String::as_str);
                format!("{}: {what}", path.display())
            })
        })
        .collect();
    let wrong: Vec<&String> = seen.iter().filter_map(|seen| seen.as_ref().err()).collect();
    assert!(wrong.is_empty(), "{} of {} captures: {wrong:#?}", wrong.len(), chosen.len());
    let sum = |count: fn(&(u64, u64)) -> u64| seen.iter().flatten().map(count).sum::<u64>();
    let (opened, uses) = (sum(|seen| seen.0), sum(|seen| seen.1));
    println!("{} of {} captures, {opened} cuts that could be opened, {uses} packets used", chosen.len(), files.len());
    assert!(opened > 1000 * chosen.len() as u64 / 2, "only {opened} cuts of {} captures were opened", chosen.len());
}

fn files_below(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_below(&path, files);
        } else {
            files.push(path);
        }
    }
}
