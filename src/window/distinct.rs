//! How many distinct things there were, in bounded memory, however they are put together.
//!
//! Few are kept as they are. Of many there is a HyperLogLog (Flajolet et al. 2007; the sketch of Apache DataSketches), whose
//! estimate is read off its registers alone: the estimator that its history would allow is more exact, but two histories of
//! the same set must give the same number.

use datasketches::hll::{HllSketch, HllType, HllUnion};

/// Things that are kept as they are.
const MOST: usize = 256;
/// Of too many, those that are kept as they are all the same.
pub const SMALLEST: usize = 32;
/// 2¹² registers of a byte: a standard error of 1.6 %.
const LG_REGISTERS: u8 = 12;

/// The distinct hashes among those that were inserted. Its state is a function of their set.
#[derive(Clone, Debug)]
pub struct Distinct(Set);

#[derive(Clone, Debug)]
enum Set {
    /// None or one: most sets stay so, and ask for no memory.
    One(Option<u64>),
    /// Sorted.
    Few(Vec<u64>),
    Many(Box<Many>),
}

/// Too many to be kept as they are.
#[derive(Clone, Debug)]
struct Many {
    sketch: HllSketch,
    /// The smallest of them, sorted.
    smallest: Vec<u64>,
}

impl Default for Distinct {
    fn default() -> Self {
        Self(Set::One(None))
    }
}

impl Distinct {
    /// Takes a hash in.
    pub fn insert(&mut self, hash: u64) {
        match &mut self.0 {
            Set::One(one) => match *one {
                None => *one = Some(hash),
                Some(one) if one != hash => self.0 = Set::Few(vec![one.min(hash), one.max(hash)]),
                Some(_) => {}
            },
            Set::Few(hashes) => {
                if let Err(place) = hashes.binary_search(&hash) {
                    hashes.insert(place, hash);
                    self.settle();
                }
            }
            Set::Many(many) => many.insert(hash),
        }
    }

    /// Takes in what another has.
    pub fn merge(&mut self, other: &Self) {
        match (&mut self.0, &other.0) {
            (_, Set::One(one)) => one.iter().for_each(|&hash| self.insert(hash)),
            (Set::One(one), _) => {
                let one = *one;
                self.0 = other.0.clone();
                one.into_iter().for_each(|hash| self.insert(hash));
            }
            (Set::Few(mine), Set::Few(others)) => {
                mine.extend_from_slice(others);
                mine.sort_unstable();
                mine.dedup();
                self.settle();
            }
            (Set::Few(mine), Set::Many(many)) => {
                let mut many = many.clone();
                mine.iter().for_each(|&hash| many.insert(hash));
                self.0 = Set::Many(many);
            }
            (Set::Many(mine), Set::Few(others)) => others.iter().for_each(|&hash| mine.insert(hash)),
            (Set::Many(mine), Set::Many(others)) => {
                let mut union = HllUnion::new(LG_REGISTERS).expect("a union of at most 21");
                union.update(&mine.sketch);
                union.update(&others.sketch);
                mine.sketch = union.to_sketch(HllType::Hll8);
                others.smallest.iter().for_each(|&hash| mine.keep(hash));
            }
        }
    }

    /// How many distinct ones there were: exact up to 256, else an estimate.
    pub fn count(&self) -> u64 {
        match &self.0 {
            Set::One(one) => one.iter().len() as u64,
            Set::Few(hashes) => hashes.len() as u64,
            Set::Many(many) => (many.sketch.composite_estimate().round() as u64).max(MOST as u64 + 1),
        }
    }

    /// Whether there was none.
    pub fn is_empty(&self) -> bool {
        matches!(self.0, Set::One(None))
    }

    /// Makes a sketch of too many.
    fn settle(&mut self) {
        if let Set::Few(hashes) = &self.0
            && hashes.len() > MOST
        {
            let sketch = HllSketch::new(LG_REGISTERS, HllType::Hll8).expect("a sketch of 4 to 21");
            let mut many = Many { sketch, smallest: Vec::with_capacity(SMALLEST + 1) };
            hashes.iter().for_each(|&hash| many.insert(hash));
            self.0 = Set::Many(Box::new(many));
        }
    }

    /// The smallest of them, sorted; not all if there are more than [`SMALLEST`].
    pub fn smallest(&self) -> &[u64] {
        let hashes = match &self.0 {
            Set::One(one) => one.as_slice(),
            Set::Few(hashes) => hashes,
            Set::Many(many) => &many.smallest,
        };
        &hashes[..hashes.len().min(SMALLEST)]
    }
}

impl Many {
    fn insert(&mut self, hash: u64) {
        self.sketch.update(hash);
        self.keep(hash);
    }

    /// Keeps the hash as it is if it is one of the smallest.
    fn keep(&mut self, hash: u64) {
        if self.smallest.len() == SMALLEST && self.smallest.last() < Some(&hash) {
            return;
        }
        if let Err(place) = self.smallest.binary_search(&hash) {
            self.smallest.insert(place, hash);
            self.smallest.truncate(SMALLEST);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn of(hashes: impl IntoIterator<Item = u64>) -> Distinct {
        let mut distinct = Distinct::default();
        hashes.into_iter().for_each(|hash| distinct.insert(hash));
        distinct
    }

    fn merged(one: &Distinct, other: &Distinct) -> Distinct {
        let mut both = one.clone();
        both.merge(other);
        both
    }

    #[test]
    fn counts_are_exact_up_to_the_bound_and_near_above_it() {
        for count in [0, 1, 2, 255, 256] {
            assert_eq!(of((0..count).chain(0..count)).count(), count);
        }
        assert!(of(0..257).count() >= 257);
        for count in [300_u64, 1000, 10_000, 100_000, 1_000_000] {
            let error = of(0..count).count() as f64 / count as f64 - 1.0;
            assert!(error.abs() < 0.05, "{count}: {error}");
        }
    }

    #[test]
    fn one_costs_nothing() {
        assert_eq!(size_of::<Distinct>(), size_of::<Vec<u64>>());
        assert!(matches!(of([7, 7]).0, Set::One(Some(7))));
    }

    /// Numbers of which some are shared; up to as many as make a sketch leave its lists behind.
    fn hashes() -> impl Strategy<Value = Vec<u64>> {
        let few = prop::collection::vec(0..400_u64, 0..300);
        let many = (0..3000_u64, 0..3000_u64).prop_map(|(from, count)| (from..from + count).collect());
        prop_oneof![few, many]
    }

    proptest! {
        #[test]
        fn only_the_set_counts(a in hashes(), b in hashes(), c in hashes()) {
            let [one, two, three] = [&a, &b, &c].map(|hashes| of(hashes.iter().copied()));
            let all: BTreeSet<u64> = a.iter().chain(&b).chain(&c).copied().collect();
            let expected = of(all.iter().copied()).count();
            prop_assert_eq!(merged(&one, &two).count(), merged(&two, &one).count());
            prop_assert_eq!(merged(&merged(&one, &two), &three).count(), expected);
            prop_assert_eq!(merged(&three, &merged(&two, &one)).count(), expected);
            prop_assert_eq!(of(c.iter().chain(&a).chain(&b).rev().copied()).count(), expected);
            let least: Vec<u64> = all.iter().copied().take(SMALLEST).collect();
            prop_assert_eq!(merged(&three, &merged(&two, &one)).smallest().to_vec(), least.clone());
            prop_assert_eq!(merged(&merged(&one, &two), &three).smallest().to_vec(), least);
            if all.len() <= MOST {
                prop_assert_eq!(expected, all.len() as u64);
            } else {
                let error = expected as f64 / all.len() as f64 - 1.0;
                prop_assert!(error.abs() < 0.08, "{} as {}", all.len(), expected);
            }
        }
    }
}
