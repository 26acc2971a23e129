"""Clusters of unit vectors by spherical k-means, made on a sample and then given to all; larger groups of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from vecindex.core.neighbors import F64, Rows
from vecindex.core.vectors import F32

_ROUNDS = 20
_DRAWS = 10
_DRAWN_ON = 20_000
"""Vectors that all draws together may look at; a larger sample is begun once, where draws differ less."""
_GROUP_ROUNDS = 50
_BLOCK = 8_192


def fit_centers(sample: F32, k: int, seed: int) -> F32:
    """Return centers (k, d) of unit length of unit vectors (s, d): spherical k-means (Dhillon & Modha 2001).

    Begun from k of the vectors, drawn at random; 20 rounds at most, fewer when no vector changes its center. A small
    sample is begun several times, up to 10, and the centers that are nearest to their vectors are kept. A center that
    loses all its vectors goes to the one that is farthest from its own. Fewer centers where the sample is smaller;
    where many vectors are alike, some centers end without any.

    Two pairs of vectors, and the middle of each.

    >>> sample = np.array([[1, 0], [0.8, 0.6], [-1, 0], [-0.8, -0.6]], dtype=np.float32)
    >>> centers = fit_centers(sample, 2, seed=0)
    >>> centers[np.argsort(-centers[:, 0])].astype(float).round(3).tolist()
    [[0.949, 0.316], [-0.949, -0.316]]
    """
    rng = np.random.default_rng(seed)
    draws = max(1, min(_DRAWS, _DRAWN_ON // max(1, len(sample))))
    return max((_fit(sample, k, rng) for _ in range(draws)), key=lambda found: found[1])[0]


def _fit(sample: F32, k: int, rng: np.random.Generator) -> tuple[F32, float]:
    """Return the centers of one draw, and the sum of their similarities to their vectors before the last move."""
    centers = sample[np.sort(rng.permutation(len(sample))[:k])].copy()
    before: Rows | None = None
    total = 0.0
    for _ in range(_ROUNDS):
        nearest, similarity = _nearest(sample, centers)
        total = float(similarity.sum())
        if before is not None and (nearest == before).all():
            break
        before = nearest
        centers = _means(sample, nearest, similarity, centers)
    return centers, total


def nearest_centers(vectors: F32, centers: F32, depth: int) -> Rows:
    """Return for each vector (b, d) the indices of its `depth` nearest centers by dot product, nearest first.

    Of equally near ones the first; fewer than `depth` where there are fewer centers.
    """
    found = vectors @ centers.T
    return np.argsort(-found, axis=1, kind="stable")[:, :depth]


def spectral_embedding(adjacent: F64, k: int) -> F64:
    """Return points for n clusters on a unit sphere (n, k), near each other where many articles lie between them.

    The k largest eigenvectors of the normalized affinity, each row at unit length (Ng, Jordan & Weiss 2001). Groups
    of such points cut few ties for their size, where groups of the centers would put together whatever lies in the
    middle of the space.

    Parameters
    ----------
    adjacent : (n, n) how many articles of the cluster of the row have that of the column among their next nearest.

    Two pairs of clusters with many ties within and few between.

    >>> ties = np.array([[0, 9, 0, 1], [9, 0, 0, 0], [0, 0, 0, 9], [1, 0, 9, 0]])
    >>> points = spectral_embedding(ties, 2)
    >>> (points @ points.T > 0.9).astype(int)
    array([[1, 1, 0, 0],
           [1, 1, 0, 0],
           [0, 0, 1, 1],
           [0, 0, 1, 1]])
    """
    # A tie to itself, so that a cluster without others has a point too.
    ties = adjacent + adjacent.T + np.eye(len(adjacent))
    weight = 1 / np.sqrt(ties.sum(axis=1))
    _, vectors = np.linalg.eigh(ties * weight[:, None] * weight[None, :])
    points = vectors[:, -min(k, len(vectors)) :]
    return np.asarray(points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-12))


def _nearest(vectors: F32, centers: F32) -> tuple[Rows, F64]:
    nearest = np.empty(len(vectors), dtype=np.int64)
    similarity = np.empty(len(vectors))
    for at in range(0, len(vectors), _BLOCK):
        found = vectors[at : at + _BLOCK] @ centers.T
        best = found.argmax(axis=1)
        nearest[at : at + _BLOCK] = best
        similarity[at : at + _BLOCK] = found[np.arange(len(found)), best]
    return nearest, similarity


def _means(sample: F32, nearest: Rows, similarity: F64, centers: F32) -> F32:
    """Return the unit mean of each center's vectors."""
    k = len(centers)
    order = np.argsort(nearest, kind="stable")
    ends = np.searchsorted(nearest[order], np.arange(k + 1))
    farthest = iter(np.argsort(similarity, kind="stable"))
    moved = np.empty_like(centers)
    for center in range(k):
        own = order[ends[center] : ends[center + 1]]
        mean = sample[own].sum(axis=0, dtype=np.float64) if len(own) else sample[next(farthest)].astype(np.float64)
        length = np.linalg.norm(mean)
        # Vectors that cancel out have no middle.
        moved[center] = mean / length if length > 0 else centers[center]
    return moved


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
    """Return as many groups of clusters with less variance within them, numbered from 0, largest first.

    A sequence of unions never takes back an early one. Here each cluster goes to the group with the nearest mean,
    until none moves (Lloyd's iteration, on clusters instead of points); then the group that gains most by being split
    is split, and the two others that lose least are put together, as long as that is a gain. No group is emptied.

    The third cluster had been put to the first two.

    >>> settled_groups(np.array([[0.0], [1.0], [8.0], [9.0]]), np.ones(4), np.array([0, 0, 0, 1]))
    array([0, 0, 1, 1])
    """
    centers, sizes = np.asarray(centers, dtype=np.float64), np.asarray(sizes, dtype=np.float64)
    groups = _moved(centers, sizes, groups)
    cost = _variance(centers, sizes, groups)
    for _ in range(_GROUP_ROUNDS):
        tried = _regrouped(centers, sizes, groups)
        if tried is None:
            break
        tried = _moved(centers, sizes, tried)
        lower = _variance(centers, sizes, tried)
        if lower >= cost * (1 - 1e-9):
            break
        groups, cost = tried, lower
    return _by_size(groups, sizes)


def _moved(centers: F64, sizes: F64, groups: Rows) -> Rows:
    n = int(groups.max()) + 1
    for _ in range(_GROUP_ROUNDS):
        means = _group_means(centers, sizes, groups)
        moved = np.stack([((centers - mean) ** 2).sum(axis=1) for mean in means], axis=1).argmin(axis=1)
        if (moved == groups).all() or len(np.unique(moved)) < n:
            break
        groups = moved
    return groups


def _group_means(centers: F64, sizes: F64, groups: Rows) -> F64:
    some = (groups == group for group in range(int(groups.max()) + 1))
    return np.stack([np.average(centers[own], axis=0, weights=sizes[own]) for own in some])


def _variance(centers: F64, sizes: F64, groups: Rows) -> float:
    means = _group_means(centers, sizes, groups)
    return float((sizes * ((centers - means[groups]) ** 2).sum(axis=1)).sum())


def _regrouped(centers: F64, sizes: F64, groups: Rows) -> Rows | None:
    """Return the groups after the best split and the cheapest union of two others; None where there are too few."""
    n = int(groups.max()) + 1
    means = _group_means(centers, sizes, groups)
    total: F64 = np.bincount(groups, weights=sizes).astype(np.float64)
    best, half, whole = 0.0, np.empty(0, dtype=np.int64), -1
    for group in range(n):
        own = np.flatnonzero(groups == group)
        if len(own) > 1:
            parts = merged_groups(centers[own], sizes[own], [2])[0]
            alone = np.zeros(len(own), dtype=np.int64)
            gain = _variance(centers[own], sizes[own], alone) - _variance(centers[own], sizes[own], parts)
            if gain > best:
                best, half, whole = gain, own[parts == 1], group
    cost = np.full((n, n), np.inf)
    for group in range(n):
        if group != whole:
            _measure(cost, means, total, np.arange(n) != whole, group)
    i, j = sorted(int(at) for at in divmod(int(cost.argmin()), n))
    if whole < 0 or not cost[i, j] < np.inf:
        return None
    regrouped = groups.copy()
    regrouped[groups == j] = i
    regrouped[half] = j
    return regrouped


def _by_size(of: Rows, sizes: F64) -> Rows:
    """Number groups again, the largest first, equally large ones by their first cluster."""
    _, first, group = np.unique(of, return_index=True, return_inverse=True)
    total = np.bincount(group, weights=sizes)
    number = np.empty(len(total), dtype=np.int64)
    number[np.lexsort((first, -total))] = np.arange(len(total))
    return number[group]


def _measure(cost: F64, centers: F64, sizes: F64, among: npt.NDArray[np.bool_], i: int) -> None:
    gap = ((centers - centers[i]) ** 2).sum(axis=1)
    union = np.where(among, sizes * sizes[i] / (sizes + sizes[i]) * gap, np.inf)
    union[i] = np.inf
    cost[i], cost[:, i] = union, union
