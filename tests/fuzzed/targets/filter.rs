//! Any text as a filter.

use tidewatch::capture::{Frame, Link};
use tidewatch::packet::{Filter, Packet, Tunnels};

/// A UDP packet from 10.0.0.1, port 53, to 10.0.0.2, port 443, and an ARP request between the same.
const FRAMES: [&[u8]; 2] = [
    b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01\x08\0\x45\0\0\x1c\0\x01\0\0\x40\x11\0\0\x0a\0\0\x01\x0a\0\0\x02\0\x35\x01\xbb\0\x08\0\0",
    b"\xff\xff\xff\xff\xff\xff\x02\0\0\0\0\x01\x08\x06\0\x01\x08\0\x06\x04\0\x01\x02\0\0\0\0\x01\x0a\0\0\x01\0\0\0\0\0\0\x0a\0\0\x02",
];

pub fn target(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let text = text.as_ref();
    let filter = match Filter::parse(text) {
        Ok(filter) => filter,
        Err(error) => {
            let place = error.what.split_once(" (at character ").and_then(|(_, rest)| rest.split_once(" of '"));
            let column: usize = place.and_then(|(column, _)| column.parse().ok()).unwrap_or_else(|| panic!("{error}"));
            assert!((1..=text.chars().count() + 1).contains(&column), "{error}");
            return;
        }
    };
    assert_eq!(Filter::parse(text).ok().as_ref(), Some(&filter));
    let other = |text: String| match Filter::parse(&text) {
        Ok(filter) => Some(filter),
        // Only by being more of it may it be too much.
        Err(error) => {
            assert!(error.what.contains("too deep") || error.what.contains("more than"), "{error}");
            None
        }
    };
    let (same, not) = (other(format!("({text})")), other(format!("not ({text})")));
    assert!(same.is_none_or(|same| same == filter));
    for bytes in FRAMES {
        let frame = Frame { number: 1, time_ns: 0, link: Link::Ethernet, wire_len: bytes.len() as u32, bytes };
        let packet = Packet::decode(&frame, Tunnels::Inner).unwrap();
        let wanted = filter.matches(&packet);
        assert!(not.as_ref().is_none_or(|not| not.matches(&packet) != wanted), "{text}");
    }
}
