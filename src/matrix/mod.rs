//! Rows with their keys, labels and schema, as models take them in.

mod columns;
mod foreign;
mod group;
mod pages;
mod scores;
mod selection;
mod store;
mod writer;

use std::fmt::Write as _;
use std::mem;
use std::ops::Range;

use ndarray::{Array2, ArrayView2, Axis, concatenate};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use foreign::TableOptions;
pub use scores::{Scored, read_scores};
pub use selection::Selection;
pub use store::{is_matrix, read};
pub use writer::{Writer, Written, is_csv, key_columns, truth_columns, write};

use crate::error::{Error, ErrorKind, Result};
use crate::window::{DEFINITIONS_VERSION, Rows, Sightings, View, catalogue};

const DAY_NS: f64 = 86_400e9;

/// A silence of up to this within a capture was watched; a longer one lies between captures.
const WATCHED_NS: i64 = 3_600_000_000_000;

/// The name of the view of tables that were made elsewhere.
pub const FOREIGN_VIEW: &str = "table";

/// The columns that scores have beside the keys and the truth of their rows.
pub const SCORE_COLUMNS: [&str; 3] = ["score", "p_value", "alert"];

/// What the columns of a matrix mean. Rows of two schemas never meet (law 4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    /// The view's name; [`FOREIGN_VIEW`] for a table made elsewhere.
    pub view: String,
    /// The windows' length; 0 for a table without times.
    pub window_ns: i64,
    /// The feature columns, in order.
    pub columns: Vec<Column>,
    /// The version of the features' formulas; 0 for a table made elsewhere.
    pub definitions: u32,
    /// Which packets the rows are made of.
    pub selection: Selection,
}

/// A feature column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// The feature's name.
    pub name: String,
    /// Whether its values are names of levels rather than numbers.
    pub categorical: bool,
}

impl Schema {
    /// The schema of a view's rows in windows of `window_ns`, of all packets.
    pub fn of(view: View, window_ns: i64) -> Self {
        let columns =
            catalogue(view).map(|feature| Column { name: feature.name.to_owned(), categorical: false }).collect();
        let definitions = DEFINITIONS_VERSION;
        Self { view: view.name().to_owned(), window_ns, columns, definitions, selection: Selection::default() }
    }

    /// The view, unless the table was made elsewhere.
    pub fn view(&self) -> Option<View> {
        self.view.parse().ok()
    }

    /// Sixteen hexadecimal digits that differ when anything in the schema differs.
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(format!("{}\n{}\n{}\n", self.view, self.window_ns, self.definitions));
        for column in &self.columns {
            hash.update(format!("{}\n{}\n", column.name, u8::from(column.categorical)));
        }
        if self.selection != Selection::default() {
            hash.update(format!("{}\n", self.selection));
        }
        hex(&hash.finalize()[..8])
    }

    /// Whether these are the columns of a file of scores, which is keyed as a matrix but holds no features.
    pub fn is_of_scores(&self) -> bool {
        self.columns.iter().map(|column| column.name.as_str()).eq(SCORE_COLUMNS)
    }

    /// What tells this schema from `other`, for a message; none if nothing does.
    pub fn difference(&self, other: &Schema) -> Option<String> {
        if self == other {
            None
        } else if self.view != other.view {
            Some(format!("one has the view {}, the other {}", self.view, other.view))
        } else if self.window_ns != other.window_ns {
            Some(format!("one has windows of {}, the other of {}", duration(self.window_ns), duration(other.window_ns)))
        } else if self.definitions != other.definitions {
            Some(format!("one has features of version {}, the other of {}", self.definitions, other.definitions))
        } else if self.selection != other.selection {
            Some(format!("one has {}, the other {}", self.selection, other.selection))
        } else if let Some(column) = self.columns.iter().find(|column| !other.columns.contains(column)) {
            Some(format!("the other has no column {}", describe(column)))
        } else if let Some(column) = other.columns.iter().find(|column| !self.columns.contains(column)) {
            Some(format!("only the other has a column {}", describe(column)))
        } else {
            Some("their columns stand in another order".to_owned())
        }
    }
}

fn describe(column: &Column) -> String {
    format!("{} of {}", column.name, if column.categorical { "names" } else { "numbers" })
}

/// A length of time as a person writes it: `30s`, `1m`, `250ms`.
pub fn duration(ns: i64) -> String {
    const UNITS: [(i64, &str); 6] = [
        (86_400_000_000_000, "d"),
        (3_600_000_000_000, "h"),
        (60_000_000_000, "m"),
        (1_000_000_000, "s"),
        (1_000_000, "ms"),
        (1, "ns"),
    ];
    let (unit, name) = UNITS.into_iter().find(|(unit, _)| ns % unit == 0 && ns >= *unit).unwrap_or((1, "ns"));
    format!("{}{name}", ns / unit)
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The truth about every row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Labels {
    /// The attacks' names.
    pub names: Vec<String>,
    /// The attack of each row, none if benign.
    pub attack: Vec<Option<u16>>,
    /// Packets of attacks in each row.
    pub packets: Vec<u32>,
}

impl Labels {
    /// The attack's name of a row, none if benign.
    pub fn name(&self, row: usize) -> Option<&str> {
        self.attack[row].map(|attack| self.names[usize::from(attack)].as_str())
    }

    /// Adds the truth of some rows of a window; `attacks` names the attacks of the ground truth, if there is one.
    fn push_window(&mut self, rows: &Rows, part: Range<usize>, attacks: Option<&[String]>) {
        for (attack, packets) in rows.attack[part.clone()].iter().zip(&rows.attack_packets[part]) {
            let name = attack.zip(attacks).and_then(|(attack, names)| names.get(usize::from(attack)));
            self.push(name.map(String::as_str), *packets);
        }
    }

    fn push(&mut self, name: Option<&str>, packets: u32) {
        let attack = name.map(|name| {
            let known = self.names.iter().position(|known| known == name);
            known.unwrap_or_else(|| {
                self.names.push(name.to_owned());
                self.names.len() - 1
            }) as u16
        });
        self.attack.push(attack);
        self.packets.push(packets);
    }
}

/// Rows of one schema.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    /// What the columns mean.
    pub schema: Schema,
    /// The start of each row's window, nanoseconds since the epoch; the row's number in a table without times.
    pub window_start_ns: Vec<i64>,
    /// Whose row each is.
    pub entity: Vec<String>,
    /// The features, rows × columns; NaN where undefined. A categorical value is an index into its column's levels.
    pub values: Array2<f32>,
    /// The names of the categorical columns' values, by column; empty for a column of numbers.
    pub levels: Vec<Vec<String>>,
    /// The truth, if it is known.
    pub labels: Option<Labels>,
    /// What each row showed, if all of them tell.
    pub sightings: Option<Sightings>,
}

impl Matrix {
    /// A matrix without rows.
    pub fn new(schema: Schema, labelled: bool) -> Self {
        let columns = schema.columns.len();
        let told = schema.view().is_some_and(Sightings::told_by);
        Self {
            schema,
            window_start_ns: Vec::new(),
            entity: Vec::new(),
            values: Array2::zeros((0, columns)),
            levels: vec![Vec::new(); columns],
            labels: labelled.then(Labels::default),
            sightings: told.then(Sightings::default),
        }
    }

    /// Adds the rows of one window; `attacks` names the attacks of the ground truth, if there is one.
    ///
    /// # Panics
    /// If the rows are not of the schema's view.
    pub fn push_window(&mut self, start_ns: i64, rows: Rows, attacks: Option<&[String]>) {
        self.window_start_ns.extend(std::iter::repeat_n(start_ns, rows.len()));
        let (mut values, _) = mem::take(&mut self.values).into_raw_vec_and_offset();
        values.extend_from_slice(&rows.values);
        let shape = (self.entity.len() + rows.len(), self.schema.columns.len());
        self.values = Array2::from_shape_vec(shape, values).expect("a row has the columns of its view");
        if let Some(labels) = &mut self.labels {
            labels.push_window(&rows, 0..rows.len(), attacks);
        }
        match (&mut self.sightings, &rows.sightings) {
            (Some(mine), Some(theirs)) => mine.append(theirs),
            _ => self.sightings = None,
        }
        self.entity.extend(rows.entity.iter().map(str::to_owned));
    }

    /// How many rows it has.
    pub fn rows(&self) -> usize {
        self.entity.len()
    }

    /// The features of every row.
    pub fn values(&self) -> ArrayView2<'_, f32> {
        self.values.view()
    }

    /// The rows of all `parts`, one after the other. Rows without truth among rows with it count as benign.
    ///
    /// # Errors
    /// Two schemas that differ.
    pub fn concat(parts: Vec<Matrix>) -> Result<Self> {
        let parts = match <[Matrix; 1]>::try_from(parts) {
            Ok([only]) => return Ok(only),
            Err(parts) => parts,
        };
        let Some(first) = parts.first() else {
            return Err(Error::new(ErrorKind::Matrix, "input", "there are no rows"));
        };
        let mut whole = Self::new(first.schema.clone(), parts.iter().any(|part| part.labels.is_some()));
        if let Some(other) = parts.iter().find_map(|part| whole.schema.difference(&part.schema)) {
            let what = format!("the inputs do not belong together: {other}");
            return Err(Error::new(ErrorKind::Mismatch, "input", what).hint("extract them with the same options"));
        }
        let mut values = Vec::with_capacity(parts.len());
        for mut part in parts {
            if let Some(labels) = &mut whole.labels {
                for row in 0..part.rows() {
                    let truth = part.labels.as_ref();
                    labels.push(truth.and_then(|truth| truth.name(row)), truth.map_or(0, |truth| truth.packets[row]));
                }
            }
            for (column, theirs) in part.levels.iter().enumerate().filter(|(_, levels)| !levels.is_empty()) {
                let codes = merge_levels(&mut whole.levels[column], theirs);
                part.values.column_mut(column).mapv_inplace(|code| relabel(&codes, code));
            }
            match (&mut whole.sightings, &part.sightings) {
                (Some(mine), Some(theirs)) => mine.append(theirs),
                _ => whole.sightings = None,
            }
            whole.window_start_ns.append(&mut part.window_start_ns);
            whole.entity.append(&mut part.entity);
            values.push(part.values);
        }
        let views: Vec<_> = values.iter().map(Array2::view).collect();
        whole.values = concatenate(Axis(0), &views)
            .map_err(|error| Error::new(ErrorKind::Matrix, "input", format!("the rows cannot be joined: {error}")))?;
        Ok(whole)
    }

    /// The rows at these indices, in this order.
    pub fn select(&self, rows: &[usize]) -> Self {
        Self {
            schema: self.schema.clone(),
            window_start_ns: rows.iter().map(|&row| self.window_start_ns[row]).collect(),
            entity: rows.iter().map(|&row| self.entity[row].clone()).collect(),
            values: self.values.select(Axis(0), rows),
            levels: self.levels.clone(),
            labels: self.labels.as_ref().map(|labels| Labels {
                names: labels.names.clone(),
                attack: rows.iter().map(|&row| labels.attack[row]).collect(),
                packets: rows.iter().map(|&row| labels.packets[row]).collect(),
            }),
            sightings: self.sightings.as_ref().map(|sightings| sightings.select(rows.iter().copied())),
        }
    }

    /// The indices of the rows that no attack is known to be in.
    pub fn benign(&self) -> Vec<usize> {
        let benign = |&row: &usize| self.labels.as_ref().is_none_or(|labels| labels.attack[row].is_none());
        (0..self.rows()).filter(benign).collect()
    }

    /// The indices of all rows in the order of time; those of a window in the order that they have here.
    pub fn in_time(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.rows()).collect();
        order.sort_by_key(|&row| self.window_start_ns[row]);
        order
    }

    /// The starts of the windows that have rows, in the order of time.
    fn windows(&self) -> Vec<i64> {
        let mut starts = self.window_start_ns.clone();
        starts.sort_unstable();
        starts.dedup();
        starts
    }

    /// The starts of the windows at which watching began or ended: a capture begins and ends inside a window, so what it shows
    /// of that window is less than happened. Sorted; none in a table made elsewhere.
    pub fn edges(&self) -> Vec<i64> {
        self.edges_after(None, true)
    }

    /// [`edges`](Self::edges) of rows that come behind a window that starts at `seen_ns`, if there was one, and with whose last
    /// window watching `ends` or goes on.
    pub fn edges_after(&self, seen_ns: Option<i64>, ends: bool) -> Vec<i64> {
        if self.schema.view().is_none() {
            return Vec::new();
        }
        let mut edges: Vec<i64> = self.watches().into_iter().flat_map(|(first, last)| [first, last]).collect();
        let follows = |seen_ns: i64, first_ns: i64| (0..=WATCHED_NS).contains(&first_ns.saturating_sub(seen_ns));
        if !ends {
            edges.pop();
        }
        if edges.first().zip(seen_ns).is_some_and(|(&first_ns, seen_ns)| follows(seen_ns, first_ns)) {
            edges.remove(0);
        }
        edges.dedup();
        edges
    }

    /// The starts of the first and the last window of every stretch of time that was watched without a longer silence.
    pub fn watches(&self) -> Vec<(i64, i64)> {
        let starts = self.windows();
        let watches = starts.chunk_by(|earlier, later| later.saturating_sub(*earlier) <= WATCHED_NS);
        watches.map(|watch| (watch[0], watch[watch.len() - 1])).collect()
    }

    /// The days that the rows cover. A quiet hour within a capture was watched too; a longer silence, as between two captures,
    /// was not. A table without times is taken as one day.
    pub fn days(&self) -> f64 {
        if self.schema.window_ns == 0 {
            return 1.0;
        }
        let starts = self.windows();
        let gaps: f64 = starts
            .windows(2)
            .map(|pair| {
                let gap = pair[1].saturating_sub(pair[0]);
                (if gap > WATCHED_NS { self.schema.window_ns } else { gap }) as f64
            })
            .sum();
        let last = if starts.is_empty() { 0.0 } else { self.schema.window_ns as f64 };
        (gaps + last) / DAY_NS
    }
}

/// Adds the levels of `theirs` that `mine` lacks; gives the place of each of `theirs` in `mine`.
fn merge_levels(mine: &mut Vec<String>, theirs: &[String]) -> Vec<f32> {
    let mut places: std::collections::HashMap<String, usize> =
        mine.iter().enumerate().map(|(place, level)| (level.clone(), place)).collect();
    let place = |level: &String| {
        *places.entry(level.clone()).or_insert_with(|| {
            mine.push(level.clone());
            mine.len() - 1
        }) as f32
    };
    theirs.iter().map(place).collect()
}

/// The new code of an old one; what is missing stays missing.
fn relabel(codes: &[f32], code: f32) -> f32 {
    if code.is_nan() { code } else { codes.get(code as usize).copied().unwrap_or(f32::NAN) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn matrix(starts: &[i64], labels: &[Option<&str>]) -> Matrix {
        let column = |name: &str| Column { name: name.to_owned(), categorical: false };
        let schema = Schema {
            view: "host".into(),
            window_ns: 30_000_000_000,
            columns: vec![column("a"), column("b")],
            definitions: 1,
            selection: Selection::default(),
        };
        let mut matrix = Matrix::new(schema, !labels.is_empty());
        for (row, &start) in starts.iter().enumerate() {
            matrix.window_start_ns.push(start);
            matrix.entity.push(format!("10.0.0.{row}"));
            if let Some(truth) = &mut matrix.labels {
                truth.push(labels[row], 1);
            }
        }
        matrix.values = Array2::from_shape_fn((starts.len(), 2), |(row, column)| (row * 2 + column) as f32);
        matrix
    }

    #[test]
    fn joining_keeps_names_and_calls_the_unlabelled_benign() {
        let joined = Matrix::concat(vec![
            matrix(&[0], &[Some("scan")]),
            matrix(&[0], &[]),
            matrix(&[0, 0], &[Some("flood"), Some("scan")]),
        ])
        .unwrap();
        let labels = joined.labels.as_ref().unwrap();
        assert_eq!(
            (0..4).map(|row| labels.name(row)).collect::<Vec<_>>(),
            [Some("scan"), None, Some("flood"), Some("scan")]
        );
        assert_eq!(joined.benign(), [1]);
        assert_eq!(joined.values, array![[0., 1.], [0., 1.], [0., 1.], [2., 3.]]);
    }

    #[test]
    fn levels_of_two_tables_are_told_apart_by_name() {
        let mut a = matrix(&[0, 0], &[]);
        let mut b = a.clone();
        a.levels[0] = vec!["tcp".into(), "udp".into()];
        a.values.column_mut(0).assign(&array![0., 1.]);
        b.levels[0] = vec!["udp".into(), "icmp".into()];
        b.values.column_mut(0).assign(&array![0., 1.]);
        let joined = Matrix::concat(vec![a, b]).unwrap();
        assert_eq!(joined.levels[0], ["tcp", "udp", "icmp"]);
        assert_eq!(joined.values.column(0).to_vec(), [0., 1., 1., 2.]);
    }

    #[test]
    fn a_capture_ends_inside_a_window() {
        let (s, h) = (1_000_000_000, 3_600_000_000_000);
        let mut matrix = matrix(&[60 * s, 0, 30 * s, 240 * h, 240 * h], &[]);
        matrix.schema.definitions = DEFINITIONS_VERSION;
        assert_eq!(matrix.edges(), [0, 60 * s, 240 * h]);
        let went_on = |seen_ns| matrix.edges_after(seen_ns, false);
        assert_eq!(went_on(None), [0, 60 * s, 240 * h], "a last window that is the first of a watch, too");
        assert_eq!(went_on(Some(-30 * s)), [60 * s, 240 * h]);
        assert_eq!(went_on(Some(-2 * h)), [0, 60 * s, 240 * h], "there was a silence");
        assert_eq!(went_on(Some(90 * s)), [0, 60 * s, 240 * h], "another capture, of an earlier time");
        assert_eq!(matrix.edges_after(Some(-30 * s), true), [60 * s, 240 * h]);
        matrix.schema.view = FOREIGN_VIEW.to_owned();
        assert!(matrix.edges().is_empty());
    }

    #[test]
    fn a_silence_of_days_is_not_watched() {
        let (s, h) = (1_000_000_000, 3_600_000_000_000);
        let days = matrix(&[0, 30 * s, h, 240 * h], &[]).days();
        assert!((days - (3600.0 + 30.0 + 30.0) / 86400.0).abs() < 1e-12, "{days}");
    }

    #[test]
    fn schemas_tell_what_differs() {
        let (network, host) = (Schema::of(View::Network, 1), Schema::of(View::Host, 1));
        assert_eq!(network.difference(&host).unwrap(), "one has the view network, the other host");
        assert_ne!(network.fingerprint(), host.fingerprint());
        let longer = Schema::of(View::Host, 30_000_000_000);
        assert_eq!(host.difference(&longer).unwrap(), "one has windows of 1ns, the other of 30s");
        let selection = Selection { filter: Some("tcp".to_owned()), ..Selection::default() };
        let filtered = Schema { selection, ..host.clone() };
        assert_eq!(host.difference(&filtered).unwrap(), "one has all packets, the other --filter 'tcp'");
        assert_ne!(host.fingerprint(), filtered.fingerprint());
    }
}
