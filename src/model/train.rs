//! From a matrix to a model: what is fitted, how it is calibrated, and what it then expects.

use std::collections::BTreeSet;

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use super::calibrate::Calibration;
use super::doubt;
use super::encode::Encoder;
use super::ensemble::{Ensemble, Kind, Members, Rows};
use super::expect::Expected;
use super::folds::{self, Fitted, Folds};
use super::footprint::Footprint;
use super::hours::Hours;
use super::lasting::Lasting;
use super::own::OwnTails;
use super::reference::Reference;
use super::scale::{Range, Zeros};
use crate::context::{self, Context, Memory};
use crate::error::{Error, ErrorKind, Result};
use crate::matrix::{Matrix, Schema, Selection};
use crate::progress::Progress;

/// The fewest benign rows that can be learned from.
pub const FEWEST_ROWS: usize = 40;

/// How a model is trained.
#[derive(Clone, Debug, PartialEq)]
pub struct Training {
    /// The detectors; none are those of [`Kind::ensemble`] for the rows.
    pub kinds: Option<Vec<Kind>>,
    /// Benign rows that may alert in a day.
    pub alarms_per_day: f64,
    /// The seed of everything random.
    pub seed: u64,
}

impl Default for Training {
    fn default() -> Self {
        Self { kinds: None, alarms_per_day: 1.0, seed: 0 }
    }
}

impl Training {
    /// Whether a model can be trained so.
    ///
    /// # Errors
    /// It asks for no alarms, or for no number of them.
    pub fn check(&self) -> Result<()> {
        if self.alarms_per_day > 0.0 && self.alarms_per_day.is_finite() {
            Ok(())
        } else {
            Err(Error::parameter("--alarms-per-day", "must be a number above 0", "1 is a calm day"))
        }
    }
}

/// The detectors that a name on the command line stands for; none for the default ensemble.
///
/// # Errors
/// There is no model of this name.
pub fn kinds(name: &str) -> Result<Option<Vec<Kind>>> {
    if name == "ensemble" {
        return Ok(None);
    }
    let known = || Kind::ALL.map(Kind::name).join(", ");
    let kind = |name: &str| {
        let found = Kind::ALL.into_iter().find(|kind| kind.name() == name);
        found.ok_or_else(|| {
            Error::parameter(
                "--model",
                format!("there is no model '{name}'"),
                format!("use ensemble, or some of {}", known()),
            )
        })
    };
    let kinds: BTreeSet<Kind> = name.split('+').map(|name| kind(name.trim())).collect::<Result<_>>()?;
    Ok(Some(kinds.into_iter().collect()))
}

/// What a model was trained on and what it expects: its card.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// The version of tidewatch that trained it.
    pub version: String,
    /// The files that it learned from, with the SHA-256 of their bytes.
    pub sources: Vec<Source>,
    /// Benign rows that it learned from.
    pub benign_rows: usize,
    /// Attack rows that were labelled as such and left out.
    pub attack_rows: usize,
    /// Benign rows of the windows in which a capture begins or ends, left out too.
    pub edge_rows: usize,
    /// Benign rows that may be attacks, for all that is known of a table without its truth: no detector was fitted on them,
    /// but scores were calibrated by them, too.
    pub doubtful_rows: usize,
    /// The days that the rows cover.
    pub days: f64,
    /// The start of the first row's window, nanoseconds since the epoch.
    pub first_ns: i64,
    /// The end of the last row's window, nanoseconds since the epoch.
    pub last_ns: i64,
    /// The members.
    pub members: Vec<Kind>,
    /// Those that could not be fitted, with why.
    pub left_out: Vec<(Kind, String)>,
    /// What the threshold was set for.
    pub alarms_per_day: f64,
    /// Rows a day in the training data.
    pub rows_per_day: f64,
    /// What that comes to, by rows of the training data that are scored by members that had not seen them.
    pub expected: Expected,
    /// The seed that it was trained with.
    pub seed: u64,
    /// How often it was renewed since; all of the above is about the last time.
    pub renewed: u32,
}

/// A file that a model learned from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// Its name, without the folder.
    pub name: String,
    /// In hexadecimal; empty for standard input.
    pub sha256: String,
    /// When its first packet came and its last one, or the starts of its first window and its last; none if it has no times.
    pub span_ns: Option<(i64, i64)>,
}

/// A trained model: everything that is needed to score rows and to explain the scores.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// What the rows that it takes mean.
    pub schema: Schema,
    /// What it was trained on and what it expects.
    pub card: Card,
    /// What tells its training data again.
    pub footprint: Footprint,
    pub(super) encoder: Encoder,
    /// What the features were, to tell whether they still are.
    pub(super) reference: Reference,
    pub(super) ensemble: Ensemble,
    /// What training saw, from which scoring goes on; none if no member asks for it.
    memory: Option<Memory>,
    pub(super) calibration: Calibration,
    /// What hours of the day are used to; none if training shows no rhythm.
    pub(super) hours: Option<Hours>,
    /// How surprising it is that an entity stays odd; none of rows that have no windows.
    pub(super) lasting: Option<Lasting>,
    /// The surprise of the combined score from which a row is an alert, in nats.
    pub(super) threshold: f64,
}

/// Trains on the rows of a matrix that no attack is known to be in.
///
/// # Errors
/// A parameter out of range, too few rows, no member that could be fitted, or that the user cancelled the work.
pub fn train(matrix: &Matrix, training: &Training, sources: Vec<Source>, progress: &dyn Progress) -> Result<Model> {
    learn(matrix, training, sources, Start::Fresh, progress)
}

/// What learning begins with.
#[derive(Clone, Copy)]
pub(super) enum Start<'a> {
    /// Nothing.
    Fresh,
    /// A model, of whose trees a share gives way.
    From { model: &'a Model, share: f64 },
}

impl Start<'_> {
    fn fit(self, rows: &Rows<'_>, kinds: &[Kind], seed: u64) -> Fitted {
        match self {
            Start::Fresh => Members::fit(rows, kinds, seed),
            Start::From { model, share } => model.ensemble.members.renew(rows, kinds, seed, share),
        }
    }

    /// What the context tells of rows in the order of time, and the memory of them.
    fn context(self, benign: &Matrix, blocks: &[std::ops::Range<usize>]) -> (Array2<f32>, Option<Memory>) {
        let known = match self {
            Start::Fresh => None,
            Start::From { model, .. } => model.context(),
        };
        let Some(mut context) = known else { return context::held_out(benign, blocks) };
        // As in scoring: each row against all that came before it.
        let rows: Vec<usize> = (0..benign.rows()).collect();
        let columns = context.judge(benign, &rows);
        context.welcome(benign, &rows);
        (columns, Some(context.into_memory()))
    }
}

/// Trains, from nothing or from a model.
///
/// # Errors
/// As [`train`].
pub(super) fn learn(
    matrix: &Matrix,
    training: &Training,
    sources: Vec<Source>,
    start: Start<'_>,
    progress: &dyn Progress,
) -> Result<Model> {
    training.check()?;
    let mut benign_rows = matrix.benign();
    let attack_rows = matrix.rows() - benign_rows.len();
    if benign_rows.is_empty() && matrix.rows() > 0 {
        let what = format!("all {} rows are labelled as attacks", matrix.rows());
        return Err(Error::new(ErrorKind::Model, "training", what)
            .hint("name the column of the truth with --label-column and its benign value with --benign"));
    }
    // What a capture shows of the windows in which it begins and ends is no example of what is normal: a minute of
    // traffic in an hour's window would teach that the network may fall silent.
    let edges = matrix.edges();
    benign_rows.retain(|&row| edges.binary_search(&matrix.window_start_ns[row]).is_err());
    if benign_rows.len() < FEWEST_ROWS {
        let whole = if edges.is_empty() { "" } else { " in windows that no end of a capture cuts" };
        let rows = benign_rows.len();
        let what = format!("{rows} benign rows{whole} are too few to learn from (at least {FEWEST_ROWS})");
        return Err(
            Error::new(ErrorKind::Model, "training", what).hint("use a longer capture, shorter windows or more rows")
        );
    }
    // Rows in the order of time, so that blocks of them are blocks of time.
    let mut order = benign_rows;
    order.sort_by_key(|&row| matrix.window_start_ns[row]);
    let benign = matrix.select(&order);
    let encoder = Encoder::fit(&benign);
    let values = encoder.encode(&benign);

    let mut wanted = training.kinds.clone().unwrap_or_else(|| Kind::ensemble(&matrix.schema));
    if wanted.len() > 1 {
        // With one entity its own past is everybody's; with none that comes back there is no past.
        wanted.retain(|&kind| kind != Kind::Own || OwnTails::apply_to(&benign.entity));
        wanted.retain(|kind| !kind.needs_the_past() || Context::new(&benign.schema).is_some());
    }
    // One detector is fitted on what it is given, as its paper says.
    let doubts = matrix.schema.view().is_none() && matrix.labels.is_none() && wanted.len() > 1;
    let passes = if doubts { doubt::PASSES } else { 1 };
    progress.begin("train", Some((passes * (folds::COUNT + 1)) as u64));
    let blocks = folds::blocks(&benign.window_start_ns);
    let reference = Reference::fit(values.view(), &blocks);
    let (context, memory) = if wanted.iter().any(|kind| kind.asks_the_past()) {
        start.context(&benign, &blocks)
    } else {
        (context::nothing(benign.rows()), None)
    };
    let fitter = |rows: &Rows<'_>, kinds: &[Kind]| start.fit(rows, kinds, training.seed);
    let folds = Folds {
        benign: &benign,
        values: values.view(),
        context: context.view(),
        blocks: &blocks,
        fitter: &fitter,
        progress,
    };
    let (fit, doubtful_rows) =
        if doubts { doubt::fit(&folds, &wanted)? } else { (folds.fit(&wanted, &vec![true; benign.rows()])?, 0) };
    let kinds: Vec<Kind> = fit.members.kinds().collect();
    let (ensemble, combined) = Ensemble::calibrate(fit.members, fit.held_out, &benign.entity, &benign.schema);
    let calibration = Calibration::fit(combined.clone());

    let days = matrix.days();
    let rows_per_day = values.nrows() as f64 / days;
    let threshold = (rows_per_day / training.alarms_per_day).ln().max(0.0);
    let mut alone: Vec<f64> = combined.iter().map(|&score| calibration.surprise(score)).collect();
    let starts_ns = &benign.window_start_ns;
    let hours = if matrix.schema.window_ns > 0 { Hours::fit(starts_ns, &alone) } else { None };
    if let Some(hours) = &hours {
        alone.iter_mut().zip(starts_ns).for_each(|(alone, &start_ns)| *alone = hours.heard(start_ns, *alone));
    }
    let (lasting, surprises) = if matrix.schema.window_ns > 0 {
        let (lasting, surprises) = Lasting::fit(&benign, &alone);
        (Some(lasting), surprises)
    } else {
        (None, alone)
    };
    let (window_ns, asked) = (matrix.schema.window_ns, training.alarms_per_day);
    let expected = Expected::fit(&surprises, starts_ns, window_ns, days, threshold, asked);
    let card = Card {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        sources,
        benign_rows: values.nrows(),
        attack_rows,
        edge_rows: matrix.rows() - attack_rows - values.nrows(),
        doubtful_rows,
        days,
        first_ns: benign.window_start_ns.first().copied().unwrap_or(0),
        last_ns: benign.window_start_ns.last().map_or(0, |start| start + matrix.schema.window_ns),
        members: kinds,
        left_out: fit.left_out.into_iter().map(|(kind, error)| (kind, error.to_string())).collect(),
        alarms_per_day: training.alarms_per_day,
        rows_per_day,
        expected,
        seed: training.seed,
        renewed: match start {
            Start::Fresh => 0,
            Start::From { model, .. } => model.card.renewed.saturating_add(1),
        },
    };
    let memory = memory.filter(|_| card.members.iter().any(|kind| kind.asks_the_past()));
    let footprint = Footprint::of(matrix);
    let schema = matrix.schema.clone();
    Ok(Model { schema, card, footprint, encoder, reference, ensemble, memory, calibration, hours, lasting, threshold })
}

impl Model {
    /// The rows of a matrix as the members want them.
    pub(super) fn rows<'a>(
        &self,
        values: ArrayView2<'a, f32>,
        matrix: &'a Matrix,
        context: &'a Array2<f32>,
    ) -> Rows<'a> {
        let (columns, zeros) = (context::Columns::of(&self.schema), Zeros::of(&self.schema));
        Rows { values, zeros, entities: &matrix.entity, context: context.view(), columns }
    }

    pub(super) fn context(&self) -> Option<Context> {
        self.memory.as_ref().and_then(|memory| Context::of(&self.schema, memory.clone()))
    }

    /// What each member is, in words.
    pub fn members_in_words(&self) -> impl Iterator<Item = (Kind, String)> {
        self.ensemble.in_words()
    }

    /// Of how many entities less is believed than of others, if it tells them apart.
    pub fn tempers(&self) -> Option<usize> {
        self.ensemble.verdict.tempers()
    }

    /// Whether it knows that hours of the day differ.
    pub fn knows_hours(&self) -> bool {
        self.hours.is_some()
    }

    /// What it hears of what lasts, in words; none of rows that have no windows.
    pub fn lasting_in_words(&self) -> Option<String> {
        self.lasting.as_ref().map(Lasting::in_words)
    }

    /// The score from which a row is an alert.
    pub fn threshold(&self) -> f64 {
        decades(self.threshold)
    }

    /// What each feature was in training, for this entity where it has a past of its own, else for all; behind them each column of
    /// the context.
    pub fn ranges(&self, entity: &str) -> Vec<Range> {
        let members = &self.ensemble.members;
        [members.usual(entity), members.context_ranges()].concat()
    }

    /// Whether it knows more of the past than rows of this matrix can be held against: they do not tell what they showed.
    pub fn misses_sightings(&self, matrix: &Matrix) -> bool {
        self.remembers().is_some_and(|(_, sightings)| sightings > 0) && matrix.rows() > 0 && matrix.sightings.is_none()
    }

    /// What it remembers: how many entities, and how many things that any of them showed.
    pub fn remembers(&self) -> Option<(usize, usize)> {
        self.memory.as_ref().map(Memory::size)
    }

    /// Whether rows of this schema can be scored (law 4).
    ///
    /// # Errors
    /// They cannot; both sides are named.
    pub fn accept(&self, schema: &Schema) -> Result<()> {
        match self.schema.difference(schema) {
            None => Ok(()),
            Some(difference) => {
                let what = format!(
                    "the model and the rows do not belong together: {difference} (model {}, rows {})",
                    self.schema.fingerprint(),
                    schema.fingerprint()
                );
                let hint = match self.schema.view() {
                    Some(view) => {
                        let window = crate::matrix::duration(self.schema.window_ns);
                        let all = self.schema.selection == Selection::default();
                        let selection = if all { String::new() } else { format!(" {}", self.schema.selection) };
                        format!("extract with --view {view} --window {window}{selection}")
                    }
                    None => "give it tables such as it learned from".to_owned(),
                };
                Err(Error::new(ErrorKind::Mismatch, "schema", what).hint(hint))
            }
        }
    }

    /// Whether what was read from a file is a model: every length and index in it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> std::result::Result<(), String> {
        let features = self.schema.columns.len();
        self.footprint.check()?;
        self.encoder.check(features)?;
        self.reference.check(features)?;
        let view = self.schema.view().filter(|_| self.memory.is_some());
        self.ensemble.check(features, view.map_or(0, |view| context::catalogue(view).count()))?;
        self.memory.as_ref().map_or(Ok(()), Memory::check)?;
        self.calibration.check()?;
        self.hours.as_ref().map_or(Ok(()), Hours::check)?;
        self.lasting.as_ref().map_or(Ok(()), Lasting::check)?;
        self.card.expected.check()?;
        if self.card.members.len() != self.ensemble.calibrations.len() {
            return Err("its card names other members than it has".to_owned());
        }
        if self.threshold.is_finite() { Ok(()) } else { Err("its threshold is no number".to_owned()) }
    }
}

/// Nats as decades: −log₁₀ of the p-value.
pub(super) fn decades(surprise: f64) -> f64 {
    surprise / std::f64::consts::LN_10
}
