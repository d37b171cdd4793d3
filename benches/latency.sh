#!/usr/bin/env bash
# How long after a window's close its alert stands in the JSON file, and how long the rows of a window take to be judged: a watch is fed
# a made network, window by window, with a scan in each.
#
# usage: benches/latency.sh [BINARY]
#   HOSTS="1000 10000"; WINDOWS=100 of them each
set -euo pipefail

# shellcheck source=benches/begin.sh
. "$(dirname "$0")/begin.sh"
begin 0 1 "$@"
for hosts in ${HOSTS:-1000 10000}; do
    python3 "$root/benches/latency.py" "$binary" "$work" "$hosts" "${WINDOWS:-100}"
done
