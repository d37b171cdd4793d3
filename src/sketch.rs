//! Which things were seen, in little memory and whatever their order: the smallest of their hashes (Cohen & Kaplan 2007,
//! "Summarizing data using bottom-k sketches").

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// The smallest hashes of a set of things. Of two sets, those up to the lower of their largest are fair samples of both.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sketch(BTreeSet<u64>);

impl Sketch {
    /// How many hashes are kept.
    pub const SIZE: usize = 2048;
    /// From fewer than this nothing is concluded.
    const FEWEST: usize = 20;

    /// Takes in a thing by its hash; the same thing twice is once.
    #[inline]
    pub fn add(&mut self, hash: u64) {
        if self.0.len() == Self::SIZE && self.0.last().is_some_and(|&last| hash >= last) {
            return;
        }
        self.0.insert(hash);
        if self.0.len() > Self::SIZE {
            self.0.pop_last();
        }
    }

    /// Takes in what another has seen.
    pub fn merge(&mut self, other: &Sketch) {
        other.0.iter().for_each(|&hash| self.add(hash));
    }

    /// The share of the things of `other` that are here too; none if so few can be compared that it would be a guess.
    pub fn share_of(&self, other: &Sketch) -> Option<f64> {
        let full = |sketch: &Sketch| sketch.0.last().copied().filter(|_| sketch.0.len() >= Self::SIZE);
        let bound = full(self).unwrap_or(u64::MAX).min(full(other).unwrap_or(u64::MAX));
        let theirs: Vec<&u64> = other.0.range(..=bound).collect();
        let shared = theirs.iter().filter(|hash| self.0.contains(hash)).count();
        (theirs.len() >= Self::FEWEST).then(|| shared as f64 / theirs.len() as f64)
    }

    /// Whether what was read from a file may be one.
    ///
    /// # Errors
    /// It holds too much.
    pub fn check(&self) -> Result<(), String> {
        if self.0.len() <= Self::SIZE { Ok(()) } else { Err("a sketch of it holds too much".to_owned()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the numbers of a range, in an order of its own.
    fn of(things: impl Iterator<Item = u64>) -> Sketch {
        let mut sketch = Sketch::default();
        things.for_each(|thing| sketch.add(xxhash_rust::xxh3::xxh3_64(&thing.to_le_bytes())));
        sketch
    }

    #[test]
    fn order_and_repetition_do_not_count() {
        assert_eq!(of(0..9_000), of((0..9_000).rev().chain(0..50)));
        let mut merged = of(0..5_000);
        merged.merge(&of(4_000..9_000));
        assert_eq!(merged, of(0..9_000));
    }

    #[test]
    fn the_share_of_others_things_is_estimated() {
        let large = of(0..60_000);
        assert_eq!(large.share_of(&large), Some(1.0));
        assert_eq!(large.share_of(&of(60_000..90_000)), Some(0.0));
        let half = large.share_of(&of(50_000..70_000)).unwrap();
        assert!((half - 0.5).abs() < 0.06, "{half}");
        // All of a small set is known, and the share the other way is small.
        assert_eq!(of(0..100).share_of(&of(0..100)), Some(1.0));
        assert!(of(0..100).share_of(&large).unwrap() < 0.02);
        assert_eq!(large.share_of(&of(0..10)), None, "ten things are too few");
    }
}
