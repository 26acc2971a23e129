"""Questions on a map: their nearest articles in both spaces and their positions, as `overlap` has them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vecindex.core.neighbors import F64, NO_ROW, Neighbors, Rows, counted
from vecindex.core.overlap import found_in, overlap_at_k
from vecindex.core.picture import NearArticle, PlacedQuestion
from vecindex.core.placement import place_by_search
from vecindex.core.questions import Question
from vecindex.core.vectors import F32
from vecindex.neighbors.plane import Plane


def placed_questions(
    asked: Sequence[Question], near: Neighbors, plane: Plane, index: Rows
) -> tuple[PlacedQuestion, ...]:
    """Return the questions at their best positions.

    Parameters
    ----------
    near : (q, k) their nearest articles by embedding.
    plane : the map.
    index : (n,) each row's index in the picture's order; NO_ROW for one outside the map.
    """
    true, k = near.rows, near.k
    positions = place_by_search(true, plane.xy, plane.nearest, plane.articles)
    on_map = plane.nearest(positions, k).rows
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
            on_map=tuple(int(index[row]) for row in on_map[i] if row != NO_ROW),
        )
        for i, question in enumerate(asked)
    )


class NearestQuestion:
    """How far each article is from the nearest of some questions, block by block."""

    def __init__(self, questions: F32, n: int) -> None:
        """Take the questions' unit vectors (q, d) and the number of rows."""
        self._questions = np.ascontiguousarray(questions, dtype=np.float32)
        self.dist: F64 = np.full(n, np.nan)
        """(n,) cosine distance by row, 0 to 2, lower is closer."""

    def add(self, rows: Rows, vectors: F32) -> None:
        """Take a block of rows (b,) with their unit vectors (b, d)."""
        nearest = (vectors @ self._questions.T).max(axis=1)
        self.dist[rows] = np.maximum(0.0, 1.0 - nearest.astype(np.float64))
