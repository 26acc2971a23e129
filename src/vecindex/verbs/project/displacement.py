"""How far the articles of a map lie from where they were on the map that it was derived from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vecindex.core.neighbors import F64

FAR = 0.01
"""In widths of the map; an article that moved farther counts as moved."""


@dataclass(frozen=True, slots=True)
class Displacement:
    """How far articles moved, in units of the old map's width: the larger side of its bounding box.

    All of them are measured and none are drawn, so there is no interval.

    Attributes
    ----------
    articles : how many.
    median, p95, max : of their moves (Euclidean).
    moved : share of them that moved by more than `FAR`.
    """

    articles: int
    median: float
    p95: float
    max: float
    moved: float


def moves(places: F64, old: F64) -> F64:
    """Return how far each article (n, 2) moved, in widths of the old map; shape (n,).

    >>> moves(np.array([[0.0, 0.0], [4.0, 3.0]]), np.array([[0.0, 0.0], [4.0, 0.0]]))
    array([0.  , 0.75])
    """
    width = float(np.ptp(old, axis=0).max()) or 1.0
    return np.asarray(np.linalg.norm(places - old, axis=1) / width)


def displacement(moved: F64) -> Displacement | None:
    """Return the summary of some moves (n,); None of none.

    >>> displacement(np.array([0.0, 0.005, 0.02, 0.5]))  # doctest: +NORMALIZE_WHITESPACE
    Displacement(articles=4, median=0.0125, p95=0.428, max=0.5, moved=0.5)
    """
    if not len(moved):
        return None
    p95 = round(float(np.quantile(moved, 0.95)), 12)
    return Displacement(len(moved), float(np.median(moved)), p95, float(moved.max()), float((moved > FAR).mean()))
