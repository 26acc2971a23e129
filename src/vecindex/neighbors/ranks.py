"""Exact ranks in embedding space, counted over a stream of blocks."""

from __future__ import annotations

from functools import partial

import numpy as np

from vecindex.core.neighbors import F64, NO_ROW, Rows
from vecindex.core.vectors import F32
from vecindex.neighbors.blas import Products, in_threads, load_faiss
from vecindex.neighbors.exact import MARGIN, cosine_distances

# Pairs measured again at a time.
_MEASURED = 1 << 18
# Rows of a block whose products are held at a time.
_STEP = 8_192
_NO_PLACES = np.empty(0, dtype=np.int64)


class RankCount:
    """The ranks of given articles by their distance from each of s articles, gathered block by block.

    The order is that of `ExactSearch`: by (dist, row), with dist measured in float64 and rounded to float32, the
    article itself left out. A float32 product decides all but the articles whose distance is within its rounding of
    the one asked for; those are measured again. So the ranks depend neither on the blocks nor on the threads. Memory
    is O(s m).
    """

    def __init__(self, rows: Rows, vectors: F32, others: Rows, dist: F64) -> None:
        """Take s articles' rows (ascending) and unit vectors (s, d), and `others` (s, m) with their exact `dist`.

        NO_ROW stands for none.
        """
        self._rows = np.asarray(rows, dtype=np.int64)
        self._vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        self._others, self._dist = others, dist
        self._before = np.zeros(others.shape, dtype=np.int64)
        sims = 1.0 - dist
        self._surely = np.where(others == NO_ROW, np.inf, sims + MARGIN).astype(np.float32)
        self._perhaps = np.where(others == NO_ROW, np.inf, sims - MARGIN).astype(np.float32)
        n, threads = len(rows), load_faiss().omp_get_max_threads()
        parts = [slice(n * i // threads, n * (i + 1) // threads) for i in range(threads)]
        self._parts = [(part, Products(self._vectors[part])) for part in parts if part.stop > part.start]

    def add(self, rows: Rows, vectors: F32) -> None:
        """Take a block: articles' rows (b,), each given once in all, and their finite unit vectors (b, d)."""
        block = np.ascontiguousarray(vectors, dtype=np.float32)
        in_threads(load_faiss(), [partial(self._take, *part, rows, block) for part in self._parts])

    def result(self) -> Rows:
        """Return the ranks (s, m), from 1; NO_ROW where there is no other."""
        return np.where(self._others == NO_ROW, NO_ROW, self._before + 1)

    def _take(self, part: slice, products: Products, rows: Rows, block: F32) -> None:
        """Count what is before, for a part of the articles."""
        room = np.empty((min(_STEP, len(block)), part.stop - part.start), dtype=np.float32)
        for at in range(0, len(block), _STEP):
            some, there = block[at : at + _STEP], rows[at : at + _STEP]
            # Each article's products side by side, for the many passes over them.
            sims = np.ascontiguousarray(products.into(room, some).T)
            mine = np.minimum(np.searchsorted(self._rows[part], there), len(sims) - 1)
            itself = self._rows[part][mine] == there
            sims[mine[itself], np.flatnonzero(itself)] = -np.inf
            close = [self._count(part.start + i, line) for i, line in enumerate(sims)]
            i = np.repeat(np.arange(len(close)), [len(c) for c in close])
            self._measure(part, i, np.concatenate(close), sims, there, some)

    def _count(self, i: int, sims: F32) -> Rows:
        """Count, for an article, what surely is before; return the places of what must be measured again."""
        near = None
        for j in range(self._others.shape[1]):
            perhaps = np.count_nonzero(sims >= self._perhaps[i, j])
            if not perhaps:
                continue
            surely = np.count_nonzero(sims > self._surely[i, j])
            self._before[i, j] += surely
            if perhaps != surely:
                window = (sims >= self._perhaps[i, j]) & (sims <= self._surely[i, j])
                near = window if near is None else near | window
        return _NO_PLACES if near is None else np.flatnonzero(near)

    def _measure(self, part: slice, i: Rows, place: Rows, sims: F32, rows: Rows, block: F32) -> None:
        """Count, of pairs (article i of the part, place), those that are before another one by exact distances."""
        others, asked = self._others[part], self._dist[part]
        for start in range(0, len(i), _MEASURED):
            mine, there = i[start : start + _MEASURED], place[start : start + _MEASURED]
            sim = sims[mine, there][:, None]
            dist = cosine_distances(self._vectors[part], mine, block, there)[:, None]
            before = (dist < asked[mine]) | ((dist == asked[mine]) & (rows[there][:, None] < others[mine]))
            window = (sim >= self._perhaps[part][mine]) & (sim <= self._surely[part][mine])
            np.add.at(self._before[part], mine, window & before)
