//! The ledger: every packet that was read is used, or skipped for a reason that is named (law 3).

use std::collections::BTreeMap;

use serde::{Serialize, Serializer, ser::SerializeStruct};

use super::Flaw;

/// Why a packet that was read is in no row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(usize)]
pub enum Skip {
    /// The file ends inside the packet's record.
    CutRecord,
    /// The record's own fields contradict each other; nothing behind it can be found.
    CorruptRecord,
    /// A pcapng packet names an interface that the section has not described.
    UnknownInterface,
    /// The link type is not one that tidewatch decodes.
    UnknownLink,
    /// The frame ends before its link-layer header does.
    ShortFrame,
    /// The user's filter leaves the packet out.
    Filtered,
    /// The packet's window had been closed when it came.
    Late,
    /// The interface's hardware did not tell when the packet came, which it was asked for.
    Untimed,
}

impl Skip {
    /// Every reason, in the order of the ledger.
    pub const ALL: [Skip; 8] = [
        Skip::CutRecord,
        Skip::CorruptRecord,
        Skip::UnknownInterface,
        Skip::UnknownLink,
        Skip::ShortFrame,
        Skip::Filtered,
        Skip::Late,
        Skip::Untimed,
    ];

    /// The reason's name in JSON and in messages.
    pub fn name(self) -> &'static str {
        match self {
            Skip::CutRecord => "cut_record",
            Skip::CorruptRecord => "corrupt_record",
            Skip::UnknownInterface => "unknown_interface",
            Skip::UnknownLink => "unknown_link",
            Skip::ShortFrame => "short_frame",
            Skip::Filtered => "filtered",
            Skip::Late => "late",
            Skip::Untimed => "untimed",
        }
    }
}

/// Counts of packets, with `read = used + Σ skipped` once the input has ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Packets that the capture held.
    pub read: u64,
    /// Bytes of those packets as they were on the wire.
    pub bytes: u64,
    /// Packets that are in a row.
    pub used: u64,
    /// Later fragments that are used without ports, for their first one is not there, came after them, or is forgotten.
    pub orphans: u64,
    /// First fragments that were forgotten for want of room.
    pub evictions: u64,
    /// Packets that are used, but whose flow found no room of its own in its window.
    pub merged: u64,
    /// Flows with an end that found no room for a row of its own in its window.
    pub rowless: u64,
    /// Packets of a line for which the kernel had no room: they are not among those that were read.
    pub dropped: u64,
    /// How often the kernel had no room at all.
    pub freezes: u64,
    /// The earliest and the latest time of a packet, nanoseconds since the epoch.
    span_ns: Option<(i64, i64)>,
    /// Packets that are in none, by [`Skip`].
    skipped: [u64; Skip::ALL.len()],
    /// Packets that are used as far as their headers go, by [`Flaw`].
    flawed: [u64; Flaw::ALL.len()],
}

impl Ledger {
    /// Counts a packet as read.
    #[inline]
    pub fn saw(&mut self, time_ns: i64, wire_len: u32) {
        self.read += 1;
        self.bytes += u64::from(wire_len);
        self.at(time_ns);
    }

    /// Takes the time of a packet that was read into the span.
    #[inline]
    fn at(&mut self, time_ns: i64) {
        self.span_ns = Some(self.span_ns.map_or((time_ns, time_ns), |(a, b)| (a.min(time_ns), b.max(time_ns))));
    }

    /// The earliest and the latest time of a packet that was read.
    pub fn span_ns(&self) -> Option<(i64, i64)> {
        self.span_ns
    }

    /// Counts one packet that was read as skipped.
    pub fn skip(&mut self, reason: Skip) {
        self.skipped[reason as usize] += 1;
    }

    /// Counts so many packets as read and skipped, of which no more is known.
    pub fn pass_over(&mut self, reason: Skip, packets: u64) {
        self.read += packets;
        self.skipped[reason as usize] += packets;
    }

    /// How many packets were skipped for `reason`.
    pub fn skipped(&self, reason: Skip) -> u64 {
        self.skipped[reason as usize]
    }

    /// How many packets were skipped for any reason.
    pub fn skipped_total(&self) -> u64 {
        self.skipped.iter().sum()
    }

    /// How many packets were skipped that the user did not leave out, or were dropped before they could be read.
    pub fn lost(&self) -> u64 {
        self.skipped_total() - self.skipped(Skip::Filtered) + self.dropped
    }

    /// Counts one packet that is used as flawed.
    pub fn flaw(&mut self, reason: Flaw) {
        self.flawed[reason as usize] += 1;
    }

    /// Whether every packet that was read is accounted for.
    pub fn balances(&self) -> bool {
        self.read == self.used + self.skipped_total()
    }

    /// Adds the counts of another input.
    pub fn add(&mut self, other: &Ledger) {
        self.read += other.read;
        self.bytes += other.bytes;
        self.used += other.used;
        self.orphans += other.orphans;
        self.evictions += other.evictions;
        self.merged += other.merged;
        self.rowless += other.rowless;
        self.dropped += other.dropped;
        self.freezes += other.freezes;
        if let Some((first_ns, last_ns)) = other.span_ns {
            self.at(first_ns);
            self.at(last_ns);
        }
        for (mine, theirs) in self.skipped.iter_mut().zip(other.skipped) {
            *mine += theirs;
        }
        for (mine, theirs) in self.flawed.iter_mut().zip(other.flawed) {
            *mine += theirs;
        }
    }

    /// The reasons for which packets were skipped, with how many.
    pub fn reasons(&self) -> BTreeMap<&'static str, u64> {
        occurred(Skip::ALL.map(Skip::name), self.skipped)
    }

    /// What is wrong with the headers of packets that are used, with how many have it.
    pub fn flaws(&self) -> BTreeMap<&'static str, u64> {
        occurred(Flaw::ALL.map(Flaw::name), self.flawed)
    }
}

/// What there is any of.
fn occurred<const N: usize>(names: [&'static str; N], counts: [u64; N]) -> BTreeMap<&'static str, u64> {
    names.into_iter().zip(counts).filter(|&(_, count)| count > 0).collect()
}

impl Serialize for Ledger {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut ledger = serializer.serialize_struct("Ledger", 10)?;
        ledger.serialize_field("read", &self.read)?;
        ledger.serialize_field("used", &self.used)?;
        ledger.serialize_field("skipped", &self.reasons())?;
        match self.flaws() {
            none if none.is_empty() => ledger.skip_field("flaws")?,
            flaws => ledger.serialize_field("flaws", &flaws)?,
        }
        let more = [
            ("orphaned_fragments", self.orphans),
            ("evicted_fragments", self.evictions),
            ("merged_packets", self.merged),
            ("rowless_flows", self.rowless),
            ("kernel_dropped", self.dropped),
            ("kernel_freezes", self.freezes),
        ];
        for (name, count) in more {
            if count > 0 {
                ledger.serialize_field(name, &count)?;
            } else {
                ledger.skip_field(name)?;
            }
        }
        ledger.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn balance_counts_every_reason() {
        let mut ledger = Ledger { read: 3, bytes: 200, used: 1, ..Ledger::default() };
        assert!(!ledger.balances());
        ledger.skip(Skip::Late);
        ledger.skip(Skip::CutRecord);
        ledger.orphans = 4;
        ledger.flaw(Flaw::Cut);
        assert!(ledger.balances());
        ledger.read += 1;
        ledger.skip(Skip::Filtered);
        assert_eq!((ledger.skipped_total(), ledger.lost()), (3, 2));
        let mut twice = ledger.clone();
        twice.add(&ledger);
        assert_eq!(
            serde_json::to_string(&twice).unwrap(),
            r#"{"read":8,"used":2,"skipped":{"cut_record":2,"filtered":2,"late":2},"flaws":{"cut":2},"orphaned_fragments":8}"#
        );
    }
}
