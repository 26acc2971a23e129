"""Maps made of planted articles: what is stored, what is told of it, and what happens when the table changes."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.manifold import trustworthiness

import vecindex
from planted import KnownModel
from reference.plane import nearest as nearest_on_map
from tables import Notices, append, chunked_table, make_table, map_xy, unit_vectors
from vecindex.cli.render.project import map_line
from vecindex.core.vectors import normalize
from vecindex.errors import ConfigError, StoreError
from vecindex.maps.methods import METHODS, MapMethod
from vecindex.serialize import plain
from vecindex.store.database import Database
from vecindex.store.maps import maps
from vecindex.verbs.overlap.overlap import overlap
from vecindex.verbs.project.result import ProjectResult

D = 16
QUICK = {"early_iterations": 60, "iterations": 60, "finish_iterations": 30}


def clusters(n: int, of: int = 10, seed: int = 0) -> np.ndarray:
    """Return n unit vectors around n / of random directions, one cluster after the other."""
    rng = np.random.default_rng(seed)
    centers = rng.normal(size=(-(-n // of), D))
    return normalize(np.repeat(centers, of, axis=0)[:n] + 0.25 * rng.normal(size=(n, D)))


def table_of(folder: Path, vectors: np.ndarray, **changes: Any) -> None:
    append(make_table(folder, dimension=vectors.shape[1], **changes), vectors)


def project(folder: Path, *arguments: str, **options: Any) -> ProjectResult:
    if options.get("method") in (None, "local") and not {"update", "drop"} & set(options):
        options["settings"] = {**QUICK, **options.get("settings", {})}
    return vecindex.open(folder).project(*arguments, **options)


def places(folder: Path, name: str = "map") -> dict[str, tuple[float, float]]:
    ids, xy = map_xy(Database(folder).articles("articles"), name)
    return {i: (float(x), float(y)) for i, (x, y) in zip(ids, xy, strict=True)}


def about(folder: Path, name: str = "map") -> dict[str, Any]:
    found: dict[str, Any] = maps(Database(folder).articles("articles"))[name]
    return found


def slow_recall(vectors: np.ndarray, xy: np.ndarray, k: int) -> float:
    """Return the mean share of each article's k nearest that it keeps on the map, by sorting everything."""
    values = []
    for i in range(len(vectors)):
        dist = 1 - vectors.astype(np.float64) @ vectors[i]
        dist[i] = np.inf
        true = set(np.argsort(dist, kind="stable")[:k].tolist())
        values.append(len(true & set(nearest_on_map(xy, tuple(xy[i]), k, without=i))) / k)
    return float(np.mean(values))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray, dict[str, ProjectResult]]:
    """A table of 200 articles in 20 clusters, with a map by each method, named after it."""
    folder = tmp_path_factory.mktemp("world")
    vectors = clusters(200)
    table_of(folder, vectors)
    return folder, vectors, {method: project(folder, method, method=method, seed=3) for method in METHODS.built_in}


@pytest.mark.parametrize("method", METHODS.built_in)
def test_what_is_told_is_what_sorting_finds(world: Any, method: str) -> None:
    folder, vectors, results = world
    found = results[method]
    assert (found.action, found.articles, found.outside, found.method) == ("made", 200, 0, method)
    assert found.scores is not None
    ids, xy = map_xy(Database(folder).articles("articles"), method)
    order = np.argsort(ids)
    for k in (5, 10, 50):
        expected = slow_recall(vectors, xy[order], k)
        assert found.scores.recall[k].mean == pytest.approx(expected, abs=1e-9)
        assert found.scores.recall[k].low <= expected <= found.scores.recall[k].high
    assert (found.scores.sample, found.scores.articles) == (200, 200)
    told = found.scores.fidelity
    sides = {"trustworthiness": (vectors, xy[order], "cosine"), "continuity": (xy[order], vectors, "euclidean")}
    for name, (reference, shown, metric) in sides.items():
        right = trustworthiness(reference, shown, n_neighbors=5, metric=metric)
        assert getattr(told, name).mean == pytest.approx(right, abs=1e-6)
    # R_NX(k) = ((N - 1) Q(k) - k) / (N - 1 - k), Q being the recall.
    assert told.rnx[10].mean == pytest.approx((199 * found.scores.recall[10].mean - 10) / 189)
    assert (told.ranked, told.articles, told.k, told.depth) == (200, 200, 5, 50)


def test_methods_that_look_at_neighbors_keep_more_of_them(world: Any) -> None:
    kept = {method: result.scores.recall[5].mean for method, result in world[2].items()}
    assert min(kept["local"], kept["umap"], kept["tsne"]) > kept["pca"] + 0.05
    assert kept["local"] > 0.5


@pytest.mark.parametrize("method", METHODS.built_in)
def test_provenance_is_kept_with_the_columns(world: Any, method: str) -> None:
    folder, _, results = world
    table = Database(folder).articles("articles")
    told = about(folder, method)
    for axis in "xy":
        assert json.loads(table.schema.field(f"{method}_{axis}").metadata[b"vecindex:map"]) == told
    assert (told["method"], told["seed"], told["anchored"], told["articles"]) == (method, 3, False, 200)
    assert told["settings"] == results[method].settings
    assert told["scores"] == plain(results[method].scores)
    assert told["versions"]["vecindex"] == vecindex.__version__
    assert {"reading", "layout", "scores"} <= set(told["seconds"])
    assert told["placed"] == []
    if method == "pca":
        assert told["graph"] is None
    else:
        assert told["graph"]["recall"] >= 0.99
        assert told["graph"]["k"] >= 15


@pytest.mark.parametrize("method", METHODS.built_in)
def test_the_same_seed_gives_the_same_map(world: Any, method: str) -> None:
    folder, _, _ = world
    project(folder, "again", method=method, seed=3, fresh=True)
    assert places(folder, "again") == places(folder, method)
    if method != "pca":
        project(folder, "again", method=method, seed=4, fresh=True)
        assert places(folder, "again") != places(folder, method)
    project(folder, "again", drop=True)


def test_maps_lie_side_by_side(world: Any) -> None:
    folder, _, _ = world
    found = vecindex.open(folder).status()
    assert set(found.maps) == set(METHODS.built_in)
    assert list(found.columns) == ["year", "topic", "share"]
    assert all((m["outside"], m["due"]) == (0, None) for m in found.maps.values())
    assert not [line for line in found.next if "rebuil" in str(line) or "project" in str(line)]


def test_a_flat_space_is_shown_as_it_is(tmp_path: Path) -> None:
    # Unit vectors on a circle in a plane of the space; the principal components are that plane.
    angles = np.random.default_rng(0).random(300) * 2 * np.pi
    vectors = normalize(
        np.stack([np.cos(angles), np.sin(angles)], axis=1) @ np.linalg.qr(unit_vectors(D, 2).T)[1][:2]
    )
    table_of(tmp_path, vectors)
    result = project(tmp_path, method="pca")
    assert result.scores is not None
    assert result.scores.recall[5].mean == pytest.approx(1, abs=0.01)
    xy = np.array([places(tmp_path)[f"a{i:05d}"] for i in range(300)])
    sims = vectors @ vectors.T
    spread = np.linalg.norm(xy[:, None] - xy[None], axis=2)
    np.testing.assert_allclose(spread, np.sqrt(np.maximum(0, 2 - 2 * sims)), atol=2e-3)


@pytest.mark.parametrize("copies", [30, 90])
def test_a_map_that_keeps_copies_together_keeps_all_of_them(tmp_path: Path, copies: int) -> None:
    # Seven vectors in a row of articles, as often as the lists of neighbors hold, and more often.
    vectors = np.tile(normalize(np.random.default_rng(0).normal(size=(7, D))), (copies, 1))
    table_of(tmp_path, vectors)
    # The polish seeks those copies that the lists happen to hold, and may part one from the others.
    for method, settings in (("pca", {}), ("local", {"polish_sweeps": 0})):
        found = project(tmp_path, method, method=method, settings=settings).scores
        assert found is not None
        assert [found.recall[5].mean, found.recall[10].mean] == [1, 1]
        assert [found.fidelity.trustworthiness.mean, found.fidelity.continuity.mean] == [1, 1]
        assert found.fidelity.rnx[5].mean == 1
        assert found.duplicates == 7 * copies
    model = KnownModel({f"question {i}?": vectors[i] for i in range(7)})
    asked = overlap(Database(tmp_path), "articles", [f"question {i}?" for i in range(7)], {}, model)  # type: ignore[arg-type]
    for one in asked.maps:
        assert (one.search.overlap.mean, one.search.rank_weighted.mean, one.self_recall.mean) == (1, 1, 1)
        assert (one.search.soft[10], one.search.reciprocal[10], one.search.merged) == (1, 1, 1)
    for row in asked.rows:
        for placed in row.maps["local"].values():
            assert None not in placed.target_ranks


# -- new rows ---------------------------------------------------------------------------------------------


def test_update_places_new_rows_and_moves_nothing(tmp_path: Path) -> None:
    vectors = clusters(200)
    table_of(tmp_path, vectors)
    project(tmp_path)
    before, told = places(tmp_path), about(tmp_path)
    # Each new row is close to all of one cluster, so it belongs among that cluster on the map.
    new = normalize(vectors.reshape(20, 10, D).mean(axis=1))[:15]
    append(Database(tmp_path).articles("articles"), new, ids=[f"new{i:02d}" for i in range(15)])
    last = str(vecindex.open(tmp_path).status().next[-1])
    assert last == "15 rows are not on the map \"map\": index.project('map', update=True)"
    result = project(tmp_path, update=True)
    assert (result.action, result.articles, result.outside) == ("updated", 215, 0)
    after = places(tmp_path)
    assert {i: after[i] for i in before} == before
    old = np.array([before[f"a{i:05d}"] for i in range(200)])
    for i in range(15):
        near = nearest_on_map(old, after[f"new{i:02d}"], 5)
        assert sum(row // 10 == i for row in near) >= 4
    assert len(set(after.values())) == 215, "no new row hides another one"
    assert result.placed is not None
    assert (result.placed.articles, result.placed.sample, result.placed.old_sample) == (15, 15, 200)
    assert result.scores is not None
    kept = {**told, "id": None, "placed": None, "articles": 215, "scores": plain(result.scores)}
    now = about(tmp_path)
    assert {**now, "id": None, "placed": None} == kept
    assert now["id"] != told["id"]
    assert [p["articles"] for p in now["placed"]] == [15]
    assert project(tmp_path, update=True).action == "unchanged"
    assert about(tmp_path) == now


def test_what_update_tells_is_what_sorting_finds(tmp_path: Path) -> None:
    vectors = clusters(120)
    table_of(tmp_path, vectors[:100])
    project(tmp_path)
    append(Database(tmp_path).articles("articles"), vectors[100:], ids=[f"b{i:05d}" for i in range(20)])
    result = project(tmp_path, update=True)
    placed = result.placed
    assert placed is not None
    assert result.scores is not None
    xy = np.array([xy for _, xy in sorted(places(tmp_path).items())])
    true, found = [], []
    for i in range(120):
        dist = 1 - vectors.astype(np.float64) @ vectors[i]
        dist[i] = np.inf
        true.append(set(np.argsort(dist, kind="stable")[:5].tolist()))
        found.append(set(nearest_on_map(xy, tuple(xy[i]), 5, without=i)))
    values = np.array([len(a & b) / 5 for a, b in zip(true, found, strict=True)])
    assert placed.recall[5].mean == pytest.approx(values[100:].mean())
    assert placed.old_recall[5].mean == pytest.approx(values[:100].mean())
    assert result.scores.recall[5].mean == pytest.approx(values.mean()), "the scores are those of the map as it is"
    assert vecindex.open(tmp_path).status().maps["map"]["scores"]["recall"]["5"]["mean"] == pytest.approx(
        values.mean()
    )


def test_few_old_rows_are_still_asked_about(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vecindex.verbs.project.update.SCORED", 3)
    monkeypatch.setattr("vecindex.verbs.project.update.SAMPLE", 9)
    vectors = clusters(120)
    table_of(tmp_path, vectors[:12])
    project(tmp_path)
    append(Database(tmp_path).articles("articles"), vectors[12:], ids=[f"b{i:05d}" for i in range(108)])
    result = project(tmp_path, update=True)
    assert result.placed is not None
    assert result.scores is not None
    assert (result.placed.sample, result.placed.old_sample, result.scores.sample) == (9, 9, 3)
    assert 0 <= result.placed.old_recall[5].low <= result.placed.old_recall[5].high <= 1


@pytest.mark.parametrize("method", ["local", "pca"])
def test_update_without_a_stored_graph(tmp_path: Path, method: str) -> None:
    table_of(tmp_path, clusters(100))
    project(tmp_path, method=method)
    Database(tmp_path).connection.drop_table("_graph.articles", ignore_missing=True)
    append(Database(tmp_path).articles("articles"), clusters(100)[[7, 42]], ids=["twin7", "twin42"])
    assert project(tmp_path, update=True).articles == 102
    found = places(tmp_path)
    old = np.array([found[f"a{i:05d}"] for i in range(100)])
    for i in (7, 42):
        assert i in nearest_on_map(old, found[f"twin{i}"], 5)


def test_many_new_rows_make_a_rebuild_due(tmp_path: Path) -> None:
    table_of(tmp_path, clusters(100))
    project(tmp_path)
    append(Database(tmp_path).articles("articles"), clusters(20, seed=9), ids=[f"b{i}" for i in range(20)])
    status = vecindex.open(tmp_path).status()
    assert status.maps["map"]["due"] == "17 % of the rows are not on it, or were placed on it later"
    assert any('Map "map" should be rebuilt' in str(line) for line in status.next)
    result = project(tmp_path, update=True)
    assert result.due == "17 % of the rows are not on it, or were placed on it later"
    again = project(tmp_path)
    assert (again.action, again.due, again.articles) == ("rebuilt", None, 120)
    assert vecindex.open(tmp_path).status().maps["map"]["due"] is None


def test_changed_rows_leave_the_map_and_come_back(tmp_path: Path) -> None:
    vectors = clusters(60)
    table_of(tmp_path, vectors)
    project(tmp_path)
    vecindex.open(tmp_path).delete("a00011")
    append(Database(tmp_path).articles("articles"), vectors[55:56], ids=["a00011"], text=["Another text"])
    assert np.isnan(places(tmp_path)["a00011"][0])
    project(tmp_path, update=True)
    found = places(tmp_path)
    old = np.array([found[f"a{i:05d}"] for i in range(60)])
    near = nearest_on_map(old, found["a00011"], 5, without=11)
    assert all(row // 10 == 5 for row in near), "it lies where its new text belongs"


def rows_of(vectors: np.ndarray, **changes: Any) -> list[dict[str, Any]]:
    """Return a record for each vector, which it brings itself."""
    return [{"id": f"r{i:03d}", "text": f"text {i}", "v": v.tolist(), **changes} for i, v in enumerate(vectors)]


def ingest_rows(folder: Path, rows: list[dict[str, Any]]) -> None:
    """Ingest records with vectors, all in one transaction."""
    vecindex.open(folder).ingest(rows, vector_field="v", unverified=True, model="made-up")


def turned(vectors: np.ndarray, by: float, seed: int = 5) -> np.ndarray:
    """Return unit vectors at a cosine distance of about by^2 / 2 from some."""
    noise = np.random.default_rng(seed).normal(size=vectors.shape)
    return normalize(vectors + by * noise / np.linalg.norm(noise, axis=1, keepdims=True))


def test_a_row_whose_vector_is_the_same_never_moves_or_leaves(tmp_path: Path) -> None:
    vectors = clusters(120)
    ingest_rows(tmp_path, rows_of(vectors))
    project(tmp_path)
    project(tmp_path, "second", method="pca")
    before, second = places(tmp_path), places(tmp_path, "second")
    # A new field and another title; another text; a vector that differs by a model's rounding.
    ingest_rows(tmp_path, rows_of(vectors[:40], title="Checked", year=1999))
    ingest_rows(tmp_path, rows_of(vectors[:10], text="Written anew"))
    ingest_rows(tmp_path, rows_of(turned(vectors[:20], 1e-4), title="Rounded"))
    assert places(tmp_path) == before
    assert places(tmp_path, "second") == second
    assert project(tmp_path, update=True).action == "unchanged"


def test_changed_vectors_go_back_where_that_is_as_good_and_elsewhere_where_it_is_not(tmp_path: Path) -> None:
    vectors = clusters(200)
    ingest_rows(tmp_path, rows_of(vectors))
    project(tmp_path)
    before = places(tmp_path)
    xy = np.array([before[f"r{i:03d}"] for i in range(200)])
    changed = turned(vectors[:60], 0.1)
    changed[50:] = vectors[150:160]  # these become others altogether
    ingest_rows(tmp_path, rows_of(changed))
    assert np.isnan([places(tmp_path)[f"r{i:03d}"] for i in range(60)]).all()
    result = project(tmp_path, update=True)
    after = places(tmp_path)
    moved = [i for i in range(60) if after[f"r{i:03d}"] != before[f"r{i:03d}"]]
    assert result.placed is not None
    assert result.placed.kept == 60 - len(moved)
    assert set(range(50, 60)) <= set(moved)
    # Worked by sorting, with all rows where they were: one that moved had a better position among the means of one to
    # five of its five nearest, or a little off one of these.
    now = np.concatenate([changed, vectors[60:]])
    for i in range(60):
        order = np.argsort(-(now @ now[i]), kind="stable")
        near = order[order != i][:5]

        def kept(point: Any, near: Any = near, i: int = i) -> int:
            return len(set(near) & set(nearest_on_map(xy, tuple(point), 5, without=i)))

        best = max(kept(xy[list(some)].mean(axis=0)) for m in range(1, 6) for some in combinations(near, m))
        if i not in moved:
            assert kept(xy[i]) >= best
        elif kept(xy[i]) >= best:
            around = [xy[j] + 0.3 * step for j in near for step in np.random.default_rng(0).normal(size=(500, 2))]
            assert kept(xy[i]) < max(kept(point) for point in around)
    assert 5 < len(moved) < 55
    # What was kept aside is used up.
    ingest_rows(tmp_path, rows_of(turned(changed[:5], 0.1, seed=6)))
    assert project(tmp_path, update=True).placed.articles == 5  # type: ignore[union-attr]


def test_a_vector_that_comes_back_goes_back(tmp_path: Path) -> None:
    vectors = clusters(120)
    ingest_rows(tmp_path, rows_of(vectors))
    project(tmp_path)
    before = places(tmp_path)
    ingest_rows(tmp_path, rows_of(vectors[100:110]))
    ingest_rows(tmp_path, rows_of(vectors[:10]))
    found = project(tmp_path, update=True).placed
    assert found is not None
    assert (found.articles, found.kept, found.copies) == (10, 10, 0)
    assert places(tmp_path) == before


def test_a_near_copy_goes_next_to_its_original(tmp_path: Path) -> None:
    vectors = clusters(200)
    ingest_rows(tmp_path, rows_of(vectors))
    project(tmp_path)
    before = places(tmp_path)
    # Exact copies, near ones, and two copies of one article.
    which = np.array([*range(0, 200, 8), *range(4, 200, 8), 17, 17])
    copies = np.concatenate([vectors[which[:25]], turned(vectors[which[25:]], 0.03)])
    ingest_rows(tmp_path, [{**row, "id": f"copy{row['id']}"} for row in rows_of(copies)])
    result = project(tmp_path, update=True)
    assert result.placed is not None
    assert (result.placed.articles, result.placed.kept, result.placed.copies) == (52, 0, 52)
    after = places(tmp_path)
    assert {i: after[i] for i in before} == before
    old = np.array([before[f"r{i:03d}"] for i in range(200)])
    for i, original in enumerate(which):
        assert nearest_on_map(old, after[f"copyr{i:03d}"], 1) == [original]
    assert len(set(after.values())) == 252


# -- rebuilding -------------------------------------------------------------------------------------------


def test_a_rebuild_lies_over_the_old_map(tmp_path: Path) -> None:
    table_of(tmp_path, clusters(150))
    project(tmp_path, method="pca")
    before = places(tmp_path)
    result = project(tmp_path, method="pca")
    assert result.action == "rebuilt"
    assert result.moved is not None
    assert result.moved.articles == 150
    assert result.moved.p95 < 1e-6
    for i, xy in places(tmp_path).items():
        assert xy == pytest.approx(before[i], abs=1e-6)
    assert about(tmp_path)["rebuilt"]["moved"]["articles"] == 150


def test_a_rebuild_tells_how_far_the_articles_moved(tmp_path: Path) -> None:
    table_of(tmp_path, clusters(150))
    project(tmp_path)
    before = places(tmp_path)
    append(Database(tmp_path).articles("articles"), clusters(10, seed=5), ids=[f"b{i}" for i in range(10)])
    result = project(tmp_path, seed=1)
    after = places(tmp_path)
    old = np.array([before[f"a{i:05d}"] for i in range(150)])
    new = np.array([after[f"a{i:05d}"] for i in range(150)])
    moves = np.linalg.norm(new - old, axis=1) / np.ptp(old, axis=0).max()
    assert result.moved is not None
    assert result.moved.articles == 150
    assert result.moved.median == pytest.approx(np.median(moves), rel=1e-4)
    assert result.moved.p95 == pytest.approx(np.quantile(moves, 0.95), rel=1e-4)
    assert len(after) == result.articles == 160


def test_a_rebuild_on_request_knows_nothing_of_the_old_map(tmp_path: Path) -> None:
    table_of(tmp_path, clusters(100))
    project(tmp_path)
    before = places(tmp_path)
    project(tmp_path, seed=5)
    result = project(tmp_path, fresh=True)
    assert (result.action, result.moved) == ("rebuilt", None)
    assert places(tmp_path) == before


# -- changes while the map is made ------------------------------------------------------------------------


class Meddler(Notices):
    """Does something to the table when the scores are begun, after the vectors were read."""

    def __init__(self, do: Any) -> None:
        super().__init__()
        self.do = do

    def stage(self, stage: Any) -> None:
        if stage.name == "scores" and self.do is not None:
            do, self.do = self.do, None
            do()


def test_rows_that_came_went_or_changed_meanwhile_are_not_on_it(tmp_path: Path) -> None:
    table_of(tmp_path, clusters(100))

    def meddle() -> None:
        index = vecindex.open(tmp_path)
        index.delete("a00001", "a00002")
        table = Database(tmp_path).articles("articles")
        append(table, clusters(1, seed=3), ids=["a00002"], text=["Something else"])
        append(table, clusters(3, seed=4), ids=["x1", "x2", "x3"])

    result = project(tmp_path, observer=Meddler(meddle))
    assert (result.articles, result.outside, result.gone, result.new) == (98, 4, 2, 4)
    found = places(tmp_path)
    assert {i for i, xy in found.items() if np.isnan(xy[0])} == {"a00002", "x1", "x2", "x3"}
    assert about(tmp_path)["articles"] == 98
    assert project(tmp_path, update=True).placed.articles == 4  # type: ignore[union-attr]


def test_two_at_once_do_not_overwrite_each_other(tmp_path: Path) -> None:
    table_of(tmp_path, clusters(100))

    def meddle() -> None:
        project(tmp_path, method="pca")

    with pytest.raises(StoreError, match="Another process wrote map 'map'"):
        project(tmp_path, observer=Meddler(meddle))
    assert about(tmp_path)["method"] == "pca"


def test_a_table_made_anew_meanwhile_gets_no_map(tmp_path: Path) -> None:
    from tables import fingerprint

    table_of(tmp_path, clusters(50))

    def meddle() -> None:
        made = Database(tmp_path).create_articles("articles", fingerprint(D, weights="e" * 64), [], overwrite=True)
        append(made, clusters(50, seed=1))

    with pytest.raises(StoreError, match="was made again by another model"):
        project(tmp_path, observer=Meddler(meddle))
    assert maps(Database(tmp_path).articles("articles")) == {}


def test_it_waits_for_another_writer(tmp_path: Path) -> None:
    import threading

    table_of(tmp_path, clusters(50))
    lock = Database(tmp_path).writer()
    release = threading.Timer(1.0, lambda: lock.__exit__(None, None, None))

    class Patient(Meddler):
        def notice(self, message: Any) -> None:
            super().notice(message)
            if "The map waits" in self.lines[-1]:
                release.start()

    observer = Patient(lock.__enter__)
    result = project(tmp_path, method="pca", observer=observer)
    release.join()
    assert result.articles == 50
    assert any("The map waits and is then written" in line for line in observer.lines)
    assert result.seconds["waiting"] > 0.5


# -- focus ------------------------------------------------------------------------------------------------


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, np.ndarray, np.ndarray, str]:
    """A table of 100 articles, and three questions with planted vectors, in a file."""
    from vecindex.verbs.questions.model import QuestionModel

    vectors = clusters(100)
    table_of(tmp_path / "db", vectors)
    questions = normalize(vectors[[0, 35, 36]] + 0.1)
    known = {f"question {i}": v for i, v in enumerate(questions)}
    monkeypatch.setattr(QuestionModel, "embed", lambda self, texts, *_: np.stack([known[t] for t in texts]))
    file = tmp_path / "questions.jsonl"
    file.write_text("".join(json.dumps({"text": t}) + "\n" for t in known))
    return tmp_path / "db", vectors, questions, str(file)


def test_focus_maps_the_nearest_articles_only(asked: Any) -> None:
    folder, vectors, questions, file = asked
    result = project(folder, focus=file, focus_size=24)
    # By best rank among the questions' lists, then by the nearest question: as it is told, in the plainest way.
    sims = questions @ vectors.T
    ranks = np.argsort(np.argsort(-sims, axis=1), axis=1).min(axis=0)
    chosen = sorted(range(100), key=lambda i: (ranks[i], -sims[:, i].max()))[:24]
    on_map = {i for i, xy in places(folder).items() if np.isfinite(xy[0])}
    assert on_map == {f"a{i:05d}" for i in chosen}
    assert (result.articles, result.outside) == (24, 76)
    top = np.argsort(-sims, axis=1)
    assert result.focus is not None
    for k in (5, 50):
        expected = np.mean([len(set(row[:k].tolist()) & set(chosen)) / k for row in top])
        assert result.focus.cover[k] == pytest.approx(expected)
    assert result.focus.cover[5] == 1.0
    # The reference is the map's own articles.
    xy = np.array([places(folder)[f"a{i:05d}"] for i in sorted(chosen)])
    assert result.scores is not None
    assert result.scores.recall[5].mean == pytest.approx(slow_recall(vectors[sorted(chosen)], xy, 5))
    assert about(folder)["focus"]["size"] == 24


def test_a_focus_map_does_not_become_one_of_all(asked: Any) -> None:
    folder, _, _, file = asked
    project(folder, "part", focus=file, focus_size=10)
    before = about(folder, "part")
    with pytest.raises(ConfigError, match="shows a part of the articles on purpose"):
        project(folder, "part")
    assert about(folder, "part") == before
    assert project(folder, "part", focus=file, focus_size=12).action == "rebuilt"
    project(folder, "part", drop=True)


def test_rows_outside_a_focus_are_no_fault(asked: Any) -> None:
    folder, _, _, file = asked
    project(folder, focus=file, focus_size=10)
    found = vecindex.open(folder).status()
    assert (found.maps["map"]["outside"], found.maps["map"]["due"]) == (90, None)
    assert not [line for line in found.next if "rebuil" in str(line) or "project" in str(line)]
    with pytest.raises(ConfigError, match="shows a part of the articles on purpose"):
        project(folder, update=True)


def test_a_focus_as_large_as_the_table_is_all_of_it(asked: Any) -> None:
    folder, _, _, file = asked
    result = project(folder, focus=file, focus_size=1_000)
    assert (result.articles, result.outside) == (100, 0)
    assert result.focus is not None
    assert result.focus.cover == {5: 1.0, 50: 1.0}


# -- small and odd data -----------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [0, 1, 2])
def test_too_few_rows_are_refused(tmp_path: Path, n: int) -> None:
    table = make_table(tmp_path, dimension=D)
    if n:
        append(table, clusters(n))
    with pytest.raises(ConfigError, match=f"has {n} rows?; a map needs at least 3"):
        project(tmp_path)


@pytest.mark.parametrize("method", METHODS.built_in)
@pytest.mark.parametrize("n", [3, 10])
def test_few_rows(tmp_path: Path, method: str, n: int) -> None:
    table_of(tmp_path, unit_vectors(n, D))
    result = project(tmp_path, method=method)
    assert result.scores is not None
    assert {k for k, one in result.scores.recall.items() if one is not None} == {k for k in (5,) if n == 10}
    found = np.array(list(places(tmp_path).values()))
    assert np.isfinite(found).all()
    assert len(np.unique(found, axis=0)) == n
    assert project(tmp_path, method=method).action == "rebuilt"


@pytest.mark.parametrize(
    ("n", "recall", "local", "depth"),
    [
        (3, [], False, 1),
        (6, [], False, 4),
        (7, [5], False, 5),
        (10, [5], False, 8),
        (11, [5], True, 9),
        (12, [5, 10], True, 10),
    ],
)
def test_scores_are_given_where_they_mean_something(
    tmp_path: Path, n: int, recall: list[int], local: bool, depth: int
) -> None:
    # k = 5 is below half of 11 articles; of 7 each has 6 others, so that 5 of them are not all.
    table_of(tmp_path, unit_vectors(n, D))
    result = project(tmp_path, method="pca")
    scores = result.scores
    assert scores is not None
    assert [k for k, one in scores.recall.items() if one is not None] == recall
    assert list(scores.recall) == [5, 10, 50]
    found = scores.fidelity
    assert [one is not None for one in (found.trustworthiness, found.continuity)] == [local, local]
    assert (found.depth, max(found.rnx)) == (depth, depth)
    written = result.to_dict()["scores"]
    assert [written["recall"][str(k)] is None for k in (5, 10, 50)] == [k not in recall for k in (5, 10, 50)]
    assert (written["fidelity"]["trustworthiness"] is None) == (not local)
    assert ("recall@5" in map_line("map", about(tmp_path))) == bool(recall)
    model = KnownModel({"a question?": unit_vectors(1, D, seed=9)[0]})
    asked = overlap(Database(tmp_path), "articles", ["a question?"], {"k": min(n, 5)}, model)  # type: ignore[arg-type]
    (one,) = asked.maps
    assert np.isfinite(one.self_recall.mean) == (min(n, 5) < n - 1)
    assert sorted(one.self_by_k) == [k for k in (1, 3, 5, 10) if k < n - 1 and (k != 3 or n == 3)]


@pytest.mark.parametrize("method", METHODS.built_in)
def test_copies(tmp_path: Path, method: str) -> None:
    vectors = clusters(100)
    vectors[20:60] = vectors[20]
    table_of(tmp_path, vectors)
    assert project(tmp_path, method=method).articles == 100
    assert np.isfinite(list(places(tmp_path).values())).all()


def test_all_alike_is_refused(tmp_path: Path) -> None:
    table_of(tmp_path, np.repeat(unit_vectors(1, D), 50, axis=0))
    with pytest.raises(ConfigError, match=r"All 50 vectors of .* are alike"):
        project(tmp_path)
    assert maps(Database(tmp_path).articles("articles")) == {}


def test_a_table_of_chunks_is_mapped_chunk_by_chunk(tmp_path: Path) -> None:
    _, _, articles = chunked_table(tmp_path, [3, 1, 6, 2, 8])
    assert project(tmp_path, method="pca").articles == len(articles) == 20
    assert set(places(tmp_path)) >= {"c000#0", "c000#2", "c004#7"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"update": True}, "has no map 'map' to update"),
        ({"drop": True}, r"has no map 'map' \(maps there: none\)"),
        ({"update": True, "drop": True}, "update=True and drop=True exclude each other"),
        ({"update": True, "method": "umap"}, "method= means nothing with update=True, which lays nothing out"),
        ({"drop": True, "settings": {"neighbors": 3}}, "The setting neighbors means nothing with drop=True"),
        ({"focus": "q.jsonl"}, "focus= and focus_size= belong together"),
        ({"focus": "q.jsonl", "focus_size": 2}, "focus_size= must be at least 3, found 2"),
        ({"sample": 0}, "sample= must be at least 1"),
        ({"seed": -1}, "seed= must be from 0 to 2,147,483,647, found -1"),
        ({"method": "magic"}, "unknown map method 'magic'"),
        ({"name": "Bad Name"}, "A map cannot be named 'Bad Name'"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    table_of(tmp_path, clusters(20))
    with pytest.raises(ConfigError, match=message):
        vecindex.open(tmp_path).project(**options)
    assert maps(Database(tmp_path).articles("articles")) == {}


def test_a_layout_without_a_shape_is_not_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table_of(tmp_path, clusters(20))
    for bad in (np.zeros((20, 2)), np.full((20, 2), np.nan), np.arange(40).reshape(20, 2) * 1e60):
        monkeypatch.setitem(METHODS._loaded, "pca", MapMethod("bad", lambda *_, bad=bad, **__: bad))
        with pytest.raises(ConfigError, match="Method pca found no layout of these 20 articles"):
            project(tmp_path, method="pca")
    assert maps(Database(tmp_path).articles("articles")) == {}


def test_a_rebuild_is_advised_as_the_map_was_made(tmp_path: Path) -> None:
    vectors = clusters(80)
    table_of(tmp_path, vectors[:60])
    project(tmp_path, "u", method="umap", settings={"neighbors": 9})
    append(Database(tmp_path).articles("articles"), vectors[60:], ids=[f"b{i:05d}" for i in range(20)])
    command = "index.project('u', method='umap', settings={'neighbors': 9})"
    assert str(vecindex.open(tmp_path).status().next[-1]).endswith(command)
    notices = Notices()
    project(tmp_path, "u", observer=notices)
    assert "the map 'u' was made by umap; now it is made by local" in notices.lines
