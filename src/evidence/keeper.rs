//! Who writes slices, on a thread of its own: a slow disk holds nobody up.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::slice::{self, Whose};
use super::trail::{Look, Trail};
use crate::alert::episode::{Event, Notice};
use crate::error::{Error, Result};
use crate::file;
use crate::packet::Tunnels;

/// How slices are kept.
#[derive(Clone, Debug)]
pub struct Keeping {
    /// Where.
    pub folder: PathBuf,
    /// Bytes that they may take there; beyond, the oldest go.
    pub disk: u64,
    /// How long before the first and after the latest alert's window packets are wanted.
    pub around_ns: i64,
    /// Which packet of a tunnel is an entity's.
    pub tunnels: Tunnels,
    /// Whether who orders can wait, as a recording can.
    pub patient: bool,
}

/// What became of slices.
#[derive(Debug, Default)]
pub struct Kept {
    /// Files that were written.
    pub written: AtomicU64,
    /// Files that were not: too many at once, or the disk refused.
    pub failed: AtomicU64,
}

/// Takes orders for slices.
pub struct Keeper {
    around_ns: i64,
    patient: bool,
    trail: Arc<Mutex<Trail>>,
    orders: SyncSender<Order>,
    kept: Arc<Kept>,
    thread: JoinHandle<()>,
}

struct Order {
    name: String,
    whose: Whose,
    times_ns: Range<i64>,
    look: Look,
}

/// Orders that may wait; each holds on to what it was given of the trail, so where orders can wait to be taken, few wait.
const WAITING: usize = 256;
const WAITING_PATIENTLY: usize = 1;
/// How long who can wait does so at a time.
const PAUSE: Duration = Duration::from_millis(2);
/// What names a slice.
const ENDING: &str = ".pcapng";

impl Keeper {
    /// Begins to keep slices of a trail.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn new(keeping: Keeping, trail: Arc<Mutex<Trail>>) -> Result<Self> {
        fs::create_dir_all(&keeping.folder).map_err(|error| Error::io(&keeping.folder, &error))?;
        file::clear_drafts(&keeping.folder);
        let Keeping { around_ns, patient, .. } = keeping;
        let (orders, waiting) = sync_channel(if patient { WAITING_PATIENTLY } else { WAITING });
        let kept = Arc::new(Kept::default());
        let counts = Arc::clone(&kept);
        let thread = thread::spawn(move || work(&keeping, &waiting, &counts));
        Ok(Self { around_ns, patient, trail, orders, kept, thread })
    }

    /// Orders the slice of an episode that has opened, and once more when it closes, for then more has come; the name of its file.
    /// Of too many at once, some are not kept, and counted, unless whoever orders can wait.
    pub fn order(&self, notice: &Notice) -> Option<String> {
        if notice.event == Event::Updated {
            return notice.evidence.clone();
        }
        let name = format!("{}{ENDING}", notice.episode);
        let (start_ns, end_ns) = notice.span_ns;
        let times_ns = start_ns.saturating_sub(self.around_ns)..end_ns.saturating_add(self.around_ns);
        let whose = Whose::named(&notice.alert.view, &notice.alert.entity);
        let look = self.look(&times_ns);
        let order = look.map(|look| Order { name: name.clone(), whose, times_ns, look });
        let taken = order.is_some_and(|order| match self.patient {
            true => self.orders.send(order).is_ok(),
            false => self.orders.try_send(order).is_ok(),
        });
        if taken {
            return Some(name);
        }
        self.kept.failed.fetch_add(1, Ordering::Relaxed);
        notice.evidence.clone()
    }

    /// What the trail holds of some time; none if others hold too much of it, and there is no time to wait for them.
    fn look(&self, times_ns: &Range<i64>) -> Option<Look> {
        loop {
            let look = self.trail.lock().unwrap_or_else(PoisonError::into_inner).look(times_ns);
            if look.is_some() || !self.patient {
                return look;
            }
            thread::sleep(PAUSE);
        }
    }

    /// What became of slices so far.
    pub fn kept(&self) -> Arc<Kept> {
        Arc::clone(&self.kept)
    }

    /// Writes what was ordered, and ends.
    pub fn finish(self) {
        drop(self.orders);
        let _ = self.thread.join();
    }
}

/// The path of a slice in a folder, if it has a name that a keeper gives: that of an episode, and so no other place.
pub fn slice_path(folder: &Path, name: &str) -> Option<PathBuf> {
    let episode = name.strip_suffix(ENDING)?;
    let is_episode = episode.len() == 16 && episode.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    is_episode.then(|| folder.join(name))
}

fn work(keeping: &Keeping, orders: &Receiver<Order>, kept: &Kept) {
    while let Ok(order) = orders.recv() {
        let path = keeping.folder.join(&order.name);
        let Order { whose, times_ns, look: Look { segments, oldest_ns }, .. } = order;
        // A slice that was written when the episode opened holds what the trail has forgotten since.
        if path.exists() && oldest_ns.is_none_or(|oldest_ns| oldest_ns > times_ns.start) {
            continue;
        }
        let written =
            file::write(&path, |out| slice::write(&path, out, &segments, whose, keeping.tunnels, times_ns).map(drop));
        let count = if written.is_ok() { &kept.written } else { &kept.failed };
        count.fetch_add(1, Ordering::Relaxed);
        file::make_room(&keeping.folder, |name| name.ends_with(ENDING), keeping.disk);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_a_keeper_gives_are_paths() {
        let folder = Path::new("kept");
        let path = |name: &str| slice_path(folder, name);
        assert_eq!(path("00112233445566ff.pcapng"), Some(PathBuf::from("kept/00112233445566ff.pcapng")));
        for name in [
            "",
            ".pcapng",
            "../etc/passwd",
            "00112233445566FF.pcapng",
            "00112233445566f.pcapng",
            "../../445566ff123.pcapng",
            "00112233445566ff.pcapng/",
            "00112233445566ff.pcap",
            "/0112233445566ff.pcapng",
            "0011223344é66ff.pcapng",
        ] {
            assert_eq!(path(name), None, "{name}");
        }
    }
}
