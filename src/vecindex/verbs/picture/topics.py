"""The topics of a map: clusters of vectors, named by their articles' terms, with labels where they lie densest."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from vecindex.core.neighbors import F64, NO_ROW, Rows
from vecindex.core.picture import NO_COLOR, Coloring, TopicLabel, TopicLevel, extent_of
from vecindex.core.texts.short import distinct
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
from vecindex.verbs.picture.topic_fields import FieldValues, explaining, value_names
from vecindex.verbs.picture.topic_names import TermCounts, count_terms, name_groups

KEY = "topic"
WORDS = "words"
"""Stands for no column that names the topics."""
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


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of a map: those of the coarsest level as a coloring, labels of all, and each article's topics."""

    coloring: Coloring
    labels: tuple[TopicLabel, ...]
    levels: tuple[TopicLevel, ...]


Renames = Callable[[list[TopicLevel]], list[TopicLevel]]


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

    def result(
        self,
        xy: F64,
        titles: Sequence[str],
        texts: Sequence[str],
        fields: Sequence[FieldValues] = (),
        by: str | None = None,
        renamed: Renames | None = None,
    ) -> Topics:
        """Return the topics as a coloring and as labels.

        Parameters
        ----------
        xy : (m, 2) positions in the picture's order.
        titles, texts : of the first articles in this order, 40,000 at most; of the texts the beginnings.
        fields : columns of categories, whose values may name topics.
        by : WORDS to name by words alone; the name of one of `fields`, whose values then are the coarse topics; None
            for names by the values of a column that explains the clusters, else by words.
        renamed : gets the names found and returns those to show.
        """
        there, cluster = np.unique(self.cluster, return_inverse=True)
        sizes = np.bincount(cluster).astype(np.float64)
        centers, adjacent = self._centers[there].astype(np.float64), self._adjacent[np.ix_(there, there)]
        levels = _levels(centers, adjacent, sizes, self._numbers)
        named = len(titles)
        short_titles, beginnings = ([text[:TEXT_LENGTH] for text in some] for some in (titles, texts))
        counts = count_terms(short_titles, beginnings, cluster[:named], len(there))
        names = _names(counts, levels)
        which = [level[cluster] for level in levels]
        given = next((field for field in fields if field.name == by), None)
        if given is not None:
            # Clusters are a finer level where there are more of them than values.
            finer = [i for i, some in enumerate(names) if len(some) > len(np.unique(given.which[given.which >= 0]))]
            names = [list(given.names), *(names[i] for i in finer)]
            which = [given.which, *(which[i] for i in finer)]
        elif by != WORDS and (field := explaining(fields, cluster, len(there))) is not None:
            names = _by_values(field, levels, which, names)
        names = [distinct(some) for some in names]
        found = [TopicLevel(tuple(some), of) for some, of in zip(names, which, strict=True)]
        if renamed is not None:
            found = renamed(found)
        coloring = categories(KEY, "topic", found[0].names, which[0], most=MOST_TOPICS)
        return Topics(coloring, labels_on(xy, found, coloring), tuple(found))


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


def _by_values(
    field: FieldValues, levels: Sequence[Rows], which: Sequence[Rows], words: Sequence[Sequence[str]]
) -> list[list[str]]:
    """Return the names by a column's values, by words where these say little or would say the same twice.

    A finer topic is named by a value only where no other of its level is, and its coarser one is not.
    """
    found: list[list[str]] = []
    for number, (level, of) in enumerate(zip(levels, which, strict=True)):
        values = value_names(field, of, len(words[number]))
        above = [""] * len(values)
        for cluster, topic in enumerate(level.tolist()):
            above[topic] = found[-1][levels[number - 1][cluster]] if number else ""
        names = []
        for topic, value in enumerate(values):
            alone = values.count(value) == 1 and value != above[topic]
            if value and not alone and not number:
                # Two coarse topics of one value: what distinguishes them stands behind it.
                value = f"{value}: {words[number][topic]}"
            names.append(value if value and (alone or not number) else words[number][topic])
        found.append(names)
    return found


def labels_on(xy: F64, levels: Sequence[TopicLevel], coloring: Coloring) -> tuple[TopicLabel, ...]:
    """Return the labels of all topics on a map, coarse ones first; of values beyond those with a color none.

    Parameters
    ----------
    xy : (m, 2) positions in the picture's order; NaN for an article that is not on the map, and has no part in it.
    levels, coloring : the topics of the articles, (m,) each.
    """
    there = np.isfinite(xy).all(axis=1)
    if not there.all():
        levels = [TopicLevel(level.names, level.which[there]) for level in levels]
        xy, coloring = xy[there], replace(coloring, codes=coloring.codes[there])
    extent = extent_of(xy)
    everything = cell_counts(xy, extent, TOPIC_CELLS)
    found = []
    for number, level in enumerate(levels):
        order = np.argsort(level.which, kind="stable")
        ends = np.searchsorted(level.which[order], np.arange(len(level.names) + 1))
        for topic, name in enumerate(level.names):
            rows = order[ends[topic] : ends[topic + 1]]
            if not len(rows):
                continue
            # That of most of its articles: where the coarse topics are values, a finer one may lie in several.
            codes = np.bincount(coloring.codes[rows], minlength=NO_COLOR + 1)[:NO_COLOR]
            belongs = int(codes.argmax())
            if not number and coloring.names[belongs] != name:
                continue
            x, y = densest_position(xy[rows], everything, extent)
            found.append(TopicLabel(name, x, y, len(rows), number, belongs))
    return tuple(found)
