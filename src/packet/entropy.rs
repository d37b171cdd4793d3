//! Shannon's entropy of a few bytes, in bits a byte (Shannon 1948).

use std::sync::LazyLock;

/// Bytes that are looked at, at most.
const MOST: usize = 255;

/// n·log₂ n in parts of 2⁻²⁰: in whole numbers, a sum does not depend on the order of its parts, and the entropy of a single
/// symbol is 0 and not nearly so.
static WEIGHTS: LazyLock<[u32; MOST + 1]> = LazyLock::new(|| {
    std::array::from_fn(|n| {
        let n = n as f64;
        if n > 0.0 { (n * n.log2() * ONE).round() as u32 } else { 0 }
    })
});
const ONE: f64 = (1 << 20) as f64;

/// The entropy of the first bytes of `bytes`; 0 of none.
pub fn of(bytes: &[u8]) -> f64 {
    let bytes = bytes.get(..MOST).unwrap_or(bytes);
    let mut counts = [0_u8; 256];
    for &byte in bytes {
        counts[usize::from(byte)] += 1;
    }
    let weights = &*WEIGHTS;
    // log₂ n − Σ c·log₂ c / n, c the count of each symbol.
    let sum: u32 = counts.iter().map(|&count| weights[usize::from(count)]).sum();
    let whole = weights[bytes.len()];
    f64::from(whole.saturating_sub(sum)) / ONE / (bytes.len().max(1)) as f64
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
