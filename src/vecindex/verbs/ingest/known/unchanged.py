"""Rows that the table has as they are, taken out of those of a source; where many are, on all cores.

Workers parse and hash batches of rows that this process would come to later. They never decide: what the table has,
and which row of an id comes first, is looked up here, in the order of the input. So the rows come out as from one
process.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from queue import SimpleQueue

import numpy as np

from vecindex.embed.light.threads import threads_here
from vecindex.sources.base import Block, Item, Unparsed, each
from vecindex.sources.fieldmap import FieldMap
from vecindex.verbs.ingest.known.blocks import Flags, block_digests, gathered
from vecindex.verbs.ingest.known.registry import Registry
from vecindex.verbs.ingest.known.worker import Parse, PieceDigests, Worker, digests_of_piece

_MANY_ROWS = 20_000
"""Unchanged ones before workers get any: to parse and to hash them takes about as long as a worker's start."""
_OTHER_WEIGHS = 50
"""Where one row in so many is another one, too many pieces would be parsed twice."""
_MOST_WORKERS = 3
_BATCH_BYTES = 2 << 20
"""What a worker gets at once: some hundredths of a second's work."""
_LARGEST_BYTES = 24 << 20
"""A larger piece is no worker's: 4,096 vectors of 1,024 values next to their texts are not."""
_LATE_S = 60.0
"""A worker that answers later than this, such as a stopped one, is given up."""
_AHEAD, _AHEAD_BYTES = 4, 64 << 20
"""Batches that wait for each process, and about what all of them may take."""
Piece = Item | Block | Unparsed


class _Batch:
    """Pieces that follow each other, their bytes, and the task that finds their digests, where there is one."""

    __slots__ = ("pieces", "size", "task")

    def __init__(self) -> None:
        self.pieces: list[Unparsed] = []
        self.size = 0
        self.task: Future[list[PieceDigests]] | None = None

    @property
    def parses(self) -> list[Parse]:
        return [piece.parse for piece in self.pieces if piece.parse is not None]


class Unchanged:
    """Takes unchanged rows out of those of sources."""

    def __init__(self, registry: Registry) -> None:
        """Take what the table has."""
        self._registry = registry
        self._score, self._are_many = 0, False
        self._most = min(_MOST_WORKERS, threads_here() - 1) if Worker.can_start() else 0
        self._workers: list[Worker] = []
        self._idle: SimpleQueue[Worker] = SimpleQueue()
        self._pool: ThreadPoolExecutor | None = None

    def others(self, pieces: Iterable[Piece], fields: FieldMap, is_whole: bool) -> Iterator[Item | int]:
        """Yield the rows that are not unchanged, and of those between them how many there are.

        `is_whole` says that nobody is still writing the source, so that rows may be read ahead. What `pieces` raises
        is raised after the rows before it.
        """
        waiting: deque[_Batch | Piece] = deque()
        coming, broken = iter(pieces), list[Exception]()
        while self._fill(waiting, coming, broken, fields, is_whole):
            for one in self._oldest(waiting, fields):
                self._count(one)
                yield one
        if broken:
            raise broken[0]

    def close(self) -> None:
        """End the workers; from now on this process does it all."""
        workers, pool = self._workers, self._pool
        self._workers, self._pool, self._most = [], None, 0
        for worker in workers:
            worker.close()
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)

    def _count(self, one: Item | int) -> None:
        """Note whether most rows are unchanged."""
        gain = one if isinstance(one, int) else -_OTHER_WEIGHS
        self._score = max(0, min(2 * _MANY_ROWS, self._score + gain))
        if self._score in (0, 2 * _MANY_ROWS) or not self._are_many:
            self._are_many = self._score >= _MANY_ROWS

    def _fill(
        self,
        waiting: deque[_Batch | Piece],
        coming: Iterator[Piece],
        broken: list[Exception],
        fields: FieldMap,
        is_whole: bool,
    ) -> bool:
        """Let pieces wait, only one where workers get none; return whether any does."""
        ahead = is_whole and self._are_many and self._has_workers()
        most = _AHEAD * (1 + len(self._workers)) if ahead else 1
        size = sum(one.size for one in waiting if isinstance(one, _Batch))
        while len(waiting) < most and size < _AHEAD_BYTES and not broken:
            try:
                piece = next(coming, None)
            except Exception as error:  # noqa: BLE001 (raised where it belongs)
                broken.append(error)
                break
            if piece is None:
                break
            if ahead and isinstance(piece, Block):
                piece = _only_to_hash(piece)
            if not ahead or not isinstance(piece, Unparsed) or piece.parse is None or piece.size > _LARGEST_BYTES:
                waiting.append(piece)
                break
            size += piece.size
            self._hand_over(piece, waiting, fields)
        return bool(waiting)

    def _hand_over(self, piece: Unparsed, waiting: deque[_Batch | Piece], fields: FieldMap) -> None:
        """Put a piece into the last batch, which workers may take once it is large enough."""
        batch = waiting[-1] if waiting else None
        if not isinstance(batch, _Batch) or batch.task is not None:
            batch = _Batch()
            waiting.append(batch)
        batch.pieces.append(piece)
        batch.size += piece.size
        if batch.size >= _BATCH_BYTES and self._pool is not None:
            try:
                batch.task = self._pool.submit(self._elsewhere, batch.parses, fields)
            except RuntimeError:
                # No thread can be started.
                self.close()

    def _has_workers(self) -> bool:
        """Start the workers where they are not; end them where one is gone. Return whether there are any."""
        if any(worker.is_dead for worker in self._workers):
            self.close()
        if self._pool is None and self._most > 0:
            try:
                while len(self._workers) < self._most:
                    self._workers.append(Worker())
                    self._idle.put(self._workers[-1])
            except OSError:
                # Without processes or memory for more, these do it, or none.
                self._most = len(self._workers)
            if self._workers:
                self._pool = ThreadPoolExecutor(len(self._workers), "vecindex-unchanged")
        return self._pool is not None

    def _elsewhere(self, parses: Sequence[Parse], fields: FieldMap) -> list[PieceDigests]:
        worker = self._idle.get()
        try:
            return worker.digests(parses, fields)
        finally:
            self._idle.put(worker)

    def _oldest(self, waiting: deque[_Batch | Piece], fields: FieldMap) -> Iterator[Item | int]:
        """Yield what is left of the ones that have waited longest."""
        oldest = waiting.popleft()
        if not isinstance(oldest, _Batch):
            yield from self._here(oldest, fields)
            return
        for piece, digests in zip(oldest.pieces, self._digests(oldest, waiting, fields), strict=True):
            if digests is None or not piece.stands_alone():
                yield from self._here(piece, fields)
                continue
            rows, done = list[Item](), 0
            for part in digests:
                unchanged = part.met(self._registry)
                if unchanged.all():
                    yield len(unchanged)
                else:
                    rows = rows or list(each(piece.items()))
                    yield from in_order(partial(_row, rows, done), unchanged)
                done += len(unchanged)

    def _digests(self, oldest: _Batch, waiting: Iterable[_Batch | Piece], fields: FieldMap) -> Sequence[PieceDigests]:
        """Return the digests of a batch; until a worker has found them, find those of others, the last ones first."""
        if oldest.task is None or oldest.task.cancel():
            return [None] * len(oldest.pieces)
        for other in reversed(list(waiting)):
            if oldest.task.done():
                break
            if isinstance(other, _Batch) and other.task is not None and other.task.cancel():
                other.task = Future()
                other.task.set_result([digests_of_piece(parse, fields) for parse in other.parses])
        try:
            return oldest.task.result(_LATE_S)
        except TimeoutError:
            self.close()
            return [None] * len(oldest.pieces)

    def _here(self, piece: Piece, fields: FieldMap) -> Iterator[Item | int]:
        for item in gathered(piece.items()) if isinstance(piece, Unparsed) else (piece,):
            if isinstance(item, Block):
                yield from in_order(item.record, block_digests(item, fields).met(self._registry))
            else:
                assert not isinstance(item, Unparsed)
                yield item


def _only_to_hash(block: Block) -> Unparsed | Block:
    """Return the rows of a block as a piece; the block itself where its columns are of no simple kind."""
    size = 0
    for name, column in block.columns.items():
        if isinstance(column, np.ndarray):
            size += column.nbytes
        elif name in block.kinds:
            is_text = block.kinds[name] is str
            size += sum(map(len, filter(None, column))) if is_text else 8 * len(column)
        else:
            return block
    columns = Block(block.before, block.first, block.rows, block.columns, block.kinds)
    return Unparsed(size, partial(list, (columns,)), partial(iter, (block,)))


def _row(rows: Sequence[Item], first: int, row: int) -> Item:
    return rows[first + row]


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
