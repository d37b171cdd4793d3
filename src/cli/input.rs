//! Captures, matrices and tables made elsewhere, told apart by content and brought into one matrix.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use clap::{Args, ValueEnum};
use rayon::prelude::*;
use serde::Serialize;
use sha2::{Digest, Sha256};
use tidewatch::capture::{Ledger, Skip};
use tidewatch::matrix::{self, Matrix, Schema, Selection, TableOptions};
use tidewatch::model::train::{Model, Source};
use tidewatch::packet::{Filter, Subnet, Tunnels};
use tidewatch::progress::Progress;
use tidewatch::truth::Truth;
use tidewatch::window::{Plan, Room, Scope, View, Views, Windowing};
use tidewatch::{Error, ErrorKind, Result, artifact, file};

use super::pieces::{Piece, pieces, size, windows};
use super::terminal::{Terminal, count};

/// How captures are cut into rows.
#[derive(Args, Clone, Debug)]
pub struct WindowArgs {
    /// Whose row a row is: network (one a window), host (one an address), pair (of addresses) or flow (a 5-tuple) [default: host]
    #[arg(long, value_name = "VIEW")]
    view: Option<String>,
    /// How long a window lasts, as in 30s, 5m or 500ms [default: 30s]
    #[arg(long, value_name = "TIME")]
    window: Option<String>,
}

/// How input is read.
#[derive(Args, Clone, Debug)]
pub struct ReadArgs {
    /// Ground truth of the captures [default: CAPTURE.labels.toml beside each, if there is one]
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// How long a window stays open for packets that come late, by the packets' own time [default: 1s]
    #[arg(long, value_name = "TIME")]
    lateness: Option<String>,
    /// Which packet of a tunnel (GRE, VXLAN, GTP-U, IP in IP and others) counts [default: inner, or the model's]
    #[arg(long, value_name = "PACKET")]
    tunnels: Option<TunnelArg>,
    /// Only packets that match, as in 'net 10.0.0.0/8 and not port 22', in tcpdump's words
    #[arg(long, value_name = "EXPR")]
    filter: Option<String>,
    /// The own networks, as in 10.0.0.0/8,fe80::/10: all other addresses share one row, `others`
    #[arg(long, value_name = "NETS", value_delimiter = ',')]
    local: Vec<String>,
    /// Rows of a view that a window has at most; what is beyond shares one, `others`
    #[arg(long, default_value_t = Room::ENTITIES, value_name = "N")]
    max_entities: usize,
    /// How much memory reading and counting may take, as in 512MiB or 4GiB; what finds no room is counted together
    #[arg(long, default_value = "1GiB", value_name = "SIZE")]
    memory: String,
    /// In a table made elsewhere: the column that holds the truth
    #[arg(long, value_name = "COLUMN")]
    label_column: Option<String>,
    /// In a table made elsewhere: a value of that column that means benign [default: benign, normal, 0, …]
    #[arg(long, value_name = "VALUE")]
    benign: Vec<String>,
    /// In a table made elsewhere: the column that holds the time
    #[arg(long, value_name = "COLUMN")]
    time_column: Option<String>,
    /// In a table made elsewhere: a column to leave out
    #[arg(long, value_name = "COLUMN")]
    drop_column: Vec<String>,
    /// A CSV's first line is a row too; its columns are then column_1, column_2, …
    #[arg(long)]
    no_header: bool,
}

/// How the command line names [`Tunnels`].
#[derive(ValueEnum, Clone, Copy, Debug)]
enum TunnelArg {
    /// The packet that is carried
    Inner,
    /// The packet that carries
    Outer,
}

/// Checked parameters of reading.
pub struct Reading {
    labels: Option<PathBuf>,
    lateness_ns: i64,
    tunnels: Option<Tunnels>,
    /// Its words.
    filter: Option<String>,
    local: Vec<String>,
    room: Room,
    /// The options that were given and that are about captures.
    about_captures: Vec<&'static str>,
    pub table: TableOptions,
    /// Whether the one capture is read on as it grows.
    pub follow: bool,
    /// Whether the rows of captures tell what was sighted.
    pub sightings: bool,
}

/// Whether a capture is read on as it grows.
#[derive(Args, Clone, Copy, Debug)]
pub struct FollowArgs {
    /// Read on as the capture file grows, as tail -f does, until Ctrl-C or until the file is replaced or truncated
    #[arg(long)]
    follow: bool,
}

impl FollowArgs {
    /// Whether `inputs` are to be followed.
    pub fn check(self, inputs: &[PathBuf]) -> Result<bool> {
        let refuse = |what, hint| Err(Error::parameter("--follow", what, hint));
        match inputs {
            _ if !self.follow => Ok(false),
            [only] if only == Path::new("-") => refuse("standard input is read as it comes anyway", "leave it out"),
            [only] if only.is_dir() => refuse("a folder cannot be followed", "name the file that is being written"),
            [_] => Ok(true),
            _ => refuse("one capture can be followed", "name one"),
        }
    }
}

impl Default for ReadArgs {
    fn default() -> Self {
        Self {
            labels: None,
            lateness: None,
            tunnels: None,
            filter: None,
            local: Vec::new(),
            max_entities: Room::ENTITIES,
            memory: "1GiB".to_owned(),
            label_column: None,
            benign: Vec::new(),
            time_column: None,
            drop_column: Vec::new(),
            no_header: false,
        }
    }
}

impl ReadArgs {
    /// Checks what can be checked before any file is read.
    pub fn check(&self) -> Result<Reading> {
        let default = TableOptions::default();
        let table = TableOptions {
            label_column: self.label_column.clone(),
            benign: if self.benign.is_empty() { default.benign } else { self.benign.clone() },
            time_column: self.time_column.clone(),
            drop: self.drop_column.clone(),
            header: !self.no_header,
        };
        let filter = self.filter.as_ref().map(|words| words.split_whitespace().collect::<Vec<_>>().join(" "));
        filter.as_deref().map(Filter::parse).transpose()?;
        networks(&self.local)?;
        let given = [
            ("--labels", self.labels.is_some()),
            ("--lateness", self.lateness.is_some()),
            ("--tunnels", self.tunnels.is_some()),
            ("--filter", self.filter.is_some()),
            ("--local", !self.local.is_empty()),
        ];
        Ok(Reading {
            labels: self.labels.clone(),
            lateness_ns: match &self.lateness {
                Some(lateness) => nanoseconds("--lateness", lateness)?,
                None => Windowing::LATENESS_NS,
            },
            tunnels: self.tunnels.map(|tunnels| match tunnels {
                TunnelArg::Inner => Tunnels::Inner,
                TunnelArg::Outer => Tunnels::Outer,
            }),
            filter,
            local: self.local.clone(),
            about_captures: given.into_iter().filter_map(|(name, given)| given.then_some(name)).collect(),
            room: Room::new(bytes("--memory", &self.memory)?, self.max_entities)?,
            table,
            sightings: true,
            follow: false,
        })
    }
}

impl WindowArgs {
    /// The views, and the windows with the lateness of `reading`.
    pub fn check(&self, reading: &mut Reading) -> Result<(Views, Windowing)> {
        let given = [("--view", &self.view), ("--window", &self.window)];
        reading.about_captures.extend(given.into_iter().filter_map(|(name, given)| given.as_ref().map(|_| name)));
        let views = self.view.as_deref().unwrap_or("host").split(',');
        let views = views.map(|view| view.trim().parse::<View>()).collect::<Result<_>>()?;
        let length_ns = nanoseconds("--window", self.window.as_deref().unwrap_or("30s"))?;
        Ok((views, Windowing::new(length_ns, reading.lateness_ns)?))
    }

    /// The same, where one view is wanted.
    pub fn check_one(&self, reading: &mut Reading) -> Result<(View, Windowing)> {
        let (views, windowing) = self.check(reading)?;
        let mut views = views.iter();
        match (views.next(), views.next()) {
            (Some(view), None) => Ok((view, windowing)),
            _ => Err(Error::parameter("--view", "a model is of one view", "train a model for each")),
        }
    }
}

/// A length of time in nanoseconds: `30s`, `5m`, `1h30m`.
fn nanoseconds(name: &str, text: &str) -> Result<i64> {
    let wrong = || Error::parameter(name, format!("'{text}' is no length of time"), "write it as 30s, 5m or 500ms");
    let text_or_zero = if text == "0" { "0s" } else { text };
    let span: jiff::Span = text_or_zero.parse().map_err(|_| wrong())?;
    let duration = span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).map_err(|_| wrong())?;
    i64::try_from(duration.as_nanos()).map_err(|_| wrong())
}

/// The networks of the operator.
fn networks(texts: &[String]) -> Result<Arc<[Subnet]>> {
    let network = |text: &String| {
        let hint = "write it as 10.0.0.0/8, 192.168.1.7 or fe80::/10";
        Subnet::parse(text).ok_or_else(|| Error::parameter("--local", format!("'{text}' is no network"), hint))
    };
    texts.iter().map(network).collect()
}

/// A number of bytes: `512MiB`, `4GiB`, `1000000`.
fn bytes(name: &str, text: &str) -> Result<u64> {
    const UNITS: [(&str, u64); 7] = [
        ("GiB", 1 << 30),
        ("MiB", 1 << 20),
        ("KiB", 1 << 10),
        ("GB", 1_000_000_000),
        ("MB", 1_000_000),
        ("kB", 1000),
        ("", 1),
    ];
    let wrong = || Error::parameter(name, format!("'{text}' is no amount of memory"), "write it as 512MiB or 4GiB");
    let (number, unit) = UNITS
        .into_iter()
        .find_map(|(suffix, unit)| Some((text.strip_suffix(suffix)?.trim(), unit)))
        .ok_or_else(wrong)?;
    number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit)).ok_or_else(wrong)
}

/// Checks where the result shall go, before the work is done.
///
/// # Errors
/// No file can be made there, or it would replace an input.
pub fn check_output(output: &Path, inputs: &[PathBuf]) -> Result<()> {
    if output == Path::new("-") {
        return Ok(());
    }
    let place = output.canonicalize().ok();
    if place.is_some() && inputs.iter().any(|input| input.canonicalize().ok() == place) {
        let what = format!("{} is an input, which the result would replace", output.display());
        return Err(Error::parameter("--output", what, "name another file"));
    }
    file::check(output)
}

/// What a file is, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// Something that only the capture stage can judge.
    Capture,
    /// Parquet or text: a matrix, or a table made elsewhere.
    Table,
    Model,
}

impl FileKind {
    /// Looks at the file's first bytes. Standard input can only be a capture.
    pub fn of(path: &Path) -> Result<Self> {
        if path == Path::new("-") {
            return Ok(Self::Capture);
        }
        let io = |error: std::io::Error| Error::io(path, &error);
        let file = File::open(path).map_err(io)?;
        let metadata = file.metadata().map_err(io)?;
        if metadata.is_dir() {
            return Err(Error::io(path, &std::io::ErrorKind::IsADirectory.into()));
        }
        if !metadata.is_file() {
            return Ok(Self::Capture);
        }
        let mut head = Vec::new();
        file.take(512).read_to_end(&mut head).map_err(io)?;
        Ok(if head.starts_with(artifact::MAGIC) {
            Self::Model
        } else if matrix::is_matrix(&head) {
            Self::Table
        } else {
            Self::Capture
        })
    }
}

/// What the rows of captures should be.
#[derive(Clone, Copy)]
pub enum Shape<'a> {
    /// What the user asks for; all input is captures.
    Captures(Views, Windowing),
    /// What the user asks for of captures; matrices are taken as they are.
    Windows(View, Windowing),
    /// What the model takes in.
    Of(&'a Model),
}

/// What was read from captures, for the summary.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Reads {
    pub packets: u64,
    pub bytes: u64,
    pub first_ns: Option<i64>,
    pub last_ns: Option<i64>,
    pub ledger: Ledger,
}

impl Reads {
    /// Takes in the ledger of another capture.
    pub fn add(&mut self, ledger: &Ledger) {
        self.ledger.add(ledger);
        self.packets = self.ledger.read;
        self.bytes = self.ledger.bytes;
        let span = self.ledger.span_ns();
        self.first_ns = span.map(|(first, _)| first);
        self.last_ns = span.map(|(_, last)| last);
    }

    /// One line that accounts for every packet.
    pub fn summary(&self) -> String {
        let flaws = self.ledger.flaws();
        let flawed = if flaws.is_empty() { String::new() } else { format!("; headers: {}", counts(&flaws)) };
        format!(
            "{} packets read ({} bytes): {} used, skipped: {}{flawed}",
            count(self.packets),
            count(self.bytes),
            count(self.ledger.used),
            counts(&self.ledger.reasons()),
        )
    }
}

/// Reasons, each with how many packets it is for.
fn counts(reasons: &BTreeMap<&str, u64>) -> String {
    let counts: Vec<String> = reasons.iter().map(|(reason, packets)| format!("{reason} {}", count(*packets))).collect();
    if counts.is_empty() { "none".to_owned() } else { counts.join(", ") }
}

/// The rows of all inputs.
pub struct Loaded {
    pub matrix: Matrix,
    pub reads: Reads,
    /// The inputs that it comes from.
    paths: Vec<PathBuf>,
    /// Whether a part of the input is missing.
    pub partial: bool,
}

impl Loaded {
    /// What a model remembers of its inputs. Hashing them costs as much as reading them did, so it is done where asked for.
    ///
    /// # Errors
    /// One cannot be read again.
    pub fn sources(&self) -> Result<Vec<Source>> {
        self.paths.par_iter().map(|path| source(path)).collect()
    }
}

/// Brings every input into one matrix, in the order in which they are named. Captures that follow each other are read as one,
/// others side by side. An input that cannot be read is reported, and the work goes on with the others.
///
/// # Errors
/// None could be read, they do not belong together, or the user cancelled the work.
pub fn load(paths: &[PathBuf], shape: Shape, reading: &Reading, terminal: &Terminal) -> Result<Loaded> {
    let (pieces, mut errors) = pieces(paths, shape, reading, terminal)?;
    let several = paths.len() > 1 || pieces.len() + errors.len() > 1;
    terminal.begin("read", size(&pieces.iter().flat_map(Piece::paths).collect::<Vec<_>>()));
    let reads = Mutex::new((Reads::default(), false));
    let loaded: Vec<Result<Matrix>> = pieces
        .par_iter()
        .map(|piece| {
            let (matrix, ledger, cut) = load_piece(piece, shape, reading, terminal)?;
            if let Ok(mut reads) = reads.lock() {
                reads.0.add(&ledger);
                reads.1 |= cut || ledger.lost() > 0;
            }
            Ok(matrix)
        })
        .collect();
    terminal.finish();
    terminal.check()?;

    let (reads, mut partial) = reads.into_inner().unwrap_or_default();
    let (mut parts, mut used) = (Vec::new(), Vec::new());
    for (piece, result) in pieces.iter().zip(loaded) {
        match result {
            Ok(matrix) => {
                parts.push(matrix);
                used.push(piece.paths());
            }
            Err(error) => errors.push(error),
        }
    }
    partial |= !errors.is_empty();
    if several {
        errors.iter().for_each(|error| terminal.error(error));
    }
    match errors.pop() {
        Some(error) if parts.is_empty() => return Err(if several { none_of(paths) } else { error }),
        _ => {}
    }
    let name = |paths: &[&Path]| paths.first().map(|path| path.display().to_string()).unwrap_or_default();
    let strange = parts.iter().zip(&used).find_map(|(theirs, paths)| {
        let difference = theirs.schema.difference(&parts.first()?.schema)?;
        let what = format!("does not belong together with {}: {difference}", name(used.first()?));
        Some(Error::new(ErrorKind::Mismatch, name(paths), what).hint("extract them with the same options"))
    });
    if let Some(error) = strange {
        return Err(error);
    }
    let matrix = Matrix::concat(parts)?;
    if matrix.rows() == 0 && reads.packets == 0 {
        return Err(no_rows(paths, &reads));
    }
    let paths = used.into_iter().flatten().map(Path::to_path_buf).collect();
    Ok(Loaded { matrix, reads, paths, partial })
}

impl Loaded {
    /// The same, if there is a row to work with.
    ///
    /// # Errors
    /// There is none: not one packet of the inputs can be used.
    pub fn with_rows(self, paths: &[PathBuf]) -> Result<Self> {
        if self.matrix.rows() == 0 { Err(no_rows(paths, &self.reads)) } else { Ok(self) }
    }
}

/// The error of several inputs, each of which has been reported.
pub fn none_of(paths: &[PathBuf]) -> Error {
    Error::new(ErrorKind::Io, "input", format!("none of the {} files can be used", paths.len()))
        .hint("see what is said of each above")
}

/// The error of inputs that make no row.
pub fn no_rows(paths: &[PathBuf], reads: &Reads) -> Error {
    let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    let (what, hint) = match reads.packets {
        0 => ("holds no packet".to_owned(), "check that the recording was started and its filter lets packets through"),
        packets => {
            let what = format!(
                "none of its {} packets can be used (skipped: {})",
                count(packets),
                counts(&reads.ledger.reasons())
            );
            let filtered = reads.ledger.skipped(Skip::Filtered) > 0;
            (what, if filtered { "widen --filter" } else { "record it on an interface of Ethernet or IP" })
        }
    };
    Error::new(ErrorKind::Capture, names.join(", "), what).hint(hint)
}

/// The error of a model where rows should be.
pub fn is_a_model(path: &Path) -> Error {
    Error::new(ErrorKind::Capture, path.display(), "is a model, not a capture or a matrix")
        .hint("score and evaluate take one model, as the first file; extract and train take none")
}

/// Scores have the keys of a matrix, but there is nothing in them to learn from or to score.
///
/// # Errors
/// These are scores.
pub fn no_scores(path: &Path, matrix: &Matrix) -> Result<()> {
    if matrix.schema.is_of_scores() {
        return Err(Error::new(ErrorKind::Matrix, path.display(), "holds scores, not features")
            .hint("name the capture or the matrix that was scored"));
    }
    Ok(())
}

/// Warns of rows that tell less than the model would know of.
pub fn tell_unsighted(model: &Model, matrix: &Matrix, terminal: &Terminal) {
    if model.misses_sightings(matrix) {
        terminal.warn("these rows do not tell what they showed, as a CSV cannot: first contacts are not judged");
    }
}

/// The rows of a piece, with the ledger of its captures, and whether one of them is cut short.
fn load_piece(piece: &Piece, shape: Shape, reading: &Reading, terminal: &Terminal) -> Result<(Matrix, Ledger, bool)> {
    match piece {
        Piece::Table(path) => {
            let wanted = match shape {
                Shape::Of(model) => Some(&model.schema),
                Shape::Captures(..) | Shape::Windows(..) => None,
            };
            let matrix = matrix::read(path, &reading.table, wanted)?;
            no_scores(path, &matrix)?;
            if let Shape::Of(model) = shape {
                model.accept(&matrix.schema).map_err(|error| error.about(path))?;
            }
            Ok((matrix, Ledger::default(), false))
        }
        Piece::Captures(parts) => {
            let labelled = parts.iter().any(|part| part.truth.is_some());
            let mut matrix = Matrix::new(shape.schema(reading)?, labelled);
            let (ledger, cut) = windows(parts, shape, reading, terminal, |closed, attacks| {
                closed.rows.into_iter().for_each(|(_, rows)| matrix.push_window(closed.start_ns, rows, attacks));
                Ok(())
            })?;
            Ok((matrix, ledger, cut))
        }
    }
}

impl Shape<'_> {
    /// The views and windows of captures.
    ///
    /// # Errors
    /// The model takes no rows of captures.
    pub fn windows(self, reading: &Reading) -> Result<(Views, Windowing)> {
        match self {
            Shape::Captures(views, windowing) => Ok((views, windowing)),
            Shape::Windows(view, windowing) => Ok((view.into(), windowing)),
            Shape::Of(model) => {
                let view = model.schema.view().ok_or_else(|| {
                    Error::new(
                        ErrorKind::Mismatch,
                        "model",
                        "the model is for tables made elsewhere, and this is a capture",
                    )
                    .hint("train a model on captures")
                })?;
                model.accept(&Schema {
                    selection: self.selection(reading),
                    ..Schema::of(view, model.schema.window_ns)
                })?;
                Ok((view.into(), Windowing::new(model.schema.window_ns, reading.lateness_ns)?))
            }
        }
    }
}

impl Shape<'_> {
    /// The schema of the rows of captures, if they are of one view.
    ///
    /// # Errors
    /// They are not; the model takes no rows of captures.
    fn schema(self, reading: &Reading) -> Result<Schema> {
        let (views, windowing) = self.windows(reading)?;
        let view = views.iter().next().unwrap_or_default();
        Ok(Schema { selection: self.selection(reading), ..Schema::of(view, windowing.length_ns()) })
    }

    /// Which packets of captures count: what the user asks for, else what the model learned from.
    pub fn selection(self, reading: &Reading) -> Selection {
        let learned = match self {
            Shape::Of(model) => model.schema.selection.clone(),
            Shape::Captures(..) | Shape::Windows(..) => Selection::default(),
        };
        Selection {
            tunnels: reading.tunnels.unwrap_or(learned.tunnels),
            filter: reading.filter.clone().or(learned.filter),
            local: if reading.local.is_empty() { learned.local } else { reading.local.clone() },
        }
    }
}

impl Reading {
    /// How the packets of captures become windows: what `selection` says, `filter` being its filter.
    ///
    /// # Errors
    /// The selection of a model names what is no network.
    pub fn plan<'a>(
        &self,
        views: Views,
        windowing: Windowing,
        selection: &Selection,
        filter: Option<&'a Filter>,
    ) -> Result<Plan<'a>> {
        let (local, room, sightings) = (networks(&selection.local)?, self.room, self.sightings);
        let scope = Scope { local, room, sightings, ..Scope::new(views) };
        Ok(Plan { windowing, scope, tunnels: selection.tunnels, filter })
    }

    /// Refuses options that would do nothing, for no input is a capture.
    ///
    /// # Errors
    /// There is one.
    pub fn check_without_captures(&self) -> Result<()> {
        let refuse = |name: &&str| {
            let what = "is about captures, and none of the inputs is one";
            Error::parameter(name, what, "leave it out: a matrix is what it was extracted as")
        };
        self.about_captures.first().map_or(Ok(()), |name| Err(refuse(name)))
    }

    /// The ground truth of a capture: what the user names, else what stands beside it.
    pub fn truth(&self, capture: &Path) -> Result<Option<Truth>> {
        match &self.labels {
            Some(labels) => Truth::read(labels).map(Some),
            None if capture == Path::new("-") => Ok(None),
            None => Truth::beside(capture),
        }
    }
}

/// A file's name and the SHA-256 of its bytes; of standard input only the name.
fn source(path: &Path) -> Result<Source> {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    if !path.is_file() {
        return Ok(Source { name, sha256: String::new() });
    }
    let io = |error: std::io::Error| Error::io(path, &error);
    let mut file = File::open(path).map_err(io)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer).map_err(io)? {
            0 => return Ok(Source { name, sha256: matrix::hex(&hash.finalize()) }),
            length => hash.update(&buffer[..length]),
        }
    }
}
