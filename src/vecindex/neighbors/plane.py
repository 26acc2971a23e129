"""Exact neighbors on a map, by a k-d tree, with ties by (dist, row)."""

from __future__ import annotations

from copy import copy
from functools import cached_property
from typing import Any

import numpy as np

from vecindex.core.geometry import convex_hull, polygon_area
from vecindex.core.neighbors import F64, NO_ROW, Neighbors, Rows, counted, nearest_of_each, position_of_kth

# Neighbors fetched beyond k, so that a run of equal distances at the end is seen whole.
_PAD = 8
_BLOCK_CELLS = 1 << 22
# The tree's distances and ours may differ in the last digits.
_ROUNDING = 1e-9
# Chunks fetched for each article wanted, at first.
_CHUNKS_PER_ARTICLE = 4


class Plane:
    """The positions of all articles on one map, or of all their chunks."""

    def __init__(self, xy: F64, articles: Rows | None = None) -> None:
        """Take the positions (n, 2) by row; NaN for a row outside the map.

        `articles` (n,) is the number of each row's article: an article is then where its nearest chunk is. None where
        each row is an article.
        """
        from scipy.spatial import cKDTree

        self.articles = articles
        self.xy = np.asarray(xy, dtype=np.float64).reshape(-1, 2)
        self.rows: Rows = np.flatnonzero(np.isfinite(self.xy).all(axis=1))
        self._points = self.xy[self.rows]
        self._tree: Any = cKDTree(self._points) if len(self.rows) else None

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def n_articles(self) -> int:
        """How many different articles lie on the map."""
        return len(self) if self.articles is None else len(np.unique(self.articles[self.rows]))

    @cached_property
    def hull_area(self) -> float:
        """The area of the convex hull of all positions."""
        return polygon_area(convex_hull(self.xy))

    def of_points(self) -> Plane:
        """Return the same positions with every row counted by itself."""
        if self.articles is None:
            return self
        alone = copy(self)
        alone.articles = None
        return alone

    def nearest(self, points: F64, k: int, without: Rows | None = None) -> Neighbors:
        """Return the k nearest articles of each point by Euclidean distance.

        Parameters
        ----------
        points : (m, 2); one that is NaN has no neighbor.
        k : neighbors wanted; padded where the map holds fewer.
        without : (m,) for each point a row to leave out, itself for instance, with all its article; NO_ROW for none.

        Equal distances are ordered by row, however many there are: the search goes deeper until a farther article is
        seen. Memory is about 4 million distances at a time, or those of one point where more tie.
        """
        points = np.asarray(points, dtype=np.float64).reshape(-1, 2)
        rows = np.full((len(points), k), NO_ROW, dtype=np.int64)
        dist = np.full((len(points), k), np.inf)
        wanted = k + (without is not None)
        pending = np.flatnonzero(np.isfinite(points).all(axis=1)) if len(self) else np.empty(0, np.int64)
        without = None if without is None else counted(without, self.articles)
        depth = wanted * (1 if self.articles is None else _CHUNKS_PER_ARTICLE) + _PAD
        while len(pending):
            depth = min(depth, len(self))
            again = []
            block = max(1, _BLOCK_CELLS // depth)
            for at in range(0, len(pending), block):
                part = pending[at : at + block]
                open_ones = self._fill(points, part, k, depth, without, rows, dist)
                again.append(part[open_ones])
            pending = np.concatenate(again)
            depth *= 8
        return Neighbors(rows, dist)

    def _fill(
        self, points: F64, part: Rows, k: int, depth: int, without: Rows | None, rows: Rows, dist: F64
    ) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Put in the neighbors of some points; return which of them must be searched deeper."""
        far, local = self._tree.query(points[part], k=depth)
        far, local = far.reshape(len(part), depth), local.reshape(len(part), depth)
        near = _distances(self._points[local], points[part][:, None, :])
        found = self.rows[local]
        if without is not None:
            itself = counted(found, self.articles) == without[part][:, None]
            near = np.where(itself, np.inf, near)
        best = nearest_of_each(found, near, self.articles, k)
        rows[part], dist[part] = best.rows, best.dist
        if depth == len(self):
            return np.zeros(len(part), dtype=np.bool_)
        wanted = k + (without is not None)
        if self.articles is None:
            return np.asarray(far[:, -1] <= far[:, wanted - 1] * (1 + _ROUNDING))
        column = position_of_kth(self.articles[found], wanted)
        reached = far[np.arange(len(part)), column]
        return np.asarray((column < 0) | (far[:, -1] <= reached * (1 + _ROUNDING)))

    def ranks(self, rows: Rows, others: Rows) -> Rows:
        """Return the ranks, by distance from each of some rows, of others on the map; shape (s, m), from 1.

        One more than the number of rows that are nearer, so equally near ones have the same rank. Every row counts by
        itself and the row it is seen from is left out. NO_ROW for what is NO_ROW, or not on the map.

        The tree counts those surely nearer and those not surely farther; where the two differ by more than the one
        asked for, the distances of all positions are compared, O(n) for each such row.
        """
        there = np.zeros(len(self.xy), dtype=np.bool_)
        there[self.rows] = True
        ranks = np.full(others.shape, NO_ROW, dtype=np.int64)
        row, column = np.nonzero((others != NO_ROW) & there[others] & there[rows][:, None])
        if not len(row):
            return ranks
        seen_from, other = rows[row], others[row, column]
        dist = _distances(self.xy[other], self.xy[seen_from])
        surely = self._within(self.xy[seen_from], dist * (1 - _ROUNDING))
        perhaps = self._within(self.xy[seen_from], dist * (1 + _ROUNDING))
        # Among those surely nearer is the row itself, so they are as many as the rank.
        found = surely
        for i in np.flatnonzero((perhaps - surely != 1) | (dist == 0)):
            far = _distances(self._points, self.xy[seen_from[i]])
            found[i] = 1 + int((far < dist[i])[self.rows != seen_from[i]].sum())
        ranks[row, column] = found
        return ranks

    def _within(self, points: F64, radius: F64) -> Rows:
        counts = self._tree.query_ball_point(points, radius, return_length=True, workers=-1)
        return np.asarray(counts, dtype=np.int64)


def _distances(positions: F64, points: F64) -> F64:
    gap = positions - points
    return np.asarray(np.sqrt(gap[..., 0] ** 2 + gap[..., 1] ** 2))
