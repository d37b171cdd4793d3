//! A slice of the trail: what an entity sent and received, as pcapng.

use std::io::Write;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use pcap_file::DataLink;
use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::enhanced_packet::EnhancedPacketBlock;
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption, InterfaceTsResolution,
};

use super::trail::Segment;
use crate::capture::{Frame, Link};
use crate::error::{Error, ErrorKind, Result};
use crate::packet::{Fragments, Host, Packet, Transport, Tunnels, subnet};
use crate::window::View;

/// Whose packets are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// All: of the network, or of those that have no row of their own.
    All,
    /// Those that a host sent or received.
    Host(Host),
    /// Those between two hosts.
    Pair([Host; 2]),
    /// Those of a flow: both ends with their ports.
    Flow([(Host, u16); 2]),
}

impl Whose {
    /// By the name that a row has in a view.
    pub fn named(view: &str, entity: &str) -> Self {
        let named = match view.parse() {
            Ok(View::Host) => host(entity).map(Self::Host),
            Ok(View::Pair) => {
                entity.split_once(' ').and_then(|(one, other)| Some(Self::Pair([host(one)?, host(other)?])))
            }
            Ok(View::Flow) => flow(entity).map(Self::Flow),
            _ => None,
        };
        named.unwrap_or(Self::All)
    }

    fn is_in(self, packet: &Packet<'_>) -> bool {
        let ends = [packet.src, packet.dst];
        match self {
            Self::All => true,
            Self::Host(host) => ends.contains(&host),
            Self::Pair([one, other]) => ends == [one, other] || ends == [other, one],
            Self::Flow([one, other]) => {
                let (src_port, dst_port) = match packet.transport {
                    Transport::Tcp(tcp) => (tcp.src_port, tcp.dst_port),
                    Transport::Udp { src_port, dst_port } | Transport::Ports { src_port, dst_port, .. } => {
                        (src_port, dst_port)
                    }
                    _ => (0, 0),
                };
                let (src, dst) = ((packet.src, src_port), (packet.dst, dst_port));
                (src, dst) == (one, other) || (src, dst) == (other, one)
            }
        }
    }
}

fn host(text: &str) -> Option<Host> {
    let mac = || subnet::mac(text).map(Host::from_mac);
    text.parse::<std::net::IpAddr>().ok().map(Host::from).or_else(mac)
}

/// `tcp 10.0.0.9:50000 > 10.0.0.2:80`, `icmp 10.0.0.9 > 10.0.0.2`.
fn flow(name: &str) -> Option<[(Host, u16); 2]> {
    let (_, ends) = name.split_once(' ')?;
    let (one, other) = ends.split_once(" >> ").or_else(|| ends.split_once(" > "))?;
    let end = |text: &str| {
        let with_port = text.parse::<std::net::SocketAddr>().ok().map(|end| (end.ip().into(), end.port()));
        with_port.or_else(|| host(text).map(|host| (host, 0)))
    };
    Some([end(one)?, end(other)?])
}

/// Packets of a slice at most: of a flood, its beginning is enough.
const MOST: usize = 100_000;

/// Writes the packets of an entity that came within some time, in the order in which they came, as pcapng; how many there are.
///
/// # Errors
/// What the operating system says of the path.
pub fn write(
    path: &Path,
    out: &mut dyn Write,
    segments: &[Arc<Segment>],
    whose: Whose,
    tunnels: Tunnels,
    times_ns: Range<i64>,
) -> Result<usize> {
    let failed = |error: &dyn std::fmt::Display| Error::new(ErrorKind::Io, path.display(), error);
    let mut file = PcapNgWriter::new(out).map_err(|error| failed(&error))?;
    let (mut links, mut packets): (Vec<Link>, _) = (Vec::new(), 0);
    let mut fragments = Fragments::default();
    let mut ledger = crate::capture::Ledger::default();
    for frame in segments.iter().flat_map(|segment| segment.frames()) {
        if !times_ns.contains(&frame.time_ns) || !is_wanted(&frame, whose, tunnels, &mut fragments, &mut ledger) {
            continue;
        }
        if packets == MOST {
            break;
        }
        let interface = match links.iter().position(|link| *link == frame.link) {
            Some(interface) => interface,
            None => {
                let linktype = DataLink::from(frame.link.number());
                let options = vec![InterfaceDescriptionOption::IfTsResol(InterfaceTsResolution::NANO)];
                let interface = InterfaceDescriptionBlock { linktype, snaplen: 0, options };
                file.write_pcapng_block(interface).map_err(|error| failed(&error))?;
                links.push(frame.link);
                links.len() - 1
            }
        };
        let block = EnhancedPacketBlock {
            interface_id: interface as u32,
            timestamp: Duration::from_nanos(frame.time_ns.max(0).unsigned_abs()),
            original_len: frame.wire_len,
            data: frame.bytes.into(),
            options: Vec::new(),
        };
        file.write_pcapng_block(block).map_err(|error| failed(&error))?;
        packets += 1;
    }
    Ok(packets)
}

fn is_wanted(
    frame: &Frame<'_>,
    whose: Whose,
    tunnels: Tunnels,
    fragments: &mut Fragments,
    ledger: &mut crate::capture::Ledger,
) -> bool {
    if whose == Whose::All {
        return true;
    }
    Packet::decode(frame, tunnels).is_ok_and(|mut packet| {
        if packet.fragment.is_some() {
            fragments.join(&mut packet, ledger);
        }
        whose.is_in(&packet)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_known_by_their_names() {
        let [one, other] = [[10, 0, 0, 1], [10, 0, 0, 2]].map(Host::from);
        assert_eq!(Whose::named("host", "10.0.0.1"), Whose::Host(one));
        assert_eq!(Whose::named("host", "02:00:00:00:00:01"), Whose::Host(Host::from_mac([2, 0, 0, 0, 0, 1])));
        assert_eq!(Whose::named("pair", "10.0.0.1 10.0.0.2"), Whose::Pair([one, other]));
        let flow = Whose::Flow([(one, 50_000), (other, 80)]);
        assert_eq!(Whose::named("flow", "tcp 10.0.0.1:50000 > 10.0.0.2:80"), flow);
        assert_eq!(Whose::named("flow", "icmp 10.0.0.1 >> 10.0.0.2"), Whose::Flow([(one, 0), (other, 0)]));
        let v6 = Whose::named("flow", "udp [fe80::1]:53 > [fe80::2]:5353");
        assert!(matches!(v6, Whose::Flow([(_, 53), (_, 5353)])), "{v6:?}");
        for (view, entity) in [("network", "network"), ("host", "others"), ("moon", "10.0.0.1")] {
            assert_eq!(Whose::named(view, entity), Whose::All);
        }
    }
}
