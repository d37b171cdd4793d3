#!/usr/bin/env bash
# Times `extract` beside what else reads captures, turn by turn, from the page cache: tcpdump and capinfos, which look into no
# packet, and NFStream's statistical mode, which makes flows. CPU seconds are those of all threads and processes.
#
# usage: benches/extract.sh CAPTURE [BINARY]
#   RUNS=5 times each, of which the medians are printed; VIEWS="host flow"; CAPTURE is a plain pcap or pcapng, since tcpdump
#   does not unpack. NFStream reads the first SLICE=400000 packets only, as it takes minutes for a large capture, and
#   is not run if that is 0. Peers are installed where they can be (see benches/peers.sh).
#   The rows of one thread and of two are compared byte by byte.
set -euo pipefail

# shellcheck source=benches/begin.sh
. "$(dirname "$0")/begin.sh"
begin 1 2 "$@"
capture=$1
runs=${RUNS:-5}
views=${VIEWS:-host flow}
slice=${SLICE:-400000}
# shellcheck source=benches/peers.sh
. "$root/benches/peers.sh"

others=()
if program tcpdump tcpdump; then
    if tcpdump -r "$capture" -c 1 -w /dev/null 2>"$work/error"; then
        others+=(tcpdump)
    else
        echo "tcpdump cannot read $capture: left out ($(tail -n 1 "$work/error"))" >&2
    fi
fi
if program capinfos tshark; then
    others+=(capinfos)
fi
if [ "$slice" -gt 0 ] && [ ${#others[@]} -gt 0 ] && [ "${others[0]}" = tcpdump ] && nfstream; then
    tcpdump -r "$capture" -c "$slice" -w "$work/slice.pcap" 2>/dev/null
    others+=(nfstream)
fi

# Runs a command; appends its CPU seconds (user and system), its seconds of the clock, and the MiB that its largest process had
# resident at most to the file $1. Exit code 3 (input cut short) is as good as 0.
clock() {
    python3 - "$@" <<'PYTHON'
import os
import sys
import time

to, *command = sys.argv[1:]
start = time.monotonic()
pid = os.fork()
if pid == 0:
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in 0, 1, 2:
        os.dup2(nowhere, stream)
    os.execvp(command[0], command)
_, status, usage = os.wait4(pid, 0)
took = time.monotonic() - start
if os.waitstatus_to_exitcode(status) not in (0, 3):
    sys.exit(f"{' '.join(command)}: failed")
with open(to, "a") as file:
    print(usage.ru_utime + usage.ru_stime, took, usage.ru_maxrss / 1024, file=file)
PYTHON
}

# polars has threads of its own, for the writing of the matrix.
extract() {
    RAYON_NUM_THREADS=$2 POLARS_MAX_THREADS=$2 clock "$work/$1-$2" "$binary" extract "$capture" -o "$work/$1-$2.parquet" --view "$1"
}

# What NFStream has to do: all flows, with their statistics.
cat >"$work/flows.py" <<'PYTHON'
import sys

from nfstream import NFStreamer

print(sum(1 for _ in NFStreamer(source=sys.argv[1], statistical_analysis=True)))
PYTHON

# The first run brings the file into the page cache and counts its packets.
"$binary" extract "$capture" -o "$work/m.parquet" --json >"$work/summary.json" || [ $? -eq 3 ]
packets=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["packets"])' "$work/summary.json")
for _ in $(seq "$runs"); do
    for view in $views; do
        extract "$view" 1
        extract "$view" 2
    done
    for other in "${others[@]}"; do
        case $other in
        tcpdump) clock "$work/tcpdump" tcpdump -r "$capture" -w /dev/null ;;
        capinfos) clock "$work/capinfos" capinfos -c -d -u "$capture" ;;
        nfstream) clock "$work/nfstream" "$peers/bin/python" "$work/flows.py" "$work/slice.pcap" ;;
        esac
    done
done
for view in $views; do
    cmp "$work/$view-1.parquet" "$work/$view-2.parquet"
done

python3 - "$work" "$packets" "$slice" "$runs" "$views" "${others[@]}" <<'PYTHON'
import pathlib
import statistics
import sys

LINE = "{:24} {:>9} {:>9} {:>14} {:>12} {:>12} {:>12} {:>9}"
work, packets, slice_, runs, views, *others = sys.argv[1:]
packets, slice_ = int(packets), min(int(packets), int(slice_))


def medians(name):
    lines = (pathlib.Path(work) / name).read_text().splitlines()
    return [statistics.median(column) for column in zip(*(map(float, line.split()) for line in lines))]


ours = [f"{view}-{threads}" for view in views.split() for threads in (1, 2)]
figures = {name: medians(name) for name in [*ours, *others]}
speed = {name: (slice_ if name == "nfstream" else packets) / cpu for name, (cpu, _, _) in figures.items()}


def ratio(name, peer):
    return f"{speed[name] / speed[peer]:.2f}" if peer in speed else "–"


print(f"{packets:,} packets; medians of {runs} runs")
print(LINE.format("", "CPU s", "clock s", "M packets/CPU s", "of tcpdump", "of capinfos", "of NFStream", "peak MiB"))
for name, (cpu, clock, peak) in figures.items():
    view, _, threads = name.partition("-")
    told = f"extract {view}, {threads} thread{'s' * (threads > '1')}" if threads else name
    told += f" ({slice_:,})" if name == "nfstream" else ""
    ratios = [ratio(name, peer) for peer in ("tcpdump", "capinfos", "nfstream")]
    print(LINE.format(told, f"{cpu:.3f}", f"{clock:.3f}", f"{speed[name] / 1e6:.3f}", *ratios, f"{peak:.0f}"))
for view in views.split():
    one, two = figures[f"{view}-1"][1], figures[f"{view}-2"][1]
    beside = f", and take {two / figures['tcpdump'][1]:.2f} times as long as tcpdump" if "tcpdump" in figures else ""
    print(f"{view}: two threads are {one / two:.2f} times as fast as one{beside}")
PYTHON
