//! Tempers: how strange for anybody an entity usually is.
//!
//! A camera among workstations, or a phone that syncs once an hour, is strange for anybody again and again, and its alarms say
//! nothing. So what an entity's rows came to in training is a distribution of its own, and no row is taken for rarer than that makes
//! it. That only ever makes less of a row: an entity that was never strange, or that training hardly saw, is heard as everybody is.
//! An entity that was attacked in training, and nobody knew, is heard less for it, too.

mod graph;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::curve::Curve;
use super::own::regulars;

/// Knots of an entity's curve.
const KNOTS: usize = 32;

/// The tempers of entities that are stranger than others at times, and have rows enough to tell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Tempers(BTreeMap<String, Curve>);

impl Tempers {
    /// Learns from benign rows: whose each is, and how surprising it is for anybody, to members that were not fitted on it.
    pub fn fit(entities: &[String], surprises: &[f64]) -> Self {
        let curve = |rows: Vec<usize>| {
            let mut own: Vec<f64> = rows.into_iter().map(|row| surprises[row]).collect();
            own.sort_unstable_by(|a, b| b.total_cmp(a));
            Curve::of(&own, KNOTS)
        };
        let curves = regulars(entities).into_iter().map(|(entity, rows)| (entity.clone(), curve(rows)));
        let is_heard_less = |curve: &Curve| curve.0.iter().any(|&(surprise, own)| own < surprise);
        Self(curves.filter(|(_, curve)| is_heard_less(curve)).collect())
    }

    /// A surprise, in nats, as it is heard of this entity. What exceeds all that it came to in training counts in full.
    pub fn heard(&self, entity: &str, surprise: f64) -> f64 {
        self.0.get(entity).map_or(surprise, |curve| {
            let (own, excess) = curve.at(surprise);
            surprise.min(own + excess)
        })
    }

    /// How many entities are heard less than others.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Whether what was read from a file can be used.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        if self.0.values().all(Curve::is_sound) { Ok(()) } else { Err("an entity's temper is damaged".to_owned()) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A hundred rows each: of a server that is never surprising, and of a camera that is each time a little more so.
    fn tempers() -> Tempers {
        let entities: Vec<String> = (0..200).map(|row| ["server", "camera"][row % 2].to_owned()).collect();
        let surprises: Vec<f64> = (0..200).map(|row| [0.0, 0.05 * row as f64][row % 2]).collect();
        Tempers::fit(&entities, &surprises)
    }

    #[test]
    fn who_is_often_strange_is_heard_less_by_as_much_as_it_was() {
        let tempers = tempers();
        assert_eq!((tempers.count(), tempers.check()), (1, Ok(())));
        let highest = 0.05 * 199.0;
        assert!((tempers.heard("camera", highest) - 101_f64.ln()).abs() < 1e-12);
        assert!((tempers.heard("camera", 5.0) - 2_f64.ln()).abs() < 0.1, "half of its rows were so");
        assert!((tempers.heard("camera", highest + 7.0) - 101_f64.ln() - 7.0).abs() < 1e-12);
    }

    #[test]
    fn who_is_never_strange_or_not_known_is_heard_as_all_are() {
        assert_eq!(["server", "stranger"].map(|entity| tempers().heard(entity, 9.0)), [9.0; 2]);
    }

    proptest! {
        #[test]
        fn more_is_never_heard_as_less_and_nothing_as_more_than_it_is(
            past in prop::collection::vec(0.0..20.0_f64, 50..120), one in 0.0..40.0_f64, other in 0.0..40.0_f64
        ) {
            let tempers = Tempers::fit(&vec!["a".to_owned(); past.len()], &past);
            let [less, more] = if one < other { [one, other] } else { [other, one] };
            prop_assert!(tempers.heard("a", less) <= tempers.heard("a", more));
            prop_assert!(tempers.heard("a", more) <= more);
        }
    }
}
