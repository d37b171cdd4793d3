//! Notices to wherever people and machines look for them: several places at once, none of which waits for another.
//!
//! Each [`Carrier`] has a thread, a bounded queue and counters of its own. What it cannot deliver it tries again, ever more
//! seldom, while its queue fills; what finds no room in the queue is dropped and counted (law 3). Whoever publishes never waits,
//! unless the notices come from a recording, which can wait.

mod config;
mod form;
mod history;
mod journal;
mod json;
mod nats;
mod syslog;
#[cfg(feature = "tls")]
mod tls;
mod webhook;

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant};

pub use config::RawOutlet;
pub use form::Form;

use crate::alert::episode::Notice;
use crate::error::{Error, ErrorKind, Result};

/// Brings a message to its place.
pub trait Carrier: Send {
    /// Brings one message there, whole or not at all.
    ///
    /// # Errors
    /// It did not arrive, and is worth another try; or, as [`io::ErrorKind::InvalidData`], it is not; or, as
    /// [`io::ErrorKind::BrokenPipe`], nothing is any more.
    fn deliver(&mut self, message: &[u8]) -> io::Result<()>;

    /// What of the machine it needs for that.
    fn needs(&self) -> Needs<'_> {
        Needs::Network
    }
}

/// What a [`Carrier`] needs of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs<'a> {
    /// Nothing that it does not have already.
    Nothing,
    /// A file, and others beside it.
    File(&'a Path),
    /// Connections to others.
    Network,
}

/// Where notices go, and in which words.
pub struct Outlet {
    /// What messages and metrics call it.
    pub name: String,
    /// The words.
    pub form: Form,
    /// The way.
    pub carrier: Box<dyn Carrier>,
    /// Notices that may wait.
    pub queue: usize,
}

/// What became of an outlet's notices.
#[derive(Debug, Default)]
pub struct Counts {
    /// Notices that it was given.
    pub taken: AtomicU64,
    /// Those that arrived.
    pub delivered: AtomicU64,
    /// Those that did not and never will: there was no room in the queue, or no time at the end.
    pub dropped: AtomicU64,
    /// Tries that failed.
    pub failures: AtomicU64,
    trouble: Mutex<Option<String>>,
}

impl Counts {
    /// Why the latest try failed, if it did.
    pub fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn is_in(&self, trouble: Option<String>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    /// Notices that wait.
    pub fn waiting(&self) -> u64 {
        let gone = self.delivered.load(Ordering::Relaxed) + self.dropped.load(Ordering::Relaxed);
        self.taken.load(Ordering::Relaxed).saturating_sub(gone)
    }
}

/// Whether whoever publishes waits for room in a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// A line does not wait: what finds no room is dropped.
    None,
    /// A recording does.
    Endless,
}

/// All outlets.
pub struct Hub {
    lines: Vec<Line>,
    patience: Patience,
    closing: Arc<AtomicBool>,
}

struct Line {
    name: String,
    queue: SyncSender<Arc<Notice>>,
    counts: Arc<Counts>,
    thread: JoinHandle<()>,
}

/// How long an outlet waits after its first failure; twice as long after each further one.
const PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// What outlets may still try once all is over.
const GRACE: Duration = Duration::from_secs(5);

impl Hub {
    /// Starts a thread for each outlet.
    pub fn new(outlets: Vec<Outlet>, patience: Patience) -> Self {
        let closing = Arc::new(AtomicBool::new(false));
        let start = |outlet: Outlet| {
            let (queue, waiting) = sync_channel(outlet.queue.max(1));
            let (name, counts) = (outlet.name.clone(), Arc::new(Counts::default()));
            let courier =
                Courier { outlet, counts: Arc::clone(&counts), closing: Arc::clone(&closing), deadline: None };
            Line { name, queue, counts, thread: thread::spawn(move || courier.work(&waiting)) }
        };
        let lines = outlets.into_iter().map(start).collect();
        Self { lines, patience, closing }
    }

    /// Gives a notice to all outlets.
    ///
    /// # Errors
    /// No outlet is left that could ever deliver it.
    pub fn publish(&self, notice: Notice) -> Result<()> {
        let notice = Arc::new(notice);
        let mut alive = 0;
        for line in &self.lines {
            line.counts.taken.fetch_add(1, Ordering::Relaxed);
            let given = match self.patience {
                Patience::None => line.queue.try_send(Arc::clone(&notice)),
                Patience::Endless => {
                    line.queue.send(Arc::clone(&notice)).map_err(|gone| TrySendError::Disconnected(gone.0))
                }
            };
            if given.is_err() {
                line.counts.dropped.fetch_add(1, Ordering::Relaxed);
            }
            alive += usize::from(!matches!(given, Err(TrySendError::Disconnected(_))));
        }
        if alive == 0 && !self.lines.is_empty() {
            return Err(Error::new(ErrorKind::Io, crate::file::BROKEN_PIPE, "nobody reads it"));
        }
        Ok(())
    }

    /// What became of the notices of each outlet so far.
    pub fn counts(&self) -> Vec<(String, Arc<Counts>)> {
        self.lines.iter().map(|line| (line.name.clone(), Arc::clone(&line.counts))).collect()
    }

    /// Lets every outlet deliver what waits, for some seconds at most where that fails, and stops them.
    pub fn finish(self) -> Vec<(String, Arc<Counts>)> {
        self.closing.store(true, Ordering::Relaxed);
        let (counts, threads): (Vec<_>, Vec<_>) =
            self.lines.into_iter().map(|line| ((line.name, line.counts), line.thread)).unzip();
        for thread in threads {
            // A carrier that panicked has delivered nothing more, as its counts say.
            let _ = thread.join();
        }
        counts
    }
}

/// What an outlet's thread works with.
struct Courier {
    outlet: Outlet,
    counts: Arc<Counts>,
    closing: Arc<AtomicBool>,
    /// When to give up, once all is over.
    deadline: Option<Instant>,
}

impl Courier {
    fn work(mut self, waiting: &Receiver<Arc<Notice>>) {
        while let Ok(notice) = waiting.recv() {
            let message = self.outlet.form.words(&notice);
            match self.deliver(&message) {
                Ok(true) => self.counts.delivered.fetch_add(1, Ordering::Relaxed),
                Ok(false) => self.counts.dropped.fetch_add(1, Ordering::Relaxed),
                Err(_) => {
                    self.counts.dropped.fetch_add(1 + waiting.try_iter().count() as u64, Ordering::Relaxed);
                    return;
                }
            };
        }
    }

    /// Tries until the message has arrived; false if it is not wanted, or all is over before that.
    fn deliver(&mut self, message: &[u8]) -> io::Result<bool> {
        let mut pause = PAUSE;
        loop {
            match self.outlet.carrier.deliver(message) {
                Ok(()) => {
                    self.counts.is_in(None);
                    return Ok(true);
                }
                Err(error) => {
                    self.counts.failures.fetch_add(1, Ordering::Relaxed);
                    self.counts.is_in(Some(error.to_string()));
                    match error.kind() {
                        io::ErrorKind::BrokenPipe => return Err(error),
                        io::ErrorKind::InvalidData => return Ok(false),
                        _ => {}
                    }
                }
            }
            let until = Instant::now() + pause;
            while Instant::now() < until {
                if self.closing.load(Ordering::Relaxed)
                    && Instant::now() > *self.deadline.get_or_insert_with(|| Instant::now() + GRACE)
                {
                    return Ok(false);
                }
                sleep(PAUSE / 4);
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}
