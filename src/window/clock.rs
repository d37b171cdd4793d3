//! Which window a packet falls into: by the packets' own times and their order, and nothing else.

use std::collections::BTreeMap;

use crate::error::{Error, Result};

/// How time is cut into windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windowing {
    length_ns: i64,
    lateness_ns: i64,
}

impl Windowing {
    /// The shortest window: shorter ones hold too few packets to say anything.
    pub const MIN_NS: i64 = 1_000_000;
    /// The longest window.
    pub const MAX_NS: i64 = 7 * 86_400_000_000_000;
    /// How long a window stays open for packets that come late, unless told otherwise.
    pub const LATENESS_NS: i64 = 1_000_000_000;

    /// Windows of `length_ns`, aligned to the epoch, that stay open for `lateness_ns` of the packets' time behind their end.
    ///
    /// # Errors
    /// A length outside [`Self::MIN_NS`] to [`Self::MAX_NS`], a negative lateness or one beyond [`Self::MAX_NS`].
    pub fn new(length_ns: i64, lateness_ns: i64) -> Result<Self> {
        if !(Self::MIN_NS..=Self::MAX_NS).contains(&length_ns) {
            return Err(Error::parameter("--window", "a window lasts from 1ms to 7d", "try --window 30s"));
        }
        if !(0..=Self::MAX_NS).contains(&lateness_ns) {
            return Err(Error::parameter("--lateness", "a lateness lasts from 0s to 7d", "try --lateness 1s"));
        }
        Ok(Self { length_ns, lateness_ns })
    }

    /// The windows' length, in nanoseconds.
    pub fn length_ns(self) -> i64 {
        self.length_ns
    }

    /// Where the window starts that holds `time_ns`.
    fn start_of(self, time_ns: i64) -> i64 {
        time_ns.saturating_sub(time_ns.rem_euclid(self.length_ns))
    }
}

/// The day of a time, counted from the epoch, and its hour of that day, UTC.
pub fn day_and_hour(time_ns: i64) -> (i64, usize) {
    let hour = time_ns.div_euclid(3_600_000_000_000);
    (hour.div_euclid(24), hour.rem_euclid(24) as usize)
}

/// Windows that are being filled, with what is kept of each; they close by the packets' own time.
///
/// The clock is the latest time on which two packets in a row agree, so that a single packet with a mad time stamp does not
/// close the windows of all sane ones behind it. Which packets a window holds depends on nothing but their times and their
/// order: not on what they hold, and not on when the window is asked for.
#[derive(Debug)]
pub struct Windows<W> {
    windowing: Windowing,
    /// Those that are open, but for the latest packet's.
    open: BTreeMap<i64, W>,
    /// Where the window of the latest packet starts and ends; the window itself, for the next packet is nearly always in it too.
    latest_ns: i64,
    latest_end_ns: i64,
    latest: Option<W>,
    previous_ns: i64,
    clock_ns: i64,
    /// Windows that start before this are closed.
    closed_before_ns: i64,
    /// The time that closes the next, once the clock less the lateness shows it.
    next_ns: i64,
}

impl<W: Default> Windows<W> {
    /// Windows that are open at once at most: a broken clock that scatters packets over all times cannot fill the memory.
    pub const MAX_OPEN: usize = 4096;

    /// No window yet.
    pub fn new(windowing: Windowing) -> Self {
        Self {
            windowing,
            open: BTreeMap::new(),
            latest_ns: 0,
            latest_end_ns: 0,
            latest: None,
            previous_ns: i64::MIN,
            clock_ns: i64::MIN,
            closed_before_ns: i64::MIN,
            next_ns: i64::MIN,
        }
    }

    /// The window of the next packet; none if that is closed, and the packet late.
    #[inline]
    pub fn of(&mut self, time_ns: i64) -> Option<&mut W> {
        self.clock_ns = self.clock_ns.max(self.previous_ns.min(time_ns));
        self.previous_ns = time_ns;
        self.close_due();
        let is_latest = (self.latest_ns..self.latest_end_ns).contains(&time_ns);
        if !is_latest || self.latest_ns < self.closed_before_ns || self.latest.is_none() {
            self.turn_to(time_ns);
        }
        self.latest.as_mut()
    }

    /// Makes the window of `time_ns` the latest packet's, if it is not closed.
    #[cold]
    fn turn_to(&mut self, time_ns: i64) {
        self.put_back();
        self.latest_ns = self.windowing.start_of(time_ns);
        self.latest_end_ns = self.latest_ns.saturating_add(self.windowing.length_ns);
        if self.latest_ns >= self.closed_before_ns {
            self.take_out();
        }
    }

    /// Lets so much of the packets' time pass in which none came. Before two packets have agreed on a time there is no clock.
    pub fn pass(&mut self, ns: i64) {
        if self.clock_ns > i64::MIN {
            self.clock_ns = self.clock_ns.saturating_add(ns);
            self.close_due();
        }
    }

    /// Closes what the clock has passed.
    #[inline]
    fn close_due(&mut self) {
        let due_ns = self.clock_ns.saturating_sub(self.windowing.lateness_ns);
        if due_ns >= self.next_ns {
            self.close_before(self.windowing.start_of(due_ns));
        }
    }

    /// Puts the latest packet's window back among the others.
    fn put_back(&mut self) {
        if let Some(window) = self.latest.take() {
            self.open.insert(self.latest_ns, window);
        }
    }

    /// Takes the latest packet's window out from among the others, and opens it if there is none. If there are too many, the oldest
    /// closes.
    fn take_out(&mut self) {
        self.latest = self.open.remove(&self.latest_ns).or_else(|| {
            self.open.insert(self.latest_ns, W::default());
            if self.open.len() > Self::MAX_OPEN {
                let mut unclosed = self.open.range(self.closed_before_ns..).map(|(&start_ns, _)| start_ns);
                if unclosed.clone().count() > Self::MAX_OPEN
                    && let Some(second) = unclosed.nth(1)
                {
                    self.close_before(second);
                }
            }
            self.open.remove(&self.latest_ns)
        });
    }

    #[cold]
    fn close_before(&mut self, start_ns: i64) {
        self.closed_before_ns = self.closed_before_ns.max(start_ns);
        self.next_ns = self.windowing.start_of(self.closed_before_ns.saturating_add(self.windowing.length_ns));
    }

    /// Closes all that are left.
    pub fn finish(&mut self) {
        self.close_before(i64::MAX);
    }

    /// The oldest window and its start, if it is closed.
    #[inline]
    pub fn due(&mut self) -> Option<(i64, W)> {
        if self.latest_ns < self.closed_before_ns {
            self.put_back();
        }
        let oldest = self.open.first_entry()?;
        (*oldest.key() < self.closed_before_ns).then(|| oldest.remove_entry())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.latest.is_none() && self.open.is_empty()
    }

    /// Where the window of the latest packet starts.
    #[inline]
    pub fn latest(&self) -> i64 {
        self.latest_ns
    }

    /// The window that starts at `start_ns`, if it is open.
    pub fn at(&mut self, start_ns: i64) -> Option<&mut W> {
        if start_ns == self.latest_ns && self.latest.is_some() {
            return self.latest.as_mut();
        }
        self.open.get_mut(&start_ns)
    }
}
