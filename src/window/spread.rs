//! How many there are, and how evenly they are spread.

/// How many distinct items there are.
pub fn distinct<T: Ord>(items: &mut Vec<T>) -> usize {
    items.sort_unstable();
    items.dedup();
    items.len()
}

/// How many distinct keys there are, and how evenly the weights are spread over them, in bits.
pub fn spread<K: Ord + Copy>(weights: &mut [(K, u64)]) -> (usize, f64) {
    weights.sort_unstable_by_key(|&(key, _)| key);
    let total = weights.iter().map(|(_, weight)| weight).sum();
    let mut keys = 0;
    let evenness = bits(
        total,
        weights.chunk_by(|a, b| a.0 == b.0).map(|same| {
            keys += 1;
            same.iter().map(|(_, weight)| weight).sum()
        }),
    );
    (keys, evenness)
}

/// Shannon entropy of the distribution that these weights make, in bits (Shannon 1948); 0 for none.
pub fn entropy(weights: &[u64]) -> f64 {
    bits(weights.iter().sum(), weights.iter().copied())
}

/// The entropy of weights whose sum is `total`: log n − Σ w log w / n, which needs no logarithm of what is there once.
fn bits(total: u64, weights: impl Iterator<Item = u64>) -> f64 {
    let mut whole = total == 0;
    let mut sum = 0.0;
    for weight in weights {
        whole |= weight == total;
        if weight > 1 {
            sum += weight as f64 * (weight as f64).log2();
        }
    }
    if whole { 0.0 } else { ((total as f64).log2() - sum / total as f64).max(0.0) }
}
