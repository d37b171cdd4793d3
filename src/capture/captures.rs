//! Several captures as one, in the order of time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::{Path, PathBuf};

use super::{Capture, Frame, Ledger};
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
    open: Vec<Option<Capture>>,
    /// Those to be opened, the earliest last.
    waiting: Vec<Waiting>,
    /// The time of the next frame of each that is open, but for `lent`.
    next: BinaryHeap<Reverse<(i64, usize)>>,
    /// The one whose frame was given last.
    lent: Option<usize>,
    /// Bytes read of those that have been closed.
    read: u64,
    troubles: Vec<(usize, String)>,
}

struct Waiting {
    first_ns: i64,
    place: usize,
    path: PathBuf,
}

impl From<Capture> for Captures {
    fn from(capture: Capture) -> Self {
        Self {
            open: vec![Some(capture)],
            waiting: Vec::new(),
            next: BinaryHeap::new(),
            lent: Some(0),
            read: 0,
            troubles: Vec::new(),
        }
    }
}

impl Captures {
    /// Files that are open at once at most; each takes 1 MiB and a little.
    pub const MAX_OPEN: usize = 256;

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
        for (place, (path, span)) in files.into_iter().enumerate() {
            waiting.push(Waiting { first_ns: span.map_or(i64::MIN, |(first_ns, _)| first_ns), place, path });
        }
        waiting.sort_by_key(|file| Reverse((file.first_ns, file.place)));
        let open = (0..places).map(|_| None).collect();
        Ok(Self { open, waiting, next: BinaryHeap::new(), lent: None, read: 0, troubles: Vec::new() })
    }

    /// The next frame of all, and the place of its capture; nothing when all have ended.
    ///
    /// Counts in `ledger` as [`Capture::next_frame`] does.
    pub fn next_frame(&mut self, ledger: &mut Ledger) -> Option<(usize, Frame<'_>)> {
        if let Some(place) = self.lent.take() {
            self.line_up(place, ledger);
        }
        while let Some(file) = self.waiting.last()
            && self.next.peek().is_none_or(|Reverse((time_ns, _))| file.first_ns <= *time_ns)
            && let Some(file) = self.waiting.pop()
        {
            match Capture::open(&file.path) {
                Ok(capture) => {
                    if let Some(slot) = self.open.get_mut(file.place) {
                        *slot = Some(capture);
                    }
                    self.line_up(file.place, ledger);
                }
                Err(error) => self.troubles.push((file.place, error.what)),
            }
        }
        let Reverse((_, place)) = self.next.pop()?;
        self.lent = Some(place);
        let frame = self.open.get_mut(place)?.as_mut()?.next_frame(ledger)?;
        Some((place, frame))
    }

    /// Puts a capture in its place by the time of its next frame, or closes it if it has none.
    fn line_up(&mut self, place: usize, ledger: &mut Ledger) {
        let Some(slot) = self.open.get_mut(place) else { return };
        let Some(capture) = slot else { return };
        match capture.peek_ns(ledger) {
            Some(time_ns) => self.next.push(Reverse((time_ns, place))),
            None => {
                self.read += capture.position();
                if let Some(trouble) = capture.trouble() {
                    self.troubles.push((place, trouble.to_owned()));
                }
                *slot = None;
            }
        }
    }

    /// What kept a capture from being read to its end, with its place.
    pub fn troubles(&self) -> &[(usize, String)] {
        &self.troubles
    }

    /// Whether all of them are files: what has a size never keeps its reader waiting.
    pub fn are_files(&self) -> bool {
        self.open.iter().flatten().all(|capture| capture.size().is_some())
    }

    /// Bytes of the files, as they are stored, that have been read so far.
    pub fn position(&self) -> u64 {
        self.read + self.open.iter().flatten().map(Capture::position).sum::<u64>()
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
