//! Tomorrow's model: rows that a watch writes down are those of `extract`, and a second model scores beside the first.

mod common;

use common::running::Running;
use common::traffic::Traffic;
use common::{Folder, office};

#[test]
fn what_is_written_to_learn_from_is_what_extract_gives() {
    let folder = office(6, 103);
    let said = folder.done("watch model.tw --replay attack.pcap --learn rows");
    folder.done("extract attack.pcap -o rows.parquet --window 1s");
    assert!(folder.get("rows/host-2023-11-14T221540Z.parquet") == folder.get("rows.parquet"));
    assert!(said.err.contains("rows written to learn from") && !said.err.contains("could not"), "{}", said.err);

    // Over the hour of 23:00 there are two files, of which one model is trained.
    folder.put("long.pcap", Traffic::office(2_750, 20).pcap());
    folder.done("watch model.tw --replay long.pcap --learn hours");
    let [before, after] = ["hours/host-2023-11-14T225950Z.parquet", "hours/host-2023-11-14T230000Z.parquet"];
    assert_eq!(std::fs::read_dir(folder.path("hours")).unwrap().count(), 2);
    folder.done("extract long.pcap -o long.parquet --window 1s");
    folder.done("score model.tw long.parquet -o whole.parquet");
    folder.done(&format!("score model.tw {before} {after} -o hours.parquet"));
    assert!(folder.get("whole.parquet") == folder.get("hours.parquet"));
    folder.done(&format!("train {before} {after} -o tomorrow.tw --model tail"));
    folder.done("score tomorrow.tw attack.pcap");
}

/// A watch that has begun to write rows down.
fn learning(folder: &Folder, capture: &[u8]) -> Running {
    let before = drafts(folder);
    let mut watch = Running::start(folder, "--learn rows");
    watch.feed(capture);
    while drafts(folder).iter().all(|draft| before.contains(draft)) {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    watch
}

fn drafts(folder: &Folder) -> Vec<String> {
    let entries = std::fs::read_dir(folder.path("rows")).into_iter().flatten();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut drafts: Vec<String> = names.filter(|name| name.starts_with(".tidewatch-")).collect();
    drafts.sort();
    drafts
}

#[test]
fn what_a_watch_that_was_killed_was_writing_is_cleared_and_what_one_that_lives_is_writing_is_not() {
    let folder = office(6, 103);
    let capture = folder.get("attack.pcap");
    let mut killed = learning(&folder, &capture);
    killed.child.kill().unwrap();
    killed.child.wait().unwrap();
    let left = drafts(&folder);
    assert_eq!(left.len(), 1);
    let alive = learning(&folder, &capture);
    let its = drafts(&folder);
    assert!(its.len() == 1 && its != left, "{its:?} {left:?}");
    folder.put("later.pcap", Traffic::office(9_000, 5).pcap());
    folder.done("watch model.tw --replay later.pcap --learn rows --evidence rows");
    assert_eq!(drafts(&folder), its);
    let (code, said) = alive.end();
    assert!(code == Some(0) && !said.contains("could not"), "{said}");
    assert!(drafts(&folder).is_empty() && folder.path("rows/host-2023-11-14T221540Z.parquet").is_file());
}

#[test]
fn a_shadow_is_compared_and_heard_by_nobody() {
    let folder = office(6, 103);
    let alone = folder.done("watch model.tw --replay attack.pcap");
    let same = folder.done("watch model.tw --replay attack.pcap --shadow model.tw");
    assert_eq!(same.out, alone.out);
    assert!(
        same.err.contains(
            "beside the shadow: 2 rows are alerts of both, 0 of the model alone, 0 of the shadow alone; rank correlation of \
             their scores 1.00"
        ),
        "{}",
        same.err
    );
    // One that hears every row.
    folder.done("train benign.pcap -o keen.tw --model hbos --window 1s --alarms-per-day 1e9");
    let keen = folder.done("watch model.tw --replay attack.pcap --shadow keen.tw");
    assert_eq!(keen.out, alone.out);
    assert!(
        keen.err.contains("2 rows are alerts of both, 0 of the model alone, ")
            && !keen.err.contains(", 0 of the shadow")
    );

    folder.done("train benign.pcap -o other.tw --model tail --window 2s");
    let other = folder.run("watch model.tw --replay attack.pcap --shadow other.tw");
    assert_eq!(other.code, Some(1));
    assert!(other.err.contains("other.tw: the model and the rows do not belong together"), "{}", other.err);
}
