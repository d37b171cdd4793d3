//! A window on a stream that slides over its records.

use std::io::{self, Read};

/// How much is read at once; larger reads are no faster.
const READ: usize = 1 << 20;

/// The bytes of a stream that have been read and not yet used.
pub(super) struct Feed {
    stream: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    used: u64,
}

impl Feed {
    pub fn new(stream: Box<dyn Read + Send>) -> Self {
        Self { stream, buffer: vec![0; READ], start: 0, end: 0, used: 0 }
    }

    /// What has been read and not yet used.
    pub fn bytes(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Where in the stream those bytes begin.
    pub fn offset(&self) -> u64 {
        self.used
    }

    /// Uses up `size` bytes, and says where in the buffer they begin.
    pub fn advance(&mut self, size: usize) -> usize {
        let at = self.start;
        self.start = (at + size).min(self.end);
        self.used += (self.start - at) as u64;
        at
    }

    /// `len` bytes of the buffer, used or not; valid until the next [`Feed::require`].
    pub fn lend(&self, at: usize, len: usize) -> &[u8] {
        self.buffer.get(at..at + len).unwrap_or_default()
    }

    /// Reads until [`Feed::bytes`] holds `size` bytes or the stream ends.
    pub fn require(&mut self, size: usize) -> io::Result<()> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.buffer.len() < size {
            self.buffer.resize(size.next_multiple_of(READ), 0);
        }
        while self.end < size {
            match self.stream.read(&mut self.buffer[self.end..]) {
                Ok(0) => break,
                Ok(read) => self.end += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
