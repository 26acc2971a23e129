"""Measures of questions in embedding space alone: how near the articles are, which are in whose lists, and style."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from vecindex.core.neighbors import F64, NO_ROW, Neighbors, Rows
from vecindex.core.vectors import F32
from vecindex.verbs.overlap.metrics import DUPLICATE_DIST
from vecindex.verbs.overlap.result import Style

FOLDS = 5
MIN_EACH = 10
"""Below so many of either kind nothing is held out and there is no AUC."""
_RIDGE = 1e-2
CSLS_NEIGHBORS = 10
"""Of which the local density is the mean, as in the paper."""


def known(value: float) -> float | None:
    """Return a figure as a plain number, None for NaN."""
    return None if np.isnan(value) else float(value)


def percentiles(values: npt.ArrayLike, reference: npt.ArrayLike) -> F64:
    """Return for each value the share of the reference below it, in percent; equal ones count half; (q,), 0 to 100.

    Of a question's distance to its nearest article among the articles' own distances to theirs: near 100
    the question is farther from the articles than nearly every article is. NaN over no reference.

    >>> percentiles([0.5, 9.0], [0.1, 0.5, 0.7, 0.9])
    array([ 37.5, 100. ])
    """
    sorted_reference = np.sort(np.asarray(reference, dtype=np.float64))
    if not len(sorted_reference):
        return np.full(len(np.asarray(values)), np.nan)
    below = np.searchsorted(sorted_reference, values, side="left")
    up_to = np.searchsorted(sorted_reference, values, side="right")
    return np.asarray(50.0 * (below + up_to) / len(sorted_reference))


def mixing(questions: F32, space_dist: F64, k: int) -> float:
    """Return M, the share of a question's k nearest among questions and articles together that are questions.

    0 to 1; see `mixing_chance`. Near 1, questions are nearer to each other than to any article,
    and a map fitted to both would make an island of them.

    Parameters
    ----------
    questions : (q, d) unit vectors.
    space_dist : (q, k') cosine distances of the nearest articles, k' >= k. Of equal distances the article's is first.
    """
    if len(questions) < 2:
        return 0.0
    vectors = questions.astype(np.float64)
    among = np.maximum(1.0 - vectors @ vectors.T, 0.0)
    np.fill_diagonal(among, np.inf)
    both = np.concatenate([space_dist[:, :k], among], axis=1)
    first = np.argsort(both, axis=1, kind="stable")[:, :k]
    return float((first >= min(k, space_dist.shape[1])).mean())


def mixing_chance(q: int, n: int) -> float:
    """Return (q - 1) / (q - 1 + n), the mixing of q questions thrown among n articles at random.

    >>> mixing_chance(11, 90)
    0.1
    """
    return (q - 1) / (q - 1 + n) if q + n > 1 else 0.0


def occurrences(lists: Rows, n: int) -> npt.NDArray[np.int64]:
    """Return N_k, in how many of the lists (q, k) each of the n articles stands; shape (n,).

    >>> occurrences(np.array([[0, 2], [2, 1]]), 4)
    array([1, 1, 2, 0])
    """
    return np.bincount(lists[lists != NO_ROW], minlength=n).astype(np.int64)


def skewness(values: npt.ArrayLike) -> float:
    """Return the third standardized moment, the hubness of Radovanovic et al. (2010) when taken of N_k; 0 when even.

    It depends on how many lists were counted: compare only figures over as many.

    >>> round(skewness([0, 0, 0, 4]), 4)
    1.1547
    """
    found = np.asarray(values, dtype=np.float64)
    spread = found.std()
    return float((((found - found.mean()) / spread) ** 3).mean()) if spread > 0 else 0.0


def is_hub(counts: npt.NDArray[np.int64], n_lists: int, k: int) -> npt.NDArray[np.bool_]:
    """Return whether each article is a hub: in at least 5 lists, and in 10 times as many as the mean article; (n,).

    `counts` are its occurrences in the lists of `n_lists` articles.
    """
    return np.asarray(counts >= max(5.0, 10.0 * n_lists * k / max(1, len(counts))))


def share_held_by(lists: Rows, articles: npt.NDArray[np.bool_]) -> float:
    """Return the share of the entries of the lists (q, k) that are some articles, given as a mask (n,).

    >>> share_held_by(np.array([[0, 2], [2, 1]]), np.array([False, False, True]))
    0.5
    """
    held = lists[lists != NO_ROW]
    return float(articles[held].mean()) if len(held) else 0.0


def cohesion(vectors: F32) -> float:
    """Return the mean cosine of all pairs of rows (m, d) of unit length; higher is closer, NaN for fewer than 2.

    >>> cohesion(np.array([[1, 0], [1, 0], [0, 1]], dtype=np.float32)).__round__(4)
    0.3333
    """
    m = len(vectors)
    if m < 2:
        return float("nan")
    total = vectors.astype(np.float64).sum(axis=0)
    return float((total @ total - m) / (m * (m - 1)))


def agreement(near: npt.ArrayLike, anywhere: npt.ArrayLike) -> float:
    """Return how often a true neighbor is nearer on the map than a random article: 0.5 is chance, 1 perfect.

    An AUC over pairs: `near` and `anywhere` (s, k) are map distances from s articles to true neighbors and to random
    articles, compared one by one; equal ones count half, NaN is passed over. It sees the coarse order that
    a map keeps when it keeps no list of nearest ones, so it separates a poor map from one of other vectors.

    >>> agreement([[1.0, 3.0]], [[2.0, 3.0]])
    0.75
    """
    a, b = np.asarray(near, dtype=np.float64), np.asarray(anywhere, dtype=np.float64)
    both = np.isfinite(a) & np.isfinite(b)
    return float(((a < b) + 0.5 * (a == b))[both].mean()) if both.any() else float("nan")


def answer_recall(lists: Rows, answers: Sequence[Rows], k: int) -> F64:
    """Return |answers in the first k| / min(k, |answers|) for each question; shape (q,), NaN for one without answers.

    `answers` are the rows of the right articles. Higher is better; 1 when the list could not hold more of them.

    >>> answer_recall(np.array([[1, 2], [5, 6]]), [np.array([2, 9, 8]), np.array([], dtype=int)], 2)
    array([0.5, nan])
    """
    return np.array(
        [
            np.isin(right, row[:k]).sum() / min(k, len(right)) if len(right) else np.nan
            for row, right in zip(lists, answers, strict=True)
        ]
    )


def reciprocal_rank(lists: Rows, answers: Sequence[Rows]) -> F64:
    """Return 1 / rank of the first right article in each list, 0 when none is in it; NaN for one without answers.

    The mean over questions is the MRR, cut at the lists' length.

    >>> reciprocal_rank(np.array([[1, 2], [5, 6]]), [np.array([2]), np.array([7])])
    array([0.5, 0. ])
    """
    ranks = np.full(len(lists), np.nan)
    for i, (row, right) in enumerate(zip(lists, answers, strict=True)):
        if len(right):
            at = np.flatnonzero(np.isin(row, right))
            ranks[i] = 1.0 / (at[0] + 1) if len(at) else 0.0
    return ranks


def topic_precision(
    rows: Rows,
    article_topics: Mapping[int, str | None] | Sequence[str | None],
    question_topics: Sequence[str | None],
    k: int,
) -> F64:
    """Return the share of the first k of each list whose article has the question's topic; (q,), higher is better.

    NaN where the question has no topic. An article without a topic, and NO_ROW, count as misses.

    Parameters
    ----------
    rows : (q, k') nearest articles, in either space, k' >= k.
    article_topics : the topic of each article under its row, of at least those in the lists.
    question_topics : (q,) topics; None for none.

    Articles 0 and 1 are of the first question's topic, its list holds one of them; the second has no topic:

    >>> topic_precision(np.array([[0, 2], [1, 2]]), ["cells", "cells", None], ["cells", None], 2)
    array([0.5, nan])
    """
    if not 1 <= k <= rows.shape[1]:
        raise ValueError(f"k = {k} is out of range: the table has {rows.shape[1]} neighbors a question")
    values = np.full(len(rows), np.nan)
    for i, topic in enumerate(question_topics):
        if topic is not None:
            there = rows[i, :k][rows[i, :k] != NO_ROW]
            values[i] = sum(article_topics[int(row)] == topic for row in there) / k
    return values


def csls(near: Neighbors, density: F64) -> Neighbors:
    """Return the same candidates, each row reordered by CSLS (Conneau et al. 2018).

    CSLS(q, a) = 2 cos(q, a) - r(q) - r(a), higher is closer; r(a), the local density, is the mean cosine of an
    article to the articles nearest to it. r(q) is the same for all candidates of a question and is left out. An
    article that is near to everything has a high density and steps back. Ties by the order before.

    Parameters
    ----------
    near : (q, c) candidates by cosine distance.
    density : (n,) of each row that is a candidate.

    Returns a table of the same shape whose `dist` is r(a) - 2 cos(q, a), lower is closer.

    The hub, row 0, is nearer by 0.1 and denser by 0.5:

    >>> csls(Neighbors(np.array([[0, 1]]), np.array([[0.2, 0.3]])), np.array([0.9, 0.4])).rows
    array([[1, 0]])
    """
    at = np.where(near.rows == NO_ROW, 0, near.rows)
    score = np.where(near.rows == NO_ROW, np.inf, density[at] - 2 * (1 - near.dist))
    order = np.argsort(score, axis=1, kind="stable")
    return Neighbors(np.take_along_axis(near.rows, order, axis=1), np.take_along_axis(score, order, axis=1))


def local_density(vectors: F32, sample: F32, articles: Rows, sample_articles: Rows, k: int = CSLS_NEIGHBORS) -> F64:
    """Return the mean cosine of each vector (m, d) to its k nearest among sampled articles, itself left out; (m,).

    `articles` (m,) and `sample_articles` (s,) say which article each is. One that was sampled by several of its
    chunks counts once, by the nearest of them. Memory is m s.

    >>> x = np.array([[1.0, 0.0], [0.0, 1.0]], dtype=np.float32)
    >>> local_density(x, x, np.array([0, 1]), np.array([0, 7]), 1)
    array([0., 1.])
    """
    order = np.argsort(sample_articles, kind="stable")
    different, starts = np.unique(sample_articles[order], return_index=True)
    sims = vectors.astype(np.float64) @ sample[order].T.astype(np.float64)
    sims = np.maximum.reduceat(sims, starts, axis=1)
    sims[articles[:, None] == different[None, :]] = -np.inf
    first = -np.sort(-sims, axis=1)[:, :k]
    there = np.isfinite(first)
    return np.asarray(np.where(there, first, 0.0).sum(axis=1) / np.maximum(there.sum(axis=1), 1))


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
    """Return the cosine of the two means, -1 to 1; 1 when they point the same way, NaN where a mean is zero.

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
        if all((kind & side).any() for kind in (is_question, ~is_question) for side in (train, test)):
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


def duplicated(lists: Rows, vectors_of: Callable[[Rows], F32]) -> float:
    """Return the share of the articles in the lists that have a near-duplicate in the same list."""
    twice = total = 0
    for row in lists:
        vectors = vectors_of(row[row != NO_ROW]).astype(np.float64)
        sims = vectors @ vectors.T
        np.fill_diagonal(sims, 0.0)
        twice += int((sims > 1 - DUPLICATE_DIST).any(axis=1).sum())
        total += len(vectors)
    return twice / total if total else 0.0


def median_of(values: F64) -> float:
    """Return the median of the finite ones; NaN without any."""
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if len(finite) else float("nan")


def cohesions(lists: Rows, vectors_of: Callable[[Rows], F32]) -> F64:
    """Return the cohesion of the articles in each list, (q,); NaN for fewer than two."""
    return np.array([cohesion(vectors_of(row[row != NO_ROW])) for row in lists])
