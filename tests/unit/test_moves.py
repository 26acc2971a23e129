"""Moves of single articles, in the polish and in anchoring: gains against all lists counted anew, threads, worth."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import pytest

from tables import unit_vectors
from vecindex.core.graph import Graph
from vecindex.maps.anchored import STRENGTHS, anchored_map
from vecindex.maps.moves import lists_kernels
from vecindex.maps.moves import mover as module
from vecindex.maps.moves import moves_kernels as kernels
from vecindex.maps.moves.mover import HITS_AT, Mover, Questions
from vecindex.maps.polish import polish
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


def value(xy: np.ndarray, true: np.ndarray) -> float:
    return float(sum(hit * hits(xy, true, k).sum() for k, hit in HITS_AT.items()))


def state_of(xy: np.ndarray, graph: Graph, questions: Questions | None = None) -> tuple[Any, ...]:
    """Return what the loops take, before a first sweep in which no distance has a price."""
    with Mover(xy, graph, 0, questions) as mover:
        mover._homes = kernels.Homes(xy.copy(), np.ones(len(xy)), 0.0)
        mover.read()
    return mover.xy, mover._cells, mover._lists, mover._sought, mover._homes, mover.asked


@pytest.mark.parametrize("seed", range(6))
def test_a_gain_is_what_all_lists_gain(seed: int) -> None:
    """Of 24 articles all others are looked at, so nothing is left out of the sum. One of them lies far out."""
    xy, graph = start(24, seed), graph_of(24, seed=seed)
    xy[seed] = [1e4, -1e5]
    state = state_of(xy, graph)
    for p in range(24):
        some, gains, points = np.array([p], dtype=np.int32), np.zeros(1), np.zeros((1, 2))
        kernels.propose(0, 1, some, 7 + p, 8, *state, gains, points)
        moved = xy.copy()
        moved[p] = points[0]
        assert gains[0] == pytest.approx(value(moved, graph.rows) - value(xy, graph.rows), abs=1e-9)


def test_lists_are_kept_while_articles_move() -> None:
    """After many moves the lists, as far as they count, are those of the positions."""
    xy, graph = start(24), graph_of(24)
    state = state_of(xy, graph)
    xy, lists = state[0], state[2]
    everyone = np.arange(24, dtype=np.int32)
    moved = 0
    for sweep in range(20):
        gains, points = np.zeros(24), np.zeros((24, 2))
        kernels.propose(0, 24, everyone, sweep, 8, *state, gains, points)
        moved += kernels.move(everyone, sweep, 0.5, *state, gains, points)
    assert moved > 100
    fresh = state_of(xy, graph)[2]
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


def test_no_list_holds_one_twice() -> None:
    xy, graph = start(700), graph_of(700)
    state = state_of(xy, graph)
    lists = state[2]
    everyone = np.arange(700, dtype=np.int32)
    for sweep in range(3):
        gains, points = np.zeros(700), np.zeros((700, 2))
        kernels.propose(0, 700, everyone, sweep, 8, *state, gains, points)
        kernels.move(everyone, sweep, 0.5, *state, gains, points)
    for held, row in zip(lists.held, lists.rows, strict=True):
        assert len(set(row[:held].tolist())) == held


def test_cells_stay_few_and_small() -> None:
    n = 20_000
    line = np.stack([np.arange(n, dtype=float), np.zeros(n)], axis=1)
    far = np.concatenate([start(n), [[1e6, 0], [0, -1e7]]])
    for xy in (line, far):
        cells = module._cells(xy)
        lists_kernels.fill(xy, cells)
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


# -- questions ----------------------------------------------------------------------------------------------


def questions_of(n: int, seed: int, strength: str = "strong", q: int = 3) -> Questions:
    rng = np.random.default_rng(seed)
    targets = np.stack([rng.permutation(n)[:5] for _ in range(q)])
    targets[0, 4] = -1
    how = STRENGTHS[strength]
    return Questions(targets, start(q, seed + 9), how.worth_of_hits, how.soft, how.weight)


def asked_value(xy: np.ndarray, at: np.ndarray, questions: Questions) -> float:
    """Return what the questions' lists are worth, by sorting everything."""
    total = 0.0
    for point, targets in zip(at, questions.near, strict=True):
        shown = np.argsort(((xy - point) ** 2).sum(axis=1), kind="stable")[:10]
        there = np.isin(shown, targets)
        whole = there[:5].sum() + questions.soft * (there[5:] * [1.0, 0.8, 0.6, 0.4, 0.2]).sum()
        total += float(np.interp(min(whole, 5), np.arange(6), questions.worth_of_hits))
    return questions.weight * total


def test_what_a_list_is_worth() -> None:
    """Two of three targets among the first five, the third one sixth; then it comes in."""
    line = np.stack([np.arange(1.0, 13.0), np.zeros(12)], axis=1)
    graph = graph_of(12)
    asked = Questions(np.array([[0, 1, 5, -1, -1]]), np.zeros((1, 2)), (0.0, 1.0, 2.0, 3.0, 3.2, 3.4), 0.5, 10.0)
    assert asked_value(line, asked.positions, asked) == pytest.approx(25)
    line[5] = [0.5, 0]
    assert asked_value(line, asked.positions, asked) == pytest.approx(30)
    # Where it is put, it has all three among its five.
    state = state_of(line, graph, asked)
    assert asked_value(line, state[-1].xy, asked) == pytest.approx(30)


@pytest.mark.parametrize("strength", ["gentle", "strong"])
@pytest.mark.parametrize("seed", range(4))
def test_a_gain_counts_the_lists_of_questions(seed: int, strength: str) -> None:
    xy, graph, questions = start(24, seed), graph_of(24, seed=seed), questions_of(24, seed, strength)
    state = state_of(xy, graph, questions)
    at = state[-1].xy
    for p in range(24):
        some, gains, points = np.array([p], dtype=np.int32), np.zeros(1), np.zeros((1, 2))
        kernels.propose(0, 1, some, 7 + p, 8, *state, gains, points)
        moved = xy.copy()
        moved[p] = points[0]
        expected = value(moved, graph.rows) + asked_value(moved, at, questions)
        expected -= value(xy, graph.rows) + asked_value(xy, at, questions)
        assert gains[0] == pytest.approx(expected, abs=1e-6)


def test_lists_of_questions_are_kept_while_articles_move() -> None:
    xy, graph, questions = start(24), graph_of(24), questions_of(24, 1)
    state = state_of(xy, graph, questions)
    everyone, moved = np.arange(24, dtype=np.int32), 0
    for sweep in range(20):
        gains, points = np.zeros(24), np.zeros((24, 2))
        kernels.propose(0, 24, everyone, sweep, 8, *state, gains, points)
        moved += kernels.move(everyone, sweep, 0.5, *state, gains, points)
    assert moved > 50
    lists, at = state[-1].lists, state[-1].xy
    for i, point in enumerate(at):
        shown = np.argsort(((state[0] - point) ** 2).sum(axis=1), kind="stable")[:11]
        assert lists.rows[i, :11].tolist() == shown.tolist()
        assert (lists.ranks[i, :11] != 255).tolist() == np.isin(shown, questions.near[i]).tolist()


@pytest.mark.parametrize("strength", ["gentle", "strong"])
def test_questions_get_their_articles_and_others_stay(strength: str, monkeypatch: pytest.MonkeyPatch) -> None:
    base, graph = polish(start(2_000), graph_of(2_000), sweeps=3, seed=0), graph_of(2_000)
    asked = questions_of(2_000, 5, strength, q=12)
    found = []
    for threads in (1, 2):
        monkeypatch.setattr(numba, "get_num_threads", lambda threads=threads: threads)
        how = {"strength": STRENGTHS[strength], "sweeps": 6, "seed": 3}
        found.append(anchored_map(graph, asked.near, base, asked.positions, **how))
    assert (found[0] == found[1]).all()
    with Mover(found[0], graph, 0, asked) as mover:
        mover.read()
    shown = np.argsort(((found[0][None] - mover.asked.xy[:, None]) ** 2).sum(axis=2), axis=1)[:, :5]
    kept = (shown[:, :, None] == asked.near[:, None, :]).any(axis=2).sum(axis=1)
    assert (kept >= 3).mean() > 0.9
    assert kept.mean() > {"gentle": 2.8, "strong": 4.2}[strength]
    assert ((found[0] != base).any(axis=1)).mean() < 0.3
    assert hits(found[0], graph.rows, 5).mean() > 0.95 * hits(base, graph.rows, 5).mean()


def test_questions_without_a_position_or_an_article_are_left_out() -> None:
    base, graph = start(300), graph_of(300)
    near = np.array([[-1] * 5, [1, 2, 3, 4, 5]])
    how = {"strength": STRENGTHS["strong"], "sweeps": 2, "seed": 0}
    assert np.isfinite(anchored_map(graph, near, base, np.array([[np.nan, np.nan], [0.0, 0.0]]), **how)).all()
    assert (anchored_map(graph, near[:1], base, np.full((1, 2), np.nan), **how) == base).all()
