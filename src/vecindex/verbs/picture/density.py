"""Where the articles of a map lie close together."""

from __future__ import annotations

import numpy as np

from vecindex.core.neighbors import F64, Rows
from vecindex.core.picture import Extent

CELLS = 512
TOPIC_CELLS = 96
_BLUR_SHARE = 0.2
_NEARBY, _WIDEST = 0.01, 0.25
_WITHIN = 30


def cell_counts(xy: F64, extent: Extent, cells: int) -> F64:
    """Return how many positions (m, 2) lie in each cell of a grid over the map, (cells, cells) by [x, y]."""
    at = _cells(xy, extent, cells)
    counts = np.bincount(at[:, 0] * cells + at[:, 1], minlength=cells * cells)
    return counts.reshape(cells, cells).astype(np.float64)


def blurred(counts: F64, blur: float) -> F64:
    """Return a grid (c, c) after a Gaussian blur of standard deviation `blur`, in cells.

    The sum stays, but for what is blurred over the edges.
    """
    apart = np.arange(len(counts))[:, None] - np.arange(len(counts))[None, :]
    weight = np.exp(-0.5 * (apart / blur) ** 2)
    # Of the whole bell, and not of the part within the grid: the edge of a map is no denser than its middle.
    reach = np.ceil(4 * blur)
    weight /= np.exp(-0.5 * (np.arange(-reach, reach + 1) / blur) ** 2).sum()
    # Not by a matrix product: for so small ones its threads wait for each other longer than they work.
    across = np.einsum("ij,jk->ik", weight, counts)
    return np.asarray(np.einsum("ij,kj->ik", across, weight))


def nearby(xy: F64, extent: Extent) -> tuple[F64, float]:
    """Return for each position (m, 2) how many articles lie near it, itself among them, (m,); and how near that is.

    Near is a circle with a hundredth of the map's width as its radius, or wider, so that 30 would lie in it were they
    spread evenly, up to a quarter; given as a share of the width. The numbers are taken from a grid with a Gaussian
    blur that is as wide as the circle, so they are smooth figures and no counts.
    """
    radius = min(_WIDEST, max(_NEARBY, float(np.sqrt(_WITHIN / (np.pi * len(xy))))))
    # With this blur an article alone counts as one.
    grid = blurred(cell_counts(xy, extent, CELLS), radius * CELLS / np.sqrt(2))
    at = _cells(xy, extent, CELLS)
    return grid[at[:, 0], at[:, 1]] * np.pi * (radius * CELLS) ** 2, radius


def densest_position(xy: F64, everything: F64, extent: Extent) -> tuple[float, float]:
    """Return the position of one of some articles (m, 2), m at least 1, about which they are most among themselves.

    It is the article nearest to the middle of the cell where s^2 / t is largest: s and t are the blurred numbers of
    these and of all articles there, so a cell counts by how many they are and by how large a part. The blur is a
    fifth of the side of the square that the articles would fill, were the map filled evenly: of a large topic the
    middle is found and not a dense spot at its edge. A label stands on an article of its own
    even when they form a ring. Of equal cells the first.

    Parameters
    ----------
    everything : (96, 96) `cell_counts` of all articles, these among them.

    As many lie at each of three corners, and only at one of them without others.

    >>> xy, extent = np.array([[1.0, 1.0]] * 9 + [[9.0, 9.0]] * 9 + [[1.0, 9.0]] * 9), Extent(0.0, 0.0, 10.0)
    >>> everything = np.concatenate([xy, [[1.0, 1.0]] * 90, [[1.0, 9.0]] * 90])
    >>> densest_position(xy, cell_counts(everything, extent, TOPIC_CELLS), extent)
    (9.0, 9.0)
    """
    blur = max(1.0, _BLUR_SHARE * TOPIC_CELLS * float(np.sqrt(len(xy) / everything.sum())))
    some = blurred(cell_counts(xy, extent, TOPIC_CELLS), blur)
    total = blurred(everything, blur)
    # Rounded, so that cells that are equal but for rounding are equal.
    score = (some**2 / np.maximum(total, 1e-9)).round(9)
    peak = np.array(np.unravel_index(int(score.argmax()), score.shape))
    middle = np.array([extent.x, extent.y]) + (peak + 0.5) * (extent.width / TOPIC_CELLS)
    x, y = xy[((xy - middle) ** 2).sum(axis=1).argmin()]
    return float(x), float(y)


def _cells(xy: F64, extent: Extent, cells: int) -> Rows:
    low = np.array([extent.x, extent.y])
    return np.asarray(np.clip((xy - low) * (cells / extent.width), 0, cells - 1).astype(np.int64))
