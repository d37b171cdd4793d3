#!/usr/bin/env bash
# Repeats the detection figures on 2017QUT_DNP3: trains on its two control days and judges its three days with attacks,
# for the network and for every host.
#
# usage: benches/qut_dnp3.sh DIR [BINARY]
#   DIR holds {control-frequent,control-infrequent,attacks-frequent,attacks-infrequent,flooding-infrequent}.pcap.gz,
#   with a .labels.toml beside each day with attacks. WINDOW is the windows' length in seconds, 30 unless set.
#
# Beside each view, what the labels cost: intervals with a second of slack on both sides, and the attackers' addresses, make an
# attack row of what is one ordinary packet in that second, and a benign row of what victims do to find their way back.
set -euo pipefail

# shellcheck source=benches/begin.sh
. "$(dirname "$0")/begin.sh"
begin 1 2 "$@"
# shellcheck source=benches/peers.sh
source "$root/benches/peers.sh"
tables
dir=$1
window=${WINDOW:-30}

for view in network host; do
    whole_or_cut "$binary" train "$dir"/control-frequent.pcap.gz "$dir"/control-infrequent.pcap.gz \
        --view "$view" --window "${window}s" -o "$work/$view.tw"
    for day in attacks-frequent attacks-infrequent flooding-infrequent; do
        whole_or_cut "$binary" evaluate "$work/$view.tw" "$dir/$day.pcap.gz" --json >"$work/$view.$day.json"
        whole_or_cut "$binary" score "$work/$view.tw" "$dir/$day.pcap.gz" -o "$work/$view.$day.parquet" >/dev/null
    done
done

"$peers/bin/python" - "$work" "$window" <<'PYTHON'
import json
import pathlib
import statistics
import sys

import polars

work, window = pathlib.Path(sys.argv[1]), int(sys.argv[2])
DAYS = "attacks-frequent", "attacks-infrequent", "flooding-infrequent"
LINE = "{:20} {:28} {:>7} {:>7} {:>9} {:>8} {:>10}"


def ratio(value):
    return "–" if value is None else f"{value:.3f}"


def precision(rows):
    """Average precision, and how many rows are false alarms."""
    steps = rows.group_by("score").agg(polars.col("attack").sum(), polars.len()).sort("score", descending=True)
    steps = steps.with_columns(precision=polars.col("attack").cum_sum() / polars.col("len").cum_sum())
    average = (steps["precision"] * steps["attack"]).sum() / steps["attack"].sum()
    return average, rows.filter(polars.col("alert") & ~polars.col("attack")).height


def told(rows):
    """Rows with what their labels say, and whether each lies within two windows of an attack on the same entity."""
    rows = rows.select("window_start_ns", "entity", "attack_packets", "score", "alert", attack=polars.col("label").is_not_null())
    at = polars.col("window_start_ns")
    when = rows.filter("attack").select("entity", "window_start_ns", attacked=at)
    rows, when = rows.sort("window_start_ns"), when.sort("window_start_ns")
    for strategy in "backward", "forward":
        joined = rows.join_asof(when, on="window_start_ns", by="entity", strategy=strategy, check_sortedness=False)
        rows = joined.rename({"attacked": strategy})
    near = 2 * window * 10**9
    beside = ((at - polars.col("backward") <= near) | (polars.col("forward") - at <= near)).fill_null(False)
    return rows.with_columns(beside=beside & ~polars.col("attack"))


for view in "network", "host":
    print(f"{view}: a row a window of {window} s; prevalence beside the day; false alarms a day")
    print(LINE.format("day", "score", "PR-AUC", "ROC-AUC", "episodes", "delay s", "false/day"))
    for day in DAYS:
        evaluation = json.loads((work / f"{view}.{day}.json").read_text())
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
    days = [told(polars.read_parquet(work / f"{view}.{day}.parquet")) for day in DAYS]
    # An attack's row of a single packet that one row in a thousand is as strange as.
    lone = polars.col("attack") & (polars.col("attack_packets") == 1) & (polars.col("score") < 3)
    beside = polars.col("beside")
    for name, without in [
        ("all rows", polars.lit(False)),
        ("without ordinary rows that are labelled for one packet", lone),
        ("without rows within two windows of an attack", beside),
        ("without both", lone | beside),
    ]:
        kept = [precision(day.filter(~without)) for day in days]
        left = sum(day.filter(without).height for day in days)
        mean = statistics.mean(average for average, _ in kept)
        print(f"{name} ({left}): mean PR-AUC {mean:.4f}, false alarms {', '.join(str(alarms) for _, alarms in kept)}")
    print()
PYTHON
