//! `tidewatch demo`: the whole job on a made sample, told as it goes.

use std::fs;
use std::path::{Path, PathBuf};

use tidewatch::alert::episode::{Names, usual_gap_ns};
use tidewatch::alert::{alerts, time};
use tidewatch::matrix::duration;
use tidewatch::model::train::{Training, train};
use tidewatch::progress::Progress;
use tidewatch::report::text;
use tidewatch::synth::Day;
use tidewatch::window::{View, Windowing};
use tidewatch::{Error, Result, artifact, file, matrix};

use super::Outcome;
use super::evaluate::{Judging, evaluate};
use super::input::{Shape, load};
use super::reading::ReadArgs;
use super::terminal::{Terminal, count, print};
use super::train::tell;

/// Monday 2 March 2026, 00:00 UTC: a day on which nothing happened, since it is made.
const MONDAY_NS: i64 = 1_772_409_600_000_000_000;
const DAY_NS: i64 = 86_400_000_000_000;

/// Alerts that the demo shows; the file holds them all.
const SHOWN: usize = 3;

#[derive(clap::Args)]
pub struct Args {
    /// Where everything is left
    #[arg(short, long, default_value = "demo-output", value_name = "FOLDER")]
    output: PathBuf,
    /// The seed of the made days and of the model
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The length of each of the two days, in hours
    #[arg(long, default_value_t = 24.0)]
    hours: f64,
}

pub fn run(args: &Args, terminal: &Terminal) -> Result<Outcome> {
    let folder = &args.output;
    let tell_step = |step: usize, what: &str| print(&format!("\n{step}. {what}\n"));
    fs::create_dir_all(folder).map_err(|error| Error::io(folder, &error))?;
    let [quiet, bad] = ["quiet-day.pcap", "bad-day.pcap"].map(|name| folder.join(name));
    let [quiet_rows, bad_rows] = ["quiet-day.parquet", "bad-day.parquet"].map(|name| folder.join(name));
    let [model_path, report, alerts_path] = ["model.tw", "report.html", "alerts.jsonl"].map(|name| folder.join(name));

    print(
        "tidewatch learns what is normal on a network from captures, and tells what is not.\n\
         This demo does the whole job on a SYNTHETIC sample: every packet is made by the program. It shows how the\n\
         pieces fit together; it says nothing about how well they do on your network.\n",
    )?;

    tell_step(1, "Make two days of a small plant's network: a quiet one, and one with attacks.")?;
    for (path, day) in [(&quiet, 0), (&bad, 1)] {
        terminal.check()?;
        let made = Day {
            seed: args.seed.wrapping_mul(2).wrapping_add(day as u64),
            start_ns: MONDAY_NS + day * DAY_NS,
            hours: args.hours,
            attacks: day > 0,
        };
        let summary = made.save(path)?;
        let attacks: Vec<&str> = summary.attacks.keys().copied().collect();
        let attacks = if attacks.is_empty() { String::new() } else { format!("; attacks: {}", attacks.join(", ")) };
        print(&format!("   {}: {} packets{attacks}\n", path.display(), count(summary.packets)))?;
    }

    let view = View::Host;
    let windowing = Windowing::new(30_000_000_000, Windowing::LATENESS_NS)?;
    let reading = ReadArgs::default().check()?;
    tell_step(2, "Extract: cut each day into windows, and describe every host in every window by its features.")?;
    let mut days = Vec::new();
    for (capture, rows) in [(&quiet, &quiet_rows), (&bad, &bad_rows)] {
        let loaded = load(std::slice::from_ref(capture), Shape::Windows(view, windowing), &reading, terminal)?;
        matrix::write(&loaded.matrix, rows)?;
        print(&format!(
            "   {}: {} rows of {} features, windows of {}\n",
            rows.display(),
            count(loaded.matrix.rows() as u64),
            loaded.matrix.schema.columns.len(),
            duration(windowing.length_ns())
        ))?;
        days.push(loaded);
    }
    let (Some(bad_day), Some(quiet_day)) = (days.pop(), days.pop()) else { return Ok(Outcome::Partial) };

    tell_step(3, "Train on the quiet day: a threshold for one false alarm a day, from rows that were held out.")?;
    let training = Training { seed: args.seed, ..Training::default() };
    let mut model = train(&quiet_day.matrix, &training, quiet_day.sources()?, terminal)?;
    model.footprint = model.footprint.with(&quiet_day.survey(terminal)?);
    terminal.finish();
    artifact::write(&model, &model_path)?;
    tell(&model.card, terminal);

    tell_step(4, "Evaluate on the bad day, of which the truth is known, beside trivial baselines.")?;
    let inputs = [bad_rows.clone()];
    let evaluation = evaluate(&model, &bad_day, &model_path, &inputs, Some(&report), &Judging::default(), terminal)?;
    print(&format!("\n{}", text(&evaluation)))?;

    tell_step(5, "Score the bad day as if nothing were known of it: alerts, each with its reasons.")?;
    let scores = model.score(&bad_day.matrix)?;
    let found = alerts(&model, &bad_day.matrix, &scores);
    let mut episodes = Names::new(usual_gap_ns(model.schema.window_ns));
    write_lines(&alerts_path, &found.iter().map(|alert| episodes.of(alert)).collect::<Vec<_>>())?;
    let mut loudest: Vec<_> = found.iter().collect();
    loudest.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut shown: Vec<&str> = Vec::new();
    for alert in loudest {
        let truth = alert.truth.as_deref().unwrap_or("unknown");
        if shown.len() < SHOWN && !shown.contains(&truth) {
            shown.push(truth);
            let when = time(alert.window_start_ns);
            print(&format!("   {when} {} score {:.1} (in truth: {truth})\n", alert.entity, alert.score))?;
            for reason in alert.reasons.iter().take(3) {
                print(&format!("      {}\n", reason.text))?;
            }
            if let Some(lasts) = alert.lasts() {
                print(&format!("      {lasts}\n"))?;
            }
        }
    }
    let (alerts, episodes) = (found.len(), episodes.begun());
    print(&format!("   {}: all {alerts} alerts, in {episodes} episodes, as JSON lines\n", alerts_path.display()))?;

    let show = |path: &Path| path.display().to_string();
    print(&format!(
        "\nEverything is in {}. Open {} in a browser. To repeat each step:\n\
         \x20  tidewatch extract {} -o {}\n\
         \x20  tidewatch train {} -o {} --seed {}\n\
         \x20  tidewatch evaluate {} {} --report {}\n\
         \x20  tidewatch score {} {} > {}\n\
         The sample is synthetic. Now try it on two captures of your own: a quiet day and a bad day.\n",
        show(folder),
        show(&report),
        show(&quiet),
        show(&quiet_rows),
        show(&quiet_rows),
        show(&model_path),
        args.seed,
        show(&model_path),
        show(&bad_rows),
        show(&report),
        show(&model_path),
        show(&bad),
        show(&alerts_path),
    ))?;
    Ok(Outcome::partial_if(quiet_day.partial || bad_day.partial))
}

/// Values as JSON lines, in a file that is whole or not there.
fn write_lines(path: &Path, values: &[impl serde::Serialize]) -> Result<()> {
    file::write(path, |out| {
        for value in values {
            serde_json::to_writer(&mut *out, value).map_err(|error| Error::io(path, &error.into()))?;
            out.write_all(b"\n").map_err(|error| Error::io(path, &error))?;
        }
        Ok(())
    })
}
