"""`--what-if corpus` on planted tables, against sorting and loops over each sample; and what it says."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from planted import KnownModel, make_table, put_map
from reference.nearest import nearest
from reference.plane import best_place
from vecindex.core.vectors import normalize
from vecindex.errors import ConfigError
from vecindex.store import articles as store
from vecindex.store.database import Database
from vecindex.verbs.overlap.causes.nested import DRAWS, Direction, Trend, WhatIf, strata
from vecindex.verbs.overlap.options import checked_overlap
from vecindex.verbs.overlap.overlap import overlap
from vecindex.verbs.overlap.result import OverlapResult
from vecindex.verbs.reader import TableReader

N, Q, D = 200, 12, 8


def run(folder: Path, known: dict[str, np.ndarray], **options: Any) -> OverlapResult:
    asked = options.pop("file", None) or options.pop("texts", None)
    return overlap(Database(folder / "db"), "articles", asked, options, KnownModel(known))  # type: ignore[arg-type]


def what_if(folder: Path, known: dict[str, np.ndarray], **options: Any) -> WhatIf:
    found = run(folder, known, what_if="corpus", **options).what_if
    assert found is not None
    return found


World = tuple[Path, np.ndarray, list[str], np.ndarray, str, dict[str, np.ndarray]]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A table in the order of its ids, a map that lacks some articles, questions with topics and answers."""
    folder = tmp_path_factory.mktemp("world")
    rng = np.random.default_rng(3)
    articles = normalize(rng.normal(size=(N, D)) * [3, 3, 1, 1, 1, 0.5, 0.5, 0.5])
    articles[30:34] = articles[30]
    ids = [f"a{i:05d}" for i in range(N)]
    topics = [f"t{i % 4}" for i in range(N)]
    make_table(folder / "db", articles, ids, {"topic": topics, "kind": ["none"] * N})
    xy = articles[:, :2].astype(np.float32).astype(float)
    xy[::9] = np.nan
    there = np.isfinite(xy[:, 0])
    put_map(folder / "db", "flat", [i for i, ok in zip(ids, there, strict=True) if ok], xy[there])
    questions = normalize(articles[:Q] + 0.3 * rng.normal(size=(Q, D)))
    rows = [
        {
            "question": f"question {i}?",
            "topic": f"t{i % 4}" if i % 5 else None,
            "answers": [ids[i], ids[i + 50], "absent"] if i % 3 else [],
        }
        for i in range(Q)
    ]
    file = folder / "q.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder, articles, topics, xy, str(file), {f"question {i}?": questions[i] for i in range(Q)}


def test_every_figure_is_that_of_brute_force_over_the_sample(world: World) -> None:
    folder, articles, topics, xy, file, known = world
    found = what_if(folder, known, file=file, seed=5)
    questions = normalize(np.stack(list(known.values())))
    assert [(p.share, p.articles) for p in found.points] == [(0.1, 20), (0.25, 50), (0.5, 100), (1.0, 200)]
    for at, point in enumerate(found.points):
        draws = [figures_within(strata(N, (5, draw)) <= at, questions, articles, topics, xy) for draw in range(DRAWS)]
        dist, kept, recall, rank, precision = np.mean(draws, axis=0)
        assert point.nearest_dist.mean == pytest.approx(dist, abs=1e-7)
        assert point.overlap["flat"].mean == pytest.approx(kept)
        assert point.answers_recall is not None
        assert point.answers_recall.mean == pytest.approx(recall)
        assert point.mrr is not None
        assert point.mrr.mean == pytest.approx(rank)
        assert point.topic_precision is not None
        assert point.topic_precision.mean == pytest.approx(precision)


def figures_within(there: Any, questions: Any, articles: Any, topics: Any, xy: Any) -> tuple[float, ...]:
    """Return the distance, overlap, recall, MRR and precision of the questions among some of the articles."""
    inside = np.flatnonzero(there)
    local, dist = nearest(questions, articles[inside], min(100, len(inside)))
    lists = inside[local]
    sample = np.full((N, 2), np.nan)
    sample[inside] = xy[inside]
    kept, recalls, ranks, precisions = [], [], [], []
    for i, row in enumerate(lists.tolist()):
        on_map = [t for t in row[:5] if not np.isnan(sample[t, 0])]
        kept.append(best_place(row[:5], sample)[0] if on_map else 0.0)
        if i % 3:
            right = [i, i + 50]
            recalls.append(sum(r in row[:5] for r in right) / 2)
            ranks.append(next((1 / rank for rank, r in enumerate(row, 1) if r in right), 0.0))
        if i % 5:
            precisions.append(sum(topics[r] == f"t{i % 4}" for r in row[:5]) / 5)
    means = [float(np.mean(values)) for values in (kept, recalls, ranks, precisions)]
    return (float(np.median(dist[:, 0])), *means)


def figures(found: OverlapResult) -> list[Any]:
    """Return the maps and causes without the commands that are advised, which ask as this run did."""
    causes = [(one.cause, one.summary, one.because, one.confidence) for one in found.causes]
    return [causes, *(replace(one, causes=()) for one in found.maps)]


def test_all_articles_are_the_ordinary_figures(world: World) -> None:
    folder, _, _, _, file, known = world
    found = run(folder, known, file=file, what_if="corpus")
    assert found.what_if is not None
    last, best = found.what_if.points[-1], found.best
    assert best is not None
    assert found.space.answers is not None
    assert (last.overlap["flat"].mean, last.overlap["flat"].low) == pytest.approx(
        (best.search.overlap.mean, best.search.overlap.low)
    )
    assert last.nearest_dist.mean == pytest.approx(found.space.nearest_dist)
    assert last.answers_recall is not None
    assert last.answers_recall.mean == pytest.approx(found.space.answers.recall)
    # Asking for it changes nothing else.
    plain = run(folder, known, file=file)
    assert (figures(plain), plain.space, plain.rows) == (figures(found), found.space, found.rows)
    assert plain.what_if is None


def test_distances_never_grow_and_the_slope_is_that_of_the_points(world: World) -> None:
    folder, _, _, _, file, known = world
    found = what_if(folder, known, file=file)
    dist = [p.nearest_dist.mean for p in found.points]
    assert dist == sorted(dist, reverse=True)
    trends = {(t.figure, t.map): t for t in found.trends}
    assert set(trends) == {(f, None) for f in ("nearest_dist", "answers_recall", "mrr", "topic_precision")} | {
        ("overlap", "flat")
    }
    x = np.log2([p.articles for p in found.points])
    assert trends["nearest_dist", None].per_doubling.mean == pytest.approx(np.polyfit(x, dist, 1)[0])
    kept = [p.overlap["flat"].mean for p in found.points]
    assert trends["overlap", "flat"].per_doubling.mean == pytest.approx(np.polyfit(x, kept, 1)[0])
    assert trends["nearest_dist", None].verdict is Direction.FALLS


def test_no_pass_of_its_own_whatever_the_blocks(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, _, _, _, file, known = world
    first = what_if(folder, known, file=file)
    passes: list[int] = []
    blocks = TableReader.blocks
    monkeypatch.setattr(TableReader, "blocks", lambda self: (passes.append(1), blocks(self))[1])
    monkeypatch.setattr(store, "_SCAN_ROWS", 7)
    assert what_if(folder, known, file=file) == first
    # The second is for the ceiling, which the table has no graph for.
    assert passes == [1, 1]


def test_topics_of_another_kind_are_not_compared(world: World) -> None:
    folder, _, _, _, file, known = world
    assert what_if(folder, known, file=file, topic_field="kind").points[0].topic_precision is None
    with pytest.raises(ConfigError, match=r"no column 'field' .*columns there: (kind, topic|topic, kind)"):
        what_if(folder, known, file=file, topic_field="field")


def test_without_a_map_topics_or_answers(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    make_table(tmp_path / "db", rng.normal(size=(40, 4)))
    known = {"one?": rng.normal(size=4), "two?": rng.normal(size=4)}
    found = what_if(tmp_path, known, texts=list(known))
    assert [p.articles for p in found.points] == [10, 20, 40], "4 of 40 are fewer than k"
    assert [(t.figure, t.map) for t in found.trends] == [("nearest_dist", None)]
    assert all(p.overlap == {} and p.answers_recall is None and p.topic_precision is None for p in found.points)
    assert "needs a map" in found.summary


def test_a_tiny_table_is_told(tmp_path: Path) -> None:
    make_table(tmp_path / "db", np.eye(6))
    found = what_if(tmp_path, {"q": np.ones(6)}, texts=["q"])
    assert [p.articles for p in found.points] == [6]
    assert found.trends == ()
    assert found.summary == "The table is too small for nested samples."


def test_one_question_is_no_trend(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    articles = rng.normal(size=(40, 4))
    make_table(tmp_path / "db", articles)
    put_map(tmp_path / "db", "m", [f"a{i:05d}" for i in range(40)], articles[:, :2])
    found = run(tmp_path, {"q": rng.normal(size=4)}, texts=["q"], what_if="corpus")
    assert found.what_if is not None
    assert found.what_if.summary == "A single question shows no trend: ask several."
    assert {t.verdict for t in found.what_if.trends} == {Direction.UNCLEAR}
    assert np.isnan(found.maps[0].search.overlap.low)
    kept = round(5 * found.maps[0].search.overlap.mean)
    assert found.verdict.startswith(
        f"Of the question's 5 nearest articles {kept} are still its nearest on the map ({20 * kept} %, goal 60 %). "
    )


def test_other_experiments_are_refused() -> None:
    with pytest.raises(ConfigError, match="what_if= is corpus, found 'model'"):
        checked_overlap(["q"], {"what_if": "model"})  # type: ignore[typeddict-item]


def moved(found: WhatIf, figure: str) -> Trend:
    return next(t for t in found.trends if t.figure == figure)


def test_a_topic_that_thins_out_is_coverage(tmp_path: Path) -> None:
    # Articles spread over a sphere: fewer of them are farther away. The map lays both halves on each other.
    rng = np.random.default_rng(5)
    articles, questions = normalize(rng.normal(size=(400, 3))), normalize(rng.normal(size=(30, 3)))
    make_table(tmp_path / "db", articles)
    put_map(tmp_path / "db", "m", [f"a{i:05d}" for i in range(400)], articles[:, :2])
    found = what_if(tmp_path, {f"q{i}": q for i, q in enumerate(questions)}, texts=[f"q{i}" for i in range(30)])
    assert moved(found, "nearest_dist").verdict is Direction.FALLS
    assert "would still bring nearer ones" in found.summary


def test_a_topic_that_is_not_there_does_not_come_by_more_of_the_same(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    articles = np.zeros((400, 12))
    articles[:, :3] = rng.normal(size=(400, 3))
    questions = np.zeros((30, 12))
    questions[:, :3], questions[:, 6:9] = rng.normal(size=(30, 3)), rng.normal(size=(30, 3)) * 0.2 + 2
    make_table(tmp_path / "db", articles)
    found = what_if(tmp_path, {f"q{i}": q for i, q in enumerate(questions)}, texts=[f"q{i}" for i in range(30)])
    assert "other kinds are needed" in found.summary or "would hardly bring nearer ones" in found.summary
