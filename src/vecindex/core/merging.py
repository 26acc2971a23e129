"""Small clusters put together into larger ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from vecindex.core.neighbors import F64, Rows


def merged_groups(centers: F64, sizes: F64, wanted: Sequence[int]) -> list[Rows]:
    """Return for each number wanted the larger group of each of n clusters, (n,), numbered from 0 by size.

    Ward's rule (1963): the two groups are put together next whose union costs the least,
    s t / (s + t) |a - b|^2 for sizes s, t and centers a, b. All numbers come from one sequence of unions, so smaller
    numbers of groups hold larger ones whole. Of equal costs the first pair is taken. O(n^3) time for n clusters.

    Parameters
    ----------
    centers, sizes : (n, d) and (n,), all sizes above 0.
    wanted : numbers of groups; one beyond n gives n.

    Two clusters lie together, a third apart.

    >>> merged_groups(np.array([[0.0], [9.0], [1.0]]), np.array([5.0, 7.0, 5.0]), [2])
    [array([0, 1, 0])]
    """
    n = len(centers)
    given = np.asarray(sizes, dtype=np.float64)
    centers, sizes = np.array(centers, dtype=np.float64), given.copy()
    of = np.arange(n)
    alive = np.ones(n, dtype=np.bool_)
    cost = np.full((n, n), np.inf)
    for i in range(n):
        _measure(cost, centers, sizes, alive, i)
    found = {n: of.copy()}
    for left in range(n - 1, 0, -1):
        i, j = sorted(int(at) for at in divmod(int(cost.argmin()), n))
        centers[i] = (sizes[i] * centers[i] + sizes[j] * centers[j]) / (sizes[i] + sizes[j])
        sizes[i] += sizes[j]
        alive[j] = False
        of[of == j] = i
        cost[j], cost[:, j] = np.inf, np.inf
        _measure(cost, centers, sizes, alive, i)
        found[left] = of.copy()
    return [_by_size(found[max(1, min(number, n))], given) if n else of for number in wanted]


def _by_size(of: Rows, sizes: F64) -> Rows:
    """Number groups anew, the largest first, equally large ones by their first cluster."""
    _, first, group = np.unique(of, return_index=True, return_inverse=True)
    total = np.bincount(group, weights=sizes)
    place = np.empty(len(total), dtype=np.int64)
    place[np.lexsort((first, -total))] = np.arange(len(total))
    return place[group]


def _measure(cost: F64, centers: F64, sizes: F64, alive: npt.NDArray[np.bool_], i: int) -> None:
    gap = ((centers - centers[i]) ** 2).sum(axis=1)
    told = np.where(alive, sizes * sizes[i] / (sizes + sizes[i]) * gap, np.inf)
    told[i] = np.inf
    cost[i], cost[:, i] = told, told
