//! The transport layer: TCP (RFC 9293), UDP (RFC 768), ICMP (RFC 792, RFC 4443), and the ports of SCTP (RFC 9260),
//! DCCP (RFC 4340) and UDP-Lite (RFC 3828).

use etherparse::err::tcp;
use etherparse::{IpNumber, TcpHeaderSlice, UdpHeaderSlice, ip_number};

use super::rest::Rest;
use super::{Flaw, Network, Packet, Tcp, TcpFlags, Transport, app};

/// The header of every ICMP message: type, code, checksum, and four bytes whose meaning depends on the type.
const ICMP_HEADER: usize = 8;
/// A TCP header without options.
const TCP_HEADER: usize = 20;

pub(super) fn decode<'a>(packet: &mut Packet<'a>, protocol: IpNumber, rest: Rest<'a>) {
    let payload = match (protocol, packet.network) {
        (ip_number::TCP, _) => tcp(packet, rest),
        (ip_number::UDP, _) => udp(packet, rest),
        (ip_number::ICMP, Network::Ipv4) => icmp(packet, rest, false),
        (ip_number::IPV6_ICMP, Network::Ipv6) => icmp(packet, rest, true),
        (ip_number::SCTP, _) => ports(packet, protocol, rest, Some(12)),
        (ip_number::UDP_LITE, _) => ports(packet, protocol, rest, Some(8)),
        // DCCP's header has options; its length in words is the fifth byte.
        (ip_number::DCCP, _) => ports(packet, protocol, rest, rest.bytes.get(4).map(|&words| 4 * usize::from(words))),
        (IpNumber(other), _) => {
            packet.transport = Transport::Other(other);
            Some(rest)
        }
    };
    if let Some(payload) = payload {
        packet.payload = payload.bytes;
        packet.payload_len = payload.wire as u32;
        packet.app = app::of(&packet.transport, packet.payload);
    }
}

/// The first 20 bytes of an IPv4 or TCP header as if it had no options: the byte `at` holds its length and says so.
pub(super) fn without_options(bytes: &[u8], at: usize, byte: u8) -> Option<[u8; 20]> {
    let mut fixed = *bytes.first_chunk()?;
    *fixed.get_mut(at)? = byte;
    Some(fixed)
}

fn tcp<'a>(packet: &mut Packet<'_>, rest: Rest<'a>) -> Option<Rest<'a>> {
    let len = match TcpHeaderSlice::from_slice(rest.bytes) {
        Ok(header) => {
            packet.transport = Transport::Tcp((&header).into());
            return Some(rest.after(header.slice().len()));
        }
        Err(tcp::HeaderSliceError::Len(error)) => {
            let short = if rest.wire < TCP_HEADER { Flaw::ShortTransportHeader } else { Flaw::TcpOptions };
            packet.flawed(rest.lacks(error.required_len, short));
            error.required_len
        }
        Err(tcp::HeaderSliceError::Content(_)) => {
            packet.flawed(Flaw::DataOffset);
            rest.wire
        }
    };
    let fixed = without_options(rest.bytes, 12, 0x50)?;
    packet.transport = Transport::Tcp((&TcpHeaderSlice::from_slice(&fixed).ok()?).into());
    Some(rest.after(len))
}

impl From<&TcpHeaderSlice<'_>> for Tcp {
    fn from(header: &TcpHeaderSlice<'_>) -> Self {
        Tcp {
            src_port: header.source_port(),
            dst_port: header.destination_port(),
            seq: header.sequence_number(),
            ack: header.acknowledgment_number(),
            window: header.window_size(),
            flags: TcpFlags(header.slice().get(13).copied().unwrap_or_default()),
        }
    }
}

fn udp<'a>(packet: &mut Packet<'_>, rest: Rest<'a>) -> Option<Rest<'a>> {
    let header = match UdpHeaderSlice::from_slice(rest.bytes) {
        Ok(header) => header,
        Err(error) => {
            packet.flawed(rest.lacks(error.required_len, Flaw::ShortTransportHeader));
            return None;
        }
    };
    packet.transport = Transport::Udp { src_port: header.source_port(), dst_port: header.destination_port() };
    let header_len = header.slice().len();
    let claimed = match usize::from(header.length()) {
        // Longer than the field can say (RFC 2675), or left for the network card to fill in.
        0 => rest.wire,
        claimed if claimed < header_len => {
            packet.flawed(Flaw::UdpTooShort);
            rest.wire
        }
        claimed => {
            // The first fragment states the length of the whole datagram.
            if claimed > rest.wire && !rest.torn {
                packet.flawed(Flaw::UdpTooLong);
            }
            claimed
        }
    };
    Some(rest.first(claimed).after(header_len))
}

/// A header of `len` bytes that begins with the ports.
fn ports<'a>(packet: &mut Packet<'_>, protocol: IpNumber, rest: Rest<'a>, len: Option<usize>) -> Option<Rest<'a>> {
    /// The shortest of these headers.
    const SHORTEST: usize = 8;
    let len = match len {
        Some(len) if len < SHORTEST => {
            packet.flawed(Flaw::DataOffset);
            SHORTEST
        }
        Some(len) => len,
        None => SHORTEST,
    };
    if rest.bytes.len() < len {
        packet.flawed(rest.lacks(len, Flaw::ShortTransportHeader));
    }
    let &[a, b, c, d] = rest.bytes.first_chunk()?;
    let (src_port, dst_port) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    packet.transport = Transport::Ports { protocol: protocol.0, src_port, dst_port };
    Some(rest.after(len))
}

fn icmp<'a>(packet: &mut Packet<'_>, rest: Rest<'a>, v6: bool) -> Option<Rest<'a>> {
    if rest.bytes.len() < ICMP_HEADER {
        packet.flawed(rest.lacks(ICMP_HEADER, Flaw::ShortTransportHeader));
    }
    let &[kind, code] = rest.bytes.first_chunk()?;
    packet.transport = Transport::Icmp { v6, kind, code };
    Some(rest.after(ICMP_HEADER))
}
