"""Questions cut into parts, so that a part can be held out from whatever is fitted to the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vecindex.core.neighbors import NO_ROW, Rows
from vecindex.core.vectors import F32

ALIKE = 0.95
"""Two questions whose cosine is above this are near-duplicates; they stay in one fold."""
_BLOCK = 1_024


@dataclass(frozen=True, slots=True)
class Folds:
    """Which part each question is in.

    Attributes
    ----------
    of : (q,) its number, from 0 to count - 1.
    count : of the folds; below 2 nothing can be held out.
    by : "topic" when all questions of a topic are in one fold, else "question".
    """

    of: Rows
    count: int
    by: str


def near_duplicates(vectors: F32, above: float = ALIKE) -> Rows:
    """Return for each question (q, d), unit vectors, the group it belongs to; (q,), numbered from 0 as they appear.

    Two questions whose cosine is greater than `above` are in one group, as is whoever is linked to them by others.

    The middle one is near both others, which are not near each other:

    >>> angle = np.radians([0.0, 15.0, 30.0, 90.0])
    >>> near_duplicates(np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32))
    array([0, 0, 0, 1])
    """
    group = np.arange(len(vectors), dtype=np.int64)
    for at in range(0, len(vectors), _BLOCK):
        for i, j in zip(*np.nonzero(vectors[at : at + _BLOCK] @ vectors.T > above), strict=True):
            mine, other = group[at + i], group[j]
            if mine != other:
                group[group == max(mine, other)] = min(mine, other)
    return _numbered(group)


def cut_into_folds(vectors: F32, topics: Sequence[str | None] | None, count: int) -> Folds:
    """Return folds of nearly equal size that divide no topic and no group of near-duplicates.

    The largest group goes first, each one into the fold that holds the fewest questions; ties to the first. So the
    folds are fixed by the questions. Where topics leave fewer groups than folds are wanted, they are passed over and
    only near-duplicates stay together; where that leaves fewer, there are fewer folds.

    Four questions, the first two alike, into two folds:

    >>> vectors = np.eye(4, dtype=np.float32)[[0, 0, 1, 2]]
    >>> cut_into_folds(vectors, None, 2).of
    array([0, 0, 1, 1])
    """
    alike = near_duplicates(vectors)
    by = "question"
    if topics is not None:
        together = _merged(alike, topics)
        if together.max() + 1 >= count:
            alike, by = together, "topic"
    sizes = np.bincount(alike)
    count = min(count, len(sizes))
    fold_of = np.zeros(len(sizes), dtype=np.int64)
    filled: npt.NDArray[np.int64] = np.zeros(count, dtype=np.int64)
    for one in np.argsort(-sizes, kind="stable"):
        fold_of[one] = np.argmin(filled)
        filled[fold_of[one]] += sizes[one]
    return Folds(fold_of[alike], count, by)


def _merged(group: Rows, topics: Sequence[str | None]) -> Rows:
    """Return the groups with those put together that share a topic; None is no topic."""
    group = group.copy()
    first: dict[str, int] = {}
    for i, topic in enumerate(topics):
        if topic is None:
            continue
        j = first.setdefault(topic, i)
        if group[i] != group[j]:
            group[group == max(group[i], group[j])] = min(group[i], group[j])
    return _numbered(group)


def _numbered(group: Rows) -> Rows:
    _, first, inverse = np.unique(group, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return np.asarray(rank[inverse.ravel()])


def shuffled_neighbors(near: Rows, seed: int) -> Rows:
    """Return lists (q, k) whose articles do not belong together: each question has its k from other questions.

    Exchanging whole lists would change nothing, for a question is known by its list only. So the r-th article of each
    question becomes that of another one, by another exchange for each r. Every article stays in as many lists as it
    was; NO_ROW stands where a question would get an article twice.

    >>> near = np.arange(12).reshape(6, 2)
    >>> found = shuffled_neighbors(near, 0)
    >>> sorted(found.ravel().tolist()) == list(range(12)), bool((found == near).any())
    (True, False)
    """
    q, k = near.shape
    order = np.random.default_rng(seed).permutation(q)
    found = near.copy()
    for r in range(k):
        found[order, r] = near[np.roll(order, 1 + r % max(1, q - 1)), r]
    for r in range(1, k):
        found[(found[:, :r] == found[:, r : r + 1]).any(axis=1), r] = NO_ROW
    return found
