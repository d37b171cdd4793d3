//! The columns of the context: what the memory says of a row, with what an operator should know of it.

use super::Columns;
use super::memory::Look;
use crate::window::{Adds, Feature, Sight, Unit, View};

const MANY: &[View] = &[View::Network, View::Host, View::Pair];
const BOTH: &[View] = &[View::Network, View::Host];
const HOST: &[View] = &[View::Host];
const SMALL: &[View] = &[View::Host, View::Pair];

/// The columns of a view's rows, in their order; none for a view whose entities do not come back.
pub fn catalogue(view: View) -> impl Iterator<Item = &'static Feature<Look>> {
    FIRST_SEEN.iter().chain([&STRANGER]).chain(DRIFT).filter(move |feature| feature.views.contains(&view))
}

/// Which of a view's columns tell what.
pub(super) fn columns(view: View) -> Columns {
    let count = |features: &[Feature<Look>]| features.iter().filter(|feature| feature.views.contains(&view)).count();
    Columns { first_seen: count(FIRST_SEEN), stranger: count(&[STRANGER]), habits: count(DRIFT) }
}

const STRANGER: Feature<Look> = Feature {
    name: "stranger",
    unit: Unit::Share,
    views: SMALL,
    adds: Adds::No,
    grows: true,
    phrase: "never seen in training",
    measures: "1 if training never saw this entity, else 0, however long ago that first was.",
    matters: "Who was not there when the network was known to be well: an intruder's machine, a server of malware.",
    blind_spot: "New machines are strangers until the model is trained again; undefined if training saw more than 65,536 entities.",
    value: |look| look.is_stranger.map_or(f64::NAN, |stranger| f64::from(u8::from(stranger))),
};

const FIRST_SEEN: &[Feature<Look>] = &[
    Feature {
        name: "newcomer",
        unit: Unit::Share,
        views: SMALL,
        adds: Adds::No,
        grows: true,
        phrase: "first seen within the last hour",
        measures: "1 if this entity was first seen less than an hour ago, else 0.",
        matters: "A machine that was never there, a conversation that two hosts never had.",
        blind_spot: "Foreign servers come and go; of more than 16,384 entities those that came least are forgotten.",
        value: |look| f64::from(u8::from(look.is_newcomer)),
    },
    Feature {
        name: "new_peers",
        unit: Unit::Count("hosts"),
        views: BOTH,
        adds: Adds::No,
        grows: true,
        phrase: "peers that it never had before",
        measures: "Hosts that it exchanged packets with (of the network: that sent) and that it first met less than an hour ago.",
        matters: "Scans, lateral movement, command servers: an intruder meets whom the host never met.",
        blind_spot: "At most 32 (of the network 128) of a window are told apart; undefined for an entity of less than 30 rows.",
        value: |look| look.new_ones([Sight::Peer]),
    },
    Feature {
        name: "new_services_out",
        unit: Unit::Count("services"),
        views: MANY,
        adds: Adds::No,
        grows: true,
        phrase: "services that it never asked for before",
        measures: "Protocols with ports that it asked for (of the network: anybody) and first did less than an hour ago; ports from 32768 on are one.",
        matters: "A host that begins to speak SSH, SMB or Modbus.",
        blind_spot: "Another service at a known port; at most 32 (of the network 128) of a window; undefined for an entity of less than 30 rows.",
        value: |look| look.new_ones([Sight::Asked]),
    },
    Feature {
        name: "new_services_in",
        unit: Unit::Count("services"),
        views: HOST,
        adds: Adds::No,
        grows: true,
        phrase: "own services that were never asked for before",
        measures: "Own protocols with ports that others asked for and first did less than an hour ago; ports from 32768 on are one.",
        matters: "It is scanned, or somebody opened a door in it.",
        blind_spot: "Whether it answered does not count; at most 32 of a window; undefined for an entity of less than 30 rows.",
        value: |look| look.new_ones([Sight::Served]),
    },
    Feature {
        name: "new_machines",
        unit: Unit::Count("MACs"),
        views: BOTH,
        adds: Adds::No,
        grows: true,
        phrase: "machines that never spoke in its name before",
        measures: "MACs that sent in the name of its address (of the network: of any), by Ethernet or by ARP, and first did less than an hour ago.",
        matters: "ARP spoofing, a stolen address, a device that was replaced.",
        blind_spot: "Behind a router all have its MAC; undefined for an entity of less than 30 rows.",
        value: |look| look.new_ones([Sight::Machine]),
    },
    Feature {
        name: "new_names",
        unit: Unit::Count("names"),
        views: MANY,
        adds: Adds::No,
        grows: true,
        phrase: "names that it never asked for before",
        measures: "Names that it asked for in DNS, TLS or HTTP (of the network and of a pair: anybody) and first did less than an hour ago.",
        matters: "Malware that looks for its server, tunnels in names, new software.",
        blind_spot: "Services that make up names do so all day; at most 32 (of the network 128) of a window; undefined for an entity of less than 30 rows.",
        value: |look| look.new_ones([Sight::Name]),
    },
    Feature {
        name: "new_share",
        unit: Unit::Share,
        views: MANY,
        adds: Adds::No,
        grows: false,
        phrase: "share of what it showed that it never showed before",
        measures: "Of all peers, services, machines and names that the row shows, those that the entity first showed less than an hour ago.",
        matters: "A host that does nothing of what it used to do is another host.",
        blind_spot: "Undefined where nothing is shown, and for an entity of less than 30 rows.",
        value: |look| {
            let new = look.new.map(|counts| f64::from(counts.iter().sum::<u32>()));
            let shown = look.shown.filter(|&shown| shown > 0);
            new.zip(shown).map_or(f64::NAN, |(new, shown)| new / shown as f64)
        },
    },
    Feature {
        name: "strange_peers",
        unit: Unit::Count("hosts"),
        views: HOST,
        adds: Adds::No,
        grows: true,
        phrase: "peers that nobody ever had before",
        measures: "Hosts that it exchanged packets with and that anybody first did less than an hour ago.",
        matters: "What is new to one may be old to the network; this is new to all.",
        blind_spot: "At most 32 of a window are told apart; of more than 16,384 sightings those that came least are forgotten.",
        value: |look| look.new_to_all([Sight::Peer]),
    },
    Feature {
        name: "strange_services",
        unit: Unit::Count("services"),
        views: HOST,
        adds: Adds::No,
        grows: true,
        phrase: "services that nobody ever used before",
        measures: "Protocols with ports that it asked for or was asked for, and anybody first was less than an hour ago.",
        matters: "A protocol that the network does not speak.",
        blind_spot: "At most 32 of each side of a window are told apart; ports from 32768 on are one.",
        value: |look| look.new_to_all([Sight::Asked, Sight::Served]),
    },
    Feature {
        name: "strange_machines",
        unit: Unit::Count("MACs"),
        views: HOST,
        adds: Adds::No,
        grows: true,
        phrase: "machines that were never seen before",
        measures: "MACs that sent in the name of its address and that first sent in any name less than an hour ago.",
        matters: "A device that was never plugged in here.",
        blind_spot: "Phones make up MACs.",
        value: |look| look.new_to_all([Sight::Machine]),
    },
    Feature {
        name: "strange_names",
        unit: Unit::Count("names"),
        views: SMALL,
        adds: Adds::No,
        grows: true,
        phrase: "names that nobody ever asked for before",
        measures: "Names that it asked for in DNS, TLS or HTTP (in other views anybody) and that anybody first did less than an hour ago.",
        matters: "Malware that looks for its server, tunnels in names.",
        blind_spot: "Services that make up names do so all day; at most 32 of a window are told apart.",
        value: |look| look.new_to_all([Sight::Name]),
    },
];

/// The three habits of a column that is gauged.
macro_rules! drift {
    ($($place:literal $name:literal $what:literal $views:expr;)*) => {
        &[$(
            Feature {
                name: concat!($name, "_drift"),
                unit: Unit::Deviations,
                views: $views,
                adds: Adds::No,
                grows: false,
                phrase: concat!($what, " against its latest rows"),
                measures: concat!("How far the logarithm of ", $name, " is from the mean of the entity's own latest rows (half-life 16 rows)."),
                matters: "A sudden change, whatever is usual for it.",
                blind_spot: "What grows slowly; undefined for the first 8 rows; rows are latest however long ago they were.",
                value: |look| look.drifts[$place].late[0],
            },
            Feature {
                name: concat!($name, "_drift_long"),
                unit: Unit::Deviations,
                views: $views,
                adds: Adds::No,
                grows: false,
                phrase: concat!($what, " against its own past"),
                measures: concat!("How far the logarithm of ", $name, " is from the mean of the entity's own rows (half-life 256 rows)."),
                matters: "A change that lasts.",
                blind_spot: "What grows slowly; undefined for the first 8 rows; rows are latest however long ago they were.",
                value: |look| look.drifts[$place].late[1],
            },
            Feature {
                name: concat!($name, "_drift_hour"),
                unit: Unit::Deviations,
                views: $views,
                adds: Adds::No,
                grows: false,
                phrase: concat!($what, " against this hour of other days"),
                measures: concat!("How far the logarithm of ", $name, " is from the mean of the entity's own rows at this hour (UTC) of other days (a tenth is forgotten a day)."),
                matters: "Work at night is no work by day.",
                blind_spot: "Weekends; undefined before the second day, and where the hour has less than 8 rows.",
                value: |look| look.drifts[$place].hour,
            },
        )*]
    };
}

const DRIFT: &[Feature<Look>] = drift! {
    0 "packets" "packets" MANY;
    1 "bytes_out" "bytes sent" MANY;
    2 "flows" "flows" MANY;
    3 "peers" "peers" BOTH;
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_says_what_it_is() {
        let mut names: Vec<&str> =
            FIRST_SEEN.iter().chain([&STRANGER]).chain(DRIFT).map(|feature| feature.name).collect();
        names.sort_unstable();
        assert!(names.is_sorted_by(|one, other| one < other), "names are distinct: {names:?}");
        assert!(names.iter().all(|name| crate::window::find(name).is_none()), "and not those of a window's features");
        assert_eq!(catalogue(View::Flow).count(), 0);
    }
}
