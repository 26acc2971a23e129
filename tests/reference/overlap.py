"""The overlap family by sets and loops."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

List = Sequence[int]


def overlap(space: List, on_map: List, k: int) -> float:
    return len(set(space[:k]) & set(on_map[:k])) / k


def rank_weighted(space: List, on_map: List, k: int) -> float:
    got = sum(1 / math.log2(1 + rank) for rank, row in enumerate(space[:k], 1) if row in on_map[:k])
    return got / sum(1 / math.log2(1 + rank) for rank in range(1, k + 1))


def soft(space: List, on_map: List, k: int, within: int) -> float:
    return sum(row in on_map[:within] for row in space[:k]) / k


def reciprocal(space: List, on_map: List, k: int, within: int) -> float:
    return sum(row in space[:within] for row in on_map[:k]) / k


def distinct(space: Sequence[List], k: int) -> float:
    return len({row for rows in space for row in rows[:k]}) / (k * len(space))


def ceiling(space: Sequence[List], k: int) -> float:
    counts = Counter(row for rows in space for row in rows[:k])
    return sum(n for _, n in counts.most_common(k)) / (k * len(space))
