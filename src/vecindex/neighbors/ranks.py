"""Exact ranks in embedding space, counted over a stream of blocks."""

from __future__ import annotations

from functools import partial

import numpy as np

from vecindex.core.neighbors import F64, NO_ROW, Rows
from vecindex.core.vectors import F32
from vecindex.neighbors.blas import in_threads, load_faiss
from vecindex.neighbors.exact import MARGIN, cosine_distances

# Pairs measured again at a time.
_MEASURED = 1 << 18


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
        self._rows = rows
        self._vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        self._others, self._dist = others, dist
        self._before = np.zeros(others.shape, dtype=np.int64)
        sims = 1.0 - dist
        self._surely = np.where(others == NO_ROW, np.inf, sims + MARGIN).astype(np.float32)
        self._perhaps = np.where(others == NO_ROW, np.inf, sims - MARGIN).astype(np.float32)

    def add(self, rows: Rows, vectors: F32, products: F32, at: Rows) -> None:
        """Take a block: articles' rows (b,), each given once in all, and their unit vectors (b, d).

        `products` (p, b) of float32 hold in their lines `at` (s,) those of the s articles with the vectors.
        """
        faiss = load_faiss()
        mine = np.minimum(np.searchsorted(self._rows, rows), len(self._rows) - 1)
        itself = self._rows[mine] == rows
        products[at[mine[itself]], np.flatnonzero(itself)] = -np.inf
        close: list[Rows] = [np.empty(0, np.int64)] * len(at)
        threads = faiss.omp_get_max_threads()
        some = [slice(i, None, threads) for i in range(threads)]
        in_threads(faiss, [partial(self._count, products, at, close, part) for part in some])
        query = np.repeat(np.arange(len(close)), [len(c) for c in close])
        self._measure(query, np.concatenate(close), products, at, rows, vectors)

    def result(self) -> Rows:
        """Return the ranks (s, m), from 1; NO_ROW where there is no other."""
        return np.where(self._others == NO_ROW, NO_ROW, self._before + 1)

    def _count(self, products: F32, at: Rows, close: list[Rows], some: slice) -> None:
        """Count, for some of the articles, what surely is before; put into `close` what must be measured again."""
        # A numpy pass for each pair stays in the cache of a core; all at once would not.
        for i in range(len(at))[some]:
            row, near = products[at[i]], None
            for j in range(self._others.shape[1]):
                perhaps = np.count_nonzero(row >= self._perhaps[i, j])
                if not perhaps:
                    continue
                surely = np.count_nonzero(row > self._surely[i, j])
                self._before[i, j] += surely
                if perhaps != surely:
                    window = (row >= self._perhaps[i, j]) & (row <= self._surely[i, j])
                    near = window if near is None else near | window
            if near is not None:
                close[i] = np.flatnonzero(near)

    def _measure(self, i: Rows, place: Rows, products: F32, at: Rows, rows: Rows, block: F32) -> None:
        """Count, of pairs (article i, place in the block), those that are before another one by exact distances."""
        for start in range(0, len(i), _MEASURED):
            part = slice(start, start + _MEASURED)
            mine, there = i[part], place[part]
            sim = products[at[mine], there][:, None]
            dist = cosine_distances(self._vectors, mine, block, there)[:, None]
            before = (dist < self._dist[mine]) | (
                (dist == self._dist[mine]) & (rows[there][:, None] < self._others[mine])
            )
            window = (sim >= self._perhaps[mine]) & (sim <= self._surely[mine])
            np.add.at(self._before, mine, window & before)
