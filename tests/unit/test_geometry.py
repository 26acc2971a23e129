"""Boxes, hulls, spreads and evenness, against scipy where it has them, and on maps whose evenness is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist

from vecindex.core.geometry import (
    Box,
    bounding_box,
    compactness,
    convex_hull,
    expected_inside,
    in_polygon,
    median_distance,
    perimeter,
    polygon_area,
)
from vecindex.neighbors.plane import Plane
from vecindex.verbs.scores.evenness import Evenness, measure_evenness


def measured(points: np.ndarray, per_cell: int = 50) -> Evenness:
    plane = Plane(points)
    found = measure_evenness(points, plane.nearest(points, 1, plane.rows).dist[:, 0], per_cell)
    assert found is not None
    return found


@given(st.integers(0, 2**20), st.sampled_from([3, 4, 20, 3000]), st.booleans())
@settings(max_examples=40, deadline=None)
def test_hull_has_the_area_and_the_edge_of_scipys(seed: int, n: int, on_grid: bool) -> None:
    rng = np.random.default_rng(seed)
    points = rng.integers(0, 9, (n, 2)).astype(float) if on_grid else rng.normal(size=(n, 2))
    corners = convex_hull(np.concatenate([points, [[np.nan, 1.0]]]))
    assert corners[0].tolist() == min(points.tolist())
    if len(corners) < 3:
        assert np.linalg.matrix_rank(points - points[0]) < 2
        return
    right = ConvexHull(points)
    assert polygon_area(corners) == pytest.approx(right.volume)
    assert perimeter(corners) == pytest.approx(right.area)
    assert in_polygon(points.mean(axis=0)[None], corners).all()


def test_points_on_a_line_have_no_hull() -> None:
    line = np.stack([np.arange(2_000.0), np.arange(2_000.0)], axis=1)
    assert convex_hull(line).tolist() == [[0, 0], [1999, 1999]]
    assert convex_hull(line[:1]).tolist() == [[0, 0]]
    assert len(convex_hull(line[:0])) == 0
    assert measure_evenness(line) is None


def test_expected_inside_counts_only_the_shared_area() -> None:
    whole = Box(0, 0, 10, 10)
    assert expected_inside(Box(-5, 0, 5, 10), whole, 100) == 50
    assert expected_inside(Box(20, 20, 30, 30), whole, 100) == 0
    assert Box(0, 0, 1, 1).count_inside(np.array([[0.5, 1.0], [2.0, 0.5], [math.nan, 0.5]])) == 1


def test_the_dot_of_the_first_users() -> None:
    # Their questions spanned 0.03 x 0.04 of a map of 16 x 16 with 25,000 articles: none inside is what to expect.
    dot = Box(4.98, 4.73, 5.01, 4.77)
    assert expected_inside(dot, Box(0, 0, 16, 16), 25_000) == pytest.approx(0.117, abs=0.001)


def test_a_box_of_nothing() -> None:
    assert bounding_box(np.full((2, 2), np.nan)) is None


@given(st.integers(0, 2**20), st.integers(2, 30), st.integers(1, 6))
@settings(max_examples=30, deadline=None)
def test_median_distance_is_that_of_scipy(seed: int, n: int, d: int) -> None:
    points = np.random.default_rng(seed).normal(size=(n, d)) + 100
    # Of an even number of pairs the middle of the squares is taken, which lies between the two middle distances.
    middle = np.sort(pdist(points))
    low, high = middle[(len(middle) - 1) // 2], middle[len(middle) // 2]
    assert low - 1e-9 <= median_distance(points) <= high + 1e-9


def test_compactness_tells_a_dot_from_a_cloud() -> None:
    rng = np.random.default_rng(0)
    articles = rng.random((400, 2)) * 16
    assert compactness(rng.random((60, 2)) * 0.03 + 5, articles) < 0.003
    assert compactness(rng.random((60, 2)) * 16, articles) == pytest.approx(1, abs=0.1)
    assert math.isnan(compactness(articles[:1], articles))
    assert math.isnan(compactness(articles, np.zeros((3, 2))))


def test_evenness_of_known_maps() -> None:
    rng = np.random.default_rng(0)
    random = measured(rng.random((5_000, 2)))
    assert random.clark_evans == pytest.approx(1, abs=0.03)
    assert random.cells == pytest.approx(100, abs=25)
    assert random.entropy > 0.97
    # Poisson counts with mean m have a Gini of about 1 / sqrt(pi m).
    assert random.gini == pytest.approx(1 / math.sqrt(math.pi * 50), abs=0.02)
    grid = measured(np.stack(np.meshgrid(np.arange(70.0), np.arange(70.0)), axis=-1).reshape(-1, 2))
    assert grid.clark_evans == pytest.approx(2, abs=0.05)
    clump = measured(np.concatenate([rng.normal(0, 0.01, (4_900, 2)), rng.random((100, 2))]))
    assert clump.clark_evans is not None
    assert clump.clark_evans < 0.3
    assert clump.gini > 0.8
    assert clump.entropy < 0.4
    assert clump.occupied < grid.occupied == 1


def test_scale_changes_nothing() -> None:
    points = np.random.default_rng(1).random((1_000, 2))
    small, large = measured(points), measured(points * 64)
    assert (small.entropy, small.gini, small.cells) == (large.entropy, large.gini, large.cells)
    assert small.clark_evans == pytest.approx(large.clark_evans)
    assert large.cell_width == pytest.approx(64 * small.cell_width)
