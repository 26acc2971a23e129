"""Rows that the table has as they are, taken out of those of a source; where many are, on all cores.

A worker takes half a second to start, and parses and hashes what another one would otherwise. It never decides: what
the table has, and which row of an id comes first, is looked up here, in the order of the input. So the rows come out
as from one process.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue

import numpy as np

from vecindex.embed.light.threads import threads_here
from vecindex.errors import SourceError
from vecindex.sources.base import Block, Item, Unparsed, each
from vecindex.sources.fieldmap import FieldMap
from vecindex.verbs.ingest.known.blocks import Flags, block_digests, gathered
from vecindex.verbs.ingest.known.registry import Registry
from vecindex.verbs.ingest.known.worker import Alone, Found, Worker, parse

_MANY_ROWS = 20_000
"""Unchanged ones before workers start: to parse and to hash them takes about as long as a worker's start."""
_OTHER_WEIGHS = 50
"""Of rows with more others than one in so many, too many pieces would be parsed twice."""
_MOST_WORKERS = 3
_AHEAD, _AHEAD_BYTES, _LARGEST_BYTES = 4, 32 << 20, 8 << 20
"""Pieces that wait for each process, and what they may take."""


@dataclass(slots=True)
class _Waiting:
    piece: Item | Block | Unparsed
    task: Future[Found] | None = None


class Unchanged:
    """Takes unchanged rows out of those of a source."""

    def __init__(self, registry: Registry) -> None:
        """Take what the table has."""
        self._registry = registry
        self._score = 0
        self._most = min(_MOST_WORKERS, threads_here() - 1)
        self._workers: list[Worker] = []
        self._idle: SimpleQueue[Worker] = SimpleQueue()
        self._pool: ThreadPoolExecutor | None = None

    def left(self, pieces: Iterable[Item | Block | Unparsed], fields: FieldMap) -> Iterator[Item | int]:
        """Yield the rows that are not unchanged, and of those between them how many there are.

        What `pieces` raises is raised after the rows before it.
        """
        waiting: deque[_Waiting] = deque()
        coming, broken = iter(pieces), list[SourceError]()
        while self._fill(waiting, coming, broken, fields):
            yield from self._scored(self._one(waiting, fields))
        if broken:
            raise broken[0]

    def close(self) -> None:
        """End the workers."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
        for worker in self._workers:
            worker.close()
        self._pool, self._most = None, 0

    def _fill(
        self,
        waiting: deque[_Waiting],
        coming: Iterator[Item | Block | Unparsed],
        broken: list[SourceError],
        fields: FieldMap,
    ) -> bool:
        """Let pieces wait, one where there are no workers; return whether any does."""
        self._start()
        most = 1 if self._pool is None else _AHEAD * (1 + len(self._workers))
        size = sum(one.piece.size for one in waiting if isinstance(one.piece, Unparsed))
        while len(waiting) < most and (not waiting or size < _AHEAD_BYTES) and not broken:
            try:
                piece = next(coming, None)
            except SourceError as error:
                broken.append(error)
                break
            if piece is None:
                break
            waiting.append(_Waiting(piece))
            if isinstance(piece, Unparsed):
                size += piece.size
                if self._pool is not None and self._score and piece.size <= _LARGEST_BYTES:
                    waiting[-1].task = self._pool.submit(self._elsewhere, piece.alone, fields)
        return bool(waiting)

    def _start(self) -> None:
        """Start the workers where they are worth it, and end them where they are not or one is gone."""
        if any(worker.is_dead for worker in self._workers):
            self.close()
        if self._pool is not None or self._most < 1 or self._score < _MANY_ROWS:
            return
        try:
            for _ in range(self._most):
                self._workers.append(Worker())
                self._idle.put(self._workers[-1])
        except OSError:
            # Without processes or memory for more, one does it all.
            self._most = 0
        if self._workers:
            self._pool = ThreadPoolExecutor(len(self._workers), "vecindex-unchanged")

    def _elsewhere(self, alone: Alone, fields: FieldMap) -> Found:
        worker = self._idle.get()
        try:
            return worker.parse(alone, fields)
        finally:
            self._idle.put(worker)

    def _one(self, waiting: deque[_Waiting], fields: FieldMap) -> Iterator[Item | int]:
        """Yield what is left of the first piece that waits."""
        first = waiting.popleft()
        piece = first.piece
        if not isinstance(piece, Unparsed):
            yield from self._here((piece,), fields)
            return
        found = self._found(first, waiting, fields)
        if found is None or not piece.stands_alone():
            yield from self._here(gathered(piece.items()), fields)
            return
        flags = np.concatenate([one.met(self._registry) for one in found])
        if flags.all():
            yield len(flags)
        else:
            yield from in_order(list(each(piece.items())).__getitem__, flags)

    def _found(self, first: _Waiting, waiting: Iterable[_Waiting], fields: FieldMap) -> Found:
        """Return the digests of a piece; until a worker has found them, parse others, from the last one on."""
        if first.task is None or first.task.cancel():
            return None
        for other in reversed(list(waiting)):
            if first.task.done():
                break
            if other.task is not None and other.task.cancel():
                assert isinstance(other.piece, Unparsed)
                other.task = Future()
                other.task.set_result(parse(other.piece.alone, fields))
        return first.task.result()

    def _here(self, items: Iterable[Item | Block | Unparsed], fields: FieldMap) -> Iterator[Item | int]:
        for item in items:
            if isinstance(item, Block):
                yield from in_order(item.record, block_digests(item, fields).met(self._registry))
            else:
                assert not isinstance(item, Unparsed)
                yield item

    def _scored(self, rows: Iterable[Item | int]) -> Iterator[Item | int]:
        """Yield rows; note how many were unchanged."""
        for one in rows:
            gain = one if isinstance(one, int) else -_OTHER_WEIGHS
            self._score = max(0, min(2 * _MANY_ROWS, self._score + gain))
            yield one


def in_order(record: Callable[[int], Item], unchanged: Flags) -> Iterator[Item | int]:
    """Yield the rows that are not unchanged, and between them how many are; `record` gives a row."""
    done = 0
    for row in np.flatnonzero(~unchanged).tolist():
        if row > done:
            yield row - done
        yield record(row)
        done = row + 1
    if len(unchanged) > done:
        yield len(unchanged) - done
