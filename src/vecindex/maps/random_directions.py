"""Method "random": two random directions, the map that any other must beat."""

from __future__ import annotations

import numpy as np

from vecindex.core.neighbors import F64
from vecindex.core.vectors import F32
from vecindex.maps.methods import MapMethod


def random_map(vectors: F32, seed: int) -> F64:
    """Return the vectors' coordinates (n, 2) along two random directions, float64. The same seed gives the same map.

    >>> random_map(np.eye(3, dtype=np.float32), seed=0).shape
    (3, 2)
    """
    directions = np.random.default_rng(seed).normal(size=(vectors.shape[1], 2))
    return vectors.astype(np.float64) @ (directions / np.linalg.norm(directions, axis=0))


METHOD = MapMethod(
    "two random directions",
    lambda vectors, graph, *, settings, init, seed, observer: random_map(vectors, seed),
)
