//! What a model tells of itself, how it says that it is out of date, how it goes on, and how the best one is found.

mod common;

use common::traffic::{LABELS, Traffic};
use common::{Folder, days_with_a_rhythm, keys};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tidewatch::matrix::{self, hex};

/// Traffic of two hosts, of which one scans the other in every second.
fn restless(from: i64, seconds: i64) -> Traffic {
    (from..from + seconds).fold(Traffic::office(from, seconds), Traffic::scan)
}

fn office() -> Folder {
    let folder = Folder::new();
    folder.put("first.pcap", Traffic::office(0, 300).pcap());
    folder.put("next.pcap", Traffic::office(400, 300).pcap());
    folder.put("attack.pcap", Traffic::office(100, 30).scan(110).scan(115).scan(120).scan(125).pcap());
    folder.put("attack.labels.toml", LABELS);
    folder
}

#[test]
fn a_model_tells_what_it_learned_from_and_what_it_is() {
    let folder = office();
    let said = folder.done("train first.pcap next.pcap -o m.tw --window 1s --model iforest+tail").err;
    let card = folder.done("inspect m.tw --json").json();
    // How many alarms a day to expect, and from how many to how many: the same in both places.
    let interval = said.split_once("traffic like this, ").unwrap().1.split_once(" on 19 days of 20").unwrap().0;
    assert!(
        card["expected alarms a day"].as_str().unwrap().contains(&format!(" events, {interval} on 19 days")),
        "{said}{card}"
    );
    let hash = |name: &str| hex(&Sha256::digest(folder.get(name)));
    assert_eq!(card["sha256"], hash("m.tw"));
    assert_eq!(card["sources"][0]["name"], "first.pcap");
    assert_eq!(card["sources"][1]["sha256"], hash("next.pcap"));
    let span = |source: usize| card["sources"][source]["span_ns"].as_array().unwrap().clone();
    assert!(span(0)[0].as_i64() < span(0)[1].as_i64() && span(0)[1].as_i64() < span(1)[0].as_i64());
    let columns = card["columns"].as_array().unwrap();
    assert!(columns.iter().any(|column| column["name"] == "packets"));
    assert!(card["features"].as_str().unwrap().starts_with(&format!("{}, definitions ", columns.len())));
    let facts = ["view", "window", "packets", "schema", "training rows", "threshold", "expected alarms a day", "seed"];
    for fact in facts {
        assert!(card[fact].is_string(), "{fact}: {card}");
    }
    assert!(card["member iforest"].as_str().unwrap().contains("200 trees of 256 rows"), "{card}");
    assert!(card["member tail"].as_str().unwrap().contains("benign scores up to"), "{card}");
    let text = folder.done("inspect m.tw").out;
    assert!(text.contains(&hash("first.pcap")) && !text.contains("[{"), "{text}");
}

#[test]
fn attacks_in_a_table_without_its_truth_are_doubted_and_not_learned_from() {
    let folder = Folder::new();
    // Two readings that belong together, and a clump of forty in which they do not.
    let wave = |row: usize, step: usize| (row * step % 997) as f64 / 997.0;
    let line = |row: usize| {
        let (size, noise) = (wave(row, 387), wave(row, 611));
        if row % 25 == 7 {
            format!("{:.4},{:.4}", 2.0 + size / 10.0, 3.0 - noise / 10.0)
        } else {
            format!("{size:.4},{:.4}", size + noise / 5.0)
        }
    };
    let table = |end: &str, truth: &dyn Fn(usize) -> &'static str| {
        let lines: String = (0..1_000).map(|row| line(row) + truth(row) + "\n").collect();
        format!("size,load{end}\n{lines}")
    };
    folder.put("told.csv", table(",class", &|row| if row % 25 == 7 { ",attack" } else { ",normal" }));
    folder.put("untold.csv", table("", &|_| ""));
    folder.put("believed.csv", table(",class", &|_| ",normal"));
    let train = |name: &str, more: &str| folder.done(&format!("train {name}.csv -o m.tw --model ecod+knn{more}")).err;
    // Who says which rows are benign is believed.
    for known in ["told", "believed"] {
        let said = train(known, " --label-column class");
        assert!(!said.contains("may be attacks"), "{known}: {said}");
    }
    let said = train("untold", "");
    assert!(said.contains("rows may be attacks, and no detector was fitted on them"), "{said}");
    let card = folder.done("inspect m.tw --json").json();
    let doubtful: usize = card["doubtful rows"].as_str().unwrap().split_once(' ').unwrap().0.parse().unwrap();
    assert!((40..=80).contains(&doubtful), "{card}");
}

#[test]
fn features_that_have_moved_are_named() {
    let folder = office();
    folder.done("train first.pcap -o m.tw --window 1s --model tail");
    folder.put("other.pcap", restless(400, 100).pcap());
    folder.put("other.labels.toml", "rule = []\n");
    folder.put("next.labels.toml", "rule = []\n");
    let drift = |capture: &str| folder.done(&format!("evaluate m.tw {capture} --json")).json()["drift"].clone();
    let same = drift("next.pcap");
    assert_eq!(keys(&same), ["rows", "moved", "features", "retrain"]);
    assert_eq!((&same["moved"], &same["retrain"]), (&json!([]), &json!(false)));
    let other = drift("other.pcap");
    let moved: Vec<&str> =
        other["moved"].as_array().unwrap().iter().map(|moved| moved["feature"].as_str().unwrap()).collect();
    assert!(moved.contains(&"ports_out") && other["retrain"] == true, "{other}");
    let psi: Vec<f64> = other["moved"].as_array().unwrap().iter().map(|moved| moved["psi"].as_f64().unwrap()).collect();
    assert!(psi.is_sorted_by(|a, b| a >= b));
    let told = |capture: &str| folder.done(&format!("score m.tw {capture}")).err;
    assert!(told("next.pcap").contains("drift: none of "), "{}", told("next.pcap"));
    assert!(told("other.pcap").contains(" have moved since training: "), "{}", told("other.pcap"));
    // A second of traffic tells nothing.
    folder.put("little.pcap", Traffic::office(400, 1).pcap());
    assert!(told("little.pcap").contains("too few"), "{}", told("little.pcap"));
}

#[test]
fn what_is_ordinary_by_day_is_an_alarm_by_night() {
    let folder = Folder::new();
    matrix::write(&days_with_a_rhythm(0, 5), &folder.path("days.parquet")).unwrap();
    matrix::write(&days_with_a_rhythm(0, 2), &folder.path("two.parquet")).unwrap();
    // At three at night, and at noon.
    let mut new = days_with_a_rhythm(9, 1);
    let odd = [360, 1440];
    odd.iter().for_each(|&row| new.values.row_mut(row).iter_mut().take(4).for_each(|value| *value = 140.0));
    let times = odd.map(|row| new.window_start_ns[row]);
    matrix::write(&new, &folder.path("new.parquet")).unwrap();
    let told = |days: &str| {
        folder.done(&format!("train {days}.parquet -o {days}.tw --model tail"));
        let alerts = folder.done(&format!("score {days}.tw new.parquet")).json_lines();
        let knows = folder.done(&format!("inspect {days}.tw --json")).json().get("hours").is_some();
        let at = |time: i64| alerts.iter().any(|alert| alert["window_start_ns"] == time);
        assert!(alerts.len() < 10, "{} alerts", alerts.len());
        (knows, times.map(at))
    };
    assert_eq!(told("days"), (true, [true, false]));
    assert_eq!(told("two"), (false, [false, false]), "two days tell no rhythm");
}

#[test]
fn a_renewed_model_knows_what_came_since() {
    let folder = office();
    folder.done("train first.pcap -o m.tw --window 1s --model iforest+tail");
    folder.put("new.pcap", restless(800, 300).pcap());
    folder.put("newer.pcap", restless(1200, 100).pcap());
    let alerts = |model: &str, capture: &str| folder.done(&format!("score {model} {capture}")).json_lines().len();
    let before = alerts("m.tw", "newer.pcap");
    folder.done("renew m.tw new.pcap -o renewed.tw --share 0.25");
    let after = alerts("renewed.tw", "newer.pcap");
    assert!(before > 40 && after < 5, "{before} alerts before, {after} after");

    let card = folder.done("inspect renewed.tw --json").json();
    assert_eq!(card["sources"][0]["name"], "new.pcap");
    assert!(card["renewed"].as_str().unwrap().starts_with("once"), "{card}");
    let trees = card["member iforest"].as_str().unwrap().to_owned();
    assert!(trees.contains("200 trees of 256 rows (50 older ones are gone)"), "{trees}");
    // In its own place, and from there on.
    folder.put("last.pcap", restless(1400, 300).pcap());
    folder.done("renew renewed.tw last.pcap -o renewed.tw");
    let card = folder.done("inspect renewed.tw --json").json();
    assert!(card["member iforest"].as_str().unwrap().contains("(150 older ones are gone)"), "{card}");
    // What it knows already does not tell how it does.
    let known = folder.run("renew renewed.tw new.pcap -o again.tw");
    assert_eq!(known.code, Some(1));
    assert!(known.err.contains("would judge what it knows; hint: "), "{}", known.err);
    let wrong = folder.run("renew renewed.tw last.pcap -o again.tw --share 1.5");
    assert_eq!(wrong.code, Some(2), "{}", wrong.err);
}

#[test]
fn tuning_ranks_models_and_keeps_the_best() {
    let folder = office();
    folder.put("past.pcap", Traffic::office(0, 60).pcap());
    let line =
        "tune past.pcap --validation attack.pcap -o best.tw --models tail,kmeans,iforest+tail --window 1s,2s --json";
    let board = folder.done(line).json();
    let trials = board["leaderboard"].as_array().unwrap();
    assert_eq!(trials.len(), 6);
    let areas: Vec<f64> = trials.iter().map(|trial| trial["pr_auc"].as_f64().unwrap()).collect();
    assert!(areas.is_sorted_by(|a, b| a >= b), "{areas:?}");
    assert_eq!(board["best"], trials[0]);
    let card = folder.done("inspect best.tw --json").json();
    let members = card["members"].as_str().unwrap().replace(", ", "+");
    assert_eq!(Value::from(members), trials[0]["model"]);
    assert_eq!(card["window"], format!("{}s", trials[0]["window_ns"].as_i64().unwrap() / 1_000_000_000));

    // Without a validation the later half judges; there has to be an attack in it.
    let table = folder.done("tune attack.pcap -o best.tw --models tail,kmeans --window 1s").out;
    assert!(table.lines().count() == 3 && table.contains("recall at 1/d"), "{table}");
    let quiet = folder.run("tune past.pcap -o best.tw --models tail --window 1s");
    assert_eq!(quiet.code, Some(1));
    assert!(quiet.err.contains("hint: name labelled rows"), "{}", quiet.err);
}
