//! Which headers a capture's packets have, and how many have them.

use std::collections::BTreeMap;

use super::rest::Rest;
use super::{App, Network, Packet, Transport, link, shim, tunnel};
use crate::capture::{Frame, Skip};

/// Headers, by the names that they have in JSON; and what [`App`] messages are of, in whatever part of them it reads.
const NAMES: [&str; 17] = [
    "ethernet", "vlan", "arp", "ipv4", "ipv6", "fragment", "tcp", "udp", "icmp", "icmpv6", "sctp", "dccp", "udp_lite",
    "dns", "tls", "http", "ics",
];

/// Counts of packets by the headers that were found in them, outside and inside tunnels. What an ICMP error quotes was
/// not sent, and does not count; nor does a later fragment, whose ports are known from its first, have a transport header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// By the place in [`NAMES`]: packets that have the header at least once, wherever it is.
    anywhere: [u64; NAMES.len()],
    /// The same of the innermost packet of those that came through a tunnel.
    tunnelled: [u64; NAMES.len()],
    tunnels: u64,
}

impl Census {
    /// Decodes a frame and counts it. Gives the innermost packet, as [`Packet::decode`] does.
    ///
    /// # Errors
    /// Those of [`Packet::decode`]; such a frame is not counted.
    pub fn count<'a>(&mut self, frame: &Frame<'a>) -> Result<Packet<'a>, Skip> {
        let wire = frame.bytes.len().max(frame.wire_len as usize);
        let outer = link::peel(frame.link, Rest { bytes: frame.bytes, wire, torn: false })?;
        let (mut anywhere, mut innermost) = ([false; NAMES.len()], [false; NAMES.len()]);
        let packet = tunnel::follow(frame, shim::peel(outer), |packet| {
            innermost = headers(packet);
            anywhere.iter_mut().zip(innermost).for_each(|(any, this)| *any |= this);
        });
        add(&mut self.anywhere, anywhere);
        if packet.tunnel {
            self.tunnels += 1;
            add(&mut self.tunnelled, innermost);
        }
        Ok(packet)
    }

    /// How many packets have which header, in front of a tunnel, inside of it or without one; and how many came through one.
    pub fn anywhere(&self) -> BTreeMap<&'static str, u64> {
        named(NAMES.into_iter().chain(["tunnel"]), self.anywhere.into_iter().chain([self.tunnels]))
    }

    /// How many packets that came through a tunnel have which header at its end.
    pub fn tunnelled(&self) -> BTreeMap<&'static str, u64> {
        named(NAMES.into_iter(), self.tunnelled.into_iter())
    }
}

/// Which headers a packet has, by the place in [`NAMES`].
fn headers(packet: &Packet<'_>) -> [bool; NAMES.len()] {
    let carries = |protocol| matches!(packet.transport, Transport::Ports { protocol: of, .. } if of == protocol);
    [
        packet.dst_mac.is_some(),
        packet.vlan,
        packet.network == Network::Arp,
        packet.network == Network::Ipv4,
        packet.network == Network::Ipv6,
        packet.fragment.is_some(),
        matches!(packet.transport, Transport::Tcp(_)),
        matches!(packet.transport, Transport::Udp { .. }),
        matches!(packet.transport, Transport::Icmp { v6: false, .. }),
        matches!(packet.transport, Transport::Icmp { v6: true, .. }),
        carries(132),
        carries(33),
        carries(136),
        matches!(packet.app, Some(App::Dns(_))),
        matches!(packet.app, Some(App::Tls(_))),
        matches!(packet.app, Some(App::Http(_))),
        matches!(packet.app, Some(App::Ics(_))),
    ]
}

fn add<const N: usize>(counts: &mut [u64; N], holds: [bool; N]) {
    counts.iter_mut().zip(holds).for_each(|(count, holds)| *count += u64::from(holds));
}

fn named(names: impl Iterator<Item = &'static str>, counts: impl Iterator<Item = u64>) -> BTreeMap<&'static str, u64> {
    names.zip(counts).filter(|&(_, count)| count > 0).collect()
}
