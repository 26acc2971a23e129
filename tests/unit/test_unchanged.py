"""When workers get unchanged rows, and what is read ahead for them."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from vecindex.core.identity import content_hash
from vecindex.errors import SourceError
from vecindex.sources.base import Block, Record, Unparsed
from vecindex.sources.fieldmap import FieldMap
from vecindex.verbs.ingest.known import unchanged as unchanged_module
from vecindex.verbs.ingest.known.registry import Registry
from vecindex.verbs.ingest.known.unchanged import Unchanged
from vecindex.verbs.ingest.known.worker import Parse, PieceDigests, Worker, digests_of_piece

FIELDS = FieldMap("id", "text")
ROWS, MANY = 10, 40


class Here:
    """Stands for a worker."""

    started = 0

    def __init__(self) -> None:
        Here.started += 1
        self.is_dead = False

    @staticmethod
    def can_start() -> bool:
        return True

    def digests(self, parses: list[Parse], fields: FieldMap) -> list[PieceDigests]:
        return [digests_of_piece(parse, fields) for parse in parses]

    def close(self) -> None:
        self.is_dead = True


@pytest.fixture(autouse=True)
def one_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    Here.started = 0
    monkeypatch.setattr(unchanged_module, "Worker", Here)
    monkeypatch.setattr(unchanged_module, "threads_here", lambda: 2)
    monkeypatch.setattr(unchanged_module, "_MANY_ROWS", MANY)
    monkeypatch.setattr(unchanged_module, "_OTHER_WEIGHS", 10)
    monkeypatch.setattr(unchanged_module, "_BATCH_BYTES", 1)


def piece(first: int, changed: bool = False) -> Unparsed:
    ids = list(range(first, first + ROWS))
    texts = [f"{'other' if changed else 'text'} {i}" for i in ids]
    columns = {"id": ids, "text": texts}
    block = Block("rows:", first, ROWS, columns, {"id": int, "text": str})
    return Unparsed(100, partial(list, (block,)), partial(iter, (block,)))


def stocked(n: int) -> Unchanged:
    ids = [str(i) for i in range(n)]
    hashes = [content_hash(f"text {i}", None, f"text {i}", {}) for i in ids]
    return Unchanged(Registry([(ids, hashes)]))


def test_workers_begin_after_many_unchanged_rows_and_stop_after_many_others() -> None:
    unchanged = stocked(1_000)
    seen: list[tuple[int, bool, int]] = []
    pieces = (piece(first, changed=100 <= first < 130) for first in range(0, 400, ROWS))
    for one in unchanged.others(pieces, FIELDS, is_whole=True):
        rows = one if isinstance(one, int) else 1
        seen.append((rows, unchanged._are_many, Here.started))
    assert sum(rows for rows, _, _ in seen) == 400
    # Five blocks of 10 rows are looked at before the first one that is ahead.
    assert [many for _, many, _ in seen[:5]] == [False, False, False, True, True]
    changed = seen[10:40]
    assert [rows for rows, _, _ in changed] == [1] * 30
    assert not changed[-1][1]
    # One row that is unchanged does not begin it anew: MANY do.
    after = [many for _, many, _ in seen[40:]]
    assert after.index(True) == 3
    assert Here.started == 1


@pytest.mark.parametrize("is_whole", [True, False])
def test_only_whole_sources_are_read_ahead(is_whole: bool) -> None:
    taken: list[int] = []

    def coming() -> Iterator[Unparsed]:
        for first in range(0, 200, ROWS):
            taken.append(first)
            yield piece(first)

    unchanged, most = stocked(1_000), 0
    for number, _ in enumerate(unchanged.others(coming(), FIELDS, is_whole), 1):
        most = max(most, len(taken) - number)
    assert most == (unchanged_module._AHEAD * 2 - 1 if is_whole else 0)


def test_what_breaks_a_source_off_comes_after_its_rows() -> None:
    def coming() -> Iterator[Unparsed]:
        for first in range(0, 110, ROWS):
            yield piece(first)
        raise SourceError("rows: ends too early")

    unchanged, seen = stocked(1_000), list[Any]()

    def take() -> None:
        seen.extend(unchanged.others(coming(), FIELDS, is_whole=True))

    with pytest.raises(SourceError, match="too early"):
        take()
    assert seen == [ROWS] * 11


def test_the_first_row_of_an_id_decides_in_another_part_of_a_piece_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Future, "cancel", lambda _: False)
    unchanged = stocked(1_000)
    list(unchanged.others(map(piece, range(0, 100, ROWS)), FIELDS, is_whole=True))
    rows = [Record(f"rows:{i}", {"id": 200 + i, "text": f"text {200 + i}"}) for i in range(ROWS)]
    rows[3] = Record("rows:3", {"id": 300, "text": "other"})
    # Of other fields, so a part of its own.
    rows.append(Record("rows:10", {"id": 300, "text": "text 300", "year": None}))
    odd = Unparsed(100, partial(list, rows), partial(iter, rows))
    met: list[bool] = []
    others = list[Any]()
    fields = replace(FIELDS, skipped=frozenset({"year"}))
    for one in unchanged.others([odd, *map(piece, range(400, 500, ROWS))], fields, is_whole=True):
        if isinstance(one, Record):
            # As the planner does.
            met.append(unchanged._registry.has_met(str(one.fields["id"])))
            unchanged._registry.meet(str(one.fields["id"]), "another hash")
        others.append(one)
    assert others[:4] == [3, rows[3], 6, rows[10]]
    assert met == [False, True]


@pytest.mark.parametrize(("threads", "can_start", "started"), [(1, True, 0), (2, False, 0), (9, True, 3)])
def test_a_worker_for_each_other_core_where_one_can_start(
    monkeypatch: pytest.MonkeyPatch, threads: int, can_start: bool, started: int
) -> None:
    monkeypatch.setattr(unchanged_module, "threads_here", lambda: threads)
    monkeypatch.setattr(Here, "can_start", staticmethod(lambda: can_start))
    assert list(stocked(1_000).others(map(piece, range(0, 300, ROWS)), FIELDS, True)) == [ROWS] * 30
    assert Here.started == started


def test_no_thread_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any) -> None:
        raise RuntimeError("can't start new thread")

    unchanged = stocked(1_000)
    monkeypatch.setattr(threading.Thread, "start", refused)
    assert list(unchanged.others(map(piece, range(0, 300, ROWS)), FIELDS, True)) == [ROWS] * 30
    assert Here.started == 1


def test_a_worker_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    given_up = threading.Event()

    class Silent(Here):
        def digests(self, parses: list[Parse], fields: FieldMap) -> list[PieceDigests]:
            assert given_up.wait(200)
            return [None] * len(parses)

        def close(self) -> None:
            given_up.set()

    monkeypatch.setattr(unchanged_module, "Worker", Silent)
    monkeypatch.setattr(unchanged_module, "_LATE_S", 0.05)
    monkeypatch.setattr(Future, "cancel", lambda _: False)
    assert list(stocked(1_000).others(map(piece, range(0, 300, ROWS)), FIELDS, True)) == [ROWS] * 30
    assert Silent.started == 1


def test_a_worker_that_dies_in_the_middle_answers_nothing() -> None:
    worker = Worker()
    assert worker.digests([partial(list, [Record("a", {"id": 1, "text": "b"})])], FIELDS)[0] is not None
    assert worker.digests([partial(os._exit, 3), list], FIELDS) == [None, None]
    assert worker.is_dead
    assert worker.digests([list], FIELDS) == [None]
    worker.close()


@pytest.mark.parametrize("how", ["kill", "close"])
def test_a_worker_is_ended_while_it_is_given_more_than_a_pipe_holds(how: str) -> None:
    worker, found = Worker(), list[PieceDigests]()
    worker._process.send_signal(signal.SIGSTOP)
    large = partial(list, ["x" * (20 << 20)])
    giving = threading.Thread(target=lambda: found.extend(worker.digests([large], FIELDS)))
    giving.start()
    time.sleep(0.2)
    worker._process.kill() if how == "kill" else worker.close()
    giving.join(200)
    assert found == [None]
    worker.close()


def test_what_a_library_prints_is_no_answer() -> None:
    worker = Worker()
    try:
        said = [partial(print, json.dumps("not asked")), list]
        assert worker.digests(said, FIELDS) == [None, []]
        assert worker.digests([list], FIELDS) == [[]]
    finally:
        worker.close()
