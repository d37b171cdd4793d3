//! Captures that come as they once did, or faster.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::{Captures, Inflow, Ledger, Take, Walk};

/// How fast captures are replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speed {
    /// So many times as fast as they were recorded.
    Times(u32),
    /// As fast as they are used.
    Max,
}

/// Captures of which each frame comes when it is due. In between the line is silent, as a live one is.
pub struct Replay {
    captures: Captures,
    speed: Speed,
    /// When it began, and with which of the packets' times.
    begun: Option<(Instant, i64)>,
    /// Up to where in the packets' time all has been told.
    told_ns: i64,
}

/// How long to sleep at most before saying that nothing has come: what waits for an order to stop shall not wait long.
const PAUSE: Duration = Duration::from_millis(20);
/// Frames that are handed over at once.
const BATCH: usize = 1024;

impl Replay {
    /// Replays these captures.
    pub fn new(captures: Captures, speed: Speed) -> Self {
        Self { captures, speed, begun: None, told_ns: i64::MIN }
    }

    /// What kept a capture from being read to its end, with its place.
    pub fn troubles(&self) -> &[(usize, String)] {
        self.captures.troubles()
    }
}

impl Inflow for Replay {
    fn walk(&mut self, ledger: &mut Ledger, mut take: impl Take) -> Walk {
        let Speed::Times(times) = self.speed else {
            return if self.captures.walk(ledger, take) { Walk::More } else { Walk::End };
        };
        for handed in 0..BATCH {
            let Some(next_ns) = self.captures.next_ns(ledger) else { return Walk::End };
            let &mut (begun, first_ns) = self.begun.get_or_insert_with(|| (Instant::now(), next_ns));
            let passed = begun.elapsed().as_nanos().saturating_mul(u128::from(times));
            let now_ns = first_ns.saturating_add(i64::try_from(passed).unwrap_or(i64::MAX));
            if next_ns > now_ns {
                if handed > 0 {
                    break;
                }
                let wait = Duration::from_nanos(next_ns.abs_diff(now_ns) / u64::from(times.max(1)));
                sleep(wait.min(PAUSE));
                let silent_ns = now_ns.saturating_sub(self.told_ns).max(0);
                self.told_ns = self.told_ns.max(now_ns);
                return Walk::Silent(silent_ns);
            }
            self.captures.step(ledger, &mut take);
            self.told_ns = self.told_ns.max(next_ns);
        }
        Walk::More
    }

    fn position(&self) -> u64 {
        self.captures.position()
    }
}
