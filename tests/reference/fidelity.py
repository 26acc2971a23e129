"""Ranks, trustworthiness, continuity and the curve of Lee and Verleysen by sorting and loops, over all points."""

from __future__ import annotations

import numpy as np


def ranks(dist: np.ndarray) -> np.ndarray:
    """Return the rank of each j seen from each i, from 1, by (dist, j); 0 for itself. `dist` is (n, n)."""
    n = len(dist)
    found = np.zeros((n, n), dtype=int)
    for i in range(n):
        order = sorted((dist[i, j], j) for j in range(n) if j != i)
        for rank, (_, j) in enumerate(order, 1):
            found[i, j] = rank
    return found


def space_distances(vectors: np.ndarray) -> np.ndarray:
    sims = (vectors.astype(np.float64)[:, None, :] * vectors.astype(np.float64)[None, :, :]).sum(axis=2)
    return np.maximum(1 - sims, 0).astype(np.float32).astype(np.float64)


def map_distances(xy: np.ndarray) -> np.ndarray:
    gap = xy[:, None, :] - xy[None, :, :]
    return np.sqrt(gap[:, :, 0] ** 2 + gap[:, :, 1] ** 2)


def trustworthiness(space: np.ndarray, on_map: np.ndarray, k: int) -> list[float]:
    """Return for each i how trustworthy its k nearest by `on_map` are by `space`, both tables of ranks (n, n)."""
    n = len(space)
    worst = sum(max(0, n - 1 - step - k) for step in range(k))
    values = []
    for i in range(n):
        beyond = sum(space[i, j] - k for j in range(n) if j != i and on_map[i, j] <= k < space[i, j])
        values.append(1 - beyond / worst if worst else 1.0)
    return values


def rnx(space: np.ndarray, on_map: np.ndarray, k: int) -> list[float]:
    """Return for each i its overlap at k adjusted for chance."""
    n = len(space)
    values = []
    for i in range(n):
        both = sum(1 for j in range(n) if j != i and space[i, j] <= k and on_map[i, j] <= k)
        values.append(((n - 1) * both / k - k) / (n - 1 - k) if k < n - 1 else 1.0)
    return values
