"""Maps aligned with each other, and how far their articles moved."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vecindex.core.neighbors import F64

FAR = 0.01
"""In widths of the map; an article that moved farther counts as moved."""


@dataclass(frozen=True, slots=True)
class Moved:
    """How far articles moved, in units of the old map's width: the larger side of its bounding box.

    Attributes
    ----------
    articles : how many.
    median, p95 : of their moves (Euclidean).
    """

    articles: int
    median: float
    p95: float


@dataclass(frozen=True, slots=True)
class Displacement(Moved):
    """The same, with more of it. All articles are measured and none are drawn, so there is no interval.

    Attributes
    ----------
    max : of their moves.
    moved : share of them that moved by more than `FAR`.
    """

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
    left, stretch, right = np.linalg.svd(a.T @ b)
    if not stretch.any():
        return np.eye(2), np.asarray(target - center), 1.0
    rotation, scale = left @ right, float(stretch.sum() / (a**2).sum())
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
    both = np.isfinite(positions + old).all(axis=1)
    if both.sum() < 2:
        return positions, None
    rotation, shift, scale = procrustes(positions[both], old[both])
    aligned = scale * positions @ rotation + shift
    far = moves(aligned, old)[both]
    return aligned, Moved(len(far), float(np.median(far)), float(np.quantile(far, 0.95)))


def moves(positions: F64, old: F64) -> F64:
    """Return how far each article (n, 2) moved, in widths of the old map; (n,), NaN for one that is not on both.

    >>> moves(np.array([[0.0, 0.0], [4.0, 3.0]]), np.array([[0.0, 0.0], [4.0, 0.0]]))
    array([0.  , 0.75])
    """
    width = float((np.nanmax(old, axis=0) - np.nanmin(old, axis=0)).max()) or 1.0
    return np.asarray(np.linalg.norm(positions - old, axis=1) / width)


def displacement(moved: F64) -> Displacement:
    """Return the summary of some moves (n,), at least one.

    >>> displacement(np.array([0.0, 0.005, 0.02, 0.5]))
    Displacement(articles=4, median=0.0125, p95=0.428, max=0.5, moved=0.5)
    """
    p95 = round(float(np.quantile(moved, 0.95)), 12)
    return Displacement(len(moved), float(np.median(moved)), p95, float(moved.max()), float((moved > FAR).mean()))
