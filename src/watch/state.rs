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
    /// What is watched, and the model's file.
    source: String,
    model: String,
    /// Whether the thread that watches has come by lately.
    alive: bool,
    /// Whether packets are kept.
    evidence: bool,
    /// The episodes among those shown that are like one that was called benign; null if nothing is remembered.
    benign: Option<Vec<String>>,
    #[serde(flatten)]
    shown: Shown,
    counts: Sums,
    shadow: Option<Beside>,
    sinks: Vec<Sink>,
}

/// What came of everything since the beginning, as in `/metrics`.
#[derive(Serialize)]
struct Sums {
    packets_read: u64,
    bytes_read: u64,
    packets_skipped: u64,
    packets_dropped: u64,
    windows: u64,
    rows: u64,
    alerts: u64,
    alerts_muted: u64,
    episodes: u64,
    evidence_failed: u64,
    models_taken: u64,
    models_refused: u64,
    rows_written: Option<u64>,
    rows_lost: Option<u64>,
}

/// How a second model judges beside the first.
#[derive(Serialize)]
struct Beside {
    rows: u64,
    both: u64,
    first: u64,
    shadow: u64,
    agreement: Option<f64>,
}

#[derive(Serialize)]
struct Sink {
    name: String,
    delivered: u64,
    waiting: u64,
    dropped: u64,
    failures: u64,
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
