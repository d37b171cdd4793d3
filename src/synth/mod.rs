//! A made day of a small plant's network, for `tidewatch demo` and for tests.
//!
//! **Everything here is synthetic**: no packet was ever sent, no host exists, and a detector that is good on such a day has
//! shown that it works, not that it is good. Addresses are private ones or reserved for documentation.
//!
//! The network is 192.168.10.0/24: five workstations (web, mail, file shares, uploads, printing), a visitor's laptop, a
//! file server, a server for names, mail and time, a monitor, a printer, a camera, and a master that polls two
//! controllers over Modbus/TCP. People keep office hours (UTC), machines keep their periods; there is a nightly backup,
//! a software update, and what goes wrong every day: a dead host, refused connections, mistyped names. On an attack day
//! eleven kinds of attacks come on top, each three times (once if the day is shorter than twelve hours), spread over it.
//!
//! A day is made from its seed alone: the same seed gives the same bytes, another one another day of the same network,
//! and the attacks do not change the life around them.
//!
//! ```
//! use tidewatch::synth::Day;
//!
//! let day = Day { seed: 7, start_ns: 1_772_409_600_000_000_000, hours: 0.5, attacks: true };
//! let recording = day.record()?;
//! let mut pcap = Vec::new();
//! recording.write_pcap(&mut pcap).unwrap();
//! assert!(recording.labels().contains("attack = \"port-scan\""));
//! assert_eq!(recording.summary().attacks.len(), 11);
//! # Ok::<(), tidewatch::Error>(())
//! ```

mod attacks;
mod benign;
mod conversation;
mod dice;
mod messages;
mod wire;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use jiff::Timestamp;
use pcap_file::pcap::{PcapHeader, PcapTsResolution, PcapWriteError, PcapWriter, RawPcapPacket};
use pcap_file::{DataLink, Endianness};

use crate::error::{Error, Result};

use attacks::Episode;
use dice::Dice;
use wire::Wire;

const MILLISECOND_NS: i64 = 1_000_000;
const SECOND_NS: i64 = 1_000 * MILLISECOND_NS;
const HOUR_NS: i64 = 3600 * SECOND_NS;

/// How many bytes of a frame are captured: all headers, and enough payload for names, those of a tunnel too.
const SNAP: usize = 256;

/// What day to make.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Day {
    /// What tells this day from others like it.
    pub seed: u64,
    /// Its first moment, in nanoseconds since the epoch; not negative.
    pub start_ns: i64,
    /// Its length, from a quarter of an hour to a week.
    pub hours: f64,
    /// Whether there are attacks.
    pub attacks: bool,
}

/// What a made day holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Packets in all.
    pub packets: u64,
    /// Bytes of those packets on the wire; the capture holds fewer.
    pub wire_bytes: u64,
    /// Packets of each attack, by its name.
    pub attacks: BTreeMap<&'static str, u64>,
    /// How many times there was an attack.
    pub episodes: usize,
}

/// A day that has been made, in order of time.
pub struct Recording {
    day: Day,
    wire: Wire,
    episodes: Vec<Episode>,
}

impl Day {
    /// Makes the day.
    ///
    /// # Errors
    /// A length or a start that a capture cannot have.
    pub fn record(&self) -> Result<Recording> {
        self.record_with_snap(SNAP)
    }

    /// Makes the day and writes the capture, and its ground truth beside it: `x.pcap` and `x.labels.toml`.
    ///
    /// # Errors
    /// As for [`Day::record`]; a file that cannot be written.
    pub fn save(&self, capture: &Path) -> Result<Summary> {
        let recording = self.record()?;
        let labels = capture.with_extension("labels.toml");
        let written = File::create(capture).and_then(|file| {
            let mut file = BufWriter::new(file);
            recording.write_pcap(&mut file)?;
            file.flush()
        });
        written.map_err(|source| Error::io(capture, &source))?;
        std::fs::write(&labels, recording.labels()).map_err(|source| Error::io(&labels, &source))?;
        Ok(recording.summary())
    }

    fn record_with_snap(&self, snap: usize) -> Result<Recording> {
        if !(0.25..=168.0).contains(&self.hours) {
            let what = format!("{} is not a day's length", self.hours);
            return Err(Error::parameter("hours", what, "choose from 0.25 to 168"));
        }
        let end_ns = self.start_ns.saturating_add((self.hours * HOUR_NS as f64) as i64);
        if self.start_ns < 0 || end_ns / SECOND_NS > i64::from(u32::MAX) {
            let what = format!("{} is before 1970 or too late for a pcap file", self.start_ns);
            return Err(Error::parameter("start_ns", what, "choose a day from 1970 to 2105"));
        }
        let mut dice = Dice::new(self.seed);
        let mut wire = Wire::new((self.start_ns, end_ns), snap);
        benign::live(&mut wire, &mut dice.split());
        let episodes = if self.attacks { attacks::play(&mut wire, &mut dice) } else { Vec::new() };
        wire.frames.sort_by_key(|frame| frame.time_ns);
        Ok(Recording { day: *self, wire, episodes })
    }
}

impl Recording {
    /// Writes a pcap file with times in nanoseconds, snapped to the headers and the first bytes behind them.
    ///
    /// # Errors
    /// What the operating system says of `to`.
    pub fn write_pcap(&self, to: impl Write) -> io::Result<()> {
        let header = PcapHeader {
            snaplen: self.wire.snap as u32,
            datalink: DataLink::ETHERNET,
            ts_resolution: PcapTsResolution::NanoSecond,
            endianness: Endianness::Little,
            ..PcapHeader::default()
        };
        let into_io = |error| match error {
            PcapWriteError::Io(source) => source,
            other => io::Error::other(other),
        };
        let mut writer = PcapWriter::with_header(to, header).map_err(into_io)?;
        for frame in &self.wire.frames {
            let data = &self.wire.bytes[frame.bytes.clone()];
            let packet = RawPcapPacket {
                ts_sec: (frame.time_ns / SECOND_NS) as u32,
                ts_frac: (frame.time_ns % SECOND_NS) as u32,
                incl_len: data.len() as u32,
                orig_len: frame.wire_len,
                data: data.into(),
            };
            writer.write_raw_packet(&packet).map_err(into_io)?;
        }
        Ok(())
    }

    /// The ground truth: the text of a `*.labels.toml` file that labels the attacks' packets and no others.
    pub fn labels(&self) -> String {
        let mut text = format!("# Ground truth of a synthetic day (seed {}).\n", self.day.seed);
        if self.episodes.is_empty() {
            text.push_str("# It is attack-free, so it has no rule.\nrule = []\n");
            return text;
        }
        text.push_str("# A packet belongs to the attack of the first rule whose conditions all hold.\n");
        let mut times = vec![None; self.episodes.len()];
        for frame in &self.wire.frames {
            if let Some(time) = frame.attack.and_then(|episode| times.get_mut(episode)) {
                let (first, _) = time.unwrap_or((frame.time_ns, frame.time_ns));
                *time = Some((first, frame.time_ns));
            }
        }
        for (Episode { attack, rules }, time) in self.episodes.iter().zip(times) {
            let Some((first_ns, last_ns)) = time else { continue };
            let at = |second| Timestamp::from_second(second).unwrap_or_default();
            let (start, end) = (at(first_ns / SECOND_NS), at(last_ns / SECOND_NS + 1));
            for conditions in rules {
                // Writing to a String cannot fail.
                let _ = write!(text, "\n[[rule]]\nattack = \"{attack}\"\nstart = {start}\nend = {end}\n{conditions}\n");
            }
        }
        text
    }

    /// What the day holds.
    pub fn summary(&self) -> Summary {
        let mut attacks = BTreeMap::new();
        for episode in self.wire.frames.iter().filter_map(|frame| self.episodes.get(frame.attack?)) {
            *attacks.entry(episode.attack).or_default() += 1;
        }
        Summary {
            packets: self.wire.frames.len() as u64,
            wire_bytes: self.wire.frames.iter().map(|frame| u64::from(frame.wire_len)).sum(),
            attacks,
            episodes: self.episodes.len(),
        }
    }
}

#[cfg(test)]
mod tests;
