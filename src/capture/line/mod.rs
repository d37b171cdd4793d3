//! A live interface: frames as they arrive, with what the system had no room for.
//!
//! Of Linux it has the kernel's own rings; elsewhere, or where that is wanted, libpcap, which is a feature of the build.

#[cfg(target_os = "linux")]
mod frames;
#[cfg(target_os = "linux")]
mod interface;
#[cfg(feature = "libpcap")]
mod libpcap;
mod merge;
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
mod ring;
#[cfg(target_os = "linux")]
mod rings;

use std::io;
use std::time::{Duration, Instant};

use serde::Serialize;

#[cfg(target_os = "linux")]
pub use interface::interfaces;
#[cfg(not(target_os = "linux"))]
pub use libpcap::interfaces;
#[cfg(not(target_os = "linux"))]
use libpcap::open;
use merge::Merge;
#[cfg(target_os = "linux")]
use rings::open;

use super::feed::Shelf;
use super::{Inflow, Ledger, Link, Program, Skip, Take, Walk};
use crate::error::{Error, ErrorKind, Result};

/// An interface of this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// What its frames begin with, in a word.
    pub kind: String,
    /// Whether its hardware can tell when each frame came.
    pub hardware_times: bool,
    /// What is missing to watch it, with the cure; nothing if it can be watched.
    pub missing: Vec<String>,
}

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

/// What an interface's frames are had from.
trait Source: Send {
    /// What lets the blocks wait that are gathered.
    fn merge(&self) -> Merge;

    /// Takes what has come, and notes where its frames lie; whether there was anything.
    fn gather(&mut self, shelf: &Shelf, merge: &mut Merge) -> bool;

    /// Waits until something may have come that there is room for, or until that has taken too long.
    ///
    /// # Errors
    /// The interface is down or gone, for instance; an error is told once.
    fn wait(&mut self, merge: &Merge, longest: Duration) -> io::Result<()>;

    /// Whether nothing will ever come.
    fn is_gone(&self) -> bool;

    /// Lets nothing new in.
    fn close(&mut self);

    /// What was lost since this was last asked.
    fn losses(&mut self) -> Losses;
}

/// Frames that were not handed over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Losses {
    /// There was no room for them.
    dropped: u64,
    /// How often there was none at all.
    freezes: u64,
    /// Their time was not of the clock that was asked for.
    untimed: u64,
}

/// A source that is open.
struct Opened {
    link: Link,
    source: Box<dyn Source>,
    /// Why the times are the kernel's, if they were to be the hardware's.
    untimed: Option<String>,
}

/// An open interface.
pub struct Line {
    link: Link,
    source: Box<dyn Source>,
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
/// How long the kernel may hold a frame before it hands it over, in a block that is not yet full.
const MARGIN: Duration = Duration::from_millis(100);
/// How often the kernel is asked for what it dropped.
const COUNTED_EVERY: Duration = Duration::from_millis(500);

impl Line {
    /// Listens to an interface until `stop` says so; then what has arrived is still handed over, and nothing new comes in.
    ///
    /// # Errors
    /// There is no such interface, it is down or of a kind that is not decoded, or the process may not listen.
    pub fn open(name: &str, listening: &Listening, stop: impl Fn() -> bool + Send + 'static) -> Result<Self> {
        open(name, listening).map(|opened| Self::of(opened, stop))
    }

    /// The same by libpcap.
    ///
    /// # Errors
    /// Those of [`Line::open`].
    #[cfg(feature = "libpcap")]
    pub fn open_by_libpcap(
        name: &str,
        listening: &Listening,
        stop: impl Fn() -> bool + Send + 'static,
    ) -> Result<Self> {
        libpcap::open(name, listening).map(|opened| Self::of(opened, stop))
    }

    fn of(Opened { link, source, untimed }: Opened, stop: impl Fn() -> bool + Send + 'static) -> Self {
        let (merge, now) = (source.merge(), Instant::now());
        Self {
            link,
            source,
            shelf: Shelf::default(),
            merge,
            number: 0,
            since: now,
            told: Duration::ZERO,
            counted: now,
            stop: Box::new(stop),
            closed: None,
            trouble: None,
            untimed,
        }
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
        let Losses { dropped, freezes, untimed } = self.source.losses();
        ledger.dropped += dropped;
        ledger.freezes += freezes;
        ledger.pass_over(Skip::Untimed, untimed);
    }

    /// Hands over the frames whose turn has come; whether there were any.
    fn hand_over(&mut self, is_over: bool, ledger: &mut Ledger, take: &mut impl Take) -> bool {
        let any = self.merge.hand_over(is_over, |block, mut spot| {
            self.number += 1;
            spot.number = self.number;
            ledger.saw(spot.time_ns, spot.wire_len);
            if let Err(reason) = take.take(block, 0, self.link, spot) {
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
            self.source.close();
            self.closed = Some(Instant::now());
        }
        self.closed.is_some_and(|closed| closed.elapsed() > MARGIN)
    }
}

impl Inflow for Line {
    fn walk(&mut self, ledger: &mut Ledger, mut take: impl Take) -> Walk {
        if self.counted.elapsed() > COUNTED_EVERY {
            self.count(ledger);
        }
        // Asked before looking for blocks, so that the last look comes after the last frame.
        let over = self.is_over();
        let any = self.source.gather(&self.shelf, &mut self.merge);
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
        if let Err(error) = self.source.wait(&self.merge, if holds { PAUSE / 4 } else { PAUSE }) {
            // An interface that is down may come up again; one that is gone will not.
            if self.source.is_gone() {
                self.trouble = Some(format!("the interface is gone ({error})"));
            }
            std::thread::sleep(PAUSE);
        }
        if holds {
            return Walk::More;
        }
        if self.source.gather(&self.shelf, &mut self.merge) {
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

/// That there is no interface of a name, but others.
fn unknown(name: &str) -> Error {
    let known: Vec<String> = interfaces().into_iter().map(|interface| interface.name).collect();
    Error::new(ErrorKind::Capture, name, "no such interface").hint(format!("there are {}", known.join(", ")))
}

/// That it is of a kind that is not decoded.
fn undecoded(name: &str, kind: u32) -> Error {
    Error::new(ErrorKind::Capture, name, format!("frames of its kind ({kind}) are not decoded"))
        .hint("watch an interface of Ethernet or IP: tidewatch interfaces lists them")
}

/// That it is down.
fn down(name: &str) -> Error {
    Error::new(ErrorKind::Capture, name, "the interface is down").hint(if cfg!(target_os = "linux") {
        format!("ip link set {name} up")
    } else {
        format!("ifconfig {name} up")
    })
}
