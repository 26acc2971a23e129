"""One version of a table as `overlap` and `map` read it: positions, then passes over the vectors, then rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from vecindex.core.neighbors import NO_ROW, Rows
from vecindex.core.questions import QuestionSet
from vecindex.core.texts.joined import joined
from vecindex.core.vectors import F32
from vecindex.errors import CorruptError
from vecindex.store.articles import ArticleTable, as_matrix
from vecindex.store.held.pieces import View
from vecindex.store.maps import columns_and_positions

if TYPE_CHECKING:
    import pyarrow as pa

_AT_ONCE = 5_000
# Products of large blocks are quicker, but 12 MB of vectors at a time are enough.
_BLOCK_ROWS = 8_192


class TableReader:
    """One version of a table, its rows numbered in the order of their ids.

    Attributes
    ----------
    rows : how many there are.
    articles : (rows,) the number of each row's article where rows are chunks and articles are counted; else None.
    n : how many there are of what is counted, articles or rows.
    """

    def __init__(self, table: ArticleTable, map_names: Sequence[str], by: str = "article") -> None:
        """Read the ids and positions, and keep to the version, so that another writer changes nothing.

        `by` is "article" or "chunk", which differ in a table of chunks only.
        """
        import pyarrow.compute as pc

        self.table = table
        table.lance.checkout(table.version)
        self._dimension = table.fingerprint.dimension
        (self._scanned,), positions = columns_and_positions(table, ["id"], map_names)
        self.rows = len(self._scanned)
        order = pc.sort_indices(self._scanned)
        self.ids: pa.Array = self._scanned.take(order)
        at = order.to_numpy(zero_copy_only=False).astype(np.int64)
        self._row_of_scan: Rows = np.empty(self.rows, dtype=np.int64)
        self._row_of_scan[at] = np.arange(self.rows)
        self._scan_of_row: Rows | None = None
        self.positions = {name: xy[at] for name, xy in positions.items()}
        self.articles: Rows | None = None
        self._article_ids: pa.Array = self.ids
        if table.fingerprint.chunking is not None:
            parts = [batch.column("article_id") for _, batch in self.batches(["id", "article_id"])]
            of_rows = joined(parts).take(order)
            if by == "article":
                coded = of_rows.dictionary_encode()
                self.articles = coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
                self._article_ids = coded.dictionary
            else:
                self._article_ids = of_rows
        self.n = self.rows if self.articles is None else len(self._article_ids)

    def _check_order(self, ids: pa.Array, start: int) -> None:
        if not ids.equals(self._scanned.slice(start, len(ids))):
            raise CorruptError(f"{self.table.where} was read in two different orders.", "Run the command again.")

    def batches(self, columns: Sequence[str]) -> Iterator[tuple[Rows, pa.RecordBatch]]:
        """Yield the rows and these columns of the whole table, a bounded part at a time; "id" is one of them."""
        start = 0
        for batch in self.table.scan(columns):
            self._check_order(batch.column("id"), start)
            yield self._row_of_scan[start : start + len(batch)], batch
            start += len(batch)

    def name(self, row: int) -> tuple[str, str | None]:
        """Return the id of what a row is counted as, and the chunk's id where that is its article."""
        key: str = self.ids[row].as_py()
        if self.articles is None:
            return key, None
        return self._article_ids[int(self.articles[row])].as_py(), key

    def blocks(self) -> Iterator[tuple[Rows, F32]]:
        """Yield the rows and vectors of the whole table, a bounded part at a time; each until the next is asked for.

        All are put into the same memory: the system takes its time to supply more.
        """
        start = stop = 0
        room = np.empty((min(_BLOCK_ROWS, self.rows), self._dimension), dtype=np.float32)
        for batch in self.table.stream(["id", "vector"]):
            self._check_order(batch.column("id"), stop)
            vectors = as_matrix(batch.column("vector"), self._dimension)
            while len(vectors):
                block = room[: self.rows - start]
                fitting = vectors[: len(block) - (stop - start)]
                block[stop - start : stop - start + len(fitting)] = fitting
                stop += len(fitting)
                vectors = vectors[len(fitting) :]
                if stop - start == len(block):
                    yield self._row_of_scan[start:stop], block
                    start = stop

    def row_numbers(self, start: int, stop: int) -> Rows:
        """Return the numbers of the rows that `blocks` gives from one position to another."""
        return self._row_of_scan[start:stop]

    def opened(self) -> Any:
        """Return the version as a Lance dataset."""
        return self.table.lance.to_lance()

    def held_blocks(self, held: View) -> Iterator[tuple[Rows, F32]]:
        """Yield what `blocks` does from the vectors of this version in memory."""
        start = 0
        for block in held.parts(_BLOCK_ROWS):
            yield self._row_of_scan[start : start + len(block)], block
            start += len(block)

    def held_vectors(self, held: View, rows: Rows) -> F32:
        """Return the vectors (m, d) of these rows, in their order, from those in memory."""
        if self._scan_of_row is None:
            self._scan_of_row = np.argsort(self._row_of_scan)
        return held.vectors(held.positions(self._scan_of_row[rows]))

    def vectors(self, rows: Rows) -> tuple[Rows, F32]:
        """Return these rows, ascending, with their vectors."""
        import pyarrow as pa
        import pyarrow.compute as pc

        rows = np.unique(rows)
        found_rows: list[Rows] = []
        parts: list[F32] = []
        for at in range(0, len(rows), _AT_ONCE):
            part = rows[at : at + _AT_ONCE]
            wanted = self.ids.take(pa.array(part))
            found = self.table.rows_by_id(wanted.to_pylist(), ["id", "vector"])
            # Looked up among these few; to prepare all ids for looking up would take longer than the rest.
            order = pc.index_in(found.column("id"), value_set=wanted).to_numpy()
            found_rows.append(part[order.astype(np.int64)])
            parts += [as_matrix(chunk, self._dimension) for chunk in found.column("vector").chunks]
        if not parts:
            return rows, np.empty((0, self._dimension), dtype=np.float32)
        where = np.concatenate(found_rows)
        order = np.argsort(where)
        return where[order], np.concatenate(parts)[order]

    def values(self, rows: Rows, column: str) -> dict[int, Any]:
        """Return what stands in a column of these rows."""
        import pyarrow as pa

        rows = np.unique(rows[rows != NO_ROW])
        found: dict[int, Any] = {}
        for at in range(0, len(rows), _AT_ONCE):
            part = rows[at : at + _AT_ONCE]
            wanted = self.ids.take(pa.array(part)).to_pylist()
            there = self.table.rows_by_id(wanted, ["id", column])
            by_id = dict(zip(there.column("id").to_pylist(), there.column(column).to_pylist(), strict=True))
            found |= {int(row): by_id.get(key) for row, key in zip(part, wanted, strict=True)}
        return found

    def answers(self, asked: QuestionSet) -> tuple[list[Rows], float | None]:
        """Return each question's right answers as they are counted, and the share of them that the table lacks.

        Where the chunks of a table are counted by themselves, every chunk of a right article is right.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        given = list(dict.fromkeys(a for q in asked.questions for a in q.answers))
        if not given:
            return [np.empty(0, np.int64) for _ in asked.questions], None
        # Which answer each article is: one look-up in a small set for each, and no text leaves Arrow.
        found = pc.index_in(self._article_ids, value_set=pa.array(given, self._article_ids.type))
        there = found.is_valid().to_numpy(zero_copy_only=False)
        which = pc.drop_null(found).to_numpy(zero_copy_only=False)
        numbers: Rows = np.flatnonzero(there).astype(np.int64)
        right = {answer: numbers[which == i] for i, answer in enumerate(given)}
        none = np.empty(0, np.int64)
        lists = [np.sort(np.concatenate([none, *(right[a] for a in q.answers)])) for q in asked.questions]
        return lists, 1 - len(np.unique(which)) / len(given)
