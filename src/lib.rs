//! Learn the tide of a network from packet captures; raise an alarm on the wave.
//!
//! Captures become rows of features, a row for each window of time and each host (or the whole network). Detectors learn
//! from the rows of quiet days; rows of other days get a score, and those over the threshold become alerts with reasons.
//!
//! ```text
//!                       truth
//!                         │
//!  capture ──► packet ──► window ──► matrix ──► model ──► artifact
//!  bytes       facts      rows of    rows,      scaling,  one file,
//!              of a       features   labels,    members,  checked
//!              frame                 schema     threshold     │
//!                                                             │
//!                 report ◄── evaluate ◄── score ◄─────────────┘
//!                                           └──► alert ──► watch ──► sinks
//! ```
//!
//! # The map
//!
//! A stage uses only those above it in this list:
//!
//! - [`capture`]: where bytes come from, and the [`Ledger`](capture::Ledger) in which every packet is accounted for.
//! - [`packet`]: what a frame says; the only place that knows headers.
//! - [`truth`]: which packets belong to an attack, from a `*.labels.toml` file.
//! - [`window`]: packets into rows, each a pure function of its window's packets; the catalogue of features.
//! - [`matrix`]: rows with their keys, labels and [`Schema`](matrix::Schema), as Parquet and CSV.
//! - [`context`]: what came before a row, from a memory that goes on over windows.
//! - [`model`]: detectors, their scaling and calibration, the ensemble of them, and [training](model::train::train).
//! - [`artifact`]: the saved model, a file that cannot run code.
//! - [`score`]: scored rows as a table that is written as they come.
//! - [`alert`]: rows over the threshold, with the reasons in words, and joined to [episodes](alert::episode).
//! - [`evidence`]: the packets behind an episode, as pcapng.
//! - [`sink`]: notices of episodes to wherever people look for them.
//! - [`watch`]: what becomes of windows as they close, live or replayed.
//! - [`evaluate`]: truth against scores, with trivial baselines beside.
//! - [`tune`]: candidates that learn from the past and are judged on what came after.
//! - [`report`]: an evaluation as a table for the terminal and as one self-contained page.
//!
//! They all stand on [`error`], [`progress`], [`sketch`] and [`file`](mod@file). Beside them, [`dataset`] knows
//! public benchmarks, and `synth` makes captures of days that never were. `ARCHITECTURE.md` in the repository tells which promises hold and where each is kept.
//!
//! # A tour
//!
//! From two captures to an alert; `quiet` and `bad` are the bytes of two pcap files, each of them an hour long.
//!
//! ```
//! use tidewatch::capture::{Capture, Ledger};
//! use tidewatch::matrix::{Matrix, Schema};
//! use tidewatch::model::train::{Training, train};
//! use tidewatch::truth::Truths;
//! use tidewatch::window::{self, View, Windowing};
//! use tidewatch::{alert::alerts, progress::Quiet};
//!
//! # /// An hour in which a client asks its server something every other second, and in the end perhaps scans it.
//! # fn hour(scan: bool) -> Vec<u8> {
//! #     let mut pcap = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 1, 0, 0, 0];
//! #     let mut send = |ms: u32, port: u16, size: usize| {
//! #         let link = etherparse::PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
//! #         let packet = link.ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64).udp(40_000, port);
//! #         let mut frame = Vec::new();
//! #         packet.write(&mut frame, &vec![0; size]).unwrap();
//! #         let size = frame.len() as u32;
//! #         [1_772_409_600 + ms / 1000, ms % 1000 * 1000, size, size].map(|n| pcap.extend(n.to_le_bytes()));
//! #         pcap.extend(frame);
//! #     };
//! #     (0..1800).for_each(|n| send(n * 2000 + n * n % 700, 53, 30 + (n * n % 50) as usize));
//! #     (1..=if scan { 400 } else { 0 }).for_each(|n| send(3_599_000 + n, n as u16, 0));
//! #     pcap
//! # }
//! # let (quiet, bad) = (hour(false), hour(true));
//! let rows = |pcap: Vec<u8>| -> tidewatch::Result<Matrix> {
//!     let windows = Windowing::new(30_000_000_000, Windowing::LATENESS_NS)?;
//!     let capture = Capture::from_reader("a pcap", std::io::Cursor::new(pcap), None)?;
//!     let mut matrix = Matrix::new(Schema::of(View::Host, windows.length_ns()), false);
//!     let mut ledger = Ledger::default();
//!     window::extract(&mut capture.into(), &Truths::default(), &windows.into(), &mut ledger, &Quiet, |closed| {
//!         closed.rows.into_iter().for_each(|(_, rows)| matrix.push_window(closed.start_ns, rows, None));
//!         Ok(())
//!     })?;
//!     assert!(ledger.balances());
//!     Ok(matrix)
//! };
//! let model = train(&rows(quiet)?, &Training::default(), Vec::new(), &Quiet)?;
//! let bad = rows(bad)?;
//! for alert in alerts(&model, &bad, &model.score(&bad)?) {
//!     println!("{}: {}", alert.entity, alert.reasons[0].text);
//! }
//! # assert!(model.score(&bad)?.alert.ends_with(&[true, true]), "both ends of the scan");
//! # Ok::<(), tidewatch::Error>(())
//! ```
#![deny(unsafe_code)]
#![warn(missing_docs)]

pub mod alert;
pub mod artifact;
// The fields of frames and headers bear the names that their standards give them; the rest of these two is documented.
#[allow(missing_docs)]
pub mod capture;
pub mod confine;
pub mod context;
pub mod dataset;
pub mod error;
pub mod evaluate;
pub mod evidence;
pub mod file;
pub mod matrix;
pub mod model;
#[allow(missing_docs)]
pub mod packet;
pub mod progress;
pub mod report;
pub mod score;
pub mod sink;
pub mod sketch;
mod spare;
pub mod synth;
pub mod truth;
pub mod tune;
pub mod watch;
pub mod window;

pub use error::{Error, ErrorKind, Result};
