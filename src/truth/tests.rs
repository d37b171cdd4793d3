use std::net::IpAddr;

use super::*;
use crate::packet::{Arp, Host, Mac, Network, Tcp, TcpFlags, Transport};

const A: Mac = [0, 0x10, 0x18, 0xcb, 0x8c, 0x13];
const B: Mac = [2, 0, 0, 0, 0, 2];
const T0: i64 = 1_476_086_085_000_000_000; // 2016-10-10T07:54:45Z

fn packet(src: &str, dst: &str, transport: Transport) -> Packet<'static> {
    let host = |text: &str| Host::from(text.parse::<IpAddr>().unwrap());
    Packet {
        time_ns: T0,
        wire_len: 60,
        src: host(src),
        dst: host(dst),
        src_mac: Some(A),
        dst_mac: Some(B),
        network: Network::Ipv4,
        ttl: 64,
        transport,
        ..Packet::BLANK
    }
}

fn tcp(src_port: u16, dst_port: u16) -> Transport {
    Transport::Tcp(Tcp { src_port, dst_port, seq: 0, ack: 0, window: 0, flags: TcpFlags(TcpFlags::SYN) })
}

fn ssh() -> Packet<'static> {
    packet("192.168.1.109", "10.0.0.7", tcp(50_000, 22))
}

fn back(packet: Packet<'static>) -> Packet<'static> {
    let transport = match packet.transport {
        Transport::Tcp(to) => tcp(to.dst_port, to.src_port),
        other => other,
    };
    let (src_mac, dst_mac) = (packet.dst_mac, packet.src_mac);
    Packet { src: packet.dst, dst: packet.src, src_mac, dst_mac, transport, ..packet }
}

/// A folder of files, with the labels in `l.labels.toml`.
fn folder(labels: &str, tables: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in tables.iter().chain([&("l.labels.toml", labels)]) {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn read(labels: &str, tables: &[(&str, &str)]) -> Result<Truth> {
    Truth::read(&folder(labels, tables).path().join("l.labels.toml"))
}

/// What the labels say of a packet, by name.
fn named<'t>(truth: &'t Truth, packet: &Packet<'_>, number: u64) -> Option<&'t str> {
    truth.label(packet, number).map(|id| truth.attacks()[id as usize].as_str())
}

/// Whether a single rule with these conditions matches.
fn matches(conditions: &str, packet: &Packet<'_>) -> bool {
    let truth = read(&format!("[[rule]]\nattack = \"x\"\n{conditions}\n"), &[]).unwrap();
    truth.label(packet, 1).is_some()
}

/// The message of a labels file that is refused, without its folder.
fn refusal(labels: &str, tables: &[(&str, &str)]) -> String {
    let folder = folder(labels, tables);
    let error = Truth::read(&folder.path().join("l.labels.toml")).unwrap_err();
    error.to_string().replace(&format!("{}/", folder.path().display()), "")
}

#[test]
fn attack_free() {
    let truth = read("# quiet\nrule = []\n", &[]).unwrap();
    assert!(truth.attacks().is_empty());
    assert_eq!(truth.label(&ssh(), 1), None);
}

#[test]
fn a_whole_file() {
    let truth = read("[[rule]]\nattack = \"malware\"\nwhole_file = true\n", &[]).unwrap();
    assert_eq!(truth.attacks(), ["malware"]);
    assert_eq!(named(&truth, &ssh(), 9), Some("malware"));
}

#[test]
fn addresses_by_side() {
    let (there, back) = (ssh(), back(ssh()));
    for (conditions, expected) in [
        ("ip = \"192.168.1.109\"", [true, true]),
        ("src_ip = [\"192.168.1.109\"]", [true, false]),
        ("dst_ip = [\"192.168.1.109\"]", [false, true]),
        ("src_ip = [\"172.16.0.1\", \"10.0.0.0/8\"]", [false, true]),
        ("ip = \"0.0.0.0/0\"", [true, true]),
        ("ip = \"::/0\"", [false, false]),
        ("ip = \"192.168.1.108/31\"", [true, true]),
        ("ip = \"192.168.1.110/31\"", [false, false]),
        ("mac = \"00:10:18:cb:8c:13\"", [true, true]),
        ("src_mac = [\"00-10-18-CB-8C-13\"]", [true, false]),
        ("dst_mac = \"00:10:18:cb:8c:13\"", [false, true]),
        ("mac = [\"00:00:00:00:00:01\"]", [false, false]),
    ] {
        assert_eq!([matches(conditions, &there), matches(conditions, &back)], expected, "{conditions}");
    }
}

#[test]
fn ipv6_networks_hold_no_ipv4_and_no_mac() {
    let v6 = packet("fe80::1", "ff02::fb", Transport::Udp { src_port: 5353, dst_port: 5353 });
    assert!(matches("src_ip = \"fe80::/10\"", &v6));
    assert!(matches("ip = \"::/0\"", &v6));
    assert!(!matches("ip = \"0.0.0.0/0\"", &v6));
    let no_ip = Packet { src: Host::from_mac(A), dst: Host::from_mac(B), ..v6 };
    assert!(!matches("ip = [\"::/0\", \"0.0.0.0/0\", \"100::/64\"]", &no_ip));
    assert!(!matches("mac = \"02:00:00:00:00:02\"", &Packet { src_mac: None, dst_mac: None, ..no_ip }));
}

#[test]
fn ports_and_protocols() {
    let (there, back) = (ssh(), back(ssh()));
    for (conditions, expected) in [
        ("port = 22", [true, true]),
        ("dst_port = [21, 22]", [true, false]),
        ("src_port = \"20-25\"", [false, true]),
        ("src_port = 0x16", [false, true]),
        ("port = [\"1000-2000\", \"65535\"]", [false, false]),
        ("proto = \"tcp\"", [true, true]),
        ("proto = [17, 6]", [true, true]),
        ("proto = \"udp\"", [false, false]),
        ("proto = \"tcp\"\ndst_port = 22\nsrc_ip = \"192.168.0.0/16\"", [true, false]),
    ] {
        assert_eq!([matches(conditions, &there), matches(conditions, &back)], expected, "{conditions}");
    }
    let of = |transport| packet("10.0.0.1", "10.0.0.2", transport);
    let icmp = |v6| of(Transport::Icmp { v6, kind: 8, code: 0 });
    let arp = of(Transport::Arp(Arp { operation: 2, sender_mac: A, gratuitous: false }));
    assert!(matches("proto = \"icmp\"", &icmp(false)) && !matches("proto = \"icmp\"", &icmp(true)));
    assert!(matches("proto = \"icmp6\"", &icmp(true)) && matches("proto = 58", &icmp(true)));
    assert!(matches("proto = \"arp\"\nsrc_ip = \"10.0.0.1\"", &arp) && !matches("port = \"0-65535\"", &arp));
    assert!(matches("proto = 47", &of(Transport::Other(47))));
    assert!(!matches("proto = [0, 1, 6, 17]", &of(Transport::None)));
}

#[test]
fn times_in_every_form() {
    let at = |offset_ns| Packet { time_ns: T0 + offset_ns, ..ssh() };
    for time in [
        "2016-10-10T07:54:45Z",
        "2016-10-10T07:54:45",
        "2016-10-10 07:54:45",
        "2016-10-10T09:54:45+02:00",
        "1476086085",
        "1_476_086_085.0",
        "\"2016-10-10T07:54:45Z\"",
        "\"1476086085\"",
    ] {
        let range = format!("start = {time}\nend = {time}");
        assert!(matches(&range, &at(0)) && !matches(&range, &at(1)) && !matches(&range, &at(-1)), "{time}");
    }
    assert!(matches("start = 1476086085.000000001", &at(1)) && !matches("start = 1476086085.000000001", &at(0)));
    assert!(matches("end = 2016-10-10T07:54:45.5Z", &at(500_000_000)));
    assert!(!matches("end = 2016-10-10T07:54:45.5Z", &at(500_000_001)));
}

#[test]
fn the_first_rule_wins() {
    let labels = "[[rule]]\nattack = \"scan\"\ndst_port = 22\n[[rule]]\nattack = \"all\"\nwhole_file = true\n";
    let truth = read(labels, &[]).unwrap();
    assert_eq!(truth.attacks(), ["all", "scan"]);
    assert_eq!(named(&truth, &ssh(), 1), Some("scan"));
    assert_eq!(named(&truth, &back(ssh()), 1), Some("all"));
}

#[test]
fn intervals_with_slack_and_a_condition() {
    let labels = "[[rule]]\nintervals = \"i.csv\"\nslack = \"500ms\"\nmac = \"00:10:18:cb:8c:13\"\n";
    let table = "start_epoch_s,end_epoch_s,attack,targets\n1476086086.5,1476086087,scan,\"a, b\"\n\n1476086087,1476086090,flood,\n";
    let truth = read(labels, &[("i.csv", table)]).unwrap();
    assert_eq!(truth.attacks(), ["flood", "scan"]);
    let at = |ms: i64| Packet { time_ns: T0 + ms * 1_000_000, ..ssh() };
    let seen = [999, 1000, 2500, 2501, 5500, 5501].map(|ms| named(&truth, &at(ms), 1));
    assert_eq!(seen, [None, Some("scan"), Some("scan"), Some("flood"), Some("flood"), None]);
    assert_eq!(named(&truth, &Packet { src_mac: Some(B), ..at(1000) }, 1), None);
    assert_eq!(named(&truth, &Packet { src_mac: None, dst_mac: Some(A), ..at(1000) }, 1), Some("scan"));

    let numbers = labels.replace("\"500ms\"", "0.5");
    assert_eq!(read(&numbers, &[("i.csv", table)]).unwrap(), truth);
}

#[test]
fn the_rules_attack_goes_before_the_columns() {
    let labels = "[[rule]]\nattack = \"flood\"\nintervals = \"i.csv\"\n";
    for table in [
        "end_epoch_s;start_epoch_s\n1476086085;1476086085\n",
        "attack,start_epoch_s,end_epoch_s\nx,1476086085,1476086085",
    ] {
        let truth = read(labels, &[("i.csv", table)]).unwrap();
        assert_eq!(truth.attacks(), ["flood"]);
        assert_eq!(named(&truth, &ssh(), 1), Some("flood"));
    }
    let empty =
        read("[[rule]]\nintervals = \"i.csv\"\n", &[("i.csv", "start_epoch_s,end_epoch_s,attack,targets\n")]).unwrap();
    assert!(empty.attacks().is_empty());
    assert_eq!(empty.label(&ssh(), 1), None);
}

#[test]
fn benign_intervals_are_none() {
    let table = "start_epoch_s,end_epoch_s,attack\n1476086080,1476086090,Benign\n1476086085,1476086085,1\n";
    let truth = read("[[rule]]\nintervals = \"i.csv\"\n", &[("i.csv", table)]).unwrap();
    assert_eq!(truth.attacks(), ["attack"]);
    assert_eq!(named(&truth, &ssh(), 1), Some("attack"));
    assert_eq!(named(&truth, &Packet { time_ns: T0 + 1, ..ssh() }, 1), None);
}

#[test]
fn packets_one_by_one() {
    let tables = [
        "1;0\r\n2;1\r\n3;port-scan\r\n4;benign\r\n5;True\r\n",
        "1,0\n2,1\n\n3,port-scan\n4,\n5,true\n",
        "0\n1\nport-scan\n\n1\n",
        "\"\",\"x\"\n\"5\",1\n\"2\",\"1\"\n\"3\",port-scan\n",
    ];
    for table in tables {
        let labels = "[[rule]]\nattack = \"cnc\"\npackets = \"p.csv\"\n[[rule]]\nattack = \"rest\"\nsrc_port = 22\n";
        let truth = read(labels, &[("p.csv", table)]).unwrap();
        assert_eq!(truth.attacks(), ["cnc", "port-scan", "rest"]);
        let seen: Vec<_> = (0..8).map(|number| named(&truth, &ssh(), number)).collect();
        let (cnc, scan) = (Some("cnc"), Some("port-scan"));
        assert_eq!(seen, [None, None, cnc, scan, None, cnc, None, None], "{table:?}");
        assert_eq!(named(&truth, &back(ssh()), 1), Some("rest"), "no match goes on to the next rule");
        assert_eq!(named(&truth, &ssh(), u64::MAX), None);
    }
    let truth = read("[[rule]]\npackets = \"p.csv\"\n", &[("p.csv", "1;0\n2;1\n")]).unwrap();
    assert_eq!(named(&truth, &ssh(), 2), Some("attack"));
}

#[test]
fn packets_and_intervals_must_both_hold() {
    let tables =
        [("i.csv", "start_epoch_s,end_epoch_s,attack\n1476086085,1476086086,scan\n"), ("p.csv", "0\n1\nflood\n")];
    let truth = read("[[rule]]\nintervals = \"i.csv\"\npackets = \"p.csv\"\n", &tables).unwrap();
    let seen = [1, 2, 3].map(|number| named(&truth, &ssh(), number));
    assert_eq!(seen, [None, Some("scan"), Some("flood")]);
    assert_eq!(named(&truth, &Packet { time_ns: 0, ..ssh() }, 2), None);
}

#[test]
fn beside_a_capture() {
    let folder = folder("rule = []", &[("x.labels.toml", "rule = []"), ("day.1.pcap.labels.toml", "rule = []")]);
    let beside = |name: &str| Truth::beside(&folder.path().join(name)).unwrap().is_some();
    for name in ["x", "x.pcap", "x.pcap.gz", "x.pcapng.zst", "x.PCAP.GZ", "x.cap", "day.1.pcap", "day.1.pcap.gz"] {
        assert!(beside(name), "{name}");
    }
    for name in ["y.pcap", "x.1", "day.1", "day.1.pcapng", "-"] {
        assert!(!beside(name), "{name}");
    }
}

#[test]
fn the_closest_name_goes_first() {
    let whole = |name: &str| format!("[[rule]]\nattack = \"{name}\"\nwhole_file = true\n");
    let folder = folder("rule = []", &[("x.labels.toml", &whole("far")), ("x.pcap.labels.toml", &whole("near"))]);
    let truth = Truth::beside(&folder.path().join("x.pcap.gz")).unwrap().unwrap();
    assert_eq!(truth.attacks(), ["near"]);
}

#[test]
fn mistakes_in_the_labels_file() {
    for (labels, expected) in [
        (
            "[[rule]]\nattack = \"x\"\nscr_ip = \"10.0.0.1\"\n",
            "unknown key `scr_ip` (line 3); hint: did you mean `src_ip`?",
        ),
        ("[[rules]]\nattack = \"x\"\n", "unknown key `rules` outside a rule (line 1); hint: did you mean `rule`?"),
        ("attack = \"x\"\n", "unknown key `attack` outside a rule (line 1); hint: the keys of a rule stand below"),
        ("[[rule]]\ncolour = 1\n", "unknown key `colour` (line 2); hint: a rule's keys are attack, start, end, ip,"),
        ("", "holds no rule; hint: write `[[rule]]` above each rule, or `rule = []`"),
        ("[rule]\nattack = \"x\"\n", "`rule` is not a list of tables (line 1)"),
        ("rule = [1]\n", "`rule` is not a list of tables (line 1)"),
        ("# a\n[[rule]\n", "not TOML: "),
        ("[[rule]]\nattack = \"x\"\n", "a rule without conditions (line 1); hint: add `whole_file = true`"),
        ("[[rule]]\nattack = \"x\"\nwhole_file = false\n", "a rule without conditions (line 1)"),
        (
            "[[rule]]\nattack = \"x\"\nwhole_file = 1\n",
            "`whole_file` cannot be 1 (line 3); hint: it takes true or false",
        ),
        ("[[rule]]\nip = \"10.0.0.1\"\n", "a rule without a name (line 1); hint: add `attack = \"NAME\"`"),
        ("[[rule]]\nattack = 7\n", "`attack` cannot be 7 (line 2); hint: it takes text in quotes"),
        ("[[rule]]\nattack = \" \"\nwhole_file = true\n", "`` is no attack's name (line 2)"),
        ("[[rule]]\nattack = \"benign\"\nwhole_file = true\n", "`benign` is no attack's name (line 2)"),
        (
            "[[rule]]\nattack = \"x\"\nip = [\"10.0.0.1\",\n \"10.0.0.0/33\"]\n",
            "`ip` cannot be \"10.0.0.0/33\" (line 4)",
        ),
        ("[[rule]]\nattack = \"x\"\nip = []\n", "`ip` is an empty list (line 3); hint: leave it out"),
        ("[[rule]]\nattack = \"x\"\nip = 10.5\n", "`ip` cannot be 10.5 (line 3)"),
        ("[[rule]]\nattack = \"x\"\nip = [[\"10.0.0.1\"]]\n", "`ip` cannot be [\"10.0.0.1\"] (line 3)"),
        (
            "[[rule]]\nattack = \"x\"\nmac = \"00:10\"\n",
            "`mac` cannot be \"00:10\" (line 3); hint: it takes MAC addresses",
        ),
        (
            "[[rule]]\nattack = \"x\"\nport = 65536\n",
            "`port` cannot be 65536 (line 3); hint: it takes ports from 0 to 65535",
        ),
        ("[[rule]]\nattack = \"x\"\nport = \"9-5\"\n", "`port` cannot be \"9-5\" (line 3)"),
        (
            "[[rule]]\nattack = \"x\"\nproto = \"tpc\"\n",
            "`proto` cannot be \"tpc\" (line 3); hint: it takes \"tcp\", \"udp\"",
        ),
        ("[[rule]]\nattack = \"x\"\nstart = \"noon\"\n", "`start` cannot be \"noon\" (line 3); hint: it takes a time"),
        ("[[rule]]\nattack = \"x\"\nstart = 07:54:45\n", "`start` cannot be 07:54:45 (line 3)"),
        ("[[rule]]\nattack = \"x\"\nend = inf\n", "`end` cannot be inf (line 3)"),
        ("[[rule]]\nattack = \"x\"\nstart = 2\nend = 1\n", "the rule's `end` is before its `start` (line 1)"),
        ("[[rule]]\nattack = \"x\"\nip = \"::1\"\nslack = 1\n", "`slack` without `intervals` (line 4)"),
        ("[[rule]]\nintervals = \"i.csv\"\nslack = -1\n", "`slack` cannot be -1 (line 3)"),
        ("[[rule]]\nintervals = \"i.csv\"\nslack = \"long\"\n", "`slack` cannot be \"long\" (line 3)"),
        (
            "[[rule]]\nintervals = \"i.csv\"\n",
            "cannot read `intervals`: i.csv: no such file (line 2); hint: the name is relative",
        ),
        ("[[rule]]\npackets = \"\"\n", "cannot read `packets`: "),
        ("[[rule]]\npackets = [\"a\"]\n", "`packets` cannot be [\"a\"] (line 2); hint: it takes text in quotes"),
    ] {
        let refusal = refusal(labels, &[]);
        assert!(refusal.starts_with(&format!("l.labels.toml: {expected}")), "{labels:?} gave {refusal:?}");
        assert!(!refusal.contains('\n'), "{refusal:?}");
    }
}

#[test]
fn mistakes_in_tables() {
    let header = "start_epoch_s,end_epoch_s,attack";
    for (table, expected) in [
        (
            String::new(),
            "t.csv: no column `start_epoch_s` (line 1); hint: the header is start_epoch_s,end_epoch_s,attack",
        ),
        ("start_epoch_s,end,attack\n".into(), "t.csv: no column `end_epoch_s` (line 1)"),
        ("start_epoch_s,end_epoch_s\n".into(), "t.csv: no column `attack` (line 1)"),
        (format!("{header}\n1,2,a\n3,x,a\n"), "t.csv: `x` in column `end_epoch_s` is not a time (line 3)"),
        (format!("{header}\n1\n"), "t.csv: `` in column `end_epoch_s` is not a time (line 2)"),
        (format!("{header}\n2,1,a\n"), "t.csv: the interval ends before it starts (line 2)"),
        (format!("{header}\n1,2,\n"), "t.csv: the interval has no attack's name (line 2); hint: fill the column"),
    ] {
        let refusal = refusal("[[rule]]\nintervals = \"t.csv\"\n", &[("t.csv", &table)]);
        assert!(refusal.starts_with(expected), "{table:?} gave {refusal:?}");
    }
    for (table, expected) in [
        ("1;0\nx2;1\n", "t.csv: `x2` is not a packet's number (line 2); hint: packets are numbered from 1"),
        ("0;1\n", "t.csv: `0` is not a packet's number (line 1)"),
        ("1;0\n2\n", "t.csv: `2` is not \"number;value\" (line 2)"),
        ("1,0,a\n", "t.csv: `1,0,a` is not \"number,value\" (line 1)"),
        ("1;0\n2;1\n1;1\n", "t.csv: packet 1 has two labels; hint: keep one line a packet"),
        ("9223372036854775808;1\n", "t.csv: `9223372036854775808` is not a packet's number (line 1)"),
    ] {
        let refusal = refusal("[[rule]]\npackets = \"t.csv\"\n", &[("t.csv", table)]);
        assert!(refusal.starts_with(expected), "{table:?} gave {refusal:?}");
    }
}

#[test]
fn files_that_are_no_text() {
    let folder = folder("", &[]);
    let path = folder.path().join("l.labels.toml");
    std::fs::write(&path, b"rule = [] # \xff").unwrap();
    assert!(Truth::read(&path).unwrap_err().what.starts_with("is not UTF-8 text (byte 12)"));
    std::fs::write(&path, "\u{feff}rule = []").unwrap();
    assert!(Truth::read(&path).is_ok());
    assert!(Truth::read(&folder.path().join("none")).unwrap_err().what.contains("no such file"));
}

#[test]
fn more_attacks_than_can_be_told_apart() {
    let table: String = (0..70_000).map(|number| format!("attack-{number}\n")).collect();
    let refusal = refusal("[[rule]]\npackets = \"t.csv\"\n", &[("t.csv", &table)]);
    assert_eq!(refusal, "t.csv: more than 65534 attacks (line 65535)");
}

#[test]
#[ignore = "needs the real captures in ../shared/data"]
fn real_labels() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let modbus = data.join("modbus_cset16/CnC_uploading_exe_modbus_6RTU_with_operate.pcap");
    let truth = Truth::beside(&modbus).unwrap().unwrap();
    assert_eq!(truth.attacks(), ["cnc"]);
    let csv = std::fs::read_to_string(modbus.to_str().unwrap().replace(".pcap", "_labeled.csv")).unwrap();
    for (before, line) in csv.lines().enumerate() {
        let number = before as u64 + 1;
        let attack = line == format!("{number};1");
        assert_eq!(truth.label(&ssh(), number).is_some(), attack, "packet {number}");
    }

    let plant = Truth::beside(&data.join("qut_dnp3/attacks-frequent.pcap.gz")).unwrap().unwrap();
    assert!(plant.attacks().iter().any(|name| name == "nmap"));
    let at = |time_ns| named(&plant, &Packet { time_ns, ..ssh() }, 1);
    // The first interval begins at 1476086085.659427; one second of slack.
    assert_eq!(at(1_476_086_084_659_427_000), Some("nmap"));
    assert_eq!(at(1_476_086_084_659_426_999), None);
    let quiet = Truth::beside(&data.join("qut_dnp3/control-frequent.pcap.gz")).unwrap().unwrap();
    assert!(quiet.attacks().is_empty());
}

proptest::proptest! {
    /// A valid file with one stretch of it exchanged is read or refused, but never a panic.
    #[test]
    fn damaged_files_are_refused(file in 0usize..3, from in 0usize..120, length in 0usize..30, by in "[ -~\n\\PC]{0,12}") {
        let mut texts = [
            "[[rule]]\nattack=\"a\"\nstart=2016-10-10T07:54:45Z\nip=[\"10.0.0.0/8\"]\nport=\"1-9\"\nproto=6\nintervals=\"i\"\npackets=\"p\"\n",
            "start_epoch_s,end_epoch_s,attack\n1476086085.5,1476086086,scan\n1,2,\"a,b\"\n",
            "1;0\n2;1\n3;scan\n",
        ]
        .map(str::to_owned);
        let chars: Vec<char> = texts[file].chars().collect();
        let (from, to) = (from.min(chars.len()), (from + length).min(chars.len()));
        texts[file] = chars[..from].iter().copied().chain(by.chars()).chain(chars[to..].iter().copied()).collect();
        let _ = read(&texts[0], &[("i", &texts[1]), ("p", &texts[2])]);
    }
}
