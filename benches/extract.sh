#!/usr/bin/env bash
# Times `extract` with one thread and with two beside `tcpdump -r CAPTURE -w /dev/null`, which decodes nothing and only
# copies packets, turn by turn, from the page cache: CPU seconds of all threads, and seconds of the clock.
#
# usage: benches/extract.sh CAPTURE [BINARY]
#   RUNS=5 times each, of which the medians are printed; VIEW=host; CAPTURE is a plain pcap or pcapng, since tcpdump does
#   not unpack. The rows of one thread and of two are compared byte by byte.
set -euo pipefail

if [ $# -lt 1 ] || [ $# -gt 2 ]; then
    sed -n '/^# usage/,/^set/s/^# //p' "$0" >&2
    exit 2
fi
capture=$1
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
binary=${2:-${CARGO_TARGET_DIR:-$root/target}/release/tidewatch}
runs=${RUNS:-5}
view=${VIEW:-host}
if [ ! -x "$binary" ]; then
    echo "$binary: no such program; hint: cargo build --release" >&2
    exit 1
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

peer=tcpdump
if ! command -v tcpdump >/dev/null; then
    echo "tcpdump is not installed: extract is timed alone" >&2
    peer=
elif ! tcpdump -r "$capture" -c 1 -w /dev/null 2>"$work/error"; then
    echo "tcpdump cannot read $capture: extract is timed alone ($(tail -n 1 "$work/error"))" >&2
    peer=
fi

# CPU seconds (user and system) and seconds of the clock of one command; exit code 3 (input cut short) is as good as 0.
TIMEFORMAT='%U %S %R'
clock() {
    { time { "$@" >/dev/null 2>&1 || [ $? -eq 3 ]; }; } 2>&1 | awk '{ print $1 + $2, $3 }'
}

# polars has threads of its own, for the writing of the matrix.
extract() {
    RAYON_NUM_THREADS=$1 POLARS_MAX_THREADS=$1 "$binary" extract "$capture" -o "$work/$1.parquet" --view "$view"
}

# The median of a column.
median() {
    awk -v column="$2" '{ print $column }' "$1" | sort -n |
        awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'
}

# The first run brings the file into the page cache and counts its packets.
"$binary" extract "$capture" -o "$work/m.parquet" --json >"$work/summary.json" || [ $? -eq 3 ]
packets=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["packets"])' "$work/summary.json")
for _ in $(seq "$runs"); do
    clock extract 1 >>"$work/extract-1"
    clock extract 2 >>"$work/extract-2"
    [ -z "$peer" ] || clock tcpdump -r "$capture" -w /dev/null >>"$work/tcpdump"
done
cmp "$work/1.parquet" "$work/2.parquet"

ratio() {
    awk -v a="$1" -v b="$2" 'BEGIN { if (b > 0) printf "%.2f", a / b; else printf "?" }'
}

echo "$packets packets, view $view, median of $runs runs"
for program in extract-1 extract-2 $peer; do
    cpu=$(median "$work/$program" 1)
    printf '%-10s %8.3f CPU s  %8.3f s  %8s M packets per CPU s' "$program" "$cpu" "$(median "$work/$program" 2)" \
        "$(ratio "$(ratio "$packets" 1e6)" "$cpu")"
    [ -z "$peer" ] || printf '  %6s of tcpdump' "$(ratio "$(median "$work/tcpdump" 1)" "$cpu")"
    echo
done
echo "two threads are $(ratio "$(median "$work/extract-1" 2)" "$(median "$work/extract-2" 2)") times as fast as one"
[ -z "$peer" ] ||
    echo "two threads take $(ratio "$(median "$work/extract-2" 2)" "$(median "$work/tcpdump" 2)") times as long as tcpdump"
