#!/usr/bin/env bash
# Detection when attacks are in what was taken for benign: trains on a day of 2017QUT_DNP3 whose truth knows all of its attacks, four
# of five, or none, so that 0, about 1 and 4 to 5 % of the rows of training are attacks that nobody knows; judges two other days.
#
# usage: benches/contaminated.sh DIR [BINARY]
#   DIR holds attacks-frequent.pcap.gz, attacks-infrequent.pcap.gz and flooding-infrequent.pcap.gz with their truth. MODELS are
#   what `train --model` takes: each forest and the ensemble unless told otherwise.
set -euo pipefail

# shellcheck source=benches/begin.sh
. "$(dirname "$0")/begin.sh"
begin 1 2 "$@"
dir=$(realpath "$1")
models=${MODELS:-iforest extended sciforest fair-cut ensemble}

# The days to be judged, and the day of training by what its truth leaves out: no attack, every fifth, all.
for day in attacks-infrequent flooding-infrequent; do
    for view in network host; do
        whole_or_cut "$binary" extract "$dir/$day.pcap.gz" --view "$view" --window 30s -o "$work/$view.$day.parquet" 2>/dev/null
    done
done
for unknown in none fifth all; do
    mkdir "$work/$unknown"
    ln -s "$dir/attacks-frequent.pcap.gz" "$dir/attacks-frequent.labels.toml" "$work/$unknown"
    awk -v unknown=$unknown 'NR == 1 || unknown == "none" || (unknown == "fifth" && NR % 5)' \
        "$dir/attacks-frequent.intervals.csv" >"$work/$unknown/attacks-frequent.intervals.csv"
    for view in network host; do
        whole_or_cut "$binary" extract "$work/$unknown/attacks-frequent.pcap.gz" --view "$view" --window 30s \
            -o "$work/$view.$unknown.parquet" 2>/dev/null
        for model in $models; do
            whole_or_cut "$binary" train "$work/$view.$unknown.parquet" --model "$model" -o "$work/model.tw" 2>/dev/null
            "$binary" inspect "$work/model.tw" | grep '^training rows' >"$work/$view.$unknown.rows"
            for day in attacks-infrequent flooding-infrequent; do
                whole_or_cut "$binary" evaluate "$work/model.tw" "$work/$view.$day.parquet" --json 2>/dev/null \
                    >"$work/$view.$unknown.$model.$day.json"
            done
        done
    done
done

python3 - "$work" $models <<'PYTHON'
import json, pathlib, re, sys

work, models = pathlib.Path(sys.argv[1]), sys.argv[2:]
days, cases = ["attacks-infrequent", "flooding-infrequent"], ["none", "fifth", "all"]


def rows(view, case):
    """Rows of training that were taken for benign, and rows that were known as attacks."""
    numbers = re.findall(r"[\d,]+", (work / f"{view}.{case}.rows").read_text())
    return [int(number.replace(",", "")) for number in numbers[:2]]


for view in "network", "host":
    known = rows(view, "none")[1]
    shares = [(known - rows(view, case)[1]) / rows(view, case)[0] for case in cases]
    print(f"{view}: PR-AUC, episodes and false alarms a day at the model's own threshold, by the share of attacks in the training")
    for day in days:
        print(f"{day:48}" + "".join(f"{share:>16.1%}     " for share in shares))
        for model in models:
            cells = []
            for case in cases:
                one = json.loads((work / f"{view}.{case}.{model}.{day}.json").read_text())["overall"]
                found = f"{one['episodes_detected']}/{one['episodes']}"
                cells.append(f"{one['pr_auc']:>8.3f} {found:>6} {one['false_alarms_per_day']:>5.0f}")
            print(f"  {model:46}" + "".join(cells))
    print()
PYTHON
