"""Tables of nearest neighbors, and the one order in which equally near ones stand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]
"""Positions of articles in the order of their ids, from 0: a smaller row is a smaller id. NO_ROW stands for none."""
F64 = npt.NDArray[np.float64]

NO_ROW = -1


@dataclass(frozen=True, slots=True)
class Neighbors:
    """The k nearest articles of each of q points, nearest first.

    Attributes
    ----------
    rows : (q, k) int64. Articles, ordered by (dist, row). NO_ROW where there are fewer than k articles.
    dist : (q, k) float64, lower is closer; inf beside NO_ROW. In embedding space the cosine distance 1 - cos
        (0 to 2), on a map the Euclidean distance in the map's own unit.
    """

    rows: Rows
    dist: F64

    def __post_init__(self) -> None:
        """Refuse tables that do not belong together."""
        if self.rows.ndim != 2 or self.rows.shape != self.dist.shape:
            raise ValueError(f"rows {self.rows.shape} and dist {self.dist.shape} must be equal and (q, k)")

    @property
    def k(self) -> int:
        """How many neighbors each point has."""
        return int(self.rows.shape[1])

    def __len__(self) -> int:
        return int(self.rows.shape[0])

    def first(self, k: int) -> Neighbors:
        """Return the k nearest of each point."""
        return Neighbors(self.rows[:, :k], self.dist[:, :k])

    def take(self, points: npt.NDArray[np.int64]) -> Neighbors:
        """Return the neighbors of some of the points."""
        return Neighbors(self.rows[points], self.dist[points])


def nearest_of(rows: Rows, dist: F64, k: int) -> Neighbors:
    """Return the k nearest of each point's candidates, ordered by (dist, row).

    Parameters
    ----------
    rows, dist : (q, c) candidates, no article twice for a point; NO_ROW with dist inf where there is none.
    k : neighbors wanted; padded with NO_ROW where c < k.

    Memory is that of the candidates, O(q c).

    >>> nearest_of(np.array([[7, 2, 5]]), np.array([[0.5, 0.5, 0.1]]), 2).rows
    array([[5, 2]])
    """
    order = np.lexsort((rows, dist), axis=1)[:, :k]
    found_rows = np.take_along_axis(rows, order, axis=1)
    found_dist = np.take_along_axis(dist, order, axis=1)
    found_rows = np.where(np.isfinite(found_dist), found_rows, NO_ROW)
    short = k - found_rows.shape[1]
    if short > 0:
        found_rows = np.pad(found_rows, ((0, 0), (0, short)), constant_values=NO_ROW)
        found_dist = np.pad(found_dist, ((0, 0), (0, short)), constant_values=np.inf)
    return Neighbors(found_rows, found_dist)
