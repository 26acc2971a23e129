"""How alike two rankings of the same question are."""

from __future__ import annotations

from collections.abc import Sequence

PERSISTENCE = 0.9
"""The p of rank-biased overlap: the first 10 ranks have 86 % of the weight (Webber, Moffat & Zobel 2010)."""


def overlap_at(one: Sequence[str], other: Sequence[str], k: int) -> float:
    """Return the share of the first k hits that two rankings have in common, 0 to 1.

    Of k, or of the longer list where both are shorter. Two empty lists agree.

    >>> overlap_at(["a", "b"], ["b", "c"], 2), overlap_at([], [], 5)
    (0.5, 1.0)
    """
    first, second = set(one[:k]), set(other[:k])
    most = max(len(first), len(second))
    return len(first & second) / most if most else 1.0


def rank_biased_overlap(one: Sequence[str], other: Sequence[str], p: float = PERSISTENCE) -> float:
    """Return the extrapolated rank-biased overlap of two rankings, 0 to 1; the first ranks count most.

    X_d being the number of hits that both have among their first d, and k the length of the shorter list:

        RBO_EXT = X_k / k * p^k + (1 - p) / p * (sum over d from 1 to k of X_d / d * p^d)

    (Webber, Moffat & Zobel 2010, equation 23). What a longer list has beyond k is not looked at. Each hit is in a
    list once. Two empty lists agree, an empty one and another do not.

    >>> round(rank_biased_overlap(["a", "b"], ["a", "b"]), 12), rank_biased_overlap(["a"], ["b"])
    (1.0, 0.0)
    >>> round(rank_biased_overlap(["a", "b"], ["b", "a"]), 12)  # X_1 = 0, X_2 = 2: p^2 + (1 - p) / p * p^2
    0.9
    """
    k = min(len(one), len(other))
    if not k:
        return float(not one and not other)
    first: set[str] = set()
    second: set[str] = set()
    common, total = 0, 0.0
    for d in range(1, k + 1):
        a, b = one[d - 1], other[d - 1]
        common += (a == b) + (a != b) * ((a in second) + (b in first))
        first.add(a)
        second.add(b)
        total += common / d * p**d
    return common / k * p**k + (1 - p) / p * total
