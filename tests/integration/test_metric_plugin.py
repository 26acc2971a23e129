"""Metrics of an installed package reach the result, JSON, CSV, the terminal and the report."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

import vecindex
from pages import Page
from planted import KnownModel, make_table, put_map
from vecindex.store.database import Database
from vecindex.verbs.overlap.overlap import overlap

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "tests/plugins/vecindex-jaccard"
SOURCE = Path(vecindex.__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package, installed by pip."""
    folder = tmp_path_factory.mktemp("plugin")
    copy = shutil.copytree(PACKAGE, folder / "source")
    how = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--target", str(folder / "site")]
    subprocess.run([sys.executable, "-m", "pip", "install", *how, str(copy)], check=True, timeout=200)
    return folder / "site"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database, a map of two of six dimensions, and a file of questions with stored vectors."""
    folder = tmp_path_factory.mktemp("world")
    rng = np.random.default_rng(0)
    articles = rng.normal(size=(80, 6))
    make_table(folder / "db", articles)
    put_map(folder / "db", "flat", [f"a{i:05d}" for i in range(80)], articles[:, :2])
    lines = [{"id": f"q{i}", "question": f"what {i}?"} for i in range(8)]
    (folder / "q.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    known: Any = KnownModel({f"what {i}?": articles[i] + 0.4 * rng.normal(size=6) for i in range(8)})
    overlap(Database(folder / "db"), "articles", str(folder / "q.jsonl"), {}, known)
    return folder


def run(world: Path, path: list[Path], *options: object) -> str:
    """Return what `vecindex overlap` prints with these folders on its path."""
    start = [sys.executable, "-c", "from vecindex.cli.app import main; main()"]
    command = [*start, "overlap", "--db", world / "db", "-q", world / "q.jsonl", *options]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, [*path, SOURCE]))}
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, env=environment, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_metrics_of_a_package_go_everywhere(world: Path, installed: Path, tmp_path: Path) -> None:
    files = ("--csv", tmp_path / "o.csv", "--html", tmp_path / "o.html")
    found = json.loads(run(world, [installed], *files, "--json"))
    schema = json.loads((ROOT / "schemas/overlap.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(found, schema, cls=jsonschema.Draft202012Validator)
    assert {name: one["label"] for name, one in found["metrics"].items()} == {
        "first_lost": "nearest lost",
        "jaccard": "Jaccard",
    }
    assert [one["higher_is_better"] for one in found["metrics"].values()] == [False, True]
    with (tmp_path / "o.csv").open(encoding="utf-8", newline="") as stream:
        lines = {(line["id"], line["placement"]): line for line in csv.DictReader(stream)}
    for rule in ("search", "median"):
        values = []
        for row in found["rows"]:
            placed = row["maps"]["flat"][rule]
            near, there = ({n["id"] for n in one["neighbors"]} for one in (row, placed))
            values.append(len(near & there) / len(near | there))
            first = placed["target_ranks"][0]
            lost = {"first_lost@10": float(first > 10), "first_lost@50": float(first > 50)}
            assert placed["metrics"] == pytest.approx({"jaccard": values[-1], **lost})
            assert float(lines[row["id"], rule]["jaccard"]) == pytest.approx(values[-1])
        mean = found["maps"][0][rule]["metrics"]["jaccard"]
        assert mean["mean"] == pytest.approx(np.mean(values))
        assert mean["low"] < mean["mean"] < mean["high"]
        assert 0 < mean["mean"] < 1
    best = found["maps"][0]["search"]["metrics"]["jaccard"]
    cells = ["flat", "best position", "Jaccard", f"{best['mean']:.3g}", f"{best['low']:.3g} to {best['high']:.3g}"]
    printed = run(world, [installed], "--details")
    assert " ".join(cells) in " ".join(printed.split())
    assert "K nearest on the map; lower is better" in " ".join(printed.split())
    page = Page((tmp_path / "o.html").read_text(encoding="utf-8"))
    table = next(t for t in page.tables if t[0] == ["map", "placement", "metric", "mean", "interval"])
    assert ["flat", "best position", *cells[2:]] in table
    assert len(table) == 1 + 2 * 3


def test_without_the_package_there_are_none(world: Path) -> None:
    found = json.loads(run(world, [], "--json"))
    assert found["metrics"] == {}
    assert found["maps"][0]["search"]["metrics"] == {}
    assert found["rows"][0]["maps"]["flat"]["median"]["metrics"] == {}
    assert "further metrics" not in run(world, [])
