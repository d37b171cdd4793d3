//! Tables of labelled flows, as benchmarks publish them: CICFlowMeter's and UNSW's CSV, Zeek's `conn.log.labeled`, Argus'
//! binetflow, MAWILab's lists of addresses. A packet belongs to a flow if it goes between the flow's ends while it lasts.
//!
//! What a table is made of is told by the names of its columns, which differ from tool to tool but not in what they mean.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::IpAddr;
use std::path::Path;

use etherparse::IpNumber;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::AttackId;
use super::proto::Proto;
use super::steps::{NO_ATTACK, RULE_ATTACK, Steps};
use super::table::{Names, fields};
use super::value;
use crate::error::{Error, ErrorKind, Result};
use crate::packet::{Host, Packet, Transport};

/// What a table's values mean where that differs from table to table.
#[derive(Clone, Debug, Default)]
pub(super) struct Reading {
    /// Labels that are no attacks, with `*` for anything; none for the usual words.
    pub benign: Vec<String>,
    /// How times are written, as strptime has it; tried in this order before RFC 3339 and epoch seconds.
    pub times: Vec<String>,
    /// What has to be added to a time to have UTC.
    pub to_utc_ns: i64,
    /// Widens every flow at both ends.
    pub slack_ns: i64,
    /// Whether the rule names the attack, whatever the table says.
    pub has_attack: bool,
}

/// Columns by what they hold, and the names that tools give them (in lower case, with `_` for what is no letter).
const COLUMNS: [(Column, &[&str]); 11] = [
    (Column::SrcIp, &["src_ip", "source_ip", "srcip", "srcaddr", "id_orig_h"]),
    (Column::SrcPort, &["src_port", "source_port", "srcport", "sport", "id_orig_p"]),
    (Column::DstIp, &["dst_ip", "destination_ip", "dstip", "dstaddr", "id_resp_h"]),
    (Column::DstPort, &["dst_port", "destination_port", "dstport", "dport", "dsport", "id_resp_p"]),
    (Column::Proto, &["proto", "protocol"]),
    (Column::Start, &["timestamp", "stime", "starttime", "start_time", "ts"]),
    (Column::End, &["ltime", "end_time", "endtime"]),
    (Column::Seconds, &["duration", "dur"]),
    (Column::Micros, &["flow_duration"]),
    (Column::Label, &["label"]),
    (Column::Name, &["attack_cat", "detailed_label", "taxonomy", "type"]),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    SrcIp,
    SrcPort,
    DstIp,
    DstPort,
    Proto,
    Start,
    End,
    Seconds,
    Micros,
    Label,
    Name,
}

/// The four files of UNSW-NB15 have no line of names: where theirs stand among their 49 columns.
const UNSW_WIDTH: usize = 49;
const UNSW: [(usize, Column); 10] = [
    (0, Column::SrcIp),
    (1, Column::SrcPort),
    (2, Column::DstIp),
    (3, Column::DstPort),
    (4, Column::Proto),
    (6, Column::Seconds),
    (28, Column::Start),
    (29, Column::End),
    (47, Column::Name),
    (48, Column::Label),
];

/// Words for labels that are no attack.
const BENIGN: [&str; 7] = ["", "-", "0", "false", "benign", "normal", "background"];

/// Who speaks with whom; what a table does not tell is none, and holds for anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Ends {
    src: Option<Host>,
    dst: Option<Host>,
    src_port: Option<u16>,
    dst_port: Option<u16>,
    proto: Option<Proto>,
}

impl Ends {
    /// Which of the five are known.
    fn mask(&self) -> [bool; 5] {
        let Self { src, dst, src_port, dst_port, proto } = self;
        [src.is_some(), dst.is_some(), src_port.is_some(), dst_port.is_some(), proto.is_some()]
    }

    /// The same with only those that `mask` knows; none if one of them is missing here.
    fn seen_through(&self, mask: [bool; 5]) -> Option<Self> {
        let seen = Self {
            src: self.src.filter(|_| mask[0]),
            dst: self.dst.filter(|_| mask[1]),
            src_port: self.src_port.filter(|_| mask[2]),
            dst_port: self.dst_port.filter(|_| mask[3]),
            proto: self.proto.filter(|_| mask[4]),
        };
        (seen.mask() == mask).then_some(seen)
    }

    fn reversed(self) -> Self {
        Self { src: self.dst, dst: self.src, src_port: self.dst_port, dst_port: self.src_port, proto: self.proto }
    }

    fn of(packet: &Packet<'_>) -> Self {
        let ports = match packet.transport {
            Transport::Tcp(tcp) => Some((tcp.src_port, tcp.dst_port)),
            Transport::Udp { src_port, dst_port } | Transport::Ports { src_port, dst_port, .. } => {
                Some((src_port, dst_port))
            }
            _ => None,
        };
        Self {
            src: Some(packet.src),
            dst: Some(packet.dst),
            src_port: ports.map(|ports| ports.0),
            dst_port: ports.map(|ports| ports.1),
            proto: Proto::of(packet.transport),
        }
    }
}

/// When which attack began and ended.
type Intervals = Vec<(i64, i64, AttackId)>;

/// The attacks of a table: of each pair of ends when which attack went on.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Flows {
    /// By what is known of the ends.
    groups: Vec<([bool; 5], HashMap<Ends, Steps>)>,
}

impl Flows {
    /// Reads the attacks of the table at `path`; other flows are passed over.
    pub fn read(path: &Path, reading: &Reading, names: &mut Names) -> Result<Self> {
        let io = |error: std::io::Error| Error::io(path, &error);
        let wrong =
            |line: usize, what: String| Error::new(ErrorKind::Truth, path.display(), format!("{what} (line {line})"));
        let mut file = BufReader::with_capacity(1 << 20, File::open(path).map_err(io)?);
        let mut layout: Option<Layout> = None;
        let mut found: Vec<([bool; 5], HashMap<Ends, Intervals>)> = Vec::new();
        let (mut bytes, mut line) = (Vec::new(), 0);
        loop {
            bytes.clear();
            line += 1;
            if file.read_until(b'\n', &mut bytes).map_err(io)? == 0 {
                break;
            }
            // Some of these tables hold a dash of Windows' own in otherwise plain text.
            let text = String::from_utf8_lossy(&bytes);
            let text = text.trim_start_matches('\u{feff}').trim_end_matches(['\r', '\n']);
            let zeek = text.strip_prefix("#fields");
            if text.trim().is_empty() || (text.starts_with('#') && zeek.is_none()) {
                continue;
            }
            if layout.is_none() || zeek.is_some() {
                let (of, has_names) = Layout::of(zeek.unwrap_or(text), zeek.is_some()).ok_or_else(|| {
                    let columns = "source and destination addresses, and of labels";
                    wrong(line, format!("no columns of {columns}"))
                        .hint("it takes flows as CICFlowMeter, UNSW-NB15, Zeek, Argus and MAWILab write them, with their line of names")
                })?;
                layout = Some(of);
                if has_names {
                    continue;
                }
            }
            let Some(layout) = &layout else { continue };
            let Some(flow) = layout.flow(text, reading).map_err(|what| wrong(line, what))? else { continue };
            let attack = match flow.attack {
                Some(name) => names.id(&name).map_err(|what| wrong(line, what))?,
                None => RULE_ATTACK,
            };
            let mask = flow.ends.mask();
            let place = found.iter().position(|(known, _)| *known == mask).unwrap_or_else(|| {
                found.push((mask, HashMap::new()));
                found.len() - 1
            });
            found[place].1.entry(flow.ends).or_default().push((flow.from_ns, flow.to_ns, attack));
        }
        if layout.is_none() {
            return Err(Error::new(ErrorKind::Truth, path.display(), "is empty").hint("download it again"));
        }
        let steps = |(mask, flows): ([bool; 5], HashMap<Ends, Intervals>)| {
            (mask, flows.into_iter().map(|(ends, times)| (ends, Steps::from_intervals(&times))).collect())
        };
        Ok(Self { groups: found.into_iter().map(steps).collect() })
    }

    /// The attack that a packet belongs to; no attack if none.
    pub fn at(&self, packet: &Packet<'_>) -> AttackId {
        let there = Ends::of(packet);
        for (mask, flows) in &self.groups {
            // Of a flow both directions belong to it; a list of addresses says who is meant.
            let back = (mask[0] && mask[1]).then(|| there.reversed());
            for ends in [Some(there), back].into_iter().flatten().filter_map(|ends| ends.seen_through(*mask)) {
                let attack = flows.get(&ends).map_or(NO_ATTACK, |steps| steps.at(packet.time_ns));
                if attack != NO_ATTACK {
                    return attack;
                }
            }
        }
        NO_ATTACK
    }

    /// Exchanges every attack for what `new` names it.
    pub fn renumber(&mut self, new: impl Fn(AttackId) -> AttackId) {
        self.groups.iter_mut().flat_map(|(_, flows)| flows.values_mut()).for_each(|steps| steps.renumber(&new));
    }
}

/// An attack's flow.
struct Flow {
    ends: Ends,
    from_ns: i64,
    to_ns: i64,
    /// None if the rule names it.
    attack: Option<String>,
}

/// Where what stands in a line.
struct Layout {
    separator: char,
    /// Whether the last fields are parted by spaces, as in IoT-23's additions to Zeek's logs.
    zeek: bool,
    columns: Vec<(Column, usize)>,
}

impl Layout {
    /// The layout that a first line tells, and whether that line names columns; none if it is not that of a table of flows.
    fn of(line: &str, zeek: bool) -> Option<(Self, bool)> {
        let separator = match line {
            _ if zeek => '\t',
            line if line.contains(',') => ',',
            line if line.contains(';') => ';',
            _ => '\t',
        };
        let layout = Self { separator, zeek, columns: Vec::new() };
        let fields: Vec<String> = layout.fields(line.trim_start_matches('\t')).map(|name| plain(&name)).collect();
        let mut columns: Vec<(Column, usize)> = Vec::new();
        for (column, spellings) in COLUMNS {
            let place = spellings.iter().find_map(|spelling| fields.iter().position(|field| field == spelling));
            columns.extend(place.map(|place| (column, place)));
        }
        let has = |column| columns.iter().any(|&(known, _)| known == column);
        if (has(Column::SrcIp) || has(Column::DstIp)) && (has(Column::Label) || has(Column::Name)) {
            return Some((Self { columns, ..layout }, true));
        }
        let first = line.split(separator).next()?.trim();
        let columns = UNSW.map(|(place, column)| (column, place)).to_vec();
        (fields.len() == UNSW_WIDTH && first.parse::<IpAddr>().is_ok()).then_some((Self { columns, ..layout }, false))
    }

    fn fields<'t>(&self, line: &'t str) -> impl Iterator<Item = std::borrow::Cow<'t, str>> {
        let zeek = self.zeek;
        fields(line, self.separator).flat_map(move |field| {
            let parts: Vec<&str> =
                if zeek && field.contains("  ") { field.split_whitespace().collect() } else { vec![field] };
            parts.into_iter().map(std::borrow::Cow::Borrowed)
        })
    }

    /// The flow of a line, none if it is benign.
    fn flow(&self, line: &str, reading: &Reading) -> std::result::Result<Option<Flow>, String> {
        let fields: Vec<_> = self.fields(line).collect();
        let place = |column| self.columns.iter().find(|&&(known, _)| known == column).map(|&(_, place)| place);
        let told = |column| place(column).and_then(|place| fields.get(place)).map(|field| field.trim());
        let get = |column| told(column).filter(|text| !matches!(*text, "" | "-" | "(empty)"));

        let name = get(Column::Name);
        let label = if place(Column::Label).is_some() { get(Column::Label) } else { name }.unwrap_or_default();
        if is_benign(label, &reading.benign) {
            return Ok(None);
        }
        let number = matches!(label, "1" | "1.0" | "true" | "True").then_some("attack");
        let attack = name.filter(|name| !is_benign(name, &[])).or(number).unwrap_or(label);
        let attack = (!reading.has_attack).then(|| attack.to_owned());

        let address = |column| {
            get(column)
                .map(|text| text.parse::<IpAddr>().map(Host::from).map_err(|_| format!("`{text}` is no address")))
                .transpose()
        };
        let port =
            |column| get(column).map(|text| port(text).ok_or_else(|| format!("`{text}` is no port"))).transpose();
        let protocol = get(Column::Proto).map(|text| (text, protocol(text)));
        let ported = match protocol {
            None => true,
            Some((_, known)) => known.is_some_and(Proto::has_ports),
        };
        let ends = Ends {
            src: address(Column::SrcIp)?,
            dst: address(Column::DstIp)?,
            src_port: if ported { port(Column::SrcPort)? } else { None },
            dst_port: if ported { port(Column::DstPort)? } else { None },
            // A name that nobody knows still stands between two known ends.
            proto: protocol.and_then(|(_, known)| known),
        };
        if ends.src.is_none() && ends.dst.is_none() {
            return Err("neither end has an address".to_owned());
        }
        let time = |column| {
            let time = |text: &str| time(text, reading).ok_or_else(|| format!("`{text}` is no time"));
            get(column).map(time).transpose()
        };
        let lasted = |column, unit: f64| {
            get(column).and_then(|text| text.parse::<f64>().ok()).map(|length| (length.max(0.0) * unit) as i64)
        };
        let (start, end) = (time(Column::Start)?, time(Column::End)?);
        let length = lasted(Column::Micros, 1e3).or_else(|| lasted(Column::Seconds, 1e9)).unwrap_or(0);
        let from_ns = start.map_or(i64::MIN, |start| start.saturating_sub(reading.slack_ns));
        let to_ns = start.map_or(i64::MAX, |start| {
            end.unwrap_or(start).max(start.saturating_add(length)).saturating_add(reading.slack_ns)
        });
        Ok(Some(Flow { ends, from_ns, to_ns, attack }))
    }
}

/// A column's name as [`COLUMNS`] has it.
fn plain(name: &str) -> String {
    let letters = name.trim().chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' });
    letters.collect::<String>().trim_matches('_').to_owned()
}

/// Whether a label is no attack: one of `patterns`, or of the usual words if there are none.
fn is_benign(label: &str, patterns: &[String]) -> bool {
    if patterns.is_empty() {
        return BENIGN.iter().any(|word| word.eq_ignore_ascii_case(label));
    }
    let label = label.to_ascii_lowercase();
    patterns.iter().any(|pattern| matches(&pattern.to_ascii_lowercase(), &label))
}

/// Whether `text` is of the form `pattern`, in which `*` stands for anything.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// A port, decimal or hexadecimal.
fn port(text: &str) -> Option<u16> {
    match text.strip_prefix("0x") {
        Some(digits) => u16::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// A protocol by its number or its name; ARP is one.
fn protocol(text: &str) -> Option<Proto> {
    let known = |number: &u8| IpNumber(*number).keyword_str().is_some_and(|name| name.eq_ignore_ascii_case(text));
    value::proto(text).or_else(|| (0..=u8::MAX).find(known).map(Proto::Ip))
}

/// Nanoseconds since the epoch.
fn time(text: &str, reading: &Reading) -> Option<i64> {
    let civil = |pattern: &String| {
        let time = DateTime::strptime(pattern, text).ok()?.to_zoned(TimeZone::UTC).ok()?;
        i64::try_from(time.timestamp().as_nanosecond()).ok()
    };
    let local = reading.times.iter().find_map(civil).or_else(|| value::time(text))?;
    local.checked_add(reading.to_utc_ns)
}
