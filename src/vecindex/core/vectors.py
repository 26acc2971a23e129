"""Checks on vectors, and their normalisation."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]

MIN_NORM = 1e-12
"""Below this a vector has no direction worth keeping."""
# Vectors whose length is 1 to within this were scaled in float32, and count as of length 1.
_UNIT = 1e-6


def normalize(vectors: npt.ArrayLike) -> F32:
    """Return the rows scaled to unit Euclidean length.

    Parameters
    ----------
    vectors : array-like, shape (n, d), any real dtype

    Returns
    -------
    float32 array, shape (n, d). A row that is not finite, or shorter than `MIN_NORM`, comes back as all NaN,
    so that `usable` finds it; the others are unit vectors to within float32 rounding.

    >>> normalize([[3.0, 4.0], [0.0, 0.0]])
    array([[0.6, 0.8],
           [nan, nan]], dtype=float32)
    """
    rows = np.asarray(vectors, dtype=np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        norms = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))
        bad = ~(np.isfinite(norms) & (norms >= MIN_NORM))
        norms[bad] = np.nan
        return np.asarray(rows / norms[:, None], dtype=np.float32)


def usable(vectors: F32) -> npt.NDArray[np.bool_]:
    """Return for each row whether all its values are finite; shape (n,), True is good.

    >>> usable(np.array([[1.0, 0.0], [np.nan, 1.0]], dtype=np.float32))
    array([ True, False])
    """
    return np.asarray(np.isfinite(vectors).all(axis=1))


def row_cosines(left: npt.ArrayLike, right: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return the cosine of each row of `left` with the same row of `right`; shape (n,), higher is closer.

    A row without direction on either side gives NaN.

    >>> row_cosines([[1.0, 0.0], [0.0, 2.0]], [[1.0, 1.0], [0.0, 5.0]]).round(4)
    array([0.7071, 1.    ])
    """
    a, b = np.asarray(left, dtype=np.float64), np.asarray(right, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        dots = np.einsum("ij,ij->i", a, b)
        return np.asarray(dots / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)))


def distances_to(vector: F32, rows: F32) -> npt.NDArray[np.float64]:
    """Return the cosine distance of each row (m, d) to a unit vector (d,), 0 to 2, lower is closer; shape (m,).

    It is summed in float64 and rounded to float32, in the same way for a row whatever stands next to it. Rows need
    not be unit vectors; for those that are to within float32, it is 1 - the product.

    >>> distances_to(np.array([1.0, 0.0], dtype=np.float32), np.array([[1.0, 0.0], [0.0, 3.0]], dtype=np.float32))
    array([0., 1.])
    """
    # The product of two float32 numbers is a float64 number, without rounding.
    products = np.multiply(rows, vector, dtype=np.float64).sum(axis=1)
    lengths = np.sqrt(np.multiply(rows, rows, dtype=np.float64).sum(axis=1))
    lengths[np.abs(lengths - 1.0) < _UNIT] = 1.0
    with np.errstate(divide="ignore", invalid="ignore"):
        dist = 1.0 - products / lengths
    # Rounding puts the distance to itself a little below zero.
    return np.asarray(np.maximum(dist, 0.0).astype(np.float32).astype(np.float64))
