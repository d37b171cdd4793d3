//! What the user names, in the pieces in which it is read: a table alone, captures that belong together in time as one.

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use tidewatch::capture::{self, Capture, Captures, Ledger, Span};
use tidewatch::packet::Filter;
use tidewatch::truth::{Truth, Truths};
use tidewatch::window::{self, Closed};
use tidewatch::{Error, ErrorKind, Result};

use super::input::{FileKind, Shape, is_a_model};
use super::reading::Reading;
use super::terminal::Terminal;

/// What is read as one.
pub enum Piece {
    Table(PathBuf),
    Captures(Vec<Part>),
}

/// One of the captures of a piece.
pub struct Part {
    pub path: PathBuf,
    pub truth: Option<Truth>,
    pub span: Option<Span>,
}

impl Piece {
    /// Whether the truth of any of its captures is known.
    pub fn is_labelled(&self) -> bool {
        matches!(self, Piece::Captures(parts) if parts.iter().any(|part| part.truth.is_some()))
    }

    /// The files that it is read from.
    pub fn paths(&self) -> Vec<&Path> {
        match self {
            Piece::Table(path) => vec![path],
            Piece::Captures(parts) => parts.iter().map(|part| part.path.as_path()).collect(),
        }
    }
}

/// The pieces of all inputs, by the first that is named of each, and what is wrong with those that are in none.
///
/// Windows at the joint of two captures hold packets of both, so captures that are less than a window apart are one piece.
/// When each began and ended is found by reading it through, unless it is the only one.
///
/// # Errors
/// A folder that cannot be listed or holds no capture.
pub fn pieces(
    paths: &[PathBuf],
    shape: Shape,
    reading: &Reading,
    terminal: &Terminal,
) -> Result<(Vec<Piece>, Vec<Error>)> {
    let paths = expand(paths, terminal)?;
    let looked: Vec<Result<(FileKind, Option<Truth>)>> = paths
        .iter()
        .map(|path| {
            let kind = match (FileKind::of(path)?, shape) {
                // It will be refused as what it is.
                (FileKind::Table, Shape::Captures(..)) => FileKind::Capture,
                (FileKind::Model, _) => return Err(is_a_model(path)),
                (kind, _) => kind,
            };
            let truth = if kind == FileKind::Capture { reading.truth(path)? } else { None };
            Ok((kind, truth))
        })
        .collect();
    let captures = looked.iter().filter(|kind| matches!(kind, Ok((FileKind::Capture, _)))).count();
    if captures == 0 && looked.iter().all(Result::is_ok) {
        reading.check_without_captures()?;
    }

    let (mut tables, mut parts, mut errors) = (Vec::new(), Vec::new(), Vec::new());
    let spanned: Vec<Result<(usize, FileKind, Part)>> = paths
        .into_par_iter()
        .zip(looked)
        .enumerate()
        .map(|(place, (path, looked))| {
            let (kind, truth) = looked?;
            let read = kind == FileKind::Capture && captures > 1 && path.is_file();
            let span = if read { Some(capture::span(&path, terminal)?) } else { None };
            Ok((place, kind, Part { path, truth, span }))
        })
        .collect();
    for spanned in spanned {
        match spanned {
            Ok((place, FileKind::Capture, part)) => parts.push((place, part)),
            Ok((place, _, part)) => tables.push((place, Piece::Table(part.path))),
            Err(error) => errors.push(error),
        }
    }
    let gap_ns = shape.windows(reading).map_or(0, |(_, windowing)| windowing.length_ns());
    let spans: Vec<Option<Span>> = parts.iter().map(|(_, part)| part.span).collect();
    let mut parts: Vec<Option<(usize, Part)>> = parts.into_iter().map(Some).collect();
    let mut pieces = tables;
    for group in capture::neighbours(&spans, gap_ns) {
        let group: Vec<(usize, Part)> = group.into_iter().filter_map(|place| parts.get_mut(place)?.take()).collect();
        let first = group.first().map_or(0, |&(place, _)| place);
        pieces.push((first, Piece::Captures(group.into_iter().map(|(_, part)| part).collect())));
    }
    pieces.sort_by_key(|&(place, _)| place);
    Ok((pieces.into_iter().map(|(_, piece)| piece).collect(), errors))
}

/// The inputs, with the captures in a folder in its place, by name.
pub fn expand(paths: &[PathBuf], terminal: &Terminal) -> Result<Vec<PathBuf>> {
    let mut expanded = Vec::with_capacity(paths.len());
    for path in paths {
        if !path.is_dir() {
            expanded.push(path.clone());
            continue;
        }
        let io = |error: std::io::Error| Error::io(path, &error);
        let mut files = Vec::new();
        for entry in path.read_dir().map_err(io)? {
            files.push(entry.map_err(io)?.path());
        }
        files.sort();
        let (captures, others): (Vec<_>, Vec<_>) =
            files.into_iter().filter(|file| file.is_file()).partition(|file| Capture::open(file).is_ok());
        if captures.is_empty() {
            let what = "there is no capture in this folder";
            return Err(Error::new(ErrorKind::Capture, path.display(), what).hint("folders in it are not looked into"));
        }
        if let Some(first) = others.first().and_then(|file| file.file_name()) {
            let more = if others.len() > 1 { format!(" and {} more", others.len() - 1) } else { String::new() };
            let first = first.to_string_lossy();
            terminal.say(format_args!("{}: passed over what is no capture: {first}{more}", path.display()));
        }
        expanded.extend(captures);
    }
    Ok(expanded)
}

/// Hands the windows of captures that are read as one to `sink`, with the names of their attacks if there is ground truth.
/// Gives their ledger, and whether any of them could not be read to its end, which is said.
pub fn windows(
    parts: &[Part],
    shape: Shape,
    reading: &Reading,
    terminal: &Terminal,
    mut sink: impl FnMut(Closed, Option<&[String]>) -> Result<()> + Send,
) -> Result<(Ledger, bool)> {
    let about = |error: Error| match parts {
        [only] => error.about(&only.path),
        _ => error,
    };
    let (views, windowing) = shape.windows(reading).map_err(about)?;
    let selection = shape.selection(reading);
    let filter = selection.filter.as_deref().map(Filter::parse).transpose()?;
    let plan = reading.plan(views, windowing, &selection, filter.as_ref())?;
    let truths = Truths::new(parts.iter().map(|part| part.truth.clone()).collect())?;
    let mut captures = match parts {
        [only] if reading.follow => Capture::follow(&only.path, terminal.enough())?.into(),
        _ => Captures::new(parts.iter().map(|part| (part.path.clone(), part.span)).collect())?,
    };
    let mut ledger = Ledger::default();
    window::extract(&mut captures, &truths, &plan, &mut ledger, terminal, |closed| sink(closed, truths.attacks()))?;
    for (place, trouble) in captures.troubles() {
        let path = parts.get(*place).map_or(Path::new("input"), |part| &part.path);
        terminal.warn(format_args!("{}: {trouble}", path.display()));
    }
    Ok((ledger, !captures.troubles().is_empty()))
}

/// Bytes to be read, if that is known.
pub fn size(paths: &[&Path]) -> Option<u64> {
    paths.iter().map(|path| std::fs::metadata(path).ok().filter(|m| m.is_file()).map(|m| m.len())).sum()
}
