"""The same questions against nested samples of the stored articles: would more of them help?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from vecindex.core.neighbors import F64, Neighbors, Rows
from vecindex.core.nulls import Interval
from vecindex.core.overlap import overlap_at_k
from vecindex.core.placement import place_by_search
from vecindex.core.vectors import F32
from vecindex.neighbors.exact import ExactSearch
from vecindex.neighbors.plane import Plane
from vecindex.neighbors.ties import settled
from vecindex.verbs.overlap.causes.nested import (
    DRAWS,
    SHARES,
    Direction,
    NestedPoint,
    Trend,
    WhatIf,
    bootstrap_curve,
    cumulated,
    direction,
    nested_sizes,
    strata,
)
from vecindex.verbs.overlap.measure import Placed, Space
from vecindex.verbs.overlap.rows import article_topics
from vecindex.verbs.overlap.space import answer_recall, reciprocal_rank, topic_precision
from vecindex.verbs.reader import TableReader

FEW_DOUBLINGS = 4.0
"""Sixteen times as many articles; beyond it more of the same is no way."""
NOTE = (
    "The samples are of the stored articles and the map was made of all of them: what other articles would do is not "
    f"measured. Figures are means over {DRAWS} draws of the samples; their intervals are over the questions and the "
    "draws."
)

Mask = npt.NDArray[np.bool_]


class NestedSearch:
    """The nearest articles within nested samples, gathered in the pass over the vectors that is made anyway.

    The samples are drawn several times. In each draw an article below the full share is searched once, in the part
    that it first belongs to; the samples are put together from the parts. Where articles are counted, all chunks of
    an article belong to the same part. Memory is O(q (k + d)) a part, a byte an article and draw, and a copy of at
    most one block.

    Attributes
    ----------
    strata : (rows,) for each draw: the first sample that holds each row; see `verbs.overlap.causes.nested.strata`.
    sizes : of the samples, in what is counted.
    """

    def __init__(self, vectors: F32, n: int, k: int, seed: int, articles: Rows | None = None) -> None:
        """Take the questions' vectors (q, d), how many there are of what is counted, and how deep to search.

        `articles` (rows,) is the number of each row's article; None where each row is counted by itself.
        """
        drawn = [strata(n, (seed, draw)) for draw in range(DRAWS)]
        self.strata = drawn if articles is None else [one[articles] for one in drawn]
        self.sizes = nested_sizes(n)
        self._k = k
        self._parts = [[ExactSearch(vectors, k, articles=articles) for _ in SHARES[:-1]] for _ in drawn]

    def add(self, rows: Rows, vectors: F32) -> None:
        """Take a block of the table."""
        for stratum, parts in zip(self.strata, self._parts, strict=True):
            number = stratum[rows]
            for i, search in enumerate(parts):
                inside = number == i
                search.add(rows[inside], vectors[inside])

    def result(self, everything: Neighbors) -> list[list[Neighbors]]:
        """Return for each draw the neighbors in each sample; those among all articles are known."""
        return [[*cumulated([part.result() for part in parts], self._k), everything] for parts in self._parts]


def what_if_corpus(
    reader: TableReader,
    space: Space,
    nested: NestedSearch,
    planes: Mapping[str, Plane],
    placed: Mapping[str, Sequence[Placed]],
    topics: Any,
) -> WhatIf:
    """Return the figures of the questions in each sample, and how they move with the number of articles.

    `topics` is the column of the articles' topics, see `rows.topic_column`.
    """
    drawn = nested.result(space.near)
    shown = [i for i, size in enumerate(nested.sizes) if size >= space.k]
    # Equally large samples of a tiny table are one sample.
    shown = [i for i in shown if i == len(SHARES) - 1 or nested.sizes[i] < nested.sizes[i + 1]]
    sizes = [nested.sizes[i] for i in shown]
    by_draw = [_figures(reader, space, [lists[i] for i in shown], topics) for lists in drawn]
    for figures, lists, stratum in zip(by_draw, drawn, nested.strata, strict=True):
        for name, plane in planes.items():
            figures["overlap", name] = np.stack(
                [_overlap_within(space, lists[i], plane, placed[name][0], stratum <= i) for i in shown], axis=1
            )
    curves = {
        (figure, name): bootstrap_curve(
            np.stack([figures[figure, name] for figures in by_draw]),
            sizes,
            space.asked.topics,
            median=figure == "nearest_dist",
            seed=space.seed,
        )
        for figure, name in by_draw[0]
    }

    def at_size(at: int, figure: str, name: str | None = None) -> Interval | None:
        return curves[figure, name][0][at] if (figure, name) in curves else None

    points = tuple(
        NestedPoint(
            share=SHARES[i],
            articles=sizes[at],
            nearest_dist=curves["nearest_dist", None][0][at],
            overlap={name: curves["overlap", name][0][at] for name in planes},
            answers_recall=at_size(at, "answers_recall"),
            mrr=at_size(at, "mrr"),
            topic_precision=at_size(at, "topic_precision"),
        )
        for at, i in enumerate(shown)
    )
    found = [Trend(figure, name, change, direction(change)) for (figure, name), (_, change) in curves.items()]
    trends = tuple(found) if len(points) > 1 else ()
    own = space.own_dist
    gap = float(np.median(space.near.dist[:, 0]) - np.median(own)) if len(own) else 0.0
    return WhatIf(points, trends, summary_of(trends, gap), NOTE)


def _figures(
    reader: TableReader, space: Space, lists: Sequence[Neighbors], column: Any
) -> dict[tuple[str, str | None], F64]:
    """Return the values of each figure of embedding space that is known, a question and a sample; (q, p)."""
    found = {"nearest_dist": [near.dist[:, 0] for near in lists]}
    if any(len(right) for right in space.answers):
        counted = [space.counted(near.rows) for near in lists]
        found["answers_recall"] = [answer_recall(rows, space.answers, space.k) for rows in counted]
        found["mrr"] = [reciprocal_rank(rows, space.answers) for rows in counted]
    topics = article_topics(reader, column, space, lists)
    if topics is not None:
        asked = [q.topic for q in space.asked.questions]
        found["topic_precision"] = [topic_precision(near.rows, topics, asked, space.k) for near in lists]
    return {(figure, None): np.stack(values, axis=1) for figure, values in found.items()}


def _overlap_within(space: Space, near: Neighbors, plane: Plane, placed: Placed, inside: Mask) -> F64:
    """Return overlap@k of each question with both lists taken from a sample of the articles."""
    if inside.all():
        return overlap_at_k(space.counted(placed.true.rows), space.counted(placed.near.rows), space.k)
    sample = Plane(np.where(inside[:, None], plane.xy, np.nan), plane.articles)
    rows = near.rows[:, : space.k]
    xy = place_by_search(rows, sample.xy, sample.nearest, plane.articles)
    true, found = settled(near, sample.nearest(xy, near.k), xy, sample, space.vectors, space.look_up)
    return overlap_at_k(space.counted(true.rows), space.counted(found.rows), space.k)


_DENSITY = {
    Direction.FALLS: "would make the overlap worse, for a fuller map is harder to show",
    Direction.UNCLEAR: "would leave the overlap about as it is",
    Direction.RISES: "would not hurt the overlap",
}


def summary_of(trends: Sequence[Trend], gap: float) -> str:
    """Return what the trends say of adding articles, in one sentence that keeps coverage and density apart.

    `gap` is by how much the questions are farther from their nearest article than articles are from theirs.
    """
    by_name = {(t.figure, t.map): t for t in trends}
    nearest = by_name.get(("nearest_dist", None))
    if nearest is None:
        return "The table is too small for nested samples."
    if math.isnan(nearest.per_doubling.low):
        return "A single question shows no trend: ask several."
    moves = [f"the distance to the nearest one {_moves(nearest)}"]
    for figure, words in (
        ("answers_recall", "the recall of the right ones"),
        ("topic_precision", "the share on topic"),
    ):
        if trend := by_name.get((figure, None)):
            moves.append(f"{words} {_moves(trend)}")
    coverage = _coverage(nearest, gap)
    head = f"With each doubling of the articles {' and '.join(moves)} (coverage)"
    maps = [t for t in trends if t.figure == "overlap"]
    if not maps:
        return f"{head}: {coverage}; what they would do to an overlap needs a map."
    kept = ", ".join(f'{_moves(t)} on the map "{t.map}"' for t in maps)
    return f"{head}, and the overlap {kept} (density): {coverage}, and {_DENSITY[maps[0].verdict]}."


def _coverage(nearest: Trend, gap: float) -> str:
    if nearest.verdict is not Direction.FALLS:
        return "more articles of these kinds would hardly bring nearer ones"
    doublings = gap / -nearest.per_doubling.mean
    if doublings <= FEW_DOUBLINGS:
        return "more articles of these kinds would still bring nearer ones"
    return (
        "more articles of these kinds would bring nearer ones too slowly (some "
        f"{doublings:.0f} doublings at this rate to be as near as articles are to each other): other kinds are needed"
    )


def _moves(trend: Trend) -> str:
    change = trend.per_doubling.mean
    if trend.verdict is Direction.UNCLEAR:
        return "does not clearly change"
    if trend.figure == "nearest_dist":
        return f"{trend.verdict} by {abs(change):.3f}"
    return f"{trend.verdict} by {100 * abs(change):.1f} points"
