//! Figures as scikit-learn and the authors' volume under the surface have them, over a thousand vectors by chance and at the
//! edges: one class alone, ties, two rows. `golden/metrics.py` made the golden file.

use tidewatch::evaluate::vus::vus_pr;
use tidewatch::evaluate::{Curve, Judged, judge};

const GOLDEN: &str = include_str!("golden/metrics.csv");

/// The random numbers of `golden/metrics.py` (Steele, Lea & Flood 2014).
struct SplitMix(u64);

impl Iterator for SplitMix {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Some(z ^ (z >> 31))
    }
}

fn vector(seed: u64, length: usize, levels: u64, rarity: u64) -> (Vec<f64>, Vec<bool>) {
    let mut numbers = SplitMix(seed);
    let mut number = || numbers.next().unwrap();
    let rows = (0..length).map(|_| {
        let attack = number().is_multiple_of(rarity.max(1)) && rarity > 0;
        let score = (number() >> 11) as f64 / (1_u64 << 53) as f64;
        let score = if attack { (score + 1.0) / 2.0 } else { score };
        (if levels > 0 { (score * levels as f64).floor() } else { score }, attack)
    });
    rows.unzip()
}

#[test]
fn figures_are_those_of_scikit_learn() {
    let (mut vectors, mut one_class) = (0, 0);
    for line in GOLDEN.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let whole = |at: usize| fields[at].parse::<u64>().unwrap();
        let figure = |at: usize| Some(fields[at]).filter(|text| !text.is_empty()).map(|text| text.parse().unwrap());
        let (scores, attack) = vector(whole(0), whole(1) as usize, whole(2), whole(3));
        let curve = Curve::new(scores.iter().copied().zip(attack.iter().copied()));
        let mut ascending = scores.clone();
        ascending.sort_by(f64::total_cmp);
        let alerts = curve.at(ascending[scores.len() / 2]);
        let same = |name: &str, ours: Option<f64>, theirs: Option<f64>| match (ours, theirs) {
            (None, None) => {}
            (Some(ours), Some(theirs)) if (ours - theirs).abs() < 1e-9 => {}
            _ => panic!("{name} of {line}: {ours:?} is not {theirs:?}"),
        };
        same("roc_auc", curve.roc_auc(), figure(4));
        same("average_precision", curve.pr_auc(), figure(5));
        same("precision", Some(alerts.precision()), figure(6));
        same("recall", Some(alerts.recall(curve.attack())), figure(7));
        same("f1", Some(alerts.f1(curve.attack())), figure(8));
        same("vus_pr", vus_pr(&scores, &attack, 6), figure(9));
        vectors += 1;
        one_class += u32::from(fields[4].is_empty());
    }
    assert_eq!(vectors, 1000);
    assert!(one_class > 50, "{one_class} of one class");
}

#[test]
fn a_score_that_is_no_number_is_an_error_that_names_the_row() {
    let label = [None, Some(0), None];
    let rows = Judged {
        window_start_ns: &[0, 30, 60],
        window_ns: 30,
        entity: &[0; 3],
        entities: &["network".to_owned()],
        label: &label,
        names: &["scan".to_owned()],
        span_days: 1.0,
        prevalence: None,
    };
    for scores in [[0.1, f64::NAN, 0.2], [-f64::NAN, 0.1, 0.2]] {
        let place = scores.iter().position(|score| score.is_nan()).unwrap();
        let error = judge(&rows, &scores, 0.5).unwrap_err().to_string();
        assert!(error.starts_with(&format!("scores: not a number (row {place})")), "{error}");
    }
    // Infinite scores have a rank, and are ranked.
    let figures = judge(&rows, &[f64::NEG_INFINITY, f64::INFINITY, 0.0], 0.5).unwrap();
    assert_eq!((figures.roc_auc, figures.pr_auc, figures.recall), (Some(1.0), Some(1.0), 1.0));
}
