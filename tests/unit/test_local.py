"""The default method on its own: order, determinism, and what the refinement is for."""

import numpy as np
import pytest

from vecindex.core.graph import Graph
from vecindex.core.vectors import normalize
from vecindex.maps.local import along_a_curve, local_map, phases_of, reordered
from vecindex.maps.methods import settings_for
from vecindex.neighbors.graph import knn_graph
from vecindex.neighbors.plane import Plane
from vecindex.types import Silent


@pytest.fixture(scope="module")
def world() -> tuple[np.ndarray, Graph]:
    rng = np.random.default_rng(0)
    topics = rng.normal(size=(40, 32))
    vectors = normalize(topics[rng.integers(40, size=2_000)] + 0.9 * rng.normal(size=(2_000, 32)))
    return vectors, knn_graph(vectors, 15, seed=0, observer=Silent())


def recall(graph: Graph, xy: np.ndarray, k: int) -> float:
    found = Plane(xy).nearest(xy, k, without=np.arange(len(xy))).rows
    return float((graph.rows[:, :k, None] == found[:, None, :]).any(axis=2).mean())


def test_the_refinement_keeps_more_of_the_nearest(world: tuple[np.ndarray, Graph]) -> None:
    vectors, graph = world
    kept = {}
    for name, given in (("whole", {"finish_iterations": 0}), ("refined", {}), ("polished", {"polish_sweeps": 6})):
        settings = settings_for("local", {"polish_sweeps": 0, **given})
        xy = local_map(vectors, graph, init=None, seed=0, settings=settings, observer=Silent())
        kept[name] = recall(graph, xy, 5)
    # 5 of 2,000 by chance are 0.0025.
    assert kept["whole"] > 0.2
    assert kept["refined"] > kept["whole"] + 0.05
    assert kept["polished"] > kept["refined"] + 0.05


def test_the_same_seed_gives_the_same_map(world: tuple[np.ndarray, Graph]) -> None:
    vectors, graph = world
    settings = settings_for("local", {"early_iterations": 30, "iterations": 30, "finish_iterations": 30})
    one, two, other = (
        local_map(vectors, graph, init=None, seed=seed, settings=settings, observer=Silent()) for seed in (1, 1, 2)
    )
    assert (one == two).all()
    assert (one != other).any()


def test_a_map_goes_on_from_an_old_one(world: tuple[np.ndarray, Graph]) -> None:
    vectors, graph = world
    settings = settings_for("local", {"early_iterations": 100, "iterations": 150, "finish_iterations": 50})
    old = local_map(vectors, graph, init=None, seed=0, settings=settings, observer=Silent())
    new = local_map(vectors, graph, init=old.astype(np.float32), seed=0, settings=settings, observer=Silent())
    width = np.ptp(old, axis=0).max()
    assert np.median(np.linalg.norm(new - old, axis=1)) < 0.1 * width
    assert recall(graph, new, 5) > recall(graph, old, 5) - 0.02


def test_of_few_articles_fewer_neighbors_attract() -> None:
    phases = phases_of(settings_for("local", {}), 10)
    assert [len(phase.weights) for phase in phases] == [3, 3, 3]
    assert phases[0].exaggeration == 1.0


def test_reordering_renames_the_articles() -> None:
    graph = Graph(
        np.array([[1, 2], [2, -1], [0, 1]], dtype=np.int32), np.arange(6, dtype=np.float32).reshape(3, 2), 1.0, 0.0
    )
    now = reordered(graph, np.array([2, 0, 1]))
    # Article 0 is the old 2, 1 the old 0, 2 the old 1.
    assert now.rows.tolist() == [[1, 2], [2, 0], [0, -1]]
    assert now.sims.tolist() == [[4, 5], [0, 1], [2, 3]]


def test_the_curve_visits_the_quarters_one_after_the_other() -> None:
    positions = np.random.default_rng(1).random((400, 2)).astype(np.float32)
    positions = np.concatenate([positions, [[0, 0], [1, 1]]]).astype(np.float32)
    order = along_a_curve(positions)
    assert sorted(order.tolist()) == list(range(402))
    quarter = (positions[order] >= 0.5) @ np.array([1, 2])
    assert (np.diff(quarter) >= 0).all()


def test_a_layout_that_diverged_is_returned_as_it_is(world: tuple[np.ndarray, Graph]) -> None:
    """The caller says so in words; the polish would end in an error of its own."""
    vectors, graph = world
    few = {"early_iterations": 2, "iterations": 2, "finish_iterations": 1, "finish_exaggeration": 1e39}
    with np.errstate(all="ignore"):
        found = local_map(vectors, graph, init=None, seed=0, settings=settings_for("local", few), observer=Silent())
    assert not np.isfinite(found).all()
