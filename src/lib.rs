#![forbid(unsafe_code)]

pub mod capture;
pub mod error;
pub mod model;
pub mod packet;
pub mod progress;
pub mod synth;
pub mod truth;

pub use error::{Error, ErrorKind, Result};
