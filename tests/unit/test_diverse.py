"""Hits that differ, by hand and against a slow reading of the formula."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tables import unit_vectors
from vecindex.core.neighbors import F64
from vecindex.core.vectors import F32
from vecindex.errors import ConfigError
from vecindex.store.search import Found
from vecindex.verbs.search.diverse import ALIKE, by_marginal_relevance, distinct, on_scale
from vecindex.verbs.search.finder import Fusion, fuse
from vecindex.verbs.search.rankers import ranker_of, with_steps
from vecindex.verbs.search.reorder import passage


def slow(relevance: F64, vectors: F32, k: int, diversity: float) -> list[int]:
    """Return the hits of maximal marginal relevance, as the formula has it."""
    chosen: list[int] = []
    while len(chosen) < min(k, len(relevance)):
        gains = {
            i: (1 - diversity) * relevance[i]
            - diversity * max((float(vectors[i] @ vectors[j]) for j in chosen), default=0.0)
            for i in range(len(relevance))
            if i not in chosen
        }
        best = max(gains.values())
        chosen.append(min(i for i, gain in gains.items() if gain >= best - 1e-9))
    return chosen


@given(st.integers(1, 30), st.integers(1, 40), st.floats(0, 1), st.integers(0, 1000))
@settings(max_examples=60)
def test_marginal_relevance_is_that_of_the_formula(n: int, k: int, diversity: float, seed: int) -> None:
    vectors = unit_vectors(n, seed=seed)
    relevance = np.random.default_rng(seed).random(n)
    assert by_marginal_relevance(relevance, vectors, k, diversity) == slow(relevance, vectors, k, diversity)


def test_without_diversity_the_order_is_that_of_relevance() -> None:
    relevance = np.array([0.2, 0.9, 0.5, 0.9])
    assert by_marginal_relevance(relevance, unit_vectors(4), 4, 0.0) == [1, 3, 2, 0]


def test_near_duplicates_of_a_better_hit_go() -> None:
    angles = np.array([0.0, 0.1, 0.3, 0.25, 2.0])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    # cos(0.1) and cos(0.05) are above 0.98, cos(0.3) and cos(0.25) are not.
    assert np.cos(0.1) > ALIKE > np.cos(0.25)
    assert distinct(vectors) == [0, 2, 4]
    assert distinct(np.empty((0, 2), dtype=np.float32)) == []


def test_scores_of_any_kind_on_one_scale() -> None:
    assert on_scale(np.array([-5.0, 5.0, 0.0])).tolist() == [0, 1, 0.5]
    assert on_scale(np.array([2.0, 2.0])).tolist() == [1, 1]


def test_fusion_by_hand() -> None:
    near = [Found({"id": "a"}, dist=0.1), Found({"id": "b"}, dist=0.2)]
    worded = [Found({"id": "b"}), Found({"id": "c"})]

    def of(fusion: Fusion) -> dict[str, float]:
        return {hit.row["id"]: hit.relevance or 0.0 for hit in fuse(near, worded, "id", fusion)}

    assert of(Fusion()) == {"b": 1 / 62 + 1 / 61, "a": 1 / 61, "c": 1 / 62}
    assert of(Fusion(words=0.25, k=10)) == pytest.approx({"b": 1.5 / 12 + 0.5 / 11, "a": 1.5 / 11, "c": 0.5 / 12})
    assert list(of(Fusion(words=0.0))) == ["a", "b", "c"]
    assert list(of(Fusion(words=1.0))) == ["b", "c", "a"]


def test_names_of_rankers() -> None:
    assert [str(ranker_of(name)) for name in ("words", "hybrid+diverse+rerank", "meaning + rerank")] == [
        "words",
        "hybrid+rerank+diverse",
        "meaning+rerank",
    ]
    assert [one.by_words for one in map(ranker_of, ("meaning", "words", "hybrid"))] == [False, True, True]
    assert [one.by_meaning for one in map(ranker_of, ("meaning", "words", "hybrid"))] == [True, False, True]
    both = [ranker_of("meaning"), ranker_of("words+rerank")]
    assert with_steps(both, rerank=True, diverse=False) == both
    for wrong in ("", "bm25", "meaning+", "meaning+reranked"):
        with pytest.raises(ConfigError, match="is no way to rank"):
            ranker_of(wrong)
    with pytest.raises(ConfigError, match="names diverse twice"):
        ranker_of("hybrid+diverse+diverse")


@pytest.mark.parametrize(
    ("row", "read"),
    [
        ({"title": None, "text": "A text."}, "A text."),
        ({"title": "Title", "text": "Title of it. More."}, "Title of it. More."),
        ({"title": "Title", "text": "A text."}, "Title. A text."),
        ({"title": "Title", "text": None}, "Title. "),
    ],
)
def test_what_a_cross_encoder_reads(row: dict[str, str | None], read: str) -> None:
    assert passage(Found(row)) == read
