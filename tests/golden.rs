//! What tidewatch counts in the captures that others keep to test their readers with is what Wireshark counts: packets and
//! bytes as capinfos does, headers as tshark does. Where not, `tests/golden/robust.toml` says why, file by file.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{TIDEWATCH, data, files_below};
use serde::Deserialize;
use serde_json::Value;

/// The differences that are understood.
const GOLDEN: &str = include_str!("golden/robust.toml");

/// What a capture holds, by what is counted; what is missing is 0.
type Counts = BTreeMap<String, u64>;

/// The headers that are compared, and what tshark calls them in `frame.protocols`. VLAN tags of both kinds are one to us, and
/// so are DNS, mDNS and LLMNR.
const HEADERS: [(&str, &[&str]); 13] = [
    ("ethernet", &["eth"]),
    ("vlan", &["vlan", "ieee8021ad"]),
    ("arp", &["arp"]),
    ("ipv4", &["ip"]),
    ("ipv6", &["ipv6"]),
    ("tcp", &["tcp"]),
    ("udp", &["udp"]),
    ("icmp", &["icmp"]),
    ("icmpv6", &["icmpv6"]),
    ("sctp", &["sctp"]),
    ("dccp", &["dccp"]),
    ("udp_lite", &["udplite"]),
    ("dns", &["dns", "mdns", "llmnr"]),
];
/// Those that are compared once more for the packet at a tunnel's end.
const TUNNELLED: [&str; 10] = ["arp", "ipv4", "ipv6", "tcp", "udp", "icmp", "icmpv6", "sctp", "dccp", "udp_lite"];

/// Protocols that tell of packets which were sent elsewhere: errors, samples, questions to a controller. What they quote was
/// not on this wire.
const QUOTING: [&str; 5] = ["icmp", "icmpv6", "sflow", "openflow", "nhrp"];

/// Each of the facts that is asked of every frame.
const FIELDS: [&str; 6] = [
    "frame.encap_type",
    "frame.protocols",
    "ip.flags.mf",
    "ip.frag_offset",
    "ipv6.fraghdr.more",
    "ipv6.fraghdr.offset",
];
/// Every frame by itself, as it was on the wire: nothing is put together from several.
const ALONE: [&str; 4] = [
    "ip.defragment:FALSE",
    "ipv6.defragment:FALSE",
    "tcp.desegment_tcp_streams:FALSE",
    "tcp.reassemble_out_of_order:FALSE",
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Golden {
    tshark: String,
    /// Link types whose frames are all skipped as `unknown_link`, with how many there are.
    links: BTreeMap<String, u64>,
    /// Captures that capinfos cannot read, with how many packets are read of each.
    unread: BTreeMap<String, u64>,
    reason: Vec<Reason>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reason {
    #[serde(rename = "why")]
    _why: String,
    /// The differences of each file: "what ours/theirs, …".
    files: BTreeMap<String, String>,
}

/// A file that capinfos can read.
struct Capture {
    path: String,
    link: String,
    packets: u64,
    bytes: u64,
    /// Whether capinfos complained about it.
    odd: bool,
}

/// Runs a program in `folder`; its complaints are not translated.
fn run(folder: &Path, program: &str, args: impl IntoIterator<Item = impl AsRef<str>>) -> Output {
    let args = args.into_iter().map(|arg| arg.as_ref().to_owned());
    Command::new(program)
        .args(args)
        .current_dir(folder)
        .env("LC_ALL", "C.UTF-8")
        // Nobody's own settings.
        .env("WIRESHARK_CONFIG_DIR", folder.join("no such folder"))
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The version of tshark ("4.0"); none if one of the programs is missing.
fn version() -> Option<String> {
    for program in ["capinfos", "mergecap", "tshark"] {
        if Command::new(program).arg("--version").output().is_err() {
            println!("skipped: {program} is not installed");
            return None;
        }
    }
    let said = text(&Command::new("tshark").arg("--version").output().unwrap().stdout);
    let version = said.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    Some(version.split('.').take(2).collect::<Vec<_>>().join("."))
}

/// The files that capinfos can read.
fn captures(folder: &Path, paths: &[String]) -> Vec<Capture> {
    let options = ["-T", "-r", "-M", "-E", "-c", "-d"];
    let said = run(folder, "capinfos", options.into_iter().chain(paths.iter().map(String::as_str)));
    let complaints = text(&said.stderr);
    let odd: BTreeSet<&str> = complaints.lines().filter_map(|line| line.split('"').nth(1)).collect();
    let lines = text(&said.stdout);
    let lines = lines.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    lines
        .map(|fields| {
            let [path, link, packets, bytes] = fields[..] else { panic!("capinfos: {fields:?}") };
            let (packets, bytes) = (packets.parse().unwrap(), bytes.parse().unwrap());
            Capture { path: path.to_owned(), link: link.to_owned(), packets, bytes, odd: odd.contains(path) }
        })
        .collect()
}

/// What tidewatch says of each file that is a capture to it.
fn ours(folder: &Path, paths: &[String]) -> BTreeMap<String, Value> {
    let said = run(folder, TIDEWATCH, ["inspect", "--json"].into_iter().chain(paths.iter().map(String::as_str)));
    assert!(!text(&said.stderr).contains("panicked"), "{}", text(&said.stderr));
    assert!(matches!(said.status.code(), Some(0 | 3)), "{}", text(&said.stderr));
    let values = serde_json::Deserializer::from_slice(&said.stdout).into_iter::<Value>().map(Result::unwrap);
    let captures = values.filter(|value| value["kind"] == "capture");
    captures.map(|value| (value["file"].as_str().unwrap().to_owned(), value)).collect()
}

/// Captures in groups that are merged to one file each, for tshark takes longer to start than to read most of them. What
/// capinfos complains about stays alone.
fn groups(captures: &[Capture]) -> Vec<Vec<&Capture>> {
    const MOST: u64 = 20_000;
    let (odd, sane): (Vec<&Capture>, Vec<&Capture>) =
        captures.iter().filter(|capture| capture.packets > 0).partition(|capture| capture.odd);
    let mut groups: Vec<Vec<&Capture>> = odd.into_iter().map(|capture| vec![capture]).collect();
    let mut packets = MOST;
    for capture in sane {
        if packets >= MOST || groups.last().is_some_and(|group| group.len() == 200) {
            groups.push(Vec::new());
            packets = 0;
        }
        packets += capture.packets;
        groups.last_mut().unwrap().push(capture);
    }
    groups
}

/// What tshark counts in each of the captures.
fn theirs(folder: &Path, group: &[&Capture]) -> Vec<(String, Counts)> {
    let place = tempfile::tempdir().unwrap();
    let merged = place.path().join("merged.pcapng").display().to_string();
    let source = if let [alone] = group {
        &alone.path
    } else {
        let options = ["-a", "-I", "none", "-F", "pcapng", "-w", &merged];
        let said = run(folder, "mergecap", options.into_iter().chain(group.iter().map(|c| c.path.as_str())));
        assert!(said.status.success(), "mergecap: {}", text(&said.stderr));
        &merged
    };
    let options = ["-n", "-r", source, "-T", "fields"].into_iter();
    let options = options.chain(ALONE.iter().flat_map(|option| ["-o", option]));
    let said = run(folder, "tshark", options.chain(FIELDS.iter().flat_map(|field| ["-e", field])));
    let lines = text(&said.stdout);
    // Blocks of pcapng that are no packets have no link type.
    let mut frames = lines.lines().filter(|line| !line.starts_with('\t'));
    let counted = group.iter().map(|capture| {
        let mut counts = Counts::new();
        for _ in 0..capture.packets {
            let frame = frames.next().unwrap_or_else(|| panic!("tshark: {} ends early", capture.path));
            census(&frame.split('\t').collect::<Vec<_>>(), &mut counts);
        }
        (capture.path.clone(), counts)
    });
    let counted = counted.collect();
    assert_eq!(frames.next(), None, "tshark: more frames than capinfos has counted");
    counted
}

/// Counts a frame as `tidewatch::packet::Census` does, from the names of its layers.
fn census(frame: &[&str], counts: &mut Counts) {
    let [_, layers, more, offset, more6, offset6] = frame[..] else { panic!("tshark: {frame:?}") };
    let layers: Vec<&str> = layers.split(':').collect();
    let end = layers.iter().position(|layer| QUOTING.contains(layer)).map_or(layers.len(), |at| at + 1);
    let layers = &layers[..end];
    let has = |layers: &[&str], names: &[&str]| layers.iter().any(|layer| names.contains(layer));
    let mut count = |what: &str, holds: bool| *counts.entry(what.to_owned()).or_default() += u64::from(holds);
    for (header, names) in HEADERS {
        count(header, has(layers, names));
    }
    // Of a quoted packet the fields are there too, behind those of the packet that quotes it.
    let set = |values: &str, header: &str| {
        let headers = layers.iter().filter(|&&layer| layer == header).count();
        values.split(',').take(headers).any(|value| !matches!(value, "" | "0" | "False"))
    };
    count("fragment", set(more, "ip") || set(offset, "ip") || set(more6, "ipv6") || set(offset6, "ipv6"));
    // A frame in a frame, or a packet in a packet, whatever carries it.
    let places = |names: &[&str]| -> Vec<usize> {
        layers.iter().enumerate().filter(|(_, layer)| names.contains(layer)).map(|(at, _)| at).collect()
    };
    let (frames, packets) = (places(&["eth"]), places(&["ip", "ipv6", "arp"]));
    if frames.len() > 1 || packets.len() > 1 {
        count("tunnel", true);
        let innermost = frames.last().into_iter().chain(packets.last()).max().map_or(&[][..], |&at| &layers[at..]);
        for (header, names) in HEADERS.iter().filter(|(header, _)| TUNNELLED.contains(header)) {
            count(&format!("tunnelled {header}"), has(innermost, names));
        }
    }
}

/// The same of what tidewatch says.
fn ours_counted(value: &Value) -> Counts {
    let count = |value: &Value| value.as_u64().unwrap_or(0);
    let mut counts: Counts = HEADERS
        .iter()
        .map(|(header, _)| *header)
        .chain(["fragment", "tunnel"])
        .map(|header| (header.to_owned(), count(&value["protocols"][header])))
        .collect();
    for header in TUNNELLED {
        counts.insert(format!("tunnelled {header}"), count(&value["tunnelled"][header]));
    }
    let skipped = &value["ledger"]["skipped"];
    // A record at which reading ends is a packet that was read in part, which capinfos does not count.
    let unread = count(&skipped["cut_record"]) + count(&skipped["corrupt_record"]);
    counts.insert("packets".to_owned(), count(&value["packets"]) - unread);
    counts.insert("bytes".to_owned(), count(&value["bytes"]));
    counts
}

/// "what ours/theirs, …" of all that differs.
fn differences(ours: &Counts, theirs: &Counts) -> BTreeSet<String> {
    let names: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
    let of = |counts: &Counts, name: &String| counts.get(name).copied().unwrap_or(0);
    let pairs = names.into_iter().map(|name| (name, of(ours, name), of(theirs, name)));
    pairs.filter(|(_, ours, theirs)| ours != theirs).map(|(name, a, b)| format!("{name} {a}/{b}")).collect()
}

#[test]
fn wireshark_counts_the_same() {
    let (Some(data), Some(version)) = (data(), version()) else { return };
    let golden: Golden = toml::from_str(GOLDEN).unwrap();
    let folder = data.join("robust").canonicalize().unwrap();
    let mut paths = Vec::new();
    files_below(&folder, &mut paths);
    let mut paths: Vec<String> =
        paths.iter().map(|path| path.strip_prefix(&folder).unwrap().to_str().unwrap().to_owned()).collect();
    paths.sort();
    let captures = captures(&folder, &paths);
    assert!(captures.len() > 2000, "capinfos reads only {} files", captures.len());

    let groups = groups(&captures);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut counted = Vec::new();
        while let Some(group) = groups.get(next.fetch_add(1, Ordering::Relaxed)) {
            counted.extend(theirs(&folder, group));
        }
        counted
    };
    let mut theirs: BTreeMap<String, Counts> = std::thread::scope(|scope| {
        let threads = [scope.spawn(work), scope.spawn(work)];
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let ours = ours(&folder, &paths);

    let mut expected: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (path, differences) in golden.reason.iter().flat_map(|reason| &reason.files) {
        expected.entry(path).or_default().extend(differences.split(", ").map(str::to_owned));
    }
    let (mut complaints, mut links) = (Vec::new(), BTreeMap::new());
    for capture in &captures {
        let path = capture.path.as_str();
        let Some(value) = ours.get(path) else {
            complaints.push(format!("{path}: is no capture to tidewatch"));
            continue;
        };
        let mut ours = ours_counted(value);
        let mut theirs = theirs.remove(path).unwrap_or_default();
        if value["packets"].as_u64() > Some(0) && value["packets"] == value["ledger"]["skipped"]["unknown_link"] {
            *links.entry(capture.link.clone()).or_default() += capture.packets;
            ours.clear();
            theirs.clear();
            ours.extend(
                [("packets", &value["packets"]), ("bytes", &value["bytes"])]
                    .map(|(name, count)| (name.to_owned(), count.as_u64().unwrap())),
            );
        }
        theirs.extend([("packets".to_owned(), capture.packets), ("bytes".to_owned(), capture.bytes)]);
        let (found, known) = (differences(&ours, &theirs), expected.remove(path).unwrap_or_default());
        if found != known {
            let line = |of: BTreeSet<String>| of.into_iter().collect::<Vec<_>>().join(", ");
            complaints.push(format!("\"{path}\" = \"{}\"  # expected: \"{}\"", line(found), line(known)));
        }
    }
    complaints.extend(expected.keys().map(|path| format!("{path}: is no capture to capinfos")));
    if links != golden.links {
        complaints.push(format!("links that are not decoded: {links:?}, expected: {:?}", golden.links));
    }
    let mut unread: BTreeMap<String, u64> =
        ours.iter().map(|(path, value)| (path.clone(), value["packets"].as_u64().unwrap())).collect();
    unread.retain(|path, _| captures.iter().all(|capture| capture.path != *path));
    if unread != golden.unread {
        complaints.push(format!("captures that capinfos cannot read: {unread:?}, expected: {:?}", golden.unread));
    }
    let packets: u64 = captures.iter().map(|capture| capture.packets).sum();
    println!(
        "{} captures, {packets} packets, {} more captures by ourselves; tshark {version}, golden of {}",
        captures.len(),
        unread.len(),
        golden.tshark
    );
    assert!(complaints.is_empty(), "{} of {} differ:\n{}", complaints.len(), captures.len(), complaints.join("\n"));
}
