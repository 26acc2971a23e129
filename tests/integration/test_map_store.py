"""Maps as columns: written whole or not at all, beside other writers, without a vector being written."""

from __future__ import annotations

import hashlib
import threading
import time
from pathlib import Path

import lancedb
import numpy as np
import pyarrow as pa
import pytest

from tables import append, filled, ids_in, make_table, map_xy, unit_vectors
from vecindex.errors import ConfigError
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.store.maps import check_map_name, drop_map, maps, outside, put_map
from vecindex.store.search import has_fulltext_index, make_fulltext_index


def places(n: int, seed: int = 0) -> np.ndarray:
    """Return places (n, 2) that float32 holds exactly."""
    return np.random.default_rng(seed).normal(size=(n, 2)).astype(np.float32).astype(np.float64)


def ids_of(table: ArticleTable) -> pa.Array:
    return pa.array(map_xy_ids(table))


def map_xy_ids(table: ArticleTable) -> list[str]:
    return [i for batch in table.scan(["id"]) for i in batch.column(0).to_pylist()]


def sums(folder: Path) -> dict[str, str]:
    """Return the checksum of each data file."""
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in (folder / "articles.lance/data").iterdir()}


def test_places_come_back_as_they_were(tmp_path: Path) -> None:
    table, _ = filled(tmp_path, 50)
    ids, xy = ids_of(table), places(50)
    order = np.random.default_rng(1).permutation(50)
    put_map(table, "map", ids.take(pa.array(order)), xy[order], {"method": "test", "n": 1})
    assert maps(table) == {"map": {"method": "test", "n": 1}}
    found_ids, found = map_xy(table, "map")
    assert found_ids == ids.to_pylist()
    np.testing.assert_array_equal(found, xy)
    assert [table.schema.field(f"map_{a}").type for a in "xy"] == [pa.float32()] * 2
    assert not [name for name in table.schema.names if name.startswith("_")]


def test_rows_without_a_place_are_null_and_unknown_ids_are_passed_over(tmp_path: Path) -> None:
    table, _ = filled(tmp_path, 10)
    ids, xy = ids_of(table), places(10)
    xy[3] = np.nan
    xy[4, 1] = np.nan
    put_map(table, "map", pa.concat_arrays([ids.slice(0, 8), pa.array(["absent"])]), np.vstack([xy[:8], [1, 2]]), {})
    _, found = map_xy(table, "map")
    np.testing.assert_array_equal(np.isfinite(found[:, 0]), [1, 1, 1, 0, 0, 1, 1, 1, 0, 0])
    assert outside(table, "map") == 4
    assert table.count() == 10


def test_no_vector_is_written(tmp_path: Path) -> None:
    table, vectors = make_table(tmp_path, dimension=64), unit_vectors(2_000, 64)
    append(table, vectors)
    append(table, unit_vectors(500, 64, seed=5), ids=[f"b{i}" for i in range(500)])
    before = sums(tmp_path)
    for turn in range(2):
        put_map(table, "map", ids_of(table), places(2_500, turn), {"turn": turn})
        after = sums(tmp_path)
        assert before.items() <= after.items(), "the files with vectors are as they were"
        new = [tmp_path / "articles.lance/data" / name for name in after.keys() - before.keys()]
        # Two float32 a row, in two fragments, each time; a vector alone takes 256 bytes.
        assert sum(path.stat().st_size for path in new) < (turn + 1) * (2_500 * 8 + 2 * 4_096)
    _, stored = table.vectors("id LIKE 'a%'")
    np.testing.assert_array_equal(stored, vectors)


def test_a_second_map_of_the_name_replaces_the_first_and_leaves_others(tmp_path: Path) -> None:
    table, _ = filled(tmp_path, 20)
    ids = ids_of(table)
    put_map(table, "one", ids, places(20, 1), {"made": 1})
    put_map(table, "two", ids, places(20, 2), {"made": 2})
    put_map(table, "one", ids.slice(0, 5), places(5, 3), {"made": 3})
    assert maps(table) == {"one": {"made": 3}, "two": {"made": 2}}
    np.testing.assert_array_equal(map_xy(table, "two")[1], places(20, 2))
    found = map_xy(table, "one")[1]
    np.testing.assert_array_equal(found[:5], places(5, 3))
    assert np.isnan(found[5:]).all(), "no place of the old map shows through"
    assert [f.name for f in table.extra_columns] == ["year", "topic", "share"]


def test_a_tagged_version_keeps_its_map(tmp_path: Path) -> None:
    table, _ = filled(tmp_path, 5)
    put_map(table, "map", ids_of(table), places(5, 1), {"made": 1})
    table.lance.tags.create("then", table.lance.version)
    put_map(table, "map", ids_of(table), places(5, 2), {"made": 2})
    then = Database(tmp_path).articles("articles", "then")
    assert maps(then) == {"map": {"made": 1}}
    np.testing.assert_array_equal(map_xy(then, "map")[1], places(5, 1))


def test_dropping_takes_both_columns_and_no_other(tmp_path: Path) -> None:
    table, _ = filled(tmp_path, 5)
    before = table.schema.names
    put_map(table, "keep", ids_of(table), places(5), {})
    put_map(table, "map", ids_of(table), places(5), {})
    drop_map(table, "map")
    assert table.schema.names == [*before, "keep_x", "keep_y"]
    with pytest.raises(ConfigError, match=r"no map 'map' \(maps there: keep\)"):
        drop_map(table, "map")


@pytest.mark.parametrize("name", ["", "Map", "2d", "a-b", "a b", "x" * 61, "_map", "map;drop"])
def test_names_that_cannot_be(tmp_path: Path, name: str) -> None:
    table, _ = filled(tmp_path, 3)
    with pytest.raises(ConfigError, match="A map cannot be named"):
        put_map(table, name, ids_of(table), places(3), {})


@pytest.mark.parametrize("column", ["mine_y", "Mine_Y"])
def test_a_users_column_is_not_taken(tmp_path: Path, column: str) -> None:
    table, _ = filled(tmp_path, 3)
    table.add_columns([pa.field(column, pa.int64())])
    with pytest.raises(ConfigError, match=f"has a column '{column}' of its own"):
        put_map(table, "mine", ids_of(table), places(3), {})
    check_map_name(table, "year")  # its columns would be year_x and year_y
    assert table.schema.names[-1] == column


def test_appends_meanwhile_are_neither_lost_nor_blocked(tmp_path: Path) -> None:
    table, _ = filled(tmp_path, 3_000)
    ids, n = ids_of(table), 3_000
    done, faults = threading.Event(), list[BaseException]()
    appended: list[str] = []

    def add() -> None:
        # A connection of its own, which knows nothing of our lock.
        other = lancedb.connect(tmp_path).open_table("articles")
        row = other.search().limit(1).to_arrow()
        names = ["id", "content_hash", "text", "vector", "txn", "ingested_at"]
        while not done.is_set():
            new = f"new{len(appended)}"
            one = row.select(names).set_column(0, row.schema.field("id"), pa.array([new]))
            try:
                other.add(one)
            except BaseException as error:  # noqa: BLE001 (told by the test)
                faults.append(error)
                return
            appended.append(new)
            time.sleep(0.01)

    writer = threading.Thread(target=add)
    writer.start()
    try:
        for turn in range(8):
            put_map(table, "map", ids, places(n, turn), {"turn": turn})
            # The other one loses a race or two against a map. Maps without a pause would win them all.
            before, until = len(appended), time.monotonic() + 60
            while len(appended) == before and writer.is_alive() and time.monotonic() < until:
                time.sleep(0.01)
    finally:
        done.set()
        writer.join()
    assert faults == []
    assert len(appended) >= 8, "the other one was not blocked"
    assert ids_in(tmp_path) == {*ids.to_pylist(), *appended}
    assert maps(table) == {"map": {"turn": turn}}
    names, found = map_xy(table, "map")
    known = dict(zip(names, found, strict=True))
    np.testing.assert_array_equal([known[i] for i in ids.to_pylist()], places(n, turn))
    assert all(np.isnan(known[i]).all() for i in appended)


def test_the_index_of_words_still_covers_all(tmp_path: Path) -> None:
    table, _ = filled(tmp_path, 30)
    make_fulltext_index(table)
    put_map(table, "map", ids_of(table), places(30), {})
    assert has_fulltext_index(table)
    stats = table.lance.index_stats(table.lance.list_indices()[0].name)
    assert (stats.num_indexed_rows, stats.num_unindexed_rows) == (30, 0)
