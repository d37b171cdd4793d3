//! What packets say in application protocols: one file a protocol.
//!
//! A reader sees the captured payload of one packet and nothing else. So it knows what a message says where the message
//! begins the packet; what goes on in the next packet is not put together, and what is cut is told as far as it reaches. Of
//! names only hashes are kept: they are counted, not shown.
//!
//! Nearly all packets are bare acknowledgements or the middle of a transfer. To see that one is nothing for us costs its
//! first bytes and its ports; the payload is never searched.

mod dnp3;
mod dns;
mod hash;
mod http;
mod ics;
mod modbus;
mod s7;
#[cfg(test)]
mod tests;
mod tls;

use super::Transport;

pub use dns::Dns;
pub use http::{Http, Method, Request};
pub use ics::{Class, Function, Ics, Industrial};
pub use tls::{Hello, Tls};

/// What a packet says in an application protocol.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum App {
    Dns(Dns),
    Tls(Tls),
    Http(Http),
    Ics(Ics),
}

/// Something that a message may name, as a hash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Named {
    /// The captured bytes end before it, or before it is certain that it is not there.
    #[default]
    Cut,
    /// The message is there, and names none.
    Nothing,
    /// The hash of what it names.
    Hash(u32),
}

impl Named {
    /// The hash, if something is named.
    pub fn hash(self) -> Option<u32> {
        match self {
            Named::Hash(hash) => Some(hash),
            Named::Cut | Named::Nothing => None,
        }
    }
}

/// The message that `payload` begins with, if it is of a protocol that is read.
pub(super) fn of(transport: &Transport, payload: &[u8]) -> Option<App> {
    may_begin(transport, payload).and_then(|ports| read(ports, payload))
}

/// The ports between which a message is sent.
#[derive(Clone, Copy)]
pub(super) enum Ports {
    Tcp([u16; 2]),
    Udp([u16; 2]),
}

/// Whether `payload` may begin with a message, by its first byte and between which ports it is sent.
#[inline(always)]
pub(super) fn may_begin(transport: &Transport, payload: &[u8]) -> Option<Ports> {
    let &first = payload.first()?;
    let (ports, stream) = match *transport {
        Transport::Tcp(tcp) => ([tcp.src_port, tcp.dst_port], true),
        Transport::Udp { src_port, dst_port } => ([src_port, dst_port], false),
        _ => return None,
    };
    let promised = is_port(ports[0]) || is_port(ports[1]);
    let may = promised || stream && is_start(first);
    may.then_some(if stream { Ports::Tcp(ports) } else { Ports::Udp(ports) })
}

/// Whether a message may come from or go to this port.
#[inline(always)]
fn is_port(port: u16) -> bool {
    dns::is_port(port) || matches!(port, modbus::PORT | dnp3::PORT | s7::PORT)
}

/// Whether a message that its port does not tell may begin with this byte.
#[inline(always)]
fn is_start(first: u8) -> bool {
    matches!(first, tls::ALERT | tls::HANDSHAKE | tls::SSL_2 | b'A'..=b'Z')
}

/// The message that `payload` begins with, if it does with one.
#[inline(never)]
pub(super) fn read(ports: Ports, payload: &[u8]) -> Option<App> {
    match ports {
        Ports::Tcp(ports) => {
            let told = match payload.first()? {
                &(tls::ALERT | tls::HANDSHAKE | tls::SSL_2) => tls::read(payload).map(App::Tls),
                b'A'..=b'Z' => http::read(payload).map(App::Http),
                _ => None,
            };
            told.or_else(|| by_port(ports, payload))
        }
        Ports::Udp(ports) => {
            if ports.iter().any(|&port| dns::is_port(port)) {
                dns::read(payload).map(App::Dns)
            } else if ports.contains(&dnp3::PORT) {
                dnp3::read(payload).map(App::Ics)
            } else {
                None
            }
        }
    }
}

/// What TCP carries of the protocols that only their port tells.
fn by_port(ports: [u16; 2], payload: &[u8]) -> Option<App> {
    let either = |port: u16| ports.contains(&port);
    if either(dns::PORT) {
        dns::read_stream(payload).map(App::Dns)
    } else if either(modbus::PORT) {
        modbus::read(payload, ports[1] == modbus::PORT).map(App::Ics)
    } else if either(dnp3::PORT) {
        dnp3::read(payload).map(App::Ics)
    } else if either(s7::PORT) {
        s7::read(payload).map(App::Ics)
    } else {
        None
    }
}
