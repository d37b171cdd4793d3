#!/usr/bin/env bash
# Detection on tables beside scikit-learn: adbench.sh ADBENCH all|clean [MODEL [BINARY]].
#
# ADBENCH is a folder of ADBench's sets (npz with X and y), of which at most 50,000 rows are taken. MODEL is what `train --model`
# takes; the members of an ensemble are told beside it. Trained through the binary, with the same settings for every set.
#
# all: trained on all rows, attacks and all, without their truth; judged on the same rows.
# clean: trained on half of the benign rows; judged on the others and all attacks; ten seeds (or SEEDS).
#
# ROC-AUC and average precision of every set, and their means. scikit-learn's forest, nearest neighbours (k = 5) and local
# outlier factor are fitted to the same rows, once as they are and once in standard deviations of the training. It
# comes from PyPI into a virtual environment that is kept (see peers.sh).
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=benches/peers.sh
source benches/peers.sh
forests
exec "$peers/bin/python" benches/adbench.py "${4:-target/release/tidewatch}" "$1" "$2" "${3:-ensemble}"
