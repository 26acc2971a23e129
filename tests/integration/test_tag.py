"""Tags: made, listed, moved, deleted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import vecindex
from tables import append, filled, unit_vectors
from vecindex.errors import ConfigError, LockedError
from vecindex.store.database import Database


def test_made_listed_moved_and_deleted(tmp_path: Path) -> None:
    table, _ = filled(tmp_path, 10)
    index = vecindex.open(tmp_path)
    assert index.tag().tags == ()
    made = index.tag("first")
    assert (made.made, made.moved, made.deleted) == ("first", None, None)
    append(table, unit_vectors(5), ids=list("abcde"), txn=2)
    index.tag("2nd.try-b_c")
    listed = index.tag()
    assert [(t.name, t.version, t.rows) for t in listed.tags] == [("2nd.try-b_c", 3, 15), ("first", 2, 10)]
    assert listed.made is None
    moved = index.tag("first", move=True)
    assert (moved.made, moved.moved) == (None, "first")
    assert [(t.name, t.rows) for t in moved.tags] == [("2nd.try-b_c", 15), ("first", 15)]
    gone = index.tag("first", delete=True)
    assert gone.deleted == "first"
    assert [t.name for t in gone.tags] == ["2nd.try-b_c"]


def test_the_time_is_that_of_the_commit_in_utc(tmp_path: Path) -> None:
    filled(tmp_path, 1)
    made_at = vecindex.open(tmp_path).tag("now").tags[0].made_at
    assert made_at is not None
    age = datetime.now(UTC) - datetime.fromisoformat(made_at)
    assert timedelta(0) <= age < timedelta(minutes=5)


def test_a_new_name_may_be_moved_as_well(tmp_path: Path) -> None:
    filled(tmp_path, 1)
    assert vecindex.open(tmp_path).tag("x", move=True).made == "x"


def test_a_name_is_not_taken_twice(tmp_path: Path) -> None:
    filled(tmp_path, 1)
    index = vecindex.open(tmp_path)
    index.tag("x")
    with pytest.raises(ConfigError, match=r"has a tag 'x' already \(version 2, the latest 2\)"):
        index.tag("x")


@pytest.mark.parametrize("name", ["", "a b", "a/b", ".x", "x..y", "x.lock", "ü", "x" * 101])
def test_names_that_cannot_be(tmp_path: Path, name: str) -> None:
    filled(tmp_path, 1)
    with pytest.raises(ConfigError, match="cannot be a tag's name"):
        vecindex.open(tmp_path).tag(name)


def test_wrong_use(tmp_path: Path) -> None:
    filled(tmp_path, 1)
    index = vecindex.open(tmp_path)
    index.tag("there")
    with pytest.raises(ConfigError, match=r"has no tag 'gone' \(tags there: there\)"):
        index.tag("gone", delete=True)
    with pytest.raises(ConfigError, match="No name is given"):
        index.tag(delete=True)
    with pytest.raises(ConfigError, match="either deleted or moved"):
        index.tag("there", delete=True, move=True)
    with Database(tmp_path).writer(), pytest.raises(LockedError, match="Another process is writing"):
        index.tag("late")
