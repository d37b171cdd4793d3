#!/usr/bin/env bash
# How long after a window's close its alert stands in the JSON file, and how long the rows of a window take to be judged: a watch is fed
# a made network, window by window, with a scan in each.
#
# usage: benches/latency.sh [BINARY]
#   HOSTS="1000 10000"; WINDOWS=100 of them each
set -euo pipefail

if [ $# -gt 1 ]; then
    sed -n '/^# usage/,/^set/s/^# //p' "$0" >&2
    exit 2
fi
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
binary=${1:-${CARGO_TARGET_DIR:-$root/target}/release/tidewatch}
if [ ! -x "$binary" ]; then
    echo "$binary: no such program; hint: cargo build --release" >&2
    exit 1
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for hosts in ${HOSTS:-1000 10000}; do
    python3 "$root/benches/latency.py" "$binary" "$work" "$hosts" "${WINDOWS:-100}"
done
