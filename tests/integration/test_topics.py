"""Topics named by a column, made of one, and named by a file; and topics as columns of an export."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vecindex
from planted import make_table, put_map
from vecindex.errors import ConfigError, SourceError
from vecindex.messages import Text
from vecindex.spelling import CommandLine

SHELVES = ("biology", "travel", "poetry")


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty articles on three subjects; the last three are not on the map."""
    folder = tmp_path_factory.mktemp("topics") / "db"
    rng = np.random.default_rng(0)
    subject = np.arange(60) % 3
    vectors = np.eye(12)[subject * 4] + 0.05 * rng.normal(size=(60, 12))
    fields = {"shelf": [SHELVES[s] for s in subject], "half": ["ab"[i // 30] for i in range(60)]}
    make_table(folder, vectors, fields=fields)
    xy = np.array([[0.0, 0.0], [20.0, 0.0], [0.0, 9.0]])[subject] + rng.normal(size=(60, 2))
    xy[57:] = np.nan
    put_map(folder, "flat", [f"a{i:05d}" for i in range(60)], xy, {"method": "cut"})
    return folder


def names(database: Path, **options: Any) -> list[str]:
    return sorted(t.name for t in vecindex.open(database).map(**options).picture.topics if t.level == 0)


def test_a_column_that_explains_the_clusters_names_them(database: Path) -> None:
    assert names(database, topics=3) == ["biology", "poetry", "travel"]
    assert not set(SHELVES) & set(names(database, topics=3, topics_by="words"))


def test_the_values_of_a_column_are_the_topics(database: Path) -> None:
    result = vecindex.open(database).map(topics_by="half")
    coloring = result.picture.coloring("topic")
    assert coloring is not None
    assert coloring.names == ("a", "b")
    assert coloring.counts == (30, 27)
    halves = [coloring.names[code] for code in coloring.codes]
    assert halves == ["ab"[int(key[1:]) // 30] for key in result.picture.ids]
    with pytest.raises(ConfigError, match=r"no column 'halv' to make topics of .*half, shelf") as caught:
        vecindex.open(database).map(topics_by="halv")
    assert str(caught.value.hint) == "Is it half? Leave topics_by= out, or name another."


@pytest.mark.parametrize("option", ["topics_by", "color"])
def test_a_column_without_a_value_is_refused(tmp_path: Path, option: str) -> None:
    make_table(tmp_path, np.eye(4), fields={"label": [None, None, None, "only off the map"]})
    xy = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [np.nan, np.nan]])
    put_map(tmp_path, "flat", [f"a{i:05d}" for i in range(4)], xy, {"method": "cut"})
    with pytest.raises(ConfigError, match=r"^'label' has no value in any article on the map \"flat\"\.") as caught:
        vecindex.open(tmp_path).map(**{option: "label"})
    assert str(caught.value.hint) == f"Leave {option}= out, or name another column."


def test_a_file_renames_topics_and_lines_that_fit_none_are_counted(database: Path, tmp_path: Path) -> None:
    path = tmp_path / "topics.csv"
    index = vecindex.open(database)
    index.map(topics=3).write_topics(path)
    rows = list(csv.DictReader(path.open()))
    level0 = [row for row in rows if row["level"] == "0"]
    assert sorted((row["topic"], row["name"]) for row in level0) == [(name, name) for name in sorted(SHELVES)]
    assert sum(int(row["articles"]) for row in level0) == 57
    for row in level0:
        assert SHELVES[int(row["example"][1:]) % 3] == row["topic"]
        row["name"] = {"biology": "Cells", "travel": "Trains", "poetry": ""}[row["topic"]]
        # Found under another name since: the article that is given as an example decides.
        row["topic"] = "old" if row["topic"] == "travel" else row["topic"]
    with path.open("w") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows([*level0, {"level": "0", "topic": "gone", "name": "x", "articles": "1", "example": "no"}])
    result = index.map(topics=3, topics_file=str(path))
    assert sorted(t.name for t in result.picture.topics if t.level == 0) == ["Cells", "Trains", "poetry"]
    assert result.notes == (f"1 line of {path} fits no topic and is not used",)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, r"topics\.csv: no such file\n"),
        ("level,topic\n0,a\n", r"no column 'name', so it is no file of topics \(columns there: level, topic\)"),
        ("level,topic,name\nhigh,a,b\n", "line 2: the level is a number from 0, found 'high'"),
    ],
)
def test_a_file_that_is_none_of_topics(database: Path, tmp_path: Path, content: str | None, told: str) -> None:
    path = tmp_path / "topics.csv"
    if content is not None:
        path.write_text(content)
    with pytest.raises(SourceError, match=told) as caught:
        vecindex.open(database).map(topics_file=str(path))
    if content is None:
        hint = caught.value.hint
        assert isinstance(hint, Text)
        assert str(hint).endswith(f"index.map().write_topics({str(path)!r})")
        assert hint.spelled(CommandLine("map")).endswith(f"vecindex map --topics-file {path}")
    elif "name" not in content:
        # The command that is advised works: the file that it names is not there.
        assert f"write_topics({str(tmp_path / 'topics-new.csv')!r})" in str(caught.value.hint)
    with pytest.raises(ConfigError, match=r"A file of topics is a \.csv, found 'topics.txt'"):
        vecindex.open(database).map(topics_file="topics.txt")


def test_topics_are_columns_of_an_export(database: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    report = vecindex.open(database).export(
        out, topics=True, topics_by="shelf", columns="title,shelf", where="id <> 'a00000'"
    )
    assert report.columns == ("title", "shelf", "flat_x", "flat_y", "flat_topic", "flat_topic_fine")
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(rows) == 59
    assert len({row["flat_topic_fine"] for row in rows}) > 3
    placed = [row for row in rows if row["flat_x"] is not None]
    assert [row["flat_topic"] for row in placed] == [row["shelf"] for row in placed]
    assert [row["flat_topic"] for row in rows if row["flat_x"] is None] == [None] * 3
    with pytest.raises(ConfigError, match="topics_by= is about the topics, which are left out"):
        vecindex.open(database).export(out, topics_by="shelf")
    with pytest.raises(ConfigError, match=r"A \.npy file holds the vectors alone"):
        vecindex.open(database).export(tmp_path / "v.npy", topics=True)
