//! Chance: everything that differs from one seed to the next.

use rand::{RngCore, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::SECOND_NS;

/// A source of chance. Whole numbers alone, since logarithms differ in the last bit from one machine to the next.
pub(super) struct Dice(Xoshiro256PlusPlus);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    /// Dice of its own for the next actor, so that what one does leaves the others' day as it is.
    pub fn split(&mut self) -> Self {
        let own = Self(self.0.clone());
        self.0.jump();
        own
    }

    /// A number below `end` (Lemire 2019, without the rejection: the bias is below 2⁻³² here).
    pub fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.0.next_u64()) * u128::from(end)) >> 64) as u64
    }

    /// A number from `first` to `last`, both included.
    pub fn between(&mut self, first: i64, last: i64) -> i64 {
        first + self.below((last - first).max(0) as u64 + 1) as i64
    }

    pub fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    pub fn port(&mut self) -> u16 {
        self.between(49_152, 65_535) as u16
    }

    pub fn number(&mut self) -> u32 {
        self.0.next_u32()
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }

    /// A size with a heavy tail, as those of web objects (Crovella and Bestavros 1997): `least` doubled up to
    /// `doublings` times, each as likely as the others, and then some.
    pub fn heavy(&mut self, least: usize, doublings: u64) -> usize {
        let size = least << self.below(doublings + 1);
        size + self.below(size as u64) as usize
    }

    pub fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }

    /// Moments in `[start_ns, end_ns)`, `mean_s` seconds apart on average when `rhythm` (per cent, by hour of the day in
    /// UTC) is at 100, and fewer when it is lower.
    pub fn moments(&mut self, (start_ns, end_ns): (i64, i64), mean_s: i64, rhythm: &[u64; 24]) -> Vec<i64> {
        let mut moments = Vec::new();
        let mut now = start_ns;
        loop {
            now += self.between(1, 2 * mean_s * SECOND_NS);
            if now >= end_ns {
                return moments;
            }
            if self.percent(rhythm[(now / (3600 * SECOND_NS)).rem_euclid(24) as usize]) {
                moments.push(now);
            }
        }
    }
}
