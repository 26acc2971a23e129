"""Nested samples and the change per doubling, worked by hand and against plain numpy."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecindex.core.neighbors import Neighbors, nearest_of
from vecindex.core.nulls import bootstrap_mean
from vecindex.verbs.overlap.causes.nested import (
    SHARES,
    Direction,
    bootstrap_curve,
    cumulated,
    direction,
    nested_sizes,
    slope_per_doubling,
    strata,
    weighted_median,
)


@given(st.integers(1, 500), st.integers(0, 5))
def test_each_sample_has_its_size_and_is_contained_in_the_next(n: int, seed: int) -> None:
    number = strata(n, seed)
    samples = [set(np.flatnonzero(number <= i)) for i in range(len(SHARES))]
    assert [len(s) for s in samples] == nested_sizes(n)
    assert all(small <= large for small, large in pairwise(samples))
    assert len(samples[-1]) == n
    assert (strata(n, seed) == number).all()


def test_one_question_has_a_slope_and_no_interval() -> None:
    points, change = bootstrap_curve(np.array([[0.2, 0.3, 0.5]]), [10, 20, 40])
    assert [p.mean for p in points] == [0.2, 0.3, 0.5]
    assert all(np.isnan([p.low, p.high]).all() for p in points)
    assert change.mean == pytest.approx(0.15)
    assert np.isnan([change.low, change.high]).all()
    assert direction(change) is Direction.UNCLEAR


def test_another_seed_draws_other_samples() -> None:
    assert (strata(1000, 1) != strata(1000, 2)).any()


def test_no_article_is_favored() -> None:
    drawn = np.mean([strata(40, seed) == 0 for seed in range(2_000)], axis=0)
    assert drawn == pytest.approx(0.1, abs=0.04)


@given(st.lists(st.integers(0, 6), min_size=12, max_size=60), st.integers(1, 5))
def test_parts_put_together_are_the_whole(distances: list[int], k: int) -> None:
    # Many ties: the order by (dist, row) must survive the cut into parts.
    dist, rows = np.array([distances], dtype=float), np.arange(len(distances))[None, :]
    part = np.arange(len(distances)) % 3
    parts = [nearest_of(rows[:, part == i], dist[:, part == i], k) for i in range(3)]
    for i, found in enumerate(cumulated(parts, k)):
        whole = nearest_of(rows[:, part <= i], dist[:, part <= i], k)
        assert (found.rows == whole.rows).all()
        assert (found.dist == whole.dist).all()


def test_parts_smaller_than_k_are_padded() -> None:
    one = Neighbors(np.array([[3]]), np.array([[0.5]]))
    two = Neighbors(np.array([[1]]), np.array([[0.2]]))
    first, both = cumulated([one, two], 2)
    assert first.rows.tolist() == [[3, -1]]
    assert both.rows.tolist() == [[1, 3]]


def test_slopes_worked_by_hand() -> None:
    # log2 of 25, 50, 100 is c, c + 1, c + 2: the slope is (last - first) / 2.
    assert slope_per_doubling([1.0, 7.0, 2.0], [25, 50, 100]) == pytest.approx(0.5)
    # Of two points a factor of 8 apart: a third of the difference.
    assert slope_per_doubling([0.9, 0.3], [10, 80]) == pytest.approx(-0.2)
    assert slope_per_doubling([[1.0, 1.0], [0.0, 2.0]], [10, 20]).tolist() == pytest.approx([0.0, 2.0])


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=9), st.data())
def test_the_weighted_median_is_that_of_repeated_values(values: list[float], data: st.DataObject) -> None:
    weights = data.draw(st.lists(st.integers(0, 4), min_size=len(values), max_size=len(values)).filter(any))
    found = weighted_median(np.array(values), np.array([weights], dtype=float))
    assert found[0] == pytest.approx(np.median(np.repeat(values, weights)))


@pytest.mark.parametrize("topics", [None, [f"t{i % 8}" for i in range(40)], ["a", "b"] * 20])
def test_points_have_the_intervals_of_single_means(topics: list[str] | None) -> None:
    values = np.random.default_rng(0).random((40, 3))
    points, change = bootstrap_curve(values, [10, 20, 40], topics)
    for at, point in enumerate(points):
        alone = bootstrap_mean(values[:, at], topics)
        assert (point.mean, point.low, point.high) == pytest.approx((alone.mean, alone.low, alone.high))
        assert point.by == alone.by
    # The slope of the means is the mean of the slopes, so its interval is that of the questions' own slopes.
    alone = bootstrap_mean(slope_per_doubling(values, [10, 20, 40]), topics)
    assert (change.mean, change.low, change.high) == pytest.approx((alone.mean, alone.low, alone.high))


def test_the_bootstrap_is_paired() -> None:
    # Questions differ wildly, each falls by 0.1 a doubling: the points are unsure, the change is certain.
    level = np.random.default_rng(0).random(30)[:, None] * 10
    points, change = bootstrap_curve(level - 0.1 * np.arange(3), [25, 50, 100])
    assert points[0].high - points[0].low > 1
    assert (change.mean, change.low, change.high) == pytest.approx((-0.1, -0.1, -0.1))
    assert direction(change) is Direction.FALLS
    assert direction(bootstrap_curve(level + 0.1 * np.arange(3), [25, 50, 100])[1]) is Direction.RISES


def test_the_draws_of_the_samples_are_resampled_too() -> None:
    # All questions agree, two draws do not: nothing but the draws makes the change unsure.
    values = np.zeros((2, 30, 2))
    values[1, :, 1] = 1.0
    points, change = bootstrap_curve(values, [1, 2])
    assert [(p.mean, p.low, p.high) for p in points] == [(0, 0, 0), (0.5, 0, 1)]
    assert (change.mean, change.low, change.high) == (0.5, 0, 1)
    assert direction(change) is Direction.UNCLEAR
    # Draws that agree are as one.
    alone, _ = bootstrap_curve(values[1], [1, 2])
    both, _ = bootstrap_curve(values[[1, 1]], [1, 2])
    assert both == alone


def test_the_mean_over_draws_is_of_their_medians() -> None:
    values = np.array([[[1.0], [2.0], [9.0]], [[4.0], [6.0], [5.0]]])
    points, _ = bootstrap_curve(values, [7], median=True)
    assert points[0].mean == (2 + 5) / 2


def test_noise_has_no_direction() -> None:
    noise = np.random.default_rng(1).normal(size=(50, 4))
    assert direction(bootstrap_curve(noise, [10, 25, 50, 100])[1]) is Direction.UNCLEAR
    assert direction(bootstrap_curve(np.full((5, 2), 0.3), [1, 2])[1]) is Direction.UNCLEAR


def test_medians_are_those_of_the_questions() -> None:
    values = np.random.default_rng(2).random((21, 2))
    points, _ = bootstrap_curve(values, [1, 2], median=True)
    assert [p.mean for p in points] == pytest.approx(np.median(values, axis=0))
    assert all(p.low < p.mean < p.high for p in points)


def test_questions_without_a_figure_are_left_out() -> None:
    points, change = bootstrap_curve(np.array([[0.0, 1.0], [np.nan, np.nan]]), [1, 2], ["a", "b"])
    assert [p.mean for p in points] == [0, 1]
    assert change.mean == 1
    nothing, change = bootstrap_curve(np.full((3, 2), np.nan), [1, 2])
    assert np.isnan([nothing[0].mean, nothing[1].low, change.mean]).all()


def test_one_sample_has_no_change() -> None:
    points, change = bootstrap_curve(np.array([[0.5], [0.7]]), [264])
    assert points[0].mean == pytest.approx(0.6)
    assert np.isnan(change.mean)
