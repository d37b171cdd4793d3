//! Several captures as one.

use std::sync::Arc;

use super::super::{Block, Captures, neighbours, span};
use super::*;
use crate::progress::Quiet;

/// A capture whose frames come at these seconds and hold their own number.
fn file(folder: &tempfile::TempDir, name: &str, seconds: &[u32]) -> PathBuf {
    let put = Put(false);
    let mut bytes = [0xa1b2_c3d4, 0x0004_0002, 0, 0, 65_535, 1].map(|field| put.u32(field)).concat();
    for (number, &at) in (1..).zip(seconds) {
        bytes.extend([at, 0, 1, 60].map(|field| put.u32(field)).concat());
        bytes.push(number);
    }
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn open(paths: &[PathBuf]) -> Result<Captures> {
    Captures::new(paths.iter().map(|path| (path.clone(), span(path, &Quiet).ok())).collect())
}

/// Time in seconds, place and number of every frame, the ledger, and what was wrong.
type Merged = (Vec<(i64, usize, u64)>, Ledger, Vec<(usize, String)>);

fn merged(paths: &[PathBuf]) -> Merged {
    let mut captures = open(paths).unwrap();
    let (mut frames, mut ledger) = (Vec::new(), Ledger::default());
    let mut take = |block: &Arc<Block>, place: usize, link: Link, spot: Spot| {
        let frame = block.frame(link, &spot);
        assert_eq!(frame.bytes, [frame.number as u8]);
        frames.push((frame.time_ns / 1_000_000_000, place, frame.number));
        Ok(())
    };
    while captures.walk(&mut ledger, &mut take) {}
    assert!(!captures.walk(&mut ledger, &mut take), "what has ended does not go on");
    ledger.used += frames.len() as u64;
    let sizes: u64 = paths.iter().filter_map(|path| path.metadata().ok()).map(|metadata| metadata.len()).sum();
    assert_eq!((captures.position(), ledger.balances()), (sizes, true));
    (frames, ledger, captures.troubles().to_vec())
}

#[test]
fn frames_come_in_the_order_of_time_and_of_files() {
    let folder = tempfile::tempdir().unwrap();
    let paths = [
        file(&folder, "late", &[8, 9]),
        file(&folder, "empty", &[]),
        file(&folder, "mixed", &[1, 5, 3, 9]),
        file(&folder, "early", &[1, 2, 5, 8]),
    ];
    let (frames, ledger, troubles) = merged(&paths);
    let start = [(1, 2, 1), (1, 3, 1), (2, 3, 2), (5, 2, 2), (3, 2, 3)];
    let end = [(5, 3, 3), (8, 0, 1), (8, 3, 4), (9, 0, 2), (9, 2, 4)];
    assert_eq!(frames, [start, end].concat());
    assert_eq!((ledger.read, troubles), (10, Vec::new()));
}

#[test]
fn a_capture_that_is_cut_does_not_stop_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let paths = [file(&folder, "cut", &[1, 3, 5]), file(&folder, "whole", &[2, 4, 6])];
    let bytes = std::fs::read(&paths[0]).unwrap();
    std::fs::write(&paths[0], &bytes[..bytes.len() - 1]).unwrap();
    let (frames, ledger, troubles) = merged(&paths);
    assert_eq!(frames.iter().map(|(at, ..)| *at).collect::<Vec<_>>(), [1, 2, 3, 4, 6]);
    assert_eq!((ledger.read, ledger.skipped(Skip::CutRecord)), (6, 1));
    let [(0, trouble)] = troubles.as_slice() else { panic!("{troubles:?}") };
    assert!(trouble.contains("ends inside a record"), "{trouble}");
}

#[test]
fn a_thousand_files_are_open_one_after_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let file = |n: u32, last| file(&folder, &n.to_string(), &[n, last]);
    let (frames, ..) = merged(&(0..1000).map(|n| file(n, n + 1)).collect::<Vec<_>>());
    assert!(frames.len() == 2000 && frames.is_sorted());
    let Err(error) = open(&(0..257).map(|n| file(n, 1000)).collect::<Vec<_>>()) else { panic!("257 are open") };
    assert!(error.to_string().contains("257 of the captures overlap in time"), "{error}");
}

#[test]
fn captures_that_follow_each_other_are_read_as_one() {
    let spans = |spans: &[(i64, i64)]| spans.iter().map(|&span| Some(span)).collect::<Vec<_>>();
    assert_eq!(neighbours(&spans(&[(0, 10), (10, 20), (31, 40)]), 10), [vec![0, 1], vec![2]]);
    assert_eq!(neighbours(&spans(&[(30, 40), (0, 9), (41, 50), (0, 100)]), 0), [vec![0, 1, 2, 3]]);
    assert_eq!(neighbours(&spans(&[(30, 40), (0, 9), (20, 22)]), 5), [vec![0], vec![1], vec![2]]);
    // Standard input may be of any time; what is empty is of none.
    assert_eq!(neighbours(&[Some((0, 1)), None, Some((100, 101))], 5), [vec![0, 1, 2]]);
    let empty = (i64::MIN, i64::MIN);
    assert_eq!(neighbours(&spans(&[(0, 10), empty, (100, 110)]), 50), [vec![0], vec![1], vec![2]]);
    assert_eq!(neighbours(&[], 5), Vec::<Vec<usize>>::new());
}
