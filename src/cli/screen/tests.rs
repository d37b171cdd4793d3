//! What is drawn of what a watch tells.

use std::path::Path;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use tidewatch::alert::episode::{Event, Notice, Severity};
use tidewatch::alert::{Alert, Reason, time};
use tidewatch::watch::{Crowd, Entity, Shown, Sink, State, Step, Sums, Tide, Told, Verdict};
use tidewatch::window::{Busiest, Share};

use super::draw::draw;
use super::look::{Look, lasting, short};
use super::pose::{Phase, Pose, Wish};

const MINUTE: i64 = 60_000;
/// 2026-03-03T02:00:00Z, milliseconds.
const BEGIN: i64 = 1_772_503_200_000;

fn empty() -> State {
    State {
        source: "eth0".to_owned(),
        model: "m.tw".to_owned(),
        alive: true,
        evidence: false,
        benign: None,
        shown: Shown {
            version: 0,
            view: String::new(),
            window_ms: 0,
            threshold: 0.0,
            tide: Tide { step_ms: 0, end_ms: 0, steps: Vec::new() },
            entities: Crowd { starts_ms: Vec::new(), count: 0, rows: Vec::new() },
            episodes: Told { open_count: 0, open: Vec::new(), closed: Vec::new() },
        },
        counts: Sums {
            packets_read: 0,
            bytes_read: 0,
            packets_skipped: 0,
            packets_dropped: 0,
            windows: 0,
            rows: 0,
            alerts: 0,
            alerts_muted: 0,
            episodes: 0,
            evidence_failed: 0,
            models_taken: 0,
            models_refused: 0,
            rows_written: None,
            rows_lost: None,
        },
        shadow: None,
        sinks: Vec::new(),
    }
}

fn notice(entity: &str, severity: Severity, score: f64, minute: i64, minutes: i64) -> Notice {
    let span_ns = [minute, minute + minutes].map(|minute| (BEGIN + minute * MINUTE) * 1_000_000);
    let reason = |feature: &str, share, text: &str| Reason {
        feature: feature.to_owned(),
        value: Some(719.0),
        benign: [0.0, 3.0],
        share,
        text: text.to_owned(),
    };
    let share = |name: &str, packets| Share { name: name.to_owned(), packets };
    Notice {
        event: Event::Updated,
        episode: format!("{:016x}", minute * 31 + minutes),
        severity,
        started: time(span_ns[0]),
        ended: time(span_ns[1]),
        alerts: 2 * minutes as u64,
        alert: Alert {
            time: Some(time(span_ns[0])),
            window_start_ns: span_ns[0],
            window_ns: 30_000_000_000,
            view: "host".to_owned(),
            entity: entity.to_owned(),
            score,
            p_value: 10f64.powf(-score),
            threshold: 4.5,
            alone: None,
            truth: None,
            reasons: vec![
                reason("ports_per_peer", 0.31, "most service ports on one host: 719, above the benign 0 to 2"),
                reason("ports_out", 0.22, "service ports it contacted: 719, above the benign 0 to 3"),
                reason("dns_names", 0.04, "names it asked for: 41, above the benign 0 to 12"),
            ],
        },
        peers: Busiest { count: 1, top: vec![share("192.168.1.1", 1438)] },
        ports: Busiest { count: 719, top: vec![share("tcp/22", 4), share("tcp/23", 2)] },
        evidence: Some("0011223344556677.pcapng".to_owned()),
        span_ns: (span_ns[0], span_ns[1]),
    }
}

/// Half an hour, with a gap, a scan that goes on and a beacon that is over.
fn busy() -> State {
    let minutes = (0..30).filter(|minute| !(8..11).contains(minute));
    let step = |minute: i64| Step {
        start_ms: BEGIN + minute * MINUTE,
        packets_per_second: 800.0 + 40.0 * (minute % 5) as f64 + if minute > 25 { 1500.0 } else { 0.0 },
        bytes_per_second: 1.25e6,
        alerts: u64::from(minute > 25),
        score: Some(if minute > 25 { 8.7 } else { 1.0 + (minute % 3) as f64 * 0.4 }),
    };
    let entity = |name: &str, scores: &[Option<f64>]| Entity { entity: name.to_owned(), scores: scores.to_vec() };
    let shown = Shown {
        version: 7,
        view: "host".to_owned(),
        window_ms: 30_000,
        threshold: 4.5,
        tide: Tide { step_ms: MINUTE, end_ms: BEGIN + 30 * MINUTE, steps: minutes.map(step).collect() },
        entities: Crowd {
            starts_ms: (0..6).map(|window| BEGIN + window * 30_000).collect(),
            count: 1204,
            rows: vec![
                entity("10.0.0.66", &[None, Some(0.4), Some(1.2), Some(8.67), Some(8.1), Some(7.7)]),
                entity("fe80::200:5eff:fe00:5319", &[Some(2.2), None, None, Some(1.1), Some(0.2), None]),
            ],
        },
        episodes: Told {
            open_count: 1,
            open: vec![notice("10.0.0.66", Severity::High, 8.67, 26, 4)],
            closed: vec![notice("10.0.0.7", Severity::Low, 4.81, 2, 1)],
        },
    };
    let counts = Sums {
        packets_read: 1_438_221,
        bytes_read: 2_250_000_000,
        packets_skipped: 12,
        windows: 54,
        rows: 64_800,
        alerts: 10,
        alerts_muted: 1,
        episodes: 2,
        models_taken: 1,
        ..empty().counts
    };
    let sink = |name: &str, dropped, failures| Sink {
        name: name.to_owned(),
        delivered: 3,
        waiting: 0,
        dropped,
        failures,
        trouble: (failures > 0).then(|| "Connection refused (os error 111)".to_owned()),
    };
    let sinks = vec![sink("notices.jsonl", 0, 0), sink("syslog+tcp://10.0.0.5:514", 2, 17)];
    State { evidence: true, benign: Some(Vec::new()), shown, counts, sinks, ..empty() }
}

fn drawn(width: u16, height: u16, pose: &mut Pose, colour: bool) -> TestBackend {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, pose, Some(Path::new("kept")), Look { colour })).unwrap();
    terminal.backend().clone()
}

fn text(backend: &TestBackend) -> String {
    backend.to_string()
}

fn press(pose: &mut Pose, key: KeyCode) -> Option<Wish> {
    pose.key(KeyEvent::new(key, KeyModifiers::NONE))
}

#[test]
fn a_busy_watch() {
    insta::assert_snapshot!(drawn(110, 34, &mut Pose::new(busy()), true));
}

#[test]
fn a_busy_watch_in_a_small_terminal() {
    insta::assert_snapshot!(drawn(80, 24, &mut Pose::new(busy()), true));
}

#[test]
fn a_watch_that_has_just_begun() {
    insta::assert_snapshot!(drawn(80, 24, &mut Pose::new(empty()), true));
}

#[test]
fn all_of_an_episode() {
    let mut pose = Pose::new(busy());
    pose.phase = Phase::Over;
    pose.said = (2, Some("warning: m.tw: the checksum does not match".to_owned()));
    assert_eq!(press(&mut pose, KeyCode::Down), None);
    assert_eq!(press(&mut pose, KeyCode::Enter), None);
    insta::assert_snapshot!(drawn(80, 24, &mut pose, true));
}

#[test]
fn no_terminal_is_too_small_or_too_large() {
    for width in [0, 1, 9, 20, 33, 70, 71, 300] {
        for height in [0, 1, 2, 5, 8, 9, 12, 100] {
            for whole in [false, true] {
                for state in [empty(), busy()] {
                    let mut pose = Pose::new(state);
                    pose.whole = whole;
                    drawn(width, height, &mut pose, true);
                }
            }
        }
    }
    let small = text(&drawn(40, 12, &mut Pose::new(busy()), true));
    assert!(small.contains("10.0.0.66") && small.contains("watching") && small.contains(" q  ends"), "{small}");
}

/// Names come from whoever sends packets: they must neither move the cursor nor turn around what is read.
#[test]
fn names_reach_the_terminal_as_letters_alone() {
    let evil = "a\u{1b}]0;owned\u{7}\u{1b}[2J\u{202e}txt\u{9b}31m\u{200b}\r\n";
    let mut state = busy();
    let told = &mut state.shown.episodes.open[0];
    for text in [
        &mut told.alert.entity,
        &mut told.alert.reasons[0].text,
        &mut told.peers.top[0].name,
        &mut told.episode,
        &mut state.shown.entities.rows[0].entity,
        &mut state.source,
        &mut state.model,
        &mut state.sinks[0].name,
    ] {
        *text = evil.to_owned();
    }
    for whole in [false, true] {
        let mut pose = Pose::new(State { ..busy() });
        pose.take(std::mem::replace(&mut state, busy()));
        pose.whole = whole;
        pose.said = (1, Some(evil.to_owned()));
        let picture = drawn(120, 40, &mut pose, true);
        let mischief = |cell: &ratatui::buffer::Cell| {
            cell.symbol().chars().any(|one| one.is_control() || matches!(one, '\u{200b}' | '\u{202e}'))
        };
        assert!(!picture.buffer().content.iter().any(mischief));
        assert!(whole || text(&picture).contains("a\u{fffd}]0;owned\u{fffd}\u{fffd}[2J\u{fffd}txt"), "{picture}");
    }
}

#[test]
fn without_colour_the_same_is_said() {
    let [plain, coloured] = [false, true].map(|colour| drawn(110, 34, &mut Pose::new(busy()), colour));
    assert_eq!(text(&plain), text(&coloured));
    let colours = |backend: &TestBackend| {
        backend.buffer().content.iter().filter(|cell| cell.fg != ratatui::style::Color::Reset).count()
    };
    assert!(colours(&plain) == 0 && colours(&coloured) > 0);
}

#[test]
fn keys_choose_pause_and_judge() {
    let mut pose = Pose::new(busy());
    let [open, closed] = [0, 1].map(|place| pose.episodes().nth(place).unwrap().0.episode.clone());
    assert_eq!(press(&mut pose, KeyCode::Char('b')), Some(Wish::Say(open.clone(), Verdict::Benign)));
    for _ in 0..3 {
        press(&mut pose, KeyCode::Down);
    }
    assert_eq!(pose.chosen, Some(closed.clone()));
    // It stays chosen when others come before it, and the first is if it has gone.
    let mut more = busy();
    more.shown.episodes.open.push(notice("10.0.0.9", Severity::Critical, 12.0, 28, 2));
    pose.take(more);
    assert_eq!(press(&mut pose, KeyCode::Char('a')), Some(Wish::Say(closed, Verdict::Unusual)));
    pose.take(State {
        shown: Shown { episodes: Told { closed: Vec::new(), ..busy().shown.episodes }, ..busy().shown },
        ..busy()
    });
    assert_eq!(pose.episode().unwrap().0.episode, open);
    press(&mut pose, KeyCode::Char('p'));
    pose.take(empty());
    assert_eq!(pose.state.counts.packets_read, busy().counts.packets_read);
    press(&mut pose, KeyCode::Char('p'));
    pose.take(empty());
    assert_eq!(pose.state.counts.packets_read, 0);
    assert_eq!(press(&mut pose, KeyCode::Char('b')), None);
    assert_eq!(press(&mut pose, KeyCode::Char('q')), Some(Wish::End));
    let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(pose.key(interrupt), Some(Wish::Interrupt));
}

#[test]
fn numbers_are_short() {
    for (value, told) in [(0.0, "0"), (9999.0, "9999"), (12_345.0, "12.3 k"), (812_000.0, "812 k"), (2.25e9, "2.2 G")] {
        assert_eq!(short(value, ""), told);
    }
    for (ms, told) in
        [(0, "0 s"), (250, "250 ms"), (30_000, "30 s"), (120_000, "2 min"), (4_800_000, "1 h 20 min"), (-5, "0 s")]
    {
        assert_eq!(lasting(ms), told);
    }
}
