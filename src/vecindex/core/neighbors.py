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
    dist : (q, k) float64, lower is closer; inf for NO_ROW. In embedding space the cosine distance 1 - cos (0 to 2),
        on a map the Euclidean distance in the map's own unit.
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
    return _padded(np.take_along_axis(rows, order, axis=1), np.take_along_axis(dist, order, axis=1), k)


def nearest_of_rounded(rows: Rows, dist: F64, k: int) -> Neighbors:
    """Return what `nearest_of` does, several times as quickly, where each `dist` is a float32 number from 0 on.

    Such numbers are ordered as the whole numbers that their bits are, so a distance and a row are one number to sort.

    >>> nearest_of_rounded(np.array([[7, 2, 5]]), np.array([[0.5, 0.5, 0.125]]), 2).rows
    array([[5, 2]])
    """
    if rows.size and rows.max() >= _MOST_ROWS:
        return nearest_of(rows, dist, k)
    # Adding nought makes -0.0, whose bits say otherwise, 0.0.
    bits = (dist + 0.0).astype(np.float32).view(np.uint32).astype(np.int64)
    keys = np.sort((bits << 32) | (rows & _MOST_ROWS), axis=1)[:, :k]
    found = (keys >> 32).astype(np.uint32).view(np.float32).astype(np.float64)
    return _padded(keys & _MOST_ROWS, found, k)


_MOST_ROWS = (1 << 32) - 1


def _padded(found_rows: Rows, found_dist: F64, k: int) -> Neighbors:
    found_rows = np.where(np.isfinite(found_dist), found_rows, NO_ROW)
    short = k - found_rows.shape[1]
    if short > 0:
        found_rows = np.pad(found_rows, ((0, 0), (0, short)), constant_values=NO_ROW)
        found_dist = np.pad(found_dist, ((0, 0), (0, short)), constant_values=np.inf)
    return Neighbors(found_rows, found_dist)


def counted(rows: Rows, articles: Rows | None) -> Rows:
    """Return the rows as what they are counted as: themselves, or the articles whose chunks they are; NO_ROW stays.

    `articles` (n,) is the number of each row's article, None where every row is one.

    >>> counted(np.array([[2, 0, -1]]), np.array([7, 7, 9]))
    array([[ 9,  7, -1]])
    """
    if articles is None:
        return rows
    return np.where(rows == NO_ROW, NO_ROW, articles[rows])


def first_of_each(articles: Rows) -> npt.NDArray[np.bool_]:
    """Return for each entry of the lists (q, c) whether it is the first of its article in its list; shape (q, c).

    >>> first_of_each(np.array([[5, 3, 5, 3, 1]])).astype(int)
    array([[1, 1, 0, 0, 1]])
    """
    order = np.argsort(articles, axis=1, kind="stable")
    held = np.take_along_axis(articles, order, axis=1)
    fresh = np.ones(articles.shape, dtype=np.bool_)
    fresh[:, 1:] = held[:, 1:] != held[:, :-1]
    first = np.empty_like(fresh)
    np.put_along_axis(first, order, fresh, axis=1)
    return first


def position_of_kth(articles: Rows, k: int) -> Rows:
    """Return where in each list (q, c) its k-th different article first is, -1 where there are fewer; shape (q,).

    >>> position_of_kth(np.array([[5, 5, 3, 1], [5, 5, 5, 5]]), 2)
    array([ 2, -1])
    """
    reached = first_of_each(articles).cumsum(axis=1) >= k
    return np.where(reached.any(axis=1), reached.argmax(axis=1), -1).astype(np.int64)


def nearest_of_each(rows: Rows, dist: F64, articles: Rows | None, k: int) -> Neighbors:
    """Return the k nearest articles, each by its nearest row, ordered by (dist, row).

    `rows`, `dist`, `k` as in `nearest_of`; `articles` (n,) as in `counted`; None gives `nearest_of`.

    Rows 0 and 1 are chunks of one article, of which the second is nearer:

    >>> nearest_of_each(np.array([[0, 1, 2]]), np.array([[0.2, 0.1, 0.3]]), np.array([4, 4, 5]), 2).rows
    array([[1, 2]])
    """
    if articles is None:
        return nearest_of(rows, dist, k)
    ordered = nearest_of(rows, dist, rows.shape[1])
    first = first_of_each(counted(ordered.rows, articles))
    return nearest_of(ordered.rows, np.where(first, ordered.dist, np.inf), k)
