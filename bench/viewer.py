"""Our map viewer and regl-scatterplot on the same page data: bytes, first drawing, frames while panning and zooming.

    python bench/viewer.py PAGE.html [--rounds 3] [--seconds 4] [--peer DIR] [--out FILE.jsonl]

PAGE is what `vecindex map PAGE.html` wrote. The other page holds the same data blocks in the same order and draws the
same points, in the same colors and on a canvas of the same size, with regl-scatterplot; esbuild bundles it. Both come
from npm into DIR, or into a temporary folder. Four ways are measured in turns: our viewer as it chooses to draw, our
viewer with WebGL2, regl-scatterplot, and regl-scatterplot in its performance mode (squares without blending).

Chromium runs headless, offline and without a graphics card, so a processor computes WebGL. The first drawing counts
from the beginning of the navigation until all points are on the canvas. Only frames in which the view changed count;
the CPU time is that of all processes of the browser.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import os
import re
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil

from machine import machine

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
PACKAGES = ("regl-scatterplot@1.16.0", "esbuild@0.28.2")
VIEWPORT = {"width": 1280, "height": 800}
BLOCK = re.compile(r'<script type="(?:application/json|text/plain)" id="map-[^"]*">.*?</script>', re.DOTALL)
CODE = re.compile(r"<script>(.*?)</script>|<style>(.*?)</style>", re.DOTALL)
PEER_PAGE = """<!doctype html><meta charset="utf-8"><title>regl-scatterplot</title>
<style>body {{ margin: 0 }} canvas {{ width: {width}px; height: {height}px }}</style>
<body data-mode="{mode}"><canvas id="canvas"></canvas>
{first}
<script>{code}</script>
{rest}
</body>
"""
OURS = """globalThis.measured = {
  firstDrawMs: () => theMap.stats().firstDrawMs,
  view: () => `${theMap.viewer.camera.x} ${theMap.viewer.camera.y} ${theMap.viewer.camera.scale}`,
  zoom: (times) => theMap.fly(32768, 32768, times),
}"""
PEER = """globalThis.measured = {
  firstDrawMs: () => globalThis.peer?.firstDrawMs, view: () => peer.view(), zoom: (times) => { peer.zoom(times); },
}"""
WATCH = """() => {
  const seen = (globalThis.seen = { times: [], on: true });
  let last = measured.view();
  const look = (now) => {
    const view = measured.view();
    if (view !== last) seen.times.push(now);
    last = view;
    if (seen.on) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}"""


def installed(folder: Path) -> Path:
    """Return the folder's node_modules, after installing the packages where they are missing."""
    npm = shutil.which("npm")
    if npm is None:
        raise SystemExit("npm is missing. Install Node.js 20 or later, such as: apt install nodejs npm")
    modules = folder / "node_modules"
    if not (modules / "regl-scatterplot").exists() or not (modules / "esbuild").exists():
        folder.mkdir(parents=True, exist_ok=True)
        install = [npm, "install", "--no-audit", "--no-fund", "--no-save", "--prefix", str(folder), *PACKAGES]
        done = subprocess.run(install, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"npm could not install {' and '.join(PACKAGES)}:\n{done.stderr.strip()}")
    return modules


def bundled(modules: Path) -> str:
    """Return the code of the other page as one minified script."""
    source = shutil.copy(Path(__file__).with_name("viewer_peer.mjs"), modules.parent / "viewer_peer.mjs")
    command = [str(modules / ".bin" / "esbuild"), source, "--bundle", "--minify", "--format=iife"]
    code = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return code.replace("</script", "<\\/script")


def versions(modules: Path) -> dict[str, str]:
    """Return the versions of the packages that are there."""
    names = ("regl-scatterplot", "regl", "esbuild")
    return {name: json.loads((modules / name / "package.json").read_text())["version"] for name in names}


def stage_size(browser: Any, page_file: Path) -> tuple[int, int]:
    """Return the width and height of the canvas in our page, in CSS pixels."""
    page = browser.new_page(viewport=VIEWPORT)
    page.goto(page_file.as_uri(), wait_until="commit")
    page.wait_for_selector(".vmap-ready", timeout=120_000)
    box = page.locator(".vmap-points").bounding_box()
    page.close()
    return int(box["width"]), int(box["height"])


def written_pages(folder: Path, page_file: Path, code: str, size: tuple[int, int]) -> dict[str, Path]:
    """Write the page of each way into a folder, and return them."""
    text = page_file.read_text(encoding="utf-8")
    chosen = text.replace('id="map-view"', 'id="map-view" data-painter="webgl2"', 1)
    pages = {"vecindex": text, "vecindex, WebGL2": chosen}
    blocks = BLOCK.findall(text)
    for name, mode in (("regl-scatterplot", "default"), ("regl-scatterplot, performance mode", "performance")):
        first, rest = "\n".join(blocks[:3]), "\n".join(blocks[3:])
        pages[name] = PEER_PAGE.format(width=size[0], height=size[1], mode=mode, first=first, code=code, rest=rest)
    files = {name: folder / f"page{i}.html" for i, name in enumerate(pages)}
    for name, file in files.items():
        file.write_text(pages[name], encoding="utf-8")
    return files


def sizes(file: Path) -> dict[str, int]:
    """Return the bytes of a page, of its data, and of its code and style, these also packed by gzip."""
    text = file.read_text(encoding="utf-8")
    code = "".join(a or b for a, b in CODE.findall(BLOCK.sub("", text))).encode()
    return {
        "bytes": file.stat().st_size,
        "data_bytes": sum(len(block.encode()) for block in BLOCK.findall(text)),
        "code_bytes": len(code),
        "code_gzip_bytes": len(gzip.compress(code, 9)),
    }


def browser_cpu() -> dict[int, float]:
    """Return the CPU seconds that each of the browser's processes has taken so far."""
    found: dict[int, float] = {}
    for process in psutil.Process().children(recursive=True):
        try:
            if "chrom" in process.name():
                used = process.cpu_times()
                found[process.pid] = used.user + used.system
        except psutil.NoSuchProcess:
            continue
    return found


def cpu_since(before: dict[int, float]) -> float:
    """Return the CPU seconds that the processes of the browser that still run have taken since."""
    return sum(used - before.get(pid, 0.0) for pid, used in browser_cpu().items())


def frames(page: Any, act: Callable[[float], None], seconds: float) -> dict[str, float]:
    """Act on the page for some seconds, and return how the frames came in which its view changed."""
    page.evaluate(WATCH)
    before, begun = browser_cpu(), time.monotonic()
    while (gone := time.monotonic() - begun) < seconds:
        act(gone)
    used, took = cpu_since(before), time.monotonic() - begun
    times = page.evaluate("() => { seen.on = false; return seen.times; }")
    found = {"frames": len(times), "frames_per_s": round(len(times) / took, 1)}
    gaps = sorted(b - a for a, b in pairwise(times))
    if gaps:
        found |= {
            "gap_median_ms": round(statistics.median(gaps), 1),
            "gap_p95_ms": round(gaps[int(0.95 * len(gaps))], 1),
            "cpu_ms_per_frame": round(1000 * used / len(times), 1),
        }
    return found


def panned(page: Any, seconds: float) -> dict[str, float]:
    """Drag the map in curves."""
    box = page.locator("canvas").last.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def act(gone: float) -> None:
        page.mouse.move(x + 0.3 * box["width"] * math.sin(2 * gone), y + 0.25 * box["height"] * math.sin(2.6 * gone))

    page.mouse.move(x, y)
    page.mouse.down()
    found = frames(page, act, seconds)
    page.mouse.up()
    return found


def zoomed(page: Any, seconds: float) -> dict[str, float]:
    """Turn the wheel over the middle of the map: in for the first half of the time, then out."""
    box = page.locator("canvas").last.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)

    def act(gone: float) -> None:
        page.mouse.wheel(0, -60 if gone < seconds / 2 else 60)
        time.sleep(0.02)

    return frames(page, act, seconds)


def measured(browser: Any, name: str, file: Path, seconds: float, shots: Path | None) -> dict[str, Any]:
    """Open a page in a fresh context and measure it once."""
    requests: list[str] = []
    errors: list[str] = []
    context = browser.new_context(offline=True, viewport=VIEWPORT)
    page = context.new_page()
    page.on("request", lambda one: requests.append(one.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    row: dict[str, Any] = {"way": name, "load": round(os.getloadavg()[0], 2)}
    before = browser_cpu()
    page.goto(file.as_uri())
    page.evaluate(OURS if name.startswith("vecindex") else PEER)
    page.wait_for_function("() => measured.firstDrawMs() > 0", timeout=120_000)
    row["first_draw_ms"] = round(page.evaluate("measured.firstDrawMs()"))
    if name.startswith("vecindex"):
        # Our page reads its texts after the first drawing.
        page.wait_for_function("() => theMap.viewer.texts.snippets !== undefined", timeout=120_000)
        page.evaluate("async () => { await theMap.viewer.texts.snippets; }")
        row["painter"] = page.evaluate("theMap.stats().painter")
    row["load_cpu_s"] = round(cpu_since(before), 2)
    page.wait_for_timeout(1500)
    if shots is not None:
        page.screenshot(path=str(shots / f"{name.replace(', ', '-').replace(' ', '-')}.png"))
    for at, times in (("pan", 1), ("pan_zoomed_10", 10)):
        page.evaluate("(times) => measured.zoom(times)", times)
        page.wait_for_timeout(2500)
        row[at] = panned(page, seconds)
    page.evaluate("measured.zoom(1)")
    page.wait_for_timeout(2500)
    row["zoom"] = zoomed(page, seconds)
    row["requests"] = sum(not url.startswith((file.as_uri(), "blob:", "data:")) for url in requests)
    row["errors"] = errors
    context.close()
    return row


def main() -> None:
    """Build the other page, and measure all ways in so many rounds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each movement")
    parser.add_argument("--peer", type=Path, help="folder that npm installs into [default: a temporary one]")
    parser.add_argument("--screenshots", type=Path, help="folder for a picture of each page")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "viewer.jsonl")
    args = parser.parse_args()
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        modules = installed(args.peer or Path(folder))
        code = bundled(modules)
        chromium = os.environ.get("VECINDEX_CHROMIUM") or shutil.which("chromium")
        browser = driver.chromium.launch(executable_path=chromium, headless=True, args=FLAGS)
        size = stage_size(browser, args.page.resolve())
        files = written_pages(Path(folder), args.page, code, size)
        head = {
            "bench": "viewer",
            "points": json.loads(BLOCK.findall(args.page.read_text(encoding="utf-8"))[0].split(">", 1)[1][:-9])[
                "shown"
            ],
            "canvas": size,
            "browser": browser.version,
            "peer": versions(modules),
            "sizes": {name: sizes(file) for name, file in files.items()},
            **machine(),
        }
        rows = []
        for number in range(args.rounds):
            for name, file in files.items():
                rows.append(
                    {
                        "bench": "viewer",
                        "round": number,
                        **measured(browser, name, file, args.seconds, args.screenshots),
                    }
                )
                print(json.dumps(rows[-1]), flush=True)
        browser.close()
    with args.out.open("a") as stream:
        stream.writelines(json.dumps(row) + "\n" for row in (head, *rows))
    for name in files:
        own = [row for row in rows if row["way"] == name]
        parts = [f"first draw {statistics.median(row['first_draw_ms'] for row in own):.0f} ms"]
        for at in ("pan", "pan_zoomed_10", "zoom"):
            parts.append(f"{at} {statistics.median(row[at]['frames_per_s'] for row in own):.1f} frames/s")
        print(f"{name}: {', '.join(parts)}")


if __name__ == "__main__":
    main()
