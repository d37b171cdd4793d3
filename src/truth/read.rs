//! From the text of a labels file to rules.

use std::fmt::Display;
use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::error::{Error, ErrorKind, Result};
use crate::packet::{Side, Subnet, subnet};

use super::flows::{Flows, Reading};
use super::rule::{Condition, Rule};
use super::steps::RULE_ATTACK;
use super::table::{Names, Table};
use super::{Truth, value};

/// The keys of a rule.
const KEYS: [&str; 21] = [
    "attack",
    "start",
    "end",
    "ip",
    "src_ip",
    "dst_ip",
    "mac",
    "src_mac",
    "dst_mac",
    "port",
    "src_port",
    "dst_port",
    "proto",
    "intervals",
    "slack",
    "packets",
    "flows",
    "benign",
    "times",
    "utc_offset",
    "whole_file",
];

/// The cure for what is no labels file at all.
const EXAMPLE: &str =
    "it takes a line `[[rule]]`, and below it lines such as `attack = \"scan\"` and `src_ip = \"10.0.0.7\"`";

type Value<'a> = Spanned<DeValue<'a>>;

/// Reads the labels file at `path`.
pub(super) fn labels(path: &Path) -> Result<Truth> {
    let text = read(path)?;
    let mut file = File { path, text: &text, names: Names::default() };
    let mut rules = file.rules()?;
    let (attacks, place) = file.names.sorted();
    for rule in &mut rules {
        rule.attack = rule.attack.map(|id| place[id as usize]);
        for steps in [&mut rule.intervals, &mut rule.packets].into_iter().flatten() {
            steps.renumber(|id| place[id as usize]);
        }
        if let Some(flows) = &mut rule.flows {
            flows.renumber(|id| place[id as usize]);
        }
    }
    Ok(Truth { attacks, rules })
}

/// The text of a file, without a byte-order mark.
fn read(path: &Path) -> Result<String> {
    let bytes = std::fs::read(path).map_err(|source| Error::io(path, &source))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let place = error.utf8_error().valid_up_to();
        Error::new(ErrorKind::Truth, path.display(), format!("is not UTF-8 text (byte {place})")).hint(EXAMPLE)
    })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// A labels file that is being read.
struct File<'a> {
    path: &'a Path,
    text: &'a str,
    names: Names,
}

impl File<'_> {
    fn rules(&mut self) -> Result<Vec<Rule>> {
        let document = DeTable::parse(self.text).map_err(|error| {
            let what = error.message().trim().replace('\n', ", ");
            self.wrong(error.span().unwrap_or_default(), format!("not TOML: {what}")).hint(EXAMPLE)
        })?;
        if let Some((key, _)) = document.get_ref().iter().find(|(key, _)| key.get_ref() != "rule") {
            let error = self.wrong(key.span(), format!("unknown key `{}` outside a rule", key.get_ref()));
            return Err(match nearest(key.get_ref(), &["rule"]) {
                Some(key) => error.hint(format!("did you mean `{key}`?")),
                None => error.hint("the keys of a rule stand below a line `[[rule]]`"),
            });
        }
        let hint = "write `[[rule]]` above each rule, or `rule = []` for a capture without attacks";
        let Some(rules) = document.get_ref().get("rule") else {
            return Err(Error::new(ErrorKind::Truth, self.path.display(), "holds no rule").hint(hint));
        };
        let DeValue::Array(rules) = rules.get_ref() else {
            return Err(self.wrong(rules.span(), "`rule` is not a list of tables").hint(hint));
        };
        rules
            .iter()
            .map(|rule| match rule.get_ref() {
                DeValue::Table(table) => self.rule(table, rule.span()),
                _ => Err(self.wrong(rule.span(), "`rule` is not a list of tables").hint(hint)),
            })
            .collect()
    }

    fn rule(&mut self, table: &DeTable<'_>, span: Range<usize>) -> Result<Rule> {
        let mut rule = Rule::default();
        let (mut start, mut end, mut slack) = (None, None, None);
        let (mut intervals, mut packets, mut flows, mut whole_file) = (None, None, None, false);
        let (mut reading, mut of_flows) = (Reading::default(), None);
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            match name {
                "attack" => {
                    let attack = self.string(name, value)?.trim();
                    rule.attack = Some(self.names.id(attack).map_err(|what| self.wrong(value.span(), what))?);
                }
                "start" => start = Some(self.time(name, value)?),
                "end" => end = Some(self.time(name, value)?),
                "ip" | "src_ip" | "dst_ip" => {
                    let networks =
                        self.list(name, value, Subnet::parse, "addresses or networks, as in \"10.0.0.0/8\"")?;
                    rule.conditions.push(Condition::Ip(side(name), networks));
                }
                "mac" | "src_mac" | "dst_mac" => {
                    let macs = self.list(name, value, subnet::mac, "MAC addresses, as in \"00:10:18:cb:8c:13\"")?;
                    rule.conditions.push(Condition::Mac(side(name), macs));
                }
                "port" | "src_port" | "dst_port" => {
                    let ports =
                        self.list(name, value, value::ports, "ports from 0 to 65535, as in 22 or \"1000-2000\"")?;
                    rule.conditions.push(Condition::Port(side(name), ports));
                }
                "proto" => {
                    let known = "\"tcp\", \"udp\", \"icmp\", \"icmp6\", \"arp\" or numbers of IP protocols";
                    rule.conditions.push(Condition::Proto(self.list(name, value, value::proto, known)?));
                }
                "slack" => {
                    let example = "a duration, as in \"1s\" or \"500ms\", or a number of seconds, not negative";
                    let parse = |text: &str| value::duration(text).filter(|&ns| ns >= 0);
                    slack = Some((self.scalar(name, value, parse, example)?, key.span()));
                }
                "intervals" => intervals = Some((self.string(name, value)?, value.span())),
                "packets" => packets = Some((self.string(name, value)?, value.span())),
                "flows" => flows = Some((self.string(name, value)?, value.span())),
                "benign" | "times" | "utc_offset" => {
                    of_flows = Some((name.to_owned(), key.span()));
                    match name {
                        "benign" => reading.benign = self.list(name, value, |text| Some(text.to_owned()), "labels")?,
                        "times" => reading.times = self.list(name, value, |text| Some(text.to_owned()), "patterns")?,
                        _ => {
                            let example = "an offset from UTC, as in \"-03:00\"";
                            reading.to_utc_ns = -self.scalar(name, value, value::offset, example)?;
                        }
                    }
                }
                "whole_file" => match value.get_ref() {
                    DeValue::Boolean(whole) => whole_file = *whole,
                    _ => return Err(self.refused(name, value, "true or false")),
                },
                _ => {
                    let error = self.wrong(key.span(), format!("unknown key `{name}`"));
                    return Err(match nearest(name, &KEYS) {
                        Some(key) => error.hint(format!("did you mean `{key}`?")),
                        None => error.hint(format!("a rule's keys are {}", KEYS.join(", "))),
                    });
                }
            }
        }

        if start.is_some() || end.is_some() {
            let (first, last) = (start.unwrap_or(i64::MIN), end.unwrap_or(i64::MAX));
            if last < first {
                return Err(self.wrong(span, "the rule's `end` is before its `start`"));
            }
            // First, since it is the cheapest to look at and leaves out the most.
            rule.conditions.insert(0, Condition::Time(first..=last));
        }
        if rule.conditions.is_empty() && intervals.is_none() && packets.is_none() && flows.is_none() && !whole_file {
            let hint = "add `whole_file = true` if every packet belongs to the attack";
            return Err(self.wrong(span, "a rule without conditions").hint(hint));
        }
        if rule.attack.is_none() && intervals.is_none() && packets.is_none() && flows.is_none() {
            return Err(self.wrong(span, "a rule without a name").hint("add `attack = \"NAME\"`"));
        }
        if let (Some((key, span)), None) = (&of_flows, &flows) {
            return Err(self
                .wrong(span.clone(), format!("`{key}` without `flows`"))
                .hint("it says how flows are read"));
        }
        if let Some((name, span)) = flows {
            let path = self.path.with_file_name(name);
            let reading = Reading {
                slack_ns: slack.as_ref().map_or(0, |&(ns, _)| ns),
                has_attack: rule.attack.is_some(),
                ..reading
            };
            rule.flows = Some(Flows::read(&path, &reading, &mut self.names).map_err(|error| {
                let wrong = self.wrong(span, format!("cannot read `flows`: {}: {}", error.subject, error.what));
                wrong.hint(error.hint.unwrap_or_else(|| "the name is relative to the labels file".to_owned()))
            })?);
        }
        match (&slack, &intervals) {
            (Some(_), None) if rule.flows.is_some() => {}
            (Some((_, slack)), None) => {
                let hint = "it widens intervals and flows alone";
                return Err(self.wrong(slack.clone(), "`slack` without `intervals`").hint(hint));
            }
            (_, Some((name, span))) => {
                let (path, text) = self.referred("intervals", name, span)?;
                let slack_ns = slack.map_or(0, |(ns, _)| ns);
                let table = Table { path: &path, text: &text };
                rule.intervals = Some(table.intervals(slack_ns, rule.attack.is_some(), &mut self.names)?);
            }
            (None, None) => {}
        }
        if let Some((name, span)) = packets {
            let (path, text) = self.referred("packets", name, &span)?;
            let steps = Table { path: &path, text: &text }.packets(&mut self.names)?;
            if rule.attack.is_none() && rule.intervals.is_none() && steps.holds(RULE_ATTACK) {
                rule.attack = Some(self.names.id("attack").map_err(|what| self.wrong(span, what))?);
            }
            rule.packets = Some(steps);
        }
        Ok(rule)
    }

    /// The table that `key` refers to: its path and its text.
    fn referred(&self, key: &str, name: &str, span: &Range<usize>) -> Result<(std::path::PathBuf, String)> {
        let path = self.path.with_file_name(name);
        let text = read(&path).map_err(|error| {
            let what = format!("cannot read `{key}`: {}: {}", error.subject, error.what);
            self.wrong(span.clone(), what).hint("the name is relative to the labels file")
        })?;
        Ok((path, text))
    }

    fn string<'v>(&self, key: &str, value: &'v Value<'_>) -> Result<&'v str> {
        value.get_ref().as_str().ok_or_else(|| self.refused(key, value, "text in quotes"))
    }

    fn time(&self, key: &str, value: &Value<'_>) -> Result<i64> {
        self.scalar(key, value, value::time, "a time, as in 2016-10-10T07:54:45Z, or epoch seconds")
    }

    /// The members of a list, or of a single value that stands for a list of one.
    fn list<T>(&self, key: &str, value: &Value<'_>, parse: fn(&str) -> Option<T>, expected: &str) -> Result<Vec<T>> {
        match value.get_ref() {
            DeValue::Array(values) if values.is_empty() => Err(self
                .wrong(value.span(), format!("`{key}` is an empty list"))
                .hint("leave it out to match everything")),
            DeValue::Array(values) => values.iter().map(|value| self.scalar(key, value, parse, expected)).collect(),
            _ => Ok(vec![self.scalar(key, value, parse, expected)?]),
        }
    }

    fn scalar<T>(&self, key: &str, value: &Value<'_>, parse: impl Fn(&str) -> Option<T>, expected: &str) -> Result<T> {
        text(value.get_ref()).and_then(|text| parse(&text)).ok_or_else(|| self.refused(key, value, expected))
    }

    fn refused(&self, key: &str, value: &Value<'_>, expected: &str) -> Error {
        let written = self.text.get(value.span()).unwrap_or_default();
        self.wrong(value.span(), format!("`{key}` cannot be {written}")).hint(format!("it takes {expected}"))
    }

    fn wrong(&self, span: Range<usize>, what: impl Display) -> Error {
        let before = self.text.as_bytes().iter().take(span.start);
        let line = 1 + before.filter(|&&byte| byte == b'\n').count();
        Error::new(ErrorKind::Truth, self.path.display(), format!("{what} (line {line})"))
    }
}

fn side(key: &str) -> Side {
    match key.split_once('_') {
        Some(("src", _)) => Side::Src,
        Some(("dst", _)) => Side::Dst,
        _ => Side::Either,
    }
}

/// A single value as text: numbers without TOML's `_` and bases, times in RFC 3339.
fn text(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(integer) => {
            i64::from_str_radix(integer.as_str(), integer.radix()).ok().map(|number| number.to_string())
        }
        DeValue::Float(float) => Some(float.as_str().to_owned()),
        DeValue::Datetime(time) => Some(time.to_string()),
        DeValue::Boolean(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

/// The key that `name` was probably meant to be: the nearest by edits, if not too many letters are wrong.
fn nearest(name: &str, keys: &[&'static str]) -> Option<&'static str> {
    let name = name.to_ascii_lowercase().replace('-', "_");
    let (edits, key) = keys.iter().map(|&key| (edits(&name, key), key)).min_by_key(|&(edits, _)| edits)?;
    (edits <= 1 + key.len() / 4).then_some(key)
}

/// Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b` (Damerau 1964, in its restricted
/// form).
fn edits(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            table[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let same = usize::from(a[i - 1] != b[j - 1]);
                let mut least = (table[i - 1][j] + 1).min(table[i][j - 1] + 1).min(table[i - 1][j - 1] + same);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    least = least.min(table[i - 2][j - 2] + 1);
                }
                least
            };
        }
    }
    table[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_keys() {
        for (written, key) in [
            ("scr_ip", "src_ip"),
            ("atack", "attack"),
            ("dst-port", "dst_port"),
            ("Slack", "slack"),
            ("wholefile", "whole_file"),
        ] {
            assert_eq!(nearest(written, &KEYS), Some(key), "{written}");
        }
        assert_eq!(nearest("colour", &KEYS), None);
        assert_eq!(nearest("", &KEYS), None);
    }

    #[test]
    fn edits_by_hand() {
        assert_eq!(
            [edits("", "abc"), edits("abc", "abc"), edits("acb", "abc"), edits("kitten", "sitting")],
            [3, 0, 1, 3]
        );
    }
}
