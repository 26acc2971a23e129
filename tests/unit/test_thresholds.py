"""Rules with a number in them, each on both sides of its bound."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest

from vecindex.core.neighbors import Neighbors
from vecindex.core.nulls import bootstrap_mean, rank_correlation, resampled
from vecindex.core.questions import QuestionSet
from vecindex.core.vectors import normalize
from vecindex.sources.base import Record
from vecindex.sources.delimited import DelimitedSource
from vecindex.sources.files import InputFile, OnceStream
from vecindex.types import Rejected, Silent
from vecindex.verbs.overlap.measure import Lookup, Space, space_facts
from vecindex.verbs.project.update import place_new


@pytest.mark.parametrize(("topics", "by"), [(4, "question"), (5, "topic")])
def test_five_topics_are_resampled_and_four_are_not(topics: int, by: str) -> None:
    groups = [f"t{i % topics}" for i in range(2 * topics)]
    values = np.linspace(0, 1, 2 * topics)
    assert bootstrap_mean(values, groups).by == by
    assert resampled(2 * topics, groups)[0] == by
    assert rank_correlation(values, values[::-1].copy(), groups).by == by


def column(*values: str) -> list[object]:
    raw = "id,n\n" + "".join(f"{i},{value}\n" for i, value in enumerate(values))
    items = DelimitedSource(InputFile("c", stream=OnceStream(io.BytesIO(raw.encode())))).read()
    return [item.fields["n"] if isinstance(item, Record) else item for item in items]


@pytest.mark.parametrize("whole", [2**63 - 1, -(2**63)])
def test_whole_numbers_of_64_bits_are_numbers(whole: int) -> None:
    assert column(str(whole), "7") == [whole, 7]


@pytest.mark.parametrize("whole", [2**63, -(2**63) - 1, 10**19, 10**25])
def test_longer_ones_keep_their_digits_as_text(whole: int) -> None:
    assert column(str(whole), "7") == [str(whole), "7"]


@pytest.mark.parametrize(
    ("late", "fits"), [(2**63 - 1, True), (2**63, False), (-(2**63), True), (-(2**63) - 1, False)]
)
def test_a_late_whole_number_beyond_64_bits_is_rejected(late: int, fits: bool) -> None:
    last = column(*["1"] * 1000, str(late))[-1]
    assert last == late if fits else isinstance(last, Rejected)


def test_new_positions_that_coincide_move_apart_by_a_quarter_of_the_way_to_the_nearest_article() -> None:
    # Three new rows of one vector, between two articles at distance 1: all three belong at (0.5, 0).
    vectors = normalize(np.array([[1.0, 1.0], [1.0, -1.0], [1.0, 0.0], [1.0, 0.0], [1.0, 0.0]]))
    positions = np.array([[0.0, 0.0], [1.0, 0.0], *[[math.nan, math.nan]] * 3])
    found = place_new(vectors, positions, np.array([2, 3, 4]), None, Silent())
    turn = math.pi * (3 - math.sqrt(5))  # the golden angle
    assert found == pytest.approx(
        np.array([[0.5, 0.0], [0.625, 0.0], [0.5 + math.cos(turn) / 8, math.sin(turn) / 8]])
    )


def test_a_question_is_far_beyond_the_95th_percentile_of_the_articles_own_distances() -> None:
    # 100 articles, the i-th at a distance of i thousandths to its nearest; a question between the 95th and the 96th
    # is farther than 95 % of them, which is not beyond the 95th percentile; one between the 96th and 97th is.
    articles = normalize(np.random.default_rng(0).normal(size=(100, 4)))
    own = np.arange(1, 101) / 1000
    others = np.roll(np.arange(100), 1)[:, None]
    to_nearest = np.array([0.0055, 0.0955, 0.0965, 0.0975, 0.5])
    space = Space(
        asked=QuestionSet("q", ()),
        n=100,
        k=1,
        seed=0,
        vectors=articles[:5],
        near=Neighbors(np.arange(5)[:, None], to_nearest[:, None]),
        sample=np.arange(100),
        sample_vectors=articles,
        sample_near=Neighbors(others, own[:, None]),
        answers=[],
        answers_absent=None,
        truncated=0.0,
    )
    facts = space_facts(space, Lookup(np.arange(100), articles))
    assert facts.far_share == 3 / 5
    assert facts.nearest_percentile == 96
    assert facts.nearest_dist == 0.0965
    assert facts.articles_nearest_dist == pytest.approx(0.0505)
