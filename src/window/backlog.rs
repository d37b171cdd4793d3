//! What waits to be counted, by windows, and who counts what next.

use std::collections::{BTreeMap, VecDeque};
use std::mem;

use super::frames::Frames;
use super::table::Table;
use crate::packet::Fragments;

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
struct Window {
    /// What waits, in the order in which it came.
    waiting: Vec<Frames>,
    /// When the first of that came: how many had come before, of whatever window.
    since: u64,
    counted: Option<Box<Counted>>,
    /// Whether a thread is counting what came before that.
    lent: bool,
}

impl Window {
    fn is_large(&self) -> bool {
        self.counted.as_ref().is_some_and(|counted| !counted.table.is_usual())
    }
}

/// A window that is closed: in its turn it becomes rows.
struct Due {
    last: Last,
    start_ns: i64,
    window: Window,
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
    pub frames: Vec<Frames>,
    pub counted: Option<Box<Counted>>,
    /// If these are its last frames, and it is to become rows.
    pub last: Option<Last>,
}

/// What a thread has to do next.
pub(super) enum Task {
    Count(Job),
    /// To read on.
    Read,
    /// To wait until another thread has read something or has given a window back.
    Wait,
    /// To rest, for the next window is too far ahead of those that have become rows.
    Rest,
    End,
}

/// What may wait, and for how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// How many bytes of blocks may be lent before windows are counted that have not closed.
    pub count: usize,
    /// How many before reading waits.
    pub wait: usize,
    /// How many windows may be closed before they become rows, which comes before all else then.
    pub due: usize,
}

impl Bounds {
    /// Small windows wait whole to be counted side by side. A longer one keeps but one thread busy, while others read ahead: far
    /// enough to be in the next one before it is counted, or they would wait for it (on two threads 4 % of the time). What waits
    /// leaves the near caches: it is begun early, and more room would make each packet dearer.
    ///
    /// Nobody waits for the rows of a window that is closed but the end: they are made when there is nothing else to do.
    pub fn of(threads: usize) -> Self {
        Self { count: threads * (1 << 19), wait: (threads * (2 << 20)).max(8 << 20), due: 1 }
    }

    /// Frames are counted before more are read: for one thread, which then finds them in its cache, and for streams, where
    /// nothing shall wait for what comes next.
    pub const NONE: Self = Self { count: 0, wait: 0, due: 0 };
}

/// Lists of frames that are kept to be used again.
const SPARE: usize = 64;

/// What waits to be counted.
pub(super) struct Backlog {
    bounds: Bounds,
    open: BTreeMap<i64, Window>,
    /// Those that are closed, in the order of time.
    due: VecDeque<Due>,
    /// How many have been closed.
    closed: u64,
    /// How many lists of frames have come.
    came: u64,
    /// How many frames wait.
    waiting: usize,
    /// How many bytes of blocks were lent when this was last known.
    lent: usize,
    /// Lists of frames that are empty, to be used again.
    pub spare: Vec<Frames>,
    /// Whether nothing more will come.
    pub ended: bool,
}

impl Backlog {
    pub fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            open: BTreeMap::new(),
            due: VecDeque::new(),
            closed: 0,
            came: 0,
            waiting: 0,
            lent: 0,
            spare: Vec::new(),
            ended: false,
        }
    }

    /// Adds frames of the window that starts at `start_ns`.
    pub fn add(&mut self, start_ns: i64, frames: Frames) {
        self.waiting += frames.len();
        self.came += 1;
        let window = self.open.entry(start_ns).or_default();
        if window.waiting.is_empty() {
            window.since = self.came;
        }
        window.waiting.push(frames);
    }

    /// Closes a window, of which nothing more will come; `ends` says whether frames ended within it.
    pub fn close(&mut self, start_ns: i64, ends: bool) {
        let window = self.open.remove(&start_ns).unwrap_or_default();
        self.due.push_back(Due { last: Last { number: self.closed, ends }, start_ns, window });
        self.closed += 1;
    }

    /// What is to be done next.
    ///
    /// `lent` tells how many bytes of blocks are lent, if nobody reads; `rests` says of the number of a window whether it is too
    /// early for it.
    pub fn next(&mut self, lent: Option<usize>, rests: impl Fn(u64) -> bool) -> Task {
        self.lent = lent.unwrap_or(self.lent);
        // What waits, or is being counted, in the unit of the bounds.
        let held = if self.bounds.wait == 0 { self.waiting + self.due.len() } else { self.lent };
        let mut free = self.due.iter().filter(|due| !due.window.lent);
        // The memory of a flood is not kept for later.
        let large = free.clone().next().is_some_and(|first| first.window.is_large());
        if (large || free.nth(self.bounds.due).is_some())
            && let Some(task) = self.finish(&rests)
        {
            return task;
        }
        if held > self.bounds.count
            && let Some(job) = self.longest_waiting()
        {
            return Task::Count(job);
        }
        if !self.ended && lent.is_some() && held <= self.bounds.wait {
            return Task::Read;
        }
        if let Some(task) = self.finish(&rests) {
            return task;
        }
        match self.longest_waiting() {
            Some(job) => Task::Count(job),
            // A window that is lent will be finished by who has it.
            None if self.ended => Task::End,
            None => Task::Wait,
        }
    }

    /// To finish the first window that is closed and not lent, if there is one.
    fn finish(&mut self, rests: impl Fn(u64) -> bool) -> Option<Task> {
        let first = self.due.iter().position(|due| !due.window.lent)?;
        if rests(self.due.get(first)?.last.number) {
            return Some(Task::Rest);
        }
        let Due { last, start_ns, window: Window { waiting, counted, .. } } = self.due.remove(first)?;
        self.waiting -= waiting.iter().map(Frames::len).sum::<usize>();
        Some(Task::Count(Job { start_ns, frames: waiting, counted, last: Some(last) }))
    }

    /// The frames that have waited longest in a window that is not lent.
    fn longest_waiting(&mut self) -> Option<Job> {
        let due = self.due.iter_mut().map(|due| (due.start_ns, &mut due.window));
        let windows = due.chain(self.open.iter_mut().map(|(&start_ns, window)| (start_ns, window)));
        let waiting = windows.filter(|(_, window)| !window.lent && !window.waiting.is_empty());
        let (start_ns, window) = waiting.min_by_key(|(_, window)| window.since)?;
        window.lent = true;
        let frames = mem::take(&mut window.waiting);
        self.waiting -= frames.iter().map(Frames::len).sum::<usize>();
        Some(Job { start_ns, frames, counted: window.counted.take(), last: None })
    }

    /// Takes back lists of frames that are empty, and what has been counted of a window that is not finished.
    pub fn give_back(&mut self, start_ns: i64, frames: Vec<Frames>, counted: Option<Box<Counted>>) {
        self.spare.extend(frames);
        self.spare.truncate(SPARE);
        if counted.is_none() {
            return;
        }
        let due = self.due.iter_mut().find(|due| due.start_ns == start_ns).map(|due| &mut due.window);
        if let Some(window) = self.open.get_mut(&start_ns).or(due) {
            window.counted = counted;
            window.lent = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::scope::Scope;
    use super::*;

    /// What is to be done next if so many bytes are lent, or somebody reads.
    fn next(backlog: &mut Backlog, lent: Option<usize>) -> String {
        match backlog.next(lent, |_| false) {
            Task::Count(Job { start_ns, last, .. }) => {
                format!("{} {start_ns}", if last.is_some() { "finish" } else { "count" })
            }
            Task::Read => "read".to_owned(),
            Task::Wait => "wait".to_owned(),
            Task::Rest => "rest".to_owned(),
            Task::End => "end".to_owned(),
        }
    }

    fn counted() -> Option<Box<Counted>> {
        let table = Table::new(0, 10, &Scope::default());
        Some(Box::new(Counted { table, fragments: Fragments::default() }))
    }

    #[test]
    fn rows_are_made_when_there_is_nothing_else_to_do() {
        let mut backlog = Backlog::new(Bounds { count: 10, wait: 20, due: 1 });
        backlog.add(1, Frames::default());
        backlog.close(1, false);
        backlog.add(2, Frames::default());
        assert_eq!(next(&mut backlog, Some(10)), "read");
        assert_eq!(next(&mut backlog, Some(11)), "count 1");
        assert_eq!(next(&mut backlog, Some(11)), "count 2");
        assert_eq!(next(&mut backlog, Some(11)), "read");
        assert_eq!(next(&mut backlog, Some(21)), "wait", "both windows are lent");
        backlog.give_back(1, Vec::new(), counted());
        assert_eq!(next(&mut backlog, Some(11)), "read");
        // While another thread reads, what waits is not too little.
        backlog.give_back(2, Vec::new(), counted());
        backlog.add(2, Frames::default());
        assert_eq!(next(&mut backlog, None), "count 2");
        assert_eq!(next(&mut backlog, None), "finish 1");
        assert_eq!(next(&mut backlog, None), "wait");
        backlog.ended = true;
        assert_eq!(next(&mut backlog, Some(0)), "end");
    }

    #[test]
    fn no_more_windows_than_the_bound_wait_to_become_rows() {
        for (due, expected) in [(0, ["finish 1", "finish 2", "read"]), (1, ["finish 1", "read", "read"])] {
            let mut backlog = Backlog::new(Bounds { count: 10, wait: 20, due });
            [1, 2].into_iter().for_each(|start_ns| backlog.close(start_ns, false));
            assert_eq!([(); 3].map(|()| next(&mut backlog, Some(0))), expected);
        }
    }
}
