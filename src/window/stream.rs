//! From captures to closed windows, on all cores, in bounded memory.
//!
//! A window is a pure function of its packets, so windows are counted side by side. Captures can only be read in order: one
//! thread at a time reads on, while there is room for more, and looks at nothing but the frames' times, which say whose window
//! each is (`collect`). What there is to do lies in a `backlog`, which is locked only to look: frames are decoded and counted
//! into their window, and a window that has closed becomes what the caller wants of it. That is handed over in the order of time
//! (`order`).
//!
//! A thread counts what it has read itself before it reads on, for that lies in its processor's caches: what goes from one to the
//! other is the window, of which one thread at a time counts the next frames, while others read ahead or make rows of the window
//! before it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;

use super::backlog::{Backlog, Bounds, Counted, Job, Last, Task};
use super::clock::Windowing;
use super::collect::Collector;
use super::order::{Order, lock};
use super::rows::{Rows, rows};
use super::scope::{Scope, View, Views};
use super::table::Table;
use crate::capture::{Captures, Inflow, Ledger, Skip};
use crate::error::Result;
use crate::packet::{Filter, Fragments, Packet, Tunnels};
use crate::progress::Progress;
use crate::spare::{Spares, this_thread};
use crate::truth::Truths;

/// How packets are looked at, and which of them are taken in.
#[derive(Clone, Debug)]
pub struct Plan<'a> {
    /// How time is cut.
    pub windowing: Windowing,
    /// What windows shall tell.
    pub scope: Scope,
    /// Which packet of a tunnel counts.
    pub tunnels: Tunnels,
    /// What the others are skipped by, as [`Skip::Filtered`].
    pub filter: Option<&'a Filter>,
}

impl From<Windowing> for Plan<'_> {
    /// All packets, and of a tunnel those inside.
    fn from(windowing: Windowing) -> Self {
        Self { windowing, scope: Scope::default(), tunnels: Tunnels::default(), filter: None }
    }
}

/// A window that has closed.
#[derive(Clone, Debug, PartialEq)]
pub struct Closed {
    /// Where it starts, nanoseconds since the epoch.
    pub start_ns: i64,
    /// Packets that are in it.
    pub packets: u64,
    /// Their bytes, as they were on the wire.
    pub bytes: u64,
    /// Whether the packets ended within it, so that it was seen in part.
    pub ends: bool,
    /// Its rows in each view of the plan, the coarsest first.
    pub rows: Vec<(View, Rows)>,
}

impl Closed {
    fn of(table: &Table, ends: bool, views: Views) -> Self {
        let rows = views.iter().map(|view| (view, rows(table, view))).collect();
        Self { start_ns: table.start_ns, packets: table.packets, bytes: table.bytes, ends, rows }
    }
}

/// How many bytes of rows may wait for the rows of an earlier window.
pub(super) const ROWS_AHEAD: usize = 16 << 20;

/// Reads captures to their end, or until the user cancels, and hands the rows of each window to `sink` as it closes, in the
/// order of time.
///
/// Windows are worked on by all threads of rayon's pool, which also run `sink`, one after the other. Nothing that comes out
/// depends on how many there are.
///
/// Every packet that is read is counted in `ledger` as used or skipped, also when a capture is cut short.
///
/// # Errors
/// What `sink` returns; nothing more is handed to it.
pub fn extract(
    captures: &mut Captures,
    truths: &Truths,
    plan: &Plan<'_>,
    ledger: &mut Ledger,
    progress: &dyn Progress,
    sink: impl FnMut(Closed) -> Result<()> + Send,
) -> Result<()> {
    let shared = Mutex::default();
    let extracted = extract_live(captures, truths, plan, &shared, progress, sink);
    ledger.add(&lock(&shared));
    extracted
}

/// The same from wherever frames come, and with a ledger that others may look at meanwhile. When it is over, it balances.
///
/// # Errors
/// Those of [`extract`].
pub fn extract_live(
    inflow: &mut (impl Inflow + Send),
    truths: &Truths,
    plan: &Plan<'_>,
    ledger: &Mutex<Ledger>,
    progress: &dyn Progress,
    sink: impl FnMut(Closed) -> Result<()> + Send,
) -> Result<()> {
    // A stream is read by the caller's own thread: what a window becomes must not wait behind a read that waits for a packet.
    let threads = if inflow.are_files() { rayon::current_num_threads() } else { 1 };
    let bounds = if threads > 1 { Bounds::of(threads) } else { Bounds::NONE };
    let desk = Desk::new(Collector::new(inflow, plan.windowing, progress), bounds);
    let roll = |table: &Table, ends| {
        let closed = Closed::of(table, ends, plan.scope.views);
        let weight = closed.rows.iter().map(|(_, rows)| rows.bytes()).sum();
        Ok((closed, weight))
    };
    collect(desk, threads, truths, plan, ledger, roll, sink)
}

/// [`extract_live`] from where the threads begin, with so many of them. What a window becomes is said by `roll`, with its weight; it
/// hears whether the packets ended within it.
pub(super) fn collect<T: Send, I: Inflow + Send>(
    desk: Desk<'_, I>,
    threads: usize,
    truths: &Truths,
    plan: &Plan<'_>,
    ledger: &Mutex<Ledger>,
    roll: impl Fn(&Table, bool) -> Result<(T, usize)> + Sync,
    sink: impl FnMut(T) -> Result<()> + Send,
) -> Result<()> {
    let crew = Crew {
        desk: Mutex::new(desk),
        news: Condvar::new(),
        order: Order::new(sink),
        over: AtomicBool::new(false),
        spare: Mutex::default(),
        ledger,
        truths,
        plan,
        roll,
    };
    if threads == 1 {
        crew.work(None);
    } else {
        let crew = &crew;
        rayon::in_place_scope(|scope| (0..threads).for_each(|_| scope.spawn(|scope| crew.work(Some(scope)))));
    }
    crew.order.finish()
}

/// Where threads find what to do. None of them holds on to it at work.
pub(super) struct Desk<'a, I> {
    /// None while a thread reads.
    collector: Option<Box<Collector<'a, I>>>,
    backlog: Backlog,
    /// How many threads wait for news.
    idle: usize,
}

impl<'a, I> Desk<'a, I> {
    pub fn new(collector: Collector<'a, I>, bounds: Bounds) -> Self {
        Self { collector: Some(Box::new(collector)), backlog: Backlog::new(bounds), idle: 0 }
    }
}

/// What the threads share.
struct Crew<'a, T, I, R, S> {
    desk: Mutex<Desk<'a, I>>,
    news: Condvar,
    order: Order<T, S>,
    over: AtomicBool,
    /// Of windows that have become rows, to be used for others.
    spare: Mutex<Spares<Counted>>,
    /// What came of all packets.
    ledger: &'a Mutex<Ledger>,
    truths: &'a Truths,
    plan: &'a Plan<'a>,
    roll: R,
}

impl<T: Send, I: Inflow + Send, R, S> Crew<'_, T, I, R, S>
where
    R: Fn(&Table, bool) -> Result<(T, usize)> + Sync,
    S: FnMut(T) -> Result<()> + Send,
{
    /// What each thread does until the end, or until it has to rest. Nothing waits for a window that lies below it on its own
    /// stack: rayon may begin this within another `roll` that waits for a part of itself.
    fn work<'s>(&'s self, scope: Option<&rayon::Scope<'s>>) {
        let _stop = OnPanic(|| self.stop());
        while let Some(mut job) = self.next() {
            let mut ledger = Ledger::default();
            self.count(&mut job, &mut ledger);
            let Job { start_ns, frames, counted, last } = job;
            let (open, closed) = if last.is_some() { (None, counted) } else { (counted, None) };
            {
                let mut desk = lock(&self.desk);
                desk.backlog.give_back(start_ns, frames, open);
                self.tell(&desk);
            }
            let Some(Last { number, ends }) = last else {
                lock(self.ledger).add(&ledger);
                continue;
            };
            // A window of which no packet is used makes no row.
            let used = closed.as_ref().filter(|counted| counted.table.packets > 0);
            let (rolled, weight) = match used.map(|counted| (self.roll)(&counted.table, ends)).transpose() {
                Ok(rolled) => rolled.map_or((Ok(None), 0), |(rolled, weight)| (Ok(Some(rolled)), weight)),
                Err(error) => (Err(error), 0),
            };
            if let Some(counted) = closed {
                ledger.merged += counted.table.overflow.flows;
                ledger.rowless += counted.table.overflow.entities;
                if counted.table.is_usual() {
                    lock(&self.spare).put(*counted);
                }
            }
            lock(self.ledger).add(&ledger);
            let Ok(rested) = self.order.give(number, weight, rolled) else {
                self.stop();
                break;
            };
            if let Some(scope) = scope {
                (0..rested).for_each(|_| scope.spawn(|scope| self.work(Some(scope))));
            }
        }
    }

    /// What there is to count next; reads on where there is nothing.
    fn next(&self) -> Option<Job> {
        let mut desk = lock(&self.desk);
        loop {
            if self.over.load(Ordering::Relaxed) {
                return None;
            }
            let lent = desk.collector.as_ref().map(|collector| collector.lent());
            match desk.backlog.next(this_thread(), lent, |number| self.order.rests(number, ROWS_AHEAD)) {
                Task::Count(job) => return Some(job),
                Task::Read => {
                    let Some(mut collector) = desk.collector.take() else { continue };
                    drop(desk);
                    let mut read = Ledger::default();
                    collector.walk(&mut read);
                    lock(self.ledger).add(&read);
                    desk = lock(&self.desk);
                    collector.hand_over(&mut desk.backlog);
                    desk.collector = Some(collector);
                    self.tell(&desk);
                }
                Task::Wait => {
                    desk.idle += 1;
                    desk = self.news.wait(desk).unwrap_or_else(PoisonError::into_inner);
                    desk.idle -= 1;
                }
                Task::Rest | Task::End => return None,
            }
        }
    }

    /// Wakes a thread that waits, now that there may be something to do; all if they wait for the end.
    fn tell(&self, desk: &Desk<'_, I>) {
        if desk.idle > 0 {
            if desk.backlog.ended { self.news.notify_all() } else { self.news.notify_one() }
        }
    }

    /// Counts frames into their window.
    fn count(&self, job: &mut Job, ledger: &mut Ledger) {
        let Job { start_ns, frames, counted, .. } = job;
        let Plan { windowing, scope, tunnels, filter } = self.plan;
        let Counted { table, fragments } = &mut **counted.get_or_insert_with(|| {
            // Memory that is new has to be cleared by the system, page by page.
            if let Some(mut spare) = lock(&self.spare).take() {
                spare.renew(*start_ns);
                return Box::new(spare);
            }
            let table = Table::new(*start_ns, windowing.length_ns(), scope);
            Box::new(Counted { table, fragments: Fragments::default() })
        });
        let before = table.packets;
        frames.iter_mut().for_each(|frames| {
            frames.drain(|run, spots| {
                // Each step takes the packet where it lies: it is too large to be handed on.
                let mut packet = Packet::BLANK;
                for spot in spots {
                    let frame = run.frame(spot);
                    if let Err(reason) = packet.read(&frame, *tunnels) {
                        ledger.skip(reason);
                        continue;
                    }
                    if packet.fragment.is_some() {
                        fragments.join(&mut packet, ledger);
                    }
                    if filter.is_some_and(|filter| !filter.matches(&packet)) {
                        ledger.skip(Skip::Filtered);
                        continue;
                    }
                    if let Some(flaw) = packet.flaw {
                        ledger.flaw(flaw);
                    }
                    table.count(&packet, self.truths.label(run.place, &packet, frame.number));
                }
            })
        });
        ledger.used += table.packets - before;
    }

    fn stop(&self) {
        // Under the lock, so that nobody misses it between looking and waiting.
        let _desk = lock(&self.desk);
        self.over.store(true, Ordering::Relaxed);
        self.news.notify_all();
    }
}

/// Does something if the thread panics: the others have to hear of it.
struct OnPanic<F: Fn()>(F);

impl<F: Fn()> Drop for OnPanic<F> {
    fn drop(&mut self) {
        if thread::panicking() {
            (self.0)();
        }
    }
}
