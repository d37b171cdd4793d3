//! A test that the model has learned from is refused, under whatever name and in whatever order; and labels that are too easy
//! are told of.

mod common;

use common::traffic::{Traffic, pcap_header};
use common::{Folder, Said, labelled_office as office};

fn refused(folder: &Folder, test: &str) -> Said {
    let said = folder.run(&format!("evaluate model.tw {test} --labels attack.labels.toml"));
    assert_eq!(said.code, Some(1), "{test}: {}", said.err);
    assert!(said.err.contains("is no test of this model"), "{test}: {}", said.err);
    assert!(said.err.contains("--allow-overlap"), "{test}: {}", said.err);
    assert!(said.out.is_empty(), "{test}: no figure is printed");
    said
}

#[test]
fn the_training_under_another_name_is_refused() {
    let folder = office();
    folder.put("friday.pcap", folder.get("benign.pcap"));
    let said = refused(&folder, "friday.pcap");
    assert!(said.err.contains("the model was trained on friday.pcap (as benign.pcap)"), "{}", said.err);
    assert!(said.err.contains("in the time of the training"), "{}", said.err);
    assert!(said.err.contains("about 100 % of the test's packets are in the training"), "{}", said.err);
}

#[test]
fn a_capture_that_holds_the_training_is_refused() {
    let folder = office();
    // In another format, so that no hash of a file could tell.
    folder.put("both.pcapng", Traffic::office(0, 90).pcapng());
    let said = refused(&folder, "both.pcapng");
    assert!(!said.err.contains("the model was trained on both.pcapng"), "{}", said.err);
    assert!(said.err.contains("60 seconds of the test lie in the time"), "{}", said.err);
    folder.done("evaluate model.tw attack.pcap");
}

/// The records of a classic capture in reversed order, each a day later.
fn reversed_tomorrow(capture: &[u8]) -> Vec<u8> {
    let mut records: Vec<Vec<u8>> = Vec::new();
    let mut rest = &capture[24..];
    while !rest.is_empty() {
        let size = 16 + u32::from_le_bytes(rest[8..12].try_into().unwrap()) as usize;
        let (record, behind) = rest.split_at(size);
        records.push(record.to_vec());
        rest = behind;
    }
    for record in &mut records {
        let seconds = u32::from_le_bytes(record[..4].try_into().unwrap()) + 86_400;
        record[..4].copy_from_slice(&seconds.to_le_bytes());
    }
    records.reverse();
    [pcap_header(), records.concat()].concat()
}

#[test]
fn a_reordered_copy_at_another_time_is_refused() {
    let folder = office();
    folder.put("tomorrow.pcap", reversed_tomorrow(&folder.get("benign.pcap")));
    let said = refused(&folder, "tomorrow.pcap");
    assert!(!said.err.contains("in the time of the training"), "{}", said.err);
    assert!(said.err.contains("about 100 % of the test's packets are in the training, with"), "{}", said.err);
}

#[test]
fn rows_of_the_training_in_another_order_are_refused() {
    let folder = Folder::new();
    let line = |row: usize| format!("{row},{},{},normal\n", row * row % 97, row * 31 % 17);
    let table = |rows: &mut dyn Iterator<Item = usize>| {
        "id,bytes,port,class\n".to_owned() + &rows.map(line).collect::<String>()
    };
    folder.put("train.csv", table(&mut (0..200)));
    folder.put("again.csv", table(&mut (0..200).rev()));
    folder.put("other.csv", table(&mut (1_000..1_200)) + "1201,90000,3,dos\n");
    folder.done("train train.csv -o t.tw --model tail --label-column class");
    let said = folder.run("evaluate t.tw again.csv --label-column class");
    assert_eq!(said.code, Some(1), "{}", said.err);
    assert!(said.err.contains("about 100 % of the test's rows are in the training, value by value"), "{}", said.err);
    folder.done("evaluate t.tw other.csv --label-column class");
}

#[test]
fn with_allow_overlap_the_report_carries_a_red_line() {
    let folder = office();
    folder.put("friday.pcap", folder.get("benign.pcap"));
    let line = "evaluate model.tw friday.pcap --labels attack.labels.toml --allow-overlap";
    let said = folder.done(&format!("{line} --report r.html"));
    assert!(said.out.starts_with("THIS IS NO TEST: the model was trained on friday.pcap"), "{}", said.out);
    let page = String::from_utf8(folder.get("r.html")).unwrap();
    assert!(page.contains("<section class=\"warnings overlap\">"), "a red section");
    assert!(page.contains("the model was trained on friday.pcap"), "which says why");
    let json = folder.done(&format!("{line} --json")).json();
    assert!(json["overlap"].as_array().unwrap().len() >= 2, "{}", json["overlap"]);

    folder.done("evaluate model.tw attack.pcap --report r.html");
    assert!(
        !String::from_utf8(folder.get("r.html")).unwrap().contains("\"warnings overlap\""),
        "no line without cause"
    );
    assert!(folder.done("evaluate model.tw attack.pcap --json").json().get("overlap").is_none());
}

#[test]
fn a_test_before_the_training_is_judged_with_a_warning() {
    let folder = office();
    folder.put("later.pcap", Traffic::office(200, 60).pcap());
    folder.done("train later.pcap -o later.tw --model tail --window 1s");
    let said = folder.done("evaluate later.tw attack.pcap --json");
    assert!(said.err.contains("warning: the test lies before the training"), "{}", said.err);
    let warned = said.json()["warnings"].to_string();
    assert!(warned.contains("the test lies before the training"), "{warned}");
}
