//! `tidewatch watch`: news of episodes as windows close.

use std::fs;
use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tidewatch::alert::episode::usual_gap_ns;
use tidewatch::capture::{Captures, Inflow, Ledger, Replay, Speed};
use tidewatch::confine::{Bounds, Confined, confine};
use tidewatch::evidence::{Keeper, Keeping, Tapped, Trail};
use tidewatch::model::train::Model;
use tidewatch::packet::Filter;
use tidewatch::progress::Progress;
use tidewatch::score::ScoreTable;
use tidewatch::sink::{Counts, Hub, Needs, Patience, RawOutlet};
use tidewatch::truth::{Truth, Truths};
use tidewatch::watch::{
    Board, Config, Desk, Felt, Fittings, Learner, Lookout, Pulse, Service, Shadow, Status, Tallies, Verdicts, Witness,
};
use tidewatch::window::extract_live;
use tidewatch::{Error, ErrorKind, Result, artifact, file};

use super::Outcome;
use super::input::{FileKind, Reads, Shape, check_output, is_a_model, no_rows};
use super::line::{LineArgs, listen};
use super::pieces::size;
use super::reading::{CaptureArgs, Reading, bytes, nanoseconds};
use super::screen::{self, Screen};
use super::terminal::Terminal;
use super::watched::Watched;

#[derive(clap::Args)]
#[group(id = "source", required = true, multiple = false, args = ["interface", "replay"])]
pub struct Args {
    /// The model file; when it changes, or on SIGHUP, it is read again
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
    /// Where notices go and what is muted, as TOML [default: all of it to standard output]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Remember here, a line of JSON each, what is said of episodes on the page: alerts like a benign one are muted
    #[arg(long, value_name = "FILE")]
    verdicts: Option<PathBuf>,
    #[command(flatten)]
    evidence: EvidenceArgs,
    #[command(flatten)]
    training: TrainingArgs,
    /// Show it in the terminal while it goes on; notices that would be seen there go nowhere else
    #[arg(long)]
    tui: bool,
    #[command(flatten)]
    service: ServiceArgs,
    #[command(flatten)]
    captures: CaptureArgs,
}

/// How the packets behind episodes are kept.
#[derive(clap::Args)]
struct EvidenceArgs {
    /// Keep the packets behind each episode in this folder, as pcapng
    #[arg(long, value_name = "FOLDER")]
    evidence: Option<PathBuf>,
    /// How much memory the latest packets may take until they are asked for
    #[arg(long, value_name = "SIZE", default_value = "128MiB")]
    evidence_memory: String,
    /// How much of the disk they may take; the oldest episodes' go
    #[arg(long, value_name = "SIZE", default_value = "1GiB")]
    evidence_disk: String,
    /// How long before and after an episode packets are kept
    #[arg(long, value_name = "TIME", default_value = "5s")]
    evidence_around: String,
}

/// What becomes of rows beside being scored.
#[derive(clap::Args)]
struct TrainingArgs {
    /// Write all rows into this folder, a Parquet file an hour, for train to learn from
    #[arg(long, value_name = "FOLDER")]
    learn: Option<PathBuf>,
    /// How much of the disk they may take; the oldest hours go
    #[arg(long, value_name = "SIZE", default_value = "10GiB")]
    learn_disk: String,
    /// Let this model score beside the other, tell nobody of its alerts, and say how far the two differ
    #[arg(long, value_name = "MODEL")]
    shadow: Option<PathBuf>,
}

/// Who may ask how the watch is.
#[derive(clap::Args)]
struct ServiceArgs {
    /// Serve a page of the watch, and /metrics (for Prometheus), /health and /ready, here, as in 127.0.0.1:9464
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// A file with the token that who asks has to name, or to type into the page; needed beyond the loopback
    #[arg(long, value_name = "FILE", requires = "listen")]
    token_file: Option<PathBuf>,
}

impl Args {
    /// Whether the terminal belongs to a view of the watch.
    pub fn draws(&self) -> bool {
        self.tui
    }

    /// What the operator has written down. Standard output is where notices go unless something else is said; they would tear the
    /// view of the watch, which tells of them all.
    fn config(&self) -> Result<Config> {
        let path = self.config.as_deref();
        if !self.tui {
            return Config::read(path, Some(RawOutlet::default()));
        }
        screen::check()?;
        let shares = io::stdout().is_terminal();
        let config = Config::read(path, (!shares).then(RawOutlet::default))?;
        if shares && config.outlets.iter().any(|outlet| outlet.name == "stdout") {
            let what = "notices go to standard output, where the view is drawn";
            return Err(Error::parameter(
                "--tui",
                what,
                "redirect it, as in > notices.jsonl, or name a file as the sink",
            ));
        }
        Ok(config)
    }
}

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
    let config = args.config()?;
    let (model, lookout) = Lookout::read(args.model.clone(), terminal.hung_up())?;
    let shadow = args.training.shadow.as_deref().map(|path| shadow(path, &model)).transpose()?;
    // What is written down is for models that are not yet there.
    let remembers = model.remembers().is_some() || shadow.as_ref().is_some_and(|shadow| shadow.remembers().is_some());
    (reading.sightings, reading.parties) = (remembers || args.training.learn.is_some(), true);
    let crew = Crew { model, lookout, shadow: shadow.map(Shadow::new), config };
    let watch = Watch { args, reading, speed, gap_ns, terminal };
    match &args.output {
        None => watch.run(crew, &mut |_, _| Ok(())),
        Some(path) => {
            let mut outcome = Outcome::Whole;
            file::write(path, |out| {
                let mut table = ScoreTable::new(path, out);
                outcome = watch.run(crew, &mut |matrix, scores| table.push(matrix, scores))?;
                table.finish()
            })?;
            Ok(outcome)
        }
    }
}

/// The model that scores beside the first.
fn shadow(path: &Path, first: &Model) -> Result<Model> {
    let shadow = artifact::read(path)?;
    shadow.accept(&first.schema).map_err(|error| error.about(path))?;
    Ok(shadow)
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

impl EvidenceArgs {
    /// Who keeps packets, and of what, if that is wanted.
    fn keeper(
        &self,
        plan: &tidewatch::window::Plan<'_>,
        patience: Patience,
    ) -> Result<Option<(Keeper, Arc<Mutex<Trail>>)>> {
        let memory = usize::try_from(bytes("--evidence-memory", &self.evidence_memory)?).unwrap_or(usize::MAX);
        let disk = bytes("--evidence-disk", &self.evidence_disk)?;
        let around_ns = nanoseconds("--evidence-around", &self.evidence_around)?;
        let Some(folder) = self.evidence.clone() else { return Ok(None) };
        let trail = Arc::new(Mutex::new(Trail::new(memory)));
        let keeping =
            Keeping { folder, disk, around_ns, tunnels: plan.tunnels, patient: patience == Patience::Endless };
        Ok(Some((Keeper::new(keeping, Arc::clone(&trail))?, trail)))
    }
}

impl TrainingArgs {
    /// Who writes rows down, if that is wanted.
    fn learner(&self, patience: Patience) -> Result<Option<Learner>> {
        let disk = bytes("--learn-disk", &self.learn_disk)?;
        self.learn.clone().map(|folder| Learner::new(folder, disk, patience)).transpose()
    }
}

struct Watch<'a> {
    args: &'a Args,
    reading: Reading,
    speed: Speed,
    gap_ns: Option<i64>,
    terminal: &'a Terminal,
}

/// Who judges the rows, and where that goes.
struct Crew {
    model: Model,
    lookout: Lookout,
    shadow: Option<Shadow>,
    config: Config,
}

impl Watch<'_> {
    fn run<'w>(&self, crew: Crew, witness: &'w mut Witness<'w>) -> Result<Outcome> {
        let Self { args, reading, terminal, .. } = self;
        let Some(capture) = &args.replay else {
            let name = args.interface.as_deref().unwrap_or_default();
            let selection = Shape::Of(&crew.model).selection(reading);
            let filter = selection.filter.as_deref().map(Filter::parse).transpose()?;
            let mut line = listen(name, &args.line, filter.as_ref(), terminal)?;
            terminal.say(format_args!("watching {name}; Ctrl-C ends it"));
            let watched = self.watch(&mut line, None, crew, witness, Patience::None)?;
            if let Some(trouble) = line.trouble() {
                terminal.warn(format_args!("{name}: {trouble}"));
            }
            watched.say(terminal);
            return Ok(Outcome::partial_if(watched.ledger.lost() > 0 || line.trouble().is_some()));
        };
        if FileKind::of(capture)? == FileKind::Model {
            return Err(is_a_model(capture));
        }
        let truth = reading.truth(capture)?;
        let mut replay = Replay::new(Captures::new(vec![(capture.clone(), None)])?, self.speed);
        terminal.begin("watch", size(&[capture]));
        let watched = self.watch(&mut replay, truth, crew, witness, Patience::Endless);
        let watched = watched.map_err(|error| match error.kind {
            ErrorKind::Mismatch => error.about(capture),
            _ => error,
        })?;
        terminal.finish();
        for (_, trouble) in replay.troubles() {
            terminal.warn(format_args!("{}: {trouble}", capture.display()));
        }
        if watched.interrupted {
            terminal.warn("interrupted: what came behind is not scored");
        }
        watched.say(terminal);
        if watched.tallies.rows.load(Ordering::Relaxed) == 0 {
            let mut reads = Reads::default();
            reads.add(&watched.ledger);
            return Err(no_rows(std::slice::from_ref(capture), &reads));
        }
        Ok(Outcome::partial_if(watched.ledger.lost() > 0 || !replay.troubles().is_empty() || watched.interrupted))
    }

    /// Watches what flows in until its end.
    fn watch<'w>(
        &self,
        inflow: &mut (impl Inflow + Send),
        truth: Option<Truth>,
        crew: Crew,
        witness: &'w mut Witness<'w>,
        patience: Patience,
    ) -> Result<Watched> {
        let Crew { model, lookout, shadow, config } = crew;
        let shape = Shape::Of(&model);
        let (views, windowing) = shape.windows(&self.reading)?;
        let selection = shape.selection(&self.reading);
        let filter = selection.filter.as_deref().map(Filter::parse).transpose()?;
        let plan = self.reading.plan(views, windowing, &selection, filter.as_ref())?;
        let truths = Truths::new(vec![truth])?;
        let confined = self.confine(&config)?;
        let (keeper, trail) = self.args.evidence.keeper(&plan, patience)?.unzip();
        let learner = self.args.training.learner(patience)?;
        let kept = keeper.as_ref().map(Keeper::kept);
        let (learned, compared) = (learner.as_ref().map(Learner::learned), shadow.as_ref().map(Shadow::compared));

        let verdicts = self.args.verdicts.as_deref().map(Verdicts::read).transpose()?.map(Arc::new);
        let hub = Hub::new(config.outlets, patience);
        let (ledger, tallies) = (Arc::new(Mutex::new(Ledger::default())), Arc::new(Tallies::default()));
        let (succession, pulse) = (lookout.succession(), Arc::new(Pulse::default()));
        let board = Arc::new(Board::default());
        let status = Status {
            ledger: Arc::clone(&ledger),
            tallies: Arc::clone(&tallies),
            outlets: hub.counts(),
            evidence: kept.clone(),
            learned: learned.clone(),
            compared: compared.clone(),
            succession: Arc::clone(&succession),
            pulse: Arc::clone(&pulse),
            source: self.source(),
            model: self.args.model.display().to_string(),
            board: Arc::clone(&board),
            slices: self.args.evidence.evidence.clone(),
            verdicts: verdicts.clone(),
            confined,
        };
        let status = Arc::new(status);
        let service = self.serve(&status)?;
        let screen = self.args.tui.then(|| Screen::new(self.terminal, Arc::clone(&status))).transpose()?;
        let fittings = Fittings {
            gap_ns: self.gap_ns.unwrap_or(usual_gap_ns(windowing.length_ns())),
            mutes: config.mutes,
            verdicts,
            witness,
            hub: &hub,
            keeper: keeper.as_ref(),
            learner: learner.as_ref(),
            shadow,
            succession,
            tallies: Arc::clone(&tallies),
            board: (service.is_some() || screen.is_some()).then_some(board),
        };
        let mut desk = Desk::new(Arc::new(model), fittings);
        let progress = Reported { terminal: self.terminal, ends_itself: patience == Patience::None };
        let mut inflow = Felt { inflow: &mut Tapped { inflow, trail }, pulse };
        let over = AtomicBool::new(false);
        let watched = thread::scope(|scope| {
            scope.spawn(|| self.look_out(lookout, &status.outlets, &over));
            let watched = extract_live(&mut inflow, &truths, &plan, &ledger, &progress, |closed| {
                desk.take(closed, truths.attacks())
            });
            over.store(true, Ordering::Relaxed);
            watched
        });
        let watched = watched.and_then(|()| desk.finish());
        let went_back = desk.went_back();
        drop(desk);
        if let Some(keeper) = keeper {
            keeper.finish();
        }
        if let Some(learner) = learner {
            learner.finish();
        }
        let outlets = hub.finish();
        watched?;
        let interrupted = self.terminal.cancelled();
        if let Some(screen) = screen {
            // A recording's end is nobody's wish to see no more of it.
            screen.end(patience == Patience::Endless && !interrupted);
        }
        drop(service);
        let ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(Watched { tallies, ledger, outlets, kept, learned, compared, went_back, interrupted })
    }

    /// Gives up what the watch will not need, before any thread but this one is begun.
    fn confine(&self, config: &Config) -> Result<Confined> {
        let Args { model, output, verdicts, evidence, training, service, replay, .. } = self.args;
        let folders = evidence.evidence.iter().chain(&training.learn);
        folders.clone().try_for_each(|path| fs::create_dir_all(path).map_err(|error| Error::io(path, &error)))?;
        let mut bounds = Bounds { writes: folders.cloned().collect(), ..Bounds::default() };
        bounds.reads.extend(replay.iter().chain(&service.token_file).cloned());
        bounds.read(model);
        output.iter().chain(verdicts).for_each(|file| bounds.write(file));
        for outlet in &config.outlets {
            match outlet.carrier.needs() {
                Needs::Nothing => {}
                Needs::File(file) => bounds.write(file),
                Needs::Network => bounds.connects = true,
            }
        }
        bounds.listens = service.listen.map(|address| address.port());
        Ok(confine(&bounds).unwrap_or_else(|error| {
            self.terminal.warn(format_args!("what is not needed could not be given up: {error}"));
            Confined::default()
        }))
    }

    /// Serves what the watch tells of itself, if that is wanted.
    fn serve(&self, status: &Arc<Status>) -> Result<Option<Service>> {
        let ServiceArgs { listen, token_file } = &self.args.service;
        let Some(address) = *listen else { return Ok(None) };
        let read = |path: &PathBuf| std::fs::read_to_string(path).map_err(|error| Error::io(path, &error));
        let token = token_file.as_ref().map(read).transpose()?;
        let token = token.as_deref().map(str::trim);
        if token.is_some_and(str::is_empty) {
            return Err(Error::parameter("--token-file", "the token is empty", "write one into the file"));
        }
        let service = Service::new(address, token, Arc::clone(status))?;
        if let Some(address) = service.address() {
            self.terminal.say(format_args!("a page at http://{address}/, metrics at http://{address}/metrics"));
        }
        Ok(Some(service))
    }

    /// What is watched, as it is called.
    fn source(&self) -> String {
        match (&self.args.interface, &self.args.replay) {
            (Some(name), _) => name.clone(),
            (None, Some(capture)) if capture == Path::new("-") => "standard input".to_owned(),
            (None, capture) => capture.as_ref().map_or_else(String::new, |capture| capture.display().to_string()),
        }
    }

    /// Looks for another model, and for sinks that notices do not get to, until the watch is over.
    fn look_out(&self, mut lookout: Lookout, outlets: &[(String, Arc<Counts>)], over: &AtomicBool) {
        const EVERY: Duration = Duration::from_millis(200);
        let mut troubled = vec![false; outlets.len()];
        while !over.load(Ordering::Relaxed) {
            match lookout.look() {
                None => {}
                Some(Ok(())) => self.terminal.say("another model takes over with the next window"),
                Some(Err(error)) => {
                    self.terminal.warn(format_args!("the model that is there stays: {error}"));
                }
            }
            for ((name, counts), troubled) in outlets.iter().zip(&mut troubled) {
                match (counts.trouble(), *troubled) {
                    (Some(trouble), false) => {
                        self.terminal.warn(format_args!("{name}: notices do not arrive: {trouble}"));
                    }
                    (None, true) => self.terminal.say(format_args!("{name}: notices arrive again")),
                    _ => continue,
                }
                *troubled = !*troubled;
            }
            thread::sleep(EVERY);
        }
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
