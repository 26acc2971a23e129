"""The table of rejected rows, by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from vecindex.errors import UnavailableError
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


def damage(folder: Path, name: str, part: str) -> None:
    """Empty the files of one part of a table: data, _versions or _deletions."""
    for path in (folder / f"{name}.lance" / part).iterdir():
        path.write_bytes(b"")


def zero_newest(folder: Path, name: str) -> None:
    newest = min((folder / f"{name}.lance" / "_versions").glob("*.manifest"))
    newest.write_bytes(bytes(newest.stat().st_size))


def told(folder: Path) -> tuple[RejectTable, list[str]]:
    lines: list[str] = []
    return RejectTable(Database(folder), notice=lambda message: lines.append(str(message))), lines


@pytest.mark.parametrize("part", ["data", "_versions", "zeros"])
def test_a_damaged_one_is_taken_for_empty_and_made_again(rejects: RejectTable, tmp_path: Path, part: str) -> None:
    folder = tmp_path / "db"
    zero_newest(folder, "rejects") if part == "zeros" else damage(folder, "rejects", part)
    table, lines = told(folder)
    assert (table.count("articles"), table.rows("articles")) == (0, [])
    assert len(lines) == 1
    assert lines[0].startswith("the table 'rejects' is damaged and taken for empty: ")
    table.put("articles", "run 2", [("f.csv", Rejected("f.csv:7", "bad", "id7"))])
    (aside,) = (folder / "_set_aside").iterdir()
    assert lines[1:] == [
        f"the table 'rejects' is damaged: it is set aside as {aside} and made again, with the 0 rows that can be read"
    ]
    assert list((aside / "data").iterdir())
    assert ids(table) == ["id7"]
    assert Database(folder).tables() == ["rejects"]


def test_the_rows_that_can_be_read_stay(rejects: RejectTable, tmp_path: Path) -> None:
    folder = tmp_path / "db"
    oldest = max((folder / "rejects.lance" / "_versions").glob("*.manifest"))
    oldest.write_bytes(b"")
    table, _ = told(folder)
    assert table.count("articles") == 4
    # To remove old versions, Lance reads them all; it keeps them while one is damaged.
    table.maintain()
    assert oldest.exists()
    assert ids(table) == ["None", "id0", "id1", "id2"]
    assert ids(table, "it's another") == ["id0"]


@pytest.mark.parametrize("change", ["forget", "forget_all", "forget_stored", "ready", "maintain"])
def test_whatever_writes_makes_it_again(rejects: RejectTable, tmp_path: Path, change: str) -> None:
    damage(tmp_path / "db", "rejects", "data")
    table, lines = told(tmp_path / "db")
    given = {
        "forget": (["f.csv"], "run 2"),
        "forget_all": ("run 2",),
        "forget_stored": (["id1"], "run 2"),
        "ready": (),
    }
    arguments = ("articles", *given[change]) if change in given else ()
    assert not getattr(table, change)(*arguments)
    assert sum("set aside as" in line for line in lines) <= 1
    assert not table.exists() or table.count("articles") in (0, 4)


def test_what_is_lacking_now_is_no_damage(
    rejects: RejectTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lacking(_: RejectTable) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(RejectTable, "_open", lacking)
    for look in (rejects.count, rejects.ready):
        with pytest.raises(UnavailableError, match="Too few file descriptors"):
            look("articles")
    assert not (tmp_path / "db" / "_set_aside").exists()
