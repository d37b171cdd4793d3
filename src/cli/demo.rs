use super::{Outcome, terminal::Terminal};
use tidewatch::Result;
#[derive(clap::Args)]
pub struct Args {}
pub fn run(_: &Args, _: &Terminal) -> Result<Outcome> {
    Ok(Outcome::Whole)
}
