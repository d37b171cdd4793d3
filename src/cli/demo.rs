use tidewatch::Result;
use super::{Outcome, terminal::Terminal};
#[derive(clap::Args)]
pub struct Args {}
pub fn run(_: &Args, _: &Terminal) -> Result<Outcome> { Ok(Outcome::Whole) }
