//! The network layer: IPv4 (RFC 791), IPv6 (RFC 8200) and ARP (RFC 826).

use etherparse::err::{ipv4, ipv6};
use etherparse::{ArpPacketSlice, IpNumber, Ipv4HeaderSlice, Ipv6HeaderSlice, ether_type, ip_number};

use super::rest::Rest;
use super::{Arp, Flaw, Fragment, Packet, Transport, transport};

pub(super) fn v4<'a>(packet: &mut Packet<'a>, rest: Rest<'a>) {
    match Ipv4HeaderSlice::from_slice(rest.bytes) {
        Ok(header) => {
            note_v4(packet, &header);
            let total = match usize::from(header.total_len()) {
                // Captured before the network card split it and filled this in.
                0 => rest.wire,
                total => total,
            };
            let mut payload = carried(packet, rest, header.slice().len(), total);
            payload.torn |= header.more_fragments();
            if header.fragments_offset().value() == 0 {
                extensions(packet, header.protocol(), payload);
            }
        }
        Err(ipv4::HeaderSliceError::Len(error)) => {
            packet.flawed(rest.lacks(error.required_len, Flaw::ShortIpHeader));
            // Only the options are missing.
            let fixed = transport::without_options(rest.bytes, 0, 0x45);
            if let Some(header) = fixed.as_ref().and_then(|fixed| Ipv4HeaderSlice::from_slice(fixed).ok()) {
                note_v4(packet, &header);
            }
        }
        Err(ipv4::HeaderSliceError::Content(ipv4::HeaderError::UnexpectedVersion { .. })) => {
            packet.flawed(Flaw::IpVersion)
        }
        Err(ipv4::HeaderSliceError::Content(ipv4::HeaderError::HeaderLengthSmallerThanHeader { .. })) => {
            packet.flawed(Flaw::IpHeaderLength);
        }
    }
}

fn note_v4(packet: &mut Packet<'_>, header: &Ipv4HeaderSlice<'_>) {
    packet.between(header.source(), header.destination());
    packet.ttl = header.ttl();
    if header.is_fragmenting_payload() {
        packet.fragment = Some(Fragment {
            src: packet.src,
            dst: packet.dst,
            id: header.identification().into(),
            protocol: header.protocol().0,
            first: header.fragments_offset().value() == 0,
        });
    }
}

pub(super) fn v6<'a>(packet: &mut Packet<'a>, rest: Rest<'a>) {
    match Ipv6HeaderSlice::from_slice(rest.bytes) {
        Ok(header) => {
            packet.between(header.source(), header.destination());
            packet.ttl = header.hop_limit();
            let header_len = header.slice().len();
            let total = match usize::from(header.payload_length()) {
                // As in IPv4, or longer than the field can say (RFC 2675).
                0 if header.next_header() != ip_number::IPV6_NO_NEXT_HEADER => rest.wire,
                len => header_len + len,
            };
            let payload = carried(packet, rest, header_len, total);
            extensions(packet, header.next_header(), payload);
        }
        Err(ipv6::HeaderSliceError::Len(error)) => packet.flawed(rest.lacks(error.required_len, Flaw::ShortIpHeader)),
        Err(ipv6::HeaderSliceError::Content(_)) => packet.flawed(Flaw::IpVersion),
    }
}

/// What an IP packet of `total` bytes carries behind its header: neither the padding of a short Ethernet frame, nor
/// more than was on the wire.
fn carried<'a>(packet: &mut Packet<'a>, rest: Rest<'a>, header: usize, total: usize) -> Rest<'a> {
    if total < header {
        packet.flawed(Flaw::IpTooShort);
        return rest.after(header);
    }
    if total > rest.wire && !rest.torn {
        packet.flawed(Flaw::IpTooLong);
    }
    rest.first(total).after(header)
}

/// Passes over extension headers (RFC 8200, 4; RFC 4302, 2) to the transport layer.
fn extensions<'a>(packet: &mut Packet<'a>, mut protocol: IpNumber, mut rest: Rest<'a>) {
    loop {
        let header = match protocol {
            ip_number::IPV6_HOP_BY_HOP
            | ip_number::IPV6_ROUTE
            | ip_number::IPV6_FRAG
            | ip_number::IPV6_DEST_OPTIONS
            | ip_number::AUTH => rest.bytes.first_chunk::<4>(),
            _ => return transport::decode(packet, protocol, rest),
        };
        let Some(&[next, units, upper, lower]) = header else {
            return packet.flawed(rest.lacks(8, Flaw::ShortIpHeader));
        };
        let len = match protocol {
            ip_number::IPV6_FRAG => 8,
            ip_number::AUTH => 4 * (usize::from(units) + 2),
            _ => 8 * (usize::from(units) + 1),
        };
        if rest.bytes.len() < len {
            return packet.flawed(rest.lacks(len, Flaw::ShortIpHeader));
        }
        if protocol == ip_number::IPV6_FRAG {
            let (offset, more) = (u16::from_be_bytes([upper, lower]) >> 3, lower & 1 == 1);
            if offset > 0 || more {
                let id = rest.bytes.get(4..8).and_then(|id| id.try_into().ok()).map_or(0, u32::from_be_bytes);
                let (src, dst) = (packet.src, packet.dst);
                packet.fragment = Some(Fragment { src, dst, id, protocol: protocol.0, first: offset == 0 });
                rest.torn |= more;
            }
            if offset > 0 {
                return;
            }
        }
        protocol = IpNumber(next);
        rest = rest.after(len);
    }
}

pub(super) fn arp(packet: &mut Packet<'_>, rest: Rest<'_>) {
    let arp = match ArpPacketSlice::from_slice(rest.bytes) {
        Ok(arp) => arp,
        Err(error) => return packet.flawed(rest.lacks(error.required_len, Flaw::ShortArp)),
    };
    let mac = arp.sender_hw_addr().try_into().ok();
    let sender: Option<[u8; 4]> = arp.sender_protocol_addr().try_into().ok();
    let target: Option<[u8; 4]> = arp.target_protocol_addr().try_into().ok();
    if let (ether_type::IPV4, Some(sender_mac), Some(sender), Some(target)) =
        (arp.proto_addr_type(), mac, sender, target)
    {
        packet.between(sender, target);
        packet.transport =
            Transport::Arp(Arp { operation: arp.operation().0, sender_mac, gratuitous: sender == target });
    }
}
