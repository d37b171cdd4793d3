//! A made-up day for the tests of the pages: hosts with a day and a night, four attacks, two of them easy.

use std::collections::BTreeMap;

use ndarray::Array2;
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::{Report, rows_to_explain};
use crate::evaluate::baselines::baselines;
use crate::evaluate::spread::spreads;
use crate::evaluate::{Evaluation, Judged, judge, judge_attacks, judge_entities};

const WINDOW: i64 = 30_000_000_000;
const MIDNIGHT: i64 = 1_476_057_600_000_000_000;
const THRESHOLD: f64 = 5.2;

/// First window, windows, host, and what the attack adds to the score of its rows, on average.
type Run = (i64, i64, usize, f64);

const ATTACKS: [(&str, &[Run]); 4] = [
    ("port-scan", &[(610, 4, 2, 30.0), (1_500, 3, 7, 24.0), (2_410, 5, 2, 40.0)]),
    ("syn-flood", &[(1_120, 22, 4, 220.0), (2_050, 16, 4, 160.0)]),
    ("ssh-brute-force", &[(800, 60, 5, 5.0), (1_850, 70, 1, 4.0)]),
    ("beacon <c2>", &[(300, 1, 3, 0.4), (900, 1, 3, 0.3), (1_750, 1, 3, 0.2), (2_650, 1, 3, 7.0)]),
];

/// Hands the report of `windows` windows of `hosts` hosts to `see`.
pub(crate) fn with_report<T>(windows: i64, hosts: usize, see: impl FnOnce(&Report<'_>) -> T) -> T {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(0);
    let count = windows as usize * hosts;
    let (mut starts, mut label, mut scores, mut packets) = (vec![], vec![], vec![], vec![]);
    for window in 0..windows {
        for host in 0..hosts {
            let rise = (window as f64 / 2_880.0 * std::f64::consts::TAU - 1.9).sin();
            let noise = -rng.r#gen::<f64>().max(1e-12).ln();
            let busy = (1.2 + rise) * 40.0 * (1.0 + noise);
            let attack = ATTACKS.iter().enumerate().find_map(|(at, (_, runs))| {
                let run = runs.iter().find(|run| run.2 == host && (run.0..run.0 + run.1).contains(&window));
                run.map(|run| (at as u16, run.3))
            });
            starts.push(MIDNIGHT + window * WINDOW);
            label.push(attack.map(|(at, _)| at));
            let added = attack.map_or(0.0, |(_, added)| added * (0.5 + rng.r#gen::<f64>()));
            scores.push(0.6 + 0.5 * rise + 0.55 * noise + added);
            packets.push((busy + added * 30.0) as f32);
        }
    }
    let entity: Vec<u32> = (0..count).map(|row| (row % hosts) as u32).collect();
    let entities: Vec<String> = (0..hosts).map(|host| format!("192.168.1.{}", 10 + host)).collect();
    let names: Vec<String> = ATTACKS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let rows = Judged {
        window_start_ns: &starts,
        window_ns: WINDOW,
        entity: &entity,
        entities: &entities,
        label: &label,
        names: &names,
        span_days: windows as f64 / 2_880.0,
        prevalence: None,
    };
    let features = Array2::from_shape_fn((count, 2), |(row, column)| {
        if column == 0 { packets[row] } else { (scores[row].max(0.0) as f32).sqrt().floor() }
    });
    let columns = ["packets".to_owned(), "dst_ports".to_owned()];
    let root: Vec<f64> = scores.iter().map(|score| score.max(0.0).ln_1p()).collect();
    let clusters: Vec<f64> = packets.iter().zip(&scores).map(|(&p, &score)| f64::from(p) + 20.0 * score).collect();
    let evaluation = Evaluation {
        overall: judge(&rows, &scores, THRESHOLD).unwrap(),
        attacks: judge_attacks(&rows, &scores, THRESHOLD).unwrap(),
        members: BTreeMap::from([
            ("forest".to_owned(), judge(&rows, &root, 2.1).unwrap()),
            ("clusters".to_owned(), judge(&rows, &clusters, 900.0).unwrap()),
        ]),
        entities: judge_entities(&rows, &scores, THRESHOLD).unwrap(),
        baselines: baselines(&rows, Some(features.column(0)), features.view(), &columns).unwrap(),
        ledger: serde_json::json!({"read": count, "used": count, "skipped": {}}),
        overlap: Vec::new(),
        warnings: vec!["the matrix of day 2 has 3 hosts that training has not seen".to_owned()],
        drift: crate::model::shift::Drift::default(),
    };
    let explained = rows_to_explain(&rows, &scores, THRESHOLD);
    let reasons = |row: usize| {
        vec![format!("packets {:.0}, usually at most 160", packets[row]), "syn_share 0.92, usually 0.11".to_owned()]
    };
    see(&Report {
        title: "A made-up day <of> 24 hours".to_owned(),
        generated_from: vec!["models/office.tw".to_owned(), "day-2.parquet".to_owned()],
        evaluation: &evaluation,
        rows: &rows,
        scores: &scores,
        threshold: THRESHOLD,
        reasons: explained.into_iter().map(|row| (row, reasons(row))).collect(),
        spreads: spreads(&rows, features.view(), &columns, 6),
        commands: vec![
            "tidewatch extract day-1.pcap -o day-1.parquet --view host --window 30s".to_owned(),
            "tidewatch train day-1.parquet -o models/office.tw --alarms-per-day 1 --seed 0".to_owned(),
            "tidewatch evaluate models/office.tw day-2.parquet --report day-2.html".to_owned(),
        ],
        model_card: [
            ("detector", "ensemble: forest, clusters"),
            ("view", "host, windows of 30 s"),
            ("features", "42, definitions of version 1"),
            ("trained on", "57,600 rows of 1.00 days, 2016-10-09"),
            ("threshold", "1 false alarm a day"),
            ("seed", "0"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec(),
    })
}
