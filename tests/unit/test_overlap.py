"""The overlap family against sets and loops, and what must hold of it whatever the lists."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference import overlap as slow
from vecindex.core import overlap as fast
from vecindex.core.neighbors import NO_ROW, Neighbors, nearest_of

N = 40
DEPTH = 12


@st.composite
def lists(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Return two tables (q, DEPTH) of neighbors out of N articles, none twice in a list."""
    q = draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    table = np.array([[rng.permutation(N)[:DEPTH] for _ in range(q)] for _ in range(2)], dtype=np.int64)
    # Half the questions share some neighbors, so that the interesting values occur.
    table[1, : (q + 1) // 2, :4] = table[0, : (q + 1) // 2, [3, 1, 0, 2]].T
    for row in table[1]:
        _, at = np.unique(row, return_index=True)
        row[np.setdiff1d(np.arange(DEPTH), at)] = np.setdiff1d(np.arange(N), row)[: DEPTH - len(at)]
    return table[0], table[1]


@given(lists(), st.integers(1, DEPTH), st.integers(0, DEPTH))
@settings(max_examples=80, deadline=None)
def test_agrees_with_sets_and_loops(pair: tuple[np.ndarray, np.ndarray], k: int, more: int) -> None:
    space, on_map = pair
    within = min(DEPTH, k + more)
    rows = list(zip(space.tolist(), on_map.tolist(), strict=True))
    assert fast.overlap_at_k(space, on_map, k).tolist() == [slow.overlap(a, b, k) for a, b in rows]
    assert fast.rank_weighted_overlap(space, on_map, k) == pytest.approx(
        [slow.rank_weighted(a, b, k) for a, b in rows]
    )
    assert fast.soft_overlap(space, on_map, k, within).tolist() == [slow.soft(a, b, k, within) for a, b in rows]
    assert fast.reciprocal_overlap(space, on_map, k, within).tolist() == [
        slow.reciprocal(a, b, k, within) for a, b in rows
    ]
    assert fast.distinct_ratio(space, k) == slow.distinct(space.tolist(), k)
    assert fast.collapse_ceiling(space, k) == slow.ceiling(space.tolist(), k)


@given(lists(), st.integers(1, DEPTH))
@settings(max_examples=40, deadline=None)
def test_what_must_hold(pair: tuple[np.ndarray, np.ndarray], k: int) -> None:
    space, on_map = pair
    value = fast.overlap_at_k(space, on_map, k)
    assert (fast.overlap_at_k(on_map, space, k) == value).all(), "symmetric"
    assert (fast.overlap_at_k(space, space, k) == 1).all(), "the same lists agree"
    assert fast.rank_weighted_overlap(space, space, k) == pytest.approx(1), "the same lists agree"
    renamed = np.random.default_rng(0).permutation(N)
    assert (fast.overlap_at_k(renamed[space], renamed[on_map], k) == value).all(), "names do not matter"
    shuffled = np.concatenate([on_map[:, :k][:, ::-1], on_map[:, k:]], axis=1)
    assert (fast.rank_weighted_overlap(space, shuffled, k) == fast.rank_weighted_overlap(space, on_map, k)).all()
    softs = [fast.soft_overlap(space, on_map, k, within) for within in range(k, DEPTH + 1)]
    assert (softs[0] == value).all()
    assert all((a <= b).all() for a, b in itertools.pairwise(softs)), "never falls with the depth"
    # All questions at one point share a list; no list beats the ceiling.
    shared = np.repeat(on_map[:1], len(space), axis=0)
    assert fast.overlap_at_k(space, shared, k).mean() <= fast.collapse_ceiling(space, k) + 1e-12
    assert 1 / len(space) - 1e-12 <= fast.distinct_ratio(space, k) <= 1


def test_the_ceiling_is_reached_by_the_best_shared_list() -> None:
    space = np.array([[1, 2], [2, 3], [2, 4]])
    shared = np.repeat(np.array([[2, 1]]), 3, axis=0)
    assert fast.overlap_at_k(space, shared, 2).mean() == pytest.approx(fast.collapse_ceiling(space, 2)) == 4 / 6


def test_a_random_map_gives_chance() -> None:
    rng = np.random.default_rng(1)
    space = np.array([rng.permutation(N)[:5] for _ in range(4_000)])
    on_map = np.array([rng.permutation(N)[:5] for _ in range(4_000)])
    mean = fast.overlap_at_k(space, on_map, 5).mean()
    assert mean == pytest.approx(fast.chance_level(5, N), abs=0.01)
    assert fast.adjusted_for_chance(mean, 5, N) == pytest.approx(0, abs=0.01)


def test_rnx_is_that_of_lee_and_verleysen() -> None:
    n, k, q_nx = 100, 7, 0.31
    assert fast.adjusted_for_chance(q_nx, k, n - 1) == pytest.approx(((n - 1) * q_nx - k) / (n - 1 - k))


def test_absent_neighbors_are_never_found() -> None:
    short = np.array([[1, NO_ROW, NO_ROW]])
    assert fast.overlap_at_k(short, short, 3).tolist() == [1 / 3]
    assert fast.distinct_ratio(short, 3) == 1
    assert fast.collapse_ceiling(short, 3) == 1 / 3
    assert fast.collapse_ceiling(np.full((1, 2), NO_ROW), 2) == 0


@pytest.mark.parametrize("k", [0, 4])
def test_k_out_of_range_is_refused(k: int) -> None:
    with pytest.raises(ValueError, match=f"k = {k} is out of range"):
        fast.overlap_at_k(np.array([[1, 2, 3]]), np.array([[1, 2, 3]]), k)


def test_within_below_k_is_refused() -> None:
    with pytest.raises(ValueError, match="within must be at least k"):
        fast.soft_overlap(np.array([[1, 2, 3]]), np.array([[1, 2, 3]]), 3, 2)


@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 12))
@settings(max_examples=60, deadline=None)
def test_nearest_of_sorts_by_distance_then_row(seed: int, k: int, c: int) -> None:
    rng = np.random.default_rng(seed)
    rows = np.array([rng.permutation(20)[:c] for _ in range(3)], dtype=np.int64)
    dist = rng.integers(0, 4, (3, c)).astype(float)  # few values: many ties
    found = nearest_of(rows, dist, k)
    for i in range(3):
        right = sorted(zip(dist[i], rows[i], strict=True))[:k]
        assert list(zip(found.dist[i], found.rows[i], strict=True))[: len(right)] == right
        assert (found.rows[i, len(right) :] == NO_ROW).all()
        assert np.isinf(found.dist[i, len(right) :]).all()


def test_neighbors_must_fit_together() -> None:
    with pytest.raises(ValueError, match="must be equal"):
        Neighbors(np.zeros((2, 3), np.int64), np.zeros((2, 2)))
