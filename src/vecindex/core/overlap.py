"""How many of a question's neighbors in embedding space are its neighbors on the map as well.

Everywhere: `space` are the neighbors T in embedding space, `on_map` the neighbors L on the map, both (q, k') with
k' at least the k asked for, nearest first, ties by (dist, id) already settled (`core.neighbors`). NO_ROW never counts
as found. Every value is from 0 to 1 and higher is better, unless it says otherwise. Memory is O(q k k').
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from vecindex.config import GOAL
from vecindex.core.neighbors import F64, NO_ROW, Rows

Share = TypeVar("Share", float, F64)


def found_in(rows: Rows, others: Rows) -> npt.NDArray[np.bool_]:
    """Return for each entry of `rows` (q, a) whether the same list of `others` (q, b) holds it; shape (q, a).

    >>> found_in(np.array([[3, 1, -1]]), np.array([[1, 9, -1]]))
    array([[False,  True, False]])
    """
    return np.asarray(((rows[:, :, None] == others[:, None, :]) & (rows != NO_ROW)[:, :, None]).any(axis=2))


def overlap_at_k(space: Rows, on_map: Rows, k: int) -> F64:
    """Return |T_k and L_k| / k for each question; shape (q,).

    This is the share of k, not Jaccard's intersection over union. It is Q_NX(k) of Lee & Verleysen (2009) for points
    that are not among the articles. The order within the k does not matter.

    Of the five nearest 1 2 3 4 5 the map shows 2 and 4 among its five: 2/5.

    >>> overlap_at_k(np.array([[1, 2, 3, 4, 5]]), np.array([[9, 4, 8, 2, 7]]), 5)
    array([0.4])
    """
    return soft_overlap(space, on_map, k, k)


def rank_weights(k: int) -> F64:
    """Return 1 / log2(1 + r) for ranks r = 1 to k, the discount of DCG (Jarvelin & Kekalainen 2002).

    >>> rank_weights(3).round(4)
    array([1.    , 0.6309, 0.5   ])
    """
    return np.asarray(1.0 / np.log2(1.0 + np.arange(1, k + 1)))


def rank_weighted_overlap(space: Rows, on_map: Rows, k: int) -> F64:
    """Return the overlap with the nearer neighbors counting more; shape (q,).

    sum of w(r) over the ranks r of T_k whose article is in L_k, divided by the sum of all w(1..k),
    w(r) = 1 / log2(1 + r). Only the ranks in embedding space count, so the order within L_k does not matter.

    Only the nearest of three is found: 1 / (1 + 0.6309 + 0.5) = 0.4693.

    >>> rank_weighted_overlap(np.array([[1, 2, 3]]), np.array([[8, 9, 1]]), 3).round(4)
    array([0.4693])
    """
    _check(k, space, on_map)
    weights = rank_weights(k)
    return np.asarray(found_in(space[:, :k], on_map[:, :k]) @ weights / weights.sum())


def soft_overlap(space: Rows, on_map: Rows, k: int, within: int) -> F64:
    """Return |T_k and L_within| / k for each question: how many of the k are within the map's nearest; shape (q,).

    `within` is at least k; with within = k this is the overlap itself, and it never falls as `within` grows.

    Of the two nearest, 1 and 2, one is among the map's first two and both are among its first four:

    >>> soft_overlap(np.array([[1, 2]]), np.array([[5, 1, 6, 2]]), 2, 2)
    array([0.5])
    >>> soft_overlap(np.array([[1, 2]]), np.array([[5, 1, 6, 2]]), 2, 4)
    array([1.])
    """
    _check(k, space)
    _check(within, on_map)
    if within < k:
        raise ValueError(f"within must be at least k, found {within} < {k}")
    return np.asarray(found_in(space[:, :k], on_map[:, :within]).sum(axis=1) / k)


def reciprocal_overlap(space: Rows, on_map: Rows, k: int, within: int) -> F64:
    """Return |L_k and T_within| / k for each question; shape (q,).

    How many of the map's k nearest are close in embedding space: `soft_overlap` with the two spaces exchanged, a
    precision where that is a recall.

    The map shows 1 and 7; 1 is among the four truly nearest, 7 is not: 1/2.

    >>> reciprocal_overlap(np.array([[3, 4, 1, 2]]), np.array([[1, 7]]), 2, 4)
    array([0.5])
    """
    return soft_overlap(on_map, space, k, within)


def reaches(share: float, goal: float = GOAL) -> bool:
    """Return whether a mean share reaches the goal; a mean of floats may fall short of it by a rounding.

    >>> reaches(0.5999999999999999), reaches(0.599)
    (True, False)
    """
    return bool(share >= goal - 1e-9)


def keeps_goal(overlap: F64, goal: float = GOAL) -> npt.NDArray[np.bool_]:
    """Return for each question whether its overlap reaches the goal, 3 of 5 by default; shape (q,).

    >>> keeps_goal(np.array([0.4, 0.6, 1.0]))
    array([False,  True,  True])
    """
    # An overlap is a count over k; a goal such as 0.6 has no exact float, so it gets a little room.
    return np.asarray(overlap >= goal - 1e-9)


def chance_level(k: int, n: int) -> float:
    """Return k / n, the expected overlap@k of a map that puts the n articles anywhere.

    L_k is then a random k-subset of the n articles, and each true neighbor is in it with probability k / n.

    >>> chance_level(5, 250_000)
    2e-05
    """
    return min(1.0, k / n) if n else 0.0


def snap_floor(k: int) -> float:
    """Return 1 / k: what putting each question onto its nearest article gives on any map.

    That article is then at distance 0 and so in both lists, unless more than k articles have that very position.
    An overlap below it is a failure of the placement, whatever the map; one at it says nothing about the map.

    >>> snap_floor(5)
    0.2
    """
    return 1.0 / k


def adjusted_for_chance(overlap: Share, k: int, n: int) -> Share:
    """Return (overlap - k/n) / (1 - k/n): 0 is chance, 1 is perfect, below 0 is worse than chance.

    With n = N - 1 this is R_NX(k) of Lee & Verleysen (2009), ((N-1) Q_NX - k) / (N - 1 - k), for the N articles
    themselves, each of which has N - 1 others; for questions n is the number of articles.

    >>> adjusted_for_chance(0.75, 5, 10)
    0.5
    """
    chance = chance_level(k, n)
    return (overlap - chance) / (1.0 - chance) if chance < 1.0 else 0.0 * overlap


def distinct_ratio(space: Rows, k: int) -> float:
    """Return D = |union of all T_k| / (q k): 1 when no two questions share a neighbor, 1/q when they share all.

    Two questions with two neighbors each, one shared: 3 different of 4.

    >>> distinct_ratio(np.array([[1, 2], [2, 3]]), 2)
    0.75
    """
    near = space[:, :k][space[:, :k] != NO_ROW]
    return len(np.unique(near)) / len(near) if len(near) else 0.0


def collapse_ceiling(space: Rows, k: int) -> float:
    """Return C, the best mean overlap@k that questions can have when all lie on one point of the map.

    The one list L_k that they share holds at best the k articles that are in most lists T_k:
    C = (sum of the k largest counts of an article) / (k q).

    Article 2 is in two lists, the others in one; the best shared pair holds 2 and another: (2 + 1) / 4.

    >>> collapse_ceiling(np.array([[1, 2], [2, 3]]), 2)
    0.75
    """
    near = space[:, :k][space[:, :k] != NO_ROW]
    if not len(near):
        return 0.0
    counts = np.sort(np.unique(near, return_counts=True)[1])[::-1]
    return float(counts[:k].sum() / (k * len(space)))


def distinct_lists(on_map: Rows, k: int) -> float:
    """Return the number of different sets L_k over the number of questions: 1 when none coincide, 1/q when all do.

    >>> distinct_lists(np.array([[1, 2], [2, 1], [3, 4]]), 2).__round__(4)
    0.6667
    """
    if not len(on_map):
        return 0.0
    return len(np.unique(np.sort(on_map[:, :k], axis=1), axis=0)) / len(on_map)


def _check(k: int, *tables: Rows) -> None:
    for table in tables:
        if not 1 <= k <= table.shape[1]:
            raise ValueError(f"k = {k} is out of range: the table has {table.shape[1]} neighbors a question")
