//! Watching: the same scores as of a file, and each episode told once as it opens, grows and closes.

mod common;

use std::time::Instant;

use common::traffic::{LABELS, START_S, Traffic};
use common::{Folder, keys, office};
use serde_json::Value;

#[test]
fn a_replay_gives_the_scores_of_the_file_at_any_speed() {
    let folder = office(10, 105);
    for labelled in [false, true] {
        if labelled {
            folder.put("attack.labels.toml", LABELS);
        }
        folder.done("score model.tw attack.pcap -o score.parquet");
        let mut told: Option<String> = None;
        for speed in ["max", "100", "10"] {
            let begun = Instant::now();
            let said = folder.done(&format!("watch model.tw --replay attack.pcap --speed {speed} -o watch.parquet"));
            assert!(folder.get("watch.parquet") == folder.get("score.parquet"), "labels: {labelled}, speed: {speed}");
            assert_eq!(told.get_or_insert_with(|| said.out.clone()), &said.out, "speed: {speed}");
            // The ten seconds begin and end a little inside.
            assert!(speed != "10" || begun.elapsed().as_millis() >= 900, "it came too fast");
        }
    }
}

#[test]
fn an_episode_is_told_as_it_opens_and_closes() {
    let folder = office(10, 105);
    let notices = folder.done("watch model.tw --replay attack.pcap").json_lines();
    let of = |entity: &str| -> Vec<&Value> { notices.iter().filter(|notice| notice["entity"] == entity).collect() };
    let scanner = of("10.0.0.66");
    let events: Vec<&str> = scanner.iter().map(|notice| notice["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["opened", "closed"], "{notices:#?}");
    let expected = [
        "event",
        "episode",
        "severity",
        "started",
        "ended",
        "alerts",
        "time",
        "window_start_ns",
        "window_ns",
        "view",
        "entity",
        "score",
        "p_value",
        "threshold",
        "reasons",
        "peers",
        "ports",
    ];
    for notice in &notices {
        assert_eq!(keys(notice), expected);
    }
    assert_eq!(scanner[0]["episode"], scanner[1]["episode"]);
    assert_eq!(
        (&scanner[0]["started"], &scanner[0]["ended"]),
        (&"2023-11-14T22:15:45Z".into(), &"2023-11-14T22:15:46Z".into())
    );
    assert_eq!(scanner[0]["peers"], serde_json::json!({"count": 1, "top": [{"name": "10.0.0.1", "packets": 400}]}));
    assert_eq!(scanner[0]["ports"]["count"], 200);
    assert_eq!(scanner[0]["ports"]["top"][0], serde_json::json!({"name": "tcp/1", "packets": 2}));

    // What is told of the alert is what `score` says of it.
    let alerts = folder.done("score model.tw attack.pcap").json_lines();
    let alert = alerts.iter().find(|alert| alert["entity"] == "10.0.0.66").unwrap();
    for key in keys(alert) {
        assert_eq!(alert[key], scanner[0][key], "{key}");
    }
}

#[test]
fn mistakes_are_named() {
    let folder = office(10, 105);
    for (line, told) in [
        (
            "watch model.tw --replay attack.pcap --speed slow",
            "--speed: 'slow' is no speed; hint: use 1, 10, 100 or max",
        ),
        ("watch model.tw --replay attack.pcap --gap long", "--gap: 'long' is no length of time"),
        ("watch model.tw --replay attack.pcap -o -", "--output: standard output is for the notices"),
        ("watch model.tw --replay attack.pcap -o attack.pcap", "--output: attack.pcap is an input"),
    ] {
        let said = folder.run(line);
        assert_eq!(said.code, Some(2), "{line}");
        assert!(said.err.contains(told), "{line}: {}", said.err);
    }
    for (line, told) in [
        ("watch model.tw --replay gone.pcap", "gone.pcap: no such file"),
        ("watch model.tw --replay model.tw", "model.tw: is a model, not a capture"),
        ("watch attack.pcap --replay attack.pcap", "attack.pcap: "),
    ] {
        let said = folder.run(line);
        assert_eq!(said.code, Some(1), "{line}");
        assert!(said.err.contains(told), "{line}: {}", said.err);
    }
}

/// Watching begins and ends inside windows: that a part of one holds less than usual is no news, and what it holds more of is.
#[test]
fn where_watching_begins_and_ends_only_what_is_more_than_usual_alerts() {
    let folder = Folder::new();
    folder.put("benign.pcap", Traffic::office(0, 600).pcap());
    folder.done("train benign.pcap -o model.tw --window 10s");
    let alerts = |capture: Vec<u8>| -> Vec<(i64, String)> {
        folder.put("capture.pcap", capture);
        let said = folder.done("score model.tw capture.pcap -o score.parquet");
        folder.done("watch model.tw --replay capture.pcap -o watch.parquet");
        folder.done("extract capture.pcap -o rows.parquet --window 10s");
        folder.done("score model.tw rows.parquet -o table.parquet");
        for other in ["watch.parquet", "table.parquet"] {
            assert!(folder.get(other) == folder.get("score.parquet"), "{other}");
        }
        let window = |alert: &Value| alert["window_start_ns"].as_i64().unwrap() / 1_000_000_000 - START_S;
        said.json_lines().iter().map(|alert| (window(alert), alert["entity"].as_str().unwrap().to_owned())).collect()
    };
    assert_eq!(alerts(Traffic::office(709, 32).pcap()), []);
    let scanned = alerts(Traffic::office(709, 32).scan(709).pcap());
    assert!(scanned.contains(&(700, "10.0.0.66".to_owned())), "{scanned:?}");
    // The same second is news where watching went on before it.
    let silent = alerts([Traffic::office(670, 30).pcap(), Traffic::office(709, 32).records()].concat());
    assert!(silent.iter().any(|(window, _)| *window == 700), "{silent:?}");
}
