//! The catalogue: every feature with its formula and what an operator should know of it.
//!
//! A formula sees a [`Tally`] and nothing else: no address, no port, no time of day. What is undefined (a mean of nothing) is
//! NaN, never 0. Pairs that end in `_out` and `_in` tell the host's side from the others'; where the two sides mean the same
//! for the network, it has only the first, of both.

/// A [`Chapter`] of these features.
macro_rules! chapter {
    ($($feature:expr),* $(,)?) => {{
        const FEATURES: &[Feature] = &[$($feature),*];
        fn compute<const VIEW: usize>(tally: &super::Tally, row: &mut Vec<f32>) {
            let (mut values, mut count) = ([0.0; FEATURES.len()], 0);
            $({
                const FEATURE: Feature = $feature;
                if FEATURE.views.contains(&super::View::ALL[VIEW]) {
                    values[count] = (FEATURE.value)(tally) as f32;
                    count += 1;
                }
            })*
            row.extend_from_slice(&values[..count]);
        }
        Chapter { features: FEATURES, compute: [compute::<0>, compute::<1>, compute::<2>, compute::<3>] }
    }};
}

mod dns;
mod fan;
mod ics;
mod protocols;
mod shape;
mod tcp;
mod volume;
mod web;

use serde::Serialize;

use super::View;
use super::distinct::Distinct;
use super::role::Role;
use super::sent::{Kind, SIZE_CLASSES, Total, widest};
use super::tally::Tally;

/// The version of the formulas: raised whenever one changes its value for the same packets.
pub const DEFINITIONS_VERSION: u32 = 2;

const ALL: &[View] = &[View::Network, View::Host, View::Pair, View::Flow];
/// Those whose entities can have several flows.
const MANY: &[View] = &[View::Network, View::Host, View::Pair];
const BOTH: &[View] = &[View::Network, View::Host];
const HOST_ONLY: &[View] = &[View::Host];

/// A feature: a number that a formula makes of what is known of an entity: here of what one window knows.
#[derive(Serialize)]
pub struct Feature<T = Tally> {
    /// The column's name.
    pub name: &'static str,
    /// What the number counts.
    pub unit: Unit,
    /// The views whose rows have it.
    pub views: &'static [View],
    /// How it adds up over rows.
    pub adds: Adds,
    /// Whether more packets never make a host's less, so that a part of a window shows no more than the whole. What depends on who
    /// began a conversation is none of these: a part may not show the beginning.
    pub grows: bool,
    /// How a reason names it.
    pub phrase: &'static str,
    /// What it measures.
    pub measures: &'static str,
    /// Why it matters.
    pub matters: &'static str,
    /// What it cannot see.
    pub blind_spot: &'static str,
    /// Its formula.
    #[serde(skip)]
    pub value: fn(&T) -> f64,
}

/// The unit of a feature, which tells its range too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A number of things.
    Count(&'static str),
    /// Of data on the wire.
    Bytes,
    /// Of time.
    Seconds,
    /// Of an entropy.
    Bits,
    /// A part of a whole.
    Share,
    /// Standard deviations from a mean.
    Deviations,
}

impl Unit {
    /// How the unit is written.
    pub fn name(self) -> &'static str {
        match self {
            Unit::Count(things) => things,
            Unit::Bytes => "bytes",
            Unit::Seconds => "s",
            Unit::Bits => "bits",
            Unit::Share => "share",
            Unit::Deviations => "standard deviations",
        }
    }

    /// The values that it can take.
    pub fn range(self) -> &'static str {
        match self {
            Unit::Share => "0 to 1",
            Unit::Deviations => "-50 to 50",
            _ => "0 and more",
        }
    }
}

/// How a feature adds up over the rows of a window. What adds up at all is over pairs, and over flows, the network's; over hosts
/// it is told here, for a packet between two is in the rows of both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Adds {
    /// Not at all: a mean, a share, a spread, an extreme, how many distinct things there are.
    No,
    /// What a host sent or began. Over all hosts it is the network's, both ways together if that has two.
    Sent,
    /// What was for a host alone. Over all hosts it is what they sent, but for what was for groups.
    Received,
    /// Both. Over all hosts it is twice the network's, but for what was for groups.
    Both,
}

impl Serialize for Unit {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// Features that belong together.
pub struct Chapter {
    features: &'static [Feature],
    /// Of each of [`View::ALL`], what adds the values of those that it has to a row: all formulas in one function, for a processor
    /// that has to call each by its address waits longer for where to go than for what it finds there.
    compute: [fn(&Tally, &mut Vec<f32>); View::ALL.len()],
}

static CHAPTERS: [Chapter; 8] =
    [volume::VOLUME, shape::SHAPE, tcp::TCP, fan::FAN, protocols::PROTOCOLS, dns::DNS, web::WEB, ics::ICS];

/// The features of a view's rows, in the order of their columns.
pub fn catalogue(view: View) -> impl Iterator<Item = &'static Feature> {
    CHAPTERS.iter().flat_map(|chapter| chapter.features).filter(move |feature| feature.views.contains(&view))
}

/// Adds the features of a row of the tally's view, in the order of their columns.
pub fn compute(tally: &Tally, row: &mut Vec<f32>) {
    CHAPTERS.iter().for_each(|chapter| (chapter.compute[tally.view as usize])(tally, row));
}

/// The feature of this name, of any view.
pub fn find(name: &str) -> Option<&'static Feature> {
    View::ALL.into_iter().flat_map(catalogue).find(|feature| feature.name == name)
}

/// A share or a mean; NaN of nothing.
fn ratio(part: f64, whole: f64) -> f64 {
    if whole == 0.0 { f64::NAN } else { part / whole }
}

/// The standard deviation of `count` values from their sum and the sum of their squares; NaN of nothing.
fn deviation(count: f64, sum: f64, squares: f64) -> f64 {
    let mean = ratio(sum, count);
    // `f64::max` would turn the NaN of nothing into 0.
    let variance = ratio(squares, count) - mean * mean;
    if variance < 0.0 { 0.0 } else { variance.sqrt() }
}

impl Tally {
    /// What was sent and received.
    fn both(&self, count: fn(&Total) -> u64) -> f64 {
        (count(&self.sent) + count(&self.received)) as f64
    }

    /// What the host sent; of other entities, what anybody sent.
    fn own(&self, count: fn(&Total) -> u64) -> f64 {
        match self.view {
            View::Host => count(&self.sent) as f64,
            View::Network | View::Pair | View::Flow => self.both(count),
        }
    }

    /// How many distinct things the host named; of other entities, anybody.
    fn own_distinct(&self, set: fn(&Total) -> &Distinct) -> f64 {
        let (mine, others) = (set(&self.sent), set(&self.received));
        if self.view == View::Host || others.is_empty() {
            return mine.count() as f64;
        }
        let mut all = mine.clone();
        all.merge(others);
        all.count() as f64
    }

    /// How often the host named each function of industrial protocols; of other entities, anybody.
    fn own_functions(&self) -> Vec<u64> {
        let mut all = self.sent.said.ics.clone();
        if self.view != View::Host {
            all.add(&self.received.said.ics);
        }
        all.functions()
    }

    /// The larger of what was sent and of what was received.
    fn most(&self, count: fn(&Total) -> u64) -> f64 {
        count(&self.sent).max(count(&self.received)) as f64
    }

    fn size_range(&self) -> Option<(u32, u32)> {
        widest(self.sent.size_range, self.received.size_range)
    }

    /// Packets by size class, both ways.
    fn sizes(&self) -> [u64; SIZE_CLASSES] {
        std::array::from_fn(|class| self.sent.sizes[class] + self.received.sizes[class])
    }

    /// Packets of the protocols, both ways.
    fn protocols(&self) -> [u64; 6] {
        [Kind::Tcp, Kind::Udp, Kind::Icmp, Kind::Arp, Kind::OtherIp, Kind::NonIp]
            .map(|kind| self.sent[kind] + self.received[kind])
    }
}

impl Role {
    fn failed_share(&self) -> f64 {
        ratio(self.opened.saturating_sub(self.established) as f64, self.opened as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::super::scenes::{table, tcp};
    use super::*;

    #[test]
    fn a_row_holds_what_each_formula_says() {
        let (one, other) = (([10, 0, 0, 1], 40_000), ([10, 0, 0, 2], 80));
        let table =
            table(&[tcp(0.0, one, other, "S", 0), tcp(0.1, other, one, "SA", 0), tcp(0.2, one, other, "PA", 9)]);
        for view in View::ALL {
            let tally = Tally { view, ..Tally::network(&table) };
            let mut row = Vec::new();
            compute(&tally, &mut row);
            let bits = |value: &f32| value.to_bits();
            let said: Vec<f32> = catalogue(view).map(|feature| (feature.value)(&tally) as f32).collect();
            assert_eq!(row.iter().map(bits).collect::<Vec<_>>(), said.iter().map(bits).collect::<Vec<_>>(), "{view}");
        }
    }
}
