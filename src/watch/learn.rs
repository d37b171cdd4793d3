//! The rows of a watch as they come, in files of an hour each: what tomorrow's model is trained on.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use crate::alert::time;
use crate::error::{Error, Result};
use crate::file;
use crate::matrix::{Matrix, Writer};
use crate::sink::Patience;

/// What became of rows.
#[derive(Debug, Default)]
pub struct Learned {
    /// Rows in files that are whole.
    pub rows: AtomicU64,
    /// Rows that are in none: the disk refused, or was too slow.
    pub lost: AtomicU64,
}

/// Takes rows, which a thread of its own writes: a slow disk holds nobody up.
pub struct Learner {
    queue: SyncSender<Matrix>,
    patience: Patience,
    learned: Arc<Learned>,
    thread: JoinHandle<()>,
}

/// Windows that may wait for the disk.
const WAITING: usize = 16;
const HOUR_NS: i64 = 3_600_000_000_000;
/// What names a file of rows.
const ENDING: &str = ".parquet";

impl Learner {
    /// Begins to write rows into a folder, of which they may take so many bytes; beyond, the oldest files go.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn new(folder: PathBuf, disk: u64, patience: Patience) -> Result<Self> {
        fs::create_dir_all(&folder).map_err(|error| Error::io(&folder, &error))?;
        file::clear_drafts(&folder);
        let (queue, waiting) = sync_channel(WAITING);
        let learned = Arc::new(Learned::default());
        let counts = Arc::clone(&learned);
        let thread = thread::spawn(move || work(&folder, disk, &waiting, &counts));
        Ok(Self { queue, patience, learned, thread })
    }

    /// Takes the rows of a window.
    pub fn take(&self, rows: Matrix) {
        let count = rows.rows() as u64;
        let taken = match self.patience {
            Patience::Endless => self.queue.send(rows).is_ok(),
            Patience::None => self.queue.try_send(rows).is_ok(),
        };
        if !taken {
            self.learned.lost.fetch_add(count, Ordering::Relaxed);
        }
    }

    /// What became of rows so far.
    pub fn learned(&self) -> Arc<Learned> {
        Arc::clone(&self.learned)
    }

    /// Writes what waits, and ends.
    pub fn finish(self) {
        drop(self.queue);
        let _ = self.thread.join();
    }
}

fn hour(rows: &Matrix) -> i64 {
    rows.window_start_ns.first().map_or(0, |start_ns| start_ns.div_euclid(HOUR_NS))
}

/// `host-2026-03-03T021600Z.parquet`: files in the order of their names are in the order of time.
fn name(rows: &Matrix) -> String {
    let start_ns = rows.window_start_ns.first().copied().unwrap_or_default();
    format!("{}-{}{ENDING}", rows.schema.view, time(start_ns).replace(':', ""))
}

fn work(folder: &Path, disk: u64, queue: &Receiver<Matrix>, learned: &Learned) {
    let mut next = None;
    while let Some(first) = next.take().or_else(|| queue.recv().ok()) {
        // A file is there once it is whole; what a killed watch had of its last hour is not.
        let path = folder.join(name(&first));
        let ours = format!("{}-", first.schema.view);
        let mut rows = first.rows() as u64;
        let written = file::write(&path, |out| {
            let mut writer = Writer::new(&path, out, first.schema.clone(), first.labels.is_some())?;
            let hour_of_file = hour(&first);
            let mut window = first;
            loop {
                writer.push_rows(&window)?;
                match queue.recv() {
                    Ok(more) if hour(&more) == hour_of_file => {
                        rows += more.rows() as u64;
                        window = more;
                    }
                    Ok(more) => {
                        next = Some(more);
                        break;
                    }
                    Err(_) => break,
                }
            }
            writer.finish().map(drop)
        });
        let count = if written.is_ok() { &learned.rows } else { &learned.lost };
        count.fetch_add(rows, Ordering::Relaxed);
        file::make_room(folder, |name| name.starts_with(&ours) && name.ends_with(ENDING), disk);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::{Column, Schema, Selection, TableOptions, read};
    use crate::window::{DEFINITIONS_VERSION, Rows};

    fn window(start_s: i64, rows: usize) -> Matrix {
        let columns = vec![Column { name: "a".to_owned(), categorical: false }];
        let selection = Selection::default();
        let schema = Schema { view: "host".into(), window_ns: 1, columns, definitions: DEFINITIONS_VERSION, selection };
        let mut matrix = Matrix::new(schema, false);
        let rows = Rows {
            entity: (0..rows).map(|row| format!("10.0.0.{row}")).collect(),
            values: (0..rows).map(|row| row as f32).collect(),
            attack: vec![None; rows],
            attack_packets: vec![0; rows],
            ..Rows::default()
        };
        matrix.push_window(start_s * 1_000_000_000, rows, None);
        matrix
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn an_hour_is_a_file_and_the_oldest_go() {
        let folder = tempfile::tempdir().unwrap();
        let learn = |disk: u64, hours: i64| {
            let learner = Learner::new(folder.path().to_owned(), disk, Patience::Endless).unwrap();
            for start_s in (0..hours).flat_map(|hour| [hour * 3600 + 10, hour * 3600 + 3599]) {
                learner.take(window(start_s, 3));
            }
            let learned = learner.learned();
            learner.finish();
            (learned.rows.load(Ordering::Relaxed), learned.lost.load(Ordering::Relaxed))
        };
        assert_eq!(learn(1 << 20, 3), (18, 0));
        let all =
            ["host-1970-01-01T000010Z.parquet", "host-1970-01-01T010010Z.parquet", "host-1970-01-01T020010Z.parquet"];
        assert_eq!(names(folder.path()), all);
        let second = read(&folder.path().join(all[1]), &TableOptions::default(), None).unwrap();
        assert_eq!(second.window_start_ns[..], [3610, 3610, 3610, 7199, 7199, 7199].map(|s| s * 1_000_000_000));

        fs::write(folder.path().join("other.parquet"), "not ours").unwrap();
        let size = fs::metadata(folder.path().join(all[0])).unwrap().len();
        learn(size * 5 / 2, 4);
        let left = names(folder.path());
        assert_eq!(left[left.len() - 2..], ["host-1970-01-01T030010Z.parquet", "other.parquet"]);
        assert_eq!(left.len(), 3, "{left:?}");
    }

    #[test]
    fn what_the_disk_refuses_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        let learner = Learner::new(folder.path().join("rows"), 1 << 20, Patience::Endless).unwrap();
        fs::remove_dir(folder.path().join("rows")).unwrap();
        learner.take(window(0, 3));
        let learned = learner.learned();
        learner.finish();
        assert_eq!((learned.rows.load(Ordering::Relaxed), learned.lost.load(Ordering::Relaxed)), (0, 3));
    }
}
