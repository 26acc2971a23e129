"""Searches of vectors that are kept in memory: what they find is what the disk gives, to the last bit."""

from __future__ import annotations

import shutil
import threading
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vecindex
from tables import append, filled, make_table, unit_vectors
from vecindex.core.limits import Limit, Stopped
from vecindex.core.vectors import F32
from vecindex.errors import ConfigError
from vecindex.store.articles import ArticleTable, as_matrix
from vecindex.store.database import Database
from vecindex.store.held import pieces
from vecindex.store.held.pieces import Pieces
from vecindex.store.search import nearest
from vecindex.types import Chunking
from vecindex.verbs.overlap.live import LoadedTable
from vecindex.verbs.search.finder import Finder, Query
from vecindex.verbs.search.warm import FIRST, Warm

CONDITIONS = [None, "year > 1950 AND \"topic\" = 'odd'", "year < 0", "year = 1907", "text LIKE '%a0000%'"]


def queries_of(vectors: F32, where: str | None = None, without: str | None = None) -> list[Query]:
    """Return stored vectors, vectors near to them, and random ones."""
    near = vectors[:5] + 0.05 * unit_vectors(5, vectors.shape[1], seed=2)
    near /= np.linalg.norm(near, axis=1, keepdims=True)
    every = [*vectors[:3], *near, *unit_vectors(4, vectors.shape[1], seed=3)]
    return [Query(None, None, vector.astype(np.float32), where, without) for vector in every]


def assert_as_from_disk(table: ArticleTable, warm: Warm, vectors: F32, by: str = "article") -> None:
    """Assert equal rows, distances and order for several k, conditions and queries, alone and together."""
    for k in (1, 4, 30, 1_000):
        for where in CONDITIONS:
            asked = queries_of(vectors, where, "a00001")
            cold = Finder(table, k, by=by, text="full").by_vector(asked, k)
            held = Finder(table, k, by=by, text="full", source=warm)
            assert held.by_vector(asked, k) == cold
            assert [held.by_vector([one], k)[0] for one in asked[:2]] == cold[:2]
    assert warm.held_bytes


def with_twins(half: bool = False) -> F32:
    """Return 200 vectors, of which 60 are there twice and 30 are all the same."""
    vectors = unit_vectors(200)
    vectors[100:160] = vectors[:60]
    vectors[170:] = vectors[7]
    return vectors.astype(np.float16).astype(np.float32) if half else vectors


@pytest.mark.parametrize("half", [False, True], ids=["float32", "float16"])
def test_rows_and_distances_are_those_from_disk(tmp_path: Path, half: bool) -> None:
    like = make_table(tmp_path / "spare")
    table = Database(tmp_path / "db").create_articles("articles", like.fingerprint, like.extra_columns, half=half)
    vectors = with_twins(half)
    for at in range(0, 200, 80):
        append(table, vectors[at : at + 80], ids=[f"a{i:05d}" for i in range(200)][at : at + 80])
    assert_as_from_disk(table, Warm(first=0), vectors)


@pytest.mark.parametrize("by", ["article", "chunk"])
def test_articles_in_chunks_are_those_from_disk(tmp_path: Path, by: str) -> None:
    table = make_table(tmp_path, chunking=Chunking(64, 8))
    vectors = with_twins()
    append(table, vectors, ids=[f"a{i // 7:05d}" for i in range(200)], chunk=[i % 7 for i in range(200)])
    assert_as_from_disk(table, Warm(first=0), vectors, by)


def test_the_distance_is_that_of_float64(tmp_path: Path) -> None:
    table, vectors = filled(tmp_path, 50)
    query = unit_vectors(1, seed=9)[0]
    right = np.maximum(0, 1 - vectors.astype(np.float64) @ query.astype(np.float64)).astype(np.float32)
    for warm in (None, Warm(first=0)):
        (hits,) = Finder(table, 50, by="article", text="none", source=warm).by_vector(
            [Query(None, None, query, None)], 50
        )
        assert [hit.dist for hit in hits] == sorted(right.tolist())


def read_rows(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that gets the number of rows of each reading of vectors."""
    read: list[int] = []
    before = Pieces._read

    def counted(self: Pieces, table: ArticleTable, data: object, wanted: dict, d: int) -> bool:  # type: ignore[type-arg]
        read.append(sum(one.count_rows() for one in wanted.values()))
        return before(self, table, data, wanted, d)

    monkeypatch.setattr(Pieces, "_read", counted)
    return read


def test_a_later_version_reads_what_is_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table, vectors = filled(tmp_path, 100)
    read, warm = read_rows(monkeypatch), Warm(first=0)
    assert_as_from_disk(table, warm, vectors)
    assert sum(read) == 100
    append(table, unit_vectors(20, seed=4), ids=[f"b{i:05d}" for i in range(20)], txn=2)
    assert_as_from_disk(table, warm, vectors)
    assert sum(read) == 120
    table.delete("year % 10 = 3")
    table.set_setting(speeds={})
    assert_as_from_disk(table, warm, vectors)
    assert sum(read) == 120
    one = table.lance.to_lance().take([4]).combine_chunks()
    table.replace(
        one.set_column(one.schema.get_field_index("vector"), one.schema.field("vector"), vector_column(one))
    )
    assert_as_from_disk(table, warm, vectors)
    assert sum(read) == 121
    table.delete("year % 10 > 2")
    assert_as_from_disk(table, warm, vectors)
    # More than half of what was read is gone, so what is left of it is read again.
    assert sum(read) == 121 + 36
    table.lance.to_lance().optimize.compact_files()
    assert_as_from_disk(table, warm, vectors)


def vector_column(rows: object) -> object:
    """Return the vectors of some rows turned round."""
    import pyarrow as pa

    column = rows.column("vector").combine_chunks()  # type: ignore[attr-defined]
    return pa.FixedSizeListArray.from_arrays(pa.array(-column.flatten().to_numpy()), type=column.type)


def test_a_tagged_version_and_the_latest_one_in_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table, vectors = filled(tmp_path, 100)
    table.put_tag("before")
    table.delete("year < 1940")
    append(table, unit_vectors(9, seed=4), ids=[f"b{i:05d}" for i in range(9)], txn=2)
    read = read_rows(monkeypatch)
    cold, index = vecindex.open(tmp_path), vecindex.open(tmp_path)
    cold._held, index._held = Warm(first=1_000), Warm(first=0)
    for _ in range(3):
        for at in (None, "before"):
            asked = {"vector": vectors[:6], "k": 20, "at": at, "where": "topic = 'odd'"}
            assert index.search(**asked) == cold.search(**asked)
    # The tagged version needs rows that the latest one does not have any more.
    assert sum(read) == 69 + 100
    assert index._held.held_bytes == 109 * 8 * 4
    assert not cold._held.held_bytes


def test_a_condition_is_computed_again_for_another_version(tmp_path: Path) -> None:
    table, vectors = filled(tmp_path, 40)
    warm = Warm(first=0)
    asked = [Query(None, None, vectors[0], "year < 1905")]
    finder = Finder(table, 40, by="article", text="none", source=warm)
    assert len(finder.by_vector(asked, 40)[0]) == 5
    assert warm.matching(table, "year < 1905") == 5
    assert warm.matching(table, "year < 1906") is None
    # The column is written again, and the file of the vectors stays.
    import pyarrow as pa

    data = table.lance.to_lance()
    rows = pa.table({"id": [f"a{i:05d}" for i in range(40)], "year": pa.array([1900] * 40, pa.int64())})
    data.merge_insert("id").when_matched_update_all().write_mode("rewrite_columns").execute(rows)
    assert warm.matching(table, "year < 1905") is None
    assert len(finder.by_vector(asked, 40)[0]) == 40


def test_a_table_made_again_under_its_name(tmp_path: Path) -> None:
    _, vectors = filled(tmp_path, 30)
    index = vecindex.open(tmp_path)
    index._held = Warm(first=0)
    assert index.search(vector=vectors[3]).hits[0].id == "a00003"
    shutil.rmtree(tmp_path / "articles.lance")
    _, others = filled(tmp_path, 30, seed=5)
    found = index.search(vector=others[4], k=30)
    assert found == vecindex.open(tmp_path).search(vector=others[4], k=30)
    assert found.hits[0].dist == pytest.approx(0, abs=1e-6)


def test_vectors_are_read_once_a_few_queries_were_asked(tmp_path: Path) -> None:
    _, vectors = filled(tmp_path, 30)
    index = vecindex.open(tmp_path)
    held = []
    for number in range(FIRST + 1):
        index.search(vector=vectors[number])
        held.append(index._warm().held_bytes)
    assert held == [0] * (FIRST - 1) + [30 * 8 * 4] * 2
    several = vecindex.open(tmp_path)
    several.search(vector=vectors[:FIRST])
    assert several._warm().held_bytes == 30 * 8 * 4


@pytest.mark.parametrize(("megabytes", "held"), [("0", 0), ("1", 960), (" ", 960)])
def test_the_budget_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, megabytes: str, held: int) -> None:
    _, vectors = filled(tmp_path, 30)
    monkeypatch.setenv("VECINDEX_VECTOR_MB", megabytes)
    index = vecindex.open(tmp_path)
    index._held = Warm(first=0)
    assert [hit.id for hit in index.search(vector=vectors[3], k=1).hits] == ["a00003"]
    assert index._held.held_bytes == held


@pytest.mark.parametrize("given", ["abc", "-1", "nan", "1e99", "2GB", "0.5", "9" * 5_000])
def test_a_budget_that_is_no_number_is_refused(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("VECINDEX_VECTOR_MB", given)
    with pytest.raises(ConfigError, match=f"VECINDEX_VECTOR_MB is a whole number of MB, found '{given[:40]}'"):
        Warm()


def test_vectors_of_another_length_are_left_to_the_disk(tmp_path: Path) -> None:
    table, vectors = filled(tmp_path, 30)
    append(table, 3 * unit_vectors(2, seed=6), ids=["long0", "long1"], txn=2)
    warm = Warm(first=0)
    asked = queries_of(vectors)
    finder = Finder(table, 32, by="article", text="none", source=warm)
    assert finder.by_vector(asked, 32) == Finder(table, 32, by="article", text="none").by_vector(asked, 32)
    assert not warm.held_bytes


@pytest.mark.parametrize("where", ["ingested_at < now()", "ingested_at < CURRENT_TIMESTAMP", "random() < 2"])
def test_a_condition_on_time_or_chance_is_not_kept(tmp_path: Path, where: str) -> None:
    table, vectors = filled(tmp_path, 30)
    warm = Warm(first=0)
    asked = [Query(None, None, vectors[0], where)]
    assert len(Finder(table, 30, by="article", text="none", source=warm).by_vector(asked, 30)[0]) == 30
    assert warm.matching(table, where) is None


def test_a_condition_on_chance_is_worked_out_each_time(tmp_path: Path) -> None:
    table, vectors = filled(tmp_path, 100)
    finder = Finder(table, 100, by="article", text="none", source=Warm(first=0))
    asked = [Query(None, None, vectors[0], "random() < 0.5")]
    found = {tuple(hit.row["id"] for hit in finder.by_vector(asked, 100)[0]) for _ in range(3)}
    # Twice the same of 100 rows has a chance of 2^-100.
    assert len(found) == 3


def test_the_vectors_of_an_earlier_version_go_before_more_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = make_table(tmp_path, dimension=64)
    for part in range(3):
        append(table, unit_vectors(1_300, 64, seed=part), ids=[f"{part}-{i}" for i in range(1_300)], txn=part + 1)
    monkeypatch.setenv("VECINDEX_VECTOR_MB", "1")
    warm, query = Warm(first=0), unit_vectors(1, 64, seed=9)
    assert warm.nearest(table, query, 5, ["id"], None)
    view = warm.view(table, table.lance.to_lance())
    assert view is not None
    assert warm.held_bytes == 3 * 1_300 * 64 * 4
    before = [weakref.ref(block) for block in view.blocks]
    assert all(one() is not None for one in before)
    del view
    table.lance.to_lance().optimize.compact_files()
    there: list[int] = []

    def counted(column: object, d: int) -> F32:
        there.append(sum(one() is not None for one in before))
        return as_matrix(column, d)

    monkeypatch.setattr(pieces, "as_matrix", counted)
    table = Database(tmp_path).articles("articles")
    (found,) = warm.nearest(table, query, 5, ["id"], None) or []
    assert found.rows == nearest(table, query, 5, ["id"], None)[0].rows
    assert there
    assert not any(there)
    assert warm.held_bytes == 3 * 1_300 * 64 * 4


def test_a_request_does_not_wait_past_its_limit_for_vectors_that_another_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, vectors = filled(tmp_path, 30)
    begun, go_on = threading.Event(), threading.Event()
    read = Pieces._read

    def slowly(self: Pieces, *asked: Any) -> bool:
        begun.set()
        assert go_on.wait(250)
        return read(self, *asked)

    monkeypatch.setattr(Pieces, "_read", slowly)
    warm = Warm(first=0)
    loaded = LoadedTable(table, warm)
    first = threading.Thread(target=loaded.around_question, args=(vectors[3], 5, None))
    first.start()
    assert begun.wait(200)
    limit = Limit(600)
    limit.stop()
    try:
        with limit.holding(), pytest.raises(Stopped):
            warm.nearest(table, vectors[:1], 5, ["id"], None)
        with limit.holding(), pytest.raises(Stopped):
            loaded._in_memory()
    finally:
        go_on.set()
        first.join(200)
    assert warm.held_bytes == 30 * 8 * 4


def test_a_wrong_condition_is_refused_when_vectors_are_in_memory(tmp_path: Path) -> None:
    _, vectors = filled(tmp_path, 30)
    index = vecindex.open(tmp_path)
    index._held = Warm(first=0)
    index.search(vector=vectors[3])
    with pytest.raises(ConfigError, match="does not work on"):
        index.search(vector=vectors[3], where="yeer > 3")
    with pytest.raises(ConfigError, match=r"whole numbers: 1937, not 1936\.5"):
        index.search(vector=vectors[3], where="n_tokens > 3.5")
