"""Exact ranks in embedding space, counted over a stream of blocks."""

from __future__ import annotations

from functools import partial

import numpy as np

from vecindex.core.neighbors import F64, NO_ROW, Rows
from vecindex.core.vectors import F32
from vecindex.neighbors.blas import Products, in_threads, load_faiss, parts
from vecindex.neighbors.exact import MARGIN, cosine_distances

# From this share of a step's products on, counting them all is quicker than making a list of those that may count.
_DENSE = 0.02
# Pairs measured again at a time.
_MEASURED = 1 << 16


class RankCount:
    """The ranks of given articles by their distance from each of s articles, gathered block by block.

    A rank is one more than the number of articles that are nearer, so equally near ones have the same rank. The
    distance is that of `ExactSearch`, measured in float64 and rounded to float32; the article itself is left out. A
    float32 product decides all but the articles whose distance is within its rounding of the one asked for; those are
    measured again. So the ranks depend neither on the blocks nor on the threads. Memory is O(s m).
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
        shares = parts(load_faiss().omp_get_max_threads(), len(rows))
        self._parts = [(part, Products(self._vectors[part])) for part in shares]

    def add(self, rows: Rows, vectors: F32) -> None:
        """Take a block: articles' rows (b,), each given once in all, and their finite unit vectors (b, d)."""
        block = np.ascontiguousarray(vectors, dtype=np.float32)
        in_threads([partial(self._take, *part, rows, block) for part in self._parts])

    def result(self) -> Rows:
        """Return the ranks (s, m), from 1; NO_ROW where there is no other."""
        return np.where(self._others == NO_ROW, NO_ROW, self._before + 1)

    def _take(self, part: slice, products: Products, rows: Rows, block: F32) -> None:
        """Count what is before, for a part of the articles."""
        for at, sims, above in products.reaching(block, self._least[part]):
            if len(above) > _DENSE * sims.size:
                again = self._counted_all(part, sims, rows[at : at + len(sims)])
            else:
                again = self._counted_some(part, sims, above, rows[at : at + len(sims)])
            line, i = np.divmod(again, sims.shape[1])
            self._measure(part.start + i, at + line, sims.ravel()[again], rows, block)

    def _counted_some(self, part: slice, sims: F32, above: Rows, rows: Rows) -> Rows:
        """Count what surely is before, among the few that may be; return those that must be measured again."""
        line, i = np.divmod(above, sims.shape[1])
        other = rows[line] != self._rows[part][i]
        above, i = above[other], i[other]
        near = sims.ravel()[above][:, None]
        surely = near > self._surely[part][i]
        for j in range(surely.shape[1]):
            self._before[part, j] += np.bincount(i[surely[:, j]], minlength=sims.shape[1])
        again = (near >= self._perhaps[part][i]) & ~surely
        return np.asarray(above[again.any(axis=1)])

    def _counted_all(self, part: slice, sims: F32, rows: Rows) -> Rows:
        """The same where many may be, as on a map that keeps little: no list of them is made."""
        mine = np.minimum(np.searchsorted(self._rows[part], rows), sims.shape[1] - 1)
        itself = self._rows[part][mine] == rows
        sims[np.flatnonzero(itself), mine[itself]] = -np.inf
        again = np.zeros(sims.shape, dtype=np.bool_)
        for surely_at, perhaps_at, before in zip(
            self._surely[part].T, self._perhaps[part].T, self._before[part].T, strict=True
        ):
            surely = sims > surely_at
            before += np.count_nonzero(surely, axis=0)
            again |= (sims >= perhaps_at) & ~surely
        return np.flatnonzero(again)

    def _measure(self, i: Rows, line: Rows, sims: F32, rows: Rows, block: F32) -> None:
        """Count, of pairs (article i, line of the block) whose products do not decide, those before another one."""
        for start in range(0, len(i), _MEASURED):
            some = slice(start, start + _MEASURED)
            mine, there, near = i[some], line[some], sims[some][:, None]
            dist = cosine_distances(self._vectors, mine, block, there)[:, None]
            before = dist < self._dist[mine]
            window = (near >= self._perhaps[mine]) & (near <= self._surely[mine])
            np.add.at(self._before, mine, window & before)
