"""Durable commits: what is on the disk when a commit returns, in which order, and what a failing disk ends with."""

from __future__ import annotations

import errno
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import vecindex
from tables import append, filled, unit_vectors
from vecindex.errors import UnavailableError
from vecindex.store.database import Database
from vecindex.store.maintenance import maintain
from vecindex.types import Rejected


class Flushed:
    """Every path that was brought to the disk, in order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.paths: list[Path] = []
        monkeypatch.setattr(os, "fsync", self.note)

    def note(self, handle: int) -> None:
        self.paths.append(Path(f"/proc/self/fd/{handle}").readlink())

    def take(self) -> list[Path]:
        taken, self.paths = self.paths, []
        return taken


pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs the names of open files")


@pytest.fixture
def flushed(monkeypatch: pytest.MonkeyPatch) -> Flushed:
    return Flushed(monkeypatch)


def rows(n: int, start: int = 0) -> list[dict[str, Any]]:
    vectors = unit_vectors(n, seed=start)
    return [{"id": f"i{start + i}", "text": f"text {i}", "vector": v.tolist()} for i, v in enumerate(vectors)]


def ingest(db: Path, made: list[dict[str, Any]], **options: Any) -> None:
    report = vecindex.open(db).ingest(
        made, vector_field="vector", model="t/n", unverified=True, transaction_rows=2, **options
    )
    assert report.added == len([row for row in made if row["text"]])


def files(db: Path) -> set[Path]:
    return {path for path in db.glob("*.lance/**/*") if path.is_file()}


def test_each_file_and_each_folder_is_on_the_disk_when_an_ingest_ends(tmp_path: Path, flushed: Flushed) -> None:
    db = tmp_path / "db"
    ingest(db, [*rows(5), {"id": "bad", "text": "", "vector": [0.0] * 8}], durable=True)
    done = flushed.take()
    assert files(db) <= set(done)
    for table in ("articles.lance", "rejects.lance"):
        assert {db / table / "data", db / table / "_versions", db / table, db} <= set(done)
    before = files(db)
    ingest(db, rows(4, start=10), durable=True)
    assert files(db) - before <= set(flushed.take())


def test_the_folders_above_a_new_database_are_on_the_disk(tmp_path: Path, flushed: Flushed) -> None:
    ingest(tmp_path / "new" / "db", rows(2), durable=True)
    assert {tmp_path, tmp_path / "new"} <= set(flushed.take())


def test_the_manifest_comes_last_and_then_its_folder(tmp_path: Path, flushed: Flushed) -> None:
    table, _ = filled(tmp_path, 4)
    database = Database(tmp_path)
    database.durable = True
    with database.writer():
        before = files(tmp_path)
        append(table, unit_vectors(2, seed=1), ids=["b0", "b1"], txn=2)
    new = files(tmp_path) - before
    done = [path for path in flushed.take() if path in new or path.is_dir()]
    kinds = [path.name if path.is_dir() else path.suffix for path in done]
    assert kinds.count(".manifest") == 1
    at = kinds.index(".manifest")
    assert {".lance", ".txn", "data", "_transactions", "articles.lance"} <= set(kinds[:at])
    assert kinds[at + 1] == "_versions"
    assert new - {done[at]} <= {*done[:at], tmp_path / "articles.lance/_versions/latest_version_hint.json"}


@pytest.mark.parametrize(("value", "durable"), [("1", True), ("yes", True), ("0", False), ("", False), (None, False)])
def test_the_environment_makes_all_writers_durable(
    tmp_path: Path, flushed: Flushed, monkeypatch: pytest.MonkeyPatch, value: str | None, durable: bool
) -> None:
    filled(tmp_path, 4)
    monkeypatch.delenv("VECINDEX_DURABLE", raising=False)
    if value is not None:
        monkeypatch.setenv("VECINDEX_DURABLE", value)
    vecindex.open(tmp_path).tag("t1")
    assert (tmp_path / "articles.lance/_refs/tags/t1.json" in flushed.take()) == durable


def test_each_verb_that_writes_takes_the_option(tmp_path: Path, flushed: Flushed) -> None:
    filled(tmp_path, 8)
    index = vecindex.open(tmp_path)
    for write in (
        lambda: index.tag("t1", durable=True),
        lambda: index.tag("t1", move=True, durable=True),
        lambda: index.delete("a00001", durable=True),
        lambda: index.project("m", method="pca", durable=True),
        lambda: index.optimize(durable=True),
    ):
        before = files(tmp_path)
        write()
        new = files(tmp_path) - before
        assert new <= set(flushed.take())
    index.delete("a00002")
    assert flushed.take() == []


def test_what_replaces_old_versions_is_on_the_disk_before_they_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a power cut after a clean-up, of a run that is not durable, could leave no version at all."""
    table, _ = filled(tmp_path, 4)
    append(table, unit_vectors(2, seed=1), ids=["b0", "b1"], txn=2)
    there: list[int] = []
    done: set[Path] = set()

    def note(handle: int) -> None:
        done.add(Path(f"/proc/self/fd/{handle}").readlink())
        there.append(len(list((tmp_path / "articles.lance" / "_versions").glob("*.manifest"))))

    monkeypatch.setattr(os, "fsync", note)
    maintain(table, timedelta(0))
    left = files(tmp_path)
    assert {path for path in left if path.suffix in (".manifest", ".lance")} <= done
    assert there[-1] > len(list((tmp_path / "articles.lance" / "_versions").glob("*.manifest"))) == 1


def test_a_commit_that_the_disk_did_not_take_is_not_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(tmp_path, 4)

    def fail(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(UnavailableError, match=r"The disk or its connection failed: .*articles is on "):
        vecindex.open(tmp_path).delete("a00001", durable=True)


def test_a_disk_without_fsync_is_written_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(tmp_path, 4)

    def fail(_: int) -> None:
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(os, "fsync", fail)
    assert vecindex.open(tmp_path).delete("a00001", durable=True).rows == 1


def test_rejects_of_a_durable_run_are_on_the_disk(tmp_path: Path, flushed: Flushed) -> None:
    from vecindex.store.rejects import RejectTable

    database = Database(tmp_path)
    database.durable = True
    with database.writer():
        RejectTable(database).put("articles", "run", [("s", Rejected("s:1", "empty text"))])
    assert files(tmp_path) <= set(flushed.take())
