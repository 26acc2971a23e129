"""Where on a map of articles a question is put. No question sees another one, and no article moves."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np

from vecindex.core.neighbors import F64, NO_ROW, Neighbors, Rows, counted
from vecindex.core.overlap import found_in, rank_weights

MAX_SEARCHED = 8
"""Nearest articles whose subsets are tried, at most: 255 positions a question. Of a larger k, the first 8."""
_BLOCK_POSITIONS = 1 << 15

Nearest = Callable[..., Neighbors]
"""Returns the k nearest articles on the map of each point (m, 2), exactly, ties by (dist, row).

Given as a third argument, the rows (m,) are left out, one for each point.
"""


def place_at_median(near: Rows, xy: F64) -> F64:
    """Return the median baseline of each question, the coordinate-wise median of its nearest articles; shape (q, 2).

    The rule knows neither the map's other articles nor the measure, so it favors no figure. Of an even number of
    articles it takes the middle between the two middle ones, as numpy does. It changes when the map is turned, as
    every coordinate-wise rule does.

    Parameters
    ----------
    near : (q, k) nearest articles in embedding space.
    xy : (n, 2) positions of all articles by row; NaN for one outside the map, which is then left out. A question with
        none of its nearest articles on the map gets NaN.

    >>> place_at_median(np.array([[0, 1, 2]]), np.array([[0.0, 0.0], [1.0, 5.0], [9.0, 1.0]]))
    array([[1., 1.]])
    """
    positions = np.full((len(near), 2), np.nan)
    at = _coordinates(near, xy)
    some = np.isfinite(at[:, :, 0]).any(axis=1)
    positions[some] = np.nanmedian(at[some], axis=1)
    return positions


def place_by_search(
    near: Rows, xy: F64, nearest: Nearest, articles: Rows | None = None, without: Rows | None = None
) -> F64:
    """Return the best position of each question among the means of all subsets of its nearest articles; shape (q, 2).

    Tried are the means of all non-empty subsets of those k articles that are on the map, 31 for k = 5. The best has

    1. the highest overlap@k,
    2. then the highest rank-weighted overlap@k,
    3. then the smallest move from the mean of all of them,
    4. then the smaller subset, and of equally large ones that of the nearer articles.

    So the result is fixed, with no random number in it, and turning, moving or scaling the map turns, moves and
    scales it alike. The search chooses by the measure itself: it shows what the map could keep at best by this rule,
    so the median baseline (`place_at_median`) is to be reported with it. It keeps at least 1/k, for each single
    article is among the subsets.

    Parameters
    ----------
    near, xy : as `place_at_median`; a question with none of its nearest articles on the map gets NaN.
    nearest : exact search on the map.
    articles : (n,) number of each row's article where rows are chunks and articles are counted: an article is where
        its chunk in `near` is, and is found by any of its chunks.
    without : (q,) for each question a row that its position does not see, itself for instance; None for none.

    Three articles in a row and one apart; both of the nearest are kept at their mean.

    >>> xy = np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 9.0]])
    >>> def nearest(points, k):
    ...     d = np.linalg.norm(points[:, None] - xy[None], axis=2)
    ...     return Neighbors(np.argsort(d, axis=1, kind="stable")[:, :k], np.sort(d, axis=1)[:, :k])
    >>> place_by_search(np.array([[0, 1]]), xy, nearest)
    array([[0.5, 0. ]])
    """
    positions = np.full((len(near), 2), np.nan)
    if not near.size:
        return positions
    masks = subsets(min(near.shape[1], MAX_SEARCHED))
    block = max(1, _BLOCK_POSITIONS // len(masks))
    for at in range(0, len(near), block):
        part = slice(at, at + block)
        left_out = () if without is None else (np.repeat(without[part], len(masks)),)
        positions[part] = _search(near[part], xy, nearest, masks, articles, left_out)
    return positions


def subsets(m: int) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    """Return all non-empty subsets of m things as rows of a mask, small ones first, nearer things first.

    >>> subsets(2).astype(int)
    array([[1, 0],
           [0, 1],
           [1, 1]])
    """
    chosen = [set(c) for size in range(1, m + 1) for c in combinations(range(m), size)]
    return np.array([[i in c for i in range(m)] for c in chosen], dtype=np.bool_).reshape(-1, m)


def _search(
    near: Rows,
    xy: F64,
    nearest: Nearest,
    masks: np.ndarray[tuple[int, int], np.dtype[np.bool_]],
    articles: Rows | None,
    left_out: tuple[Rows, ...],
) -> F64:
    q, k = near.shape
    at = _coordinates(near, xy)  # (q, k, 2)
    there = np.isfinite(at[:, :, 0])
    tried = at[:, : masks.shape[1]]
    member = masks[None, :, :] & there[:, None, : masks.shape[1]]  # (q, c, m)
    count = member.sum(axis=2)
    # Sums along an axis, and no matrix product, whose last digits could depend on the block.
    total = np.where(member[:, :, :, None], np.nan_to_num(tried)[:, None, :, :], 0.0).sum(axis=2)  # (q, c, 2)
    usable = count > 0
    candidates = total / np.maximum(count, 1)[:, :, None]
    found = nearest(candidates.reshape(-1, 2), k, *left_out).rows  # (q c, k)
    hits = found_in(np.repeat(counted(near, articles), len(masks), axis=0), counted(found, articles))
    overlap = hits.sum(axis=1).reshape(q, -1)
    weighted = (hits * rank_weights(k)).sum(axis=1).reshape(q, -1).round(12)
    center = (
        np.where(there[:, :, None], np.nan_to_num(at), 0.0).sum(axis=1) / np.maximum(there.sum(axis=1), 1)[:, None]
    )
    move = np.hypot(*(candidates - center[:, None, :]).transpose(2, 0, 1))
    overlap = np.where(usable, overlap, -1)
    order = np.broadcast_to(np.arange(len(masks)), overlap.shape)
    best = np.lexsort((order, move, -weighted, -overlap), axis=1)[:, 0]
    positions = candidates[np.arange(q), best]
    positions[~there.any(axis=1)] = np.nan
    return np.asarray(positions)


def _coordinates(near: Rows, xy: F64) -> F64:
    """Return the positions of the nearest articles, (q, k, 2); NaN for none and for one outside the map."""
    at = xy[np.where(near == NO_ROW, 0, near)].astype(np.float64)
    at[near == NO_ROW] = np.nan
    return np.asarray(at)
