"""How differently questions and articles lie in embedding space, as two clouds of points."""

from __future__ import annotations

import numpy as np

from vecindex.core.neighbors import F64, Rows
from vecindex.core.vectors import F32

FOLDS = 5
MIN_EACH = 10
"""Below so many of either kind nothing is held out and no AUC is told."""
_RIDGE = 1e-2


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


def auc(positive: F64, negative: F64) -> float:
    """Return the share of pairs in which the positive has the higher score, ties one half; 0.5 is chance, 1 perfect.

    The area under the ROC curve, as Mann and Whitney count it. NaN when either is empty.

    >>> auc(np.array([2.0, 3.0]), np.array([1.0, 2.0]))
    0.875
    """
    if not len(positive) or not len(negative):
        return float("nan")
    ordered = np.sort(negative)
    below = np.searchsorted(ordered, positive, side="left") + np.searchsorted(ordered, positive, side="right")
    return float(below.mean() / (2 * len(ordered)))


def held_out_auc(
    questions: F32,
    articles: F32,
    groups: tuple[Rows, Rows] | None = None,
    seed: int = 0,
) -> float:
    """Return how well a linear rule tells questions from articles that it was not made with; 0.5 is not at all.

    A ridge regression on the labels, each kind weighing half (which is a regularized linear discriminant, Hastie et
    al. 2009, 4.3), made on four of five parts and judged by `auc` on the fifth; the mean over the parts. It is solved
    in one step, so it needs no library, no iterations, and gives one answer.

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
        if not (is_question & train).any() or not (~is_question & train).any():
            continue
        scores = vectors[test] @ _direction(vectors[train], is_question[train])
        found.append(auc(scores[is_question[test]], scores[~is_question[test]]))
    finite = [value for value in found if np.isfinite(value)]
    return float(np.mean(finite)) if finite else float("nan")


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
