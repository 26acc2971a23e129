"""Open an export with the published embedding-atlas, in a browser, and see whether points and neighbors are there.

    python bench/embedding_atlas.py --db DIR [--venv DIR] [--screenshot FILE.png]

The tool is installed into an environment of its own (several hundred packages' worth of files, so this is no test),
its server is started on the file that `vecindex export --for embedding-atlas` wrote, and the page is driven: the
points counted by the tool, an article picked on the map, its neighbors asked for. The row tells whether the titles
that the tool then lists are those of the file's own lists, and whether their distances are, in their order.

The tool draws with WebGPU in half precision, which the software adapter of a machine without a graphics card does
not have. There the page is given single precision in its place; what is read and shown is not touched.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from machine import machine

ROOT = Path(__file__).resolve().parent.parent
TOOL = "embedding-atlas==0.26.0"
FLAGS = [
    "--no-sandbox",
    "--no-first-run",
    "--disable-background-networking",
    "--enable-unsafe-webgpu",
    "--enable-features=Vulkan",
    "--use-vulkan=swiftshader",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--use-webgpu-adapter=swiftshader",
]
SINGLE_PRECISION = """
(() => {
  if (!window.GPUAdapter) return;
  const features = Object.getOwnPropertyDescriptor(GPUAdapter.prototype, "features").get;
  const request = GPUAdapter.prototype.requestDevice;
  const shader = GPUDevice.prototype.createShaderModule;
  const buffer = GPUDevice.prototype.createBuffer;
  Object.defineProperty(GPUAdapter.prototype, "features", {
    get() { return new Set([...features.call(this), "shader-f16"]); },
  });
  GPUAdapter.prototype.requestDevice = function (asked = {}) {
    const wanted = [...(asked.requiredFeatures || [])].filter((name) => name !== "shader-f16");
    return request.call(this, { ...asked, requiredFeatures: wanted });
  };
  GPUDevice.prototype.createShaderModule = function (asked) {
    const code = asked.code.replace(/enable f16;/g, "").replace(/\\bf16\\b/g, "f32");
    return shader.call(this, { ...asked, code });
  };
  GPUDevice.prototype.createBuffer = function (asked) {
    const twice = asked.usage & GPUBufferUsage.STORAGE && !asked.mappedAtCreation;
    return buffer.call(this, twice ? { ...asked, size: 2 * asked.size } : asked);
  };
})();
"""
NEIGHBORS = "Nearest Neighbors"


def install(venv: Path) -> Path:
    """Return the tool's command, after installing it where it is not there."""
    command = venv / "bin" / "embedding-atlas"
    if not command.exists():
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        pip = [str(venv / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
        # First, for the reason told in constraints.txt.
        subprocess.run([*pip, "torch==2.13.0"], check=True)
        subprocess.run([*pip, TOOL], check=True)
    return command


def installed(command: Path) -> str:
    """Return the version of the tool that is there."""
    asked = "from importlib.metadata import version; print(version('embedding-atlas'))"
    python = str(command.with_name("python"))
    return subprocess.run([python, "-c", asked], check=True, capture_output=True, text=True).stdout.strip()


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def serve(command: Path, file: Path, log: Path) -> tuple[subprocess.Popen[bytes], str, float]:
    """Start the tool on a file; return its process, its address, and the seconds until it answered."""
    port = free_port()
    line = [str(command), str(file), "--host", "127.0.0.1", "--port", str(port), "--text", "text", "--x", "x"]
    line += ["--y", "y", "--neighbors", "neighbors"]
    begun = time.perf_counter()
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    environment.pop("PYTHONPATH", None)
    process = subprocess.Popen(line, stdout=log.open("wb"), stderr=subprocess.STDOUT, env=environment)
    address = f"http://127.0.0.1:{port}/"
    while True:
        if process.poll() is not None:
            raise SystemExit(f"the tool ended: {log.read_text()[-2000:]}")
        try:
            urllib.request.urlopen(address, timeout=5).close()
        except (urllib.error.URLError, OSError):
            if time.perf_counter() - begun > 300:
                raise
            time.sleep(0.5)
        else:
            return process, address, time.perf_counter() - begun


def pick(page: Any) -> None:
    """Click over the map until an article is picked, which shows a button for its neighbors."""
    box = page.locator("canvas").first.bounding_box()
    button = page.get_by_text(NEIGHBORS)
    for step in (0.5, 0.37, 0.63, 0.25, 0.75):
        for i in range(40):
            page.mouse.click(box["x"] + box["width"] * (0.1 + 0.02 * i), box["y"] + box["height"] * step)
            page.wait_for_timeout(150)
            if button.count():
                return
    raise SystemExit("no article could be picked on the map")


def look(address: str, rows: int, screenshot: Path) -> dict[str, Any]:
    """Drive the page; return what it showed."""
    from playwright.sync_api import sync_playwright

    errors: list[str] = []
    with sync_playwright() as driver:
        chromium = os.environ.get("VECINDEX_CHROMIUM") or shutil.which("chromium")
        browser = driver.chromium.launch(executable_path=chromium, headless=True, args=FLAGS)
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.add_init_script(SINGLE_PRECISION)
        page.on("pageerror", lambda error: errors.append(str(error)))
        # Its cache answers 404 for what is not cached yet; anything else that fails is an error.
        page.on(
            "console",
            lambda told: (
                errors.append(told.text) if told.type == "error" and "status of 404" not in told.text else None
            ),
        )
        begun = time.perf_counter()
        page.goto(address)
        page.get_by_text(f"{rows:,} / {rows:,} points").wait_for(timeout=180_000)
        shown_s = time.perf_counter() - begun
        page.wait_for_timeout(8_000)
        pick(page)
        page.wait_for_timeout(1_000)
        page.screenshot(path=str(screenshot))
        page.get_by_text(NEIGHBORS).first.click(force=True)
        page.get_by_text("Neighbors of #").first.wait_for(timeout=60_000)
        page.wait_for_timeout(3_000)
        told = page.inner_text("body")
        page.screenshot(path=str(screenshot.with_suffix(".neighbors.png")))
        browser.close()
    return {"shown_s": shown_s, "errors": errors, "text": told}


def judged(told: str, file: Path) -> dict[str, Any]:
    """Return which article was picked, and whether its neighbors are listed as the file has them."""
    own = int(told.split("Neighbors of #")[1].split()[0].replace(",", ""))
    table = pq.read_table(file, columns=["title", "neighbors"])
    expected = table.column("neighbors")[own].as_py()["ids"][1:]
    distances = table.column("neighbors")[own].as_py()["distances"][1:]
    listed = told.split("Neighbors of #")[1]
    titles = [table.column("title")[row].as_py() for row in expected]
    places = [listed.find(title) for title in titles]
    shown = [float(value) for value in re.findall(r"Distance\s+([\d.]+)", listed)]
    return {
        "picked": own,
        "neighbors": len(expected),
        "neighbors_listed": sum(place >= 0 for place in places),
        "distances_as_in_file": len(shown) == len(distances) and bool(np.allclose(shown, distances, atol=2e-5)),
    }


def main() -> None:
    """Export, serve, look."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--db", required=True)
    parser.add_argument("--map", help="default: the table's own")
    parser.add_argument("--venv", type=Path, help="where the tool is, or is put [default: a temporary folder]")
    parser.add_argument("--screenshot", type=Path)
    parser.add_argument("--out", type=Path, default=ROOT / "bench" / "results" / "embedding_atlas.jsonl")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        there = Path(folder)
        command = install(args.venv or there / "venv")
        file = there / "atlas.parquet"
        export = [sys.executable, "-m", "vecindex.cli.app", "export", str(file), "--db", args.db, "--json"]
        export += ["--for", "embedding-atlas", *(["--map", args.map] if args.map else [])]
        report = json.loads(subprocess.run(export, check=True, capture_output=True, text=True).stdout)
        process, address, up_s = serve(command, file, there / "log")
        try:
            seen = look(address, report["rows"], args.screenshot or there / "atlas.png")
        finally:
            process.terminate()
            process.wait()
        found = judged(seen.pop("text"), file)
        tool = f"embedding-atlas {installed(command)}"
    row = {
        "bench": "embedding_atlas",
        "tool": tool,
        "rows": report["rows"],
        "mb": round(report["bytes"] / 1e6, 1),
        "export_s": round(report["seconds"], 1),
        "graph": report["neighbors"]["how"],
        "opened": not seen["errors"]
        and found["neighbors_listed"] == found["neighbors"]
        and found["distances_as_in_file"],
        "server_up_s": round(up_s, 1),
        "shown_s": round(seen["shown_s"], 1),
        **found,
        "errors": seen["errors"],
        **machine(),
    }
    with args.out.open("a") as out:
        out.write(json.dumps(row) + "\n")
    print(json.dumps({key: row[key] for key in list(row)[:14]}, indent=1))


if __name__ == "__main__":
    main()
