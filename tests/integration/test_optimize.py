"""Optimize makes the table small and keeps what is in it."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path

import lance
import pytest

import vecindex
from tables import append, ids_in, make_table, unit_vectors
from vecindex.errors import ConfigError, LockedError
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.store.rejects import RejectTable
from vecindex.store.search import by_fulltext, make_fulltext_index
from vecindex.types import Rejected
from vecindex.verbs.upkeep.optimize import age


def in_pieces(folder: Path, n: int = 12) -> ArticleTable:
    """Return a table of n commits with 5 rows each."""
    table = make_table(folder)
    for i in range(n):
        append(table, unit_vectors(5, seed=i), ids=[f"x{i}-{j}" for j in range(5)], txn=i + 1)
    return table


def test_pieces_are_merged_and_rows_stay(tmp_path: Path) -> None:
    table = in_pieces(tmp_path)
    ids, vectors = table.vectors()
    report = vecindex.open(tmp_path).optimize(older_than="0s")
    assert (report.fragments_before, report.fragments_after) == (12, 1)
    assert report.versions_before == 13
    assert report.versions_after <= 2
    # Those there were, and those that merging made, but the last.
    assert report.versions_removed >= report.versions_before - 1
    assert report.bytes_before is not None
    assert report.bytes_after is not None
    assert report.bytes_after < report.bytes_before
    after_ids, after = Database(tmp_path).articles("articles").vectors()
    assert after_ids == ids
    assert (after == vectors).all()


def test_by_default_the_versions_of_the_last_hour_stay(tmp_path: Path) -> None:
    in_pieces(tmp_path)
    report = vecindex.open(tmp_path).optimize()
    assert report.versions_removed == 0
    assert report.versions_after >= 13


def test_a_tag_survives_and_still_reads_the_old_rows(tmp_path: Path) -> None:
    table = in_pieces(tmp_path)
    index = vecindex.open(tmp_path)
    index.tag("all")
    vector = table.vectors("id = 'x3-2'")[1][0]
    index.delete(where="id <> 'x0-0'")
    report = index.optimize(older_than="0s")
    assert report.tags == {"all": 13}
    assert ids_in(tmp_path) == {"x0-0"}
    assert index.status(at="all").rows == 60
    assert index.search(vector=vector, k=1, at="all").hits[0].id == "x3-2"
    again = index.optimize(older_than="0s")
    assert again.fragments_after == 1
    index.tag("all", delete=True)
    index.optimize(older_than="0s")
    assert index.status().versions == 1


def test_the_index_of_words_is_brought_up_to_date(tmp_path: Path) -> None:
    table = in_pieces(tmp_path)
    make_fulltext_index(table)
    append(table, unit_vectors(1), ids=["new"], text=["a quokkabird"], txn=99)
    assert [i.num_unindexed_rows for i in table.lance.list_indices()] == [1, 1]
    assert vecindex.open(tmp_path).optimize(older_than="0s").words_indexed
    assert [i.num_unindexed_rows for i in table.lance.list_indices()] == [0, 0]
    assert [found.row["id"] for found in by_fulltext(table, "quokkabird", 5, ["id"])] == ["new"]


def test_leftovers_of_a_crash_are_swept(tmp_path: Path) -> None:
    in_pieces(tmp_path)
    left = tmp_path / "articles.lance" / "data" / ".tmpAbCd"
    left.write_bytes(b"x" * 1_000)
    os.utime(left, (time.time() - 9e5,) * 2)
    vecindex.open(tmp_path).optimize()
    assert not left.exists()


def test_the_rejects_are_kept_small_too(tmp_path: Path) -> None:
    in_pieces(tmp_path, 1)
    for i in range(5):
        RejectTable(Database(tmp_path)).put("articles", "run", [("s", Rejected(f"s:{i}", "empty text"))])
    index = vecindex.open(tmp_path)
    index.optimize(older_than="0s")
    assert len(lance.dataset(str(tmp_path / "rejects.lance")).get_fragments()) == 1
    assert index.status().rejected == 5


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0s", timedelta(0)), ("10m", timedelta(minutes=10)), ("1.5h", timedelta(hours=1.5)), (" 7d ", timedelta(7))],
)
def test_ages(text: str, expected: timedelta) -> None:
    assert age(text) == expected


@pytest.mark.parametrize("text", ["", "5", "5x", "-1h", "h", "1h30m", "99999999d"])
def test_other_ages_are_refused(tmp_path: Path, text: str) -> None:
    in_pieces(tmp_path, 1)
    with pytest.raises(ConfigError, match="older_than= takes a number and one of s, m, h, d"):
        vecindex.open(tmp_path).optimize(older_than=text)


def test_not_while_another_writes(tmp_path: Path) -> None:
    in_pieces(tmp_path, 2)
    with Database(tmp_path).writer(), pytest.raises(LockedError, match="Another process is writing"):
        vecindex.open(tmp_path).optimize()
