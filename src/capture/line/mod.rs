//! A live interface of Linux: frames as they arrive, with what the kernel had no room for.

mod frames;
mod interface;
mod merge;
#[allow(unsafe_code)]
mod ring;
mod rings;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use interface::{Interface, interfaces};
use merge::Merge;
use ring::RETIRE_MS;
use rings::Rings;

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
    /// Bytes of all rings together: what may arrive while nobody looks.
    pub ring: usize,
    /// How many rings the kernel shares the frames out to, flow by flow, so that processors which receive do not wait for each other.
    pub rings: usize,
    /// Whose times frames have.
    pub clock: Clock,
}

/// What tells when a frame came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clock {
    /// The system's clock, as the kernel gets the frame.
    #[default]
    Kernel,
    /// That of the interface's hardware, as it sees the frame: more even, and worth as much as whoever keeps that clock in step.
    Hardware,
}

impl Default for Listening {
    fn default() -> Self {
        Self { promiscuous: true, program: None, ring: 64 << 20, rings: 1, clock: Clock::Kernel }
    }
}

/// An open interface.
pub struct Line {
    name: String,
    link: Link,
    rings: Rings,
    shelf: Shelf,
    merge: Merge,
    number: u64,
    /// When the last frames were looked at, and how much of the silence since has been told.
    since: Instant,
    told: Duration,
    counted: Instant,
    stop: Box<dyn Fn() -> bool + Send>,
    /// When the ring was closed to new frames.
    closed: Option<Instant>,
    trouble: Option<String>,
    untimed: Option<String>,
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
        let refused = |error: io::Error| refused(name, &error);
        let mut rings = Rings::open(index, listening).map_err(refused)?;
        let timed = match listening.clock {
            Clock::Kernel => Ok(()),
            Clock::Hardware => rings.take_hardware_times(name),
        };
        // The program is for frames of Ethernet.
        rings.let_in(listening.program.as_ref().filter(|_| link == Link::Ethernet)).map_err(refused)?;
        let (merge, now) = (rings.merge(), Instant::now());
        Ok(Self {
            name: name.to_owned(),
            link,
            rings,
            shelf: Shelf::default(),
            merge,
            number: 0,
            since: now,
            told: Duration::ZERO,
            counted: now,
            stop: Box::new(stop),
            closed: None,
            trouble: None,
            untimed: timed.err().map(|error| untimed(&error)),
        })
    }

    /// What kept it from listening on, if anything did.
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// Why the times are the kernel's, if they were to be the hardware's.
    pub fn untimed(&self) -> Option<&str> {
        self.untimed.as_deref()
    }

    /// Takes the kernel's counts into the ledger.
    fn count(&mut self, ledger: &mut Ledger) {
        self.counted = Instant::now();
        let counted = self.rings.counted();
        ledger.dropped += counted.dropped;
        ledger.freezes += counted.freezes;
        ledger.pass_over(Skip::Untimed, self.rings.passed());
    }

    /// Hands over the frames whose turn has come; whether there were any.
    fn hand_over<F>(&mut self, is_over: bool, ledger: &mut Ledger, take: &mut F) -> bool
    where
        F: FnMut(&Arc<Block>, usize, Link, Spot) -> std::result::Result<(), Skip>,
    {
        let any = self.merge.hand_over(is_over, |block, mut spot| {
            self.number += 1;
            spot.number = self.number;
            ledger.saw(spot.time_ns, spot.wire_len);
            if let Err(reason) = take(block, 0, self.link, spot) {
                ledger.skip(reason);
            }
        });
        if any {
            (self.since, self.told) = (Instant::now(), Duration::ZERO);
        }
        any
    }

    /// Lets nothing new in once that is wanted; whether all that was let in before has been handed over.
    fn is_over(&mut self) -> bool {
        if self.closed.is_none() && (self.stop)() {
            self.rings.close();
            self.closed = Some(Instant::now());
        }
        // A block that was begun is handed over after this long at the latest.
        let last = Duration::from_millis(10 * u64::from(RETIRE_MS));
        self.closed.is_some_and(|closed| closed.elapsed() > last)
    }
}

impl Inflow for Line {
    fn walk<F>(&mut self, ledger: &mut Ledger, mut take: F) -> Walk
    where
        F: FnMut(&Arc<Block>, usize, Link, Spot) -> std::result::Result<(), Skip>,
    {
        if self.counted.elapsed() > COUNTED_EVERY {
            self.count(ledger);
        }
        // Asked before looking for blocks, so that the last look comes after the last frame.
        let over = self.is_over();
        let any = self.rings.gather(&self.shelf, &mut self.merge);
        // Where there was no room, there may be more.
        let is_over = !any && self.merge.has_room() && (over || self.trouble.is_some());
        if self.hand_over(is_over, ledger, &mut take) || any {
            return Walk::More;
        }
        if is_over {
            self.count(ledger);
            return Walk::End;
        }
        let holds = self.merge.held() > 0;
        if let Err(error) = self.rings.wait(&self.merge, if holds { PAUSE / 4 } else { PAUSE }) {
            // An interface that is down may come up again; one that is gone will not.
            if ring::index_of(&self.name).is_err() {
                self.trouble = Some(format!("the interface is gone ({error})"));
            }
            std::thread::sleep(PAUSE);
        }
        if holds {
            return Walk::More;
        }
        if self.rings.gather(&self.shelf, &mut self.merge) {
            self.hand_over(false, ledger, &mut take);
            return Walk::More;
        }
        let silent = self.since.elapsed().saturating_sub(MARGIN);
        let news = silent.saturating_sub(self.told);
        self.told += news;
        Walk::Silent(i64::try_from(news.as_nanos()).unwrap_or(i64::MAX))
    }

    fn lent(&self) -> usize {
        self.shelf.lent().saturating_sub(self.merge.held())
    }
}

/// Why its hardware gives no times.
fn untimed(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(libc::EPERM) => "that takes another capability: setcap cap_net_raw,cap_net_admin=ep tidewatch".to_owned(),
        Some(libc::EOPNOTSUPP | libc::ENODEV | libc::EINVAL | libc::ERANGE) | None => {
            "it cannot, of every frame".to_owned()
        }
        Some(_) => error.to_string(),
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
