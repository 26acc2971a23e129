"""What a map that was not laid out for some questions could keep of their neighbors at most.

A question keeps those of its nearest articles that lie around one spot of the map. A map that keeps each article next
to its own nearest ones has two articles around one spot where each is among the nearest of the other. So the most to
expect is the largest set of the question's k nearest in which all are near to each other: the largest clique of the
mutual nearest-neighbor graph (Brito et al. 1997, "Connectivity of the mutual k-nearest-neighbor graph in clustering
and outlier detection") among these k. "Near" is within the 3 k nearest: with k = 5 the 15 of a map's own graph.

It is an expectation and no bound: a plane can hold any lists of a few questions when it is laid out for them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vecindex.core.neighbors import F64, NO_ROW, Rows, counted

REACH = 3
"""Two of the k nearest are near to each other where each is among the other's REACH k nearest."""
MAX_K = 20
"""Of more neighbors there is no ceiling: the search for a clique takes time exponential in their number."""


def largest_clique(adjacent: npt.NDArray[np.bool_]) -> int:
    """Return how many vertices the largest clique has, given which are adjacent (m, m); 0 of none.

    An edge counts where both directions are set; the diagonal is passed over. Branch and bound: a branch ends where
    all that is left could not exceed the best. Exponential in m at worst.

    A triangle 0 1 2, and 3 joined to 2 alone:

    >>> edges = np.zeros((4, 4), dtype=bool)
    >>> for a, b in [(0, 1), (0, 2), (1, 2), (2, 3)]:
    ...     edges[a, b] = edges[b, a] = True
    >>> largest_clique(edges)
    3
    """
    both = adjacent & adjacent.T
    # The neighbors of each vertex that come after it, as the bits of a number.
    after = [sum(1 << int(j) for j in np.flatnonzero(row) if j > i) for i, row in enumerate(both)]

    def grown(size: int, left: int, best: int) -> int:
        best = max(best, size)
        while left and size + left.bit_count() > best:
            first = (left & -left).bit_length() - 1
            left &= left - 1
            best = grown(size + 1, left & after[first], best)
        return best

    return grown(0, (1 << len(both)) - 1, 0)


def largest_cliques(near: Rows, rows: Rows, lists: Rows, articles: Rows | None = None) -> Rows:
    """Return the size of the largest set of each question's nearest in which all are near to each other; (q,).

    1 where no two of them are; see the module.

    Parameters
    ----------
    near : (q, k) nearest articles; NO_ROW stands for none, and is in no set.
    rows : (u,) ascending, the articles whose own nearest are known; all of `near` are among them.
    lists : (u, REACH k) the nearest other articles of each of `rows`.
    articles : number of each row's article where rows are chunks and articles are counted.

    0 and 1 are in each other's lists; 2 has both in its list, and neither has 2:

    >>> largest_cliques(np.array([[0, 1, 2]]), np.arange(3), np.array([[1, 7], [0, 8], [0, 1]]))
    array([2])
    """
    sizes = np.zeros(len(near), dtype=np.int64)
    shown = counted(lists, articles)
    for i, some in enumerate(near):
        there = some[some != NO_ROW]
        own = shown[np.searchsorted(rows, there)]
        sizes[i] = largest_clique((own[:, :, None] == counted(there, articles)).any(axis=1))
    return sizes


def share_kept(kept: Rows, cliques: Rows) -> float:
    """Return how much of what articles could keep of their own nearest a map does keep, from 0 to 1.

    sum of (kept - 1) / sum of (clique - 1) over articles, at most 1: each article keeps its nearest one at a position
    on that one, on any map, so this one shows nothing. `kept` (a,) is how many of its k nearest are an article's
    nearest at its best position, `cliques` (a,) as `largest_cliques`. NaN over no articles, 1 where no clique is
    larger than one article.

    Of cliques of 3 and 2 articles, 3 could be kept beyond the first ones, and 2 are:

    >>> round(share_kept(np.array([3, 1]), np.array([3, 2])), 4)
    0.6667
    """
    if not len(cliques):
        return float("nan")
    most = int((cliques - 1).sum())
    return min(1.0, float((kept - 1).sum()) / most) if most else 1.0


def ceilings(cliques: Rows, k: int, share: float = 1.0) -> F64:
    """Return the most to expect of each question's overlap@k, (1 + (clique - 1) share) / k; shape (q,).

    `share` is that of `share_kept`: with 1, of a map that keeps articles that are near to each other together.

    >>> ceilings(np.array([1, 3]), 5, 0.5)
    array([0.2, 0.4])
    """
    return np.asarray((1.0 + (cliques - 1) * share) / k)
