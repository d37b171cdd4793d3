//! Inputs by chance, each of which has to be read or refused as `targets` says: random bytes, and samples of every format
//! that are damaged a little. The same inputs with every run; cargo-fuzz searches longer, with the same targets (`fuzz/`).

#[path = "../common/mod.rs"]
mod common;
mod samples;
mod targets;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{RngSeed, TestRunner};

/// A small change of an input.
#[derive(Clone, Debug)]
enum Damage {
    /// Another byte.
    Set(Index, u8),
    /// A byte or so of a word that means something, written over what is there or put between.
    Word(Index, Index, bool),
    /// Some bytes once more, elsewhere.
    Copy(Index, Index, usize),
    Remove(Index, usize),
    /// Nothing behind this place.
    Cut(Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    let place = any::<Index>;
    prop_oneof![
        4 => (place(), any::<u8>()).prop_map(|(at, byte)| Damage::Set(at, byte)),
        3 => (place(), place(), any::<bool>()).prop_map(|(at, word, over)| Damage::Word(at, word, over)),
        2 => (place(), place(), 1..40_usize).prop_map(|(from, to, len)| Damage::Copy(from, to, len)),
        2 => (place(), 1..40_usize).prop_map(|(at, len)| Damage::Remove(at, len)),
        1 => place().prop_map(Damage::Cut),
    ]
}

impl Damage {
    fn apply(&self, bytes: &mut Vec<u8>, words: &[&[u8]]) {
        let at = |place: &Index| place.index(bytes.len() + 1);
        let within = |at: usize, len: usize| at..(at + len).min(bytes.len());
        match self {
            Damage::Set(place, byte) => {
                let at = at(place);
                bytes.splice(within(at, 1), [*byte]);
            }
            Damage::Word(place, word, over) => {
                let (at, word) = (at(place), *word.get(words));
                bytes.splice(within(at, if *over { word.len() } else { 0 }), word.iter().copied());
            }
            Damage::Copy(from, to, len) => {
                let (again, to) = (bytes[within(at(from), *len)].to_vec(), at(to));
                bytes.splice(to..to, again);
            }
            Damage::Remove(place, len) => drop(bytes.drain(within(at(place), *len))),
            Damage::Cut(place) => bytes.truncate(at(place)),
        }
    }
}

/// Calls `target` with as many inputs as `cases` says.
fn fuzz(target: fn(&[u8]), cases: u32, samples: Vec<Vec<u8>>, words: &'static [&'static [u8]]) {
    let config =
        ProptestConfig { cases, rng_seed: RngSeed::Fixed(7), failure_persistence: None, ..ProptestConfig::default() };
    samples.iter().for_each(|sample| target(sample));
    let damaged =
        (prop::sample::select(samples), prop::collection::vec(damage(), 0..8)).prop_map(|(mut bytes, damages)| {
            damages.iter().for_each(|damage| damage.apply(&mut bytes, words));
            bytes
        });
    let inputs = prop_oneof![4 => damaged, 1 => prop::collection::vec(any::<u8>(), 0..400)];
    let ended = TestRunner::new(config).run(&inputs, |bytes| {
        target(&bytes);
        Ok(())
    });
    ended.unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn any_bytes_are_a_capture_or_refused() {
    fuzz(targets::capture::target, 3_000, samples::captures(), samples::CAPTURE);
    if let Some(peak) = peak_mib() {
        assert!(peak < 512, "{peak} MiB were resident");
    }
}

#[test]
fn blocks_of_pcapng_are_read_as_they_were_written() {
    fuzz(targets::pcapng::target, 3_000, samples::blocks(), samples::CAPTURE);
}

#[test]
fn any_frame_is_decoded_as_far_as_it_goes() {
    fuzz(targets::packet::target, 20_000, samples::frames(), samples::PACKET);
}

#[test]
fn the_short_way_and_the_long_one_agree() {
    let alone = |frame: Vec<u8>| (frame[0] & 15 == 1).then(|| frame[1..].to_vec());
    fuzz(
        targets::fast_path::target,
        20_000,
        samples::frames().into_iter().filter_map(alone).collect(),
        samples::PACKET,
    );
}

#[test]
fn any_payload_is_a_message_or_none() {
    fuzz(targets::payload::target, 20_000, samples::payloads(), samples::PAYLOAD);
}

#[test]
fn any_text_is_a_filter_or_refused() {
    fuzz(targets::filter::target, 10_000, samples::filters(), samples::FILTER);
}

#[test]
fn any_text_is_truth_or_refused() {
    fuzz(targets::truth::target, 4_000, samples::labels(), samples::TRUTH);
}

/// The most that this process ever had resident, where the system tells.
fn peak_mib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? >> 10)
}
