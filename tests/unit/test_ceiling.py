"""The ceiling of a map: largest cliques against trying all sets, and cases worked by hand."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vecindex.core.neighbors import NO_ROW
from vecindex.verbs.overlap.causes.cliques import ceilings, largest_clique, largest_cliques, share_kept


def largest_by_trying(adjacent: np.ndarray) -> int:
    m = len(adjacent)
    together = [
        len(some)
        for size in range(m + 1)
        for some in combinations(range(m), size)
        if all(adjacent[a, b] and adjacent[b, a] for a, b in combinations(some, 2))
    ]
    return max(together)


@given(st.integers(0, 2**20), st.integers(0, 7), st.floats(0, 1))
@settings(max_examples=80, deadline=None)
def test_the_largest_clique_is_that_of_trying_all_sets(seed: int, m: int, density: float) -> None:
    adjacent = np.random.default_rng(seed).random((m, m)) < density
    assert largest_clique(adjacent) == largest_by_trying(adjacent)


def test_twenty_that_are_all_adjacent_are_one_clique() -> None:
    assert largest_clique(np.ones((20, 20), dtype=bool)) == 20


def test_an_edge_in_one_direction_joins_nothing() -> None:
    assert largest_clique(np.triu(np.ones((4, 4), dtype=bool))) == 1


def test_cliques_of_questions_by_hand() -> None:
    # 3 4 5 have each other; 7 has 3, which does not have 7; 9 has nobody.
    rows = np.array([3, 4, 5, 7, 9])
    lists = np.array([[4, 5], [3, 5], [4, 3], [3, 9], [NO_ROW, NO_ROW]])
    near = np.array([[3, 4, 5], [7, 3, 9], [3, 7, 4], [9, NO_ROW, NO_ROW]])
    assert largest_cliques(near, rows, lists).tolist() == [3, 1, 2, 1]


def test_chunks_are_counted_as_their_articles() -> None:
    # Rows 0 and 1 are of article 0, rows 2 and 3 of article 1; 0 has a chunk of 1, 2 has the other chunk of 0.
    articles = np.array([0, 0, 1, 1])
    assert largest_cliques(np.array([[0, 2]]), np.array([0, 2]), np.array([[3], [1]]), articles).tolist() == [2]
    assert largest_cliques(np.array([[0, 2]]), np.array([0, 2]), np.array([[3], [1]])).tolist() == [1]


@pytest.mark.parametrize(
    ("kept", "cliques", "share"),
    [([5, 3], [5, 3], 1.0), ([5, 5], [3, 3], 1.0), ([1, 1], [4, 2], 0.0), ([1, 2], [1, 1], 1.0)],
)
def test_the_share_that_a_map_keeps(kept: list[int], cliques: list[int], share: float) -> None:
    assert share_kept(np.array(kept), np.array(cliques)) == share


def test_without_articles_the_share_is_unknown() -> None:
    assert np.isnan(share_kept(np.empty(0, np.int64), np.empty(0, np.int64)))


def test_the_ceiling_is_between_the_floor_and_the_clique() -> None:
    cliques = np.array([1, 2, 5])
    assert ceilings(cliques, 5).tolist() == [0.2, 0.4, 1.0]
    assert ceilings(cliques, 5, 0.0).tolist() == [0.2, 0.2, 0.2]
