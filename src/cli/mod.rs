//! One file a command: raw flags → checked parameters → a library call → printing.

mod bench;
mod card;
mod datasets;
mod demo;
mod evaluate;
mod export;
mod extract;
mod features;
mod honesty;
mod input;
mod inspect;
mod line;
mod pieces;
mod reading;
mod renew;
mod report;
mod score;
mod screen;
mod terminal;
mod train;
mod tune;
mod watch;
mod watched;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tidewatch::{ErrorKind, Result, file};

use terminal::Terminal;

/// Learn the tide of a network from captures; raise an alarm on the wave.
#[derive(Parser)]
#[command(name = "tidewatch", version, max_term_width = 100, propagate_version = true)]
#[command(after_help = "Exit codes: 0 done; 1 failed; 2 usage; 3 done, but input was skipped or cut short.\n\
    Start with: tidewatch demo")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Do the whole job on a made sample, and explain it
    Demo(demo::Args),
    /// Turn captures into a matrix of features: a row a window and entity
    Extract(extract::Args),
    /// Learn what is normal from captures or matrices, and save it as a model
    Train(train::Args),
    /// Try models, views and windows on labelled rows, and save the best model
    Tune(tune::Args),
    /// Let a model follow its network: new trees for old ones, and all else learned anew
    Renew(renew::Args),
    /// Judge a model on labelled captures or matrices
    Evaluate(evaluate::Args),
    /// Judge scores, of tidewatch or of any other detector, and write the report
    Report(report::Args),
    /// Score captures or matrices; alerts come out as JSON lines as windows close
    Score(score::Args),
    /// Score a live interface, or a recording as it once came; each episode of alerts is told as it opens, grows and closes
    Watch(watch::Args),
    /// List the interfaces that can be watched, and what is missing to watch the others
    Interfaces(line::Args),
    /// Write a model in an open format
    Export(export::Args),
    /// Tell what a capture, matrix, model or scores file holds
    Inspect(inspect::Args),
    /// Run a declared experiment over datasets, views, models and seeds, into one table
    Bench(bench::Args),
    /// Public benchmarks: list, show, prepare; and audit any labelled data
    Datasets(datasets::Args),
    /// List every feature: what it measures, why it matters, its unit and its blind spot
    Features(features::Args),
}

/// How a command that did its work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Whole,
    /// Input was skipped or cut short; what, was said.
    Partial,
}

impl Outcome {
    fn partial_if(partial: bool) -> Self {
        if partial { Self::Partial } else { Self::Whole }
    }

    /// How both ended.
    fn and(self, other: Self) -> Self {
        Self::partial_if(self == Self::Partial || other == Self::Partial)
    }
}

/// Runs the command that the arguments name.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let terminal = match &cli.command {
        Command::Watch(args) => Terminal::new(true, args.draws()),
        _ => Terminal::new(false, false),
    };
    let outcome = match &cli.command {
        Command::Demo(args) => demo::run(args, &terminal),
        Command::Extract(args) => extract::run(args, &terminal),
        Command::Train(args) => train::run(args, &terminal),
        Command::Tune(args) => tune::run(args, &terminal),
        Command::Renew(args) => renew::run(args, &terminal),
        Command::Evaluate(args) => evaluate::run(args, &terminal),
        Command::Report(args) => report::run(args, &terminal),
        Command::Score(args) => score::run(args, &terminal),
        Command::Watch(args) => watch::run(args, &terminal),
        Command::Interfaces(args) => line::run(args),
        Command::Export(args) => export::run(args, &terminal),
        Command::Inspect(args) => inspect::run(args, &terminal),
        Command::Bench(args) => bench::run(args, &terminal),
        Command::Datasets(args) => datasets::run(args, &terminal),
        Command::Features(args) => features::run(args),
    };
    terminal.finish();
    exit_code(&terminal, outcome)
}

fn exit_code(terminal: &Terminal, outcome: Result<Outcome>) -> ExitCode {
    match outcome {
        Ok(Outcome::Whole) => ExitCode::SUCCESS,
        Ok(Outcome::Partial) => ExitCode::from(3),
        // Whoever read standard output has gone (`tidewatch score … | head`): there is nobody to tell, and nothing is wrong.
        Err(error) if error.subject == file::BROKEN_PIPE => ExitCode::SUCCESS,
        Err(error) => {
            terminal.error(&error);
            ExitCode::from(if error.kind == ErrorKind::Parameter { 2 } else { 1 })
        }
    }
}
