"""Exact ranks in embedding space, counted over a stream of blocks."""

from __future__ import annotations

from functools import partial

import numpy as np

from vecindex.core.neighbors import F64, NO_ROW, Rows
from vecindex.core.vectors import F32
from vecindex.neighbors.blas import Products, in_threads, load_faiss
from vecindex.neighbors.exact import MARGIN, cosine_distances


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
        self._least = self._perhaps.min(axis=1, initial=np.inf)
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
        for place, i, sims in products.reaching(block, self._least[part]):
            other = rows[place] != self._rows[part][i]
            place, i, near = place[other], i[other] + part.start, sims[other][:, None]
            surely = near > self._surely[i]
            for j in range(surely.shape[1]):
                self._before[part, j] += np.bincount(i[surely[:, j]] - part.start, minlength=part.stop - part.start)
            again = ((near >= self._perhaps[i]) & ~surely).any(axis=1)
            self._measure(i[again], place[again], near[again], rows, block)

    def _measure(self, i: Rows, place: Rows, near: F32, rows: Rows, block: F32) -> None:
        """Count, of pairs (article i, place) with products that do not decide, those that are before another one."""
        dist = cosine_distances(self._vectors, i, block, place)[:, None]
        before = (dist < self._dist[i]) | ((dist == self._dist[i]) & (rows[place][:, None] < self._others[i]))
        np.add.at(self._before, i, (near >= self._perhaps[i]) & (near <= self._surely[i]) & before)
