"""The lens: a small map of one question's nearest articles, laid out for it alone.

The question is in the middle, and an article lies the farther from it the farther it is in embedding space. So the
nearest are the nearest, all of them, and the order is right. Only the angles are free. They are chosen so that
articles that are near to each other lie near to each other, as far as a plane can hold that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vecindex.core.neighbors import F64, Rows
from vecindex.core.vectors import F32
from vecindex.maps.moves.mover import HITS_AT, worth_of

_INNER = 0.25
_SWEEPS = 8
_TRIES = 12
_FRIENDS = 5
# Equal distances lie one after the other, so that the order can be seen.
_STEP = 1e-6


@dataclass(frozen=True, slots=True)
class Lens:
    """The positions (m, 2) of articles around a question at (0, 0); the farthest at 1, the nearest at 0.25.

    `near` (m, f), f = min(5, m - 1), holds the nearest of each article by embedding, nearest first, of those shown.
    `mutual` is the share of them that are its f nearest on the lens as well.
    """

    positions: F64
    mutual: float
    near: Rows


def lens(vectors: F32, dist: F64, *, start: F64 | None = None, seed: int = 0) -> Lens:
    """Return the lens of a question; the same seed gives the same one.

    Parameters
    ----------
    vectors : (m, d) unit vectors of its nearest articles, the nearest first.
    dist : (m,) their cosine distances from the question, ascending; lower is closer.
    start : (m, 2) positions on a map, around whose middle the articles lie at first; None begins from the vectors.
    """
    from vecindex.maps.lens_kernels import NONE, turn

    m = len(vectors)
    radius = _radius(dist)
    ranks = _ranks(vectors, NONE)
    angles = _start(vectors, start)
    if m > 2:
        dice = np.random.default_rng(seed)
        worth = worth_of(HITS_AT)[: m - 1].copy()
        chance = dice.normal(size=(_SWEEPS, m, _TRIES)), dice.random((_SWEEPS, m, _TRIES, 3))
        turn(angles, radius, ranks, _friends(ranks), worth, _SWEEPS, _TRIES, *chance)
    positions = radius[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    near = np.argsort(ranks, axis=1, kind="stable")[:, : min(_FRIENDS, m - 1)].astype(np.int64)
    return Lens(positions, _mutual(ranks, positions), near)


def _radius(dist: F64) -> F64:
    """Return how far from the middle the articles lie, in the order of their distances.

    >>> _radius(np.array([0.2, 0.3, 0.4])).round(3).tolist()
    [0.25, 0.625, 1.0]
    """
    far = np.asarray(dist, dtype=np.float64) + _STEP * np.arange(len(dist))
    width = far[-1] - far[0] if len(far) else 0.0
    return _INNER + (1 - _INNER) * (far - far[:1]) / (width or 1.0)


def _ranks(vectors: F32, none: int) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """Return the rank (m, m), from 0, of each article among the nearest of each; `none` for itself and beyond."""
    m = len(vectors)
    sims = vectors.astype(np.float64) @ vectors.T.astype(np.float64)
    np.fill_diagonal(sims, -np.inf)
    order = np.argsort(-sims, axis=1, kind="stable")
    ranks = np.empty((m, m), dtype=np.int64)
    np.put_along_axis(ranks, order, np.broadcast_to(np.arange(m), (m, m)), axis=1)
    np.fill_diagonal(ranks, none)
    return np.minimum(ranks, none).astype(np.uint8)


def _friends(ranks: np.ndarray) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """Return for each article those that are among its nearest five as it is among theirs; -1 fills up."""
    found = np.full((len(ranks), _FRIENDS), -1, dtype=np.int64)
    both = (ranks < _FRIENDS) & (ranks.T < _FRIENDS)
    for i, row in enumerate(both):
        near = np.flatnonzero(row)
        found[i, : len(near)] = near
    return found


def _start(vectors: F32, start: F64 | None) -> F64:
    """Return the first angles (m,): as on a map around the middle of the nearest five, or of two components."""
    if start is not None and np.isfinite(start).all():
        around = start - np.median(start[:5], axis=0)
    else:
        away = vectors - vectors.mean(axis=0)
        values, axes = np.linalg.eigh((away @ away.T).astype(np.float64))
        # In ascending order; none is below 0 but by rounding.
        found = (axes * np.sqrt(np.maximum(values, 0)))[:, ::-1]
        around = np.zeros((len(vectors), 2))
        around[:, : found.shape[1]] = found[:, :2]
    return np.arctan2(around[:, 1], around[:, 0])


def _mutual(ranks: np.ndarray, positions: F64) -> float:
    k = min(5, len(positions) - 1)
    if k < 1:
        return 1.0
    dist = ((positions[:, None] - positions[None]) ** 2).sum(axis=2)
    np.fill_diagonal(dist, np.inf)
    shown = np.argsort(dist, axis=1, kind="stable")[:, :k]
    return float((np.take_along_axis(ranks, shown, axis=1) < k).mean())
