#!/usr/bin/env bash
# Compares the packets and bytes of every flow with NFStream's, end by end, on real captures, and explains what differs. Ends
# with 1 if something is not explained.
#
# usage: benches/nfstream.sh CAPTURE...
#   ten captures or more (pcap or pcapng, plain or gz), each of which lies within a window of seven days; flows of two
#   windows are added up. BINARY=target/release/tidewatch; PEERS is where NFStream is installed (see benches/peers.sh).
set -euo pipefail

# shellcheck source=benches/begin.sh
. "$(dirname "$0")/begin.sh"
begin 1 99 "$@"
# shellcheck source=benches/peers.sh
. "$root/benches/peers.sh"
nfstream || { echo "NFStream cannot be installed" >&2; exit 1; }
"$peers/bin/python" "$root/benches/flows.py" "$binary" "$@"
