"""The live map in a real JupyterLab, driven by Chromium: what docs/testing.md repeats by hand.

    python -m venv lab && lab/bin/pip install jupyterlab anywidget ipywidgets
    python tests/jupyterlab.py lab/bin/jupyter [screenshot.png]

The kernel is this Python. The sample is embedded and laid out in a temporary folder. Selected by lasso on the page,
set from Python, labeled on the page, stored, and shown again after a reload of JupyterLab. Ends with an error where
one of these does not arrive, or JupyterLab's console has one.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from playwright.sync_api import expect, sync_playwright

import vecindex

ROOT = Path(__file__).resolve().parents[1]
CHROMIUM = os.environ.get("VECINDEX_CHROMIUM") or shutil.which("chromium")
FLAGS = ["--no-sandbox", "--disable-gpu"]
WAIT_MS = 600_000
CELLS = [
    "import vecindex\nindex = vecindex.open('db')\nshown = index.map()\nshown",
    "print('selected', len(shown.selection), shown.live.to_arrow().num_rows)",
    "shown.live.color, shown.live.filters = 'density', {'truncated': ['read whole']}\nprint('set', shown.live.color)",
    "print('labels', {name: len(of) for name, of in shown.labels.items()}, shown.live.color)",
    "print('stored', index.annotate(shown.labels['label']).labels)\n"
    "shown.live.labels = {'label': {shown.picture.ids[0]: 'from Python'}}",
]


def notebook() -> dict[str, Any]:
    """Return a notebook of these cells."""
    kernel = {"name": "here", "display_name": "here", "language": "python"}
    cells = [
        {"cell_type": "code", "id": f"c{i}", "metadata": {}, "outputs": [], "execution_count": None, "source": source}
        for i, source in enumerate(CELLS)
    ]
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


def prepared(folder: Path) -> dict[str, str]:
    """Make the table, the notebook and the kernel; return JupyterLab's environment."""
    index = vecindex.open(folder / "work" / "db")
    index.ingest(*sorted((ROOT / "examples").glob("articles-*.jsonl")))
    index.project()
    (folder / "work" / "map.ipynb").write_text(json.dumps(notebook()), encoding="utf-8")
    kernel = folder / "share" / "kernels" / "here"
    kernel.mkdir(parents=True)
    start = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    path = {"PYTHONPATH": str(Path(vecindex.__file__).parents[1])}
    (kernel / "kernel.json").write_text(json.dumps({"argv": start, "display_name": "here", "env": path}))
    own = {name: str(folder / name.lower()) for name in ("JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR", "IPYTHONDIR")}
    return {**os.environ, **own, "JUPYTER_PATH": str(folder / "share")}


def used(page: Any, said: list[str]) -> None:
    """Use the map in the notebook that the page shows."""

    def cell(number: int) -> Any:
        return page.locator(f'.jp-Notebook .jp-CodeCell[data-windowed-list-index="{number}"]')

    def run(number: int, printed: str) -> None:
        cell(number).locator(".cm-content").click()
        page.keyboard.press("Control+Enter")
        if printed:
            expect(cell(number).locator(".jp-OutputArea")).to_contain_text(printed, timeout=WAIT_MS)

    def waited(script: str) -> None:
        for _ in range(WAIT_MS // 200):
            frames = [one for one in page.frames if one.url == "about:srcdoc"]
            if frames and frames[-1].evaluate(f"globalThis.theMap?.header ? {script} : false"):
                return
            page.wait_for_timeout(200)
        raise AssertionError(script)

    cell(0).wait_for()
    # A cell that is run before the kernel has started is lost.
    expect(page.locator(".jp-Notebook-ExecutionIndicator")).to_have_attribute("data-status", "idle", timeout=WAIT_MS)
    page.wait_for_timeout(2000)
    run(0, "")
    frame = cell(0).frame_locator("iframe")
    frame.locator(".vmap").wait_for()
    waited("theMap.stats().firstDrawMs !== null")
    frame.get_by_role("button", name="Select with a lasso").click()
    box = frame.locator(".vmap-over").first.bounding_box()
    corners = [(0.25, 0.2), (0.75, 0.2), (0.75, 0.8), (0.25, 0.8), (0.25, 0.21)]
    for number, (x, y) in enumerate(corners):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=8)
        if not number:
            page.mouse.down()
    page.mouse.up()
    waited("theMap.work.selection.count > 1")
    n = int(frame.locator(".vmap-selected-count").inner_text().split()[0])
    page.wait_for_timeout(1000)
    run(1, f"selected {n} {n}")
    run(2, "set density")
    waited("theMap.coloring.key === 'density' && theMap.work.filters.only.has('truncated')")
    label = frame.get_by_label("Label for the selection")
    label.fill("to read")
    label.press("Enter")
    expect(frame.locator(".vmap-label-line")).to_contain_text("The notebook has it.")
    waited("theMap.coloring.key === 'labels:label'")
    page.wait_for_timeout(1000)
    run(3, f"labels {{'label': {n}}} labels:label")
    run(4, f"stored {{'to read': {n}}}")
    waited("theMap.coloring.names[0] === 'from Python'")
    page.keyboard.press("Control+s")
    page.wait_for_timeout(2000)
    page.reload()
    waited(f"theMap.coloring.names?.[0] === 'from Python' && theMap.work.selection.count === {n}")
    assert said == [], said


def main() -> None:
    """Run JupyterLab, and the browser."""
    with tempfile.TemporaryDirectory() as name, socket.socket() as free:
        env = prepared(Path(name))
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        address = f"http://127.0.0.1:{port}"
        options = ["--no-browser", "--allow-root", f"--ServerApp.port={port}", "--IdentityProvider.token="]
        server = subprocess.Popen([Path(sys.argv[1]).absolute(), "lab", *options], env=env, cwd=Path(name) / "work")
        try:
            for _ in range(600):
                try:
                    urllib.request.urlopen(f"{address}/api/status", timeout=5)
                    break
                except OSError:
                    time.sleep(0.2)
            with sync_playwright() as driver:
                browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
                page = browser.new_page(viewport={"width": 1400, "height": 1000})
                page.set_default_timeout(WAIT_MS)
                said: list[str] = []
                page.on("console", lambda m: said.append(m.text) if m.type == "error" else None)
                # A notebook that has changed again asks whether it may be left.
                page.on("dialog", lambda dialog: dialog.accept())
                page.on("pageerror", lambda error: said.append(str(error)))
                page.goto(f"{address}/lab/tree/map.ipynb")
                used(page, said)
                if len(sys.argv) > 2:
                    page.screenshot(path=sys.argv[2])
                browser.close()
        finally:
            server.terminate()
            server.wait(60)
    print("the live map works in JupyterLab")


if __name__ == "__main__":
    main()
