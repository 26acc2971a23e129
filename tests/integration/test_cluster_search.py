"""What a Ray cluster searches: the answer of one process, to the last neighbor. And `reembed` there."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import vecindex
from clusters import MODEL, RAY, assert_same_tables, counts, installed_encoder, running_ray
from tables import OTHER_WEIGHTS, Notices, append, chunked_table, filled, fingerprint, map_xy, unit_vectors
from vecindex.cluster.engine import Engine, Workers
from vecindex.core.vectors import F32
from vecindex.errors import ConfigError, CorruptError
from vecindex.neighbors import graph as neighbors
from vecindex.neighbors.exact import ExactSearch
from vecindex.neighbors.graph import knn_graph
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.store.graph import GraphTable
from vecindex.types import Silent
from vecindex.verbs.cluster import blocks, graph, hits
from vecindex.verbs.reader import TableReader
from vecindex.verbs.search.finder import Finder, Query, first_limit

WORKERS = Workers(Engine(), 1)
QUICK = {"early_iterations": 5, "iterations": 5, "finish_iterations": 5}
QUESTIONS = Path(__file__).parents[2] / "examples" / "questions-cell-biology.jsonl"


@pytest.fixture(scope="module", autouse=True)
def ray(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with running_ray(installed_encoder(tmp_path_factory.mktemp("encoder"))):
        yield


def with_holes(folder: Path) -> ArticleTable:
    """Return a table of which rows were deleted, so that positions are not those of the files."""
    table, _ = filled(folder, 600)
    assert table.delete("id IN ('a00003', 'a00200', 'a00599')") == 3
    return table


@pytest.mark.parametrize("chunked", [False, True])
def test_blocks_on_workers_have_the_neighbors_of_one_search(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunked: bool
) -> None:
    table = chunked_table(tmp_path, [1 + i % 4 for i in range(250)])[0] if chunked else with_holes(tmp_path)
    monkeypatch.setattr(blocks, "_FEWEST_ROWS", 37)
    reader, queries = TableReader(table, []), np.repeat(unit_vectors(40, seed=9), 2, axis=0)
    one = ExactSearch(queries, 12, articles=reader.articles)
    for rows, block in reader.blocks():
        one.add(rows, block)
    found = blocks.nearest_by_workers(Database(tmp_path), reader, queries, 12, WORKERS, Silent())
    np.testing.assert_array_equal(found.rows, one.result().rows)
    np.testing.assert_array_equal(found.dist, one.result().dist)


def searched_table(folder: Path, kind: str) -> ArticleTable:
    """Return a table with 45 copies of a vector: more than are fetched beyond k, so that deeper lists are needed."""
    more: dict[str, Any] = {}
    if kind == "chunks":
        table, more = chunked_table(folder, [1 + i % 4 for i in range(120)])[0], {"chunk": [0] * 45}
    elif kind == "half":
        extra = [pa.field("year", pa.int64()), pa.field("topic", pa.string()), pa.field("share", pa.float64())]
        table = Database(folder).create_articles("articles", fingerprint(weights=OTHER_WEIGHTS), extra, half=True)
        append(table, unit_vectors(300))
    else:
        table = with_holes(folder)
    append(table, np.repeat(unit_vectors(1, seed=3), 45, axis=0), ids=[f"copy{i:02d}" for i in range(45)], **more)
    return table


@pytest.mark.parametrize("kind", ["holes", "chunks", "half"])
def test_a_finder_finds_the_same_through_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    table = searched_table(tmp_path, kind)
    monkeypatch.setattr(blocks, "_FEWEST_ROWS", 97)
    # Searched in two groups.
    monkeypatch.setattr(hits, "_MOST_HITS", 50 * first_limit(12, kind == "chunks"))
    vectors = np.concatenate([unit_vectors(70, seed=9), unit_vectors(1, seed=3), unit_vectors(3, seed=9)])
    queries = [Query(None, str(i), vector, None) for i, vector in enumerate(vectors)]
    source = hits.FoundByWorkers(
        Database(tmp_path), table, vectors, first_limit(12, kind == "chunks"), WORKERS, Silent()
    )
    here, there = (Finder(table, 12, by="article", text="none", source=one) for one in (None, source))
    assert there.by_vector(queries, 12) == here.by_vector(queries, 12)


def test_overlap_is_that_of_one_process(sample_db: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    db = shutil.copytree(sample_db, tmp_path / "db")
    monkeypatch.setattr(blocks, "_FEWEST_ROWS", 50)
    index = vecindex.open(db)
    index.project(method="pca")
    # The first one embeds and stores the questions, of which the advice knows then.
    assert index.overlap(QUESTIONS).embedded == 40
    here, there = (index.overlap(QUESTIONS, **more).to_dict() for more in ({}, RAY))
    assert {**here, "seconds": None} == {**there, "seconds": None}


def test_evaluate_is_that_of_one_process(sample_db: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    db = shutil.copytree(sample_db, tmp_path / "db")
    monkeypatch.setattr(blocks, "_FEWEST_ROWS", 50)
    index = vecindex.open(db)
    index.search("cells", hybrid=True)
    index.tag("before")
    rankers = "words,hybrid,meaning,meaning+diverse"
    results = [index.evaluate(QUESTIONS, rankers=rankers, against="before", **more).to_dict() for more in ({}, RAY)]
    for result in results:
        result["embed_s"] = None
        for ranker in result["rankers"]:
            ranker["seconds"] = None
    assert results[0] == results[1]
    assert len(results[1]["items"]) == 40


def test_workers_without_a_search_by_vectors_are_refused(sample_db: Path) -> None:
    with pytest.raises(ConfigError, match="engine= has no effect on rankers='words'"):
        vecindex.open(sample_db).evaluate(QUESTIONS, rankers="words", engine="ray")
    with pytest.raises(ConfigError, match="worker_cores= has no effect without engine="):
        vecindex.open(sample_db).evaluate(QUESTIONS, worker_cores=2)


@pytest.mark.parametrize("more", [{}, {"sample": 1}, RAY], ids=["sampled", "read", "workers"])
def test_a_vector_that_is_not_finite_is_named(sample_db: Path, tmp_path: Path, more: dict[str, Any]) -> None:
    db = shutil.copytree(sample_db, tmp_path / "db")
    table = Database(db).articles("articles")
    row = table.lance.to_lance().take([0]).combine_chunks()
    vector, name = (row.schema.get_field_index(column) for column in ("vector", "id"))
    of_nothing = pa.array(np.full(384, np.nan, dtype=np.float32))
    bad = pa.FixedSizeListArray.from_arrays(of_nothing, type=row.schema.field(vector).type)
    row = row.set_column(vector, row.schema.field(vector), bad)
    table.append(row.set_column(name, row.schema.field(name), pa.array(["bad"])))
    with pytest.raises(CorruptError, match=r"articles.*: 1 vector is not finite\."):
        vecindex.open(db).overlap(QUESTIONS, **more)


def test_cores_without_an_engine_are_refused(sample_db: Path) -> None:
    with pytest.raises(ConfigError, match="worker_cores= has no effect without engine="):
        vecindex.open(sample_db).overlap(QUESTIONS, worker_cores=2)


def test_of_few_articles_workers_give_the_very_graph() -> None:
    vectors = unit_vectors(700, 16)
    one = knn_graph(vectors, 15, seed=0, observer=Silent())
    found = graph.graph_by_workers(WORKERS, vectors, 15, 0, Silent())
    np.testing.assert_array_equal(found.rows, one.rows)
    np.testing.assert_array_equal(found.sims, one.sims)
    assert (found.recall, found.rows.dtype, found.sims.dtype) == (1.0, np.int32, np.float32)


def test_of_many_articles_workers_give_as_good_a_graph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces are of 500 articles, and a worker dies at its first."""
    monkeypatch.setattr(neighbors, "EXACT_UP_TO", 1_000)
    monkeypatch.setattr(graph, "UNIT_BYTES", 500 * 24 * 4)
    monkeypatch.setattr(graph, "_LEAST_BYTES", 0)
    died = tmp_path / "died"

    class Dying(graph.GraphWorker):
        def look(self, vectors: F32, pairs: Any, bars: F32) -> Any:
            assert len(vectors) <= 500
            if not died.exists():
                died.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return super().look(vectors, pairs, bars)

    monkeypatch.setattr(graph, "GraphWorker", Dying)
    rng = np.random.default_rng(1)
    vectors = unit_vectors(60, 24)[rng.integers(60, size=4_000)] + 0.7 * unit_vectors(4_000, 24, seed=1)
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    observer = Notices()
    found = graph.graph_by_workers(WORKERS, vectors, 10, 0, observer)
    assert observer.lines == ["a worker has died (1 so far); what it was at is done again"]
    sims = vectors.astype(np.float64) @ vectors.T
    np.fill_diagonal(sims, -np.inf)
    true = -np.sort(-sims, axis=1)[:, :10]
    assert float((found.sims >= true[:, -1:] - 1e-6).mean()) >= 0.985
    assert abs(float((found.sims >= true[:, -1:] - 1e-6).mean()) - found.recall) < 0.01
    np.testing.assert_allclose(found.sims, np.take_along_axis(sims, found.rows.astype(np.int64), axis=1), atol=1e-6)
    # It is the algorithm of one process, and its products differ in their rounding alone.
    one = knn_graph(vectors, 10, seed=0, observer=Silent())
    assert float((one.rows == found.rows).mean()) > 0.999


def test_a_map_is_that_of_one_process(sample_db: Path, tmp_path: Path) -> None:
    maps, graphs = [], []
    for name, more in (("here", {}), ("there", RAY)):
        db = shutil.copytree(sample_db, tmp_path / name)
        made = vecindex.open(db).project(settings=QUICK, **more)
        assert made.graph is not None
        assert (made.graph.how, made.graph.recall) == ("made", 1.0)
        maps.append(map_xy(Database(db).articles("articles"), "map"))
        graphs.append(GraphTable(Database(db), "articles").load())
    assert maps[0][0] == maps[1][0]
    np.testing.assert_array_equal(maps[0][1], maps[1][1])
    assert graphs[0] is not None
    assert graphs[1] is not None
    np.testing.assert_array_equal(graphs[0].graph.rows, graphs[1].graph.rows)
    np.testing.assert_array_equal(graphs[0].graph.sims, graphs[1].graph.sims)
    observer = Notices()
    again = vecindex.open(tmp_path / "there").project(settings=QUICK, observer=observer, **RAY)
    assert again.graph is not None
    assert again.graph.how == "stored"
    assert "the neighbor graph that is stored is used, so workers have nothing to do" in observer.lines


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"engine": "ray", "method": "pca"}, "engine= has no effect on method='pca'"),
        ({"engine": "ray", "update": True}, "engine= means nothing with update=True"),
        ({"worker_cores": 2}, "worker_cores= has no effect without engine="),
        ({"engine": "dask"}, "There is no engine 'dask'"),
    ],
)
def test_workers_that_have_no_graph_to_make_are_refused(
    sample_db: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        vecindex.open(sample_db).project(**options)


@pytest.mark.slow
def test_reembed_gives_the_same_table(tmp_path: Path) -> None:
    rows = [{"id": f"a{i}", "text": f"word{i % 7} word{i}", "n": i} for i in range(80)]
    vecindex.open(tmp_path / "db").ingest(rows, model=MODEL)
    reports = []
    for name, more in (("here", {}), ("there", RAY)):
        db = shutil.copytree(tmp_path / "db", tmp_path / name)
        reports.append(vecindex.open(db, "new").reembed("articles", model="hashing:24", transaction_rows=15, **more))
    assert counts(reports[0]) == counts(reports[1])
    # Of some texts the words cancel each other out, and leave a vector of no length.
    assert reports[1].added > 70
    assert_same_tables(tmp_path / "here", tmp_path / "there", "new")
