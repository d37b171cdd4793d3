//! From a capture to closed windows, in bounded memory.

use std::collections::BTreeMap;

use super::scope::Scope;
use super::table::Table;
use crate::capture::{Captures, Ledger, Skip};
use crate::error::{Error, Result};
use crate::packet::{Filter, Fragments, Packet, Tunnels};
use crate::progress::Progress;
use crate::truth::{AttackId, Truths};

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

/// Windows that are being filled; they close by the packets' own time.
///
/// The clock is the latest time on which two packets in a row agree, so that a single packet with a mad time stamp does not
/// close the windows of all sane ones behind it. Which packets a window holds depends on nothing but the packets and their
/// order: not on when it is asked for.
#[derive(Debug)]
pub struct Windows {
    windowing: Windowing,
    scope: Scope,
    open: BTreeMap<i64, Table>,
    /// Of each window that has any, apart: what a window's fragments are joined to must not depend on the window before.
    fragments: BTreeMap<i64, Fragments>,
    previous_ns: i64,
    clock_ns: i64,
    /// Windows that start before this are closed.
    closed_before_ns: i64,
}

impl Windows {
    /// Windows that are open at once at most: a broken clock that scatters packets over all times cannot fill the memory.
    pub const MAX_OPEN: usize = 4096;

    /// Windows whose fragments are remembered at once at most, the latest ones.
    const MAX_FRAGMENTED: usize = 16;

    /// No window yet.
    pub fn new(windowing: Windowing, scope: Scope) -> Self {
        Self {
            windowing,
            scope,
            open: BTreeMap::new(),
            fragments: BTreeMap::new(),
            previous_ns: i64::MIN,
            clock_ns: i64::MIN,
            closed_before_ns: i64::MIN,
        }
    }

    /// Gives a later fragment the ports of its first, if that came before it in the same window.
    pub fn join(&mut self, packet: &mut Packet, ledger: &mut Ledger) {
        if packet.fragment.is_none() {
            return;
        }
        self.fragments.entry(self.windowing.start_of(packet.time_ns)).or_default().join(packet, ledger);
        if self.fragments.len() > Self::MAX_FRAGMENTED
            && let Some((_, forgotten)) = self.fragments.pop_first()
        {
            ledger.evictions += forgotten.len() as u64;
        }
    }

    /// Takes a packet in, with the attack that it belongs to.
    ///
    /// # Errors
    /// [`Skip::Late`] if its window is closed.
    pub fn count(&mut self, packet: &Packet, attack: Option<AttackId>) -> std::result::Result<(), Skip> {
        let length_ns = self.windowing.length_ns;
        self.clock_ns = self.clock_ns.max(self.previous_ns.min(packet.time_ns));
        self.previous_ns = packet.time_ns;
        self.close_before(self.windowing.start_of(self.clock_ns.saturating_sub(self.windowing.lateness_ns)));

        let start_ns = self.windowing.start_of(packet.time_ns);
        if start_ns < self.closed_before_ns {
            return Err(Skip::Late);
        }
        self.open.entry(start_ns).or_insert_with(|| Table::new(start_ns, length_ns, &self.scope)).count(packet, attack);
        if self.open.len() > Self::MAX_OPEN {
            let mut unclosed = self.open.range(self.closed_before_ns..).map(|(&start_ns, _)| start_ns);
            if unclosed.clone().count() > Self::MAX_OPEN
                && let Some(second) = unclosed.nth(1)
            {
                self.close_before(second);
            }
        }
        Ok(())
    }

    fn close_before(&mut self, start_ns: i64) {
        self.closed_before_ns = self.closed_before_ns.max(start_ns);
        while self.fragments.first_key_value().is_some_and(|(&window_ns, _)| window_ns < self.closed_before_ns) {
            self.fragments.pop_first();
        }
    }

    /// The oldest window, if it is closed.
    pub fn due(&mut self) -> Option<Table> {
        let oldest = self.open.first_entry()?;
        (*oldest.key() < self.closed_before_ns).then(|| oldest.remove())
    }

    /// The windows that are left, oldest first.
    pub fn finish(self) -> impl Iterator<Item = Table> {
        self.open.into_values()
    }
}

/// Packets that are read before they are counted: few enough to stay in the processor's cache.
const BATCH: usize = 512;
/// Packets that another thread reads while those before them are counted: enough to be worth waking it.
const AHEAD: usize = 4096;

/// Reads captures to their end, or until the user cancels, and hands each window to `sink` as it closes, in the order of time.
///
/// Files are read and decoded a batch ahead, beside the counting, where rayon's pool has a thread for that; packets reach
/// their windows in the same order all the same, so the rows do not depend on it. A stream is taken packet by packet: what
/// one packet makes due must not wait for the next.
///
/// Every packet that is read is counted in `ledger` as used or skipped, also when a capture is cut short.
///
/// # Errors
/// What `sink` returns.
pub fn extract(
    captures: &mut Captures,
    truths: &Truths,
    plan: Plan<'_>,
    ledger: &mut Ledger,
    progress: &dyn Progress,
    mut sink: impl FnMut(Table) -> Result<()>,
) -> Result<()> {
    let ahead = captures.are_files() && rayon::current_num_threads() > 1;
    let most = match captures.are_files() {
        false => 1,
        true if ahead => AHEAD,
        true => BATCH,
    };
    let mut windows = Windows::new(plan.windowing, plan.scope.clone());
    let mut count = |batch: &mut [Read]| -> Result<()> {
        for Read { place, number, packet } in batch {
            windows.join(packet, ledger);
            let counted = if plan.filter.is_some_and(|filter| !filter.matches(packet)) {
                Err(Skip::Filtered)
            } else {
                windows.count(packet, truths.label(*place, packet, *number))
            };
            match counted {
                Ok(()) => ledger.used += 1,
                Err(reason) => ledger.skip(reason),
            }
            while let Some(table) = windows.due() {
                sink(table)?;
            }
        }
        Ok(())
    };
    let mut reader =
        Reader { captures, plan: plan.clone(), progress, ledger: Ledger::default(), reported: 0, ended: false };
    let (mut batch, mut next) = (Vec::with_capacity(most), Vec::with_capacity(most));
    let mut counted = Ok(());
    while counted.is_ok() && !(reader.ended && next.is_empty()) {
        std::mem::swap(&mut batch, &mut next);
        counted = if ahead {
            rayon::in_place_scope(|scope| {
                scope.spawn(|_| reader.read(&mut next, most));
                count(&mut batch)
            })
        } else {
            let counted = count(&mut batch);
            reader.read(&mut next, most);
            counted
        };
    }
    let read = reader.ledger;
    ledger.add(&read);
    counted?;
    windows.finish().try_for_each(sink)
}

/// A packet without its bytes, with the place of its capture among the captures and its number there.
struct Read {
    place: usize,
    number: u64,
    packet: Packet<'static>,
}

/// Brings packets out of captures.
struct Reader<'a> {
    captures: &'a mut Captures,
    plan: Plan<'a>,
    progress: &'a dyn Progress,
    /// What was read, and what was skipped before it came to a window.
    ledger: Ledger,
    /// The position that `progress` has heard of.
    reported: u64,
    ended: bool,
}

impl Reader<'_> {
    /// Replaces `batch` by the packets of the next `most` frames.
    fn read(&mut self, batch: &mut Vec<Read>, most: usize) {
        batch.clear();
        self.ended |= self.progress.cancelled();
        for _ in 0..most {
            let frame = if self.ended { None } else { self.captures.next_frame(&mut self.ledger) };
            let Some((place, frame)) = frame else {
                self.ended = true;
                break;
            };
            match Packet::decode(&frame, self.plan.tunnels) {
                Ok(packet) => {
                    batch.push(Read { place, number: frame.number, packet: Packet { payload: &[], ..packet } })
                }
                Err(reason) => self.ledger.skip(reason),
            }
        }
        let position = self.captures.position();
        if position > self.reported {
            self.progress.advance(position - self.reported);
            self.reported = position;
        }
    }
}
