//! An experiment: one table, and the same bytes whether it ran through, was killed, or runs again.

mod common;

use std::thread::sleep;
use std::time::{Duration, Instant};

use common::Folder;
use common::traffic::{LABELS, Traffic};

const EXPERIMENT: &str = r#"
name = "An office"
windows = ["1s"]
models = ["tail", "iforest"]
seeds = [0, 1]

[[dataset]]
name = "two captures"
train = ["benign.pcap"]
test = ["attack.pcap"]
views = ["host", "network"]

[[dataset]]
name = "split"
train = ["attack.pcap"]
split = 0.5

[[dataset]]
name = "composed"
[dataset.compose]
background = "devices"
hours = 0.1
times = 2
[[dataset.compose.attack]]
name = "flood"
capture = "scan.pcap"
at = "3m"
"#;

fn office() -> Folder {
    let folder = Folder::new();
    folder.put("benign.pcap", Traffic::office(0, 90).pcap());
    folder.put("attack.pcap", Traffic::office(100, 120).scan(190).scan(205).pcap());
    folder.put("attack.labels.toml", LABELS);
    folder.put("scan.pcap", Traffic::default().scan(0).pcap());
    std::fs::create_dir(folder.path("devices")).unwrap();
    for device in 0..6 {
        folder.put(&format!("devices/{device}.pcap"), Traffic::office(1_000 * device, 60).pcap());
    }
    folder.put("e.toml", EXPERIMENT);
    folder
}

const RESULTS: [&str; 3] = ["results.csv", "results.md", "results.json"];

fn results(folder: &Folder, output: &str) -> [Vec<u8>; 3] {
    RESULTS.map(|name| folder.get(&format!("{output}/{name}")))
}

#[test]
fn an_experiment_becomes_one_table() {
    let folder = office();
    let lines = folder.done("bench e.toml -o out --json").json();
    let lines = lines.as_array().unwrap();
    // Two views of one dataset, one of the two others; two models with two seeds each.
    assert_eq!(lines.len(), 4 * 4);
    for line in lines {
        assert!(line["error"].is_null(), "{line}");
        assert!(line["pr_auc"].as_f64() > line["prevalence"].as_f64(), "{line}");
        assert!(line["packet_count_pr_auc"].is_f64() && line["best_single_feature"].is_string(), "{line}");
    }
    let composed = lines.iter().find(|line| line["dataset"] == "composed").unwrap();
    assert!(composed["episodes"].as_u64() == Some(1) && composed["rows"].as_u64() > Some(100), "{composed}");
    let table = String::from_utf8(folder.get("out/results.md")).unwrap();
    assert!(table.starts_with("# An office\n") && table.lines().count() == 6 + 16, "{table}");
    let csv = String::from_utf8(folder.get("out/results.csv")).unwrap();
    assert!(csv.starts_with("dataset,view,window,model,seed,") && csv.lines().count() == 17, "{csv}");

    let before = results(&folder, "out");
    let again = folder.done("bench e.toml -o out");
    assert!(!again.err.contains("PR-AUC"), "nothing is made again: {}", again.err);
    assert!(results(&folder, "out") == before);
    folder.done("bench e.toml -o other");
    assert!(results(&folder, "other") == before, "another folder, the same bytes");

    // Other ground truth is another matrix.
    folder.put("attack.labels.toml", LABELS.replace("port-scan", "sweep"));
    assert!(folder.done("bench e.toml -o out").err.contains("PR-AUC"), "what has changed is made again");
}

#[test]
fn a_killed_run_resumes_and_ends_with_the_same_bytes() {
    let folder = office();
    folder.done("bench e.toml -o whole");
    let mut killed = folder.command("bench e.toml -o killed").spawn().unwrap();
    let begun = Instant::now();
    let evaluations = || {
        let entries = std::fs::read_dir(folder.path("killed/cache")).into_iter().flatten().flatten();
        entries.filter(|entry| entry.path().extension().is_some_and(|ending| ending == "json")).count()
    };
    while evaluations() < 3 && begun.elapsed() < Duration::from_secs(120) && killed.try_wait().unwrap().is_none() {
        sleep(Duration::from_millis(5));
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert!(!folder.path("killed/results.csv").exists(), "it was killed before it was done");
    let done = evaluations();
    let said = folder.done("bench e.toml -o killed");
    assert_eq!(said.err.matches(": PR-AUC ").count(), 16 - done, "the others are not made again: {}", said.err);
    assert!(results(&folder, "killed") == results(&folder, "whole"));
}

#[test]
fn what_cannot_be_judged_is_told_in_its_line() {
    let folder = office();
    let experiment = "name = \"x\"\nwindows = [\"1s\"]\nmodels = [\"tail\"]\n[[dataset]]\nname = \"same\"\ntrain = [\"attack.pcap\"]\n\
                      test = [\"attack.pcap\"]\n[[dataset]]\nname = \"good\"\ntrain = [\"benign.pcap\"]\ntest = [\"attack.pcap\"]\n";
    folder.put("e.toml", experiment);
    let said = folder.run("bench e.toml -o out");
    assert_eq!(said.code, Some(3), "{}", said.err);
    assert!(said.out.contains("| same | host | 1s | tail | 0 | failed: is no test of this model"), "{}", said.out);

    for (wrong, told) in [
        ("train = [\"attack.pcap\"]\ntest", "it takes either train and test, or train and split, or compose"),
        ("name = \"good\"", "another has its name"),
        ("tail", "there is no model 'tall'"),
        ("windows", "unknown field `window`"),
    ] {
        let changed = match wrong {
            "tail" => experiment.replace("tail", "tall"),
            "windows" => experiment.replace("windows", "window"),
            "name = \"good\"" => experiment.replace("good", "same"),
            _ => experiment.replacen("test = [\"attack.pcap\"]\n", "", 1),
        };
        folder.put("e.toml", changed);
        let said = folder.run("bench e.toml -o out2");
        assert_eq!(said.code, Some(2), "{told}: {}", said.err);
        assert!(said.err.contains(told), "{told}: {}", said.err);
    }
}
