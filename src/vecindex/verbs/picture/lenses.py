"""The lenses of the questions on a map, as its page shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from vecindex.core.neighbors import NO_ROW, Neighbors, Rows
from vecindex.core.picture import PlacedQuestion, QuestionLens
from vecindex.types import Observer, Stage
from vecindex.verbs.lens.layout import laid_out
from vecindex.verbs.reader import TableReader

MOST_LENSES = 1_000
"""Each takes some milliseconds and 650 bytes of the page; nobody picks more questions than this."""


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
