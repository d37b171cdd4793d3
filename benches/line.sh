#!/usr/bin/env bash
# What a watch loses, beside tcpdump that writes nothing: a capture is sent through a pair of virtual interfaces as fast as tcpreplay can,
# to one and then to the other, with one ring and with two, twice. Needs root, iproute2, tcpreplay and tcpdump.
#
# usage: benches/line.sh CAPTURE MODEL [BINARY]
#   CAPTURE is one of Ethernet frames, of at most 1,500 bytes of payload; MODEL any model of windows.
set -euo pipefail

# shellcheck source=benches/begin.sh
. "$(dirname "$0")/begin.sh"
begin 2 3 "$@"
capture=$1 model=$2
from=tidewatch-from-$$ to=tidewatch-to-$$
trap 'ip netns del "$from" 2>/dev/null || true; ip netns del "$to" 2>/dev/null || true; rm -rf "$work"' EXIT

ip netns add "$from"
ip netns add "$to"
ip link add sent netns "$from" type veth peer name heard netns "$to"
for end in "$from sent" "$to heard"; do
    read -r space interface <<<"$end"
    # Without IPv6 the line is silent but for what is sent.
    ip netns exec "$space" sysctl -qw net.ipv6.conf.all.disable_ipv6=1
    ip -n "$space" link set "$interface" up
done

for who in tcpdump 'tidewatch --rings 1' 'tidewatch --rings 2' tcpdump 'tidewatch --rings 1' 'tidewatch --rings 2'; do
    if [ "$who" = tcpdump ]; then
        ip netns exec "$to" tcpdump -i heard -w /dev/null 2>"$work/said" &
    else
        # shellcheck disable=SC2086 # the options are words
        ip netns exec "$to" "$binary" watch "$model" -i heard ${who#tidewatch} >/dev/null 2>"$work/said" &
    fi
    listener=$!
    sleep 2
    echo "$who"
    ip netns exec "$from" tcpreplay -q -K -t --loop 3 -i sent "$capture" 2>/dev/null | grep -E '^(Actual|Rated)' | sed 's/^/  /'
    sleep 2
    awk -v hertz="$(getconf CLK_TCK)" '{ printf "  %.2f s of processors\n", ($14 + $15) / hertz }' "/proc/$listener/stat"
    kill -INT "$listener"
    wait "$listener" || true
    grep -E 'packets (read|captured|dropped)|kernel dropped' "$work/said" | cut -d';' -f1 | sed 's/^/  /'
done
