//! Alerts that nobody wants to hear of, as an operator writes them down.
//!
//! ```toml
//! [[mute]]
//! entity = ["10.0.0.7", "10.1.0.0/16"]  # addresses, networks, or a row's whole name
//! feature = ["dns_names"]               # what made it an alert most of all
//! start = 2026-03-03T00:00:00Z          # by the packets' time
//! end = 2026-03-04T00:00:00Z
//! daily = "01:00-03:30"                 # the same hours of each day, UTC; may run over midnight
//! ```
//! An alert is muted if all conditions of a rule hold for the start of its window.

use serde::Deserialize;

use super::Alert;
use crate::packet::{Host, Subnet, subnet};

/// A rule as it is written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawMute {
    entity: Option<Vec<String>>,
    feature: Option<Vec<String>>,
    start: Option<toml::value::Datetime>,
    end: Option<toml::value::Datetime>,
    daily: Option<String>,
}

/// A rule that was checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Mute {
    entities: Option<Vec<Entity>>,
    features: Option<Vec<String>>,
    start_ns: i64,
    end_ns: i64,
    /// Minutes of the day.
    daily: Option<(i64, i64)>,
}

#[derive(Clone, Debug, PartialEq)]
enum Entity {
    Named(String),
    In(Subnet),
}

const MINUTE_NS: i64 = 60_000_000_000;
const DAY: i64 = 24 * 60;

impl RawMute {
    /// The rule, if it says something that can be.
    ///
    /// # Errors
    /// What it says that cannot be, in words.
    pub fn check(self) -> Result<Mute, String> {
        let Self { entity, feature, start, end, daily } = self;
        if entity.is_none() && feature.is_none() && start.is_none() && end.is_none() && daily.is_none() {
            return Err("a rule without conditions would mute everything".to_owned());
        }
        let entity_of = |text: String| Subnet::parse(&text).map_or(Entity::Named(text), Entity::In);
        let time =
            |time: Option<toml::value::Datetime>, otherwise| time.map_or(Ok(otherwise), |time| nanoseconds(&time));
        let daily = daily.map(|text| hours(&text).ok_or(format!("'{text}' is no part of a day, as 01:00-03:30 is")));
        Ok(Mute {
            entities: entity.map(|texts| texts.into_iter().map(entity_of).collect()),
            features: feature,
            start_ns: time(start, i64::MIN)?,
            end_ns: time(end, i64::MAX)?,
            daily: daily.transpose()?,
        })
    }
}

fn nanoseconds(time: &toml::value::Datetime) -> Result<i64, String> {
    let stamp: Result<jiff::Timestamp, _> = time.to_string().parse();
    stamp
        .ok()
        .and_then(|stamp| i64::try_from(stamp.as_nanosecond()).ok())
        .ok_or_else(|| format!("'{time}' is no time with its zone, as 2026-03-03T00:00:00Z is"))
}

/// `01:00-03:30` in minutes of the day.
fn hours(text: &str) -> Option<(i64, i64)> {
    let minutes = |text: &str| {
        let (hours, minutes) = text.trim().split_once(':')?;
        let (hours, minutes) = (hours.parse::<u8>().ok()?, minutes.parse::<u8>().ok()?);
        let all = i64::from(hours) * 60 + i64::from(minutes);
        (minutes < 60 && all <= DAY).then_some(all)
    };
    let (from, to) = text.split_once('-')?;
    Some((minutes(from)?, minutes(to)?))
}

impl Entity {
    fn is(&self, entity: &str, hosts: &[Host]) -> bool {
        match self {
            Self::Named(name) => name == entity,
            Self::In(subnet) => hosts.iter().any(|&host| subnet.contains(host)),
        }
    }
}

impl Mute {
    /// Whether nobody wants to hear of the alert.
    pub fn mutes(&self, alert: &Alert) -> bool {
        let start_ns = alert.window_start_ns;
        let minute = start_ns.div_euclid(MINUTE_NS).rem_euclid(DAY);
        let hosts: Vec<Host> = alert.entity.split(' ').filter_map(host).collect();
        let of = |entities: &Vec<Entity>| entities.iter().any(|entity| entity.is(&alert.entity, &hosts));
        let most = alert.reasons.first().map(|reason| &reason.feature);
        self.entities.as_ref().is_none_or(of)
            && self.features.as_ref().is_none_or(|features| most.is_some_and(|most| features.contains(most)))
            && (self.start_ns..self.end_ns).contains(&start_ns)
            && self.daily.is_none_or(|(from, to)| {
                if from <= to { (from..to).contains(&minute) } else { minute >= from || minute < to }
            })
    }
}

/// The host that a part of a row's name is: an address, with a port or without, or a MAC.
fn host(text: &str) -> Option<Host> {
    let address = text.parse().ok().or_else(|| text.parse::<std::net::SocketAddr>().ok().map(|end| end.ip()));
    address.map(Host::from).or_else(|| subnet::mac(text).map(Host::from_mac))
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    fn rule(text: &str) -> Result<Mute, String> {
        toml::from_str::<RawMute>(text).map_err(|error| error.message().to_owned())?.check()
    }

    fn alert(entity: &str, feature: &str, time: &str) -> Alert {
        let window_start_ns = time.parse::<jiff::Timestamp>().unwrap().as_nanosecond() as i64;
        Alert { window_start_ns, ..testing::alert(entity, feature) }
    }

    #[test]
    fn all_conditions_of_a_rule_have_to_hold() {
        let noon = "2026-03-03T12:00:00Z";
        for (rule_text, entity, feature, time, muted) in [
            ("entity = ['10.0.0.7']", "10.0.0.7", "packets", noon, true),
            ("entity = ['10.0.0.7']", "10.0.0.70", "packets", noon, false),
            ("entity = ['10.1.0.0/16', 'network']", "10.1.2.3", "packets", noon, true),
            ("entity = ['10.1.0.0/16', 'network']", "network", "packets", noon, true),
            ("entity = ['10.1.0.0/16']", "tcp 10.9.0.1:50000 > 10.1.0.2:80", "packets", noon, true),
            ("entity = ['02:00:00:00:00:01']", "02:00:00:00:00:01", "packets", noon, true),
            ("feature = ['dns_names', 'packets']", "a", "packets", noon, true),
            ("feature = ['dns_names']", "a", "packets", noon, false),
            ("entity = ['10.0.0.7']\nfeature = ['dns_names']", "10.0.0.7", "packets", noon, false),
            ("start = 2026-03-03T12:00:00Z", "a", "packets", noon, true),
            ("end = 2026-03-03T12:00:00Z", "a", "packets", noon, false),
            ("daily = '11:59-12:01'", "a", "packets", noon, true),
            ("daily = '12:01-11:59'", "a", "packets", noon, false),
            ("daily = '23:00-12:30'", "a", "packets", noon, true),
            ("daily = '23:00-24:00'", "a", "packets", "2026-03-03T23:59:59Z", true),
        ] {
            assert_eq!(rule(rule_text).unwrap().mutes(&alert(entity, feature, time)), muted, "{rule_text}: {entity}");
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for (text, told) in [
            ("", "without conditions"),
            ("daily = '25:00-26:00'", "no part of a day"),
            ("daily = 'night'", "no part of a day"),
            ("start = 2026-03-03", "no time with its zone"),
            ("hosts = []", "unknown field `hosts`"),
        ] {
            let error = rule(text).unwrap_err();
            assert!(error.contains(told), "{text}: {error}");
        }
    }
}
