//! DNP3 (IEEE 1815-2012): link frames (clause 9), the transport function (clause 8), application functions (clause 4).

use super::ics::{Class, Function, Ics, Industrial, MOST_MESSAGES};

pub const PORT: u16 = 20_000;

/// What a frame begins with.
const START: [u8; 2] = [0x05, 0x64];
/// A frame's header with its checksum; what of it the length counts.
const HEADER: usize = 10;
const COUNTED: usize = 5;
/// Behind the header, every 16 bytes have a checksum of 2.
const BLOCK: usize = 16;

/// Set in the transport octet of the first frame of an application fragment.
const FIRST: u8 = 0x40;
/// In the second octet of internal indications: function not supported, object unknown, parameter error.
const REFUSALS: u8 = 0x07;

/// The application functions of the frames in `payload`, as far as they reach.
pub(super) fn read(payload: &[u8]) -> Option<Ics> {
    let mut rest = payload;
    let frames = std::iter::from_fn(|| {
        let header = rest.first_chunk::<HEADER>().filter(|header| is_header(header))?;
        let data = usize::from(header[2]).checked_sub(COUNTED)?;
        let function = rest.get(HEADER..).and_then(|behind| function(behind, data));
        rest = rest.get(HEADER + data + 2 * data.div_ceil(BLOCK)..).unwrap_or_default();
        Some(function)
    });
    Ics::of(Industrial::Dnp3, frames.take(MOST_MESSAGES).flatten())
}

fn is_header(header: &[u8; HEADER]) -> bool {
    let (checked, checksum) = header.split_at(HEADER - 2);
    header.starts_with(&START) && checksum == crc(checked).to_le_bytes()
}

/// The function of an application fragment that begins behind a link header; `data` is how much the frame carries.
fn function(behind: &[u8], data: usize) -> Option<Function> {
    const CONFIRM: u8 = 0;
    const RESPONSE: u8 = 129;
    const UNSOLICITED: u8 = 130;
    let (&[transport, _, code], behind) = behind.split_first_chunk()?;
    if data < 3 || transport & FIRST == 0 {
        return None;
    }
    let class = match code {
        CONFIRM => Class::Response,
        RESPONSE | UNSOLICITED => {
            let &[_, indications] = behind.first_chunk().filter(|_| data >= 5)?;
            match code {
                _ if indications & REFUSALS != 0 => Class::Error,
                RESPONSE => Class::Response,
                _ => Class::Unsolicited,
            }
        }
        // An answer of secure authentication.
        131 => Class::Response,
        1 => Class::Read,
        // Write; freeze counters in every way.
        2 | 7..=12 => Class::Write,
        // Select, operate, direct operate with and without an answer.
        3..=6 => Class::Control,
        // Cold and warm restart; initialize data; initialize, start and stop applications.
        13..=18 => Class::Restart,
        // Save and activate configurations, unsolicited answers on and off, classes, times, authentication.
        19..=24 | 31..=33 => Class::Configuration,
        // Files.
        25..=30 => Class::Program,
        _ => Class::Unknown,
    };
    Some(Function { code, class })
}

/// The checksum of a block (9.2.5.1): x¹⁶+x¹³+x¹²+x¹¹+x¹⁰+x⁸+x⁶+x⁵+x²+1, the lowest bit first, complemented.
pub(super) fn crc(block: &[u8]) -> u16 {
    const REVERSED: u16 = 0xa6bc;
    !block.iter().fold(0, |crc, &byte| {
        (0..8).fold(crc ^ u16::from(byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ REVERSED } else { crc >> 1 })
    })
}
