//! How many there are, and how evenly they are spread.

/// How many distinct items there are.
pub fn distinct<T: Ord>(mut items: Vec<T>) -> usize {
    items.sort_unstable();
    items.dedup();
    items.len()
}

/// How many distinct keys there are, and how evenly the weights are spread over them, in bits.
pub fn spread<K: Ord + Copy>(mut weights: Vec<(K, u64)>) -> (usize, f64) {
    if let [(_, weight)] = weights.as_slice() {
        return (1, entropy(&[*weight]));
    }
    weights.sort_unstable_by_key(|&(key, _)| key);
    let sums: Vec<u64> =
        weights.chunk_by(|a, b| a.0 == b.0).map(|same| same.iter().map(|(_, weight)| weight).sum()).collect();
    (sums.len(), entropy(&sums))
}

/// Shannon entropy of the distribution that these weights make, in bits (Shannon 1948); 0 for none.
pub fn entropy(weights: &[u64]) -> f64 {
    let total: u64 = weights.iter().sum();
    if total == 0 {
        return 0.0;
    }
    let share = |weight: u64| weight as f64 / total as f64;
    let bits: f64 = weights.iter().filter(|&&w| w > 0 && w < total).map(|&w| -share(w) * share(w).log2()).sum();
    bits.max(0.0)
}
