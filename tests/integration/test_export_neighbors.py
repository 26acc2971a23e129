"""The neighbors of an export for embedding-atlas: rows of the same file, nearest first, whatever they come from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import vecindex
from tables import Notices, append, filled, unit_vectors
from vecindex.core.vectors import F32
from vecindex.neighbors.graph import knn_graph
from vecindex.store.database import Database
from vecindex.verbs.export.neighbors import NeighborsFrom
from vecindex.verbs.graph import keep_graph
from vecindex.verbs.map_rows import read_rows

N, K = 60, 15


def expected(vectors: F32, k: int) -> tuple[list[list[int]], F32]:
    """Return each row's nearest, itself first, by sorting all cosines."""
    sims = vectors.astype(np.float64) @ vectors.astype(np.float64).T
    np.fill_diagonal(sims, 2)
    order = np.argsort(-sims, axis=1, kind="stable")[:, : k + 1]
    dist = 1 - np.take_along_axis(sims, order, axis=1)
    dist[:, 0] = 0
    return order.tolist(), dist.astype(np.float32)


def check(path: Path, vectors: F32, k: int) -> None:
    """Check the lists of a file whose rows are in the order of the vectors."""
    table = pq.read_table(path)
    assert table.column_names == ["x", "y", "text", "id", "title", "year", "topic", "share", "neighbors"]
    found = table.column("neighbors").to_pylist()
    ids, dist = expected(vectors, k)
    assert [row["ids"] for row in found] == ids
    np.testing.assert_allclose([row["distances"] for row in found], dist, atol=2e-6)


def mapped(folder: Path, n: int = N) -> tuple[vecindex.Index, F32]:
    """Make a table with a map and the graph that a map by neighbors would have left."""
    table, vectors = filled(folder, n)
    index = vecindex.open(folder)
    index.project(method="pca")
    rows = read_rows(table)
    graph = knn_graph(rows.matrix(Notices()), min(K, n - 1), seed=0, observer=Notices())
    assert keep_graph(Database(folder), rows, graph, Notices())
    return index, vectors


def test_from_the_stored_graph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index, vectors = mapped(tmp_path / "db")
    # No vector is read where the graph holds.
    monkeypatch.setattr("vecindex.verbs.map_rows.MapRows.matrix", pytest.fail)
    report = index.export(tmp_path / "o.parquet", tool="embedding-atlas")
    assert report.neighbors == NeighborsFrom(K, "stored", 1.0)
    assert (report.rows, report.outside, report.placed) == (N, 0, "map")
    check(tmp_path / "o.parquet", vectors, K)
    index.export(tmp_path / "o.parquet", tool="embedding-atlas", k=4)
    check(tmp_path / "o.parquet", vectors, 4)


def test_more_than_the_graph_holds(tmp_path: Path) -> None:
    index, vectors = mapped(tmp_path / "db")
    report = index.export(tmp_path / "o.parquet", tool="embedding-atlas", k=20)
    assert report.neighbors == NeighborsFrom(20, "made", 1.0)
    check(tmp_path / "o.parquet", vectors, 20)


def test_without_a_graph(tmp_path: Path) -> None:
    index, vectors = mapped(tmp_path / "db")
    Database(tmp_path / "db").connection.drop_table("_graph.articles")
    report = index.export(tmp_path / "o.parquet", tool="embedding-atlas")
    assert report.neighbors == NeighborsFrom(K, "made", 1.0)
    check(tmp_path / "o.parquet", vectors, K)


@pytest.mark.parametrize(("where", "how"), [("year > 1900", "extended"), ("topic = 'odd'", "made")])
def test_of_a_part_among_themselves(tmp_path: Path, where: str, how: str) -> None:
    index, vectors = mapped(tmp_path / "db")
    report = index.export(tmp_path / "o.parquet", tool="embedding-atlas", where=where, k=5)
    kept = vectors[1:] if how == "extended" else vectors[1::2]
    assert report.neighbors is not None
    assert (report.rows, report.of, report.neighbors.how) == (len(kept), N, how)
    check(tmp_path / "o.parquet", kept, 5)


def test_rows_outside_the_map_are_left_out_and_told(tmp_path: Path) -> None:
    index, vectors = mapped(tmp_path / "db")
    table = Database(tmp_path / "db").articles("articles")
    # Nearer to the others than these are to each other, if they were counted.
    append(table, vectors[:3], ids=["n1", "n2", "n3"], txn=2)
    notices = Notices()
    report = index.export(tmp_path / "o.parquet", tool="embedding-atlas", observer=notices)
    assert (report.rows, report.of, report.outside) == (N, N + 3, 3)
    assert notices.lines == [
        "3 rows are not on the map \"map\" and are left out; to add them: index.project('map', update=True)"
    ]
    check(tmp_path / "o.parquet", vectors, K)


def test_changed_content_is_searched_again(tmp_path: Path) -> None:
    index, vectors = mapped(tmp_path / "db")
    table = Database(tmp_path / "db").articles("articles")
    changed = vectors.copy()
    changed[7] = unit_vectors(1, seed=5)[0]
    table.delete_ids(["a00007"])
    append(table, changed[7:8], ids=["a00007"], text=["Another text."], txn=2)
    index.project(update=True)
    report = index.export(tmp_path / "o.parquet", tool="embedding-atlas")
    assert report.rows == N
    found = pq.read_table(tmp_path / "o.parquet")
    order = np.array([int(i[1:]) for i in found.column("id").to_pylist()])
    assert order[-1] == 7, "the row that was written last stands last"
    check(tmp_path / "o.parquet", changed[order], K)


def test_few_articles(tmp_path: Path) -> None:
    index, vectors = mapped(tmp_path / "db", 4)
    report = index.export(tmp_path / "o.parquet", tool="embedding-atlas")
    assert report.neighbors == NeighborsFrom(3, "stored", 1.0)
    check(tmp_path / "o.parquet", vectors, 3)
