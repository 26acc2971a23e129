"""Searches of an index through a table that is kept open: opened once, and what they find is what opening gives."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vecindex
from approximate import D, exact, names, stocked
from tables import append, unit_vectors
from vecindex.core.indexes.recall import Measured
from vecindex.core.limits import Limit
from vecindex.core.vectors import F32
from vecindex.errors import ConfigError, TableNotFoundError
from vecindex.store.database import Database
from vecindex.store.indexes.vector import about_index, keep_about
from vecindex.store.local import Tables


def with_all_probes(folder: Path) -> None:
    """Let searches of the index look at all of it, so that they find what an exact one does."""
    table = Database(folder).articles("articles")
    about = about_index(table)
    assert about is not None
    keep_about(table, replace(about, curve=replace(about.curve, points=(Measured(20, 40, 0.99, None, 1.0),))))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, F32]:
    """Return the vectors of two databases, by their folders: other vectors, and as many versions of the table."""
    vectors = {}
    for seed in (0, 31):
        folder = tmp_path_factory.mktemp("made")
        vectors[str(folder)] = stocked(folder, seed=seed)[1]
        vecindex.open(folder).build_index(type="IVF_SQ")
        with_all_probes(folder)
    assert len({Database(folder).articles("articles").version for folder in vectors}) == 1
    return vectors


@pytest.fixture
def vectors(made: dict[str, F32], tmp_path: Path) -> F32:
    """Return the vectors of a table with an index in `tmp_path`."""
    folder, its = next(iter(made.items()))
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    return its


@pytest.fixture
def openings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that gets the name of each table that is opened."""
    opened: list[str] = []
    before = Tables.open_table

    def counted(self: Tables, name: str) -> Any:
        opened.append(name)
        return before(self, name)

    monkeypatch.setattr(Tables, "open_table", counted)
    return opened


def ids(result: Any) -> list[str]:
    return [hit.id for hit in result.hits]


def test_it_is_opened_once_for_several_searches_with_the_same_answers(
    tmp_path: Path, vectors: F32, openings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vecindex.verbs.search.approximate.FEW_ROWS", 5)
    queries = unit_vectors(6, D, seed=8)
    asked: list[dict[str, Any]] = [{"vector": query} for query in queries]
    asked += [{"vector": queries}, {"vector": queries[0], "k": 40}, {"vector": queries[1], "where": "year < 1960"}]
    asked += [{"id": "a00010"}, {"vector": queries[2], "diverse": True}]
    index = vecindex.open(tmp_path)
    openings.clear()
    held = [index.search(approximate=True, **one) for one in asked + asked]
    assert openings == ["articles"]
    assert all(one.approximate is not None for one in held)
    cold = [vecindex.open(tmp_path).search(approximate=True, **one) for one in asked]
    assert openings == ["articles"] * (1 + len(asked))
    assert held == cold + cold


def test_a_limit_of_time_opens_it_once_by_either_library(tmp_path: Path, vectors: F32, openings: list[str]) -> None:
    index, limit = vecindex.open(tmp_path), Limit(600)
    opened: list[str] = []
    connection = Database.connection.func  # type: ignore[attr-defined]
    openings.clear()
    with pytest.MonkeyPatch.context() as patch:

        def counted(self: Tables) -> Any:
            made = connection(self)
            before = made.open_table
            made.open_table = lambda name: (opened.append(name), before(name))[1]
            return made

        patch.setattr(Database, "connection", property(counted))
        with limit.holding():
            for query in unit_vectors(5, D, seed=8):
                assert ids(index.search(vector=query, approximate=True)) == exact(vectors, names(), query)
    assert (openings, opened) == (["articles"], ["articles"])


def test_it_follows_each_commit(tmp_path: Path, vectors: F32, openings: list[str]) -> None:
    table = Database(tmp_path).articles("articles")
    index, query = vecindex.open(tmp_path), unit_vectors(1, D, seed=8)[0]

    def assert_as_exact() -> None:
        now_ids, now = Database(tmp_path).articles("articles").vectors()
        openings.clear()
        assert ids(index.search(vector=query, approximate=True)) == exact(now, now_ids, query)
        assert openings == []

    assert ids(index.search(vector=query, approximate=True)) == exact(vectors, names(), query)
    # Nearest of all, then gone again.
    append(table, query[None], ids=["b0"], txn=2)
    assert_as_exact()
    assert ids(index.search(vector=query, approximate=True))[0] == "b0"
    table.delete_ids(["b0", exact(vectors, names(), query)[0]])
    assert_as_exact()
    vecindex.open(tmp_path).optimize()
    assert_as_exact()
    vecindex.open(tmp_path).build_index(type="IVF_HNSW_SQ")
    with_all_probes(tmp_path)
    assert_as_exact()
    vecindex.open(tmp_path).build_index(drop=True)
    with pytest.raises(ConfigError, match="has no index of its vectors"):
        index.search(vector=query, approximate=True)


def test_a_tag_and_the_latest_version_in_turns(tmp_path: Path, vectors: F32) -> None:
    index, query = vecindex.open(tmp_path), vectors[5]
    index.tag("whole")
    index.delete("a00005")
    less = np.delete(vectors, 5, axis=0)
    for _ in range(3):
        assert ids(index.search(vector=query, approximate=True, at="whole")) == exact(vectors, names(), query)
        rest = [name for name in names() if name != "a00005"]
        assert ids(index.search(vector=query, approximate=True)) == exact(less, rest, query)
    # The tag is moved.
    index.tag("whole", move=True)
    assert ids(index.search(vector=query, approximate=True, at="whole")) == exact(less, rest, query)
    with pytest.raises(ConfigError, match="no tag 'other'"):
        index.search(vector=query, approximate=True, at="other")


@pytest.mark.parametrize("searched_between", [False, True])
def test_one_made_again_under_its_name_is_opened_again(
    tmp_path: Path, made: dict[str, F32], vectors: F32, openings: list[str], searched_between: bool
) -> None:
    index, query = vecindex.open(tmp_path), unit_vectors(1, D, seed=8)[0]
    assert ids(index.search(vector=query, approximate=True)) == exact(vectors, names(), query)
    shutil.rmtree(tmp_path / "articles.lance")
    if searched_between:
        with pytest.raises(TableNotFoundError):
            index.search(vector=query, approximate=True)
    other, its = list(made.items())[1]
    shutil.copytree(f"{other}/articles.lance", tmp_path / "articles.lance")
    openings.clear()
    for _ in range(2):
        assert ids(index.search(vector=query, approximate=True)) == exact(its, names(), query)
    assert openings == ["articles"]


def test_nothing_is_kept_where_the_user_allows_no_memory(
    tmp_path: Path, vectors: F32, openings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VECINDEX_VECTOR_MB", "0")
    index = vecindex.open(tmp_path)
    openings.clear()
    for _ in range(3):
        index.search(vector=vectors[3], approximate=True)
    assert openings == ["articles"] * 3
