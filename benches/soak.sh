#!/usr/bin/env bash
# One watch that sees a day of the plant DAYS times over at full speed, each time a whole number of days later: how much memory it has
# resident and how many files are open after each, and whether the alerts are the same each time.
#
# usage: benches/soak.sh DIR [BINARY]
#   DIR is as for qut_dnp3.sh; DAYS=10; MODELS="tail ensemble", the first of which has no memory of what came before
set -euo pipefail

if [ $# -lt 1 ] || [ $# -gt 2 ]; then
    sed -n '/^# usage/,/^set/s/^# //p' "$0" >&2
    exit 2
fi
dir=$1
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
binary=${2:-${CARGO_TARGET_DIR:-$root/target}/release/tidewatch}
if [ ! -x "$binary" ]; then
    echo "$binary: no such program; hint: cargo build --release" >&2
    exit 1
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for model in ${MODELS:-tail ensemble}; do
    choice=()
    [ "$model" = ensemble ] || choice=(--model "$model")
    code=0
    "$binary" train "$dir"/control-frequent.pcap.gz "$dir"/control-infrequent.pcap.gz --window 30s "${choice[@]}" \
        -o "$work/$model.tw" 2>/dev/null || code=$?
    # Exit code 3: a capture was cut short.
    [ "$code" -eq 0 ] || [ "$code" -eq 3 ] || exit "$code"
    python3 "$root/benches/soak.py" "$binary" "$work" "$work/$model.tw" "$dir/attacks-frequent.pcap.gz" "${DAYS:-10}"
done
