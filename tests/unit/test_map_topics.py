"""Names of topics, the numbers of groups, and where labels stand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vecindex.core.picture import Extent, extent_of
from vecindex.verbs.picture.clusters import (
    fit_centers,
    merged_groups,
    nearest_centers,
    settled_groups,
    spectral_embedding,
)
from vecindex.verbs.picture.coloring import categories, flags, numbers
from vecindex.verbs.picture.density import TOPIC_CELLS, blurred, cell_counts, densest_position, nearby
from vecindex.verbs.picture.topic_names import TermCounts, _weights, count_terms, name_groups
from vecindex.verbs.picture.topics import topic_numbers
from vecindex.verbs.picture.words import NO_WORD, read_words

CELLS = ["The cells divide.", "A cell has a nucleus.", "Cells die, the nucleus first.", "Red blood cells."]
TRAINS = [
    "Trains stop in New York.",
    "The train left New York late.",
    "A railway and its train.",
    "New York railway.",
]
TEXTS = [*CELLS, *TRAINS]
GROUPS = np.array([0, 0, 0, 0, 1, 1, 1, 1])


def test_terms_are_counted_by_text_and_plurals_are_one_word() -> None:
    found = count_terms([""] * 8, TEXTS, GROUPS, 2)
    count = dict(zip(found.terms, found.counts.T.tolist(), strict=True))
    assert count["cells"] == [4, 0]
    assert count["nucleus"] == [2, 0]
    assert count["train"] == [0, 3]
    assert count["New York"] == [0, 3]
    assert "the" not in count
    assert found.texts.tolist() == [4, 4]


def test_the_most_telling_terms_make_the_name() -> None:
    first, second = name_groups(count_terms([""] * 8, TEXTS, GROUPS, 2))
    assert first.split(", ")[:2] == ["cells", "nucleus"]
    # Of equal weight: the pair stands for both of its words, and no word comes twice.
    assert set(second.split(", ")) == {"train", "New York", "railway"}


def test_texts_of_one_title_count_once() -> None:
    found = count_terms(
        ["Nave", "Nave", "Nave", "Apse"], ["a vault", "a vault", "a vault", "a dome"], np.zeros(4, int), 1
    )
    count = dict(zip(found.terms, found.counts[0].tolist(), strict=True))
    assert count["vault"] == 1
    # In the text or its title once, and once more for the title.
    assert count["Nave"] == 2
    assert found.texts.tolist() == [2]


def test_a_word_that_titles_lack_makes_way() -> None:
    titles = [f"River {name}" for name in ("Aa", "Bb", "Cc", "Dd")] + [
        f"Hill {name}" for name in ("Ee", "Ff", "Gg", "Hh")
    ]
    texts = ["It flows to the river."] * 4 + ["It rises to the hill."] * 4
    found = count_terms(titles, texts, GROUPS, 2)
    naming = dict(zip(found.terms, found.naming.tolist(), strict=True))
    assert naming["river"] == naming["hill"] == 1
    assert naming["flows"] < 0.5
    assert [name.split(", ")[0] for name in name_groups(found)] == ["river", "hill"]


def test_what_begins_longer_names_means_little_alone() -> None:
    texts = [f"A poem by John {name}." for name in ("Adams", "Brown", "Clark", "Davis", "Evans", "Frost")]
    read = read_words([""] * 6, texts)
    leads = dict(zip(read.shown, read.leads.tolist(), strict=True))
    assert leads["John"] == 1
    assert leads["poem"] == 0


def test_finer_groups_are_told_apart_within_their_larger_one() -> None:
    texts = ["band rock"] * 4 + ["band folk"] * 4 + ["rock stone"] * 6 + ["goal team"] * 6
    fine = count_terms([""] * 20, texts, np.array([0] * 4 + [1] * 4 + [2] * 12), 3)
    into = np.array([0, 0, 1])
    # Of all texts, fewer speak of bands than of rock; of those on bands, fewer of rock.
    assert name_groups(fine)[0].startswith("band")
    names = name_groups(fine, fine.merged(into, 2), into)
    assert [name.split(", ")[0] for name in names[:2]] == ["rock", "folk"]


def test_no_two_groups_get_one_name() -> None:
    texts = ["alpha; beta; gamma; delta; epsilon"] * 3 + ["omega"]
    names = name_groups(count_terms([""] * 4, texts, np.array([0, 1, 2, 3]), 4))
    assert len({frozenset(name.split(", ")) for name in names}) == 4


def test_a_group_without_words_has_no_name() -> None:
    assert name_groups(count_terms(["", ""], ["1234 !!", "cells"], np.array([0, 1]), 2)) == ["", "cells"]
    assert name_groups(count_terms([], [], np.empty(0, np.int64), 1)) == [""]


def test_words_of_other_scripts_and_signs() -> None:
    read = read_words(["Zellen"], ["Клетка's ядро, 細胞 x-ray 3D O'Brien\x00"])
    told = [read.shown[w] if w != NO_WORD else "-" for w in read.words]
    assert [w for w in told if w != "-"] == ["Zellen", "Клетка", "ядро", "細胞", "x-ray", "3D", "O'Brien"]
    assert read.in_title.tolist().count(True) == 2


@given(st.integers(1, 25), st.integers(1, 30), st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_larger_groups_hold_smaller_ones_whole(n: int, wanted: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    centers, sizes = rng.normal(size=(n, 3)), rng.integers(1, 50, n).astype(float)
    coarse, fine = merged_groups(centers, sizes, [wanted, 2 * wanted])
    assert len(np.unique(coarse)) == min(n, wanted)
    assert len(np.unique(fine)) == min(n, 2 * wanted)
    assert all(len(np.unique(coarse[fine == g])) == 1 for g in np.unique(fine))
    total = np.bincount(coarse, weights=sizes)
    assert (np.diff(total) <= 0).all()
    settled = settled_groups(centers, sizes, coarse)
    within = merged_groups(centers, sizes, [2 * wanted], within=settled)[0]
    assert all(len(np.unique(settled[within == g])) == 1 for g in np.unique(within))


def test_settling_never_costs_more() -> None:
    rng = np.random.default_rng(3)
    centers, sizes = rng.normal(size=(60, 4)), rng.integers(1, 9, 60).astype(float)
    before = merged_groups(centers, sizes, [7])[0]
    after = settled_groups(centers, sizes, before)
    assert len(np.unique(after)) == 7

    def cost(groups: np.ndarray) -> float:
        means = [np.average(centers[groups == g], axis=0, weights=sizes[groups == g]) for g in range(7)]
        return float((sizes * ((centers - np.array(means)[groups]) ** 2).sum(axis=1)).sum())

    assert cost(after) < cost(before)


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def test_clusters_that_lie_apart_are_found() -> None:
    rng = np.random.default_rng(0)
    which = rng.integers(0, 6, 3_000)
    vectors = unit(np.eye(24)[which * 4] + 0.1 * rng.normal(size=(3_000, 24)))
    centers = fit_centers(vectors[:600], 12, seed=1)
    assert np.allclose(np.linalg.norm(centers, axis=1), 1, atol=1e-6)
    found = nearest_centers(vectors, centers, 1)[:, 0]
    # More centers than kinds: none holds two of them.
    assert all(len(set(which[found == c].tolist())) == 1 for c in np.unique(found))
    assert (fit_centers(vectors[:600], 12, seed=1) == centers).all()


def test_a_small_table_is_begun_several_times() -> None:
    rng = np.random.default_rng(0)
    kind = np.repeat(np.arange(4), 15)
    vectors = unit(np.eye(8)[kind] + 0.1 * rng.normal(size=(60, 8)))
    for seed in range(10):
        found = nearest_centers(vectors, fit_centers(vectors, 4, seed), 1)[:, 0]
        # One draw in two misses a kind, and splits another.
        assert len(set(zip(kind.tolist(), found.tolist(), strict=True))) == 4, seed


def test_clusters_of_few_or_equal_vectors() -> None:
    same = unit(np.ones((30, 5)))
    assert len(np.unique(nearest_centers(same, fit_centers(same, 4, seed=0), 1))) == 1
    one = unit(np.ones((1, 5)))
    assert np.allclose(fit_centers(one, 9, seed=0), one)
    opposite = unit(np.array([[1.0, 0.0], [-1.0, 0.0]]))
    assert np.isfinite(fit_centers(opposite, 1, seed=0)).all()


def test_the_nearest_centers_are_those_of_sorting() -> None:
    rng = np.random.default_rng(0)
    vectors, centers = unit(rng.normal(size=(50, 6))), unit(rng.normal(size=(9, 6)))
    found = nearest_centers(vectors, centers, 4)
    for vector, near in zip(vectors, found, strict=True):
        assert near.tolist() == sorted(range(9), key=lambda c: (-float(vector @ centers[c]), c))[:4]
    assert nearest_centers(vectors, centers[:2], 4).shape == (50, 2)


def test_a_cluster_without_ties_has_a_place_of_its_own() -> None:
    ties = np.zeros((3, 3))
    ties[0, 1] = ties[1, 0] = 5
    places = spectral_embedding(ties, 2)
    assert np.allclose(np.linalg.norm(places, axis=1), 1)
    assert places[0] @ places[1] > 0.99
    assert abs(places[0] @ places[2]) < 0.01


def test_numbers_of_topics() -> None:
    assert topic_numbers(1) == (1,)
    assert topic_numbers(2) == (1,)
    assert topic_numbers(250_000, 5) == (5, 35, 240)
    assert all(topic_numbers(n)[-1] <= max(1, n) for n in range(1, 200))


def test_a_label_stands_where_its_topic_is_dense() -> None:
    rng = np.random.default_rng(0)
    own = np.concatenate([rng.normal([2.0, 8.0], 0.3, (300, 2)), rng.uniform(0, 10, (100, 2))])
    everything = np.concatenate([own, rng.uniform(0, 10, (4_000, 2))])
    extent = extent_of(everything)
    x, y = densest_position(own, cell_counts(everything, extent, TOPIC_CELLS), extent)
    assert np.hypot(x - 2, y - 8) < 0.5
    assert [x, y] in own.tolist()


def test_of_a_ring_it_stands_on_the_ring() -> None:
    turn = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    ring = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    extent = extent_of(ring)
    assert list(densest_position(ring, cell_counts(ring, extent, TOPIC_CELLS), extent)) in ring.tolist()


def test_the_blurred_counts_are_those_of_the_places() -> None:
    xy = np.random.default_rng(1).uniform(4, 6, (500, 2))
    grid = blurred(cell_counts(xy, Extent(0.0, 0.0, 10.0), 100), 2.0)
    assert abs(grid.sum() - 500) < 0.5
    assert grid[:20].max() < 1e-6


def test_nearby_is_near_the_count_within_a_hundredth() -> None:
    xy = np.random.default_rng(2).uniform(0, 1, (200_000, 2))
    inner = (np.abs(xy - 0.5) < 0.4).all(axis=1)
    # Evenly spread: n pi r^2 of them within r.
    expected = 200_000 * np.pi * 0.01**2
    found, radius = nearby(xy, extent_of(xy))
    assert radius == 0.01
    assert abs(np.median(found[inner]) / expected - 1) < 0.05


def test_an_article_alone_counts_as_one_and_twins_as_two() -> None:
    xy = np.array([[0.0, 0.0], [100.0, 100.0], [100.0, 100.0]])
    found, radius = nearby(np.tile(xy, (20, 1)), extent_of(xy))
    assert radius == 0.25
    assert (found[:3] / 20).round(2).tolist() == [1.0, 2.0, 2.0]


def test_the_most_frequent_categories_are_kept() -> None:
    which = np.array([0] * 5 + [1] * 3 + [2] * 3 + [3, 4] + [-1])
    found = categories("field:f", "f", ["d", "c", "b", "a", "e"], which, most=2)
    assert (found.names, found.counts, found.other) == (("d", "b", "other"), (5, 3, 5), 2)
    assert found.codes.tolist() == [0] * 5 + [2] * 3 + [1] * 3 + [2, 2, 255]
    assert found.note == "'other' is 3 less frequent values"


def test_one_value_more_is_no_other() -> None:
    which = np.array([0, 1, 1, 2])
    found = categories("field:kind", "kind", ["a", "b", "c"], which, most=2)
    assert (found.names, found.other, found.note) == (("b", "a", "c"), None, None)
    # Up to as many as have colors of their own.
    many = categories("field:kind", "kind", [f"{i:02}" for i in range(25)], np.arange(25), most=24)
    assert (len(many.names), many.other, many.note) == (25, 24, "'other' is 1 less frequent value")


def test_a_value_called_other_is_not_the_rest() -> None:
    which = np.array([0, 0, 1, 2])
    found = categories("field:kind", "kind", ["other", "b", "c"], which, most=1)
    assert (found.names, found.other) == (("other", "other values"), 1)


def test_skewed_numbers_have_a_logarithmic_scale() -> None:
    values = np.array([0.0] + [1.0] * 60 + [10.0] * 20 + [100.0] * 10 + [1_000.0] * 10)
    found = numbers("field:cited", "cited", values, scale=None)
    assert found is not None
    assert (found.scale, found.low, found.high) == ("log", 1.0, 1_000.0)
    assert found.note == "on a logarithmic scale; 0 has the lowest color"
    # log10 of 10 and 100 are a third and two thirds of 3: 254 / 3 = 85.
    assert sorted(set(found.codes.tolist())) == [0, 85, 169, 254]
    for flat in (np.arange(1.0, 2_000.0), np.append(values, -1.0)):
        even = numbers("field:f", "f", flat, scale=None)
        assert even is not None
        assert even.scale == "linear"


@given(st.lists(st.floats(-1e9, 1e9) | st.just(float("nan")), min_size=1, max_size=60))
def test_codes_of_numbers_are_in_their_order(values: list[float]) -> None:
    array = np.array(values)
    found = numbers("field:f", "f", array)
    known = array[np.isfinite(array)]
    if found is None:
        assert len(np.unique(known)) < 2
        return
    assert ((found.codes == 255) == np.isnan(array)).all()
    codes = found.codes[np.isfinite(array)].astype(int)
    assert (np.diff(codes[np.argsort(known, kind="stable")]) >= 0).all()
    assert codes.max() == 254
    assert codes.min() == 0


def test_a_number_on_a_logarithmic_scale() -> None:
    found = numbers("density", "nearby", np.array([1.0] * 50 + [10.0] * 50 + [100.0] * 50), scale="log")
    assert found is not None
    assert (found.low, found.high, found.scale, found.note) == (1.0, 100.0, "log", None)
    assert found.codes[[0, 60, 120]].tolist() == [0, 127, 254]


def test_far_values_do_not_take_all_colors() -> None:
    found = numbers("field:f", "f", np.array([*range(1000), 1e9]), note="in years")
    assert found is not None
    assert found.high < 1000
    assert found.note == "in years; colors end at the 1st and the 99th percentile"


def test_yes_and_no() -> None:
    found = flags("truncated", "truncated", np.array([1, 0, 0, -1]), ("cut", "whole"))
    assert found is not None
    assert (found.names, found.counts, found.codes.tolist()) == (("cut", "whole"), (1, 2), [0, 1, 1, 255])
    assert flags("truncated", "truncated", np.array([-1, -1]), ("cut", "whole")) is None


def test_as_many_categories_as_are_kept_need_no_other() -> None:
    which = np.array([0, 1, 1, 2, 3])
    assert categories("field:kind", "kind", list("abcd"), which, most=4).names == ("b", "a", "c", "d")
    assert categories("field:kind", "kind", list("abcd"), which, most=2).names == ("b", "a", "other")


def test_the_weight_of_a_term_by_hand() -> None:
    counts, texts = np.array([[3.0, 0.0], [1.0, 2.0]]), np.array([3.0, 2.0])
    found = SimpleNamespace(counts=counts, texts=texts)
    weight = _weights(cast("TermCounts", found), counts.sum(axis=0), texts.sum())
    # A term of 3 of 3 texts of a group and of 4 of all 5: p = 3 / (3 + 0.5), q = 4.5 / 5.5, p log(p / q).
    assert weight[0, 0] == pytest.approx(3 / 3.5 * np.log(3 / 3.5 / (4.5 / 5.5)))
    assert weight[1, 1] == pytest.approx(2 / 2.5 * np.log(2 / 2.5 / (2.5 / 5.5)))
    assert weight[0, 1] == 0
