"""How differently questions and articles are distributed in embedding space: evidence for a style gap."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vecindex.core.neighbors import F64, NO_ROW, Neighbors, Rows
from vecindex.core.vectors import F32
from vecindex.verbs.overlap.result import Style
from vecindex.verbs.overlap.space import cohesion, known, percentiles

FOLDS = 5
MIN_EACH = 10
"""Below so many of either kind nothing is held out and there is no AUC."""
_RIDGE = 1e-2


def style_of(
    questions: F32, near: Neighbors, articles: F32, own: F64, vectors_of: Callable[[Rows], F32], seed: int
) -> Style:
    """Return the figures of questions (q, d) with their `near` articles (q, k) against sampled articles (s, d).

    `own` are the distances of sampled articles to their nearest other ones, `vectors_of` gives those of the rows in
    `near`.
    """
    # An article is held out together with the first question whose list has it, so that no topic is on both sides.
    rows, first = np.unique(near.rows, return_index=True)
    of_question = first[rows != NO_ROW] // near.k
    nearest = vectors_of(rows[rows != NO_ROW])
    return Style(
        gap=centroid_gap(questions, articles),
        centroid_cosine=centroid_cosine(questions, articles),
        question_question=cohesion(questions),
        question_article=1.0 - float(near.dist[:, 0].mean()),
        article_article=1.0 - float(own.mean()) if len(own) else float("nan"),
        auc=known(held_out_auc(questions, articles, seed=seed)),
        auc_near=known(held_out_auc(questions, nearest, (np.arange(len(questions)), of_question), seed)),
    )


def centroid_gap(questions: F32, articles: F32) -> float:
    """Return |mean(q) - mean(d)|, the modality gap of Liang et al. (2022), of rows of unit length; 0 to 2.

    0 when the clouds have the same center. A gap alone harms little: moving all questions alike adds the same bias
    toward some articles to every ranking, and nothing else.

    >>> centroid_gap(np.array([[1, 0]], np.float32), np.array([[0, 1], [1, 0]], np.float32)).__round__(4)
    0.7071
    """
    return float(np.linalg.norm(_mean(questions) - _mean(articles)))


def centroid_cosine(questions: F32, articles: F32) -> float:
    """Return the cosine of the two means, -1 to 1; 1 when they point the same way, NaN where a mean is nought.

    >>> centroid_cosine(np.array([[1, 0]], np.float32), np.array([[0, 1], [1, 0]], np.float32)).__round__(4)
    0.7071
    """
    a, b = _mean(questions), _mean(articles)
    length = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / length if length > 0 else float("nan")


def held_out_auc(
    questions: F32,
    articles: F32,
    groups: tuple[Rows, Rows] | None = None,
    seed: int = 0,
) -> float:
    """Return how well a linear rule separates questions from articles that it was not fitted to; 0.5 is not at all.

    A ridge regression on the labels, each kind weighing half (which is a regularized linear discriminant, Hastie et
    al. 2009, 4.3), fitted on four of five parts and judged by the AUC on the fifth; the mean over the parts. It is
    solved in one step, so it needs no library, no iterations, and gives one answer.

    Parameters
    ----------
    questions, articles : (q, d) and (m, d) unit vectors.
    groups : numbers (q,) and (m,): what has the same number stays in one part, such as a question and its own nearest
        articles; None puts each into a part by itself.
    seed : of the parts.

    Fewer than 10 of either kind give NaN.
    """
    if min(len(questions), len(articles)) < MIN_EACH:
        return float("nan")
    rng = np.random.default_rng(seed)
    if groups is None:
        groups = np.arange(len(questions)), len(questions) + np.arange(len(articles))
    names, number = np.unique(np.concatenate(groups), return_inverse=True)
    part = (rng.permutation(len(names)) % FOLDS)[number]
    vectors = np.concatenate([questions, articles]).astype(np.float64)
    is_question = np.arange(len(vectors)) < len(questions)
    found = []
    for held in range(FOLDS):
        train, test = part != held, part == held
        if all((kind & part).any() for kind in (is_question, ~is_question) for part in (train, test)):
            scores = vectors[test] @ _direction(vectors[train], is_question[train])
            # The share of pairs in which the question scores higher is the AUC, as Mann and Whitney count it.
            found.append(percentiles(scores[is_question[test]], scores[~is_question[test]]).mean() / 100)
    return float(np.mean(found)) if found else float("nan")


def _direction(vectors: F64, is_question: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> F64:
    """Return the ridge direction (d,) that separates the kinds."""
    weights = np.where(is_question, 0.5 / is_question.sum(), 0.5 / (~is_question).sum())
    labels = np.where(is_question, 1.0, -1.0)
    centered = vectors - weights @ vectors
    spread = (centered * weights[:, None]).T @ centered
    # The ridge is a share of the mean variance, so that it means the same in any dimension.
    ridge = _RIDGE * max(float(np.trace(spread)), 1e-12) / len(spread)
    return np.asarray(np.linalg.solve(spread + ridge * np.eye(len(spread)), centered.T @ (weights * labels)))


def _mean(vectors: F32) -> F64:
    return np.asarray(vectors.astype(np.float64).mean(axis=0))
