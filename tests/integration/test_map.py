"""A stored map as a picture: places, topics, colorings, questions, on tables of our own making."""

from __future__ import annotations

import datetime as dt
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pytest

from planted import KnownModel, make_table, put_map
from tables import append, chunked_table, fingerprint
from tables import make_table as make_empty
from vecindex.core.anchors import anchored_to
from vecindex.core.neighbors import NO_ROW
from vecindex.core.picture import OFF_MAP
from vecindex.errors import ConfigError
from vecindex.reports.map.payload import packed_bytes, payload
from vecindex.store.database import Database
from vecindex.verbs.lens.lens import lens
from vecindex.verbs.overlap.overlap import overlap
from vecindex.verbs.picture import lenses
from vecindex.verbs.picture import picture as module
from vecindex.verbs.picture.options import MapOptions
from vecindex.verbs.picture.picture import map_picture
from vecindex.verbs.picture.result import MapResult
from vecindex.verbs.picture.texts import _FRAME_BYTES, _fixed_bytes, _json, shortened, with_near
from vecindex.verbs.questions.model import QuestionModel

SUBJECTS = {
    "cells": "Cells of the body divide; each cell has a nucleus and a membrane.",
    "trains": "Trains run on a railway; each train has an engine and a driver.",
    "poems": "Poems are written in verse; each poem has a rhyme and a meter.",
}


def ids_of(n: int) -> list[str]:
    return [f"a{i:05d}" for i in range(n)]


def shown(database: Path, model: Any = None, questions: Any = None, **options: Any) -> MapResult:
    given = cast("MapOptions", options)
    return map_picture(Database(database), "articles", questions, given, model or QuestionModel())


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray, np.ndarray]:
    """Ninety articles on three subjects that lie apart in both spaces; the last four are not on the map."""
    folder = tmp_path_factory.mktemp("map") / "db"
    rng = np.random.default_rng(0)
    subject = np.arange(90) % 3
    vectors = np.eye(12)[subject * 4] + 0.15 * rng.normal(size=(90, 12))
    table = make_table(folder, vectors, fields={"shelf": [f"shelf {s}" for s in subject], "note": ids_of(90)})
    names = list(SUBJECTS)
    table.replace(
        pa.table(
            {
                **{c: table.rows_by_id(ids_of(90), [c]).column(c) for c in table.schema.names},
                "title": [f"{names[s]} {'ab'[i % 2]}{i}" for i, s in enumerate(subject)],
                "text": [SUBJECTS[names[s]] for s in subject],
                "truncated": [i < 30 for i in range(90)],
            }
        ).cast(table.schema)
    )
    xy = np.array([[0.0, 0.0], [20.0, 0.0], [0.0, 9.0]])[subject] + rng.normal(size=(90, 2))
    xy[86:] = np.nan
    put_map(folder, "flat", ids_of(90), xy, {"method": "cut", "made_at": "2026-11-22T22:00:51+00:00"})
    return folder, vectors, xy


def test_the_nearest_of_each_article(world: tuple[Path, np.ndarray, np.ndarray]) -> None:
    folder, vectors, _ = world
    picture = shown(folder).picture
    assert picture.near is not None
    rows = np.array([int(key[1:]) for key in picture.ids])
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -2)
    index = np.full(90, OFF_MAP)
    index[rows] = np.arange(86)
    wanted = index[np.argsort(-cosines, axis=1, kind="stable")[rows, :10]]
    assert picture.near.tolist() == wanted.tolist()
    assert (wanted == OFF_MAP).any()
    assert shown(folder, near=3).picture.near.tolist() == wanted[:, :3].tolist()  # type: ignore[union-attr]
    assert shown(folder, near=0).picture.near is None


def test_neighbors_leave_room_for_snippets(world: tuple[Path, np.ndarray, np.ndarray]) -> None:
    folder, _, _ = world
    picture = shown(folder).picture
    near = picture.near
    alone = replace(picture, near=None)
    least = _fixed_bytes(alone, 1, 86) + packed_bytes(_json(shortened(picture.snippets, 60)))
    assert with_near(alone, near, int(least / 0.97) - 9).near is None
    assert with_near(alone, near, int(least / 0.97) + 9_000).near is near
    half = _fixed_bytes(replace(picture, near=near[:, :5]), 1, 86) - _fixed_bytes(alone, 1, 86)  # type: ignore[index]
    assert with_near(alone, near, int((least + half) / 0.97) + 9).near.shape == (86, 5)  # type: ignore[union-attr]


def test_the_order_is_a_permutation_that_mixes_fairly(world: tuple[Path, np.ndarray, np.ndarray]) -> None:
    folder, _, xy = world
    picture = shown(folder).picture
    assert sorted(picture.ids) == ids_of(86)
    rows = np.array([int(key[1:]) for key in picture.ids])
    assert np.abs(picture.xy - xy[rows].astype(np.float32)).max() == 0
    assert (picture.articles, len(picture)) == (90, 86)
    # Every third of the order holds about a third of each subject.
    for part in np.array_split(rows % 3, 3):
        assert np.bincount(part, minlength=3).min() >= 5
    assert list(shown(folder, topics=0).picture.ids) == list(picture.ids)


def test_topics_are_the_subjects_named_by_their_words(world: tuple[Path, np.ndarray, np.ndarray]) -> None:
    folder, _, _ = world
    result = shown(folder, topics=3, seed=1, topics_by="words")
    picture = result.picture
    topics = picture.coloring("topic")
    assert topics is not None
    assert picture.colorings[0] is topics
    assert result.color == "topic"
    assert result.topics == 3
    rows = np.array([int(key[1:]) for key in picture.ids])
    for category, name in enumerate(topics.names):
        subject = set((rows[topics.codes == category] % 3).tolist())
        assert len(subject) == 1
        word = list(SUBJECTS)[subject.pop()]
        assert word[:-1] in name.casefold()
    assert sum(topics.counts) == 86
    for label in picture.topics:
        if label.level == 0:
            assert label.name == topics.names[label.category]
            assert label.count == topics.counts[label.category]
        own = picture.xy[topics.codes == label.category]
        assert [label.x, label.y] in own.tolist()


def test_hardly_a_seed_mixes_subjects(world: tuple[Path, np.ndarray, np.ndarray]) -> None:
    mixed = 0
    for seed in range(8):
        picture = shown(world[0], topics=3, seed=seed).picture
        subject = np.array([int(key[1:]) % 3 for key in picture.ids])
        codes = picture.colorings[0].codes
        mixed += any(len(np.unique(subject[codes == code])) > 1 for code in range(3))
    assert mixed <= 1


def test_the_same_seed_gives_the_same_picture(world: tuple[Path, np.ndarray, np.ndarray]) -> None:
    folder, _, _ = world
    first, second = (payload(shown(folder, seed=4).picture) for _ in range(2))
    assert first == second


def test_columns_become_colorings(world: tuple[Path, np.ndarray, np.ndarray]) -> None:
    folder, _, _ = world
    picture = shown(folder).picture
    assert [c.key for c in picture.colorings] == ["topic", "density", "truncated", "field:shelf"]
    shelf = picture.coloring("field:shelf")
    assert shelf is not None
    rows = [int(key[1:]) for key in picture.ids]
    assert [shelf.names[code] for code in shelf.codes] == [f"shelf {row % 3}" for row in rows]
    cut = picture.coloring("truncated")
    assert cut is not None
    assert cut.counts == (30, 56)
    assert [code == 0 for code in cut.codes] == [row < 30 for row in rows]


def test_a_column_of_many_values_is_shown_when_asked_for(world: tuple[Path, np.ndarray, np.ndarray]) -> None:
    folder, _, _ = world
    picture = shown(folder, fields=["note"], color="note").picture
    note = picture.colorings[0]
    assert note.key == "field:note"
    assert len(note.names) == 21
    assert note.names[-1] == "other"
    assert note.counts[-1] == 66


def test_what_cannot_be_colored_by_is_said(world: tuple[Path, np.ndarray, np.ndarray]) -> None:
    folder, _, _ = world
    with pytest.raises(ConfigError, match=r"no column 'depth' to color by \(columns there: shelf, note\)"):
        shown(folder, fields=["depth"])
    with pytest.raises(ConfigError, match="nothing to color by under 'question_distance'"):
        shown(folder, color="question_distance")


def test_what_to_color_by_is_checked_before_anything_is_computed(
    world: tuple[Path, np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _, _ = world

    def computed(*_: object) -> None:
        raise AssertionError("the topics are computed")

    monkeypatch.setattr("vecindex.verbs.picture.picture._vectors", computed)
    there = r"under 'shelv' \(there is: density, truncated, topic, shelf, note\)"
    with pytest.raises(ConfigError, match=there) as raised:
        shown(folder, color="shelv")
    assert str(raised.value.hint).startswith("Is it shelf? ")
    with pytest.raises(ConfigError, match="nothing to color by under 'topic'"):
        shown(folder, color="topic", topics=0)
    for key in ("shelf", "field:shelf", "density", "topic"):
        with pytest.raises(AssertionError, match="the topics are computed"):
            shown(folder, color=key)


def test_columns_of_every_kind(tmp_path: Path) -> None:
    fields = [
        pa.field("year", pa.int64()), pa.field("share", pa.float64()), pa.field("seen", pa.bool_()),
        pa.field("day", pa.date32()), pa.field("tags", pa.list_(pa.string())), pa.field("same", pa.int64()),
        pa.field("big", pa.int64()), pa.field("late", pa.timestamp("us")), pa.field("raw", pa.binary()),
        pa.field("topic", pa.string()),
    ]  # fmt: skip
    table = Database(tmp_path / "db").create_articles("articles", fingerprint(8), fields)
    n = 20
    append(
        table,
        np.eye(8, dtype=np.float32)[np.arange(n) % 8],
        year=[1900 + i if i else None for i in range(n)],
        share=[float("nan") if i == 1 else i / 4 for i in range(n)],
        seen=[None if i == 2 else i % 2 == 0 for i in range(n)],
        day=[dt.date(2000 + i, 1, 1) for i in range(n)],
        tags=[["a"]] * n,
        same=[5] * n,
        big=[2**60 + i for i in range(n)],
        late=[dt.datetime(9999, 1, 1 + i, tzinfo=dt.UTC).replace(tzinfo=None) for i in range(n)],
        raw=[b"x"] * n,
        topic=[f"t{i % 2}" for i in range(n)],
        truncated=[None] * n,
        content_hash=[f"{i:016x}:{i:016x}" for i in range(n)],
    )
    put_map(tmp_path / "db", "flat", ids_of(n), np.random.default_rng(0).normal(size=(n, 2)))
    picture = shown(tmp_path / "db").picture
    # Lists cannot be colored by; a column of one value, and flags that nobody knows, tell nothing.
    assert [c.key for c in picture.colorings] == [
        "topic", "density", "field:year", "field:share", "field:seen", "field:day", "field:late",
        "field:topic",
    ]  # fmt: skip
    labels = {c.key: c.label for c in picture.colorings}
    assert (labels["topic"], labels["field:topic"], labels["field:year"]) == ("topic", "topic (column)", "year")
    late = picture.coloring("field:late")
    assert late is not None
    # Days since 1970: 1 January 9999 is 2,932,532 of them.
    assert (late.unit, late.low, late.high) == ("date", pytest.approx(2_932_532.2), pytest.approx(2_932_550.8))
    with pytest.raises(ConfigError, match="no column 'raw' to color by"):
        shown(tmp_path / "db", fields=["raw"])
    place = {key: i for i, key in enumerate(picture.ids)}
    year, share, seen, day = (picture.coloring(f"field:{n}") for n in ("year", "share", "seen", "day"))
    assert year is not None
    assert share is not None
    assert seen is not None
    assert day is not None
    assert [one.whole for one in (year, share, late)] == [True, False, True]
    assert (year.codes[place["a00000"]], year.codes[place["a00019"]]) == (255, 254)
    assert share.codes[place["a00001"]] == 255
    assert (seen.names, seen.counts, seen.codes[place["a00002"]]) == (("yes", "no"), (9, 10), 255)
    # The 1st percentile of 20 days a year apart, from 1 January 2000, 10,957 days after 1970.
    assert (day.unit, day.low) == ("date", pytest.approx(10_957 + 0.19 * 366))


def questions_file(folder: Path, vectors: np.ndarray, n: int = 6) -> tuple[str, KnownModel]:
    rng = np.random.default_rng(5)
    file = folder / "questions.jsonl"
    file.write_text(
        "".join(json.dumps({"id": f"q{i}", "text": f"what is {i}?", "topic": "t"}) + "\n" for i in range(n)),
        encoding="utf-8",
    )
    return str(file), KnownModel({f"what is {i}?": vectors[80 + i] + 0.1 * rng.normal(size=12) for i in range(n)})


def same_as_overlap(result: MapResult, database: Path, file: str, model: KnownModel, k: int) -> None:
    told = overlap(Database(database), "articles", file, {"k": k, "map": "flat"}, model)  # type: ignore[arg-type]
    ids = result.picture.ids
    chunked = result.picture.by == "chunk"
    for question, row in zip(result.picture.questions, told.rows, strict=True):
        placed = row.maps["flat"]["search"]
        assert (question.id, question.text, question.topic) == (row.id, row.text, row.topic)
        assert question.overlap == placed.overlap
        assert (question.x, question.y) == (placed.x, placed.y)
        near = [n.chunk if chunked else n.id for n in row.neighbors]
        assert [n.dist for n in question.nearest] == [n.dist for n in row.neighbors]
        assert [None if n.row is None else ids[n.row] for n in question.nearest] == [
            key if key in ids else None for key in near
        ]
        on_map = [n.chunk if chunked else n.id for n in placed.neighbors]
        assert [ids[at] for at in question.on_map] == on_map
        assert sum(n.kept for n in question.nearest) == round(question.overlap * k)
        found = {n.id for n in placed.neighbors}
        assert [n.kept for n in question.nearest] == [n.id in found for n in row.neighbors]


def test_questions_are_answered_as_by_overlap(world: tuple[Path, np.ndarray, np.ndarray], tmp_path: Path) -> None:
    folder, vectors, _ = world
    file, model = questions_file(tmp_path, vectors)
    result = shown(folder, model, file, k=4)
    same_as_overlap(result, folder, file, model, 4)
    assert any(near.row is None for q in result.picture.questions for near in q.nearest)
    assert result.picture.questions_name == "questions.jsonl"


def test_the_distance_to_the_nearest_question_is_exact(
    world: tuple[Path, np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    folder, vectors, _ = world
    file, model = questions_file(tmp_path, vectors)
    found = shown(folder, model, file).picture
    coloring = found.coloring("question_distance")
    assert coloring is not None
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    asked = np.stack(list(model.known.values()))
    asked /= np.linalg.norm(asked, axis=1, keepdims=True)
    dist = 1 - (unit @ asked.T).max(axis=1)
    dist = dist[[int(key[1:]) for key in found.ids]]
    step = (coloring.high - coloring.low) / 254
    told = coloring.low + coloring.codes * step
    assert np.abs(told - np.clip(dist, coloring.low, coloring.high)).max() < 0.51 * step + 1e-6


def test_other_maps_show_the_articles_of_the_first(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(60, 6))
    make_table(tmp_path, vectors)
    xy = vectors[:, :2].copy()
    turned = np.stack([-xy[:, 1], xy[:, 0]], axis=1)
    xy[:5] = np.nan
    turned[50:] = np.nan
    put_map(tmp_path, "one", ids_of(60), xy)
    put_map(tmp_path, "two", ids_of(60), turned, {"method": "turned", "scores": {"recall": {"5": {"mean": 0.4}}}})
    put_map(tmp_path, "away", ids_of(60), np.where(np.arange(60)[:, None] < 5, vectors[:, :2], np.nan))
    questions = [f"what {i}?" for i in range(6)]
    known = KnownModel({text: vectors[20 + i] + 0.05 for i, text in enumerate(questions)})
    found = shown(tmp_path, known, questions, map=["one", "two", "away", "two"], color="kept:two")
    picture = found.picture
    assert (picture.map, len(picture), found.color) == ("one", 55, "kept:two")
    (other,) = picture.alongside
    rows = [int(key[1:]) for key in picture.ids]
    assert np.array_equal(other.xy, turned[rows].astype(np.float32), equal_nan=True)
    assert (other.map, other.method, other.articles, int(other.there.sum())) == ("two", "turned", 50, 45)
    assert [score.mean for score in other.scores] == [0.4]
    assert found.notes == (
        "5 articles of map 'two' are not on map 'one', and are not shown",
        "map 'away' has none of the articles of map 'one', and is left out",
    )
    # A quarter turn: whoever is on both keeps all neighbors that are on both.
    kept = picture.coloring("kept:two")
    assert kept is not None
    assert (kept.out_of, other.k, other.kept) == (10, 10, 10.0)
    assert kept.codes.tolist() == [254 if row < 50 else 255 for row in rows]
    # Labels stand on articles that are on the map, and questions lie as on a picture of this map.
    assert {topic.name for topic in other.topics} <= {topic.name for topic in picture.topics}
    places = {tuple(place) for place in other.xy[other.there].tolist()}
    assert all((topic.x, topic.y) in places for topic in other.topics)
    alone = shown(tmp_path, known, questions, map="two").picture
    for mine, its in zip(other.questions, alone.questions, strict=True):
        assert (mine.x, mine.y, mine.overlap) == (its.x, its.y, its.overlap)
        names = [None if one.row is None else picture.ids[one.row] for one in mine.nearest]
        there = [None if one.row is None else alone.ids[one.row] for one in its.nearest]
        assert names == [name if name is None or int(name[1:]) >= 5 else None for name in there]
        assert [picture.ids[row] for row in mine.on_map] == [
            key for row in its.on_map if int((key := alone.ids[row])[1:]) >= 5
        ]
    with pytest.raises(ConfigError, match="A picture shows one map, found 2: one, two"):
        found.write(tmp_path / "map.png")


def test_in_a_table_of_chunks_points_are_chunks_and_answers_articles(tmp_path: Path) -> None:
    _, vectors, _ = chunked_table(tmp_path / "db", [3] * 30)
    table = Database(tmp_path / "db").articles("articles")
    ids = [key for batch in table.scan(["id"]) for key in batch.column(0).to_pylist()]
    put_map(tmp_path / "db", "flat", ids, np.random.default_rng(3).normal(size=(90, 2)))
    model = KnownModel({f"what is {i}?": vectors[i].astype(float) for i in range(6)})
    file = tmp_path / "questions.jsonl"
    file.write_text("".join(json.dumps({"text": text}) + "\n" for text in model.known), encoding="utf-8")
    result = shown(tmp_path / "db", model, str(file), k=3)
    assert (result.picture.by, len(result.picture)) == ("chunk", 90)
    same_as_overlap(result, tmp_path / "db", str(file), model, 3)


@pytest.mark.parametrize("n", [1, 2, 10])
def test_small_tables(tmp_path: Path, n: int) -> None:
    vectors = np.random.default_rng(n).normal(size=(n, 6))
    make_table(tmp_path / "db", vectors)
    put_map(tmp_path / "db", "flat", ids_of(n), np.arange(2.0 * n).reshape(n, 2))
    result = shown(tmp_path / "db")
    assert len(result.picture) == n
    assert sum(result.picture.colorings[0].counts) == n
    assert 1 <= result.topics <= 3
    assert all(topic.name for topic in result.picture.topics)
    result.write(tmp_path / "map.html")
    result.write(tmp_path / "map.png", dpi=50)


def test_articles_all_alike(tmp_path: Path) -> None:
    make_table(tmp_path / "db", np.ones((40, 6)))
    put_map(tmp_path / "db", "flat", ids_of(40), np.zeros((40, 2)))
    result = shown(tmp_path / "db")
    assert result.topics == 1
    assert [c.key for c in result.picture.colorings] == ["topic", "truncated"]
    result.write(tmp_path / "map.html")
    result.write(tmp_path / "map.svg", dpi=50)


def test_the_map_that_is_shown_by_itself(tmp_path: Path) -> None:
    make_table(tmp_path / "db", np.random.default_rng(0).normal(size=(9, 6)))

    def scores(mean: float) -> dict[str, Any]:
        return {"recall": {"5": {"mean": mean, "low": mean - 0.1, "high": mean + 0.1}, "10": {"mean": 0.2}}}

    xy = np.random.default_rng(1).normal(size=(9, 2))
    anchors = {
        "files": [{"name": "bio.jsonl"}], "questions": 3, "k": 5,
        "anchored": {"overlap": {"mean": 0.9, "low": 0.8, "high": 1.0}},
        "held_out": {"overlap": {"mean": 0.4, "low": 0.3, "high": 0.5}},
    }  # fmt: skip
    pinned = {"method": "local", "anchored": True, "anchors": anchors, "scores": scores(0.9)}
    put_map(tmp_path / "db", "pinned", ids_of(9), xy, pinned)
    only = shown(tmp_path / "db").picture
    assert (only.map, only.anchored) == ("pinned", anchored_to(pinned))
    assert only.anchored == "anchored to bio.jsonl (3 questions)"
    assert [(s.name, s.mean) for s in only.scores] == [
        ("recall@5", 0.9), ("recall@10", 0.2),
        ("overlap@5 of its own questions", 0.9), ("overlap@5 of held-out ones", 0.4),
    ]  # fmt: skip
    put_map(tmp_path / "db", "unscored", ids_of(9), xy)
    assert shown(tmp_path / "db").picture.map == "unscored"
    put_map(tmp_path / "db", "worse", ids_of(9), xy, {"scores": scores(0.3)})
    put_map(tmp_path / "db", "better", ids_of(9), xy, {"scores": scores(0.5), "made_at": "2026-11-22T22:00:51+00:00"})
    best = shown(tmp_path / "db").picture
    assert (best.map, best.made, best.anchored) == ("better", "2026-11-22T22:00:51+00:00", None)
    assert shown(tmp_path / "db", map="pinned").picture.map == "pinned"
    with pytest.raises(ConfigError, match=r"no map 'flat' \(maps there: better, pinned, unscored, worse\)"):
        shown(tmp_path / "db", map="flat")


def test_without_a_map_or_with_none_on_it(tmp_path: Path) -> None:
    make_table(tmp_path / "db", np.random.default_rng(0).normal(size=(4, 6)))
    with pytest.raises(ConfigError, match=r"no map yet[^\n]*\n.*index\.project\(\)"):
        shown(tmp_path / "db")
    put_map(tmp_path / "db", "empty", ids_of(4), np.full((4, 2), np.nan))
    with pytest.raises(ConfigError, match=r"No article .* is on map 'empty'"):
        shown(tmp_path / "db")
    make_empty(tmp_path / "none")
    with pytest.raises(ConfigError, match="no map yet"):
        shown(tmp_path / "none")


def test_more_neighbors_than_articles(world: tuple[Path, np.ndarray, np.ndarray], tmp_path: Path) -> None:
    make_table(tmp_path / "db", np.random.default_rng(0).normal(size=(4, 12)))
    put_map(tmp_path / "db", "flat", ids_of(4), np.random.default_rng(0).normal(size=(4, 2)))
    file, model = questions_file(tmp_path, world[1])
    with pytest.raises(ConfigError, match="has 4 articles, fewer than k=5"):
        shown(tmp_path / "db", model, file)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": 0}, "k= must be from 1 to 100, found 0"),
        ({"snippet": -1}, "snippet= must be from 0 to 1,000, found -1"),
        ({"topics": 99}, "topics= must be from 0 to 24, found 99"),
        ({"lens_size": 29}, "lens_size= is 0 or from 30 to 100, found 29."),
        ({"lens_size": 101}, "lens_size= must be from 0 to 100, found 101"),
        ({"field": ["year"]}, "There is no field=.\nIs it fields=?"),
    ],
)
def test_options_that_make_no_sense(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        shown(tmp_path, **options)


def test_beginnings_are_shortened_for_a_page_of_bounded_size(
    world: tuple[Path, np.ndarray, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _, _ = world
    whole = shown(folder)
    assert whole.snippet == 120
    assert whole.notes == ()
    assert whole.picture.snippets[0].startswith(tuple(SUBJECTS.values()))
    # Articles of three texts pack well, so these are of random words.
    rng = np.random.default_rng(0)
    words = ["".join(chr(97 + c) for c in rng.integers(0, 26, 7)) for _ in range(20_000)]
    table = make_empty(tmp_path / "db")
    n = 3_000
    append(
        table,
        rng.normal(size=(n, 8)).astype(np.float32),
        text=[" ".join(rng.choice(words, 30)) for _ in range(n)],
    )
    put_map(tmp_path / "db", "flat", ids_of(n), rng.normal(size=(n, 2)))
    full = sum(map(packed_bytes, payload(shown(tmp_path / "db", topics=0).picture)[1].values()))
    # What is kept free for the code of the page is in the limit.
    monkeypatch.setattr(module, "PAGE_BYTES", full - 60_000 + _FRAME_BYTES)
    short = shown(tmp_path / "db", topics=0)
    assert 20 <= short.snippet < 120
    short_texts = sum(map(packed_bytes, payload(short.picture)[1].values()))
    assert short_texts <= full - 60_000
    assert short.write(tmp_path / "short.html").bytes < short_texts + _FRAME_BYTES
    assert max(len(s) for s in short.picture.snippets) <= short.snippet
    assert short.notes[0].startswith(f"snippets are shortened from 120 to {short.snippet} characters")
    monkeypatch.setattr(module, "PAGE_BYTES", 1)
    bare = shown(tmp_path / "db", topics=0)
    assert bare.snippet == 0
    assert set(bare.picture.snippets) == {""}
    assert bare.notes[0].startswith("snippets are left out")


def test_each_question_has_its_lens(world: tuple[Path, np.ndarray, np.ndarray], tmp_path: Path) -> None:
    folder, vectors, _ = world
    file, model = questions_file(tmp_path, vectors)
    found = shown(folder, model, file, lens_size=30, seed=3).picture
    for asked in found.questions:
        alone = lens(Database(folder), "articles", asked.text, {"k": 30, "seed": 3}, model)  # type: ignore[arg-type]
        assert asked.lens is not None
        keys = [None if row == NO_ROW else found.ids[row] for row in asked.lens.rows]
        assert keys == [one.id if one.id in found.ids else None for one in alone.articles]
        assert asked.lens.dist == pytest.approx([one.dist for one in alone.articles], abs=1e-6)
        assert asked.lens.tied == 0
        assert asked.lens.mutual_recall == pytest.approx(alone.mutual_recall, abs=0.2)
        assert np.hypot(*asked.lens.positions.T)[[0, -1]] == pytest.approx([0.25, 1])
    assert any((asked.lens.rows == NO_ROW).any() for asked in found.questions if asked.lens is not None)


def test_lenses_may_be_left_out_and_are_made_for_the_first_questions(
    world: tuple[Path, np.ndarray, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, vectors, _ = world
    file, model = questions_file(tmp_path, vectors)
    assert {asked.lens for asked in shown(folder, model, file, lens_size=0).picture.questions} == {None}
    monkeypatch.setattr(lenses, "MOST_LENSES", 2)
    monkeypatch.setattr(module, "MOST_LENSES", 2)
    result = shown(folder, model, file)
    assert [asked.lens is not None for asked in result.picture.questions] == [True, True, *[False] * 4]
    assert result.notes == ("the first 2 of 6 questions have a lens",)
