//! What is remembered of those that came before, in bounded room.
//!
//! What is bounded forgets by one rule: what was there least often goes first, and among equals what was not there for longest.
//! So a flood of strangers pushes out strangers, not those who come back.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;

use rayon::prelude::*;
use serde::{Deserialize, Serialize, Serializer};
use xxhash_rust::xxh3::xxh3_64;

use super::habit::{Drift, Gauged, HABITS, Habits};
use crate::window::Sight;

/// Rows of a window beyond which threads share them.
pub const MANY: usize = 128;

/// Entities that are remembered: with their habits at all hours some 50 MB.
const MOST_ENTITIES: usize = 1 << 14;
/// What is remembered that one of them showed, that they showed all in all, and that anybody did.
const MOST_OF_ONE: usize = 256;
const MOST_OF_EACH: usize = 1 << 18;
const MOST_OF_ALL: usize = 1 << 16;

/// Entities that are told from strangers.
const MOST_RESIDENTS: usize = 1 << 16;

/// What was first shown less than this ago is new, and who was first seen less than this ago is a newcomer.
const NEW_S: u32 = 3600;

/// The rows that it takes to know an entity: of who was hardly ever seen, all is new.
const FEWEST_ROWS: u32 = 30;

/// What a row tells the memory.
#[derive(Clone, Copy)]
pub(super) struct Told<'a> {
    pub entity: &'a str,
    /// What it showed, if that is told.
    pub codes: Option<&'a [u32]>,
    pub gauged: Gauged,
}

/// What the memory says of a row.
#[derive(Clone, Debug)]
pub struct Look {
    /// Whether its entity was first seen less than an hour ago.
    pub is_newcomer: bool,
    /// Whether training never saw its entity; none if training saw too many to tell.
    pub is_stranger: Option<bool>,
    /// How many things the row showed; none if it does not tell.
    pub shown: Option<usize>,
    /// How many of them are new to the entity, by kind; none if it is hardly known.
    pub new: Option<[u32; Sight::KINDS]>,
    /// How many of them are new to everybody.
    pub new_to_all: Option<[u32; Sight::KINDS]>,
    /// How far each of the gauged columns is from habit.
    pub drifts: [Drift; HABITS.len()],
}

impl Look {
    pub(super) fn new_ones<const N: usize>(&self, kinds: [Sight; N]) -> f64 {
        sum(self.new.as_ref(), kinds)
    }

    pub(super) fn new_to_all<const N: usize>(&self, kinds: [Sight; N]) -> f64 {
        sum(self.new_to_all.as_ref(), kinds)
    }
}

fn sum<const N: usize>(counts: Option<&[u32; Sight::KINDS]>, kinds: [Sight; N]) -> f64 {
    counts.map_or(f64::NAN, |counts| kinds.iter().map(|&kind| f64::from(counts[kind as usize])).sum())
}

/// What is remembered of all entities.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// The end of the latest window, nanoseconds since the epoch.
    end_ns: i64,
    /// The start of the window that is looked at, seconds since the epoch.
    now_s: u32,
    #[serde(serialize_with = "in_order")]
    entities: HashMap<String, Past>,
    anybody: Seen,
    residents: Residents,
}

/// Whom training saw: hashes of entities, in order. Nobody, if they were too many to be told from strangers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Residents(Vec<u64>);

impl Residents {
    fn of<'a>(entities: impl Iterator<Item = &'a str>) -> Self {
        Self::default().and(entities)
    }

    fn and<'a>(self, entities: impl Iterator<Item = &'a str>) -> Self {
        let mut residents: BTreeSet<u64> = self.0.into_iter().collect();
        for entity in entities {
            residents.insert(xxh3_64(entity.as_bytes()));
            if residents.len() > MOST_RESIDENTS {
                return Self::default();
            }
        }
        Self(residents.into_iter().collect())
    }

    fn lack(&self, entity: &str) -> Option<bool> {
        (!self.0.is_empty()).then(|| self.0.binary_search(&xxh3_64(entity.as_bytes())).is_err())
    }
}

/// What is remembered of one entity.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Past {
    came: Known,
    habits: Habits,
    seen: Seen,
}

impl Past {
    /// Nobody's: of who was there, it is at least once.
    fn is_blank(&self) -> bool {
        self.came.times == 0
    }

    fn learn(&mut self, told: &Told<'_>, now_s: u32) {
        self.came.come(now_s);
        self.habits.learn(&told.gauged, now_s);
        if let Some(codes) = told.codes {
            self.seen.learn(codes, now_s);
            forget(&mut self.seen.0, MOST_OF_ONE, |&known| known);
        }
    }
}

/// Writes a map in the order of its keys, so that the same memory is the same bytes.
fn in_order<K: Ord + Serialize, V: Serialize, S: Serializer>(map: &HashMap<K, V>, out: S) -> Result<S::Ok, S::Error> {
    map.iter().collect::<BTreeMap<_, _>>().serialize(out)
}

/// Who or what was there, and how often.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    /// The second from which on it is not new any more.
    known_from_s: u32,
    latest_s: u32,
    times: u32,
}

impl Known {
    fn come(&mut self, now_s: u32) {
        if self.times == 0 {
            self.known_from_s = now_s.saturating_add(NEW_S);
        }
        self.latest_s = now_s;
        self.times = self.times.saturating_add(1);
    }

    fn is_new(&self, now_s: u32) -> bool {
        now_s < self.known_from_s
    }
}

/// What was shown, by the codes of sightings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Seen(#[serde(serialize_with = "in_order")] HashMap<u32, Known>);

impl Seen {
    /// How many of these codes are new, by kind.
    fn new_ones(&self, codes: &[u32], now_s: u32) -> [u32; Sight::KINDS] {
        let mut counts = [0; Sight::KINDS];
        for &code in codes.iter().filter(|code| self.0.get(code).is_none_or(|known| known.is_new(now_s))) {
            if let Some(kind) = Sight::of(code) {
                counts[kind as usize] += 1;
            }
        }
        counts
    }

    fn learn(&mut self, codes: &[u32], now_s: u32) {
        codes.iter().for_each(|&code| self.0.entry(code).or_default().come(now_s));
    }
}

/// Forgets what is too much, the least known first.
fn forget<K: Ord + Hash + Clone, V>(known: &mut HashMap<K, V>, most: usize, how: impl Fn(&V) -> Known) {
    let too_many = known.len().saturating_sub(most);
    if too_many == 0 {
        return;
    }
    let mut ranks: Vec<(u32, u32, &K)> =
        known.iter().map(|(key, value)| (how(value).times, how(value).latest_s, key)).collect();
    let (_, &mut (times, latest_s, key), _) = ranks.select_nth_unstable(too_many);
    let least = (times, latest_s, key.clone());
    known.retain(|key, value| (how(value).times, how(value).latest_s, key) >= (least.0, least.1, &least.2));
}

impl Memory {
    /// Where it ends, nanoseconds since the epoch.
    pub fn end_ns(&self) -> i64 {
        self.end_ns
    }

    /// How many entities are remembered, and how many sightings by anybody.
    pub fn size(&self) -> (usize, usize) {
        (self.entities.len(), self.anybody.0.len())
    }

    /// Turns to the window that starts here. If time runs back, all that is remembered is the past.
    pub(super) fn begin(&mut self, start_ns: i64) {
        if start_ns < self.end_ns {
            self.settle();
        }
        self.now_s = u32::try_from(start_ns.max(0) / 1_000_000_000).unwrap_or(u32::MAX);
    }

    /// What is to be said of a row of the window.
    pub(super) fn look(&self, row: &Told<'_>) -> Look {
        let past = self.entities.get(row.entity);
        let acquainted = past.filter(|past| past.came.times >= FEWEST_ROWS && !past.came.is_new(self.now_s));
        let told = row.codes.filter(|_| !self.anybody.0.is_empty());
        Look {
            is_stranger: self.residents.lack(row.entity),
            is_newcomer: past.is_none_or(|past| past.came.is_new(self.now_s)),
            shown: told.map(|codes| codes.len()),
            new: acquainted.zip(told).map(|(past, codes)| past.seen.new_ones(codes, self.now_s)),
            new_to_all: told.map(|codes| self.anybody.new_ones(codes, self.now_s)),
            drifts: past.map_or([Drift::UNKNOWN; HABITS.len()], |past| past.habits.drift(&row.gauged, self.now_s)),
        }
    }

    /// From now on these entities alone are no strangers.
    pub(super) fn settle_in<'a>(&mut self, entities: impl Iterator<Item = &'a str>) {
        self.residents = Residents::of(entities);
    }

    /// From now on these entities are no strangers either, if it is known who is one.
    pub(super) fn welcome<'a>(&mut self, entities: impl Iterator<Item = &'a str>) {
        if !self.residents.0.is_empty() {
            self.residents = std::mem::take(&mut self.residents).and(entities);
        }
    }

    /// Remembers the rows of the window.
    pub(super) fn learn(&mut self, rows: &[Told<'_>]) {
        for some in rows.chunks(MOST_ENTITIES) {
            // A flood of strangers is not to fill the memory before its window ends.
            if self.entities.len() + some.len() > 2 * MOST_ENTITIES {
                forget(&mut self.entities, MOST_ENTITIES, |past| past.came);
            }
            self.learn_of_each(some);
        }
        for codes in rows.iter().filter_map(|row| row.codes) {
            self.anybody.learn(codes, self.now_s);
            if self.anybody.0.len() > 2 * MOST_OF_ALL {
                forget(&mut self.anybody.0, MOST_OF_ALL, |&known| known);
            }
        }
    }

    /// Adds rows to the pasts of their entities, which are taken out for it, so that threads share them. Who has several rows learns the
    /// others behind the first.
    fn learn_of_each(&mut self, rows: &[Told<'_>]) {
        let now_s = self.now_s;
        let (mut taken, mut others) = (Vec::with_capacity(rows.len()), Vec::new());
        for row in rows {
            match self.entities.get_mut(row.entity) {
                Some(past) if past.is_blank() => others.push(row),
                Some(past) => taken.push((row, std::mem::take(past))),
                None => {
                    self.entities.insert(row.entity.to_owned(), Past::default());
                    taken.push((row, Past::default()));
                }
            }
        }
        let learn = |(row, past): &mut (&Told<'_>, Past)| past.learn(row, now_s);
        if taken.len() > MANY {
            taken.par_iter_mut().for_each(learn);
        } else {
            taken.iter_mut().for_each(learn);
        }
        for (row, past) in taken {
            if let Some(place) = self.entities.get_mut(row.entity) {
                *place = past;
            }
        }
        for row in others {
            if let Some(past) = self.entities.get_mut(row.entity) {
                past.learn(row, now_s);
            }
        }
    }

    /// Ends the window.
    pub(super) fn end(&mut self, end_ns: i64) {
        self.end_ns = end_ns;
        forget(&mut self.anybody.0, MOST_OF_ALL, |&known| known);
        forget(&mut self.entities, MOST_ENTITIES, |past| past.came);
        // Who showed much has to forget first.
        let mut most = MOST_OF_ONE;
        let held = |most: usize| self.entities.values().map(|past| past.seen.0.len().min(most)).sum::<usize>();
        while held(most) > MOST_OF_EACH {
            most /= 2;
        }
        if most < MOST_OF_ONE {
            self.entities.values_mut().for_each(|past| forget(&mut past.seen.0, most, |&known| known));
        }
    }

    /// Nothing that it holds is new any more.
    pub(super) fn settle(&mut self) {
        let ours = self.entities.values_mut().flat_map(|past| past.seen.0.values_mut().chain([&mut past.came]));
        ours.chain(self.anybody.0.values_mut()).for_each(|known| known.known_from_s = 0);
    }

    /// Whether what was read from a file can be used.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        let bounded = self.entities.len() <= MOST_ENTITIES
            && self.anybody.0.len() <= MOST_OF_ALL
            && self.residents.0.len() <= MOST_RESIDENTS
            && self.residents.0.is_sorted()
            && self.entities.values().all(|past| past.seen.0.len() <= MOST_OF_ONE)
            && self.entities.values().map(|past| past.seen.0.len()).sum::<usize>() <= MOST_OF_EACH;
        let sound = || self.entities.values().all(|past| past.habits.is_sound() && !past.is_blank());
        if bounded && sound() { Ok(()) } else { Err("the memory is damaged".to_owned()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told<'a>(entity: &'a str, codes: Option<&'a [u32]>) -> Told<'a> {
        Told { entity, codes, gauged: [f64::NAN; HABITS.len()] }
    }

    /// A code of a peer.
    fn peer(number: u32) -> u32 {
        (Sight::Peer as u32) << 29 | number
    }

    /// A window that starts at `second`, in which these showed what they showed.
    fn window(memory: &mut Memory, second: u32, rows: &[(&str, &[u32])]) {
        memory.begin(i64::from(second) * 1_000_000_000);
        memory.learn(&rows.iter().map(|(entity, codes)| told(entity, Some(codes))).collect::<Vec<_>>());
        memory.end(i64::from(second + 30) * 1_000_000_000);
    }

    /// How many peers of a row are new to its entity, and to all.
    fn new_peers(memory: &mut Memory, second: u32, entity: &str, codes: &[u32]) -> (Option<u32>, Option<u32>) {
        memory.begin(i64::from(second) * 1_000_000_000);
        let look = memory.look(&told(entity, Some(codes)));
        (look.new.map(|kinds| kinds[0]), look.new_to_all.map(|kinds| kinds[0]))
    }

    /// An hour and a half of two hosts, of which each has its peer.
    fn quiet() -> Memory {
        let mut memory = Memory::default();
        for second in (0..5400).step_by(30) {
            window(&mut memory, second, &[("a", &[peer(1)]), ("b", &[peer(2)])]);
        }
        memory
    }

    #[test]
    fn what_is_new_stays_new_for_an_hour() {
        let mut memory = quiet();
        assert_eq!(new_peers(&mut memory, 5400, "a", &[peer(1)]), (Some(0), Some(0)));
        assert_eq!(new_peers(&mut memory, 5400, "a", &[peer(2), peer(3)]), (Some(2), Some(1)));
        window(&mut memory, 5400, &[("a", &[peer(2), peer(3)])]);
        assert_eq!(new_peers(&mut memory, 8970, "a", &[peer(2), peer(3)]), (Some(2), Some(1)));
        assert_eq!(new_peers(&mut memory, 9000, "a", &[peer(2), peer(3)]), (Some(0), Some(0)));
    }

    #[test]
    fn of_a_stranger_only_what_is_new_to_all_is_told() {
        let mut memory = quiet();
        assert!(memory.look(&told("c", None)).is_newcomer && !memory.look(&told("a", None)).is_newcomer);
        assert_eq!(new_peers(&mut memory, 5400, "c", &[peer(1), peer(4)]), (None, Some(1)));
        assert_eq!(new_peers(&mut Memory::default(), 5400, "a", &[peer(1)]), (None, None), "nothing was told before");
    }

    #[test]
    fn if_time_runs_back_all_that_is_remembered_is_known() {
        let mut memory = quiet();
        window(&mut memory, 5400, &[("a", &[peer(3)])]);
        let mut before = memory.clone();
        assert_eq!(new_peers(&mut before, 0, "a", &[peer(3), peer(4)]), (Some(1), Some(1)));
        memory.settle();
        assert_eq!(new_peers(&mut memory, 5430, "a", &[peer(3), peer(4)]), (Some(1), Some(1)));
    }

    #[test]
    fn strangers_push_out_strangers() {
        let mut memory = quiet();
        let most = MOST_ENTITIES as u32;
        let flood: Vec<(String, [u32; 1])> = (0..5 * most).map(|n| (format!("flood {n}"), [peer(100 + n)])).collect();
        let rows: Vec<(&str, &[u32])> = flood.iter().map(|(entity, codes)| (entity.as_str(), &codes[..])).collect();
        window(&mut memory, 5400, &rows);
        assert_eq!(memory.entities.len(), MOST_ENTITIES);
        window(&mut memory, 5430, &[("a", &(100..100_000).map(peer).collect::<Vec<_>>())]);
        assert_eq!((memory.anybody.0.len(), memory.entities["a"].seen.0.len()), (MOST_OF_ALL, MOST_OF_ONE));
        assert_eq!(memory.check(), Ok(()));
        for (entity, number) in [("a", 1), ("b", 2)] {
            assert_eq!(new_peers(&mut memory, 5460, entity, &[peer(number)]), (Some(0), Some(0)));
        }
    }

    #[test]
    fn who_showed_most_forgets_first_when_all_showed_too_much() {
        let mut memory = Memory::default();
        let codes: Vec<u32> = (0..MOST_OF_ONE as u32).map(peer).collect();
        let names: Vec<String> = (0..2 * MOST_OF_EACH / MOST_OF_ONE).map(|n| n.to_string()).collect();
        let mut rows: Vec<(&str, &[u32])> = names.iter().map(|name| (name.as_str(), &codes[..])).collect();
        rows.push(("modest", &codes[..20]));
        window(&mut memory, 0, &rows);
        assert_eq!((memory.entities["7"].seen.0.len(), memory.entities["modest"].seen.0.len()), (MOST_OF_ONE / 4, 20));
        assert_eq!(memory.check(), Ok(()));
    }

    #[test]
    fn a_stranger_is_who_training_never_saw_however_long_ago_it_came() {
        let mut memory = quiet();
        assert_eq!(memory.look(&told("c", None)).is_stranger, None, "nobody said who belongs here");
        memory.settle_in(["a", "b"].into_iter());
        (5400..16_200).step_by(30).for_each(|second| window(&mut memory, second, &[("c", &[])]));
        let is_stranger = |memory: &Memory, entity: &str| memory.look(&told(entity, None)).is_stranger;
        assert_eq!((is_stranger(&memory, "a"), is_stranger(&memory, "c")), (Some(false), Some(true)));
        assert!(!memory.look(&told("c", None)).is_newcomer);
        memory.welcome(["c"].into_iter());
        assert_eq!((is_stranger(&memory, "c"), is_stranger(&memory, "d")), (Some(false), Some(true)));
        let many: Vec<String> = (0..=MOST_RESIDENTS).map(|n| n.to_string()).collect();
        memory.settle_in(many.iter().map(String::as_str));
        assert_eq!((is_stranger(&memory, "c"), memory.check()), (None, Ok(())));
    }

    #[test]
    fn rows_teach_the_same_however_many_come_at_once() {
        let names: Vec<String> = (0..4 * MANY).map(|n| (n % (3 * MANY)).to_string()).collect();
        let code = |n: usize| [peer(n as u32 % 50)];
        let codes: Vec<[u32; 1]> = (0..names.len()).map(code).collect();
        let rows: Vec<(&str, &[u32])> =
            names.iter().zip(&codes).map(|(name, codes)| (name.as_str(), &codes[..])).collect();
        let (mut at_once, mut one_by_one) = (quiet(), quiet());
        window(&mut at_once, 5400, &rows);
        one_by_one.begin(5400 * 1_000_000_000);
        rows.iter().for_each(|(entity, codes)| one_by_one.learn(&[told(entity, Some(codes))]));
        one_by_one.end(5430 * 1_000_000_000);
        assert_eq!(at_once, one_by_one);
        assert_eq!(at_once.entities["0"].came.times, 2, "who has two rows is there twice");
    }

    #[test]
    fn a_damaged_memory_is_refused() {
        let good = quiet();
        assert_eq!(good.check(), Ok(()));
        let mut bad = good.clone();
        let past = bad.entities["a"].clone();
        bad.entities.extend((0..MOST_ENTITIES).map(|n| (n.to_string(), past.clone())));
        assert!(bad.check().is_err());
    }
}
