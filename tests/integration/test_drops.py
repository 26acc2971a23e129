"""Daily files in any order, with deletions: the newest version of each row stands."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from decimal import Decimal
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

import vecindex
from embedding_service import serving
from vecindex.errors import ConfigError, SourceError
from vecindex.store.database import Database
from vecindex.store.deleted import DeletedRows
from vecindex.store.rejects import RejectTable

VECTORS: dict[str, Any] = {"vector_field": "v", "model": "test/none", "unverified": True}
DROP: dict[str, Any] = {**VECTORS, "newer": "day", "deleted_field": "gone"}


def row(id: str, day: Any, text: str = "", gone: Any = None) -> dict[str, Any]:
    """A version of a row, or its deletion, which has neither text nor vector."""
    if gone:
        return {"id": id, "day": day, "gone": gone}
    found = {"id": id, "day": day, "text": text or f"{id} of day {day}", "v": [1.0, float(len(str(day))), 2.0]}
    return found if gone is None else {**found, "gone": gone}


def texts(folder: Path) -> dict[str, str]:
    """The text of each row of a table."""
    batches = Database(folder).articles("articles").scan(["id", "text"])
    rows = [one for batch in batches for one in batch.to_pylist()]
    found = {one["id"]: one["text"] for one in rows}
    assert len(found) == len(rows), "an id stands twice"
    return found


def take(folder: Path, rows: list[dict[str, Any]], **options: Any) -> Any:
    return vecindex.open(folder).ingest(rows, name="drop", **{**DROP, **options})


def test_an_older_row_never_replaces_a_newer_one(tmp_path: Path) -> None:
    take(tmp_path, [row("a", 2), row("b", 2)])
    report = take(tmp_path, [row("a", 1), row("b", 3), row("c", 1)])
    assert (report.read, report.added, report.changed, report.older) == (3, 1, 1, 1)
    assert texts(tmp_path) == {"a": "a of day 2", "b": "b of day 3", "c": "c of day 1"}


def test_several_versions_in_one_run(tmp_path: Path) -> None:
    versions = [row("a", day) for day in (2, 5, 1, 4)]
    report = take(tmp_path, [*versions, row("b", 1)], transaction_rows=1)
    # Each stands against those before it: 2 and 5 are written, 1 and 4 are older.
    assert (report.added, report.changed, report.older, report.rejected) == (2, 1, 2, 0)
    assert texts(tmp_path) == {"a": "a of day 5", "b": "b of day 1"}
    together = take(tmp_path / "one", [*versions, row("b", 1)])
    assert (together.added, together.changed, together.older) == (2, 0, 3)
    assert texts(tmp_path / "one") == texts(tmp_path)


def test_a_deletion_outlives_older_rows_and_not_newer_ones(tmp_path: Path) -> None:
    take(tmp_path, [row("a", 1), row("b", 1)])
    report = take(tmp_path, [row("a", 3, gone=True), row("x", 3, gone=True)])
    assert (report.read, report.deleted, report.rows_in_table) == (2, 2, 1)
    report = take(tmp_path, [row("a", 2), row("x", 2)])
    assert (report.older, report.added) == (2, 0)
    assert set(texts(tmp_path)) == {"b"}
    assert take(tmp_path, [row("a", 4), row("b", 0, gone=True)]).older == 1
    assert texts(tmp_path) == {"a": "a of day 4", "b": "b of day 1"}


def test_a_deletion_of_the_same_age_stands(tmp_path: Path) -> None:
    for number, rows in enumerate(permutations([row("a", 1), row("a", 1, gone="yes")])):
        take(tmp_path / str(number), [*rows, row("b", 1)])
        assert set(texts(tmp_path / str(number))) == {"b"}


def test_without_an_order_the_later_one_stands(tmp_path: Path) -> None:
    options = {"newer": None}
    take(tmp_path, [row("a", 1), row("b", 1)], **options)
    report = take(tmp_path, [row("a", 1, gone=1), row("b", 0, "new")], **options)
    assert (report.deleted, report.changed, report.older) == (1, 1, 0)
    assert texts(tmp_path) == {"b": "new"}
    # Nothing is remembered of a deletion without an age.
    report = take(tmp_path, [row("a", 0), row("b", 0, gone=1), row("b", 9, "again")], **options)
    assert (report.added, report.changed, report.deleted, report.older, report.rejected) == (1, 1, 0, 1, 0)
    assert texts(tmp_path) == {"a": "a of day 0", "b": "again"}
    assert take(tmp_path, [row("c", 1), row("c", 2)], **options).rejected == 1


def test_the_mark_is_not_stored_and_changes_nothing(tmp_path: Path) -> None:
    take(tmp_path, [row("a", 1, gone=False)])
    assert take(tmp_path, [row("a", 1)]).skipped == 1
    assert [field.name for field in Database(tmp_path).articles("articles").extra_columns] == ["day"]


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("2024-02-01", "2024-02-01T00:00:01"),
        ("2024-03-01T01:00:00+02:00", "2024-03-01T00:00:00Z"),
        ("9", "10"),
        (9.5, 10),
        (2**53, 2**53 + 1),
        (Decimal("9.5"), Decimal("10.25")),
        ("v1", "v2"),
    ],
)
def test_numbers_times_and_texts_are_ordered(tmp_path: Path, older: Any, newer: Any) -> None:
    for number, (first, second) in enumerate(permutations([older, newer])):
        for day in (first, second):
            take(tmp_path / str(number), [row("a", day)])
        assert texts(tmp_path / str(number)) == {"a": f"a of day {newer}"}


def test_what_cannot_be_placed_in_time_is_rejected(tmp_path: Path) -> None:
    rows = [row("a", 1), row("b", None), row("c", "soon"), row("d", 1, gone="perhaps"), row("", 2, gone=True)]
    report = take(tmp_path, [*rows, row("e", {"$date": 5})])
    assert (report.read, report.added, report.rejected) == (6, 1, 5)
    assert report.reject_reasons == {"unusable newer": 3, "unusable deleted": 1, "no id in field 'id'": 1}
    reasons = [one["reason"] for one in RejectTable(Database(tmp_path)).rows("articles")]
    assert "newer: no value in field 'day', expected a number, a time or text" in reasons
    assert "newer: found {'$date': 5} in field 'day', expected a number, a time or text" in reasons
    with pytest.raises(SourceError, match="the field 'text' is the id, the text or the title of a row"):
        take(tmp_path, [row("a", 1)], newer="text")
    with pytest.raises(SourceError, match="no field 'day', by which rows are newer or older; fields found: id, text"):
        take(tmp_path, [{"id": "a", "text": "t", "v": [1.0, 0.0, 0.0]}])


def test_a_drop_prunes_nothing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="a drop holds only what changed"):
        take(tmp_path, [row("a", 3)], prune=True)


def test_an_age_of_another_kind_than_the_stored_one_is_rejected(tmp_path: Path) -> None:
    take(tmp_path, [row("a", "2024-03-01"), row("b", "2024-03-01")])
    report = take(tmp_path, [row("a", "20240302"), row("b", "20240302", gone=True), row("c", "20240302")])
    assert (report.added, report.changed, report.deleted, report.older, report.rejected) == (1, 0, 0, 0, 2)
    assert report.reject_reasons == {"unusable newer": 2}
    assert texts(tmp_path) == {"a": "a of day 2024-03-01", "b": "b of day 2024-03-01", "c": "c of day 20240302"}


def test_the_table_of_deleted_rows_is_kept_compact(tmp_path: Path) -> None:
    take(tmp_path, [row("z", 1), *(row(f"a{i}", 1, gone=True) for i in range(5))], transaction_rows=1)
    take(tmp_path, [row("b", 1, gone=True)])
    kept = DeletedRows(Database(tmp_path), "articles")
    assert set(kept.of(["a0", "a4", "b", "z"])) == {"a0", "a4", "b"}
    opened = Database(tmp_path).connection.open_table("_deleted.articles")
    assert len(opened.to_lance().get_fragments()) == 1
    vecindex.open(tmp_path).optimize(older_than="0s")
    assert len(opened.list_versions()) == 1


def test_a_drop_has_ids_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="makes another id of each version of a row"):
        take(tmp_path, [row("a", 3)], id="auto")


def test_no_row_is_missing_from_a_drop(tmp_path: Path) -> None:
    take(tmp_path, [row("a", 1), row("b", 1)])
    assert take(tmp_path, [row("c", 1)], dry_run=True).missing == 0
    assert take(tmp_path, [row("c", 1)]).missing == 0
    last_run = vecindex.open(tmp_path).status().last_run
    assert last_run is not None
    assert last_run["missing"] == 0
    assert vecindex.open(tmp_path).ingest([row("c", 1)], name="all", **VECTORS).missing == 2


def test_a_chunked_article_is_one_row_of_a_drop(tmp_path: Path) -> None:
    long = "Cells divide. " * 80
    index, options = vecindex.open(tmp_path), {"newer": "day", "deleted_field": "gone", "chunk": 64}
    rows = [{"id": "a", "day": 2, "text": long}, {"id": "b", "day": 1, "text": "Short."}]
    index.ingest(rows, name="drop", **options)
    older = index.ingest([{"id": "a", "day": 1, "text": "Old."}], name="drop", **options)
    assert (older.older, older.changed) == (1, 0)
    assert Database(tmp_path).articles("articles").count("article_id = 'a'") > 2
    index.ingest([{"id": "a", "day": 3, "gone": True}], name="drop", **options)
    assert set(texts(tmp_path)) == {"b#0"}


@pytest.mark.parametrize("transaction_rows", [1, 2, 100])
def test_a_bad_row_displaces_no_other_version(tmp_path: Path, transaction_rows: int) -> None:
    take(tmp_path, [{**row("z", 1), "n": 1}])
    good, bad = {**row("a", 5), "n": 1}, {**row("a", 6), "n": "many"}
    report = take(tmp_path, [good, bad, {**row("a", 3), "n": 1}], transaction_rows=transaction_rows)
    assert (report.added, report.older, report.rejected, report.rows_in_table) == (1, 1, 1, 2)
    assert texts(tmp_path) == {"a": "a of day 5", "z": "z of day 1"}
    report = take(tmp_path, [row("a", 7, gone=True), {**bad, "day": 8}], transaction_rows=transaction_rows)
    assert (report.deleted, report.older, report.rejected) == (1, 0, 1)
    assert set(texts(tmp_path)) == {"z"}


def test_a_bad_row_after_a_deletion_lets_another_follow(tmp_path: Path) -> None:
    options = {"newer": None, "transaction_rows": 1}
    take(tmp_path, [{**row("z", 1), "n": 1}, {**row("a", 1), "n": 1}], **options)
    rows = [row("a", 2, gone=True), {**row("a", 3), "n": "many"}, {**row("a", 4), "n": 4}, {**row("a", 5), "n": 5}]
    report = take(tmp_path, rows, **options)
    assert report.reject_reasons == {"wrong type": 1, "duplicate id": 1}
    assert texts(tmp_path) == {"a": "a of day 4", "z": "z of day 1"}


@pytest.mark.parametrize("transaction_rows", [1, 2, 100])
def test_a_version_that_fails_in_the_model_stands_in_no_other_s_way(tmp_path: Path, transaction_rows: int) -> None:
    with serving() as service:
        service.longest = 100
        long = "word " * 50
        vecindex.open(tmp_path).ingest([{"id": "c", "day": 1, "text": "c of day 1"}], model=service.url)
        rows: list[dict[str, Any]] = [
            {"id": "a", "day": 5, "text": long},
            *({"id": f"b{i}", "day": 1, "text": f"text {i}"} for i in range(3)),
            {"id": "a", "day": 2, "text": "a of day 2"},
            {"id": "a", "day": 4, "text": long + "!"},
            {"id": "a", "day": 3, "text": "a of day 3"},
            # Both in one transaction, or far apart: the older one is no newer than what the table has.
            {"id": "c", "day": 3, "text": long},
            {"id": "c", "day": 0, "text": "c of day 0"},
        ]
        report = vecindex.open(tmp_path).ingest(rows, name="drop", newer="day", transaction_rows=transaction_rows)
    assert (report.read, report.rejected, report.unaccounted, report.rows_in_table) == (9, 3, 0, 5)
    # The version of day 2 may be stored before the one of day 3 is read.
    assert report.older in (1, 2)
    found = texts(tmp_path)
    assert (found["a"], found["c"]) == ("a of day 3", "c of day 1")
    assert set(found) == {"a", "b0", "b1", "b2", "c"}


KILLED = """
import os, signal, sys
from vecindex.store.articles import ArticleTable
import vecindex
ArticleTable.delete_ids = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
rows = [{"id": "a", "day": 2, "gone": True}, {"id": "b", "day": 2, "text": "b of day 2", "v": [1.0, 2.0, 2.0]}]
vecindex.open(sys.argv[1]).ingest(
    rows, name="drop", vector_field="v", model="test/none", unverified=True, newer="day", deleted_field="gone"
)
"""


def test_a_kill_between_a_deletion_s_note_and_the_deletion_is_mended_by_the_same_drop(tmp_path: Path) -> None:
    take(tmp_path, [row("a", 1), row("b", 1)])
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    # The deletion is noted, and the row is still there.
    assert set(texts(tmp_path)) == {"a", "b"}
    assert DeletedRows(Database(tmp_path), "articles").of(["a"]).keys() == {"a"}
    report = take(tmp_path, [row("a", 2, gone=True), row("b", 2)])
    assert (report.deleted, report.older) == (1, 0)
    assert texts(tmp_path) == {"b": "b of day 2"}
    assert take(tmp_path, [row("a", 1)]).older == 1


def events(dice: random.Random) -> list[dict[str, Any]]:
    """Versions and deletions of a few ids, some of them bad, no two of an id of one age."""
    made = []
    for id in "abcde"[: dice.randint(1, 5)]:
        days = dice.sample(range(20), dice.randint(1, 5))
        made += [row(id, day, gone=True if dice.random() < 0.3 else None) for day in days]
    return [{**one, "n": "many"} if "v" in one and dice.random() < 0.2 else one for one in made]


def check_random_order(folder: Path, seed: int) -> None:
    """Ingest a random sequence, in random files and transactions; the table must be as its newest events say."""
    dice = random.Random(seed)
    made = events(dice)
    newest = {one["id"]: one for one in sorted(made, key=lambda one: one["day"]) if "n" not in one}
    wanted = {id: one["text"] for id, one in newest.items() if not one.get("gone")}
    # The column n is of numbers, so that a version with a text in it is bad.
    take(folder, [{**row("z", 1), "n": 1}])
    # Some files come twice.
    rows = made + dice.sample(made, dice.randint(0, len(made) // 2))
    dice.shuffle(rows)
    rest, read = list(rows), 0
    while rest:
        cut = dice.randint(1, len(rest))
        some, rest = rest[:cut], rest[cut:]
        report = take(folder, some, transaction_rows=dice.choice([1, 2, 100]))
        assert report.rejected <= sum("n" in one for one in some)
        counted = report.added + report.changed + report.skipped + report.older + report.deleted + report.rejected
        assert counted == report.read == len(some)
        read += report.read
    assert read == len(rows)
    assert texts(folder) == {**wanted, "z": "z of day 1"}, seed


@pytest.mark.parametrize("seed", range(12))
def test_any_order_gives_the_same_table(tmp_path: Path, seed: int) -> None:
    check_random_order(tmp_path, seed)


@pytest.mark.slow
def test_a_thousand_orders_give_the_same_table(tmp_path: Path) -> None:
    for seed in range(int(os.environ.get("VECINDEX_SOAK_ORDERS", "1000"))):
        check_random_order(tmp_path / str(seed), seed)
