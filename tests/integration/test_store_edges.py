"""What the store does beyond the first time: several maps at once, commits in between, files set aside twice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from planted import make_table
from vecindex.errors import StoreError
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.store.maintenance import set_aside
from vecindex.store.maps import _retried, columns_and_positions, maps, put_map

IDS = [f"a{i:05d}" for i in range(6)]


@pytest.fixture
def table(tmp_path: Path) -> ArticleTable:
    return make_table(tmp_path / "db", np.random.default_rng(0).normal(size=(6, 4)), IDS)


def test_several_maps_are_read_at_once(table: ArticleTable) -> None:
    positions = {name: np.arange(12.0).reshape(6, 2) + 100 * i for i, name in enumerate(("first", "second", "third"))}
    for name, xy in positions.items():
        put_map(table, name, pa.array(IDS), xy, {"name": name})
    assert maps(table) == {name: {"name": name} for name in positions}
    (ids, titles), found = columns_and_positions(table, ["id", "title"], ["third", "first", "second"])
    assert ids.to_pylist() == IDS
    assert titles.to_pylist() == [f"Title of {row_id}" for row_id in IDS]
    assert {name: xy.tolist() for name, xy in found.items()} == {name: xy.tolist() for name, xy in positions.items()}
    assert columns_and_positions(table, [], [])[1] == {}


@pytest.mark.parametrize(("conflicts", "done"), [(0, True), (9, True), (10, False)])
def test_a_change_is_tried_ten_times(table: ArticleTable, conflicts: int, done: bool) -> None:
    tried = []

    def change() -> None:
        tried.append(1)
        if len(tried) <= conflicts:
            raise RuntimeError("Commit conflict for version 3")

    if done:
        _retried(table, change)
    else:
        with pytest.raises(StoreError, match="Commit conflict"):
            _retried(table, change)
    assert len(tried) == min(conflicts + 1, 10)


def test_another_error_is_not_tried_again(table: ArticleTable) -> None:
    tried = []

    def change() -> None:
        tried.append(1)
        raise RuntimeError("something else")

    with pytest.raises(StoreError, match="something else"):
        _retried(table, change)
    assert len(tried) == 1


def test_files_are_set_aside_again_and_again(tmp_path: Path) -> None:
    for name in ("a.lance", "b.lance"):
        (tmp_path / name).write_text(name)
        folder = set_aside(tmp_path, [tmp_path / name])
    assert {path.name: path.read_text() for path in folder.iterdir()} == {"a.lance": "a.lance", "b.lance": "b.lance"}
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]


def test_a_version_of_a_table_made_again_has_another_name(tmp_path: Path, table: ArticleTable) -> None:
    database = Database(tmp_path / "db")
    first = table.snapshot(database.folder)
    number, time = first.split("-")
    (manifest,) = [
        path
        for path in (tmp_path / "db/articles.lance/_versions").iterdir()
        if path.stat().st_mtime_ns == int(time, 16)
    ]
    assert int(number) == table.version
    assert manifest.name in (f"{2**64 - 1 - int(number):020}.manifest", f"{number}.manifest")
    assert Database(tmp_path / "db").articles("articles").snapshot(database.folder) == first
    assert table.snapshot(None) == number
    database.connection.drop_table("articles")
    again = make_table(tmp_path / "db", np.random.default_rng(1).normal(size=(6, 4)), IDS)
    assert again.version == int(number)
    assert again.snapshot(database.folder) != first
