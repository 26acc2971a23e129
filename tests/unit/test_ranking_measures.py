"""Measures of rankings: by hand, against ir-measures called apart, and against a slow reading of the formulas."""

from __future__ import annotations

import math

import ir_measures
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ir_measures import AP, RR, Judged, R, Success, nDCG

from vecindex.verbs.evaluate.measures import MEASURES, first_relevant, holes, measured
from vecindex.verbs.evaluate.texts import holds, normalized


def test_by_hand() -> None:
    # Hits a, b, c, d; relevant are b (2) and d (1), and e (3), which is not found. c was judged 0, a never.
    found = measured([["a", "b", "c", "d"]], [{"b": 2, "c": 0, "d": 1, "e": 3}])
    gain = 2 / math.log2(3) + 1 / math.log2(5)
    best = 3 / math.log2(2) + 2 / math.log2(3) + 1 / math.log2(4)
    values = {name: float(of[0]) for name, of in found.items()}
    assert values == pytest.approx(
        {
            "ndcg@10": gain / best,
            "recall@10": 2 / 3,
            "recall@100": 2 / 3,
            "mrr@10": 1 / 2,
            "map": (1 / 2 + 2 / 4) / 3,
            "success@1": 0,
            "success@5": 1,
            "success@10": 1,
            "holes@10": 1 / 4,
        }
    )
    assert list(values) == list(MEASURES)


def test_a_higher_grade_may_be_asked_for() -> None:
    found = measured([["a", "b"]], [{"a": 1, "b": 2}], min_grade=2)
    assert [float(found[name][0]) for name in ("recall@10", "mrr@10", "map", "success@1")] == [1, 0.5, 0.5, 0]
    # nDCG takes the grades themselves.
    assert found["ndcg@10"][0] == pytest.approx((1 + 2 / math.log2(3)) / (2 + 1 / math.log2(3)))


@pytest.mark.parametrize(
    ("ranked", "grades"), [([], {"a": 1}), (["a"], {"a": 0}), (["a"], {"b": 1}), (["a"], {"a": -2})]
)
def test_nothing_relevant_found_is_nought(ranked: list[str], grades: dict[str, int]) -> None:
    found = measured([ranked], [grades])
    assert all(found[name][0] == 0 for name in MEASURES if name != "holes@10")


def test_ranks_are_those_of_the_list_whatever_the_ids_are() -> None:
    # trec_eval itself would order hits of equal score by their ids, backwards.
    for ids in (["z", "a"], ["a", "z"], ["with blank", "nul\0"], ["\ud800", "ß"]):
        found = measured([ids], [{ids[0]: 1}])
        assert found["mrr@10"][0] == 1
        assert found["success@1"][0] == 1


IDS = [f"d{i}" for i in range(30)]
RANKINGS = st.lists(st.permutations(IDS).map(lambda ids: ids[:25]), min_size=1, max_size=4)
JUDGED = st.dictionaries(st.sampled_from(IDS), st.integers(0, 4), min_size=1)


@given(RANKINGS, st.data())
@settings(max_examples=40)
def test_all_are_those_of_ir_measures(rankings: list[list[str]], data: st.DataObject) -> None:
    grades = [data.draw(JUDGED) for _ in rankings]
    qrels = {str(i): of for i, of in enumerate(grades)}
    run = {str(i): {key: 1 / (1 + rank) for rank, key in enumerate(of)} for i, of in enumerate(rankings)}
    theirs = {
        nDCG @ 10: "ndcg@10",
        R @ 10: "recall@10",
        R @ 100: "recall@100",
        RR @ 10: "mrr@10",
        AP: "map",
        Success @ 1: "success@1",
        Success @ 5: "success@5",
        Success @ 10: "success@10",
    }
    found = measured(rankings, grades)
    for one in ir_measures.iter_calc(list(theirs), qrels, run):
        assert found[theirs[one.measure]][int(one.query_id)] == one.value
    judged = {one.query_id: one.value for one in ir_measures.iter_calc([Judged @ 10], qrels, run)}
    assert [1 - judged[str(i)] for i in range(len(rankings))] == pytest.approx(list(found["holes@10"]))
    assert np.all((found["ndcg@10"] >= 0) & (found["ndcg@10"] <= 1 + 1e-12))


def test_holes_and_first_relevant() -> None:
    assert holes([], {"a": 1}) == 0
    assert holes(["a"] * 10 + ["b"], {"a": 0}) == 0
    assert first_relevant(["a", "b", "c"], {"b": 1, "c": 2}) == 2
    assert first_relevant(["a", "b", "c"], {"b": 1, "c": 2}, 2) == 3
    assert first_relevant([], {"b": 1}) is None


@pytest.mark.parametrize(
    ("passage", "answer", "right"),
    [
        ("It is made in the Golgi apparatus.", "the golgi-apparatus", True),
        ("Born in 1,905 in a town", "1,905", True),
        ("The cells divide", "cell", False),
        ("the cell", "the", False),
        ("An e\u0301tude", "\u00e9tude", True),
        ("a b c", "b c", True),
        ("a c b", "b c", False),
    ],
)
def test_answers_in_passages(passage: str, answer: str, right: bool) -> None:
    assert holds(passage, [normalized(answer)]) is right
