"""Exact nearest articles in embedding space, over a stream of blocks; blocks and threads do not change them."""

from __future__ import annotations

from functools import partial

import numpy as np
import numpy.typing as npt

from vecindex.core.neighbors import (
    F64,
    NO_ROW,
    Neighbors,
    Rows,
    counted,
    nearest_of_each,
    nearest_of_rounded,
    position_of_kth,
)
from vecindex.core.vectors import F32, usable
from vecindex.neighbors.blas import MIN_BLAS_QUERIES, Products, blas_for, in_threads, load_faiss, parts

# Fetched beyond k in each block, so that rounding and ties at its end are seen.
_PAD = 8
_QUERIES = 1_024
# Fewer than these are not worth a thread of their own: products of few queries are slow.
_THREAD_QUERIES = 100
# How many times the wanted candidates a block may hold for a query before FAISS is asked to leave some out.
_MANY = 4
# The queries that a kernel of the product takes at a time; those left over go through narrower, slower ones.
_KERNEL_WIDTH = 16
# What a float32 dot product of unit vectors may be off by, in any order of summation: some dimensions times its
# precision, generously (4,096 values give 2e-6 at worst as measured, and this is five times as much).
MARGIN = 1e-5
# Small enough for the cache of a core: four times as quick as large arrays, which the system must first supply.
_RESCORE_VALUES = 1 << 16
# Chunks fetched for each article wanted, at first.
_CHUNKS_PER_ARTICLE = 4


class ExactSearch:
    """The k nearest articles of each query by cosine, gathered block by block.

    FAISS finds the candidates by float32 products: in the first blocks by its search, in later ones, of which hardly
    any row is near enough, by its matrix product and one scan of it. Those near enough to matter are measured
    again in float64 and rounded to float32, and then ordered by (dist, row). So two articles tie when their distances
    are equal as float32 numbers, and the answer does not depend on the size of the blocks, their order, the threads
    or the kernels. Memory is O(q (k + d)) and one block.

    Where rows are chunks, the k nearest articles are found, each by its nearest chunk. A block is searched deeper
    until k different articles are certain.
    """

    def __init__(
        self,
        queries: F32,
        k: int,
        without: Rows | None = None,
        articles: Rows | None = None,
        are_finite: bool = False,
    ) -> None:
        """Take the queries (q, d), unit vectors; `without` (q,) names for each a row to leave out (NO_ROW: none).

        `articles` (n,) is the number of the article of each row of the table, whose whole article is then left out;
        None where each row is an article. `are_finite` says that all vectors were looked at before: of one query that
        takes longer than the search.

        Raises ValueError when a query is not finite or k is below 1.
        """
        if k < 1:
            raise ValueError(f"k must be at least 1, found {k}")
        if not usable(queries).all():
            raise ValueError("a query is not finite")
        self.queries = np.ascontiguousarray(queries, dtype=np.float32)
        self.k = k
        self._articles = articles
        self._without = None if without is None else counted(without, articles)
        self._are_finite = are_finite
        self._many = _MANY * (k + _PAD)
        self._products: dict[int, Products] = {}
        self._rows: Rows = np.full((len(queries), k), NO_ROW, dtype=np.int64)
        self._dist: F64 = np.full((len(queries), k), np.inf)

    def add(self, rows: Rows, vectors: F32) -> None:
        """Take a block: articles' rows (b,), each given once in all, and their unit vectors (b, d).

        Raises ValueError when a vector is not finite: FAISS would find it near or far without a word.
        """
        if len(rows) != len(vectors):
            raise ValueError(f"{len(rows)} rows for {len(vectors)} vectors")
        if not len(rows):
            return
        block = np.ascontiguousarray(vectors, dtype=np.float32)
        numbers = np.asarray(rows, dtype=np.int64)
        if np.isfinite(self._dist[:, -1]).all() and len(self.queries) >= MIN_BLAS_QUERIES:
            self._scan(numbers, block)
        else:
            if not self._are_finite:
                refuse_unusable(block)
            in_threads([partial(self._add, part, numbers, block) for part in self._parts()])

    def result(self) -> Neighbors:
        """Return what was found so far."""
        return Neighbors(self._rows.copy(), self._dist.copy())

    def _parts(self) -> list[slice]:
        """Return parts of the queries: as many as threads where each is then worth one."""
        n = len(self.queries)
        return parts(max(min(load_faiss().omp_get_max_threads(), n // _THREAD_QUERIES), -(-n // _QUERIES), 1), n)

    def _add(self, part: slice, rows: Rows, block: F32, some: Rows | None = None) -> None:
        """Take a block for a part of the queries, or for some of that part."""
        faiss = load_faiss()
        queries = self.queries[part]
        wanted = self.k + (self._without is not None)
        pending = np.arange(len(queries)) if some is None else some
        depth = wanted * (1 if self._articles is None else _CHUNKS_PER_ARTICLE) + _PAD
        while len(pending):
            depth = min(depth, len(block))
            with blas_for(len(pending)):
                sims, local = faiss.knn(queries[pending], block, depth, metric=faiss.METRIC_INNER_PRODUCT)
            # A row that is farther than both the block's own k-th and the k-th so far cannot be among the k nearest.
            bar = 1.0 - self._dist[part][pending, -1]
            bar = np.maximum(bar, self._reached(sims, rows[local], wanted))
            bar = bar - 2 * MARGIN
            complete = (sims[:, -1] < bar) | (depth == len(block))
            done = pending[complete]
            if len(done):
                self._merge(part.start + done, rows, block, sims[complete], local[complete], bar[complete])
            pending = pending[~complete]
            depth *= 8

    def _scan(self, rows: Rows, block: F32) -> None:
        """Take a block once each query has as many articles as are wanted: hardly any row of it is nearer still."""
        n = len(self.queries)
        bar = (1.0 - self._dist[:, -1] - 2 * MARGIN).astype(np.float32)
        # The threads share the rows here, so that each row is read from memory and laid out for the product once.
        threads = load_faiss().omp_get_max_threads()
        shares = parts(threads, len(block))
        for group in parts(-(-n // _QUERIES), n):
            found = in_threads([partial(self._near, group, block, share, bar[group]) for share in shares])
            query, local = (np.concatenate(some) for some in zip(*found, strict=True))
            crowded = np.bincount(query, minlength=n) > self._many
            some = parts(min(threads, group.stop - group.start), group.stop - group.start)
            those = [slice(group.start + part.start, group.start + part.stop) for part in some]
            in_threads([partial(self._take, part, query, local, crowded, rows, block) for part in those])

    def _near(self, group: slice, block: F32, share: slice, bar: F32) -> tuple[Rows, Rows]:
        """Return pairs of a query of the group and a row of a share of the block whose product reaches the bar.

        Where there are so many that FAISS had better leave some out, every query comes more than `_many` times.
        """
        products = self._products_of(group)
        n = products.shape[0]
        # Nothing reaches NaN.
        least = np.full(n, np.nan, dtype=np.float32)
        least[: len(bar)] = bar
        found: list[Rows] = []
        total = 0
        for at, values, above in products.reaching(block[share], least):
            if not np.isfinite(values[:, -1]).all():
                refuse_unusable(block)
            found.append(above + at * n)
            total += len(above)
            if total > self._many * n:
                refuse_unusable(block)
                every = np.repeat(np.arange(group.start, group.stop), self._many + 1)
                return every, np.zeros_like(every)
        local, query = np.divmod(np.concatenate(found), n)
        return group.start + query, share.start + local

    def _take(
        self, part: slice, query: Rows, local: Rows, crowded: npt.NDArray[np.bool_], rows: Rows, block: F32
    ) -> None:
        """Keep what was found for a part of the queries; FAISS searches for crowded ones, and leaves more out."""
        many = np.flatnonzero(crowded[part])
        if len(many):
            self._add(part, rows, block, many)
        few = (query >= part.start) & (query < part.stop) & ~crowded[query]
        if few.any():
            some, lists = _lists(query[few], local[few])
            self._keep(some, rows, block, lists)

    def _products_of(self, group: slice) -> Products:
        if group.start not in self._products:
            # The product with ones is the sum of a vector's values: not finite where any of them is not.
            n, d = self.queries[group].shape
            ones = np.ones((_KERNEL_WIDTH - n % _KERNEL_WIDTH, d), dtype=np.float32)
            self._products[group.start] = Products(np.concatenate([self.queries[group], ones]))
        return self._products[group.start]

    def _reached(self, sims: F32, rows: Rows, wanted: int) -> F64:
        """Return the similarity at which each query has as many different articles as are wanted; -inf before."""
        if self._articles is not None:
            column = position_of_kth(self._articles[rows], wanted)
        else:
            column = np.full(len(sims), wanted - 1 if wanted <= sims.shape[1] else -1)
        return np.where(column < 0, -np.inf, sims[np.arange(len(sims)), column])

    def _merge(self, at: Rows, rows: Rows, block: F32, sims: F32, local: Rows, bar: F64) -> None:
        """Keep the candidates that may be among the k nearest."""
        near = (sims >= bar[:, None]) & (local >= 0)
        # They come nearest first, so all that matter are in the first columns: few, after the first blocks.
        width = int(near.sum(axis=1).max())
        if not width:
            return
        self._keep(at, rows, block, np.where(near, local, -1)[:, :width])

    def _keep(self, at: Rows, rows: Rows, block: F32, local: Rows) -> None:
        """Measure candidates, indices into the block (m, c) or -1, again; keep the k nearest of old and new."""
        found = np.where(local >= 0, rows[local], NO_ROW)
        if self._without is not None:
            left_out = counted(found, self._articles) == self._without[at][:, None]
            found = np.where(left_out, NO_ROW, found)
        dist = np.full(found.shape, np.inf)
        query, column = np.nonzero(found != NO_ROW)
        dist[query, column] = cosine_distances(self.queries, at[query], block, local[query, column])
        rows_of_both = np.concatenate([self._rows[at], found], axis=1)
        dist_of_both = np.concatenate([self._dist[at], dist], axis=1)
        if self._articles is None:
            best = nearest_of_rounded(rows_of_both, dist_of_both, self.k)
        else:
            best = nearest_of_each(rows_of_both, dist_of_both, self._articles, self.k)
        self._rows[at], self._dist[at] = best.rows, best.dist


def merged(one: Neighbors, other: Neighbors, k: int, articles: Rows | None = None) -> Neighbors:
    """Return the k nearest of both: what one search gives of the blocks of two that share no row.

    `articles` as `ExactSearch` takes it.
    """
    rows = np.concatenate([one.rows, other.rows], axis=1)
    dist = np.concatenate([one.dist, other.dist], axis=1)
    if articles is None:
        return nearest_of_rounded(rows, dist, k)
    return nearest_of_each(rows, dist, articles, k)


def refuse_unusable(vectors: F32) -> None:
    """Raise ValueError when a vector is not finite."""
    unusable = int((~usable(vectors)).sum())
    if unusable:
        raise ValueError(f"{unusable:,} {'vector is' if unusable == 1 else 'vectors are'} not finite")


def _lists(query: Rows, local: Rows) -> tuple[Rows, Rows]:
    """Return the queries of some pairs (m,), ascending, and the rows of each, (m, c) with -1 at the end."""
    order = np.argsort(query, kind="stable")
    query, local = query[order], local[order]
    some, first, counts = np.unique(query, return_index=True, return_counts=True)
    lists = np.full((len(some), int(counts.max())), -1, dtype=np.int64)
    lists[np.repeat(np.arange(len(some)), counts), np.arange(len(query)) - np.repeat(first, counts)] = local
    return some, lists


def cosine_distances(left: F32, i: Rows, right: F32, j: Rows) -> F64:
    """Return 1 - left[i] . right[j], summed in float64 and rounded to float32; shape (len(i),)."""
    dist = np.empty(len(i))
    step = max(1, _RESCORE_VALUES // left.shape[1])
    for at in range(0, len(i), step):
        some, others = left.take(i[at : at + step], axis=0), right.take(j[at : at + step], axis=0)
        # The product of two float32 numbers is a float64 number, without rounding.
        dist[at : at + step] = 1.0 - np.multiply(some, others, dtype=np.float64).sum(axis=1)
    # Rounding puts the distance to itself a little below nought.
    return np.maximum(dist, 0.0).astype(np.float32).astype(np.float64)
