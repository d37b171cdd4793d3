//! Windows as packets come, and all the ways from a capture to windows.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::io::Cursor;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::backlog::Bounds;
use super::super::collect::Collector;
use super::super::stream::{Desk, ROWS_AHEAD, collect};
use super::*;
use crate::capture::{Capture, Captures, Skip};
use crate::error::{Error, ErrorKind, Result};
use crate::packet::Filter;
use crate::progress::{Progress, Quiet};
use crate::truth::Truths;

const S: i64 = 1_000_000_000;

/// The start and the packets of every window, and whether each packet found its window open.
type Run = (Vec<(i64, u64)>, Vec<bool>);

fn run(windowing: Windowing, times_ns: &[i64], at_once: bool) -> Run {
    let mut windows = Windows::<u64>::new(windowing);
    let (mut closed, mut fates) = (Vec::new(), Vec::new());
    for &time_ns in times_ns {
        let window = windows.of(time_ns);
        fates.push(window.is_some());
        window.into_iter().for_each(|packets| *packets += 1);
        closed.extend(std::iter::from_fn(|| at_once.then(|| windows.due()).flatten()));
    }
    windows.finish();
    closed.extend(std::iter::from_fn(|| windows.due()));
    (closed, fates)
}

fn ten_seconds(lateness_ns: i64) -> Windowing {
    Windowing::new(10 * S, lateness_ns).unwrap()
}

#[test]
fn windows_are_aligned_to_the_epoch() {
    let (windows, _) = run(ten_seconds(S), &[-1, 0, 9_999_999_999, 10 * S, 1_234_567_891 * S], true);
    assert_eq!(windows, [(-10 * S, 1), (0, 2), (10 * S, 1), (1_234_567_890 * S, 1)]);
}

#[test]
fn a_late_packet_is_used_while_its_window_is_open() {
    let times = [5 * S, 10 * S, 10 * S + S / 2, 9 * S, 11 * S, 12 * S, 9 * S, 13 * S];
    let (windows, fates) = run(ten_seconds(S), &times, true);
    // From 11 s on, which 12 s confirms, the first window is closed.
    let mut expected = vec![true; times.len()];
    expected[6] = false;
    assert_eq!((windows, fates), (vec![(0, 2), (10 * S, 5)], expected));
}

#[test]
fn silence_closes_windows_once_two_packets_have_agreed_on_a_time() {
    let mut windows = Windows::<u64>::new(ten_seconds(S));
    windows.of(9 * S).into_iter().for_each(|packets| *packets += 1);
    windows.pass(100 * S);
    assert_eq!(windows.due(), None, "nobody knows yet what time it is");
    windows.of(10 * S).into_iter().for_each(|packets| *packets += 1);
    windows.pass(S);
    assert_eq!(windows.due(), None, "9 s and one of silence: a second is left");
    windows.pass(S);
    assert_eq!(windows.due(), Some((0, 1)));
    assert!(windows.of(9 * S).is_none() && windows.of(10 * S).is_some());
    windows.pass(10 * S);
    assert_eq!((windows.due(), windows.due()), (Some((10 * S, 1)), None));
}

#[test]
fn one_mad_time_closes_no_window() {
    let times = [S, 2 * S, 9_000_000_000 * S, 3 * S, -5 * S, 4 * S, 12 * S, 13 * S];
    let (windows, fates) = run(ten_seconds(60 * S), &times, true);
    assert!(fates.iter().all(|&open| open), "{fates:?}");
    assert_eq!(windows, [(-10 * S, 1), (0, 4), (10 * S, 2), (9_000_000_000 * S, 1)]);
}

#[test]
fn a_broken_clock_does_not_fill_the_memory() {
    let most = Windows::<u64>::MAX_OPEN;
    let mut windows = Windows::<u64>::new(ten_seconds(S));
    let mut closed = 0;
    for beats in 0..3 * most as i64 {
        windows.of(S);
        assert!(windows.of((100 + beats) * 10 * S).is_some());
        while windows.due().is_some() {
            closed += 1;
        }
    }
    assert_eq!(closed, 2 * most + 1);
    windows.finish();
    assert_eq!(std::iter::from_fn(|| windows.due()).count(), most);
}

#[test]
fn lengths_have_limits() {
    for (length_ns, lateness_ns) in [(0, 0), (999_999, 0), (Windowing::MAX_NS + 1, 0), (S, -1), (S, i64::MAX)] {
        assert!(Windowing::new(length_ns, lateness_ns).is_err(), "{length_ns} {lateness_ns}");
    }
}

/// A capture of bare Ethernet headers at these times and of this captured length, with `size` bytes behind them.
fn capture(times_ns: impl IntoIterator<Item = i64>, size: usize, file: bool) -> Captures {
    let mut bytes: Vec<u8> = [0xa1b2_3c4d_u32, 0x0004_0002, 0, 0, 65_535, 1].map(u32::to_le_bytes).concat();
    for (number, time_ns) in times_ns.into_iter().enumerate() {
        let (seconds, rest) = ((time_ns / S) as u32, (time_ns % S) as u32);
        bytes.extend([seconds, rest, 14 + size as u32, 14 + size as u32].map(u32::to_le_bytes).concat());
        bytes.extend([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, (number % 5) as u8, 0x90, 0]);
        bytes.resize(bytes.len() + size, 7);
    }
    let length = bytes.len() as u64;
    Capture::from_reader("made", Cursor::new(bytes), file.then_some(length)).unwrap().into()
}

/// The start of a window, its packets, and a hash of all that it shows of them and of their order.
type Shown = (i64, u64, u64);

fn shown(table: &Table) -> Shown {
    let packets = catalogue(View::Network).position(|feature| feature.name == "packets").unwrap();
    let packets = rows(table, View::Network).values(0)[packets] as u64;
    let Rows { entity, values, .. } = rows(table, View::Host);
    let bits: Vec<u32> = values.into_iter().map(f32::to_bits).collect();
    (
        table.start_ns,
        packets,
        BuildHasherDefault::<DefaultHasher>::default().hash_one((entity.iter().collect::<Vec<_>>(), bits)),
    )
}

/// What [`shown`] needs of windows.
fn plan(windowing: Windowing) -> Plan<'static> {
    Plan { scope: Scope::new(Views::from_iter([View::Network, View::Host])), ..windowing.into() }
}

/// All windows and the ledger, with these threads and bounds.
fn windows_of(mut captures: Captures, plan: &Plan, threads: usize, bounds: Bounds) -> (Vec<Shown>, Ledger) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let (mut windows, ledger) = (Vec::new(), Mutex::default());
    let sink = |window| {
        windows.push(window);
        Ok(())
    };
    pool.install(|| {
        let desk = Desk::new(Collector::new(&mut captures, plan.windowing, &Quiet), bounds);
        collect(desk, threads, &Truths::default(), plan, &ledger, |table, _| Ok((shown(table), 100)), sink).unwrap();
    });
    let ledger: Ledger = ledger.into_inner().unwrap();
    assert!(ledger.balances(), "{ledger:?}");
    (windows, ledger)
}

const TIGHT: Bounds = Bounds { wait: 1 << 19, due: 1 };

proptest! {
    #[test]
    fn what_a_window_holds_does_not_depend_on_when_it_is_asked_for(
        times in prop::collection::vec(prop_oneof![9 => 0..100 * S, 1 => any::<i64>()], 0..200),
        lateness_ns in 0..30 * S,
    ) {
        let (at_once, fates) = run(ten_seconds(lateness_ns), &times, true);
        let used = fates.iter().filter(|&&open| open).count();
        prop_assert_eq!(at_once.iter().map(|(_, packets)| packets).sum::<u64>(), used as u64);
        prop_assert!(at_once.is_sorted_by(|a, b| a.0 < b.0), "in order, each once: {:?}", at_once);
        prop_assert_eq!((at_once, fates), run(ten_seconds(lateness_ns), &times, false));
    }

    #[test]
    fn windows_do_not_depend_on_threads_bounds_and_kind_of_input(
        // Time goes on, with late packets and mad clocks among them; 2 MiB in all, which is eight blocks.
        steps in prop::collection::vec((0..S, prop_oneof![8 => Just(None), 1 => (0..4_000_000_000_i64).prop_map(Some)]), 1..160),
        lateness_ns in 0..3 * S,
    ) {
        let times: Vec<i64> = steps
            .iter()
            .scan(1000 * S, |now, &(step, mad)| {
                *now += step;
                Some(mad.map_or(*now, |mad| mad * S))
            })
            .collect();
        let plan = plan(Windowing::new(2 * S, lateness_ns).unwrap());
        let made = |file| capture(times.iter().copied(), 13_000, file);
        let expected = windows_of(made(false), &plan, 1, Bounds::NONE);
        prop_assert!(expected.0.is_sorted_by(|a, b| a.0 < b.0), "in the order of time, each once");
        prop_assert_eq!(expected.1.read, times.len() as u64);
        for (threads, bounds, file) in [(1, Bounds::NONE, true), (2, Bounds::of(2), true), (3, TIGHT, true), (3, Bounds::NONE, false)] {
            prop_assert_eq!(&windows_of(made(file), &plan, threads, bounds), &expected, "{} {:?}", threads, bounds);
        }
    }
}

#[test]
fn a_window_longer_than_the_room_is_counted_as_it_comes() {
    // 64 MiB in one window; more than 1 MiB is never held.
    let made = || capture((0..4096).map(|at| at * 1_000_000), 16 << 10, true);
    let plan = plan(Windowing::new(3600 * S, S).unwrap());
    let (windows, _) = windows_of(made(), &plan, 3, TIGHT);
    assert_eq!(windows, windows_of(made(), &plan, 1, Bounds::NONE).0);
    assert_eq!((windows.len(), windows[0].1), (1, 4096));
}

#[test]
fn every_packet_of_a_disordered_capture_is_accounted_for() {
    // A pcap in microseconds; each frame is a bare Ethernet header, the fourth is cut inside it.
    let mut file: Vec<u8> = [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 1].map(u32::to_le_bytes).concat();
    for (second, len) in [(1_u32, 14), (12, 14), (13, 14), (13, 6), (2, 14), (11, 14), (25, 14), (26, 14)] {
        file.extend([second, 0, len, 60].map(u32::to_le_bytes).concat());
        file.extend(vec![2; len as usize]);
    }
    let capture = Capture::from_reader("made", Cursor::new(file), None).unwrap();
    let (windows, ledger) = windows_of(capture.into(), &plan(ten_seconds(S)), 1, Bounds::NONE);
    let windows: Vec<_> = windows.iter().map(|(start_ns, packets, _)| (*start_ns, *packets)).collect();
    assert_eq!(windows, [(0, 1), (10 * S, 3), (20 * S, 2)]);
    assert_eq!((ledger.read, ledger.used), (8, 6));
    assert_eq!((ledger.skipped(Skip::Late), ledger.skipped(Skip::ShortFrame)), (1, 1));
}

#[test]
fn fragments_are_joined_within_a_window_and_not_across() {
    let mut file: Vec<u8> = [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 101].map(u32::to_le_bytes).concat();
    for (second, first) in [(8_u32, true), (9, false), (10, false), (9, false)] {
        let mut bytes = Vec::new();
        fragment(&mut bytes, 0, first);
        file.extend([second, 0, 92, 92].map(u32::to_le_bytes).concat());
        file.extend(bytes);
    }
    let capture = Capture::from_reader("made", Cursor::new(file), None).unwrap();
    let (windows, ledger) = windows_of(capture.into(), &plan(ten_seconds(S)), 1, Bounds::NONE);
    assert_eq!(windows.iter().map(|(_, packets, _)| *packets).collect::<Vec<_>>(), [3, 1]);
    assert_eq!((ledger.used, ledger.orphans), (4, 1));
}

proptest! {
    /// Each packet whose headers are wrong is counted by its reason in the ledger, and in the rows.
    #[test]
    fn what_is_wrong_with_headers_is_in_the_ledger_and_in_the_rows(
        frames in prop::collection::vec((any::<bool>(), prop::collection::vec((12..60_usize, any::<u8>()), 0..3), 14..90_u32, 0..9_u32), 1..40),
    ) {
        let mut file: Vec<u8> = [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 1].map(u32::to_le_bytes).concat();
        for (tcp, changes, len, more) in frames {
            let mut bytes = Vec::new();
            let builder = PacketBuilder::ethernet2([2; 6], [4; 6]).ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64);
            match tcp {
                true => builder.tcp(1000, 2000, 5, 900).write(&mut bytes, &[7; 30]).unwrap(),
                false => builder.udp(1000, 2000).write(&mut bytes, &[7; 30]).unwrap(),
            }
            changes.into_iter().for_each(|(at, byte)| bytes[at] = byte);
            bytes.truncate(len as usize);
            file.extend([1, 0, bytes.len() as u32, bytes.len() as u32 + more].map(u32::to_le_bytes).concat());
            file.extend(bytes);
        }
        let capture = Capture::from_reader("made", Cursor::new(file), None).unwrap();
        let (mut ledger, mut counted) = (Ledger::default(), [0.0; 3]);
        let plan = Plan { scope: Scope::new(View::Network), ..ten_seconds(S).into() };
        extract(&mut capture.into(), &Truths::default(), &plan, &mut ledger, &Quiet, |closed| {
            let row = closed.rows[0].1.values(0);
            let columns = catalogue(View::Network).zip(row);
            for (feature, &value) in columns {
                let place = ["packets", "malformed_packets", "wrong_lengths"].iter().position(|&name| name == feature.name);
                place.into_iter().for_each(|place| counted[place] += value);
            }
            Ok(())
        })
        .unwrap();
        let sum = |which: fn(Flaw) -> bool| -> u64 {
            let flaws = ledger.flaws();
            Flaw::ALL.into_iter().filter(|&flaw| which(flaw)).filter_map(|flaw| flaws.get(flaw.name())).sum()
        };
        let expected = [ledger.used, sum(|flaw| flaw != Flaw::Cut), sum(Flaw::is_length)];
        prop_assert_eq!(counted, expected.map(|count| count as f32));
        prop_assert!(ledger.balances());
    }
}

#[test]
fn a_window_of_which_nothing_is_used_makes_no_row() {
    let filter = Filter::parse("tcp").unwrap();
    let plan = Plan { filter: Some(&filter), ..plan(ten_seconds(S)) };
    let (windows, ledger) = windows_of(capture([S, 20 * S, 40 * S], 0, true), &plan, 2, Bounds::of(2));
    assert_eq!((windows.len(), ledger.skipped(Skip::Filtered)), (0, 3));
}

/// What comes of a hundred windows with these `roll` and `sink`, on three threads.
fn hundred(
    progress: &dyn Progress,
    roll: impl Fn(i64) -> Result<i64> + Sync,
    sink: impl FnMut(i64) -> Result<()> + Send,
) -> (Result<()>, Ledger) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    let ledger = Mutex::default();
    let mut captures = capture((0..1000).map(|at| at * S), 4_000, true);
    // Three of them may wait for their turn, and one a thread.
    let roll = |table: &Table, _| Ok((roll(table.start_ns / (10 * S))?, ROWS_AHEAD / 3 + 1));
    let over = pool.install(|| {
        let desk = Desk::new(Collector::new(&mut captures, ten_seconds(S), progress), Bounds::of(3));
        collect(desk, 3, &Truths::default(), &ten_seconds(S).into(), &ledger, roll, sink)
    });
    (over, ledger.into_inner().unwrap())
}

#[test]
fn windows_are_handed_over_in_order_however_long_each_takes() {
    let (mut handed, most) = (Vec::new(), AtomicUsize::new(0));
    let rolled = AtomicUsize::new(0);
    let slow = |number: i64| {
        std::thread::sleep(std::time::Duration::from_micros(if number % 7 == 0 { 3000 } else { 10 }));
        rolled.fetch_add(1, Ordering::Relaxed);
        Ok(number)
    };
    let (over, ledger) = hundred(&Quiet, slow, |number| {
        handed.push(number);
        most.fetch_max(rolled.load(Ordering::Relaxed) - handed.len(), Ordering::Relaxed);
        Ok(())
    });
    over.unwrap();
    assert_eq!(handed, (0..100).collect::<Vec<_>>());
    assert!(ledger.balances() && ledger.used == 1000, "{ledger:?}");
    let most = most.into_inner();
    assert!(most <= 6, "{most} windows waited for their turn");
}

#[test]
fn an_error_ends_the_work_behind_what_came_before_it() {
    let broken = || Error::new(ErrorKind::Io, "made", "broken");
    let mut handed = Vec::new();
    let (over, _) = hundred(&Quiet, Ok, |number| {
        handed.push(number);
        if number == 5 { Err(broken()) } else { Ok(()) }
    });
    assert_eq!((over.unwrap_err().what.as_str(), handed), ("broken", vec![0, 1, 2, 3, 4, 5]));

    // The earliest of several.
    let mut handed = Vec::new();
    let roll = |number| if number >= 20 { Err(Error::new(ErrorKind::Io, "made", number)) } else { Ok(number) };
    let (over, _) = hundred(&Quiet, roll, |number| {
        handed.push(number);
        Ok(())
    });
    assert_eq!((over.unwrap_err().what.as_str(), handed), ("20", (0..20).collect::<Vec<_>>()));
}

#[test]
fn a_panic_is_passed_on() {
    let over = std::panic::catch_unwind(|| {
        hundred(&Quiet, |number| if number == 9 { panic!("made") } else { Ok(number) }, |_| Ok(()))
    });
    assert!(over.is_err());
}

/// The user has enough after some bytes.
struct Enough(AtomicUsize);

impl Progress for Enough {
    fn begin(&self, _: &str, _: Option<u64>) {}
    fn advance(&self, units: u64) {
        self.0.fetch_add(units as usize, Ordering::Relaxed);
    }
    fn cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 1 << 20
    }
}

#[test]
fn what_was_read_before_the_user_had_enough_is_handed_over() {
    let mut handed = 0;
    let (over, ledger) = hundred(&Enough(AtomicUsize::new(0)), Ok, |_| {
        handed += 1;
        Ok(())
    });
    over.unwrap();
    assert!(ledger.balances() && ledger.used < 1000, "{ledger:?}");
    assert_eq!(handed, ledger.used.div_ceil(10));
}
