"""What another process commits in object storage while a command waits: for a yes, or for the lease."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import vecindex
from object_storage import Bucket
from vecindex.errors import StaleError, StoreError
from vecindex.objects.requests import Objects
from vecindex.store.database import Database
from vecindex.store.held.opened import Opened
from vecindex.verbs.upkeep.annotate import annotate
from vecindex.verbs.upkeep.delete import DeleteReport, delete

PRECOMPUTED: dict[str, Any] = {"vector_field": "vector", "model": "test/none", "unverified": True}


def ingest(where: str, folder: Path, years: dict[str, int]) -> None:
    rows = [{"id": i, "text": f"text of {i} {y}", "year": y, "vector": [1.0, 0.1 * y]} for i, y in years.items()]
    file = folder / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    vecindex.open(where).ingest(file, **PRECOMPUTED)


@pytest.fixture(params=["a folder", "a bucket"])
def where(request: pytest.FixtureRequest, bucket: Bucket, tmp_path: Path) -> str:
    found = str(tmp_path / "db") if request.param == "a folder" else bucket.db
    ingest(found, tmp_path, {"a": 1950, "b": 1960, "c": 2000})
    return found


def ids(where: str) -> list[str]:
    return sorted(
        batch for one in Database(where).articles("articles").scan(["id"]) for batch in one["id"].to_pylist()
    )


def between(do: Callable[[], object]) -> Callable[[DeleteReport], bool]:
    def confirm(_: DeleteReport) -> bool:
        do()
        return True

    return confirm


def test_what_no_longer_meets_the_condition_is_not_deleted(where: str, tmp_path: Path) -> None:
    change = between(lambda: ingest(where, tmp_path, {"a": 2020, "d": 1940}))
    report = delete(Database(where), "articles", [], {"where": "year < 1990"}, change)
    # What came meanwhile was not shown.
    assert (report.deleted, report.no_longer, report.rows_in_table) == (1, 1, 3)
    assert ids(where) == ["a", "c", "d"]


def test_rows_that_another_process_has_deleted_are_not_counted(where: str) -> None:
    report = delete(Database(where), "articles", ["a", "b"], {}, between(lambda: vecindex.open(where).delete("a")))
    assert (report.deleted, report.rows_in_table) == (1, 1)
    assert ids(where) == ["c"]


def test_labels_are_not_given_back_over_those_of_others(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    index = vecindex.open(where)
    index.annotate(["a"], label="first", tag="before")
    version = Database(where).articles("articles").version
    real = Database.writer

    def late(self: Database, doing: str = "") -> Any:
        monkeypatch.setattr(Database, "writer", real)
        vecindex.open(where).annotate(["b"], label="other")
        return real(self, doing)

    monkeypatch.setattr(Database, "writer", late)
    with pytest.raises(StaleError, match="has changed since"):
        annotate(Database(where), "articles", [], {"restore": "before"}, version=version)
    assert {hit.id: hit.fields.get("label") for hit in index.search(vector=[1.0, 0.1], k=9).hits} == {
        "a": "first",
        "b": "other",
        "c": None,
    }


def test_a_client_whose_keys_were_refused_is_made_anew(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest(bucket.db, tmp_path, {"a": 1950})
    opened, database = Opened(), Database(bucket.db)
    before = opened.table(database, "articles", None)
    assert opened.table(database, "articles", None) is before
    clients: list[Objects] = []
    real = Objects.first_listed

    def refused(self: Objects, prefix: str) -> Any:
        clients.append(self)
        if len(clients) == 1:
            raise StoreError("the keys have expired")
        return real(self, prefix)

    monkeypatch.setattr(Objects, "first_listed", refused)
    with pytest.raises(StoreError, match="expired"):
        opened.table(database, "articles", None)
    assert opened.table(database, "articles", None).count() == 1
    assert clients[0] is not clients[1]
