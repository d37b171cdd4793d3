//! From a frame to a packet, header by header, as far as the captured bytes reach.

use super::rest::Rest;
use super::{Cast, Flaw, Host, Network, Packet, Transport, ip, link};
use crate::capture::{Frame, Skip};

impl<'a> Packet<'a> {
    /// What `frame` says.
    ///
    /// # Errors
    /// [`Skip::UnknownLink`] and [`Skip::ShortFrame`]; whatever else is wrong becomes the packet's [`Flaw`].
    pub fn decode(frame: &Frame<'a>) -> Result<Self, Skip> {
        let whole = Rest { bytes: frame.bytes, wire: frame.bytes.len().max(frame.wire_len as usize) };
        let outer = link::peel(frame.link, whole)?;
        let mut packet = Packet {
            time_ns: frame.time_ns,
            wire_len: frame.wire_len,
            src: Host::from_mac(outer.src_mac.unwrap_or_default()),
            dst: Host::from_mac(outer.dst_mac.unwrap_or_default()),
            src_mac: outer.src_mac,
            dst_mac: outer.dst_mac,
            cast: Cast::Unicast,
            network: outer.network,
            ttl: 0,
            fragment: false,
            vlan: outer.vlan,
            flaw: outer.flaw,
            transport: Transport::None,
            payload_len: 0,
            payload: &[],
            dns: None,
        };
        match outer.network {
            Network::Ipv4 => ip::v4(&mut packet, outer.rest),
            Network::Ipv6 => ip::v6(&mut packet, outer.rest),
            Network::Arp => ip::arp(&mut packet, outer.rest),
            Network::Other(_) => {}
        }
        packet.cast = outer.cast.or_else(|| packet.dst.ip().map(Cast::of_ip)).unwrap_or(Cast::Unicast);
        Ok(packet)
    }

    /// Notes why decoding goes no further; the first reason stands.
    pub(super) fn flawed(&mut self, flaw: Flaw) {
        self.flaw.get_or_insert(flaw);
    }

    /// Names both ends by their protocol addresses, where they have any.
    pub(super) fn between(&mut self, src: impl Into<Host>, dst: impl Into<Host>) {
        let (src, dst) = (src.into(), dst.into());
        if !src.is_unspecified() {
            self.src = src;
        }
        if !dst.is_unspecified() {
            self.dst = dst;
        }
    }
}
