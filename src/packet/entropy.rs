//! Shannon's entropy of a few bytes, in bits a byte (Shannon 1948).

use std::sync::LazyLock;

/// Bytes that are looked at, at most.
const MOST: usize = 255;

/// The weight n·log₂ n of a symbol that is seen n times, and what it grows by when that is seen once more, in parts of 2⁻²⁰: in
/// whole numbers, a sum does not depend on the order of its parts, and the entropy of a single symbol is 0 and not nearly so.
struct Weights {
    whole: [u32; MOST + 1],
    steps: [u32; MOST + 1],
}

static WEIGHTS: LazyLock<Weights> = LazyLock::new(|| {
    let weight = |n: usize| if n > 0 { (n as f64 * (n as f64).log2() * ONE).round() as u32 } else { 0 };
    Weights { whole: std::array::from_fn(weight), steps: std::array::from_fn(|n| weight(n + 1) - weight(n)) }
});
const ONE: f64 = (1 << 20) as f64;

/// The entropy of the first bytes of `bytes`; 0 of none.
pub fn of(bytes: &[u8]) -> f64 {
    let bytes = bytes.get(..MOST).unwrap_or(bytes);
    let Weights { whole, steps } = &*WEIGHTS;
    let mut counts = [0_u8; 256];
    // log₂ n − Σ c·log₂ c / n, c the count of each symbol: the weight of all as if they were one, less that of each.
    let mut each = 0_u32;
    for &byte in bytes {
        let count = &mut counts[usize::from(byte)];
        each = each.wrapping_add(steps[usize::from(*count)]);
        *count += 1;
    }
    f64::from(whole[bytes.len()].wrapping_sub(each)) / ONE / bytes.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(bytes: &[u8], bits: f64) -> bool {
        (of(bytes) - bits).abs() < 1e-5
    }

    #[test]
    fn entropies_worked_out_by_hand() {
        assert_eq!(of(b""), 0.0);
        assert_eq!(of(&[7; 64]), 0.0);
        assert!(close(b"abab", 1.0));
        assert!(close(b"abcdefgh", 3.0));
        // Half a, the other half of two letters.
        assert!(close(b"aabc", 1.5));
        let all: Vec<u8> = (0..=255).collect();
        assert!(close(&all, 255_f64.log2()));
        assert_eq!(of(&[0; 3000]), 0.0);
    }

    #[test]
    fn the_order_of_bytes_does_not_matter() {
        assert_eq!(of(b"abracadabra").to_bits(), of(b"aaaaabbrrcd").to_bits());
    }
}
