//! Frames that wait to be counted, in the blocks that they were read with.

use std::sync::Arc;

use crate::capture::{Block, Frame, Link, Spot};

/// Frames that wait to be counted, in the order in which they came.
#[derive(Default)]
pub(super) struct Frames {
    runs: Vec<Run>,
    spots: Vec<Spot>,
}

/// Frames that lie in one block and begin alike.
pub(super) struct Run {
    block: Arc<Block>,
    /// The place of their capture.
    pub place: usize,
    link: Link,
    /// How many there are.
    frames: usize,
}

impl Run {
    /// The one of its frames that lies at `spot`.
    #[inline]
    pub fn frame(&self, spot: &Spot) -> Frame<'_> {
        self.block.frame(self.link, spot)
    }
}

impl Frames {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.spots.len()
    }

    /// Whether there is none.
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.spots.is_empty()
    }

    /// Adds one.
    #[inline(always)]
    pub fn push(&mut self, block: &Arc<Block>, place: usize, link: Link, spot: Spot) {
        self.spots.push(spot);
        match self.runs.last_mut() {
            Some(run) if Arc::ptr_eq(&run.block, block) && run.link == link => run.frames += 1,
            _ => self.begin(block, place, link),
        }
    }

    /// Begins a run with one frame.
    #[cold]
    fn begin(&mut self, block: &Arc<Block>, place: usize, link: Link) {
        self.runs.push(Run { block: Arc::clone(block), place, link, frames: 1 });
    }

    /// Takes them out run by run, each with the spots of its frames. A block is let go of behind its last frame.
    pub fn drain(&mut self, mut each: impl FnMut(&Run, &[Spot])) {
        let mut spots = self.spots.as_slice();
        for run in self.runs.drain(..) {
            let (these, rest) = spots.split_at_checked(run.frames).unwrap_or((spots, &[]));
            each(&run, these);
            spots = rest;
        }
        self.spots.clear();
    }
}
