//! The tables that rules refer to: intervals, and labels packet by packet.

use std::collections::BTreeMap;
use std::path::Path;

use crate::error::{Error, ErrorKind, Result};

use super::AttackId;
use super::steps::{MOST_ATTACKS, NO_ATTACK, RULE_ATTACK, Steps};
use super::value;

const INTERVALS_HEADER: &str = "start_epoch_s,end_epoch_s,attack";

/// The attacks' names in the order in which they were met.
#[derive(Default)]
pub(super) struct Names(BTreeMap<String, AttackId>);

impl Names {
    /// The number that stands for the attack `name`, or why it can be none.
    pub fn id(&mut self, name: &str) -> std::result::Result<AttackId, String> {
        if name.is_empty() || Verdict::of(name) == Verdict::Benign {
            return Err(format!("`{name}` is no attack's name"));
        }
        if let Some(&id) = self.0.get(name) {
            return Ok(id);
        }
        let id = self.0.len();
        if id == MOST_ATTACKS {
            return Err(format!("more than {MOST_ATTACKS} attacks"));
        }
        self.0.insert(name.to_owned(), id as AttackId);
        Ok(id as AttackId)
    }

    /// The names in order, and for every number given so far the name's place in that order.
    pub fn sorted(self) -> (Vec<String>, Vec<AttackId>) {
        let mut place = vec![0; self.0.len()];
        for (sorted, &id) in self.0.values().enumerate() {
            place[id as usize] = sorted as AttackId;
        }
        (self.0.into_keys().collect(), place)
    }
}

/// What a table's value says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict<'a> {
    Benign,
    Attack,
    Named(&'a str),
}

impl<'a> Verdict<'a> {
    fn of(value: &'a str) -> Self {
        let is = |word: &&str| value.eq_ignore_ascii_case(word);
        if ["", "0", "false", "benign"].iter().any(is) {
            Verdict::Benign
        } else if ["1", "true"].iter().any(is) {
            Verdict::Attack
        } else {
            Verdict::Named(value)
        }
    }
}

/// A table's file: its text is read already, its path is for messages.
pub(super) struct Table<'a> {
    pub path: &'a Path,
    pub text: &'a str,
}

impl Table<'_> {
    /// The attacks by time, each interval wider by `slack_ns` at both ends. If the rule `has_attack`, that is what they
    /// are called, whatever the column says.
    pub fn intervals(&self, slack_ns: i64, has_attack: bool, names: &mut Names) -> Result<Steps> {
        let mut lines = self.lines();
        let (_, header) = lines.next().unwrap_or((1, ""));
        let separator = if header.contains(';') { ';' } else { ',' };
        let columns: Vec<&str> = fields(header, separator).collect();
        let column = |name: &str| columns.iter().position(|&column| column == name);
        let needed = |name: &str| {
            let hint = format!("the header is {INTERVALS_HEADER}");
            column(name).ok_or_else(|| self.wrong(1, format!("no column `{name}`")).hint(hint))
        };
        let (start_column, end_column) = (needed("start_epoch_s")?, needed("end_epoch_s")?);
        let attack_column = if has_attack { column("attack") } else { Some(needed("attack")?) };

        let mut intervals = Vec::new();
        for (line, text) in lines.filter(|(_, text)| !text.is_empty()) {
            let fields: Vec<&str> = fields(text, separator).collect();
            let time = |column: usize| {
                let field = fields.get(column).copied().unwrap_or_default();
                value::time(field).ok_or_else(|| {
                    let what = format!("`{field}` in column `{}` is not a time", columns[column]);
                    self.wrong(line, what).hint("write epoch seconds, as in 1476086085.659427")
                })
            };
            let (start, end) = (time(start_column)?, time(end_column)?);
            if end < start {
                return Err(self.wrong(line, "the interval ends before it starts"));
            }
            let name = attack_column.and_then(|column| fields.get(column).copied()).unwrap_or_default();
            let attack = match Verdict::of(name) {
                Verdict::Benign if !name.is_empty() => continue,
                _ if has_attack => RULE_ATTACK,
                Verdict::Benign => {
                    let hint = "fill the column `attack`, or give the rule an `attack`";
                    return Err(self.wrong(line, "the interval has no attack's name").hint(hint));
                }
                Verdict::Attack => names.id("attack").map_err(|what| self.wrong(line, what))?,
                Verdict::Named(name) => names.id(name).map_err(|what| self.wrong(line, what))?,
            };
            intervals.push((start.saturating_sub(slack_ns), end.saturating_add(slack_ns), attack));
        }
        Ok(Steps::from_intervals(&intervals))
    }

    /// The attacks by packet number: lines of "number;value" or "number,value", or else one value a line, from packet 1.
    pub fn packets(&self, names: &mut Names) -> Result<Steps> {
        let first = self.lines().map(|(_, text)| text).find(|text| !text.is_empty()).unwrap_or_default();
        let separator = [';', ','].into_iter().find(|&separator| first.contains(separator));
        let mut points: Vec<(i64, AttackId)> = Vec::new();
        for (line, text) in self.lines() {
            let (number, name) = match separator {
                None => (line as i64, text.trim_matches('"')),
                Some(_) if text.is_empty() => continue,
                Some(separator) => {
                    let mut fields = fields(text, separator);
                    let (Some(number), Some(name), None) = (fields.next(), fields.next(), fields.next()) else {
                        return Err(self.wrong(line, format!("`{text}` is not \"number{separator}value\"")));
                    };
                    let is_header = line == 1 && !number.contains(|c: char| c.is_ascii_digit());
                    if is_header {
                        continue;
                    }
                    let number = number.parse().ok().filter(|&number: &i64| number > 0).ok_or_else(|| {
                        let hint = "packets are numbered from 1";
                        self.wrong(line, format!("`{number}` is not a packet's number")).hint(hint)
                    })?;
                    (number, name)
                }
            };
            let value = match Verdict::of(name) {
                Verdict::Benign => NO_ATTACK,
                Verdict::Attack => RULE_ATTACK,
                Verdict::Named(name) => names.id(name).map_err(|what| self.wrong(line, what))?,
            };
            points.push((number, value));
        }
        points.sort_by_key(|&(number, _)| number);
        if let Some(pair) = points.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            let what = format!("packet {} has two labels", pair[0].0);
            return Err(Error::new(ErrorKind::Truth, self.path.display(), what).hint("keep one line a packet"));
        }
        Ok(Steps::from_points(&points))
    }

    /// The lines, trimmed, with their numbers from 1.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(before, text)| (before + 1, text.trim()))
    }

    fn wrong(&self, line: usize, what: impl std::fmt::Display) -> Error {
        Error::new(ErrorKind::Truth, self.path.display(), format!("{what} (line {line})"))
    }
}

/// A line's fields; a separator inside quotes separates nothing (RFC 4180).
pub(super) fn fields(line: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    let separates = move |c: char| {
        quoted ^= c == '"';
        c == separator && !quoted
    };
    line.split(separates).map(|field| field.trim().trim_matches('"').trim())
}
