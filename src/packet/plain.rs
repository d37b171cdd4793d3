//! The short way: Ethernet, IP without options or fragments, TCP or UDP, all of it captured and consistent. Nearly every frame
//! is so, and is decoded in a few nanoseconds; for any other the long way, header by header, finds out what it is. Where both
//! ways apply, they agree (see the tests).

use super::tunnel;
use super::{Cast, Host, Mac, Network, Packet, Tcp, TcpFlags, Transport, app};
use crate::capture::{Frame, Link};

const TCP: u8 = 6;
const UDP: u8 = 17;

/// What lies behind the IP header, and what that says.
struct Ip<'a> {
    src: Host,
    dst: Host,
    network: Network,
    ttl: u8,
    protocol: u8,
    /// Its captured part, and its length on the wire.
    bytes: &'a [u8],
    wire: usize,
}

/// What lies behind the transport header, and how long that is.
type Payload<'a> = (&'a [u8], usize);

/// The packet in a plain frame, if it is one.
#[cfg(test)]
pub(super) fn decode<'a>(frame: &Frame<'a>) -> Option<Packet<'a>> {
    let mut packet = Packet::BLANK;
    read(&mut packet, frame).map(|()| packet)
}

/// Makes `packet` the one in a plain frame, if that is one; else it stays as it is.
#[inline(always)]
pub(super) fn read<'a>(packet: &mut Packet<'a>, frame: &Frame<'a>) -> Option<()> {
    if frame.link != Link::Ethernet {
        return None;
    }
    let wire = frame.bytes.len().max(frame.wire_len as usize);
    let (&dst_mac, rest) = frame.bytes.split_first_chunk()?;
    let (&src_mac, rest) = rest.split_first_chunk()?;
    let (kind, bytes) = rest.split_first_chunk::<2>()?;
    let ip = match kind {
        [0x08, 0x00] => v4(bytes, wire - 14)?,
        [0x86, 0xdd] => v6(bytes, wire - 14)?,
        _ => return None,
    };
    // Each way on its own to the end: what is known on both would wait in memory until it is known on which it is.
    match ip.protocol {
        TCP => {
            let (tcp, payload) = tcp(ip.bytes, ip.wire)?;
            write(packet, frame, [dst_mac, src_mac], &ip, Transport::Tcp(tcp), payload);
        }
        UDP => {
            let ([src_port, dst_port], payload) = udp(ip.bytes, ip.wire)?;
            write(packet, frame, [dst_mac, src_mac], &ip, Transport::Udp { src_port, dst_port }, payload);
        }
        _ => return None,
    }
    Some(())
}

/// Puts together what was read, each part where it belongs.
#[inline(always)]
fn write<'a>(
    packet: &mut Packet<'a>,
    frame: &Frame<'a>,
    [dst_mac, src_mac]: [Mac; 2],
    ip: &Ip<'a>,
    transport: Transport,
    (payload, payload_len): Payload<'a>,
) {
    *packet = Packet {
        time_ns: frame.time_ns,
        wire_len: frame.wire_len,
        src: ip.src,
        dst: ip.dst,
        src_mac: Some(src_mac),
        dst_mac: Some(dst_mac),
        cast: Cast::of_mac(dst_mac),
        network: ip.network,
        ttl: ip.ttl,
        fragment: None,
        vlan: false,
        tunnel: false,
        flaw: None,
        transport,
        payload_len: payload_len as u32,
        payload,
        app: None,
    };
    if let Some(ports) = app::may_begin(&transport, payload) {
        packet.app = app::read(ports, payload);
    }
}

/// IPv4 with a header of 20 bytes, whole.
#[inline]
fn v4(bytes: &[u8], wire: usize) -> Option<Ip<'_>> {
    let header = bytes.first_chunk::<20>()?;
    let &[version, _, t0, t1, _, _, fragment, offset, ttl, protocol, _, _, a, b, c, d, e, f, g, h] = header;
    let total = usize::from(u16::from_be_bytes([t0, t1]));
    // Neither a fragment that others follow nor one of them.
    let whole = u16::from_be_bytes([fragment, offset]) & 0x3fff == 0;
    let (src, dst) = (Host::from([a, b, c, d]), Host::from([e, f, g, h]));
    if version != 0x45 || !whole || total < header.len() || total > wire || src.is_unspecified() || dst.is_unspecified()
    {
        return None;
    }
    Some(Ip {
        src,
        dst,
        network: Network::Ipv4,
        ttl,
        protocol,
        bytes: bytes.get(..total).unwrap_or(bytes).get(header.len()..)?,
        wire: total - header.len(),
    })
}

/// IPv6 without extension headers.
#[inline]
fn v6(bytes: &[u8], wire: usize) -> Option<Ip<'_>> {
    let (header, rest) = bytes.split_first_chunk::<8>()?;
    let &[version, _, _, _, l0, l1, protocol, ttl] = header;
    let (&src, rest) = rest.split_first_chunk::<16>()?;
    let (&dst, rest) = rest.split_first_chunk::<16>()?;
    let (src, dst) = (Host::from(src), Host::from(dst));
    let len = usize::from(u16::from_be_bytes([l0, l1]));
    if version >> 4 != 6 || len == 0 || 40 + len > wire || src.is_unspecified() || dst.is_unspecified() {
        return None;
    }
    let bytes = rest.get(..len).unwrap_or(rest);
    Some(Ip { src, dst, network: Network::Ipv6, ttl, protocol, bytes, wire: len })
}

/// TCP, with all of its header captured.
#[inline]
fn tcp(bytes: &[u8], wire: usize) -> Option<(Tcp, Payload<'_>)> {
    let &[p0, p1, q0, q1, s0, s1, s2, s3, a0, a1, a2, a3, words, flags, w0, w1, _, _, _, _] = bytes.first_chunk()?;
    let header = 4 * usize::from(words >> 4);
    if header < 20 || header > bytes.len() {
        return None;
    }
    let tcp = Tcp {
        src_port: u16::from_be_bytes([p0, p1]),
        dst_port: u16::from_be_bytes([q0, q1]),
        seq: u32::from_be_bytes([s0, s1, s2, s3]),
        ack: u32::from_be_bytes([a0, a1, a2, a3]),
        window: u16::from_be_bytes([w0, w1]),
        flags: TcpFlags(flags),
    };
    Some((tcp, (bytes.get(header..)?, wire - header)))
}

/// The ports of UDP that carries no tunnel, and is as long as it says.
#[inline]
fn udp(bytes: &[u8], wire: usize) -> Option<([u16; 2], Payload<'_>)> {
    let (&[p0, p1, q0, q1, l0, l1, _, _], payload) = bytes.split_first_chunk()?;
    let [src_port, dst_port, len] = [[p0, p1], [q0, q1], [l0, l1]].map(u16::from_be_bytes);
    let len = usize::from(len);
    if len < 8 || len > wire || tunnel::may_carry(src_port, dst_port) {
        return None;
    }
    Some(([src_port, dst_port], (payload.get(..len - 8).unwrap_or(payload), len - 8)))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::packet::{Tunnels, decode};
    use etherparse::PacketBuilder;
    use proptest::prelude::*;

    fn frame(bytes: &[u8], wire_len: u32) -> Frame<'_> {
        Frame { number: 1, time_ns: 7, link: Link::Ethernet, wire_len, bytes }
    }

    /// Whether the short way applies; if it does, it has to agree with the long one.
    fn agrees(frame: &Frame) -> bool {
        let short = super::decode(frame);
        if let Some(short) = &short {
            for tunnels in [Tunnels::Inner, Tunnels::Outer] {
                assert_eq!(Ok(*short), decode::the_long_way(*frame, tunnels), "{frame:?}");
            }
        }
        short.is_some()
    }

    /// A frame that goes the short way.
    pub fn plain(v6: bool, tcp: bool, ports: [u16; 2], payload: &[u8]) -> Vec<u8> {
        let link = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
        let ip = match v6 {
            true => link.ipv6([0xfe; 16], [0xfd; 16], 64),
            false => link.ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64),
        };
        let mut bytes = Vec::new();
        match tcp {
            true => ip.tcp(ports[0], ports[1], 5, 1024).ack(9).write(&mut bytes, payload).unwrap(),
            false => ip.udp(ports[0], ports[1]).write(&mut bytes, payload).unwrap(),
        }
        bytes
    }

    #[test]
    fn the_usual_frames_go_the_short_way() {
        for (v6, tcp) in [(false, false), (false, true), (true, false), (true, true)] {
            let bytes = plain(v6, tcp, [40_000, 443], b"hello");
            assert!(agrees(&frame(&bytes, bytes.len() as u32)));
            // Cut in the payload, and padded.
            assert!(agrees(&frame(&bytes[..bytes.len() - 2], bytes.len() as u32)));
            let padded = [bytes.as_slice(), &[0; 9]].concat();
            assert!(agrees(&frame(&padded, padded.len() as u32)));
            // Cut in the headers, and a tunnel's port.
            assert!(!agrees(&frame(&bytes[..50 - if v6 { 0 } else { 20 }], bytes.len() as u32)));
        }
        let tunnel = plain(false, false, [40_000, 4789], &[0; 40]);
        assert!(!agrees(&frame(&tunnel, tunnel.len() as u32)));
    }

    proptest! {
        #[test]
        fn both_ways_agree(
            (v6, tcp) in any::<(bool, bool)>(),
            ports in prop::array::uniform2(prop::sample::select(vec![53_u16, 80, 443, 502, 1701, 4341, 4789, 2152, 20_000, 40_000])),
            payload in prop::collection::vec(any::<u8>(), 0..80),
            changes in prop::collection::vec((0..80_usize, any::<u8>()), 0..4),
            (cut, longer) in (0..120_usize, 0..20_u32),
        ) {
            let mut bytes = plain(v6, tcp, ports, &payload);
            let wire_len = bytes.len() as u32 + longer;
            let len = bytes.len();
            for (at, byte) in changes {
                bytes[at % len] = byte;
            }
            bytes.truncate(len.saturating_sub(cut / 4).max(1));
            agrees(&frame(&bytes, wire_len));
        }
    }
}
