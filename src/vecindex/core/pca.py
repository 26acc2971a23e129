"""Principal components of vectors that come in blocks."""

from __future__ import annotations

import numpy as np

from vecindex.core.neighbors import F64
from vecindex.core.vectors import F32


class Covariance:
    """The mean and covariance of vectors that come in blocks; memory is d x d."""

    def __init__(self, dimension: int) -> None:
        """Start with none."""
        self._n = 0
        self._sum: F64 = np.zeros(dimension)
        self._products: F64 = np.zeros((dimension, dimension))

    def add(self, vectors: F32) -> None:
        """Take a block (b, d)."""
        self._n += len(vectors)
        self._sum += vectors.sum(axis=0, dtype=np.float64)
        # Single precision inside a block, double between blocks: the two largest components need no more.
        self._products += (vectors.T @ vectors).astype(np.float64)

    def axes(self, m: int = 2) -> tuple[F64, F64]:
        """Return the mean (d,) and the m principal axes (d, m), the widest first, the largest entry of each positive.

        >>> c = Covariance(2)
        >>> c.add(np.array([[0, 0], [4, 0], [0, 1], [4, 1]], dtype=np.float32))
        >>> c.axes(1)[1].ravel().round(6)
        array([1., 0.])
        """
        mean = self._sum / max(1, self._n)
        values = self._products / max(1, self._n) - np.outer(mean, mean)
        axes = np.linalg.eigh(values)[1][:, ::-1][:, :m]
        return mean, np.asarray(axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])]))
