//! `tidewatch datasets`: public benchmarks, and what is to be said against any labelled data.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use tidewatch::dataset::{self, Dataset, Item};
use tidewatch::evaluate::{Judged, episodes, numbered};
use tidewatch::model::footprint::Footprint;
use tidewatch::progress::Progress;
use tidewatch::{Error, ErrorKind, Result, file};

use super::input::{Loaded, Shape, load};
use super::reading::{ReadArgs, WindowArgs};
use super::terminal::{Terminal, count, print, print_json};
use super::{Outcome, extract, honesty};

/// What stands first in the ground truth that `prepare` writes, so that it knows its own files again.
const WRITTEN: &str = "# Written by tidewatch datasets prepare.\n";

#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List the benchmarks that are known
    List {
        /// Print them as JSON
        #[arg(long)]
        json: bool,
    },
    /// Tell all that is known of a benchmark: source, licence, files, labels, flaws
    Show {
        /// Its name, as list has it
        dataset: String,
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
    /// Verify what was downloaded, and make labelled matrices of it
    Prepare(PrepareArgs),
    /// Tell what makes labelled data easier than the world is
    Audit(AuditArgs),
}

#[derive(clap::Args)]
struct PrepareArgs {
    /// The folder that the benchmark was downloaded to
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The benchmark [default: that of which most files lie in DIR]
    #[arg(long, value_name = "NAME")]
    dataset: Option<String>,
    /// A capture, with what it needs; all unless told
    #[arg(long, value_name = "FILE")]
    only: Vec<String>,
    /// Where the matrices are left [default: DIR/matrices]
    #[arg(short, long, value_name = "FOLDER")]
    output: Option<PathBuf>,
    #[command(flatten)]
    window: WindowArgs,
}

#[derive(clap::Args)]
struct AuditArgs {
    /// Labelled captures, matrices or tables; of two and more, what each shares with those before it is told
    #[arg(required = true, value_name = "CAPTURE|MATRIX")]
    inputs: Vec<PathBuf>,
    /// Print the findings as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    window: WindowArgs,
    #[command(flatten)]
    read: ReadArgs,
}

pub fn run(args: &Args, terminal: &Terminal) -> Result<Outcome> {
    match &args.command {
        Command::List { json } => list(*json),
        Command::Show { dataset, json } => show(&dataset::named(dataset)?, *json),
        Command::Prepare(args) => prepare(args, terminal),
        Command::Audit(args) => audit(args, terminal),
    }
}

fn list(json: bool) -> Result<Outcome> {
    let all = dataset::all()?;
    if json {
        print_json(&all)?;
    } else {
        let width = all.iter().map(|dataset| dataset.name.len()).max().unwrap_or(0);
        let line = |dataset: &Dataset| {
            let captures = dataset.captures().count();
            format!(
                "{:width$}  {} ({captures} captures, {} known flaws)\n",
                dataset.name,
                dataset.title,
                dataset.flaws.len()
            )
        };
        print(&all.iter().map(line).collect::<String>())?;
    }
    Ok(Outcome::Whole)
}

fn show(dataset: &Dataset, json: bool) -> Result<Outcome> {
    if json {
        print_json(dataset)?;
        return Ok(Outcome::Whole);
    }
    let mut text = format!(
        "{}\n\nsource   {}\nlicence  {}\ncite     {}\n\nknown flaws\n",
        dataset.title, dataset.source, dataset.licence, dataset.cite
    );
    for flaw in &dataset.flaws {
        text += &format!("  - {}\n    ({})\n", flaw.what, flaw.reference);
    }
    text += "\nfiles\n";
    for item in &dataset.files {
        let sum = item.sha256.as_ref().map(|sum| format!("\n    SHA-256 {sum}")).unwrap_or_default();
        text += &format!("  {}\n    from {}{sum}\n", item.name, item.from);
        for line in item.labels.iter().flat_map(|labels| labels.trim().lines()) {
            text += &format!("    | {line}\n");
        }
    }
    text += &format!(
        "\nDownload them into one folder as they are named here; then: tidewatch datasets prepare DIR --dataset {}\n",
        dataset.name
    );
    print(&text)?;
    Ok(Outcome::Whole)
}

fn prepare(args: &PrepareArgs, terminal: &Terminal) -> Result<Outcome> {
    let folder = &args.folder;
    if !folder.is_dir() {
        return Err(Error::io(folder, &std::io::ErrorKind::NotFound.into())
            .hint("name the folder that the dataset was downloaded to"));
    }
    let dataset = match &args.dataset {
        Some(name) => dataset::named(name)?,
        None => recognized(folder)?,
    };
    let wanted = dataset.wanted(&args.only)?;
    let mut faults = Vec::new();
    for item in &wanted {
        terminal.check()?;
        faults.extend(item.fault(folder)?);
    }
    if !faults.is_empty() {
        faults.iter().for_each(|fault| terminal.say(fault));
        let what = format!("{} of the {} files of {} are not here", faults.len(), wanted.len(), dataset.name);
        return Err(Error::new(ErrorKind::Io, folder.display(), what)
            .hint("get what is told above, or name the captures that you have with --only"));
    }
    let output = args.output.clone().unwrap_or_else(|| folder.join("matrices"));
    fs::create_dir_all(&output).map_err(|error| Error::io(&output, &error))?;
    let mut reading = ReadArgs::default().check()?;
    args.window.check(&mut reading)?;
    let mut outcome = Outcome::Whole;
    for item in wanted.into_iter().filter(|item| item.labels.is_some()) {
        write_labels(item, folder, terminal)?;
        outcome = outcome.and(extract::of_one(
            &folder.join(&item.name),
            &matrix_path(&output, item),
            &args.window,
            terminal,
        )?);
    }
    terminal.say(format_args!("known flaws of {}:", dataset.title));
    dataset.flaws.iter().for_each(|flaw| terminal.say(format_args!("  - {} ({})", flaw.what, flaw.reference)));
    Ok(outcome)
}

/// The benchmark of which most files lie in a folder.
fn recognized(folder: &Path) -> Result<Dataset> {
    let all = dataset::all()?;
    let names = all.iter().map(|dataset| dataset.name.as_str()).collect::<Vec<_>>().join(", ");
    let most = all.into_iter().max_by_key(|dataset| dataset.present(folder)).filter(|most| most.present(folder) > 0);
    most.ok_or_else(|| {
        Error::new(ErrorKind::Io, folder.display(), "holds no file of a known dataset")
            .hint(format!("name one with --dataset ({names}), and its missing files are told"))
    })
}

/// Puts the ground truth beside a capture, unless somebody has put another there.
fn write_labels(item: &Item, folder: &Path, terminal: &Terminal) -> Result<()> {
    let (path, Some(labels)) = (item.labels_path(folder), &item.labels) else { return Ok(()) };
    let text = format!("{WRITTEN}{}\n", labels.trim());
    match fs::read_to_string(&path) {
        Ok(there) if there != text && !there.starts_with(WRITTEN) => {
            terminal.warn(format_args!("{}: is not as the manifest has it, and is kept", path.display()));
            Ok(())
        }
        Ok(there) if there == text => Ok(()),
        _ => file::write(&path, |out| out.write_all(text.as_bytes()).map_err(|error| Error::io(&path, &error))),
    }
}

/// Where the matrix of a capture goes: its name with what is above it, in one folder.
fn matrix_path(output: &Path, item: &Item) -> PathBuf {
    let plain = item.name.replace(['/', ' '], "-");
    let stem = [".gz", ".xz", ".zst", ".pcapng", ".pcap"]
        .into_iter()
        .fold(plain.as_str(), |name, ending| name.strip_suffix(ending).unwrap_or(name));
    output.join(format!("{stem}.parquet"))
}

/// What `audit` tells.
#[derive(Serialize)]
struct Audit {
    input: String,
    rows: usize,
    attack_rows: usize,
    episodes: usize,
    packets: u64,
    findings: Vec<String>,
}

fn audit(args: &AuditArgs, terminal: &Terminal) -> Result<Outcome> {
    let mut reading = args.read.check()?;
    let (view, windowing) = args.window.check_one(&mut reading)?;
    let (mut audits, mut before, mut partial) = (Vec::new(), Vec::<(String, Footprint)>::new(), false);
    for input in &args.inputs {
        let inputs = std::slice::from_ref(input);
        let loaded = load(inputs, Shape::Windows(view, windowing), &reading, terminal)?.with_rows(inputs)?;
        partial |= loaded.partial;
        let name = input.display().to_string();
        let survey = loaded.survey(terminal)?;
        let footprint = Footprint::of(&loaded.matrix).with(&survey);
        let mut findings = honesty::odd_packets(&survey);
        for (other, theirs) in &before {
            let shared = honesty::sentences(&theirs.overlap(&footprint), loaded.matrix.schema.window_ns);
            findings.extend(shared.into_iter().map(|what| format!("beside {other}: {what}")));
        }
        audits.push(labelled(name.clone(), &loaded, survey.packets, findings));
        before.push((name, footprint));
    }
    if args.json {
        print_json(&audits)?;
    } else {
        print(&audits.iter().map(text).collect::<String>())?;
    }
    Ok(Outcome::partial_if(partial))
}

fn labelled(input: String, loaded: &Loaded, packets: u64, mut findings: Vec<String>) -> Audit {
    let matrix = &loaded.matrix;
    let entities = numbered(&matrix.entity);
    let (mut attack_rows, mut runs) = (0, 0);
    if let Some(labels) = &matrix.labels {
        let judged = Judged::of(matrix, labels, &entities);
        attack_rows = labels.attack.iter().flatten().count();
        runs = episodes(&judged, &vec![0.0; matrix.rows()], 1.0).len();
        findings.extend(honesty::audited(matrix, &judged, None));
        if attack_rows == 0 {
            findings.push(honesty::NO_ATTACK.to_owned());
        }
    } else {
        findings.push("there is no ground truth: only packets and rows could be looked at".to_owned());
    }
    Audit { input, rows: matrix.rows(), attack_rows, episodes: runs, packets, findings }
}

fn text(audit: &Audit) -> String {
    let packets = if audit.packets > 0 { format!("{} packets, ", count(audit.packets)) } else { String::new() };
    let mut text = format!(
        "{}: {packets}{} rows, {} of them of attacks in {} episodes\n",
        audit.input,
        count(audit.rows as u64),
        count(audit.attack_rows as u64),
        audit.episodes
    );
    if audit.findings.is_empty() {
        text += "  nothing found that makes it easier than it looks\n";
    }
    audit.findings.iter().for_each(|finding| text += &format!("  - {finding}\n"));
    text
}
