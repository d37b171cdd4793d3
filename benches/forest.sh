#!/usr/bin/env bash
# The forests beside scikit-learn's, isotree's and coniferest's: forest.sh speed|quality|scorings|names [DATA].
#
# speed: CPU seconds to fit 100 trees of 256 samples and to score 1,000,000 × 32 normal values, on one thread; each program
# in turn, medians of five rounds.
# quality: ROC-AUC and average precision of every preset on the sets in the folder DATA (of ADBench: npz with X and y), ten seeds, beside
# isotree with the same settings.
# scorings: isotree on the same sets, by the depth of a row's leaf, its density or its box: why ours goes by depth.
# names: both of them on NSL-KDD (DATA is its file), where three columns are names, and with missing values.
#
# The peers come from PyPI into a virtual environment that is kept (see peers.sh).
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=benches/peers.sh
source benches/peers.sh
forests
cp Cargo.lock benches/forest/
cargo build --quiet --release --manifest-path benches/forest/Cargo.toml --target-dir target
exec "$peers/bin/python" benches/forest.py target/release/forest "$@"
