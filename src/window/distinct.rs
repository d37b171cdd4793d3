//! How many distinct things there were, in bounded memory.

use rustc_hash::FxHashSet;

/// Hashes that are remembered at most; more say no more.
const MOST: usize = 1 << 16;

/// The distinct hashes among those that were inserted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Distinct(FxHashSet<u64>);

impl Distinct {
    /// Takes a hash in.
    pub fn insert(&mut self, hash: u64) {
        if self.0.len() < MOST {
            self.0.insert(hash);
        }
    }

    /// Takes in what another has.
    pub fn merge(&mut self, other: &Self) {
        other.0.iter().for_each(|&hash| self.insert(hash));
    }

    /// How many distinct ones there were.
    pub fn count(&self) -> u64 {
        self.0.len() as u64
    }
}
