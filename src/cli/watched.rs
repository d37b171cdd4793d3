//! What a watch says once it is over.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tidewatch::capture::Ledger;
use tidewatch::evidence::Kept;
use tidewatch::sink::Counts;
use tidewatch::watch::{Compared, Learned, Tallies};

use super::input::Reads;
use super::terminal::{Terminal, count};

/// What came of it all.
pub struct Watched {
    pub tallies: Arc<Tallies>,
    pub ledger: Ledger,
    pub outlets: Vec<(String, Arc<Counts>)>,
    pub kept: Option<Arc<Kept>>,
    pub learned: Option<Arc<Learned>>,
    pub compared: Option<Arc<Compared>>,
    /// Whether rows came from before the end of what the model remembers.
    pub went_back: bool,
    /// Whether it was ended before its end.
    pub interrupted: bool,
}

impl Watched {
    /// Says it, what was lost first.
    pub fn say(&self, terminal: &Terminal) {
        let Self { tallies, ledger, outlets, kept, learned, compared, went_back, interrupted: _ } = self;
        if *went_back {
            terminal.warn(
                "these rows lie before the end of what is remembered: they are judged by the memory as it was saved",
            );
        }
        let mut reads = Reads::default();
        reads.add(ledger);
        terminal.say(reads.summary());
        if ledger.dropped > 0 {
            let [dropped, freezes] = [ledger.dropped, ledger.freezes].map(count);
            terminal.warn(format_args!(
                "the kernel dropped {dropped} packets, for its ring was full {freezes} times: give it more with --ring"
            ));
        }
        for (name, counts) in outlets {
            let dropped = counts.dropped.load(Ordering::Relaxed);
            if dropped > 0 {
                let why = counts.trouble().map_or(String::new(), |trouble| format!(": {trouble}"));
                terminal.warn(format_args!("{name}: {} notices did not arrive{why}", count(dropped)));
            }
        }
        let failed = kept.as_ref().map_or(0, |kept| kept.failed.load(Ordering::Relaxed));
        if failed > 0 {
            terminal.warn(format_args!("the packets of episodes could not be kept, {} times", count(failed)));
        }
        let of = |counter: &AtomicU64| count(counter.load(Ordering::Relaxed));
        let [rows, alerts, episodes] = [&tallies.rows, &tallies.alerts, &tallies.episodes].map(of);
        let muted = tallies.muted.load(Ordering::Relaxed);
        let muted = if muted > 0 { format!(" ({} muted)", count(muted)) } else { String::new() };
        terminal.say(format_args!("{rows} rows scored, {alerts} alerts{muted} in {episodes} episodes"));
        if let Some(learned) = learned {
            let lost = learned.lost.load(Ordering::Relaxed);
            if lost > 0 {
                terminal.warn(format_args!("{} rows could not be written to learn from", count(lost)));
            }
            terminal.say(format_args!("{} rows written to learn from", of(&learned.rows)));
        }
        if let Some(compared) = compared {
            let [both, first, shadow] = [&compared.both, &compared.first, &compared.shadow].map(of);
            let agreement = compared.agreement().map_or("unknown".to_owned(), |ranks| format!("{ranks:.2}"));
            terminal.say(format_args!(
                "beside the shadow: {both} rows are alerts of both, {first} of the model alone, {shadow} of the shadow alone; \
                 rank correlation of their scores {agreement}, mean over windows"
            ));
        }
    }
}
