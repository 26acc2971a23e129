"""How faithful a map is to the articles it was made of: what intrudes on a neighborhood, and what is torn from it.

The N articles are all points of reference; figures are given for each of s sampled articles, so that their mean has
an interval. Ranks count from 1, the article itself left out; equally near ones have the same. Memory is O(s k), or
O(s K^2) for the curve.
"""

from __future__ import annotations

import numpy as np

from vecindex.core.neighbors import F64, NO_ROW, Rows


def trustworthiness(space_ranks: Rows, n: int) -> F64:
    """Return how far the map's neighbors are neighbors in embedding space; shape (s,), 0 to 1, higher is better.

    T = 1 - 2 / (N k (2N - 3k - 1)) sum over i, and over j in L_k(i) but not in T_k(i), of r(i, j) - k (Venna & Kaski
    2001): here for each i, so that T is the mean. From k = N/2 on the divisor is (N - k)(N - k - 1), as fewer than k
    articles can then intrude.

    Parameters
    ----------
    space_ranks : (s, k) the ranks, in embedding space, of each article's k nearest on the map. NaN for an article
        with fewer than k (NO_ROW).
    n : articles, the sampled ones among them.

    Of 10 articles, the two nearest on the map are the first and the fifth in embedding space: an intruder 3 beyond
    k = 2, where at worst ranks 9 and 8 are 7 + 6 beyond: 1 - 3/13.

    >>> trustworthiness(np.array([[1, 5], [2, 1]]), 10).round(4)
    array([0.7692, 1.    ])
    """
    k = space_ranks.shape[1]
    if not 1 <= k < n:
        raise ValueError(f"k = {k} is out of range for {n} articles")
    worst = k * (2 * n - 3 * k - 1) / 2 if 2 * k < n else (n - k) * (n - k - 1) / 2
    beyond = np.maximum(space_ranks - k, 0).sum(axis=1)
    kept = 1.0 - beyond / worst if worst > 0 else np.ones(len(space_ranks))
    return np.where((space_ranks == NO_ROW).any(axis=1), np.nan, kept)


def continuity(map_ranks: Rows, n: int) -> F64:
    """Return how far the neighbors in embedding space are neighbors on the map; shape (s,), 0 to 1, higher is better.

    `trustworthiness` with the two spaces exchanged (Venna & Kaski 2001): `map_ranks` (s, k) are the ranks on the map
    of each article's k nearest in embedding space. A map that tears neighborhoods apart but puts nothing foreign into
    them has a low continuity and a high trustworthiness.

    >>> continuity(np.array([[9, 8]]), 10)
    array([0.])
    """
    return trustworthiness(map_ranks, n)


def overlap_curve(space: Rows, on_map: Rows) -> F64:
    """Return |T_k and L_k| / k for every k from 1 to K, for each article; shape (s, K).

    `space` and `on_map` (s, K) are lists of the same length, nearest first. Its mean over all articles is the curve
    Q_NX of Lee & Verleysen (2009).

    The nearest is not found; the two nearest are, the other way round: 0/1, 2/2.

    >>> overlap_curve(np.array([[3, 4]]), np.array([[4, 3]]))
    array([[0., 1.]])
    """
    if space.shape != on_map.shape:
        raise ValueError(f"lists of different shapes: {space.shape}, {on_map.shape}")
    s, depth = space.shape
    same = (space[:, :, None] == on_map[:, None, :]) & (space != NO_ROW)[:, :, None]
    article, i, j = np.nonzero(same)
    # A pair counts from the k on that reaches both its ranks.
    hits = np.zeros((s, depth))
    np.add.at(hits, (article, np.maximum(i, j)), 1.0)
    return np.asarray(hits.cumsum(axis=1) / np.arange(1, depth + 1))


def rnx_curve(overlaps: F64, n: int) -> F64:
    """Return R_NX(k) = ((N - 1) Q_NX(k) - k) / (N - 1 - k) of an `overlap_curve` (s, K); shape (s, K).

    0 is chance, 1 is perfect (Lee & Verleysen 2009). Where k = N - 1 nothing can be missed and it is 1.

    Of 5 articles (4 others), half of the two nearest are found, as by chance; of the nearest one, all:

    >>> rnx_curve(np.array([[1.0, 0.5]]), 5)
    array([[1., 0.]])
    """
    k = np.arange(1, overlaps.shape[1] + 1)
    if k[-1] >= n:
        raise ValueError(f"k = {k[-1]} is out of range for {n} articles")
    room = n - 1 - k
    return np.where(room > 0, ((n - 1) * overlaps - k) / np.maximum(room, 1), 1.0)


def area_over_log_k(curve: F64) -> F64:
    """Return the area under each curve (s, K) over log k: sum of R(k)/k over sum of 1/k; shape (s,).

    The small neighborhoods weigh most (Lee, Peluffo-Ordonez & Verleysen 2015, who sum to N - 2; here to the K that
    is there, so compare only areas to the same K). 0 is chance, 1 perfect.

    1 at k = 1 and 0 at k = 2: 1 / (1 + 1/2).

    >>> area_over_log_k(np.array([[1.0, 0.0]])).round(4)
    array([0.6667])
    """
    weights = 1.0 / np.arange(1, curve.shape[1] + 1)
    return np.asarray(curve @ weights / weights.sum())
