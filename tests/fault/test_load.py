"""Readers beside a writer, searches beside the making of an index, and very many commits in one process.

`make test` runs each for a moment, `make soak` for 30 minutes and 5,000 commits; VECINDEX_SOAK_S and
VECINDEX_SOAK_COMMITS take other numbers.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import numpy as np
import psutil
import pytest

import vecindex
from planted import KnownModel
from tables import Notices, filled, ids_in, unit_vectors
from vecindex.store.database import Database
from vecindex.store.maintenance import bytes_in
from vecindex.verbs.ingest import commit
from vecindex.verbs.search import search as searching
from vecindex.verbs.search.options import SearchOptions
from vecindex.verbs.search.search import search

VECTORS = unit_vectors(50, 16)
SOAK_S = float(os.environ.get("VECINDEX_SOAK_S", "1800"))
SOAK_COMMITS = int(os.environ.get("VECINDEX_SOAK_COMMITS", "5000"))
OPTIONS: dict[str, Any] = {"vector_field": "v", "model": "test/none", "unverified": True, "transaction_rows": 1}


def rows(start: int, n: int) -> Iterator[dict[str, Any]]:
    for i in range(start, start + n):
        yield {"id": f"r{i:06d}", "text": f"text {i}", "year": i, "v": VECTORS[i % 50]}


@contextmanager
def readers(folder: Path, stop: threading.Event) -> Iterator[dict[str, int]]:
    """Read all along, each in a thread of its own; give how often each did. Any error of theirs is raised at the end.

    What is committed stays, so a reader never sees fewer rows than before, nor a row of another's vector.
    """
    done: dict[str, int] = {}
    index = vecindex.open(folder)

    def searching() -> int:
        (answer,) = index.search(vector=VECTORS[7], k=2).answers
        assert [hit.dist for hit in answer.hits] == pytest.approx([0.0] * len(answer.hits), abs=1e-6)
        assert {int(hit.id[1:]) % 50 for hit in answer.hits} == {7}
        return 0

    def filtering() -> int:
        (answer,) = index.search(id="r000000", k=5, where="year < 4").answers
        assert {hit.id for hit in answer.hits} == {"r000001", "r000002", "r000003"}
        return 0

    def counting() -> int:
        return index.status().rows

    def reading() -> int:
        found = index.vectors().read_all()
        ids = found.column("id").to_pylist()
        assert len(set(ids)) == len(ids)
        matrix = np.stack(found.column("vector").to_numpy(zero_copy_only=False)[-50:])
        numbers = [int(i[1:]) % 50 for i in ids[-50:]]
        np.testing.assert_allclose(matrix, VECTORS[numbers], atol=1e-6)
        return len(ids)

    def again(read: Callable[[], int]) -> None:
        before = 0
        while not stop.is_set():
            now = read()
            assert now >= before
            before, done[read.__name__] = now, done.get(read.__name__, 0) + 1

    reads = (searching, filtering, counting, reading)
    with ThreadPoolExecutor(len(reads)) as pool:
        running = [pool.submit(again, read) for read in reads]
        try:
            yield done
            # Each has read at least once beside the writer or after it.
            while len(done) < len(reads) and not any(one.done() for one in running):
                time.sleep(0.01)
        finally:
            stop.set()
    for one in running:
        one.result()


def ingest_beside_readers(folder: Path, until: Callable[[int], bool], step: int) -> None:
    """Ingest `step` rows at a time, each a transaction, until enough are there."""
    index, at = vecindex.open(folder), 60
    index.ingest(list(rows(0, at)), **{**OPTIONS, "transaction_rows": 100})
    with readers(folder, threading.Event()) as done:
        while not until(at):
            report = index.ingest(list(rows(at, step)), **OPTIONS)
            assert (report.added, report.rejected) == (step, 0)
            at += step
            index.optimize()
    assert min(done.values()) >= 1
    assert ids_in(folder) == {f"r{i:06d}" for i in range(at)}


def test_readers_beside_a_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commit, "COMPACT_EVERY", 4)
    ingest_beside_readers(tmp_path / "db", lambda n: n >= 70, 5)


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_readers_beside_a_writer_for_half_an_hour(tmp_path: Path) -> None:
    ends = time.monotonic() + SOAK_S
    ingest_beside_readers(tmp_path / "db", lambda _: time.monotonic() > ends, 200)


def test_hybrid_searches_at_once_make_one_index(tmp_path: Path) -> None:
    _, vectors = filled(tmp_path, 200)
    notices, model = Notices(), KnownModel({"text of a00007": vectors[7]})

    def ask(hybrid: bool) -> list[str]:
        options = cast("SearchOptions", {"hybrid": hybrid, "k": 3})
        found = search(Database(tmp_path), "articles", "text of a00007", options, cast("Any", model), notices)
        return [hit.id for hit in found.answers[0].hits]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(ask, [True, False] * 4))
    assert {hits[0] for hits in found} == {"a00007"}
    assert len({tuple(hits) for hits in found[0::2]}) == len({tuple(hits) for hits in found[1::2]}) == 1
    made = [line for line in notices.lines if line.startswith("making the full-text index of 200 rows")]
    assert len(made) == 1


class Waiting(Notices):
    """Says when it is told that a search waits."""

    def __init__(self) -> None:
        super().__init__()
        self.waits = threading.Event()

    def notice(self, message: Any) -> None:
        super().notice(message)
        if "waiting for the full-text index" in self.lines[-1]:
            self.waits.set()


@pytest.mark.parametrize("noted", [True, False])
def test_a_hybrid_search_waits_for_the_one_that_makes_the_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, noted: bool
) -> None:
    """Also where the lock is taken and its note not written yet, so that nobody knows whose it is."""
    monkeypatch.setattr(searching, "_GAP_S", 600.0)
    _, vectors = filled(tmp_path, 20)
    notices, model = Waiting(), KnownModel({"text of a00007": vectors[7]})
    options = cast("SearchOptions", {"hybrid": True, "k": 1})
    with ThreadPoolExecutor(1) as pool, Database(tmp_path).writer(", making the full-text index"):
        if not noted:
            (tmp_path / ".vecindex.holder").unlink()
        found = pool.submit(
            search, Database(tmp_path), "articles", "text of a00007", options, cast("Any", model), notices
        )
        assert notices.waits.wait(200 if noted else 0.4) == noted
    assert [hit.id for hit in found.result().answers[0].hits] == ["a00007"]


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_thousands_of_commits_in_one_process(tmp_path: Path) -> None:
    """Memory is flat and the disk bounded: old versions go, here at once, as after an hour in a longer run."""
    index, process, figures = vecindex.open(tmp_path), psutil.Process(), []
    step = 100
    for at in range(0, SOAK_COMMITS, step):
        index.ingest(list(rows(at, step)), **OPTIONS)
        index.optimize(older_than="0s")
        figures.append((at + step, process.memory_info().rss / 1e6, bytes_in(tmp_path) / 1e6))
        print("commits {}, memory {:.0f} MB, disk {:.2f} MB".format(*figures[-1]))
    early, last = figures[len(figures) // 5], figures[-1]
    assert last[1] - early[1] < 100
    assert last[2] < 1 + last[0] * 0.001
    assert index.status().rows == SOAK_COMMITS
