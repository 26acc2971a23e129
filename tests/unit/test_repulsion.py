"""The repulsion by a grid, and the gradient, against sums over all pairs."""

import numpy as np
import pytest

from vecindex.core.graph import Graph
from vecindex.maps.descent import Attraction, Phase, both_ways, descend, normalized
from vecindex.maps.repulsion import Repulsion


def all_pairs(positions: np.ndarray) -> tuple[np.ndarray, float]:
    """Return sum_j (y_i - y_j) q_ij^2 and Z, q_ij = 1 / (1 + |y_i - y_j|^2), i != j."""
    away = positions[:, None, :].astype(np.float64) - positions[None, :, :]
    q = 1.0 / (1.0 + (away**2).sum(axis=2))
    return (away * (q**2)[:, :, None]).sum(axis=1), float(q.sum() - len(positions))


@pytest.mark.parametrize("density", [0.5, 4.0, 1e6])
@pytest.mark.parametrize("threads", [1, 2])
def test_forces_are_those_of_all_pairs(density: float, threads: int) -> None:
    rng = np.random.default_rng(3)
    positions = (rng.random((3_000, 2)) * np.sqrt(3_000 / density)).astype(np.float32)
    force = np.empty_like(positions)
    z = Repulsion(threads)(positions, force)
    true, true_z = all_pairs(positions)
    assert abs(z / true_z - 1) < 2e-3
    assert np.linalg.norm(force - true) < 0.04 * np.linalg.norm(true)


@pytest.mark.parametrize("n", [2, 3, 40])
@pytest.mark.parametrize("width", [1e-4, 1.0, 1e4])
def test_of_few_articles_all_pairs_are_summed(n: int, width: float) -> None:
    # Far apart, Z is a millionth and less, where a grid errs by a hundredth.
    positions = (np.random.default_rng(6).random((n, 2)) * width).astype(np.float32)
    force = np.empty_like(positions)
    z = Repulsion(2)(positions, force)
    true, true_z = all_pairs(positions)
    # The reference loses digits where it takes n from the sum of all q, each article's own among them.
    assert z == pytest.approx(true_z, rel=1e-5, abs=1e-12)
    np.testing.assert_allclose(force, true, rtol=1e-5, atol=1e-12)


def test_a_finer_grid_comes_nearer() -> None:
    positions = (np.random.default_rng(4).random((2_000, 2)) * 30).astype(np.float32)
    true, _ = all_pairs(positions)
    errors = []
    for spacing in (0.8, 0.4, 0.2):
        force = np.empty_like(positions)
        Repulsion(2, spacing)(positions, force)
        errors.append(np.linalg.norm(force - true))
    assert errors[1] < errors[0] / 3
    assert errors[2] < errors[1] / 3


def test_one_grid_serves_places_that_grow() -> None:
    rng = np.random.default_rng(5)
    repulsion = Repulsion(2, few=0)
    for width in (0.02, 3.0, 40.0, 55.0, 2.0):
        positions = (rng.random((500, 2)) * width).astype(np.float32)
        force = np.empty_like(positions)
        repulsion(positions, force)
        true, _ = all_pairs(positions)
        assert np.linalg.norm(force - true) < 0.05 * np.linalg.norm(true)


@pytest.mark.parametrize("threads", [1, 2])
def test_few_that_lie_far_apart_are_summed_pair_by_pair(threads: int) -> None:
    # Z is 0.04 here, and the grid's error would be as large.
    positions = (np.random.default_rng(6).random((10, 2)) * 200).astype(np.float32)
    force = np.empty_like(positions)
    z = Repulsion(threads)(positions, force)
    true, true_z = all_pairs(positions)
    assert z == pytest.approx(true_z, rel=1e-5)
    np.testing.assert_allclose(force, true, rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("few", [0, 2], ids=["grid", "pairs"])
def test_two_articles_push_each_other_apart_by_the_formula(few: int) -> None:
    positions = np.array([[0.0, 0.0], [2.0, 0.0]], dtype=np.float32)
    force = np.empty_like(positions)
    z = Repulsion(1, 0.05, few)(positions, force)
    # (0 - 2) / (1 + 4)^2 = -0.08; Z = 2 / 5.
    assert force[:, 0] == pytest.approx([-0.08, 0.08], rel=0.01)
    assert force[:, 1] == pytest.approx([0.0, 0.0], abs=1e-4)
    assert z == pytest.approx(0.4, rel=0.01)


def test_weights_go_both_ways_and_sum_to_one() -> None:
    graph = Graph(np.array([[1, 2], [0, 2], [1, -1]], dtype=np.int32), np.zeros((3, 2), np.float32), 1.0, 0.0)
    attraction = normalized(both_ways(graph, (1.0, 0.5)))
    dense = np.zeros((3, 3))
    for i in range(3):
        for e in range(attraction.starts[i], attraction.starts[i + 1]):
            dense[i, attraction.ends_at[e]] = attraction.weights[e]
    # 0 -> 1 (1), 0 -> 2 (.5), 1 -> 0 (1), 1 -> 2 (.5), 2 -> 1 (1): both ways 0-1 2, 0-2 .5, 1-2 1.5; all of it 8.
    assert dense == pytest.approx(np.array([[0, 2, 0.5], [2, 0, 1.5], [0.5, 1.5, 0]]) / 8)


def test_one_step_from_rest_is_the_gradient_of_t_sne() -> None:
    rng = np.random.default_rng(6)
    positions = (rng.random((60, 2)) * 6).astype(np.float32)
    weights = rng.random((60, 60)).astype(np.float32)
    weights = np.triu(weights, 1) + np.triu(weights, 1).T
    weights /= weights.sum()
    starts = np.arange(61, dtype=np.int64) * 60
    ends_at = np.tile(np.arange(60, dtype=np.int32), 60)
    found = descend(positions, Attraction(starts, ends_at, weights.ravel()), Phase((1.0,), 1, 2.0, 0.5))
    away = positions[:, None, :].astype(np.float64) - positions[None, :, :]
    q = 1.0 / (1.0 + (away**2).sum(axis=2))
    force, z = all_pairs(positions)
    gradient = 4 * (2.0 * ((weights * q)[:, :, None] * away).sum(axis=1) - force / z)
    # From rest the first step has gain 1.2 where the gradient is positive, 0.8 where it is negative, rate 200.
    step = -200 * np.where(gradient > 0, 1.2, 0.8) * gradient
    moved = found - (positions + step)
    moved -= moved.mean(axis=0)  # the center is kept
    assert np.abs(moved).max() < 0.03 * np.abs(step).max()
