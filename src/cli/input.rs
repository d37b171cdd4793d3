//! Captures, matrices and tables made elsewhere, told apart by content and brought into one matrix.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rayon::prelude::*;
use serde::Serialize;
use sha2::{Digest, Sha256};
use tidewatch::capture::{Ledger, Skip, Span, Survey, survey};
use tidewatch::matrix::{self, Matrix, Schema, Selection};
use tidewatch::model::train::{Model, Source};
use tidewatch::progress::Progress;
use tidewatch::window::{View, Views, Windowing};
use tidewatch::{Error, ErrorKind, Result, artifact, file};

use super::pieces::{Piece, pieces, size, windows};
use super::reading::Reading;
use super::terminal::{Terminal, count};

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
    /// The inputs that it comes from, and the time that each covers.
    paths: Vec<(PathBuf, Option<Span>)>,
    /// Whether a part of the input is missing.
    pub partial: bool,
}

impl Loaded {
    /// What a model remembers of its inputs. Hashing them costs as much as reading them did, so it is done where asked for.
    ///
    /// # Errors
    /// One cannot be read again.
    pub fn sources(&self) -> Result<Vec<Source>> {
        self.paths.par_iter().map(|(path, span)| source(path, *span)).collect()
    }

    /// What is odd about the packets of the captures among the inputs, and which they are; of standard input nothing is known.
    ///
    /// # Errors
    /// One cannot be read again; the user cancelled the work.
    pub fn survey(&self, terminal: &Terminal) -> Result<Survey> {
        let is_capture = |path: &&PathBuf| path.is_file() && matches!(FileKind::of(path), Ok(FileKind::Capture));
        let paths = self.paths.par_iter().map(|(path, _)| path);
        let surveys = paths.filter(is_capture).map(|path| survey(path, terminal));
        let mut whole = Survey::default();
        for survey in surveys.collect::<Result<Vec<_>>>()? {
            whole.add(&survey);
        }
        Ok(whole)
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
    let loaded: Vec<Result<_>> = pieces
        .par_iter()
        .map(|piece| {
            let (matrix, ledger, cut) = load_piece(piece, shape, reading, terminal)?;
            let spans = spans(piece, &matrix, &ledger);
            if let Ok(mut reads) = reads.lock() {
                reads.0.add(&ledger);
                reads.1 |= cut || ledger.lost() > 0;
            }
            Ok((matrix, spans))
        })
        .collect();
    terminal.finish();
    terminal.check()?;

    let (reads, mut partial) = reads.into_inner().unwrap_or_default();
    let (mut parts, mut used, mut covered) = (Vec::new(), Vec::new(), Vec::new());
    for (piece, result) in pieces.iter().zip(loaded) {
        match result {
            Ok((matrix, spans)) => {
                parts.push(matrix);
                covered.extend(spans);
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
    Ok(Loaded { matrix, reads, paths: covered, partial })
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

/// The files of a piece with the time that each covers, where that is known: the packets of a capture, the windows of a table.
fn spans(piece: &Piece, matrix: &Matrix, ledger: &Ledger) -> Vec<(PathBuf, Option<Span>)> {
    match piece {
        Piece::Table(path) => {
            let starts = || matrix.window_start_ns.iter().copied().filter(|_| matrix.schema.window_ns > 0);
            vec![(path.clone(), starts().min().zip(starts().max()))]
        }
        Piece::Captures(parts) => match &parts[..] {
            [only] => vec![(only.path.clone(), ledger.span_ns())],
            parts => parts.iter().map(|part| (part.path.clone(), part.span)).collect(),
        },
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

/// A file's name and the SHA-256 of its bytes; of standard input only the name.
pub fn source(path: &Path, span_ns: Option<Span>) -> Result<Source> {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    if !path.is_file() {
        return Ok(Source { name, sha256: String::new(), span_ns });
    }
    let io = |error: std::io::Error| Error::io(path, &error);
    let mut file = File::open(path).map_err(io)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer).map_err(io)? {
            0 => return Ok(Source { name, sha256: matrix::hex(&hash.finalize()), span_ns }),
            length => hash.update(&buffer[..length]),
        }
    }
}
