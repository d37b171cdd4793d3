//! What has to hold of every input, whatever its bytes are. Each target is a function of bytes that panics if it does not;
//! two drivers call it: `tests/fuzzed` for seconds with every run of the tests, cargo-fuzz (`fuzz/`) for hours.

// Each fuzz target is a program of its own and uses one of these.
#![allow(dead_code)]

pub mod capture;
pub mod fast_path;
pub mod filter;
pub mod packet;
pub mod payload;
pub mod pcapng;
pub mod truth;

/// Takes values off the head of the input; where that ends, zeros follow.
pub struct Bytes<'a>(pub &'a [u8]);

impl<'a> Bytes<'a> {
    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut array = [0; N];
        let taken = self.take(N);
        array[..taken.len()].copy_from_slice(taken);
        array
    }

    pub fn byte(&mut self) -> u8 {
        let [byte] = self.array();
        byte
    }

    /// At most `len` bytes.
    pub fn take(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        taken
    }
}
