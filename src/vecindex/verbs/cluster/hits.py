"""The nearest rows of questions, found by workers before a finder asks for them, many questions at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from vecindex.cluster.engine import Workers
from vecindex.core.neighbors import NO_ROW, Neighbors, Rows
from vecindex.core.vectors import F32, distances_to
from vecindex.errors import CorruptError
from vecindex.messages import command, text
from vecindex.store.articles import ArticleTable, as_matrix
from vecindex.store.database import Database
from vecindex.store.faults import translated
from vecindex.store.search import Nearest, in_order, margin
from vecindex.types import Observer
from vecindex.verbs.cluster.blocks import RowsAsScanned, nearest_by_workers

_MOST_HITS = 4_000_000
"""Rows that are kept of some questions; more questions are searched for when their turn comes."""


class FoundByWorkers:
    """The nearest rows of questions, a source for a `Finder`: it finds with it what it finds without.

    All are of the version that the table is at now. Memory is 16 bytes for each of 4 million rows found, and the
    questions' vectors twice.
    """

    def __init__(
        self, database: Database, table: ArticleTable, queries: F32, limit: int, workers: Workers, observer: Observer
    ) -> None:
        """Take the questions' unit vectors (q, d), and how many rows of each a finder asks for first."""
        with translated(table.where):
            data = table.lance.to_lance()
            self._rows = RowsAsScanned(data, int(data.count_rows()))
        self._database, self._table, self._workers, self._observer = database, table, workers, observer
        self._queries, self._limit = queries, limit
        self._numbers = {vector.tobytes(): number for number, vector in enumerate(queries)}
        self._first, self._found = 0, Neighbors(np.empty((0, limit), np.int64), np.empty((0, limit)))

    def nearest(
        self, table: ArticleTable, queries: F32, limit: int, columns: Sequence[str], where: str | None
    ) -> list[Nearest] | None:
        """Return what `store.search.nearest` does; None for more rows than were asked for at first, or other ones."""
        numbers = [self._numbers.get(vector.tobytes(), -1) for vector in queries]
        if limit > self._limit or where is not None or table is not self._table or min(numbers) < 0:
            return None
        lists = [self._list(number) for number in numbers]
        every = np.unique(np.concatenate(lists))
        rows, vectors = self._read(every, columns)
        answers = []
        for query, found in zip(queries, lists, strict=True):
            at = np.searchsorted(every, found)
            dist = distances_to(query, vectors[at])
            # What was left out is no nearer than the last one, as far as products of float32 are exact.
            beyond = float(dist.max()) - margin(table.schema) if len(found) == self._limit else math.inf
            answers.append(in_order([dict(rows[i]) for i in at], dist, beyond))
        return answers

    def _list(self, number: int) -> Rows:
        """Return the positions of the rows found for a question, (m,)."""
        if not self._first <= number < self._first + len(self._found):
            step = max(1, _MOST_HITS // self._limit)
            self._first = number // step * step
            self._found = self._search(self._queries[self._first : self._first + step])
        found: Rows = self._found.rows[number - self._first]
        return np.asarray(found[found != NO_ROW])

    def _search(self, queries: F32) -> Neighbors:
        try:
            return nearest_by_workers(self._database, self._rows, queries, self._limit, self._workers, self._observer)
        except ValueError as error:
            raise CorruptError(
                f"{self._table.where}: {error}.", text("Find the rows: ", command("doctor"))
            ) from error

    def _read(self, at: Rows, columns: Sequence[str]) -> tuple[list[dict[str, Any]], F32]:
        """Return the columns and the vectors (m, d) of the rows at some positions (m,)."""
        with translated(self._table.where):
            taken = self._rows.data.take(at.tolist(), columns=[*dict.fromkeys([*columns, "vector"])])
        vectors = as_matrix(taken.column("vector").combine_chunks(), self._queries.shape[1])
        return taken.select(list(columns)).to_pylist(), vectors
