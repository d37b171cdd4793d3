//! What becomes of windows as they close: scores, alerts, episodes, notices. A recording and a line come to the same desk.

mod desk;

pub use desk::{Desk, Tally, Witness};
