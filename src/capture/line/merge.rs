//! Several rings as one, in the order of time.
//!
//! The kernel hands a block over soon after its first frame. So a ring that is found empty some time after a block of another was
//! taken holds nothing that came before that block's frames, and these need not wait for it any longer.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::Spot;
use super::super::feed::{BLOCK, Block};

/// How long a frame waits for one that came before it to another ring: the kernel may be late.
const PATIENCE: Duration = Duration::from_millis(50);

/// A block that was taken from a ring.
struct Taken {
    block: Arc<Block>,
    /// Where its frames lie, and the next of them to be handed over.
    spots: Vec<Spot>,
    next: usize,
    at: Instant,
}

/// What was taken from one ring.
struct Lane {
    waiting: VecDeque<Taken>,
    /// When it was last asked for more in vain.
    empty_at: Instant,
}

impl Lane {
    /// The time of the next frame.
    fn next_ns(&self) -> Option<i64> {
        let taken = self.waiting.front()?;
        taken.spots.get(taken.next).map(|spot| spot.time_ns)
    }
}

/// What was taken from the rings, until its turn comes.
pub struct Merge {
    lanes: Vec<Lane>,
    /// Blocks of a ring that may wait.
    most: usize,
    /// Lists that are used again.
    spare: Vec<Vec<Spot>>,
}

impl Merge {
    /// Of so many rings, of each of which so many blocks may wait.
    pub fn new(rings: usize, most: usize) -> Self {
        let lane = |_| Lane { waiting: VecDeque::new(), empty_at: Instant::now() };
        // One that is alone waits for no other.
        let most = if rings > 1 { most.max(1) } else { 1 };
        Self { lanes: (0..rings).map(lane).collect(), most, spare: Vec::new() }
    }

    /// Whether another block of this ring may wait.
    pub fn has_room_of(&self, ring: usize) -> bool {
        self.lanes[ring].waiting.len() < self.most
    }

    /// Whether another block of each ring may wait.
    pub fn has_room(&self) -> bool {
        (0..self.lanes.len()).all(|ring| self.has_room_of(ring))
    }

    /// An empty list, for the places of frames.
    pub fn list(&mut self) -> Vec<Spot> {
        self.spare.pop().unwrap_or_default()
    }

    /// Lets a block wait that was taken from a ring at some time, with the places of its frames.
    pub fn take(&mut self, ring: usize, block: Arc<Block>, spots: Vec<Spot>, at: Instant) {
        if spots.is_empty() {
            return self.spare.push(spots);
        }
        self.lanes[ring].waiting.push_back(Taken { block, spots, next: 0, at });
    }

    /// Notes that a ring was asked for more at some time, in vain.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "libpcap has but one"))]
    pub fn found_empty(&mut self, ring: usize, at: Instant) {
        self.lanes[ring].empty_at = at;
    }

    /// Bytes of the blocks that wait.
    pub fn held(&self) -> usize {
        self.lanes.iter().map(|lane| lane.waiting.len() * BLOCK).sum()
    }

    /// Hands over the frames whose turn has come; all that are there if no ring gets any more. Whether there were any.
    pub fn hand_over(&mut self, is_over: bool, mut hand: impl FnMut(&Arc<Block>, Spot)) -> bool {
        let mut any = false;
        while let Some((ring, limit)) = self.turn(is_over) {
            let lane = &mut self.lanes[ring];
            let Some(taken) = lane.waiting.front_mut() else { break };
            let rest = taken.spots[taken.next..].iter();
            for &spot in rest.take_while(|spot| limit.is_none_or(|limit| (spot.time_ns, ring) < limit)) {
                hand(&taken.block, spot);
                taken.next += 1;
                any = true;
            }
            if taken.next == taken.spots.len()
                && let Some(Taken { mut spots, .. }) = lane.waiting.pop_front()
            {
                spots.clear();
                self.spare.push(spots);
            }
        }
        any
    }

    /// The ring whose next frame comes before all others, if that is certain, and the time and ring of the one that it comes before.
    /// Frames of one time come in the order of their rings.
    fn turn(&self, is_over: bool) -> Option<(usize, Option<(i64, usize)>)> {
        let next = |(ring, lane): (usize, &Lane)| Some((lane.next_ns()?, ring));
        let heads = || self.lanes.iter().enumerate().filter_map(next);
        let (_, first) = heads().min()?;
        let at = self.lanes[first].waiting.front()?.at;
        let mut others = self.lanes.iter().enumerate().filter(|(ring, _)| *ring != first);
        let is_certain = others.all(|(_, lane)| !lane.waiting.is_empty() || lane.empty_at >= at + PATIENCE);
        (is_over || is_certain).then(|| (first, heads().filter(|(_, ring)| *ring != first).min()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::feed::Shelf;
    use super::*;

    /// Frames at these times, as of one block.
    fn spots(times: &[i64]) -> Vec<Spot> {
        times.iter().map(|&time_ns| Spot { number: 0, time_ns, wire_len: 0, at: 0, captured: 0 }).collect()
    }

    fn times(merge: &mut Merge, is_over: bool) -> Vec<i64> {
        let mut times = Vec::new();
        let any = merge.hand_over(is_over, |_, spot| times.push(spot.time_ns));
        assert_eq!(any, !times.is_empty());
        times
    }

    #[test]
    fn frames_come_in_the_order_of_time_once_none_can_come_before_them() {
        let shelf = Shelf::default();
        let block = || Arc::new(shelf.take(BLOCK));
        let mut merge = Merge::new(2, 2);
        let begun = Instant::now();
        let after = |patiences: u32| begun + PATIENCE * patiences;
        merge.take(0, block(), spots(&[1, 4, 6]), after(1));
        assert_eq!(times(&mut merge, false), [0_i64; 0], "the other may hold an earlier one");
        merge.take(1, block(), spots(&[2, 4, 5, 7]), after(1));
        // What is behind the last of the first is not known.
        assert_eq!(times(&mut merge, false), [1, 2, 4, 4, 5, 6]);
        merge.found_empty(0, after(1));
        assert_eq!(times(&mut merge, false), [0_i64; 0]);
        merge.found_empty(0, after(2));
        assert_eq!(times(&mut merge, false), [7]);
        assert_eq!(merge.held(), 0);

        merge.take(1, block(), spots(&[8]), after(3));
        merge.take(1, block(), spots(&[9]), after(3));
        assert!(!merge.has_room_of(1) && merge.has_room_of(0) && merge.held() == 2 * BLOCK);
        assert_eq!(times(&mut merge, false), [0_i64; 0]);
        assert_eq!(times(&mut merge, true), [8, 9]);
    }

    #[test]
    fn a_ring_that_is_alone_waits_for_nobody() {
        let shelf = Shelf::default();
        let mut merge = Merge::new(1, 100);
        merge.take(0, Arc::new(shelf.take(BLOCK)), spots(&[3, 1, 2]), Instant::now());
        assert!(!merge.has_room());
        assert_eq!(times(&mut merge, false), [3, 1, 2]);
    }
}
