"""Laying one map over another, and saying how far its articles moved."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vecindex.core.neighbors import F64


@dataclass(frozen=True, slots=True)
class Moved:
    """How far the articles that both maps hold moved, after the new map was laid over the old one.

    Attributes
    ----------
    articles : how many both maps hold.
    median, p95 : of their moves (Euclidean), in units of the old map's width, the larger side of its bounding box.
    """

    articles: int
    median: float
    p95: float


def procrustes(moving: F64, fixed: F64) -> tuple[F64, F64, float]:
    """Return the (rotation or reflection (2, 2), shift (2,), scale) that lay `moving` best over `fixed`.

    The place x of the moving map goes to scale * x @ rotation + shift. This is the least-squares fit of Schonemann
    & Carroll (1970), with centring and scale: rotation = U V' from the singular value decomposition U S V' of A'B,
    A and B the two centred maps, scale = sum S / sum A^2. A map may be mirrored, which changes no distance.

    Parameters
    ----------
    moving, fixed : (n, 2) places of the same articles, finite. With fewer than 2 different places in either, nothing
        but a shift can be known: scale is 1 and nothing is turned.

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


def align(places: F64, old: F64) -> tuple[F64, Moved | None]:
    """Return a new map laid over an old one, and how far the articles on both moved; None where fewer than 2 are.

    Parameters
    ----------
    places, old : (n, 2) of the same articles, NaN for one outside that map.

    A map that is only turned about moves nothing:

    >>> old = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 2.0]])
    >>> aligned, moved = align(old @ np.array([[0.0, 1.0], [-1.0, 0.0]]), old)
    >>> bool(np.allclose(aligned, old)), moved.articles, round(moved.p95, 9)
    (True, 3, 0.0)
    """
    both = np.isfinite(places).all(axis=1) & np.isfinite(old).all(axis=1)
    if both.sum() < 2:
        return places, None
    rotation, shift, scale = procrustes(places[both], old[both])
    laid = scale * places @ rotation + shift
    return laid, moved_between(laid, old)


def moved_between(places: F64, old: F64) -> Moved | None:
    """Return how far the articles that both maps (n, 2) hold moved; None where they share none.

    One of two articles moved by 1 on a map that was 4 wide: half of them by 0, half by a quarter.

    >>> moved_between(np.array([[0.0, 0.0], [4.0, 1.0]]), np.array([[0.0, 0.0], [4.0, 0.0]]))
    Moved(articles=2, median=0.125, p95=0.2375)
    """
    both = np.isfinite(places).all(axis=1) & np.isfinite(old).all(axis=1)
    if not both.any():
        return None
    there = old[np.isfinite(old).all(axis=1)]
    width = float((there.max(axis=0) - there.min(axis=0)).max()) or 1.0
    moves = np.linalg.norm(places[both] - old[both], axis=1) / width
    return Moved(int(both.sum()), float(np.median(moves)), float(np.quantile(moves, 0.95)))
