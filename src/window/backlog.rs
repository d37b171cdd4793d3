//! What waits to be counted, by windows, and who counts what next.

use std::collections::{BTreeMap, VecDeque};
use std::mem;

use super::frames::Frames;
use super::table::Table;
use crate::packet::Fragments;
use crate::spare::{Spares, Thread};

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

/// Frames that wait to be counted by the thread that has read them.
struct Waiting {
    reader: Thread,
    /// How many had come before, of whatever window.
    since: u64,
    frames: Frames,
}

/// A window that is not yet rows.
#[derive(Default)]
struct Window {
    /// What waits, in the order in which it came.
    waiting: Vec<Waiting>,
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
    /// How many bytes of blocks may be lent before reading waits.
    pub wait: usize,
    /// How many windows may be closed before they become rows, which comes before all else then.
    pub due: usize,
}

impl Bounds {
    /// Small windows are counted side by side. A longer one keeps but one thread at a time busy, while others read ahead: far
    /// enough to be in the next one before it is counted, or they would wait for it (on two threads 4 % of the time).
    ///
    /// Nobody waits for the rows of a window that is closed but the end: they are made when there is nothing else to do.
    pub fn of(threads: usize) -> Self {
        Self { wait: (threads * (2 << 20)).max(8 << 20), due: 1 }
    }

    /// Frames are counted before more are read: for one thread, which then finds them in its cache, and for streams, where
    /// nothing shall wait for what comes next.
    pub const NONE: Self = Self { wait: 0, due: 0 };
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
    pub spare: Spares<Frames>,
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
            spare: Spares::default(),
            ended: false,
        }
    }

    /// Adds frames of the window that starts at `start_ns`, which `reader` has read.
    pub fn add(&mut self, start_ns: i64, reader: Thread, frames: Frames) {
        self.waiting += frames.len();
        self.came += 1;
        let waiting = Waiting { reader, since: self.came, frames };
        self.open.entry(start_ns).or_default().waiting.push(waiting);
    }

    /// Closes a window, of which nothing more will come; `ends` says whether frames ended within it.
    pub fn close(&mut self, start_ns: i64, ends: bool) {
        let window = self.open.remove(&start_ns).unwrap_or_default();
        self.due.push_back(Due { last: Last { number: self.closed, ends }, start_ns, window });
        self.closed += 1;
    }

    /// What `thread` has to do next.
    ///
    /// `lent` tells how many bytes of blocks are lent, if nobody reads; `rests` says of the number of a window whether it is too
    /// early for it.
    pub fn next(&mut self, thread: Thread, lent: Option<usize>, rests: impl Fn(u64) -> bool) -> Task {
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
        if let Some(job) = self.longest_waiting(|reader| reader == thread) {
            return Task::Count(job);
        }
        let reads_on = !self.ended && held <= self.bounds.wait;
        if reads_on && lent.is_some() {
            return Task::Read;
        }
        if let Some(task) = self.finish(&rests) {
            return task;
        }
        // As long as there is room, others count what they have read, and this thread will read.
        match if reads_on { None } else { self.longest_waiting(|_| true) } {
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
        let frames = self.take(waiting);
        Some(Task::Count(Job { start_ns, frames, counted, last: Some(last) }))
    }

    /// The frames that have waited longest in a window that is not lent, as far as `counts` says so of who has read them.
    fn longest_waiting(&mut self, counts: impl Fn(Thread) -> bool) -> Option<Job> {
        let due = self.due.iter_mut().map(|due| (due.start_ns, &mut due.window));
        let windows = due.chain(self.open.iter_mut().map(|(&start_ns, window)| (start_ns, window)));
        let first = |window: &Window| {
            let first = window.waiting.first().filter(|first| !window.lent && counts(first.reader))?;
            Some(first.since)
        };
        let waiting = windows.filter_map(|(start_ns, window)| Some((first(window)?, start_ns, window)));
        let (_, start_ns, window) = waiting.min_by_key(|&(since, ..)| since)?;
        window.lent = true;
        let these = window.waiting.iter().take_while(|waiting| counts(waiting.reader)).count();
        let rest = window.waiting.split_off(these);
        let (waiting, counted) = (mem::replace(&mut window.waiting, rest), window.counted.take());
        Some(Job { start_ns, frames: self.take(waiting), counted, last: None })
    }

    /// Takes these out of what waits.
    fn take(&mut self, waiting: Vec<Waiting>) -> Vec<Frames> {
        let frames: Vec<Frames> = waiting.into_iter().map(|waiting| waiting.frames).collect();
        self.waiting -= frames.iter().map(Frames::len).sum::<usize>();
        frames
    }

    /// Takes back lists of frames that are empty, and what has been counted of a window that is not finished.
    pub fn give_back(&mut self, start_ns: i64, frames: Vec<Frames>, counted: Option<Box<Counted>>) {
        frames.into_iter().for_each(|frames| self.spare.put(frames));
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

    /// What a thread has to do next if so many bytes are lent, or somebody reads.
    fn next(backlog: &mut Backlog, thread: usize, lent: Option<usize>) -> String {
        match backlog.next(Some(thread), lent, |_| false) {
            Task::Count(Job { start_ns, last, frames, .. }) => {
                format!("{} {start_ns} ({})", if last.is_some() { "finish" } else { "count" }, frames.len())
            }
            Task::Read => "read".to_owned(),
            Task::Wait => "wait".to_owned(),
            Task::Rest => "rest".to_owned(),
            Task::End => "end".to_owned(),
        }
    }

    fn read(backlog: &mut Backlog, thread: usize, start_ns: i64) {
        backlog.add(start_ns, Some(thread), Frames::default());
    }

    fn counted() -> Option<Box<Counted>> {
        let table = Table::new(0, 10, &Scope::default());
        Some(Box::new(Counted { table, fragments: Fragments::default() }))
    }

    #[test]
    fn who_has_read_counts_while_others_read_on() {
        let mut backlog = Backlog::new(Bounds { wait: 20, due: 1 });
        for reader in [1, 1, 2, 1] {
            read(&mut backlog, reader, 1);
        }
        read(&mut backlog, 2, 2);
        assert_eq!(next(&mut backlog, 1, Some(10)), "count 1 (2)", "what another read in between comes first");
        assert_eq!(next(&mut backlog, 1, Some(10)), "read");
        assert_eq!(next(&mut backlog, 2, None), "count 2 (1)", "the first window is lent");
        assert_eq!(next(&mut backlog, 3, None), "wait");
        backlog.give_back(1, Vec::new(), counted());
        assert_eq!(next(&mut backlog, 3, Some(10)), "read");
        assert_eq!(next(&mut backlog, 3, Some(21)), "count 1 (2)", "there is no room to read on");
        assert_eq!(next(&mut backlog, 3, Some(21)), "wait");
    }

    #[test]
    fn rows_are_made_when_there_is_nothing_else_to_do() {
        let mut backlog = Backlog::new(Bounds { wait: 20, due: 1 });
        read(&mut backlog, 1, 1);
        backlog.close(1, false);
        read(&mut backlog, 1, 2);
        assert_eq!(next(&mut backlog, 1, Some(10)), "count 1 (1)");
        backlog.give_back(1, Vec::new(), counted());
        assert_eq!(next(&mut backlog, 1, Some(10)), "count 2 (1)");
        backlog.give_back(2, Vec::new(), counted());
        assert_eq!(next(&mut backlog, 1, Some(10)), "read");
        assert_eq!(next(&mut backlog, 2, None), "finish 1 (0)");
        assert_eq!(next(&mut backlog, 2, None), "wait");
        backlog.ended = true;
        assert_eq!(next(&mut backlog, 2, Some(0)), "end");
    }

    #[test]
    fn no_more_windows_than_the_bound_wait_to_become_rows() {
        let [finish_1, finish_2] = ["finish 1 (0)", "finish 2 (0)"];
        for (due, expected) in [(0, [finish_1, finish_2, "read"]), (1, [finish_1, "read", "read"])] {
            let mut backlog = Backlog::new(Bounds { wait: 20, due });
            [1, 2].into_iter().for_each(|start_ns| backlog.close(start_ns, false));
            assert_eq!([(); 3].map(|()| next(&mut backlog, 1, Some(0))), expected);
        }
    }
}
