"""Exact neighbors on a map, by a k-d tree, with ties by (dist, row)."""

from __future__ import annotations

from typing import Any

import numpy as np

from vecindex.core.neighbors import F64, NO_ROW, Neighbors, Rows, nearest_of

# Neighbors fetched beyond k, so that a run of equal distances at the end is seen whole.
_PAD = 8
_BLOCK_CELLS = 1 << 22
# The tree's distances and ours may differ in the last digits.
_ROUNDING = 1e-9


class Plane:
    """The places of all articles on one map."""

    def __init__(self, xy: F64) -> None:
        """Take the places (n, 2) by row; NaN for an article outside the map."""
        from scipy.spatial import cKDTree

        self.xy = np.asarray(xy, dtype=np.float64).reshape(-1, 2)
        self.rows: Rows = np.flatnonzero(np.isfinite(self.xy).all(axis=1))
        self._points = self.xy[self.rows]
        self._tree: Any = cKDTree(self._points) if len(self.rows) else None

    def __len__(self) -> int:
        return len(self.rows)

    def nearest(self, points: F64, k: int, without: Rows | None = None) -> Neighbors:
        """Return the k nearest articles of each point by Euclidean distance.

        Parameters
        ----------
        points : (m, 2); one that is NaN has no neighbor.
        k : neighbors wanted; padded where the map holds fewer.
        without : (m,) for each point an article to leave out, itself for instance; NO_ROW for none.

        Equal distances are ordered by row, however many there are: the search goes deeper until a farther article is
        seen. Memory is about 4 million distances at a time, or those of one point where more tie.
        """
        points = np.asarray(points, dtype=np.float64).reshape(-1, 2)
        rows = np.full((len(points), k), NO_ROW, dtype=np.int64)
        dist = np.full((len(points), k), np.inf)
        wanted = k + (without is not None)
        pending = np.flatnonzero(np.isfinite(points).all(axis=1)) if len(self) else np.empty(0, np.int64)
        depth = wanted + _PAD
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
        gap = self._points[local] - points[part][:, None, :]
        near = np.sqrt(gap[:, :, 0] ** 2 + gap[:, :, 1] ** 2)
        found = self.rows[local]
        if without is not None:
            itself = found == without[part][:, None]
            near = np.where(itself, np.inf, near)
        best = nearest_of(found, near, k)
        rows[part], dist[part] = best.rows, best.dist
        if depth == len(self):
            return np.zeros(len(part), dtype=np.bool_)
        wanted = k + (without is not None)
        return np.asarray(far[:, -1] <= far[:, wanted - 1] * (1 + _ROUNDING))
