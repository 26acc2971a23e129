"""Clusters of unit vectors by spherical k-means, made on a sample and then given to all in blocks."""

from __future__ import annotations

import numpy as np

from vecindex.core.neighbors import F64, Rows
from vecindex.core.vectors import F32

_ROUNDS = 20
_BLOCK = 8_192


def fit_centers(sample: F32, k: int, seed: int) -> F32:
    """Return centers (k, d) of unit length of unit vectors (s, d): spherical k-means (Dhillon & Modha 2001).

    Begun from k of the vectors, drawn at random; 20 rounds at most, fewer when no vector changes its center. A center
    that loses all its vectors goes to the one that is farthest from its own. Fewer centers where the sample is
    smaller; where many vectors are alike, some centers end without any.

    Two pairs of vectors, and the middle of each.

    >>> sample = np.array([[1, 0], [0.8, 0.6], [-1, 0], [-0.8, -0.6]], dtype=np.float32)
    >>> centers = fit_centers(sample, 2, seed=0)
    >>> centers[np.argsort(-centers[:, 0])].astype(float).round(3).tolist()
    [[0.949, 0.316], [-0.949, -0.316]]
    """
    rng = np.random.default_rng(seed)
    centers = sample[np.sort(rng.permutation(len(sample))[:k])].copy()
    before: Rows | None = None
    for _ in range(_ROUNDS):
        nearest, similarity = _nearest(sample, centers)
        if before is not None and (nearest == before).all():
            break
        before = nearest
        centers = _means(sample, nearest, similarity, centers)
    return centers


def nearest_centers(vectors: F32, centers: F32, depth: int) -> Rows:
    """Return for each vector (b, d) the indices of its `depth` nearest centers by dot product, nearest first.

    Of equally near ones the first; fewer than `depth` where there are fewer centers.
    """
    found = vectors @ centers.T
    return np.argsort(-found, axis=1, kind="stable")[:, :depth]


def spectral_embedding(adjacent: F64, k: int) -> F64:
    """Return points for n clusters on a unit sphere (n, k), near each other where many articles lie between them.

    The k largest eigenvectors of the normalized affinity, each row at unit length (Ng, Jordan & Weiss 2001). Groups
    of such points cut few ties for their size, where groups of the centers would put together whatever lies in the
    middle of the space.

    Parameters
    ----------
    adjacent : (n, n) how many articles of the cluster of the row have that of the column among their next nearest.

    Two pairs of clusters with many ties within and few between.

    >>> ties = np.array([[0, 9, 0, 1], [9, 0, 0, 0], [0, 0, 0, 9], [1, 0, 9, 0]])
    >>> points = spectral_embedding(ties, 2)
    >>> (points @ points.T > 0.9).astype(int)
    array([[1, 1, 0, 0],
           [1, 1, 0, 0],
           [0, 0, 1, 1],
           [0, 0, 1, 1]])
    """
    # A tie to itself, so that a cluster without others has a point too.
    ties = adjacent + adjacent.T + np.eye(len(adjacent))
    weight = 1 / np.sqrt(ties.sum(axis=1))
    _, vectors = np.linalg.eigh(ties * weight[:, None] * weight[None, :])
    points = vectors[:, -min(k, len(vectors)) :]
    return np.asarray(points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-12))


def _nearest(vectors: F32, centers: F32) -> tuple[Rows, F64]:
    nearest = np.empty(len(vectors), dtype=np.int64)
    similarity = np.empty(len(vectors))
    for at in range(0, len(vectors), _BLOCK):
        found = vectors[at : at + _BLOCK] @ centers.T
        best = found.argmax(axis=1)
        nearest[at : at + _BLOCK] = best
        similarity[at : at + _BLOCK] = found[np.arange(len(found)), best]
    return nearest, similarity


def _means(sample: F32, nearest: Rows, similarity: F64, centers: F32) -> F32:
    """Return the unit mean of each center's vectors."""
    k = len(centers)
    order = np.argsort(nearest, kind="stable")
    ends = np.searchsorted(nearest[order], np.arange(k + 1))
    farthest = iter(np.argsort(similarity, kind="stable"))
    moved = np.empty_like(centers)
    for center in range(k):
        own = order[ends[center] : ends[center + 1]]
        mean = sample[own].sum(axis=0, dtype=np.float64) if len(own) else sample[next(farthest)].astype(np.float64)
        length = np.linalg.norm(mean)
        # Vectors that cancel out have no middle.
        moved[center] = mean / length if length > 0 else centers[center]
    return moved
