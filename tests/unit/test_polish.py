"""The polish: gains against all lists counted anew, threads, what stays, and what it is worth."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import pytest

from tables import unit_vectors
from vecindex.core.graph import Graph
from vecindex.maps import polish as module
from vecindex.maps import polish_kernels as kernels
from vecindex.maps.polish import HITS_AT, polish
from vecindex.neighbors.graph import knn_graph
from vecindex.types import Silent


def graph_of(n: int, d: int = 6, seed: int = 0) -> Graph:
    return knn_graph(unit_vectors(n, d, seed=seed), 12, seed=0, observer=Silent())


def start(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, 2)) * [3, 1]


def hits(xy: np.ndarray, true: np.ndarray, k: int) -> np.ndarray:
    """Return for each article how many of its k nearest are its k nearest on the map, by sorting everything."""
    dist = ((xy[:, None] - xy[None]) ** 2).sum(axis=2)
    np.fill_diagonal(dist, np.inf)
    shown = np.argsort(dist, axis=1, kind="stable")[:, :k]
    return (shown[:, :, None] == true[:, None, :k]).any(axis=2).sum(axis=1)


def nearest_of(xy: np.ndarray) -> np.ndarray:
    dist = ((xy[:, None] - xy[None]) ** 2).sum(axis=2)
    np.fill_diagonal(dist, np.inf)
    return dist.argmin(axis=1)


def value(xy: np.ndarray, true: np.ndarray) -> float:
    return float(sum(hit * hits(xy, true, k).sum() for k, hit in HITS_AT.items()))


def state_of(xy: np.ndarray, graph: Graph, stay: float = 0.0) -> tuple[Any, Any, Any]:
    """Return the cells, the lists and the aim of a polish before its first sweep."""
    n, cells = len(xy), module._cells(xy)
    lists, aim = module._lists(n), module._aim(xy, graph, np.zeros(n, dtype=np.bool_), stay=stay)
    kernels.fill(xy, cells)
    kernels.read_lists(0, n, xy, cells, lists, aim)
    return cells, lists, aim


@pytest.mark.parametrize("seed", range(6))
def test_a_gain_is_what_all_lists_gain(seed: int) -> None:
    """Of 24 articles all others are looked at, so nothing is left out of the sum. One of them lies far out."""
    xy, graph = start(24, seed), graph_of(24, seed=seed)
    xy[seed] = [1e4, -1e5]
    cells, lists, aim = state_of(xy, graph)
    for p in range(24):
        some, gains, points = np.array([p], dtype=np.int32), np.zeros(1), np.zeros((1, 2))
        kernels.propose(0, 1, some, 7 + p, 8, xy, cells, lists, aim, gains, points)
        moved = xy.copy()
        moved[p] = points[0]
        assert gains[0] == pytest.approx(value(moved, graph.rows) - value(xy, graph.rows), abs=1e-9)


def test_lists_are_kept_while_articles_move() -> None:
    """After many moves the lists, as far as they count, are those of the positions."""
    xy, graph = start(24), graph_of(24)
    cells, lists, aim = state_of(xy, graph)
    everyone = np.arange(24, dtype=np.int32)
    moved = 0
    for sweep in range(20):
        gains, points = np.zeros(24), np.zeros((24, 2))
        kernels.propose(0, 24, everyone, sweep, 8, xy, cells, lists, aim, gains, points)
        moved += kernels.move(everyone, sweep, 0.5, xy, cells, lists, aim, gains, points)
    assert moved > 100
    _, fresh, _ = state_of(xy, graph)
    assert (lists.held > 10).all()
    assert (lists.rows[:, :11] == fresh.rows[:, :11]).all()
    assert (lists.ranks[:, :11] == fresh.ranks[:, :11]).all()


@pytest.mark.parametrize("n", [60, 700])
def test_more_is_kept(n: int) -> None:
    xy, graph = start(n), graph_of(n)
    found = polish(xy, graph, sweeps=4, seed=1)
    for k in (1, 5, 10):
        assert hits(found, graph.rows, k).mean() > 1.5 * hits(xy, graph.rows, k).mean()


def test_threads_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    xy, graph = start(900), graph_of(900)
    found = []
    for threads in (1, 2, 3):
        monkeypatch.setattr(numba, "get_num_threads", lambda threads=threads: threads)
        found.append(polish(xy, graph, sweeps=2, seed=5))
    assert (found[0] == found[1]).all()
    assert (found[0] == found[2]).all()
    assert (found[0] != polish(xy, graph, sweeps=2, seed=6)).any()


def test_what_is_kept_stays_and_is_left_alone() -> None:
    xy, graph = start(300), graph_of(300)
    kept = np.zeros(300, dtype=bool)
    kept[:40] = True
    found = polish(xy, graph, sweeps=3, seed=1, kept=kept)
    assert (found[kept] == xy[kept]).all()
    moved = (found != xy).any(axis=1)
    assert moved.sum() > 200
    # Where one came next to it, another had been nearer and left later.
    assert kept[nearest_of(found)][moved].mean() < 0.06
    assert kept[nearest_of(polish(xy, graph, sweeps=3, seed=1))][moved].mean() > 0.1


def test_no_list_holds_one_twice() -> None:
    xy, graph = start(700), graph_of(700)
    cells, lists, aim = state_of(xy, graph)
    everyone = np.arange(700, dtype=np.int32)
    for sweep in range(3):
        gains, points = np.zeros(700), np.zeros((700, 2))
        kernels.propose(0, 700, everyone, sweep, 8, xy, cells, lists, aim, gains, points)
        kernels.move(everyone, sweep, 0.5, xy, cells, lists, aim, gains, points)
    for held, row in zip(lists.held, lists.rows, strict=True):
        assert len(set(row[:held].tolist())) == held


def test_cells_stay_few_and_small() -> None:
    n = 20_000
    line = np.stack([np.arange(n, dtype=float), np.zeros(n)], axis=1)
    far = np.concatenate([start(n), [[1e6, 0], [0, -1e7]]])
    for xy in (line, far):
        cells = module._cells(xy)
        kernels.fill(xy, cells)
        assert len(cells.first) < 10 * n
        held = np.zeros(len(cells.first), dtype=int)
        for cell, first in enumerate(cells.first):
            while first != -1:
                held[cell] += 1
                first = cells.after[first]
        assert held.sum() == len(xy)
        assert np.sort(held)[-1] < 500


def test_articles_at_one_place_and_lists_that_end_early() -> None:
    vectors = np.repeat(unit_vectors(20, 6), 5, axis=0)
    graph = knn_graph(vectors, 12, seed=0, observer=Silent())
    rows = graph.rows.copy()
    rows[::3, 4:] = -1
    xy = np.repeat(start(20), 5, axis=0)
    found = polish(xy, Graph(rows, graph.sims, 1.0, 0.0), sweeps=3, seed=1)
    assert np.isfinite(found).all()
    assert (polish(np.zeros((60, 2)), graph_of(60), sweeps=1, seed=0) == 0).all()
    few = knn_graph(unit_vectors(60, 6), 3, seed=0, observer=Silent())
    line = np.stack([np.arange(60.0), np.zeros(60)], axis=1)
    assert hits(polish(line, few, sweeps=3, seed=0), few.rows, 3).sum() > hits(line, few.rows, 3).sum()
