//! Where frames come from, whatever that is: files that are read as fast as they are used, or a line that has its own time.

use std::sync::Arc;

use super::{Block, Ledger, Link, Skip, Spot};

/// What a walk over frames met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Walk {
    /// There may be more frames.
    More,
    /// No frame has come for so many nanoseconds of the packets' time, since the last frame or since this was last said.
    Silent(i64),
    /// No frame will come.
    End,
}

/// Whoever takes frames as they are walked over.
///
/// A closure can; but what is taken by the million is taken in a method that is inlined, so that no spot is handed over in memory,
/// where it is read before it has been written.
pub trait Take {
    /// Takes the frame at `spot` in `block`, of the capture at `place`.
    ///
    /// # Errors
    /// Why it is not taken.
    fn take(&mut self, block: &Arc<Block>, place: usize, link: Link, spot: Spot) -> Result<(), Skip>;
}

impl<F: FnMut(&Arc<Block>, usize, Link, Spot) -> Result<(), Skip>> Take for F {
    fn take(&mut self, block: &Arc<Block>, place: usize, link: Link, spot: Spot) -> Result<(), Skip> {
        self(block, place, link, spot)
    }
}

/// Frames as they come, in blocks that are shared until they are counted.
pub trait Inflow {
    /// Hands over the next frames, one by one: the block that each lies in, the place of its capture and what it begins with.
    ///
    /// Counts in `ledger` every packet as read, and as skipped those that are not handed over or not taken.
    fn walk(&mut self, ledger: &mut Ledger, take: impl Take) -> Walk;

    /// Bytes of the blocks that have been walked over and that somebody still looks at.
    fn lent(&self) -> usize {
        0
    }

    /// Bytes of the input, as it is stored, that have been read so far.
    fn position(&self) -> u64 {
        0
    }

    /// Whether nobody ever has to wait for a frame.
    fn are_files(&self) -> bool {
        false
    }
}
