//! What an experiment declares.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use tidewatch::window::View;
use tidewatch::{Error, ErrorKind, Result};

use super::compose::{self, Composition};
use super::{Cache, Terminal, expanded};

/// An experiment, as its file has it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Experiment {
    /// What stands above the table.
    pub name: String,
    /// Whose rows.
    #[serde(default = "host")]
    views: Vec<String>,
    /// How long windows last.
    #[serde(default = "half_a_minute")]
    windows: Vec<String>,
    /// Models, as `train --model` names them.
    #[serde(default = "ensemble")]
    pub models: Vec<String>,
    #[serde(default = "zero")]
    pub seeds: Vec<u64>,
    #[serde(default = "one")]
    pub alarms_per_day: f64,
    #[serde(rename = "dataset")]
    datasets: Vec<Data>,
}

/// What is learned and what is judged: two lists of captures, one that is split in time, or a composition.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    pub name: String,
    #[serde(default)]
    train: Vec<String>,
    #[serde(default)]
    test: Vec<String>,
    /// The share of the windows of `train`, from the first on, that is learned from; the others are judged.
    pub split: Option<f64>,
    compose: Option<Composition>,
    /// Instead of the experiment's.
    views: Option<Vec<String>>,
    /// Instead of the experiment's.
    windows: Option<Vec<String>>,
}

fn host() -> Vec<String> {
    vec!["host".to_owned()]
}

fn half_a_minute() -> Vec<String> {
    vec!["30s".to_owned()]
}

fn ensemble() -> Vec<String> {
    vec!["ensemble".to_owned()]
}

fn zero() -> Vec<u64> {
    vec![0]
}

fn one() -> f64 {
    1.0
}

impl Experiment {
    /// Reads and checks an experiment.
    ///
    /// # Errors
    /// It cannot be read, or something in it has no meaning.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|error| Error::io(path, &error))?;
        let wrong = |what: String| Error::new(ErrorKind::Parameter, path.display(), what);
        let experiment: Self = toml::from_str(&text).map_err(|error| {
            let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].lines().count().max(1));
            wrong(format!("{} (line {line})", error.message().trim().replace('\n', ", ")))
                .hint("an experiment has a name, [[dataset]] with train and test, and views, windows, models, seeds")
        })?;
        let no = |what: &str, name: &str| wrong(format!("dataset {name}: {what}"));
        for (place, data) in experiment.datasets.iter().enumerate() {
            if experiment.datasets[..place].iter().any(|other| other.name == data.name) {
                return Err(no("another has its name", &data.name));
            }
            let ways = [!data.test.is_empty(), data.split.is_some(), data.compose.is_some()];
            if ways.iter().filter(|way| **way).count() != 1 || (data.compose.is_none() == data.train.is_empty()) {
                return Err(no("it takes either train and test, or train and split, or compose", &data.name));
            }
            if data.split.is_some_and(|share| !(share > 0.0 && share < 1.0)) {
                return Err(no("split is no share between 0 and 1", &data.name));
            }
        }
        for (_, _, window) in experiment.kinds_of_rows() {
            nanoseconds(&window)?;
        }
        let of = |data: &Data| data.views.clone().unwrap_or_default();
        for view in experiment.views.iter().cloned().chain(experiment.datasets.iter().flat_map(of)) {
            view.parse::<View>()?;
        }
        for model in &experiment.models {
            tidewatch::model::train::kinds(model)?;
        }
        if experiment.cells() == 0 {
            return Err(wrong("it declares nothing to do".to_owned()));
        }
        Ok(experiment)
    }

    /// Every dataset in its views and windows.
    pub fn kinds_of_rows(&self) -> Vec<(Data, View, String)> {
        let mut kinds = Vec::new();
        for data in &self.datasets {
            for view in data.views.as_ref().unwrap_or(&self.views) {
                for window in data.windows.as_ref().unwrap_or(&self.windows) {
                    kinds.extend(view.parse().ok().map(|view| (data.clone(), view, window.clone())));
                }
            }
        }
        kinds
    }

    /// How many evaluations it is.
    pub fn cells(&self) -> usize {
        self.kinds_of_rows().len() * self.models.len() * self.seeds.len()
    }
}

impl Data {
    /// The captures to learn from and those to judge; none of the latter where the former are split.
    ///
    /// # Errors
    /// One is not there; a composition cannot be made.
    pub fn captures(&self, data: &Path, cache: &Cache, terminal: &Terminal) -> Result<(Vec<PathBuf>, Vec<PathBuf>)> {
        if let Some(composition) = &self.compose {
            let (train, test) = compose::made(composition, data, cache, terminal)?;
            return Ok((vec![train], vec![test]));
        }
        Ok((expanded(&self.train, data, terminal)?, expanded(&self.test, data, terminal)?))
    }
}

/// A length of time, as in `30s`.
pub fn nanoseconds(text: &str) -> Result<i64> {
    crate::cli::reading::nanoseconds("windows", text)
}
