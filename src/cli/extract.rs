//! `tidewatch extract`: captures → a matrix a view, written as windows close.

use std::path::{Path, PathBuf};

use serde::Serialize;
use tidewatch::file::{self, Draft};
use tidewatch::matrix::{Schema, Selection, Writer, Written};
use tidewatch::progress::Progress;
use tidewatch::window::{View, Views, Windowing};
use tidewatch::{Error, Result, matrix};

use super::Outcome;
use super::input::{Reads, Shape, check_output, no_rows, none_of};
use super::pieces::{Piece, pieces, size, windows};
use super::reading::{FollowArgs, ReadArgs, Reading, WindowArgs};
use super::terminal::{Terminal, count, print_json};

#[derive(clap::Args)]
pub struct Args {
    /// Captures (pcap, pcapng or snoop, plain, gz, zst or xz) or folders of them; - is standard input
    #[arg(required = true, value_name = "CAPTURE")]
    captures: Vec<PathBuf>,
    /// The matrix: Parquet, or CSV if the name ends in .csv; of several views, one each: m.host.parquet, m.flow.parquet
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    window: WindowArgs,
    #[command(flatten)]
    read: ReadArgs,
    #[command(flatten)]
    follow: FollowArgs,
    /// Print a summary as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Summary<'a> {
    #[serde(flatten)]
    reads: &'a Reads,
    matrices: Vec<MatrixSummary>,
}

#[derive(Serialize)]
struct MatrixSummary {
    path: String,
    view: View,
    window_ns: i64,
    rows: usize,
    features: usize,
    schema: String,
    attack_rows: Option<usize>,
}

/// A matrix that is to be written.
struct Output {
    path: PathBuf,
    view: View,
    schema: Schema,
}

/// Extracts one capture as the command line does without further options.
pub fn of_one(capture: &Path, output: &Path, window: &WindowArgs, terminal: &Terminal) -> Result<Outcome> {
    let args = Args {
        captures: vec![capture.to_owned()],
        output: output.to_owned(),
        window: window.clone(),
        read: ReadArgs::default(),
        follow: FollowArgs::default(),
        json: false,
    };
    run(&args, terminal)
}

pub fn run(args: &Args, terminal: &Terminal) -> Result<Outcome> {
    let mut reading = args.read.check()?;
    reading.follow = args.follow.check(&args.captures)?;
    let (views, windowing) = args.window.check(&mut reading)?;
    let shape = Shape::Captures(views, windowing);
    let outputs = outputs(&args.output, views, windowing, &shape.selection(&reading));
    if args.output == Path::new("-") {
        let refuse = |parameter, what| Err(Error::parameter(parameter, what, "name a file with -o"));
        if args.json {
            return refuse("--json", "the matrix and the summary cannot both go to standard output");
        }
        if outputs.len() > 1 {
            return refuse("--view", "several matrices cannot all go to standard output");
        }
    }
    // A CSV has no place for them.
    reading.sightings = !matrix::is_csv(&args.output);
    for output in &outputs {
        check_output(&output.path, &args.captures)?;
    }
    let extracted = extract(args, &outputs, shape, &reading, terminal)?;
    if extracted.written.iter().all(|written| written.rows == 0) {
        // The capture was read and accounted for: an empty matrix is what is in it for us.
        terminal.warn(no_rows(&args.captures, &extracted.reads));
    }

    let attack_rows = |written: &Written| extracted.labelled.then_some(written.attack_rows);
    if args.json {
        let summary = |(output, written): (&Output, &Written)| MatrixSummary {
            path: output.path.display().to_string(),
            view: output.view,
            window_ns: windowing.length_ns(),
            rows: written.rows,
            features: output.schema.columns.len(),
            schema: output.schema.fingerprint(),
            attack_rows: attack_rows(written),
        };
        let matrices = outputs.iter().zip(&extracted.written).map(summary).collect();
        print_json(&Summary { reads: &extracted.reads, matrices })?;
    } else {
        terminal.say(extracted.reads.summary());
        for (output, written) in outputs.iter().zip(&extracted.written) {
            let attacks = attack_rows(written).map(|attacks| format!(", {} with attacks", count(attacks as u64)));
            let (path, rows) = (output.path.display(), count(written.rows as u64));
            let attacks = attacks.unwrap_or_default();
            terminal.say(format_args!("{path}: {rows} rows of the view {}{attacks}", output.view));
        }
    }
    Ok(Outcome::partial_if(extracted.partial))
}

/// What is to be written: to the path that is named, or with each view's name before its ending.
fn outputs(path: &Path, views: Views, windowing: Windowing, selection: &Selection) -> Vec<Output> {
    let schema = |view| Schema { selection: selection.clone(), ..Schema::of(view, windowing.length_ns()) };
    let several = views.iter().count() > 1;
    let place = |view: View| match path.extension() {
        _ if !several => path.to_owned(),
        Some(ending) => path.with_extension(format!("{view}.{}", ending.to_string_lossy())),
        None => path.with_extension(view.name()),
    };
    views.iter().map(|view| Output { path: place(view), view, schema: schema(view) }).collect()
}

/// What came of it.
struct Extracted {
    reads: Reads,
    written: Vec<Written>,
    /// Whether the truth of any capture is known.
    labelled: bool,
    partial: bool,
}

/// Extracts one piece after the other; one that cannot be read is reported, and the work goes on with the next.
fn extract(args: &Args, outputs: &[Output], shape: Shape, reading: &Reading, terminal: &Terminal) -> Result<Extracted> {
    let (pieces, mut errors) = pieces(&args.captures, shape, reading, terminal)?;
    let several = args.captures.len() > 1 || pieces.len() + errors.len() > 1;
    let labelled = pieces.iter().any(Piece::is_labelled);
    let mut extracted = Extracted { reads: Reads::default(), written: Vec::new(), labelled, partial: false };
    terminal.begin("read", size(&pieces.iter().flat_map(Piece::paths).collect::<Vec<_>>()));
    let mut drafts = outputs.iter().map(|output| Draft::new(&output.path)).collect::<Result<Vec<_>>>()?;
    let filled = (|| {
        let mut writers = Vec::with_capacity(outputs.len());
        for (output, draft) in outputs.iter().zip(&mut drafts) {
            writers.push(Writer::new(&output.path, draft, output.schema.clone(), labelled)?);
        }
        let mut read = 0;
        for piece in &pieces {
            let Piece::Captures(parts) = piece else { continue };
            let mut unwritten = false;
            let result = windows(parts, shape, reading, terminal, |closed, attacks| {
                let rows = writers.iter_mut().zip(closed.rows);
                let written =
                    rows.into_iter().try_for_each(|(writer, (_, rows))| writer.push(closed.start_ns, rows, attacks));
                unwritten = written.is_err();
                written
            });
            match result {
                Ok((ledger, cut)) => {
                    extracted.partial |= cut || ledger.lost() > 0;
                    extracted.reads.add(&ledger);
                    read += 1;
                }
                Err(error) if unwritten => return Err(error),
                Err(error) => errors.push(error),
            }
            if !reading.follow {
                terminal.check()?;
            }
        }
        terminal.finish();
        extracted.partial |= !errors.is_empty();
        if several {
            errors.iter().for_each(|error| terminal.error(error));
        }
        match errors.pop() {
            Some(error) if read == 0 => return Err(if several { none_of(&args.captures) } else { error }),
            _ if extracted.reads.packets == 0 => return Err(no_rows(&args.captures, &extracted.reads)),
            _ => {}
        }
        extracted.written = writers.into_iter().map(Writer::finish).collect::<Result<_>>()?;
        Ok(())
    })();
    file::finish(drafts, filled)?;
    Ok(extracted)
}
