"""The exact search over a stream of blocks, in one call."""

from __future__ import annotations

from collections.abc import Iterable

from vecindex.core.neighbors import Neighbors, Rows
from vecindex.core.vectors import F32
from vecindex.neighbors.exact import ExactSearch


def nearest_articles(
    queries: F32,
    blocks: Iterable[tuple[Rows, F32]],
    k: int,
    without: Rows | None = None,
    articles: Rows | None = None,
) -> Neighbors:
    """Return the k nearest articles of each query over a stream of (rows, vectors); see `ExactSearch`."""
    search = ExactSearch(queries, k, without, articles)
    for rows, vectors in blocks:
        search.add(rows, vectors)
    return search.result()
