//! Any bytes as frames of any link type: decoded, joined, filtered.

use std::sync::LazyLock;

use tidewatch::capture::{Frame, Ledger, Link, Skip};
use tidewatch::packet::{Census, Filter, Flaw, Fragments, Packet, Tunnels};

use super::Bytes;

/// By the lower half of the input's first byte.
const LINKS: [Link; 9] = [
    Link::Ethernet,
    Link::RawIp,
    Link::LinuxSll,
    Link::LinuxSll2,
    Link::BsdLoopback,
    Link::Ppp,
    Link::CiscoHdlc,
    Link::Nflog,
    Link::Other(147),
];

/// One condition of every kind.
static FILTERS: LazyLock<Vec<Filter>> = LazyLock::new(|| {
    let texts = "tcp,udp,icmp,icmp6,sctp,arp,ip,ip6,vlan,proto 47,host 10.0.0.1,src net 10,dst net fe80::/10,port 53,\
        udp src portrange 1-1023,ether host 02:00:00:00:00:01,less 100,greater 1000";
    let both = |text: &str| [text.to_owned(), format!("not {text}")];
    texts.split(',').flat_map(both).map(|text| Filter::parse(&text).unwrap()).collect()
});

pub fn target(data: &[u8]) {
    let mut data = Bytes(data);
    let [how, more, cut] = data.array();
    let link = LINKS[usize::from(how & 15) % LINKS.len()];
    let tunnels = if how & 16 == 0 { Tunnels::Inner } else { Tunnels::Outer };
    let many = how & 32 != 0;
    let (mut fragments, mut ledger) = (Fragments::default(), Ledger::default());
    let mut time_ns = 0;
    loop {
        let bytes = if many {
            let [len, later] = data.array();
            time_ns += i64::from(later & 7) << 31;
            data.take(usize::from(len) + usize::from(later >> 3))
        } else {
            data.take(usize::MAX)
        };
        let wire_len = bytes.len() as u32 + u32::from(more >> 1) * 8;
        let frame = Frame { number: ledger.read + 1, time_ns, link, wire_len, bytes };
        ledger.read += 1;
        if let Some(packet) = decoded(&frame, tunnels) {
            joined(packet, &mut fragments, &mut ledger);
        }
        // Shorter on the wire than what there is, which no reader gives, must not matter.
        let _ = Packet::decode(&Frame { wire_len: more.into(), ..frame }, tunnels);
        let cut = usize::from(cut) % (bytes.len() + 1);
        is_cut(&frame, cut, tunnels);
        if data.0.is_empty() {
            break;
        }
    }
    assert!(fragments.len() as u64 <= ledger.read);
}

/// What can be said of every packet.
pub fn decoded<'a>(frame: &Frame<'a>, tunnels: Tunnels) -> Option<Packet<'a>> {
    let decoded = Packet::decode(frame, tunnels);
    // NaN is not equal to itself, and nothing may be one.
    assert_eq!(Packet::decode(frame, tunnels), decoded);
    // Who counts headers goes the long way through all of them.
    if tunnels == Tunnels::Inner {
        assert_eq!(Census::default().count(frame), decoded);
    }
    let packet = match decoded {
        Ok(packet) => packet,
        Err(skip) => {
            assert!(matches!(skip, Skip::ShortFrame | Skip::UnknownLink), "{skip:?}");
            return None;
        }
    };
    assert_eq!((packet.time_ns, packet.wire_len), (frame.time_ns, frame.wire_len));
    assert!(packet.payload.len() <= packet.payload_len as usize, "{packet:?}");
    assert!(packet.payload_len as usize <= frame.bytes.len().max(frame.wire_len as usize), "{packet:?}");
    if !packet.payload.is_empty() {
        let (inside, around) = (packet.payload.as_ptr_range(), frame.bytes.as_ptr_range());
        assert!(around.start <= inside.start && inside.end <= around.end, "{packet:?}");
    }
    assert!(packet.flaw != Some(Flaw::Cut) || frame.bytes.len() < frame.wire_len as usize, "{packet:?}");
    assert!(!packet.tunnel || tunnels == Tunnels::Inner);
    for pair in FILTERS.chunks_exact(2) {
        assert_ne!(pair[0].matches(&packet), pair[1].matches(&packet), "{pair:?} {packet:?}");
    }
    Some(packet)
}

/// A fragment may get the ports of its first, and stays the packet that it is; nothing else changes.
fn joined(packet: Packet<'_>, fragments: &mut Fragments, ledger: &mut Ledger) {
    let (mut joined, orphans, known) = (packet, ledger.orphans, fragments.len());
    fragments.join(&mut joined, ledger);
    assert_eq!((joined.time_ns, joined.wire_len), (packet.time_ns, packet.wire_len));
    assert_eq!((joined.flaw, joined.fragment), (packet.flaw, packet.fragment));
    match packet.fragment {
        None => assert_eq!((joined, fragments.len()), (packet, known)),
        Some(part) if part.first => assert_eq!(joined, packet),
        Some(_) => assert!(fragments.len() <= known && (ledger.orphans == orphans || joined == packet)),
    }
}

/// Of a frame that the capture cut at `len`, nothing is said that the whole one does not say.
fn is_cut(frame: &Frame<'_>, len: usize, tunnels: Tunnels) {
    let cut = Frame { bytes: &frame.bytes[..len], ..*frame };
    let Some(part) = decoded(&cut, tunnels) else { return };
    // A cut tunnel may not be one that can be told.
    if tunnels == Tunnels::Inner {
        return;
    }
    let whole = Packet::decode(frame, tunnels).unwrap_or_else(|skip| panic!("{skip:?}, but not cut at {len}"));
    let told = || format!("cut at {len}: {part:?}\nwhole: {whole:?}");
    assert!(part.flaw == whole.flaw || part.flaw == Some(Flaw::Cut) || part.flaw.is_none(), "{}", told());
    assert!(whole.payload.starts_with(part.payload), "{}", told());
    assert_eq!((part.src_mac, part.dst_mac), (whole.src_mac, whole.dst_mac), "{}", told());
    let named = |host: tidewatch::packet::Host| host.ip().is_some();
    assert!(!named(part.src) || part.src == whole.src, "{}", told());
    assert!(!named(part.dst) || part.dst == whole.dst, "{}", told());
}
