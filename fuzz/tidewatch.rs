//! The stages of tidewatch that read what others wrote, built from their own files without the rest of the crate: polars
//! and linfa take ten minutes to compile and have nothing to do with the reading of packets.
//!
//! It works because a stage uses only those before it (law 1), and says `crate::` for them.
#![deny(unsafe_code)]
// What is not reached from here is reached from the stages that are left out.
#![allow(dead_code, missing_docs)]

#[path = "../src/capture/mod.rs"]
pub mod capture;
#[path = "../src/error.rs"]
pub mod error;
#[path = "../src/packet/mod.rs"]
pub mod packet;
#[path = "../src/progress.rs"]
pub mod progress;
#[path = "../src/sketch.rs"]
pub mod sketch;
#[path = "../src/truth/mod.rs"]
pub mod truth;

pub use error::{Error, ErrorKind, Result};
