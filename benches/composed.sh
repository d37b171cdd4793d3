#!/usr/bin/env bash
# Repeats the detection figures on composed networks: household devices that come and go, and captured attacks that are injected at
# full speed and slowed down 40 times. Trains on a quiet day, judges a mixed one, a slow one, and another quiet one.
#
# usage: benches/composed.sh COMPOSE DATA [SEEDS] [BINARY]
#   COMPOSE is the script that composes a day (make_composite.py), DATA the folder of captures that it takes them from,
#   with iot_sentinel, slips and lucid; SEEDS is how many networks are composed (5).
set -euo pipefail

# shellcheck source=benches/begin.sh
. "$(dirname "$0")/begin.sh"
begin 2 4 "$@"
compose=$1 data=$2 seeds=${3:-5}

attacks=(
    --attack "ssh-bruteforce=$data/slips/test19-malicious-ssh/malicious-ssh-bruteforce.pcap@147.32.80.40"
    --attack "icmp-scan=$data/slips/test12-icmp-portscan.pcap@192.168.1.109"
    --attack "webddos=$data/lucid/CIC-DDoS-2019-WebDDoS.pcap@172.16.0.5"
    --attack "malware=$data/slips/test7-malicious.pcap"
)
for seed in $(seq "$seeds"); do
    day() { python3 "$compose" "$data/iot_sentinel" "$work/$1" --seed "$2" "${@:3}" >/dev/null; }
    day quiet "$seed"
    day mixed $((seed + 10)) "${attacks[@]}"
    day slow $((seed + 10)) --slow 40 "${attacks[@]}"
    day other $((seed + 20))
    for window in 30s 300s; do
        for day in quiet mixed slow other; do
            "$binary" extract "$work/$day.pcap" --view host --window "$window" -o "$work/$day.parquet" 2>/dev/null
        done
        "$binary" train "$work/quiet.parquet" -o "$work/model.tw" 2>/dev/null
        # All composed days begin at the same time, and share nothing else.
        for day in mixed slow other; do
            "$binary" evaluate "$work/model.tw" "$work/$day.parquet" --allow-overlap --json >"$work/$window.$day.$seed.json" 2>/dev/null
        done
    done
    rm -f "$work"/*.pcap
    echo "network $seed of $seeds" >&2
done

python3 - "$work" <<'PYTHON'
import glob, json, statistics, sys

mean = lambda values: statistics.mean(values) if values else float("nan")
print("host view; means over the composed networks; episodes and false alarms at the model's own threshold for one a day")
print(f"{'window':8}{'day':8}{'':10}{'prevalence':>11}{'PR-AUC':>8}{'ROC-AUC':>9}{'episodes':>11}   false alarms a day")
for window in ["30s", "300s"]:
    for day in ["mixed", "slow", "other"]:
        found = [json.load(open(name)) for name in sorted(glob.glob(f"{sys.argv[1]}/{window}.{day}.*.json"))]
        voices = {"the model": [one["overall"] for one in found]}
        voices |= {name: [one["members"][name] for one in found] for name in found[0]["members"]}
        for name, figures in voices.items():
            false = "/".join(f"{one['false_alarms_per_day']:.0f}" for one in figures)
            if day == "other":
                if name == "the model":
                    print(f"{window:8}{day:8}{name:10}{'':39}   {false}")
                continue
            pr, roc, prevalence = (mean([one[key] for one in figures]) for key in ["pr_auc", "roc_auc", "prevalence"])
            episodes = "/".join(str(sum(one[key] for one in figures)) for key in ["episodes_detected", "episodes"])
            print(f"{window:8}{day:8}{name:10}{prevalence:11.3f}{pr:8.3f}{roc:9.3f}{episodes:>11}   {false}")
PYTHON
