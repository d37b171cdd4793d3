//! Frames by windows, before anybody looks into them.

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;

use super::clock::{Windowing, Windows};
use super::table::Table;
use crate::capture::{Block, Frame, Inflow, Ledger, Link, Skip, Spot, Take, Walk};
use crate::packet::Fragments;
use crate::progress::Progress;

/// Frames that wait to be counted, in the order in which they came.
#[derive(Default)]
pub(super) struct Frames {
    runs: Vec<Run>,
    spots: Vec<Spot>,
}

/// Frames that lie in one block and begin alike.
pub(super) struct Run {
    block: Arc<Block>,
    /// The place of their capture.
    pub place: usize,
    link: Link,
    /// How many there are.
    frames: usize,
}

impl Run {
    /// The one of its frames that lies at `spot`.
    #[inline]
    pub fn frame(&self, spot: &Spot) -> Frame<'_> {
        self.block.frame(self.link, spot)
    }
}

impl Frames {
    #[inline(always)]
    fn push(&mut self, block: &Arc<Block>, place: usize, link: Link, spot: Spot) {
        self.spots.push(spot);
        match self.runs.last_mut() {
            Some(run) if Arc::ptr_eq(&run.block, block) && run.link == link => run.frames += 1,
            _ => self.begin(block, place, link),
        }
    }

    /// Begins a run with one frame.
    #[cold]
    fn begin(&mut self, block: &Arc<Block>, place: usize, link: Link) {
        self.runs.push(Run { block: Arc::clone(block), place, link, frames: 1 });
    }

    /// Takes them out run by run, each with the spots of its frames. A block is let go of behind its last frame.
    pub fn drain(&mut self, mut each: impl FnMut(&Run, &[Spot])) {
        let mut spots = self.spots.as_slice();
        for run in self.runs.drain(..) {
            let (these, rest) = spots.split_at_checked(run.frames).unwrap_or((spots, &[]));
            each(&run, these);
            spots = rest;
        }
        self.spots.clear();
    }
}

/// What has been counted of a window.
pub(super) struct Counted {
    pub table: Table,
    /// What its later fragments are joined to: nothing of the window before.
    pub fragments: Fragments,
}

impl Counted {
    /// Forgets it all and becomes another window, in the memory that it has.
    pub fn renew(&mut self, start_ns: i64) {
        self.table.renew(start_ns);
        self.fragments = Fragments::default();
    }
}

/// A window that is not yet rows.
#[derive(Default)]
struct Open {
    waiting: Frames,
    /// The walk that brought the first of those.
    since: u64,
    counted: Option<Box<Counted>>,
    /// Whether a thread is counting what came before those.
    lent: bool,
}

impl Open {
    /// Gets ready for the first frame that waits, in the walk `since`.
    #[cold]
    fn wait(&mut self, since: u64, spare: &mut Vec<Frames>) {
        self.since = since;
        if self.waiting.spots.capacity() == 0 {
            self.waiting = spare.pop().unwrap_or_default();
        }
    }
}

/// A window that is closed: in its turn it becomes rows.
struct Due {
    last: Last,
    start_ns: i64,
    window: Open,
}

/// A window of which nothing more will come.
#[derive(Clone, Copy)]
pub(super) struct Last {
    /// Its number among all.
    pub number: u64,
    /// Whether frames ended within it.
    pub ends: bool,
}

/// Frames that are to be counted into their window.
pub(super) struct Job {
    /// Where the window starts.
    pub start_ns: i64,
    pub frames: Frames,
    pub counted: Option<Box<Counted>>,
    /// If these are its last frames.
    pub last: Option<Last>,
}

/// What a thread has to do next.
pub(super) enum Task {
    Count(Job),
    /// To wait until another thread has given a window back.
    Wait,
    /// To rest, for the next window is too far ahead of those that have become rows.
    Rest,
    End,
}

/// How many bytes of blocks may be lent before windows are counted that have not closed, and before reading waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub count: usize,
    pub wait: usize,
}

impl Bounds {
    /// Windows wait whole to be counted side by side, as long as some of them find room here. A longer one keeps but one thread
    /// busy, while others read ahead. What waits leaves the near caches: more room would make each packet dearer.
    pub fn of(threads: usize) -> Self {
        Self { count: threads * (1 << 20), wait: threads * (2 << 20) }
    }

    /// Frames are counted before more are read: for one thread, which then finds them in its cache, and for streams, where
    /// nothing shall wait for what comes next.
    pub const NONE: Self = Self { count: 0, wait: 0 };
}

/// Gathers the frames of one walk by their windows.
struct Gather<'a> {
    windows: &'a mut Windows<Open>,
    waiting: &'a mut usize,
    walk: u64,
    spare: &'a mut Vec<Frames>,
}

impl Take for Gather<'_> {
    #[inline(always)]
    fn take(&mut self, block: &Arc<Block>, place: usize, link: Link, spot: Spot) -> Result<(), Skip> {
        let window = self.windows.of(spot.time_ns).ok_or(Skip::Late)?;
        if window.waiting.spots.is_empty() {
            window.wait(self.walk, self.spare);
        }
        window.waiting.push(block, place, link, spot);
        *self.waiting += 1;
        Ok(())
    }
}

/// Takes frames in, and gathers them by windows. What it decides depends on the frames' times and order alone; only that a line
/// is silent closes windows too.
pub(super) struct Collector<'a, I> {
    inflow: &'a mut I,
    progress: &'a dyn Progress,
    bounds: Bounds,
    windows: Windows<Open>,
    /// Those that are closed, in the order of time.
    due: VecDeque<Due>,
    /// How many have been closed.
    closed: u64,
    /// How often it has walked over frames.
    walks: u64,
    /// How many frames wait.
    waiting: usize,
    /// Lists of frames that are empty, to be used again.
    spare: Vec<Frames>,
    ledger: Ledger,
    /// The position that `progress` has heard of.
    reported: u64,
    ended: bool,
}

impl<'a, I: Inflow> Collector<'a, I> {
    pub fn new(inflow: &'a mut I, windowing: Windowing, bounds: Bounds, progress: &'a dyn Progress) -> Self {
        Self {
            inflow,
            progress,
            bounds,
            windows: Windows::new(windowing),
            due: VecDeque::new(),
            closed: 0,
            walks: 0,
            waiting: 0,
            spare: Vec::new(),
            ledger: Ledger::default(),
            reported: 0,
            ended: false,
        }
    }

    /// What is to be done next. A window that is closed comes before one that is open, and both before reading on.
    ///
    /// `rests` says of the number of a window whether it is too early for it.
    pub fn next(&mut self, rests: impl Fn(u64) -> bool) -> Task {
        loop {
            if let Some(first) = self.due.iter().position(|due| !due.window.lent) {
                if self.due.get(first).is_some_and(|due| rests(due.last.number)) {
                    return Task::Rest;
                }
                if let Some(Due { last, start_ns, window: Open { waiting, counted, .. } }) = self.due.remove(first) {
                    self.waiting -= waiting.spots.len();
                    return Task::Count(Job { start_ns, frames: waiting, counted, last: Some(last) });
                }
            }
            let held = self.held();
            if held > self.bounds.count
                && let Some(job) = self.longest_waiting()
            {
                return Task::Count(job);
            }
            if self.ended {
                // A window that is lent will be finished by who has it.
                return Task::End;
            }
            if held > self.bounds.wait {
                return Task::Wait;
            }
            self.walk();
        }
    }

    /// How much waits, or is being counted, in the unit of the bounds.
    fn held(&self) -> usize {
        if self.bounds.wait == 0 { self.waiting + self.due.len() } else { self.inflow.lent() }
    }

    /// The frames that have waited longest in a window that is open and not lent.
    fn longest_waiting(&mut self) -> Option<Job> {
        let waiting = self.windows.iter_mut().filter(|(_, window)| !window.lent && !window.waiting.spots.is_empty());
        let (start_ns, window) = waiting.min_by_key(|(_, window)| window.since)?;
        window.lent = true;
        let frames = mem::take(&mut window.waiting);
        self.waiting -= frames.spots.len();
        Some(Job { start_ns, frames, counted: window.counted.take(), last: None })
    }

    /// Takes back a list of frames that is empty, and what has been counted of a window that is not finished.
    pub fn give_back(&mut self, start_ns: i64, frames: Frames, counted: Option<Box<Counted>>) {
        // One that never held a frame has no memory to be used again.
        if frames.spots.capacity() > 0 {
            self.spare.push(frames);
        }
        if counted.is_none() {
            return;
        }
        let due = self.due.iter_mut().find(|due| due.start_ns == start_ns).map(|due| &mut due.window);
        if let Some(window) = self.windows.at(start_ns).or(due) {
            window.counted = counted;
            window.lent = false;
        }
    }

    /// Walks over the next frames.
    fn walk(&mut self) {
        self.walks += 1;
        let Self { inflow, windows, waiting, walks, spare, .. } = self;
        let walked = if self.progress.cancelled() {
            Walk::End
        } else {
            inflow.walk(&mut self.ledger, Gather { windows, waiting, walk: *walks, spare })
        };
        match walked {
            Walk::More => {}
            Walk::Silent(ns) => self.windows.pass(ns),
            Walk::End => {
                self.ended = true;
                self.windows.finish();
            }
        }
        while let Some((start_ns, window)) = self.windows.due() {
            // The clock of the frames had not passed the latest of those that their end closes.
            let ends = self.ended && self.windows.is_empty();
            self.due.push_back(Due { last: Last { number: self.closed, ends }, start_ns, window });
            self.closed += 1;
        }
        let position = self.inflow.position();
        if position > self.reported {
            self.progress.advance(position - self.reported);
            self.reported = position;
        }
    }

    /// What was read since this was last asked, and what of it was skipped before anybody looked into it.
    pub fn take_ledger(&mut self) -> Ledger {
        mem::take(&mut self.ledger)
    }
}
