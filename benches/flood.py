"""Makes what `benches/flood.sh` measures: a quiet hour, and ten minutes in which a flood of SYNs from as many sources as are
asked for meets one server for a minute. Half of the sources have IPv4 addresses, half IPv6; each sends one packet.

usage: flood.py FOLDER SOURCES
Writes quiet.pcap and flood.pcap. The same arguments give the same bytes.
"""

import array
import pathlib
import random
import struct
import sys

START_S = 1_767_225_600  # 2026-01-01, the beginning of a window of any usual length
QUIET_S = 3600
LATER_S = 86_400
DAY_S = 600
FLOOD_S = range(240, 300)
CLIENTS = range(10, 40)
# By the last byte of their addresses: a resolver, three servers; the first of these is flooded.
RESOLVER, SERVERS, VICTIM = 53, (80, 81, 82), 80
SYN, ACK, FIN, PSH = 2, 16, 1, 8
TCP, UDP = 6, 17


def pcap_header():
    return struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)


def frame(src, dst, v6, protocol, transport):
    """A frame of Ethernet; hosts are named by the last byte of their addresses."""
    ether = bytes([2, 0, 0, 0, 0, dst, 2, 0, 0, 0, 0, src])
    if v6:
        ends = bytes.fromhex("fd000000000000000000000000000000")[:-1]
        head = struct.pack("!IHBB", 6 << 28, len(transport), protocol, 64) + ends + bytes([src]) + ends + bytes([dst])
        return ether + b"\x86\xdd" + head + transport
    head = struct.pack("!BBHHHBBH4B4B", 0x45, 0, 20 + len(transport), 0, 0, 64, protocol, 0, 10, 0, 0, src, 10, 0, 0, dst)
    return ether + b"\x08\x00" + head + transport


def tcp(src, dst, seq, ack, flags, payload=b""):
    return TCP, struct.pack("!HHIIBBHHH", src, dst, seq, ack, 0x50, flags, 64_000, 0, 0) + payload


def udp(src, dst, payload):
    return UDP, struct.pack("!HHHH", src, dst, 8 + len(payload), 0) + payload


def question(rng, answer):
    """A message of DNS for one of a few names."""
    name = b"\x03www" + bytes([5]) + rng.choice([b"alpha", b"gamma", b"delta", b"sigma"]) + b"\x03lan\0"
    flags, answers = (0x8180, 1) if answer else (0x0100, 0)
    told = b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\x0a\0\0\x50" if answer else b""
    return struct.pack("!HHHHHH", rng.randrange(1 << 16), flags, 1, answers, 0, 0) + name + b"\0\x01\0\x01" + told


def conversation(rng, client, at_us):
    """A question to the resolver, then a request to a server."""
    v6, port, server = rng.random() < 0.3, rng.randrange(32_768, 61_000), rng.choice(SERVERS)
    yield at_us, frame(client, RESOLVER, v6, *udp(port, 53, question(rng, False)))
    at_us += rng.randrange(500, 3_000)
    yield at_us, frame(RESOLVER, client, v6, *udp(53, port, question(rng, True)))
    mine, theirs = rng.randrange(1 << 31), rng.randrange(1 << 31)

    def segment(up, flags, payload=b""):
        nonlocal at_us, mine, theirs
        at_us += rng.randrange(200, 2_000)
        ends = (client, server) if up else (server, client)
        ports = (port, 443) if up else (443, port)
        seq, ack = (mine, theirs) if up else (theirs, mine)
        packet = at_us, frame(*ends, v6, *tcp(*ports, seq, ack, flags, payload))
        step = len(payload) + bool(flags & (SYN | FIN))
        mine, theirs = (mine + step, theirs) if up else (mine, theirs + step)
        return packet

    yield segment(True, SYN)
    yield segment(False, SYN | ACK)
    yield segment(True, ACK)
    for _ in range(rng.randrange(1, 4)):
        yield segment(True, PSH | ACK, rng.randbytes(rng.randrange(80, 400)))
        for _ in range(rng.randrange(1, 6)):
            yield segment(False, ACK, rng.randbytes(rng.randrange(400, 1400)))
        yield segment(True, ACK)
    yield segment(True, FIN | ACK)
    yield segment(False, FIN | ACK)
    yield segment(True, ACK)


def background(seed, start_s, seconds):
    """The packets of a quiet time, sorted, as records of a capture with their microseconds."""
    rng = random.Random(seed)
    packets = []
    for client in CLIENTS:
        at_s = rng.expovariate(0.2)
        while at_s < seconds - 1:
            packets += conversation(rng, client, int(at_s * 1e6))
            at_s += rng.expovariate(0.2)
    packets.sort(key=lambda packet: packet[0])
    for at_us, frame in packets:
        seconds_part, micros = divmod(at_us, 1_000_000)
        size = len(frame)
        yield at_us, struct.pack("<IIII", start_s + seconds_part, micros, size, size) + frame


class Flood:
    """SYNs as records of a capture, from an IPv4 and an IPv6 source by turns; a part of them is filled in column by column."""

    def __init__(self):
        syn = tcp(0, 443, 0, 0, SYN)
        frames = [frame(0, VICTIM, v6, *syn) for v6 in (False, True)]
        records = [struct.pack("<IIII", 0, 0, len(one), len(one)) + one for one in frames]
        records[1] = records[1].replace(bytes.fromhex("fd00"), bytes.fromhex("2001"), 1)
        self.four, self.both = len(records[0]), b"".join(records)

    def part(self, first, pairs, at_us):
        """`pairs` of records at a time; the sources are the numbers from `first` on, scattered over all addresses."""
        part, size = bytearray(self.both * pairs), len(self.both)
        # An odd factor permutes the numbers below a power of two, so that no source comes twice: 128.0.0.0/2 and 2001::/98.
        numbers = array.array("I", (1 << 31 | i * 2_654_435_761 & 0x3FFF_FFFF for i in range(first, first + pairs)))
        if sys.byteorder == "little":
            numbers.byteswap()
        columns = [numbers.tobytes()[byte::4] for byte in range(4)]
        seconds_part, micros = divmod(at_us, 1_000_000)
        clock = struct.pack("<II", START_S + LATER_S + seconds_part, micros)
        for record, address, ports in (0, 16 + 14 + 12, 16 + 14 + 20), (self.four, 16 + 14 + 8 + 12, 16 + 14 + 40):
            for byte in range(8):
                part[record + byte :: size] = bytes([clock[byte]]) * pairs
            for byte in range(4):
                part[record + address + byte :: size] = columns[byte]
            for byte in range(2):
                part[record + ports + byte :: size] = columns[byte + 1]
            for byte in range(4):
                part[record + ports + 4 + byte :: size] = columns[3 - byte]
        return part


def main():
    folder, sources = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    with (folder / "quiet.pcap").open("wb") as file:
        file.write(pcap_header())
        for _, record in background(1, START_S, QUIET_S):
            file.write(record)
    flood, sent, pairs = Flood(), 0, sources // 2
    first_us, last_us = FLOOD_S.start * 1_000_000, FLOOD_S.stop * 1_000_000
    with (folder / "flood.pcap").open("wb") as file:
        file.write(pcap_header())

        def until(at_us):
            nonlocal sent
            due = pairs * (min(at_us, last_us) - first_us) // (last_us - first_us)
            while sent < due:
                part = min(due - sent, 4096)
                file.write(flood.part(sent, part, first_us + sent * (last_us - first_us) // pairs))
                sent += part

        for at_us, record in background(2, START_S + LATER_S, DAY_S):
            until(at_us)
            file.write(record)


if __name__ == "__main__":
    main()
