#!/usr/bin/env python3
"""Fills fuzz/corpus with seeds from a folder of captures: seed.py DIR

Small captures as they are, their frames as input of the target `packet`, what those carry as input of `payload`, and the
labels files around. Nothing of it is committed: captures are their owners'.
"""

import gzip, hashlib, pathlib, struct, sys

CORPUS = pathlib.Path(__file__).parent / "corpus"
# As in tests/fuzzed/targets: the places of link types, and of the ports that promise a protocol.
LINKS = {1: 0, 12: 1, 14: 1, 101: 1, 228: 1, 229: 1, 113: 2, 276: 3, 0: 4, 108: 4, 9: 5, 50: 5, 104: 6, 239: 7}
PROMISES = [(17, 53), (6, 53), (17, 5353), (17, 5355), (6, 443), (6, 80), (6, 502), (6, 20000), (6, 102), (17, 20000),
            (17, 443), (6, 8080), (6, 8443), (17, 4789), (17, 2152), (17, 3544)]
FILTERS = ["tcp port 80 or 443", "not (src net 10 and dst net fe80::/10)", "ether src host 02:00:00:00:00:01", "udp dst portrange 1-1023",
           "host 10.0.0.1 and ! icmp6", "less 100 || greater 1000 && proto 47", "vlan or arp or ip6 or sctp or icmp"]
LARGEST = 16 << 10
FRAMES = 12


def put(target, data):
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / hashlib.sha1(data).hexdigest()).write_bytes(data)


def frames(data):
    """Link type and frames of a classic capture."""
    order = {b"\xa1\xb2": ">", b"\xd4\xc3": "<", b"\x4d\x3c": "<"}.get(data[:2])
    if order is None or len(data) < 24:
        return
    link, at = struct.unpack(order + "I", data[20:24])[0] & 0x3FFFFFF, 24
    for _ in range(FRAMES):
        if at + 16 > len(data):
            return
        size = struct.unpack(order + "I", data[at + 8 : at + 12])[0]
        yield link, data[at + 16 : at + 16 + size]
        at += 16 + size


def carried(link, frame):
    """The input of `payload` for a plain IPv4 packet between promised ports."""
    ip = frame[14:] if link == 1 and frame[12:14] == b"\x08\x00" else frame if link == 101 else b""
    if len(ip) < 28 or ip[0] >> 4 != 4:
        return
    ip = ip[: int.from_bytes(ip[2:4], "big") or None]
    head, protocol = ip[(ip[0] & 15) * 4 :], ip[9]
    if len(head) < 20 and (protocol == 6 or len(head) < 8):
        return
    ports = struct.unpack(">HH", head[:4])
    payload = head[(head[12] >> 4) * 4 :] if protocol == 6 else head[8:]
    for reply in (0, 1):
        if payload and (protocol, ports[1 - reply]) in PROMISES:
            put("payload", bytes([PROMISES.index((protocol, ports[1 - reply])), reply]) + payload[:2000])


def main(folder):
    for text in FILTERS:
        put("filter", text.encode())
    for path in sorted(p for p in pathlib.Path(folder).rglob("*") if p.is_file()):
        if path.name.endswith(".labels.toml"):
            put("truth", path.read_bytes() + b"\0start_epoch_s,end_epoch_s,attack\n1476086085.5,1476086086,scan\n\x001;0\n2;1\n")
            continue
        with path.open("rb") as file:
            data = file.read(4 << 20)
        if path.stat().st_size <= LARGEST:
            put("capture", data)
        if data[:2] == b"\x1f\x8b":
            try:
                data = gzip.GzipFile(path).read(1 << 20)
            except (OSError, EOFError):
                continue
        for link, frame in frames(data):
            put("packet", bytes([LINKS.get(link, 8), 0, 40]) + frame)
            carried(link, frame)
            if link == 1 and frame[12:14] in (b"\x08\x00", b"\x86\xdd"):
                put("fast_path", bytes(2) + frame[14:])


if len(sys.argv) != 2:
    sys.exit(__doc__.strip().splitlines()[0])
main(sys.argv[1])
