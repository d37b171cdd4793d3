//! The words in which a notice is told.

use serde_json::{Value, json};

use crate::alert::episode::{Event, Notice, Severity};

/// A way to write a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Tidewatch's own: a line of JSON.
    Json,
    /// An alert as Suricata writes it to eve.json: a line of JSON, with all of the notice under `tidewatch`.
    /// <https://docs.suricata.io/en/latest/output/eve/eve-json-format.html>
    Eve,
    /// A message of syslog (RFC 5424).
    Syslog,
    /// What Slack's incoming webhooks take, and those of many others.
    /// <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>
    Slack,
}

impl Form {
    /// The notice in these words.
    pub fn words(self, notice: &Notice) -> Vec<u8> {
        match self {
            Self::Json => line(notice),
            Self::Eve => line(&eve(notice)),
            Self::Syslog => syslog(notice).into_bytes(),
            Self::Slack => line(&json!({"text": slack(notice)})),
        }
    }
}

/// A value as a line of JSON. Notices hold nothing that JSON cannot: numbers that are none are written as null.
fn line(value: &impl serde::Serialize) -> Vec<u8> {
    let mut line = serde_json::to_vec(value).unwrap_or_default();
    line.push(b'\n');
    line
}

/// The reason that tells most.
fn reason(notice: &Notice) -> &str {
    notice.alert.reasons.first().map_or("unusual in sum", |reason| &reason.text)
}

fn verb(event: Event) -> &'static str {
    match event {
        Event::Opened => "opened",
        Event::Updated => "updated",
        Event::Closed => "closed",
    }
}

/// The end of the alert's window, which is the earliest that one could know of it.
fn known_ns(notice: &Notice) -> i64 {
    notice.alert.window_start_ns.saturating_add(notice.alert.window_ns)
}

/// That in the way of eve.json and syslog, which know microseconds; `zone` is how they write UTC.
fn stamp(ns: i64, zone: &str) -> String {
    let stamp = jiff::Timestamp::from_nanosecond(i128::from(ns)).unwrap_or_default();
    stamp.strftime(&format!("%Y-%m-%dT%H:%M:%S%.6f{zone}")).to_string()
}

/// Generator and signatures of alerts, out of the ranges of Suricata's own and of the public rule sets.
const GENERATOR: u32 = 7449;

fn eve(notice: &Notice) -> Value {
    let Notice { alert, severity, event, peers, ports, .. } = notice;
    let signature = match alert.view.as_str() {
        "network" => 1,
        "host" => 2,
        "pair" => 3,
        _ => 4,
    };
    let mut eve = json!({
        "timestamp": stamp(known_ns(notice), "+0000"),
        "event_type": "alert",
        "alert": {
            "action": "allowed",
            "gid": GENERATOR,
            "signature_id": signature,
            "rev": 1,
            "signature": format!("tidewatch anomaly {}: {}", verb(*event), reason(notice)),
            "category": "Unusual traffic",
            "severity": match severity {
                Severity::Critical | Severity::High => 1,
                Severity::Medium => 2,
                Severity::Low => 3,
            },
        },
        "tidewatch": notice,
    });
    // Where it is about addresses: the entity, and its busiest peer and service.
    let mut ends = alert.entity.split(' ').filter(|part| part.parse::<std::net::IpAddr>().is_ok());
    let busiest = || peers.top.first().map(|peer| peer.name.as_str());
    if let (Some(src), Some(fields)) = (ends.next(), eve.as_object_mut()) {
        fields.insert("src_ip".to_owned(), src.into());
        if let Some(dst) = ends.next().or_else(busiest).filter(|dst| dst.parse::<std::net::IpAddr>().is_ok()) {
            fields.insert("dest_ip".to_owned(), dst.into());
        }
        if let Some((protocol, port)) = ports.top.first().and_then(|port| port.name.split_once('/')) {
            fields.insert("proto".to_owned(), protocol.to_uppercase().into());
            fields.insert("dest_port".to_owned(), port.parse::<u16>().unwrap_or_default().into());
        }
    }
    eve
}

/// Facility local0, and a severity by how rare it is (RFC 5424, 6.2.1); what is over is information.
fn priority(notice: &Notice) -> u32 {
    const LOCAL0: u32 = 16;
    let severity = match (notice.event, notice.severity) {
        (Event::Closed, _) => 6,
        (_, Severity::Critical) => 2,
        (_, Severity::High) => 3,
        (_, Severity::Medium) => 4,
        (_, Severity::Low) => 5,
    };
    LOCAL0 * 8 + severity
}

fn syslog(notice: &Notice) -> String {
    let Notice { alert, episode, event, severity, .. } = notice;
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host: String = host.trim().chars().filter(char::is_ascii_graphic).take(255).collect();
    // The number is the one that is set aside for who has none (RFC 5612).
    let data = [
        ("episode", episode.clone()),
        ("event", verb(*event).to_owned()),
        ("severity", severity.name().to_owned()),
        ("view", alert.view.clone()),
        ("entity", alert.entity.clone()),
        ("score", format!("{:.3}", alert.score)),
        ("p_value", format!("{:e}", alert.p_value)),
        ("alerts", notice.alerts.to_string()),
    ];
    let data: String = data.iter().map(|(name, value)| format!(" {name}=\"{}\"", escaped(value))).collect();
    format!(
        "<{}>1 {} {} tidewatch {} {} [tidewatch@32473{data}] {}",
        priority(notice),
        stamp(known_ns(notice), "Z"),
        if host.is_empty() { "-" } else { &host },
        std::process::id(),
        verb(*event),
        sentence(notice),
    )
}

/// A value of structured data (RFC 5424, 6.3.3).
fn escaped(value: &str) -> String {
    value.chars().fold(String::new(), |mut text, c| {
        if matches!(c, '"' | '\\' | ']') {
            text.push('\\');
        }
        text.push(c);
        text
    })
}

/// All of it in one sentence.
fn sentence(notice: &Notice) -> String {
    let Notice { alert, event, severity, peers, ports, .. } = notice;
    let names = |busiest: &crate::window::Busiest| {
        let names: Vec<&str> = busiest.top.iter().take(3).map(|share| share.name.as_str()).collect();
        let more = busiest.count.saturating_sub(names.len());
        if more > 0 { format!("{} and {more} more", names.join(", ")) } else { names.join(", ") }
    };
    let with = if peers.count > 0 { format!(", with {}", names(peers)) } else { String::new() };
    let at = if ports.count > 0 { format!(", at {}", names(ports)) } else { String::new() };
    let (severity, verb, entity, reason) = (severity.name(), verb(*event), &alert.entity, reason(notice));
    let lasts = alert.lasts().map_or_else(String::new, |lasts| format!("; {lasts}"));
    format!("{severity} anomaly of {entity} {verb}: {reason}{with}{at}{lasts}")
}

/// With the characters that Slack takes for markup told in its way.
fn slack(notice: &Notice) -> String {
    let text = sentence(notice).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let sign = match (notice.event, notice.severity) {
        (Event::Closed, _) => ":white_check_mark:",
        (_, Severity::Critical | Severity::High) => ":rotating_light:",
        _ => ":warning:",
    };
    format!("{sign} {text}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::{Alert, Reason};
    use crate::window::{Busiest, Share};

    fn notice() -> Notice {
        let share = |name: &str| Share { name: name.to_owned(), packets: 2 };
        let ports = ["tcp/1", "tcp/2", "tcp/3", "tcp/4"].map(share).to_vec();
        let reason = Reason {
            feature: "ports_out".to_owned(),
            value: Some(719.0),
            benign: [0.0, 3.0],
            share: 1.0,
            text: "service ports it <contacted>: 719, above the benign 0 to 3".to_owned(),
        };
        Notice {
            event: Event::Opened,
            episode: "00ff".to_owned(),
            severity: Severity::High,
            started: "2026-03-03T02:16:00Z".to_owned(),
            ended: "2026-03-03T02:16:30Z".to_owned(),
            alerts: 1,
            alert: Alert {
                time: Some("2026-03-03T02:16:00Z".to_owned()),
                window_start_ns: 1_772_504_160_000_000_000,
                window_ns: 30_000_000_000,
                view: "host".to_owned(),
                entity: "192.168.10.150".to_owned(),
                score: 8.25,
                p_value: 5.6e-9,
                threshold: 4.5,
                alone: None,
                truth: None,
                reasons: vec![reason],
            },
            peers: Busiest { count: 1, top: vec![share("192.168.10.20")] },
            ports: Busiest { count: 719, top: ports },
            evidence: None,
            span_ns: (0, 0),
        }
    }

    fn words(form: Form, notice: &Notice) -> String {
        String::from_utf8(form.words(notice)).unwrap()
    }

    #[test]
    fn an_alert_of_eve_has_what_its_readers_look_for() {
        let text = words(Form::Eve, &notice());
        assert!(text.ends_with("}\n") && text.lines().count() == 1);
        let eve: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (&eve["event_type"], &eve["timestamp"]),
            (&"alert".into(), &"2026-03-03T02:16:30.000000+0000".into())
        );
        assert_eq!((&eve["src_ip"], &eve["dest_ip"]), (&"192.168.10.150".into(), &"192.168.10.20".into()));
        assert_eq!((&eve["proto"], &eve["dest_port"]), (&"TCP".into(), &1.into()));
        assert_eq!((&eve["alert"]["severity"], &eve["alert"]["gid"]), (&1.into(), &GENERATOR.into()));
        assert_eq!(eve["tidewatch"]["episode"], "00ff");
        let network = Notice { alert: Alert { entity: "network".to_owned(), ..notice().alert }, ..notice() };
        assert!(eve.get("src_ip").is_some() && super::eve(&network).get("src_ip").is_none());
    }

    #[test]
    fn a_message_of_syslog_is_as_the_rfc_has_it() {
        let odd = Notice { alert: Alert { entity: "a\"]\\".to_owned(), ..notice().alert }, ..notice() };
        let text = words(Form::Syslog, &odd);
        assert!(text.starts_with("<131>1 2026-03-03T02:16:30.000000Z "), "{text}");
        assert!(
            text.contains(" opened [tidewatch@32473 episode=\"00ff\" event=\"opened\" severity=\"high\""),
            "{text}"
        );
        assert!(text.contains(r#"entity="a\"\]\\""#), "{text}");
        assert!(text.contains("] high anomaly of a"), "{text}");
        assert!(words(Form::Syslog, &Notice { event: Event::Closed, ..notice() }).starts_with("<134>1 "));
    }

    #[test]
    fn a_message_of_slack_is_a_sentence_without_markup() {
        let told: Value = serde_json::from_str(&words(Form::Slack, &notice())).unwrap();
        let expected = ":rotating_light: high anomaly of 192.168.10.150 opened: service ports it &lt;contacted&gt;: 719, above the \
             benign 0 to 3, with 192.168.10.20, at tcp/1, tcp/2, tcp/3 and 716 more";
        assert_eq!(told["text"], expected);
        let lasting = Notice { alert: Alert { alone: Some(3.912), ..notice().alert }, ..notice() };
        let told: Value = serde_json::from_str(&words(Form::Slack, &lasting)).unwrap();
        assert_eq!(told["text"], format!("{expected}; odd for three windows running; this one alone has score 3.91"));
    }
}
