//! Later fragments belong to the flow of their first one (RFC 791, 3.2; RFC 8200, 4.5), which alone has the ports.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use super::{Fragment, Host, Packet, Transport};
use crate::capture::Ledger;

/// First fragments that are remembered at once at most, so that a flood of them cannot fill the memory (about 5 MB).
const MOST: usize = 1 << 14;
/// How long a first fragment is remembered, by the packets' time: what Linux waits for the others (RFC 791 says 15 s, RFC
/// 8200 60 s). Senders use a packet's number again after that.
const LIFETIME_NS: i64 = 30_000_000_000;

/// The first fragments of one window's packets.
///
/// The oldest is forgotten when there are too many. A later fragment that overtakes its first stays without ports: nothing
/// is held back.
#[derive(Debug, Default)]
pub struct Fragments {
    firsts: FxHashMap<Key, Packet<'static>>,
    /// When each came, oldest first.
    order: VecDeque<(i64, Key)>,
}

/// What tells one fragmented packet from another.
type Key = (Host, Host, u8, u32);

fn key(part: Fragment) -> Key {
    (part.src, part.dst, part.protocol, part.id)
}

impl Fragments {
    /// Remembers a first fragment; gives a later one the ports of its first, and the ends too if that is in a tunnel.
    /// Whatever else comes is left as it is.
    ///
    /// Counts in `ledger` the later fragments whose first is not known, and the first ones that are forgotten for want of
    /// room.
    pub fn join(&mut self, packet: &mut Packet<'_>, ledger: &mut Ledger) {
        let Some(part) = packet.fragment else { return };
        self.forget_before(packet.time_ns.saturating_sub(LIFETIME_NS));
        if part.first {
            self.remember(key(part), packet, ledger);
        } else if let Some(first) = self.firsts.get(&key(part)) {
            if first.tunnel {
                *packet = Packet {
                    time_ns: packet.time_ns,
                    wire_len: packet.wire_len,
                    vlan: packet.vlan,
                    flaw: packet.flaw,
                    fragment: packet.fragment,
                    payload_len: 0,
                    payload: &[],
                    app: None,
                    ..*first
                };
            }
            packet.transport = continued(first);
        } else {
            ledger.orphans += 1;
        }
    }

    /// How many first fragments it remembers.
    pub fn len(&self) -> usize {
        self.firsts.len()
    }

    /// Whether it remembers none.
    pub fn is_empty(&self) -> bool {
        self.firsts.is_empty()
    }

    fn remember(&mut self, key: Key, packet: &Packet<'_>, ledger: &mut Ledger) {
        if packet.transport == Transport::None {
            return;
        }
        self.firsts.insert(key, Packet { payload: &[], ..*packet });
        self.order.push_back((packet.time_ns, key));
        if self.order.len() > MOST && self.forget_oldest() {
            ledger.evictions += 1;
        }
    }

    fn forget_before(&mut self, time_ns: i64) {
        while self.order.front().is_some_and(|&(at_ns, _)| at_ns < time_ns) {
            self.forget_oldest();
        }
    }

    /// Whether it was still known, and not replaced by a later packet of the same number.
    fn forget_oldest(&mut self) -> bool {
        let Some((at_ns, key)) = self.order.pop_front() else { return false };
        let known = self.firsts.get(&key).is_some_and(|first| first.time_ns == at_ns);
        known && self.firsts.remove(&key).is_some()
    }
}

/// What the later fragments of a packet carry: no flags, no message type, which would be counted twice.
fn continued(first: &Packet<'_>) -> Transport {
    let ports = |protocol, src_port, dst_port| Transport::Ports { protocol, src_port, dst_port };
    match first.transport {
        Transport::Tcp(tcp) => ports(6, tcp.src_port, tcp.dst_port),
        Transport::Udp { src_port, dst_port } => ports(17, src_port, dst_port),
        Transport::Icmp { v6: false, .. } => ports(1, 0, 0),
        Transport::Icmp { v6: true, .. } => ports(58, 0, 0),
        other => other,
    }
}
