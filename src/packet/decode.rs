//! From a frame to a packet, header by header, as far as the captured bytes reach.

use super::link::Outer;
use super::rest::Rest;
use super::{Cast, Flaw, Host, Network, Packet, Transport, Tunnels, ip, link, plain, shim, tunnel};
use crate::capture::{Frame, Skip};

/// What `frame` says, header by header.
#[cold]
pub(super) fn the_long_way<'a>(frame: Frame<'a>, tunnels: Tunnels) -> Result<Packet<'a>, Skip> {
    let wire = frame.bytes.len().max(frame.wire_len as usize);
    let whole = Rest { bytes: frame.bytes, wire, torn: false };
    let outer = shim::peel(link::peel(frame.link, whole)?);
    Ok(match tunnels {
        Tunnels::Inner => tunnel::innermost(&frame, outer),
        Tunnels::Outer => Packet::of(&frame, outer),
    })
}

impl<'a> Packet<'a> {
    /// What `frame` says: of the packet in a tunnel or of the one around it, as `tunnels` wants.
    ///
    /// # Errors
    /// [`Skip::UnknownLink`] and [`Skip::ShortFrame`]; whatever else is wrong becomes the packet's [`Flaw`].
    pub fn decode(frame: &Frame<'a>, tunnels: Tunnels) -> Result<Self, Skip> {
        let mut packet = Self::BLANK;
        packet.read(frame, tunnels)?;
        Ok(packet)
    }

    /// Becomes what [`Packet::decode`] makes, in the memory that it has: it is too large to be handed on.
    ///
    /// # Errors
    /// Those of [`Packet::decode`]; then it stays as it is.
    #[inline]
    pub fn read(&mut self, frame: &Frame<'a>, tunnels: Tunnels) -> Result<(), Skip> {
        if plain::read(self, frame).is_none() {
            *self = the_long_way(*frame, tunnels)?;
        }
        Ok(())
    }

    /// Nothing that was ever sent.
    pub const BLANK: Self = Packet {
        time_ns: 0,
        wire_len: 0,
        src: Host::REST,
        dst: Host::REST,
        src_mac: None,
        dst_mac: None,
        cast: Cast::Unicast,
        network: Network::Other(0),
        ttl: 0,
        fragment: None,
        vlan: false,
        tunnel: false,
        flaw: None,
        transport: Transport::None,
        payload_len: 0,
        payload: &[],
        app: None,
    };

    /// The packet behind a link-layer header, as far as it can be decoded.
    pub(super) fn of(frame: &Frame<'a>, outer: Outer<'a>) -> Self {
        let mut packet = Packet {
            time_ns: frame.time_ns,
            wire_len: frame.wire_len,
            src: Host::from_mac(outer.src_mac.unwrap_or_default()),
            dst: Host::from_mac(outer.dst_mac.unwrap_or_default()),
            src_mac: outer.src_mac,
            dst_mac: outer.dst_mac,
            network: outer.network,
            vlan: outer.vlan,
            flaw: outer.flaw,
            ..Self::BLANK
        };
        match outer.network {
            Network::Ipv4 => ip::v4(&mut packet, outer.rest),
            Network::Ipv6 => ip::v6(&mut packet, outer.rest),
            Network::Arp => ip::arp(&mut packet, outer.rest),
            Network::Other(_) => {}
        }
        packet.cast = outer.cast.or_else(|| packet.dst.ip().map(Cast::of_ip)).unwrap_or(Cast::Unicast);
        packet
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
