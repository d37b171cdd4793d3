#!/usr/bin/env bash
# Repeats the detection figures on 2017QUT_DNP3: trains on its two control days and judges its three days with attacks,
# for the network and for every host.
#
# usage: benches/qut_dnp3.sh DIR [BINARY]
#   DIR holds {control-frequent,control-infrequent,attacks-frequent,attacks-infrequent,flooding-infrequent}.pcap.gz,
#   with a .labels.toml beside each day with attacks.
set -euo pipefail

# shellcheck source=benches/begin.sh
. "$(dirname "$0")/begin.sh"
begin 1 2 "$@"
dir=$1

for view in network host; do
    whole_or_cut "$binary" train "$dir"/control-frequent.pcap.gz "$dir"/control-infrequent.pcap.gz \
        --view "$view" --window 30s -o "$work/$view.tw"
    for day in attacks-frequent attacks-infrequent flooding-infrequent; do
        whole_or_cut "$binary" evaluate "$work/$view.tw" "$dir/$day.pcap.gz" --json >"$work/$view.$day.json"
    done
done

python3 - "$work" <<'PYTHON'
import json
import pathlib
import sys

LINE = "{:20} {:28} {:>7} {:>7} {:>9} {:>8} {:>10}"


def ratio(value):
    return "–" if value is None else f"{value:.3f}"


for view in "network", "host":
    print(f"{view}: a row a window of 30 s; prevalence beside the day; false alarms a day")
    print(LINE.format("day", "score", "PR-AUC", "ROC-AUC", "episodes", "delay s", "false/day"))
    for day in "attacks-frequent", "attacks-infrequent", "flooding-infrequent":
        evaluation = json.loads((pathlib.Path(sys.argv[1]) / f"{view}.{day}.json").read_text())
        scores = [("the model", evaluation["overall"])]
        scores += [(f"member {name}", figures) for name, figures in evaluation["members"].items()]
        scores += [(f"baseline {name}", figures) for name, figures in evaluation["baselines"].items()]
        for index, (name, figures) in enumerate(scores):
            delay = figures["detection_delay_s"]["median"]
            print(
                LINE.format(
                    [day, f"  {figures['prevalence']:.4f}"][index] if index < 2 else "",
                    name,
                    ratio(figures["pr_auc"]),
                    ratio(figures["roc_auc"]),
                    f"{figures['episodes_detected']}/{figures['episodes']}",
                    "–" if delay is None else f"{delay:.0f}",
                    f"{figures['false_alarms_per_day']:.1f}",
                )
            )
    print()
PYTHON
