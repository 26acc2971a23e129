"""Anchored maps: what they reach, what they are held against, and what they leave alone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vecindex
from tables import Notices, append, make_table, map_xy
from vecindex.core.anchors import text_digest
from vecindex.core.vectors import normalize
from vecindex.errors import ConfigError
from vecindex.store.database import Database
from vecindex.store.maps import maps, put_map
from vecindex.verbs.overlap.causes.verdicts import Cause
from vecindex.verbs.project import anchor as project_anchor
from vecindex.verbs.project.result import ProjectResult
from vecindex.verbs.questions.model import QuestionModel

D = 16
QUICK = {"early_iterations": 60, "iterations": 60, "finish_iterations": 30}
EXAMPLE = "examples/questions-cell-biology.jsonl"


def clusters(n: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return normalize(np.repeat(rng.normal(size=(-(-n // 10), D)), 10, axis=0)[:n] + 0.5 * rng.normal(size=(n, D)))


def state(folder: Path, name: str = "map") -> tuple[Any, Any]:
    table = Database(folder).articles("articles")
    ids, xy = map_xy(table, name)
    return maps(table)[name], dict(zip(ids, np.nan_to_num(xy, nan=-1e9).tolist(), strict=True))


def places(folder: Path, name: str) -> np.ndarray:
    ids, xy = map_xy(Database(folder).articles("articles"), name)
    return xy[np.argsort(ids)]


Ask = Callable[..., Path]


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """A function that writes a file of questions with planted vectors."""
    known: dict[str, np.ndarray] = {}
    monkeypatch.setattr(QuestionModel, "embed", lambda self, texts, *_: np.stack([known[t] for t in texts]))

    def write(vectors: np.ndarray, name: str = "asked", topics: list[str] | None = None) -> Path:
        file = tmp_path / f"{name}.jsonl"
        lines = []
        for i, vector in enumerate(vectors):
            known[f"{name} question {i}"] = vector
            lines.append(
                {"id": f"{name}{i}", "text": f"{name} question {i}"} | ({"topic": topics[i]} if topics else {})
            )
        file.write_text("".join(json.dumps(line) + "\n" for line in lines))
        return file

    return write


def table_with_map(folder: Path, vectors: np.ndarray) -> None:
    append(make_table(folder, dimension=D), vectors)
    vecindex.open(folder).project(settings=QUICK)


def anchor(folder: Path, file: Any, name: str | None = None, **options: Any) -> ProjectResult:
    return vecindex.open(folder).project(name, anchor=True, questions=file, **options)


# -- the sample, with the real model ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def anchored(sample_db: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ProjectResult, Any]:
    folder = Path(shutil.copytree(sample_db, tmp_path_factory.mktemp("anchor") / "db"))
    vecindex.open(folder).project()
    before = state(folder)
    result = anchor(folder, EXAMPLE)
    assert state(folder) == before, "the base map is as it was"
    return folder, result, before


def test_the_questions_keep_more_and_the_articles_about_the_same(anchored: Any) -> None:
    _, result, _ = anchored
    found = result.anchor
    assert (result.name, result.action, result.anchored, result.articles) == ("anchored", "made", True, 264)
    assert (found.base, found.questions, found.k, found.no_controls) == ("map", 40, 5, None)
    assert found.anchored.overlap.mean > found.unanchored.overlap.mean + 0.05
    assert found.anchored.enough.mean > found.unanchored.enough.mean + 0.1
    for k in (5, 10, 50):
        # 40 questions among 264 articles: a third of these belongs around one.
        assert abs(found.articles.change[k].mean) < 0.08
        assert found.articles.change[k].mean == pytest.approx(
            found.articles.after[k].mean - found.articles.before[k].mean
        )
        assert result.scores.recall[k] == found.articles.after[k]
    assert (found.folds, found.folds_by) == (5, "topic")
    assert abs(found.held_out_change.mean) < 0.08
    assert found.held_out_change.mean == pytest.approx(found.held_out.overlap.mean - found.unanchored.overlap.mean)
    assert found.shuffled.overlap.mean < found.anchored.overlap.mean
    other = found.other
    assert (found.strength, found.sweeps, other.strength) == ("strong", 6, "gentle")
    assert found.unanchored.enough.mean < other.anchored.enough.mean
    assert other.anchored.overlap.mean < found.anchored.overlap.mean
    assert other.moved < found.displacement.moved
    assert other.articles.before == found.articles.before


def test_overlap_finds_the_same_figures_and_says_what_they_are(anchored: Any) -> None:
    folder, result, before = anchored
    found = vecindex.open(folder).overlap(EXAMPLE)
    own, unanchored = found.maps
    assert (unanchored.name, own.name) == ("map", "anchored")
    assert found.map is not None
    assert (found.map.name, found.map.reason) == ("anchored", "laid out for these questions")
    assert [one.cause for one in found.causes] == [Cause.LAID_OUT], "it is never healthy"
    assert own.search.overlap.mean == pytest.approx(result.anchor.anchored.overlap.mean)
    assert own.search.enough.mean == pytest.approx(result.anchor.anchored.enough.mean)
    assert own.search.soft[50] == pytest.approx(result.anchor.anchored.soft.mean)
    assert unanchored.search.overlap.mean == pytest.approx(result.anchor.unanchored.overlap.mean)
    assert own.about["anchored_note"].startswith(
        "These questions were anchored on this map: its overlap is a constraint"
    )
    assert "digests" not in own.about["anchors"]
    assert "anchored_note" not in unanchored.about
    others = vecindex.open(folder).overlap(["What is a planet made of?", "who wrote the oldest laws"])
    assert all("anchored_note" not in m.about for m in others.maps)
    assert others.map is not None
    assert (others.map.name, others.map.reason) == ("map", "the only neutral map"), "it does not stand for others"
    assert before[0]["anchored"] is False


def test_what_is_kept_with_it(anchored: Any) -> None:
    folder, result, before = anchored
    told = state(folder, "anchored")[0]
    anchors = told["anchors"]
    lines = [json.loads(line) for line in Path(EXAMPLE).read_text().splitlines()]
    assert (told["anchored"], told["method"], anchors["base_id"]) == (True, "local", before[0]["id"])
    assert anchors["ids"] == [line["id"] for line in lines]
    assert anchors["digests"] == [text_digest(line["question"]) for line in lines]
    assert anchors["files"] == [{"name": "questions-cell-biology.jsonl", "questions": 40}]
    assert (anchors["strength"], anchors["other"]["strength"]) == ("strong", "gentle")
    assert anchors["displacement"]["p95"] == result.anchor.displacement.p95
    assert anchors["held_out"]["overlap"]["mean"] == result.anchor.held_out.overlap.mean
    assert told["settings"] == {"sweeps": 6}


def test_displacement_is_that_of_the_stored_places(anchored: Any) -> None:
    folder, result, _ = anchored
    old, new = places(folder, "map"), places(folder, "anchored")
    moved = np.linalg.norm(new - old, axis=1) / np.ptp(old, axis=0).max()
    found = result.anchor.displacement
    assert found.articles == 264
    assert found.median == pytest.approx(np.median(moved), rel=1e-5)
    assert found.p95 == pytest.approx(np.quantile(moved, 0.95), rel=1e-5)
    assert found.max == pytest.approx(moved.max(), rel=1e-5)
    assert found.moved == pytest.approx((moved > 0.01).mean())
    assert result.anchor.targets_displacement.articles < 200


# -- planted vectors ----------------------------------------------------------------------------------------


def test_no_article_is_attracted_by_a_held_out_question(
    tmp_path: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors = clusters(100)
    table_with_map(tmp_path / "db", vectors)
    asked = normalize(vectors[::10] + 0.05)  # one in each cluster, so no two share a target
    attracted: list[set[int]] = []
    real = project_anchor.anchored_map

    def watched(graph: Any, near: np.ndarray, *arguments: Any, **options: Any) -> Any:
        attracted.append(set(near.ravel().tolist()))
        return real(graph, near, *arguments, **options)

    monkeypatch.setattr(project_anchor, "anchored_map", watched)
    found = anchor(tmp_path / "db", ask(asked)).anchor
    assert found is not None
    truth = [set(np.argsort(-(vectors @ q), kind="stable")[:5].tolist()) for q in asked]
    everything = set.union(*truth)
    assert len(attracted) == 1 + 5 + 1 + 1
    assert attracted[7] == everything, "the other strength"
    assert attracted[0] == attracted[6] == everything, "all questions, and the same articles shuffled among them"
    held = [everything - some for some in attracted[1:6]]
    assert all(len(out) == 10 for out in held), "two questions a fold"
    assert set.union(*held) == everything
    assert sum(len(out) for out in held) == len(everything), "each is held out once"


def test_the_same_seed_gives_the_same_map(tmp_path: Path, ask: Ask) -> None:
    vectors = clusters(100)
    table_with_map(tmp_path / "db", vectors)
    file = ask(normalize(vectors[::25] + 0.1))
    first = anchor(tmp_path / "db", file, "one", controls=False)
    second = anchor(tmp_path / "db", file, "two", controls=False)
    np.testing.assert_array_equal(places(tmp_path / "db", "one"), places(tmp_path / "db", "two"))
    assert first.anchor == second.anchor
    assert first.anchor is not None
    assert str(first.anchor.no_controls) == "not asked for (controls=False)"
    assert (first.anchor.held_out, first.anchor.shuffled, first.anchor.held_out_change) == (None, None, None)


@pytest.mark.parametrize("n", [3, 4, 20])
@pytest.mark.parametrize("q", [1, 2])
def test_small_tables(tmp_path: Path, ask: Ask, n: int, q: int) -> None:
    vectors = clusters(n)
    table_with_map(tmp_path / "db", vectors)
    found = anchor(tmp_path / "db", ask(normalize(np.eye(D)[:q] + vectors[:q])))
    assert found.anchor is not None
    assert (found.anchor.k, found.anchor.questions) == (min(5, n), q)
    assert np.isfinite(places(tmp_path / "db", "anchored")).all()
    if q == 1:
        assert found.anchor.no_controls == "nothing can be held out of a single question"
        assert found.anchor.shuffled is None
    else:
        assert found.anchor.folds == 2


def test_a_handful_of_articles_comes_around_its_question(tmp_path: Path, ask: Ask) -> None:
    rng = np.random.default_rng(1)
    vectors = normalize(rng.normal(size=(60, D)))
    table_with_map(tmp_path / "db", vectors)
    found = anchor(tmp_path / "db", ask(normalize(rng.normal(size=(2, D)))), controls=False).anchor
    assert found is not None
    assert found.anchored.overlap.mean == 1.0
    assert found.unanchored.overlap.mean < 0.9


def test_questions_that_are_all_alike(tmp_path: Path, ask: Ask) -> None:
    vectors = clusters(60)
    table_with_map(tmp_path / "db", vectors)
    found = anchor(tmp_path / "db", ask(np.repeat(normalize(vectors[:1] + 0.1), 6, axis=0))).anchor
    assert found is not None
    assert (found.questions, found.folds, found.held_out) == (6, 0, None)
    assert found.no_controls == "the 6 questions are all near-duplicates, so none can be held out"
    assert found.anchored.overlap.mean == 1, "they have one and the same position"
    assert found.anchored.overlap.low == pytest.approx(0.025 ** (1 / 6)), "of six others one may keep none"
    assert np.isfinite(places(tmp_path / "db", "anchored")).all()


def test_several_files_count_each_text_once(tmp_path: Path, ask: Ask) -> None:
    vectors = clusters(60)
    table_with_map(tmp_path / "db", vectors)
    one = ask(normalize(vectors[[0, 20]] + 0.1), "one")
    two = ask(normalize(vectors[[30, 40]] + 0.1), "two")
    with two.open("a") as file:
        file.write('{"id": "again", "text": "ONE question  1"}\n{"id": 7}\n')
    embed = QuestionModel.embed
    assert embed
    result = anchor(tmp_path / "db", [one], "first", controls=False)
    assert result.anchor is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(QuestionModel, "embed", lambda self, texts, *_: np.repeat(vectors[:1], len(texts), axis=0))
        both = anchor(tmp_path / "db", [one, two], "both", controls=False)
    assert both.anchor is not None
    assert [(f.name, f.questions) for f in both.anchor.files] == [("one.jsonl", 2), ("two.jsonl", 2)]
    assert both.anchor.questions == 4
    assert [d.reason for d in both.duplicates] == ["the same question as one.jsonl one1"]
    assert len(both.rejected) == 1
    line = vecindex.open(tmp_path / "db").status().maps["both"]["anchors"]
    assert line["ids"] == ["one0", "one1", "two0", "two1"]


# -- names, and what is refused -----------------------------------------------------------------------------


def test_names_and_bases(tmp_path: Path, ask: Ask) -> None:
    folder, vectors = tmp_path / "db", clusters(60)
    append(make_table(folder, dimension=D), vectors)
    file = ask(normalize(vectors[[0, 20]] + 0.1))
    notices = Notices()
    made = anchor(folder, file, controls=False, observer=notices)
    assert "there is no map 'map' to anchor; it is made first" in notices.lines
    assert (made.name, made.action) == ("anchored", "made")
    vecindex.open(folder).project("wide", settings=QUICK)
    wide = anchor(folder, file, "wide", controls=False)
    assert (wide.name, wide.anchor.base if wide.anchor else None) == ("wide_anchored", "wide")
    other = anchor(folder, file, "other", base="wide", controls=False)
    assert (other.name, other.anchor.base if other.anchor else None) == ("other", "wide")
    again = anchor(folder, file, "other", controls=False)
    assert (again.action, again.anchor.base if again.anchor else None) == ("rebuilt", "wide")
    assert set(maps(Database(folder).articles("articles"))) == {"map", "anchored", "wide", "wide_anchored", "other"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"base": "nowhere"}, "has no map 'nowhere' to derive an anchored one from"),
        ({"base": "done"}, r"Map 'done' of .* is anchored to asked.jsonl \(2 questions\), so it cannot show"),
        (
            {"base": "map", "name": "flat"},
            "Map 'flat' of .* is not anchored, and an anchored one does not replace it",
        ),
        ({"base": "part"}, "Map 'part' of .* shows a part of the articles on purpose"),
        ({"update": True}, "update=True means nothing with anchor=True"),
        ({"method": "umap"}, "method= means nothing with anchor=True"),
        ({"settings": {"neighbors": 3}}, "Anchoring has no setting 'neighbors'"),
        ({"settings": {"sweeps": 0}}, "sweeps of anchoring must be at least 1, found 0"),
        ({"strength": "weak"}, "strength= is gentle or strong, found 'weak'"),
        ({"anchor": False, "questions": (), "strength": "gentle"}, "strength= means nothing without anchor=True"),
        ({"questions": ()}, "anchor=True needs the questions"),
        ({"anchor": False}, "questions= means nothing without anchor=True"),
        ({"anchor": False, "questions": (), "base": "map"}, "base= means nothing without anchor=True"),
        ({"anchor": False, "questions": (), "controls": False}, "controls=False means nothing without anchor=True"),
        ({"anchor": False, "questions": (), "name": "done"}, "without anchor=True it would become another map"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, ask: Ask, options: dict[str, Any], message: str) -> None:
    folder, vectors = tmp_path / "db", clusters(40)
    table_with_map(folder, vectors)
    file = ask(normalize(vectors[[0, 20]] + 0.1))
    if "base" in options or options.get("name"):
        index = vecindex.open(folder)
        index.project("flat", method="pca")
        anchor(folder, file, "done", controls=False)
        index.project("part", focus=file, focus_size=20, settings=QUICK)
    before = {name: state(folder, name) for name in maps(Database(folder).articles("articles"))}
    with pytest.raises(ConfigError, match=message):
        vecindex.open(folder).project(**{"anchor": True, "questions": file, **options})
    assert {name: state(folder, name) for name in maps(Database(folder).articles("articles"))} == before


# -- later rows, and ends in between ------------------------------------------------------------------------


def test_update_places_new_rows_and_it_stays_anchored(tmp_path: Path, ask: Ask) -> None:
    folder, vectors = tmp_path / "db", clusters(60)
    table_with_map(folder, vectors)
    anchor(folder, ask(normalize(vectors[[0, 20]] + 0.1)), controls=False)
    before = places(folder, "anchored")
    append(Database(folder).articles("articles"), clusters(60, seed=3)[:9], ids=[f"b{i}" for i in range(9)])
    status = vecindex.open(folder).status()
    command = "index.project('anchored', anchor=True, base='map', questions=['asked.jsonl'])"
    assert any('Map "anchored" should be rebuilt' in line and command in line for line in map(str, status.next))
    notices = Notices()
    part = anchor(folder, tmp_path / "asked.jsonl", "again", controls=False, observer=notices)
    assert (part.articles, part.outside) == (60, 9)
    assert any(
        line.startswith(
            "9 rows are not on the map 'map' and will not be on 'again': index.project('map', update=True)"
        )
        for line in notices.lines
    )
    result = vecindex.open(folder).project("anchored", update=True)
    assert (result.action, result.anchored, result.articles) == ("updated", True, 69)
    np.testing.assert_array_equal(places(folder, "anchored")[:60], before)
    assert state(folder, "anchored")[0]["anchors"]["questions"] == 2


@pytest.mark.parametrize("stage", ["anchoring", "scores"])
def test_stopped_in_between(tmp_path: Path, ask: Ask, stage: str) -> None:
    folder, vectors = tmp_path / "db", clusters(60)
    table_with_map(folder, vectors)
    file = ask(normalize(vectors[[0, 20]] + 0.1))
    anchor(folder, file, controls=False)
    before = state(folder), state(folder, "anchored")

    class Stopper(Notices):
        def stage(self, told: Any) -> None:
            if told.name == stage and told.done:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match=r"^$"):
        anchor(folder, file, observer=Stopper())
    assert (state(folder), state(folder, "anchored")) == before


@pytest.mark.parametrize("step", ["_add_columns", "_fill_columns", "_swap_columns"])
def test_killed_while_it_is_written(tmp_path: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    from vecindex.store import maps as store

    folder, vectors = tmp_path / "db", clusters(60)
    table_with_map(folder, vectors)
    file = ask(normalize(vectors[[0, 20]] + 0.1))
    before = state(folder)

    class Killed(BaseException):
        pass

    real = getattr(store, step)

    def deadly(*arguments: Any) -> None:
        real(*arguments)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(store, step, deadly)
        with pytest.raises(Killed, match=r"^$"):
            anchor(folder, file, controls=False)
    assert state(folder) == before
    assert set(maps(Database(folder).articles("articles"))) == {"map"} | (
        {"anchored"} if step == "_swap_columns" else set()
    )
    assert anchor(folder, file, controls=False).articles == 60
    assert state(folder) == before


def test_any_map_can_be_anchored(tmp_path: Path, ask: Ask) -> None:
    folder, vectors = tmp_path / "db", clusters(80)
    append(make_table(folder, dimension=D), vectors)
    vecindex.open(folder).project("flat", method="pca")
    before = state(folder, "flat")
    found = anchor(folder, ask(normalize(vectors[::8] + 0.1)), base="flat", strength="gentle", controls=False)
    assert found.anchor is not None
    assert (found.name, found.method, found.anchor.strength, found.anchor.other) == (
        "anchored",
        "pca",
        "gentle",
        None,
    )
    assert found.anchor.anchored.enough.mean == 1.0
    assert found.anchor.anchored.overlap.mean > found.anchor.unanchored.overlap.mean + 0.2
    assert state(folder, "flat") == before
    again = [str(line) for line in vecindex.open(folder).status().next]
    assert not any("strength" in line for line in again), "nothing is due"


def test_a_map_of_another_program(tmp_path: Path, ask: Ask) -> None:
    import pyarrow as pa

    folder, vectors = tmp_path / "db", clusters(40)
    table_with_map(folder, vectors)
    table = Database(folder).articles("articles")
    put_map(table, "one", pa.array(["a00000"]), np.zeros((1, 2)), {"by": "hand"})
    with pytest.raises(ConfigError, match=r"Map 'one' has only 1 row of "):
        anchor(folder, ask(vectors[:2]), base="one")
    ids, xy = map_xy(table, "map")
    put_map(table, "own", pa.array(ids), xy * 100, {"by": "hand"})
    found = anchor(folder, ask(vectors[:2]), base="own", controls=False)
    assert (found.name, found.articles, found.anchor.base if found.anchor else None) == ("anchored", 40, "own")
