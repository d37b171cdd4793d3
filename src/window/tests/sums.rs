//! How features add up over rows, by what the catalogue says of each: a feature that is new is tried without being named here.

use std::collections::HashMap;

use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::properties::usual_packets;
use super::*;

/// The sums of every feature over the rows of a window, by view.
struct Sums(HashMap<(View, &'static str), f64>);

impl Sums {
    fn of(packets: &[Packet]) -> Self {
        let table = table(packets);
        let mut sums = HashMap::new();
        for view in View::ALL {
            for row in by_entity(&table, view).values() {
                for (feature, &value) in catalogue(view).zip(row) {
                    *sums.entry((view, feature.name)).or_default() += f64::from(value);
                }
            }
        }
        Self(sums)
    }

    fn get(&self, view: View, name: &str) -> Option<f64> {
        self.0.get(&(view, find(name)?.name)).copied()
    }

    /// The sum over hosts, and what it has to be if the feature adds up so; none if it cannot.
    fn over_hosts(&self, feature: &Feature, adds: Adds) -> Option<(f64, f64)> {
        let network = |name: &str| self.get(View::Network, name);
        let expected = match adds {
            Adds::No => return None,
            Adds::Sent => {
                let back = feature.name.strip_suffix("_out").and_then(|name| network(&format!("{name}_in")));
                network(feature.name)? + back.unwrap_or(0.0)
            }
            Adds::Received => self.get(View::Host, sent(feature)?.name)?,
            Adds::Both => 2.0 * network(feature.name)?,
        };
        Some((self.get(View::Host, feature.name)?, expected))
    }
}

/// The feature that counts what this one counts where it was sent: `tcp_syn_out` of `tcp_syn_in`, `arp_replies` of
/// `arp_replies_in`.
fn sent(received: &Feature) -> Option<&'static Feature> {
    let name = received.name.strip_suffix("_in")?;
    // Distinct peers are as many one way as the other, but no part of the network's.
    find(&format!("{name}_out")).or_else(|| find(name)).filter(|sent| sent.adds == Adds::Sent)
}

/// What one host says to another, and to no group.
fn between_hosts(packets: &[Packet<'static>]) -> Vec<Packet<'static>> {
    let two = packets.iter().filter(|packet| packet.src != packet.dst);
    two.map(|&packet| Packet { cast: Cast::Unicast, ..packet }).collect()
}

proptest! {
    #[test]
    fn what_all_hosts_sent_is_what_the_network_carried(packets in usual_packets()) {
        let sums = Sums::of(&packets);
        prop_assert_eq!(sums.get(View::Network, "packets"), Some(packets.len() as f64));
        prop_assert_eq!(sums.get(View::Network, "peers"), Some(rows(&table(&packets), View::Host).len() as f64));
        for feature in catalogue(View::Host).filter(|feature| feature.adds == Adds::Sent) {
            let (sum, expected) = sums.over_hosts(feature, Adds::Sent).unwrap();
            prop_assert_eq!(sum, expected, "{}", feature.name);
        }
    }

    #[test]
    fn what_hosts_send_each_other_is_received(packets in usual_packets()) {
        let packets = between_hosts(&packets);
        prop_assume!(!packets.is_empty());
        let sums = Sums::of(&packets);
        for feature in catalogue(View::Host).filter(|feature| matches!(feature.adds, Adds::Received | Adds::Both)) {
            let (sum, expected) = sums.over_hosts(feature, feature.adds).unwrap();
            prop_assert_eq!(sum, expected, "{}", feature.name);
        }
    }

    /// A conversation is in one row of pairs and in one of flows.
    #[test]
    fn pairs_and_flows_are_parts_of_the_network(packets in usual_packets()) {
        let sums = Sums::of(&packets);
        for feature in catalogue(View::Network).filter(|feature| feature.adds != Adds::No) {
            let whole = sums.get(View::Network, feature.name);
            for view in [View::Pair, View::Flow].into_iter().filter(|view| feature.views.contains(view)) {
                prop_assert_eq!(sums.get(view, feature.name), whole, "{}: {}", view, feature.name);
            }
        }
    }
}

/// No feature adds up that says that it does not, and none that does is always 0.
#[test]
fn features_that_do_not_add_up_are_told_from_those_that_do() {
    let mut runner = TestRunner::deterministic();
    let made = std::iter::repeat_with(|| usual_packets().new_tree(&mut runner).unwrap().current()).take(300);
    let samples: Vec<Vec<Packet>> = made.chain(scenes::all().into_iter().map(|scene| scene.packets)).collect();
    let all: Vec<Sums> = samples.iter().map(|packets| Sums::of(packets)).collect();
    let between_hosts: Vec<Sums> = samples.iter().map(|packets| Sums::of(&between_hosts(packets))).collect();
    let mut wrong = Vec::new();
    for feature in catalogue(View::Host) {
        if feature.adds != Adds::No {
            let seen = all.iter().any(|sums| sums.get(View::Host, feature.name).is_some_and(|sum| sum > 0.0));
            wrong.extend((!seen).then(|| format!("{} is always 0", feature.name)));
            continue;
        }
        for adds in [Adds::Sent, Adds::Received, Adds::Both] {
            let told: Vec<(f64, f64)> =
                between_hosts.iter().filter_map(|sums| sums.over_hosts(feature, adds)).collect();
            let holds = !told.is_empty() && told.iter().all(|(sum, expected)| sum == expected);
            wrong.extend(holds.then(|| format!("{} adds up as {adds:?}", feature.name)));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
