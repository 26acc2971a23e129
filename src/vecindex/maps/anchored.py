"""A map on which the nearest articles of some questions lie around them, derived from one that is there.

Single articles move as in the polish, and what the questions' lists hold counts too, much more than what those of
articles do. Only articles that can matter to a question have the chance to move; all others stay where they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vecindex.core.graph import Graph
from vecindex.core.neighbors import F64, NO_ROW, Rows
from vecindex.maps.moves.mover import Mover, Questions

_AROUND = 11
_FRIENDS = 5


@dataclass(frozen=True, slots=True)
class Strength:
    """How much the questions count, and how: see `maps.moves.mover.Questions`."""

    worth_of_hits: tuple[float, ...]
    soft: float
    weight: float


STRENGTHS = {
    "gentle": Strength((0.0, 1.0, 2.0, 3.0, 3.2, 3.4), 0.5, 40.0),
    "strong": Strength((0.0, 1.0, 2.0, 3.0, 4.0, 5.0), 0.5, 50.0),
}
"""Gentle asks for three of a question's five and little more, and moves fewer articles; strong asks for all five."""


def anchored_map(
    graph: Graph,
    near: Rows,
    base: F64,
    questions: F64,
    *,
    strength: Strength,
    sweeps: int,
    seed: int,
    report: Callable[[int], None] = lambda _: None,
) -> F64:
    """Return the articles' positions (n, 2) on the map, in the units of the base map.

    The same input and seed give the same map with any number of threads.

    Parameters
    ----------
    graph : the articles' neighbors; it holds no question.
    near : (q, k) rows of the articles that belong around each question, k <= 5; NO_ROW for none.
    base : (n, 2) the articles' positions on the map to begin from, finite.
    questions : (q, 2) positions on it; a question without any (NaN) is left out.
    report : called with the number of each sweep before it.
    """
    placed = np.isfinite(questions).all(axis=1)
    near = near[placed]
    asked = Questions(near, questions[placed], strength.worth_of_hits, strength.soft, strength.weight)
    with Mover(base, graph, seed, asked) as mover:
        for sweep in range(sweeps):
            report(sweep)
            mover.read()
            mover.sweep(_movable(mover, graph, near), 0.0)
    return mover.xy


def _movable(mover: Mover, graph: Graph, near: Rows) -> Rows:
    """Return the articles that may matter to a question.

    They are its own; those around it, with their neighbors on the map and in embedding space; and those that have one
    of its own among theirs.
    """
    own = np.unique(near[near != NO_ROW])
    around = np.unique(mover.around_questions(_AROUND))
    friends = graph.rows[:, :_FRIENDS]
    linked = np.flatnonzero(np.isin(friends, own).any(axis=1))
    found = np.concatenate([own, around, linked, friends[around].ravel(), mover.around(around, _FRIENDS).ravel()])
    return np.unique(found[found != NO_ROW])
