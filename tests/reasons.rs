//! Alerts name what the attack was made of, and the reasons add up to the score.

use std::collections::BTreeMap;

use tidewatch::alert::{Alert, alerts, reasons};
use tidewatch::capture::{Capture, Ledger};
use tidewatch::matrix::{Matrix, Schema};
use tidewatch::model::train::{Training, kinds, train};
use tidewatch::progress::Quiet;
use tidewatch::synth::Day;
use tidewatch::truth::{Truth, Truths};
use tidewatch::window::{self, View, Windowing};

/// What each attack of a made day is made of, at both of its ends, in the catalogue's words; `*` stands for any end of a name.
const MADE_OF: [(&str, &[&str]); 11] = [
    ("port-scan", &["ports_*", "services_*", "tcp_syn_*", "tcp_opened_*", "tcp_refused_*", "tcp_rst_*"]),
    (
        "slow-scan",
        &["arp_*", "peers_per_port", "tcp_syn_*", "tcp_refused_*", "tcp_rst_*", "tcp_half_open_*", "new_services_in"],
    ),
    ("icmp-sweep", &["arp_*", "icmp_*"]),
    ("syn-flood", &["tcp_syn_*", "tcp_half_open_*", "tcp_unanswered_*", "tcp_opened_*", "peers_*", "services_in"]),
    ("udp-flood", &["udp_*", "ports_*", "services_*", "icmp_errors_*", "packets_*"]),
    // Connections that are asked for and granted, and in each of them a few messages.
    (
        "ssh-bruteforce",
        &["tcp_syn*", "tcp_opened_*", "tcp_established_*", "tcp_fin_*", "tcp_psh_*", "flows_*", "services_in"],
    ),
    ("dns-tunnel", &["dns_*", "new_names", "strange_names"]),
    ("arp-spoofing", &["arp_*", "mac_changes", "macs_per_address"]),
    (
        "exfiltration",
        &["bytes_*", "payload_bytes_*", "packets_*", "tcp_packets_*", "size_*", "large_packets", "new_peers"],
    ),
    ("c2-beacon", &["regularity_*", "new_peers", "strange_peers", "new_services_*", "strange_services"]),
    ("modbus-write", &["ics_*", "new_services_*"]),
];

/// Alerts of an attack that are looked at: a flood from invented addresses raises thousands that are alike.
const EACH: usize = 40;

/// The rows of a made day's busy hours.
fn rows(day: i64, attacks: bool) -> Matrix {
    let start_ns = 1_772_409_600_000_000_000 + (day * 24 + 9) * 3_600_000_000_000;
    let recording = Day { seed: day as u64, start_ns, hours: 1.5, attacks }.record().unwrap();
    let mut pcap = Vec::new();
    recording.write_pcap(&mut pcap).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let labels = folder.path().join("day.labels.toml");
    std::fs::write(&labels, recording.labels()).unwrap();
    let truths = Truths::new(vec![Some(Truth::read(&labels).unwrap())]).unwrap();
    let windows = Windowing::new(30_000_000_000, Windowing::LATENESS_NS).unwrap();
    let mut matrix = Matrix::new(Schema::of(View::Host, windows.length_ns()), true);
    let capture = Capture::from_reader("a made day", std::io::Cursor::new(pcap), None).unwrap();
    let mut ledger = Ledger::default();
    window::extract(&mut capture.into(), &truths, &windows.into(), &mut ledger, &Quiet, |closed| {
        closed.rows.into_iter().for_each(|(_, rows)| matrix.push_window(closed.start_ns, rows, truths.attacks()));
        Ok(())
    })
    .unwrap();
    matrix
}

fn is_made_of(attack: &str, feature: &str) -> bool {
    let (_, made_of) = MADE_OF.iter().find(|(name, _)| *name == attack).unwrap();
    made_of.iter().any(|name| match name.strip_suffix('*') {
        Some(beginning) => feature.starts_with(beginning),
        None => feature == *name,
    })
}

#[test]
fn what_the_attack_was_made_of_is_among_the_first_three_reasons() {
    // Enough alarms that every attack which shows at all raises some.
    let training = Training { alarms_per_day: 100.0, ..Training::default() };
    let model = train(&rows(0, false), &training, Vec::new(), &Quiet).unwrap();
    let bad = rows(1, true);
    let scores = model.score(&bad).unwrap();
    let mut named: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for row in (0..bad.rows()).filter(|&row| scores.alert[row]) {
        let Some(attack) = bad.labels.as_ref().and_then(|labels| labels.name(row)) else { continue };
        let (hits, all) = named.entry(attack.to_owned()).or_default();
        if *all == EACH {
            continue;
        }
        *all += 1;
        let reasons = reasons(&model, &bad, &scores, row);
        let first: Vec<&str> = reasons.iter().take(3).map(|reason| reason.feature.as_str()).collect();
        if first.iter().any(|feature| is_made_of(attack, feature)) {
            *hits += 1;
        } else {
            println!("{attack} at {}: {first:?}", bad.entity[row]);
        }
    }
    for (attack, (hits, all)) in &named {
        println!("{attack}: {hits} of {all}");
    }
    assert!(named.len() >= 8, "few attacks raise an alert: {named:?}");
    for (attack, (hits, all)) in named {
        assert!(hits as f64 >= 0.95 * all as f64, "{attack}: {hits} of {all}");
    }

    // Alert or not.
    for row in (0..bad.rows()).step_by(bad.rows() / 100) {
        let sum: f64 = model.explain(&bad, &scores, row).iter().sum();
        assert!((sum - scores.score[row]).abs() < 1e-5, "row {row}: {sum} of {}", scores.score[row]);
    }
}

#[test]
fn an_alert_that_is_one_because_its_host_stays_odd_says_so_and_no_other_does() {
    let training = Training { kinds: kinds("kmeans+tail").unwrap(), ..Training::default() };
    let model = train(&rows(0, false), &training, Vec::new(), &Quiet).unwrap();
    let bad = rows(1, true);
    let scores = model.score(&bad).unwrap();
    let alerts = alerts(&model, &bad, &scores);
    let lasting: Vec<&Alert> = alerts.iter().filter(|alert| alert.alone.is_some()).collect();
    assert!(!lasting.is_empty() && lasting.len() < alerts.len() / 2, "{} of {}", lasting.len(), alerts.len());
    for alert in lasting {
        let alone = alert.alone.unwrap();
        assert!(0.0 < alone && alone < alert.threshold && alert.threshold <= alert.score, "{alert:?}");
        assert!(alert.lasts().is_some_and(|words| words.starts_with("odd for three windows running")), "{alert:?}");
    }
}
