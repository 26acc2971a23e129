"""Questions cut into parts, so that a part can be held out from whatever is fitted to the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

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


def question_groups(vectors: F32, topics: Sequence[str | None] = ()) -> Rows:
    """Return for each question (q, d), unit vectors, the group it belongs to; (q,), numbered from 0 as they appear.

    Two questions whose cosine is greater than `ALIKE`, or that have one topic, are in one group, as is whoever is
    linked to them by others.

    The middle one is near both others, which are not near each other:

    >>> angle = np.radians([0.0, 15.0, 30.0, 90.0])
    >>> question_groups(np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32))
    array([0, 0, 0, 1])
    """
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    n = len(vectors)
    topic_of: dict[str, int] = {}
    # The first question of each one's group so far: by topics, then by one block of pairs after the other.
    first = np.array([i if t is None else topic_of.setdefault(t, i) for i, t in enumerate(topics or [None] * n)])
    group: Rows = np.zeros(0, dtype=np.int64)
    for at in range(0, n, _BLOCK):
        i, j = np.nonzero(vectors[at : at + _BLOCK] @ vectors.T > ALIKE)
        pairs = np.concatenate([i + at, np.arange(n)]), np.concatenate([j, first])
        linked = csr_matrix((np.ones(len(pairs[0]), dtype=np.bool_), pairs), shape=(n, n))
        group = np.asarray(connected_components(linked, directed=False)[1], dtype=np.int64)
        first = np.unique(group, return_index=True)[1][group]
    return group


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
    group, by = question_groups(vectors, topics or ()), "topic" if topics else "question"
    if topics and group.max() + 1 < count:
        group, by = question_groups(vectors), "question"
    sizes = np.bincount(group)
    count = min(count, len(sizes))
    fold_of, filled = np.zeros_like(sizes), np.zeros(count, dtype=np.int64)
    for one in np.argsort(-sizes, kind="stable"):
        fold_of[one] = np.argmin(filled)
        filled[fold_of[one]] += sizes[one]
    return Folds(fold_of[group], count, by)


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
