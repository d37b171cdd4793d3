//! Modbus/TCP (Modbus Messaging on TCP/IP Implementation Guide V1.0b; Modbus Application Protocol Specification V1.1b3).

use super::ics::{Class, Function, Ics, Industrial};

pub const PORT: u16 = 502;

/// The header in front of the function code, and what of it the length does not count.
const HEADER: usize = 7;
const UNCOUNTED: usize = 6;
/// The lengths that a message with a function code can have: the unit's number and 1 to 253 bytes.
const LENGTHS: std::ops::RangeInclusive<usize> = 2..=254;

const DIAGNOSTICS: u8 = 8;
/// Set in an answer that is an exception.
const EXCEPTION: u8 = 0x80;

/// The messages in `payload`, as far as they are whole.
pub(super) fn read(payload: &[u8], asks: bool) -> Option<Ics> {
    let mut rest = payload;
    let messages = std::iter::from_fn(|| {
        let &[_, _, 0, 0, upper, lower, _, code] = rest.first_chunk::<{ HEADER + 1 }>()? else { return None };
        let len = usize::from(u16::from_be_bytes([upper, lower]));
        if !LENGTHS.contains(&len) {
            return None;
        }
        let class = match (asks, code) {
            (false, EXCEPTION..) => Class::Error,
            (false, _) => Class::Response,
            (true, DIAGNOSTICS) => diagnostics(rest.get(HEADER + 1..HEADER + 3)?),
            (true, _) => class(code),
        };
        rest = rest.get(UNCOUNTED + len..).unwrap_or_default();
        Some(Function { code, class })
    });
    Ics::of(Industrial::Modbus, messages)
}

/// What a request wants.
fn class(code: u8) -> Class {
    match code {
        // Coils, inputs and registers; queues of them.
        1..=4 | 24 => Class::Read,
        5 | 6 | 15 | 16 | 22 | 23 => Class::Write,
        // Exception status, counters and logs of events, identities.
        7 | 11 | 12 | 17 | 43 => Class::Configuration,
        // Records of files; the programming of Schneider's controllers.
        20 | 21 | 90 => Class::Program,
        _ => Class::Unknown,
    }
}

/// What a diagnostic request wants, by its sub-function.
fn diagnostics(sub_function: &[u8]) -> Class {
    match sub_function {
        // Restart communications; force listen-only mode.
        [0, 1 | 4] => Class::Restart,
        _ => Class::Configuration,
    }
}
