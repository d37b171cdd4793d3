//! Days that are composed of recordings: benign ones laid out over some hours, and in the second day an attack among them.
//!
//! Short recordings of devices are no network. Laid side by side at random times they are as bursty and as mixed as one. The day
//! to learn and the day to judge are made of different recordings: the first of each two goes to one, the second to the other.

use std::path::{Path, PathBuf};

use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::Deserialize;
use tidewatch::capture::{Capture, Ledger, Link};
use tidewatch::dataset::sha256;
use tidewatch::progress::Progress;
use tidewatch::{Error, ErrorKind, Result, file};

use super::{Cache, Terminal};

/// A day to learn and a day to judge.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Composition {
    /// A folder with benign recordings, also in folders below it.
    background: String,
    /// How long each day is.
    hours: f64,
    #[serde(default)]
    seed: u64,
    /// How often each recording takes place.
    #[serde(default = "once")]
    times: u32,
    /// What happens in the second day.
    #[serde(rename = "attack")]
    attacks: Vec<Attack>,
}

/// An attack, and when it begins.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Attack {
    name: String,
    capture: String,
    /// From the beginning of the day, as in `2h`.
    at: String,
}

fn once() -> u32 {
    1
}

/// A packet with its time.
struct Event {
    time_ns: i64,
    attack: Option<usize>,
    wire_len: u32,
    bytes: Vec<u8>,
}

/// Monday, 1 January 2024.
const LEARNED_NS: i64 = 1_704_067_200_000_000_000;
const DAY_NS: i64 = 86_400_000_000_000;
/// Of bytes of packets, which are held until the day is written.
const MOST: usize = 1 << 30;

/// The two captures, made unless they are there.
pub fn made(composition: &Composition, data: &Path, cache: &Cache, terminal: &Terminal) -> Result<(PathBuf, PathBuf)> {
    let mut files = Vec::new();
    below(&data.join(&composition.background), &mut files)?;
    files.sort();
    files.retain(|file| Capture::open(file).is_ok());
    if files.len() < 2 {
        let what = "fewer than two recordings are in this folder";
        return Err(Error::new(ErrorKind::Capture, data.join(&composition.background).display(), what));
    }
    let mut parts = vec!["compose".to_owned(), format!("{composition:?}")];
    for file in files.iter().cloned().chain(composition.attacks.iter().map(|attack| data.join(&attack.capture))) {
        parts.push(sha256(&file)?);
    }
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let [learned, judged] = ["learned.pcap", "judged.pcap"].map(|ending| cache.path(&parts, ending));
    for (day, path) in [&learned, &judged].into_iter().enumerate() {
        let labels = path.with_extension("labels.toml");
        if !(path.exists() && labels.exists()) {
            let mine: Vec<&PathBuf> = files.iter().skip(day).step_by(2).collect();
            let events = events(composition, day, &mine, data, terminal)?;
            write(composition, &events, path)?;
        }
    }
    Ok((learned, judged))
}

fn below(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let io = |error: std::io::Error| Error::io(folder, &error);
    for entry in folder.read_dir().map_err(io)? {
        let path = entry.map_err(io)?.path();
        if path.is_dir() { below(&path, files)? } else { files.push(path) }
    }
    Ok(())
}

/// The packets of a day, in the order of time.
fn events(
    composition: &Composition,
    day: usize,
    files: &[&PathBuf],
    data: &Path,
    terminal: &Terminal,
) -> Result<Vec<Event>> {
    let length_ns = (composition.hours.clamp(0.01, 24.0) * 3600e9) as i64;
    let start_ns = LEARNED_NS + day as i64 * DAY_NS;
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(composition.seed.wrapping_mul(2).wrapping_add(day as u64));
    let (mut events, mut held) = (Vec::new(), 0);
    for file in files {
        for _ in 0..composition.times {
            terminal.check()?;
            let from_ns = start_ns + rng.gen_range(0..length_ns);
            lay(file, from_ns, start_ns + length_ns, None, &mut events, &mut held)?;
        }
    }
    if day == 1 {
        for (place, attack) in composition.attacks.iter().enumerate() {
            let at_ns = super::experiment::nanoseconds(&attack.at)?;
            lay(&data.join(&attack.capture), start_ns + at_ns, i64::MAX, Some(place), &mut events, &mut held)?;
        }
    }
    events.sort_by_key(|event| event.time_ns);
    Ok(events)
}

/// Adds the packets of a recording as if it began at `from_ns`; what would be at `end_ns` or later is left out.
fn lay(
    path: &Path,
    from_ns: i64,
    end_ns: i64,
    attack: Option<usize>,
    events: &mut Vec<Event>,
    held: &mut usize,
) -> Result<()> {
    let mut capture = Capture::open(path)?;
    let mut ledger = Ledger::default();
    let mut first_ns = None;
    while let Some(frame) = capture.next_frame(&mut ledger) {
        let first_ns = *first_ns.get_or_insert(frame.time_ns);
        let time_ns = from_ns.saturating_add(frame.time_ns.saturating_sub(first_ns));
        if time_ns >= end_ns {
            continue;
        }
        if frame.link != Link::Ethernet {
            return Err(Error::new(ErrorKind::Capture, path.display(), "is no recording of Ethernet")
                .hint("a composition takes captures of Ethernet alone"));
        }
        *held += frame.bytes.len();
        if *held > MOST {
            return Err(Error::new(ErrorKind::Capture, path.display(), "the composition becomes larger than 1 GiB")
                .hint("take fewer recordings, or lay them out fewer times"));
        }
        events.push(Event { time_ns, attack, wire_len: frame.wire_len, bytes: frame.bytes.to_vec() });
    }
    Ok(())
}

/// Writes a day as a classic capture of nanoseconds, with its ground truth packet by packet.
fn write(composition: &Composition, events: &[Event], path: &Path) -> Result<()> {
    let packets = path.with_extension("packets.csv");
    let io = |path: &Path, error: std::io::Error| Error::io(path, &error);
    file::write(path, |out| {
        let header = [0xa1b2_3c4d_u32, 0x0004_0002, 0, 0, 262_144, 1].map(u32::to_le_bytes).concat();
        out.write_all(&header).map_err(|error| io(path, error))?;
        for event in events {
            let (seconds, nanos) = (event.time_ns / 1_000_000_000, event.time_ns % 1_000_000_000);
            let record = [seconds as u32, nanos as u32, event.bytes.len() as u32, event.wire_len].map(u32::to_le_bytes);
            out.write_all(&record.concat())
                .and_then(|()| out.write_all(&event.bytes))
                .map_err(|error| io(path, error))?;
        }
        Ok(())
    })?;
    let attacks: String = events
        .iter()
        .enumerate()
        .filter_map(|(place, event)| Some(format!("{};{}\n", place + 1, composition.attacks.get(event.attack?)?.name)))
        .collect();
    let name = packets.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let labels =
        if attacks.is_empty() { "rule = []\n".to_owned() } else { format!("[[rule]]\npackets = \"{name}\"\n") };
    for (path, text) in [(packets, attacks), (path.with_extension("labels.toml"), labels)] {
        file::write(&path, |out| out.write_all(text.as_bytes()).map_err(|error| io(&path, error)))?;
    }
    Ok(())
}
