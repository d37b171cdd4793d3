//! Any text as a labels file and the two tables that it may refer to, `i` and `p`; they are parted by zero bytes.

use std::cell::LazyCell;
use std::fs;

use tempfile::TempDir;
use tidewatch::capture::{Frame, Link};
use tidewatch::packet::{Packet, Tunnels};
use tidewatch::truth::{Truth, Truths};

thread_local! {
    static FOLDER: LazyCell<TempDir> = LazyCell::new(|| tempfile::tempdir().unwrap());
}

/// A TCP packet from 10.0.0.1, port 40000, to 10.0.0.2, port 22.
const FRAME: &[u8] =
    b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01\x08\0\x45\0\0\x28\0\x01\0\0\x40\x06\0\0\x0a\0\0\x01\x0a\0\0\x02\
    \x9c\x40\0\x16\0\0\0\x01\0\0\0\0\x50\x02\x20\0\0\0\0\0";

pub fn target(data: &[u8]) {
    // A labels file may name any file of its reader's; here none but its own.
    if data.windows(2).any(|two| two == b".." || two == b"\"/" || two == b"'/") {
        return;
    }
    let mut parts = data.splitn(3, |&byte| byte == 0);
    let path = FOLDER.with(|folder| folder.path().join("it.labels.toml"));
    for name in ["it.labels.toml", "i", "p"] {
        fs::write(path.with_file_name(name), parts.next().unwrap_or_default()).unwrap();
    }
    let truth = match Truth::read(&path) {
        Ok(truth) => truth,
        Err(error) => return assert!(!error.what.is_empty()),
    };
    assert_eq!(Truth::read(&path).ok().as_ref(), Some(&truth));
    assert!(truth.attacks().is_sorted_by(|a, b| a < b) && !truth.attacks().iter().any(String::is_empty));
    let alone = Truths::new(vec![None, Some(truth.clone())]).unwrap();
    for (number, time_ns) in [(1, 0), (2, 1_476_086_085_500_000_000), (7, i64::MAX), (u64::MAX, i64::MIN)] {
        let (wire_len, link) = (FRAME.len() as u32, Link::Ethernet);
        let frame = Frame { number, time_ns, link, wire_len, bytes: FRAME };
        let packet = Packet::decode(&frame, Tunnels::Inner).unwrap();
        let label = truth.label(&packet, number);
        assert!(label.is_none_or(|attack| usize::from(attack) < truth.attacks().len()));
        assert_eq!((alone.label(1, &packet, number), alone.label(0, &packet, number)), (label, None));
    }
}
