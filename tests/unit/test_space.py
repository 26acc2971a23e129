"""What embedding space tells of questions, against scipy and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from vecindex.core.neighbors import NO_ROW
from vecindex.core.vectors import normalize
from vecindex.verbs.overlap.space import (
    agreement,
    answer_recall,
    cohesion,
    is_hub,
    mixing,
    mixing_chance,
    percentiles,
    reciprocal_rank,
    share_held_by,
    skewness,
    topic_precision,
)


def test_percentiles_are_those_of_scipy() -> None:
    rng = np.random.default_rng(0)
    reference = rng.integers(0, 20, 200)
    values = rng.integers(-1, 22, 50)
    assert percentiles(values, reference) == pytest.approx(
        [stats.percentileofscore(reference, v, kind="mean") for v in values]
    )
    assert np.isnan(percentiles([1.0], [])).all()


def test_skewness_is_that_of_scipy() -> None:
    values = np.random.default_rng(0).poisson(2, 300)
    assert skewness(values) == pytest.approx(stats.skew(values))
    assert skewness([3, 3]) == 0


def test_mixing_by_hand() -> None:
    # Two questions beside each other, the articles far; one question alone among its articles.
    questions = normalize(np.array([[1, 0.01, 0], [1, -0.01, 0], [0, 0, 1]]))
    dist = np.array([[0.5, 0.6], [0.5, 0.6], [0.1, 0.2]])
    assert mixing(questions, dist, 1) == pytest.approx(2 / 3)
    # Of two places the first two questions give one to each other; the third is nearest to its articles.
    assert mixing(questions, dist, 2) == pytest.approx(2 / 6)
    assert mixing(questions[:1], dist[:1], 2) == 0


def test_mixing_of_questions_that_are_like_articles_is_chance() -> None:
    found = []
    for seed in range(12):
        points = normalize(np.random.default_rng(seed).normal(size=(500, 6)))
        questions, articles = points[:100], points[100:]
        found.append(mixing(questions, np.sort(1 - questions @ articles.T, axis=1).astype(float), 5))
    assert np.mean(found) == pytest.approx(mixing_chance(100, 400), abs=0.02)


def test_hubs() -> None:
    counts = np.array([1] * 98 + [30, 60])
    assert np.flatnonzero(is_hub(counts, 38, 5)).tolist() == [98, 99]
    assert share_held_by(np.array([[99, 1], [98, 99]]), is_hub(counts, 38, 5)) == 0.75
    assert not is_hub(np.array([4] * 3), 1, 1).any()


def test_cohesion_is_the_mean_of_the_pairs() -> None:
    vectors = normalize(np.random.default_rng(0).normal(size=(6, 9)))
    sims = vectors @ vectors.T
    assert cohesion(vectors) == pytest.approx(sims[np.triu_indices(6, 1)].mean(), abs=1e-6)
    assert math.isnan(cohesion(vectors[:1]))


def test_agreement_is_the_auc_of_the_pairs() -> None:
    rng = np.random.default_rng(0)
    near, anywhere = rng.random((50, 4)), rng.random((50, 4))
    assert agreement(near, anywhere) == pytest.approx((near < anywhere).mean())
    assert agreement(near, near) == 0.5
    assert agreement(near, near + 1) == 1
    assert agreement([[1.0, math.nan]], [[2.0, 0.0]]) == 1
    assert math.isnan(agreement([[math.nan]], [[1.0]]))


def test_answers() -> None:
    lists = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]])
    answers = [np.array([2, 3, 50]), np.array([], dtype=np.int64), np.array([9])]
    assert answer_recall(lists, answers, 3)[[0, 2]].tolist() == [2 / 3, 1]
    assert answer_recall(lists, answers, 2)[[0, 2]].tolist() == [0.5, 0]
    assert math.isnan(answer_recall(lists, answers, 2)[1])
    assert reciprocal_rank(lists, answers)[[0, 2]].tolist() == [0.5, 1 / 3]
    assert math.isnan(reciprocal_rank(lists, answers)[1])


def test_topic_precision_by_hand() -> None:
    lists = np.array([[1, 2, 3], [3, 0, NO_ROW], [0, 1, 2]])
    topics = {0: "b", 1: "a", 2: "a", 3: None}
    assert topic_precision(lists, topics, ["a", "b", "none such"], 3).tolist() == [2 / 3, 1 / 3, 0]
    assert topic_precision(lists, topics, ["a", "b", "b"], 1).tolist() == [1, 0, 1]
    assert np.isnan(topic_precision(lists, topics, [None] * 3, 2)).all()
    with pytest.raises(ValueError, match="k = 4 is out of range"):
        topic_precision(lists, topics, ["a"] * 3, 4)


def test_cohesion_of_two_is_their_cosine() -> None:
    assert cohesion(np.array([[1.0, 0.0], [0.6, 0.8]], dtype=np.float32)) == pytest.approx(0.6)
