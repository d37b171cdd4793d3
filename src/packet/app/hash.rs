//! FNV-1a with 64 bits (draft-eastlake-fnv), in one piece and folded to 32 bits.

/// The hash of these bytes.
pub fn long(bytes: impl IntoIterator<Item = u8>) -> u64 {
    bytes.into_iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The hash of these bytes, folded as the draft says.
pub fn short(bytes: impl IntoIterator<Item = u8>) -> u32 {
    let hash = long(bytes);
    (hash >> 32 ^ hash) as u32
}

/// The hash of a text whose case does not matter.
pub fn caseless(text: &[u8]) -> u32 {
    short(text.iter().map(u8::to_ascii_lowercase))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_fnv_1a() {
        // The draft's test vectors.
        assert_eq!(long(*b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(long(*b"foobar"), 0x8594_4171_f739_67e8);
        assert_eq!(short(*b"foobar"), 0x8594_4171 ^ 0xf739_67e8);
        assert_eq!(caseless(b"FooBar"), short(*b"foobar"));
    }
}
