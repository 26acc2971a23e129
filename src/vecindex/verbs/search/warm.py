"""A table kept open, and its vectors in memory, from search to search; what is found is what the disk would give."""

from __future__ import annotations

import math
import re
import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np

from vecindex.config import vector_memory_bytes
from vecindex.core.limits import in_turn
from vecindex.core.neighbors import F64, Rows
from vecindex.core.vectors import F32, distances_to
from vecindex.neighbors.held import near
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.store.faults import translated
from vecindex.store.held.opened import Opened
from vecindex.store.held.pieces import Mask, Pieces, View
from vecindex.store.search import Nearest, in_order, margin
from vecindex.verbs.bounds import vector_budget_bytes

FIRST = 4
"""The query at which vectors are read into memory, as reading takes as long as some seven queries from the disk."""
_MASKS = 16
# More rows than these within rounding of the last: the disk is as quick.
_MOST_CANDIDATES = 20_000
# What these give depends on the time, or on chance.
_CHANGING = re.compile(r"\b(now|current_\w+|local\w*time\w*|today|random|rand|uuid)\b", re.IGNORECASE)


class Warm:
    """The vectors of a table in memory, up to a budget, at the version that is asked for.

    A later version reads only what is new. May be used by several threads at once.
    """

    def __init__(self, first: int = FIRST) -> None:
        """Hold nothing yet; queries before the `first` are answered from the disk."""
        vector_memory_bytes()  # refuses what is no number before anything is searched
        self._first = first
        self._lock = threading.RLock()
        self._pieces = Pieces(self.budget_bytes)
        self._masks: OrderedDict[tuple[int, int, str], Mask] = OrderedDict()
        self._of: str | None = None
        self._opened = Opened()

    def budget_bytes(self) -> int:
        """Return the memory that vectors may take: as the user says, or a quarter of what the process may take."""
        return vector_budget_bytes(self._pieces.held_bytes)

    def table(self, database: Database, name: str, at: str | None) -> ArticleTable:
        """Return what `database.articles` does, kept open for the next search of its index.

        What was read of the index stays in memory, see `index_cache_bytes`; nothing does where the user allows none.
        """
        if vector_memory_bytes() == 0:
            return database.articles(name, at)
        return self._opened.table(database, name, at)

    @property
    def held_bytes(self) -> int:
        """The memory that vectors take now."""
        with self._lock:
            return self._pieces.held_bytes

    def view(self, table: ArticleTable, data: Any) -> View | None:
        """Return all vectors of a version, a Lance dataset; None where they do not fit."""
        with in_turn(self._lock):
            if self._of != table.where:
                self._forget()
                self._of = table.where
            try:
                found = self._pieces.view(table, data)
            except MemoryError:
                found = None
            if found is None:
                self._forget()
            return found

    def _forget(self) -> None:
        self._masks.clear()
        self._pieces.clear()

    def matching(self, table: ArticleTable, where: str) -> int | None:
        """Return how many rows meet a condition that was checked before; None where that is not known."""
        with in_turn(self._lock):
            if not self._masks or self._of != table.where:
                return None
            data = table.lance.to_lance()
            view = self._pieces.view(table, data) if self._pieces.held_bytes else None
            mask = None if view is None else self._masks.get((view.number, int(data.version), where))
            return None if mask is None else int(mask.sum())

    def nearest(
        self, table: ArticleTable, queries: F32, limit: int, columns: Sequence[str], where: str | None
    ) -> list[Nearest] | None:
        """Return what `store.search.nearest` does, from memory; None where that is to be asked.

        Of rows that are as near as the last, all are given, though they be more than `limit`.
        """
        if where is not None and _CHANGING.search(where):
            return None
        with in_turn(self._lock):
            self._first = max(0, self._first - len(queries))
            if self._first:
                return None
        with translated(table.where):
            data = table.lance.to_lance()
        view = self.view(table, data)
        if view is None or not len(view.row_ids):
            return None
        among = view.live if where is None else self._meeting(table, data, view, where)
        found = []
        for query, at in zip(queries, near(view.blocks, queries, limit, margin(table.schema), among), strict=True):
            if len(at) > max(_MOST_CANDIDATES, 2 * limit):
                return None
            found.append(_measured(query, at, view.vectors(at), limit))
        every = np.unique(np.concatenate([at for at, _, _ in found]))
        rows: list[dict[str, Any]] = []
        if len(every):
            with translated(table.where):
                rows = data.take(view.numbers(every).tolist(), columns=list(columns)).to_pylist()
        return [
            in_order([dict(rows[i]) for i in np.searchsorted(every, at)], dist, beyond) for at, dist, beyond in found
        ]

    def _meeting(self, table: ArticleTable, data: Any, view: View, where: str) -> Mask:
        """Return which rows of the blocks meet a condition; of the last few it is known."""
        key = (view.number, int(data.version), where)
        with in_turn(self._lock):
            if key in self._masks:
                self._masks.move_to_end(key)
                return self._masks[key]
        with translated(table.where):
            found = view.meeting(data, where)
        with in_turn(self._lock):
            self._masks[key] = found
            while len(self._masks) > _MASKS:
                self._masks.popitem(last=False)
        return found


def _measured(query: F32, at: Rows, vectors: F32, limit: int) -> tuple[Rows, F64, float]:
    """Return the rows that are not farther than the `limit`-th, their distances, and from where on others are."""
    dist = distances_to(query, vectors)
    if len(at) < limit:
        return at, dist, math.inf
    last = np.partition(dist, limit - 1)[limit - 1]
    near_enough = dist <= last
    return at[near_enough], dist[near_enough], float(np.nextafter(np.float32(last), np.float32(np.inf)))
