"""Maps aligned with each other, and how far their articles moved."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vecindex.core.neighbors import F64

FAR = 0.01
"""In widths of the map; an article that moved farther counts as moved."""


@dataclass(frozen=True, slots=True)
class Moved:
    """How far the articles that both maps hold moved, after the new map was aligned with the old one.

    Attributes
    ----------
    articles : how many both maps hold.
    median, p95 : of their moves (Euclidean), in units of the old map's width, the larger side of its bounding box.
    """

    articles: int
    median: float
    p95: float


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


def procrustes(moving: F64, fixed: F64) -> tuple[F64, F64, float]:
    """Return the (rotation or reflection (2, 2), shift (2,), scale) that align `moving` best with `fixed`.

    The position x on the moving map goes to scale * x @ rotation + shift. This is the least-squares fit of Schonemann
    & Carroll (1970), with centring and scale: rotation = U V' from the singular value decomposition U S V' of A'B,
    A and B the two centred maps, scale = sum S / sum A^2. A map may be mirrored, which changes no distance.

    Parameters
    ----------
    moving, fixed : (n, 2) positions of the same articles, finite. With fewer than 2 different positions in either,
        nothing but a shift can be known: scale is 1 and nothing is turned.

    A square twice as large, turned by a quarter and moved:

    >>> square = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    >>> turned = np.array([[5.0, 5.0], [5.0, 7.0], [3.0, 7.0], [3.0, 5.0]])
    >>> rotation, shift, scale = procrustes(square, turned)
    >>> round(scale, 6), (scale * square @ rotation + shift).round(6).tolist() == turned.tolist()
    (2.0, True)
    """
    center, target = moving.mean(axis=0), fixed.mean(axis=0)
    a, b = moving - center, fixed - target
    size = float((a**2).sum())
    if size <= 0 or float((b**2).sum()) <= 0:
        return np.eye(2), np.asarray(target - center), 1.0
    left, stretch, right = np.linalg.svd(a.T @ b)
    rotation = left @ right
    scale = float(stretch.sum()) / size
    if scale <= 0:
        return np.eye(2), np.asarray(target - center), 1.0
    return np.asarray(rotation), np.asarray(target - scale * center @ rotation), scale


def align(positions: F64, old: F64) -> tuple[F64, Moved | None]:
    """Return a new map aligned with an old one, and how far the articles on both moved; None where fewer than 2 are.

    Parameters
    ----------
    positions, old : (n, 2) of the same articles, NaN for one outside that map.

    A map that is only turned about moves nothing:

    >>> old = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 2.0]])
    >>> aligned, moved = align(old @ np.array([[0.0, 1.0], [-1.0, 0.0]]), old)
    >>> bool(np.allclose(aligned, old)), moved.articles, round(moved.p95, 9)
    (True, 3, 0.0)
    """
    both = _on_map(positions) & _on_map(old)
    if both.sum() < 2:
        return positions, None
    rotation, shift, scale = procrustes(positions[both], old[both])
    aligned = scale * positions @ rotation + shift
    return aligned, moved_between(aligned, old)


def moved_between(positions: F64, old: F64) -> Moved | None:
    """Return how far the articles that both maps (n, 2) hold moved; None where they share none.

    One of two articles moved by 1 on a map that was 4 wide: half of them by 0, half by a quarter.

    >>> moved_between(np.array([[0.0, 0.0], [4.0, 1.0]]), np.array([[0.0, 0.0], [4.0, 0.0]]))
    Moved(articles=2, median=0.125, p95=0.2375)
    """
    both = _on_map(positions) & _on_map(old)
    if not both.any():
        return None
    moved = moves(positions[both], old[both], _width(old[_on_map(old)]))
    return Moved(int(both.sum()), float(np.median(moved)), float(np.quantile(moved, 0.95)))


def moves(positions: F64, old: F64, width: float | None = None) -> F64:
    """Return how far each article (n, 2) moved, in widths of the old map; shape (n,).

    >>> moves(np.array([[0.0, 0.0], [4.0, 3.0]]), np.array([[0.0, 0.0], [4.0, 0.0]]))
    array([0.  , 0.75])
    """
    return np.asarray(np.linalg.norm(positions - old, axis=1) / (width or _width(old)))


def displacement(moved: F64) -> Displacement:
    """Return the summary of some moves (n,), at least one.

    >>> displacement(np.array([0.0, 0.005, 0.02, 0.5]))
    Displacement(articles=4, median=0.0125, p95=0.428, max=0.5, moved=0.5)
    """
    p95 = round(float(np.quantile(moved, 0.95)), 12)
    return Displacement(len(moved), float(np.median(moved)), p95, float(moved.max()), float((moved > FAR).mean()))


def _on_map(positions: F64) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.asarray(np.isfinite(positions).all(axis=1))


def _width(positions: F64) -> float:
    return float(np.ptp(positions, axis=0).max()) or 1.0
