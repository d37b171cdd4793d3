//! What a block of the ring says: frames, each behind a header that tells where the next one lies.
//!
//! The numbers are the machine's own, at the places that the kernel's header file gives them (`linux/if_packet.h`).

use super::super::Spot;
use super::Clock;

/// In a block (`struct tpacket_block_desc`): how many frames, and where the first header lies.
const FRAMES: usize = 12;
const FIRST: usize = 16;
/// In a frame's header (`struct tpacket3_hdr`): where the next lies from this one, when the frame came, how much of it is there and
/// how long it was; whether a VLAN's tag was taken from it, and that; where the frame begins.
const NEXT: usize = 0;
const SECONDS: usize = 4;
const NANOS: usize = 8;
const CAPTURED: usize = 12;
const LENGTH: usize = 16;
const STATUS: usize = 20;
const START: usize = 24;
const TAG: usize = 32;
const TAG_PROTOCOL: usize = 36;

const TAG_VALID: u32 = 1 << 4;
const TAG_PROTOCOL_VALID: u32 = 1 << 6;
/// The time is the hardware's own.
const OF_HARDWARE: u32 = 1 << 31;
/// IEEE 802.1Q.
const VLAN: u16 = 0x8100;
/// The two addresses before a tag, and the tag.
const ADDRESSES: usize = 12;
const TAG_LENGTH: usize = 4;

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|number| u32::from_ne_bytes(*number))
}

fn short(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|number| u16::from_ne_bytes(*number))
}

/// Finds the frames of a block, in their order, and puts back before each the tag that the kernel took from it, as libpcap does: the
/// bytes before a frame are its header's, which is not needed any more. How many were passed over, for their time is another clock's.
pub fn find(block: &mut [u8], clock: Clock, spots: &mut Vec<Spot>) -> u64 {
    spots.clear();
    let mut passed = 0;
    let (Some(frames), Some(first)) = (number(block, FRAMES), number(block, FIRST)) else { return passed };
    let mut header = first as usize;
    for _ in 0..frames {
        let of_hardware = number(block, header.saturating_add(STATUS)).is_some_and(|status| status & OF_HARDWARE != 0);
        let Some((spot, next)) = frame(block, header) else { return passed };
        if of_hardware == (clock == Clock::Hardware) {
            spots.push(spot);
        } else {
            passed += 1;
        }
        header = header.saturating_add(next);
    }
    passed
}

/// The frame whose header lies there, and how far from it the next one does.
fn frame(block: &mut [u8], header: usize) -> Option<(Spot, usize)> {
    let (seconds, nanos) = (number(block, header + SECONDS)?, number(block, header + NANOS)?);
    let (mut captured, mut wire_len) = (number(block, header + CAPTURED)?, number(block, header + LENGTH)?);
    let (status, next) = (number(block, header + STATUS)?, number(block, header + NEXT)?);
    let mut at = header + usize::from(short(block, header + START)?);
    if status & TAG_VALID != 0 && captured as usize >= ADDRESSES {
        let tag = number(block, header + TAG)? as u16;
        let protocol = if status & TAG_PROTOCOL_VALID != 0 { short(block, header + TAG_PROTOCOL)? } else { VLAN };
        let moved = at.checked_sub(TAG_LENGTH)?;
        block.get(at..at + ADDRESSES)?;
        block.copy_within(at..at + ADDRESSES, moved);
        let [p, q] = protocol.to_be_bytes();
        let [t, u] = tag.to_be_bytes();
        block.get_mut(moved + ADDRESSES..at + ADDRESSES)?.copy_from_slice(&[p, q, t, u]);
        at = moved;
        captured += TAG_LENGTH as u32;
        wire_len += TAG_LENGTH as u32;
    }
    block.get(at..at + captured as usize)?;
    let time_ns = i64::from(seconds) * 1_000_000_000 + i64::from(nanos);
    Some((Spot { number: 0, time_ns, wire_len, at: at as u32, captured }, next as usize))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A block with these frames, of which some lost a tag.
    fn block(frames: &[(&[u8], Option<u16>)]) -> Vec<u8> {
        let mut block = vec![0; 48];
        let put = |block: &mut Vec<u8>, at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
        put(&mut block, FRAMES, &(frames.len() as u32).to_ne_bytes());
        put(&mut block, FIRST, &48_u32.to_ne_bytes());
        for (second, (frame, tag)) in frames.iter().enumerate() {
            let header = block.len();
            block.resize(header + 82, 0);
            block.extend_from_slice(frame);
            block.resize(block.len().next_multiple_of(8), 0);
            let next = (block.len() - header) as u32;
            let length = frame.len() as u32;
            for (at, value) in
                [(NEXT, next), (SECONDS, second as u32), (NANOS, 7), (CAPTURED, length), (LENGTH, length)]
            {
                put(&mut block, header + at, &value.to_ne_bytes());
            }
            put(&mut block, header + START, &82_u16.to_ne_bytes());
            if let Some(tag) = tag {
                put(&mut block, header + STATUS, &(TAG_VALID | TAG_PROTOCOL_VALID).to_ne_bytes());
                put(&mut block, header + TAG, &u32::from(*tag).to_ne_bytes());
                put(&mut block, header + TAG_PROTOCOL, &VLAN.to_ne_bytes());
            }
        }
        block
    }

    #[test]
    fn frames_are_found_and_tags_put_back() {
        let mut block =
            block(&[(b"0123456789ab..payload", None), (b"0123456789ab..payload", Some(0x0102)), (b"short", None)]);
        let mut spots = Vec::new();
        assert_eq!(find(&mut block, Clock::Kernel, &mut spots), 0);
        let bytes = |spot: &Spot| &block[spot.at as usize..][..spot.captured as usize];
        assert_eq!(spots.len(), 3);
        assert_eq!(bytes(&spots[0]), b"0123456789ab..payload");
        assert_eq!(bytes(&spots[1]), b"0123456789ab\x81\x00\x01\x02..payload");
        assert_eq!((spots[1].wire_len, spots[1].time_ns), (25, 1_000_000_007));
        assert_eq!(bytes(&spots[2]), b"short");
    }

    #[test]
    fn times_of_two_clocks_are_not_mixed() {
        let mut block = block(&[(b"one", None), (b"two", None), (b"three", None)]);
        let second = 48 + number(&block, 48 + NEXT).unwrap() as usize;
        block[second + STATUS..second + STATUS + 4].copy_from_slice(&OF_HARDWARE.to_ne_bytes());
        let mut spots = Vec::new();
        let mut seconds = |clock| {
            let passed = find(&mut block, clock, &mut spots);
            (passed, spots.iter().map(|spot| spot.time_ns / 1_000_000_000).collect::<Vec<_>>())
        };
        assert_eq!(seconds(Clock::Hardware), (2, vec![1]));
        assert_eq!(seconds(Clock::Kernel), (1, vec![0, 2]));
    }

    proptest! {
        #[test]
        fn no_block_is_read_beyond_its_end(mut bytes in prop::collection::vec(any::<u8>(), 0..400), first in 0_u32..300) {
            if bytes.len() > 20 {
                bytes[FRAMES..FRAMES + 4].copy_from_slice(&9_u32.to_ne_bytes());
                bytes[FIRST..FIRST + 4].copy_from_slice(&first.to_ne_bytes());
            }
            let mut spots = Vec::new();
            find(&mut bytes, Clock::Kernel, &mut spots);
            prop_assert!(spots.iter().all(|spot| spot.at as usize + spot.captured as usize <= bytes.len()));
        }
    }
}
