"""Neighbors on a map and the placement of a question, by sorting and loops."""

from __future__ import annotations

import itertools
import math

import numpy as np

from reference import overlap as slow


def nearest(xy: np.ndarray, point: tuple[float, float], k: int, without: int = -1) -> list[int]:
    """Return the rows of the k nearest, by (dist, row)."""
    gaps = [(math.sqrt((x - point[0]) ** 2 + (y - point[1]) ** 2), row) for row, (x, y) in enumerate(xy)]
    return [row for _, row in sorted(g for g in gaps if g[1] != without and not math.isnan(g[0]))][:k]


def best_place(targets: list[int], xy: np.ndarray) -> tuple[float, float, float]:
    """Return (overlap, rank-weighted, move) of the best of all subsets' means."""
    there = [t for t in targets if not np.isnan(xy[t]).any()]
    center = xy[there].mean(axis=0)
    k = len(targets)
    seen = []
    for size in range(1, len(there) + 1):
        for chosen in itertools.combinations(there, size):
            place = xy[list(chosen)].mean(axis=0)
            found = nearest(xy, tuple(place), k)
            move = math.dist(place, center)
            seen.append((slow.overlap(targets, found, k), slow.rank_weighted(targets, found, k), -move))
    overlap, weighted, move = max(seen)
    return overlap, weighted, -move
