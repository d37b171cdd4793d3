//! `tidewatch renew`: a model goes on learning.

use std::path::PathBuf;

use tidewatch::model::renew::{Renewal, renew};
use tidewatch::{Result, artifact};

use super::Outcome;
use super::input::{Shape, check_output, load, tell_unsighted};
use super::reading::ReadArgs;
use super::terminal::Terminal;
use super::train::tell;

#[derive(clap::Args)]
pub struct Args {
    /// The model file
    model: PathBuf,
    /// Benign captures, matrices or tables of what came after the model's training: as much of it as the model should go by
    #[arg(required = true, value_name = "CAPTURE|MATRIX")]
    inputs: Vec<PathBuf>,
    /// The renewed model; it may take the place of the old one
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Which part of each forest's trees, the oldest, gives way to new ones
    #[arg(long, default_value_t = 0.5, value_name = "SHARE")]
    share: f64,
    /// How many benign rows may alert in a day [default: as the model was trained]
    #[arg(long, value_name = "NUMBER")]
    alarms_per_day: Option<f64>,
    #[command(flatten)]
    read: ReadArgs,
}

pub fn run(args: &Args, terminal: &Terminal) -> Result<Outcome> {
    let reading = args.read.check()?;
    let renewal = Renewal { share: args.share, alarms_per_day: args.alarms_per_day };
    renewal.check()?;
    check_output(&args.output, &args.inputs)?;
    let old = artifact::read(&args.model)?;
    let loaded = load(&args.inputs, Shape::Of(&old), &reading, terminal)?.with_rows(&args.inputs)?;
    if loaded.reads.packets > 0 {
        terminal.say(loaded.reads.summary());
    }
    tell_unsighted(&old, &loaded.matrix, terminal);
    let model = renew(&old, &loaded.matrix, &renewal, loaded.sources()?, terminal)?;
    terminal.finish();
    if model.card.days < old.card.days / 2.0 {
        terminal.warn(format_args!(
            "the model now goes by {:.2} days, where it went by {:.2} before: but for its older trees, what is rarer is forgotten",
            model.card.days, old.card.days
        ));
    }
    artifact::write(&model, &args.output)?;
    tell(&model.card, terminal);
    terminal.say(format_args!("{}: threshold at score {:.2}", args.output.display(), model.threshold()));
    Ok(Outcome::partial_if(loaded.partial))
}
