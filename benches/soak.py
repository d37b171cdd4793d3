"""Feeds one watch the same day several times: see soak.sh, which runs it.

    soak.py BINARY WORK_FOLDER MODEL DAY.pcap.gz DAYS

Each repetition lies whole days after the one before, so that hours of the day stay what they are. Memory and open files are those that
/proc has of the process, some twenty times a day.
"""
import collections
import gzip
import json
import statistics
import struct
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

DAY = 86_400
SAMPLES = 20  # a day


def records(path):
    with gzip.open(path, "rb") as file:
        head = file.read(24)
        order = "<" if head[0] in (0xD4, 0x4D) else ">"
        times, parts = [], []
        while len(fields := file.read(16)) == 16:
            seconds, part, captured, wire = struct.unpack(order + "IIII", fields)
            body = file.read(captured)
            if len(body) < captured:
                break
            times.append(seconds)
            parts.append(struct.pack(order + "III", part, captured, wire) + body)
    return head, order, times, parts


def resident(pid):
    """KiB that are resident and no file's, and open files."""
    status = Path(f"/proc/{pid}/status").read_text()
    kib = int(next(line for line in status.splitlines() if line.startswith("RssAnon:")).split()[1])
    return kib, len(list(Path(f"/proc/{pid}/fd").iterdir()))


def main():
    binary, work, model, day, days = sys.argv[1], Path(sys.argv[2]), *sys.argv[3:5], int(sys.argv[5])
    head, order, times, parts = records(day)
    step = -(-(max(times) - min(times) + 60) // DAY) * DAY
    first = min(times)
    notices, config = work / "notices.jsonl", work / "watch.toml"
    notices.unlink(missing_ok=True)
    config.write_text(f"[[sink]]\nto = '{notices}'\n")
    options = ["--config", config, "--evidence", work / "kept", "--evidence-memory", "16MiB", "--listen", "127.0.0.1:0"]
    command = [binary, "watch", model, "--replay", "-", "--learn", work / "rows", *options]
    watch = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    said = []

    def listen():
        for line in watch.stderr:
            said.append(line.decode().rstrip())

    threading.Thread(target=listen, daemon=True).start()
    samples = []
    begun = time.monotonic()
    watch.stdin.write(head)
    for repetition in range(days):
        shift = repetition * step
        for place in range(0, len(parts), len(parts) // SAMPLES):
            piece = range(place, min(place + len(parts) // SAMPLES, len(parts)))
            watch.stdin.write(b"".join(struct.pack(order + "I", times[one] + shift) + parts[one] for one in piece))
            watch.stdin.flush()
            # A browser looks in now and then.
            address = next((line.split("http://")[1].split("/")[0] for line in said if "http://" in line), None)
            if address:
                urllib.request.urlopen(f"http://{address}/state.json").read()
            samples.append((repetition + place / len(parts), *resident(watch.pid)))
    watch.stdin.close()
    watch.wait()
    seconds = time.monotonic() - begun

    print(f"{model.rsplit('/', 1)[-1]}: {days} times {len(parts)} packets of {step // DAY} days, {days * len(parts) / seconds:,.0f} a second")
    for repetition in range(days):
        of = [sample for sample in samples if repetition <= sample[0] < repetition + 1]
        memory, files = [kib for _, kib, _ in of], [count for _, _, count in of]
        print(f"  {repetition + 1:3}: {statistics.mean(memory) / 1024:7.1f} MiB, at most {max(memory) / 1024:7.1f}; {min(files)} to {max(files)} files")
    late = [(at, kib) for at, kib, _ in samples if at >= days / 10]
    slope = statistics.linear_regression([at for at, _ in late], [kib for _, kib in late]).slope
    files = {count for at, _, count in samples if at >= days / 10}
    print(f"  after the first tenth: {slope:+.1f} KiB a repetition; {min(files)} to {max(files)} open files")

    # What was told of each repetition, as if it had been the first.
    told = collections.defaultdict(list)
    for line in notices.read_text().splitlines():
        notice = json.loads(line)
        start = notice["window_start_ns"] // 10**9
        repetition = (start - first) // step
        told[repetition].append((start - repetition * step, notice["event"], notice["entity"], round(notice["score"], 9)))
    second = told[min(1, days - 1)]
    for repetition in range(days):
        here = told[repetition]
        same = len(set(here) & set(second))
        alike = len({notice[:3] for notice in here} & {notice[:3] for notice in second})
        print(f"  {repetition + 1:3}: {len(here)} notices, of the second's {len(second)} {alike} with another or the same score, {same} the same to the ninth digit")
    print("  " + "\n  ".join(said[-4:]))


main()
