//! A function of time, or of packet numbers, that stays the same from one step to the next.

use std::collections::BTreeSet;

use super::AttackId;

/// The value where there is no attack.
pub(super) const NO_ATTACK: AttackId = AttackId::MAX;
/// The value of an attack that takes its name from the rule.
pub(super) const RULE_ATTACK: AttackId = AttackId::MAX - 1;
/// How many attacks can be told apart.
pub(super) const MOST_ATTACKS: usize = RULE_ATTACK as usize;

/// Each step's first key and its value, sorted; before the first one there is no attack. Intervals may overlap in the
/// file, but not here, so that a packet costs one binary search; runs of equal packet labels are one step.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Steps(Vec<(i64, AttackId)>);

impl Steps {
    /// From intervals, both ends included; where they overlap, the one that stands first holds.
    pub fn from_intervals(intervals: &[(i64, i64, AttackId)]) -> Self {
        let mut events: Vec<(i64, usize, bool)> = Vec::with_capacity(2 * intervals.len());
        for (place, &(start, end, _)) in intervals.iter().enumerate() {
            events.push((start, place, true));
            events.extend(end.checked_add(1).map(|behind| (behind, place, false)));
        }
        events.sort_unstable();
        let mut steps = Self::default();
        let mut open = BTreeSet::new();
        for group in events.chunk_by(|a, b| a.0 == b.0) {
            for &(_, place, opens) in group {
                if opens {
                    open.insert(place)
                } else {
                    open.remove(&place)
                };
            }
            let value = open.first().map_or(NO_ATTACK, |&place| intervals[place].2);
            steps.push(group[0].0, value);
        }
        steps
    }

    /// From single keys in rising order; there is no attack between them.
    pub fn from_points(points: &[(i64, AttackId)]) -> Self {
        let mut steps = Self::default();
        let mut next = None;
        for &(key, value) in points {
            if let Some(next) = next.filter(|&next| next != key) {
                steps.push(next, NO_ATTACK);
            }
            steps.push(key, value);
            next = key.checked_add(1);
        }
        if let Some(next) = next {
            steps.push(next, NO_ATTACK);
        }
        steps
    }

    /// The value at `key`.
    pub fn at(&self, key: i64) -> AttackId {
        let behind = self.0.partition_point(|&(first, _)| first <= key);
        behind.checked_sub(1).and_then(|step| self.0.get(step)).map_or(NO_ATTACK, |&(_, value)| value)
    }

    /// Whether any step has this value.
    pub fn holds(&self, value: AttackId) -> bool {
        self.0.iter().any(|&(_, held)| held == value)
    }

    /// Exchanges every attack for what `new` names it.
    pub fn renumber(&mut self, new: impl Fn(AttackId) -> AttackId) {
        for (_, value) in &mut self.0 {
            if (*value as usize) < MOST_ATTACKS {
                *value = new(*value);
            }
        }
    }

    fn push(&mut self, key: i64, value: AttackId) {
        if self.0.last().map_or(NO_ATTACK, |&(_, last)| last) != value {
            self.0.push((key, value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn where_intervals_overlap_the_first_holds() {
        let steps = Steps::from_intervals(&[(10, 20, 0), (0, 30, 1), (15, 40, 2), (50, 50, 3)]);
        let expected = [(-1, NO_ATTACK), (0, 1), (9, 1), (10, 0), (20, 0), (21, 1), (30, 1), (31, 2), (40, 2)];
        for (key, value) in expected.into_iter().chain([(41, NO_ATTACK), (50, 3), (51, NO_ATTACK)]) {
            assert_eq!(steps.at(key), value, "at {key}");
        }
    }

    #[test]
    fn the_ends_of_time_are_no_trouble() {
        let steps = Steps::from_intervals(&[(i64::MIN, i64::MAX, 7)]);
        assert_eq!((steps.at(i64::MIN), steps.at(0), steps.at(i64::MAX)), (7, 7, 7));
        assert_eq!(Steps::from_points(&[(i64::MAX, 1)]).at(i64::MAX), 1);
        assert_eq!(Steps::default().at(0), NO_ATTACK);
    }

    #[test]
    fn runs_of_equal_labels_are_one_step() {
        let points: Vec<_> = (1..=1000).map(|number| (number, if number > 400 { 0 } else { NO_ATTACK })).collect();
        assert_eq!(Steps::from_points(&points).0, [(401, 0), (1001, NO_ATTACK)]);
    }

    proptest! {
        #[test]
        fn intervals_equal_a_search_from_the_front(
            intervals in prop::collection::vec((0i64..50, 0i64..20, 0u16..5), 0..12)
        ) {
            let intervals: Vec<_> = intervals.into_iter().map(|(start, length, id)| (start, start + length, id)).collect();
            let steps = Steps::from_intervals(&intervals);
            for key in -1..72 {
                let first = intervals.iter().find(|&&(start, end, _)| start <= key && key <= end);
                prop_assert_eq!(steps.at(key), first.map_or(NO_ATTACK, |interval| interval.2));
            }
        }

        #[test]
        fn points_equal_a_map(points in prop::collection::btree_map(1i64..60, 0u16..3, 0..40)) {
            let steps = Steps::from_points(&points.iter().map(|(&key, &value)| (key, value)).collect::<Vec<_>>());
            for key in 0..62 {
                prop_assert_eq!(steps.at(key), points.get(&key).copied().unwrap_or(NO_ATTACK));
            }
        }
    }
}
