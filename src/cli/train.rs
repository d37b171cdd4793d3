//! `tidewatch train`: captures or matrices → a model.

use std::path::PathBuf;

use tidewatch::model::train::{Card, Training, kinds, train};
use tidewatch::{Result, artifact};

use super::Outcome;
use super::input::{Shape, check_output, load};
use super::reading::{ReadArgs, WindowArgs};
use super::terminal::{Terminal, count};

#[derive(clap::Args)]
pub struct Args {
    /// Benign captures, matrices or tables; rows that are labelled as attacks are left out
    #[arg(required = true, value_name = "CAPTURE|MATRIX")]
    inputs: Vec<PathBuf>,
    /// The model file
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// ensemble (of windows sciforest+kmeans+gmm+tail+own+novelty, of a table made elsewhere extended+sciforest+fair-cut+gmm+knn+ecod),
    /// or some of iforest, extended, sciforest, fair-cut, kmeans, gmm, tail, own, novelty, drift, knn, lof, dbscan, optics, ecod, copod,
    /// hbos, pca (as in extended+tail)
    #[arg(long, default_value = "ensemble", value_name = "NAME")]
    model: String,
    /// How many benign rows may alert in a day
    #[arg(long, default_value_t = 1.0, value_name = "NUMBER")]
    alarms_per_day: f64,
    /// The seed of everything random
    #[arg(long, default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    window: WindowArgs,
    #[command(flatten)]
    read: ReadArgs,
}

pub fn run(args: &Args, terminal: &Terminal) -> Result<Outcome> {
    let mut reading = args.read.check()?;
    let (view, windowing) = args.window.check_one(&mut reading)?;
    let training = Training { kinds: kinds(&args.model)?, alarms_per_day: args.alarms_per_day, seed: args.seed };
    training.check()?;
    check_output(&args.output, &args.inputs)?;
    let loaded = load(&args.inputs, Shape::Windows(view, windowing), &reading, terminal)?.with_rows(&args.inputs)?;
    if loaded.reads.packets > 0 {
        terminal.say(loaded.reads.summary());
    }
    let mut model = train(&loaded.matrix, &training, loaded.sources()?, terminal)?;
    model.footprint = model.footprint.with(&loaded.survey(terminal)?);
    terminal.finish();
    artifact::write(&model, &args.output)?;
    tell(&model.card, terminal);
    terminal.say(format_args!("{}: threshold at score {:.2}", args.output.display(), model.threshold()));
    Ok(Outcome::partial_if(loaded.partial))
}

/// What was learned, and what is to be expected of it.
pub fn tell(card: &Card, terminal: &Terminal) {
    let members: Vec<&str> = card.members.iter().map(|kind| kind.name()).collect();
    terminal.say(format_args!(
        "learned from {} benign rows of {:.2} days with {}",
        count(card.benign_rows as u64),
        card.days,
        members.join(", ")
    ));
    if card.attack_rows > 0 {
        terminal.say(format_args!("left out {} rows that are labelled as attacks", count(card.attack_rows as u64)));
    }
    if card.doubtful_rows > 0 {
        terminal.say(format_args!(
            "{} rows may be attacks, and no detector was fitted on them; where the truth is known, name it with --label-column",
            count(card.doubtful_rows as u64)
        ));
    }
    for (kind, why) in &card.left_out {
        terminal.warn(format_args!("{} could not be fitted and is left out: {why}", kind.name()));
    }
    let (low, high) = card.expected.interval;
    terminal.say(format_args!(
        "expect {:.1} false alarms a day on traffic like this, {low} to {high} on 19 days of 20 (asked for: {}; from rows of {:.2} days, \
         scored by members that had not seen them)",
        card.expected.alarms, card.alarms_per_day, card.days
    ));
}
