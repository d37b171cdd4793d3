//! Several captures as one, in the order of time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::{Path, PathBuf};

use super::feed::Shelf;
use super::inflow::{Inflow, Take, Walk};
use super::{Capture, Ledger, Link, Next, Spot};
use crate::error::{Error, ErrorKind, Result};
use crate::progress::Progress;

/// When a capture's packets were captured: the earliest and the latest time, nanoseconds since the epoch.
pub type Span = (i64, i64);

/// Captures merged by the times of their packets: of each one frame is held, and a file is open only between its first
/// and its last packet.
///
/// Packets of the same time come in the order in which the captures were named. Within one capture they come as they are:
/// what is out of order there stays so.
pub struct Captures {
    /// By their places; none before the first and after the last packet.
    open: Vec<Option<Merged>>,
    /// Those to be opened, the earliest last.
    waiting: Vec<Waiting>,
    /// The time of the next frame of each that is open, if there are several.
    next: BinaryHeap<Reverse<(i64, usize)>>,
    are_files: bool,
    /// Where the blocks of all come from.
    shelf: Shelf,
    /// Bytes read of those that have been closed.
    read: u64,
    troubles: Vec<(usize, String)>,
}

/// A capture, with the next of its frames if it is one of several.
struct Merged {
    capture: Capture,
    next: Option<(Link, Spot)>,
}

struct Waiting {
    first_ns: i64,
    place: usize,
    path: PathBuf,
}

impl From<Capture> for Captures {
    fn from(capture: Capture) -> Self {
        Self {
            are_files: capture.size().is_some(),
            shelf: capture.feed.shelf().clone(),
            open: vec![Some(Merged { capture, next: None })],
            waiting: Vec::new(),
            next: BinaryHeap::new(),
            read: 0,
            troubles: Vec::new(),
        }
    }
}

impl Captures {
    /// Files that are open at once at most; each takes a quarter of a MiB and a little.
    pub const MAX_OPEN: usize = 256;

    /// Frames of several captures that are walked over at once.
    const BATCH: usize = 1024;

    /// The captures at these paths, each with its [`span`], in the order in which they are named.
    ///
    /// # Errors
    /// More than [`Self::MAX_OPEN`] of them overlap in time; a single one that cannot be opened.
    pub fn new(files: Vec<(PathBuf, Option<Span>)>) -> Result<Self> {
        if let [(path, _)] = files.as_slice() {
            return Capture::open(path).map(Self::from);
        }
        let mut together: Vec<(i64, i64)> =
            files.iter().filter_map(|(_, span)| *span).flat_map(|(first, last)| [(first, 1), (last, -1)]).collect();
        // Where one ends as another begins, both are open.
        together.sort_unstable_by_key(|&(time_ns, step)| (time_ns, Reverse(step)));
        let most = together
            .iter()
            .scan(0, |open, &(_, step)| {
                *open += step;
                Some(*open)
            })
            .max()
            .unwrap_or(0);
        if most > Self::MAX_OPEN as i64 {
            let what = format!("{most} of the captures overlap in time, and {} can be open at once", Self::MAX_OPEN);
            return Err(Error::new(ErrorKind::Capture, "input", what).hint("join some of them first, as mergecap does"));
        }
        let mut waiting: Vec<Waiting> = Vec::with_capacity(files.len());
        let places = files.len();
        let are_files = files.iter().all(|(path, _)| path != Path::new("-") && path.is_file());
        for (place, (path, span)) in files.into_iter().enumerate() {
            waiting.push(Waiting { first_ns: span.map_or(i64::MIN, |(first_ns, _)| first_ns), place, path });
        }
        waiting.sort_by_key(|file| Reverse((file.first_ns, file.place)));
        Ok(Self {
            open: (0..places).map(|_| None).collect(),
            waiting,
            next: BinaryHeap::new(),
            are_files,
            shelf: Shelf::default(),
            read: 0,
            troubles: Vec::new(),
        })
    }

    /// Hands over the next frames, one by one: the block that each lies in, the place of its capture and what it begins with.
    /// Those of one block, if there is but one capture; of a stream, those that are there. Whether there may be more.
    ///
    /// Counts in `ledger` as [`Capture::next_frame`] does, and as skipped what is not taken.
    pub fn walk(&mut self, ledger: &mut Ledger, mut take: impl Take) -> bool {
        let [Some(Merged { capture, next: None })] = self.open.as_mut_slice() else {
            return (0..Self::BATCH).all(|_| self.step(ledger, &mut take));
        };
        let mut begun = false;
        loop {
            match capture.next(ledger) {
                Next::Frame(link, spot) => {
                    ledger.saw(spot.time_ns, spot.wire_len);
                    if let Err(reason) = take.take(capture.feed.block(), 0, link, spot) {
                        ledger.skip(reason);
                    }
                }
                Next::Unread(_) if begun => return true,
                Next::Unread(size) => capture.require(size, ledger),
                Next::End => break,
            }
            begun = true;
        }
        self.close(0);
        false
    }

    /// The time of the frame that comes next, which from then on is handed over by [`Captures::step`] alone.
    pub(super) fn next_ns(&mut self, ledger: &mut Ledger) -> Option<i64> {
        if let [Some(Merged { next: None, .. })] = self.open.as_slice() {
            self.line_up(0, ledger);
        }
        self.open_due(ledger);
        self.next.peek().map(|Reverse((time_ns, _))| *time_ns)
    }

    /// Opens those whose first frame may come next.
    fn open_due(&mut self, ledger: &mut Ledger) {
        while let Some(file) = self.waiting.last()
            && self.next.peek().is_none_or(|Reverse((time_ns, _))| file.first_ns <= *time_ns)
            && let Some(file) = self.waiting.pop()
        {
            match Capture::open(&file.path) {
                Ok(mut capture) => {
                    capture.feed.share(&self.shelf);
                    if let Some(slot) = self.open.get_mut(file.place) {
                        *slot = Some(Merged { capture, next: None });
                    }
                    self.line_up(file.place, ledger);
                }
                Err(error) => self.troubles.push((file.place, error.what)),
            }
        }
    }

    /// Hands over the next frame of several captures, if there is one.
    pub(super) fn step(&mut self, ledger: &mut Ledger, take: &mut impl Take) -> bool {
        self.open_due(ledger);
        let Some(Reverse((_, place))) = self.next.pop() else { return false };
        if let Some(Some(Merged { capture, next })) = self.open.get_mut(place)
            && let Some((link, spot)) = next.take()
        {
            ledger.saw(spot.time_ns, spot.wire_len);
            if let Err(reason) = take.take(capture.feed.block(), place, link, spot) {
                ledger.skip(reason);
            }
        }
        self.line_up(place, ledger);
        true
    }

    /// Puts a capture in its place by the time of its next frame, or closes it if it has none.
    fn line_up(&mut self, place: usize, ledger: &mut Ledger) {
        let Some(Some(Merged { capture, next })) = self.open.get_mut(place) else { return };
        *next = capture.next_spot(ledger);
        match next {
            Some((_, spot)) => self.next.push(Reverse((spot.time_ns, place))),
            None => self.close(place),
        }
    }

    fn close(&mut self, place: usize) {
        let Some(Merged { capture, .. }) = self.open.get_mut(place).and_then(Option::take) else { return };
        self.read += capture.position();
        self.troubles.extend(capture.trouble().map(|trouble| (place, trouble.to_owned())));
    }

    /// Bytes of the blocks that have been walked over and that somebody still looks at.
    pub fn lent(&self) -> usize {
        let walked: usize = self.open.iter().flatten().map(|merged| merged.capture.feed.block().len()).sum();
        self.shelf.lent().saturating_sub(walked)
    }

    /// What kept a capture from being read to its end, with its place.
    pub fn troubles(&self) -> &[(usize, String)] {
        &self.troubles
    }

    /// Whether all of them are files: what has a size never keeps its reader waiting.
    pub fn are_files(&self) -> bool {
        self.are_files
    }

    /// Bytes of the files, as they are stored, that have been read so far.
    pub fn position(&self) -> u64 {
        self.read + self.open.iter().flatten().map(|merged| merged.capture.position()).sum::<u64>()
    }
}

impl Inflow for Captures {
    fn walk(&mut self, ledger: &mut Ledger, take: impl Take) -> Walk {
        if Captures::walk(self, ledger, take) { Walk::More } else { Walk::End }
    }

    fn lent(&self) -> usize {
        Captures::lent(self)
    }

    fn position(&self) -> u64 {
        Captures::position(self)
    }

    fn are_files(&self) -> bool {
        Captures::are_files(self)
    }
}

/// When the packets at `path` were captured; before all times if there are none. Reads the whole file, but looks into no
/// packet, which takes a small part of the time of looking.
///
/// # Errors
/// It cannot be opened as a capture; the user cancelled the work.
pub fn span(path: &Path, progress: &dyn Progress) -> Result<Span> {
    const STRIDE: u64 = 1 << 16;
    let mut capture = Capture::open(path)?;
    let mut ledger = Ledger::default();
    while capture.next_frame(&mut ledger).is_some() {
        if ledger.read.is_multiple_of(STRIDE) {
            progress.check()?;
        }
    }
    Ok(ledger.span_ns().unwrap_or((i64::MIN, i64::MIN)))
}

/// Which captures have to be read as one: the places of those that overlap or follow each other within `gap_ns`, in groups.
/// Those further apart share no window, and can be read side by side. One without a span (standard input) may be of any time.
pub fn neighbours(spans: &[Option<Span>], gap_ns: i64) -> Vec<Vec<usize>> {
    let mut order: Vec<(Span, usize)> =
        spans.iter().enumerate().map(|(place, span)| (span.unwrap_or((i64::MIN, i64::MAX)), place)).collect();
    order.sort_unstable();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut end_ns = None;
    for ((first_ns, last_ns), place) in order {
        match groups.last_mut() {
            Some(group) if end_ns.is_some_and(|end_ns: i64| first_ns <= end_ns.saturating_add(gap_ns)) => {
                group.push(place)
            }
            _ => groups.push(vec![place]),
        }
        end_ns = Some(end_ns.map_or(last_ns, |end_ns| end_ns.max(last_ns)));
    }
    groups.iter_mut().for_each(|group| group.sort_unstable());
    groups.sort_unstable();
    groups
}
