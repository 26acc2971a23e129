"""A map on which the nearest articles of some questions lie around them, derived from one that is there.

Articles and questions go down the gradient of t-SNE together: articles pull each other as in the finish of `local`,
each question and its nearest articles pull each other much more strongly, and no two questions pull each other. In
rounds these pulls grow weaker. Heavy ones bring articles together from afar, light ones let the neighborhoods heal;
before each round every question is placed anew, for it may have been left behind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from vecindex.core.graph import Graph
from vecindex.core.neighbors import F64, NO_ROW, Rows
from vecindex.core.vectors import F32
from vecindex.maps.descent import Descent, Phase, both_ways, pulls_from
from vecindex.maps.local import along_a_curve, finish_exaggeration, finish_weights, reordered

NEIGHBORS = 15
MOST = 1.0
"""All questions together pull at most so many times as strongly as all articles, or these would be torn apart."""
_MOMENTUM = 0.8

Place = Callable[[Rows, F64], F64]
"""From targets (q, k) and articles' places (n, 2) to the places of the questions, (q, 2)."""


def anchored_map(
    graph: Graph,
    targets: Rows,
    base: F64,
    *,
    place: Place,
    weights: Sequence[float],
    iterations: int,
    tell: Callable[[int], None] = lambda _: None,
) -> F64:
    """Return the articles' places (n, 2) after all rounds, at the base map's own scale; it takes no random number.

    Parameters
    ----------
    graph : the articles' neighbors; it holds no question.
    targets : (q, k) rows of the articles that belong around each question; NO_ROW for none.
    base : (n, 2) the articles' places on the map to begin from, finite; it must be one of t-SNE.
    place : puts the questions among the articles before each round.
    weights : of each round, relative to the pull between nearest articles; see `capped`.
    iterations : of each round.
    tell : called at each iteration with its number over all rounds.
    """
    n = len(base)
    order = along_a_curve(base.astype(np.float32))
    now = np.empty(n + 1, dtype=np.int64)
    now[order], now[-1] = np.arange(n), NO_ROW
    near = np.where(targets == NO_ROW, NO_ROW, now[targets])
    articles = both_ways(reordered(graph, order), article_weights(n))
    places: F32 = base[order].astype(np.float32)
    for number, weight in enumerate(capped(weights, float(articles.sum()), targets)):
        at = place(near, places.astype(np.float64)).astype(np.float32)
        descent = Descent(np.concatenate([places, at]))

        def tell_all(iteration: int, before: int = number * iterations) -> None:
            tell(before + iteration)

        phase = Phase((1.0,), iterations, finish_exaggeration(n), _MOMENTUM)
        descent.run(pulls_from(joined(articles, near, weight)), phase, tell_all)
        places = descent.places[:n]
    found = np.empty((n, 2), dtype=np.float64)
    found[order] = places
    return found


def article_weights(n: int) -> tuple[float, ...]:
    """Return how strongly each of n articles is pulled by its nearest, second nearest, ... neighbor."""
    return finish_weights(NEIGHBORS)[: max(1, (n - 1) // 3)]


def joined(articles: Any, targets: Rows, weight: float) -> Any:
    """Return the symmetric pulls (n + q, n + q) of articles and, after them, questions.

    Question i and each of its targets pull each other with `weight`. No two questions pull each other.

    Two articles that pull each other, and a question that belongs to the second one:

    >>> from scipy.sparse import csr_matrix
    >>> pulls = joined(csr_matrix(np.array([[0.0, 1.0], [1.0, 0.0]])), np.array([[1]]), 5.0)
    >>> pulls.toarray().tolist()
    [[0.0, 1.0, 0.0], [1.0, 0.0, 5.0], [0.0, 5.0, 0.0]]
    """
    from scipy.sparse import bmat, csr_matrix

    question, at = np.nonzero(targets != NO_ROW)
    values = np.full(len(question), weight, dtype=np.float32)
    between = csr_matrix((values, (question, targets[question, at])), shape=(len(targets), articles.shape[0]))
    pulls = bmat([[articles, between.T], [between, None]], format="csr")
    pulls.sort_indices()
    return pulls


def capped(weights: Sequence[float], articles: float, targets: Rows) -> tuple[float, ...]:
    """Return the weights of the rounds, all made smaller alike where the heaviest would be too much for few articles.

    Parameters
    ----------
    articles : sum of all pulls between articles, both ways.
    targets : (q, k); each target pulls and is pulled.

    One question with two targets among articles that pull with 40 in all: 4 pulls of at most 10.

    >>> capped((800.0, 400.0), 40.0, np.array([[1, 2]])), capped((8.0, 4.0), 40.0, np.array([[1, 2]]))
    ((10.0, 5.0), (8.0, 4.0))
    """
    pulls = 2 * int((targets != NO_ROW).sum())
    heaviest = max(weights)
    if not pulls or not heaviest:
        return tuple(weights)
    smaller = min(1.0, MOST * articles / pulls / heaviest)
    return tuple(weight * smaller for weight in weights)
