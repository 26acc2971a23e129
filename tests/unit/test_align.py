"""Maps laid over each other."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecindex.verbs.project.align import align, moves, procrustes


def test_a_triangle_by_hand() -> None:
    # Twice as large, mirrored at the y axis, then moved by (10, 1): (x, y) goes to (10 - 2 x, 1 + 2 y).
    corners = np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 1.0]])
    fixed = np.array([[10.0, 1.0], [4.0, 1.0], [10.0, 3.0]])
    rotation, shift, scale = procrustes(corners, fixed)
    assert scale == pytest.approx(2)
    np.testing.assert_allclose(rotation, [[-1, 0], [0, 1]], atol=1e-12)
    np.testing.assert_allclose(shift, [10, 1], atol=1e-12)


def test_the_best_scale_of_a_map_that_does_not_fit() -> None:
    # Two points at -1 and 1 against -3 and 1, on a line: centred -1, 1 and -2, 2, so scale 2 about the center -1.
    moving = np.array([[-1.0, 0.0], [1.0, 0.0]])
    fixed = np.array([[-3.0, 0.0], [1.0, 0.0]])
    rotation, shift, scale = procrustes(moving, fixed)
    np.testing.assert_allclose(scale * moving @ rotation + shift, fixed, atol=1e-12)
    assert scale == pytest.approx(2)


@given(
    st.floats(0, 2 * math.pi),
    st.floats(0.01, 100),
    st.tuples(st.floats(-100, 100), st.floats(-100, 100)),
    st.booleans(),
    st.integers(0, 1_000),
)
def test_any_similarity_is_undone(
    angle: float, scale: float, shift: tuple[float, float], mirrored: bool, seed: int
) -> None:
    old = np.random.default_rng(seed).normal(size=(12, 2))
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    moved = scale * (old * ([-1, 1] if mirrored else [1, 1])) @ turn + shift
    laid, told = align(moved, old)
    np.testing.assert_allclose(laid, old, atol=1e-6)
    assert told is not None
    assert told.articles == 12
    assert told.p95 < 1e-6


@given(st.integers(0, 1_000))
def test_no_other_turn_or_scale_fits_better(seed: int) -> None:
    rng = np.random.default_rng(seed)
    moving, fixed = rng.normal(size=(8, 2)), rng.normal(size=(8, 2))
    laid, _ = align(moving, fixed)
    best = ((laid - fixed) ** 2).sum()
    for angle in np.linspace(0, 2 * np.pi, 37):
        for scale in (0.01, 0.3, 1.0):
            for sign in (1, -1):
                turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) * [sign, 1]
                other = scale * (moving - moving.mean(axis=0)) @ turn + fixed.mean(axis=0)
                assert best <= ((other - fixed) ** 2).sum() + 1e-9


def test_only_articles_of_both_maps_count_and_new_ones_go_along() -> None:
    old = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0], [np.nan, np.nan]])
    new = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [5.0, 5.0]])
    laid, moved = align(new, old)
    np.testing.assert_allclose(laid, new * 2, atol=1e-12)
    assert moved is not None
    assert (moved.articles, round(moved.median, 9)) == (3, 0.0)


def test_one_common_article_tells_nothing() -> None:
    old = np.array([[1.0, 1.0], [np.nan, np.nan]])
    new = np.array([[3.0, 4.0], [5.0, 6.0]])
    laid, moved = align(new, old)
    np.testing.assert_array_equal(laid, new)
    assert moved is None


def test_a_map_on_one_spot_is_only_shifted() -> None:
    old = np.array([[0.0, 0.0], [2.0, 0.0]])
    laid, moved = align(np.array([[7.0, 7.0], [7.0, 7.0]]), old)
    np.testing.assert_array_equal(laid, [[1.0, 0.0], [1.0, 0.0]])
    assert moved is not None
    assert moved.median == 0.5


def test_moves_by_hand() -> None:
    # The old map is 10 wide and 4 high; of three common articles one moved by 5 (3, 4), the others by nothing.
    old = np.array([[0.0, 0.0], [10.0, 4.0], [5.0, 1.0], [np.nan, np.nan]])
    new = np.array([[3.0, 4.0], [10.0, 4.0], [5.0, 1.0], [1.0, 1.0]])
    np.testing.assert_array_equal(moves(new, old), [0.5, 0.0, 0.0, np.nan])


def test_the_summary_of_moves_by_hand() -> None:
    # All on one spot, so they only go to the mean, (3, 0): by 3, 3 and 6 on a map that is 9 wide.
    old = np.array([[0.0, 0.0], [0.0, 0.0], [9.0, 0.0], [np.nan, np.nan]])
    _, moved = align(np.ones((4, 2)), old)
    assert moved is not None
    assert (moved.articles, moved.median) == (3, pytest.approx(1 / 3))
    # The 95th percentile of the three lies at place 1.9, so 0.9 of the way from the second to the third.
    assert moved.p95 == pytest.approx(1 / 3 + 0.9 / 3)
