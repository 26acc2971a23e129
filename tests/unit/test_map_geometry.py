"""Shapes of maps where the general case does not lead: filters, degenerate fits, cells that are no squares."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import entropy

from vecindex.core.geometry import Box
from vecindex.core.neighbors import NO_ROW
from vecindex.core.pca import Covariance
from vecindex.core.placement import place_at_median, place_by_search
from vecindex.neighbors.plane import Plane
from vecindex.verbs.project.align import moves, procrustes
from vecindex.verbs.scores.evenness import measure_evenness, normalized_entropy


def test_a_map_that_has_nothing_in_common_with_the_old_one_is_only_shifted() -> None:
    moving = np.array([[-1.0, 0.0], [1.0, 0.0], [0.0, 0.0], [0.0, 0.0]])
    fixed = np.array([[5.0, 7.0], [5.0, 7.0], [5.0, 8.0], [5.0, 6.0]])
    rotation, shift, scale = procrustes(moving, fixed)
    assert (rotation.tolist(), shift.tolist(), scale) == ([[1, 0], [0, 1]], [5, 7], 1)


def test_the_sides_of_a_cell() -> None:
    # 21 points on 3 by 1.4, five a cell: the side of a square cell would be 1, so there are three cells in a row.
    inside = np.random.default_rng(0).random((17, 2))
    points = np.concatenate([[[0, 0], [1, 0], [1, 1], [0, 1]], inside]) * (3.0, 1.4)
    found = measure_evenness(points, None, per_cell=5)
    assert found is not None
    assert (found.cells, found.cell_width, found.cell_height) == (3, 1.0, 1.4)
    assert found.hull_area == pytest.approx(4.2)
    assert found.clark_evans is None


@pytest.mark.parametrize(
    ("other", "shared"),
    [
        (Box(5, 5, 20, 20), Box(5, 5, 10, 10)),
        (Box(10, 0, 20, 10), Box(10, 0, 10, 10)),
        (Box(0, 20, 10, 30), None),
        (Box(20, 0, 30, 10), None),
        (Box(20, 20, 30, 30), None),
    ],
)
def test_what_two_boxes_share(other: Box, shared: Box | None) -> None:
    whole = Box(0, 0, 10, 10)
    assert whole.within(other) == shared
    assert other.within(whole) == shared


def test_a_small_old_map_is_still_a_map() -> None:
    square = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    _, shift, scale = procrustes(square, square / 1000 + 5)
    assert scale == pytest.approx(1 / 1000)
    assert shift == pytest.approx([5, 5])


def test_moves_are_in_widths_of_the_larger_side() -> None:
    old = np.array([[0.0, 0.0], [10.0, 4.0], [5.0, 9.0]])
    new = old + np.array([[0.0, 1.0], [2.0, 0.0], [0.0, 0.0]])
    assert moves(new, old).tolist() == [0.1, 0.2, 0.0]


def test_a_map_of_one_article_takes_lists_that_are_not_full() -> None:
    plane = Plane(np.array([[3.0, 4.0]]))
    targets = np.array([[0, NO_ROW]])
    assert place_by_search(targets, plane.xy, plane.nearest).tolist() == [[3.0, 4.0]]
    assert place_at_median(targets, plane.xy).tolist() == [[3.0, 4.0]]


@pytest.mark.parametrize("counts", [[1, 1, 2], [1, 0, 0, 5], [1, 1, 1, 1]])
def test_entropy_is_that_of_scipy(counts: list[int]) -> None:
    assert normalized_entropy(counts) == pytest.approx(entropy(counts) / np.log(len(counts)))


def test_the_mean_of_a_single_vector_is_that_vector() -> None:
    covariance = Covariance(3)
    covariance.add(np.array([[1.0, 2.0, 3.0]], dtype=np.float32))
    assert covariance.axes()[0].tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("seed", [0, 1])
def test_axes_of_blocks_are_those_of_all_vectors(seed: int) -> None:
    vectors = np.random.default_rng(seed).normal(size=(300, 5)).astype(np.float32) * (5, 4, 3, 2, 1) + 2
    vectors = vectors.astype(np.float32)
    covariance = Covariance(5)
    for block in np.split(vectors, [1, 40, 200]):
        covariance.add(block)
    mean, axes = covariance.axes(3)
    assert mean == pytest.approx(vectors.mean(axis=0), rel=1e-5)
    _, _, right = np.linalg.svd(vectors - vectors.mean(axis=0), full_matrices=False)
    assert np.abs(axes.T @ right[:3].T) == pytest.approx(np.eye(3), abs=1e-3)
    assert (axes[np.abs(axes).argmax(axis=0), np.arange(3)] > 0).all()
