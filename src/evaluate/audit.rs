//! What makes a labelled set of rows easier than the world is, told before anybody is impressed by a figure on it.
//!
//! Benchmarks have been won by the clock, by a column that only attacks have, and by a single threshold on a single feature (Wu &
//! Keogh 2021, "Current time series anomaly detection benchmarks are flawed"; Engelen et al. 2021, "Troubleshooting an intrusion
//! detection dataset"; Flood et al. 2024, "Bad design smells in benchmark NIDS datasets").

use std::collections::HashMap;

use ndarray::{ArrayView1, ArrayView2};

use super::Judged;
use super::baselines::{Alone, alone};
use super::metrics::{Curve, share};

/// Fewer rows than this of a class are equal in something by chance.
const FEWEST: usize = 10;
/// How many features are named.
const NAMED: usize = 5;
/// A ROC-AUC of the clock, or its opposite, from which time tells the labels.
const CLOCK: f64 = 0.95;
/// A PR-AUC of a single feature from which no model is needed.
const EASY: f64 = 0.95;

/// What there is to be said against the labels of `rows`, whose features are `features` (one row a row, columns named by
/// `names`). `model` is the PR-AUC that is to be believed, if there is one.
pub fn audit(rows: &Judged<'_>, features: ArrayView2<'_, f32>, names: &[String], model: Option<f64>) -> Vec<String> {
    let attack = rows.label.iter().flatten().count();
    if attack == 0 || attack == rows.label.len() {
        return Vec::new();
    }
    let named = |columns: &[usize]| {
        let shown = columns.iter().take(NAMED).filter_map(|&column| names.get(column)).cloned();
        let more = columns.len().saturating_sub(NAMED);
        shown.chain((more > 0).then(|| format!("{more} more"))).collect::<Vec<_>>().join(", ")
    };
    let mut findings = Vec::from_iter(steps(rows));
    if features.ncols() > 0 {
        findings.extend(twins(rows, features, attack));
    }
    let columns = 0..features.ncols();
    let giveaways: Vec<usize> = columns.filter(|&column| gives_away(rows, features.column(column))).collect();
    if !giveaways.is_empty() {
        findings.push(format!(
            "one value tells the labels: of each of these columns all rows of one class have the same, and none of the other: {}",
            named(&giveaways)
        ));
    }
    let enough = model.unwrap_or(EASY);
    let reach: Vec<Alone> = alone(rows, features).into_iter().filter(|single| single.pr_auc >= enough).collect();
    if let Some(best) = reach.first() {
        let columns: Vec<usize> = reach.iter().map(|single| single.column).collect();
        let what = match model {
            Some(model) => format!("reach the model's PR-AUC of {model:.3}"),
            None => format!("have a PR-AUC of {EASY} and more"),
        };
        findings.push(format!("single features, each alone, {what} (up to {:.3}): {}", best.pr_auc, named(&columns)));
    }
    findings
}

/// Whether time tells the labels.
fn steps(rows: &Judged<'_>) -> Option<String> {
    let mut windows: Vec<(i64, bool)> =
        rows.window_start_ns.iter().zip(rows.label).map(|(&start, label)| (start, label.is_some())).collect();
    windows.sort_unstable();
    let by_window: Vec<bool> =
        windows.chunk_by(|a, b| a.0 == b.0).map(|window| window.iter().any(|&(_, attack)| attack)).collect();
    let changes = by_window.windows(2).filter(|pair| pair[0] != pair[1]).count();
    match (by_window.first()?, changes) {
        (true, 0) if by_window.len() > 1 => Some("every window holds an attack: nothing shows what is normal".into()),
        (false, 1) => Some("the labels are a step: benign up to a time, an attack in every window after it".into()),
        (true, 1) => Some("the labels are a step: an attack in every window up to a time, benign after it".into()),
        _ => {
            let clock = rows.window_start_ns.iter().zip(rows.label);
            let area = Curve::new(clock.map(|(&start, label)| (start as f64, label.is_some()))).roc_auc()?;
            let told = area >= CLOCK || area <= 1.0 - CLOCK;
            let end = if area >= CLOCK { "late" } else { "early" };
            told.then(|| format!("attacks are {end} in the file: the clock alone has a ROC-AUC of {area:.3}"))
        }
    }
}

/// Attack rows that nothing tells from a benign one: no detector can find them without raising a false alarm.
fn twins(rows: &Judged<'_>, features: ArrayView2<'_, f32>, attack: usize) -> Option<String> {
    let mut seen: HashMap<u64, (bool, usize)> = HashMap::new();
    for (values, label) in features.rows().into_iter().zip(rows.label) {
        let bytes: Vec<u8> = values.iter().flat_map(|value| (value + 0.0).to_le_bytes()).collect();
        let (benign, attacks) = seen.entry(xxhash_rust::xxh3::xxh3_64(&bytes)).or_default();
        *benign |= label.is_none();
        *attacks += usize::from(label.is_some());
    }
    let twins: usize = seen.values().filter(|(benign, _)| *benign).map(|(_, attacks)| attacks).sum();
    (share(twins, attack) >= 0.01)
        .then(|| format!("{twins} of {attack} attack rows are equal to a benign row in every feature"))
}

/// Whether one class has a single value in a column, and the other never has it.
fn gives_away(rows: &Judged<'_>, column: ArrayView1<'_, f32>) -> bool {
    let of = |attack: bool| {
        let rows = rows.label.iter().zip(column.iter());
        rows.filter(move |(label, _)| label.is_some() == attack).map(|(_, value)| (value + 0.0).to_bits())
    };
    let single = |attack: bool| {
        let value = of(attack).next()?;
        let alike = of(attack).take_while(|other| *other == value).count();
        (alike >= FEWEST && alike == of(attack).count()).then_some(value)
    };
    [true, false].into_iter().any(|attack| {
        single(attack).is_some_and(|value| of(!attack).count() >= FEWEST && of(!attack).all(|other| other != value))
    })
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    fn findings(attack: &[bool], features: &Array2<f32>, model: Option<f64>) -> Vec<String> {
        let names: Vec<String> = (0..features.ncols()).map(|column| format!("f{column}")).collect();
        let rows = Judged {
            window_start_ns: &(0..attack.len() as i64).collect::<Vec<_>>(),
            window_ns: 1,
            entity: &vec![0; attack.len()],
            entities: &["network".to_owned()],
            label: &attack.iter().map(|&attack| attack.then_some(0)).collect::<Vec<_>>(),
            names: &["scan".to_owned()],
            span_days: 1.0,
            prevalence: None,
        };
        audit(&rows, features.view(), &names, model)
    }

    /// A column that says nothing and is never the same.
    fn noise(rows: usize) -> Array2<f32> {
        Array2::from_shape_fn((rows, 1), |(row, _)| (row * 7919 % 1009) as f32)
    }

    fn attacks(at: impl Fn(usize) -> bool) -> Vec<bool> {
        (0..200).map(at).collect()
    }

    #[test]
    fn labels_that_are_a_step_are_told() {
        let late = findings(&attacks(|row| row >= 150), &noise(200), None);
        assert!(late[0].starts_with("the labels are a step: benign up to a time"), "{late:?}");
        let early = findings(&attacks(|row| row < 50), &noise(200), None);
        assert!(early[0].starts_with("the labels are a step: an attack in every window up to"), "{early:?}");
        let nearly = findings(&attacks(|row| row >= 150 && row != 170), &noise(200), None);
        assert!(nearly[0].contains("the clock alone has a ROC-AUC of"), "{nearly:?}");
        assert!(findings(&attacks(|row| row % 20 < 3), &noise(200), None).is_empty());
        assert!(findings(&[false; 200], &noise(200), None).is_empty(), "nothing is labelled");
    }

    #[test]
    fn a_value_that_only_one_class_has_is_told() {
        let attack = attacks(|row| row % 20 < 3);
        let mut features = Array2::zeros((200, 3));
        for (row, &attack) in attack.iter().enumerate() {
            features[(row, 0)] = (row * 7919 % 1009) as f32;
            // All attacks have the time to live 62, as of one machine; benign ones have others.
            features[(row, 1)] = if attack { 62.0 } else { 60.0 + (row % 2 * 3) as f32 };
            // Missing in every benign row.
            features[(row, 2)] = if attack { row as f32 } else { f32::NAN };
        }
        let found = findings(&attack, &features, Some(1.1));
        assert!(
            matches!(&found[..], [one] if one.contains("one value tells the labels") && one.ends_with("f1, f2")),
            "{found:?}"
        );
    }

    #[test]
    fn features_that_do_as_well_as_the_model_are_told() {
        let attack = attacks(|row| row % 20 < 3);
        let column = |row: usize| if attack[row] { 1e6 + row as f32 } else { row as f32 };
        let features =
            Array2::from_shape_fn((200, 2), |(row, at)| if at == 0 { column(row) } else { (row % 7) as f32 });
        let found = findings(&attack, &features, Some(0.9));
        assert!(found[0].contains("reach the model's PR-AUC of 0.900 (up to 1.000): f0"), "{found:?}");
        assert!(findings(&attack, &features, None)[0].contains("have a PR-AUC of 0.95 and more"));
    }

    #[test]
    fn attack_rows_that_equal_benign_ones_are_counted() {
        let features = array![[1.0_f32], [1.0], [2.0], [3.0]];
        let found = findings(&[false, true, false, true], &features, Some(1.1));
        assert_eq!(found, ["1 of 2 attack rows are equal to a benign row in every feature"]);
    }
}
