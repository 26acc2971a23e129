"""Ranking that discounts articles which are near to everything: CSLS."""

from __future__ import annotations

import numpy as np

from vecindex.core.neighbors import F64, NO_ROW, Neighbors, Rows
from vecindex.core.vectors import F32

CSLS_NEIGHBORS = 10
"""Of which the local density is the mean, as in the paper."""


def csls(near: Neighbors, density: F64) -> Neighbors:
    """Return the same candidates, each row reordered by CSLS (Conneau et al. 2018).

    CSLS(q, a) = 2 cos(q, a) - r(q) - r(a), higher is closer; r(a), the local density, is the mean cosine of an
    article to the articles nearest to it. r(q) is the same for all candidates of a question and is left out. An
    article that is near to everything has a high density and steps back. Ties by the order before.

    Parameters
    ----------
    near : (q, c) candidates by cosine distance.
    density : (n,) of each row that is a candidate.

    Returns a table of the same shape whose `dist` is r(a) - 2 cos(q, a), lower is closer.

    The hub, row 0, is nearer by 0.1 and denser by 0.5:

    >>> csls(Neighbors(np.array([[0, 1]]), np.array([[0.2, 0.3]])), np.array([0.9, 0.4])).rows
    array([[1, 0]])
    """
    at = np.where(near.rows == NO_ROW, 0, near.rows)
    score = np.where(near.rows == NO_ROW, np.inf, density[at] - 2 * (1 - near.dist))
    order = np.argsort(score, axis=1, kind="stable")
    return Neighbors(np.take_along_axis(near.rows, order, axis=1), np.take_along_axis(score, order, axis=1))


def local_density(vectors: F32, sample: F32, articles: Rows, sample_articles: Rows, k: int = CSLS_NEIGHBORS) -> F64:
    """Return the mean cosine of each vector (m, d) to its k nearest among sampled articles, itself left out; (m,).

    `articles` (m,) and `sample_articles` (s,) tell which article is which. One that was sampled by several of its
    chunks counts once, by the nearest of them. Memory is m s.

    >>> x = np.array([[1.0, 0.0], [0.0, 1.0]], dtype=np.float32)
    >>> local_density(x, x, np.array([0, 1]), np.array([0, 7]), 1)
    array([0., 1.])
    """
    order = np.argsort(sample_articles, kind="stable")
    different, starts = np.unique(sample_articles[order], return_index=True)
    sims = vectors.astype(np.float64) @ sample[order].T.astype(np.float64)
    sims = np.maximum.reduceat(sims, starts, axis=1)
    sims[articles[:, None] == different[None, :]] = -np.inf
    first = -np.sort(-sims, axis=1)[:, :k]
    there = np.isfinite(first)
    return np.asarray(np.where(there, first, 0.0).sum(axis=1) / np.maximum(there.sum(axis=1), 1))
