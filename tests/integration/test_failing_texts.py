"""Texts that fail in the model: what stands instead, what is counted, and when the run stops."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import vecindex
import vecindex.verbs.ingest.ingest as ingesting
from embedding_service import serving
from vecindex.errors import ModelError
from vecindex.store.database import Database
from vecindex.types import Progress, Silent
from vecindex.verbs.ingest.embedding import Embedder
from vecindex.verbs.ingest.ingest import ingest
from vecindex.verbs.ingest.prepare import Ready
from vecindex.verbs.ingest.run import Stop

LONG = "word " * 50


@pytest.fixture
def url() -> Iterator[str]:
    """A service that refuses long texts."""
    with serving() as service:
        service.longest = 100
        yield service.url


def texts(folder: Path) -> list[tuple[str, str]]:
    """The id and the text of each row of a table."""
    batches = Database(folder).articles("articles").scan(["id", "text"])
    return sorted((one["id"], one["text"]) for batch in batches for one in batch.to_pylist())


def version(id: str, day: int, text: str, **more: Any) -> dict[str, Any]:
    return {"id": id, "day": day, "text": text, **more}


OTHERS = [version(f"x{i}", 1, f"filler {i}") for i in range(8)]


def test_a_later_version_outlives_a_deletion_before_one_that_fails(tmp_path: Path, url: str) -> None:
    index = vecindex.open(tmp_path)
    index.ingest([{"id": "a", "text": "a at first", "gone": "no"}], model=url, deleted_field="gone")
    rows = [
        {"id": "a", "text": "", "gone": "yes"},
        {"id": "a", "text": LONG, "gone": "no"},
        {"id": "a", "text": "", "gone": "yes"},
        {"id": "a", "text": "a at last", "gone": "no"},
        *({**one, "gone": "no"} for one in OTHERS),
    ]
    report = index.ingest(rows, deleted_field="gone", transaction_rows=2)
    assert dict(texts(tmp_path))["a"] == "a at last"
    assert (report.rejected, report.deleted, report.unaccounted) == (1, 0, 0)


def test_the_deletion_before_one_that_fails_stands_where_nothing_follows(tmp_path: Path, url: str) -> None:
    index = vecindex.open(tmp_path)
    index.ingest([{"id": "a", "text": "a at first", "gone": "no"}], model=url, deleted_field="gone")
    rows = [{"id": "a", "text": "", "gone": "yes"}, {"id": "a", "text": LONG, "gone": "no"}]
    rows += [{**one, "gone": "no"} for one in OTHERS]
    report = index.ingest(rows, deleted_field="gone", transaction_rows=2)
    assert "a" not in dict(texts(tmp_path))
    assert (report.rejected, report.deleted, report.unaccounted) == (1, 1, 0)


def test_an_older_version_is_no_second_row_of_an_id(tmp_path: Path, url: str) -> None:
    rows = [
        version("a", 3, LONG),
        version("a", 2, "a of day 2"),
        version("b", 1, "b"),
        version("a", 5, "a of day 5"),
        *OTHERS,
    ]
    report = vecindex.open(tmp_path).ingest(rows, model=url, newer="day", transaction_rows=2)
    assert [text for row_id, text in texts(tmp_path) if row_id == "a"] == ["a of day 5"]
    assert (report.rejected, report.older, report.unaccounted) == (1, 1, 0)


def test_a_model_that_broke_stops_the_run_although_a_text_is_remembered(tmp_path: Path, url: str) -> None:
    rows = [{"id": "a", "text": "notice"}, {"id": "b", "text": "b"}, {"id": "c", "text": "c"}]
    rows += [{"id": "d", "text": "notice"}, {"id": "e", "text": LONG + "e"}, {"id": "f", "text": LONG + "f"}]
    with pytest.raises(ModelError, match="No text of a transaction could be embedded"):
        vecindex.open(tmp_path).ingest(rows, model=url, transaction_rows=3)
    assert [row_id for row_id, _ in texts(tmp_path)] == ["a", "b", "c"]


def test_a_single_text_that_fails_next_to_remembered_ones_is_a_reject(tmp_path: Path, url: str) -> None:
    rows = [{"id": str(i), "text": "notice" if i != 3 else LONG} for i in range(4)]
    report = vecindex.open(tmp_path).ingest(rows, model=url, transaction_rows=2)
    assert (report.added, report.rejected) == (3, 1)


def test_older_versions_that_fail_too_end_no_run(tmp_path: Path, url: str) -> None:
    rows = [version(id, day, LONG + f"{id}{day}" if day > 1 else id) for id in "ab" for day in (3, 2, 1)]
    report = vecindex.open(tmp_path).ingest([*rows, *OTHERS], model=url, newer="day")
    assert texts(tmp_path)[:2] == [("a", "a"), ("b", "b")]
    assert (report.added, report.rejected, report.older, report.unaccounted) == (10, 4, 0, 0)


def test_a_version_after_one_that_failed_is_new_where_the_table_has_none(tmp_path: Path, url: str) -> None:
    rows = [version("a", 1, LONG), *OTHERS[:3], version("a", 2, "a of day 2"), *OTHERS[3:]]
    rows += [version("a", 3, "at last")]
    index, options = vecindex.open(tmp_path), {"newer": "day", "transaction_rows": 2}
    report = index.ingest(rows, model=url, **options)
    assert ("a", "at last") in texts(tmp_path)
    # The one of day 3 replaces the one of day 2, which replaces nothing.
    assert (report.added, report.changed, report.rejected, report.unaccounted) == (9, 1, 1, 0)
    # What the table has already is changed, after a failure too.
    more = [version(f"y{i}", 1, f"more {i}") for i in range(3)]
    report = index.ingest([version("a", 4, LONG), *more, version("a", 5, "a of day 5")], **options)
    assert (report.added, report.changed, report.rejected, report.unaccounted) == (3, 1, 1, 0)


class StopsAfter(Silent):
    """Asks a run to stop once so many rows are embedded."""

    def __init__(self, rows: int) -> None:
        self.rows, self.stop = rows, Stop()

    def progress(self, progress: Progress) -> None:
        if progress.rows == self.rows:
            self.stop.request()


def test_a_stop_before_the_second_chances_leaves_a_run_unfinished(tmp_path: Path, url: str) -> None:
    rows = [version("a", 3, LONG), version("a", 2, "a of day 2"), version("b", 1, "b"), version("c", 1, "c")]
    database, options = Database(tmp_path), {"model": url, "newer": "day", "transaction_rows": 2}
    observer = StopsAfter(len(rows))
    report = ingest(database, "articles", [rows], options, observer, observer.stop)
    assert report.interrupted
    assert texts(tmp_path) == [("b", "b"), ("c", "c")]
    report = ingest(database, "articles", [rows], options)
    assert (report.interrupted, report.added, report.skipped, report.rejected) == (False, 1, 2, 1)
    assert ("a", "a of day 2") in texts(tmp_path)


@pytest.mark.parametrize("second", [1, 2, 3])
def test_a_stop_between_parts_of_the_second_chances_leaves_a_run_unfinished(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch, second: int
) -> None:
    """Three newer versions fail, and each of the older ones is a part of its own."""
    monkeypatch.setattr(ingesting, "COMMIT_EVERY_S", 1e-9)
    rows = [version(id, day, LONG + id if day > 2 else f"{id} older") for id in "abc" for day in (3, 2)]
    database, options = Database(tmp_path), {"model": url, "newer": "day", "transaction_rows": 100}
    stop, embed, parts = Stop(), Embedder.embed, list[int]()

    def embedded(self: Embedder, ready: Ready, *given: Any, **named: Any) -> None:
        embed(self, ready, *given, **named)
        parts.extend([len(ready.transaction.rows)] * self._are_second)
        if len(parts) == second:
            stop.request()

    monkeypatch.setattr(Embedder, "embed", embedded)
    report = ingest(database, "articles", [rows], options, Silent(), stop)
    assert parts == [1] * second
    # With the last part there is nothing left to do.
    assert report.interrupted is (second < 3)
    assert texts(tmp_path) == [(id, f"{id} older") for id in "abc"[:second]]
    again = ingest(database, "articles", [rows], options)
    assert (again.interrupted, again.added, again.unaccounted) == (False, 3 - second, 0)
    assert texts(tmp_path) == [(id, f"{id} older") for id in "abc"]


@pytest.mark.parametrize("transaction_rows", [4, 100])
def test_repeated_texts_that_fail_are_counted_only_as_rejects(
    tmp_path: Path, url: str, transaction_rows: int
) -> None:
    rows = [{"id": str(i), "text": LONG if i < 7 else f"text {i % 3}"} for i in range(12)]
    report = vecindex.open(tmp_path).ingest(rows, model=url, transaction_rows=transaction_rows)
    # Of the five others, which are of three texts, two are repeated.
    assert (report.added, report.rejected, report.vectors, report.repeated) == (5, 7, 5, 2)
    stored = Database(tmp_path).articles("articles").setting("last_run")
    assert stored["last_rate"]["texts_per_s"] == pytest.approx(3 / report.seconds.model)
