"""Figures behind a map's picture, by hand or against a plain way to compute them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.cluster.hierarchy import fcluster, ward

from vecindex.core.picture import Extent
from vecindex.verbs.picture import topic_names
from vecindex.verbs.picture.alongside.maps import kept_neighbors
from vecindex.verbs.picture.clusters import merged_groups, settled_groups, spectral_embedding
from vecindex.verbs.picture.coloring import categories, flags
from vecindex.verbs.picture.density import TOPIC_CELLS, cell_counts, densest_position
from vecindex.verbs.picture.topic_names import count_terms
from vecindex.verbs.picture.words import NO_WORD, read_words


def test_a_label_stands_in_the_middle_of_the_densest_cell() -> None:
    # One unit a cell. Nine articles in the middle of a cell, one in each corner next to it.
    extent = Extent(0.0, 0.0, float(TOPIC_CELLS))
    around = [[10.0, 10.0], [11.4, 11.4], [9.6, 11.4], [11.4, 9.6]]
    xy = np.array([[10.5, 10.5]] * 9 + around)
    assert densest_position(xy, cell_counts(xy, extent, TOPIC_CELLS), extent) == (10.5, 10.5)


@pytest.mark.parametrize("seed", [0, 1])
def test_kept_neighbors_are_those_that_sorting_finds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    # Few places, so that many are equally near; some are on one of the maps only.
    xy, other = rng.integers(0, 6, (2, 60, 2)).astype(float)
    xy[3], other[[3, 4, 5]] = np.nan, np.nan
    kept, k = kept_neighbors(xy, other, 5)
    assert k == 5
    both = [row for row in range(60) if row not in (3, 4, 5)]
    for row in range(60):
        if row not in both:
            assert kept[row] == -1
            continue
        others = [one for one in both if one != row]
        lists = [
            {one for _, one in sorted((float(((at[one] - at[row]) ** 2).sum()), one) for one in others)[:5]}
            for at in (xy, other)
        ]
        assert kept[row] == len(lists[0] & lists[1])


def test_of_few_articles_fewer_neighbors_are_compared() -> None:
    xy = np.array([[0.0, 0.0], [1.0, 0.0], [5.0, 0.0], [9.0, 0.0]])
    assert kept_neighbors(xy, xy)[1] == 3
    alone = np.where(np.arange(4)[:, None] == 2, xy, np.nan)
    kept, k = kept_neighbors(xy, alone)
    assert (kept.tolist(), k) == ([-1, -1, -1, -1], 0)


@pytest.mark.parametrize("seed", [0, 1])
def test_spectral_embedding_are_eigenvectors_of_the_normalized_ties(seed: int) -> None:
    beside = np.random.default_rng(seed).integers(0, 9, (12, 12)).astype(float)
    ties = beside + beside.T + np.eye(12)
    half = np.diag(ties.sum(axis=1) ** -0.5)
    values, vectors = np.linalg.eigh(half @ ties @ half)
    top = vectors[:, np.argsort(values)[-4:]]
    top /= np.linalg.norm(top, axis=1, keepdims=True)
    found = spectral_embedding(beside, 4)
    assert found @ found.T == pytest.approx(top @ top.T)


def test_the_most_frequent_words_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topic_names, "_MAX_TERMS", 2)
    texts = ["vault", "vault dome", "vault dome", "dome arch"]
    found = count_terms([""] * 4, texts, np.zeros(4, dtype=np.int64), 1)
    assert found.terms[:2] == ["vault", "dome"]
    assert "arch" not in found.terms


def test_a_label_stands_where_its_topic_is_many_and_not_only_alone() -> None:
    # Nine of twelve at one spot, both of two at the other: 81 / 12 against 4 / 2.
    extent = Extent(0.0, 0.0, float(TOPIC_CELLS))
    xy = np.array([[20.5, 20.5]] * 9 + [[70.5, 70.5]] * 2)
    everything = np.concatenate([xy, [[20.5, 20.5]] * 3])
    assert densest_position(xy, cell_counts(everything, extent, TOPIC_CELLS), extent) == (20.5, 20.5)


@pytest.mark.parametrize("seed", range(3))
def test_unions_are_those_of_ward(seed: int) -> None:
    centers = np.random.default_rng(seed).normal(size=(30, 3))
    tree = ward(centers)
    for wanted, found in zip((4, 11), merged_groups(centers, np.ones(30), [4, 11]), strict=True):
        theirs = fcluster(tree, wanted, criterion="maxclust")
        assert len({(int(a), int(b)) for a, b in zip(found, theirs, strict=True)}) == wanted


def test_large_clusters_are_dearer_to_put_together() -> None:
    # 10 x 10 / 20 x 1 against 1 x 1 / 2 x 9: the small ones are nearer to each other by Ward's cost.
    centers, sizes = np.array([[0.0], [1.0], [20.0], [23.0]]), np.array([10.0, 10.0, 1.0, 1.0])
    assert merged_groups(centers, sizes, [3])[0].tolist() == [0, 1, 2, 2]


def test_settling_splits_a_wide_group_and_joins_two_narrow_ones() -> None:
    centers = np.array([[0.0], [10.0], [20.0], [20.2]])
    assert settled_groups(centers, np.ones(4), np.array([0, 0, 1, 2])).tolist() == [1, 2, 0, 0]


def test_twenty_names_are_kept() -> None:
    names = [f"n{i:02d}" for i in range(25)]
    found = categories("field:f", "f", names, np.repeat(np.arange(25), np.arange(25, 0, -1)))
    assert found.names == (*names[:20], "other")
    assert found.counts[-1] == 5 + 4 + 3 + 2 + 1


def test_a_term_of_two_words_names_both() -> None:
    found = count_terms([""] * 3, ["red cell", "red cell", "red cell"], np.zeros(3, dtype=np.int64), 1)
    assert found.terms == ["red", "cell", "red cell"]
    assert found.parts.tolist() == [[-1, -1], [-1, -1], [0, 1]]


@pytest.mark.parametrize(
    ("a", "b", "alike"),
    [
        ("star", "start", True),  # 4 letters of 5
        ("cart", "cars", False),  # 3 of 4: too few
        ("cell", "cell", True),
        ("sun", "sun", True),
        ("india", "indian", True),
        ("form", "formulas", False),  # 4 of 8: too small a part
        ("transport", "transfers", True),  # 5 of 9
        ("transports", "transistor", False),  # 4 of 10
    ],
)
def test_words_that_begin_alike(a: str, b: str, alike: bool) -> None:
    assert topic_names._alike(a, b) is alike
    assert topic_names._alike(b, a) is alike


def test_a_word_has_three_letters_or_more() -> None:
    read = read_words([""], ["go gym ядро эт 細胞"])
    assert [read.shown[w] for w in read.words if w != NO_WORD] == ["gym", "ядро", "эт", "細胞"]


def test_settling_empties_no_group() -> None:
    # The nearest means would leave the first group without any. It is split, and the two others are put together.
    centers = np.array([[-10.0], [10.0], [-9.0], [9.0]])
    assert settled_groups(centers, np.ones(4), np.array([0, 0, 1, 2])).tolist() == [1, 2, 0, 0]


def test_flags_that_none_has_are_a_coloring() -> None:
    found = flags("truncated", "truncated", np.array([0, 0, -1]), ("cut", "whole"))
    assert found is not None
    assert (found.names, found.counts, found.codes.tolist()) == (("cut", "whole"), (0, 2), [1, 1, 255])


def test_a_label_of_a_large_topic_stands_in_its_middle_and_not_on_a_dense_spot_at_its_edge() -> None:
    rng = np.random.default_rng(0)
    disc = rng.normal(size=(4_000, 2))
    disc = 30 * np.sqrt(rng.random(4_000))[:, None] * disc / np.linalg.norm(disc, axis=1, keepdims=True)
    spot = np.array([28.0, 0.0]) + 0.3 * rng.normal(size=(60, 2))
    xy = np.concatenate([disc, spot]) + 48
    x, y = densest_position(xy, cell_counts(xy, Extent(0.0, 0.0, 96.0), TOPIC_CELLS), Extent(0.0, 0.0, 96.0))
    assert np.hypot(x - 48, y - 48) < 15


def test_of_equally_frequent_spellings_the_first_is_shown() -> None:
    texts = ["red Cell", "Red cell", "red Cell", "Red cell"]
    found = count_terms([""] * 4, texts, np.zeros(4, dtype=np.int64), 1)
    assert "red Cell" in found.terms
    assert "Red cell" not in found.terms
