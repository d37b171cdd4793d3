//! What becomes of windows as they close: scores, alerts, episodes, notices. A recording and a line come to the same desk.

mod config;
mod desk;
mod reload;
mod serve;
mod status;

pub use config::Config;
pub use desk::{Desk, Fittings, Witness};
pub use reload::{Lookout, Succession};
pub use serve::Service;
pub use status::{Felt, Pulse, Status, Tallies};
