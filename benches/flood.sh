#!/usr/bin/env bash
# A flood of SYNs from ten million sources, half of them IPv4 and half IPv6, against one server: how much memory `extract` takes
# beside the bound that it is given, what the ledger says found no room, and how far up the server stands among the scores of a
# model that was trained on a quiet hour. Ends with 1 if the bound does not hold or the server is not among the first TOP.
#
# usage: benches/flood.sh [BINARY]
#   SOURCES=10000000; MEMORY="256MiB 1GiB", each of which is a bound to be held; VIEWS="host flow network"; TOP=10; needs
#   SOURCES times 80 bytes in the folder for temporary files, or the folder FLOOD, which is kept and used again.
set -euo pipefail

# shellcheck source=benches/begin.sh
. "$(dirname "$0")/begin.sh"
begin 0 1 "$@"
sources=${SOURCES:-10000000}
bounds=${MEMORY:-256MiB 1GiB}
views=${VIEWS:-host flow network}
top=${TOP:-10}
flood=${FLOOD:-$work}
if [ ! -e "$flood/flood.pcap" ]; then
    mkdir -p "$flood"
    python3 "$root/benches/flood.py" "$flood" "$sources"
fi
python3 - "$binary" "$flood" "$work" "$top" "$bounds" "$views" <<'PYTHON'
import json
import os
import pathlib
import subprocess
import sys

binary, flood, work, top, bounds, views = sys.argv[1:]
flood, work, top = pathlib.Path(flood), pathlib.Path(work), int(top)
# The server and its minute, as benches/flood.py has them.
VICTIM, MINUTE = ("10.0.0.80", "fd00::50"), "2026-01-02T00:04"
# An hour cannot tell what happens once a day.
ALARMS_PER_DAY = 100
LINE = "{:10} {:>8} {:>10} {:>8} {:>9}  {}"


def run(*command):
    """The file of what a command says on standard output, the MiB that it had resident at most, and its CPU seconds."""
    with (work / "out").open("w") as out, (work / "error").open("w+") as error:
        child = subprocess.Popen(list(map(str, command)), stdout=out, stderr=error)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        error.seek(0)
        if child.returncode not in (0, 3):
            sys.exit(f"{' '.join(map(str, command))}: {error.read()}")
        return work / "out", usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime


def key(line, text):
    """What is kept of an alert: what this script has resident when it starts a command counts as that command's, so no more."""
    alert = json.loads(text)
    return -alert["score"], alert["time"], alert["entity"], line


def mebibytes(text):
    return int(text.removesuffix("GiB")) * 1024 if text.endswith("GiB") else int(text.removesuffix("MiB"))


failed = False
print(LINE.format("view", "--memory", "peak MiB", "CPU s", "rows", "ledger"))
for view in views.split():
    for bound in bounds.split():
        capture = flood / "flood.pcap"
        rows = work / "rows.parquet"
        told, peak, cpu = run(binary, "extract", capture, "-o", rows, "--view", view, "--memory", bound, "--json")
        summary = json.loads(told.read_text())
        failed |= peak > mebibytes(bound)
        over = " OVER THE BOUND" * (peak > mebibytes(bound))
        ledger = json.dumps(summary["ledger"]) + over
        print(LINE.format(view, bound, f"{peak:.0f}", f"{cpu:.1f}", summary["matrices"][0]["rows"], ledger))

for view in views.split():
    if view == "flow":
        continue
    model = work / f"{view}.tw"
    run(binary, "train", flood / "quiet.pcap", "-o", model, "--view", view, "--alarms-per-day", ALARMS_PER_DAY)
    for bound in bounds.split():
        told, peak, _ = run(binary, "score", model, flood / "flood.pcap", "--memory", bound)
        alerts = sorted(key(line, text) for line, text in enumerate(told.open()))
        places = [
            place
            for place, (_, time, entity, _) in enumerate(alerts, 1)
            if time.startswith(MINUTE) and (view == "network" or entity in VICTIM)
        ]
        failed |= not places or places[0] > top or peak > mebibytes(bound)
        where = f"the server's are at {', '.join(map(str, places[:4]))}" if places else "none is the server's"
        print(f"{view}, {bound}: score peaks at {peak:.0f} MiB; of {len(alerts)} alerts, the highest first, {where}")
        highest = {line for *_, line in alerts[:3]}
        shown = [json.loads(text) for line, text in enumerate(told.open()) if line in highest]
        for alert in sorted(shown, key=lambda alert: -alert["score"]):
            print(f"    {alert['entity']} {alert['score']:.2f}: " + "; ".join(reason["text"] for reason in alert["reasons"][:2]))
sys.exit(failed)
PYTHON
