#!/usr/bin/env python3
"""Opens reports in a headless Chromium, without a network: no console message, no request, nothing that axe-core finds fault with
in light, dark and print, and curves that show the figures of `evaluate --json`.

    .ci/page.py REPORT.html FIGURES.json [...]
"""
import json
import re
import shutil
import sys
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

LEFT, RIGHT, TOP, BOTTOM = 48.0, 446.0, 14.0, 268.0  # the frame that all curves are drawn in
LARGEST = 3 << 20


def steps(path):
    """The points of a path of M, L, H and V."""
    x = y = 0.0
    for letter, numbers in re.findall(r"([MLHV])([^MLHV]*)", path):
        numbers = [float(number) for number in numbers.split()]
        for at in range(0, len(numbers), 2 if letter in "ML" else 1):
            if letter in "ML":
                x, y = numbers[at], numbers[at + 1]
            elif letter == "H":
                x = numbers[at]
            else:
                y = numbers[at]
            yield (x - LEFT) / (RIGHT - LEFT), (BOTTOM - y) / (BOTTOM - TOP)


def area(points):
    points = list(points)
    return sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in zip(points, points[1:]))


def close(what, drawn, figure, within):
    assert abs(drawn - figure) <= within, f"{what}: drawn {drawn}, but the figure is {figure}"


def check(browser, report, figures):
    assert report.stat().st_size <= LARGEST, f"{report}: {report.stat().st_size} bytes"
    overall = json.loads(figures.read_text())["overall"]
    for scheme in ("light", "dark"):
        context = browser.new_context(color_scheme=scheme, offline=True)
        page = context.new_page()
        said, asked = [], []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(report.resolve().as_uri())
        assert asked == [report.resolve().as_uri()], asked
        violations = Axe().run(page).response["violations"]
        assert not violations, json.dumps([(v["id"], [n["html"][:200] for n in v["nodes"]][:3]) for v in violations], indent=1)
        told = json.loads(page.text_content("#figures"))
        assert told["overall"] == overall, "the figures inside the page are those of --json"
        for name, figure, within in (("pr", overall["pr_auc"], 0.01), ("roc", overall["roc_auc"], 0.01)):
            drawn = area(steps(page.get_attribute(f"#{name} .curve", "d")))
            close(f"area of {name}", drawn, figure, within)
        for name, x, y in (
            ("pr", overall["recall"], overall["precision"]),
            ("roc", overall["false_positive_rate"], overall["recall"]),
            ("alarms", None, overall["recall"]),
            ("base", None, overall["precision"]),
        ):
            ring = page.locator(f"#{name} .point")
            if x is not None:
                close(f"ring of {name}", (float(ring.get_attribute("cx")) - LEFT) / (RIGHT - LEFT), x, 0.001)
            close(f"ring of {name}", (BOTTOM - float(ring.get_attribute("cy"))) / (BOTTOM - TOP), y, 0.001)
        # Zoom: drag across a quarter, and back.
        svg = page.locator(".zoom svg").first
        svg.scroll_into_view_if_needed()
        box = svg.bounding_box()
        page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] / 2)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.55, box["y"] + box["height"] / 2)
        page.mouse.up()
        width = float(svg.get_attribute("viewBox").split()[2])
        close("zoomed width", width, 240, 5)
        svg.dblclick()
        close("whole width", float(svg.get_attribute("viewBox").split()[2]), 960, 0)
        assert not said, said
        page.emulate_media(media="print")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1"), "print is too wide"
        context.close()


def main():
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    paths = [Path(name) for name in sys.argv[1:]]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for report, figures in zip(paths[::2], paths[1::2]):
            check(browser, report, figures)
            print(f"{report}: {report.stat().st_size} bytes, as --json has it, and accessible")
        browser.close()


main()
