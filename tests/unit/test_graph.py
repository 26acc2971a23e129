"""The articles' neighbor graph: exact where it says so, and the same after articles came and went."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tables import unit_vectors
from vecindex.core.graph import Graph
from vecindex.core.neighbors import NO_ROW
from vecindex.neighbors.graph import extend_graph, knn_graph
from vecindex.types import Silent


def slow_lists(vectors: np.ndarray, k: int) -> list[set[int]]:
    """Return the k nearest others of each article, by sorting all of them."""
    sims = vectors.astype(np.float64) @ vectors.T.astype(np.float64)
    np.fill_diagonal(sims, -np.inf)
    return [set(np.argsort(-row, kind="stable")[: min(k, len(row) - 1)].tolist()) for row in sims]


def lists(graph: Graph) -> list[set[int]]:
    return [set(row[row != NO_ROW].tolist()) for row in graph.rows]


def share_found(graph: Graph, vectors: np.ndarray) -> float:
    true = slow_lists(vectors, graph.k)
    return float(np.mean([len(a & b) / len(b) for a, b in zip(lists(graph), true, strict=True)]))


def check_form(graph: Graph, vectors: np.ndarray, k: int) -> None:
    """Assert what holds of every graph, exact or not."""
    n = len(vectors)
    assert graph.rows.dtype == np.int32
    assert graph.sims.dtype == np.float32
    assert len(graph) == n
    for i, (row, sims) in enumerate(zip(graph.rows, graph.sims, strict=True)):
        there = row[row != NO_ROW]
        assert len(there) == min(k, n - 1) == len(set(there.tolist()))
        assert i not in there
        assert (row[len(there) :] == NO_ROW).all(), "what is missing is missing at the end"
        assert (np.diff(sims[: len(there)]) <= 0).all(), "nearest first"
        np.testing.assert_allclose(sims[: len(there)], vectors[there] @ vectors[i], atol=1e-5)


@pytest.mark.parametrize(("n", "k"), [(2, 1), (3, 5), (40, 7), (500, 15)])
def test_neighbors_are_the_true_ones(n: int, k: int) -> None:
    vectors = unit_vectors(n, 16, seed=n)
    graph = knn_graph(vectors, k, seed=0, observer=Silent())
    check_form(graph, vectors, min(k, graph.k))
    assert share_found(graph, vectors) >= 0.99
    assert 0.99 <= graph.recall <= 1


def test_copies_of_an_article_are_neighbors_of_each_other() -> None:
    vectors = unit_vectors(100, 16)
    vectors[50:60] = vectors[50]
    graph = knn_graph(vectors, 5, seed=0, observer=Silent())
    check_form(graph, vectors, 5)
    for i in range(50, 60):
        assert set(graph.rows[i].tolist()) <= set(range(50, 60)) - {i}


def test_all_alike() -> None:
    vectors = np.repeat(unit_vectors(1, 8), 40, axis=0)
    check_form(knn_graph(vectors, 6, seed=0, observer=Silent()), vectors, 6)


def test_new_articles_come_into_the_lists_of_old_ones() -> None:
    vectors = unit_vectors(600, 16, seed=3)
    vectors[550] = vectors[7]
    old = knn_graph(vectors[:500], 10, seed=0, observer=Silent())
    whole = extend_graph(old, vectors, seed=0, observer=Silent())
    check_form(whole, vectors, 10)
    assert whole.rows[7, 0] == 550
    assert whole.rows[550, 0] == 7
    assert share_found(whole, vectors) >= 0.99


def test_lists_that_lost_a_neighbor_are_searched_again() -> None:
    vectors = unit_vectors(300, 16, seed=4)
    kept = np.ones(300, dtype=bool)
    kept[::5] = False
    graph = knn_graph(vectors, 8, seed=0, observer=Silent()).keep(kept)
    left = vectors[kept]
    assert graph.incomplete().any()
    again = extend_graph(graph, left, seed=0, observer=Silent())
    check_form(again, left, 8)
    assert share_found(again, left) >= 0.99


@given(st.integers(0, 10_000), st.integers(3, 30), st.integers(1, 8))
@settings(max_examples=30, deadline=None)
def test_what_is_kept_is_the_beginning_of_the_true_lists(seed: int, n: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = unit_vectors(n, 6, seed=seed)
    sims = vectors @ vectors.T
    np.fill_diagonal(sims, -np.inf)
    rows = np.argsort(-sims, axis=1, kind="stable")[:, : min(k, n - 1)].astype(np.int32)
    graph = Graph(rows, np.take_along_axis(sims, rows, axis=1), 1.0, 0.0)
    kept = rng.random(n) < 0.7
    found = graph.keep(kept)
    left = np.flatnonzero(kept)
    assert len(found) == len(left)
    for new, old in enumerate(left):
        expected = [int(np.searchsorted(left, r)) for r in rows[old] if kept[r]]
        there = found.rows[new][found.rows[new] != NO_ROW].tolist()
        assert there == expected
        np.testing.assert_array_equal(found.sims[new][len(there) :], -np.inf)
        assert found.incomplete()[new] == (len(there) < min(graph.k, len(left) - 1))


def test_tables_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(ValueError, match=r"rows \(2, 1\) and sims \(1, 2\) must be equal"):
        Graph(np.zeros((2, 1), np.int32), np.zeros((1, 2), np.float32), 1.0, 0.0)
