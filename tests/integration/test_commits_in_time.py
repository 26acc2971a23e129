"""Transactions that take long are committed in parts: what a kill costs is an interval, not a thousand rows."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

import vecindex
import vecindex.verbs.ingest.ingest as ingesting
import vecindex.verbs.ingest.rate as rate
from embedding_service import Service, serving
from vecindex.embed.encoder import Encoded, Tokens
from vecindex.errors import ModelError
from vecindex.sources.articles import Article
from vecindex.store.database import Database
from vecindex.types import Progress, Silent
from vecindex.verbs.ingest.known.registry import Registry
from vecindex.verbs.ingest.options import IngestOptions
from vecindex.verbs.ingest.plan import Planned, Planner, whole
from vecindex.verbs.ingest.result import IngestReport
from vecindex.verbs.ingest.run import Run

ROWS = [
    {"id": f"r{i:02d}", "text": f"Article number {i} is about {'cells' if i % 2 else 'stars'}."} for i in range(24)
]
AT_ONCE = 1e-9
"""An interval that every row exceeds."""


@pytest.fixture
def service() -> Iterator[Service]:
    with serving() as running:
        yield running


def stored(folder: Path, *columns: str) -> list[dict[str, Any]]:
    """Return the rows in the order of the table."""
    table = Database(folder).articles("articles").lance.to_lance().to_table(columns=[*columns])
    return table.to_pylist()


def test_every_part_is_a_transaction_and_the_table_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [*ROWS, {"id": "none", "text": ""}, {**ROWS[3], "id": "again"}, {**ROWS[0]}]
    one = vecindex.open(tmp_path / "whole").ingest(rows, transaction_rows=50)
    monkeypatch.setattr(ingesting, "COMMIT_EVERY_S", AT_ONCE)
    parts = vecindex.open(tmp_path / "parts").ingest(rows, transaction_rows=50)
    assert (one.transactions, parts.transactions) == (1, 25)
    for count in ("read", "added", "changed", "skipped", "rejected", "repeated", "vectors", "tokens", "unaccounted"):
        assert getattr(parts, count) == getattr(one, count), count
    assert (parts.rejected, parts.repeated) == (2, 1)
    columns = ("id", "text", "content_hash", "n_tokens")
    assert stored(tmp_path / "parts", *columns) == stored(tmp_path / "whole", *columns)
    assert [row["txn"] for row in stored(tmp_path / "parts", "txn")] == list(range(1, 26))
    mine, theirs = (np.array([r["vector"] for r in stored(tmp_path / n, "vector")]) for n in ("parts", "whole"))
    assert (mine * theirs).sum(axis=1).min() > 1 - 1e-6
    assert vecindex.open(tmp_path / "parts").ingest(rows).skipped == 25
    assert not vecindex.open(tmp_path / "parts").doctor().findings


def test_progress_counts_the_rows_of_every_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingesting, "COMMIT_EVERY_S", AT_ONCE)
    seen: list[int] = []

    class Listener(Silent):
        def progress(self, progress: Progress) -> None:
            seen.append(progress.rows)

    report = vecindex.open(tmp_path).ingest([*ROWS, {"id": "none", "text": ""}], observer=Listener())
    assert report.transactions == 24
    # The rejected row stands with the last part.
    assert list(dict.fromkeys(seen)) == [*range(24), 25]


def test_a_transaction_within_the_interval_stays_whole(tmp_path: Path) -> None:
    assert vecindex.open(tmp_path).ingest(ROWS).transactions == 1


def test_new_columns_come_with_the_first_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = vecindex.open(tmp_path)
    index.ingest(ROWS[:2])
    monkeypatch.setattr(ingesting, "COMMIT_EVERY_S", AT_ONCE)
    assert index.ingest([{**row, "year": i} for i, row in enumerate(ROWS[2:6])]).transactions == 4
    assert [row["year"] for row in stored(tmp_path, "year")] == [None, None, 0, 1, 2, 3]


def test_chunks_of_an_article_stay_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingesting, "COMMIT_EVERY_S", AT_ONCE)
    rows = [
        {"id": f"long{i}", "text": " ".join(f"Sentence {j} of {i} is here." for j in range(20))} for i in range(5)
    ]
    report = vecindex.open(tmp_path).ingest(rows, chunk=48, chunk_overlap=16)
    assert report.transactions == 5
    found = stored(tmp_path, "article_id", "chunk", "txn")
    assert {row["article_id"]: row["txn"] for row in found} == {f"long{i}": i + 1 for i in range(5)}
    assert max(row["chunk"] for row in found) > 1


def test_a_drop_in_parts_deletes_and_replaces_as_a_whole_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = [{**row, "version": 1, "gone": "no"} for row in ROWS[:8]]
    second = [{**row, "text": row["text"] + " More.", "version": 2, "gone": "no"} for row in ROWS[2:10]]
    second += [{"id": "r00", "version": 2, "gone": "yes"}, {**ROWS[3], "version": 0, "gone": "no"}]
    tables = []
    for name, every_s in (("whole", 30.0), ("parts", AT_ONCE)):
        monkeypatch.setattr(ingesting, "COMMIT_EVERY_S", every_s)
        index = vecindex.open(tmp_path / name)
        reports = [index.ingest(rows, newer="version", deleted_field="gone") for rows in (first, second)]
        tables.append(sorted((row["id"], row["text"]) for row in stored(tmp_path / name, "id", "text")))
        assert [(r.added, r.changed, r.deleted, r.older) for r in reports] == [(8, 0, 0, 0), (2, 6, 1, 1)]
        assert reports[1].transactions == (1 if name == "whole" else 8)
    assert tables[0] == tables[1]
    assert len(tables[0]) == 9


def test_a_text_that_fails_in_a_part_is_rejected_alone(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingesting, "COMMIT_EVERY_S", AT_ONCE)
    service.longest = 100
    rows = [*ROWS[:3], {"id": "long1", "text": "x" * 200}, {"id": "long2", "text": "y" * 300}, *ROWS[3:5]]
    report = vecindex.open(tmp_path).ingest(rows, model=service.url)
    assert (report.added, report.rejected) == (5, 2)


def test_a_device_that_fails_ends_the_run_though_its_parts_are_small(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingesting, "COMMIT_EVERY_S", AT_ONCE)
    index = vecindex.open(tmp_path)
    index.ingest(ROWS[:3])

    def broken(self: Run, tokens: Tokens, count: object = None) -> Encoded:
        n = len(tokens.ids)
        return Encoded(np.full((n, 384), np.nan, dtype=np.float32), dict.fromkeys(range(n), "no device"))

    # By which the estimate asks for texts, too.
    monkeypatch.setattr(Run, "embed_noted", broken)
    with pytest.raises(ModelError, match="No text of a transaction could be embedded"):
        index.ingest([{"id": f"n{i}", "text": f"New text {i}, not seen yet."} for i in range(60)])
    assert len(stored_ids(tmp_path)) == 3


COMMAND = """
import json, sys
import vecindex
import vecindex.verbs.ingest.ingest as ingesting
import vecindex.verbs.ingest.rate as rate
ingesting.COMMIT_EVERY_S = 1e-9
rate.PROBE_TEXTS, rate._MOST_OF_FIRST = 1, 0
folder, address, rows = sys.argv[1:]
vecindex.open(folder).ingest(json.loads(rows), model=address)
"""


def test_a_kill_costs_what_was_not_embedded_yet(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(ingesting, "COMMIT_EVERY_S", AT_ONCE)
        patched.setattr(rate, "PROBE_TEXTS", 1)
        patched.setattr(rate, "_MOST_OF_FIRST", 0)
        vecindex.open(tmp_path / "whole").ingest(ROWS, model=service.url)
    # Fixed texts, a check, and a text of the last row for the estimate come before the first row.
    probes = len(service.asked) - (len(ROWS) - 1)
    service.asked.clear()
    service.holds_after = probes + 11
    command = [sys.executable, "-c", COMMAND, str(tmp_path / "db"), service.url, json.dumps(ROWS)]
    with subprocess.Popen(command) as process:
        try:
            until = time.monotonic() + 240
            while process.poll() is None and time.monotonic() < until:
                if (tmp_path / "db" / "articles.lance").exists() and len(stored_ids(tmp_path / "db")) == 11:
                    break
                time.sleep(0.05)
        finally:
            process.send_signal(signal.SIGKILL)
    assert stored_ids(tmp_path / "db") == [row["id"] for row in ROWS[:11]]
    service.holds_after = None
    service.released.set()
    report = vecindex.open(tmp_path / "db").ingest(ROWS, model=service.url)
    assert (report.skipped, report.added) == (11, 13)
    assert stored(tmp_path / "db", "id", "text") == stored(tmp_path / "whole", "id", "text")


def stored_ids(folder: Path) -> list[str]:
    """Return the ids in the order of the table; none before its first commit."""
    database = Database(folder)
    return [row["id"] for row in stored(folder, "id")] if database.has("articles") else []


class SlowRows(Planner):
    """Plans rows of which each takes 20 s to come, by a clock that only they move on."""

    def _items(self, stopped: Any) -> Iterator[Any]:
        for name in "abcdefg":
            NOW[0] += 20
            yield "source", Article(name, name, None, name, name, {})

    def _judge(self, source: str, item: Any) -> Planned:
        return Planned(source, item, "", None, [item.text], [item.text])


NOW = [0.0]


class FewNewRows(SlowRows):
    """All rows but `a` and `e` are in the table already."""

    def _judge(self, source: str, item: Any) -> Any:
        return super()._judge(source, item) if item.id in "ae" else None


def test_rows_that_come_slowly_are_not_kept_waiting() -> None:
    options = cast("IngestOptions", {"transaction_rows": 5})
    planner = SlowRows([], cast("Any", None), options, Registry(), IngestReport("t"), whole, every_s=50)
    planner.clock = lambda: NOW[0]
    sizes = []
    for transaction in planner.transactions():
        sizes.append(len(transaction.rows))
        NOW[0] += 1_000  # of work elsewhere
    assert sizes == [4, 3]


def test_a_new_row_is_not_kept_waiting_by_old_ones_that_come_slowly() -> None:
    options = cast("IngestOptions", {"transaction_rows": 5})
    planner = FewNewRows([], cast("Any", None), options, Registry(), IngestReport("t"), whole, every_s=50)
    planner.clock = lambda: NOW[0]
    start = NOW[0]
    found = [([row.row_id for row in one.rows], one.read, NOW[0] - start) for one in planner.transactions()]
    # `a` comes at 20 s and `e` at 100 s; 50 s later the next row is `d` at 80 s, and none.
    assert found == [(["a"], 1, 80.0), (["e"], 6, 140.0)]
