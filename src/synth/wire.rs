//! The network's hosts, and the wire that records what they send.

use etherparse::{
    ArpEthIpv4Packet, ArpOperation, Icmpv4Type, Icmpv6Type, PacketBuilder, PacketBuilderStep, TcpHeader,
    err::packet::BuildWriteError, icmpv6::RouterAdvertisementHeader,
};

/// The shortest Ethernet frame without its check sequence; shorter ones are padded.
const SHORTEST_FRAME: usize = 60;

/// A host, or a group of hosts, as it appears on this wire.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Station {
    pub mac: [u8; 6],
    pub ip: [u8; 4],
    pub ttl: u8,
}

impl Station {
    /// A host of 192.168.10.0/24; its MAC address is one of those for documentation (RFC 9542).
    const fn local(last: u8, ttl: u8) -> Self {
        Self { mac: [0, 0, 0x5e, 0, 0x53, last], ip: [192, 168, 10, last], ttl }
    }

    /// A host behind the gateway.
    pub const fn outside(ip: [u8; 4]) -> Self {
        Self { mac: GATEWAY.mac, ip, ttl: 44 + ip[3] % 16 }
    }

    const fn group(mac: [u8; 6], ip: [u8; 4]) -> Self {
        Self { mac, ip, ttl: 1 }
    }

    pub fn is_outside(&self) -> bool {
        self.mac == GATEWAY.mac && *self != GATEWAY
    }
}

pub(super) const GATEWAY: Station = Station::local(254, 64);
/// The five workstations.
pub(super) const WORKSTATIONS: [Station; 5] = [
    Station::local(21, 128),
    Station::local(22, 128),
    Station::local(23, 64),
    Station::local(24, 128),
    Station::local(25, 64),
];
pub(super) const PRINTER: Station = Station::local(40, 64);
pub(super) const CAMERA: Station = Station::local(50, 64);
/// The master that polls the controllers.
pub(super) const MASTER: Station = Station::local(60, 128);
pub(super) const CONTROLLERS: [Station; 2] = [Station::local(61, 60), Station::local(62, 60)];
/// A guest's laptop, which is behind the attacks from within.
pub(super) const VISITOR: Station = Station::local(150, 64);
pub(super) const FILES: Station = Station::local(200, 128);
/// Names, mail and time.
pub(super) const SERVER: Station = Station::local(201, 64);
pub(super) const MONITOR: Station = Station::local(202, 64);
/// Everyone who is at home here; servers, the visitor and the gateway lie in the upper half of the network.
pub(super) const EVERYONE: [Station; 14] = [
    WORKSTATIONS[0],
    WORKSTATIONS[1],
    WORKSTATIONS[2],
    WORKSTATIONS[3],
    WORKSTATIONS[4],
    PRINTER,
    CAMERA,
    MASTER,
    CONTROLLERS[0],
    CONTROLLERS[1],
    VISITOR,
    FILES,
    SERVER,
    MONITOR,
];

pub(super) const BROADCAST: Station = Station::group([0xff; 6], [255; 4]);
pub(super) const MDNS: Station = Station::group([0x01, 0, 0x5e, 0, 0, 0xfb], [224, 0, 0, 251]);
pub(super) const SSDP: Station = Station::group([0x01, 0, 0x5e, 0x7f, 0xff, 0xfa], [239, 255, 255, 250]);

/// One recorded frame.
pub(super) struct Frame {
    pub time_ns: i64,
    pub wire_len: u32,
    /// Which attack it belongs to.
    pub attack: Option<usize>,
    /// Where its captured bytes lie in [`Wire::bytes`].
    pub bytes: std::ops::Range<usize>,
}

/// All frames of a day, in the order in which the actors made them.
pub(super) struct Wire {
    /// Frames outside `[start, end)` are not recorded.
    pub span: (i64, i64),
    /// How many bytes of a frame are captured.
    pub snap: usize,
    /// The attack whose frames are being made.
    pub attack: Option<usize>,
    pub frames: Vec<Frame>,
    pub bytes: Vec<u8>,
}

impl Wire {
    pub fn new(span: (i64, i64), snap: usize) -> Self {
        Self { span, snap, attack: None, frames: Vec::new(), bytes: Vec::new() }
    }

    pub fn tcp(&mut self, time_ns: i64, from: &Station, to: &Station, header: TcpHeader, payload: &[u8]) {
        let builder = PacketBuilder::ethernet2(from.mac, to.mac).ipv4(from.ip, to.ip, from.ttl).tcp_header(header);
        self.record(time_ns, |frame| builder.write(frame, payload));
    }

    /// A datagram from the first to the second port.
    pub fn udp(&mut self, time_ns: i64, from: &Station, to: &Station, ports: (u16, u16), payload: &[u8]) {
        let builder = PacketBuilder::ethernet2(from.mac, to.mac).ipv4(from.ip, to.ip, from.ttl).udp(ports.0, ports.1);
        self.record(time_ns, |frame| builder.write(frame, payload));
    }

    pub fn icmp(&mut self, time_ns: i64, from: &Station, to: &Station, message: Icmpv4Type, payload: &[u8]) {
        let builder = PacketBuilder::ethernet2(from.mac, to.mac).ipv4(from.ip, to.ip, from.ttl).icmpv4(message);
        self.record(time_ns, |frame| builder.write(frame, payload));
    }

    /// An ARP request for `target`'s address; its MAC is where the frame goes, [`BROADCAST`] or a host to be probed.
    pub fn arp_request(&mut self, time_ns: i64, sender: &Station, target: &Station) {
        self.arp(time_ns, ArpOperation::REQUEST, sender, target);
    }

    pub fn arp_reply(&mut self, time_ns: i64, sender: &Station, target: &Station) {
        self.arp(time_ns, ArpOperation::REPLY, sender, target);
    }

    fn arp(&mut self, time_ns: i64, operation: ArpOperation, sender: &Station, target: &Station) {
        let message = ArpEthIpv4Packet {
            operation,
            sender_mac: sender.mac,
            sender_ipv4: sender.ip,
            target_mac: if operation == ArpOperation::REQUEST { [0; 6] } else { target.mac },
            target_ipv4: target.ip,
        };
        let builder = PacketBuilder::ethernet2(sender.mac, target.mac).arp(message.into());
        self.record(time_ns, |frame| builder.write(frame));
    }

    /// A multicast datagram over IPv6.
    pub fn udp6_group(&mut self, time_ns: i64, from: &Station, group: u8, port: u16, payload: &[u8]) {
        let builder = ipv6_group(from, group).udp(port, port);
        self.record(time_ns, |frame| builder.write(frame, payload));
    }

    /// A router's advertisement to all nodes (RFC 4861, 4.2).
    pub fn router_advertisement(&mut self, time_ns: i64, from: &Station) {
        let header = RouterAdvertisementHeader {
            cur_hop_limit: 64,
            managed_address_config: false,
            other_config: false,
            router_lifetime: 1800,
        };
        let builder = ipv6_group(from, 1).icmpv6(Icmpv6Type::RouterAdvertisement(header));
        // Reachable time and retransmission timer, both left to the hosts.
        self.record(time_ns, |frame| builder.write(frame, &[0; 8]));
    }

    fn record(&mut self, time_ns: i64, write: impl FnOnce(&mut Vec<u8>) -> Result<(), BuildWriteError>) {
        if time_ns < self.span.0 || time_ns >= self.span.1 {
            return;
        }
        let start = self.bytes.len();
        let written = write(&mut self.bytes);
        debug_assert!(written.is_ok(), "{written:?}");
        let length = (self.bytes.len() - start).max(SHORTEST_FRAME);
        self.bytes.resize(start + length.min(self.snap), 0);
        let bytes = start..self.bytes.len();
        self.frames.push(Frame { time_ns, wire_len: length as u32, attack: self.attack, bytes });
    }
}

/// From a host's link-local address to the link's group `ff02::group`.
fn ipv6_group(from: &Station, group: u8) -> PacketBuilderStep<etherparse::IpHeaders> {
    let mut source = [0; 16];
    source[..2].copy_from_slice(&[0xfe, 0x80]);
    source[8..].copy_from_slice(&[0x02, 0, 0x5e, 0xff, 0xfe, 0, 0x53, from.mac[5]]);
    let mut destination = [0; 16];
    destination[..2].copy_from_slice(&[0xff, 0x02]);
    destination[15] = group;
    PacketBuilder::ethernet2(from.mac, [0x33, 0x33, 0, 0, 0, group]).ipv6(source, destination, 255)
}
