"""The page of a map in Chromium: time to the first drawing, frames while it is dragged, and a search as one types.

    python bench/map_view.py PAGE.html [--rounds 3] [--seconds 3] [--painter webgl2] [--note TEXT]

Chromium runs headless and without a graphics card, so the viewer draws by itself; with `--painter webgl2` it asks
WebGL, which a processor plays then. The first drawing counts from the beginning of the navigation to the frame in
which all points of the whole map are on the screen. While the mouse drags the map around, only frames count in which
the map moved; "gap" is the time from one to the next. A search is timed from the key to the end of the next frame,
with the list of results and the marked points in it. A lasso is timed from the release of the mouse until the
selection is known, and until the map is drawn with it. While a range of a histogram is dragged, all frames count, and
how often the map was drawn with another range.

About 50,000 articles are labeled by the form of the page, timed from the button until the map is drawn in their
colors. With several maps on the page, the first is dragged with another one at its side. Then the frames of a move to
that other one are counted, from its first on; "begun" is the time from the choice to that frame.

"cpu" is what the page's main thread took for a frame in ms, which does not depend on the load of the machine as the
frames a second do.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import statistics
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

from machine import machine

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
QUERIES = ("cell division", "the history of a", "zzzz")

WATCH = """() => {
  const camera = theMap.camera;
  const seen = (globalThis.seen = { times: [], on: true });
  let last = "";
  const look = (now) => {
    const at = `${camera.x} ${camera.y} ${camera.scale}`;
    if (at !== last) seen.times.push(now);
    last = at;
    if (seen.on) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}"""
SEARCH = """async (text) => {
  const field = document.querySelector(".vmap-search");
  const begun = performance.now();
  field.value = text;
  field.dispatchEvent(new Event("input"));
  const handled = performance.now() - begun;
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  return [handled, performance.now() - begun];
}"""


LASSO = """async (share) => {
  const { x0, y0, x1, y1 } = theMap.camera.bounds;
  const radius = (Math.sqrt(share) * Math.max(x1 - x0, y1 - y0)) / 2, [x, y] = [(x0 + x1) / 2, (y0 + y1) / 2];
  const area = Array.from({ length: 120 }, (_, i) => (i * Math.PI) / 60)
    .flatMap((a) => [x + radius * (1 + 0.1 * Math.sin(7 * a)) * Math.cos(a), y + radius * Math.sin(a)]);
  const begun = performance.now();
  theMap.work.take(area, "new");
  const known = performance.now() - begun;
  const done = () => theMap.scene.highlighted && !theMap.scene.next && !theMap.scene.pictures.unfinished;
  do await new Promise((next) => requestAnimationFrame(next)); while (!done());
  return { points: theMap.work.selection.count, known_ms: known, drawn_ms: performance.now() - begun };
}"""
LABEL = """async () => {
  const text = document.querySelector(".vmap-label-row input");
  text.value = "measured";
  const before = theMap.coloring, begun = performance.now();
  document.querySelector(".vmap-label-go").click();
  const { scene } = theMap, { pictures } = scene;
  const done = () => theMap.coloring !== before && !scene.next && pictures.shown.revision === pictures.revision;
  do await new Promise((next) => requestAnimationFrame(next)); while (!done());
  return performance.now() - begun;
}"""
MOVE = """async (name) => {
  const times = [], begun = performance.now();
  let ended = false;
  theMap.maps.show(name);
  while (!ended) {
    const now = await new Promise(requestAnimationFrame);
    if (theMap.maps.move) times.push(now);
    ended = times.length > 0 && !theMap.maps.move;
  }
  return { begun_ms: times[0] - begun, lasts_ms: times.at(-1) - times[0], frames: times.length };
}"""
FRAMES = """() => {
  const seen = (globalThis.frames = { times: [], on: true, pictures: theMap.stats().pictures });
  const look = (now) => {
    seen.times.push(now);
    if (seen.on) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}"""


class Cpu:
    """The CPU seconds of a page's main thread."""

    def __init__(self, page: Any) -> None:
        self.session = page.context.new_cdp_session(page)
        self.session.send("Performance.enable", {"timeDomain": "threadTicks"})
        self.begun = self.now()

    def now(self) -> float:
        found = self.session.send("Performance.getMetrics")["metrics"]
        return float(next(one["value"] for one in found if one["name"] == "TaskDuration"))

    def each_ms(self, frames: int) -> float:
        """Return the milliseconds since the beginning, for each of so many frames."""
        return round(1000 * (self.now() - self.begun) / max(1, frames), 1)


def brushed(page: Any, seconds: float) -> dict[str, float]:
    """Drag a range over the histogram of the first number, and return how the frames came."""
    key = page.evaluate("theMap.header.colorings.find((one) => one.kind === 'number').key")
    page.evaluate("(key) => theMap.setColoring(key)", key)
    page.wait_for_timeout(1500)
    page.evaluate("(key) => theMap.work.choose(key, new Set(Array.from({ length: 60 }, (_, i) => i)))", key)
    box = page.locator(".vmap-coloring .vmap-brush-area").bounding_box()
    x, y = box["x"] + 0.1 * box["width"], box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    cpu = Cpu(page)
    page.evaluate(FRAMES)
    page.mouse.down()
    begun = time.monotonic()
    while (gone := time.monotonic() - begun) < seconds:
        page.mouse.move(x + 0.35 * box["width"] * (1 - math.cos(2 * gone)), y)
    page.mouse.up()
    times, pictures = page.evaluate(
        "() => { frames.on = false; return [frames.times, theMap.stats().pictures - frames.pictures]; }"
    )
    used = cpu.each_ms(len(times))
    gaps = sorted(b - a for a, b in pairwise(times))
    page.evaluate("(key) => theMap.work.choose(key, null)", key)
    return {
        "frames_per_s": round((len(times) - 1) / (times[-1] - times[0]) * 1000, 1),
        "gap_p95_ms": round(gaps[int(0.95 * len(gaps))], 1),
        "drawn_per_s": round(pictures / seconds, 1),
        "cpu_ms": used,
    }


def wait(page: Any, script: str, seconds: float = 60) -> None:
    """Wait until a script gives something that is true."""
    end = time.monotonic() + seconds
    while not page.evaluate(script):
        if time.monotonic() > end:
            raise SystemExit(f"the page did not come so far in {seconds:.0f} s: {script}")
        page.wait_for_timeout(50)


def drag(page: Any, seconds: float) -> dict[str, float]:
    """Drag the map around in curves, and return how its frames came."""
    box = page.locator(".vmap-over").first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    cpu = Cpu(page)
    page.evaluate(WATCH)
    page.mouse.down()
    begun = time.monotonic()
    while (gone := time.monotonic() - begun) < seconds:
        page.mouse.move(x + 0.3 * box["width"] * math.sin(2 * gone), y + 0.25 * box["height"] * math.sin(2.6 * gone))
    page.mouse.up()
    times = page.evaluate("() => { seen.on = false; return seen.times; }")
    gaps = sorted(b - a for a, b in pairwise(times))
    return {
        "frames_per_s": round((len(times) - 1) / (times[-1] - times[0]) * 1000, 1),
        "gap_median_ms": round(statistics.median(gaps), 1),
        "gap_p95_ms": round(gaps[int(0.95 * len(gaps))], 1),
        "gap_max_ms": round(gaps[-1], 1),
        "cpu_ms": cpu.each_ms(len(times)),
    }


def labeled(page: Any) -> dict[str, float]:
    """Label about 50,000 articles, and return how long that took; the selection takes a fifth of 250,000."""
    share = 50_000 / page.evaluate("theMap.header.shown")
    points = page.evaluate(LASSO, min(0.25, 0.62 * share))["points"]
    took = page.evaluate(LABEL)
    page.evaluate("theMap.work.clear()")
    return {"points": points, "drawn_ms": round(took, 1)}


def several(page: Any, seconds: float) -> dict[str, Any]:
    """Drag a map with another one at its side, and move from one to the other."""
    other = page.evaluate("theMap.maps.all[1].map")
    page.evaluate("(name) => theMap.maps.alongside(name)", other)
    page.wait_for_timeout(3000)
    found: dict[str, Any] = {"side_by_side": drag(page, seconds)}
    page.evaluate("theMap.maps.alongside(null)")
    page.evaluate("theMap.fly(32768, 32768, 1)")
    page.wait_for_timeout(2000)
    cpu = Cpu(page)
    moved = page.evaluate(MOVE, other)
    rate = round((moved["frames"] - 1) / max(1, moved["lasts_ms"]) * 1000, 1)
    found["move"] = {"frames_per_s": rate, **{name: round(value, 1) for name, value in moved.items()}}
    found["move"]["cpu_ms"] = cpu.each_ms(moved["frames"])
    return found


def searched(page: Any) -> dict[str, float]:
    """Type each query key by key, and return how long the keys took."""
    took = []
    for query in QUERIES:
        for end in range(1, len(query) + 1):
            took.append(page.evaluate(SEARCH, query[:end]))
            page.wait_for_timeout(150)
    page.evaluate(SEARCH, "")
    handled, shown = zip(*took, strict=True)
    return {
        "keys": len(took),
        "handled_median_ms": round(statistics.median(handled), 1),
        "handled_max_ms": round(max(handled), 1),
        "shown_median_ms": round(statistics.median(shown), 1),
        "shown_max_ms": round(max(shown), 1),
    }


def measured(page: Any, file: Path, seconds: float) -> dict[str, Any]:
    """Open the page anew and measure it once."""
    page.goto(file.resolve().as_uri())
    wait(page, "globalThis.theMap?.stats().firstDrawMs > 0")
    row: dict[str, Any] = {"load": round(os.getloadavg()[0], 2)}
    row["first_draw_ms"] = round(page.evaluate("theMap.stats().firstDrawMs"))
    # Texts are read after the first drawing; what follows is measured when all is there.
    wait(page, "Boolean(theMap.titles)")
    row["titles_read_ms"] = round(page.evaluate("performance.now()"))
    wait(page, "theMap.texts.snippets !== undefined")
    page.evaluate("async () => { await theMap.texts.snippets; }")
    row["texts_read_ms"] = round(page.evaluate("performance.now()"))
    page.wait_for_timeout(1500)
    for name, zoom in (("overview", 1), ("zoomed_3", 3), ("zoomed_10", 10), ("zoomed_40", 40)):
        page.evaluate("(zoom) => theMap.fly(32768, 32768, zoom)", zoom)
        page.wait_for_timeout(3000)
        row[name] = drag(page, seconds)
    page.evaluate("theMap.fly(32768, 32768, 1)")
    page.wait_for_timeout(3000)
    row["search"] = searched(page)
    row["lasso"] = {name: round(value, 1) for name, value in page.evaluate(LASSO, 0.25).items()}
    page.evaluate("theMap.work.clear()")
    row["brush"] = brushed(page, seconds)
    row["labels"] = labeled(page)
    if page.evaluate("theMap.maps.all.length > 1"):
        row |= several(page, seconds)
    return row


def main() -> None:
    """Measure a page in so many rounds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each drag")
    parser.add_argument("--painter", choices=("webgl2", "2d"), help="instead of the one that the viewer chooses")
    parser.add_argument("--note", help="what the row is of")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "map_view.jsonl")
    args = parser.parse_args()
    from playwright.sync_api import sync_playwright

    file = args.page
    if args.painter:
        file = Path(tempfile.mkdtemp()) / args.page.name
        chosen = f'id="map-view" data-painter="{args.painter}"'
        file.write_text(args.page.read_text(encoding="utf-8").replace('id="map-view"', chosen, 1), encoding="utf-8")
    chromium = os.environ.get("VECINDEX_CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, headless=True, args=FLAGS)
        page = browser.new_context(offline=True, viewport={"width": 1280, "height": 800}).new_page()
        rounds = [measured(page, file, args.seconds) for _ in range(args.rounds)]
        stats = page.evaluate("({ ...theMap.stats(), shown: theMap.header.shown })")
        row = {
            "bench": "map_view",
            "articles": stats["shown"],
            "mb": round(args.page.stat().st_size / 1e6, 2),
            "painter": stats["painter"],
            "browser": browser.version,
            "viewport": [1280, 800],
            **({"note": args.note} if args.note else {}),
            "rounds": rounds,
        }
        browser.close()
    for one in rounds:
        print(json.dumps(one))
    told = json.dumps({**row, **machine()})
    with args.out.open("a") as stream:
        stream.write(told + "\n")


if __name__ == "__main__":
    main()
