"""Placement on a map, and the exact search on it, against sorting and loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference import plane as slow
from vecindex.core.neighbors import NO_ROW
from vecindex.core.overlap import overlap_at_k, rank_weighted_overlap, snap_floor
from vecindex.core.placement import place_at_median, place_by_search, subsets
from vecindex.neighbors.plane import Plane


def random_map(seed: int, n: int = 60) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, 2))


def targets_of(seed: int, q: int, k: int, n: int = 60) -> np.ndarray:
    rng = np.random.default_rng(seed + 1)
    return np.array([rng.permutation(n)[:k] for _ in range(q)], dtype=np.int64)


@given(st.integers(0, 2**20), st.integers(1, 70), st.booleans(), st.booleans())
@settings(max_examples=60, deadline=None)
def test_the_plane_is_exact(seed: int, k: int, on_grid: bool, holes: bool) -> None:
    rng = np.random.default_rng(seed)
    # On a grid of 3 x 3 places most distances tie, and many articles lie on one point.
    xy = rng.integers(0, 3, (60, 2)).astype(float) if on_grid else rng.normal(size=(60, 2))
    if holes:
        xy[rng.random(60) < 0.3] = np.nan
    points = np.concatenate([rng.integers(0, 3, (4, 2)), rng.normal(size=(4, 2)), [[math.nan, 0]]])
    found = Plane(xy).nearest(points, k)
    for i, point in enumerate(points[:-1]):
        right = slow.nearest(xy, tuple(point), k)
        assert found.rows[i, : len(right)].tolist() == right
        assert (found.rows[i, len(right) :] == NO_ROW).all()
        assert found.dist[i, 0] == pytest.approx(math.dist(xy[right[0]], point))
    assert (found.rows[-1] == NO_ROW).all()


def test_the_plane_leaves_an_article_out() -> None:
    xy = np.array([[0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [5.0, 0.0]])
    itself = np.arange(4)
    assert Plane(xy).nearest(xy, 2, itself).rows.tolist() == [[1, 2], [0, 2], [0, 1], [0, 1]]
    assert Plane(xy).nearest(xy, 2, np.full(4, NO_ROW)).rows.tolist() == [[0, 1], [0, 1], [0, 1], [3, 0]]


def test_thousands_on_one_point_are_cut_by_id() -> None:
    xy = np.zeros((3_000, 2))
    xy[5] = 1.0
    assert Plane(xy).nearest(np.zeros((2, 2)), 7).rows.tolist() == [[0, 1, 2, 3, 4, 6, 7]] * 2


def test_an_empty_map_has_no_neighbors() -> None:
    plane = Plane(np.full((3, 2), np.nan))
    assert plane.nearest(np.zeros((1, 2)), 2).rows.tolist() == [[NO_ROW, NO_ROW]]
    assert np.isnan(place_by_search(np.array([[0, 1]]), plane.xy, plane.nearest)).all()
    assert np.isnan(place_at_median(np.array([[0, 1]]), plane.xy)).all()


@given(st.integers(0, 2**20), st.integers(1, 5))
@settings(max_examples=25, deadline=None)
def test_the_search_finds_the_best_position(seed: int, k: int) -> None:
    xy, targets = random_map(seed), targets_of(seed, 3, k)
    plane = Plane(xy)
    places = place_by_search(targets, xy, plane.nearest)
    found = plane.nearest(places, k).rows
    for i in range(3):
        overlap, weighted, move = slow.best_place(targets[i].tolist(), xy)
        assert overlap_at_k(targets, found, k)[i] == overlap
        assert rank_weighted_overlap(targets, found, k)[i] == pytest.approx(weighted)
        assert math.dist(places[i], xy[targets[i]].mean(axis=0)) == pytest.approx(move, abs=1e-9)
        assert overlap >= snap_floor(k)


@given(st.integers(0, 2**20), st.floats(0, 6.3), st.floats(0.1, 50), st.floats(-9, 9))
@settings(max_examples=25, deadline=None)
def test_turning_scaling_and_moving_the_map_change_nothing(
    seed: int, angle: float, scale: float, shift: float
) -> None:
    xy, targets = random_map(seed), targets_of(seed, 4, 5)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    other = xy @ turn.T * scale + shift
    here, there = Plane(xy), Plane(other)
    before = here.nearest(place_by_search(targets, xy, here.nearest), 5).rows
    after = there.nearest(place_by_search(targets, other, there.nearest), 5).rows
    assert overlap_at_k(targets, before, 5).tolist() == overlap_at_k(targets, after, 5).tolist()


@given(st.integers(0, 2**20))
@settings(max_examples=20, deadline=None)
def test_questions_do_not_see_each_other(seed: int) -> None:
    xy, targets = random_map(seed), targets_of(seed, 5, 5)
    plane = Plane(xy)
    together = place_by_search(targets, xy, plane.nearest)
    alone = np.concatenate([place_by_search(t[None], xy, plane.nearest) for t in targets])
    assert (together == alone).all()
    order = np.random.default_rng(seed).permutation(5)
    assert (place_by_search(targets[order], xy, plane.nearest) == together[order]).all()


def test_targets_outside_the_map_are_left_out() -> None:
    xy = np.array([[0.0, 0.0], [2.0, 0.0], [np.nan, np.nan], [50.0, 50.0]])
    plane = Plane(xy)
    targets = np.array([[2, 0, 1]])
    assert place_at_median(targets, xy).tolist() == [[1.0, 0.0]]
    place = place_by_search(targets, xy, plane.nearest)
    assert place.tolist() == [[1.0, 0.0]]
    assert overlap_at_k(targets, plane.nearest(place, 3).rows, 3).tolist() == [2 / 3]


def test_a_point_beside_a_dense_spot_holds_what_no_mean_does() -> None:
    # Row 2 is nearer to the mean (1, 0) of the two targets than they are, and each has it as its nearest.
    xy = np.array([[0.0, 0.0], [2.0, 0.0], [1.0, 0.9]])
    plane, targets = Plane(xy), np.array([[0, 1]])
    assert plane.nearest(np.array([[1.0, 0.0]]), 2).rows.tolist() == [[2, 0]]
    # 0.6 of the distance to the second nearest, 2, at 22.5 degrees from the direction of the mean, away from row 2;
    # of the points around the two targets it is the one or its mirror image, which are as good.
    (place,) = place_by_search(targets, xy, plane.nearest)
    assert abs(place[0] - 1) == pytest.approx(1.2 * math.cos(math.pi / 8) - 1)
    assert place[1] == pytest.approx(-1.2 * math.sin(math.pi / 8))
    assert sorted(plane.nearest(place, 2).rows[0].tolist()) == [0, 1]


def test_what_is_left_out_is_nobodys_neighbor() -> None:
    # Without row 2 the mean keeps both.
    xy = np.array([[0.0, 0.0], [2.0, 0.0], [1.0, 0.9]])
    plane = Plane(xy)
    place = place_by_search(np.array([[0, 1]]), xy, plane.nearest, without=np.array([2]))
    assert place.tolist() == [[1.0, 0.0]]


def test_a_larger_k_tries_the_nearest_eight() -> None:
    xy, targets = random_map(3), targets_of(3, 2, 10)
    plane = Plane(xy)
    assert len(subsets(8)) == 255
    found = plane.nearest(place_by_search(targets, xy, plane.nearest), 10).rows
    assert (overlap_at_k(targets, found, 10) >= 1 / 10).all()
