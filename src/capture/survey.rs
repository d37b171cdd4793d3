//! What is odd about a capture's packets as such, before anybody looks into them, and which packets they are.

use std::collections::{HashMap, VecDeque};
use std::path::Path;

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::{Capture, Ledger};
use crate::error::Result;
use crate::progress::Progress;
use crate::sketch::Sketch;

/// A mirror port that copies both directions sends a packet twice within microseconds; this leaves room for slow ones.
const REPEATED_WITHIN_NS: i64 = 10_000_000;
/// Packets that are looked back at, however fast they come.
const LOOKED_BACK: usize = 1024;

/// What one pass over a capture tells of its packets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Survey {
    /// Packets.
    pub packets: u64,
    /// Those with the same bytes as one of at most 10 ms before.
    pub repeated: u64,
    /// Those that are earlier than a packet before them.
    pub backwards: u64,
    /// Which packets there are, each with the microsecond of its second: whatever their order, the file's name and format, and by
    /// how many seconds a copy was shifted.
    pub frames: Sketch,
    /// Which packets there are by their bytes alone.
    pub contents: Sketch,
}

impl Survey {
    /// Takes in what another capture tells.
    pub fn add(&mut self, other: &Survey) {
        self.packets += other.packets;
        self.repeated += other.repeated;
        self.backwards += other.backwards;
        self.frames.merge(&other.frames);
        self.contents.merge(&other.contents);
    }
}

/// Reads a capture through.
///
/// # Errors
/// It cannot be opened as a capture; the user cancelled the work.
pub fn survey(path: &Path, progress: &dyn Progress) -> Result<Survey> {
    const STRIDE: u64 = 1 << 16;
    let mut capture = Capture::open(path)?;
    let (mut survey, mut ledger) = (Survey::default(), Ledger::default());
    let mut latest = i64::MIN;
    let mut before: VecDeque<(i64, u64)> = VecDeque::new();
    let mut recent: HashMap<u64, u32> = HashMap::new();
    while let Some(frame) = capture.next_frame(&mut ledger) {
        if survey.packets.is_multiple_of(STRIDE) {
            progress.check()?;
        }
        let hash = xxh3_64(frame.bytes);
        survey.packets += 1;
        let micros = frame.time_ns.div_euclid(1_000).rem_euclid(1_000_000);
        survey.frames.add(xxh3_64_with_seed(&hash.to_le_bytes(), micros as u64));
        survey.contents.add(hash);
        survey.backwards += u64::from(frame.time_ns < latest);
        latest = latest.max(frame.time_ns);
        while before.front().is_some_and(|&(time_ns, _)| {
            before.len() >= LOOKED_BACK || time_ns < latest.saturating_sub(REPEATED_WITHIN_NS)
        }) {
            let Some((_, old)) = before.pop_front() else { break };
            if let Some(count) = recent.get_mut(&old) {
                *count -= 1;
                if *count == 0 {
                    recent.remove(&old);
                }
            }
        }
        let count = recent.entry(hash).or_default();
        survey.repeated += u64::from(*count > 0);
        *count += 1;
        before.push_back((frame.time_ns, hash));
    }
    Ok(survey)
}
