//! A live interface by [libpcap](https://www.tcpdump.org), where the kernel has no rings of its own.
//!
//! Its own compiler knows a filter's words by other meanings, so it is given none: what a filter leaves out is judged once it has come, as
//! in a file.

use std::io;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use pcap::{Active, Capture, ConnectionStatus, Device, IfFlags, PacketHeader, Precision};

use super::super::feed::{BLOCK, Shelf};
use super::super::{Link, Spot};
use super::merge::Merge;
use super::{Clock, Interface, Listening, Losses, Opened, Source, down, undecoded, unknown};
use crate::error::{Error, ErrorKind, Result};

/// Bytes of a frame that are taken at most; no packet of IP is longer.
const LONGEST: usize = 1 << 16;
/// How long nobody looks, when nothing has come.
const PAUSE: Duration = Duration::from_millis(5);
/// Whether times are in nanoseconds; where libpcap cannot say so, it would not say either that they are not.
const NANOSECONDS: bool = cfg!(target_os = "linux");

/// Opens an interface.
///
/// # Errors
/// There is no such interface, it is down or of a kind that is not decoded, or the process may not listen.
pub fn open(name: &str, listening: &Listening) -> Result<Opened> {
    if listening.rings > 1 {
        return Err(Error::parameter("--rings", "libpcap has but one", "leave it out"));
    }
    let device = Device::list().unwrap_or_default().into_iter().find(|device| device.name == name);
    let device = device.ok_or_else(|| unknown(name))?;
    if !device.flags.is_up() {
        return Err(down(name));
    }
    let refused = |error: pcap::Error| {
        Error::new(ErrorKind::Capture, name, error.to_string().to_lowercase()).hint("run it as root")
    };
    let capture = Capture::from_device(device).map_err(refused)?;
    let room = i32::try_from(listening.ring).unwrap_or(i32::MAX);
    let capture = capture.promisc(listening.promiscuous).snaplen(LONGEST as i32).buffer_size(room).timeout(10);
    let precision = if NANOSECONDS { Precision::Nano } else { Precision::Micro };
    let capture = capture.precision(precision).open().and_then(Capture::setnonblock).map_err(refused)?;
    let kind = u32::try_from(capture.get_datalink().0).unwrap_or(u32::MAX);
    let link = Link::from(kind);
    if matches!(link, Link::Other(_)) {
        return Err(undecoded(name, kind));
    }
    let untimed = (listening.clock == Clock::Hardware).then(|| "libpcap is not asked for them".to_owned());
    let source = Pcap { capture, dropped: 0, closed_ns: None, is_over: false, failed: None, is_gone: false };
    Ok(Opened { link, source: Box::new(source), untimed })
}

/// All interfaces, by name.
#[cfg_attr(target_os = "linux", expect(dead_code, reason = "there the kernel is asked"))]
pub fn interfaces() -> Vec<Interface> {
    let describe = |device: Device| {
        let mut missing = Vec::new();
        if !device.flags.is_up() {
            missing.push("it is down".to_owned());
        } else if device.flags.connection_status == ConnectionStatus::Disconnected {
            missing.push("it has no carrier: check the cable".to_owned());
        }
        let kind = match device.flags.if_flags {
            flags if flags.contains(IfFlags::LOOPBACK) => "loopback",
            flags if flags.contains(IfFlags::WIRELESS) => "wireless",
            _ => "wired",
        };
        Interface { name: device.name, kind: kind.to_owned(), hardware_times: false, missing }
    };
    let mut interfaces: Vec<Interface> = Device::list().unwrap_or_default().into_iter().map(describe).collect();
    interfaces.sort_by(|a, b| a.name.cmp(&b.name));
    interfaces
}

struct Pcap {
    capture: Capture<Active>,
    /// What it had dropped when it was last asked; it counts from the beginning, and over when that is too much.
    dropped: u32,
    /// What comes after this time is not wanted any more, and whether that has come.
    closed_ns: Option<i64>,
    is_over: bool,
    /// The error that is to be told, and whether nothing comes after it.
    failed: Option<pcap::Error>,
    is_gone: bool,
}

#[allow(clippy::useless_conversion, reason = "how wide these numbers are depends on the system")]
fn time_ns(header: &PacketHeader) -> i64 {
    let (seconds, fraction) = (i64::from(header.ts.tv_sec), i64::from(header.ts.tv_usec));
    seconds.saturating_mul(1_000_000_000).saturating_add(fraction * if NANOSECONDS { 1 } else { 1_000 })
}

impl Source for Pcap {
    fn merge(&self) -> Merge {
        Merge::new(1, 1)
    }

    /// Copies frames into a block until it is full or no more have come.
    fn gather(&mut self, shelf: &Shelf, merge: &mut Merge) -> bool {
        if self.is_over || self.is_gone || !merge.has_room() {
            return false;
        }
        let (mut block, mut spots, mut at) = (shelf.take(BLOCK), merge.list(), 0);
        while at + LONGEST <= block.len() {
            match self.capture.next_packet() {
                Ok(packet) => {
                    let time_ns = time_ns(packet.header);
                    if self.closed_ns.is_some_and(|closed_ns| time_ns > closed_ns) {
                        self.is_over = true;
                        break;
                    }
                    let data = &packet.data[..packet.data.len().min(LONGEST)];
                    block.room()[at..at + data.len()].copy_from_slice(data);
                    let wire_len = packet.header.len.max(data.len() as u32);
                    spots.push(Spot { number: 0, time_ns, wire_len, at: at as u32, captured: data.len() as u32 });
                    at += data.len();
                }
                Err(pcap::Error::TimeoutExpired) => break,
                Err(error) => {
                    (self.failed, self.is_gone) = (Some(error), true);
                    break;
                }
            }
        }
        let any = !spots.is_empty();
        merge.take(0, Arc::new(block), spots, Instant::now());
        any
    }

    fn wait(&mut self, _: &Merge, longest: Duration) -> io::Result<()> {
        sleep(longest.min(PAUSE));
        self.failed.take().map_or(Ok(()), |error| Err(io::Error::other(error)))
    }

    fn is_gone(&self) -> bool {
        self.is_gone
    }

    fn close(&mut self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.closed_ns = Some(i64::try_from(now.as_nanos()).unwrap_or(i64::MAX));
    }

    fn losses(&mut self) -> Losses {
        let Ok(counted) = self.capture.stats() else { return Losses::default() };
        let dropped = counted.dropped.wrapping_sub(self.dropped);
        self.dropped = counted.dropped;
        Losses { dropped: dropped.into(), ..Losses::default() }
    }
}
