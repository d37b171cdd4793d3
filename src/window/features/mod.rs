//! The catalogue: every feature with its formula and what an operator should know of it.
//!
//! A formula sees a [`Tally`] and nothing else. What is undefined (a mean of nothing) is NaN, never 0.

mod fan;
mod protocols;
mod shape;
mod tcp;
mod volume;

use serde::Serialize;

use super::View;
use super::flow::{SIZE_CLASSES, Sent};
use super::tally::{Role, Tally};

/// The version of the formulas: raised whenever one changes its value for the same packets.
pub const DEFINITIONS_VERSION: u32 = 1;

const BOTH: &[View] = &[View::Network, View::Host];
const HOST_ONLY: &[View] = &[View::Host];

/// A feature: a number that a window gives for an entity.
#[derive(Serialize)]
pub struct Feature {
    /// The column's name.
    pub name: &'static str,
    /// What the number counts.
    pub unit: Unit,
    /// The views whose rows have it.
    pub views: &'static [View],
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
    pub value: fn(&Tally) -> f64,
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
        }
    }

    /// The values that it can take.
    pub fn range(self) -> &'static str {
        match self {
            Unit::Share => "0 to 1",
            _ => "0 and more",
        }
    }
}

impl Serialize for Unit {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// The features of a view's rows, in the order of their columns.
pub fn catalogue(view: View) -> impl Iterator<Item = &'static Feature> {
    [volume::VOLUME, shape::SHAPE, tcp::TCP, fan::FAN, protocols::PROTOCOLS]
        .into_iter()
        .flatten()
        .filter(move |feature| feature.views.contains(&view))
}

/// The feature of this name, of any view.
pub fn find(name: &str) -> Option<&'static Feature> {
    [View::Network, View::Host].into_iter().flat_map(catalogue).find(|feature| feature.name == name)
}

/// A share or a mean; NaN of nothing.
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { f64::NAN } else { part as f64 / whole as f64 }
}

/// The standard deviation of `count` values from their sum and the sum of their squares; NaN of nothing.
fn deviation(count: f64, sum: f64, squares: f64) -> f64 {
    if count == 0.0 {
        return f64::NAN;
    }
    let mean = sum / count;
    (squares / count - mean * mean).max(0.0).sqrt()
}

impl Tally {
    fn all_packets(&self) -> f64 {
        (self.sent.packets + self.received.packets) as f64
    }

    fn all_bytes(&self) -> f64 {
        (self.sent.bytes + self.received.bytes) as f64
    }

    fn size_min(&self) -> Option<u32> {
        [self.sent.size_min, self.received.size_min].into_iter().flatten().min()
    }

    fn size_classes(&self) -> [u64; SIZE_CLASSES.len() + 1] {
        std::array::from_fn(|class| self.sent.sizes[class] + self.received.sizes[class])
    }

    /// What servers sent too, where `self` is the network: packets that one host sends and nobody in particular receives.
    fn network_received(&self, count: fn(&Sent) -> u64) -> u64 {
        if self.view == View::Network { count(&self.received) } else { 0 }
    }

    fn name_entropy(&self) -> f64 {
        let (sent, received) = (&self.sent.dns, &self.received.dns);
        let queries = sent.queries + received.queries;
        if queries == 0 { f64::NAN } else { (sent.name_entropy_sum + received.name_entropy_sum) / queries as f64 }
    }
}

impl Role {
    fn failed_share(&self) -> f64 {
        ratio((self.refused + self.unanswered + self.half_open) as u64, self.opened as u64)
    }
}
