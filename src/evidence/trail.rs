//! The latest frames, in bounded memory.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::capture::{Block, Frame, Inflow, Ledger, Link, Skip, Spot, Walk};

/// Bytes of a segment: what is let go of at once.
const SEGMENT: usize = 1 << 20;
/// What a frame takes beside its bytes.
const NOTE: usize = size_of::<Note>();

/// The latest frames: as many as fit. To keep one is to copy it; nothing is allocated for it.
pub struct Trail {
    most: usize,
    /// Those that are full, the oldest first.
    full: VecDeque<Arc<Segment>>,
    filling: Segment,
    /// Those that it has let go of, and somebody may still look at.
    lent: Vec<Weak<Segment>>,
}

/// What there is of some time.
pub struct Look {
    /// The segments that hold it, the oldest first: not copied, and not changed by what comes.
    pub segments: Vec<Arc<Segment>>,
    /// The time of the oldest frame that there is at all.
    pub oldest_ns: Option<i64>,
}

/// Frames that came one after the other.
#[derive(Default)]
pub struct Segment {
    bytes: Vec<u8>,
    notes: Vec<Note>,
    /// The earliest and the latest time of its frames.
    span_ns: Option<(i64, i64)>,
}

/// What is known of a frame beside its bytes.
#[derive(Clone, Copy)]
struct Note {
    time_ns: i64,
    link: Link,
    wire_len: u32,
    at: u32,
    captured: u32,
}

impl Segment {
    fn held(&self) -> usize {
        self.bytes.len() + self.notes.len() * NOTE
    }

    fn overlaps(&self, times_ns: &Range<i64>) -> bool {
        self.span_ns.is_some_and(|(first_ns, last_ns)| first_ns < times_ns.end && last_ns >= times_ns.start)
    }

    /// Its frames, in the order in which they came.
    pub fn frames(&self) -> impl Iterator<Item = Frame<'_>> {
        self.notes.iter().map(|note| {
            let Note { time_ns, link, wire_len, at, captured } = *note;
            let bytes =
                self.bytes.get(at as usize..).and_then(|rest| rest.get(..captured as usize)).unwrap_or_default();
            Frame { number: 0, time_ns, link, wire_len, bytes }
        })
    }
}

impl Trail {
    /// Keeps frames in so many bytes, of which there are at least two segments.
    pub fn new(most: usize) -> Self {
        Self { most: most.max(2 * SEGMENT), full: VecDeque::new(), filling: Segment::default(), lent: Vec::new() }
    }

    /// Keeps a frame, and lets go of the oldest if there is no room.
    pub fn push(&mut self, frame: &Frame<'_>) {
        if self.filling.held() + frame.bytes.len() + NOTE > SEGMENT {
            self.seal();
        }
        let Segment { bytes, notes, span_ns } = &mut self.filling;
        let (first_ns, last_ns) = span_ns.unwrap_or((frame.time_ns, frame.time_ns));
        *span_ns = Some((first_ns.min(frame.time_ns), last_ns.max(frame.time_ns)));
        let (at, captured) = (bytes.len() as u32, frame.bytes.len() as u32);
        bytes.extend_from_slice(frame.bytes);
        notes.push(Note { time_ns: frame.time_ns, link: frame.link, wire_len: frame.wire_len, at, captured });
    }

    /// Begins a new segment.
    fn seal(&mut self) {
        if self.filling.notes.is_empty() {
            return;
        }
        let sealed = std::mem::take(&mut self.filling);
        self.full.push_back(Arc::new(sealed));
        let mut spare = None;
        while self.full.iter().map(|segment| segment.held()).sum::<usize>() + SEGMENT > self.most {
            let Some(oldest) = self.full.pop_front() else { break };
            // Its memory is used again, unless somebody looks at it.
            match Arc::try_unwrap(oldest) {
                Ok(segment) => spare = Some(segment),
                Err(lent) => self.lent.push(Arc::downgrade(&lent)),
            }
        }
        if let Some(Segment { mut bytes, mut notes, .. }) = spare {
            bytes.clear();
            notes.clear();
            self.filling = Segment { bytes, notes, span_ns: None };
        }
    }

    /// What it holds of some time. None while those who have looked before hold on to as much again as the trail may: so it never is
    /// more than twice as much.
    pub fn look(&mut self, times_ns: &Range<i64>) -> Option<Look> {
        self.lent.retain(|lent| lent.strong_count() > 0);
        let lent: usize = self.lent.iter().filter_map(Weak::upgrade).map(|lent| lent.held()).sum();
        if lent > self.most {
            return None;
        }
        self.seal();
        let oldest_ns = self.full.front().and_then(|segment| segment.frames().next()).map(|frame| frame.time_ns);
        let segments = self.full.iter().filter(|segment| segment.overlaps(times_ns)).cloned().collect();
        Some(Look { segments, oldest_ns })
    }
}

/// An inflow whose frames leave a trail.
pub struct Tapped<'a, I> {
    /// What is tapped.
    pub inflow: &'a mut I,
    /// Where its frames are kept; nowhere, if nobody asks for them.
    pub trail: Option<Arc<Mutex<Trail>>>,
}

impl<I: Inflow> Inflow for Tapped<'_, I> {
    fn walk<F>(&mut self, ledger: &mut Ledger, mut take: F) -> Walk
    where
        F: FnMut(&Arc<Block>, usize, Link, Spot) -> std::result::Result<(), Skip>,
    {
        let Some(trail) = &self.trail else { return self.inflow.walk(ledger, take) };
        // Whoever else asks for it does so between walks, from the same thread.
        let mut trail = trail.lock().unwrap_or_else(PoisonError::into_inner);
        self.inflow.walk(ledger, |block, place, link, spot| {
            trail.push(&block.frame(link, &spot));
            take(block, place, link, spot)
        })
    }

    fn lent(&self) -> usize {
        self.inflow.lent()
    }

    fn position(&self) -> u64 {
        self.inflow.position()
    }

    fn are_files(&self) -> bool {
        self.inflow.are_files()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_frames_are_kept_in_bounded_memory() {
        let mut trail = Trail::new(4 * SEGMENT);
        let bytes = [7; 1000];
        for time_ns in 0..20_000 {
            trail.push(&Frame { number: 0, time_ns, link: Link::Ethernet, wire_len: 1500, bytes: &bytes });
        }
        let segments = trail.look(&(0..20_000)).unwrap().segments;
        let held: usize = segments.iter().map(|segment| segment.held()).sum();
        assert!((2 * SEGMENT..=4 * SEGMENT).contains(&held), "{held}");
        let times: Vec<i64> = segments.iter().flat_map(|segment| segment.frames()).map(|frame| frame.time_ns).collect();
        assert_eq!(times.last(), Some(&19_999));
        assert!(times.windows(2).all(|pair| pair[1] == pair[0] + 1), "none is missing in between");
        assert!(segments[0].frames().all(|frame| frame.bytes == bytes && frame.wire_len == 1500));
    }

    #[test]
    fn who_looks_gets_no_more_than_is_asked_for_and_not_too_much() {
        let mut trail = Trail::new(4 * SEGMENT);
        let bytes = [7; 1000];
        let mut clock = 0..;
        let mut fill = |trail: &mut Trail, frames: usize| {
            for time_ns in clock.by_ref().take(frames) {
                trail.push(&Frame { number: 0, time_ns, link: Link::Ethernet, wire_len: 1000, bytes: &bytes });
            }
        };
        fill(&mut trail, 3_000);
        let part = trail.look(&(2_900..2_901)).unwrap();
        assert_eq!((part.segments.len(), part.oldest_ns), (1, Some(0)));
        assert!(trail.look(&(5_000..6_000)).unwrap().segments.is_empty());
        // Two who hold on to all that there was are one too many for a third.
        let mut held = Vec::new();
        while let Some(look) = trail.look(&(0..i64::MAX)) {
            held.push(look);
            fill(&mut trail, 5_000);
        }
        assert!((1..=3).contains(&held.len()), "{}", held.len());
        held.clear();
        assert!(trail.look(&(0..i64::MAX)).is_some());
    }
}
