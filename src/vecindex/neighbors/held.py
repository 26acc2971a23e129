"""Rows near to queries among vectors in memory: one product of all, by numpy alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from vecindex.core.limits import look
from vecindex.core.neighbors import Rows
from vecindex.core.vectors import F32

# From this many queries on a product of matrices is quicker than single ones, which a thread makes alone and does not
# wait for others.
_FEW = 4
# Products in memory at a time, 32 MB.
_PRODUCTS = 1 << 23
# Rows at a time between two looks at the limit of a request.
_STEP = 1 << 16
# A block of which fewer rows than this share count is gathered before it is multiplied.
_SPARSE = 0.25


def near(
    blocks: Sequence[F32], queries: F32, limit: int, margin: float, among: npt.NDArray[np.bool_] | None = None
) -> Iterator[Rows]:
    """Yield for each query the positions of the rows that may be among its `limit` nearest, ascending.

    Parameters
    ----------
    blocks : (b, d) each; positions count through all of them. Vectors are of length 1.
    queries : (q, d), of length 1.
    margin : by how much a product may be off: rows within twice as much of the `limit`-th are given too.
    among : (n,) the rows that count; None for all. Where they are fewer than `limit`, all of them are given.
    """
    rows = sum(len(block) for block in blocks)
    counting = rows if among is None else int(among.sum())
    at_once = max(1, min(len(queries), _PRODUCTS // max(1, rows)))
    for start in range(0, len(queries), at_once):
        group = queries[start : start + at_once]
        if counting <= limit:
            everything = np.arange(rows) if among is None else np.flatnonzero(among)
            yield from (everything for _ in group)
            continue
        products = np.full((len(group), rows), -np.inf, dtype=np.float32)
        at = 0
        for block in blocks:
            for part in range(0, len(block), _STEP):
                look()
                some = block[part : part + _STEP]
                _multiply(some, group, products[:, at : at + len(some)], None if among is None else among[at:])
                at += len(some)
        for mine in products:
            reached = np.partition(mine, rows - limit)[rows - limit]
            yield np.flatnonzero(mine >= reached - 2 * margin)


def _multiply(block: F32, queries: F32, into: F32, among: npt.NDArray[np.bool_] | None) -> None:
    """Put the products of a block (b, d) into (q, b); rows that do not count stay as they are, or become -inf."""
    if among is not None:
        counting = among[: len(block)]
        if counting.mean() < _SPARSE:
            rows = np.flatnonzero(counting)
            into[:, rows] = _products(block[rows], queries)
            return
    into[:] = _products(block, queries)
    if among is not None:
        into[:, ~counting] = -np.inf


def _products(block: F32, queries: F32) -> F32:
    if len(queries) < _FEW:
        return np.stack([np.einsum("ij,j->i", block, query) for query in queries])
    return np.asarray(np.matmul(queries, block.T))
