"""Rules with a number in them, each on both sides of its bound."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest

from vecindex.core.neighbors import F64, Neighbors, Rows
from vecindex.core.nulls import bootstrap_mean, rank_correlation, resampled
from vecindex.core.placement import place_by_search
from vecindex.core.questions import QuestionSet
from vecindex.core.vectors import normalize
from vecindex.errors import ConfigError
from vecindex.maps.methods import METHODS, settings_for
from vecindex.neighbors.plane import Plane
from vecindex.sources.articles import Article, to_article
from vecindex.sources.base import Record
from vecindex.sources.delimited.source import read_delimited
from vecindex.sources.fieldmap import FieldMap
from vecindex.sources.formats import ReadOptions
from vecindex.types import Rejected, Silent
from vecindex.verbs.overlap.measure import Space, space_facts, vectors_by_row
from vecindex.verbs.project.options import anchor_settings
from vecindex.verbs.project.placing import Former, place_new


@pytest.mark.parametrize(("topics", "by"), [(4, "question"), (5, "topic")])
def test_five_topics_are_resampled_and_four_are_not(topics: int, by: str) -> None:
    groups = [f"t{i % topics}" for i in range(2 * topics)]
    values = np.linspace(0, 1, 2 * topics)
    assert bootstrap_mean(values, groups).by == by
    assert resampled(2 * topics, groups)[0] == by
    assert rank_correlation(values, values[::-1].copy(), groups).by == by


def column(*values: str) -> list[object]:
    raw = "id,n\n" + "".join(f"{i},{value}\n" for i, value in enumerate(values))
    items = read_delimited(io.BytesIO(raw.encode()), "c", ",", ReadOptions())
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
    found = place_new(vectors, positions, np.array([2, 3, 4]), Former.none(3), None, Silent()).xy
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
        look_up=lambda rows: (rows, articles[rows]),
    )
    facts = space_facts(space, vectors_by_row(np.arange(100), articles))
    assert facts.far_share == 3 / 5
    assert facts.nearest_percentile == 96
    assert facts.nearest_dist == 0.0965
    assert facts.articles_nearest_dist == pytest.approx(0.0505)


def test_of_more_than_eight_targets_the_subsets_of_the_nearest_eight_are_tried() -> None:
    xy = np.random.default_rng(0).normal(size=(40, 2))
    plane, tried = Plane(xy), []

    def nearest(points: F64, k: int, without: Rows | None = None) -> Neighbors:
        tried.extend(points.tolist())
        return plane.nearest(points, k)

    place_by_search(np.arange(10)[None], xy, nearest)
    # Then the eight by themselves, for their distances, and 24 points around each.
    assert len(tried) == 255 + 8 + 8 * 24
    assert tried[:8] == tried[255:263] == xy[:8].tolist()
    assert tried[254] == pytest.approx(xy[:8].mean(axis=0).tolist())


@pytest.mark.parametrize(
    ("value", "stored"), [(2**63 - 1, True), (2**63, False), (-(2**63), True), (-(2**63) - 1, False)]
)
def test_whole_numbers_of_more_than_64_bits_are_refused_in_fields(value: int, stored: bool) -> None:
    found = to_article(Record("f:1", {"id": "a", "text": "t", "n": value}), FieldMap("id", "text", None))
    if stored:
        assert isinstance(found, Article)
        assert found.extra == {"n": value}
    else:
        assert isinstance(found, Rejected)
        assert found.reason == "field 'n': found an integer beyond 64 bits"


# Default and least value of each setting; docs/maps.md shows the defaults.
SETTINGS = {
    "local": {
        "neighbors": (15, 1),
        "early_iterations": (250, 0),
        "early_exaggeration": (12.0, 0),
        "iterations": (500, 0),
        "exaggeration": (1.0, 0),
        "finish_neighbors": (15, 1),
        "finish_iterations": (300, 0),
        "finish_exaggeration": (0.0, 0),
        "polish_sweeps": (5, 0),
    },
    "umap": {
        "neighbors": (15, 2),
        "min_dist": (0.1, 0),
        "spread": (1.0, 1e-6),
        "epochs": (0, 0),
        "negative_sample_rate": (5, 0),
        "repulsion_strength": (1.0, 0),
        "init": ("spectral", 0),
    },
    "tsne": {
        "perplexity": (30.0, 1),
        "early_iterations": (250, 0),
        "early_exaggeration": (12.0, 0),
        "iterations": (500, 0),
        "exaggeration": (1.0, 0),
        "dof": (1.0, 1e-3),
    },
    "pca": {},
}


def test_the_settings_of_each_method() -> None:
    found = {
        method: {name: (setting.default, setting.low) for name, setting in about.settings.items()}
        for method, about in ((name, METHODS[name]) for name in METHODS.built_in)
    }
    assert found == SETTINGS


def test_a_least_value_is_allowed_and_what_is_below_it_is_not() -> None:
    assert settings_for("umap", {"spread": 1e-6})["spread"] == 1e-6
    for below in (0.0, -0.5):
        with pytest.raises(ConfigError, match="spread of method umap must be at least 1e-06"):
            settings_for("umap", {"spread": below})


@pytest.mark.parametrize(("sweeps", "fine"), [(0, False), (1, True), (2, True)])
def test_anchoring_takes_one_sweep_or_more(sweeps: int, fine: bool) -> None:
    if fine:
        assert anchor_settings({"sweeps": sweeps})["sweeps"] == sweeps
    else:
        with pytest.raises(ConfigError, match="sweeps of anchoring must be at least 1, found 0"):
            anchor_settings({"sweeps": sweeps})
