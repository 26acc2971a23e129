"""How questions and articles lie to each other: by hand, against scikit-learn, and on planted gaps."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import roc_auc_score

from vecindex.core.neighbors import Neighbors
from vecindex.core.vectors import normalize
from vecindex.verbs.overlap.space import (
    _direction,
    centroid_cosine,
    centroid_gap,
    held_out_auc,
    percentiles,
    style_of,
)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=20), st.lists(st.integers(0, 5), min_size=1, max_size=20))
@settings(max_examples=40, deadline=None)
def test_the_mean_percentile_is_the_auc_of_scikit_learn(positive: list[int], negative: list[int]) -> None:
    labels = [1] * len(positive) + [0] * len(negative)
    found = percentiles(positive, negative).mean() / 100
    assert found == pytest.approx(roc_auc_score(labels, positive + negative))


def test_the_direction_is_that_of_a_shrunk_discriminant() -> None:
    # Without the ridge the weighted regression on two labels points as the discriminant does.
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(400, 5)) * [1, 2, 3, 1, 1]
    vectors[:100] += [1, 0, 2, 0, -1]
    kind = np.arange(400) < 100
    mine = _direction(vectors, kind)
    theirs = LinearDiscriminantAnalysis(priors=[0.5, 0.5]).fit(vectors, kind).coef_[0]
    assert mine @ theirs / np.linalg.norm(mine) / np.linalg.norm(theirs) == pytest.approx(1, abs=0.02)


def test_like_clouds_cannot_be_told_apart() -> None:
    values = []
    for seed in range(10):
        points = normalize(np.random.default_rng(seed).normal(size=(400, 12)))
        values.append(held_out_auc(points[:100], points[100:], seed=seed))
    assert np.mean(values) == pytest.approx(0.5, abs=0.03)


def test_a_planted_gap_is_seen_and_measured() -> None:
    rng = np.random.default_rng(0)
    points = normalize(rng.normal(size=(300, 12)))
    moved = points.copy()
    moved[:60, 0] += 1.5
    moved = normalize(moved)
    assert held_out_auc(moved[:60], moved[60:]) > 0.9
    assert held_out_auc(moved[:60], moved[60:]) == held_out_auc(moved[:60], moved[60:]), "no chance beside the seed"
    assert centroid_gap(moved[:60], moved[60:]) > 5 * centroid_gap(points[:60], points[60:]) > 0
    assert centroid_gap(points, points) == 0
    assert centroid_cosine(points, points) == pytest.approx(1)
    assert math.isnan(centroid_cosine(np.array([[1, 0], [-1, 0]], np.float32), points[:, :2]))


def test_few_questions_are_not_judged() -> None:
    points = normalize(np.random.default_rng(0).normal(size=(40, 4)))
    assert math.isnan(held_out_auc(points[:9], points[9:]))
    # All in one group: nothing can be held out.
    assert math.isnan(held_out_auc(points[:20], points[20:], (np.zeros(20, int), np.zeros(20, int))))


def test_wording_shows_against_a_questions_own_articles_and_a_topic_does_not() -> None:
    rng = np.random.default_rng(1)
    # Questions of one topic among articles of all: two articles beside each question, at the same spread.
    topic = 4 * rng.normal(size=8)
    articles = normalize(rng.normal(size=(300, 8)))
    near = normalize(topic + rng.normal(size=(80, 8)))
    plain = normalize(topic + rng.normal(size=(40, 8)))
    worded = normalize(topic + rng.normal(size=(40, 8)) + 3 * np.eye(8)[0])
    vectors = np.concatenate([articles, near])
    found = []
    for questions in (plain, worded):
        rows = 300 + np.arange(80).reshape(40, 2)
        lists = Neighbors(rows, np.tile([0.25, 0.5], (40, 1)))
        found.append(style_of(questions, lists, articles, np.array([0.1, 0.3]), lambda r: vectors[r], 0))
    (plain_auc, plain_near), (_, worded_near) = ((f.auc or 0.0, f.auc_near or 0.0) for f in found)
    assert plain_auc > 0.9
    assert 0 < plain_near < 0.7
    assert worded_near > 0.85
    assert (found[0].question_article, found[0].article_article) == (0.75, 0.8)
    sims = plain @ plain.T
    assert found[0].question_question == pytest.approx(sims[np.triu_indices(40, 1)].mean(), abs=1e-6)


def test_questions_that_stay_in_one_part_are_not_judged() -> None:
    # The part that holds them all leaves none to learn from, and the others have none to judge.
    rng = np.random.default_rng(0)
    questions, articles = (normalize(rng.normal(size=(20, 4))) for _ in range(2))
    groups = np.zeros(20, dtype=np.int64), 1 + np.arange(20)
    assert math.isnan(held_out_auc(questions, articles, groups))
    assert math.isnan(held_out_auc(articles, questions, groups[::-1]))


@pytest.mark.parametrize(("n", "judged"), [(9, False), (10, True)])
def test_ten_of_either_kind_are_judged(n: int, judged: bool) -> None:
    rng = np.random.default_rng(0)
    few, many = normalize(rng.normal(size=(n, 4))), normalize(rng.normal(size=(30, 4)))
    assert math.isfinite(held_out_auc(few, many)) is judged
    assert math.isfinite(held_out_auc(many, few)) is judged
