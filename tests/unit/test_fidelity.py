"""Trustworthiness, continuity and the curve over k: against loops, scikit-learn and ZADU; what must hold of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import manifold
from zadu.measures import local_continuity_meta_criteria, neighborhood_hit, trustworthiness_continuity

from reference import fidelity as slow
from vecindex.core.neighbors import NO_ROW, Neighbors, nearest_of
from vecindex.core.vectors import normalize
from vecindex.neighbors import blas, ranks
from vecindex.neighbors.exact import ExactSearch
from vecindex.neighbors.plane import Plane
from vecindex.neighbors.ranks import RankCount
from vecindex.neighbors.ties import settled
from vecindex.verbs.overlap.space import topic_precision
from vecindex.verbs.scores.curves import area_over_log_k, continuity, overlap_curve, rnx_curve, trustworthiness
from vecindex.verbs.scores.fidelity import Fidelity, FidelitySearch


def world(seed: int, n: int, copies: int = 0, d: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Return unit vectors and a map that keeps some of them, the last `copies` articles being copies in both."""
    rng = np.random.default_rng(seed)
    vectors = normalize(rng.normal(size=(n, d)) * [3, 3, *[1] * (d - 2)])
    xy = vectors[:, :2].astype(np.float64) + 0.05 * rng.normal(size=(n, 2))
    if copies:
        of = rng.integers(0, max(1, n // 4), copies)
        vectors[-copies:], xy[-copies:] = vectors[of], xy[of]
    return vectors, xy


def blocks(vectors: np.ndarray, size: int) -> list[tuple[np.ndarray, np.ndarray]]:
    cut = [
        (np.arange(at, min(at + size, len(vectors))), vectors[at : at + size]) for at in range(0, len(vectors), size)
    ]
    return cut[::-1]


def measured(
    vectors: np.ndarray, maps: dict[str, np.ndarray], k: int = 5, sample: np.ndarray | None = None, size: int = 37
) -> dict[str, Fidelity]:
    """Return the figures of maps, with all articles sampled unless told otherwise."""
    sample = np.arange(len(vectors)) if sample is None else sample
    planes = {name: Plane(xy) for name, xy in maps.items()}
    own = ExactSearch(vectors[sample], min(51, len(vectors) - 1), without=sample)
    search = FidelitySearch(sample, vectors[sample], planes, k, lambda rows: (rows, vectors[rows]), 0, own)
    for rows, block in blocks(vectors, size):
        own.add(rows, block)
        search.add(rows, block)
    return search.result()


def test_trustworthiness_where_most_articles_are_neighbors() -> None:
    # Of 8 articles, two lie beyond k = 5: at worst they intrude 1 + 2 beyond.
    found = trustworthiness(np.array([[7, 6, 1, 2, 3], [1, 2, 3, 4, 6], [5, 4, 3, 2, 1]]), 8)
    np.testing.assert_allclose(found, [0, 2 / 3, 1])


@given(st.integers(0, 2**20), st.integers(12, 60), st.integers(1, 9), st.floats(0, 0.5), st.integers(1, 70))
@settings(max_examples=40, deadline=None)
def test_ranks_are_those_of_sorting(seed: int, n: int, m: int, copied: float, size: int) -> None:
    vectors, xy = world(seed, n, int(copied * n))
    rng = np.random.default_rng(seed)
    sample = np.sort(rng.permutation(n)[: n // 2])
    others = rng.integers(0, n, (len(sample), m))
    others = np.where(others == sample[:, None], NO_ROW, others)
    dist = slow.space_distances(vectors)
    asked = np.where(others == NO_ROW, np.inf, dist[sample[:, None], others])
    right = slow.shared_ranks(dist, sample)[sample[:, None], others]
    for dense, products, threads in ((0.02, 1 << 18, 2), (-1.0, 200, 1), (1.0, 200, 3)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ranks, "_DENSE", dense)
            patch.setattr(blas, "_PRODUCT_VALUES", products)
            patch.setattr(blas.load_faiss(), "omp_get_max_threads", lambda threads=threads: threads)
            count = RankCount(sample, vectors[sample], others, asked)
            for rows, block in blocks(vectors, size):
                count.add(rows, block)
        assert (count.result() == np.where(others == NO_ROW, NO_ROW, right)).all()
    right = slow.shared_ranks(slow.map_distances(xy), sample)[sample[:, None], others]
    assert (Plane(xy).ranks(sample, others) == np.where(others == NO_ROW, NO_ROW, right)).all()


@given(st.integers(0, 2**20), st.integers(8, 70), st.sampled_from([3, 6, 30]), st.booleans())
@settings(max_examples=60, deadline=None)
def test_lists_with_ties_are_those_of_sorting(seed: int, n: int, different: int, grid: bool) -> None:
    # Few different vectors, so that ties reach far beyond any list; on a grid they tie on the map too.
    rng = np.random.default_rng(seed)
    vectors = normalize(rng.normal(size=(different, 4)))[rng.integers(0, different, n)]
    xy = rng.integers(0, 4, (n, 2)).astype(float) if grid else rng.normal(size=(n, 2))
    # What ties in both spaces beyond both lists is not seen, so the lists hold everything there.
    plane, every, k = Plane(xy), np.arange(n), n - 2 if grid else min(6, n - 2)
    search = ExactSearch(vectors, k + 1, without=every)
    search.add(every, vectors)
    near, found = settled(
        search.result(), plane.nearest(xy, k, every), xy, plane, vectors, lambda rows: (rows, vectors[rows])
    )
    space, on_map = slow.space_distances(vectors), slow.map_distances(xy)
    by_space, by_map = slow.settled_ranks(space, on_map)
    for i in range(n):
        assert near.dist[i].tolist() == np.sort(np.delete(space[i], i))[: k + 1].tolist()
        # Of more that tie than the lists hold, those count that are among the nearest on the other side.
        for at in range(1, k + 1):
            right = {j for j in range(n) if 0 < by_space[i, j] <= at} & {
                j for j in range(n) if 0 < by_map[i, j] <= at
            }
            assert len(set(near.rows[i, :at]) & set(found.rows[i, :at])) == len(right)


def test_a_map_of_one_position_keeps_no_more_than_chance() -> None:
    vectors = normalize(np.random.default_rng(0).normal(size=(200, 6)))
    xy = np.full((200, 2), 3.0)
    xy[0] = 4.0
    found = measured(vectors, {"m": xy})["m"]
    assert abs(found.rnx[5].mean) < 0.02


def test_ranks_that_float32_products_cannot_tell() -> None:
    rng = np.random.default_rng(0)
    center = normalize(rng.normal(size=(1, 384)))
    around = normalize(
        0.5 * center + 0.04 * normalize(rng.normal(size=(400, 384))) + 1e-7 * rng.normal(size=(400, 1))
    )
    vectors = np.concatenate([center, around])
    others = np.arange(1, 401)[None, :]
    dist = slow.space_distances(vectors)
    count = RankCount(np.array([0]), center, others, dist[:1, 1:])
    for rows, block in blocks(vectors, 100):
        count.add(rows, block)
    assert (count.result() == slow.shared_ranks(dist, [0])[:1, 1:]).all()


def test_ranks_of_what_is_not_on_the_map_are_none() -> None:
    xy = np.array([[0.0, 0], [1, 0], [np.nan, np.nan], [3, 0]])
    found = Plane(xy).ranks(np.array([0, 2]), np.array([[3, 2, 1], [0, 1, 3]]))
    assert found.tolist() == [[2, NO_ROW, 1], [NO_ROW] * 3]


@given(st.integers(0, 2**20), st.integers(12, 50), st.integers(1, 11), st.floats(0, 0.5))
@settings(max_examples=40, deadline=None)
def test_figures_are_those_of_loops(seed: int, n: int, k: int, copied: float) -> None:
    vectors, xy = world(seed, n, int(copied * n))
    found = measured(vectors, {"m": xy}, k)["m"]
    space, on_map = slow.space_distances(vectors), slow.map_distances(xy)
    beyond, beyond_there, shown = slow.shared_ranks(space), slow.shared_ranks(on_map), slow.ranks(on_map)
    space, on_map = slow.settled_ranks(space, on_map)
    assert found.k == min(k, n - 1)
    if 2 * k < n:
        assert found.trustworthiness is not None
        assert found.continuity is not None
        assert found.trustworthiness.mean == pytest.approx(np.mean(slow.trustworthiness(beyond, shown, k)))
        assert found.continuity.mean == pytest.approx(np.mean(slow.trustworthiness(beyond_there, space, k)))
    else:
        assert found.trustworthiness is found.continuity is None
    for at, value in found.rnx.items():
        assert value.mean == pytest.approx(np.mean(slow.rnx(space, on_map, at)))
    weights = 1 / np.arange(1, found.depth + 1)
    curve = [np.mean(slow.rnx(space, on_map, at)) for at in range(1, found.depth + 1)]
    assert found.rnx_area.mean == pytest.approx(curve @ weights / weights.sum())
    assert found.rnx_area.low <= found.rnx_area.mean <= found.rnx_area.high


@pytest.mark.parametrize("k", [1, 5, 20])
def test_it_agrees_with_scikit_learn(k: int) -> None:
    vectors, xy = world(3, 200)
    found = measured(vectors, {"m": xy}, k)["m"]
    # On unit vectors the Euclidean distance orders as the cosine does.
    wide = vectors.astype(np.float64)
    assert found.trustworthiness.mean == pytest.approx(manifold.trustworthiness(wide, xy, n_neighbors=k))
    assert found.continuity.mean == pytest.approx(manifold.trustworthiness(xy, wide, n_neighbors=k))


@pytest.mark.parametrize("k", [1, 5, 20])
def test_it_agrees_with_zadu(k: int) -> None:
    vectors, xy = world(4, 150)
    wide = vectors.astype(np.float64)
    found = measured(vectors, {"m": xy}, k)["m"]
    told = trustworthiness_continuity.measure(wide, xy, k=k)
    assert found.trustworthiness.mean == pytest.approx(told["trustworthiness"])
    assert found.continuity.mean == pytest.approx(told["continuity"])
    kept = (found.rnx[k].mean * (150 - 1 - k) + k) / (150 - 1)
    lcmc = local_continuity_meta_criteria.measure(wide, xy, k=k)["lcmc"]
    assert kept - k / (150 - 1) == pytest.approx(lcmc)
    labels = np.random.default_rng(0).integers(0, 4, 150)
    lists = Plane(xy).nearest(xy, k, without=np.arange(150)).rows
    names = [str(label) for label in labels]
    hits = topic_precision(lists, names, names, k)
    assert hits.mean() == pytest.approx(neighborhood_hit.measure(xy, labels, k=k)["neighborhood_hit"])


@given(st.integers(0, 2**20), st.floats(0.1, 6), st.floats(0.2, 50))
@settings(max_examples=15, deadline=None)
def test_turning_scaling_and_renaming_change_nothing(seed: int, angle: float, scale: float) -> None:
    vectors, xy = world(seed, 60)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    found = measured(vectors, {"m": xy, "turned": scale * xy @ turn + 7})
    assert found["turned"] == found["m"]
    order = np.random.default_rng(seed).permutation(60)
    renamed = measured(vectors[order], {"m": xy[order]})["m"]
    assert renamed.trustworthiness.mean == pytest.approx(found["m"].trustworthiness.mean)
    assert renamed.continuity.mean == pytest.approx(found["m"].continuity.mean)
    assert renamed.rnx_area.mean == pytest.approx(found["m"].rnx_area.mean)


def test_identical_spaces_are_perfect() -> None:
    angles = np.random.default_rng(1).random(120) * 2 * np.pi
    circle = normalize(np.stack([np.cos(angles), np.sin(angles)], axis=1))
    found = measured(circle, {"m": circle.astype(np.float64)})["m"]
    # Two neighbors on either side may tie as float32 distances, so a pair can change places.
    assert found.trustworthiness.mean == pytest.approx(1, abs=1e-4)
    assert found.continuity.mean == pytest.approx(1, abs=1e-4)
    assert found.rnx_area.mean == pytest.approx(1, abs=0.01)


def test_a_random_map_is_chance() -> None:
    vectors, xy = world(5, 800)
    found = measured(vectors, {"m": np.random.default_rng(0).permutation(xy)})["m"]
    assert found.trustworthiness.mean == pytest.approx(0.5, abs=0.02)
    assert found.continuity.mean == pytest.approx(0.5, abs=0.02)
    assert found.rnx_area.mean == pytest.approx(0, abs=0.01)


def test_a_torn_map_is_trustworthy_but_not_continuous() -> None:
    # A line in two halves far apart on the map: what comes near is not foreign, but much is torn away.
    t = np.linspace(0.1, 1.4, 100)
    line = normalize(np.stack([np.cos(t), np.sin(t)], axis=1))
    torn = np.stack([np.where(np.arange(100) % 2, 0, 1e6), t], axis=1)
    found = measured(line, {"m": torn}, k=8)["m"]
    assert found.trustworthiness.mean > found.continuity.mean + 0.1


def test_a_sample_is_held_against_all_articles() -> None:
    vectors, xy = world(6, 150)
    sample = np.array([3, 40, 41, 90, 149])
    found = measured(vectors, {"m": xy}, 5, sample)["m"]
    space, on_map = slow.ranks(slow.space_distances(vectors)), slow.ranks(slow.map_distances(xy))
    assert found.articles == 5
    assert found.trustworthiness.mean == pytest.approx(
        np.mean(np.array(slow.trustworthiness(space, on_map, 5))[sample])
    )
    assert found.continuity.mean == pytest.approx(np.mean(np.array(slow.trustworthiness(on_map, space, 5))[sample]))


def test_of_a_large_sample_a_part_is_ranked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vecindex.verbs.scores.fidelity.RANKED", 30)
    vectors, xy = world(9, 100)
    found = measured(vectors, {"m": xy})["m"]
    assert (found.articles, found.ranked) == (100, 30)
    chosen = np.sort(np.random.default_rng(0).permutation(100)[:30])
    space, on_map = slow.ranks(slow.space_distances(vectors)), slow.ranks(slow.map_distances(xy))
    assert found.trustworthiness.mean == pytest.approx(
        np.mean(np.array(slow.trustworthiness(space, on_map, 5))[chosen])
    )
    assert found.rnx[5].mean == pytest.approx(np.mean(slow.rnx(space, on_map, 5)))


def test_reference_of_a_map_in_part_is_what_it_shows() -> None:
    vectors, xy = world(7, 120)
    part = xy.copy()
    part[::3] = np.nan
    found = measured(vectors, {"whole": xy, "part": part, "again": part})
    there = np.flatnonzero(np.isfinite(part[:, 0]))
    alone = measured(vectors[there], {"m": xy[there]})["m"]
    assert found["part"] == found["again"] == alone
    assert found["whole"] == measured(vectors, {"m": xy})["m"]


def test_a_map_of_nothing_has_no_figures() -> None:
    vectors, xy = world(8, 20)
    alone = np.full_like(xy, np.nan)
    alone[3] = 0
    assert measured(vectors, {"none": np.full_like(xy, np.nan), "alone": alone}) == {}


def test_from_half_of_all_articles_on_the_divisor_changes() -> None:
    # Of 6 articles all 4 nearest: one at most can intrude, at rank 5.
    assert trustworthiness(np.array([[1, 2, 3, 5]]), 6).tolist() == [0]
    assert continuity(np.array([[1, 2, 3, 4, 5]]), 6).tolist() == [1]
    assert np.isnan(trustworthiness(np.array([[1, NO_ROW]]), 9)).all()
    with pytest.raises(ValueError, match="k = 4 is out of range for 4 articles"):
        trustworthiness(np.array([[1, 2, 3, 4]]), 4)


def test_the_curve_by_hand() -> None:
    curve = overlap_curve(np.array([[1, 2, 3], [1, NO_ROW, NO_ROW]]), np.array([[2, 9, 1], [NO_ROW, 1, NO_ROW]]))
    assert curve == pytest.approx(np.array([[0, 1 / 2, 2 / 3], [0, 1 / 2, 1 / 3]]))
    assert rnx_curve(np.array([[1.0, 1.0, 1.0]]), 4).tolist() == [[1, 1, 1]]
    assert area_over_log_k(np.array([[0.0, 1.0, 1.0]])) == pytest.approx((1 / 2 + 1 / 3) / (1 + 1 / 2 + 1 / 3))
    with pytest.raises(ValueError, match="different shapes"):
        overlap_curve(np.array([[1, 2]]), np.array([[1]]))
    with pytest.raises(ValueError, match="k = 3 is out of range for 3 articles"):
        rnx_curve(np.zeros((1, 3)), 3)


def test_lists_of_the_sample_may_be_padded() -> None:
    near = nearest_of(np.array([[1, 2]]), np.array([[0.1, 0.2]]), 4)
    assert isinstance(near, Neighbors)
    assert overlap_curve(near.rows, near.rows)[0].tolist() == [1, 1, 2 / 3, 0.5]
