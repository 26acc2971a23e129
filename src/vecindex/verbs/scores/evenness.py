"""How evenly the articles fill their map. Each figure depends on a grid or a hull, which is stated with it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vecindex.core.geometry import convex_hull, in_polygon, perimeter, polygon_area
from vecindex.core.neighbors import F64
from vecindex.neighbors.plane import Plane

_SAMPLE = 20_000
PER_CELL = 50
"""Articles in a cell of the grid, on average over the hull."""


@dataclass(frozen=True, slots=True)
class Evenness:
    """How evenly points fill their convex hull.

    Attributes
    ----------
    entropy : -sum p ln p / ln(cells) over the cells' shares p of the points; 1 when all cells hold alike.
    gini : of the cells' counts; 0 when all hold alike, near 1 when few hold everything.
    occupied : share of the cells that hold a point, 0 to 1.
    clark_evans : R, the mean distance to the nearest other point over that of points thrown at random into the hull
        (Clark & Evans 1954, with Donnelly's correction for the edge, 1978): 1 random, below 1 clumped, 2.15 a
        triangular grid; None where it is not known.
    cells, cell_width, cell_height, hull_area : the grid: the bounding box in equal, nearly square cells, of which
        those count whose center lies in the hull or which hold a point; in the map's unit.
    """

    entropy: float
    gini: float
    occupied: float
    clark_evans: float | None
    cells: int
    cell_width: float
    cell_height: float
    hull_area: float


def measure_evenness(
    points: F64, nearest_dist: npt.ArrayLike | None = None, per_cell: int = PER_CELL
) -> Evenness | None:
    """Return how evenly points fill their hull; None when the hull has no area.

    Parameters
    ----------
    points : (n, 2); NaN is passed over.
    nearest_dist : the distance to the nearest other point, of all points or a random sample; for `clark_evans`.
    per_cell : points in a cell on average, which makes about n / per_cell cells. Turning the map turns the grid, so
        the cell figures change a little with it; scaling and moving change nothing.
    """
    points = points[np.isfinite(points).all(axis=1)]
    hull = convex_hull(points)
    area = polygon_area(hull)
    if area <= 0:
        return None
    counts, width, height = grid_counts(points, hull, area, per_cell)
    clark = None if nearest_dist is None else clark_evans(nearest_dist, len(points), area, perimeter(hull))
    return Evenness(
        entropy=normalized_entropy(counts),
        gini=gini(counts),
        occupied=float((counts > 0).mean()),
        clark_evans=clark,
        cells=len(counts),
        cell_width=width,
        cell_height=height,
        hull_area=area,
    )


def grid_counts(points: F64, hull: F64, area: float, per_cell: int) -> tuple[npt.NDArray[np.int64], float, float]:
    """Return how many points each cell of the hull holds, and the width and height of a cell."""
    low, high = hull.min(axis=0), hull.max(axis=0)
    side = math.sqrt(area * per_cell / len(points))
    shape = np.maximum(1, np.round((high - low) / side).astype(np.int64))
    size = (high - low) / shape
    cell = np.minimum(((points - low) / size).astype(np.int64), shape - 1)
    counts = np.bincount(cell[:, 0] * shape[1] + cell[:, 1], minlength=shape[0] * shape[1])
    x, y = np.divmod(np.arange(len(counts)), shape[1])
    centers = low + (np.stack([x, y], axis=1) + 0.5) * size
    return counts[in_polygon(centers, hull) | (counts > 0)].astype(np.int64), float(size[0]), float(size[1])


def normalized_entropy(counts: npt.ArrayLike) -> float:
    """Return -sum p ln p / ln(cells), p the share of each cell; 0 to 1, higher is more even; 1 for a single cell.

    >>> normalized_entropy([5, 5]), normalized_entropy([10, 0])
    (1.0, 0.0)
    """
    found = np.asarray(counts, dtype=np.float64)
    if len(found) < 2:
        return 1.0
    share = found[found > 0] / found.sum()
    return float(max(0.0, -(share * np.log(share)).sum() / math.log(len(found))))


def gini(counts: npt.ArrayLike) -> float:
    """Return the Gini coefficient, 0 to 1, lower is more even.

    sum_i (2 i - n - 1) x_i / (n sum x) over the counts x in ascending order, i from 1. One of n cells holding all
    gives 1 - 1/n.

    >>> gini([3, 3, 3]), gini([0, 0, 0, 8])
    (0.0, 0.75)
    """
    found = np.sort(np.asarray(counts, dtype=np.float64))
    n = len(found)
    return float(((2 * np.arange(1, n + 1) - n - 1) * found).sum() / (n * found.sum()))


def clark_evans(nearest_dist: npt.ArrayLike, n: int, area: float, edge: float = 0.0) -> float:
    """Return R, the mean distance to the nearest other point over the one expected of n random points.

    The expected mean is sqrt(area / n) / 2 (Clark & Evans 1954) plus (0.0514 + 0.041 / sqrt(n)) edge / n (Donnelly
    1978) for points near the edge, whose nearest one may lie beyond it. 1 is random, below 1 clumped.

    100 points on a square grid of side 1 over an area of 100, without the edge: 1 / (1 / 2) = 2.

    >>> clark_evans([1.0] * 100, 100, 100.0)
    2.0
    """
    expected = 0.5 * math.sqrt(area / n) + (0.0514 + 0.041 / math.sqrt(n)) * edge / n
    return float(np.mean(np.asarray(nearest_dist, dtype=np.float64)) / expected)


def map_evenness(plane: Plane, seed: int) -> Evenness | None:
    """Return how evenly the articles fill their map; the nearest distances are those of a sample of 20,000."""
    rows = np.random.default_rng(seed).permutation(plane.rows)[:_SAMPLE]
    return measure_evenness(plane.xy, plane.nearest(plane.xy[rows], 1, without=rows).dist[:, 0])
