//! The latest frames, in bounded memory.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use crate::capture::{Block, Frame, Inflow, Ledger, Link, Spot, Take, Walk};

/// Bytes of a segment: what is let go of at once.
const SEGMENT: usize = 1 << 18;
/// What a frame takes beside its bytes: its time, its link, how long it was and how much of it is here.
const NOTE: usize = 8 + 4 + 4 + 4;

/// The latest frames: as many as fit. To keep one is to copy it; nothing is allocated for it.
///
/// All segments are of one size and their memory is used again, so that a watch of months takes what its first busy hour took.
pub struct Trail {
    most: usize,
    /// Those that are full, the oldest first.
    full: VecDeque<Arc<Segment>>,
    /// Bytes of those.
    room: usize,
    filling: Segment,
    /// What was in the one that is filling when somebody looked, until another frame comes.
    copied: Option<Arc<Segment>>,
    /// Those that it has let go of, and somebody may still look at.
    lent: Vec<Arc<Segment>>,
    spare: Vec<Segment>,
}

/// What there is of some time.
pub struct Look {
    /// The segments that hold it, the oldest first: they are not changed by what comes.
    pub segments: Vec<Arc<Segment>>,
    /// The time of the oldest frame that there is at all.
    pub oldest_ns: Option<i64>,
}

/// Frames that came one after the other, each behind its note.
pub struct Segment {
    bytes: Vec<u8>,
    /// The earliest and the latest time of its frames.
    span_ns: Option<(i64, i64)>,
}

impl Segment {
    /// One without frames, with room for a frame of any size.
    fn new(frame: usize) -> Self {
        Self { bytes: Vec::with_capacity(SEGMENT.max(frame)), span_ns: None }
    }

    /// The memory that it takes, whether there are frames in it or not.
    fn room(&self) -> usize {
        self.bytes.capacity()
    }

    fn overlaps(&self, times_ns: &Range<i64>) -> bool {
        self.span_ns.is_some_and(|(first_ns, last_ns)| first_ns < times_ns.end && last_ns >= times_ns.start)
    }

    fn push(&mut self, frame: &Frame<'_>) {
        let Frame { time_ns, link, wire_len, bytes, .. } = *frame;
        let (first_ns, last_ns) = self.span_ns.unwrap_or((time_ns, time_ns));
        self.span_ns = Some((first_ns.min(time_ns), last_ns.max(time_ns)));
        self.bytes.extend_from_slice(&time_ns.to_ne_bytes());
        for number in [link.number(), wire_len, bytes.len() as u32] {
            self.bytes.extend_from_slice(&number.to_ne_bytes());
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// Its frames, in the order in which they came.
    pub fn frames(&self) -> impl Iterator<Item = Frame<'_>> {
        let mut rest = self.bytes.as_slice();
        std::iter::from_fn(move || {
            let time_ns = i64::from_ne_bytes(*rest.split_off(..8)?.first_chunk()?);
            let mut number = || Some(u32::from_ne_bytes(*rest.split_off(..4)?.first_chunk()?));
            let (link, wire_len, captured) = (Link::from(number()?), number()?, number()?);
            Some(Frame { number: 0, time_ns, link, wire_len, bytes: rest.split_off(..captured as usize)? })
        })
    }
}

impl Trail {
    /// Keeps frames in so many bytes, of which there are at least two segments.
    pub fn new(most: usize) -> Self {
        Self {
            most: most.max(2 * SEGMENT),
            full: VecDeque::new(),
            room: 0,
            filling: Segment::new(0),
            copied: None,
            lent: Vec::new(),
            spare: Vec::new(),
        }
    }

    /// Keeps a frame, and lets go of the oldest if there is no room.
    pub fn push(&mut self, frame: &Frame<'_>) {
        let size = NOTE + frame.bytes.len();
        if self.filling.bytes.len() + size > self.filling.room() {
            self.seal(size);
        }
        self.lent.extend(self.copied.take());
        self.filling.push(frame);
    }

    /// Begins a new segment, in which a frame of this size has room.
    fn seal(&mut self, frame: usize) {
        let next = SEGMENT.max(frame);
        while self.room + self.filling.room() + next > self.most {
            let Some(oldest) = self.full.pop_front() else { break };
            self.room -= oldest.room();
            self.lent.push(oldest);
        }
        let sealed = self.empty(frame);
        let sealed = std::mem::replace(&mut self.filling, sealed);
        self.room += sealed.room();
        self.full.push_back(Arc::new(sealed));
    }

    /// A segment without frames: the memory of one that nobody looks at any more, if there is one.
    fn empty(&mut self, frame: usize) -> Segment {
        self.take_back();
        match self.spare.pop_if(|_| frame <= SEGMENT) {
            Some(Segment { mut bytes, .. }) => {
                bytes.clear();
                Segment { bytes, span_ns: None }
            }
            None => Segment::new(frame),
        }
    }

    /// Takes back what nobody looks at any more; all but what one large frame had needed is used again.
    fn take_back(&mut self) {
        for lent in std::mem::take(&mut self.lent) {
            match Arc::try_unwrap(lent) {
                Ok(segment) if segment.room() == SEGMENT => self.spare.push(segment),
                Ok(_) => {}
                Err(lent) => self.lent.push(lent),
            }
        }
    }

    /// What it holds of some time. None while those who have looked before hold on to so much of what it has let go of that it could
    /// come to take more than twice what it may.
    pub fn look(&mut self, times_ns: &Range<i64>) -> Option<Look> {
        self.take_back();
        let lent: usize = self.lent.iter().map(|lent| lent.room()).sum();
        let wanted = |segment: &&Arc<Segment>| segment.overlaps(times_ns);
        let held = self.full.iter().filter(|segment| wanted(segment) || Arc::strong_count(segment) > 1);
        if lent > 0 && lent + held.map(|segment| segment.room()).sum::<usize>() > self.most {
            return None;
        }
        let oldest = self.full.front().map_or(&self.filling, |segment| segment);
        let oldest_ns = oldest.frames().next().map(|frame| frame.time_ns);
        let mut segments: Vec<Arc<Segment>> = self.full.iter().filter(wanted).cloned().collect();
        if self.filling.overlaps(times_ns) {
            segments.push(self.copy());
        }
        Some(Look { segments, oldest_ns })
    }

    /// What is in the segment that is filling.
    fn copy(&mut self) -> Arc<Segment> {
        if let Some(copied) = &self.copied {
            return Arc::clone(copied);
        }
        let mut copy = self.empty(self.filling.bytes.len());
        copy.bytes.extend_from_slice(&self.filling.bytes);
        copy.span_ns = self.filling.span_ns;
        Arc::clone(self.copied.insert(Arc::new(copy)))
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
    fn walk(&mut self, ledger: &mut Ledger, mut take: impl Take) -> Walk {
        let Some(trail) = &self.trail else { return self.inflow.walk(ledger, take) };
        // Whoever else asks for it does so between walks, from the same thread.
        let mut trail = trail.lock().unwrap_or_else(PoisonError::into_inner);
        self.inflow.walk(ledger, |block: &Arc<Block>, place: usize, link: Link, spot: Spot| {
            trail.push(&block.frame(link, &spot));
            take.take(block, place, link, spot)
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
        let held: usize = segments.iter().map(|segment| segment.room()).sum();
        assert!((2 * SEGMENT..=4 * SEGMENT).contains(&held), "{held}");
        let times: Vec<i64> = segments.iter().flat_map(|segment| segment.frames()).map(|frame| frame.time_ns).collect();
        assert_eq!(times.last(), Some(&19_999));
        assert!(times.windows(2).all(|pair| pair[1] == pair[0] + 1), "none is missing in between");
        assert!(segments[0].frames().all(|frame| frame.bytes == bytes && frame.wire_len == 1500));
    }

    /// The memory that a trail takes, all in all.
    fn taken(trail: &Trail) -> usize {
        let shared = trail.full.iter().chain(&trail.lent).chain(&trail.copied).map(|segment| segment.room());
        shared.sum::<usize>() + trail.spare.iter().map(Segment::room).sum::<usize>() + trail.filling.room()
    }

    #[test]
    fn who_looks_gets_no_more_than_is_asked_for_and_not_too_much() {
        let most = 4 * SEGMENT;
        let mut trail = Trail::new(most);
        let bytes = [7; 1000];
        let mut clock = 0..;
        let mut fill = |trail: &mut Trail, frames: usize| {
            for time_ns in clock.by_ref().take(frames) {
                trail.push(&Frame { number: 0, time_ns, link: Link::Ethernet, wire_len: 1000, bytes: &bytes });
            }
        };
        fill(&mut trail, 700);
        let part = trail.look(&(600..601)).unwrap();
        assert_eq!((part.segments.len(), part.oldest_ns), (1, Some(0)));
        assert!(part.segments[0].frames().any(|frame| frame.time_ns == 600));
        assert!(trail.look(&(5_000..6_000)).unwrap().segments.is_empty());
        // Who holds on to all that there was is one too many for a second.
        let all = trail.look(&(0..i64::MAX)).unwrap();
        fill(&mut trail, 5_000);
        assert!(trail.look(&(0..i64::MAX)).is_none());
        assert!(taken(&trail) <= 2 * most, "{}", taken(&trail));
        drop(all);
        assert!(trail.look(&(0..i64::MAX)).is_some());
    }

    #[test]
    fn many_looks_take_no_memory_of_their_own() {
        let mut trail = Trail::new(4 * SEGMENT);
        let mut taken_at = Vec::new();
        for time_ns in 0..40_000 {
            trail.push(&Frame { number: 0, time_ns, link: Link::RawIp, wire_len: 60, bytes: &[7; 60] });
            if time_ns % 100 != 0 {
                continue;
            }
            let look = trail.look(&(time_ns..time_ns + 1)).unwrap();
            assert_eq!(
                look.segments.iter().flat_map(|segment| segment.frames()).last().map(|frame| frame.time_ns),
                Some(time_ns)
            );
            taken_at.push(taken(&trail));
        }
        // One that fills, one that is a copy of it, and one that is still held while that is made.
        assert!(taken_at.iter().all(|taken| *taken <= 6 * SEGMENT), "{:?}", taken_at.iter().max());
    }

    #[test]
    fn a_frame_larger_than_a_segment_is_kept_and_its_memory_is_not() {
        let mut trail = Trail::new(4 * SEGMENT);
        let large = vec![7; 3 * SEGMENT];
        for time_ns in 0..20_000 {
            let bytes = if time_ns == 10 { large.as_slice() } else { &[7; 1000] };
            trail.push(&Frame { number: 0, time_ns, link: Link::Other(147), wire_len: 1, bytes });
            if time_ns == 11 {
                let frames: Vec<_> = trail.look(&(10..12)).unwrap().segments;
                let lengths: Vec<usize> =
                    frames.iter().flat_map(|segment| segment.frames()).map(|frame| frame.bytes.len()).collect();
                assert!(lengths.ends_with(&[3 * SEGMENT, 1000]), "{lengths:?}");
            }
        }
        assert!(taken(&trail) <= 5 * SEGMENT, "{}", taken(&trail));
    }
}
