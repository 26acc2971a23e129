"""What a Ray cluster searches: the answer of one process, to the last neighbor. And `reembed` there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import vecindex
from clusters import MODEL, RAY, assert_same_tables, counts, installed_encoder, running_ray
from tables import OTHER_WEIGHTS, append, chunked_table, filled, fingerprint, unit_vectors
from vecindex.cluster.engine import Engine, Workers
from vecindex.errors import ConfigError, CorruptError
from vecindex.neighbors.exact import ExactSearch
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.types import Silent
from vecindex.verbs.cluster import blocks, hits
from vecindex.verbs.reader import TableReader
from vecindex.verbs.search.finder import Finder, Query, first_limit

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
    found = blocks.nearest_by_workers(Database(tmp_path), reader, queries, 12, Workers(Engine(), 1), Silent())
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
        Database(tmp_path), table, vectors, first_limit(12, kind == "chunks"), Workers(Engine(), 1), Silent()
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
    with pytest.raises(CorruptError, match=r"articles.*: 1 vectors are not finite\."):
        vecindex.open(db).overlap(QUESTIONS, **more)


def test_cores_without_an_engine_are_refused(sample_db: Path) -> None:
    with pytest.raises(ConfigError, match="worker_cores= has no effect without engine="):
        vecindex.open(sample_db).overlap(QUESTIONS, worker_cores=2)


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
