"""Curves of recall, which index is chosen, and what it saves, by figures worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from vecindex.core.indexes.recall import AboutIndex, Curve, Measured, is_about_index, recall, right_answers
from vecindex.core.neighbors import NO_ROW, Neighbors
from vecindex.errors import ConfigError
from vecindex.serialize import plain
from vecindex.verbs.index.choose import choose, partitions_of
from vecindex.verbs.index.measure import _ladder
from vecindex.verbs.index.result import pays_after

POINTS = (
    Measured(4, 1, 0.80, 0.90, 2.0),
    Measured(4, 3, 0.85, 0.84, 3.0),
    Measured(8, 1, 0.97, 0.95, 5.0),
    Measured(8, 3, 0.97, 0.96, 9.0),
    Measured(16, 1, 0.96, 0.99, 7.0),
)
CURVE = Curve(10, 1_000, 500, 77, POINTS)
ABOUT = AboutIndex("IVF_SQ", 32, 1_000, "abc", "2026-01-31T02:00:00+00:00", 10.0, 205.0, CURVE)


def settings(points: tuple[Measured, ...]) -> list[tuple[int, int]]:
    return [(point.nprobes, point.refine) for point in points]


@pytest.mark.parametrize(
    ("wanted", "setting"), [(0.8, (4, 1)), (0.84, (4, 3)), (0.95, (8, 1)), (0.96, (16, 1)), (0.961, None)]
)
def test_the_cheapest_setting_that_reaches_both_recalls_is_taken(
    wanted: float, setting: tuple[int, int] | None
) -> None:
    found = CURVE.cheapest(wanted)
    assert (None if found is None else (found.nprobes, found.refine)) == setting


def test_of_equal_cost_the_better_one_is_taken() -> None:
    points = (Measured(4, 1, 0.96, None, 2.0), Measured(8, 1, 0.98, None, 2.0))
    found = Curve(10, 9, 9, 0, points).cheapest(0.9)
    assert found == points[1]


def test_the_best_is_the_cheapest_of_the_highest_recall() -> None:
    # (8, 3) and (16, 1) are both expected to find 0.96.
    assert (CURVE.best.nprobes, CURVE.best.refine, CURVE.best.expected) == (16, 1, 0.96)


def test_the_frontier_leaves_out_what_another_setting_beats() -> None:
    assert settings(CURVE.frontier) == [(4, 1), (4, 3), (8, 1), (16, 1)]


def test_rows_as_near_as_the_last_count_as_right() -> None:
    exact = Neighbors(
        np.array([[1, 2, 3, 4], [5, 6, NO_ROW, NO_ROW], [NO_ROW] * 4]),
        np.array([[0.1, 0.2, 0.2 + 5e-7, 0.3], [0.1, 0.4, np.inf, np.inf], [np.inf] * 4]),
    )
    assert right_answers(exact, 2) == [{1, 2, 3}, {5, 6}, set()]


def test_recall_counts_each_query_by_what_there_is_to_find() -> None:
    # 1 of 2 (the third hit is beyond k); 1 of the 1 there is; nothing to find is left out.
    assert recall([[7, 1, 2], [5], [9]], [{1, 2, 3}, {5}, set()], 2) == pytest.approx((0.5 + 1) / 2)
    assert recall([[]], [set()], 2) == 1.0


def test_what_is_kept_of_an_index_comes_back() -> None:
    assert AboutIndex.from_dict(plain(ABOUT)) == ABOUT
    assert is_about_index(plain(ABOUT))


@pytest.mark.parametrize(
    "change",
    [
        {"curve": None},
        {"curve": {"k": 10, "rows": 1, "queries": 1, "questions": 0, "points": []}},
        {"rows": "many"},
        {"curve": {"k": 10, "rows": 1, "queries": 1, "questions": 0, "points": [{"nprobes": 4}]}},
    ],
)
def test_what_is_damaged_of_it_is_seen(change: dict[str, object]) -> None:
    assert not is_about_index({**plain(ABOUT), **change})


def test_searches_until_it_pays() -> None:
    # 10 s of making, 205 - 5 ms saved by each search; then by none.
    assert pays_after(ABOUT, POINTS[2]) == 50
    assert pays_after(ABOUT, Measured(900, 1, 1.0, None, 205.0)) is None
    assert pays_after(ABOUT, None) is None


@pytest.mark.parametrize(
    ("rows", "dimension", "available", "kind", "words"),
    [
        # 1,000,000 rows of 384 values: 388 MB in 8 bits, 280 MB in 5, 104 MB in 2.
        (1_000_000, 384, 1_600_000_000, "IVF_SQ", "8 bits a value, about 388 MB; quickest to make"),
        (1_000_000, 384, 1_500_000_000, "IVF_RQ", "about 280 MB; IVF_SQ would not fit into a quarter"),
        (1_000_000, 384, 1_100_000_000, "IVF_PQ", "about 104 MB; IVF_RQ would not fit into a quarter"),
        (1_000_000, 384, 400_000_000, "IVF_PQ", "the smallest, though more than a quarter of the available memory"),
        # 8 does not divide 300: IVF_RQ is left out. 304 MB in 8 bits, 83 MB in 2.
        (1_000_000, 300, 1_200_000_000, "IVF_PQ", "about 83 MB; IVF_SQ would not fit"),
    ],
)
def test_the_type_follows_rows_dimension_and_memory(
    rows: int, dimension: int, available: int, kind: str, words: str
) -> None:
    found = choose(rows, dimension, available, None, "db/articles")
    assert found.type == kind
    assert words in found.reason
    assert found.partitions == 1_000
    assert found.sub_vectors == ({384: 96, 300: 75}[dimension] if kind == "IVF_PQ" else None)


def test_few_rows_are_refused_unless_a_type_is_named() -> None:
    with pytest.raises(ConfigError, match="19,999 rows, so an exact search is quick") as refused:
        choose(19_999, 384, 10**10, None, "db/articles")
    assert str(refused.value.hint) == "To make one all the same, name its type: type='IVF_SQ'"
    assert choose(20_000, 384, 10**10, None, "db/articles").type == "IVF_SQ"
    assert choose(256, 384, 0, "IVF_HNSW_SQ", "db/articles").type == "IVF_HNSW_SQ"
    with pytest.raises(ConfigError, match="255 rows; an index needs 256 at least"):
        choose(255, 384, 10**10, "IVF_SQ", "db/articles")


def test_a_type_that_the_dimension_does_not_take_is_refused() -> None:
    with pytest.raises(ConfigError, match="IVF_RQ needs vectors whose length 8 divides, found 30 values"):
        choose(50_000, 30, 10**10, "IVF_RQ", "db/articles")
    assert choose(50_000, 32, 10**10, "IVF_RQ", "db/articles").type == "IVF_RQ"


def test_partitions_and_the_settings_that_are_measured() -> None:
    assert [partitions_of("IVF_SQ", n) for n in (256, 250_000, 1_000_000)] == [16, 500, 1_000]
    assert [partitions_of("IVF_PQ", n) for n in (256, 10_000, 250_000)] == [1, 39, 500]
    assert list(_ladder(20)) == [8, 16, 20]
    assert list(_ladder(3)) == [3]
    assert list(_ladder(100)) == [8, 16, 32, 48, 64, 96, 100]
    assert list(_ladder(64)) == [8, 16, 32, 48, 64]
