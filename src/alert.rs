//! From a score over the threshold to a sentence that an operator understands.

pub mod episode;
pub mod mute;

use serde::Serialize;

use crate::context;
use crate::matrix::Matrix;
use crate::model::scorer::Scores;
use crate::model::train::Model;
use crate::window::{Feature, Unit, find};

/// Reasons that an alert carries.
const REASONS: usize = 5;

/// A row over the threshold.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Alert {
    /// The start of its window, RFC 3339; null in a table without times.
    pub time: Option<String>,
    /// The same in nanoseconds since the epoch; in a table without times the row's number.
    pub window_start_ns: i64,
    /// The window's length.
    pub window_ns: i64,
    /// The view whose row it is.
    pub view: String,
    /// Whose row it is: the address of a host; `network` for the network.
    pub entity: String,
    /// −log₁₀ of the p-value.
    pub score: f64,
    /// The share of benign rows that score as high.
    pub p_value: f64,
    /// The score from which a row is an alert.
    pub threshold: f64,
    /// The score of this window by itself, where that is below the threshold: it is an alert because its entity was odd in the two
    /// windows before it, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alone: Option<f64>,
    /// What it is in truth, where that is known: the attack's name, or `benign`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub truth: Option<String>,
    /// What made it so, the most telling first.
    pub reasons: Vec<Reason>,
}

/// A feature that made a row an alert.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reason {
    /// The feature's name, as in `tidewatch features`.
    pub feature: String,
    /// Its value in this row; null where undefined.
    pub value: Option<f64>,
    /// What 99 % of the benign rows lie between: the entity's own where it has a past, else everybody's.
    pub benign: [f64; 2],
    /// Its part of the score.
    pub share: f64,
    /// The same in words.
    pub text: String,
}

impl Alert {
    /// That it is one because its entity stays odd, in words, if that is why.
    pub fn lasts(&self) -> Option<String> {
        self.alone.map(lasts)
    }
}

/// That a row is an alert because its entity stays odd, if its window alone has this score.
pub fn lasts(alone: f64) -> String {
    format!("odd for three windows running; this one alone has score {}", number(alone))
}

/// The score that an alert's window has alone, where that alone would be no alert.
pub fn too_low_alone(model: &Model, scores: &Scores, row: usize) -> Option<f64> {
    Some(scores.alone[row]).filter(|&alone| scores.alert[row] && alone < model.threshold())
}

/// The alerts among scored rows, in their order.
pub fn alerts(model: &Model, matrix: &Matrix, scores: &Scores) -> Vec<Alert> {
    let rows = (0..matrix.rows()).filter(|&row| scores.alert[row]);
    rows.map(|row| Alert {
        time: (matrix.schema.window_ns > 0).then(|| time(matrix.window_start_ns[row])),
        window_start_ns: matrix.window_start_ns[row],
        window_ns: matrix.schema.window_ns,
        view: matrix.schema.view.clone(),
        entity: matrix.entity[row].clone(),
        score: scores.score[row],
        p_value: scores.p_value[row],
        threshold: model.threshold(),
        alone: too_low_alone(model, scores, row),
        truth: matrix.labels.as_ref().map(|labels| labels.name(row).unwrap_or("benign").to_owned()),
        reasons: reasons(model, matrix, scores, row),
    })
    .collect()
}

/// Nanoseconds since the epoch as RFC 3339.
pub fn time(ns: i64) -> String {
    let stamp = jiff::Timestamp::from_nanosecond(i128::from(ns));
    stamp.map_or_else(|_| format!("{ns} ns"), |stamp| stamp.to_string())
}

/// The features that contribute most to a row's score, the most telling first.
pub fn reasons(model: &Model, matrix: &Matrix, scores: &Scores, row: usize) -> Vec<Reason> {
    let contributions = model.explain(matrix, scores, row);
    let columns = &matrix.schema.columns;
    // Behind the matrix's own columns come those of the context.
    let context: Vec<_> = matrix.schema.view().into_iter().flat_map(context::catalogue).collect();
    let total: f64 = contributions.iter().sum();
    let mut order: Vec<usize> = (0..contributions.len()).filter(|&feature| contributions[feature] > 0.0).collect();
    order.sort_by(|&a, &b| contributions[b].total_cmp(&contributions[a]));
    let ranges = model.ranges(&matrix.entity[row]);
    order
        .into_iter()
        .take(REASONS)
        .map(|index| {
            let benign = [f64::from(ranges[index].low), f64::from(ranges[index].high)];
            let (name, value, text) = match columns.get(index) {
                Some(column) => {
                    let value = f64::from(matrix.values[[row, index]]);
                    // A column of a table made elsewhere may have the name of a feature, but not its meaning.
                    let feature = if matrix.schema.view().is_some() { find(&column.name) } else { None };
                    let text = if column.categorical {
                        let level = matrix.levels[index].get(value as usize).filter(|_| !value.is_nan());
                        format!("{} is {}, which is rare", column.name, level.map_or("missing", String::as_str))
                    } else {
                        in_words(&column.name, feature, value, benign)
                    };
                    (column.name.clone(), value, text)
                }
                None => {
                    let index = index - columns.len();
                    let (value, feature) = (f64::from(scores.context[[row, index]]), context[index]);
                    (feature.name.to_owned(), value, in_words(feature.name, Some(feature), value, benign))
                }
            };
            let value = value.is_finite().then_some(value);
            Reason { feature: name, value, benign, share: contributions[index] / total, text }
        })
        .collect()
}

fn in_words<T>(name: &str, feature: Option<&Feature<T>>, value: f64, [low, high]: [f64; 2]) -> String {
    let phrase = feature.map_or(name, |feature| feature.phrase);
    let unit = match feature.map(|feature| feature.unit) {
        None | Some(Unit::Count(_) | Unit::Share) => "",
        Some(unit) => unit.name(),
    };
    let space = if unit.is_empty() { "" } else { " " };
    let relation = if value > high {
        "above"
    } else if value < low {
        "below"
    } else {
        "unusual with the rest, though within"
    };
    let range = if low == high { number(low) } else { format!("{} to {}", number(low), number(high)) };
    if value.is_nan() {
        format!("{phrase}: undefined in this window, benign {range}{space}{unit}")
    } else {
        format!("{phrase}: {}{space}{unit}, {relation} the benign {range}", number(value))
    }
}

/// A number as a person writes it: whole if it is, else three significant digits.
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        return "undefined".to_owned();
    }
    if value == value.trunc() && value.abs() < 1e15 {
        let digits = format!("{:.0}", value.abs());
        let grouped: Vec<&str> =
            digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap_or_default()).collect();
        return format!("{}{}", if value < 0.0 { "-" } else { "" }, grouped.join(","));
    }
    let digits = (2 - value.abs().log10().floor() as i32).clamp(0, 9) as usize;
    format!("{value:.digits$}")
}

/// What tests of this stage and of those below it share.
#[cfg(test)]
pub(crate) mod testing {
    use super::{Alert, Reason};

    /// An alert of a host, led by this feature.
    pub fn alert(entity: &str, feature: &str) -> Alert {
        let text = String::new();
        let reason = Reason { feature: feature.to_owned(), value: None, benign: [0.0; 2], share: 1.0, text };
        Alert {
            time: None,
            window_start_ns: 0,
            window_ns: 1,
            view: "host".to_owned(),
            entity: entity.to_owned(),
            score: 5.0,
            p_value: 1e-5,
            threshold: 4.0,
            alone: None,
            truth: None,
            reasons: vec![reason],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        assert_eq!(number(1_234_567.0), "1,234,567");
        assert_eq!(number(0.0), "0");
        assert_eq!(number(-12.0), "-12");
        assert_eq!(number(0.012_345), "0.0123");
        assert_eq!(number(98.76), "98.8");
        assert_eq!(number(f64::NAN), "undefined");
    }

    #[test]
    fn reasons_say_on_which_side_the_value_lies() {
        assert_eq!(
            in_words("tcp_syn_out", find("tcp_syn_out"), 412.0, [0.0, 12.0]),
            "TCP connection requests sent: 412, above the benign 0 to 12"
        );
        assert_eq!(
            in_words("gap_mean", find("gap_mean"), 0.0001, [0.1, 0.2]),
            "mean gap between packets: 0.000100 s, below the benign 0.100 to 0.200"
        );
        assert_eq!(
            in_words("src_bytes", find("no feature"), 5.0, [5.0, 5.0]),
            "src_bytes: 5, unusual with the rest, though within the benign 5"
        );
    }
}
