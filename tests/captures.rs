//! Which packets are read: several captures as one, folders, filters, tunnels.

mod common;

use common::Folder;
use common::traffic::{Traffic, gzip};

const OPTIONS: &str = "--window 30s -o";

/// A scan in the second minute of two, cut in the middle of a window.
fn cut_in_two(folder: &Folder) {
    let day = || Traffic::office(0, 120).scan(70);
    let (first, second) = day().split(75);
    folder.put("whole.pcap", day().pcap());
    folder.put("first.pcap", first.pcap());
    folder.put("second.pcap.gz", gzip(&second.pcap()));
    for name in ["whole", "first", "second"] {
        folder.put(&format!("{name}.labels.toml"), "[[rule]]\nattack = \"port-scan\"\nsrc_port = 60000\n");
    }
}

#[test]
fn a_window_across_two_files_is_whole() {
    let folder = Folder::new();
    cut_in_two(&folder);
    folder.done(&format!("extract whole.pcap {OPTIONS} whole.csv"));
    folder.done(&format!("extract first.pcap second.pcap.gz {OPTIONS} parts.csv"));
    folder.done(&format!("extract second.pcap.gz first.pcap {OPTIONS} turned.csv"));
    assert!(String::from_utf8(folder.get("whole.csv")).unwrap().contains("port-scan"));
    assert!(folder.get("whole.csv") == folder.get("parts.csv"), "first, second");
    assert!(folder.get("whole.csv") == folder.get("turned.csv"), "second, first");
}

#[test]
fn captures_that_are_apart_give_the_rows_of_each() {
    let folder = Folder::new();
    folder.put("a.pcap", Traffic::office(0, 60).pcap());
    folder.put("b.pcap", Traffic::office(600, 60).pcap());
    for name in ["a", "b"] {
        folder.done(&format!("extract {name}.pcap {OPTIONS} {name}.csv"));
    }
    let said = folder.done(&format!("extract a.pcap b.pcap {OPTIONS} both.csv --json"));
    let rows = |name: &str| {
        String::from_utf8(folder.get(name)).unwrap().lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(rows("both.csv"), [rows("a.csv"), rows("b.csv")].concat());
    let ledger = &said.json()["ledger"];
    assert_eq!(ledger["read"], ledger["used"]);
}

#[test]
fn each_file_keeps_its_own_truth_and_numbers() {
    let folder = Folder::new();
    cut_in_two(&folder);
    let (first, _) = Traffic::office(0, 120).scan(70).split(75);
    folder.put("first.csv", format!("{};odd\n", first.len()));
    folder.put("first.labels.toml", "[[rule]]\nattack = \"odd\"\npackets = \"first.csv\"\n");
    folder.put("second.labels.toml", "[[rule]]\nattack = \"flood\"\npackets = \"second.csv\"\n");
    folder.put("second.csv", "1;flood\n2;flood\n");
    folder.done(&format!("extract first.pcap second.pcap.gz --view network {OPTIONS} m.csv"));
    let table = String::from_utf8(folder.get("m.csv")).unwrap();
    let attacks: Vec<&str> = table.lines().skip(1).map(|line| line.rsplit(',').nth(1).unwrap()).collect();
    assert_eq!(attacks, ["", "", "flood", ""]);
    assert!(table.lines().nth(3).unwrap().ends_with(",3"), "three attack packets of two files in one window: {table}");
}

#[test]
fn a_folder_stands_for_the_captures_in_it() {
    let folder = Folder::new();
    cut_in_two(&folder);
    std::fs::create_dir_all(folder.path("day/deeper")).unwrap();
    for name in ["first.pcap", "second.pcap.gz", "first.labels.toml", "second.labels.toml"] {
        std::fs::rename(folder.path(name), folder.path("day").join(name)).unwrap();
    }
    folder.put("day/notes.txt", "nothing to see\n");
    folder.done(&format!("extract whole.pcap {OPTIONS} whole.csv"));
    let said = folder.done(&format!("extract day {OPTIONS} day.csv"));
    assert!(said.err.contains("day: passed over what is no capture: first.labels.toml and 2 more"), "{}", said.err);
    assert!(folder.get("whole.csv") == folder.get("day.csv"));

    let said = folder.run(&format!("extract day/deeper {OPTIONS} x.csv"));
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("day/deeper: there is no capture in this folder; hint: "), "{}", said.err);
}

#[test]
fn what_the_filter_leaves_out_is_told_and_is_no_loss() {
    let folder = Folder::new();
    cut_in_two(&folder);
    let mut command = folder.command("extract whole.pcap -o m.csv --json");
    let said: common::Said = command.args(["--filter", "port 60000"]).output().unwrap().into();
    assert_eq!(said.code, Some(0), "{}", said.err);
    let ledger = &said.json()["ledger"];
    assert_eq!(ledger["used"], 400);
    assert_eq!(ledger["skipped"]["filtered"], ledger["read"].as_u64().unwrap() - 400);

    let mut command = folder.command("extract whole.pcap -o m.csv");
    let said: common::Said = command.args(["--filter", "tcp prot 80"]).output().unwrap().into();
    assert_eq!(said.code, Some(2));
    assert!(
        said.err.contains("--filter: 'and' or 'or' is missing before 'prot' (at character 5 of 'tcp prot 80')"),
        "{}",
        said.err
    );
}

#[test]
fn what_is_wrong_with_headers_is_told_by_reason() {
    let folder = Folder::new();
    let traffic = Traffic::office(0, 10);
    let mut bytes = traffic.pcap();
    // Of the first frame, the IP header: behind those of the file, of the record and of Ethernet.
    const IP: usize = 24 + 16 + 14;
    for (name, at, byte, flaw) in [
        ("version", IP, 0x65, "ip_version"),
        ("header", IP, 0x44, "ip_header_length"),
        ("long", IP + 2, 0x40, "ip_too_long"),
        ("short", IP + 3, 19, "ip_too_short"),
    ] {
        let (whole, file) = (bytes[at], format!("{name}.pcap"));
        bytes[at] = byte;
        folder.put(&file, &bytes);
        bytes[at] = whole;
        let expected =
            serde_json::json!({"read": traffic.len(), "used": traffic.len(), "skipped": {}, "flaws": {flaw: 1}});
        for command in [format!("inspect --json {file}"), format!("extract --json {file} {OPTIONS} m.csv")] {
            assert_eq!(folder.done(&command).json()["ledger"], expected, "{command}");
        }
        let told = folder.done(&format!("extract {file} {OPTIONS} m.csv")).err;
        assert!(told.contains(&format!(" used, skipped: none; headers: {flaw} 1\n")), "{told}");
    }
    folder.put("sane.pcap", bytes);
    assert!(!folder.done(&format!("extract sane.pcap {OPTIONS} m.csv")).err.contains("headers"));
}

#[test]
fn inspect_tells_of_every_file_and_of_those_in_a_folder() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("days")).unwrap();
    for (name, from) in [("days/a.pcap", 0), ("days/b.pcap", 60), ("c.pcap", 0)] {
        folder.put(name, Traffic::office(from, 10).pcap());
    }
    folder.put("bad.pcap", "nothing");

    let said = folder.run("inspect --json c.pcap bad.pcap days");
    assert_eq!(said.code, Some(3), "{}", said.err);
    assert!(said.err.starts_with("error: bad.pcap: "), "{}", said.err);
    let told = serde_json::Deserializer::from_str(&said.out).into_iter::<serde_json::Value>();
    let told: Vec<serde_json::Value> = told.map(Result::unwrap).collect();
    assert_eq!(told.iter().map(|file| &file["file"]).collect::<Vec<_>>(), ["c.pcap", "days/a.pcap", "days/b.pcap"]);
    for (file, from) in told.iter().zip([0, 0, 60]) {
        let packets = Some(Traffic::office(from, 10).len() as u64);
        assert_eq!((file["packets"].as_u64(), file["protocols"]["ipv4"].as_u64()), (packets, packets));
    }
    assert_eq!(folder.run("inspect bad.pcap missing.pcap").code, Some(1));
    let text = folder.done("inspect days").out;
    assert_eq!(text.split("\n\n").count(), 2, "{text}");
}
