"""The neighbor graph against sorting all cosines."""

import numpy as np
import pytest

import vecindex.neighbors.graph as module
from vecindex.core.graph import Graph
from vecindex.neighbors.blas import load_faiss
from vecindex.neighbors.graph import extend_graph, knn_graph
from vecindex.types import Silent


def clustered(n: int, d: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    means = rng.normal(size=(n // 50, d))
    vectors = means[rng.integers(len(means), size=n)] + 0.7 * rng.normal(size=(n, d))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def true_lists(vectors: np.ndarray, asked: np.ndarray, k: int) -> np.ndarray:
    sims = vectors[asked].astype(np.float64) @ vectors.T.astype(np.float64)
    sims[np.arange(len(asked)), asked] = -np.inf
    return np.argsort(-sims, axis=1, kind="stable")[:, :k]


def share_found(graph: Graph, vectors: np.ndarray, asked: np.ndarray) -> float:
    true = true_lists(vectors, asked, graph.k)
    return float((graph.rows[asked][:, :, None] == true[:, None, :]).any(axis=2).mean())


def check_lists(graph: Graph, vectors: np.ndarray) -> None:
    n = len(vectors)
    assert (graph.rows >= 0).all()
    assert (graph.rows != np.arange(n)[:, None]).all()
    ordered = np.sort(graph.rows, axis=1)
    assert (ordered[:, 1:] != ordered[:, :-1]).all()
    assert (np.diff(graph.sims, axis=1) <= 0).all()
    true = np.einsum("ijk,ik->ij", vectors[graph.rows], vectors)
    assert np.abs(true - graph.sims).max() < 1e-5


@pytest.mark.parametrize("n", [2, 7, 400])
def test_of_few_articles_the_lists_are_exact(n: int) -> None:
    vectors = clustered(max(n, 100), 24, 1)[:n]
    graph = knn_graph(vectors, min(6, n - 1), seed=0, observer=Silent())
    assert graph.recall == 1.0
    assert share_found(graph, vectors, np.arange(n)) == 1.0
    check_lists(graph, vectors)


def test_threads_change_nothing_of_exact_lists() -> None:
    vectors = clustered(900, 48, 3)
    faiss = load_faiss()
    before, found = faiss.omp_get_max_threads(), []
    for threads in (1, 2, 3):
        faiss.omp_set_num_threads(threads)
        try:
            found.append(knn_graph(vectors, 15, seed=0, observer=Silent()))
        finally:
            faiss.omp_set_num_threads(before)
    for graph in found[1:]:
        assert (graph.rows == found[0].rows).all()
        assert (graph.sims == found[0].sims).all()


def test_a_duplicate_in_a_list_is_as_good_as_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EXACT_UP_TO", 1_000)
    vectors = np.repeat(clustered(300, 48, 4), 40, axis=0)
    graph = knn_graph(vectors, 10, seed=0, observer=Silent())
    assert graph.recall >= module.RECALL
    assert (graph.sims > 1 - 1e-5).mean() >= module.RECALL
    assert (graph.rows != np.arange(12_000)[:, None]).all()


def test_of_many_articles_the_recall_is_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EXACT_UP_TO", 1_000)
    vectors = clustered(12_000, 48, 2)
    graph = knn_graph(vectors, 10, seed=0, observer=Silent())
    others = np.random.default_rng(99).permutation(len(vectors))[:2_000]
    found = share_found(graph, vectors, others)
    assert graph.recall >= module.RECALL
    assert found >= module.RECALL - 0.01
    assert abs(found - graph.recall) < 0.01
    check_lists(graph, vectors)


def test_the_same_seed_gives_the_same_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EXACT_UP_TO", 1_000)
    vectors = clustered(4_000, 32, 3)
    one, two = (knn_graph(vectors, 8, seed=5, observer=Silent()) for _ in range(2))
    assert (one.rows == two.rows).all()
    assert (one.sims == two.sims).all()


def test_it_is_made_of_equal_vectors_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EXACT_UP_TO", 100)
    vectors = np.repeat(clustered(100, 16, 4), 10, axis=0)
    graph = knn_graph(vectors, 5, seed=0, observer=Silent())
    check_lists(graph, vectors)
    # Each article has nine others on its own place, so all five neighbors are among them.
    assert graph.sims.min() > 1 - 1e-5


@pytest.mark.parametrize("at_once", [module._ASKERS, 50])
def test_an_extended_graph_is_that_of_all_articles(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_ASKERS", at_once)
    monkeypatch.setattr(module, "_STEP", 20)
    vectors = clustered(900, 24, 5)
    old = knn_graph(vectors[:700], 6, seed=0, observer=Silent())
    graph = extend_graph(old, vectors, seed=0, observer=Silent())
    assert share_found(graph, vectors, np.arange(900)) == 1.0
    check_lists(graph, vectors)
