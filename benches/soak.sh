#!/usr/bin/env bash
# One watch that sees a day of the plant DAYS times over at full speed, each time a whole number of days later: how much memory it has
# resident and how many files are open after each, and whether the alerts are the same each time.
#
# usage: benches/soak.sh DIR [BINARY]
#   DIR is as for qut_dnp3.sh; DAYS=10; MODELS="tail ensemble", the first of which has no memory of what came before
set -euo pipefail

# shellcheck source=benches/begin.sh
. "$(dirname "$0")/begin.sh"
begin 1 2 "$@"
dir=$1
for model in ${MODELS:-tail ensemble}; do
    choice=()
    [ "$model" = ensemble ] || choice=(--model "$model")
    whole_or_cut "$binary" train "$dir"/control-frequent.pcap.gz "$dir"/control-infrequent.pcap.gz --window 30s "${choice[@]}" \
        -o "$work/$model.tw" 2>/dev/null
    python3 "$root/benches/soak.py" "$binary" "$work" "$work/$model.tw" "$dir/attacks-frequent.pcap.gz" "${DAYS:-10}"
done
