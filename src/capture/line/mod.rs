//! A live interface of Linux: frames as they arrive, with what the kernel had no room for.

mod frames;
mod interface;
#[allow(unsafe_code)]
mod ring;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use interface::{Interface, interfaces};
use ring::{BLOCK, RETIRE_MS, Ring};

use super::feed::{Block, Shelf};
use super::{Inflow, Ledger, Link, Program, Skip, Spot, Walk};
use crate::error::{Error, ErrorKind, Result};

/// How an interface is listened to.
#[derive(Clone, Debug)]
pub struct Listening {
    /// Whether frames for others are wanted too.
    pub promiscuous: bool,
    /// What the kernel lets in; all if there is none.
    pub program: Option<Program>,
    /// Bytes of the ring: what may arrive while nobody looks.
    pub ring: usize,
}

impl Default for Listening {
    fn default() -> Self {
        Self { promiscuous: true, program: None, ring: 64 << 20 }
    }
}

/// An open interface.
pub struct Line {
    name: String,
    link: Link,
    ring: Ring,
    shelf: Shelf,
    block: Arc<Block>,
    /// Where the frames lie in it.
    spots: Vec<Spot>,
    number: u64,
    /// When the last frames were looked at, and how much of the silence since has been told.
    since: Instant,
    told: Duration,
    counted: Instant,
    stop: Box<dyn Fn() -> bool + Send>,
    /// When the ring was closed to new frames.
    closed: Option<Instant>,
    trouble: Option<String>,
}

/// How long to wait for a frame before saying that none has come.
const PAUSE: Duration = Duration::from_millis(20);
/// What is still in the kernel's hands when silence is told of: a block that is not yet handed over.
const MARGIN: Duration = Duration::from_millis(100);
/// How often the kernel is asked for what it dropped.
const COUNTED_EVERY: Duration = Duration::from_millis(500);

impl Line {
    /// Listens to an interface until `stop` says so; then what has arrived is still handed over, and nothing new comes in.
    ///
    /// # Errors
    /// There is no such interface, it is down or of a kind that is not decoded, or the process may not listen.
    pub fn open(name: &str, listening: &Listening, stop: impl Fn() -> bool + Send + 'static) -> Result<Self> {
        let index = ring::index_of(name).map_err(|_| {
            let known: Vec<String> = interfaces().into_iter().map(|interface| interface.name).collect();
            Error::new(ErrorKind::Capture, name, "no such interface").hint(format!("there are {}", known.join(", ")))
        })?;
        let link = Interface::link(name)?;
        let refused = |error: &io::Error| refused(name, error);
        let ring = Ring::new((listening.ring / BLOCK).max(4)).map_err(|error| refused(&error))?;
        // The program is for frames of Ethernet.
        if let Some(Program(program)) = listening.program.as_ref().filter(|_| link == Link::Ethernet) {
            ring.filter(program).map_err(|error| refused(&error))?;
        }
        ring.bind(index, listening.promiscuous).map_err(|error| refused(&error))?;
        let shelf = Shelf::default();
        let (block, now) = (Arc::new(shelf.take(BLOCK)), Instant::now());
        Ok(Self {
            name: name.to_owned(),
            link,
            ring,
            shelf,
            block,
            spots: Vec::new(),
            number: 0,
            since: now,
            told: Duration::ZERO,
            counted: now,
            stop: Box::new(stop),
            closed: None,
            trouble: None,
        })
    }

    /// What kept it from listening on, if anything did.
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// Takes the kernel's counts into the ledger.
    fn count(&mut self, ledger: &mut Ledger) {
        self.counted = Instant::now();
        if let Ok(counted) = self.ring.counted() {
            ledger.dropped += counted.dropped;
            ledger.freezes += counted.freezes;
        }
    }

    /// Copies the next block of the ring and notes where its frames lie; whether there was one.
    fn next_block(&mut self) -> bool {
        if Arc::get_mut(&mut self.block).is_none() {
            self.block = Arc::new(self.shelf.take(BLOCK));
        }
        let Some(block) = Arc::get_mut(&mut self.block) else { return false };
        let Some(length) = self.ring.take(block.room()) else { return false };
        frames::find(block.room().get_mut(..length).unwrap_or_default(), &mut self.spots);
        true
    }

    /// Hands over the frames of the block that was copied.
    fn hand_over<F>(&mut self, ledger: &mut Ledger, mut take: F)
    where
        F: FnMut(&Arc<Block>, usize, Link, Spot) -> std::result::Result<(), Skip>,
    {
        for mut spot in self.spots.drain(..) {
            self.number += 1;
            spot.number = self.number;
            ledger.saw(spot.time_ns, spot.wire_len);
            if let Err(reason) = take(&self.block, 0, self.link, spot) {
                ledger.skip(reason);
            }
        }
        (self.since, self.told) = (Instant::now(), Duration::ZERO);
    }

    /// Lets nothing new in once that is wanted; whether all that was let in before has been handed over.
    fn is_over(&mut self) -> bool {
        if self.closed.is_none() && (self.stop)() {
            // Were it refused, what comes until the end would only be more than was wanted.
            let _ = self.ring.filter(&Program::nothing().0);
            self.closed = Some(Instant::now());
        }
        // A block that was begun is handed over after this long at the latest.
        let last = Duration::from_millis(10 * u64::from(RETIRE_MS));
        self.closed.is_some_and(|closed| closed.elapsed() > last)
    }
}

impl Inflow for Line {
    fn walk<F>(&mut self, ledger: &mut Ledger, take: F) -> Walk
    where
        F: FnMut(&Arc<Block>, usize, Link, Spot) -> std::result::Result<(), Skip>,
    {
        if self.counted.elapsed() > COUNTED_EVERY {
            self.count(ledger);
        }
        // Asked before looking for a block, so that the last look comes after the last frame.
        let over = self.is_over();
        if self.next_block() {
            self.hand_over(ledger, take);
            return Walk::More;
        }
        if over || self.trouble.is_some() {
            self.count(ledger);
            return Walk::End;
        }
        if let Err(error) = self.ring.wait(PAUSE) {
            // An interface that is down may come up again; one that is gone will not.
            if ring::index_of(&self.name).is_err() {
                self.trouble = Some(format!("the interface is gone ({error})"));
            }
            std::thread::sleep(PAUSE);
        }
        if self.next_block() {
            self.hand_over(ledger, take);
            return Walk::More;
        }
        let silent = self.since.elapsed().saturating_sub(MARGIN);
        let news = silent.saturating_sub(self.told);
        self.told += news;
        Walk::Silent(i64::try_from(news.as_nanos()).unwrap_or(i64::MAX))
    }

    fn lent(&self) -> usize {
        self.shelf.lent().saturating_sub(BLOCK)
    }
}

/// Why an interface cannot be listened to.
fn refused(name: &str, error: &io::Error) -> Error {
    match error.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => {
            Error::new(ErrorKind::Capture, name, "this process may not listen to an interface")
                .hint("run it as root, or give the program the capability: setcap cap_net_raw=ep tidewatch")
        }
        Some(libc::ENETDOWN) => {
            Error::new(ErrorKind::Capture, name, "the interface is down").hint(format!("ip link set {name} up"))
        }
        Some(libc::ENOMEM) => Error::new(ErrorKind::Capture, name, "the kernel has no memory for the ring")
            .hint("ask for less with --ring"),
        _ => Error::new(ErrorKind::Capture, name, error),
    }
}
