"""Clusters of unit vectors by spherical k-means, made on a sample and then given to all in blocks."""

from __future__ import annotations

import numpy as np

from vecindex.core.neighbors import Rows
from vecindex.core.vectors import F32
from vecindex.neighbors.blas import blas_for, load_faiss

ITERATIONS = 20


def fit_centers(sample: F32, k: int, seed: int) -> F32:
    """Return k centers (k, d) of unit length by spherical k-means (Dhillon & Modha 2001) of unit vectors (s, d).

    Fewer where the sample holds fewer. A center may end with few vectors, or none where many are alike.
    """
    faiss = load_faiss()
    k = min(k, len(sample))
    means = faiss.Kmeans(
        sample.shape[1],
        k,
        niter=ITERATIONS,
        seed=seed,
        spherical=True,
        min_points_per_centroid=1,
        max_points_per_centroid=max(1, -(-len(sample) // k)),
    )
    with blas_for(faiss, len(sample)):
        means.train(np.ascontiguousarray(sample, dtype=np.float32))
    return np.asarray(means.centroids, dtype=np.float32).reshape(k, -1)


def nearest_center(vectors: F32, centers: F32) -> Rows:
    """Return for each vector (b, d) the place of the center of the largest dot product, the first of equal ones."""
    return np.asarray((vectors @ centers.T).argmax(axis=1), dtype=np.int64)
