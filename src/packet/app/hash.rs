//! Hashes of what messages name: XXH3 with 64 bits (Collet 2019), which is the same on every machine, in one piece and folded to
//! 32 bits.

use xxhash_rust::xxh3::xxh3_64;

/// The hash of these bytes.
pub fn long(bytes: &[u8]) -> u64 {
    xxh3_64(bytes)
}

/// The hash of these bytes in half the length.
pub fn short(bytes: &[u8]) -> u32 {
    let hash = long(bytes);
    (hash >> 32 ^ hash) as u32
}

/// The hash of a text whose case does not matter.
pub fn caseless(text: &[u8]) -> u32 {
    /// Names of hosts have 253 characters at most.
    const USUAL: usize = 256;
    let mut room = [0; USUAL];
    match room.get_mut(..text.len()) {
        Some(lower) => {
            lower.copy_from_slice(text);
            lower.make_ascii_lowercase();
            short(lower)
        }
        None => short(&text.to_ascii_lowercase()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_xxh3() {
        // Of the reference implementation, xxHash 0.8.
        assert_eq!(long(b""), 0x2d06_8005_38d3_94c2);
        assert_eq!(short(b""), 0x2d06_8005 ^ 0x38d3_94c2);
    }

    #[test]
    fn case_is_not_told_apart() {
        assert_eq!(caseless(b"FooBar"), short(b"foobar"));
        assert_eq!(caseless(&[b'A'; 300]), short(&[b'a'; 300]));
    }
}
