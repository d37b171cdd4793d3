//! Live interfaces: pairs of them in namespaces of their own, with traffic sent through. Where namespaces, tcpreplay or tcpdump are
//! not to be had, the tests say so and count as skipped.

#![cfg(target_os = "linux")]

mod common;

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::Duration;

use common::running::of_threads;
use common::traffic::Traffic;
use common::{Folder, Said, TIDEWATCH, office};
use polars::prelude::{ParquetReader, SerReader};
use serde_json::Value;

/// What tells a row from all others.
const KEYS: [&str; 2] = ["window_start_ns", "entity"];

/// A network of two interfaces, `left` and `right`: what is sent into one comes out of the other.
struct Net(String);

impl Net {
    /// None, if this process may not make one or lacks the tools.
    fn new() -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        for tool in ["ip", "tcpreplay", "tcpdump"] {
            if Command::new(tool).arg("--version").output().is_err() {
                println!("skipped: there is no {tool}");
                return None;
            }
        }
        let name = format!("tidewatch-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let made = Command::new("ip").args(["netns", "add", &name]).output().is_ok_and(|made| made.status.success());
        if !made {
            println!("skipped: no namespace can be made");
            return None;
        }
        let net = Self(name);
        for line in [
            // Nothing but what is sent on purpose.
            "sysctl -q net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1",
            "ip link add left type veth peer name right",
            "ip link set left up",
            "ip link set right up",
        ] {
            let done = net.command(line).output().unwrap();
            if !done.status.success() {
                println!("skipped: {line}: {}", String::from_utf8_lossy(&done.stderr));
                return None;
            }
        }
        Some(net)
    }

    /// A command inside it.
    fn command(&self, line: &str) -> Command {
        let mut command = Command::new("timeout");
        // What should end and does not shall not hold the tests up.
        command.args(["--foreground", "60", "ip", "netns", "exec", &self.0]).args(line.split_whitespace());
        command
    }

    /// A command that listens until it is told to end, once standard error says that it does.
    fn listen(&self, folder: &Folder, line: &str, ready: &str) -> Listener {
        let mut command = self.command(line);
        command.current_dir(folder.folder()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut err = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        while !said.contains(ready) {
            assert!(err.read_line(&mut said).unwrap() > 0, "{line}: {said}");
        }
        Listener { child, err, said }
    }

    fn watch(&self, folder: &Folder, options: &str) -> Listener {
        self.listen(folder, &format!("{TIDEWATCH} watch model.tw -i right {options}"), "watching right")
    }

    /// Sends a capture into `left`.
    fn send(&self, folder: &Folder, options: &str) -> String {
        let sent = self.command(&format!("tcpreplay -i left {options}")).current_dir(folder.folder()).output().unwrap();
        assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stderr));
        String::from_utf8(sent.stdout).unwrap()
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.0]).output();
    }
}

struct Listener {
    child: Child,
    err: BufReader<std::process::ChildStderr>,
    said: String,
}

impl Listener {
    fn signal(&self, name: &str) {
        let done = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(done.success());
    }

    /// Ends it as Ctrl-C does.
    fn end(mut self) -> Said {
        self.signal("INT");
        let (mut out, mut err) = (String::new(), self.said);
        self.child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        self.err.read_to_string(&mut err).unwrap();
        Said { code: self.child.wait().unwrap().code(), out, err }
    }
}

/// The number before `word` in what was said.
fn number(said: &str, word: &str) -> u64 {
    let before = said.split(word).next().unwrap();
    let digits: String =
        before.trim_end().rsplit(|c: char| !c.is_ascii_digit() && c != ',').next().unwrap().replace(',', "");
    digits.parse().unwrap_or_else(|_| panic!("no number before '{word}': {said}"))
}

#[test]
fn what_is_watched_is_what_tcpdump_took_beside() {
    watched_is_dumped("");
}

#[test]
fn two_rings_are_one_in_the_order_of_time() {
    watched_is_dumped("--rings 2");
}

fn watched_is_dumped(options: &str) {
    let Some(net) = Net::new() else { return };
    let folder = office(6, 103);
    let dump = net.listen(
        &folder,
        "tcpdump -i right -w beside.pcap --time-stamp-precision=nano -Z root",
        "listening on right",
    );
    let watch = net.watch(&folder, &format!("-o live.parquet --learn rows {options}"));
    net.send(&folder, "attack.pcap");
    // Whatever tcpdump still holds back comes to it within a second.
    sleep(Duration::from_millis(1500));
    let dumped = dump.end();
    assert_eq!(dumped.code, Some(0), "{}", dumped.err);
    let said = watch.end();
    assert_eq!(said.code, Some(0), "{}", said.err);
    let sent = Traffic::office(100, 6).scan(103).len() as u64;
    assert_eq!((number(&said.err, "packets read"), number(&said.err, "used")), (sent, sent), "{}", said.err);
    folder.done("score model.tw beside.pcap -o beside.parquet");
    let scores = |name: &str| ParquetReader::new(File::open(folder.path(name)).unwrap()).finish().unwrap();
    let (live, beside) = (scores("live.parquet"), scores("beside.parquet"));
    assert!(live.select(KEYS).unwrap().equals(&beside.select(KEYS).unwrap()), "{}", said.err);
    // A line that falls silent shows the window to its end, and a file ends within it: that alone may be judged otherwise.
    let windows: Vec<i64> = live.column(KEYS[0]).unwrap().i64().unwrap().into_no_null_iter().collect();
    let before = windows.iter().filter(|window| windows.last() > Some(window)).count();
    assert!(before > 0 && live.slice(0, before).equals(&beside.slice(0, before)), "{}", said.err);
    // So are the rows that it writes down, byte for byte; over the turn of an hour they are in two files.
    folder.done("extract beside.pcap -o rows.parquet --window 1s");
    let mut written: Vec<_> = std::fs::read_dir(folder.path("rows")).unwrap().map(|e| e.unwrap().path()).collect();
    written.sort();
    if let [one] = &written[..] {
        assert!(std::fs::read(one).unwrap() == folder.get("rows.parquet"), "{}", said.err);
    }
    assert!(matches!(written.len(), 1 | 2), "{written:?}");
    let entities: Vec<Value> = said.json_lines().into_iter().map(|notice| notice["entity"].clone()).collect();
    assert!(entities.contains(&"10.0.0.66".into()), "{}", said.out);
}

/// What has to hold of a line holds of libpcap's: `cargo test --features libpcap --test line`.
#[test]
#[cfg(feature = "libpcap")]
fn by_libpcap_it_is_the_same() {
    watched_is_dumped("--libpcap");
    told_while_silent("--libpcap");
    accounted_for("1MiB --libpcap");
    accounted_for("64MiB --libpcap");
}

#[test]
#[cfg(feature = "libpcap")]
fn by_libpcap_a_filter_is_judged_once_packets_have_come() {
    let Some(net) = Net::new() else { return };
    let folder = office(6, 103);
    folder.done("train benign.pcap -o model.tw --model tail --window 1s --filter udp");
    let wanted = number(&folder.done("extract attack.pcap -o m.parquet --window 1s --filter udp").err, "used");
    let watch = net.watch(&folder, "--libpcap");
    let sent = number(&net.send(&folder, "--topspeed attack.pcap"), "packets (");
    let said = watch.end();
    assert_eq!((number(&said.err, "packets read"), number(&said.err, "used")), (sent, wanted), "{}", said.err);
    assert_eq!(said.code, Some(0), "{}", said.err);
}

#[test]
fn windows_close_and_are_told_while_the_line_is_silent() {
    told_while_silent("");
}

fn told_while_silent(options: &str) {
    let Some(net) = Net::new() else { return };
    let folder = office(6, 103);
    let mut watch = net.watch(&folder, options);
    net.send(&folder, "--topspeed attack.pcap");
    // Nothing more comes: the scan is told of all the same, a second for the window and a second for what is late after it.
    let mut line = String::new();
    BufReader::new(watch.child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let notice: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(notice["event"], "opened");
    assert_eq!(watch.end().code, Some(0));
}

#[test]
fn every_packet_that_is_sent_is_used_skipped_or_dropped() {
    ["1MiB", "64MiB", "2MiB --rings 2", "64MiB --rings 3"].into_iter().for_each(accounted_for);
}

fn accounted_for(ring: &str) {
    let Some(net) = Net::new() else { return };
    let folder = office(6, 103);
    let watch = net.watch(&folder, &format!("--ring {ring}"));
    let sent = net.send(&folder, "--topspeed --loop 200 --preload-pcap attack.pcap");
    let said = watch.end();
    let sent = number(&sent, "packets (");
    let read = number(&said.err, "packets read");
    let dropped = if said.err.contains("the kernel dropped") { number(&said.err, "packets, for its ring") } else { 0 };
    println!("ring {ring}: {sent} sent, {read} read, {dropped} dropped");
    assert_eq!(sent, read + dropped, "{}", said.err);
    assert_eq!(said.code, Some(if dropped > 0 { 3 } else { 0 }), "{}", said.err);
}

#[test]
fn what_the_filter_leaves_out_does_not_leave_the_kernel() {
    let Some(net) = Net::new() else { return };
    let folder = office(6, 103);
    // One word, for the options of a command are parted by spaces here.
    folder.done("train benign.pcap -o model.tw --model tail --window 1s --filter udp");
    let wanted = number(&folder.done("extract attack.pcap -o m.parquet --window 1s --filter udp").err, "used");
    for options in ["", "--rings 2"] {
        let watch = net.watch(&folder, options);
        net.send(&folder, "--topspeed attack.pcap");
        let said = watch.end();
        assert_eq!((number(&said.err, "packets read"), number(&said.err, "used")), (wanted, wanted), "{}", said.err);
    }
}

/// The watch that this listener stands for.
fn process(listener: &Listener) -> u32 {
    let read = |path: String| std::fs::read_to_string(path).unwrap();
    let mut pid = listener.child.id().to_string();
    while read(format!("/proc/{pid}/comm")).trim() != "tidewatch" {
        pid = read(format!("/proc/{pid}/task/{pid}/children")).split_whitespace().next().unwrap().to_owned();
    }
    pid.parse().unwrap()
}

#[test]
fn once_it_listens_no_thread_has_a_capability() {
    let Some(net) = Net::new() else { return };
    let folder = office(6, 103);
    let mut watch = net.watch(&folder, "--listen 127.0.0.1:0 --evidence kept --learn rows");
    net.send(&folder, "--topspeed attack.pcap");
    // All threads are there once it has told of something.
    BufReader::new(watch.child.stdout.as_mut().unwrap()).read_line(&mut String::new()).unwrap();
    for field in ["CapEff:", "CapPrm:", "CapInh:", "CapAmb:", "CapBnd:"] {
        let values = of_threads(process(&watch), field);
        assert!(values.len() > 3 && values.iter().all(|value| value == "0000000000000000"), "{field} {values:?}");
    }
    assert!(of_threads(process(&watch), "NoNewPrivs:").iter().all(|value| value == "1"));
    assert_eq!(watch.end().code, Some(0));
}

#[test]
fn where_the_hardware_has_no_clock_the_kernel_has() {
    let Some(net) = Net::new() else { return };
    let folder = office(6, 103);
    let watch = net.watch(&folder, "--time hardware");
    let sent = number(&net.send(&folder, "--topspeed attack.pcap"), "packets (");
    let said = watch.end();
    assert!(
        said.err.contains("right: the hardware does not tell when packets came (it cannot, of every frame)"),
        "{}",
        said.err
    );
    assert_eq!((number(&said.err, "packets read"), number(&said.err, "used")), (sent, sent), "{}", said.err);
}

#[test]
fn interfaces_are_listed_with_what_they_lack() {
    let Some(net) = Net::new() else { return };
    net.command("ip link set left down").output().unwrap();
    let listed = net.command(&format!("{TIDEWATCH} interfaces")).output().unwrap();
    let lines = String::from_utf8(listed.stdout).unwrap();
    let of = |name: &str| lines.lines().find(|line| line.split_whitespace().next() == Some(name)).unwrap().to_owned();
    assert!(of("left").contains("it is down: ip link set left up"), "{lines}");
    assert!(of("right").contains("no carrier"), "{lines}");
    assert!(of("lo").contains("down"), "{lines}");

    let folder = office(6, 103);
    let watch = |name: &str| -> Said {
        let line = format!("{TIDEWATCH} watch model.tw -i {name}");
        net.command(&line).current_dir(folder.folder()).output().unwrap().into()
    };
    let (gone, down) = (watch("eth7"), watch("left"));
    assert_eq!((gone.code, down.code), (Some(1), Some(1)));
    assert!(gone.err.contains("eth7: no such interface; hint: there are left, lo, right"), "{}", gone.err);
    assert!(down.err.contains("left: the interface is down; hint: ip link set left up"), "{}", down.err);
}
