//! A model file is whole or refused (law 6): damaged by accident at any byte, cut at any byte, or made to do harm with a
//! checksum that is right.

use std::alloc::{GlobalAlloc, Layout, System};
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};

use ndarray::Array2;
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use tempfile::{NamedTempFile, TempDir};
use tidewatch::matrix::{self, Column, Matrix, Schema, TableOptions};
use tidewatch::model::ensemble::Kind;
use tidewatch::model::train::{Model, Training, train};
use tidewatch::progress::Quiet;
use tidewatch::window::{Rows, Sightings, View};
use tidewatch::{Error, ErrorKind, alert, artifact};

/// What reading a model may take, however much the file claims.
const MEMORY: usize = 64 << 20;
/// Where the checksum stands, and where what it covers goes on behind it.
const CHECKSUM: std::ops::Range<usize> = 24..56;

const ENTITIES: [&str; 3] = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];

/// The system's allocator, with a count of the bytes that are in use and of the most that were.
struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

impl Counting {
    fn grown(size: usize) {
        let live = LIVE.fetch_add(size, Ordering::Relaxed) + size;
        PEAK.fetch_max(live, Ordering::Relaxed);
    }
}

// SAFETY: every call goes to `System` as it came, whose contract is that of this trait; the counters are atomics beside it,
// which allocate nothing and cannot panic.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::grown(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Self::grown(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, old: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Old and new may both be there while one is copied to the other.
        Self::grown(size);
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.realloc(old, layout, size) }
    }

    unsafe fn dealloc(&self, old: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(old, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Tests of one program run side by side; only one at a time is measured, and no other works meanwhile.
static MEASURED: Mutex<()> = Mutex::new(());

/// What `work` gives, and the bytes that it had in use at most.
fn measured<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = LIVE.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    let done = work();
    (done, PEAK.load(Ordering::Relaxed).saturating_sub(before))
}

/// The file of a small model of these kinds: three columns of numbers and one of names, of three entities.
fn model(kinds: &[Kind], rows: usize) -> Vec<u8> {
    let folder = TempDir::new().unwrap();
    let table = folder.path().join("table.csv");
    let rows = (0..rows).map(|i| format!("{},{},{},{}\n", i % 7, i * i % 31, i / 10, ["tcp", "udp", "icmp"][i % 3]));
    std::fs::write(&table, "packets,bytes,ports,proto\n".to_owned() + &rows.collect::<String>()).unwrap();
    let mut matrix = matrix::read(&table, &TableOptions::default(), None).unwrap();
    matrix.entity = (0..matrix.rows()).map(|row| ENTITIES[row % 3].to_owned()).collect();
    train_on(&matrix, kinds)
}

/// The file of a model of these kinds.
fn train_on(matrix: &Matrix, kinds: &[Kind]) -> Vec<u8> {
    let folder = TempDir::new().unwrap();
    let model = folder.path().join("model.tw");
    let training = Training { kinds: Some(kinds.to_vec()), ..Training::default() };
    artifact::write(&train(matrix, &training, Vec::new(), &Quiet).unwrap(), &model).unwrap();
    std::fs::read(model).unwrap()
}

static TAILS: LazyLock<Vec<u8>> = LazyLock::new(|| model(&[Kind::Tail], 60));
static FOREST: LazyLock<Vec<u8>> = LazyLock::new(|| model(&[Kind::Iforest], 60));
static SLOPED: LazyLock<Vec<u8>> = LazyLock::new(|| model(&[Kind::SciForest], 60));
static CLUSTERS: LazyLock<Vec<u8>> = LazyLock::new(|| model(&[Kind::Kmeans, Kind::Gmm], 60));
static DISTANCES: LazyLock<Vec<u8>> = LazyLock::new(|| model(&[Kind::Knn, Kind::Lof, Kind::Dbscan, Kind::Optics], 60));
static SHAPES: LazyLock<Vec<u8>> = LazyLock::new(|| model(&[Kind::Ecod, Kind::Copod, Kind::Hbos, Kind::Pca], 60));
// Habits are learned of who is seen fifty times.
static HABITS: LazyLock<Vec<u8>> = LazyLock::new(|| model(&[Kind::Own], 180));

// Of hosts, of which each shows its peer, in two of the columns that a host has.
static PASTS: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let column = |name: &str| Column { name: name.to_owned(), categorical: false };
    let columns = ["packets", "bytes"].map(column).to_vec();
    let mut matrix = Matrix::new(Schema { columns, ..Schema::of(View::Host, 30_000_000_000) }, false);
    for window in 0..60 {
        let mut sightings = Sightings::default();
        (0..3_u32).for_each(|host| sightings.push([host + window % 7 / 6]));
        let rows = Rows {
            entity: ENTITIES.into_iter().collect(),
            values: (0..6).map(|value| (value + window % 5) as f32).collect(),
            attack: vec![None; 3],
            attack_packets: vec![0; 3],
            sightings: Some(sightings),
            parties: None,
        };
        matrix.push_window(i64::from(window) * 30_000_000_000, rows, None);
    }
    train_on(&matrix, &[Kind::Novelty, Kind::Drift])
});

fn read(file: &Path, bytes: &[u8]) -> Result<Model, Error> {
    // Thousands of times the same file: to empty it first would make file systems put each of them on the disk.
    let mut open = OpenOptions::new().write(true).open(file).unwrap();
    open.write_all(bytes).unwrap();
    open.set_len(bytes.len() as u64).unwrap();
    artifact::read(file)
}

fn number(bytes: &[u8]) -> usize {
    bytes.iter().rev().fold(0, |number, &byte| number << 8 | usize::from(byte))
}

/// Where the body begins: behind the JSON.
fn body(model: &[u8]) -> usize {
    CHECKSUM.end + number(&model[12..16])
}

/// Makes the checksum right.
fn seal(model: &mut [u8]) {
    let sum = Sha256::new().chain_update(&model[..CHECKSUM.start]).chain_update(&model[CHECKSUM.end..]).finalize();
    model[CHECKSUM].copy_from_slice(&sum);
}

/// Reads a file that was made to do harm and, if it passes for a model, scores and explains rows as its own schema asks for.
/// All of it has to end, without a panic, in little memory.
fn survive(file: &Path, bytes: &[u8]) -> Result<Model, Error> {
    let (outcome, memory): (Result<_, Error>, _) = measured(|| {
        let model = read(file, bytes)?;
        let rows = rows_of(&model);
        let mut scores = model.score(&rows)?;
        // As if all were alerts, so that all are explained.
        scores.alert.fill(true);
        for alert in alert::alerts(&model, &rows, &scores) {
            serde_json::to_string(&alert).unwrap();
        }
        Ok(model)
    });
    assert!(memory < MEMORY + bytes.len(), "{memory} bytes were in use");
    if let Err(error) = &outcome {
        assert!(matches!(error.kind, ErrorKind::Artifact | ErrorKind::Mismatch), "{error}");
    }
    outcome
}

/// Ordinary, wild and missing values.
fn rows_of(model: &Model) -> Matrix {
    let columns = &model.schema.columns;
    let wild = [1.0, 0.0, f32::MAX, f32::MIN_POSITIVE, f32::NAN, f32::NEG_INFINITY, -1e30];
    let mut rows = Matrix::new(model.schema.clone(), false);
    rows.window_start_ns = vec![0; wild.len()];
    rows.sightings = rows.sightings.map(|mut sightings| {
        (0..wild.len()).for_each(|row| sightings.push([row as u32, u32::MAX]));
        sightings
    });
    rows.entity = (0..wild.len()).map(|row| ENTITIES.get(row).unwrap_or(&"a stranger").to_string()).collect();
    rows.values = Array2::from_shape_fn((wild.len(), columns.len()), |(row, column)| wild[(row + column) % wild.len()]);
    for (levels, column) in rows.levels.iter_mut().zip(columns).filter(|(_, column)| column.categorical) {
        *levels = vec!["tcp".to_owned(), format!("new in {}", column.name)];
    }
    rows
}

#[test]
fn every_changed_byte_is_noticed() {
    let _alone = MEASURED.lock().unwrap_or_else(PoisonError::into_inner);
    let file = NamedTempFile::new().unwrap();
    let whole = TAILS.clone();
    read(file.path(), &whole).unwrap();
    for at in 0..whole.len() {
        // Every value where the header's own fields stand, one for each byte that the checksum alone guards.
        let changes: Vec<u8> = if at < CHECKSUM.end { (1..=255).collect() } else { vec![1 << (at % 8)] };
        for change in changes {
            let mut damaged = whole.clone();
            damaged[at] ^= change;
            let error = read(file.path(), &damaged).expect_err("a changed byte was not noticed");
            assert_eq!(error.kind, ErrorKind::Artifact, "byte {at}: {error}");
            assert!(error.hint.is_some(), "byte {at}: {error}");
        }
    }
}

#[test]
fn every_cut_is_noticed() {
    let _alone = MEASURED.lock().unwrap_or_else(PoisonError::into_inner);
    let file = NamedTempFile::new().unwrap();
    for length in 0..TAILS.len() {
        let error = read(file.path(), &TAILS[..length]).expect_err("a cut was not noticed");
        assert_eq!(error.kind, ErrorKind::Artifact, "{length} bytes: {error}");
        assert!(error.hint.is_some(), "{length} bytes: {error}");
    }
}

/// What could be a length is made a large one, in the body and in the header.
#[test]
fn a_length_that_is_blown_up_takes_no_memory() {
    let _alone = MEASURED.lock().unwrap_or_else(PoisonError::into_inner);
    let file = NamedTempFile::new().unwrap();
    for whole in [&TAILS, &CLUSTERS, &HABITS, &PASTS] {
        let in_body = (body(whole)..whole.len() - 8).filter(|&at| number(&whole[at..at + 8]) < 1 << 12);
        for at in [12, 16].into_iter().chain(in_body) {
            for length in [u64::MAX, 1 << 60, (1 << 30) - 1, 1 << 24] {
                let mut hostile = whole.to_vec();
                hostile[at..at + 8].copy_from_slice(&length.to_le_bytes());
                seal(&mut hostile);
                let _ = survive(file.path(), &hostile);
            }
        }
    }
}

/// Changes a few bytes of the body, and makes the checksum right again.
fn tampered(whole: &[u8], changes: &[(prop::sample::Index, u8)]) -> Vec<u8> {
    let mut hostile = whole.to_vec();
    let start = body(whole);
    for (at, change) in changes {
        hostile[start + at.index(whole.len() - start)] ^= change;
    }
    seal(&mut hostile);
    hostile
}

fn changes() -> impl Strategy<Value = Vec<(prop::sample::Index, u8)>> {
    prop::collection::vec((any::<prop::sample::Index>(), 1_u8..), 1..6)
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config(3000))]

    #[test]
    fn tails_that_were_tampered_with_do_no_harm(changes in changes()) {
        let _alone = MEASURED.lock().unwrap_or_else(PoisonError::into_inner);
        let file = NamedTempFile::new().unwrap();
        let _ = survive(file.path(), &tampered(&TAILS, &changes));
    }

    #[test]
    fn habits_that_were_tampered_with_do_no_harm(changes in changes()) {
        let _alone = MEASURED.lock().unwrap_or_else(PoisonError::into_inner);
        let file = NamedTempFile::new().unwrap();
        let _ = survive(file.path(), &tampered(&HABITS, &changes));
    }

    #[test]
    fn a_past_that_was_tampered_with_does_no_harm(changes in changes()) {
        let _alone = MEASURED.lock().unwrap_or_else(PoisonError::into_inner);
        let file = NamedTempFile::new().unwrap();
        let _ = survive(file.path(), &tampered(&PASTS, &changes));
    }

    #[test]
    fn clusters_and_mixtures_that_were_tampered_with_do_no_harm(changes in changes()) {
        let _alone = MEASURED.lock().unwrap_or_else(PoisonError::into_inner);
        let file = NamedTempFile::new().unwrap();
        let _ = survive(file.path(), &tampered(&CLUSTERS, &changes));
    }

    #[test]
    fn distances_that_were_tampered_with_do_no_harm(changes in changes()) {
        let _alone = MEASURED.lock().unwrap_or_else(PoisonError::into_inner);
        let file = NamedTempFile::new().unwrap();
        let _ = survive(file.path(), &tampered(&DISTANCES, &changes));
    }

    #[test]
    fn sums_over_features_that_were_tampered_with_do_no_harm(changes in changes()) {
        let _alone = MEASURED.lock().unwrap_or_else(PoisonError::into_inner);
        let file = NamedTempFile::new().unwrap();
        let _ = survive(file.path(), &tampered(&SHAPES, &changes));
    }
}

proptest! {
    #![proptest_config(config(500))]

    #[test]
    fn a_forest_that_was_tampered_with_does_no_harm(changes in changes()) {
        let _alone = MEASURED.lock().unwrap_or_else(PoisonError::into_inner);
        let file = NamedTempFile::new().unwrap();
        let _ = survive(file.path(), &tampered(&FOREST, &changes));
    }

    #[test]
    fn a_sloped_forest_that_was_tampered_with_does_no_harm(changes in changes()) {
        let _alone = MEASURED.lock().unwrap_or_else(PoisonError::into_inner);
        let file = NamedTempFile::new().unwrap();
        let _ = survive(file.path(), &tampered(&SLOPED, &changes));
    }
}

/// The tests above would prove nothing if the checksum were never right.
#[test]
fn a_harmless_change_under_a_right_checksum_is_read() {
    let _alone = MEASURED.lock().unwrap_or_else(PoisonError::into_inner);
    let file = NamedTempFile::new().unwrap();
    for whole in [&TAILS, &CLUSTERS, &DISTANCES, &SHAPES, &FOREST, &SLOPED, &HABITS, &PASTS] {
        let mut renamed = whole.to_vec();
        let at = body(whole) + renamed[body(whole)..].windows(5).position(|name| name == b"bytes").unwrap();
        renamed[at] = b'B';
        seal(&mut renamed);
        assert_eq!(survive(file.path(), &renamed).unwrap().schema.columns[1].name, "Bytes");
    }
}
