//! A model that was exported as ONNX scores as ours does, in onnxruntime.

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Folder, days_with_a_rhythm};
use ndarray::Axis;
use serde_json::Value;
use tidewatch::artifact;
use tidewatch::matrix::{self, Matrix, TableOptions};
use tidewatch::synth::Day;
use tidewatch::window::day_and_hour;

/// The rows that are compared, and how far scores may be apart.
const ROWS: u64 = 10_000;
const TOLERANCE: f64 = 1e-5;

/// A Python that has onnxruntime: the one that TIDEWATCH_PYTHON names, or of the environment that `.ci/run` makes; without one a
/// test says so and ends.
fn python() -> Option<PathBuf> {
    let made = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("onnxruntime").join("bin/python");
    let python = std::env::var_os("TIDEWATCH_PYTHON").map_or(made, PathBuf::from);
    let knows = Command::new(&python).args(["-c", "import onnxruntime"]).output();
    if knows.is_ok_and(|output| output.status.success()) {
        return Some(python);
    }
    println!("skipped: there is no Python with onnxruntime");
    None
}

/// Two captures of made days: a short quiet one, and a long one with attacks.
fn days(folder: &Folder) {
    for (name, day, hours) in [("quiet", 0, 0.6), ("bad", 1, 5.5)] {
        let start_ns = 1_772_409_600_000_000_000 + day * 86_400_000_000_000;
        Day { seed: day as u64, start_ns, hours, attacks: day > 0 }
            .save(&folder.path(&format!("{name}.pcap")))
            .unwrap();
    }
}

/// Exports a model, and puts beside it what it is given and what it should say of the rows of a matrix.
fn export(folder: &Folder, model: &str, rows: &str) -> PathBuf {
    let case = folder.path(&format!("{model}.case"));
    std::fs::create_dir(&case).unwrap();
    folder.done(&format!("export {model} --onnx {model}.case/model.onnx"));
    let model = artifact::read(&folder.path(model)).unwrap();
    let matrix = matrix::read(&folder.path(rows), &TableOptions::default(), Some(&model.schema)).unwrap();
    let scores = model.score(&matrix).unwrap();
    // A graph knows nothing of windows that were seen in part.
    let whole: Vec<usize> = (0..matrix.rows()).filter(|row| !scores.parts.contains(row)).collect();
    let of_whole = |scores: &[f64]| -> Vec<f64> { whole.iter().map(|&row| scores[row]).collect() };
    let context = scores.context.select(Axis(0), &whole);
    let matrix = matrix.select(&whole);
    let [least, most] = [f64::min, f64::max].map(|of| scores.score.iter().copied().reduce(of).unwrap());
    assert!(most > least + 1.0, "there is nothing to compare in scores from {least} to {most}");
    let floats = |name: &str, values: Vec<f32>| {
        std::fs::write(case.join(name), values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>())
            .unwrap();
    };
    let doubles = |name: &str, values: Vec<f64>| {
        std::fs::write(case.join(name), values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>())
            .unwrap();
    };
    let hours = matrix.window_start_ns.iter().map(|&start_ns| day_and_hour(start_ns).1 as i64);
    std::fs::write(case.join("hour.i64"), hours.flat_map(i64::to_le_bytes).collect::<Vec<u8>>()).unwrap();
    let texts = |name: &str, lines: Vec<&str>| std::fs::write(case.join(name), lines.join("\n") + "\n").unwrap();
    let cells = |categorical: bool| -> Vec<(usize, usize)> {
        let columns = matrix.schema.columns.iter().enumerate();
        let columns: Vec<usize> =
            columns.filter(|(_, column)| column.categorical == categorical).map(|(at, _)| at).collect();
        (0..matrix.rows()).flat_map(|row| columns.iter().map(move |&column| (row, column))).collect()
    };
    floats("features.f32", cells(false).into_iter().map(|cell| matrix.values[cell]).collect());
    texts("names.txt", cells(true).into_iter().map(|cell| level(&matrix, cell)).collect());
    texts("entity.txt", matrix.entity.iter().map(String::as_str).collect());
    floats("context.f32", context.iter().copied().collect());
    floats("before.f32", of_whole(&scores.before).into_iter().map(|before| before as f32).collect());
    let members = whole.iter().flat_map(|&row| scores.members.iter().map(move |(_, scores)| scores[row]));
    doubles("members.f64", members.collect());
    doubles("score.f64", of_whole(&scores.score));
    doubles("p_value.f64", of_whole(&scores.p_value));
    case
}

fn level(matrix: &Matrix, cell: (usize, usize)) -> &str {
    let code = matrix.values[cell];
    if code.is_nan() { "" } else { &matrix.levels[cell.1][code as usize] }
}

/// What onnxruntime makes of the cases.
fn compare(python: &Path, cases: &[PathBuf]) -> Vec<Value> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/onnx.py");
    let output = Command::new(python).arg(script).args(cases).output().unwrap();
    let said = common::Said::from(output);
    assert_eq!(said.code, Some(0), "{}", said.err);
    said.json_lines()
}

#[track_caller]
fn assert_close(name: &str, result: &Value) {
    println!("{name}: {result}");
    for output in ["score", "members", "p_value"] {
        let difference = result[output].as_f64().unwrap_or(f64::NAN);
        assert!(difference <= TOLERANCE, "{name}: {output} differs by {difference}");
    }
}

#[test]
fn onnxruntime_scores_rows_of_hosts_as_we_do() {
    let Some(python) = python() else { return };
    let folder = Folder::new();
    days(&folder);
    folder.done("extract quiet.pcap -o quiet.parquet");
    folder.done("extract bad.pcap -o bad.parquet");
    let models = ["ensemble", "iforest", "extended", "sciforest", "fair-cut"];
    let cases: Vec<PathBuf> = models
        .iter()
        .map(|model| {
            folder.done(&format!("train quiet.parquet -o {model} --model {model}"));
            export(&folder, model, "bad.parquet")
        })
        .collect();
    for (model, result) in models.iter().zip(compare(&python, &cases)) {
        assert!(result["rows"].as_u64() >= Some(ROWS), "{result}");
        assert_close(model, &result);
    }
}

#[test]
fn onnxruntime_scores_hours_of_the_day_as_we_do() {
    let Some(python) = python() else { return };
    let folder = Folder::new();
    for (name, first, days) in [("days", 0, 5), ("new", 9, 1)] {
        matrix::write(&days_with_a_rhythm(first, days), &folder.path(&format!("{name}.parquet"))).unwrap();
    }
    folder.done("train days.parquet -o hours --model tail");
    let case = export(&folder, "hours", "new.parquet");
    assert_close("hours", &compare(&python, &[case])[0]);
}

#[test]
fn onnxruntime_scores_tables_with_names_and_holes_as_we_do() {
    let Some(python) = python() else { return };
    let folder = Folder::new();
    let row = |i: u64, odd: bool| {
        let name = ["tcp", "udp", "", "icmp"][(i * i % 7 % 4) as usize];
        let number = if i % 11 == 3 {
            String::new()
        } else {
            format!("{}", (i * 7919 % 1000) as f64 / if odd { 1.0 } else { 50.0 })
        };
        format!("{number},{},{}\n", if odd && i.is_multiple_of(5) { "gre" } else { name }, i % 3)
    };
    let table = |odd: bool| "bytes,proto,flag\n".to_owned() + &(0..600).map(|i| row(i, odd)).collect::<String>();
    folder.put("known.csv", table(false));
    folder.put("new.csv", table(true));
    folder.done("train known.csv -o names");
    folder.done("train known.csv -o copod --model copod");
    let cases = ["names", "copod"].map(|model| export(&folder, model, "new.csv"));
    for (model, result) in ["names", "copod"].iter().zip(compare(&python, &cases)) {
        assert_close(model, &result);
    }
}
