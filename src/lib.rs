#![forbid(unsafe_code)]

pub mod capture;
pub mod error;
pub mod evaluate;
pub mod model;
pub mod packet;
pub mod progress;
pub mod report;

pub use error::{Error, ErrorKind, Result};
