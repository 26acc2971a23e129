"""The harness of comparisons: what it measures, the page it makes, and that this page is current."""

from __future__ import annotations

import doctest
import importlib
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = ("page", "runs", "environments", "cases.ingest")


@pytest.fixture(autouse=True)
def _bench(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "bench"))


def harness(name: str) -> Any:
    """Return a module of the harness."""
    return importlib.import_module(f"harness.{name}")


def test_the_page_is_current() -> None:
    made = harness("page").page(ROOT / "bench" / "results")
    assert (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8") == made, "run bench/render.py"


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_the_harness_hold(name: str) -> None:
    found = doctest.testmod(harness(name))
    assert found.attempted > 0
    assert found.failed == 0


def row(way: str, number: int, cpu_s: float, ids: list[str], run: str = "a", full: bool = True) -> dict[str, Any]:
    """Return a row of a question from a cold start."""
    return {
        "run": run,
        "full": full,
        "way": way,
        "part": "ask",
        "round": number,
        "counted": number > 0,
        "rows": 10,
        "cpu_s": cpu_s,
        "peak_mb": 100,
        "ids": ids,
        "threads": 1,
        "seed": 0,
        "load": 1.5,
        "cpu": "CPU",
        "cores": 2,
        "commit": "abc",
    }


def test_the_page_takes_medians_of_the_last_full_run(tmp_path: Path) -> None:
    rows = [
        row("vecindex", 1, 99.0, ["x"], run="old"),
        row("other", 0, 50.0, ["a", "b"]),
        row("other", 1, 2.0, ["a", "b"]),
        row("other", 2, 4.0, ["b", "a"]),
        row("other", 3, 6.0, ["a", "c"]),
        row("vecindex", 1, 0.5, ["a", "b"]),
        row("vecindex", 2, 0.25, ["a", "b"]),
        row("vecindex", 3, 8.0, ["a", "b"]),
        row("vecindex", 1, 77.0, ["x"], run="quick", full=False),
    ]
    (tmp_path / "peers_search_cold.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))
    made = harness("page").page(tmp_path)
    # Medians 0.5 and 4; the first round is not counted. Two of three answers hold the same, one in the same order.
    assert "| vecindex | 0.50 | 1 | 100 | 3 of 3 | 3 |" in made
    assert "| other | 4.0 | 8.0 | 100 | 1 of 3 | 2 |" in made
    assert "99" not in made
    assert "77" not in made


def test_tools_that_did_not_run_are_listed(tmp_path: Path) -> None:
    ours = row("vecindex", 1, 0.5, ["a"])
    gone = {**row("missing", 1, 0.0, []), "part": "reason", "reason": "no wheel for it"}
    failed = {**row("broken", 1, 0.0, []), "rc": 1, "said": "Traceback\nKeyError: 'x'"}
    for one in (gone, failed):
        del one["cpu_s"], one["ids"]
    rows = [ours, gone, failed]
    (tmp_path / "peers_search_cold.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))
    made = harness("page").page(tmp_path)
    assert "- missing could not be installed: `no wheel for it`" in made
    assert "- broken failed (ask): `KeyError: 'x'`" in made


def test_a_run_counts_the_seconds_of_children_and_is_killed_by_them() -> None:
    run = harness("runs").run
    child = "import time\nwhile time.process_time() < {}: pass"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child.format(0.3)!r}])"
    parent += "; print('{\"a\": 1}')"
    used = run([sys.executable, "-c", parent], os.environ)
    assert used.rc == 0
    assert used.cpu_s >= 0.3
    assert used.last() == {"a": 1}
    parent = parent.replace("0.3", "60")
    killed = run([sys.executable, "-c", parent], os.environ, kill_at_cpu_s=0.2)
    assert killed.rc == -9
    assert killed.last() == {}


def test_a_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    runs, corpus = harness("runs"), harness("corpus")
    session = runs.Session(tmp_path, corpus.found(tmp_path), {}, results=tmp_path, name="r", until=0.0)
    with pytest.raises(runs.OutOfTime):
        session.is_due("case", "way", round=0)
    session.put("case", "way", round=0, cpu_s=1.0)
    assert not session.is_due("case", "way", round=0)
    with pytest.raises(runs.OutOfTime):
        session.is_due("case", "way", round=1)


def test_without_a_corpus_the_sample_stands_in(tmp_path: Path) -> None:
    import numpy as np

    corpus = harness("corpus")
    found = corpus.found(tmp_path)
    said = corpus.write(found, 600, tmp_path / "data")
    lines = [json.loads(line) for line in (tmp_path / "data" / "articles.jsonl").read_text().splitlines()]
    changed = [json.loads(line) for line in (tmp_path / "data" / "changed.jsonl").read_text().splitlines()]
    assert len({line["id"] for line in lines}) == len({line["text"] for line in lines}) == 600
    assert [a["id"] for a, b in zip(lines, changed, strict=True) if a != b] == [said["changed"]]
    assert np.allclose(np.linalg.norm(np.load(tmp_path / "data" / "vectors.npy"), axis=1), 1)
    assert len(corpus.questions(found, 3)) == 3


def test_a_script_of_a_tool_imports_nothing_of_ours() -> None:
    ours = {"search_vecindex.py", "metric_peer.py", "vector_peer.py"}
    for path in (ROOT / "bench" / "harness" / "peers").glob("*.py"):
        assert path.name in ours or "import vecindex" not in path.read_text(encoding="utf-8"), path.name


def test_the_rate_on_a_gpu_runs_on_a_cpu(tmp_path: Path) -> None:
    out = tmp_path / "rows.jsonl"
    words = ["--models", "tiny", "--device", "cpu", "--minutes", "0.005", "--rounds", "1", "--texts", "64"]
    used = harness("runs").run(
        [sys.executable, str(ROOT / "bench" / "gpu_rate.py"), *words, "--precision", "fp32", "--out", str(out)],
        {**os.environ, "PYTHONPATH": str(ROOT / "src"), "XDG_CACHE_HOME": str(tmp_path)},
    )
    assert used.rc == 0, used.err
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [one["part"] for one in rows] == ["batch", "batch", "length", "length", "products", "corpus"]
    assert {one["weights"] for one in rows} == {"random"}
    assert rows[-1]["texts"] == 64
    assert all(one["tflops"] > 0 for one in rows)


def test_operations_are_counted_from_the_shapes() -> None:
    import numpy as np

    rate = importlib.import_module("gpu_rate")
    # A layer of width 2 and inner width 4: 2 * (4 * 4 + 2 * 8) = 64 for each of 4 tokens, 8 for each of 10 pairs.
    assert rate.flops(rate.Shape("", "", 1, 2, 4, 8), np.array([3, 1])) == 4 * 64 + 10 * 8
    # all-MiniLM-L6-v2 at 256 tokens.
    assert rate.flops(rate.SHAPES["MiniLM"], np.array([256])) == 6 * (256 * 3_538_944 + 65_536 * 1_536)


def test_all_cases_are_run_where_none_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compare = importlib.import_module("compare")
    known = {path.stem for path in (ROOT / "bench" / "harness" / "cases").glob("*.py")} - {"__init__", "searches"}
    assert set(compare.CASES) == known
    ran: list[str] = []
    for name in compare.CASES:
        monkeypatch.setattr(harness(f"cases.{name}"), "run_all", lambda session, ways, name=name: ran.append(name))
    where = ["--scratch", str(tmp_path), "--results", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["compare.py", *where])
    assert compare.main() == 0
    assert ran == list(compare.CASES)
    monkeypatch.setattr(sys, "argv", ["compare.py", "maps", *where])
    assert compare.main() == 0
    assert ran[-1] == "maps"
    monkeypatch.setattr(sys, "argv", ["compare.py", "nothing", *where])
    with pytest.raises(SystemExit, match="2"):
        compare.main()


def test_results_are_named_where_their_figures_are() -> None:
    results = {path.name for path in (ROOT / "bench" / "results").glob("*.jsonl")}
    pages = [ROOT / "README.md", ROOT / "bench" / "README.md", *(ROOT / "docs").rglob("*.md")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in pages)
    linked = set(re.findall(r"results/([\w-]+\.jsonl)", text))
    assert linked <= results
    assert {name for name in results if name not in text} == set()
