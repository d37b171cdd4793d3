//! Alerts of one entity, joined over gaps: what happened, told when it begins, when it grows, and when it is over.
//!
//! What comes out depends on the alerts and on the times of the windows alone.

use std::collections::BTreeMap;

use serde::Serialize;
use xxhash_rust::xxh3::xxh3_64;

use super::{Alert, time};
use crate::window::{Busiest, Parties};

/// What a notice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Event {
    /// The first alert of an entity that was quiet.
    Opened,
    /// It has become more severe, or lasts twice as long as when it was last told of.
    Updated,
    /// No alert has followed for as long as the gap, or the watch is over.
    Closed,
}

/// How seldom such a row comes by chance, by how far its p-value lies below the threshold's. The threshold is a number of false
/// alarms a day; of one a day, `low` is up to one in ten days, `medium` up to one in a thousand, `high` up to one in a million.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Up to one decade below.
    Low,
    /// Up to three.
    Medium,
    /// Up to six.
    High,
    /// Beyond.
    Critical,
}

impl Severity {
    /// That of a score, −log₁₀ of the p-value.
    pub fn of(score: f64, threshold: f64) -> Self {
        match score - threshold {
            decades if decades >= 6.0 => Self::Critical,
            decades if decades >= 3.0 => Self::High,
            decades if decades >= 1.0 => Self::Medium,
            _ => Self::Low,
        }
    }

    /// Its name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// One message about an episode: an [`Alert`], that of the highest score so far, and what is around it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Notice {
    /// Which turn it has taken.
    pub event: Event,
    /// Its name, the same in all of its notices: of what it is, whose, and since when.
    pub episode: String,
    /// By its highest score so far.
    pub severity: Severity,
    /// When its first window begins, RFC 3339.
    pub started: String,
    /// When its latest window with an alert ends.
    pub ended: String,
    /// Alerts so far.
    pub alerts: u64,
    /// The one of the highest score.
    #[serde(flatten)]
    pub alert: Alert,
    /// With whom the entity was in that window, the busiest first.
    pub peers: Busiest,
    /// At which services.
    pub ports: Busiest,
    /// The file that holds its packets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// From when to when it lasts so far, nanoseconds since the epoch.
    #[serde(skip)]
    pub span_ns: (i64, i64),
}

/// An episode that may go on.
#[derive(Debug)]
struct Episode {
    start_ns: i64,
    end_ns: i64,
    alerts: u64,
    peak: Alert,
    parties: Parties,
    evidence: Option<String>,
    /// What was last told.
    told: Severity,
    /// Windows from the first to the latest at which it is told of next.
    next: i64,
}

/// The episodes that are going on.
#[derive(Debug)]
pub struct Episodes {
    gap_ns: i64,
    open: BTreeMap<String, Episode>,
    crowded: u64,
}

/// The gap that ends an episode unless the user names one: two windows, as for those of truth.
pub fn usual_gap_ns(window_ns: i64) -> i64 {
    window_ns.saturating_mul(2)
}

/// Whether an episode whose latest window ends then is over in a window that starts then.
fn over(end_ns: i64, start_ns: i64, gap_ns: i64) -> bool {
    start_ns.saturating_sub(end_ns) >= gap_ns
}

/// What an episode is called: of what it is, whose, and since when.
fn name(view: &str, entity: &str, start_ns: i64) -> String {
    format!("{:016x}", xxh3_64(format!("{view} {entity} {start_ns}").as_bytes()))
}

/// Windows that an episode lasts before its length alone is news.
const LONG: i64 = 8;

impl Episodes {
    /// Episodes that are open at once at most: one of everybody is one too many to look at each.
    pub const MOST: usize = 4096;

    /// None yet. Alerts of an entity are one episode if there is less than `gap_ns` between their windows.
    pub fn new(gap_ns: i64) -> Self {
        Self { gap_ns, open: BTreeMap::new(), crowded: 0 }
    }

    /// Takes in the alerts of a window, each with whom its entity was, and tells what is news. Windows come in the order of time.
    pub fn take(&mut self, window_start_ns: i64, alerts: Vec<(Alert, Parties)>) -> Vec<Notice> {
        let gap_ns = self.gap_ns;
        let mut notices = self.close(|episode| over(episode.end_ns, window_start_ns, gap_ns));
        for (alert, parties) in alerts {
            let severity = Severity::of(alert.score, alert.threshold);
            let end_ns = alert.window_start_ns.saturating_add(alert.window_ns);
            let Some(episode) = self.open.get_mut(&alert.entity) else {
                if self.open.len() >= Self::MOST {
                    self.crowded += 1;
                    continue;
                }
                let entity = alert.entity.clone();
                let episode = Episode {
                    start_ns: alert.window_start_ns,
                    end_ns,
                    alerts: 1,
                    peak: alert,
                    parties,
                    evidence: None,
                    told: severity,
                    next: LONG,
                };
                notices.push(episode.notice(Event::Opened));
                self.open.insert(entity, episode);
                continue;
            };
            episode.end_ns = end_ns;
            episode.alerts += 1;
            if alert.score > episode.peak.score {
                (episode.peak, episode.parties) = (alert, parties);
            }
            let windows = episode.end_ns.saturating_sub(episode.start_ns) / episode.peak.window_ns.max(1);
            if severity > episode.told || windows >= episode.next {
                episode.told = episode.told.max(severity);
                while episode.next <= windows {
                    episode.next = episode.next.saturating_mul(2);
                }
                notices.push(episode.notice(Event::Updated));
            }
        }
        notices
    }

    /// Closes them all.
    pub fn finish(&mut self) -> Vec<Notice> {
        self.close(|_| true)
    }

    fn close(&mut self, over: impl Fn(&Episode) -> bool) -> Vec<Notice> {
        self.open.extract_if(.., |_, episode| over(episode)).map(|(_, episode)| episode.notice(Event::Closed)).collect()
    }

    /// Names the file that holds the packets of the entity's episode, for the notices to come.
    pub fn keep_evidence(&mut self, entity: &str, file: String) {
        if let Some(episode) = self.open.get_mut(entity) {
            episode.evidence = Some(file);
        }
    }

    /// How many are going on.
    pub fn open(&self) -> usize {
        self.open.len()
    }

    /// What is known of those that are going on: so many at most, of the highest scores, the highest first.
    pub fn worst(&self, most: usize) -> Vec<Notice> {
        let mut open: Vec<&Episode> = self.open.values().collect();
        open.sort_by(|a, b| b.peak.score.total_cmp(&a.peak.score));
        open.into_iter().take(most).map(|episode| episode.notice(Event::Updated)).collect()
    }

    /// Alerts that opened no episode, for too many were open.
    pub fn crowded(&self) -> u64 {
        self.crowded
    }
}

impl Episode {
    fn notice(&self, event: Event) -> Notice {
        let Self { start_ns, peak, parties, .. } = self;
        Notice {
            event,
            episode: name(&peak.view, &peak.entity, *start_ns),
            severity: Severity::of(peak.score, peak.threshold),
            started: time(*start_ns),
            ended: time(self.end_ns),
            alerts: self.alerts,
            alert: peak.clone(),
            peers: parties.peers.clone(),
            ports: parties.ports.clone(),
            evidence: self.evidence.clone(),
            span_ns: (*start_ns, self.end_ns),
        }
    }
}

/// An alert, and the episode that it is of.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Named<'a> {
    /// The alert.
    #[serde(flatten)]
    pub alert: &'a Alert,
    /// The episode's name, as in a [`Notice`]; none in a table without times.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub episode: Option<String>,
}

/// Which episode an alert is of, where alerts are told one by one.
#[derive(Debug)]
pub struct Names {
    gap_ns: i64,
    /// When the window of the latest alert begins.
    now_ns: i64,
    /// Of each entity whose episode may go on, when that begins and ends.
    open: BTreeMap<String, (i64, i64)>,
    begun: u64,
}

impl Names {
    /// None yet; the gap as in [`Episodes::new`].
    pub fn new(gap_ns: i64) -> Self {
        Self { gap_ns, now_ns: i64::MIN, open: BTreeMap::new(), begun: 0 }
    }

    /// The alert with its episode. Alerts come in the order of time; one from before the others begins anew.
    pub fn of<'a>(&mut self, alert: &'a Alert) -> Named<'a> {
        let episode = alert.time.is_some().then(|| self.episode(alert));
        Named { alert, episode }
    }

    fn episode(&mut self, alert: &Alert) -> String {
        let (now_ns, gap_ns) = (alert.window_start_ns, self.gap_ns);
        if std::mem::replace(&mut self.now_ns, now_ns) != now_ns {
            self.open.retain(|_, &mut (start_ns, end_ns)| start_ns <= now_ns && !over(end_ns, now_ns, gap_ns));
        }
        let (start_ns, end_ns) = self.open.entry(alert.entity.clone()).or_insert_with(|| {
            self.begun += 1;
            (now_ns, now_ns)
        });
        *end_ns = now_ns.saturating_add(alert.window_ns);
        name(&alert.view, &alert.entity, *start_ns)
    }

    /// How many episodes there were.
    pub fn begun(&self) -> u64 {
        self.begun
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: i64 = 30_000_000_000;

    fn alert(window: i64, entity: &str, score: f64) -> (Alert, Parties) {
        let alert = Alert {
            time: Some(time(window * WINDOW)),
            window_start_ns: window * WINDOW,
            window_ns: WINDOW,
            view: "host".to_owned(),
            entity: entity.to_owned(),
            score,
            p_value: 10_f64.powf(-score),
            threshold: 4.0,
            alone: None,
            truth: None,
            reasons: Vec::new(),
        };
        (alert, Parties::default())
    }

    /// What is told of these alerts, as (window, entity, score), and of windows in which nothing is: `opened a 4.5 1`, with the
    /// score and the number of alerts.
    fn told(windows: i64, alerts: &[(i64, &str, f64)]) -> Vec<Vec<String>> {
        let mut episodes = Episodes::new(2 * WINDOW);
        let mut all = Vec::new();
        for window in 0..windows {
            let here = alerts.iter().filter(|alert| alert.0 == window);
            let notices =
                episodes.take(window * WINDOW, here.map(|&(w, entity, score)| alert(w, entity, score)).collect());
            all.push(notices);
        }
        all.push(episodes.finish());
        let word = |notice: &Notice| {
            let Notice { event, alerts, alert, .. } = notice;
            format!("{event:?} {} {} {alerts}", alert.entity, alert.score).to_lowercase()
        };
        all.iter().map(|notices| notices.iter().map(word).collect()).collect()
    }

    #[test]
    fn a_gap_of_one_window_joins_and_of_two_parts() {
        let all = told(7, &[(0, "a", 4.5), (2, "a", 4.7), (5, "a", 4.1)]);
        let expected: [&[&str]; 8] =
            [&["opened a 4.5 1"], &[], &[], &[], &[], &["closed a 4.7 2", "opened a 4.1 1"], &[], &["closed a 4.1 1"]];
        assert_eq!(all, expected);
        let silent = told(6, &[(0, "a", 4.5)]);
        assert_eq!(silent[3], ["closed a 4.5 1"], "closed by a window without alerts");
    }

    #[test]
    fn news_is_what_is_worse_or_twice_as_long() {
        let mut alerts: Vec<(i64, &str, f64)> = (0..40).map(|window| (window, "a", 4.5)).collect();
        alerts[3].2 = 7.5;
        alerts[4].2 = 7.6;
        let all = told(40, &alerts);
        let windows: Vec<usize> = (0..all.len()).filter(|&window| !all[window].is_empty()).collect();
        assert_eq!(windows, [0, 3, 7, 15, 31, 40]);
        assert_eq!((all[3][0].as_str(), all[7][0].as_str()), ("updated a 7.5 4", "updated a 7.6 8"));
    }

    #[test]
    fn every_entity_has_its_own_and_all_notices_of_one_bear_its_name() {
        let mut episodes = Episodes::new(2 * WINDOW);
        let mut notices = episodes.take(0, vec![alert(0, "a", 4.5), alert(0, "b", 12.0)]);
        notices.extend(episodes.take(WINDOW, vec![alert(1, "a", 5.5)]));
        episodes.keep_evidence("a", "a.pcapng".to_owned());
        notices.extend(episodes.finish());
        let names: Vec<&str> = notices.iter().map(|notice| notice.episode.as_str()).collect();
        assert_eq!(names, [names[0], names[1], names[0], names[0], names[1]]);
        assert_ne!(names[0], names[1]);
        let severities: Vec<&str> = notices.iter().map(|notice| notice.severity.name()).collect();
        assert_eq!(severities, ["low", "critical", "medium", "medium", "critical"]);
        assert_eq!(notices[3].evidence.as_deref(), Some("a.pcapng"));
    }

    #[test]
    fn alerts_one_by_one_are_of_the_episodes_that_notices_are_of() {
        let told = [(0, "a", 4.5), (0, "b", 4.5), (2, "a", 4.7), (5, "a", 4.1), (6, "b", 4.1)];
        let (mut episodes, mut names) = (Episodes::new(2 * WINDOW), Names::new(2 * WINDOW));
        let mut opened = std::collections::BTreeSet::new();
        let mut named = Vec::new();
        for (window, entity, score) in told {
            let (alert, parties) = alert(window, entity, score);
            named.extend(names.of(&alert).episode);
            let notices = episodes.take(window * WINDOW, vec![(alert, parties)]);
            opened.extend(notices.into_iter().map(|notice| notice.episode));
        }
        assert_eq!((named[0] == named[2], names.begun()), (true, 4));
        assert_eq!(named.into_iter().collect::<std::collections::BTreeSet<_>>(), opened);
    }

    #[test]
    fn a_crowd_is_counted() {
        let mut episodes = Episodes::new(2 * WINDOW);
        let crowd = (0..Episodes::MOST + 3).map(|number| alert(0, &number.to_string(), 5.0)).collect();
        assert_eq!(episodes.take(0, crowd).len(), Episodes::MOST);
        assert_eq!((episodes.open(), episodes.crowded()), (Episodes::MOST, 3));
    }
}
