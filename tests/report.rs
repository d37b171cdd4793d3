//! Scores that are there already, of tidewatch or of another detector, judged without the model.

mod common;

use common::labelled_office;
use serde_json::Value;

#[test]
fn scores_have_the_figures_of_the_evaluation_that_made_them() {
    let folder = labelled_office();
    let whole = folder.done("evaluate model.tw attack.pcap --json").json();
    folder.done("score model.tw attack.pcap -o scores.parquet");
    let judged = folder.done("report scores.parquet --json -o page.html").json();
    let without_threshold = |value: &Value, part: &str| {
        let mut part = value[part].clone();
        part.as_object_mut().unwrap().remove("threshold");
        part
    };
    assert_eq!(without_threshold(&judged, "overall"), without_threshold(&whole, "overall"));
    assert_eq!(judged["entities"], whole["entities"]);
    let threshold = |value: &Value| value["overall"]["threshold"].as_f64().unwrap();
    assert!(threshold(&judged) >= threshold(&whole), "the lowest score that alerts");
    assert_eq!(judged["baselines"].as_object().unwrap().len(), 2, "what needs no features");
    let page = String::from_utf8(folder.get("page.html")).unwrap();
    assert!(page.contains("Scores of scores.parquet") && page.contains("port-scan"));
    assert!(!page.contains("What stood out") && !page.contains(">Why<"), "no reasons are known");
}

#[test]
fn another_detectors_table_is_judged_too() {
    let folder = labelled_office();
    let rows: String = (0..100)
        .map(|second| {
            let (label, score) = if second % 25 == 20 { ("scan", 5 + second) } else { ("normal", second % 7) };
            format!("{},10.0.0.{},{label},{score}\n", 1_700_000_000 + second, second % 3)
        })
        .collect();
    folder.put("theirs.csv", format!("when,entity,what,oddness\n{rows}"));
    let line = "report theirs.csv --score-column oddness --label-column what --time-column when --threshold 30 --json";
    let judged = folder.done(line).json();
    let overall = &judged["overall"];
    assert_eq!((overall["pr_auc"].as_f64(), overall["episodes"].as_u64()), (Some(1.0), Some(4)));
    assert_eq!(overall["episodes_detected"], 3, "the first has a score of 25");
    let entities: Vec<&String> = judged["entities"].as_object().unwrap().keys().collect();
    assert_eq!(entities, ["10.0.0.0", "10.0.0.1", "10.0.0.2"]);
}

#[test]
fn what_cannot_be_judged_is_told() {
    let folder = labelled_office();
    folder.done("extract attack.pcap -o matrix.parquet --window 1s");
    folder.done("score model.tw benign.pcap -o unlabelled.parquet");
    folder.put("two.csv", "label,score,alert\nnormal,3,0\nscan,2,1\nscan,4,1\n");
    folder.put("hole.csv", "label,score,alert\nnormal,,0\nscan,2,1\n");
    for (line, code, told) in [
        (
            "report matrix.parquet",
            1,
            "matrix.parquet: there is no column 'score' of scores; hint: name it with --score-column",
        ),
        (
            "report unlabelled.parquet",
            1,
            "unlabelled.parquet: there is no ground truth to judge by; hint: name the --label-column",
        ),
        (
            "report two.csv --label-column label",
            1,
            "alerts: no one threshold makes these alerts: row 1 has a score of 3 and is none",
        ),
        ("report hole.csv --label-column label", 1, "hole.csv: the column 'score' holds no number (row 1)"),
        ("report two.csv --label-column label --score-column alert --threshold nan", 2, "threshold: not a number"),
        ("report two.csv -o two.csv", 2, "--output: two.csv is an input"),
        ("report model.tw", 1, "model.tw: "),
        ("report gone.parquet", 1, "gone.parquet: no such file"),
    ] {
        let said = folder.run(line);
        assert!(said.err.contains(told), "{line}: {}", said.err);
        assert_eq!(said.code, Some(code), "{line}: {}", said.err);
    }
    folder.put("plain.csv", "label,score\nnormal,3\nscan,2\n");
    let said = folder.run("report plain.csv --label-column label");
    assert_eq!(said.code, Some(2), "{}", said.err);
    assert!(said.err.contains("--threshold: no column says what is an alert"), "{}", said.err);
}
