"""Rows written by workers, committed by this process a wave at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from vecindex.cluster.pool import SIDE, UNITS_A_WORKER, Job, Pool
from vecindex.errors import StoreError
from vecindex.messages import Message, counted, text
from vecindex.store.maintenance import COMPACT_EVERY
from vecindex.store.remote.commits import Written
from vecindex.verbs.ingest.commit import Committer, Outcome
from vecindex.verbs.ingest.drops.drop import Drop
from vecindex.verbs.ingest.prepare import Ready
from vecindex.verbs.ingest.run import Run

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class _Sent:
    """Rows that are being written: how many, and whether they replace some of the table."""

    job: Job
    rows: int
    instead: bool


@dataclass(slots=True)
class _Wave:
    """Transactions that wait for one commit."""

    outcomes: list[Outcome] = field(default_factory=list)
    sent: deque[_Sent] = field(default_factory=deque)
    """What is being written, and has its rows in memory until it is."""
    new: list[str] = field(default_factory=list)
    """The fragments that are written, as JSON; those of rows that replace some of the table are in `instead`."""
    instead: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    touched: set[str] = field(default_factory=set)
    """The ids that it writes or deletes."""

    @property
    def size(self) -> int:
        """Its rows and rejects, and what it deletes."""
        return sum(one.rows + len(one.rejects) + len(one.deletions) for one in self.outcomes)


class WaveCommitter(Committer):
    """Sends the rows of each transaction to a worker, and commits those of many together.

    Rows are in memory until a worker has written them, and few are on the way at once: so memory does not depend on
    the size of a wave.

    An id stands in a wave once: what writes or deletes one that the wave has begins the next.
    """

    def __init__(self, run: Run, drop: Drop | None, pool: Callable[[], Pool], wave_rows: int) -> None:
        """Take the run's state, what gives the workers, and the rows of a wave."""
        super().__init__(run, drop)
        self._pool, self._most = pool, wave_rows
        self._wave = _Wave()

    def commit(self, ready: Ready) -> None:
        """Let the rows of a transaction be written, and commit the wave if it is full."""
        with self._run.report.seconds.measured("commit"):
            outcome = Outcome.of(ready, self._run, self.txn + 1)
            touched = {*outcome.ids, *outcome.deletions}
            if touched & self._wave.touched:
                self._commit_wave()
            self._settle(ready)
            if ready.pieces:
                self._send(ready)
            self._wave.outcomes.append(outcome)
            self._wave.touched |= touched
            if self._wave.size >= self._most:
                self._commit_wave()

    def finish(self) -> None:
        """Commit the transactions that wait."""
        with self._run.report.seconds.measured("commit"):
            self._commit_wave()

    def _send(self, ready: Ready) -> None:
        import pyarrow as pa

        number = self.txn + 1
        rows, table = self._rows(ready), self._table()
        uri, version = table.lance.to_lance().uri, table.version
        instead = np.array([piece.planned.stored_hash is not None for piece in ready.pieces])
        name = text(f"the rows of transaction {number:,}")
        for are_instead, wanted in ((False, ~instead), (True, instead)):
            if wanted.any():
                part = rows if wanted.all() else rows.filter(pa.array(wanted))
                self._sent(name, part, uri, version, are_instead)
        for row in ready.transaction.rows:
            (self._wave.ids if row.stored_hash is None else self._wave.replaced).append(row.row_id)

    def _sent(self, name: Message, rows: pa.Table, uri: str, version: int, are_instead: bool) -> None:
        job = self._pool().submit(name, "write", rows.combine_chunks(), uri, version, group=SIDE)
        self._wave.sent.append(_Sent(job, len(rows), are_instead))
        self._take(self._wave, UNITS_A_WORKER * self._pool().size)

    def _commit_wave(self) -> None:
        wave, self._wave = self._wave, _Wave()
        self._take(wave, 0)
        if wave.new or wave.instead:
            key = "article_id" if self._run.choice.chunking else "id"
            self._table().add_written(Written(wave.new, wave.instead, wave.ids, wave.replaced, key))
        before = self._run.report.transactions, self._deletions
        for outcome in wave.outcomes:
            self._finish(outcome)
        after = self._run.report.transactions, self._deletions
        if any(now // COMPACT_EVERY > then // COMPACT_EVERY for now, then in zip(after, before, strict=True)):
            self.maintain()

    def _take(self, wave: _Wave, most: int) -> None:
        """Take the fragments of what is written, in the order of sending; at most so many stay on the way."""
        import json

        while wave.sent and (len(wave.sent) > most or self._pool().is_done(wave.sent[0].job)):
            one = wave.sent.popleft()
            pieces: list[str] = self._pool().result(one.job)
            rows = sum(int(_physical(json.loads(piece))) for piece in pieces)
            if rows != one.rows:
                raise StoreError(
                    f"A worker wrote {rows:,} of {counted(one.rows, 'row')} of a transaction; nothing of it was "
                    "committed.",
                    "Run the same command again: it goes on from what is there.",
                )
            (wave.instead if one.instead else wave.new).extend(pieces)


def _physical(fragment: dict[str, Any]) -> Any:
    return fragment["physical_rows"]
