"""Hits that differ: near-duplicates of a better hit left out, the others ordered by maximal marginal relevance."""

from __future__ import annotations

import numpy as np

from vecindex.core.neighbors import F64
from vecindex.core.vectors import F32

ALIKE = 0.98
"""The cosine to a better hit from which a hit counts as its near-duplicate."""


def distinct(vectors: F32, alike: float = ALIKE) -> list[int]:
    """Return which hits are kept, in their order: those that are no near-duplicate of a kept one before them.

    `vectors` (n, d) are unit vectors. Memory is (n, n).

    >>> distinct(np.array([[1, 0], [0.999, 0.0447], [0, 1]], dtype=np.float32))
    [0, 2]
    """
    cosines = vectors @ vectors.T
    kept: list[int] = []
    for i in range(len(vectors)):
        if not kept or cosines[i, kept].max() < alike:
            kept.append(i)
    return kept


def by_marginal_relevance(relevance: F64, vectors: F32, k: int, diversity: float) -> list[int]:
    """Return the k hits of maximal marginal relevance, in the order in which they are chosen.

    Each time the hit with the highest (1 - diversity) * relevance - diversity * (cosine to the most similar hit that
    was chosen) is next (Carbonell & Goldstein 1998); of equal ones the first.

    Parameters
    ----------
    relevance : (n,) of each hit, on the scale of a cosine.
    vectors : (n, d) unit vectors.
    diversity : 0 keeps the order of relevance, 1 looks at the difference alone.

    >>> vectors = np.array([[1, 0], [0.9, 0.436], [0, 1]], dtype=np.float32)
    >>> by_marginal_relevance(np.array([0.9, 0.8, 0.5]), vectors, 3, 0.5)
    [0, 2, 1]
    """
    n = len(relevance)
    nearest = np.zeros(n)
    left = np.ones(n, dtype=bool)
    chosen: list[int] = []
    for _ in range(min(k, n)):
        gain = np.where(left, (1 - diversity) * relevance - diversity * nearest, -np.inf)
        best = int(np.argmax(gain))
        chosen.append(best)
        left[best] = False
        nearest = np.maximum(nearest, vectors @ vectors[best]) if len(chosen) > 1 else vectors @ vectors[best]
    return chosen


def on_scale(scores: F64) -> F64:
    """Return scores of any kind on the scale from 0, the worst, to 1, the best; equal ones are 1.

    >>> on_scale(np.array([3.0, 1.0, 2.0])).tolist()
    [1.0, 0.0, 0.5]
    """
    low, high = float(scores.min()), float(scores.max())
    return np.ones(len(scores)) if high == low else (scores - low) / (high - low)
