"""Ranks, trustworthiness, continuity and the curve of Lee and Verleysen by sorting and loops, over all points."""

from __future__ import annotations

from collections.abc import Iterable

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


def shared_ranks(dist: np.ndarray, rows: Iterable[int] | None = None) -> np.ndarray:
    """Return one more than how many are nearer to each i than each j is; 0 for itself. `dist` is (n, n).

    Only the given rows of the answer are worked out, all if there are none given.
    """
    n = len(dist)
    found = np.zeros((n, n), dtype=int)
    for i in range(n) if rows is None else rows:
        for j in range(n):
            if j != i:
                found[i, j] = 1 + sum(dist[i, other] < dist[i, j] for other in range(n) if other != i)
    return found


def settled_ranks(space: np.ndarray, on_map: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the ranks by both distances (n, n), equally near ones by the other one, then by j; 0 for itself.

    Those at the same position stand by j.
    """
    n = len(space)
    both = np.zeros((2, n, n), dtype=int)
    for i in range(n):
        others = [j for j in range(n) if j != i]
        by_space = sorted(others, key=lambda j: (space[i, j], on_map[i, j], j))
        by_map = sorted(others, key=lambda j: (on_map[i, j], space[i, j] if on_map[i, j] else 0, j))
        for found, order in zip(both, (by_space, by_map), strict=True):
            for rank, j in enumerate(order, 1):
                found[i, j] = rank
    return both[0], both[1]


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
