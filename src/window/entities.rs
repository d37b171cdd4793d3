//! Whose rows a window will have.

use std::hash::{BuildHasher, Hash};

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::trace::Trace;

/// The entities of one view, in the order of their first packets, each with its trace. Those that may not have a row of their
/// own, or find no room, are one together: the rest.
#[derive(Debug)]
pub struct Entities<K> {
    keys: Vec<Option<K>>,
    pub traces: Vec<Trace>,
    index: HashTable<u32>,
    rest: Option<u32>,
    hasher: RandomState,
}

impl<K> Default for Entities<K> {
    fn default() -> Self {
        Self {
            keys: Vec::new(),
            traces: Vec::new(),
            index: HashTable::new(),
            rest: None,
            // Its seed is another one each time, against who would choose keys that collide; nothing depends on the order.
            hasher: RandomState::default(),
        }
    }
}

impl<K: Hash + Eq + Copy> Entities<K> {
    /// Forgets them all, but keeps the room.
    pub fn clear(&mut self) {
        self.keys.clear();
        self.traces.clear();
        self.index.clear();
        self.rest = None;
    }

    /// The place of this entity, if it has one of its own.
    pub fn find(&self, key: K) -> Option<u32> {
        let same = |&place: &u32| self.keys.get(place as usize) == Some(&Some(key));
        self.index.find(self.hasher.hash_one(key), same).copied()
    }

    /// The place of this entity: a new one of its own if it has none and `fits`, else that of the rest.
    pub fn place(&mut self, key: K, fits: impl FnOnce(usize) -> bool) -> u32 {
        if let Some(place) = self.find(key) {
            return place;
        }
        if !fits(self.index.len()) {
            return self.rest();
        }
        let place = self.push(Some(key));
        let Self { keys, index, hasher, .. } = self;
        let hash = |place: &u32| keys.get(*place as usize).and_then(|key| *key).map_or(0, |key| hasher.hash_one(key));
        index.insert_unique(hash(&place), place, hash);
        place
    }

    /// The place of the rest.
    pub fn rest(&mut self) -> u32 {
        match self.rest {
            Some(rest) => rest,
            None => {
                let rest = self.push(None);
                *self.rest.insert(rest)
            }
        }
    }

    fn push(&mut self, key: Option<K>) -> u32 {
        self.keys.push(key);
        self.traces.push(Trace::default());
        (self.keys.len() - 1) as u32
    }

    /// Who is at this place; none if it is the rest.
    pub fn key(&self, place: u32) -> Option<K> {
        self.keys.get(place as usize).copied().flatten()
    }

    /// How many there are, the rest among them.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// The traces of those that have a place of their own.
    pub fn own_traces(&self) -> impl Iterator<Item = &Trace> {
        self.keys.iter().zip(&self.traces).filter(|(key, _)| key.is_some()).map(|(_, trace)| trace)
    }
}

impl<K: Hash + Eq + Copy + Ord> Entities<K> {
    /// The places in the order of their keys, the rest last.
    pub fn in_order(&self) -> Vec<u32> {
        let mut places: Vec<u32> = (0..self.keys.len() as u32).collect();
        places.sort_unstable_by_key(|&place| (self.key(place).is_none(), self.key(place)));
        places
    }
}
