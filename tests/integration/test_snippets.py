"""The Python of the documents runs, page by page, on a part of the sample."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import vecindex

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def run(page: str, names: dict[str, Any]) -> dict[str, Any]:
    """Run the blocks of a page one after the other, with these names at the start; return all names at the end."""
    text = (ROOT / page).read_text(encoding="utf-8")
    for found in _BLOCK.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        # Lines of a traceback are those of the page.
        exec(compile("\n" * line + found[1], page, "exec"), names)
    return names


def articles(sample: list[Path]) -> list[dict[str, str]]:
    """Return the rows of the sample."""
    return [json.loads(line) for path in sample for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def work(tmp_path: Path, sample: list[Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that the pages name, as the working folder."""
    rows = articles(sample)[:120:2]
    lines = [json.dumps(row) for row in rows]
    (tmp_path / "corpus.jsonl").write_text("\n".join(lines[:50]), encoding="utf-8")
    (tmp_path / "more").mkdir()
    pq.write_table(pa.Table.from_pylist(rows[50:]), tmp_path / "more/part.parquet")
    questions = (ROOT / "examples/questions-cell-biology.jsonl").read_text(encoding="utf-8").splitlines()
    for name, part in (("questions", questions[:8]), ("bio", questions[8:16]), ("general", questions[16:24])):
        (tmp_path / f"{name}.jsonl").write_text("\n".join(part), encoding="utf-8")
    there = "".join(f"{row['id']},{i % 7},{i // 7}\n" for i, row in enumerate(rows))
    (tmp_path / "umap.csv").write_text(f"id,x,y\n{there}", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def embedded(database: Path, rows: list[dict[str, str]]) -> pd.DataFrame:
    """Return articles with their vectors, as someone who has them would bring them."""
    table = vecindex.open(database).vectors().read_all().rename_columns(["id", "embedding"])
    return pd.DataFrame(rows).merge(table.to_pandas(), on="id")


@pytest.mark.timeout(1800)
def test_python_api(
    sample: list[Path], sample_db: Path, work: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    frame = pd.DataFrame({"id": ["m1", "m2"], "title": ["Tide", "Dune"], "text": ["The moon.", "Wind and sand."]})
    names = {"pandas_frame": frame, "frame": frame, "texts": ["One text.", "Another text."]}
    names["frame_with_embeddings"] = embedded(sample_db, articles(sample)[-2:])
    names["vectors"] = np.random.default_rng(0).normal(size=(3, 384)).astype("float32")
    (work / "labels.csv").write_text("id,label\ncell-001,read\n")
    found = run("docs/python-api.md", {**names, "sys": sys, "polars": polars})

    # 60 of files, 2 of each kind of data in memory. One was deleted and came back, so it is on no map.
    assert found["index"].status().rows == 66
    assert found["index"].positions("map").num_rows == 65
    assert [found["report"].rows, found["report"].columns[:2]] == [66, ("id", "title")]
    assert {path.name for path in work.iterdir()} >= {"report.html", "map.html", "cells.csv", "atlas.parquet"}
    assert b'"id":"m1"' in capsysbinary.readouterr().out


def test_vectors_for_numpy(sample_db: Path, work: Path) -> None:
    vecindex.open(sample_db).export("vectors.npy")
    found = run("docs/export.md", {})
    assert found["vectors"].shape == (len(found["ids"]), 384)
    assert np.linalg.norm(found["vectors"], axis=1) == pytest.approx(1, abs=1e-5)


def test_reading_without_vecindex(sample_db: Path, work: Path) -> None:
    shutil.copytree(sample_db, work / "db")
    found = run("docs/storage.md", {})
    assert found["vectors"].shape == (found["rows"].num_rows, 384)
    assert found["made_by"]["model"] == "sentence-transformers/all-MiniLM-L6-v2"
