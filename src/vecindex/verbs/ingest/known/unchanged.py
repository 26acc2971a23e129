"""Rows that the table has as they are, taken out of those of a source; where many are, on all cores.

A worker takes half a second to start, and parses and hashes what another one would otherwise. It never decides: what
the table has, and which row of an id comes first, is looked up here, in the order of the input. So the rows come out
as from one process.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from queue import SimpleQueue
from typing import Any

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
_AHEAD, _AHEAD_BYTES = 4, 32 << 20
"""Batches that wait for each process, and what they may take."""
_BATCH_BYTES, _LARGEST_BYTES = 2 << 20, 8 << 20
"""What is handed over at once, unless it is more than a worker should hold: some hundredths of a second's work."""
Piece = Item | Block | Unparsed


@dataclass(slots=True)
class _Batch:
    """Pieces that follow each other, their bytes, and the task that finds their digests, where there is one."""

    pieces: list[Unparsed] = field(default_factory=list)
    size: int = 0
    task: Future[list[Found]] | None = None

    @property
    def alone(self) -> list[Alone]:
        return [piece.alone for piece in self.pieces]


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

    def left(self, pieces: Iterable[Piece], fields: FieldMap) -> Iterator[Item | int]:
        """Yield the rows that are not unchanged, and of those between them how many there are.

        What `pieces` raises is raised after the rows before it.
        """
        waiting: deque[_Batch | Piece] = deque()
        coming, broken = iter(pieces), list[SourceError]()
        while self._fill(waiting, coming, broken, fields):
            yield from self._scored(self._first(waiting, fields))
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
        waiting: deque[_Batch | Piece],
        coming: Iterator[Piece],
        broken: list[SourceError],
        fields: FieldMap,
    ) -> bool:
        """Let pieces wait, one where there are no workers; return whether any does."""
        self._start()
        ahead = self._pool is not None and self._score > 0
        most = _AHEAD * (1 + len(self._workers)) if ahead else 1
        size = sum(one.size for one in waiting if isinstance(one, _Batch))
        while len(waiting) < most and (not waiting or size < _AHEAD_BYTES) and not broken:
            try:
                piece = next(coming, None)
            except SourceError as error:
                broken.append(error)
                break
            if piece is None:
                break
            if ahead and isinstance(piece, Block):
                piece = _to_hash(piece)
            if ahead and isinstance(piece, Unparsed):
                size += piece.size
                self._hand_over(piece, waiting, fields)
            else:
                waiting.append(piece)
        return bool(waiting)

    def _hand_over(self, piece: Unparsed, waiting: deque[_Batch | Piece], fields: FieldMap) -> None:
        """Put a piece into the last batch, which workers may take once it is large enough."""
        assert self._pool is not None
        batch = waiting[-1] if waiting else None
        if not isinstance(batch, _Batch) or batch.task is not None:
            batch = _Batch()
            waiting.append(batch)
        batch.pieces.append(piece)
        batch.size += piece.size
        if _BATCH_BYTES <= batch.size <= _LARGEST_BYTES:
            batch.task = self._pool.submit(self._elsewhere, batch.alone, fields)

    def _start(self) -> None:
        """Start the workers where they are worth it; end them where one is gone."""
        if any(worker.is_dead for worker in self._workers):
            self.close()
        if self._pool is not None or self._most < 1 or self._score < _MANY_ROWS:
            return
        try:
            for _ in range(self._most):
                self._workers.append(Worker())
                self._idle.put(self._workers[-1])
        except OSError:
            # Without processes or memory for more, these do it, or none.
            self._most = 0
        if self._workers:
            self._pool = ThreadPoolExecutor(len(self._workers), "vecindex-unchanged")

    def _elsewhere(self, pieces: Sequence[Alone], fields: FieldMap) -> list[Found]:
        worker = self._idle.get()
        try:
            return worker.parse(pieces, fields)
        finally:
            self._idle.put(worker)

    def _first(self, waiting: deque[_Batch | Piece], fields: FieldMap) -> Iterator[Item | int]:
        """Yield what is left of the first ones that wait."""
        first = waiting.popleft()
        if not isinstance(first, _Batch):
            yield from self._here(first, fields)
            return
        for piece, found in zip(first.pieces, self._found(first, waiting, fields), strict=True):
            if found is None or not piece.stands_alone():
                yield from self._here(piece, fields)
                continue
            flags = np.concatenate([one.met(self._registry) for one in found])
            if flags.all():
                yield len(flags)
            else:
                yield from in_order(list(each(piece.items())).__getitem__, flags)

    def _found(self, first: _Batch, waiting: Iterable[_Batch | Piece], fields: FieldMap) -> Sequence[Found]:
        """Return the digests of a batch; until a worker has found them, parse others, from the last one on."""
        if first.task is None or first.task.cancel():
            return [None] * len(first.pieces)
        for other in reversed(list(waiting)):
            if first.task.done():
                break
            if isinstance(other, _Batch) and other.task is not None and other.task.cancel():
                other.task = Future()
                other.task.set_result([parse(alone, fields) for alone in other.alone])
        return first.task.result()

    def _here(self, piece: Piece, fields: FieldMap) -> Iterator[Item | int]:
        for item in gathered(piece.items()) if isinstance(piece, Unparsed) else (piece,):
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


def _to_hash(block: Block) -> Unparsed:
    """Return the rows of a block as a piece, of which only the hashes are left to be made."""
    columns = Block(block.before, block.first, block.rows, block.columns, block.kinds)
    size = sum(_bytes(column, block.kinds.get(name)) for name, column in block.columns.items())
    return Unparsed(size, partial(list, (columns,)), partial(iter, (block,)))


def _bytes(column: Any, kind: type | None) -> int:
    """Return about how many bytes a column of a block takes."""
    if isinstance(column, np.ndarray):
        return column.nbytes
    return sum(map(len, filter(None, column))) if kind is str else 8 * len(column)


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
