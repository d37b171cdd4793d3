"""Feeds a watch a made network and times its alerts: see latency.sh, which runs it.

    latency.py BINARY WORK_FOLDER HOSTS WINDOWS

The window's close is when the last byte is written of the two packets that close it: then the watch knows that nothing more will come
into it. Everything after that counts: reading, rows, scores, reasons, the episode, the sink's thread, the file.
"""
import random
import statistics
import struct
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

START = 1_700_000_000 // 30 * 30
WINDOW = 30
QUIET = 12  # windows to train on
SERVERS = [(10, 0, 0, server) for server in range(1, 9)]


def frame(src, sport, dst, dport, flags, size):
    """A TCP segment; without flags a datagram of UDP."""
    mac = lambda address: b"\x02\x00" + bytes(address)
    if flags:
        body = struct.pack(">HHIIBBHHH", sport, dport, 100, 0, 0x50, flags, 1024, 0, 0) + bytes(size)
    else:
        body = struct.pack(">HHHH", sport, dport, 8 + size, 0) + bytes(size)
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0, 64, 6 if flags else 17, 0) + bytes(src) + bytes(dst)
    return mac(dst) + mac(src) + b"\x08\x00" + head + body


def host(number):
    return (10, 1 + number // 62_500, number // 250 % 250, 1 + number % 250)


def records(frames):
    frames.sort(key=lambda one: one[0])
    parts = []
    for at, data in frames:
        parts.append(struct.pack("<IIII", int(at), int(at % 1 * 1e6), len(data), len(data)) + data)
    return b"".join(parts)


def window(number, hosts, scanner):
    """Everybody asks a few times and is answered; a scanner, if there is one, tries a thousand ports."""
    dice = random.Random(number)
    start = START + number * WINDOW
    frames = []
    for one in range(hosts):
        client, server = host(one), SERVERS[one % len(SERVERS)]
        for _ in range(dice.randint(1, 3)):
            at, port = start + dice.random() * 28, dice.randint(40_000, 60_000)
            frames.append((at, frame(client, port, server, 53, 0, dice.randint(30, 60))))
            frames.append((at + 0.001, frame(server, 53, client, port, 0, dice.randint(60, 300))))
    if scanner is not None:
        for port in range(1, 1001):
            at = start + 10 + port / 100
            frames.append((at, frame(scanner, 50_000, SERVERS[0], port, 0x02, 0)))
            frames.append((at + 0.0001, frame(SERVERS[0], port, scanner, 50_000, 0x14, 0)))
    return frames


def closing(number):
    """Two packets that lie so far in the next window that this one is over."""
    at = START + (number + 1) * WINDOW + 1.001
    return records([(at + more, frame(host(0), 40_000, SERVERS[0], 53, 0, 40)) for more in (0.0, 0.001)])


def main():
    binary, work, hosts, windows = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 1)
    model, notices, config = (work / f"{hosts}{end}" for end in (".tw", ".jsonl", ".toml"))
    with (work / "quiet.pcap").open("wb") as quiet:
        quiet.write(head)
        for number in range(QUIET):
            quiet.write(records(window(number, hosts, None)))
    subprocess.run([binary, "train", work / "quiet.pcap", "-o", model, "--alarms-per-day", str(hosts)], check=True, stderr=subprocess.DEVNULL)
    config.write_text(f"[[sink]]\nto = '{notices}'\n")
    notices.touch()
    command = [binary, "watch", model, "--replay", "-", "--config", config, "--listen", "127.0.0.1:0"]
    watch = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)

    def feed(data):
        view = memoryview(data)
        while view:
            view = view[watch.stdin.write(view) :]

    first = head + records(window(QUIET, hosts, None)) + closing(QUIET)
    threading.Thread(target=feed, args=[first], daemon=True).start()
    address = next(line for line in watch.stderr if b"http://" in line).decode().split("http://")[1].split("/")[0]
    threading.Thread(target=watch.stderr.read, daemon=True).start()

    def metrics():
        with urllib.request.urlopen(f"http://{address}/metrics") as page:
            lines = page.read().decode().splitlines()
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}

    while metrics()["tidewatch_windows_total"] < 1:
        time.sleep(0.05)
    took, judged, read = [], [], notices.open("rb")
    for number in range(QUIET + 1, QUIET + 1 + windows):
        scanner = (10, 99, number // 250, 1 + number % 250)
        name = ".".join(map(str, scanner)).encode()
        feed(records(window(number, hosts, scanner)))
        # What lies before the close has to have been taken in, as it would be on a line: this is no test of reading.
        before = -1
        while before != (before := metrics()["tidewatch_packets_read_total"]):
            time.sleep(0.1)
        over = closing(number)
        begun = time.perf_counter()
        feed(over)
        told = b""
        while not (told.endswith(b"\n") and name in told and b'"opened"' in told):
            # Whoever waits for alerts sleeps, and leaves the cores to the watch.
            time.sleep(0.0005)
            told += read.read()
            if time.perf_counter() - begun > 30:
                sys.exit(f"{name.decode()}: no alert, though it tried a thousand ports")
        took.append(time.perf_counter() - begun)
        while metrics()["tidewatch_windows_total"] < number + 1 - QUIET:
            time.sleep(0.01)
        judged.append(metrics()["tidewatch_window_seconds"])
    watch.stdin.close()
    watch.wait()

    def told(name, seconds):
        ordered = sorted(1000 * second for second in seconds)
        p99 = ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))]
        print(f"  {name}: median {statistics.median(ordered):.1f} ms, p99 {p99:.1f} ms, most {ordered[-1]:.1f} ms")

    print(f"{hosts} hosts, {windows} windows")
    told("from a window's close to its alert in the file", took)
    told("to judge the rows of a window", judged)


main()
