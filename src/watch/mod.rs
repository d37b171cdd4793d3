//! What becomes of windows as they close: scores, alerts, episodes, notices. A recording and a line come to the same desk.

mod board;
mod config;
mod desk;
mod guard;
mod learn;
mod page;
mod reload;
mod serve;
mod shadow;
mod state;
mod status;
mod verdicts;

pub use board::{Board, Crowd, Entity, Shown, Step, Tide, Told};
pub use config::Config;
pub use desk::{Desk, Fittings, Witness};
pub use learn::{Learned, Learner};
pub use reload::{Lookout, Succession};
pub use serve::Service;
pub use shadow::{Compared, Shadow};
pub use state::{Beside, Sink, State, Sums};
pub use status::{Felt, Pulse, Status, Tallies};
pub use verdicts::{Unsaid, Verdict, Verdicts};
