#!/usr/bin/env python3
"""Drives the page of a watch in a headless Chromium: a port scan that is put into a quiet day stands there as an episode within two
windows, with its reasons, and its packets can be had; what the network says does not run; nobody gets in without the token; nothing
that axe-core finds fault with, no console message, no request to anywhere else.

    .ci/watch.py QUIET.pcap MODEL WORK_FOLDER

QUIET.pcap is the day that MODEL was trained on; it is watched as if it were the day after. TIDEWATCH names the program. What
the page looks like is left in WORK_FOLDER.
"""
import json
import os
import shutil
import struct
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect, sync_playwright

DAY = 86_400
WINDOW = 30
SCANNER, VICTIM = (192, 168, 10, 250), (192, 168, 10, 20)
PORTS = 300
MARKUP = "<img src=x onerror=ran=1>"
PATIENCE_MS = 300_000  # against waiting for ever; nothing is measured by it


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    return ~(total + (total >> 16)) & 0xFFFF


def ethernet(src, dst, protocol, payload):
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0, bytes(src), bytes(dst))
    head = head[:10] + struct.pack(">H", checksum(head)) + head[12:]
    mac = lambda address: bytes([2, 0, 0, 0, 0, address[3]])
    return mac(dst) + mac(src) + b"\x08\x00" + head + payload


def tcp(src, sport, dst, dport, flags):
    return ethernet(src, dst, 6, struct.pack(">HHIIBBHHH", sport, dport, 100, 0, 0x50, flags, 1024, 0, 0))


def question(name):
    label = name.encode()
    dns = struct.pack(">HHHHHH", 7, 0x0100, 1, 0, 0, 0) + bytes([len(label)]) + label + b"\0\0\1\0\1"
    return ethernet(SCANNER, VICTIM, 17, struct.pack(">HHHH", 40_000, 53, 8 + len(dns), 0) + dns)


def scan(start):
    """Asks one port after the other, in some ten seconds of a window; and what a name of markup means."""
    yield start + 4.0, question(MARKUP)
    for port in range(1, PORTS + 1):
        yield start + 5 + port / 30, tcp(SCANNER, 50_000, VICTIM, port, 0x02)
        yield start + 5 + port / 30 + 0.0002, tcp(VICTIM, port, SCANNER, 50_000, 0x14)


def frames(path):
    data = path.read_bytes()
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    unit = 1e-9 if struct.unpack(order + "I", data[:4])[0] == 0xA1B23C4D else 1e-6
    at = 24
    while at < len(data):
        seconds, part, captured, _ = struct.unpack_from(order + "IIII", data, at)
        yield seconds + part * unit, data[at + 16 : at + 16 + captured]
        at += 16 + captured


def record(time, frame):
    return struct.pack("<IIII", int(time), int(time % 1 * 1e6), len(frame), len(frame)) + frame


class Watch:
    """A watch of what it is fed."""

    def __init__(self, work, records, *options):
        command = [os.environ["TIDEWATCH"], "watch", f"{MARKUP}.tw", "--replay", "-", *options]
        self.child = subprocess.Popen(command, cwd=work, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        # It serves once it knows what it watches; whoever writes must not wait for it meanwhile.
        head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 1)
        threading.Thread(target=self.feed, args=[head + records], daemon=True).start()
        said = []
        for line in self.child.stderr:
            said.append(line.decode())
            if "a page at http://" in said[-1]:
                break
        assert said and "a page at http://" in said[-1], said
        self.address = "http://127.0.0.1:" + said[-1].split("http://")[1].split("/")[0].rsplit(":", 1)[1]
        threading.Thread(target=self.child.stderr.read, daemon=True).start()
        self.notices = threading.Thread(target=lambda: setattr(self, "told", self.child.stdout.read()), daemon=True)
        self.notices.start()

    def feed(self, data):
        self.child.stdin.write(data)
        self.child.stdin.flush()

    def get(self, path, **headers):
        try:
            with urllib.request.urlopen(urllib.request.Request(self.address + path, headers=headers)) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def end(self):
        self.child.stdin.close()
        self.child.wait()
        self.notices.join()


class Listener:
    """What a page says and asks for."""

    def __init__(self, page, address):
        self.said, self.asked, self.address = [], [], address
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("request", lambda request: self.asked.append(request.url))

    def check(self):
        assert not self.said, self.said
        elsewhere = [url for url in self.asked if not url.startswith(self.address + "/")]
        assert not elsewhere, elsewhere


def accessible(page, what):
    violations = Axe().run(page).response["violations"]
    told = [(v["id"], [n["html"][:200] for n in v["nodes"]][:3]) for v in violations]
    assert not violations, what + json.dumps(told, indent=1)


def spoiled(value):
    """The same with markup in every text."""
    if isinstance(value, dict):
        keep = ("started", "ended", "event")
        return {key: one if key in keep else spoiled(one) for key, one in value.items()}
    if isinstance(value, list):
        return [spoiled(one) for one in value]
    return MARKUP + "<script>ran=1</script>" if isinstance(value, str) else value


def shows_the_scan(browser, watch, work):
    page = browser.new_context(viewport={"width": 1200, "height": 900}).new_page()
    page.set_default_timeout(PATIENCE_MS)
    heard = Listener(page, watch.address)
    page.goto(watch.address)
    scanner = ".".join(map(str, SCANNER))
    episode = page.locator("#open .episode", has=page.get_by_role("heading", name=scanner, exact=True))
    expect(episode).to_be_visible(timeout=PATIENCE_MS)
    reasons = episode.locator(".reasons li").all_inner_texts()
    assert any("port" in reason for reason in reasons), reasons
    assert ".".join(map(str, VICTIM)) in episode.locator(".ends").inner_text()
    while b"tidewatch_evidence_written_total 0" in watch.get("/metrics")[1]:
        page.wait_for_timeout(50)
    with page.expect_download() as download:
        episode.get_by_role("link", name="packets of").click()
    kept = work / "kept-by-the-browser.pcapng"
    download.value.save_as(kept)
    if shutil.which("tshark"):
        asked = ["tshark", "-r", str(kept), "-Y", "tcp.flags.syn==1 && tcp.flags.ack==0", "-T", "fields", "-e", "tcp.dstport"]
        ports = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.split()
        assert sorted(map(int, ports)) == list(range(1, PORTS + 1)), f"{len(ports)} of the scan's packets are kept"
    else:
        print("skipped: there is no tshark to open the packets", file=sys.stderr)
    episode.get_by_role("button", name=f"mute alerts like that of {scanner}").click()
    expect(page.locator("#said")).to_contain_text("are muted from now on", timeout=PATIENCE_MS)
    expect(episode.locator(".opinion")).to_contain_text("Called benign", timeout=PATIENCE_MS)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": 1200, "height": 900})
        accessible(page, scheme)
        page.screenshot(path=work / f"page-{scheme}.png", full_page=True)
        page.set_viewport_size({"width": 375, "height": 800})
        page.wait_for_timeout(100)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "a telephone is too narrow for it"
        accessible(page, f"{scheme}, narrow")
        page.screenshot(path=work / f"page-{scheme}-narrow.png", full_page=True)
    assert page.evaluate("typeof ran") == "undefined" and page.locator("img").count() == 0
    state = json.loads(watch.get("/state.json")[1])
    for episode in state["episodes"]["open"]:
        state["episodes"]["closed"].append(episode)
    state["version"] += 1000
    page.route("**/state.json", lambda route: route.fulfill(json=spoiled(state)))
    expect(page.get_by_role("heading", level=1)).to_contain_text(MARKUP, timeout=PATIENCE_MS)
    expect(page.locator("#closed .episode").first).to_contain_text(MARKUP, timeout=PATIENCE_MS)
    assert page.evaluate("typeof ran") == "undefined" and page.locator("img").count() == 0, "what the network says ran"
    heard.check()
    page.context.close()


def keeps_strangers_out(browser, watch, work):
    for path in ("/", "/state.json", "/metrics", "/health", "/ready", "/evidence/0011223344556677.pcapng", "/login", "/etc/passwd"):
        assert watch.get(path)[0] == 401, path
        assert watch.get(path, Cookie="tidewatch=1", Authorization="Bearer wrong", Host="localhost")[0] == 401, path
        assert watch.get(path + "?token=s3cret")[0] == 401, path
    page = browser.new_context(viewport={"width": 900, "height": 700}).new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(watch.address)
    accessible(page, "door")
    page.get_by_label("token").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("That is not the token.", timeout=PATIENCE_MS)
    accessible(page, "door, wrong")
    page.screenshot(path=work / "door.png")
    page.get_by_label("token").fill("s3cret")
    heard = Listener(page, watch.address)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("standard input", timeout=PATIENCE_MS)
    [cookie] = page.context.cookies()
    assert cookie["httpOnly"] and cookie["sameSite"] == "Strict" and "s3cret" not in cookie["value"], cookie
    heard.check()
    page.context.close()


def main():
    quiet, model, work = (Path(argument).resolve() for argument in sys.argv[1:])
    work.mkdir(parents=True, exist_ok=True)
    shutil.copy(model, work / f"{MARKUP}.tw")
    (work / "token").write_text("s3cret\n")
    day = [(time + DAY, frame) for time, frame in frames(quiet)]
    scanned = (int(day[0][0]) // WINDOW + 60) * WINDOW
    # The window of the scan, and the next, and of the one behind it so much that both are over.
    until = scanned + 2 * WINDOW + 5
    fed = [frame for frame in [*day, *scan(scanned)] if frame[0] < until]
    records = b"".join(record(*frame) for frame in sorted(fed, key=lambda frame: frame[0]))
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        # What an earlier run was told is no part of this one.
        (work / "verdicts.jsonl").unlink(missing_ok=True)
        watch = Watch(work, records, "--listen", "127.0.0.1:0", "--evidence", "kept", "--verdicts", "verdicts.jsonl")
        shows_the_scan(browser, watch, work)
        watch.end()
        watch = Watch(work, records, "--listen", "0.0.0.0:0", "--token-file", "token")
        keeps_strangers_out(browser, watch, work)
        watch.end()
        browser.close()
    print("the page of a watch: shows the scan and gives its packets, accessible, and lets no stranger in")


main()
