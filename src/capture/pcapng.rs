//! pcapng captures (draft-ietf-opsawg-pcapng): blocks of any kind in sections of either byte order.
//!
//! The blocks are walked here rather than by pcap-file, which decodes every option of every section and interface: it
//! gives up a whole capture for a name that is not UTF-8 or a clock finer than a nanosecond, and keeps all of them in
//! memory.

use pcap_file::pcapng::blocks::{
    ENHANCED_PACKET_BLOCK, INTERFACE_DESCRIPTION_BLOCK, PACKET_BLOCK, SECTION_HEADER_BLOCK, SIMPLE_PACKET_BLOCK,
};

use super::{LONGEST_RECORD, Link, Record, Step};

/// The type of a section header is the same in both byte orders.
const SECTION: [u8; 4] = SECTION_HEADER_BLOCK.to_be_bytes();
const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;
/// The type and the length in front of a block's body; the length stands behind it once more.
const BLOCK_HEADER: usize = 8;
const BLOCK_FRAME: usize = BLOCK_HEADER + 4;

/// More interfaces than any capture has, so that descriptions alone cannot fill the memory.
const MOST_INTERFACES: usize = 1 << 16;

const OPTION_END: u16 = 0;
const OPTION_TSRESOL: u16 = 9;
const OPTION_TSOFFSET: u16 = 14;

/// Whether a pcapng capture begins like `head`.
pub(super) fn begins(head: &[u8]) -> bool {
    head.starts_with(&SECTION) && (head.len() < BLOCK_FRAME || Order::of_section(head).is_some())
}

/// The state of a pcapng capture.
#[derive(Default)]
pub(super) struct PcapNg {
    order: Order,
    interfaces: Vec<Interface>,
    last_ns: i64,
}

impl PcapNg {
    /// What `bytes` begin with.
    #[inline]
    pub fn step(&mut self, bytes: &[u8]) -> Step {
        if bytes.len() < BLOCK_FRAME {
            return Step::Need(BLOCK_FRAME);
        }
        if bytes.starts_with(&SECTION) {
            match Order::of_section(bytes) {
                Some(order) => self.order = order,
                None => return Step::Corrupt("a section header has no byte-order magic".to_owned()),
            }
        }
        let (Some(kind), Some(size)) = (self.order.u32(bytes, 0), self.order.u32(bytes, 4)) else {
            return Step::Need(BLOCK_FRAME);
        };
        let size = size as usize;
        if !(BLOCK_FRAME..=LONGEST_RECORD).contains(&size) || !size.is_multiple_of(4) {
            return Step::Corrupt(format!("a block of type {kind} claims a length of {size} bytes"));
        }
        if bytes.len() < size {
            return Step::Need(size);
        }
        let again = self.order.u32(bytes, size - 4);
        if again != Some(size as u32) {
            return Step::Corrupt(format!("a block of type {kind} and {size} bytes does not end with its length"));
        }
        let body = bytes.get(BLOCK_HEADER..size - 4).unwrap_or_default();
        self.block(kind, size, body)
            .unwrap_or_else(|| Step::Corrupt(format!("a block of type {kind} contradicts its length of {size} bytes")))
    }

    /// What the block holds; none if it is too short for what it says.
    fn block(&mut self, kind: u32, size: usize, body: &[u8]) -> Option<Step> {
        let order = self.order;
        let (interface, ticks, captured, wire_len, start) = match kind {
            SECTION_HEADER_BLOCK => {
                self.interfaces.clear();
                return Some(Step::Pass(size));
            }
            INTERFACE_DESCRIPTION_BLOCK if self.interfaces.len() < MOST_INTERFACES => {
                self.interfaces.push(Interface::parse(order, body)?);
                return Some(Step::Pass(size));
            }
            ENHANCED_PACKET_BLOCK => {
                (order.u32(body, 0)?, Some(order.ticks(body, 4)?), order.u32(body, 12)?, order.u32(body, 16)?, 20)
            }
            // Obsolete: half of the interface's number became a count of dropped packets.
            PACKET_BLOCK => (
                order.u16(body, 0)?.into(),
                Some(order.ticks(body, 4)?),
                order.u32(body, 12)?,
                order.u32(body, 16)?,
                20,
            ),
            // Of the first interface, without a time, and cut only by the snap length (0: not at all).
            SIMPLE_PACKET_BLOCK => {
                let wire_len = order.u32(body, 0)?;
                let snap_len = self.interfaces.first().map_or(0, |interface| interface.snap_len);
                let captured = if snap_len == 0 { wire_len } else { wire_len.min(snap_len) };
                (0, None, captured, wire_len, 4)
            }
            _ => return Some(Step::Pass(size)),
        };
        let captured_len = captured as usize;
        body.get(start..)?.get(..captured_len)?;
        let interface = self.interfaces.get(interface as usize);
        if let (Some(interface), Some(ticks)) = (interface, ticks) {
            self.last_ns = interface.time_ns(ticks);
        }
        Some(Step::Packet(Record {
            size,
            start: BLOCK_HEADER + start,
            captured: captured_len,
            wire_len: wire_len.max(captured),
            time_ns: self.last_ns,
            link: interface.map(|interface| interface.link),
        }))
    }
}

/// The byte order of a section.
#[derive(Clone, Copy, Default)]
enum Order {
    #[default]
    Little,
    Big,
}

impl Order {
    /// The order in which the section header `block` gives its magic number.
    fn of_section(block: &[u8]) -> Option<Self> {
        [Order::Little, Order::Big].into_iter().find(|order| order.u32(block, BLOCK_HEADER) == Some(BYTE_ORDER_MAGIC))
    }

    fn u16(self, bytes: &[u8], at: usize) -> Option<u16> {
        let two = *bytes.get(at..)?.first_chunk()?;
        Some(match self {
            Order::Little => u16::from_le_bytes(two),
            Order::Big => u16::from_be_bytes(two),
        })
    }

    fn u32(self, bytes: &[u8], at: usize) -> Option<u32> {
        let four = *bytes.get(at..)?.first_chunk()?;
        Some(match self {
            Order::Little => u32::from_le_bytes(four),
            Order::Big => u32::from_be_bytes(four),
        })
    }

    fn i64(self, bytes: &[u8]) -> Option<i64> {
        let eight = *bytes.first_chunk()?;
        Some(match self {
            Order::Little => i64::from_le_bytes(eight),
            Order::Big => i64::from_be_bytes(eight),
        })
    }

    /// A time: its upper half comes first in both byte orders.
    fn ticks(self, bytes: &[u8], at: usize) -> Option<u64> {
        Some(u64::from(self.u32(bytes, at)?) << 32 | u64::from(self.u32(bytes, at + 4)?))
    }
}

/// What packets need to know of their interface.
struct Interface {
    link: Link,
    snap_len: u32,
    clock: Clock,
    offset_ns: i128,
}

/// How long a tick of an interface's clock is.
#[derive(Clone, Copy)]
enum Clock {
    /// This many nanoseconds.
    Nanoseconds(u128),
    /// This part of a nanosecond.
    PartOfNanosecond(u128),
    /// 2 to the minus this many seconds.
    BinarySeconds(u8),
}

impl Interface {
    fn parse(order: Order, body: &[u8]) -> Option<Self> {
        let mut interface = Self {
            link: Link::from(u32::from(order.u16(body, 0)?)),
            snap_len: order.u32(body, 4)?,
            clock: Clock::Nanoseconds(1_000),
            offset_ns: 0,
        };
        let mut options = body.get(8..)?;
        while let (Some(code), Some(len)) = (order.u16(options, 0), order.u16(options, 2)) {
            let len = usize::from(len);
            let Some(value) = options.get(4..4 + len) else { break };
            match code {
                OPTION_END => break,
                OPTION_TSRESOL => interface.clock = value.first().map_or(interface.clock, |&code| Clock::parse(code)),
                OPTION_TSOFFSET => interface.offset_ns = order.i64(value).map_or(0, i128::from) * 1_000_000_000,
                _ => {}
            }
            options = options.get(4 + len.next_multiple_of(4)..).unwrap_or_default();
        }
        Some(interface)
    }

    /// Nanoseconds since the epoch; the nearest that there are for times outside 1677 to 2262.
    fn time_ns(&self, ticks: u64) -> i64 {
        let ticks = u128::from(ticks);
        let ns = match self.clock {
            Clock::Nanoseconds(ns) => ticks * ns,
            Clock::PartOfNanosecond(part) => ticks / part,
            Clock::BinarySeconds(power) => (ticks * 1_000_000_000) >> power,
        };
        (ns as i128 + self.offset_ns).clamp(i64::MIN.into(), i64::MAX.into()) as i64
    }
}

impl Clock {
    /// The clock that the option `if_tsresol` names: its upper bit tells powers of 2 from powers of 10.
    fn parse(code: u8) -> Self {
        match code {
            0..=9 => Clock::Nanoseconds(10_u128.pow(9 - u32::from(code))),
            10..=0x7f => Clock::PartOfNanosecond(10_u128.saturating_pow(u32::from(code) - 9)),
            0x80.. => Clock::BinarySeconds(code & 0x7f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_of_every_resolution_tell_the_same_time() {
        let at = |code, offset_s: i64, ticks| {
            let offset_ns = i128::from(offset_s) * 1_000_000_000;
            Interface { link: Link::Ethernet, snap_len: 0, clock: Clock::parse(code), offset_ns }.time_ns(ticks)
        };
        assert_eq!(at(0, 0, 3), 3_000_000_000);
        assert_eq!(at(6, 0, 3_000_001), 3_000_001_000);
        assert_eq!(at(9, 0, 3_000_000_007), 3_000_000_007);
        assert_eq!(at(12, 0, 3_000_000_007_999), 3_000_000_007);
        assert_eq!(at(0x80, 0, 3), 3_000_000_000);
        assert_eq!(at(0x80 | 10, 0, 3 * 1024 + 512), 3_500_000_000);
        assert_eq!(at(0x80 | 32, 0, (3 << 32) + (1 << 31)), 3_500_000_000);
        assert_eq!(at(6, -2, 1_000_000), -1_000_000_000);
        assert_eq!(at(6, 10, 1), 10_000_001_000);
        // Times that do not exist stay at the end of those that do.
        assert_eq!(at(0, 0, u64::MAX), i64::MAX);
        assert_eq!(at(0, i64::MIN, 0), i64::MIN);
        assert_eq!(at(127, 0, u64::MAX), 0);
        assert_eq!(at(0xff, i64::MAX, u64::MAX), i64::MAX);
    }
}
