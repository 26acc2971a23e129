"""Ingest of data in memory: the same rows as from files, resumable, in bounded memory, rejects under its name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import vecindex
from invariants import check, read
from vecindex.errors import SourceError
from vecindex.types import Progress, Silent

READY: dict[str, Any] = {"model": "nobody/none", "vector_field": "v", "unverified": True}


def row(row_id: str, at: int = 0, **fields: Any) -> dict[str, Any]:
    """Return a row with a vector of its own."""
    return {"id": row_id, "text": f"text of {row_id}", "v": [1.0, float(at), 0.0], "year": 1900 + at, **fields}


ROWS = [row(f"a{i}", i) for i in range(5)]


def places(db: Path) -> list[str]:
    return sorted(found["place"] for found in read(db, "rejects"))


def test_data_is_known_again_whatever_it_comes_as(tmp_path: Path) -> None:
    index = vecindex.open(tmp_path / "db")
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in ROWS))
    assert index.ingest(path, **READY).added == 5
    before = read(tmp_path / "db")
    table = pa.Table.from_pylist(ROWS)
    for data in (ROWS, iter(ROWS), pd.DataFrame(ROWS), pl.DataFrame(ROWS), table, table.to_reader()):
        report = index.ingest(data, **READY)
        assert (report.skipped, report.added, report.changed, report.rejected, report.missing) == (5, 0, 0, 0, 0)
    assert read(tmp_path / "db") == before


def test_paths_and_data_in_one_run(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps(row("file")) + "\n")
    frame = pd.DataFrame([row("frame", 1), row("file", 2)])
    report = vecindex.open(tmp_path / "db").ingest(tmp_path / "a.jsonl", frame, [row("dict", 3)], **READY)
    assert (report.read, report.added, report.rejected) == (4, 3, 1)
    assert {found["id"]: found["year"] for found in read(tmp_path / "db")} == {
        "file": 1900,
        "frame": 1901,
        "dict": 1903,
    }
    (rejected,) = read(tmp_path / "db", "rejects")
    assert (rejected["source"], rejected["place"], rejected["id"]) == ("<memory:1>", "<memory:1> row 1", "file")


def test_the_model_embeds_rows_in_memory(tmp_path: Path) -> None:
    articles = [
        {"id": "c", "text": "The cell is the basic unit of life."},
        {"id": "s", "text": "A star is a ball of gas."},
    ]
    index = vecindex.open(tmp_path / "db")
    assert index.ingest(articles).added == 2
    check(tmp_path / "db")
    assert index.search("what is a cell", k=1).hits[0].id == "c"


def test_rejects_of_data_without_a_name_are_not_forgotten(tmp_path: Path) -> None:
    index = vecindex.open(tmp_path / "db")
    index.ingest([row("a"), {"id": "b", "v": [0, 0, 0]}], **READY)
    index.ingest([row("c")], **READY)
    index.ingest([{"id": "d", "text": "x", "v": [0, 0, 0]}], **READY)
    assert places(tmp_path / "db") == ["<memory> row 0", "<memory> row 1"]
    assert {found["id"] for found in read(tmp_path / "db", "rejects")} == {"b", "d"}
    # Stored from anywhere, a row is no reject any more.
    index.ingest([row("b")], **READY)
    assert {found["id"] for found in read(tmp_path / "db", "rejects")} == {"d"}


def test_rejects_of_named_data_are_forgotten_when_they_are_gone(tmp_path: Path) -> None:
    index = vecindex.open(tmp_path / "db")
    index.ingest([row("a"), {"id": None, "v": [1, 1, 1]}], name="news", **READY)
    index.ingest([{"id": None, "text": "x", "v": [1, 1, 1]}], name="other", **READY)
    assert places(tmp_path / "db") == ["<news> row 1", "<other> row 0"]
    index.ingest([row("a"), row("b", 1)], name="news", **READY)
    assert places(tmp_path / "db") == ["<other> row 0"]


def test_a_run_over_a_generator_stops_and_goes_on(tmp_path: Path) -> None:
    taken: list[int] = []

    def rows() -> Iterator[dict[str, Any]]:
        for i in range(2_000):
            taken.append(i)
            yield row(f"g{i:04d}", i)

    stop = vecindex.Stop()

    class StopsSoon(Silent):
        def progress(self, progress: Progress) -> None:
            stop.request()

    index = vecindex.open(tmp_path / "db")
    report = index.ingest(rows(), transaction_rows=50, observer=StopsSoon(), stop=stop, **READY)
    assert report.interrupted
    # A transaction at most is judged, two are ready, one is in the model, two are committed, one looked ahead.
    assert len(taken) <= 500
    stored = report.rows_in_table
    assert stored % 50 == 0
    report = index.ingest(rows(), transaction_rows=500, **READY)
    assert (report.skipped, report.added, report.rows_in_table) == (stored, 2_000 - stored, 2_000)


def test_rows_before_a_fault_of_the_data_are_stored(tmp_path: Path) -> None:
    def rows() -> Iterator[dict[str, Any]]:
        yield from ROWS
        raise ConnectionError("the other side hung up")

    index = vecindex.open(tmp_path / "db")
    with pytest.raises(SourceError, match="<memory> row 5: cannot be read: ConnectionError: the other side hung up"):
        index.ingest(rows(), **READY)
    assert sorted(found["id"] for found in read(tmp_path / "db")) == ["a0", "a1", "a2", "a3", "a4"]
    assert index.ingest(ROWS, **READY).skipped == 5


def test_prune_counts_data_as_a_source(tmp_path: Path) -> None:
    index = vecindex.open(tmp_path / "db")
    index.ingest(ROWS, **READY)
    report = index.ingest(pl.DataFrame(ROWS[:3]), prune=True, **READY)
    assert (report.skipped, report.pruned, report.rows_in_table) == (3, 2, 3)
