//! Where bytes come from: captures as pcap, pcapng or snoop, plain or inside gzip, zstd or xz, from a file or from standard input.

mod captures;
mod feed;
mod flaw;
mod growing;
mod inflow;
mod ledger;
#[cfg(any(target_os = "linux", feature = "libpcap"))]
pub mod line;
mod link;
mod pcap;
mod pcapng;
mod program;
mod replay;
mod snoop;
mod source;
mod survey;
#[cfg(test)]
mod tests;

pub use captures::{Captures, Span, neighbours, span};
pub use feed::Block;
pub use flaw::Flaw;
pub use inflow::{Inflow, Take, Walk};
pub use ledger::{Ledger, Skip};
pub use link::Link;
pub use program::{Instruction, Program};
pub use replay::{Replay, Speed};
pub use survey::{Survey, survey};

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::error::{Error, ErrorKind, Result};
use feed::{Feed, Shelf};
use growing::Growing;
use pcap::Pcap;
use pcapng::PcapNg;
use snoop::Snoop;
use source::{Packing, Position, Source};

/// No record is longer than this, whatever it claims; Wireshark's limit for pcapng's blocks.
const LONGEST_RECORD: usize = 16 << 20;

/// One captured frame, lent by its [`Capture`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Its number in its file, from 1, as other tools count.
    pub number: u64,
    /// When it was captured, nanoseconds since the epoch.
    pub time_ns: i64,
    /// What `bytes` begin with.
    pub link: Link,
    /// Its length on the wire, in bytes; at least `bytes.len()`.
    pub wire_len: u32,
    /// What of it was captured.
    pub bytes: &'a [u8],
}

/// Where a frame lies in the [`Block`] that it was read with, and what is known of it beside its bytes.
#[derive(Clone, Copy, Debug)]
pub struct Spot {
    number: u64,
    /// When it was captured, nanoseconds since the epoch.
    pub time_ns: i64,
    wire_len: u32,
    at: u32,
    captured: u32,
}

/// An open capture: a sequence of frames, read once, in little memory however long it is.
pub struct Capture {
    feed: Feed,
    format: Format,
    packing: Option<Packing>,
    position: Position,
    size: Option<u64>,
    /// Whether a record may be cut only for as long as the rest of it is being written.
    grows: bool,
    number: u64,
    ended: bool,
    trouble: Option<String>,
}

enum Format {
    Pcap(Pcap),
    PcapNg(PcapNg),
    Snoop(Snoop),
}

/// What a format finds at the head of the bytes that it is shown.
enum Step {
    /// The next record is longer than what is there: it has at least this many bytes.
    Need(usize),
    /// This many bytes hold no packet.
    Pass(usize),
    /// A packet.
    Packet(Record),
    /// Bytes that no writer leaves: why.
    Corrupt(String),
}

/// What comes next in a capture.
enum Next {
    /// A frame, which is not yet counted.
    Frame(Link, Spot),
    /// Nothing before so many bytes are there.
    Unread(usize),
    /// Nothing.
    End,
}

/// Where a packet lies in the bytes that a format was shown.
struct Record {
    /// Bytes of the whole record.
    size: usize,
    /// Where its captured bytes begin.
    start: usize,
    /// How many were captured.
    captured: usize,
    wire_len: u32,
    time_ns: i64,
    /// What they begin with; none if the interface is not described.
    link: Option<Link>,
}

impl Capture {
    /// Opens the capture at `path`, whatever its name; `-` is standard input.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if it cannot be opened, [`ErrorKind::Capture`] if it does not begin as a capture.
    pub fn open(path: &Path) -> Result<Self> {
        if path == Path::new("-") {
            return Self::from_reader("standard input", io::stdin(), None);
        }
        let file = File::open(path).map_err(|error| Error::io(path, &error))?;
        let metadata = file.metadata().map_err(|error| Error::io(path, &error))?;
        if metadata.is_dir() {
            return Err(Error::io(path, &io::ErrorKind::IsADirectory.into()));
        }
        Self::from_reader(&path.display().to_string(), file, metadata.is_file().then_some(metadata.len()))
    }

    /// Opens the capture file at `path`, which is still being written: at its end more is waited for, until the user has `enough`
    /// or nothing more can come, for the path names another file or the file was truncated (see [`Capture::trouble`]).
    ///
    /// # Errors
    /// Those of [`Capture::open`].
    pub fn follow(path: &Path, enough: impl Fn() -> bool + Send + 'static) -> Result<Self> {
        let file = File::open(path).map_err(|error| Error::io(path, &error))?;
        if file.metadata().is_ok_and(|metadata| !metadata.is_file()) {
            return Self::open(path);
        }
        let growing = Growing::new(file, path.to_owned(), enough);
        let capture = Self::from_reader(&path.display().to_string(), growing, None)?;
        Ok(Self { grows: true, ..capture })
    }

    /// Reads a capture from `reader`, which errors call `subject`; `size` is what [`Capture::size`] will say.
    ///
    /// # Errors
    /// Those of [`Capture::open`].
    pub fn from_reader(subject: &str, reader: impl Read + Send + 'static, size: Option<u64>) -> Result<Self> {
        let unreadable = |packing, error| {
            Error::new(ErrorKind::Capture, subject, told(packing, &error)).hint("check that it is whole and readable")
        };
        let Source { stream, packing, position } =
            source::unpack(Box::new(reader)).map_err(|error| unreadable(None, error))?;
        let mut feed = Feed::new(stream, Shelf::default(), size.is_some());
        feed.require(pcap::HEADER).map_err(|error| unreadable(packing, error))?;
        let head = feed.bytes();
        let format = if pcapng::begins(head) {
            Format::PcapNg(PcapNg::default())
        } else if let Some(pcap) = head.first_chunk().and_then(|header| Pcap::new(*header)) {
            feed.advance(pcap::HEADER);
            Format::Pcap(pcap)
        } else if let Some(snoop) = Snoop::new(head) {
            feed.advance(snoop::HEADER);
            Format::Snoop(snoop)
        } else {
            return Err(if pcap::begins(head) {
                let what = format!("ends inside its file header, after {} bytes", head.len());
                Error::new(ErrorKind::Capture, subject, what).hint("copy or record it again")
            } else {
                source::not_a_capture(subject, packing, head)
            });
        };
        Ok(Self { feed, format, position, size, grows: false, packing, number: 0, ended: false, trouble: None })
    }

    /// The next frame, or nothing when the capture ends or cannot be read further (see [`Capture::trouble`]).
    ///
    /// Counts in `ledger` every packet as read, and those that are not returned as skipped. The record at which reading
    /// stops early counts as one packet if at least one byte of it is there; whoever uses a returned frame counts that.
    pub fn next_frame(&mut self, ledger: &mut Ledger) -> Option<Frame<'_>> {
        let (link, spot) = self.next_spot(ledger)?;
        ledger.saw(spot.time_ns, spot.wire_len);
        Some(self.feed.block().frame(link, &spot))
    }

    /// Where the next frame lies in the block that is being read. It is not yet counted.
    fn next_spot(&mut self, ledger: &mut Ledger) -> Option<(Link, Spot)> {
        loop {
            match self.next(ledger) {
                Next::Frame(link, spot) => return Some((link, spot)),
                Next::Unread(size) => self.require(size, ledger),
                Next::End => return None,
            }
        }
    }

    /// What comes next in the bytes that have been read.
    #[inline(always)]
    fn next(&mut self, ledger: &mut Ledger) -> Next {
        while !self.ended {
            // Each format on its own: what one finds in registers would wait in memory where others find it.
            let next = match &mut self.format {
                Format::Pcap(pcap) => {
                    let step = pcap.step(self.feed.bytes());
                    self.after(step, ledger)
                }
                Format::PcapNg(pcapng) => {
                    let step = pcapng.step(self.feed.bytes());
                    self.after(step, ledger)
                }
                Format::Snoop(snoop) => {
                    let step = snoop.step(self.feed.bytes());
                    self.after(step, ledger)
                }
            };
            if let Some(next) = next {
                return next;
            }
        }
        Next::End
    }

    /// What comes of a step; none if another has to follow.
    #[inline(always)]
    fn after(&mut self, step: Step, ledger: &mut Ledger) -> Option<Next> {
        match step {
            Step::Packet(record) => {
                let at = self.feed.advance(record.size) + record.start;
                self.number += 1;
                let Some(link) = record.link else {
                    ledger.saw(record.time_ns, record.wire_len);
                    ledger.skip(Skip::UnknownInterface);
                    return None;
                };
                let Record { wire_len, time_ns, captured, .. } = record;
                // A block is hardly longer than the longest record.
                let (at, captured) = (at as u32, captured as u32);
                return Some(Next::Frame(link, Spot { number: self.number, time_ns, wire_len, at, captured }));
            }
            Step::Pass(size) => {
                self.feed.advance(size);
            }
            Step::Need(size) => return Some(Next::Unread(size)),
            Step::Corrupt(why) => self.stop(ledger, Skip::CorruptRecord, &why),
        }
        None
    }

    /// Reads until the next `size` bytes are there, or tells why they are not.
    #[cold]
    fn require(&mut self, size: usize, ledger: &mut Ledger) {
        let read = self.feed.require(size);
        let unfinished = read.as_ref().map_or_else(|error| error.kind() == io::ErrorKind::UnexpectedEof, |()| true);
        if unfinished && self.feed.bytes().len() < size && (self.grows || read.is_ok() && self.feed.bytes().is_empty())
        {
            // Of a file that is being written, the rest is not lost: it has not come.
            self.ended = true;
        } else if let Err(error) = read {
            self.stop(ledger, Skip::CutRecord, &told(self.packing, &error));
        } else if self.feed.bytes().len() < size {
            let rest = self.feed.bytes().len();
            let why = format!("the capture ends inside a record, of which it holds only {rest} bytes");
            self.stop(ledger, Skip::CutRecord, &why);
        }
    }

    /// Why and at which byte of the (unpacked) capture reading stopped before its end, if it did.
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// Bytes of the file, as it is stored, that have been read so far.
    pub fn position(&self) -> u64 {
        self.position.get()
    }

    /// Bytes of the file as it is stored; none for standard input and pipes.
    pub fn size(&self) -> Option<u64> {
        self.size
    }

    fn stop(&mut self, ledger: &mut Ledger, reason: Skip, why: &str) {
        self.ended = true;
        if !self.feed.bytes().is_empty() {
            self.number += 1;
            ledger.read += 1;
            ledger.skip(reason);
        }
        self.trouble = Some(format!("reading stopped at byte {}: {why}", self.feed.offset()));
    }
}

/// What an error of reading means.
fn told(packing: Option<Packing>, error: &io::Error) -> String {
    match packing.map(Packing::name) {
        Some(packing) if error.kind() == io::ErrorKind::UnexpectedEof => format!("the {packing} stream is cut short"),
        Some(packing) => format!("the {packing} stream is damaged ({error})"),
        None => error.to_string(),
    }
}
