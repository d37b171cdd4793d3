//! What scripts may rely on: exit codes, columns, the keys of JSON, and when what comes out.

mod common;

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use common::traffic::{Traffic, gzip, pcap_header};
use common::{Folder, Said, keys, labelled_office as office};
use polars::prelude::{Column, DataFrame, DataType, NamedFrom, ParquetReader, ParquetWriter, SerReader, Series};
use serde_json::Value;

const FIGURES: [&str; 14] = [
    "rows",
    "positives",
    "roc_auc",
    "pr_auc",
    "prevalence",
    "precision",
    "recall",
    "f1",
    "threshold",
    "recall_at_alarms_per_day",
    "episodes",
    "episodes_detected",
    "detection_delay_s",
    "false_alarms_per_day",
];

fn parquet(folder: &Folder, name: &str) -> DataFrame {
    ParquetReader::new(File::open(folder.path(name)).unwrap()).finish().unwrap()
}

fn types(frame: &DataFrame) -> Vec<(String, DataType)> {
    frame.columns().iter().map(|column| (column.name().to_string(), column.dtype().clone())).collect()
}

#[test]
fn exit_codes() {
    let folder = office();
    assert_eq!(folder.run("extract benign.pcap -o m.parquet").code, Some(0));
    assert_eq!(folder.run("extract gone.pcap -o m.parquet").code, Some(1));
    assert_eq!(folder.run("extract benign.pcap").code, Some(2));
    assert_eq!(folder.run("extract benign.pcap -o m.parquet --view moon").code, Some(2));
    let whole = folder.get("attack.pcap");
    folder.put("cut.pcap", &whole[..whole.len() - 10]);
    let packed = gzip(&whole);
    folder.put("cut.pcap.gz", &packed[..packed.len() / 2]);
    for capture in ["cut.pcap", "cut.pcap.gz"] {
        let lines = [
            format!("extract {capture} -o m.parquet --window 1s"),
            format!("train {capture} -o m.tw --model tail --window 1s"),
            format!("score model.tw {capture}"),
            format!("evaluate model.tw {capture} --labels attack.labels.toml"),
            format!("inspect {capture}"),
        ];
        for line in lines {
            let said = folder.run(&line);
            assert_eq!(said.code, Some(3), "{line}: {}", said.err);
            let told = if line.starts_with("inspect") { &said.out } else { &said.err };
            assert!(told.contains("reading stopped at byte"), "{line}: {told}");
        }
    }
}

#[test]
fn columns_of_a_matrix() {
    let folder = office();
    for view in ["host", "network"] {
        folder.done(&format!("extract attack.pcap -o m.parquet --window 1s --view {view}"));
        let catalogue = folder.done(&format!("features --view {view} --json")).json();
        // What the context tells is made of several windows, and in no matrix.
        let features = catalogue.as_array().unwrap().iter().filter(|feature| feature["stage"] == "window");
        let features = features.map(|feature| feature["name"].as_str().unwrap());
        let keys = [
            ("window_start_ns", DataType::Int64),
            ("window_ns", DataType::Int64),
            ("view", DataType::String),
            ("entity", DataType::String),
        ];
        let truth = [("label", DataType::String), ("attack_packets", DataType::UInt32)];
        let expected: Vec<(String, DataType)> = keys
            .into_iter()
            .chain(features.map(|name| (name, DataType::Float32)))
            .chain(truth)
            .chain([("sightings", DataType::List(Box::new(DataType::UInt32)))])
            .map(|(name, kind)| (name.to_owned(), kind))
            .collect();
        let matrix = parquet(&folder, "m.parquet");
        assert_eq!(types(&matrix), expected);

        // Null where benign; the scan of one second is in the rows of the scanner, its victim and the network.
        let label = matrix.column("label").unwrap();
        assert_eq!(label.len() - label.null_count(), if view == "host" { 2 } else { 1 });
        let packets = matrix.column("attack_packets").unwrap().cast(&DataType::Int64).unwrap();
        let packets: Vec<i64> = packets.i64().unwrap().iter().flatten().filter(|&packets| packets > 0).collect();
        assert!(packets.iter().all(|&packets| packets == 200), "{packets:?}");

        folder.done(&format!("extract benign.pcap -o m.parquet --window 1s --view {view}"));
        let unlabelled: Vec<_> =
            expected.into_iter().filter(|(name, _)| name != "label" && name != "attack_packets").collect();
        assert_eq!(types(&parquet(&folder, "m.parquet")), unlabelled);
    }
}

#[test]
fn a_capture_of_which_nothing_can_be_used_is_accounted_for() {
    let folder = office();
    let mut radio = folder.get("benign.pcap");
    radio[20] = 105;
    folder.put("radio.pcap", radio);
    let said = folder.run("extract radio.pcap -o m.parquet --json");
    assert_eq!(said.code, Some(3), "{}", said.err);
    assert!(said.err.contains("none of its"), "{}", said.err);
    let ledger = said.json()["ledger"].clone();
    assert_eq!(ledger["read"], ledger["skipped"]["unknown_link"]);
    assert_eq!(parquet(&folder, "m.parquet").height(), 0);
}

#[test]
fn columns_of_scores() {
    let folder = office();
    let keys = ["window_start_ns", "window_ns", "view", "entity"];
    for (capture, truth) in [("attack.pcap", &["label", "attack_packets"][..]), ("benign.pcap", &[])] {
        let said = folder.done(&format!("score model.tw {capture} -o s.parquet"));
        let scores = parquet(&folder, "s.parquet");
        let expected = [&keys[..], truth, &["score", "p_value", "alert"]].concat();
        assert_eq!(scores.get_column_names(), expected);
        let float = |name: &str| -> Vec<f64> { scores.column(name).unwrap().f64().unwrap().iter().flatten().collect() };
        let alert: Vec<bool> = scores.column("alert").unwrap().bool().unwrap().iter().flatten().collect();
        // The score is −log₁₀ of the p-value, and an alert is a line on standard output.
        for (score, p_value) in
            float("score").into_iter().zip(float("p_value")).filter(|(_, p_value)| *p_value > f64::MIN_POSITIVE)
        {
            assert!((score + p_value.log10()).abs() < 1e-9, "{score} {p_value}");
        }
        assert_eq!(alert.iter().filter(|alert| **alert).count(), said.json_lines().len());
        folder.done(&format!("extract {capture} -o m.parquet --window 1s"));
        assert_eq!(scores.height(), parquet(&folder, "m.parquet").height());
    }
    assert_eq!(folder.done("inspect s.parquet --json").json()["kind"], "scores");
}

#[test]
fn extract_as_json() {
    let folder = office();
    let traffic = Traffic::office(100, 30).scan(115);
    let summary = folder.done("extract attack.pcap -o m.parquet --window 1s --json").json();
    assert_eq!(keys(&summary), ["packets", "bytes", "first_ns", "last_ns", "ledger", "matrices"]);
    assert_eq!(keys(&summary["ledger"]), ["read", "used", "skipped"]);
    assert_eq!(summary["packets"], traffic.len());
    assert_eq!(summary["ledger"], serde_json::json!({"read": traffic.len(), "used": traffic.len(), "skipped": {}}));
    let matrix = &summary["matrices"][0];
    for key in ["path", "view", "window_ns", "rows", "features", "schema", "attack_rows"] {
        assert!(!matrix[key].is_null(), "{key}: {matrix}");
    }
    assert_eq!(
        (&matrix["path"], &matrix["view"], &matrix["window_ns"]),
        (&"m.parquet".into(), &"host".into(), &1_000_000_000.into())
    );
    assert_eq!(matrix["rows"], parquet(&folder, "m.parquet").height());

    let whole = folder.get("attack.pcap");
    folder.put("cut.pcap", &whole[..whole.len() - 10]);
    let cut = folder.run("extract cut.pcap -o m.parquet --json");
    assert_eq!(cut.code, Some(3));
    let used = traffic.len() - 1;
    let expected = serde_json::json!({"read": traffic.len(), "used": used, "skipped": {"cut_record": 1}});
    assert_eq!(cut.json()["ledger"], expected);
}

#[test]
fn several_views_are_extracted_at_once() {
    let folder = office();
    let views = ["network", "host", "pair", "flow"];
    let said = folder.done("extract attack.pcap -o m.parquet --window 1s --view flow,network,pair,host --json").json();
    let of = |view: &str, key: &str| {
        said["matrices"].as_array().unwrap().iter().find(|matrix| matrix["view"] == view).unwrap()[key].clone()
    };
    for view in views {
        folder.done(&format!("extract attack.pcap -o alone.parquet --window 1s --view {view}"));
        let name = format!("m.{view}.parquet");
        assert_eq!(folder.get(&name), folder.get("alone.parquet"), "{view}");
        let rows = parquet(&folder, &name).height();
        assert_eq!((of(view, "path"), of(view, "rows")), (name.into(), rows.into()));
        assert!(rows > 0 && of(view, "attack_rows").as_u64() > Some(0), "{view}");
    }
    assert!(!folder.names().contains(&"m.parquet".to_owned()));
    for view in ["host,network", "host,moon"] {
        assert_eq!(folder.run(&format!("train benign.pcap -o m.tw --view {view}")).code, Some(2));
        assert_eq!(folder.run(&format!("extract benign.pcap -o - --view {view}")).code, Some(2));
    }
}

#[test]
fn evaluate_as_json() {
    let folder = office();
    let figures = folder.done("evaluate model.tw attack.pcap --json").json();
    assert_eq!(
        keys(&figures),
        ["overall", "attacks", "members", "entities", "baselines", "ledger", "warnings", "drift"]
    );
    assert_eq!(keys(&figures["entities"]), ["10.0.0.1", "10.0.0.66"]);
    assert_eq!(keys(&figures["attacks"]), ["port-scan"]);
    assert_eq!(keys(&figures["members"]), ["tail"]);
    let groups = ["attacks", "members", "baselines"].map(|group| figures[group].as_object().unwrap().values());
    for figures in groups.into_iter().flatten().chain([&figures["overall"]]) {
        for key in FIGURES {
            assert!(figures.get(key).is_some(), "{key}: {figures}");
        }
        assert_eq!(keys(&figures["recall_at_alarms_per_day"]), ["1", "10"]);
        assert_eq!(keys(&figures["detection_delay_s"]), ["median", "p95"]);
    }
    assert!(keys(&figures["baselines"]).len() >= 2, "{figures}");
    let packets = Traffic::office(100, 30).scan(115).len();
    assert_eq!(figures["ledger"], serde_json::json!({"read": packets, "used": packets, "skipped": {}}));
    // Two hosts in one second; whatever a detector finds, it finds 200 ports.
    let overall = &figures["overall"];
    assert_eq!((&overall["positives"], &overall["recall"], &overall["roc_auc"]), (&2.into(), &1.0.into(), &1.0.into()));
    assert_eq!(overall["episodes_detected"], overall["episodes"]);

    folder.done("extract attack.pcap -o m.parquet --window 1s");
    let of_matrix = folder.done("evaluate model.tw m.parquet --json").json();
    let rows = &of_matrix["overall"]["rows"];
    assert_eq!(of_matrix["ledger"], serde_json::json!({"read": rows, "used": rows, "skipped": {}}));
    for part in ["overall", "attacks", "members", "baselines"] {
        assert_eq!(of_matrix[part], figures[part], "a capture and its matrix are judged alike: {part}");
    }
}

#[test]
fn an_alert_is_a_line_of_json() {
    let folder = office();
    let alerts = folder.done("score model.tw attack.pcap").json_lines();
    let entities: Vec<&str> = alerts.iter().map(|alert| alert["entity"].as_str().unwrap()).collect();
    assert_eq!(entities, ["10.0.0.1", "10.0.0.66"]);
    assert_ne!(alerts[0]["episode"], alerts[1]["episode"]);
    for alert in &alerts {
        let expected = [
            "time",
            "window_start_ns",
            "window_ns",
            "view",
            "entity",
            "score",
            "p_value",
            "threshold",
            "truth",
            "reasons",
            "episode",
        ];
        assert_eq!(keys(alert), expected);
        assert_eq!(alert["time"], "2023-11-14T22:15:55Z");
        assert_eq!((&alert["view"], &alert["truth"]), (&"host".into(), &"port-scan".into()));
        assert!(alert["score"].as_f64() >= alert["threshold"].as_f64(), "{alert}");
        let reasons = alert["reasons"].as_array().unwrap();
        assert!((1..=5).contains(&reasons.len()), "{alert}");
        for reason in reasons {
            assert_eq!(keys(reason), ["feature", "value", "benign", "share", "text"]);
            assert_eq!(reason["benign"].as_array().unwrap().len(), 2);
        }
        assert!(reasons.is_sorted_by(|a, b| a["share"].as_f64() >= b["share"].as_f64()), "{alert}");
    }
    std::fs::remove_file(folder.path("attack.labels.toml")).unwrap();
    let blind = folder.done("score model.tw attack.pcap").json_lines();
    assert_eq!(blind.len(), 2);
    assert!(blind.iter().all(|alert| alert.get("truth").is_none()), "there is no truth to tell");
}

#[test]
fn a_capture_stands_where_a_matrix_may() {
    let folder = office();
    for (name, capture) in [("b", "benign.pcap"), ("a", "attack.pcap")] {
        folder.done(&format!("extract {capture} -o {name}.parquet --window 1s"));
        folder.done(&format!("extract {capture} -o {name}.csv --window 1s"));
    }
    let expected = folder.done("score model.tw attack.pcap").out;
    for rows in ["b.parquet", "b.csv", "benign.pcap --window 1s"] {
        folder.done(&format!("train {rows} -o same.tw --model tail"));
        for scored in ["a.parquet", "a.csv", "attack.pcap"] {
            assert_eq!(folder.done(&format!("score same.tw {scored}")).out, expected, "{rows}, {scored}");
        }
    }
    // Side by side too.
    let said = folder.done("train b.parquet attack.pcap -o both.tw --model tail --window 1s");
    assert!(said.err.contains("left out 2 rows that are labelled as attacks"), "{}", said.err);
}

#[test]
fn a_model_selects_packets_as_its_training_did() {
    let folder = office();
    folder.done("train benign.pcap -o udp.tw --model tail --window 1s --filter udp");
    folder.done("extract attack.pcap -o udp.parquet --window 1s --filter udp");
    for (scored, scores) in [("udp.parquet", "a"), ("attack.pcap", "b"), ("attack.pcap --filter udp", "c")] {
        folder.run(&format!("score udp.tw {scored} -o {scores}.parquet"));
    }
    assert!(folder.get("a.parquet") == folder.get("b.parquet") && folder.get("a.parquet") == folder.get("c.parquet"));
    folder.done("score model.tw attack.pcap -o all.parquet");
    assert_ne!(parquet(&folder, "a.parquet").height(), parquet(&folder, "all.parquet").height());
}

#[test]
fn of_several_inputs_a_bad_one_is_told_and_the_others_are_used() {
    let folder = office();
    folder.put("bad.pcap", &pcap_header()[..9]);
    let lines = [
        "extract benign.pcap bad.pcap attack.pcap -o m.parquet --window 1s",
        "train bad.pcap benign.pcap -o m.tw --model tail --window 1s",
        "score model.tw bad.pcap attack.pcap",
        "evaluate model.tw attack.pcap bad.pcap",
    ];
    for line in lines {
        let said = folder.run(line);
        assert_eq!(said.code, Some(3), "{line}: {}", said.err);
        let errors: Vec<&str> = said.err.lines().filter(|line| line.starts_with("error: ")).collect();
        assert!(matches!(errors[..], [error] if error.starts_with("error: bad.pcap: ")), "{line}: {errors:?}");
    }
    let alone = folder.done("score model.tw attack.pcap").out;
    assert_eq!(folder.run("score model.tw bad.pcap attack.pcap").out, alone);
    let both = parquet(&folder, "m.parquet").height();
    let each = ["benign.pcap", "attack.pcap"].map(|capture| {
        folder.done(&format!("extract {capture} -o one.parquet --window 1s"));
        parquet(&folder, "one.parquet").height()
    });
    assert_eq!(both, each.iter().sum::<usize>());
}

/// Sixty ordinary rows and six strange ones, below a line of names.
fn table() -> String {
    let row = |i: usize| match i % 11 {
        10 => format!("{i},90000,{},gre,dos\n", i % 5),
        _ => format!("{i},{},{},{},normal\n", i * i % 97, i % 5, ["tcp", "udp"][i % 2]),
    };
    "id,bytes,port,proto,class\n".to_owned() + &(0..66).map(row).collect::<String>()
}

/// The same without that line.
fn bare_table() -> String {
    table().split_once('\n').unwrap().1.to_owned()
}

/// Trains on a table, scores it and judges the scores; the six strange rows are found.
fn whole_job(folder: &Folder, table: &str, training: &str, reading: &str, judging: &str) {
    let said = folder.done(&format!("train {table} -o t.tw --model tail --alarms-per-day 0.1 {training}"));
    assert!(said.err.contains("learned from 60 benign rows"), "{}", said.err);
    let alerts = folder.done(&format!("score t.tw {table} {reading} -o s.parquet")).json_lines();
    let strange: Vec<&str> = alerts.iter().map(|alert| alert["entity"].as_str().unwrap()).collect();
    assert_eq!(strange, ["row 11", "row 22", "row 33", "row 44", "row 55", "row 66"]);
    assert!(alerts.iter().all(|alert| alert["view"] == "table" && alert["time"].is_null()), "{}", alerts[0]);
    let texts = alerts[0]["reasons"].as_array().unwrap().iter().map(|reason| reason["text"].as_str().unwrap());
    assert_eq!(texts.filter(|text| text.ends_with(" is gre, which is rare")).count(), 1, "{}", alerts[0]);
    assert_eq!(parquet(folder, "s.parquet").height(), 66);
    let figures = folder.done(&format!("evaluate t.tw {table} {judging} --allow-overlap --json")).json();
    assert_eq!((&figures["overall"]["rows"], &figures["overall"]["positives"]), (&66.into(), &6.into()));
    assert_eq!(keys(&figures["attacks"]), ["dos"]);
    assert_eq!(figures["overall"]["f1"], 1.0);
}

#[test]
fn a_table_made_elsewhere_can_be_learned_scored_and_judged() {
    let folder = Folder::new();
    folder.put("table.csv", table());
    // The columns that a model does not know are left alone when it scores.
    let truth = "--label-column class";
    whole_job(&folder, "table.csv", &format!("{truth} --drop-column id"), "", truth);

    folder.put("bare.csv", bare_table());
    let truth = "--no-header --label-column column_5";
    whole_job(&folder, "bare.csv", &format!("{truth} --drop-column column_1"), "--no-header", truth);

    folder.put("german.csv", table().replace("normal", "harmlos"));
    let truth = "--label-column class --benign harmlos";
    whole_job(&folder, "german.csv", &format!("{truth} --drop-column id"), "", truth);
}

#[test]
fn a_table_made_elsewhere_may_be_parquet() {
    let folder = Folder::new();
    let text = bare_table();
    let field = |at: usize| -> Vec<&str> { text.lines().map(|line| line.split(',').nth(at).unwrap()).collect() };
    let numbers = |at: usize| -> Vec<i64> { field(at).iter().map(|number| number.parse().unwrap()).collect() };
    let columns: Vec<Column> = vec![
        Series::new("bytes".into(), numbers(1)).into(),
        Series::new("port".into(), numbers(2)).into(),
        Series::new("proto".into(), field(3)).into(),
        Series::new("class".into(), field(4)).into(),
    ];
    let mut frame = DataFrame::new(66, columns).unwrap();
    ParquetWriter::new(File::create(folder.path("table.parquet")).unwrap()).finish(&mut frame).unwrap();
    whole_job(&folder, "table.parquet", "--label-column class", "", "--label-column class");
}

#[test]
fn standard_input_is_scored() {
    let folder = office();
    let capture = folder.get("attack.pcap");
    let said = folder.run_with("score model.tw -", capture);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert_eq!(said.json_lines().len(), 2);
}

/// A command whose standard input is a pipe that the test writes to.
struct Fed(Child);

impl Fed {
    fn start(folder: &Folder, line: &str) -> Self {
        let mut command = folder.command(line);
        Self(command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// Whether it still reads.
    fn feed(&mut self, bytes: &[u8]) -> bool {
        self.0.stdin.as_mut().unwrap().write_all(bytes).is_ok()
    }

    fn end(mut self) -> Said {
        drop(self.0.stdin.take());
        self.0.wait_with_output().unwrap().into()
    }
}

#[test]
fn alerts_come_before_the_input_ends() {
    let folder = office();
    let (first, rest) = Traffic::office(100, 30).scan(115).split(120);
    let mut fed = Fed::start(&folder, "score model.tw -");
    assert!(fed.feed(&first.pcap()));
    let mut lines = BufReader::new(fed.0.stdout.take().unwrap()).lines();
    let (send, received) = mpsc::channel();
    let reader = std::thread::spawn(move || while lines.next().is_some_and(|line| send.send(line.unwrap()).is_ok()) {});
    // The patience of the test, not a promise: without alerts it would wait for ever.
    let alerts: Vec<String> = (0..2).map_while(|_| received.recv_timeout(Duration::from_secs(100)).ok()).collect();
    let still_reads = fed.feed(&rest.records());
    let said = fed.end();
    reader.join().unwrap();
    assert_eq!(alerts.len(), 2, "no alert before the end of the input: {}", said.err);
    assert!(still_reads, "it ended before its input: {}", said.err);
    let alert: Value = serde_json::from_str(&alerts[0]).unwrap();
    assert_eq!(alert["entity"], "10.0.0.1");
    assert_eq!(said.code, Some(0), "{}", said.err);
}

/// Sends Ctrl-C to a command.
#[cfg(unix)]
fn interrupt(child: &Child) {
    let sent = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// The next lines of a command's standard output. The patience is the test's, not a promise: without them it would wait for ever.
fn lines(receive: &mpsc::Receiver<String>, count: usize) -> Vec<Value> {
    let line = || receive.recv_timeout(Duration::from_secs(100)).ok();
    (0..count).map_while(|_| line()).map(|line| serde_json::from_str(&line).unwrap()).collect()
}

#[cfg(unix)]
#[test]
fn a_capture_is_followed_as_it_grows() {
    let folder = office();
    let traffic = || Traffic::office(100, 60).scan(115).scan(150);
    let (first, rest) = traffic().split(120);
    let (second, last) = rest.split(158);
    let first = first.pcap();
    // Cut inside a record's header, and inside a record.
    let (written, cut) = first.split_at(first.len() - 10);
    folder.put("growing.pcap", written);
    let mut command = folder.command("score model.tw growing.pcap --follow -o s.parquet");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
    let (send, receive) = mpsc::channel();
    let reader = std::thread::spawn(move || while out.next().is_some_and(|line| send.send(line.unwrap()).is_ok()) {});
    assert_eq!(lines(&receive, 2).len(), 2, "no alert while it grows");
    let mut growing = File::options().append(true).open(folder.path("growing.pcap")).unwrap();
    growing.write_all(cut).unwrap();
    let records = second.records();
    growing.write_all(&records[..records.len() - 100]).unwrap();
    let later = lines(&receive, 2);
    assert!(later.len() == 2 && later[0]["time"].as_str().unwrap().ends_with("22:16:30Z"), "{later:?}");
    growing.write_all(&records[records.len() - 100..]).unwrap();
    // Ctrl-C is how following ends, and no mishap; what is not there in full has not come yet.
    growing.write_all(&last.records()[..50]).unwrap();
    interrupt(&child);
    let said = Said::from(child.wait_with_output().unwrap());
    reader.join().unwrap();
    assert_eq!((said.code, said.err.contains("skipped: none")), (Some(0), true), "{}", said.err);
    assert!(parquet(&folder, "s.parquet").height() > 0);
}

#[cfg(unix)]
#[test]
fn a_capture_that_is_replaced_is_followed_to_its_end() {
    let folder = office();
    folder.done("extract attack.pcap -o whole.parquet --window 1s --labels attack.labels.toml");
    folder.put("growing.pcap", folder.get("attack.pcap"));
    folder.put("next.pcap", pcap_header());
    let line = "extract growing.pcap -o m.parquet --window 1s --labels attack.labels.toml --follow";
    let child = folder.command(line).stderr(Stdio::piped()).spawn().unwrap();
    // It has the file open once it reads the labels and has begun the matrix beside it.
    let begun = || folder.names().iter().any(|name| name.starts_with(".tidewatch-"));
    while !begun() {
        std::thread::sleep(Duration::from_millis(10));
    }
    std::thread::sleep(Duration::from_millis(500));
    std::fs::rename(folder.path("next.pcap"), folder.path("growing.pcap")).unwrap();
    let said = Said::from(child.wait_with_output().unwrap());
    assert_eq!(said.code, Some(3), "{}", said.err);
    assert!(said.err.contains("the file was replaced by another"), "{}", said.err);
    assert!(folder.get("m.parquet") == folder.get("whole.parquet"));
    let refused = folder.run("extract growing.pcap attack.pcap -o m.parquet --follow");
    assert_eq!(refused.code, Some(2), "{}", refused.err);
}

/// Sends Ctrl-C to a command that reads a capture without an end, and lets it end.
#[cfg(unix)]
fn interrupted(folder: &Folder, line: &str) -> Said {
    let mut fed = Fed::start(folder, line);
    let more = Traffic::office(0, 20).records();
    assert!(fed.feed(&pcap_header()));
    // More than a pipe holds: it is reading, and so it has begun to listen for Ctrl-C.
    assert!((0..8).all(|_| fed.feed(&more)));
    interrupt(&fed.0);
    // It ends by itself, which shows as a broken pipe; without Ctrl-C it would read all of this and more.
    let mut written = 0;
    while written < 1 << 30 && fed.feed(&more) {
        written += more.len();
    }
    let said = fed.end();
    assert!(written < 1 << 30, "it went on");
    said
}

#[cfg(unix)]
#[test]
fn an_interrupted_extract_leaves_nothing_behind() {
    let folder = Folder::new();
    let said = interrupted(&folder, "extract - -o m.parquet");
    assert_eq!(said.code, Some(1), "{}", said.err);
    assert_eq!(said.err, "error: cancelled: nothing was written\n");
    assert_eq!(folder.names(), [""; 0]);
}

#[cfg(unix)]
#[test]
fn an_interrupted_score_keeps_what_it_has_and_says_so() {
    let folder = office();
    let said = interrupted(&folder, "score model.tw - -o s.parquet");
    assert_eq!(said.code, Some(3), "{}", said.err);
    assert!(said.err.contains("warning: interrupted"), "{}", said.err);
    assert!(parquet(&folder, "s.parquet").height() > 0);
}

#[test]
fn nobody_needs_to_read_to_the_end() {
    let folder = office();
    for line in
        ["extract attack.pcap -o - --window 100ms", "score model.tw attack.pcap", "features", "inspect attack.pcap"]
    {
        let mut command = folder.command(line);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let said = Said::from(child.wait_with_output().unwrap());
        assert!(!said.err.contains("error"), "{line}: {}", said.err);
        assert_eq!(said.code, Some(0), "{line}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_device_is_written_to_and_stays_one() {
    use std::os::unix::fs::FileTypeExt;
    let folder = office();
    for line in ["extract benign.pcap -o /dev/full", "train benign.pcap -o /dev/full --model tail --window 1s"] {
        let said = folder.run(line);
        assert_eq!(said.code, Some(1));
        assert!(said.err.contains("error: /dev/full: no space left on the disk; hint: "), "{}", said.err);
    }
    let pipe = folder.path("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || std::fs::read(pipe).unwrap()
    });
    folder.done("extract benign.pcap -o pipe");
    folder.done("extract benign.pcap -o m.parquet");
    assert_eq!(reader.join().unwrap(), folder.get("m.parquet"));
    assert!(pipe.metadata().unwrap().file_type().is_fifo());
}
