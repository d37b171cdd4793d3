//! A stream in blocks of bytes, which frames share until they are counted.

use std::io::{self, Read};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::{Frame, Link, Spot};
use crate::spare::Spares;

/// Bytes of a block: larger reads are no faster, and this much stays in a processor's own cache.
pub(super) const BLOCK: usize = 1 << 18;

/// Bytes that were read together. Frames lie in it as they were recorded; it is used again once nobody looks at it.
pub struct Block {
    bytes: Vec<u8>,
    shelf: Shelf,
}

/// Blocks that nobody looks at, and how many bytes those have that are off the shelf.
#[derive(Clone, Default)]
pub(super) struct Shelf(Arc<(Mutex<Spares<Vec<u8>>>, AtomicUsize)>);

impl Shelf {
    /// Takes a block of at least `size` bytes off the shelf, or makes one.
    pub fn take(&self, size: usize) -> Block {
        let (spare, lent) = &*self.0;
        let spare = spare.lock().unwrap_or_else(PoisonError::into_inner).take().filter(|_| size <= BLOCK);
        let bytes = spare.unwrap_or_else(|| vec![0; size.next_multiple_of(BLOCK)]);
        lent.fetch_add(bytes.len(), Ordering::Relaxed);
        Block { bytes, shelf: self.clone() }
    }

    /// Bytes of all blocks that are off the shelf.
    pub fn lent(&self) -> usize {
        self.0.1.load(Ordering::Relaxed)
    }
}

impl Block {
    /// The frame that lies at `spot`.
    #[inline]
    pub fn frame(&self, link: Link, spot: &Spot) -> Frame<'_> {
        let at = spot.at as usize;
        let bytes = self.bytes.get(at..at + spot.captured as usize).unwrap_or_default();
        Frame { number: spot.number, time_ns: spot.time_ns, link, wire_len: spot.wire_len, bytes }
    }
}

impl Block {
    /// All of its bytes, to be filled.
    pub(super) fn room(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// Bytes that there is room for.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Makes room for a record of `size` bytes.
    fn require(&mut self, size: usize) {
        let held = self.bytes.len();
        if held < size {
            self.bytes.resize(size.next_multiple_of(BLOCK), 0);
            self.shelf.0.1.fetch_add(self.bytes.len() - held, Ordering::Relaxed);
        }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        let (spare, lent) = &*self.shelf.0;
        lent.fetch_sub(self.bytes.len(), Ordering::Relaxed);
        if self.bytes.len() == BLOCK {
            spare.lock().unwrap_or_else(PoisonError::into_inner).put(std::mem::take(&mut self.bytes));
        }
    }
}

/// A stream, and the block of it that is being walked over.
pub(super) struct Feed {
    stream: Box<dyn Read + Send>,
    shelf: Shelf,
    block: Arc<Block>,
    start: usize,
    end: usize,
    used: u64,
    /// What reading met behind the last byte that it gave.
    failed: Option<io::Error>,
    /// Whether a block is filled before it is walked over; what waits for its writer is not.
    filled: bool,
}

impl Feed {
    pub fn new(stream: Box<dyn Read + Send>, shelf: Shelf, filled: bool) -> Self {
        let block = Arc::new(shelf.take(BLOCK));
        Self { stream, shelf, block, start: 0, end: 0, used: 0, failed: None, filled }
    }

    /// What has been read and not yet used.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        self.block.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// The block that holds those bytes, and all that were used since the last [`Feed::require`].
    #[inline]
    pub fn block(&self) -> &Arc<Block> {
        &self.block
    }

    /// Where its blocks come from.
    pub fn shelf(&self) -> &Shelf {
        &self.shelf
    }

    /// Takes its blocks from now on from the same shelf as others.
    pub fn share(&mut self, shelf: &Shelf) {
        self.shelf = shelf.clone();
    }

    /// Where in the stream those bytes begin.
    pub fn offset(&self) -> u64 {
        self.used
    }

    /// Uses up `size` bytes, and says where in the block they begin.
    #[inline]
    pub fn advance(&mut self, size: usize) -> usize {
        let at = self.start;
        self.start = (at + size).min(self.end);
        self.used += (self.start - at) as u64;
        at
    }

    /// Reads until [`Feed::bytes`] holds `size` bytes or the stream ends: into the same block if nobody looks at it.
    pub fn require(&mut self, size: usize) -> io::Result<()> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let rest = self.start..self.end;
        (self.start, self.end) = (0, rest.len());
        let mut next = None;
        let block = match Arc::get_mut(&mut self.block) {
            Some(block) => {
                block.bytes.copy_within(rest, 0);
                block
            }
            None => {
                let next = next.insert(self.shelf.take(size));
                next.bytes[..rest.len()].copy_from_slice(&self.block.bytes[rest]);
                next
            }
        };
        block.require(size);
        let enough = if self.filled { block.bytes.len() } else { size };
        let mut read = Ok(());
        while self.end < enough {
            match self.stream.read(&mut block.bytes[self.end..]) {
                Ok(0) => break,
                Ok(read) => self.end += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    read = Err(error);
                    break;
                }
            }
        }
        if let Some(next) = next {
            self.block = Arc::new(next);
        }
        match read {
            // What came before the error is used first.
            Err(error) if self.end >= size => self.failed = Some(error),
            other => return other,
        }
        Ok(())
    }
}
