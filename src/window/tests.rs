use etherparse::PacketBuilder;

use super::*;
use crate::capture::{Frame, Ledger, Link};
use crate::packet::{Packet, Transport, Tunnels};

/// A fragment of one datagram, `at` seconds after the epoch.
fn fragment(bytes: &mut Vec<u8>, at: i64, first: bool) -> Packet<'_> {
    PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64).udp(1000, 2000).write(bytes, &[1; 64]).unwrap();
    bytes[6..8].copy_from_slice(if first { &[0x20, 0] } else { &[0, 9] });
    let frame = Frame { number: 1, time_ns: at * 1_000_000_000, link: Link::RawIp, wire_len: 92, bytes };
    Packet::decode(&frame, Tunnels::Inner).unwrap()
}

#[test]
fn fragments_are_joined_within_a_window_and_not_across() {
    let mut windows = Windows::new(Windowing::new(10_000_000_000, 0).unwrap());
    let mut ledger = Ledger::default();
    for (at, first, joined) in [(8, true, true), (9, false, true), (10, false, false), (9, false, true)] {
        let mut bytes = Vec::new();
        let mut packet = fragment(&mut bytes, at, first);
        windows.join(&mut packet, &mut ledger);
        assert_eq!(packet.transport != Transport::None, joined, "at {at}");
    }
    assert_eq!(ledger.orphans, 1);
    // Fragments of windows that nobody counts in are not kept for ever.
    for window in 0..40 {
        let mut bytes = Vec::new();
        windows.join(&mut fragment(&mut bytes, window * 10, true), &mut ledger);
    }
    assert_eq!(ledger.evictions, 24);
}

#[test]
fn a_datagram_in_fragments_is_one_flow() {
    let mut table = Table::new(0, 10_000_000_000);
    let mut windows = Windows::new(Windowing::new(10_000_000_000, 0).unwrap());
    for first in [true, false] {
        let mut bytes = Vec::new();
        let mut packet = fragment(&mut bytes, 1, first);
        windows.join(&mut packet, &mut Ledger::default());
        table.count(&packet, None).unwrap();
    }
    assert_eq!(table.flows.len(), 1);
    assert_eq!(table.flows[0].packets(), 2);
}
