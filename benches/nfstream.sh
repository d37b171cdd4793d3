#!/usr/bin/env bash
# Compares the packets and bytes of every flow with NFStream's, end by end, on real captures, and explains what differs. Ends
# with 1 if something is not explained.
#
# usage: benches/nfstream.sh CAPTURE...
#   ten captures or more (pcap or pcapng, plain or gz), each of which lies within a window of seven days; flows of two
#   windows are added up. BINARY=target/release/tidewatch; PEERS is where NFStream is installed (see benches/peers.sh).
set -euo pipefail

if [ $# -lt 1 ]; then
    sed -n '/^# usage/,/^set/s/^# //p' "$0" >&2
    exit 2
fi
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
binary=${BINARY:-${CARGO_TARGET_DIR:-$root/target}/release/tidewatch}
if [ ! -x "$binary" ]; then
    echo "$binary: no such program; hint: cargo build --release" >&2
    exit 1
fi
# shellcheck source=benches/peers.sh
. "$root/benches/peers.sh"
nfstream || { echo "NFStream cannot be installed" >&2; exit 1; }
exec "$peers/bin/python" "$root/benches/flows.py" "$binary" "$@"
