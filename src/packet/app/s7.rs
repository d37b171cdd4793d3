//! S7comm, the protocol of Siemens' controllers, over ISO transport: TPKT (RFC 1006, 6), COTP (RFC 905, 13). S7comm itself has
//! no public standard; this is as Wireshark's dissector reads it.

use super::ics::{Class, Function, Ics, Industrial, MOST_MESSAGES};

pub const PORT: u16 = 102;

const TPKT: usize = 4;
const COTP_DATA: u8 = 0xf0;
const S7: u8 = 0x32;

/// Where in an S7 message its kind stands, and the lengths of what precedes the parameters.
const HEADER: usize = 10;
const ANSWER_HEADER: usize = 12;

const JOB: u8 = 1;
const ACK: u8 = 2;
const ACK_DATA: u8 = 3;
const USERDATA: u8 = 7;

/// The S7 messages in `payload`, as far as they reach.
pub(super) fn read(payload: &[u8]) -> Option<Ics> {
    let mut rest = payload;
    let packets = std::iter::from_fn(|| {
        let &[3, 0, upper, lower] = rest.first_chunk::<TPKT>()? else { return None };
        let len = usize::from(u16::from_be_bytes([upper, lower]));
        let packet = rest.get(TPKT..len).or_else(|| rest.get(TPKT..).filter(|_| len > TPKT))?;
        rest = rest.get(len..).unwrap_or_default();
        Some(data(packet).and_then(function))
    });
    Ics::of(Industrial::S7, packets.take(MOST_MESSAGES).flatten())
}

/// What a COTP packet carries, if it carries data.
fn data(packet: &[u8]) -> Option<&[u8]> {
    let (&[len, COTP_DATA], _) = packet.split_first_chunk()? else { return None };
    packet.get(1 + usize::from(len)..)
}

fn function(message: &[u8]) -> Option<Function> {
    let &[S7, kind] = message.first_chunk()? else { return None };
    match kind {
        JOB => {
            let parameters = message.get(HEADER..)?;
            let code = *parameters.first()?;
            Some(Function { code, class: class(code, parameters)? })
        }
        ACK | ACK_DATA => {
            let &[error, _] = message.get(HEADER..)?.first_chunk()?;
            let has_parameters = message.get(6..8)? != [0, 0];
            let code = if has_parameters { *message.get(ANSWER_HEADER)? } else { 0 };
            Some(Function { code, class: if error == 0 { Class::Response } else { Class::Error } })
        }
        USERDATA => {
            // Three fixed bytes, a length, the method, and what is wanted.
            let what = *message.get(HEADER + 5)?;
            let (kind, group) = (what >> 4, what & 0x0f);
            let class = match (kind, group) {
                (0, _) => Class::Unsolicited,
                (8, _) => Class::Response,
                // Cyclic data.
                (4, 2) => Class::Read,
                // Blocks of programs.
                (4, 3) => Class::Program,
                // Debugging, the state of the processor, passwords, the clock.
                (4, 1 | 4 | 5 | 7) => Class::Configuration,
                _ => Class::Unknown,
            };
            Some(Function { code: 0x80 | (kind / 4) << 4 | group, class })
        }
        _ => None,
    }
}

/// What a job wants; none where that is cut off.
fn class(code: u8, parameters: &[u8]) -> Option<Class> {
    const SERVICE: u8 = 0x28;
    Some(match code {
        0x04 => Class::Read,
        0x05 => Class::Write,
        // Download and upload, in steps.
        0x1a..=0x1f => Class::Program,
        SERVICE => service(parameters)?,
        // Stop.
        0x29 => Class::Restart,
        // Services of the processor; set up the communication.
        0x00 | 0xf0 => Class::Configuration,
        _ => Class::Unknown,
    })
}

/// What a service of the program does, by its name: the program's start, else something with its blocks.
fn service(parameters: &[u8]) -> Option<Class> {
    // The length of the argument, the argument, the length of the name, the name.
    let &argument = parameters.get(8..)?.first_chunk()?;
    let (&len, behind) = parameters.get(10 + usize::from(u16::from_be_bytes(argument))..)?.split_first()?;
    let name = behind.get(..len.into())?;
    Some(if name == b"P_PROGRAM" { Class::Restart } else { Class::Program })
}
