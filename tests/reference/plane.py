"""Neighbors on a map and the placement of a question, by sorting and loops."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np

from reference import overlap as slow


def nearest(xy: np.ndarray, point: tuple[float, float], k: int, without: int = -1) -> list[int]:
    """Return the rows of the k nearest, by (dist, row)."""
    gaps = [(math.sqrt((x - point[0]) ** 2 + (y - point[1]) ** 2), row) for row, (x, y) in enumerate(xy)]
    return [row for _, row in sorted(g for g in gaps if g[1] != without and not math.isnan(g[0]))][:k]


def best_place(
    targets: list[int], xy: np.ndarray, articles: Sequence[object] | None = None
) -> tuple[float, float, float]:
    """Return (overlap, rank-weighted, move) of the best position: subsets' means, then points around the targets.

    `articles` names each row's article where articles are counted.
    """
    there = [t for t in targets if not np.isnan(xy[t]).any()]
    center = xy[there].mean(axis=0)
    k = len(targets)
    names = list(range(len(xy))) if articles is None else list(articles)
    wanted = [names[t] for t in targets]

    def listed(place: np.ndarray) -> list[tuple[float, object]]:
        """Return the articles by distance, each once."""
        found: dict[object, float] = {}
        for row in nearest(xy, (float(place[0]), float(place[1])), len(xy)):
            found.setdefault(names[row], math.dist(place, xy[row]))
        return [(gap, name) for name, gap in found.items()]

    def score(place: np.ndarray) -> tuple[float, float, float]:
        found = [name for _, name in listed(place)[:k]]
        weighted = round(slow.rank_weighted(wanted, found, k), 12)  # type: ignore[arg-type]
        return slow.overlap(wanted, found, k), weighted, -math.dist(place, center)  # type: ignore[arg-type]

    sets = (chosen for size in range(1, len(there) + 1) for chosen in itertools.combinations(there, size))
    best = max(score(xy[list(chosen)].mean(axis=0)) for chosen in sets)
    around = []
    for t in there:
        others = listed(xy[t])
        if best[0] < 1 and len(others) > k:
            first = math.atan2(*(center - xy[t])[::-1])
            for ring, share in enumerate((0.3, 0.6, 0.9)):
                for turn in range(8):
                    angle = first + (turn + (0.5 if ring == 1 else 0)) * math.pi / 4
                    away = np.array([math.cos(angle), math.sin(angle)])
                    around.append(score(xy[t] + share * others[k][0] * away))
    if around and max(around)[:2] > best[:2]:
        best = max(around)
    return best[0], best[1], -best[2]
