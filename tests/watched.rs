//! What stands around a watch: sinks, evidence, muting, metrics, other models while it goes on, and its sudden death.

mod common;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::process::{Command, Stdio};
use std::time::Duration;

use common::running::{Running, address, get};
use common::traffic::Traffic;
use common::{Folder, office};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tidewatch::artifact;

fn lines(text: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(text).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

/// The value of a metric of which there is one.
fn metric(page: &str, name: &str) -> f64 {
    let line = page.lines().find(|line| line.starts_with(&format!("tidewatch_{name} "))).unwrap();
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

/// The page of metrics, once this one is not 0.
fn metrics(address: &str, name: &str) -> String {
    loop {
        let page = get(address, "/metrics", "");
        if metric(&page, name) > 0.0 {
            return page;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn every_sink_gets_every_notice_in_its_own_words() {
    let folder = office(5, 102);
    let syslog = UdpSocket::bind("127.0.0.1:0").unwrap();
    let webhook = TcpListener::bind("127.0.0.1:0").unwrap();
    let (to_syslog, to_webhook) = (syslog.local_addr().unwrap(), webhook.local_addr().unwrap());
    // Takes each message at its second try.
    let taken = std::thread::spawn(move || {
        let (mut taken, mut tries) = (Vec::new(), 0);
        for stream in webhook.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut head, mut length) = (String::new(), 0);
            while !head.ends_with("\r\n\r\n") {
                let mut line = String::new();
                assert!(reader.read_line(&mut line).unwrap() > 0);
                let field = line.to_lowercase();
                if let Some(value) = field.strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                head += &line;
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            tries += 1;
            let code = if tries % 2 == 1 { "503 Busy" } else { "200 OK" };
            write!(stream, "HTTP/1.1 {code}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
            if tries % 2 == 0 {
                taken.push(String::from_utf8(body).unwrap());
            }
            if taken.len() == 4 {
                break;
            }
        }
        taken
    });
    let config = format!(
        "[[sink]]\nto = 'stdout'\n[[sink]]\nto = 'notices.jsonl'\n[[sink]]\nto = 'eve.json'\nform = 'eve'\n\
         [[sink]]\nto = 'sqlite://history.db'\n[[sink]]\nto = 'syslog+udp://{to_syslog}'\n[[sink]]\nto = 'http://{to_webhook}/secret'\nform = 'slack'\n"
    );
    folder.put("watch.toml", config);
    let said = folder.done("watch model.tw --replay attack.pcap --config watch.toml");
    let notices = said.json_lines();
    assert_eq!(notices.len(), 4, "two hosts, each opened and closed: {}", said.out);
    assert_eq!(lines(&folder.get("notices.jsonl")), notices);
    let eve = lines(&folder.get("eve.json"));
    let inside: Vec<&Value> = eve.iter().map(|event| &event["tidewatch"]).collect();
    assert_eq!(inside, notices.iter().collect::<Vec<_>>());
    let history = rusqlite::Connection::open(folder.path("history.db")).unwrap();
    let closed = "SELECT count(*) FROM episodes WHERE state = 'closed' AND reason IS NOT NULL AND score > 0";
    let closed: i64 = history.query_row(closed, [], |row| row.get(0)).unwrap();
    assert_eq!(closed, 2, "one row an episode");
    assert_eq!((&eve[0]["event_type"], &eve[0]["src_ip"]), (&"alert".into(), &notices[0]["entity"]));
    syslog.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut buffer = [0; 4096];
    for notice in &notices {
        let length = syslog.recv(&mut buffer).unwrap();
        let message = std::str::from_utf8(&buffer[..length]).unwrap();
        let named = format!("episode={} event={}", notice["episode"], notice["event"]);
        assert!(message.contains(&named), "{message}: {named}");
    }
    let taken = taken.join().unwrap();
    assert!(
        taken.iter().zip(&notices).all(|(text, notice)| text.contains(notice["entity"].as_str().unwrap())),
        "{taken:?}"
    );
    assert!(!said.err.contains("secret"), "{}", said.err);
}

#[test]
fn a_sink_that_cannot_be_written_holds_nobody_up_and_is_told_of() {
    let folder = office(5, 102);
    folder.put("watch.toml", "[[sink]]\nto = 'no/such/folder/notices.jsonl'\n[[sink]]\nto = 'stdout'\n");
    let said = folder.done("watch model.tw --replay attack.pcap --config watch.toml");
    assert_eq!(said.json_lines().len(), 4);
    let told = "no/such/folder/notices.jsonl: 4 notices did not arrive: No such file or directory";
    assert!(said.err.contains(told), "{}", said.err);
}

#[test]
fn what_is_muted_makes_no_episode_and_is_counted() {
    let folder = office(5, 102);
    folder.put("watch.toml", "[[mute]]\nentity = ['10.0.0.66/31']\n");
    let said = folder.done("watch model.tw --replay attack.pcap --config watch.toml");
    let entities: Vec<Value> = said.json_lines().into_iter().map(|notice| notice["entity"].clone()).collect();
    assert_eq!(entities, ["10.0.0.1", "10.0.0.1"]);
    assert!(said.err.contains("2 alerts (1 muted) in 1 episodes"), "{}", said.err);
    folder.put("wrong.toml", "[[sink]]\nto = 'ftp://a'\n");
    let said = folder.run("watch model.tw --replay attack.pcap --config wrong.toml");
    assert_eq!(said.code, Some(2));
    assert!(
        said.err.contains("wrong.toml: 'ftp' is no way to deliver") && said.err.contains("(sink 1)"),
        "{}",
        said.err
    );
}

#[test]
fn the_packets_behind_an_episode_are_kept_whole() {
    let folder = office(5, 102);
    let said = folder.done("watch model.tw --replay attack.pcap --evidence kept --evidence-around 1s");
    let notices = said.json_lines();
    let of = |entity: &str| {
        let notice = notices.iter().find(|notice| notice["entity"] == entity && notice["event"] == "closed").unwrap();
        format!("kept/{}", notice["evidence"].as_str().unwrap())
    };
    // The scanner does nothing else; its victim also answers the office, a second before and after too.
    let scan = folder.done(&format!("inspect {}", of("10.0.0.66"))).out;
    assert!(scan.contains("400"), "{scan}");
    let folder_of_kept: Vec<_> =
        std::fs::read_dir(folder.path("kept")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(folder_of_kept.len(), 2, "{folder_of_kept:?}");
    let mut tshark = Command::new("tshark");
    tshark.current_dir(folder.folder()).args(["-r", &of("10.0.0.66"), "-Y", "tcp.flags.syn==1 && tcp.flags.ack==0"]);
    match tshark.output() {
        Ok(read) => assert_eq!(String::from_utf8_lossy(&read.stdout).lines().count(), 200, "{read:?}"),
        Err(_) => println!("skipped: there is no tshark"),
    }
    let scored = folder.done(&format!("score model.tw {}", of("10.0.0.66")));
    assert!(scored.json_lines().iter().any(|alert| alert["entity"] == "10.0.0.66"), "{}", scored.out);

    let said = folder.done("watch model.tw --replay attack.pcap --evidence little --evidence-disk 1kB");
    assert_eq!(said.json_lines().len(), 4);
    assert_eq!(std::fs::read_dir(folder.path("little")).unwrap().count(), 0, "what takes too much goes");
}

#[test]
fn a_watch_tells_how_it_is_to_who_may_ask() {
    let folder = office(5, 102);
    let mut watch = Running::start(&folder, "--listen 127.0.0.1:0");
    watch.feed(&folder.get("attack.pcap"));
    watch.hear("a page at");
    let address = address(&watch.said);
    while !get(&address, "/ready", "").starts_with("HTTP/1.1 200") {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(get(&address, "/health", "").ends_with("yes\n"));
    assert!(get(&address, "/secrets", "").starts_with("HTTP/1.1 404"));
    let page = metrics(&address, "episodes_total");
    assert!(metric(&page, "packets_read_total") >= metric(&page, "packets_used_total"));
    assert!(metric(&page, "windows_total") >= 1.0 && metric(&page, "alerts_total") >= 1.0, "{page}");
    assert!(page.contains("tidewatch_packets_skipped_total{reason=\"late\"} 0"), "{page}");
    assert!(page.contains("tidewatch_notices_dropped_total{sink=\"stdout\"} 0"), "{page}");
    assert_eq!(watch.end().0, Some(0));
}

#[test]
#[cfg(unix)]
fn another_model_takes_over_and_what_is_none_is_refused_with_no_window_lost() {
    let folder = office(12, 102);
    folder.done("score model.tw attack.pcap -o score.parquet");
    let good = folder.get("model.tw");
    folder.done("train benign.pcap -o other.tw --model tail --window 2s");
    let malicious = {
        let mut bytes = good.clone();
        let middle = bytes.len() / 2;
        bytes[middle..].iter_mut().for_each(|byte| *byte ^= 0x5a);
        bytes
    };
    let mut watch = Running::start(&folder, "--listen 127.0.0.1:0 -o watch.parquet");
    let (first, rest) = Traffic::office(100, 12).scan(102).split(106);
    watch.feed(&first.pcap());
    watch.hear("a page at");
    let address = address(&watch.said);
    let put = |bytes: &[u8]| {
        folder.put("model.tmp", bytes);
        std::fs::rename(folder.path("model.tmp"), folder.path("model.tw")).unwrap();
    };
    for (bytes, told) in [
        (&good[..good.len() / 2], "the model that is there stays: model.tw"),
        (b"not a model at all", "the model that is there stays: model.tw"),
        (&malicious, "the model that is there stays: model.tw"),
        (
            &folder.get("other.tw"),
            "the model that is there stays: model.tw: the model and the rows do not belong together",
        ),
        (&good, "another model takes over"),
    ] {
        put(bytes);
        watch.hear(told);
    }
    Command::new("kill").args(["-HUP", &watch.child.id().to_string()]).status().unwrap();
    watch.hear("another model takes over");
    watch.feed(&rest.records());
    let page = metrics(&address, "models_taken_total");
    assert!(page.contains("tidewatch_models_refused_total 4"), "{page}");
    // Two that come between the same two windows are one.
    assert!(metric(&page, "models_taken_total") <= 2.0, "{page}");
    let (code, said) = watch.end();
    assert_eq!(code, Some(0), "{said}");
    assert!(folder.get("watch.parquet") == folder.get("score.parquet"), "a window was lost, or scored twice: {said}");
}

/// Models that were made to do harm under a checksum that is right, one for each reason that they are refused for: lengths and indices
/// beyond everything, numbers that are none, trees that lead back to themselves.
fn crafted(folder: &Folder) -> Vec<Vec<u8>> {
    const CHECKSUM: std::ops::Range<usize> = 24..56;
    let mut reasons = BTreeMap::new();
    for name in ["model.tw", "forest.tw"] {
        let whole = folder.get(name);
        let header = u32::from_le_bytes(whole[12..16].try_into().unwrap()) as usize;
        let places = (CHECKSUM.end + header..whole.len() - 8).step_by((whole.len() / 64).max(1) | 1);
        for place in places {
            for harm in [1 << 60, u64::from(u32::MAX), f64::NAN.to_bits(), u64::from(f32::NAN.to_bits()), 0, 7] {
                let mut bytes = whole.clone();
                bytes[place..place + 8].copy_from_slice(&harm.to_le_bytes());
                let sum = Sha256::new().chain_update(&bytes[..24]).chain_update(&bytes[CHECKSUM.end..]).finalize();
                bytes[CHECKSUM].copy_from_slice(&sum);
                let path = folder.put("crafted.tw", &bytes);
                if let Err(error) = artifact::read(&path) {
                    assert!(!error.what.contains("checksum"), "{error}");
                    let reason: String = error.what.chars().filter(|one| !one.is_ascii_digit()).collect();
                    reasons.entry(reason).or_insert(bytes);
                }
            }
        }
    }
    reasons.into_values().collect()
}

#[test]
#[cfg(unix)]
fn a_crafted_model_is_refused_while_packets_flow_with_no_window_lost() {
    let folder = office(12, 102);
    folder.done("score model.tw attack.pcap -o score.parquet");
    folder.done("train benign.pcap -o forest.tw --model iforest+gmm --window 1s");
    let crafted = crafted(&folder);
    assert!(crafted.len() >= 3, "{}", crafted.len());
    let mut watch = Running::start(&folder, "--listen 127.0.0.1:0 -o watch.parquet");
    let capture = folder.get("attack.pcap");
    // A part of the packets before each, so that they flow all the while.
    let mut parts = capture.chunks(capture.len().div_ceil(crafted.len() + 1));
    watch.feed(parts.next().unwrap());
    watch.hear("a page at");
    let address = address(&watch.said);
    for bytes in &crafted {
        folder.put("model.tmp", bytes);
        std::fs::rename(folder.path("model.tmp"), folder.path("model.tw")).unwrap();
        watch.hear("the model that is there stays: model.tw: ");
        watch.feed(parts.next().unwrap_or_default());
    }
    let page = metrics(&address, "models_refused_total");
    assert_eq!(metric(&page, "models_refused_total"), crafted.len() as f64);
    assert_eq!(metric(&page, "models_taken_total"), 0.0);
    let (code, said) = watch.end();
    assert_eq!(code, Some(0), "{said}");
    assert!(folder.get("watch.parquet") == folder.get("score.parquet"), "a window was lost, or scored twice: {said}");
}

/// How often a watch is killed: some tens of times, or as often as `TIDEWATCH_KILLS` says.
#[test]
fn nothing_is_half_there_after_a_sudden_death() {
    let kills: u32 = std::env::var("TIDEWATCH_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(30);
    let folder = office(40, 102);
    folder.put("watch.toml", "[[sink]]\nto = 'notices.jsonl'\nrotate_mib = 1\n");
    let line = "watch model.tw --replay attack.pcap --config watch.toml --evidence kept --speed 100";
    let mut said = 0;
    for kill in 0..kills {
        let mut child = folder.command(line).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(u64::from(kill * 37 % 211) + 1));
        child.kill().unwrap();
        child.wait().unwrap();
        for entry in std::fs::read_dir(folder.path("kept")).into_iter().flatten() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if name.ends_with(".pcapng") {
                let inspected = folder.run(&format!("inspect kept/{name}"));
                assert_eq!(inspected.code, Some(0), "{name}: {}", inspected.err);
            }
        }
        if let Ok(text) = std::fs::read(folder.path("notices.jsonl")) {
            // A line that was being written may be there in part, at the end alone, and goes when the file is opened again.
            let whole = text.iter().rposition(|&byte| byte == b'\n').map_or(0, |last| last + 1);
            said = said.max(lines(&text[..whole]).len());
        }
    }
    folder.done(line);
    let all = lines(&folder.get("notices.jsonl"));
    assert!(all.len() >= said + 4, "{} lines, {said} before", all.len());
}

/// A file system that is soon full; none, if this process may not make one.
struct Small(std::path::PathBuf);

impl Small {
    fn new(path: std::path::PathBuf, bytes: usize) -> Option<Self> {
        std::fs::create_dir(&path).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={bytes}"), "tmpfs"]).arg(&path);
        if mount.output().is_ok_and(|made| made.status.success()) {
            return Some(Self(path));
        }
        println!("skipped: no file system can be mounted");
        None
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_counted_and_said_and_the_watch_goes_on() {
    let folder = office(12, 102);
    let Some(small) = Small::new(folder.path("small"), 1 << 20) else { return };
    let fill = || {
        let mut filler = std::fs::File::create(small.0.join("filler")).unwrap();
        while filler.write_all(&[7; 4096]).is_ok() {}
    };
    folder.put("watch.toml", "[[sink]]\nto = 'small/notices.jsonl'\n[[sink]]\nto = 'stdout'\n");
    std::fs::write(small.0.join("notices.jsonl"), "").unwrap();
    fill();
    let options = "--listen 127.0.0.1:0 --config watch.toml --evidence small/kept --learn small/rows";
    let mut watch = Running::start(&folder, options);
    let (first, rest) = Traffic::office(100, 12).scan(102).split(108);
    watch.feed(&first.pcap());
    watch.hear("a page at");
    let address = address(&watch.said);
    let page = metrics(&address, "evidence_failed_total");
    assert!(page.contains("tidewatch_evidence_written_total 0"), "{page}");
    let failed = |page: &str| {
        let line =
            page.lines().find(|line| line.starts_with("tidewatch_sink_failures_total{sink=\"small/notices.jsonl\"}"));
        !line.unwrap().ends_with(" 0")
    };
    while !failed(&get(&address, "/metrics", "")) {
        std::thread::sleep(Duration::from_millis(20));
    }
    watch.hear("small/notices.jsonl: notices do not arrive: No space left on device");
    assert!(get(&address, "/health", "").starts_with("HTTP/1.1 200"));

    // There is room again: what waited arrives, each line whole.
    std::fs::remove_file(small.0.join("filler")).unwrap();
    watch.feed(&rest.records());
    let (code, said) = watch.end();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("the packets of episodes could not be kept, "), "{said}");
    let notices = lines(&std::fs::read(small.0.join("notices.jsonl")).unwrap());
    assert_eq!(notices.len(), 4, "two episodes, opened and closed: {notices:#?}");
}
