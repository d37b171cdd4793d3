//! A pcapng capture that the input describes block by block: what was written is what is read, of both byte orders, and
//! however it is cut.

use std::io::Cursor;

use tidewatch::capture::{Capture, Ledger, Link, Skip};

use super::Bytes;

const LINKS: [u16; 8] = [1, 101, 113, 276, 0, 108, 147, 65_535];

/// The capture as it is written.
struct Written {
    big: bool,
    bytes: Vec<u8>,
    /// Link types and snap lengths of the section's interfaces.
    interfaces: Vec<(u16, u32)>,
    packets: Vec<Expected>,
}

/// A packet that was written: where its block ends, its link type if its interface is described, its lengths.
struct Expected {
    end: usize,
    link: Option<Link>,
    wire_len: u32,
    bytes: Vec<u8>,
}

pub fn target(data: &[u8]) {
    let mut data = Bytes(data);
    let cut = u16::from_le_bytes(data.array());
    let mut written = Written { big: false, bytes: Vec::new(), interfaces: Vec::new(), packets: Vec::new() };
    written.section(data.byte());
    while !data.0.is_empty() && written.bytes.len() < 1 << 14 {
        written.next(&mut data);
    }
    let len = written.bytes.len();
    let len = if usize::from(cut) < len { cut.into() } else { len };
    check(&written, len);
}

/// Reads the first `len` bytes.
fn check(written: &Written, len: usize) {
    let mut ledger = Ledger::default();
    let Ok(mut capture) = Capture::from_reader("it", Cursor::new(written.bytes[..len].to_vec()), None) else {
        assert!(len < 12, "refused at {len}");
        return;
    };
    let whole = written.packets.iter().take_while(|packet| packet.end <= len);
    let (mut read, mut unknown) = (0, 0);
    for packet in whole {
        read += 1;
        let Some(link) = packet.link else {
            unknown += 1;
            continue;
        };
        let frame = capture.next_frame(&mut ledger).unwrap_or_else(|| panic!("packet {read} is missing"));
        assert_eq!(
            (frame.number, frame.link, frame.wire_len, frame.bytes),
            (read, link, packet.wire_len, packet.bytes.as_slice())
        );
    }
    assert!(capture.next_frame(&mut ledger).is_none());
    let (cut, corrupt) = (ledger.skipped(Skip::CutRecord), ledger.skipped(Skip::CorruptRecord));
    assert_eq!((ledger.read, ledger.skipped(Skip::UnknownInterface), corrupt), (read + cut, unknown, 0));
    assert_eq!(cut, u64::from(capture.trouble().is_some()), "{:?}", capture.trouble());
}

impl Written {
    fn next(&mut self, data: &mut Bytes<'_>) {
        match data.byte() % 8 {
            0 => self.section(data.byte()),
            1 => self.interface(data),
            2 | 3 => self.enhanced(data),
            4 => self.simple(data),
            5 => self.obsolete(data),
            // Statistics, names, whatever a writer thinks of; the bytes between are those of packets and interfaces.
            _ => {
                let kind = match u32::from(data.byte()) {
                    kind @ (1..=3 | 6) => kind + 0x8000_0000,
                    kind => kind,
                };
                let len = data.byte();
                let body = data.take(len.into()).to_vec();
                self.block(kind, &body);
            }
        }
    }

    fn u16(&self, value: u16) -> [u8; 2] {
        if self.big { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    fn u32(&self, value: u32) -> [u8; 4] {
        if self.big { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    fn block(&mut self, kind: u32, body: &[u8]) {
        let padded = body.len().next_multiple_of(4);
        let size = self.u32(padded as u32 + 12);
        self.bytes.extend([self.u32(kind), size].concat());
        self.bytes.extend(body);
        self.bytes.resize(self.bytes.len() + padded - body.len(), 0);
        self.bytes.extend(size);
    }

    fn section(&mut self, how: u8) {
        self.big = how & 1 == 1;
        self.interfaces.clear();
        let body = [&self.u32(0x1a2b_3c4d)[..], &self.u16(1), &self.u16(how.into()), &[0xff; 8]].concat();
        self.block(0x0a0d_0d0a, &body);
    }

    /// An interface with options, whole ones and one that claims more than there is.
    fn interface(&mut self, data: &mut Bytes<'_>) {
        let how = data.byte();
        let link = LINKS[usize::from(how) % LINKS.len()];
        let snap_len = if how & 8 == 0 { 0 } else { data.byte().into() };
        let mut body = [&self.u16(link)[..], &[0; 2], &self.u32(snap_len)].concat();
        for (bit, code, len) in [(16, 9, 1), (32, 14, 8), (64, 2, 5), (128, 9, 200)] {
            if how & bit != 0 {
                let value = data.take(len.min(20)).to_vec();
                body.extend([self.u16(code), self.u16(len as u16)].concat());
                body.extend(&value);
                body.resize(body.len().next_multiple_of(4), 0);
            }
        }
        self.block(1, &body);
        self.interfaces.push((link, snap_len));
    }

    /// A packet block with the interface's number as `interface` writes it.
    fn packet(&mut self, data: &mut Bytes<'_>, kind: u32, place: u8, interface: &[u8]) {
        let [ticks, more, len] = [data.array::<8>(), data.array(), [data.byte(); 8]];
        let bytes = data.take(len[0].into()).to_vec();
        let wire_len = u32::from(more[0]) + if more[1] & 1 == 1 { bytes.len() as u32 } else { 0 };
        let lengths = [self.u32(bytes.len() as u32), self.u32(wire_len)].concat();
        self.block(kind, &[interface, &ticks, &lengths, &bytes].concat());
        let link = self.interfaces.get(usize::from(place)).map(|&(link, _)| Link::from(u32::from(link)));
        self.expect(link, wire_len.max(bytes.len() as u32), bytes);
    }

    fn enhanced(&mut self, data: &mut Bytes<'_>) {
        let place = data.byte();
        let interface = self.u32(place.into());
        self.packet(data, 6, place, &interface);
    }

    fn obsolete(&mut self, data: &mut Bytes<'_>) {
        let (place, drops) = (data.byte(), data.array());
        let interface = [self.u16(place.into()), drops].concat();
        self.packet(data, 2, place, &interface);
    }

    fn simple(&mut self, data: &mut Bytes<'_>) {
        let len = data.byte();
        let mut bytes = data.take(len.into()).to_vec();
        let wire_len = bytes.len() as u32;
        let interface = self.interfaces.first().copied();
        if let Some((_, snap_len)) = interface
            && snap_len > 0
        {
            bytes.truncate(snap_len as usize);
        }
        self.block(3, &[&self.u32(wire_len)[..], &bytes].concat());
        self.expect(interface.map(|(link, _)| Link::from(u32::from(link))), wire_len, bytes);
    }

    fn expect(&mut self, link: Option<Link>, wire_len: u32, bytes: Vec<u8>) {
        self.packets.push(Expected { end: self.bytes.len(), link, wire_len, bytes });
    }
}
