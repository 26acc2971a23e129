"""How many points lie on top of each other, as a shade over them; by the same rule as the page's density.js."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from vecindex.core.neighbors import F64

STRONGEST = 0.45
_FEWEST, _MOST, _PER_ROOT = 16, 376, 0.8
_EDGE = 4
_LAYERS = 2
_FROM, _TO, _OCTAVES = 0.25, 0.995, 2.0
_BINS_AN_OCTAVE, _LOWEST_LOG = 8, -40


@dataclass(frozen=True, slots=True)
class Shade:
    """A grid over a map.

    Attributes
    ----------
    alpha : (rows, columns), how strong the shade of a cell is, 0 to 0.45; the lowest row first.
    x0, y0, x1, y1 : where the grid begins and ends, in the units of the points.
    """

    alpha: F64
    x0: float
    y0: float
    x1: float
    y1: float


def shade(xy: F64, low: F64, high: F64, area: float) -> Shade | None:
    """Return the shade over points, or None where so few overlap that there is none.

    With d the density of points in a cell, blurred, and a the area of a point, the strength is

        min(0.45, 0.45 (log2 d - l) / o),  l = max(q25, log2(2 / a)),  o = max(2, q99.5 - q25),

    and 0 where d is at most 2^l: points cover such a cell less than twice. q25 and q99.5 are the logarithms of the
    density below which 25 % and 99.5 % of the points lie, in eighths.

    Parameters
    ----------
    xy : (m, 2) positions in steps of the page, 65,535 to the map's width; those outside the box are not counted.
    low, high : (2,) corners of the box.
    area : of a point, in square steps.
    """
    if len(xy) < 2:
        return None
    size = high - low
    cell = max(1.0, float(size.max())) / min(_MOST, max(_FEWEST, math.floor(_PER_ROOT * math.sqrt(len(xy)) + 0.5)))
    wide, tall = (np.floor(size / cell).astype(np.int64) + 1 + 2 * _EDGE).tolist()
    begin = low - _EDGE * cell
    inside = xy[((xy >= low) & (xy <= high)).all(axis=1)]
    column, row = np.floor((inside - begin) / cell).astype(np.int64).T
    counts = np.bincount(row * wide + column, minlength=wide * tall).reshape(tall, wide).astype(np.float64)
    density = _blurred(_blurred(counts).T).T
    logs = np.full(density.shape, -np.inf)
    np.log2(density / cell**2, out=logs, where=density > 0)
    bins = np.clip(np.floor((logs[density > 0] - _LOWEST_LOG) * _BINS_AN_OCTAVE), 0, 64 * _BINS_AN_OCTAVE - 1)
    below = np.cumsum(np.bincount(bins.astype(np.int64), weights=density[density > 0]))
    first, last = (
        (int(np.argmax(below >= part * below[-1])) + 0.5) / _BINS_AN_OCTAVE + _LOWEST_LOG for part in (_FROM, _TO)
    )
    least = max(first, math.log2(_LAYERS / area))
    if not logs.max() > least:
        return None
    alpha = np.clip(STRONGEST * (logs - least) / max(_OCTAVES, last - first), 0.0, STRONGEST)
    (x0, y0), (x1, y1) = begin.tolist(), (begin + np.array([wide, tall]) * cell).tolist()
    return Shade(alpha, x0, y0, x1, y1)


def _blurred(values: F64) -> F64:
    """Return rows blurred three times by three cells; the cells at their ends are empty."""
    for _ in range(3):
        values = (np.roll(values, 1, axis=1) + values + np.roll(values, -1, axis=1)) / 3
    return values
