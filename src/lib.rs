#![forbid(unsafe_code)]

pub mod alert;
pub mod artifact;
pub mod capture;
pub mod error;
pub mod evaluate;
pub mod file;
pub mod matrix;
pub mod model;
pub mod packet;
pub mod progress;
pub mod report;
pub mod score;
pub mod synth;
pub mod truth;
pub mod window;

pub use error::{Error, ErrorKind, Result};
