"""One version of a table as `overlap` reads it: places first, then one pass over the vectors, then a few rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from vecindex.core.neighbors import NO_ROW, Rows
from vecindex.core.questions import QuestionSet
from vecindex.core.vectors import F32
from vecindex.errors import CorruptError
from vecindex.store.articles import ArticleTable, as_matrix
from vecindex.store.maps import rows_and_places
from vecindex.store.versions import version

if TYPE_CHECKING:
    import pyarrow as pa

_AT_ONCE = 5_000


class OverlapReader:
    """One version of a table, its rows numbered in the order of their ids."""

    def __init__(self, table: ArticleTable, map_names: Sequence[str]) -> None:
        """Read the ids and places, and hold on to the version, so that a writer beside us changes nothing."""
        import pyarrow.compute as pc

        self.table = table
        table.lance.checkout(version(table))
        self._chunked = table.fingerprint.chunking is not None
        self._dimension = table.fingerprint.dimension
        self._scanned, places = rows_and_places(table, map_names)
        self.n = len(self._scanned)
        order = pc.sort_indices(self._scanned)
        self.ids: pa.Array = self._scanned.take(order)
        at = order.to_numpy(zero_copy_only=False).astype(np.int64)
        self._row_of_scan: Rows = np.empty(self.n, dtype=np.int64)
        self._row_of_scan[at] = np.arange(self.n)
        self.places = {name: xy[at] for name, xy in places.items()}

    def blocks(self) -> Iterator[tuple[Rows, F32]]:
        """Yield the rows and vectors of the whole table, a bounded part at a time."""
        start = 0
        for batch in self.table.scan(["id", "vector"]):
            stop = start + len(batch)
            if not batch.column("id").equals(self._scanned.slice(start, len(batch))):
                raise CorruptError(f"{self.table.where} was read in two different orders.", "Run the command again.")
            yield self._row_of_scan[start:stop], as_matrix(batch.column("vector"), self._dimension)
            start = stop

    def vectors(self, rows: Rows) -> tuple[Rows, F32]:
        """Return these rows, ascending, with their vectors."""
        import pyarrow as pa
        import pyarrow.compute as pc

        rows = np.unique(rows)
        ids: list[pa.Array] = []
        parts: list[F32] = []
        for at in range(0, len(rows), _AT_ONCE):
            wanted = self.ids.take(pa.array(rows[at : at + _AT_ONCE])).to_pylist()
            found = self.table.rows_by_id(wanted, ["id", "vector"])
            ids += found.column("id").chunks
            parts += [as_matrix(chunk, self._dimension) for chunk in found.column("vector").chunks]
        if not ids:
            return rows, np.empty((0, self._dimension), dtype=np.float32)
        where = pc.index_in(pa.concat_arrays(ids), value_set=self.ids).to_numpy(zero_copy_only=False).astype(np.int64)
        order = np.argsort(where)
        return where[order], np.concatenate(parts)[order]

    def titles(self, rows: Rows) -> dict[int, str | None]:
        """Return the titles of these rows."""
        return self.values(rows, "title")

    def values(self, rows: Rows, column: str) -> dict[int, Any]:
        """Return one column's values of these rows."""
        import pyarrow as pa

        rows = np.unique(rows[rows != NO_ROW])
        found: dict[int, Any] = {}
        for at in range(0, len(rows), _AT_ONCE):
            part = rows[at : at + _AT_ONCE]
            wanted = self.ids.take(pa.array(part)).to_pylist()
            there = self.table.rows_by_id(wanted, ["id", column])
            values = dict(zip(there.column("id").to_pylist(), there.column(column).to_pylist(), strict=True))
            found |= {int(row): values.get(key) for row, key in zip(part, wanted, strict=True)}
        return found

    def answers(self, asked: QuestionSet) -> tuple[list[Rows], float | None]:
        """Return the rows of each question's right articles, and the share of them that the table does not hold.

        In a table of chunks every chunk of a right article is right.
        """
        given = {a for q in asked.questions for a in q.answers}
        if not given:
            return [np.empty(0, np.int64) for _ in asked.questions], None
        rows_of: dict[str, list[int]] = {}
        for row, key in enumerate(self.ids.to_pylist()):
            article = key.rpartition("#")[0] if self._chunked else key
            if article in given:
                rows_of.setdefault(article, []).append(row)
        rows = [
            np.array(sorted(row for a in q.answers for row in rows_of.get(a, [])), dtype=np.int64)
            for q in asked.questions
        ]
        return rows, 1 - len(rows_of) / len(given)
