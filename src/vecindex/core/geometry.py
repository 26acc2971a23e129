"""Boxes, hulls and spreads of points, on a map and in embedding space."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vecindex.core.neighbors import F64


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle along the axes, in the map's unit."""

    left: float
    bottom: float
    right: float
    top: float

    @property
    def area(self) -> float:
        """Width times height."""
        return (self.right - self.left) * (self.top - self.bottom)

    def count_inside(self, points: F64) -> int:
        """Return how many of the points (n, 2) lie in the box or on its edge; NaN lies nowhere."""
        x, y = points[:, 0], points[:, 1]
        return int(((x >= self.left) & (x <= self.right) & (y >= self.bottom) & (y <= self.top)).sum())

    def within(self, other: Box) -> Box | None:
        """Return what the two boxes share; None when they do not touch."""
        left, right = max(self.left, other.left), min(self.right, other.right)
        bottom, top = max(self.bottom, other.bottom), min(self.top, other.top)
        return Box(left, bottom, right, top) if left <= right and bottom <= top else None


def bounding_box(points: F64, padding: float = 0.0) -> Box | None:
    """Return the smallest box around the points (n, 2), each side moved out by `padding` times that side's length.

    Points that are NaN are passed over; None when no other is left.

    >>> bounding_box(np.array([[0.0, 0.0], [2.0, 1.0]]), padding=0.5)
    Box(left=-1.0, bottom=-0.5, right=3.0, top=1.5)
    """
    points = points[np.isfinite(points).all(axis=1)]
    if not len(points):
        return None
    low, high = points.min(axis=0), points.max(axis=0)
    out = padding * (high - low)
    left, bottom = (low - out).tolist()
    right, top = (high + out).tolist()
    return Box(left, bottom, right, top)


def expected_inside(box: Box, articles_box: Box, n: int) -> float:
    """Return n times the share of the articles' bounding box that `box` covers: the articles expected in it by area.

    This is what an even map would hold, so "0 articles inside" says something only where it is well above 1.

    >>> expected_inside(Box(0, 0, 1, 1), Box(0, 0, 10, 10), 5_000)
    50.0
    """
    shared = box.within(articles_box)
    return n * shared.area / articles_box.area if shared and articles_box.area > 0 else 0.0


def convex_hull(points: F64) -> F64:
    """Return the corners (h, 2) of the convex hull, counter-clockwise from the leftmost (lowest of those).

    Points on an edge are left out, NaN is passed over. Fewer than 3 corners come back for points on one line.

    >>> convex_hull(np.array([[0.0, 0.0], [2.0, 0.0], [1.0, 0.5], [1.0, 0.0], [2.0, 2.0]])).tolist()
    [[0.0, 0.0], [2.0, 0.0], [2.0, 2.0]]
    """
    from scipy.spatial import ConvexHull, QhullError

    points = points[np.isfinite(points).all(axis=1)]
    try:
        corners = points[ConvexHull(points).vertices]
    except (QhullError, ValueError):  # fewer than three points, or all on one line
        corners = np.unique(points, axis=0)
        return corners[[0, -1]] if len(corners) > 2 else corners
    first = int(np.lexsort((corners[:, 1], corners[:, 0]))[0])
    return np.roll(corners, -first, axis=0)


def polygon_area(corners: F64) -> float:
    """Return the area of a polygon by the shoelace formula; 0 for fewer than 3 corners.

    >>> polygon_area(np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 2.0]]))
    2.0
    """
    x, y = corners[:, 0], corners[:, 1]
    return float(abs((x * np.roll(y, -1) - y * np.roll(x, -1)).sum()) / 2)


def perimeter(corners: F64) -> float:
    """Return the length of a polygon's edge.

    >>> perimeter(np.array([[0.0, 0.0], [3.0, 0.0], [3.0, 4.0]]))
    12.0
    """
    return float(np.linalg.norm(corners - np.roll(corners, -1, axis=0), axis=1).sum())


def in_polygon(points: F64, corners: F64) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Return whether each point (n, 2) lies in a convex polygon given counter-clockwise, its edge included.

    >>> in_polygon(np.array([[1.9, 1.0], [0.0, 1.0]]), np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 2.0]]))
    array([ True, False])
    """
    inside = np.ones(len(points), dtype=np.bool_)
    for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        inside &= (b[0] - a[0]) * (points[:, 1] - a[1]) - (b[1] - a[1]) * (points[:, 0] - a[0]) >= 0
    return inside


def median_distance(points: F64) -> float:
    """Return the median Euclidean distance of all pairs of different points (n, d); NaN for fewer than two.

    Of unit vectors this is the median of sqrt(2 - 2 cos). Rows that are NaN are passed over. Memory is O(n^2): take a
    sample of a large set.

    >>> median_distance(np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]])).__round__(4)
    4.2426
    """
    points = np.asarray(points, dtype=np.float64)
    points = points[np.isfinite(points).all(axis=1)]
    if len(points) < 2:
        return float("nan")
    # Centered, or the squares of far-off coordinates would drown the distances.
    points = points - points.mean(axis=0)
    squares = (points**2).sum(axis=1)
    gaps = squares[:, None] + squares[None, :] - 2 * points @ points.T
    return float(np.sqrt(np.median(np.maximum(gaps[np.triu_indices(len(points), 1)], 0.0))))


def compactness(questions: F64, articles: F64) -> float:
    """Return the median distance of two questions over that of two articles: small when the questions lie together.

    To be compared between the spaces. Far smaller on the map than in embedding space, the map has drawn the
    questions together; the same in both, the questions are alike.

    >>> compactness(np.array([[0.0, 0.0], [1.0, 0.0]]), np.array([[0.0, 0.0], [0.0, 4.0]]))
    0.25
    """
    whole = median_distance(articles)
    return median_distance(questions) / whole if whole > 0 else float("nan")
