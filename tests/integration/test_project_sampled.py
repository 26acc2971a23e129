"""Maps of which a sample is laid out and the other articles are placed: what is stored, told and refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vecindex
from reference.plane import nearest as nearest_on_map
from tables import Notices, append, make_table, map_xy
from vecindex.core.texts import joined
from vecindex.core.vectors import normalize
from vecindex.errors import ConfigError
from vecindex.neighbors.coarse import CoarseSearch
from vecindex.neighbors.exact import ExactSearch
from vecindex.neighbors.plane import Plane
from vecindex.store.database import Database
from vecindex.store.graph import GraphTable
from vecindex.store.maps import maps
from vecindex.types import Silent
from vecindex.verbs.map_rows import read_rows
from vecindex.verbs.project import size as sizes
from vecindex.verbs.project.result import ProjectResult
from vecindex.verbs.project.sample.sampled import tiles, with_surroundings
from vecindex.verbs.scores.scores import score_map, scored

D, N, LAID_OUT = 16, 600, 200
QUICK = {"early_iterations": 60, "iterations": 60, "finish_iterations": 30}


def planted() -> np.ndarray:
    """Return 600 unit vectors around 60 directions; the last 20 repeat the first, one for one."""
    rng = np.random.default_rng(0)
    found = normalize(np.repeat(rng.normal(size=(60, D)), 10, axis=0) + 0.25 * rng.normal(size=(N, D)))
    found[-20:] = found[:20]
    return found.astype(np.float32)


def project(folder: Path, name: str, **options: Any) -> ProjectResult:
    if options.get("method") is None:
        options["settings"] = QUICK
    return vecindex.open(folder).project(name, **options)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray, dict[str, ProjectResult]]:
    """A table with a map of a sample, `part`, and then one of all, `all`."""
    folder = tmp_path_factory.mktemp("world")
    vectors = planted()
    append(make_table(folder, dimension=D), vectors)
    return folder, vectors, {"part": project(folder, "part", layout_rows=LAID_OUT), "all": project(folder, "all")}


def slow_recalls(vectors: np.ndarray, xy: np.ndarray, some: list[int], k: int) -> list[float]:
    values = []
    for i in some:
        dist = np.float32(1) - (vectors.astype(np.float64) @ vectors[i]).astype(np.float32)
        dist[i] = np.inf
        true = set(np.argsort(dist, kind="stable")[:k].tolist())
        values.append(len(true & set(nearest_on_map(xy, tuple(xy[i]), k, without=i))) / k)
    return values


def test_every_article_is_on_the_map_and_both_kinds_are_measured_apart(world: Any) -> None:
    folder, vectors, results = world
    found = results["part"]
    assert (found.action, found.articles, found.outside, found.due) == ("made", N, 0, None)
    told = found.sampled
    assert told is not None
    assert (told.laid_out, told.placed, told.sample, told.placed_sample) == (LAID_OUT, N - LAID_OUT, 200, 400)
    for k in (5, 10, 50):
        both = told.sample * told.recall[k].mean + told.placed_sample * told.placed_recall[k].mean
        assert found.scores.recall[k].mean == pytest.approx(both / N)
    ids, xy = map_xy(Database(folder).articles("articles"), "part")
    order = np.argsort(ids)
    assert np.isfinite(xy).all()
    # Of those that are repeated, equally near ones may stand in either order.
    some = list(range(40, 560, 20))
    kept = np.mean(slow_recalls(vectors, xy[order], some, 10))
    assert kept > 0.35
    assert maps(Database(folder).articles("articles"))["part"]["sampled"]["laid_out"] == LAID_OUT


def test_placed_articles_keep_nearly_as_much_as_on_a_map_of_all(world: Any) -> None:
    _, _, results = world
    part, whole = results["part"], results["all"]
    assert whole.sampled is None
    assert part.sampled.placed_recall[10].mean > whole.scores.recall[10].mean - 0.12


def test_the_scores_are_those_of_the_same_positions_in_memory(world: Any) -> None:
    folder, _, _ = world
    rows = read_rows(Database(folder).articles("articles"), "part")
    vectors, xy = rows.matrix(Silent()), rows.positions
    asked = np.sort(np.random.default_rng(0).permutation(N)[:150])
    _, kept, found = scored(rows.blocks(Silent(), "scores"), rows.vectors_of, Plane(xy), asked, seed=0)
    assert found == score_map(vectors, xy, sample=150, seed=0, observer=Silent())
    assert kept[5].mean() == found.recall[5].mean
    assert found.duplicates == 40


def test_rows_are_read_by_their_numbers_and_in_part(world: Any) -> None:
    folder, _, _ = world
    rows = read_rows(Database(folder).articles("articles"))
    vectors = rows.matrix(Silent())
    some = np.array([7, 599, 0, 7])
    assert (rows.vectors_of(some) == vectors[some]).all()
    part = rows.some(np.array([3, 8, 500]))
    assert part.ids.to_pylist() == [rows.ids[i].as_py() for i in (3, 8, 500)]
    assert (part.matrix(Silent()) == vectors[[3, 8, 500]]).all()
    again = part.ordered(np.array([2, 0, 1]))
    assert (again.matrix(Silent()) == vectors[[500, 3, 8]]).all()
    assert (again.vectors_of(np.array([0, 2])) == vectors[[500, 8]]).all()


def test_an_island_far_from_its_tile_does_not_bring_in_all_between() -> None:
    rng = np.random.default_rng(0)
    xy = rng.uniform(size=(10_000, 2))
    tile = np.flatnonzero((xy < 0.3).all(axis=1))
    before = with_surroundings(xy, tile, 10_000)
    high = xy[tile].max(axis=0)
    assert len(tile) < len(before) == pytest.approx(((xy < high + 0.08 * high).all(axis=1)).sum(), rel=0.05)
    xy[tile[:3]] = [[20.0, 20.0], [20.1, 20.0], [-9.0, 4.0]]
    after = with_surroundings(xy, tile, 10_000)
    assert set(tile) <= {*after}
    assert len(after) == pytest.approx(len(before), rel=0.05)
    some = with_surroundings(xy, tile, len(tile) + 50)
    assert len(some) == len(tile) + 50
    assert {*some} <= {*after}


def test_the_same_seed_gives_the_same_map_and_its_graph_is_used_again(tmp_path: Path) -> None:
    append(make_table(tmp_path, dimension=D), planted())
    first = project(tmp_path, "one", layout_rows=LAID_OUT, seed=4)
    again = project(tmp_path, "two", layout_rows=LAID_OUT, seed=4)
    assert (first.graph.how, again.graph.how) == ("made", "stored")
    (ids, one), (others, two) = (map_xy(Database(tmp_path).articles("articles"), name) for name in ("one", "two"))
    assert ids == others
    assert (one == two).all()


def test_the_graph_of_all_articles_is_not_replaced_by_that_of_a_sample(world: Any) -> None:
    folder, _, _ = world
    stored = GraphTable(Database(folder), "articles").load()
    assert stored is not None
    assert len(stored.graph) == N
    project(folder, "again", layout_rows=LAID_OUT)
    assert len(GraphTable(Database(folder), "articles").load().graph) == N


def test_a_near_copy_goes_next_to_its_article(tmp_path: Path) -> None:
    vectors = planted()
    append(make_table(tmp_path, dimension=D), vectors)
    found = project(tmp_path, "map", method="pca", layout_rows=LAID_OUT)
    _, xy = map_xy(Database(tmp_path).articles("articles"), "map")
    drawn = set(np.random.default_rng((0, 1)).permutation(N)[:LAID_OUT].tolist())
    halves = [(i, N - 20 + i) for i in range(20) if (i in drawn) != (N - 20 + i in drawn)]
    assert len(halves) >= 5
    assert found.sampled.copies >= len(halves)
    width = np.ptp(xy, axis=0).max()
    for one, other in halves:
        assert 0 < np.linalg.norm(xy[one] - xy[other]) < 0.05 * width


def test_memory_that_is_too_small_for_all_lays_a_sample_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    append(make_table(tmp_path, dimension=D), planted())
    monkeypatch.setattr(sizes, "held_bytes", lambda: 0)
    monkeypatch.setattr(sizes, "BLOCK_BYTES", 0)
    monkeypatch.setattr(sizes, "ROW_BYTES", 1_000_000 - 4 * D)
    monkeypatch.setattr(sizes, "BARE_ROW_BYTES", 1_000_000 - 4 * D)
    monkeypatch.setattr(sizes, "LEAST_LAID_OUT", 50)
    monkeypatch.setattr(sizes, "fixed_bytes", lambda _: 0.0)
    monkeypatch.setattr(sizes, "bytes_by_sample", lambda laid_out, *_: 1_000_000 * laid_out)
    notices = Notices()
    found = project(tmp_path, "map", memory="128MB", method="pca", observer=notices)
    assert found.sampled.laid_out == 120
    assert any("a map of all 600 articles takes about 0.6 GB of memory" in str(one) for one in notices.lines)
    assert project(tmp_path, "other", memory="600MB", method="pca").sampled is None
    with pytest.raises(ConfigError, match=r"takes at least 0\.1 GB; memory"):
        project(tmp_path, "map", memory="40MB", method="pca")
    with pytest.raises(
        ConfigError, match=r"layout_rows=200 takes about 0\.2 GB of memory; memory='128MB' allows less"
    ):
        project(tmp_path, "map", memory="128MB", layout_rows=200, method="pca")
    assert project(tmp_path, "said", memory="128MB", layout_rows=110, method="pca").sampled.laid_out == 110
    with pytest.raises(ConfigError, match="memory= is a size such as 4GB or 800MB, found 'much'"):
        project(tmp_path, "map", memory="much")


def test_a_method_without_a_graph_takes_less_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    append(make_table(tmp_path, dimension=D), planted())
    monkeypatch.setattr(sizes, "held_bytes", lambda: 0)
    monkeypatch.setattr(sizes, "fixed_bytes", lambda _: 0.0)
    monkeypatch.setattr(sizes, "BARE_ROW_BYTES", 500_000 - 4 * D)
    monkeypatch.setattr(sizes, "ROW_BYTES", 1_000_000 - 4 * D)
    monkeypatch.setattr(sizes, "bytes_by_sample", lambda laid_out, *_: 1_000_000 * laid_out)
    monkeypatch.setattr(sizes, "BLOCK_BYTES", 0)
    monkeypatch.setattr(sizes, "LEAST_LAID_OUT", 50)
    assert project(tmp_path, "flat", memory="310MB", method="pca").sampled is None
    assert project(tmp_path, "map", memory="310MB", method="local").sampled.laid_out == 310


@pytest.mark.parametrize("other", [{"update": True}, {"drop": True}, {"anchor": True, "questions": ["q.txt"]}])
def test_what_lays_nothing_out_takes_no_size(tmp_path: Path, other: dict[str, Any]) -> None:
    append(make_table(tmp_path, dimension=D), planted()[:50])
    for option in ({"layout_rows": 20}, {"memory": "1GB"}):
        with pytest.raises(ConfigError, match="means nothing with"):
            vecindex.open(tmp_path).project("map", **other, **option)


def test_ids_beyond_the_plain_kind_of_text_give_the_same_map(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    append(make_table(tmp_path, dimension=D), planted()[:120])
    index = vecindex.open(tmp_path)
    index.project("plain", settings=QUICK)
    monkeypatch.setattr(joined, "_MOST_BYTES", 500)
    index.project("large", settings=QUICK)
    _, one = map_xy(Database(tmp_path).articles("articles"), "plain")
    _, two = map_xy(Database(tmp_path).articles("articles"), "large")
    assert (one == two).all()
    assert index.project("large", update=True).action == "unchanged"
    more = tmp_path / "more.parquet"
    assert index.export(more, columns=["id"]).rows == 120


def test_those_scored_are_of_both_kinds(tmp_path: Path) -> None:
    append(make_table(tmp_path, dimension=D), planted())
    told = project(tmp_path, "map", method="pca", layout_rows=LAID_OUT, sample=150).sampled
    assert told.sample + told.placed_sample == 150
    assert 25 < told.sample < 75


def test_tiles_hold_each_article_once_and_no_more_than_they_may() -> None:
    xy = np.random.default_rng(0).normal(size=(1_000, 2))
    parts = tiles(xy, 130)
    assert max(map(len, parts)) <= 130
    assert sorted(np.concatenate(parts).tolist()) == list(range(1_000))
    # Halves of halves are of one size, and lie apart: each is narrower than the map.
    assert all(np.ptp(xy[part], axis=0).min() < 0.6 * np.ptp(xy, axis=0).max() for part in parts)


@pytest.mark.parametrize("n", [500, 6_000])
def test_a_coarse_search_finds_most_and_measures_right(n: int) -> None:
    rng = np.random.default_rng(1)
    vectors = normalize(np.repeat(rng.normal(size=(n // 20, D)), 20, axis=0) + 0.3 * rng.normal(size=(n, D)))
    vectors = vectors.astype(np.float32)
    numbers = rng.permutation(10 * n)[:n]
    search = CoarseSearch(vectors, n, 0)
    for at in range(0, n, 700):
        search.add(numbers[at : at + 700], vectors[at : at + 700])
    exact = ExactSearch(vectors[:200], 5)
    exact.add(numbers, vectors)
    found, true = search.nearest(vectors[:200], 5), exact.result()
    same = np.mean([len(set(a) & set(b)) / 5 for a, b in zip(found.rows.tolist(), true.rows.tolist(), strict=True)])
    assert same == 1.0 if n <= 4_096 else same > 0.9
    assert np.abs(found.dist[:, 0]).max() < 1e-5
