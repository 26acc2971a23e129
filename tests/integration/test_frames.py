"""Results, vectors and positions as Arrow data and as frames of other libraries."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import vecindex
from tables import append, chunked_table, filled, unit_vectors
from vecindex.errors import ConfigError, MissingExtraError
from vecindex.store.maps import put_map
from vecindex.verbs.search.result import Answer, Hit, SearchResult

COLUMNS = [
    "query_index",
    "query",
    "query_id",
    "rank",
    "id",
    "article_id",
    "title",
    "text",
    "dist",
    "relevance",
    "score",
]


def hit(nth: int, row_id: str, **fields: object) -> Hit:
    return Hit(nth, row_id, f"{row_id}!", None, "text", nth / 8, None, fields)


def result(*answers: Answer) -> SearchResult:
    return SearchResult("articles", 2, "article", False, None, None, answers)


def test_hits_as_a_table() -> None:
    found = result(
        Answer("cells", "q1", (hit(1, "a", year=1990, rank="high"), hit(2, "b", year=None, rank="low"))),
        Answer(None, "q2", ()),
        Answer(None, "q3", (hit(1, "c", year=2000, rank="mid"),)),
    )
    assert found.to_arrow().to_pydict() == {
        "query_index": [0, 0, 2],
        "query": ["cells", "cells", None],
        "query_id": ["q1", "q1", "q3"],
        "rank": [1, 2, 1],
        "id": ["a", "b", "c"],
        "article_id": ["a!", "b!", "c!"],
        "title": [None, None, None],
        "text": ["text", "text", "text"],
        "dist": [0.125, 0.25, 0.125],
        "relevance": [None, None, None],
        "score": [None, None, None],
        "year": [1990, None, 2000],
        "src_rank": ["high", "low", "mid"],
    }
    frame = found.to_pandas()
    assert isinstance(frame, pd.DataFrame)
    assert frame["id"].tolist() == ["a", "b", "c"]
    assert isinstance(found.to_polars(), pl.DataFrame)
    assert found.to_polars()["dist"].to_list() == [0.125, 0.25, 0.125]


def test_no_hits_are_a_table_without_rows() -> None:
    table = result(Answer("q", None, ())).to_arrow()
    assert (table.num_rows, table.column_names) == (0, COLUMNS)
    assert table.schema.field("dist").type == pa.float64()


@pytest.mark.parametrize("name", ["pandas", "polars"])
def test_a_library_that_is_missing_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=rf"{name} is not installed\.\npip install {name}"):
        getattr(result(), f"to_{name}")()


def test_search_gives_frames(tmp_path: Path) -> None:
    _, vectors = filled(tmp_path / "db", 20)
    found = vecindex.open(tmp_path / "db").search(vector=vectors[:2], k=3)
    frame = found.to_polars()
    assert frame["id"].to_list() == [one.id for one in found.hits]
    assert frame["rank"].to_list() == [1, 2, 3, 1, 2, 3]
    assert frame["query_index"].to_list() == [0, 0, 0, 1, 1, 1]
    assert frame["year"].to_list() == [one.fields["year"] for one in found.hits]


def test_vectors_as_a_stream(tmp_path: Path) -> None:
    table, vectors = filled(tmp_path / "db", 50)
    index = vecindex.open(tmp_path / "db")
    reader = index.vectors()
    assert isinstance(reader, pa.RecordBatchReader)
    found = reader.read_all()
    assert found.column_names == ["id", "vector"]
    assert found["id"].to_pylist() == [f"a{i:05d}" for i in range(50)]
    assert np.array_equal(np.array(found["vector"].to_pylist(), dtype=np.float32), vectors)
    assert pl.from_arrow(index.vectors(where="year < 1903").read_all())["id"].to_list() == [
        "a00000",
        "a00001",
        "a00002",
    ]
    index.tag("before")
    append(table, unit_vectors(1, seed=9), ids=["new"])
    assert [index.vectors(at=at).read_all().num_rows for at in (None, "before")] == [51, 50]
    with pytest.raises(ConfigError, match="nonsense"):
        index.vectors(where="nonsense = 1")


def test_vectors_of_chunks_name_their_articles(tmp_path: Path) -> None:
    chunked_table(tmp_path / "db", [2, 1])
    found = vecindex.open(tmp_path / "db").vectors().read_all().select(["id", "article_id"])
    assert found.to_pydict() == {"id": ["c000#0", "c000#1", "c001#0"], "article_id": ["c000", "c000", "c001"]}


def test_positions_of_a_map(tmp_path: Path) -> None:
    table, _ = filled(tmp_path / "db", 4)
    index = vecindex.open(tmp_path / "db")
    with pytest.raises(ConfigError, match="has no map yet"):
        index.positions()
    ids = pa.array([f"a{i:05d}" for i in range(4)])
    xy = np.array([[0, 1], [2, 3], [np.nan, np.nan], [4, 5]], dtype=np.float64)
    put_map(table, "poor", ids, xy, {"method": "pca"})
    scores = {"recall": {"5": {"mean": 0.5, "low": 0.4, "high": 0.6}}}
    put_map(table, "scored", ids, -xy, {"method": "pca", "scores": scores})
    found = index.positions("poor")
    assert found.column_names == ["id", "x", "y"]
    assert found.to_pydict() == {"id": ["a00000", "a00001", "a00003"], "x": [0, 2, 4], "y": [1, 3, 5]}
    assert index.positions("poor", where="year > 1900").to_pydict() == {
        "id": ["a00001", "a00003"],
        "x": [2, 4],
        "y": [3, 5],
    }
    with pytest.raises(ConfigError, match=r"has no map 'none' \(maps there: poor, scored\)"):
        index.positions("none")
    index.tag("before")
    put_map(table, "poor", ids, xy + 10, {"method": "pca"})
    assert index.positions("poor")["x"].to_pylist() == [10, 12, 14]
    assert index.positions("poor", at="before")["x"].to_pylist() == [0, 2, 4]
    assert index.positions()["x"].to_pylist() == [0, -2, -4], "without a name, of the map with the best scores"
