//! All that the page of a watch shows, for programs too: `/state.json`.

use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use super::board::Shown;
use super::status::Status;
use crate::sink::Counts;

/// What a watch is doing.
#[derive(Serialize)]
pub struct State {
    /// What is watched.
    pub source: String,
    /// The model's file.
    pub model: String,
    /// Whether the thread that watches has come by lately.
    pub alive: bool,
    /// Whether packets are kept.
    pub evidence: bool,
    /// The episodes among those shown that are like one that was called benign; null if nothing is remembered.
    pub benign: Option<Vec<String>>,
    /// The latest windows.
    #[serde(flatten)]
    pub shown: Shown,
    /// What came of everything.
    pub counts: Sums,
    /// How a second model judges, if there is one.
    pub shadow: Option<Beside>,
    /// What became of the notices, by outlet.
    pub sinks: Vec<Sink>,
}

/// What came of everything since the beginning, as in `/metrics`.
#[derive(Serialize)]
pub struct Sums {
    /// Packets that were read.
    pub packets_read: u64,
    /// Their bytes.
    pub bytes_read: u64,
    /// Packets that were not used.
    pub packets_skipped: u64,
    /// Packets that the kernel had no room for.
    pub packets_dropped: u64,
    /// Windows that had a row.
    pub windows: u64,
    /// Rows that were scored.
    pub rows: u64,
    /// Rows over the threshold.
    pub alerts: u64,
    /// Those that nobody wanted to hear of.
    pub alerts_muted: u64,
    /// Episodes that were opened.
    pub episodes: u64,
    /// Times that packets could not be kept.
    pub evidence_failed: u64,
    /// New models that came into place.
    pub models_taken: u64,
    /// Files that were none.
    pub models_refused: u64,
    /// Rows that were written to learn from, if any are.
    pub rows_written: Option<u64>,
    /// Those that could not be.
    pub rows_lost: Option<u64>,
}

/// How a second model judges beside the first.
#[derive(Serialize)]
pub struct Beside {
    /// Rows that both have scored.
    pub rows: u64,
    /// Alerts of both.
    pub both: u64,
    /// Alerts of the first alone.
    pub first: u64,
    /// Alerts of the second alone.
    pub shadow: u64,
    /// How well their ranks agree, from -1 to 1.
    pub agreement: Option<f64>,
}

/// What became of the notices of an outlet.
#[derive(Serialize)]
pub struct Sink {
    /// What it is called.
    pub name: String,
    /// Notices that arrived.
    pub delivered: u64,
    /// Those that wait.
    pub waiting: u64,
    /// Those that never will arrive.
    pub dropped: u64,
    /// Tries that failed.
    pub failures: u64,
    /// Why the latest try failed, if it did.
    pub trouble: Option<String>,
}

impl Status {
    /// What the watch is doing now.
    pub fn state(&self) -> State {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (tallies, succession) = (&self.tallies, &self.succession);
        let sink = |(name, counts): &(String, std::sync::Arc<Counts>)| Sink {
            name: name.clone(),
            delivered: of(&counts.delivered),
            waiting: counts.waiting(),
            dropped: of(&counts.dropped),
            failures: of(&counts.failures),
            trouble: counts.trouble(),
        };
        let shown = self.board.shown();
        State {
            source: self.source.clone(),
            model: self.model.clone(),
            alive: self.pulse.is_alive(),
            evidence: self.evidence.is_some(),
            benign: self.verdicts.as_ref().map(|verdicts| shown.episodes(|alert| verdicts.mutes(alert))),
            shown,
            counts: Sums {
                packets_read: ledger.read,
                bytes_read: ledger.bytes,
                packets_skipped: ledger.skipped_total(),
                packets_dropped: ledger.dropped,
                windows: of(&tallies.windows),
                rows: of(&tallies.rows),
                alerts: of(&tallies.alerts),
                alerts_muted: of(&tallies.muted),
                episodes: of(&tallies.episodes),
                evidence_failed: self.evidence.as_ref().map_or(0, |kept| of(&kept.failed)),
                models_taken: of(&succession.taken),
                models_refused: of(&succession.refused),
                rows_written: self.learned.as_ref().map(|learned| of(&learned.rows)),
                rows_lost: self.learned.as_ref().map(|learned| of(&learned.lost)),
            },
            shadow: self.compared.as_ref().map(|compared| Beside {
                rows: of(&compared.rows),
                both: of(&compared.both),
                first: of(&compared.first),
                shadow: of(&compared.shadow),
                agreement: compared.agreement(),
            }),
            sinks: self.outlets.iter().map(sink).collect(),
        }
    }
}
