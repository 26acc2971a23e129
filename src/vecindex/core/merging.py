"""Small clusters put together into larger ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from vecindex.core.neighbors import F64, Rows

_ROUNDS = 50


def merged_groups(centers: F64, sizes: F64, wanted: Sequence[int], within: Rows | None = None) -> list[Rows]:
    """Return for each number wanted the larger group of each of n clusters, (n,), numbered from 0, largest first.

    Ward's rule (1963): the two groups are put together next whose union costs the least, s t / (s + t) |a - b|^2 for
    sizes s, t and centers a, b. All numbers come from one sequence of unions, so each group of a larger number lies
    within one of a smaller number. Of equal costs the first pair is taken. O(n^3) time for n clusters.

    Parameters
    ----------
    centers, sizes : (n, d) and (n,), all sizes above 0.
    wanted : numbers of groups; one beyond n gives n.
    within : (n,) groups that none may reach beyond; fewer groups than these are not made.

    Two clusters lie together, a third apart.

    >>> merged_groups(np.array([[0.0], [9.0], [1.0]]), np.array([5.0, 7.0, 5.0]), [2])
    [array([0, 1, 0])]
    """
    n = len(centers)
    given = np.asarray(sizes, dtype=np.float64)
    centers, sizes = np.array(centers, dtype=np.float64), given.copy()
    within = np.zeros(n, dtype=np.int64) if within is None else within
    of = np.arange(n)
    alive = np.ones(n, dtype=np.bool_)
    cost = np.full((n, n), np.inf)
    for i in range(n):
        _measure(cost, centers, sizes, alive & (within == within[i]), i)
    found = {n: of.copy()}
    for left in range(n - 1, len(np.unique(within)) - 1, -1):
        i, j = sorted(int(at) for at in divmod(int(cost.argmin()), n))
        centers[i] = (sizes[i] * centers[i] + sizes[j] * centers[j]) / (sizes[i] + sizes[j])
        sizes[i] += sizes[j]
        alive[j] = False
        of[of == j] = i
        cost[j], cost[:, j] = np.inf, np.inf
        _measure(cost, centers, sizes, alive & (within == within[i]), i)
        found[left] = of.copy()
    return [_by_size(found[max(min(found), min(number, n))], given) for number in wanted]


def settled_groups(centers: F64, sizes: F64, groups: Rows) -> Rows:
    """Return groups of clusters after each cluster has gone to the group with the nearest mean, until none moves.

    A sequence of unions never takes back an early one; this does (Lloyd's iteration of k-means, on clusters instead
    of points). No group is emptied. Numbered from 0, largest first.

    The third cluster had been put to the first two.

    >>> settled_groups(np.array([[0.0], [1.0], [8.0], [9.0]]), np.ones(4), np.array([0, 0, 0, 1]))
    array([0, 0, 1, 1])
    """
    centers, sizes = np.asarray(centers, dtype=np.float64), np.asarray(sizes, dtype=np.float64)
    n = int(groups.max()) + 1
    for _ in range(_ROUNDS):
        means = np.stack([np.average(centers[groups == g], axis=0, weights=sizes[groups == g]) for g in range(n)])
        moved = np.stack([((centers - mean) ** 2).sum(axis=1) for mean in means], axis=1).argmin(axis=1)
        if (moved == groups).all() or len(np.unique(moved)) < n:
            break
        groups = moved
    return _by_size(groups, sizes)


def _by_size(of: Rows, sizes: F64) -> Rows:
    """Number groups anew, the largest first, equally large ones by their first cluster."""
    _, first, group = np.unique(of, return_index=True, return_inverse=True)
    total = np.bincount(group, weights=sizes)
    place = np.empty(len(total), dtype=np.int64)
    place[np.lexsort((first, -total))] = np.arange(len(total))
    return place[group]


def _measure(cost: F64, centers: F64, sizes: F64, among: npt.NDArray[np.bool_], i: int) -> None:
    gap = ((centers - centers[i]) ** 2).sum(axis=1)
    told = np.where(among, sizes * sizes[i] / (sizes + sizes[i]) * gap, np.inf)
    told[i] = np.inf
    cost[i], cost[:, i] = told, told
