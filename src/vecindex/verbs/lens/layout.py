"""The layout of a lens with its figures, from arrays in memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vecindex.core.neighbors import F64, Rows
from vecindex.core.vectors import F32
from vecindex.maps.lens import lens

FIRST = 5
"""How many of the nearest are counted."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Articles around a question at (0, 0), the nearest first, and what the lens keeps.

    Attributes
    ----------
    positions : (m, 2); the farthest article is at distance 1 from the question, the nearest at 0.25.
    near : (m, f) of each article those nearest to it by embedding, nearest first, as indices; f is 5 at most.
    overlap : share of the question's 5 nearest that are its 5 nearest here.
    tied : articles beyond these 5 that are as near as the fifth by embedding. By their ids they come after it.
    mutual_recall : share of each article's `near` that are its nearest here; None where there is no other article.
    """

    positions: F64
    near: Rows
    overlap: float
    tied: int
    mutual_recall: float | None


def laid_out(vectors: F32, dist: F64, seed: int = 0) -> Layout:
    """Return the lens of a question.

    Parameters
    ----------
    vectors : (m, d) unit vectors of its nearest articles, the nearest first; at least one.
    dist : (m,) their cosine distances from the question, ascending; lower is closer.
    """
    found = lens(vectors, dist, seed=seed)
    shown = np.argsort(np.hypot(*found.positions.T), kind="stable")[:FIRST]
    tied = dist[FIRST:] == dist[FIRST - 1] if len(dist) > FIRST else np.empty(0)
    return Layout(
        positions=found.positions,
        near=found.near,
        overlap=float((shown < FIRST).mean()),
        tied=int(tied.sum()),
        mutual_recall=found.mutual if len(dist) > 1 else None,
    )


def make_ready() -> None:
    """Load and compile what a lens needs, so that the next one does not wait for it."""
    laid_out(np.eye(3, dtype=np.float32), np.array([0.1, 0.2, 0.3]))
