"""Overlap of planted questions on planted maps, against an independent computation by sorting and loops."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from planted import KnownModel, make_table, put_map
from reference import overlap as slow
from reference.nearest import nearest
from reference.plane import nearest as nearest_on_map
from vecindex.core.vectors import normalize
from vecindex.errors import ConfigError
from vecindex.store.database import Database
from vecindex.verbs.overlap.causes.verdicts import Cause
from vecindex.verbs.overlap.overlap import overlap
from vecindex.verbs.overlap.result import OverlapResult

N, Q, D = 300, 12, 8


def write_questions(folder: Path, rows: list[dict[str, Any]]) -> str:
    path = folder / "questions.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def run(folder: Path, vectors: dict[str, np.ndarray], **options: Any) -> tuple[OverlapResult, list[str]]:
    model = KnownModel(vectors)
    asked = options.pop("file", None) or options.pop("texts", None)
    return overlap(Database(folder / "db"), "articles", asked, options, model), model.asked  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def world(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, np.ndarray, list[str], np.ndarray, str, dict[str, Any]]:
    """A table with two maps (one in part, one shuffled), and questions with topics and answers."""
    folder = tmp_path_factory.mktemp("world")
    rng = np.random.default_rng(0)
    articles = normalize(rng.normal(size=(N, D)) * [3, 3, 1, 1, 1, 0.5, 0.5, 0.5])
    # Ids whose order is not that of the rows, with copies of one vector among them.
    ids = [f"a{i}" for i in rng.permutation(N)]
    articles[40:44] = articles[40]
    make_table(folder / "db", articles, ids)
    xy = articles[:, :2].astype(np.float32).astype(float)
    part = xy.copy()
    part[::7] = np.nan
    there = np.isfinite(part[:, 0])
    put_map(folder / "db", "flat", [i for i, ok in zip(ids, there, strict=True) if ok], part[there])
    put_map(folder / "db", "mixed", ids, xy[rng.permutation(N)])
    questions = normalize(articles[:Q] + 0.2 * rng.normal(size=(Q, D)))
    questions[3] = articles[40]
    rows = [
        {"id": f"q{i}", "question": f"question {i}?", "topic": f"t{i % 6}", "answers": [ids[i], "absent"]}
        for i in range(Q)
    ]
    known = {f"question {i}?": questions[i] for i in range(Q)}
    return folder, articles, ids, part, write_questions(folder, rows), known


def test_it_agrees_with_sorting_and_loops(world: Any) -> None:
    folder, articles, ids, part, file, known = world
    found, _ = run(folder, known, file=file, sample=N)
    order = np.argsort(np.array(ids))
    by_id, xy = articles[order], part[order]
    names = [ids[i] for i in order]
    questions = np.stack([known[f"question {i}?"] for i in range(Q)])
    rows, dist = nearest(questions, by_id, 100)
    flat = next(m for m in found.maps if m.name == "flat")
    values = []
    for i, row in enumerate(found.rows):
        assert [n.id for n in row.neighbors] == [names[r] for r in rows[i, :5]]
        assert [n.dist for n in row.neighbors] == pytest.approx(dist[i, :5], abs=1e-7)
        for placed in row.maps["flat"].values():
            on_map = nearest_on_map(xy, (placed.x, placed.y), 100)
            # Equally near ones stand by their distance in the other space.
            far = np.sqrt(((xy - (placed.x, placed.y)) ** 2).sum(axis=1))
            true = rows[i][np.lexsort((rows[i], np.nan_to_num(far[rows[i]], nan=np.inf), dist[i]))].tolist()
            known_dist = dict(zip(rows[i], dist[i], strict=True))
            on_map.sort(key=lambda row: (far[row], known_dist.get(row, np.inf), row))
            assert [n.id for n in placed.neighbors] == [names[r] for r in on_map[:5]]
            assert placed.overlap == slow.overlap(true, on_map, 5)
            assert placed.rank_weighted == pytest.approx(slow.rank_weighted(true, on_map, 5))
            for depth in (10, 50, 100):
                assert placed.soft[depth] == slow.soft(true, on_map, 5, depth)
                assert placed.reciprocal[depth] == slow.reciprocal(true, on_map, 5, depth)
        targets = [r for r in rows[i, :5] if not np.isnan(xy[r, 0])]
        median = row.maps["flat"]["median"]
        assert [median.x, median.y] == pytest.approx(np.median(xy[targets], axis=0))
        values.append(row.maps["flat"]["search"].overlap)
    assert flat.search.overlap.mean == pytest.approx(np.mean(values))
    assert flat.search.enough.mean == pytest.approx(np.mean(np.array(values) >= 0.6))
    assert flat.search.overlap.by == "topic"
    assert (flat.articles, flat.outside) == (int((~np.isnan(part[:, 0])).sum()), int(np.isnan(part[:, 0]).sum()))
    assert found.space.distinct_ratio == slow.distinct(rows.tolist(), 5)
    assert found.space.collapse_ceiling == slow.ceiling(rows.tolist(), 5)
    # The articles' own recall: all are in the sample, so it is exact.
    own, _ = nearest(by_id, by_id, 12)
    recalls = []
    for i in range(N):
        if not np.isnan(xy[i, 0]):
            truth = [r for r in own[i] if r != i][:5]
            recalls.append(slow.overlap(truth, nearest_on_map(xy, tuple(xy[i]), 5, without=i), 5))
    assert flat.self_recall.mean == pytest.approx(np.mean(recalls)) == pytest.approx(flat.self_by_k[5])
    assert sorted(flat.self_by_k) == [1, 5, 10, 20, 50]
    assert sorted(flat.self_soft) == [10, 50, 100]
    # Answers: half of the 24 given ids are nowhere (one id, "absent", of 13 different ones).
    assert found.space.answers_absent == pytest.approx(1 / 13)
    right = [names.index(ids[i]) for i in range(Q)]
    assert found.space.answers is not None
    assert found.space.answers.recall == pytest.approx(np.mean([right[i] in rows[i, :5] for i in range(Q)]))


def test_topics_of_the_neighbors(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    articles = normalize(rng.normal(size=(60, 4)))
    topics = [["cells", "plants", ""][i % 3] for i in range(60)]
    make_table(tmp_path / "db", articles, fields={"topic": topics, "section": ["s"] * 60})
    put_map(tmp_path / "db", "m", [f"a{i:05d}" for i in range(60)], articles[:, :2])
    known = {f"q{i}": articles[i] + 0.1 * rng.normal(size=4) for i in range(9)}
    asked: list[str | None] = ["cells", "plants", None] * 3
    file = write_questions(tmp_path, [{"text": t, "topic": a} for t, a in zip(known, asked, strict=True)])
    found, _ = run(tmp_path, known, file=file)
    of = {f"a{i:05d}": topic for i, topic in enumerate(topics)}
    spaces, maps = [], []
    for row, topic in zip(found.rows, asked, strict=True):
        placed = row.maps["m"]["search"]
        if topic is None:
            assert row.topic_precision is placed.topic_precision is None
            continue
        spaces.append(sum(of[n.id] == topic for n in row.neighbors) / 5)
        maps.append(sum(of[n.id] == topic for n in placed.neighbors) / 5)
        assert (row.topic_precision, placed.topic_precision) == (spaces[-1], maps[-1])
    assert found.space.topic_precision is not None
    assert found.maps[0].search.topic_precision is not None
    assert found.space.topic_precision.mean == pytest.approx(np.mean(spaces))
    assert found.maps[0].search.topic_precision.mean == pytest.approx(np.mean(maps))
    # Words that the articles do not go by, another column, none at all.
    other = write_questions(tmp_path, [{"text": t, "topic": "unheard of"} for t in known])
    assert run(tmp_path, known, file=other)[0].space.topic_precision is None
    assert run(tmp_path, known, file=file, topic_field="section")[0].space.topic_precision is None
    assert run(tmp_path, known, texts=list(known))[0].space.topic_precision is None
    with pytest.raises(ConfigError, match=r"no column 'x' with one topic .*columns there: topic, section"):
        run(tmp_path, known, file=file, topic_field="x")


def test_a_shuffled_map_gives_chance_and_is_named(world: Any) -> None:
    folder, _, _, _, file, known = world
    found, _ = run(folder, known, file=file, map="mixed", sample=N)
    (mixed,) = found.maps
    assert mixed.self_recall.mean == pytest.approx(found.chance, abs=0.02)
    assert mixed.search.overlap.mean >= found.snap_floor, "each question may sit on its nearest article"
    assert mixed.causes[0].cause is Cause.STALE_MAP
    assert found.verdict.endswith("Main cause: the map shows other vectors than the table holds.")


def test_the_second_run_asks_no_model_and_says_the_same(world: Any) -> None:
    folder, _, _, _, file, known = world
    first, _ = run(folder, known, file=file)
    again, asked = run(folder, known, file=file)
    assert asked == []
    assert (again.embedded, again.rows, again.maps, again.space) == (0, first.rows, first.maps, first.space)


def test_the_best_map_comes_first_and_the_threshold_is_its(world: Any) -> None:
    folder, _, _, _, file, known = world
    found, _ = run(folder, known, file=file)
    assert [m.name for m in found.maps] == ["flat", "mixed"]
    best = found.maps[0].search.overlap
    assert found.meets(best.mean)
    assert not found.meets(best.mean + 0.01)
    assert found.meets(best.low, "lower")
    assert not found.meets(best.mean, "lower")


def test_rows_as_a_table(world: Any) -> None:
    folder, _, _, _, file, known = world
    found, _ = run(folder, known, file=file)
    table = found.to_arrow()
    assert table.num_rows == Q * 4
    assert set(table.column("placement").to_pylist()) == {"search", "median"}
    json.dumps(found.to_dict(), allow_nan=False)


def test_a_true_map_keeps_everything(tmp_path: Path) -> None:
    # Unit vectors in the plane, shown as they are: the map is the space.
    angles = np.random.default_rng(1).random(200) * 2 * np.pi
    circle = normalize(np.stack([np.cos(angles), np.sin(angles)], axis=1))
    make_table(tmp_path / "db", circle)
    put_map(tmp_path / "db", "true", [f"a{i:05d}" for i in range(200)], circle)
    known = {f"q{i}": circle[i] for i in range(20)}
    found, _ = run(tmp_path, known, texts=list(known), sample=200)
    assert found.maps[0].self_recall.mean == pytest.approx(1, abs=0.005)  # the map is stored as float32
    assert found.maps[0].search.overlap.mean >= 0.95
    assert found.causes[0].cause is Cause.HEALTHY


def test_without_a_map_it_tells_what_it_can(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    make_table(tmp_path / "db", rng.normal(size=(50, 4)))
    known = {"one?": rng.normal(size=4), "two?": rng.normal(size=4)}
    found, asked = run(tmp_path, known, texts=list(known))
    assert sorted(asked) == ["one?", "two?"]
    assert found.maps == ()
    assert found.verdict.startswith("There is no map to measure overlap on. In embedding space, ")
    assert "needs a map. Make one: index.project(). Until" in str(found.next[0])
    assert len(found.rows[0].neighbors) == 5
    assert not found.meets(0.0)
    assert 0 <= found.space.nearest_percentile <= 100
    json.dumps(found.to_dict(), allow_nan=False)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"map": "absent"}, r"no map 'absent' \(maps there: flat, mixed\)"),
        ({"k": 0}, "k= must be from 1 to 100, found 0"),
        ({"k": 101}, "k= must be from 1 to 100, found 101"),
        ({"bbox_padding": -1.0}, "bbox_padding= must be at least 0, found -1"),
        ({"sample": 0}, "sample= must be at least 1, found 0"),
        ({"file": None}, "overlap needs questions"),
    ],
)
def test_what_makes_no_sense_is_refused(world: Any, options: dict[str, Any], message: str) -> None:
    folder, _, _, _, file, known = world
    with pytest.raises(ConfigError, match=message):
        run(folder, known, **{"file": file, **options})


def test_a_table_smaller_than_k_is_refused(tmp_path: Path) -> None:
    make_table(tmp_path / "db", np.eye(3))
    with pytest.raises(ConfigError, match="has 3 rows, fewer than k=5"):
        run(tmp_path, {"q": np.ones(3)}, texts=["q"])


def test_a_table_just_as_large_as_k(tmp_path: Path) -> None:
    make_table(tmp_path / "db", np.eye(5))
    put_map(tmp_path / "db", "m", [f"a{i:05d}" for i in range(5)], np.eye(5)[:, :2])
    found, _ = run(tmp_path, {"q": np.ones(5)}, texts=["q"])
    assert found.maps[0].search.overlap.mean == 1
    assert found.chance == 1
    json.dumps(found.to_dict(), allow_nan=False)
