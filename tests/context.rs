//! What came before a window counts: it is remembered in the model, and told in words.

mod common;

use common::traffic::{LABELS, SCANNER, Traffic};
use common::{Folder, Said};
use serde_json::Value;

/// A folder with a model of eight minutes of an office, in windows of a second.
fn learned(options: &str) -> Folder {
    let folder = Folder::new();
    folder.put("quiet.pcap", Traffic::office(0, 480).pcap());
    folder.put("bad.pcap", Traffic::office(500, 60).scan(530).pcap());
    folder.done(&format!("train quiet.pcap -o m.tw --window 1s {options}"));
    folder
}

/// The reasons of the alerts of one host, by name.
fn reasons(said: &Said, host: u8) -> Vec<Value> {
    let alerts = said.json_lines();
    let ours = alerts.iter().filter(|alert| alert["entity"] == format!("10.0.0.{host}"));
    ours.flat_map(|alert| alert["reasons"].as_array().unwrap().clone()).collect()
}

#[test]
fn an_alert_tells_what_was_never_there_before() {
    let folder = learned("--model novelty");
    let said = folder.done("score m.tw bad.pcap");
    let find = |host: u8, name: &str| reasons(&said, host).into_iter().find(|reason| reason["feature"] == name);
    assert_eq!(find(SCANNER, "newcomer").unwrap()["value"], 1.0);
    // Of 200 ports, as many as a row carries; 53 and 443 the server had.
    let services = find(1, "new_services_in").unwrap();
    assert!(services["value"].as_f64().unwrap() >= 30.0, "{services}");
    let text = services["text"].as_str().unwrap();
    assert!(
        text.starts_with("own services that were never asked for before: 3") && text.contains("above the benign 0")
    );
    assert!(reasons(&said, 10).is_empty(), "{}", said.out);
}

/// What the model remembers is as old as its training; what comes before it is judged all the same.
#[test]
fn a_capture_from_before_the_memorys_end_is_judged_with_a_warning() {
    let folder = learned("--model novelty");
    let first = folder.done("score m.tw bad.pcap");
    assert!(!first.err.contains("before the end"), "{}", first.err);
    let back = folder.done("score m.tw quiet.pcap");
    assert!(
        back.err.contains("warning: ") && back.err.contains("before the end of what is remembered"),
        "{}",
        back.err
    );
    assert_eq!(back.out, "", "what was learned is known");
    // It begins anew from the memory as it was saved: the scan that was seen on the way is not in it.
    let twice = folder.run("score m.tw bad.pcap bad.pcap");
    assert_eq!(
        twice.out.lines().count(),
        first.out.lines().count(),
        "one capture, named twice, is read as one: {}",
        twice.err
    );
    folder.put("early.pcap", Traffic::office(100, 20).scan(110).pcap());
    let early = folder.done("score m.tw early.pcap");
    assert!(!reasons(&early, SCANNER).is_empty());
}

#[test]
fn the_memory_goes_on_in_scoring_and_is_the_same_by_every_way() {
    let folder = learned("--model novelty+drift");
    folder.done("extract quiet.pcap -o quiet.parquet --window 1s");
    folder.done("extract bad.pcap -o bad.parquet --window 1s");
    folder.done("train quiet.parquet -o again.tw --model novelty+drift");
    let expected = folder.done("score m.tw bad.pcap -o a.parquet").out;
    assert_eq!(folder.done("score again.tw bad.parquet -o b.parquet").out, expected);
    assert_eq!(folder.run_with("score m.tw - -o c.parquet", folder.get("bad.pcap")).out, expected);
    assert!(folder.get("a.parquet") == folder.get("b.parquet") && folder.get("a.parquet") == folder.get("c.parquet"));
    // The scan's second half is as new as its first.
    folder.put("longer.pcap", Traffic::office(500, 60).scan(530).scan(540).pcap());
    let longer = folder.done("score m.tw longer.pcap");
    let scans = longer.json_lines().iter().filter(|alert| alert["entity"] == "10.0.0.1").count();
    assert_eq!(scans, 2, "{}", longer.out);
}

#[test]
fn a_csv_does_not_tell_what_was_seen() {
    let folder = learned("--model novelty");
    folder.put("bad.labels.toml", LABELS);
    folder.done("extract bad.pcap -o bad.csv --window 1s");
    assert!(!String::from_utf8(folder.get("bad.csv")).unwrap().contains("sightings"));
    for line in ["score m.tw bad.csv", "evaluate m.tw bad.csv"] {
        let said = folder.done(line);
        assert!(said.err.contains("do not tell what they showed"), "{line}: {}", said.err);
    }
    folder.done("extract bad.pcap -o bad.parquet --window 1s");
    assert!(!folder.done("evaluate m.tw bad.parquet").err.contains("do not tell"));
}
