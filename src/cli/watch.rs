//! `tidewatch watch`: news of episodes as JSON lines, as windows close.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use tidewatch::capture::{Captures, Inflow, Ledger, Replay, Speed};
use tidewatch::model::train::Model;
use tidewatch::packet::Filter;
use tidewatch::progress::Progress;
use tidewatch::score::ScoreTable;
use tidewatch::sink::{Form, Hub, Outlet, Patience, StandardOutput};
use tidewatch::truth::{Truth, Truths};
use tidewatch::watch::{Desk, Tally, Witness};
use tidewatch::window::extract_live;
use tidewatch::{Error, Result, artifact, file};

use super::Outcome;
use super::input::{FileKind, Reads, Shape, check_output, is_a_model, no_rows};
use super::line::{LineArgs, listen};
use super::pieces::size;
use super::reading::{CaptureArgs, Reading, nanoseconds};
use super::terminal::{Terminal, count};

#[derive(clap::Args)]
#[group(id = "source", required = true, multiple = false, args = ["interface", "replay"])]
pub struct Args {
    /// The model file
    model: PathBuf,
    /// The interface to listen to, until Ctrl-C; tidewatch interfaces lists them
    #[arg(short, long, value_name = "NAME")]
    interface: Option<String>,
    #[command(flatten)]
    line: LineArgs,
    /// A capture that comes as it once did
    #[arg(long, value_name = "CAPTURE")]
    replay: Option<PathBuf>,
    /// How many times as fast it comes, as in 10, or max [default: max]
    #[arg(long, value_name = "TIMES", requires = "replay")]
    speed: Option<String>,
    /// Write the scores of all rows, as Parquet, once it is over
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Alerts of one entity are one episode if there is less than this between their windows [default: two windows]
    #[arg(long, value_name = "TIME")]
    gap: Option<String>,
    #[command(flatten)]
    captures: CaptureArgs,
}

/// Notices that may wait for standard output.
const QUEUE: usize = 10_000;

pub fn run(args: &Args, terminal: &Terminal) -> Result<Outcome> {
    let mut reading = args.captures.check()?;
    let speed = speed(args.speed.as_deref().unwrap_or("max"))?;
    let gap_ns = args.gap.as_deref().map(|gap| nanoseconds("--gap", gap)).transpose()?;
    if let Some(output) = &args.output {
        if output == Path::new("-") {
            return Err(Error::parameter("--output", "standard output is for the notices", "name a file with -o"));
        }
        check_output(output, args.replay.as_slice())?;
    }
    let model = artifact::read(&args.model)?;
    (reading.sightings, reading.parties) = (model.remembers().is_some(), true);
    let watch = Watch { args, reading, speed, gap_ns, terminal };
    match &args.output {
        None => watch.run(model, &mut |_, _| Ok(())),
        Some(path) => {
            let mut outcome = Outcome::Whole;
            file::write(path, |out| {
                let mut table = ScoreTable::new(path, out);
                outcome = watch.run(model, &mut |matrix, scores| table.push(matrix, scores))?;
                table.finish()
            })?;
            Ok(outcome)
        }
    }
}

fn speed(text: &str) -> Result<Speed> {
    match text {
        "max" => Ok(Speed::Max),
        times => match times.parse() {
            Ok(times) if times > 0 => Ok(Speed::Times(times)),
            _ => Err(Error::parameter("--speed", format!("'{text}' is no speed"), "use 1, 10, 100 or max")),
        },
    }
}

struct Watch<'a> {
    args: &'a Args,
    reading: Reading,
    speed: Speed,
    gap_ns: Option<i64>,
    terminal: &'a Terminal,
}

/// What came of it all.
struct Watched {
    tally: Tally,
    ledger: Ledger,
}

impl Watch<'_> {
    fn run<'w>(&self, model: Model, witness: &'w mut Witness<'w>) -> Result<Outcome> {
        let Self { args, reading, terminal, .. } = self;
        let Some(capture) = &args.replay else {
            let name = args.interface.as_deref().unwrap_or_default();
            let mut line = listen(name, &args.line, Shape::Of(&model).selection(reading).filter.as_deref(), terminal)?;
            terminal.say(format_args!("watching {name}; Ctrl-C ends it"));
            let watched = self.watch(&mut line, None, model, witness, Patience::None)?;
            if let Some(trouble) = line.trouble() {
                terminal.warn(format_args!("{name}: {trouble}"));
            }
            self.say(&watched);
            return Ok(Outcome::partial_if(watched.ledger.lost() > 0 || line.trouble().is_some()));
        };
        if FileKind::of(capture)? == FileKind::Model {
            return Err(is_a_model(capture));
        }
        let truth = reading.truth(capture)?;
        let mut replay = Replay::new(Captures::new(vec![(capture.clone(), None)])?, self.speed);
        terminal.begin("watch", size(&[capture]));
        let watched = self.watch(&mut replay, truth, model, witness, Patience::Endless);
        let watched = watched.map_err(|error| match error.kind {
            tidewatch::ErrorKind::Mismatch => error.about(capture),
            _ => error,
        })?;
        terminal.finish();
        for (_, trouble) in replay.troubles() {
            terminal.warn(format_args!("{}: {trouble}", capture.display()));
        }
        if terminal.cancelled() {
            terminal.warn("interrupted: what came behind is not scored");
        }
        self.say(&watched);
        let Watched { tally, ledger } = watched;
        if tally.rows == 0 {
            let mut reads = Reads::default();
            reads.add(&ledger);
            return Err(no_rows(std::slice::from_ref(capture), &reads));
        }
        Ok(Outcome::partial_if(ledger.lost() > 0 || !replay.troubles().is_empty() || terminal.cancelled()))
    }

    /// Watches what flows in until its end.
    fn watch<'w>(
        &self,
        inflow: &mut (impl Inflow + Send),
        truth: Option<Truth>,
        model: Model,
        witness: &'w mut Witness<'w>,
        patience: Patience,
    ) -> Result<Watched> {
        let shape = Shape::Of(&model);
        let (views, windowing) = shape.windows(&self.reading)?;
        let selection = shape.selection(&self.reading);
        let filter = selection.filter.as_deref().map(Filter::parse).transpose()?;
        let plan = self.reading.plan(views, windowing, &selection, filter.as_ref())?;
        let truths = Truths::new(vec![truth])?;
        let outlet = Outlet {
            name: "standard output".to_owned(),
            form: Form::Json,
            carrier: Box::new(StandardOutput),
            queue: QUEUE,
        };
        let hub = Hub::new(vec![outlet], patience);
        let ledger = Mutex::new(Ledger::default());
        let gap_ns = self.gap_ns.unwrap_or(windowing.length_ns().saturating_mul(2));
        let mut desk = Desk::new(Arc::new(model), gap_ns, witness, &hub);
        let progress = Reported { terminal: self.terminal, ends_itself: patience == Patience::None };
        let watched =
            extract_live(inflow, &truths, &plan, &ledger, &progress, |closed| desk.take(closed, truths.attacks()));
        let tally = watched.and_then(|()| desk.finish());
        hub.finish();
        Ok(Watched { tally: tally?, ledger: ledger.into_inner().unwrap_or_default() })
    }

    fn say(&self, watched: &Watched) {
        let Watched { tally, ledger } = watched;
        if tally.went_back {
            self.terminal.warn(
                "these rows lie before the end of what is remembered: they are judged by the memory as it was saved",
            );
        }
        let mut reads = Reads::default();
        reads.add(ledger);
        self.terminal.say(reads.summary());
        if ledger.dropped > 0 {
            let [dropped, freezes] = [ledger.dropped, ledger.freezes].map(count);
            self.terminal.warn(format_args!(
                "the kernel dropped {dropped} packets, for its ring was full {freezes} times: give it more with --ring"
            ));
        }
        let [rows, alerts, episodes] = [tally.rows, tally.alerts, tally.episodes].map(count);
        self.terminal.say(format_args!("{rows} rows scored, {alerts} alerts in {episodes} episodes"));
    }
}

/// The terminal, which ends a recording at once; a line ends itself, once all that has arrived is handed over.
struct Reported<'a> {
    terminal: &'a Terminal,
    ends_itself: bool,
}

impl Progress for Reported<'_> {
    fn begin(&self, what: &str, total: Option<u64>) {
        self.terminal.begin(what, total);
    }

    fn advance(&self, units: u64) {
        self.terminal.advance(units);
    }

    fn cancelled(&self) -> bool {
        !self.ends_itself && self.terminal.cancelled()
    }
}
