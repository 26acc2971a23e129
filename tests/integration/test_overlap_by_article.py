"""Overlap in a table of chunks: articles are counted once, wherever their chunks lie."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planted import KnownModel, put_map
from reference import fidelity as slow_fidelity
from reference import overlap as slow
from reference.chunks import nearest_articles as slow_nearest
from reference.plane import best_place
from searching import nearest_articles
from tables import chunked_table
from vecindex.core.vectors import normalize
from vecindex.errors import ConfigError
from vecindex.neighbors.plane import Plane
from vecindex.store.database import Database
from vecindex.verbs.overlap.causes.nested import DRAWS, strata
from vecindex.verbs.overlap.options import checked_overlap
from vecindex.verbs.overlap.overlap import overlap
from vecindex.verbs.overlap.result import OverlapResult
from vecindex.verbs.reader import TableReader

Q = 9


def draw(seed: int, n: int, most: int, coarse: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return unit vectors and their articles' numbers; one article has far more chunks than any list is deep."""
    rng = np.random.default_rng(seed)
    articles = np.sort(rng.integers(0, max(2, n // most), n))
    articles[: n // 2] = articles[0]
    vectors = rng.integers(-1, 2, (n, 4)).astype(float) if coarse else rng.normal(size=(n, 4))
    vectors[~vectors.any(axis=1)] = 1
    return normalize(vectors), rng.permutation(articles)


@given(
    st.integers(0, 2**20),
    st.integers(4, 150),
    st.integers(1, 6),
    st.integers(1, 12),
    st.integers(1, 80),
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_neighbors_are_those_of_sorting(seed: int, n: int, most: int, k: int, size: int, coarse: bool) -> None:
    vectors, articles = draw(seed, n, most, coarse)
    itself = np.arange(0, n, 3)
    dist = slow_fidelity.space_distances(vectors)
    blocks = [(np.arange(at, min(at + size, n)), vectors[at : at + size]) for at in range(0, n, size)]
    found = nearest_articles(vectors[itself], blocks[::-1], k, articles=articles)
    others = nearest_articles(vectors[itself], blocks, k, itself, articles)
    xy = vectors[:, :2].astype(np.float64)
    plane = Plane(xy, articles)
    on_map = slow_fidelity.map_distances(xy)
    near, near_others = plane.nearest(xy[itself], k), plane.nearest(xy[itself], k, itself)
    for i, row in enumerate(itself):
        for table, distances, left_out in (
            (found, dist, None),
            (others, dist, articles[row]),
            (near, on_map, None),
            (near_others, on_map, articles[row]),
        ):
            right = slow_nearest(distances[row], articles, k, left_out)
            assert table.rows[i].tolist() == right + [-1] * (k - len(right))
            assert table.dist[i, : len(right)].tolist() == distances[row, right].tolist()
    assert plane.n_articles == len(set(articles.tolist()))
    alone = plane.of_points().nearest(xy[itself], k)
    assert (alone.rows == Plane(xy).nearest(xy[itself], k).rows).all()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray, list[str], np.ndarray, dict[str, Any]]:
    """A table of 60 articles, the first of 150 chunks, with a map that lacks some chunks, and questions."""
    folder = tmp_path_factory.mktemp("chunks")
    rng = np.random.default_rng(0)
    counts = [150, *rng.integers(1, 5, 59)]
    _, vectors, articles = chunked_table(folder / "db", counts, seed=3)
    ids = [f"{a}#{articles[:i].count(a)}" for i, a in enumerate(articles)]
    xy = vectors[:, :2].astype(np.float32).astype(float) + np.float32(0.25)
    xy[5::11] = np.nan
    there = np.isfinite(xy[:, 0])
    put_map(folder / "db", "flat", [i for i, ok in zip(ids, there, strict=True) if ok], xy[there])
    questions = normalize(vectors[::25][:Q] + 0.1 * rng.normal(size=(Q, 8)))
    rows = [{"question": f"what is {i}", "answers": [articles[25 * i], "absent"]} for i in range(Q)]
    (folder / "q.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder, vectors, ids, xy, {f"what is {i}": questions[i] for i in range(Q)}


class AnyModel(KnownModel):
    """Gives every text that it does not know the same vector."""

    def embed(self, texts: Any, *_: Any) -> np.ndarray:
        self.known = dict.fromkeys(texts, np.ones(8)) | self.known
        return super().embed(texts)


def run(world: Any, **options: Any) -> OverlapResult:
    folder, *_, known = world
    options = {"file": str(folder / "q.jsonl"), "sample": 10_000, **options}
    asked = options.pop("file", None) or options.pop("texts", None)
    return overlap(Database(folder / "db"), "articles", asked, options, AnyModel(known))  # type: ignore[arg-type]


def in_order(world: Any) -> tuple[np.ndarray, list[str], list[str], np.ndarray, np.ndarray]:
    """Return vectors, ids, articles and places by id, and the questions."""
    _, vectors, ids, xy, known = world
    order = sorted(range(len(ids)), key=lambda i: ids[i])
    names = [ids[i] for i in order]
    return vectors[order], names, [n.split("#")[0] for n in names], xy[order], np.stack(list(known.values()))


def test_articles_are_counted_once_in_both_spaces(world: Any) -> None:
    vectors, ids, articles, xy, questions = in_order(world)
    found = run(world)
    assert (found.by, found.articles) == ("article", 60)
    assert found.chance == 5 / 60
    number = {name: i for i, name in enumerate(dict.fromkeys(articles))}
    values = []
    for i, row in enumerate(found.rows):
        sims = vectors.astype(float) @ questions[i].astype(float)
        space = slow_nearest(np.maximum(1 - sims, 0).astype(np.float32), articles, 60)
        assert [(n.id, n.chunk) for n in row.neighbors] == [(articles[r], ids[r]) for r in space[:5]]
        assert len({n.id for n in row.neighbors}) == 5
        truth = [number[articles[r]] for r in space]
        for placed in row.maps["flat"].values():
            gaps = np.hypot(*(xy - [placed.x, placed.y]).T)
            near = slow_nearest(gaps, articles, 60)
            assert [(n.id, n.chunk) for n in placed.neighbors] == [(articles[r], ids[r]) for r in near[:5]]
            on_map = [number[articles[r]] for r in near]
            assert placed.overlap == slow.overlap(truth, on_map, 5)
            assert placed.soft[10] == slow.soft(truth, on_map, 5, 10)
            assert placed.reciprocal[50] == slow.reciprocal(truth, on_map, 5, 50)
            ranks = [on_map.index(a) + 1 if a in on_map else None for a in truth[:5]]
            assert list(placed.target_ranks) == ranks
            assert list(placed.neighbor_ranks) == [truth.index(a) + 1 for a in on_map[:5]]
        assert row.maps["flat"]["search"].overlap >= 0.2, "the nearest article's chunk is a place that keeps it"
        values.append(row.maps["flat"]["search"].overlap)
    (flat,) = found.maps
    assert flat.search.overlap.mean == pytest.approx(np.mean(values))
    shown = {a for a, place in zip(articles, xy[:, 0], strict=True) if np.isfinite(place)}
    assert (flat.articles, flat.outside) == (len(shown), 60 - len(shown))


def test_self_recall_leaves_the_whole_article_out(world: Any) -> None:
    vectors, _, articles, xy, _ = in_order(world)
    dist, gaps = slow_fidelity.space_distances(vectors), slow_fidelity.map_distances(xy)
    (flat,) = run(world).maps
    values: dict[int, list[float]] = {1: [], 5: [], 10: []}
    for i in np.flatnonzero(np.isfinite(xy[:, 0])):
        space = [articles[r] for r in slow_nearest(dist[i], articles, 59, articles[i])]
        on_map = [articles[r] for r in slow_nearest(gaps[i], articles, 59, articles[i])]
        for k, seen in values.items():
            seen.append(slow.overlap(space, on_map, k))  # type: ignore[arg-type]
    assert flat.self_recall.mean == pytest.approx(np.mean(values[5]))
    assert {k: flat.self_by_k[k] for k in values} == pytest.approx({k: np.mean(v) for k, v in values.items()})


def test_fidelity_is_that_of_the_points_that_the_map_shows(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vecindex.verbs.scores.fidelity.RANKED", 10_000)
    vectors, _, _, xy, _ = in_order(world)
    there = np.isfinite(xy[:, 0])
    space = slow_fidelity.ranks(slow_fidelity.space_distances(vectors[there]))
    on_map = slow_fidelity.ranks(slow_fidelity.map_distances(xy[there]))
    right = np.mean(slow_fidelity.trustworthiness(space, on_map, 5))
    for by in ("article", "chunk"):
        (flat,) = run(world, by=by).maps
        assert flat.fidelity is not None
        assert flat.fidelity.articles == there.sum() == flat.fidelity.ranked
        assert flat.fidelity.trustworthiness.mean == pytest.approx(right)


def test_answers_count_articles_once_or_each_chunk(world: Any) -> None:
    _, _, articles, _, _ = in_order(world)
    asked = [world[2][25 * i].split("#")[0] for i in range(Q)]
    for by in ("article", "chunk"):
        found = run(world, by=by)
        assert found.space.answers_absent == pytest.approx(1 / (len(set(asked)) + 1))
        for i, row in enumerate(found.rows):
            right = asked[i]
            names = [n.id for n in row.neighbors]
            if by == "article":
                assert row.answers_recall == float(right in names)
            else:
                chunks = sum(name.startswith(right + "#") for name in names)
                assert row.answers_recall == chunks / min(5, articles.count(right))


def test_by_chunk_counts_rows(world: Any) -> None:
    vectors, ids, _, _, questions = in_order(world)
    found = run(world, by="chunk")
    assert (found.by, found.articles) == ("chunk", len(ids))
    for i, row in enumerate(found.rows):
        dist = np.maximum(1 - vectors.astype(float) @ questions[i].astype(float), 0).astype(np.float32)
        right = np.argsort(dist, kind="stable")[:5]
        assert [(n.id, n.chunk) for n in row.neighbors] == [(ids[r], None) for r in right]


def test_fewer_articles_than_k_are_refused(tmp_path: Path) -> None:
    chunked_table(tmp_path, [40, 3, 2])
    model = KnownModel({"q": np.ones(8)})
    with pytest.raises(ConfigError, match="has 3 articles, fewer than k=5"):
        overlap(Database(tmp_path), "articles", ["q"], {}, model)  # type: ignore[arg-type]
    found = overlap(Database(tmp_path), "articles", ["q"], {"by": "chunk"}, model)  # type: ignore[arg-type]
    assert found.articles == 45
    with pytest.raises(ConfigError, match="by= is article or chunk, found 'row'"):
        checked_overlap(["q"], {"by": "row"})  # type: ignore[typeddict-item]


def best_overlap(targets: list[int], xy: np.ndarray, articles: list[str]) -> float:
    """Return the overlap at the best position, counted by article; 0 where no target is on the map."""
    return best_place(targets, xy, articles)[0] if np.isfinite(xy[targets]).any() else 0.0


def test_nested_samples_are_of_articles(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    passes: list[int] = []
    blocks = TableReader.blocks
    monkeypatch.setattr(TableReader, "blocks", lambda self: (passes.append(1), blocks(self))[1])
    vectors, _, articles, xy, questions = in_order(world)
    found = run(world, what_if="corpus", seed=4)
    # The second is for the ceiling, which the table has no graph for.
    assert passes == [1, 1]
    assert found.what_if is not None
    assert [(p.share, p.articles) for p in found.what_if.points] == [(0.1, 6), (0.25, 15), (0.5, 30), (1.0, 60)]
    number = {name: i for i, name in enumerate(dict.fromkeys(articles))}
    row_number = [number[a] for a in articles]
    asked = [world[2][25 * i].split("#")[0] for i in range(Q)]
    dist = np.maximum(1 - questions.astype(float) @ vectors.T.astype(float), 0).astype(np.float32)
    for at, point in enumerate(found.what_if.points):
        drawn = []
        for draw in range(DRAWS):
            inside = (strata(60, (4, draw)) <= at)[row_number]
            assert len({a for a, ok in zip(articles, inside, strict=True) if ok}) == point.articles
            places = np.where(inside[:, None], xy, np.nan)
            kept, near, recalls = [], [], []
            for i in range(Q):
                space = slow_nearest(np.where(inside, dist[i], np.nan), articles, 5)
                kept.append(best_overlap(space, places, articles))
                near.append(dist[i, space[0]])
                recalls.append(float(asked[i] in [articles[r] for r in space]))
            drawn.append((np.median(near), np.mean(kept), np.mean(recalls)))
        dist_found, kept_found, recall_found = np.mean(drawn, axis=0)
        assert point.nearest_dist.mean == pytest.approx(dist_found)
        assert point.overlap["flat"].mean == pytest.approx(kept_found)
        assert point.answers_recall is not None
        assert point.answers_recall.mean == pytest.approx(recall_found)
    last = found.what_if.points[-1].overlap["flat"]
    assert last.mean == pytest.approx(found.maps[0].search.overlap.mean)


def test_experiments_count_articles(world: Any) -> None:
    vectors, _, articles, _, questions = in_order(world)
    found = run(world, explain=True)
    figures = {e.name: e.figures for e in found.experiments}
    (flat,) = found.maps
    gain = figures["best position against the median baseline"]["gain"]
    assert gain == pytest.approx(flat.search.overlap.mean - flat.median.overlap.mean)
    # Each article lends its words once, however many chunks it has.
    assert figures["pseudo-questions"]["pseudo-questions"] == 60

    dist = slow_fidelity.space_distances(vectors)
    sims = 1 - np.maximum(1 - questions.astype(float) @ vectors.T.astype(float), 0)
    ranked = []
    for row in sims:
        targets = slow_nearest((1 - row).astype(np.float32), articles, 60)
        density = [
            np.mean([1 - dist[t, r] for r in slow_nearest(dist[t], articles, 10, articles[t])]) for t in targets
        ]
        order = sorted(range(60), key=lambda j: density[j] - 2 * row[targets[j]])
        ranked.append([articles[targets[j]] for j in order[:5]])
    different = len({a for names in ranked for a in names}) / (5 * Q)
    assert figures["ranked by CSLS"]["distinct_ratio by CSLS"] == pytest.approx(different)

    centered = vectors.astype(float) - vectors.astype(float).mean(axis=0)
    projected = slow_fidelity.map_distances(centered @ np.linalg.svd(centered, full_matrices=False)[2][:2].T)
    kept = []
    for i, article in enumerate(articles):
        space = {articles[r] for r in slow_nearest(dist[i], articles, 5, article)}
        kept.append(len(space & {articles[r] for r in slow_nearest(projected[i], articles, 5, article)}) / 5)
    assert figures["the same vectors by PCA"]["self_recall by PCA"] == pytest.approx(np.mean(kept), abs=0.005)
    assert figures["the same vectors by PCA"]["self_recall"] == pytest.approx(flat.self_recall.mean)


def test_by_chunk_the_samples_are_of_chunks(world: Any) -> None:
    found = run(world, by="chunk", what_if="corpus", explain=True)
    assert found.what_if is not None
    assert [p.articles for p in found.what_if.points] == [round(s * len(world[2])) for s in (0.1, 0.25, 0.5, 1.0)]
    figures = {e.name: e.figures for e in found.experiments}
    assert figures["pseudo-questions"]["pseudo-questions"] == 150
