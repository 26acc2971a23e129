"""The table of rejected rows, by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from vecindex.store.database import Database
from vecindex.store.rejects import RejectTable
from vecindex.types import Rejected


@pytest.fixture
def rejects(tmp_path: Path) -> RejectTable:
    table = RejectTable(Database(tmp_path / "db"))
    rows = [Rejected(f"f.csv:{i}", "bad", f"id{i}") for i in range(3)] + [Rejected("f.csv:9", "bad", None)]
    table.put("articles", "run 1", [("f.csv", row) for row in rows])
    table.put("it's another", "run 1", [("f.csv", rows[0])])
    return table


def ids(table: RejectTable, name: str = "articles") -> list[str]:
    return sorted(str(row["id"]) for row in table.rows(name))


def test_rows_that_were_stored_meanwhile_are_forgotten(rejects: RejectTable) -> None:
    assert ids(rejects) == ["None", "id0", "id1", "id2"]
    assert not rejects.forget_stored("articles", ["id8", "id9"], "run 2")
    assert not rejects.forget_stored("articles", [], "run 2")
    assert not rejects.forget_stored("articles", ["id1"], "run 1"), "this run has rejected it itself"
    assert rejects.count("articles") == 4
    assert rejects.forget_stored("articles", ["id8", "id1"], "run 2")
    assert ids(rejects) == ["None", "id0", "id2"]
    assert ids(rejects, "it's another") == ["id0"]


def test_of_many_ids_each_is_looked_up(rejects: RejectTable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vecindex.store.rejects._IDS_PER_LOOK", 2)
    assert rejects.forget_stored("articles", ["a", "id0", "b", "c", "id2"], "run 2")
    assert ids(rejects) == ["None", "id1"]


def test_a_name_with_a_quote_is_a_name(rejects: RejectTable) -> None:
    assert rejects.count("it's another") == 1
    rejects.forget_all("it's another", "run 2")
    assert (rejects.count("it's another"), rejects.count("articles")) == (0, 4)


def test_without_rows_there_is_nothing(tmp_path: Path) -> None:
    table = RejectTable(Database(tmp_path / "db"))
    assert (table.count("articles"), table.rows("articles")) == (0, [])
    assert not table.forget_stored("articles", ["a"], "run 1")
