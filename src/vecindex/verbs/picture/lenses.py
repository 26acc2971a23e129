"""The questions on a map, at their best positions, and their lenses, as its page shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from vecindex.core.neighbors import NO_ROW, Neighbors, Rows, counted
from vecindex.core.overlap import found_in, overlap_at_k
from vecindex.core.picture import NearArticle, PlacedQuestion, QuestionLens
from vecindex.core.placement import place_by_search
from vecindex.core.questions import Question
from vecindex.core.vectors import F32
from vecindex.neighbors.plane import Plane
from vecindex.neighbors.ties import settled
from vecindex.types import Observer, Stage
from vecindex.verbs.lens.layout import laid_out
from vecindex.verbs.reader import TableReader

MOST_LENSES = 1_000
"""Each takes some milliseconds and 650 bytes of the page; nobody picks more questions than this."""


def placed_on(
    asked: Sequence[Question], vectors: F32, near: Neighbors, reader: TableReader, plane: Plane, index: Rows
) -> tuple[PlacedQuestion, ...]:
    """Return the questions at their best positions.

    Parameters
    ----------
    vectors, near : (q, d) of the questions, and (q, k + 1) their nearest articles by embedding.
    plane : the map.
    index : (n,) each row's index in the picture's order; NO_ROW for one outside the map, or the picture.
    """
    k = near.k - 1
    positions = place_by_search(near.first(k).rows, plane.xy, plane.nearest, plane.articles)
    both = settled(near, plane.nearest(positions, k), positions, plane, vectors, reader.vectors)
    near, on_map = both[0].first(k), both[1].rows
    true = near.rows
    wanted, found = counted(true, plane.articles), counted(on_map, plane.articles)
    kept, overlap = found_in(wanted, found), overlap_at_k(wanted, found, k)
    return tuple(
        PlacedQuestion(
            id=question.id,
            text=question.text,
            topic=question.topic,
            x=None if np.isnan(positions[i, 0]) else float(positions[i, 0]),
            y=None if np.isnan(positions[i, 1]) else float(positions[i, 1]),
            overlap=float(overlap[i]),
            nearest=tuple(
                NearArticle(None if index[row] == NO_ROW else int(index[row]), float(dist), bool(there))
                for row, dist, there in zip(true[i], near.dist[i], kept[i], strict=True)
                if row != NO_ROW
            ),
            on_map=tuple(int(index[row]) for row in on_map[i] if row != NO_ROW and index[row] != NO_ROW),
        )
        for i, question in enumerate(asked)
    )


def with_lenses(
    placed: Sequence[PlacedQuestion],
    reader: TableReader,
    near: Neighbors,
    size: int,
    index: Rows,
    seed: int,
    observer: Observer,
) -> tuple[PlacedQuestion, ...]:
    """Return questions with their lenses of so many articles; of more than 1,000 questions the first have one.

    Parameters
    ----------
    near : (q, depth) their nearest articles by embedding; depth is at least `size`.
    index : (n,) each row's index in the picture's order; NO_ROW for one outside the map.

    Memory is that of the vectors of all these articles.
    """
    if not size or not placed:
        return tuple(placed)
    wanted = near.rows[:MOST_LENSES, :size]
    rows, vectors = reader.vectors(np.unique(wanted[wanted != NO_ROW]))
    made = []
    for i, mine in enumerate(wanted):
        observer.stage(Stage("lenses", i, len(wanted)))
        there = mine[mine != NO_ROW]
        dist = near.dist[i, : len(there)]
        layout = laid_out(vectors[np.searchsorted(rows, there)], dist, seed)
        lens = QuestionLens(index[there], dist, layout.positions, layout.near, layout.tied, layout.mutual_recall)
        made.append(replace(placed[i], lens=lens))
    return (*made, *placed[len(made) :])
