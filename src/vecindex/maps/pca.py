"""The two directions of largest variance."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from vecindex.core.neighbors import F64
from vecindex.core.vectors import F32
from vecindex.types import Observer, Stage

STAGE = "pca"
_BLOCK = 16_384


def pca_map(vectors: F32, *, observer: Observer) -> F64:
    """Return the vectors' coordinates (n, 2) along their two directions of largest variance, float64.

    The covariance is summed in float64 over blocks, so memory is one block and (d, d). The sign of each direction is
    the one that makes its largest part positive, so the result is fixed. A direction without variance gives 0.

    >>> from vecindex.types import Silent
    >>> pca_map(np.array([[3, 0, 0], [-3, 0, 0], [0, 1, 0], [0, -1, 0]], dtype=np.float32), observer=Silent())
    array([[ 3.,  0.],
           [-3.,  0.],
           [ 0.,  1.],
           [ 0., -1.]])
    """
    n, d = vectors.shape
    mean = sum((b.sum(axis=0) for b in _blocks(vectors)), np.zeros(d)) / n
    covariance = np.zeros((d, d))
    for number, block in enumerate(_blocks(vectors)):
        observer.stage(Stage(STAGE, number * _BLOCK, n))
        centered = block - mean
        covariance += centered.T @ centered
    _, directions = np.linalg.eigh(covariance)
    two = directions[:, ::-1][:, :2]
    if two.shape[1] < 2:
        two = np.pad(two, ((0, 0), (0, 2 - two.shape[1])))
    largest = np.take_along_axis(two, np.abs(two).argmax(axis=0)[None], axis=0)
    two = two * np.where(largest < 0, -1.0, 1.0)
    places = np.concatenate([(block - mean) @ two for block in _blocks(vectors)])
    observer.stage(Stage(STAGE, n, n))
    return np.asarray(places) + 0.0  # no negative nought


def _blocks(vectors: F32) -> Iterator[F64]:
    for at in range(0, len(vectors), _BLOCK):
        yield vectors[at : at + _BLOCK].astype(np.float64)
