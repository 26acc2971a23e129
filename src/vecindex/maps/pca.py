"""Method "pca": the two directions of largest variance."""

from __future__ import annotations

import numpy as np

from vecindex.core.neighbors import F64
from vecindex.core.pca import Covariance
from vecindex.core.vectors import F32
from vecindex.maps.methods import MapMethod
from vecindex.types import Observer, Stage

STAGE = "pca"
_BLOCK = 16_384


def pca_map(vectors: F32, *, observer: Observer) -> F64:
    """Return the vectors' coordinates (n, 2) along their two directions of largest variance, float64.

    Memory is one block and (d, d), see `core.pca.Covariance`. The largest entry of each direction is positive, so the
    result is fixed. A direction without variance gives 0.

    >>> from vecindex.types import Silent
    >>> pca_map(np.array([[3, 0, 0], [-3, 0, 0], [0, 1, 0], [0, -1, 0]], dtype=np.float32), observer=Silent())
    array([[ 3.,  0.],
           [-3.,  0.],
           [ 0.,  1.],
           [ 0., -1.]])
    """
    n, d = vectors.shape
    covariance = Covariance(d)
    for at in range(0, n, _BLOCK):
        observer.stage(Stage(STAGE, at, n))
        covariance.add(vectors[at : at + _BLOCK])
    mean, directions = covariance.axes(2)
    positions = np.zeros((n, 2))
    for at in range(0, n, _BLOCK):
        block = vectors[at : at + _BLOCK].astype(np.float64) - mean
        positions[at : at + _BLOCK, : directions.shape[1]] = block @ directions
    observer.stage(Stage(STAGE, n, n))
    return positions + 0.0  # no negative zero


METHOD = MapMethod(
    "the two directions of largest variance",
    lambda vectors, graph, *, settings, init, seed, observer: pca_map(vectors, observer=observer),
)
