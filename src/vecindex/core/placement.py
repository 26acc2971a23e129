"""Where on a map of articles a question is put. No question sees another one, and no article moves."""

from __future__ import annotations

from itertools import combinations
from typing import Protocol

import numpy as np
import numpy.typing as npt

from vecindex.core.neighbors import F64, NO_ROW, Neighbors, Rows, counted
from vecindex.core.overlap import found_in, rank_weights

MAX_SEARCHED = 8
"""Nearest articles whose subsets are tried, at most: 255 positions a question. Of a larger k, the first 8."""
_BLOCK_POSITIONS = 1 << 15
_RADII = (0.3, 0.6, 0.9)
_DIRECTIONS = 8

Mask = npt.NDArray[np.bool_]


class Nearest(Protocol):
    """Exact search on a map."""

    def __call__(self, points: F64, k: int, without: Rows | None = None, /) -> Neighbors:
        """Return the k nearest articles of each point (m, 2), ties by (dist, row); `without` (m,) are left out."""
        ...


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
    """Return the best position of each question, by a search over candidates; shape (q, 2).

    Tried are the means of all non-empty subsets of those of its k nearest articles that are on the map, 31 for k = 5.
    Where the best of them does not keep all k, 24 points around each of the articles are tried too, at 0.3, 0.6 and
    0.9 of the distance to its own k-th nearest on the map: a position a little off a dense spot may hold those that
    the spot itself does not. The best has

    1. the highest overlap@k,
    2. then the highest rank-weighted overlap@k,
    3. then a mean before a point around an article,
    4. then the smallest move from the mean of all of them,
    5. then the smaller subset, and of equally large ones that of the nearer articles; the nearer article.

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
    without : (q,) for each a row that is not on the map for it: the article itself where one is placed as a question.

    Three articles in a row and one apart; both of the nearest are kept at their mean.

    >>> xy = np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 9.0]])
    >>> def nearest(points, k, without=None):
    ...     d = np.linalg.norm(points[:, None] - xy[None], axis=2)
    ...     return Neighbors(np.argsort(d, axis=1, kind="stable")[:, :k], np.sort(d, axis=1)[:, :k])
    >>> place_by_search(np.array([[0, 1]]), xy, nearest)
    array([[0.5, 0. ]])
    """
    positions = np.full((len(near), 2), np.nan)
    if not near.size:
        return positions
    masks = subsets(min(near.shape[1], MAX_SEARCHED))
    block = max(1, _BLOCK_POSITIONS // (len(masks) + len(_RADII) * _DIRECTIONS * near.shape[1]))
    for at in range(0, len(near), block):
        part = slice(at, at + block)
        left_out = None if without is None else without[part]
        positions[part] = _Search(near[part], xy, nearest, articles, left_out).best(masks)
    return positions


def subsets(m: int) -> Mask:
    """Return all non-empty subsets of m things as rows of a mask, small ones first, nearer things first.

    >>> subsets(2).astype(int)
    array([[1, 0],
           [0, 1],
           [1, 1]])
    """
    chosen = [set(c) for size in range(1, m + 1) for c in combinations(range(m), size)]
    return np.array([[i in c for i in range(m)] for c in chosen], dtype=np.bool_).reshape(-1, m)


class _Search:
    """The search for some questions: candidates (q, c, 2) and which of them there are (q, c)."""

    def __init__(self, near: Rows, xy: F64, nearest: Nearest, articles: Rows | None, without: Rows | None) -> None:
        self.near, self.articles, self.without = near, articles, without
        self.nearest = nearest
        self.at = _coordinates(near, xy)  # (q, k, 2)
        self.there = np.isfinite(self.at[:, :, 0])
        total = np.where(self.there[:, :, None], np.nan_to_num(self.at), 0.0).sum(axis=1)
        self.center = total / np.maximum(self.there.sum(axis=1), 1)[:, None]

    def best(self, masks: Mask) -> F64:
        """Return the best position of each question, (q, 2)."""
        every = np.arange(len(self.near))
        positions, kept, weighted = self._chosen(every, *self._means(masks))
        # A question none of whose articles is on the map has -1.
        open_ones = np.flatnonzero((kept >= 0) & (kept < self.near.shape[1]))
        if len(open_ones):
            tried, more, heavier = self._chosen(open_ones, *self._around(open_ones))
            better = (more > kept[open_ones]) | ((more == kept[open_ones]) & (heavier > weighted[open_ones]))
            positions[open_ones[better]] = tried[better]
        positions[~self.there.any(axis=1)] = np.nan
        return positions

    def _means(self, masks: Mask) -> tuple[F64, Mask]:
        tried = self.at[:, : masks.shape[1]]
        member = masks[None, :, :] & self.there[:, None, : masks.shape[1]]  # (q, c, m)
        count = member.sum(axis=2)
        # Sums along an axis, and no matrix product, whose last digits could depend on the block.
        total = np.where(member[:, :, :, None], np.nan_to_num(tried)[:, None, :, :], 0.0).sum(axis=2)  # (q, c, 2)
        return total / np.maximum(count, 1)[:, :, None], count > 0

    def _around(self, some: Rows) -> tuple[F64, Mask]:
        """Return points around the first 8 articles of some questions, the directions counted from their center."""
        at, k = self.at[some, :MAX_SEARCHED], self.near.shape[1]
        q, m = at.shape[:2]
        # The article itself is the nearest of its own position, so the k-th nearest other one comes after k.
        radius = self.nearest(at.reshape(-1, 2), k + 1, self._left_out(some, m)).dist[:, k].reshape(q, m)
        usable = self.there[some, :MAX_SEARCHED] & np.isfinite(radius)
        away = self.center[some][:, None] - at
        length = np.hypot(away[..., 0], away[..., 1])[..., None]
        toward = np.where(length > 0, away / np.where(length > 0, length, 1.0), [1.0, 0.0])
        aside = np.stack([-toward[..., 1], toward[..., 0]], axis=-1)
        steps = np.where(usable, radius, 0.0)[..., None]
        points = [
            at + share * steps * (np.cos(angle) * toward + np.sin(angle) * aside)
            for ring, share in enumerate(_RADII)
            for angle in (np.arange(_DIRECTIONS) + 0.5 * (ring % 2)) * (2 * np.pi / _DIRECTIONS)
        ]
        return np.nan_to_num(np.stack(points, axis=2)).reshape(q, -1, 2), np.repeat(usable, len(points), axis=1)

    def _chosen(self, some: Rows, candidates: F64, usable: Mask) -> tuple[F64, Rows, F64]:
        """Return the best candidate of some questions, how many it keeps (-1 without any), and their weights."""
        q, c = usable.shape
        near, k = self.near[some], self.near.shape[1]
        found = self.nearest(candidates.reshape(-1, 2), k, self._left_out(some, c)).rows
        hits = found_in(np.repeat(counted(near, self.articles), c, axis=0), counted(found, self.articles))
        kept = np.where(usable, hits.sum(axis=1).reshape(q, c), -1)
        weighted = (hits * rank_weights(k)).sum(axis=1).reshape(q, c).round(12)
        move = np.hypot(*(candidates - self.center[some][:, None, :]).transpose(2, 0, 1))
        order = np.broadcast_to(np.arange(c), kept.shape)
        best = np.lexsort((order, move, -weighted, -kept), axis=1)[:, 0]
        every = np.arange(q)
        return candidates[every, best], kept[every, best], weighted[every, best]

    def _left_out(self, some: Rows, times: int) -> Rows | None:
        return None if self.without is None else np.repeat(self.without[some], times)


def _coordinates(near: Rows, xy: F64) -> F64:
    """Return the positions of the nearest articles, (q, k, 2); NaN for none and for one outside the map."""
    at = xy[np.where(near == NO_ROW, 0, near)].astype(np.float64)
    at[near == NO_ROW] = np.nan
    return np.asarray(at)
