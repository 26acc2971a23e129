"""Topics by a column of the user's: named by its values where it explains the clusters, or made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vecindex.core.neighbors import F64, Rows

# A column explains the clusters where knowing an article's cluster halves the errors in guessing its value.
_EXPLAINS = 0.5
_MOST_VALUES = 200
# A topic is named by at most so many values, which together have this part of its articles, each this part or more.
_NAMED = 3
_COVERED = 0.7
_LEAST = 0.15


@dataclass(frozen=True, slots=True)
class FieldValues:
    """A column of categories: the names of its values, and which each article has (m,), -1 for none."""

    name: str
    names: Sequence[str]
    which: Rows

    def counts(self, groups: Rows, n: int) -> F64:
        """Return how many articles of each of n groups have each value, (n, values)."""
        there = np.flatnonzero(self.which >= 0)
        size = len(self.names)
        flat = np.bincount(groups[there] * size + self.which[there], minlength=n * size)
        return flat.reshape(n, size).astype(np.float64)


def explained(counts: F64) -> float:
    """Return how much of the errors in guessing a value is saved by knowing the group: Goodman and Kruskal's lambda.

    Parameters
    ----------
    counts : (groups, values) articles of each group with each value.

    Without the group the most frequent value is right for 6 of 10, with it for 9: 3 of 4 errors less.

    >>> explained(np.array([[5.0, 0.0], [1.0, 4.0]]))
    0.75
    """
    total = float(counts.sum())
    best = float(counts.sum(axis=0).max(initial=0))
    return 0.0 if total <= best else (float(counts.max(axis=1).sum()) - best) / (total - best)


def explaining(fields: Sequence[FieldValues], clusters: Rows, n: int) -> FieldValues | None:
    """Return the column that explains n clusters best; None where none does.

    Of each cluster at least half of the articles must have a value, and the column at most 200 different ones, fewer
    than half as many as there are articles.
    """
    found: list[tuple[float, FieldValues]] = []
    for field in fields:
        there = int((field.which >= 0).sum())
        different = len(np.unique(field.which[field.which >= 0]))
        if 2 <= different <= min(_MOST_VALUES, there / 2) and there >= len(clusters) / 2:
            found.append((explained(field.counts(clusters, n)), field))
    share, best = max(found, key=lambda one: one[0], default=(0.0, None))
    return best if share >= _EXPLAINS else None


def value_names(field: FieldValues, groups: Rows, n: int) -> list[str]:
    """Return the name of each of n groups by the values that most of its articles have; "" where that says little.

    >>> field = FieldValues("kind", ["cells", "stars", "rocks"], np.array([0, 0, 0, 1, 2, 2, 1, 0, 1, 2]))
    >>> value_names(field, np.array([0, 0, 0, 0, 1, 1, 1, 1, 1, 1]), 2)
    ['cells', 'rocks, stars']
    """
    counts = field.counts(groups, n)
    of_all = counts.sum(axis=0) / max(1.0, counts.sum())
    sizes = np.bincount(groups, minlength=n)
    names = []
    for group in range(n):
        share = counts[group] / max(1, sizes[group])
        order = [i for i in np.argsort(-share, kind="stable")[:_NAMED] if share[i] >= _LEAST]
        covered = np.cumsum(share[order])
        enough = int(np.searchsorted(covered, _COVERED)) + 1
        chosen = order[:enough]
        # Frequent in the group, and more so than elsewhere.
        says = enough <= len(order) and all(share[i] > of_all[i] for i in chosen)
        names.append(", ".join(field.names[i] for i in chosen) if says else "")
    return names
