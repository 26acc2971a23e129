"""Bootstrap intervals: their values, what they cover, and that the seed decides them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vecindex.core.nulls import (
    LEVEL,
    RESAMPLES,
    SEED,
    Interval,
    _ranks,
    _weighted_correlation,
    bootstrap_mean,
    bounds,
    mean_of_differences,
    mean_of_shares,
    rank_correlation,
    resampled,
)


def test_the_width_is_that_of_the_standard_error() -> None:
    values = np.random.default_rng(0).normal(0.5, 0.2, 400)
    found = bootstrap_mean(values)
    half = 1.96 * values.std() / math.sqrt(len(values))
    assert found.mean == values.mean()
    assert found.low == pytest.approx(values.mean() - half, abs=0.1 * half)
    assert found.high == pytest.approx(values.mean() + half, abs=0.1 * half)


def test_topics_that_fail_together_widen_it() -> None:
    # 20 topics of 10 questions, all of a topic alike: there are 20 pieces of information, not 200.
    per_topic = np.random.default_rng(0).random(20)
    values, topics = np.repeat(per_topic, 10), [f"t{i}" for i in range(20) for _ in range(10)]
    plain, grouped = bootstrap_mean(values), bootstrap_mean(values, topics)
    assert (plain.by, grouped.by) == ("question", "topic")
    assert (grouped.high - grouped.low) / (plain.high - plain.low) == pytest.approx(math.sqrt(10), rel=0.15)


def test_topics_of_one_question_each_change_little() -> None:
    values = np.random.default_rng(0).random(50)
    alone = bootstrap_mean(values, [None] * 50)
    assert alone.by == "topic"
    assert (alone.low, alone.high) == (bootstrap_mean(values).low, bootstrap_mean(values).high)


def test_few_topics_are_not_resampled() -> None:
    assert bootstrap_mean([0, 1, 0, 1], ["a", "a", "b", "b"]).by == "question"


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    hits = 0
    for i in range(200):
        found = bootstrap_mean(rng.binomial(5, 0.4, 60) / 5, seed=i, resamples=400)
        hits += found.low <= 0.4 <= found.high
    assert 0.89 <= hits / 200 <= 0.99


def test_ten_questions_have_a_wide_enough_interval() -> None:
    rng = np.random.default_rng(3)
    held = {"ours": 0, "plain": 0}
    for i in range(1_200):
        values = rng.binomial(5, 0.4, 10) / 5
        found = bootstrap_mean(values, seed=i, resamples=400)
        held["ours"] += found.low - 1e-12 <= 0.4 <= found.high + 1e-12
        means = values[np.random.default_rng(i).integers(0, 10, (400, 10))].mean(axis=1)
        low, high = np.quantile(means, [0.025, 0.975])
        held["plain"] += low - 1e-12 <= 0.4 <= high + 1e-12
    assert held["ours"] >= 0.935 * 1_200
    assert held["ours"] - held["plain"] >= 0.01 * 1_200


def test_shares_that_are_all_alike_have_an_interval() -> None:
    # 0.912^40 = 0.025: of questions that are found with a chance of 91.2 %, 40 of 40 are in one sample of 40.
    assert mean_of_shares([1] * 40) == Interval(1.0, pytest.approx(0.025 ** (1 / 40)), 1.0, LEVEL, "question")
    assert mean_of_shares([0.0] * 10) == Interval(0.0, 0.0, pytest.approx(1 - 0.025 ** (1 / 10)), LEVEL, "question")
    # Six topics are six pieces of information, however many questions they have; four are no topics to draw.
    topics = [f"t{i // 5}" for i in range(30)]
    assert mean_of_shares([1.0] * 30, topics) == Interval(1.0, pytest.approx(0.025 ** (1 / 6)), 1.0, LEVEL, "topic")
    assert mean_of_shares([1.0] * 20, topics[:20]).low == pytest.approx(0.025 ** (1 / 20))
    assert math.isnan(mean_of_shares([1.0]).low)
    # Everything else is the bootstrap's.
    values = np.random.default_rng(0).random(30)
    assert mean_of_shares(values, topics, seed=3) == bootstrap_mean(values, topics, seed=3)
    yes_no = (values < 0.5).astype(float)
    assert mean_of_shares(yes_no, topics) == bootstrap_mean(yes_no, topics)


@pytest.mark.parametrize("n", [5, 40])
@pytest.mark.parametrize("truth", [0.03, 0.5, 0.9, 0.97, 0.995])
def test_an_interval_of_yes_and_no_holds_the_truth_in_95_of_100_samples(n: int, truth: float) -> None:
    # No simulation: the chance of each sample of n, summed over those whose interval holds the truth.
    held = {"ours": 0.0, "bootstrap": 0.0}
    for ones in range(n + 1):
        values = np.arange(n) < ones
        chance = math.comb(n, ones) * truth**ones * (1 - truth) ** (n - ones)
        for name, of in (("ours", mean_of_shares), ("bootstrap", bootstrap_mean)):
            found = of(values)
            held[name] += chance * (found.low <= truth <= found.high)
    assert held["ours"] >= LEVEL
    if (n, truth) == (40, 0.97):
        assert held["bootstrap"] == pytest.approx(0.70, abs=0.01)


def test_bounds_by_hand() -> None:
    # Student's t of 4 degrees is 2.7764; Phi(-sqrt(5 / 4) * 2.7764) = Phi(-3.1042) = 0.000954.
    drawn = np.linspace(0, 1, 10_001)
    assert bounds(drawn, 5) == pytest.approx((0.000954, 1 - 0.000954), abs=1e-6)
    # Of two all draws count: their normal quantile is -18.
    assert bounds(drawn, 2) == pytest.approx((0, 1))


def test_the_interval_of_differences_is_students() -> None:
    from scipy.stats import ttest_1samp

    values = np.random.default_rng(0).normal(0.1, 0.3, 12)
    found = mean_of_differences(values)
    theirs = ttest_1samp(values, 0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high))
    assert (found.mean, found.by) == (pytest.approx(values.mean()), "question")
    assert math.isnan(mean_of_differences([0.4]).low)
    # Two differences of shares show nothing, and are not beyond what can be.
    two = mean_of_differences([0.0, 0.5])
    assert (two.low, two.high) == (-1, 1)
    assert math.isnan(mean_of_differences([]).mean)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=30), st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_what_must_hold(values: list[float], seed: int) -> None:
    found = bootstrap_mean(values, seed=seed, resamples=300)
    assert min(values) - 1e-12 <= found.low <= found.mean <= found.high <= max(values) + 1e-12
    assert found == bootstrap_mean(values, seed=seed, resamples=300)


def test_nothing_gives_nan() -> None:
    assert math.isnan(bootstrap_mean([]).mean)


def test_one_question_shows_no_spread() -> None:
    found = bootstrap_mean([0.4], ["a"])
    assert found.mean == 0.4
    assert math.isnan(found.low)
    assert math.isnan(found.high)


def test_groups_must_fit() -> None:
    with pytest.raises(ValueError, match="3 groups for 2 values"):
        bootstrap_mean([1, 2], ["a", "b", "c"])


def test_the_interval_of_a_rank_correlation_leaves_as_many_draws_out_on_both_sides() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=25)
    y = x + rng.normal(size=25)
    _, draws = resampled(25, None, resamples=RESAMPLES, seed=SEED)
    drawn = np.concatenate([_weighted_correlation(_ranks(x), _ranks(y), weights) for weights in draws])
    found = rank_correlation(x, y)
    assert LEVEL == 0.95
    assert (drawn < found.low).mean() == pytest.approx(0.025, abs=0.002)
    assert (drawn > found.high).mean() == pytest.approx(0.025, abs=0.002)
