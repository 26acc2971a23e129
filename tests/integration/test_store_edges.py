"""What the store does beyond the first time: several maps at once, commits in between, files set aside twice."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread
from uuid import uuid4

import lance
import numpy as np
import pyarrow as pa
import pytest

import vecindex
from planted import make_table
from vecindex.errors import LockedError, StoreError, TableNotFoundError
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.store.lock import commit_again
from vecindex.store.maintenance import maintain
from vecindex.store.maps import columns_and_positions, maps, put_map
from vecindex.store.versions import set_aside

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
        commit_again(table.lance, table.where, change)
    else:
        with pytest.raises(LockedError, match="Another process has written to"):
            commit_again(table.lance, table.where, change)
    assert len(tried) == min(conflicts + 1, 10)


def test_another_error_is_not_tried_again(table: ArticleTable) -> None:
    tried = []

    def change() -> None:
        tried.append(1)
        raise RuntimeError("something else")

    with pytest.raises(StoreError, match="something else"):
        commit_again(table.lance, table.where, change)
    assert len(tried) == 1


def test_a_setting_outlives_a_commit_that_came_between(table: ArticleTable) -> None:
    tried = []

    def change() -> None:
        # What Lance itself raises: the commit of another process replaces the version that this one read.
        data = table.lance.to_lance()
        tried.append(data.version)
        if len(tried) == 1:
            pieces = [piece.metadata for piece in data.get_fragments()]
            operation = lance.LanceOperation.Merge(pieces, data.lance_schema)
            lance.LanceDataset.commit(data.uri, operation, read_version=data.version)
        data.update_field_metadata({"vector": {"vecindex:test": "kept"}})

    before, rows = table.lance.version, table.count()
    commit_again(table.lance, table.where, change)
    assert tried == [before, before + 1]
    assert table.metadata()["vecindex:test"] == "kept"
    assert table.count() == rows


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


@pytest.mark.parametrize("left", ["articles.lance/_versions", "articles.lance/data", "rejects.lance/_versions"])
def test_a_table_that_was_killed_before_its_first_commit_is_begun_again(tmp_path: Path, left: str) -> None:
    folder = tmp_path / "db"
    (folder / left).mkdir(parents=True)
    (folder / left / ".tmp_1.manifest_x").write_bytes(b"half")
    if left.startswith("rejects"):
        (folder / "rejects.lance/data").mkdir()
        (folder / "rejects.lance/data/1.lance").write_bytes(b"rows of the first commit")
    source = tmp_path / "s.jsonl"
    source.write_text('{"id": "a", "text": "t", "vector": [1, 0]}\n{"id": "", "text": "x", "vector": [1, 0]}\n')
    index = vecindex.open(folder)
    with pytest.raises(TableNotFoundError):
        index.status()
    report = index.ingest(source, vector_field="vector", model="test/none", unverified=True)
    assert (report.added, report.rejected) == (1, 1)
    assert index.status().rows == 1
    assert index.doctor().sound
    assert Database(folder).tables() == ["articles", "rejects"]


def test_a_remote_database_knows_its_tables() -> None:
    database = Database(f"memory://{uuid4().hex}")
    assert (database.tables(), database.has("articles")) == ([], False)
    database.connection.create_table("articles", schema=pa.schema([("id", pa.string())]))
    assert (database.tables(), database.has("articles")) == (["articles"], True)


def test_each_reading_is_of_one_version(tmp_path: Path) -> None:
    folder, steps = tmp_path / "db", 40
    writer = make_table(folder, np.eye(4)[[0] * 100], [f"r000-{i:03}" for i in range(100)])
    reader = Database(folder).articles("articles")
    rows = writer.lance.to_arrow()
    at = {name: rows.schema.get_field_index(name) for name in ("id", "vector")}

    def grow() -> None:
        for step in range(1, steps):
            ids = pa.array([f"r{step:03}-{i:03}" for i in range(100)])
            vectors = np.eye(4, dtype=np.float32)[[step % 4] * 100].ravel()
            grown = rows.set_column(at["id"], rows.schema.field("id"), ids)
            vector = pa.FixedSizeListArray.from_arrays(vectors, 4)
            writer.append(grown.set_column(at["vector"], rows.schema.field("vector"), vector))
            # Else all might be there before the first reading.
            while step % 10 == 0 and sizes[-1:] != [100 * (step + 1)]:
                time.sleep(0.01)

    sizes: list[int] = []
    thread = Thread(target=grow, daemon=True)
    thread.start()
    while thread.is_alive() or not sizes:
        ids, vectors = reader.vectors()
        scanned = sum(len(batch) for batch in reader.scan(["id"]))
        expected = [int(row_id[1:4]) % 4 for row_id in ids]
        assert (vectors.argmax(axis=1) == expected).all()
        assert (len(ids) % 100, scanned % 100) == (0, 0)
        sizes.append(len(ids))
    thread.join()
    assert set(sizes) >= {1_100, 2_100, 3_100}
    assert reader.count() == 100 * steps


def test_a_folder_that_is_named_by_a_url_has_the_same_lock(tmp_path: Path) -> None:
    url = (tmp_path / "my db").as_uri()
    with Database(tmp_path / "my db").writer(), pytest.raises(LockedError), Database(url).writer():
        pass
    make_table(Path(tmp_path / "my db"), np.eye(4))
    assert Database(url).articles("articles").count() == 4
    assert vecindex.open(url).status().rows == 4


def test_a_folder_that_was_made_again_gets_no_commit_of_the_old_writer(tmp_path: Path) -> None:
    folder = tmp_path / "db"
    table = make_table(folder, np.eye(4))
    rows = table.lance.to_arrow()
    other = "import sys, numpy, planted, pathlib; from vecindex.store.database import Database\n"
    other += "folder = pathlib.Path(sys.argv[1])\n"
    other += "with Database(folder).writer(): planted.make_table(folder, numpy.eye(4)[:2])"
    tests = Path(__file__).resolve().parents[1]
    with Database(folder).writer():
        shutil.rmtree(folder)
        with pytest.raises(LockedError, match="was removed or replaced while this process was writing"):
            table.append(rows)
        subprocess.run([sys.executable, "-c", other, folder], check=True, cwd=tests)
        for change in (lambda: table.append(rows), lambda: table.delete("true"), lambda: maintain(table)):
            with pytest.raises(LockedError):
                change()
    assert Database(folder).articles("articles").count() == 2
    with Database(folder).writer():
        Database(folder).articles("articles").delete("id = 'a00000'")
    assert Database(folder).articles("articles").count() == 1
