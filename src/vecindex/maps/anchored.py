"""A map on which the nearest articles of some questions lie around them, derived from one that is there.

Articles and questions go down the gradient of t-SNE together: articles attract each other as in the refinement of
`local`, each question and its nearest articles attract each other much more strongly, and no two questions attract
each other. In rounds these attractions grow weaker. Strong ones bring articles together from afar, weak ones let the
neighborhoods heal. Before each round every question is placed again, for it may have been left behind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from vecindex.core.graph import Graph
from vecindex.core.neighbors import F64, NO_ROW, Rows
from vecindex.core.vectors import F32
from vecindex.maps.descent import Phase, both_ways, descend, normalized
from vecindex.maps.local import along_a_curve, refinement_exaggeration, refinement_weights, reordered
from vecindex.maps.polish import LEAST_ARTICLES, polish

NEIGHBORS = 15
MOST = 1.0
"""All questions together attract at most so many times as strongly as all articles, or these would be torn apart."""
_MOMENTUM = 0.8
# The articles around a question that stay where they are while the others are polished: its own, and those between.
_AROUND = 12

Placement = Callable[[Rows, F64], F64]
"""From the questions' neighbors (q, k) and the articles' positions (n, 2) to the questions' positions (q, 2)."""


def anchored_map(
    graph: Graph,
    near: Rows,
    base: F64,
    *,
    placement: Placement,
    weights: Sequence[float],
    iterations: int,
    sweeps: int,
    report: Callable[[int], None] = lambda _: None,
) -> F64:
    """Return the articles' positions (n, 2) after all rounds, in the units of the base map; nothing in it is random.

    Parameters
    ----------
    graph : the articles' neighbors; it holds no question.
    near : (q, k) rows of the articles that belong around each question; NO_ROW for none.
    base : (n, 2) the articles' positions on the map to begin from, finite; it must be one of t-SNE.
    placement : puts the questions among the articles before each round.
    weights : of each round, relative to the attraction between nearest articles; see `capped`.
    iterations : of each round.
    sweeps : of the polish of all other articles at the end.
    report : called at each iteration with its number over all rounds.
    """
    n = len(base)
    order = along_a_curve(base.astype(np.float32))
    now = np.empty(n + 1, dtype=np.int64)
    now[order], now[-1] = np.arange(n), NO_ROW
    near = np.where(near == NO_ROW, NO_ROW, now[near])
    articles = both_ways(reordered(graph, order), article_weights(n))
    positions: F32 = base[order].astype(np.float32)
    for number, weight in enumerate(capped(weights, float(articles.sum()), near)):
        questions = placement(near, positions.astype(np.float64)).astype(np.float32)

        def report_all(iteration: int, before: int = number * iterations) -> None:
            report(before + iteration)

        phase = Phase((1.0,), iterations, refinement_exaggeration(n), _MOMENTUM)
        attraction = normalized(joined(articles, near, weight))
        positions = descend(np.concatenate([positions, questions]), attraction, phase, report_all)[:n]
    found = np.empty((n, 2), dtype=np.float64)
    found[order] = positions
    if sweeps and n >= LEAST_ARTICLES and np.isfinite(found).all():
        around = around_questions(near, found[order], placement)
        last = len(weights) * iterations
        found[order] = polish(
            found[order],
            reordered(graph, order),
            sweeps=sweeps,
            seed=0,
            kept=around,
            report=lambda _: report(last),
        )
    return found


def around_questions(near: Rows, positions: F64, placement: Placement) -> npt.NDArray[np.bool_]:
    """Return which articles (n,) belong around a question, or lie there: those are not polished."""
    from scipy.spatial import cKDTree

    around = np.zeros(len(positions), dtype=np.bool_)
    around[near[near != NO_ROW]] = True
    questions = placement(near, positions)
    questions = questions[np.isfinite(questions).all(axis=1)]
    if len(questions):
        _, nearest = cKDTree(positions).query(questions, min(_AROUND, len(positions)))
        around[nearest.ravel()] = True
    return around


def article_weights(n: int) -> tuple[float, ...]:
    """Return how strongly each of n articles is attracted by its nearest, second nearest, ... neighbor."""
    return refinement_weights(NEIGHBORS)[: max(1, (n - 1) // 3)]


def joined(articles: Any, near: Rows, weight: float) -> Any:
    """Return the symmetric weights (n + q, n + q) of articles and, after them, questions.

    Question i and each article of near[i] attract each other with `weight`. No two questions attract each other.

    Two articles that attract each other, and a question that belongs to the second one:

    >>> from scipy.sparse import csr_matrix
    >>> both = joined(csr_matrix(np.array([[0.0, 1.0], [1.0, 0.0]])), np.array([[1]]), 5.0)
    >>> both.toarray().tolist()
    [[0.0, 1.0, 0.0], [1.0, 0.0, 5.0], [0.0, 5.0, 0.0]]
    """
    from scipy.sparse import bmat, csr_matrix

    question, at = np.nonzero(near != NO_ROW)
    values = np.full(len(question), weight, dtype=np.float32)
    between = csr_matrix((values, (question, near[question, at])), shape=(len(near), articles.shape[0]))
    both = bmat([[articles, between.T], [between, None]], format="csr")
    both.sort_indices()
    return both


def capped(weights: Sequence[float], articles: float, near: Rows) -> tuple[float, ...]:
    """Return the weights of the rounds, all scaled down alike where the heaviest would be too much for few articles.

    Parameters
    ----------
    articles : sum of all weights between articles, both ways.
    near : (q, k); each of these articles attracts its question and is attracted.

    One question with two articles among articles with 40 in all: 4 attractions of at most 10.

    >>> capped((800.0, 400.0), 40.0, np.array([[1, 2]])), capped((8.0, 4.0), 40.0, np.array([[1, 2]]))
    ((10.0, 5.0), (8.0, 4.0))
    """
    attractions = 2 * int((near != NO_ROW).sum())
    heaviest = max(weights)
    if not attractions or not heaviest:
        return tuple(weights)
    smaller = min(1.0, MOST * articles / attractions / heaviest)
    return tuple(weight * smaller for weight in weights)
