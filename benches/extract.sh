#!/usr/bin/env bash
# Times `extract` beside `tcpdump -r CAPTURE -w /dev/null`, which decodes nothing and only copies packets, turn by turn,
# in CPU seconds of all threads, from the page cache.
#
# usage: benches/extract.sh CAPTURE [BINARY]
#   RUNS=5 times each; CAPTURE is a plain pcap or pcapng, since tcpdump does not unpack.
set -euo pipefail

if [ $# -lt 1 ] || [ $# -gt 2 ]; then
    sed -n '/^# usage/,/^set/s/^# //p' "$0" >&2
    exit 2
fi
capture=$1
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
binary=${2:-${CARGO_TARGET_DIR:-$root/target}/release/tidewatch}
runs=${RUNS:-5}
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

# User and system time of one command, in seconds; exit code 3 (input cut short) is as good as 0.
TIMEFORMAT='%U %S'
cpu() {
    { time { "$@" >/dev/null 2>&1 || [ $? -eq 3 ]; }; } 2>&1 | awk '{ print $1 + $2 }'
}

median() {
    sort -n "$1" | awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'
}

# The first run brings the file into the page cache and counts its packets.
"$binary" extract "$capture" -o "$work/m.parquet" --json >"$work/summary.json" || [ $? -eq 3 ]
packets=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["packets"])' "$work/summary.json")
for _ in $(seq "$runs"); do
    cpu "$binary" extract "$capture" -o "$work/m.parquet" >>"$work/extract"
    [ -z "$peer" ] || cpu tcpdump -r "$capture" -w /dev/null >>"$work/tcpdump"
done

echo "$packets packets, median of $runs runs"
for program in extract $peer; do
    seconds=$(median "$work/$program")
    awk -v name="$program" -v seconds="$seconds" -v packets="$packets" 'BEGIN {
        printf "%-8s %8.3f CPU s", name, seconds
        if (seconds > 0) printf "  %8.3f M packets per CPU s", packets / seconds / 1e6
        print ""
    }'
done
if [ -n "$peer" ]; then
    awk -v ours="$(median "$work/extract")" -v theirs="$(median "$work/tcpdump")" \
        'BEGIN { if (theirs > 0) printf "extract costs %.2f times what tcpdump does\n", ours / theirs }'
fi
