//! What a part of a window tells of the whole, by what the catalogue says of each feature: one that is new is tried without being
//! named here.

use std::collections::BTreeSet;

use super::properties::usual_packets;
use super::*;

/// The features said to grow that are more in a part of these packets, from one place to another, than in all of them.
fn larger_in_a_part(packets: &[Packet], from: usize, to: usize) -> BTreeSet<&'static str> {
    let whole = by_entity(&table(packets), View::Host);
    let part = by_entity(&table(&packets[from..to]), View::Host);
    let larger = |(entity, part): (&String, &Vec<f32>)| -> Vec<&'static str> {
        let growing = catalogue(View::Host).zip(part.iter().zip(&whole[entity])).filter(|(feature, _)| feature.grows);
        growing.filter(|(_, (part, whole))| part > whole).map(|(feature, _)| feature.name).collect()
    };
    part.iter().flat_map(larger).collect()
}

fn by_time(mut packets: Vec<Packet<'static>>) -> Vec<Packet<'static>> {
    packets.sort_by_key(|packet| packet.time_ns);
    packets
}

proptest! {
    #[test]
    fn what_grows_is_never_more_in_a_part((packets, one, other) in usual_packets().prop_flat_map(|packets| {
        let all = packets.len();
        (Just(by_time(packets)), 0..all, 0..all)
    })) {
        prop_assert_eq!(larger_in_a_part(&packets, one.min(other), one.max(other) + 1), BTreeSet::new());
    }
}

#[test]
fn nor_is_it_in_conversations_that_are_cut_anywhere() {
    for scene in scenes::all() {
        let packets = by_time(scene.packets);
        for at in 1..packets.len() {
            for (from, to) in [(0, at), (at, packets.len())] {
                assert_eq!(larger_in_a_part(&packets, from, to), BTreeSet::new(), "{from} to {to}: {packets:?}");
            }
        }
    }
}
