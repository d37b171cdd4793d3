//! Every benchmark's manifest on a made file of its form, and what is said of files that are missing or too easy.

mod common;

use common::Folder;
use common::traffic::{LABELS, Traffic};
use serde_json::json;

/// The second of the scan, 22:15:55 UTC on 14 November 2023.
const SCAN_S: i64 = 1_700_000_155;

/// Half a minute of an office with a scan of 200 ports, whose scanner has one of the MAC addresses that QUT's rules name.
fn scanned() -> Vec<u8> {
    let mut capture = Traffic::office(100, 30).scan(115).pcap();
    let (made, theirs) = ([2, 0, 0, 0, 0, 66], [0x00, 0x10, 0x18, 0xcb, 0x8c, 0x13]);
    for at in 0..capture.len() - 6 {
        if capture[at..at + 6] == made {
            capture[at..at + 6].copy_from_slice(&theirs);
        }
    }
    capture
}

/// A table with a line for each of the scan's flows, and some for benign ones.
fn flows(header: &str, attack: impl Fn(u16) -> String, benign: &str) -> String {
    let attacks: String = (1..=200).map(|port| attack(port) + "\n").collect();
    format!("{header}{benign}\n{attacks}{benign}\n")
}

fn cic(time: &str) -> String {
    let header = "Flow ID, Source IP, Source Port, Destination IP, Destination Port, Protocol, Timestamp, Flow Duration, Label\n";
    let line = |port: u16| format!("x,10.0.0.66,60000,10.0.0.1,{port},6,{time},50,PortScan");
    flows(header, line, &format!("x,10.0.0.10,50100,10.0.0.1,443,6,{time},90200,BENIGN"))
}

fn unsw() -> String {
    let line = |host: &str, from: &str, to: &str, name: &str, label: &str| {
        let mut fields = vec!["0"; 49];
        let start = SCAN_S.to_string();
        (fields[0], fields[1], fields[2], fields[3], fields[4]) = (host, from, "10.0.0.1", to, "tcp");
        (fields[6], fields[28], fields[29], fields[47], fields[48]) = ("0.00005", &start, &start, name, label);
        fields.join(",")
    };
    let attack = |port: u16| line("10.0.0.66", "60000", &format!("0x{port:04x}"), " Reconnaissance ", "1");
    flows("", attack, &line("10.0.0.10", "50100", "443", "", "0"))
}

fn zeek() -> String {
    let header = "#separator \\x09\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tduration\ttunnel_parents   label   detailed-label\n#types\ttime\tstring\n";
    let line = |host: &str, from: u16, port: u16, label: &str| {
        format!("{SCAN_S}.0\tC1\t{host}\t{from}\t10.0.0.1\t{port}\ttcp\t0.5\t{label}")
    };
    let attack = |port| line("10.0.0.66", 60_000, port, "(empty)   Malicious   PartOfAHorizontalPortScan");
    flows(header, attack, &line("10.0.0.10", 50_100, 443, "(empty)   Benign   -")) + "#close\t2023\n"
}

fn binetflow() -> String {
    let header =
        "StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,sTos,dTos,TotPkts,TotBytes,SrcBytes,Label\n";
    let line = |host: &str, from: u16, port: u16, label: &str| {
        format!("2023/11/15 00:15:55.000000,0.5,tcp,{host},{from},   ->,10.0.0.1,{port},S_RA,0,0,2,120,60,flow={label}")
    };
    let attack = |port| line("10.0.0.66", 60_000, port, "From-Botnet-V42-TCP-Attempt");
    flows(header, attack, &line("10.0.0.10", 50_100, 443, "Background-TCP-Established"))
}

fn ton() -> String {
    let header = "ts,src_ip,src_port,dst_ip,dst_port,proto,service,duration,label,type\n";
    let line = |host: &str, from: u16, port: u16, label: &str| {
        format!("{SCAN_S},{host},{from},10.0.0.1,{port},tcp,-,0.5,{label}")
    };
    flows(header, |port| line("10.0.0.66", 60_000, port, "1,scanning"), &line("10.0.0.10", 50_100, 443, "0,normal"))
}

fn mawilab() -> String {
    "anomalyID, srcIP, srcPort, dstIP, dstPort, taxonomy, heuristic, distance, nbDetectors, label\n\
     1,10.0.0.66,,10.0.0.1,,ntscSYN,1,2,4,anomalous\n\
     2,10.0.0.10,,,,unk,1,2,1,suspicious\n"
        .to_owned()
}

fn intervals() -> String {
    format!("start_epoch_s,end_epoch_s,attack\n{SCAN_S},{}.5,port-scan\n", SCAN_S)
}

/// A label a packet, as Kitsune has them.
fn packets() -> String {
    let scanned = Traffic::office(100, 30).scan(115);
    let before = Traffic::office(100, 15).len();
    let lines = (1..=scanned.len()).map(|number| {
        // The scan's packets are among those of its second: all of these are named.
        let attack = number > before && number <= before + 400;
        format!("\"{number}\",\"{}\"\n", u8::from(attack))
    });
    "\"\",\"x\"\n".to_owned() + &lines.collect::<String>()
}

/// What stands in a table of a benchmark, and how its attack is called.
fn table(dataset: &str, name: &str) -> String {
    match dataset {
        "cic-ids2017" => cic("14/11/2023 07:15:55 PM"),
        "cic-ddos2019" => cic("2023-11-14 18:15:55.000000"),
        "unsw-nb15" => unsw(),
        "iot-23" => zeek(),
        "ctu-13" => binetflow(),
        "ton-iot" => ton(),
        "mawilab" => mawilab(),
        "kitsune" => packets(),
        _ if name.ends_with("intervals.csv") => intervals(),
        _ => panic!("{dataset} has a table {name} of no known form"),
    }
}

#[test]
fn every_manifest_makes_labelled_matrices_of_files_of_its_form() {
    let folder = Folder::new();
    let all = folder.done("datasets list --json").json();
    let capture = scanned();
    for dataset in all.as_array().unwrap() {
        let name = dataset["name"].as_str().unwrap();
        let mut captures = Vec::new();
        for file in dataset["file"].as_array().unwrap() {
            let path = file["name"].as_str().unwrap();
            std::fs::create_dir_all(folder.path(&format!("{name}/{path}")).parent().unwrap()).unwrap();
            if let Some(labels) = file["labels"].as_str() {
                folder.put(&format!("{name}/{path}"), &capture);
                captures.push((path, labels));
            } else {
                folder.put(&format!("{name}/{path}"), table(name, path));
            }
        }
        let said = folder.done(&format!("datasets prepare {name} --window 1s -o {name}-matrices"));
        assert!(said.err.contains("known flaws of"), "{name}: {}", said.err);
        let matrices: Vec<String> = std::fs::read_dir(folder.path(&format!("{name}-matrices")))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert_eq!(matrices.len(), captures.len(), "{name}: a matrix a capture");
        for (path, labels) in captures {
            let stem = path.replace(['/', ' '], "-");
            let stem = stem.trim_end_matches(".gz").trim_end_matches(".pcapng").trim_end_matches(".pcap");
            let inspected = folder.done(&format!("inspect {name}-matrices/{stem}.parquet --json")).json();
            let attack_rows = &inspected["attack rows"];
            if labels == "rule = []" {
                assert_eq!(attack_rows, &json!({}), "{name}, {path}");
                continue;
            }
            let attacks = attack_rows.as_object().unwrap();
            assert_eq!(attacks.len(), 1, "{name}, {path}: {attacks:?}");
            let (attack, rows) = attacks.iter().next().unwrap();
            // The scanner and its victim; where only time or numbers of packets tell, also those who speak meanwhile.
            let expected = if matches!(name, "kitsune" | "qut-s7") { 2..=15 } else { 2..=2 };
            assert!(expected.contains(&rows.as_u64().unwrap()), "{name}, {path}: {attacks:?}");
            let known = match name {
                "cic-ids2017" | "cic-ddos2019" => "PortScan",
                "unsw-nb15" => "Reconnaissance",
                "iot-23" => "PartOfAHorizontalPortScan",
                "ctu-13" => "botnet",
                "ton-iot" => "scanning",
                "mawilab" => "ntscSYN",
                "kitsune" => attack,
                _ => "port-scan",
            };
            assert_eq!(attack, known, "{name}, {path}");
        }
    }
}

#[test]
fn files_that_are_missing_are_told_with_where_to_get_them() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("d")).unwrap();
    let said = folder.run("datasets prepare d");
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("holds no file of a known dataset") && said.err.contains("--dataset"), "{}", said.err);

    let said = folder.run("datasets prepare d --dataset qut-dnp3 --only attacks-frequent.pcap.gz");
    assert_eq!(said.code, Some(1));
    for told in
        ["attacks-frequent.pcap.gz is missing: get it from https://", "attacks-frequent.intervals.csv is missing"]
    {
        assert!(said.err.contains(told), "{told}: {}", said.err);
    }
    assert!(said.err.contains("2 of the 2 files of qut-dnp3 are not here"), "{}", said.err);
    assert!(!said.err.contains("flooding"), "what is not wanted is not asked for: {}", said.err);

    assert_eq!(folder.run("datasets prepare d --dataset kddcup").code, Some(2));
    assert_eq!(folder.run("datasets prepare d --dataset qut-dnp3 --only monday.pcap").code, Some(2));
}

#[test]
fn ground_truth_that_somebody_wrote_is_kept() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("d")).unwrap();
    folder.put("d/control-frequent.pcap.gz", scanned());
    folder.put("d/control-frequent.pcap.gz.labels.toml", LABELS);
    let said = folder.done("datasets prepare d --only control-frequent.pcap.gz --window 1s");
    assert!(said.err.contains("is not as the manifest has it, and is kept"), "{}", said.err);
    assert_eq!(folder.get("d/control-frequent.pcap.gz.labels.toml"), LABELS.as_bytes());
}

#[test]
fn flows_that_cannot_be_read_are_told_with_their_line() {
    let folder = Folder::new();
    folder.put("a.pcap", scanned());
    folder.put("l.toml", "[[rule]]\nflows = \"f.csv\"\nslack = \"1s\"\n");
    let refused = |table: &str| {
        folder.put("f.csv", table);
        let said = folder.run("extract a.pcap -o m.parquet --labels l.toml");
        assert_eq!(said.code, Some(1), "{table}: {}", said.err);
        said.err
    };
    let header = "src_ip,src_port,dst_ip,dst_port,proto,ts,duration,label\n";
    assert!(refused("a,b\n1,2\n").contains("no columns of source and destination addresses"));
    assert!(
        refused(&format!("{header}10.0.0.300,1,10.0.0.1,2,tcp,1,1,scan\n"))
            .contains("`10.0.0.300` is no address (line 2)")
    );
    assert!(
        refused(&format!("{header}10.0.0.3,70000,10.0.0.1,2,tcp,1,1,scan\n")).contains("`70000` is no port (line 2)")
    );
    assert!(
        refused(&format!("{header}10.0.0.3,7,10.0.0.1,2,tcp,noon,1,scan\n")).contains("`noon` is no time (line 2)")
    );
    folder.put("l.toml", "[[rule]]\nattack = \"x\"\nwhole_file = true\nbenign = \"y\"\n");
    assert!(folder.run("extract a.pcap -o m.parquet --labels l.toml").err.contains("`benign` without `flows`"));
}

#[test]
fn an_audit_tells_what_is_too_easy() {
    let folder = Folder::new();
    folder.put("good.pcap", Traffic::office(0, 120).scan(60).pcap());
    folder.put("good.labels.toml", LABELS);
    // Half of it, twice: what a mirror port of both directions makes. The attack is all there is in the end.
    let twice = Traffic::office(200, 30).pcap();
    let mut doubled = twice[..24].to_vec();
    let mut rest = &twice[24..];
    while !rest.is_empty() {
        let size = 16 + u32::from_le_bytes(rest[8..12].try_into().unwrap()) as usize;
        doubled.extend_from_slice(&rest[..size]);
        doubled.extend_from_slice(&rest[..size]);
        rest = &rest[size..];
    }
    folder.put("doubled.pcap", doubled);
    folder.put("doubled.labels.toml", "[[rule]]\nattack = \"late\"\nstart = 1700000255\nproto = \"udp\"\n");
    folder.put("copy.pcap", Traffic::office(0, 120).scan(60).pcapng());

    let audits = folder.done("datasets audit good.pcap doubled.pcap copy.pcap --window 1s --json").json();
    let findings = |at: usize| audits[at]["findings"].to_string();
    assert!(!findings(0).contains("step"), "{}", findings(0));
    assert!(findings(1).contains("are equal to one of at most 10 ms before"), "{}", findings(1));
    assert!(findings(1).contains("the labels are a step"), "{}", findings(1));
    assert!(findings(2).contains("there is no ground truth"), "{}", findings(2));
    assert!(
        findings(2).contains("beside good.pcap: 2 minutes of the test lie in the time of the training"),
        "{}",
        findings(2)
    );
    assert!(!findings(2).contains("beside doubled.pcap"), "{}", findings(2));
    let said = folder.done("datasets audit doubled.pcap --window 1s").out;
    assert!(said.starts_with("doubled.pcap: ") && said.contains("  - the labels are a step"), "{said}");
}

#[test]
fn benchmarks_are_listed_and_shown() {
    let folder = Folder::new();
    let list = folder.done("datasets list").out;
    assert!(list.lines().count() >= 10 && list.contains("cic-ids2017   CIC-IDS2017, corrected labels"), "{list}");
    let shown = folder.done("datasets show kitsune").out;
    for told in [
        "source   https://",
        "licence  ",
        "known flaws",
        "the labels are a step",
        "| packets = ",
        "prepare DIR --dataset kitsune",
    ] {
        assert!(shown.contains(told), "{told}: {shown}");
    }
    let said = folder.run("datasets show kdd");
    assert!(said.code == Some(2) && said.err.contains("it is one of cic-ddos2019"), "{}", said.err);
}
