//! `tidewatch score`: alerts as JSON lines, as windows close.

use std::io::Write;
use std::path::{Path, PathBuf};

use tidewatch::alert::alerts;
use tidewatch::alert::episode::{Names, usual_gap_ns};
use tidewatch::matrix::Matrix;
use tidewatch::model::shift::Shift;
use tidewatch::model::train::Model;
use tidewatch::progress::Progress;
use tidewatch::score::ScoreTable;
use tidewatch::{Error, ErrorKind, Result, artifact, file, matrix};

use super::Outcome;
use super::input::{Reads, Shape, check_output, no_rows, no_scores, none_of, tell_unsighted};
use super::pieces::{Piece, pieces, size, windows};
use super::reading::{FollowArgs, ReadArgs, Reading};
use super::terminal::{Terminal, count, print};

#[derive(clap::Args)]
pub struct Args {
    /// The model file
    model: PathBuf,
    /// Captures, matrices or tables; - is a capture on standard input, as from: tcpdump -i eth0 -U -w -
    #[arg(required = true, value_name = "CAPTURE|MATRIX")]
    inputs: Vec<PathBuf>,
    /// Write the scores of all rows, as Parquet
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    read: ReadArgs,
    #[command(flatten)]
    follow: FollowArgs,
}

/// What came of the rows so far.
struct Tally<'a> {
    reads: Reads,
    shift: Shift<'a>,
    rows: u64,
    alerts: u64,
    episodes: Names,
    partial: bool,
}

pub fn run(args: &Args, terminal: &Terminal) -> Result<Outcome> {
    let mut reading = args.read.check()?;
    reading.follow = args.follow.check(&args.inputs)?;
    if let Some(output) = &args.output {
        check_output(output, &args.inputs)?;
    }
    let model = artifact::read(&args.model)?;
    reading.sightings = model.remembers().is_some();
    let mut tally = Tally {
        reads: Reads::default(),
        shift: Shift::new(&model),
        rows: 0,
        alerts: 0,
        episodes: Names::new(usual_gap_ns(model.schema.window_ns)),
        partial: false,
    };
    match &args.output {
        None => score_all::<std::io::Sink>(args, &model, &reading, None, &mut tally, terminal)?,
        Some(path) if path == Path::new("-") => {
            return Err(Error::parameter("--output", "standard output is for the alerts", "name a file with -o"));
        }
        Some(path) => file::write(path, |out| {
            let mut table = ScoreTable::new(path, out);
            score_all(args, &model, &reading, Some(&mut table), &mut tally, terminal)?;
            table.finish()
        })?,
    }
    terminal.finish();
    if tally.reads.packets > 0 {
        terminal.say(tally.reads.summary());
    }
    let (rows, alerts) = (count(tally.rows), count(tally.alerts));
    terminal.say(match tally.episodes.begun() {
        0 => format!("{rows} rows scored, {alerts} alerts"),
        1 => format!("{rows} rows scored, {alerts} alerts in 1 episode"),
        episodes => format!("{rows} rows scored, {alerts} alerts in {} episodes", count(episodes)),
    });
    terminal.say(format_args!("drift: {}", tally.shift.drift().in_words()));
    Ok(Outcome::partial_if(tally.partial))
}

/// Scores one piece after the other; one that cannot be read is reported, and the work goes on with the next.
fn score_all<W: Write + Send>(
    args: &Args,
    model: &Model,
    reading: &Reading,
    mut table: Option<&mut ScoreTable<'_, W>>,
    tally: &mut Tally<'_>,
    terminal: &Terminal,
) -> Result<()> {
    let (pieces, mut errors) = pieces(&args.inputs, Shape::Of(model), reading, terminal)?;
    let several = args.inputs.len() > 1 || pieces.len() + errors.len() > 1;
    let mut scorer = model.scorer();
    for (place, piece) in pieces.iter().enumerate() {
        let last = place + 1 == pieces.len();
        let mut went_back = false;
        let mut sink = |matrix: &Matrix, ends: bool, tally: &mut Tally<'_>| {
            if !std::mem::replace(&mut went_back, true) && scorer.goes_back(matrix) {
                terminal.warn("these rows lie before the end of what is remembered: they are judged by the memory as it was saved");
            }
            let scores = scorer.score(matrix, ends)?;
            tally.rows += matrix.rows() as u64;
            tally.shift.count(matrix, 0..matrix.rows());
            for alert in alerts(model, matrix, &scores) {
                tally.alerts += 1;
                let json = serde_json::to_string(&tally.episodes.of(&alert))
                    .map_err(|error| Error::new(ErrorKind::Io, "standard output", error.to_string()))?;
                print(&(json + "\n"))?;
            }
            table.as_mut().map_or(Ok(()), |table| table.push(matrix, &scores))
        };
        match score_piece(piece, last, model, reading, &mut sink, tally, terminal) {
            Ok(()) => {}
            Err(error) if error.subject == file::BROKEN_PIPE => return Err(error),
            Err(error) => errors.push(error),
        }
        if terminal.cancelled() && !reading.follow {
            terminal.warn("interrupted: what came behind the last alert is not scored");
            tally.partial = true;
            break;
        }
    }
    let failed = !errors.is_empty();
    if several {
        errors.iter().for_each(|error| terminal.error(error));
    } else if let Some(error) = errors.pop() {
        return Err(error);
    }
    tally.partial |= failed;
    match tally.rows {
        0 if failed => Err(none_of(&args.inputs)),
        0 => Err(no_rows(&args.inputs, &tally.reads)),
        _ => Ok(()),
    }
}

/// Scores a piece, the `last` or not: what a table ends with, the next may go on with, as with the hours that a watch writes down.
fn score_piece(
    piece: &Piece,
    last: bool,
    model: &Model,
    reading: &Reading,
    sink: &mut (dyn FnMut(&Matrix, bool, &mut Tally<'_>) -> Result<()> + Send),
    tally: &mut Tally<'_>,
    terminal: &Terminal,
) -> Result<()> {
    match piece {
        Piece::Table(path) => {
            let matrix = matrix::read(path, &reading.table, Some(&model.schema))?;
            no_scores(path, &matrix)?;
            tell_unsighted(model, &matrix, terminal);
            model.accept(&matrix.schema).map_err(|error| error.about(path))?;
            sink(&matrix, last, tally)
        }
        Piece::Captures(parts) => {
            terminal.begin("score", size(&piece.paths()));
            let (ledger, cut) = windows(parts, Shape::Of(model), reading, terminal, |closed, attacks| {
                closed.rows.into_iter().try_for_each(|(_, rows)| {
                    let mut matrix = Matrix::new(model.schema.clone(), attacks.is_some());
                    matrix.push_window(closed.start_ns, rows, attacks);
                    sink(&matrix, closed.ends, tally)
                })
            })?;
            tally.partial |= cut || ledger.lost() > 0;
            tally.reads.add(&ledger);
            Ok(())
        }
    }
}
