//! What a watch tells of itself, to who keeps an eye on it: every counter in the text format of Prometheus, and whether it lives.

use std::fmt::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::board::Board;
use super::learn::Learned;
use super::reload::Succession;
use super::shadow::Compared;
use super::verdicts::{Unsaid, Verdict, Verdicts};
use crate::capture::{Inflow, Ledger, Skip, Take, Walk};
use crate::confine::Confined;
use crate::evidence::Kept;
use crate::sink::Counts;

/// Counts of windows and what came of them.
#[derive(Debug, Default)]
pub struct Tallies {
    /// Windows that had a row.
    pub windows: AtomicU64,
    /// Rows that were scored.
    pub rows: AtomicU64,
    /// Rows over the threshold.
    pub alerts: AtomicU64,
    /// Those that nobody wanted to hear of.
    pub muted: AtomicU64,
    /// Those that opened no episode, for too many were open.
    pub crowded: AtomicU64,
    /// Episodes that were opened.
    pub episodes: AtomicU64,
    /// Those that are going on.
    pub open: AtomicU64,
    /// The end of the latest window, nanoseconds since the epoch.
    pub latest_ns: AtomicI64,
    /// How long the latest window took from its last packet's being counted to its notices' being published, nanoseconds.
    pub took_ns: AtomicU64,
}

/// All that is told.
pub struct Status {
    /// What came of all packets.
    pub ledger: Arc<Mutex<Ledger>>,
    /// What came of the windows.
    pub tallies: Arc<Tallies>,
    /// What came of the notices, by outlet.
    pub outlets: Vec<(String, Arc<Counts>)>,
    /// What came of slices of packets, if they are kept.
    pub evidence: Option<Arc<Kept>>,
    /// What came of rows, if they are written down.
    pub learned: Option<Arc<Learned>>,
    /// How the second model judges, if there is one.
    pub compared: Option<Arc<Compared>>,
    /// What came of new models.
    pub succession: Arc<Succession>,
    /// When the thread that watches last came by.
    pub pulse: Arc<Pulse>,
    /// What is watched.
    pub source: String,
    /// The file of the model.
    pub model: String,
    /// What the latest windows were like.
    pub board: Arc<Board>,
    /// Where slices of packets lie, if they are kept.
    pub slices: Option<PathBuf>,
    /// What people said of episodes, if that is remembered.
    pub verdicts: Option<Arc<Verdicts>>,
    /// What the kernel holds the program to.
    pub confined: Confined,
}

/// Whether the thread that watches still does.
pub struct Pulse {
    begun: Instant,
    /// Milliseconds from then to its latest walk; 0 before the first.
    latest_ms: AtomicU64,
}

impl Default for Pulse {
    fn default() -> Self {
        Self { begun: Instant::now(), latest_ms: AtomicU64::new(0) }
    }
}

impl Pulse {
    /// A walk takes a moment, the windows behind it rarely more than a second.
    const LONGEST: Duration = Duration::from_secs(30);

    fn beat(&self) {
        let now = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.latest_ms.store(now.max(1), Ordering::Relaxed);
    }

    /// Whether frames are being taken in.
    pub fn is_ready(&self) -> bool {
        self.latest_ms.load(Ordering::Relaxed) > 0
    }

    /// Whether the thread that takes them in has come by lately.
    pub fn is_alive(&self) -> bool {
        let latest = Duration::from_millis(self.latest_ms.load(Ordering::Relaxed));
        self.begun.elapsed().saturating_sub(latest) < Self::LONGEST
    }
}

/// An inflow whose every walk is felt.
pub struct Felt<'a, I> {
    /// What flows in.
    pub inflow: &'a mut I,
    /// Who feels it.
    pub pulse: Arc<Pulse>,
}

impl<I: Inflow> Inflow for Felt<'_, I> {
    fn walk(&mut self, ledger: &mut Ledger, take: impl Take) -> Walk {
        self.pulse.beat();
        self.inflow.walk(ledger, take)
    }

    fn lent(&self) -> usize {
        self.inflow.lent()
    }

    fn position(&self) -> u64 {
        self.inflow.position()
    }

    fn are_files(&self) -> bool {
        self.inflow.are_files()
    }
}

impl Status {
    /// Remembers what somebody says of an episode that is on the board.
    ///
    /// # Errors
    /// It could not be remembered; then nothing has changed.
    pub fn say(&self, episode: &str, verdict: Verdict) -> std::result::Result<(), Unsaid> {
        let verdicts = self.verdicts.as_ref().ok_or(Unsaid::Nowhere)?;
        let alert = self.board.alert_of(episode).ok_or(Unsaid::Unknown)?;
        Ok(verdicts.say(&alert, verdict)?)
    }

    /// Every counter, in the text format of Prometheus.
    pub fn metrics(&self) -> String {
        let mut page = Page(String::new());
        let ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner).clone();
        page.counter("packets_read_total", "Packets that were read.", ledger.read);
        page.counter("bytes_read_total", "Bytes of those packets, as they were on the wire.", ledger.bytes);
        page.counter("packets_used_total", "Packets that are in a row.", ledger.used);
        let reasons = Skip::ALL.map(|skip| (skip.name(), ledger.skipped(skip)));
        page.counters("packets_skipped_total", "Packets that are in no row, by reason.", "reason", &reasons);
        page.counter("packets_dropped_total", "Packets that the kernel had no room for.", ledger.dropped);
        page.counter("ring_freezes_total", "How often the kernel's ring was full.", ledger.freezes);
        page.counter("packets_merged_total", "Packets whose flow found no room of its own.", ledger.merged);
        page.counter("flows_rowless_total", "Flows with an end that found no row of its own.", ledger.rowless);

        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let tallies = &self.tallies;
        page.counter("windows_total", "Windows that had a row.", of(&tallies.windows));
        page.counter("rows_total", "Rows that were scored.", of(&tallies.rows));
        page.counter("alerts_total", "Rows over the threshold.", of(&tallies.alerts));
        page.counter("alerts_muted_total", "Alerts that nobody wanted to hear of.", of(&tallies.muted));
        page.counter("alerts_crowded_total", "Alerts for which too many episodes were open.", of(&tallies.crowded));
        page.counter("episodes_total", "Episodes that were opened.", of(&tallies.episodes));
        page.gauge("episodes_open", "Episodes that are going on.", of(&tallies.open) as f64);
        let latest = tallies.latest_ns.load(Ordering::Relaxed) as f64 * 1e-9;
        page.gauge("window_end_timestamp_seconds", "The end of the latest window.", latest);
        page.gauge(
            "window_seconds",
            "How long the latest window took to be judged.",
            of(&tallies.took_ns) as f64 * 1e-9,
        );

        let outlets = |what: fn(&Counts) -> u64| -> Vec<(&str, u64)> {
            self.outlets.iter().map(|(name, counts)| (name.as_str(), what(counts))).collect()
        };
        let delivered = outlets(|counts| counts.delivered.load(Ordering::Relaxed));
        page.counters("notices_delivered_total", "Notices that arrived, by sink.", "sink", &delivered);
        let dropped = outlets(|counts| counts.dropped.load(Ordering::Relaxed));
        page.counters("notices_dropped_total", "Notices that never will, by sink.", "sink", &dropped);
        let failures = outlets(|counts| counts.failures.load(Ordering::Relaxed));
        page.counters("sink_failures_total", "Tries to deliver that failed, by sink.", "sink", &failures);
        let waiting = outlets(Counts::waiting);
        page.head("notices_waiting", "gauge", "Notices that wait, by sink.");
        page.lines("notices_waiting", "sink", &waiting);

        if let Some(kept) = &self.evidence {
            page.counter("evidence_written_total", "Slices of packets that were written.", of(&kept.written));
            page.counter("evidence_failed_total", "Slices of packets that were not.", of(&kept.failed));
        }
        if let Some(learned) = &self.learned {
            page.counter("rows_written_total", "Rows in files that are whole.", of(&learned.rows));
            page.counter("rows_lost_total", "Rows that could not be written.", of(&learned.lost));
        }
        if let Some(compared) = &self.compared {
            page.counter("shadow_rows_total", "Rows that both models scored.", of(&compared.rows));
            let by = [("both", &compared.both), ("first", &compared.first), ("shadow", &compared.shadow)];
            let by = by.map(|(name, count)| (name, of(count)));
            page.counters("shadow_alerts_total", "Rows over the threshold, by whose.", "by", &by);
            let agreement = compared.agreement().unwrap_or(f64::NAN);
            page.gauge("shadow_agreement_ratio", "Rank correlation of the two scores, mean over windows.", agreement);
        }
        let confined = [("landlock", self.confined.files), ("seccomp", self.confined.calls)];
        page.head("confined", "gauge", "Whether the kernel holds the program to what it needs, by means.");
        page.lines("confined", "by", &confined.map(|(means, is)| (means, u64::from(is))));
        page.counter("models_taken_total", "New models that came into place.", of(&self.succession.taken));
        page.counter("models_refused_total", "Files that were no model for this watch.", of(&self.succession.refused));
        page.0
    }
}

struct Page(String);

impl Page {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string does not fail.
        let _ = writeln!(self.0, "# HELP tidewatch_{name} {help}\n# TYPE tidewatch_{name} {kind}");
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.head(name, "counter", help);
        let _ = writeln!(self.0, "tidewatch_{name} {value}");
    }

    fn gauge(&mut self, name: &str, help: &str, value: f64) {
        self.head(name, "gauge", help);
        let _ = writeln!(self.0, "tidewatch_{name} {value}");
    }

    fn counters(&mut self, name: &str, help: &str, label: &str, values: &[(&str, u64)]) {
        self.head(name, "counter", help);
        self.lines(name, label, values);
    }

    fn lines(&mut self, name: &str, label: &str, values: &[(&str, u64)]) {
        for (value, count) in values {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = writeln!(self.0, "tidewatch_{name}{{{label}=\"{value}\"}} {count}");
        }
    }
}
