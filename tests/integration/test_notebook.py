"""The example notebook, run as Jupyter runs it: what each cell displays."""

from __future__ import annotations

import ast
import html
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import vecindex

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / "examples" / "notebook.ipynb"

# IPython makes of a result what a notebook would be sent, without a server and a kernel around it.
RUN = """
import io, json, sys
from contextlib import redirect_stdout
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

shell = InteractiveShell(config=Config(HistoryManager={"enabled": False}))
shown = []
for code in json.load(sys.stdin):
    with redirect_stdout(io.StringIO()):
        done = shell.run_cell(code)
    if not done.success:
        raise SystemExit(f"{code}\\n{done.error_before_exec or done.error_in_exec!r}")
    bundle = {} if done.result is None else shell.display_formatter.format(done.result)[0]
    shown.append({"html": bundle.get("text/html"), "text": bundle.get("text/plain")})
print(json.dumps(shown))
"""


def cells() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    return found


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What each code cell displayed, under its code."""
    folder = tmp_path_factory.mktemp("notebook")
    codes = ["".join(cell["source"]) for cell in cells() if cell["cell_type"] == "code"]
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        input=json.dumps(codes),
        cwd=NOTEBOOK.parent,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "IPYTHONDIR": str(folder), "TMPDIR": str(folder), "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-3000:]
    return dict(zip(codes, json.loads(done.stdout.splitlines()[-1]), strict=True))


def of(shown: dict[str, dict[str, Any]], part: str) -> dict[str, Any]:
    """Return what the one cell displayed whose code has a part."""
    (found,) = [told for code, told in shown.items() if part in code]
    return found


def rows(text: str) -> list[list[str]]:
    """Return the cells of all rows of the tables in a text."""
    found = re.findall(r"<tr>(.*?)</tr>", text)
    return [
        [html.unescape(cell) for cell in re.findall(r"<t[hd][^>]*>(?:<bdi>(.*?)</bdi>)?</t[hd]>", row)]
        for row in found
    ]


def test_it_is_kept_without_outputs() -> None:
    for cell in cells():
        assert cell.get("outputs", []) == []
        assert cell.get("execution_count") is None


def test_ingest_shows_its_counts(shown: dict[str, dict[str, Any]]) -> None:
    told = dict(map(tuple, rows(of(shown, "index.ingest")["html"])))
    assert (told["read"], told["added"], told["skipped"], told["rows in the table"]) == ("264", "264", "0", "264")


def test_search_shows_the_hits(shown: dict[str, dict[str, Any]], sample_db: Path) -> None:
    head, *found = rows(of(shown, "index.search")["html"])
    assert head == ["rank", "dist", "id", "title", "text", "topic"]
    asked = {"k": 3, "where": "topic = 'cell biology'", "text": "full"}
    hits = vecindex.open(sample_db).search("how do tissues get rid of damaged cells", **asked).hits
    assert [row[:4] for row in found] == [[str(h.rank), f"{h.dist:.4f}", h.id, h.title] for h in hits]
    assert {row[5] for row in found} == {"cell biology"}
    assert all((hit.text or "").startswith(row[4][:200]) for row, hit in zip(found, hits, strict=True))


def test_project_and_overlap_show_their_figures(shown: dict[str, dict[str, Any]]) -> None:
    told = dict(map(tuple, rows(of(shown, "index.project")["html"])))
    assert told["articles"] == "264"
    assert re.fullmatch(r"\d+\.\d % \(\d+\.\d % to \d+\.\d %\)", told["articles keep of their 5 nearest"])
    text = of(shown, "index.overlap")["html"]
    assert "40 questions, 264 articles in articles" in text
    head, found, *_ = rows(text)
    assert head[:2] == ["map", "overlap@5"]
    assert found[0] == "map"
    assert 0 < float(found[1].removesuffix("%")) <= 100


def test_the_map_shows_as_a_page_in_a_frame(shown: dict[str, dict[str, Any]]) -> None:
    text = of(shown, "index.map")["html"]
    frame = re.fullmatch(
        r'<iframe title="map &#x27;map&#x27; of articles" sandbox="allow-scripts allow-downloads" '
        r'srcdoc="([^"]*)" [^>]*></iframe>',
        text,
    )
    assert frame
    page = html.unescape(frame[1])
    assert page.lower().startswith("<!doctype html>")
    assert '"articles":264' in page
    assert len(text) < 3_000_000


def test_export_and_status(shown: dict[str, dict[str, Any]]) -> None:
    columns = ("id", "title", "text", "topic", "n_tokens", "truncated", "map_x", "map_y")
    assert ast.literal_eval(of(shown, "index.export")["text"]) == (168, 264, columns)
    told = dict(map(tuple, rows(of(shown, "index.status")["html"])))
    assert told["rows"] == "264"
    assert told["map map"] == "local, 264 articles"
    assert "topic (string)" in told["fields"]
