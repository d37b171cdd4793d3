"""What `benches/nfstream.sh` runs in NFStream's environment: packets and bytes of every flow, tidewatch's beside NFStream's.

usage: flows.py BINARY CAPTURE...
Ends with 1 if a difference is not explained, or if fewer than ten captures are named.
"""

import collections
import csv
import gzip
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import warnings

warnings.filterwarnings("ignore")
from nfstream import NFStreamer  # noqa: E402

FEWEST = 10
# The longest that tidewatch has, so that flows lie within one.
WINDOW = "7d"
# Longer than any capture: NFStream shall end no flow before it ends.
TIMEOUT_S = 10_000_000
# What tidewatch calls the protocols of IP whose ports or types it reads; the others are all "ip".
NAMES = {1: "icmp", 6: "tcp", 17: "udp", 33: "dccp", 58: "icmp", 132: "sctp", 136: "udp-lite"}
NOT_IP = ("arp", "frame")
NOBODY = ("0.0.0.0", "::")
MAC = re.compile("(?:[0-9a-f]{2}:){5}[0-9a-f]{2}")
# A MAC for a host without an address, an address of either version, and perhaps a port.
END = re.compile(rf"({MAC.pattern}|\[[0-9a-f:.]+\]|[0-9.]+|[0-9a-f:.]+)(?::([0-9]+))?")
LINE = "{:46} {:>9} {:>9} {:>9} {:>9} {:>9}"


class Flow:
    """What each end of a flow sent."""

    def __init__(self):
        self.sent = collections.Counter()
        self.fragments = 0
        self.windows = set()

    def add(self, end, packets, octets):
        self.sent[end, "packets"] += int(packets)
        self.sent[end, "bytes"] += int(octets)

    def same(self, other):
        return +self.sent == +other.sent


def end(text):
    """The address and the port of `10.0.0.1:80`, `[fe80::1]:80`, `02:00:00:00:00:01:68` or of an address alone."""
    address, port = END.fullmatch(text).groups()
    return address.strip("[]"), int(port or 0)


def ours(binary, capture, folder):
    """The flows of tidewatch, by protocol and both ends."""
    rows = folder / "flows.csv"
    options = ["-o", rows, "--view", "flow", "--window", WINDOW, "--lateness", WINDOW]
    done = subprocess.run([binary, "extract", capture, *options], capture_output=True, text=True)
    if done.returncode not in (0, 3):
        sys.exit(f"{binary} extract {capture}: {done.stderr}")
    flows = collections.defaultdict(Flow)
    with rows.open() as file:
        for row in csv.DictReader(file):
            protocol, _, ends = row["entity"].partition(" ")
            client, server = (end(text) for text in re.split(" >>? ", ends))
            flow = flows[protocol, *sorted((client, server))]
            flow.windows.add(row["window_start_ns"])
            flow.fragments += int(float(row["fragments"]))
            flow.add(client, float(row["packets_out"]), float(row["bytes_out"]))
            flow.add(server, float(row["packets_in"]), float(row["bytes_in"]))
    return flows


def theirs(capture):
    """The flows of NFStream, by the same."""
    flows = collections.defaultdict(Flow)
    # Accounting mode 0 counts bytes from the link layer on, as tidewatch does.
    options = {"accounting_mode": 0, "n_dissections": 0, "n_meters": 1, "decode_tunnels": True}
    for flow in NFStreamer(source=str(capture), idle_timeout=TIMEOUT_S, active_timeout=TIMEOUT_S, **options):
        # Who has no address yet is named by the MAC.
        source = (flow.src_mac if flow.src_ip in NOBODY else flow.src_ip, flow.src_port)
        target = (flow.dst_mac if flow.dst_ip in NOBODY else flow.dst_ip, flow.dst_port)
        merged = flows[NAMES.get(flow.protocol, "ip"), *sorted((source, target))]
        merged.add(source, flow.src2dst_packets, flow.src2dst_bytes)
        merged.add(target, flow.dst2src_packets, flow.dst2src_bytes)
    return flows


def beside(key, flows):
    """What hosts without an address sent to the same end as in `key`, and what that sent to them."""
    protocol, *ends = key
    sent = collections.Counter()
    for (of, *between), flow in flows.items():
        known = [end for end in between if not MAC.fullmatch(end[0])]
        ports = [port for address, port in between if MAC.fullmatch(address)]
        if of == protocol and known == [end for end in ends if not MAC.fullmatch(end[0])]:
            if ports == [port for address, port in ends if MAC.fullmatch(address)]:
                for (end, what), count in flow.sent.items():
                    sent[end in known, what] += count
    return +sent


def explained(key, mine, peers):
    """Why a flow differs; none if that is not known."""
    protocol, *ends = key
    if protocol in NOT_IP and key not in peers:
        return "not IP, of which NFStream makes no flows"
    if key in mine and key in peers and mine[key].fragments:
        more = {name: count - peers[key].sent[name] for name, count in mine[key].sent.items()}
        packets = sum(count for (_, what), count in more.items() if what == "packets")
        if min(more.values()) >= 0 and 0 < packets < mine[key].fragments:
            return "later fragments, which tidewatch counts to the flow of their first and NFStream leaves out"
    # DHCP of several hosts which call themselves 0.0.0.0.
    if any(MAC.fullmatch(address) for address, _ in ends) and beside(key, mine) == beside(key, peers):
        return "hosts without an address are one to NFStream; tidewatch tells them apart by their MACs"
    return None


def compare(binary, capture):
    """Prints what a capture's flows are like; gives how many differences are not explained, and how many flows that lie
    within one window are equal."""
    with tempfile.TemporaryDirectory() as name:
        folder, plain = pathlib.Path(name), pathlib.Path(capture)
        if plain.suffix == ".gz":
            plain = folder / plain.stem
            with gzip.open(capture) as packed, plain.open("wb") as file:
                shutil.copyfileobj(packed, file, 1 << 20)
        mine, peers = ours(binary, plain, folder), theirs(plain)
    equal = [key for key in mine if key in peers and mine[key].same(peers[key])]
    differing = sorted((mine.keys() | peers.keys()) - set(equal), key=str)
    reasons = {key: explained(key, mine, peers) for key in differing}
    # Counts add over windows, so a flow that windows split is compared all the same; how many there are is told.
    split = sum(len(mine[key].windows) > 1 for key in equal)
    name = "/".join(pathlib.Path(capture).parts[-3:])[-46:]
    print(LINE.format(name, len(mine), len(peers), len(equal), split, len(differing)))
    for reason, count in collections.Counter(filter(None, reasons.values())).items():
        print(f"    {count}: {reason}")
    strange = [key for key in differing if reasons[key] is None]
    for key in strange:
        told = [dict(flows[key].sent) if key in flows else "none" for flows in (mine, peers)]
        print(f"    NOT EXPLAINED: {key}: tidewatch {told[0]}, NFStream {told[1]}")
    return len(strange), len(equal) - split


def main():
    binary, *captures = sys.argv[1:]
    print(LINE.format("flows", "tidewatch", "NFStream", "equal", "split", "other"))
    strange, equal = (sum(column) for column in zip(*(compare(binary, capture) for capture in captures)))
    print(f"{equal} flows within one window are equal in the packets and bytes of both ends;", end=" ")
    print(f"{strange} differences are not explained")
    if len(captures) < FEWEST:
        print(f"{len(captures)} captures are too few: name {FEWEST}", file=sys.stderr)
    sys.exit(1 if strange or len(captures) < FEWEST else 0)


if __name__ == "__main__":
    main()
