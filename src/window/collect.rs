//! Frames by windows, before anybody looks into them.

use std::mem;
use std::sync::Arc;

use super::backlog::Backlog;
use super::clock::{Windowing, Windows};
use super::frames::Frames;
use crate::capture::{Block, Inflow, Ledger, Link, Skip, Spot, Take, Walk};
use crate::progress::Progress;
use crate::spare::{Spares, this_thread};

/// Gathers the frames of one walk by their windows.
struct Gather<'a> {
    windows: &'a mut Windows<Frames>,
    /// Where those start that have been met.
    met: &'a mut Vec<i64>,
    spare: &'a mut Spares<Frames>,
}

impl Take for Gather<'_> {
    #[inline(always)]
    fn take(&mut self, block: &Arc<Block>, place: usize, link: Link, spot: Spot) -> Result<(), Skip> {
        let frames = self.windows.of(spot.time_ns).ok_or(Skip::Late)?;
        let first = frames.is_empty();
        if first {
            *frames = self.spare.take().unwrap_or_default();
        }
        frames.push(block, place, link, spot);
        if first {
            self.met.push(self.windows.latest());
        }
        Ok(())
    }
}

/// Takes frames in, and gathers them by windows. What it decides depends on the frames' times and order alone; only that a line
/// is silent closes windows too.
pub(super) struct Collector<'a, I> {
    inflow: &'a mut I,
    progress: &'a dyn Progress,
    windows: Windows<Frames>,
    met: Vec<i64>,
    /// Lists that are empty, to be used again.
    spare: Spares<Frames>,
    /// The position that `progress` has heard of.
    reported: u64,
    ended: bool,
}

impl<'a, I: Inflow> Collector<'a, I> {
    pub fn new(inflow: &'a mut I, windowing: Windowing, progress: &'a dyn Progress) -> Self {
        let windows = Windows::new(windowing);
        Self { inflow, progress, windows, met: Vec::new(), spare: Spares::default(), reported: 0, ended: false }
    }

    /// Walks over the next frames. Counts in `ledger` what was read, and what of it was skipped before anybody looked into it.
    pub fn walk(&mut self, ledger: &mut Ledger) {
        let Self { inflow, windows, met, spare, .. } = self;
        let walked =
            if self.progress.cancelled() { Walk::End } else { inflow.walk(ledger, Gather { windows, met, spare }) };
        match walked {
            Walk::More => {}
            Walk::Silent(ns) => self.windows.pass(ns),
            Walk::End => {
                self.ended = true;
                self.windows.finish();
            }
        }
        let position = self.inflow.position();
        if position > self.reported {
            self.progress.advance(position - self.reported);
            self.reported = position;
        }
    }

    /// Hands over what it has gathered, as read by this thread, and takes lists that are empty in return.
    pub fn hand_over(&mut self, backlog: &mut Backlog) {
        mem::swap(&mut self.spare, &mut backlog.spare);
        for start_ns in self.met.drain(..) {
            if let Some(frames) = self.windows.at(start_ns) {
                backlog.add(start_ns, this_thread(), mem::take(frames));
            }
        }
        while let Some((start_ns, _)) = self.windows.due() {
            // The clock of the frames had not passed the latest of those that their end closes.
            backlog.close(start_ns, self.ended && self.windows.is_empty());
        }
        backlog.ended = self.ended;
    }

    /// Bytes of the blocks that somebody still looks at.
    pub fn lent(&self) -> usize {
        self.inflow.lent()
    }
}
