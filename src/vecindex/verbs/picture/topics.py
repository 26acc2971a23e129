"""The topics of a map: clusters of vectors, named by their articles' terms, with labels where they lie densest."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from vecindex.core.neighbors import F64, NO_ROW, Rows
from vecindex.core.picture import U8, Coloring, TopicLabel, extent_of
from vecindex.core.vectors import F32
from vecindex.verbs.picture.clusters import (
    fit_centers,
    merged_groups,
    nearest_centers,
    settled_groups,
    spectral_embedding,
)
from vecindex.verbs.picture.coloring import categories
from vecindex.verbs.picture.density import TOPIC_CELLS, cell_counts, densest_position
from vecindex.verbs.picture.options import MOST_TOPICS
from vecindex.verbs.picture.topic_names import TermCounts, count_terms, name_groups

KEY = "topic"
TRAINED_ON = 61_440
"""Articles that the clusters are made on."""
NAMED_BY = 40_000
"""Articles whose words the names come from."""
TEXT_LENGTH = 400
MOST_CLUSTERS = 240
_NEXT = 4
_UNNAMED = "(no words)"


def topic_numbers(n: int, coarse: int | None = None) -> tuple[int, ...]:
    """Return how many topics to look for among n articles on each level, coarse ones first.

    About 0.75 sqrt(n) on the finest level, 240 at most; `coarse` sets the number on the coarsest.

    >>> topic_numbers(250_000), topic_numbers(264), topic_numbers(10)
    ((14, 58, 240), (6, 12), (3,))
    """
    finest = min(MOST_CLUSTERS, max(1, round(0.75 * math.sqrt(n))))
    first = coarse or min(MOST_TOPICS, max(1, round(0.8 * math.log2(max(2, n)))))
    first = min(first, n)
    finest = max(finest, first)
    between = round(math.sqrt(first * finest))
    if finest >= 8 * first:
        return first, between, finest
    return (first, finest) if finest >= 2 * first else (first,)


class TopicFinder:
    """Finds the topics in two passes over the vectors: a sample to make clusters of, then all to be given to one.

    Memory is that of the sample and of one number for each article.
    """

    def __init__(self, index: Rows, shown: int, dimension: int, numbers: Sequence[int], seed: int) -> None:
        """Take each row's index in the picture's order (n,), NO_ROW for none, and how many are `shown`.

        That order being random, the first so many are the sample. `numbers` are those of `topic_numbers`; as many
        clusters as topics on the finest level are made, and the coarser ones put together from them.
        """
        self._index = index
        self._seed = seed
        self._numbers = numbers
        self._sample: F32 = np.empty((min(shown, TRAINED_ON), dimension), dtype=np.float32)
        self.cluster: Rows = np.zeros(shown, dtype=np.int64)

    def sample(self, rows: Rows, vectors: F32) -> None:
        """Take a block of the first pass: rows (b,) and their unit vectors (b, d)."""
        at = self._index[rows]
        some = (at != NO_ROW) & (at < len(self._sample))
        self._sample[at[some]] = vectors[some]

    def fit(self) -> None:
        """Make the clusters."""
        self._centers = fit_centers(self._sample, self._numbers[-1], self._seed)
        self._adjacent = np.zeros((len(self._centers), len(self._centers)))
        del self._sample

    def assign(self, rows: Rows, vectors: F32) -> None:
        """Take a block of the second pass."""
        at = self._index[rows]
        there = at != NO_ROW
        near = nearest_centers(vectors[there], self._centers, _NEXT)
        self.cluster[at[there]] = near[:, 0]
        for other in near.T[1:]:
            np.add.at(self._adjacent, (near[:, 0], other), 1.0)

    def result(self, xy: F64, titles: Sequence[str], texts: Sequence[str]) -> tuple[Coloring, tuple[TopicLabel, ...]]:
        """Return the topics as a coloring and as labels.

        Parameters
        ----------
        xy : (m, 2) positions in the picture's order.
        titles, texts : of the first articles in this order, 40,000 at most; of the texts the beginnings.
        """
        there, cluster = np.unique(self.cluster, return_inverse=True)
        sizes = np.bincount(cluster).astype(np.float64)
        centers, adjacent = self._centers[there].astype(np.float64), self._adjacent[np.ix_(there, there)]
        levels = _levels(centers, adjacent, sizes, self._numbers)
        named = len(titles)
        counts = count_terms(titles, [text[:TEXT_LENGTH] for text in texts], cluster[:named], len(there))
        names = _names(counts, levels)
        first = levels[0]
        coloring = categories(KEY, "topic", names[0], first[cluster], most=MOST_TOPICS)
        # The coloring puts the largest first, as `merged_groups` numbers them; equal ones may stand otherwise.
        category = coloring.codes[np.unique(first[cluster], return_index=True)[1]]
        return coloring, _labels(xy, cluster, levels, names, category)


def _levels(centers: F64, adjacent: F64, sizes: F64, numbers: Sequence[int]) -> list[Rows]:
    """Return the topic of each cluster on each level; each finer one lies within a coarser one."""
    points = spectral_embedding(adjacent, numbers[0])
    coarse = settled_groups(points, sizes, merged_groups(points, sizes, numbers[:1])[0])
    return [coarse, *merged_groups(centers, sizes, numbers[1:], within=coarse)]


def _names(counts: TermCounts, levels: Sequence[Rows]) -> list[list[str]]:
    """Return the names of the topics of each level; finer ones get different names within the next coarser one."""
    names: list[list[str]] = []
    above: tuple[TermCounts, Rows] | None = None
    for level in levels:
        n = int(level.max()) + 1
        merged = counts.merged(level, n)
        if above is None:
            found = name_groups(merged)
        else:
            into = np.zeros(n, dtype=np.int64)
            into[level] = above[1]
            found = name_groups(merged, above[0], into)
        names.append([name or _UNNAMED for name in found])
        above = (merged, level)
    return names


def _labels(
    xy: F64, cluster: Rows, levels: Sequence[Rows], names: Sequence[Sequence[str]], category: U8
) -> tuple[TopicLabel, ...]:
    """Return the labels; `category` is that of each topic of the coarsest level."""
    extent = extent_of(xy)
    everything = cell_counts(xy, extent, TOPIC_CELLS)
    found = []
    coarse = levels[0]
    for number, level in enumerate(levels):
        of = level[cluster]
        order = np.argsort(of, kind="stable")
        ends = np.searchsorted(of[order], np.arange(int(level.max()) + 2))
        for topic in range(int(level.max()) + 1):
            rows = order[ends[topic] : ends[topic + 1]]
            x, y = densest_position(xy[rows], everything, extent)
            belongs = int(category[coarse[level == topic][0]])
            found.append(TopicLabel(names[number][topic], x, y, len(rows), number, belongs))
    return tuple(found)
