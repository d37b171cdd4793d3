//! Fits a forest on a table and scores another, and says what it took: `forest PRESET WIDTH TREES SAMPLES SEEDS TRAIN TEST
//! [SCORES]`. Tables are rows of `f32`, little endian, one behind the other; scores come as `f64`, one seed behind the other.
//!
//! A line of JSON a seed: CPU seconds of all threads, on Linux, and of the busiest of them in scoring; the clock time of scoring once
//! more; the median clock time of a single row, in microseconds.

use std::collections::BTreeMap;
use std::error::Error;
use std::ffi::OsString;
use std::io::Write;
use std::time::Instant;

use linfa::DatasetBase;
use linfa::traits::Fit;
use ndarray::{Array2, Axis, Slice};
use tidewatch::model::Detector;
use tidewatch::model::iforest::{IsolationForest, Preset};

/// Single rows that the median is taken of.
const SINGLES: usize = 2000;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().collect();
    let [_, preset, width, trees, samples, seeds, train, test, scores_to @ ..] = &args[..] else {
        return Err("usage: forest PRESET WIDTH TREES SAMPLES SEEDS TRAIN TEST [SCORES]".into());
    };
    let preset = match preset.as_str() {
        "iforest" => Preset::Iforest,
        "extended" => Preset::Extended,
        "sciforest" => Preset::SciForest,
        "fair-cut" => Preset::FairCut,
        _ => return Err(format!("there is no preset {preset}").into()),
    };
    let (train, test) = (table(train, width.parse()?)?, table(test, width.parse()?)?);
    let mut scores_to = scores_to.first().map(std::fs::File::create).transpose()?;
    let params = IsolationForest::params().preset(preset).trees(trees.parse()?).samples(samples.parse()?);
    for seed in 0..seeds.parse()? {
        let before = cpu_seconds()?;
        let forest = params.clone().seed(seed).fit(&DatasetBase::from(train.view()))?;
        let fitted = cpu_seconds()?;
        let scores = forest.score(test.view());
        let scored = cpu_seconds()?;
        let clock = Instant::now();
        std::hint::black_box(forest.score(test.view()));
        let clock = clock.elapsed().as_secs_f64();
        let mut single: Vec<f64> = (0..test.nrows().min(SINGLES))
            .map(|i| {
                let row = test.slice_axis(Axis(0), Slice::from(i..=i));
                let begun = Instant::now();
                std::hint::black_box(forest.score(row));
                begun.elapsed().as_secs_f64() * 1e6
            })
            .collect();
        single.sort_unstable_by(f64::total_cmp);
        let (fit, score, single) =
            (spent(&before, &fitted).sum::<f64>(), spent(&fitted, &scored).sum::<f64>(), single[single.len() / 2]);
        let busiest = spent(&fitted, &scored).fold(0.0, f64::max);
        print!(r#"{{"seed": {seed}, "fit": {fit}, "score": {score}, "busiest": {busiest}, "#);
        println!(r#""clock": {clock}, "row_us": {single}}}"#);
        if let Some(file) = &mut scores_to {
            let bytes: Vec<u8> = scores.iter().flat_map(|score| score.to_le_bytes()).collect();
            file.write_all(&bytes)?;
        }
    }
    Ok(())
}

fn table(path: &str, width: usize) -> Result<Array2<f32>, Box<dyn Error>> {
    let bytes = std::fs::read(path)?;
    let values: Vec<f32> = bytes.as_chunks().0.iter().map(|&value| f32::from_le_bytes(value)).collect();
    Ok(Array2::from_shape_vec((values.len() / width, width), values)?)
}

/// The CPU seconds that each thread has run so far.
fn cpu_seconds() -> Result<BTreeMap<OsString, f64>, Box<dyn Error>> {
    let mut seconds = BTreeMap::new();
    for task in std::fs::read_dir("/proc/self/task")? {
        let task = task?;
        let stat = std::fs::read_to_string(task.path().join("schedstat"))?;
        seconds.insert(task.file_name(), stat.split(' ').next().unwrap_or_default().parse::<f64>()? * 1e-9);
    }
    Ok(seconds)
}

/// What each thread ran between two looks.
fn spent(before: &BTreeMap<OsString, f64>, after: &BTreeMap<OsString, f64>) -> impl Iterator<Item = f64> {
    after.iter().map(|(thread, seconds)| seconds - before.get(thread).unwrap_or(&0.0))
}
