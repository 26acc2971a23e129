"""Each cause planted in a corpus of its own is the first one named; a healthy corpus is called healthy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from planted import KnownModel, make_table, put_map
from vecindex.core.vectors import normalize
from vecindex.neighbors.plane import Plane
from vecindex.store.database import Database
from vecindex.verbs.overlap import overlap as pipeline
from vecindex.verbs.overlap.causes.verdicts import Cause
from vecindex.verbs.overlap.diagnose import diagnose
from vecindex.verbs.overlap.facts import Facts
from vecindex.verbs.overlap.measure import Placed, Space, placement_figures, vectors_by_row
from vecindex.verbs.overlap.overlap import overlap
from vecindex.verbs.overlap.result import OverlapResult

N, Q, D = 300, 40, 16


def on_a_sheet(xy: np.ndarray) -> np.ndarray:
    """Return unit vectors (n, D) whose neighbors are those of the points in the plane."""
    vectors = np.zeros((len(xy), D))
    vectors[:, :2], vectors[:, 2] = 2 * xy, 1.0
    return normalize(vectors)


def spread(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.random((n, 2)) * 2 - 1


def ask(
    folder: Path, articles: np.ndarray, questions: np.ndarray, xy: np.ndarray, answers: list[str] | None = None
) -> OverlapResult:
    """Return the overlap of questions against articles on a map `m`."""
    ids = [f"a{i:05d}" for i in range(len(articles))]
    make_table(folder / "db", articles, ids)
    put_map(folder / "db", "m", ids, xy)
    known = {f"question {i}": vector for i, vector in enumerate(questions)}
    asked: Any = list(known)
    if answers is not None:
        file = folder / "q.csv"
        file.write_text("question,answers\n" + "".join(f"{t},{a}\n" for t, a in zip(known, answers, strict=True)))
        asked = str(file)
    return overlap(Database(folder / "db"), "articles", asked, {}, KnownModel(known))  # type: ignore[arg-type]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def test_healthy(tmp_path: Path, rng: np.random.Generator) -> None:
    xy = spread(rng, N)
    found = ask(tmp_path, on_a_sheet(xy), on_a_sheet(spread(rng, Q)), xy)
    assert [c.cause for c in found.causes] == [Cause.HEALTHY]


def test_shuffled_map(tmp_path: Path, rng: np.random.Generator) -> None:
    xy = spread(rng, N)
    found = ask(tmp_path, on_a_sheet(xy), on_a_sheet(spread(rng, Q)), rng.permutation(xy))
    assert found.causes[0].cause is Cause.STALE_MAP


def test_near_duplicates(tmp_path: Path, rng: np.random.Generator) -> None:
    # Each text 30 times, with a letter changed: which five of the thirty a list holds is chance.
    xy = np.repeat(spread(rng, N // 30), 30, axis=0)
    articles = normalize(on_a_sheet(xy) + 1e-4 * rng.normal(size=(N, D)))
    questions = normalize(on_a_sheet(xy[:: N // Q]) + 1e-2 * rng.normal(size=(len(xy[:: N // Q]), D)))
    found = ask(tmp_path, articles, questions, xy + 0.001 * rng.normal(size=(N, 2)))
    assert found.causes[0].cause is Cause.DUPLICATES
    assert found.maps[0].search.merged == 1


def test_hubs(tmp_path: Path, rng: np.random.Generator) -> None:
    # All texts have something in common, and five hold nothing but that.
    common = np.eye(64)[0] * 1.5
    articles = common + rng.normal(size=(N, 64)) / 4
    articles[:5] = common + rng.normal(size=(5, 64)) / 40
    questions = common + rng.normal(size=(Q, 64)) / 4
    found = ask(tmp_path, articles, questions, normalize(articles)[:, 1:3])
    assert found.causes[0].cause is Cause.HUBS
    assert found.space.hub_share > 0.6
    assert found.space.collapse_ceiling > 0.6


def test_style_gap(tmp_path: Path, rng: np.random.Generator) -> None:
    # Each question is its article, worded as no article is; the answers are there and are found.
    xy = spread(rng, N)
    articles = on_a_sheet(xy)
    worded = articles[:Q].copy()
    worded[:, 5] = 1.0
    found = ask(tmp_path, articles, normalize(worded), xy, [f"a{i:05d}" for i in range(Q)])
    assert found.causes[0].cause is Cause.STYLE
    assert found.causes[0].because["answers_recall"] == 1


@pytest.mark.parametrize("answered", [True, False])
def test_missing_topic(tmp_path: Path, rng: np.random.Generator, answered: bool) -> None:
    xy = spread(rng, N)
    elsewhere = 0.3 * on_a_sheet(spread(rng, Q))
    elsewhere[:, 6:9] = rng.normal(size=(Q, 3)) * 0.2 + 1
    answers = [f"gone{i}" for i in range(Q)] if answered else None
    found = ask(tmp_path, on_a_sheet(xy), normalize(elsewhere), xy, answers)
    assert found.causes[0].cause is (Cause.COVERAGE if answered else Cause.COVERAGE_OR_STYLE)


def test_projection(tmp_path: Path, rng: np.random.Generator) -> None:
    # Thirty clusters in 12 dimensions; two of them keep the clusters but not the neighbors.
    centers = rng.normal(size=(30, D))
    points = normalize(centers[rng.integers(0, 30, N + Q)] + 0.5 * rng.normal(size=(N + Q, D)))
    found = ask(tmp_path, points[:N], points[N:], points[:N, :2])
    assert found.causes[0].cause is Cause.PROJECTION
    assert found.maps[0].self_recall.mean < 0.3


def test_scattered_neighbors(tmp_path: Path) -> None:
    # 50 clusters of 6 articles, each sqrt(.4) of its cluster and sqrt(.6) of its own: the cosine of two in a cluster
    # is 0.4, of others 0. The map has each cluster in one spot, so the articles keep all of their five neighbors.
    of, own = np.arange(N) // 6, np.eye(N)
    articles = np.sqrt(0.4) * np.eye(50)[of] @ np.eye(50, N + 50) + np.sqrt(0.6) * own @ np.eye(N, N + 50, 50)
    xy = np.stack([of % 10 + 0.01 * (np.arange(N) % 6), of // 10], axis=1)
    # A question is the sum of two articles of one cluster and one of each of three others. Its cosine to the two is
    # 1.4 / sqrt(5.8) = 0.58, to the three 0.42, to others of the first cluster 0.33: these five are its nearest.
    first = 30 + 6 * np.arange(Q)
    five = np.stack([first, first + 1, *(30 + (first - 30 + 6 * step + 2) % 270 for step in (11, 17, 23))], axis=1)
    found = ask(tmp_path, articles, normalize(articles[five].sum(axis=1)), xy)
    (on_map,) = found.maps
    assert [{int(n.id[1:]) for n in row.neighbors} for row in found.rows] == [set(lists) for lists in five.tolist()]
    # The two are near to each other, the others to nobody among the five: 2 of 5, and so many are kept.
    assert {row.clique for row in found.rows} == {2}
    assert on_map.ceiling is not None
    assert (on_map.ceiling.mean, found.space.clique_ceiling) == pytest.approx((0.4, 0.4))
    assert (on_map.cliques_kept, on_map.self_recall.mean) == (1.0, 1.0)
    assert on_map.search.overlap.mean == pytest.approx(0.4)
    assert found.causes[0].cause is Cause.SCATTERED
    assert found.ceiling == (
        "Of a question's 5 nearest articles, 2.0 are on average near to each other (40 %). Hardly more can be "
        "expected of a map, unless it is laid out for these questions."
    )


def test_a_poor_map_is_not_taken_for_a_stale_one(tmp_path: Path, rng: np.random.Generator) -> None:
    # Two of sixteen dimensions of pure noise: next to no neighbors are kept, but the map is of these vectors.
    points = normalize(rng.normal(size=(N + Q, D)))
    found = ask(tmp_path, points[:N], points[N:], points[:N, :2])
    assert found.maps[0].agreement > 0.55
    assert found.causes[0].cause is Cause.PROJECTION


def test_collapsed_placement(tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    # The same questions as in the healthy case, on the spot where a joint fit would leave them.
    seen: list[Space] = []
    place_all = pipeline.place_all
    monkeypatch.setattr(pipeline, "place_all", lambda plane, space: (seen.append(space), place_all(plane, space))[1])
    xy = spread(rng, N)
    articles = on_a_sheet(xy)
    healthy = ask(tmp_path, articles, on_a_sheet(spread(rng, Q)), xy)
    (space,) = seen
    plane = Plane(xy)
    spot = rng.normal(size=(Q, 2)) * 0.001
    everything: Any = vectors_by_row(np.arange(N), articles)
    joint = Placed.at("joint", spot, plane, space).with_values(space, everything)
    placed = placement_figures(joint, space, plane, padding=0.5)
    facts = Facts(5, N, Q, healthy.space, replace(healthy.maps[0], search=placed))
    assert healthy.causes[0].cause is Cause.HEALTHY
    assert placed.overlap.mean < 0.2
    assert placed.articles_inside <= 1
    assert diagnose(facts)[0].cause is Cause.ISLAND
