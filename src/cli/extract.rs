//! `tidewatch extract`: captures → a matrix.

use std::path::{Path, PathBuf};

use serde::Serialize;
use tidewatch::{Result, matrix};

use super::Outcome;
use super::input::{ReadArgs, Reads, Shape, WindowArgs, check_output, load, no_rows};
use super::terminal::{Terminal, count, print_json};

#[derive(clap::Args)]
pub struct Args {
    /// Captures (pcap, pcapng or snoop, plain, gz, zst or xz) or folders of them; - is standard input
    #[arg(required = true, value_name = "CAPTURE")]
    captures: Vec<PathBuf>,
    /// The matrix: Parquet, or CSV if the name ends in .csv
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    window: WindowArgs,
    #[command(flatten)]
    read: ReadArgs,
    /// Print a summary as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Summary<'a> {
    #[serde(flatten)]
    reads: &'a Reads,
    matrices: Vec<MatrixSummary<'a>>,
}

#[derive(Serialize)]
struct MatrixSummary<'a> {
    path: String,
    view: &'a str,
    window_ns: i64,
    rows: usize,
    features: usize,
    schema: String,
    attack_rows: Option<usize>,
}

pub fn run(args: &Args, terminal: &Terminal) -> Result<Outcome> {
    let reading = args.read.check()?;
    let (view, windowing) = args.window.check(&reading)?;
    if args.json && args.output == Path::new("-") {
        let what = "the matrix and the summary cannot both go to standard output";
        return Err(tidewatch::Error::parameter("--json", what, "name a file with -o"));
    }
    check_output(&args.output, &args.captures)?;
    let loaded = load(&args.captures, Shape::Captures(view, windowing), &reading, terminal)?;
    matrix::write(&loaded.matrix, &args.output)?;
    if loaded.matrix.rows() == 0 {
        // The capture was read and accounted for: an empty matrix is what is in it for us.
        terminal.warn(no_rows(&args.captures, &loaded.reads));
    }

    let rows = loaded.matrix.rows();
    let attack_rows = loaded.matrix.labels.as_ref().map(|_| rows - loaded.matrix.benign().len());
    if args.json {
        let summary = MatrixSummary {
            path: args.output.display().to_string(),
            view: view.name(),
            window_ns: windowing.length_ns(),
            rows,
            features: loaded.matrix.schema.columns.len(),
            schema: loaded.matrix.schema.fingerprint(),
            attack_rows,
        };
        print_json(&Summary { reads: &loaded.reads, matrices: vec![summary] })?;
    } else {
        terminal.say(loaded.reads.summary());
        let truth = attack_rows.map_or(String::new(), |attacks| format!(", {} with attacks", count(attacks as u64)));
        terminal.say(format_args!("{}: {} rows of the view {view}{truth}", args.output.display(), count(rows as u64)));
    }
    Ok(Outcome::partial_if(loaded.partial))
}
