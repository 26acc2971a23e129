"""Labels that a user gives articles: a column of the table, whole or not at all, and given back by a tag."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vecindex
from planted import put_map
from static_models import save_static
from tables import Notices, chunked_table, filled, ids_in
from vecindex.errors import ConfigError, LockedError, SourceError, StaleError, UnavailableError
from vecindex.store.database import Database
from vecindex.verbs.upkeep import annotate as annotate_module
from vecindex.verbs.upkeep.annotate import annotate


def labels(folder: Path, column: str = "label") -> dict[str, str]:
    """Return the labels by row, without those that have none, by a connection of its own."""
    batches = Database(folder).articles("articles").scan(["id", column])
    rows = (pair for b in batches for pair in zip(b["id"].to_pylist(), b[column].to_pylist(), strict=True))
    return {row: label for row, label in rows if label is not None}


def test_labels_by_id_file_and_condition(tmp_path: Path) -> None:
    _, vectors = filled(tmp_path / "db")
    index = vecindex.open(tmp_path / "db")
    report = index.annotate(["a00003", "nope", "a00005"], label=" to  read ")
    assert (report.label, report.articles, report.rows, report.not_found) == ("to read", 2, 2, ("nope",))
    (tmp_path / "ids.txt").write_text("a00005\na00007\n")
    index.annotate(file=tmp_path / "ids.txt", label="done")
    assert labels(tmp_path / "db") == {"a00003": "to read", "a00005": "done", "a00007": "done"}
    assert index.annotate(where="label = 'done'", label="read").articles == 2
    assert index.annotate(["a00007"], clear=True).label is None
    assert labels(tmp_path / "db") == {"a00003": "to read", "a00005": "read"}
    # Nothing else has changed: all rows are there, with their vectors in their order.
    ids, stored = Database(tmp_path / "db").articles("articles").vectors()
    assert ids == [f"a{i:05d}" for i in range(100)]
    assert np.array_equal(stored, vectors)


def test_a_tag_gives_the_labels_back(tmp_path: Path) -> None:
    filled(tmp_path)
    index = vecindex.open(tmp_path)
    index.tag("none")
    index.annotate(["a00001", "a00002"], label="x")
    index.tag("before")
    index.annotate(["a00002", "a00003"], label="y")
    report = index.annotate(restore="before")
    assert (report.restored, report.rows) == ("before", 100)
    assert labels(tmp_path) == {"a00001": "x", "a00002": "x"}
    index.annotate(restore="none")
    assert labels(tmp_path) == {}


def test_a_mapping_gives_each_article_its_own_label(tmp_path: Path) -> None:
    filled(tmp_path)
    index = vecindex.open(tmp_path)
    index.annotate(["a00001", "a00004"], label="old")
    report = index.annotate({"a00001": None, "a00002": "to  read", "nope": "x"}, tag="before")
    assert (report.label, report.labels, report.articles) == (None, {"to read": 1}, 2)
    assert (report.not_found, report.tag) == (("nope",), "before")
    assert labels(tmp_path) == {"a00002": "to read", "a00004": "old"}
    for wrong in ({"a00002": " "}, {"a00002": "\ud800"}):
        with pytest.raises(ConfigError, match=r"A label is a text in UTF-8, found .* for 'a00002'"):
            index.annotate(wrong)
    with pytest.raises(ConfigError, match="A mapping of ids to labels names the articles"):
        index.annotate({"a00002": "x"}, label="y")
    with pytest.raises(ConfigError, match="No articles are named"):
        index.annotate({})


def test_a_file_gives_each_article_its_own_label(tmp_path: Path) -> None:
    filled(tmp_path / "db")
    index, file = vecindex.open(tmp_path / "db"), tmp_path / "labels.csv"
    index.annotate(["a00001", "a00004"], label="old")
    file.write_text(
        '\ufefftitle,id,label\n"A, b",a00001,"to  read"\n,a00002,done\n,a00004,\n,nope,done\n,a00003,done\n'
    )
    report = index.annotate(labels=file, tag="before")
    assert (report.label, report.labels, report.articles) == (None, {"done": 2, "to read": 1}, 3)
    assert (report.not_found, report.tag) == (("nope",), "before")
    kept = {"a00001": "to read", "a00002": "done", "a00003": "done", "a00004": "old"}
    assert labels(tmp_path / "db") == kept
    # The tag is of the table before; another call moves it.
    assert index.annotate(restore="before").labels == {}
    assert labels(tmp_path / "db") == {"a00001": "old", "a00004": "old"}
    index.annotate(["a00009"], label="x", tag="before")
    index.annotate(["a00009"], label="y", tag="before")
    index.annotate(restore="before")
    assert labels(tmp_path / "db") == {"a00001": "old", "a00004": "old", "a00009": "x"}


def test_what_a_file_no_longer_names_keeps_its_label_unless_it_is_pruned(tmp_path: Path) -> None:
    filled(tmp_path / "db")
    index, file = vecindex.open(tmp_path / "db"), tmp_path / "labels.csv"
    file.write_text("id,label\na00001,x\na00002,x\na00003,y\n")
    report = index.annotate(labels=file)
    assert (report.kept, report.pruned) == (0, 0)
    # Two labels were removed on the page since; one article has no label in the file.
    file.write_text("id,label\na00001,x\na00002,\na00004,y\n")
    report = index.annotate(labels=file)
    assert (report.articles, report.kept, report.pruned) == (2, 2, 0)
    assert labels(tmp_path / "db") == {"a00001": "x", "a00002": "x", "a00003": "y", "a00004": "y"}
    index.annotate(["a00003"], label="other", column="more")
    report = index.annotate(labels=file, prune=True, tag="before")
    assert (report.articles, report.rows, report.kept, report.pruned) == (2, 2, 0, 2)
    assert labels(tmp_path / "db") == {"a00001": "x", "a00004": "y"}
    assert labels(tmp_path / "db", "more") == {"a00003": "other"}
    index.annotate(restore="before")
    assert labels(tmp_path / "db") == {"a00001": "x", "a00002": "x", "a00003": "y", "a00004": "y"}
    # The same in Python; one label alone says nothing of others.
    assert index.annotate({"a00004": "z"}).kept == 3
    assert index.annotate({"a00004": "z", "a00001": None}, prune=True).pruned == 2
    assert labels(tmp_path / "db") == {"a00004": "z"}
    for column in ("order", "select"):
        index.annotate({"a00001": "x", "a00002": "x"}, column=column)
        assert index.annotate({"a00001": "x"}, column=column, prune=True).pruned == 1
    assert index.annotate(where="true", clear=True).articles == 100
    assert labels(tmp_path / "db") == {}
    assert index.annotate(["a00001"], label="w").kept is None


def test_a_file_of_another_table_prunes_nothing(tmp_path: Path) -> None:
    filled(tmp_path, 3)
    index = vecindex.open(tmp_path)
    version = index.annotate(["a00001"], label="x").version
    report = index.annotate({"b1": "y"}, prune=True)
    assert (report.not_found, report.kept, report.pruned, report.version) == (("b1",), 1, 0, version)
    assert labels(tmp_path) == {"a00001": "x"}
    with pytest.raises(ConfigError, match=r"prune=True removes what a file of labels does not name"):
        index.annotate(["a00001"], clear=True, prune=True)


def test_an_article_in_chunks_loses_all_of_its_labels(tmp_path: Path) -> None:
    chunked_table(tmp_path, [1, 3, 2])
    index = vecindex.open(tmp_path)
    index.annotate({"c001": "x", "c002": "x"})
    report = index.annotate({"c002#1": "y"}, prune=True)
    assert (report.articles, report.rows, report.pruned) == (1, 2, 1)
    assert sorted(labels(tmp_path).values()) == ["y"] * 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"a,b\n1,2\n", r"labels.csv:1: no columns id and label \(found: a, b\)"),
        (b"", r"labels.csv:1: no columns id and label \(found: nothing\)"),
        (b"id,label\na\n", "labels.csv:2: no id and label in this line"),
        (b"id,label\n,x\n", "labels.csv:2: no id and label in this line"),
        (b"id,label\na,x\nb,y\na,y\n", "labels.csv:4: 'a' has two labels, 'x' and 'y'"),
        (b"id,label\na,\xff\n", "not valid UTF-8"),
        (b'id,label\na00001,"x\na00002,y\n', "labels.csv:3: not readable as CSV"),
        (b"id,label\na,x\nb," + b"x" * 201, "labels.csv:3: A label has at most 200 characters, found 201"),
    ],
)
def test_a_file_that_is_not_one_of_labels_says_where(tmp_path: Path, text: bytes, told: str) -> None:
    filled(tmp_path / "db", 3)
    (tmp_path / "labels.csv").write_bytes(text)
    with pytest.raises(SourceError, match=told):
        vecindex.open(tmp_path / "db").annotate(labels=tmp_path / "labels.csv")
    assert "label" not in Database(tmp_path / "db").articles("articles").schema.names


@pytest.mark.parametrize("text", ["id,label\n", "id,label\na00001,\na00002, \n"])
def test_a_file_without_labels_is_refused(tmp_path: Path, text: str) -> None:
    filled(tmp_path / "db", 3)
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(ConfigError, match=r"labels.csv holds no labels, so no articles are named"):
        vecindex.open(tmp_path / "db").annotate(labels=tmp_path / "labels.csv", tag="before")
    assert Database(tmp_path / "db").articles("articles").tags() == {}


def test_a_tag_stays_where_no_article_is_found(tmp_path: Path) -> None:
    filled(tmp_path, 3)
    index = vecindex.open(tmp_path)
    index.annotate(["a00001"], label="x", tag="before")
    there = Database(tmp_path).articles("articles").tags()
    report = index.annotate(["nope"], label="y", tag="before")
    assert (report.articles, report.tag) == (0, None)
    assert index.annotate(where="false", clear=True, tag="before").tag is None
    assert Database(tmp_path).articles("articles").tags() == there
    index.annotate(restore="before")
    assert labels(tmp_path) == {}


@pytest.mark.parametrize("is_first", [True, False])
def test_a_tag_names_what_it_did_where_no_label_could_be_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_first: bool
) -> None:
    filled(tmp_path, 3)
    index = vecindex.open(tmp_path)
    if not is_first:
        index.annotate(["a00001"], label="x", tag="before")
    there = Database(tmp_path).articles("articles").tags()
    assert there == ({} if is_first else {"before": 2})

    def full(*_: Any) -> None:
        raise UnavailableError("The disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr(annotate_module, "put_texts", full)
        with pytest.raises(UnavailableError):
            index.annotate(["a00002"], label="y", tag="before")
    assert Database(tmp_path).articles("articles").tags() == there


@pytest.mark.parametrize("character", ["ä", "\U0001f9a0"])
def test_a_label_of_200_characters_is_one(tmp_path: Path, character: str) -> None:
    filled(tmp_path, 3)
    index = vecindex.open(tmp_path)
    index.annotate(["a00001"], label=f"  {character * 198}   b ")
    assert labels(tmp_path) == {"a00001": f"{character * 198} b"}
    with pytest.raises(ConfigError, match="A label has at most 200 characters, found 201"):
        index.annotate(["a00001"], label=character * 201)


def test_nothing_is_done_to_a_table_that_has_changed(tmp_path: Path) -> None:
    filled(tmp_path, 3)
    index, database = vecindex.open(tmp_path), Database(tmp_path)
    version = index.annotate(["a00001"], label="x", tag="before").version
    index.annotate(["a00002"], label="y")
    with pytest.raises(StaleError, match=f"not {version}"):
        annotate(database, "articles", [], {"restore": "before"}, version=version)
    assert labels(tmp_path) == {"a00001": "x", "a00002": "y"}


def test_all_chunks_of_an_article_have_its_label(tmp_path: Path) -> None:
    chunked_table(tmp_path, [1, 3, 2])
    index = vecindex.open(tmp_path)
    report = index.annotate(["c001"], label="x")
    assert (report.articles, report.rows) == (1, 3)
    assert index.annotate(where="chunk = 1", label="long").rows == 5
    assert sorted(labels(tmp_path).values()) == ["long"] * 5
    # A chunk stands for its article.
    report = index.annotate(["c001#0", "c001#2", "c001", "c9#1"], label="y")
    assert (report.articles, report.rows, report.not_found) == (1, 3, ("c9#1",))
    assert sorted(labels(tmp_path).values()) == ["long"] * 2 + ["y"] * 3


def test_labels_color_the_map_and_are_its_topics(tmp_path: Path) -> None:
    filled(tmp_path)
    ids = sorted(ids_in(tmp_path))
    put_map(tmp_path, "flat", ids, np.random.default_rng(0).normal(size=(100, 2)), {"method": "cut"})
    index = vecindex.open(tmp_path)
    index.annotate(ids[:30], label="mine")
    index.annotate(ids[30:50], label="yours")
    picture = index.map(color="label", fields=["label"], topics_by="label").picture
    assert (picture.colorings[0].names, picture.colorings[0].counts) == (("mine", "yours"), (30, 20))
    assert [(t.name, t.count) for t in picture.topics if t.level == 0] == [("mine", 30), ("yours", 20)]
    assert index.export(tmp_path / "mine.csv", where="label = 'mine'").rows == 30


@pytest.mark.parametrize(
    ("ids", "options", "told"),
    [
        ([], {"label": "x"}, "No articles are named"),
        (["a"], {}, "Give one of"),
        (["a"], {"label": "x", "clear": True}, "Give one of"),
        (["a"], {"label": " "}, "A label is a text, found an empty one"),
        (["a"], {"label": "\ud800"}, "A label is a text in UTF-8"),
        (["a"], {"label": "x" * 201}, "A label has at most 200 characters, found 201"),
        (["a"], {"label": "x", "where": "year > 1"}, "Give ids or where=, not both"),
        (["a"], {"label": "x", "column": "year"}, "the column .year. holds a field of your source, no labels"),
        (["a"], {"label": "x", "column": "vector"}, "the column 'vector' holds what the table itself needs"),
        (["a"], {"label": "x", "column": "Ä"}, "A column of labels cannot be named 'Ä'"),
        (["a"], {"clear": True, "column": "none"}, "has no column 'none' of labels"),
        ([], {"restore": "t", "label": "x"}, "restore= gives all labels of the column back"),
        (["a"], {"labels": "x.csv"}, "labels= names the articles and their labels"),
        (["a"], {"label": "x", "tag": "a/b"}, "tag"),
    ],
)
def test_what_cannot_be_done_says_why(tmp_path: Path, ids: list[str], options: dict[str, Any], told: str) -> None:
    filled(tmp_path, 3)
    version = Database(tmp_path).articles("articles").version
    with pytest.raises(ConfigError, match=told):
        vecindex.open(tmp_path).annotate(ids, **options)
    assert Database(tmp_path).articles("articles").version == version


def test_a_file_without_ids_is_named(tmp_path: Path) -> None:
    filled(tmp_path, 3)
    file = tmp_path / "ids.txt"
    file.write_text("\n \n")
    index = vecindex.open(tmp_path)
    for verb, options in ((index.annotate, {"label": "x"}), (index.delete, {})):
        with pytest.raises(ConfigError, match=rf"^{file} holds no ids, so no articles are named\.") as caught:
            verb(file=file, **options)  # type: ignore[operator]
        assert caught.value.hint == "Give one id a line."


def test_labels_and_fields_of_a_source_are_kept_apart(tmp_path: Path) -> None:
    source, static = tmp_path / "rows.jsonl", str(save_static(tmp_path / "model"))

    def ingest(*rows: dict[str, Any]) -> None:
        source.write_text("".join(json.dumps({"text": f"Text of {row['id']}", **row}) + "\n" for row in rows))
        index.ingest(source, observer=notices)

    def stored() -> list[dict[str, Any]]:
        batches = Database(tmp_path / "db").articles("articles").scan(["id", "topic", "label"])
        return sorted((row for batch in batches for row in batch.to_pylist()), key=lambda row: str(row["id"]))

    index, notices = vecindex.open(tmp_path / "db"), Notices()
    source.write_text('{"id": "a", "text": "A text", "topic": "cells"}\n{"id": "b", "text": "B text"}\n')
    index.ingest(source, model=static)
    for column in ("topic", "Topic"):
        with pytest.raises(ConfigError, match="column 'topic' holds a field of your source"):
            index.annotate(["a"], label="x", column=column)
    index.annotate(["a", "b"], label="mine")
    with pytest.raises(ConfigError, match=r"but 'label'\.\nSpell it so: column='label'"):
        index.annotate(["a"], label="x", column="Label")
    assert index.doctor().sound
    # The same rows keep their labels; another content loses it; a field called so has a column of its own.
    ingest({"id": "a", "text": "A text", "topic": "cells"}, {"id": "b", "text": "B text", "label": "theirs"})
    assert stored() == [
        {"id": "a", "topic": "cells", "label": "mine"},
        {"id": "b", "topic": None, "label": None},
    ]
    assert any("'label' as 'src_label'" in line for line in notices.lines)
    assert labels(tmp_path / "db", "src_label") == {"b": "theirs"}
    assert index.doctor().sound
    # Another model's table has the labels as labels, too.
    other = vecindex.open(tmp_path / "db", "other")
    other.reembed("articles", model=static)
    assert other.annotate(["b"], label="later").rows == 1
    batches = Database(tmp_path / "db").articles("other").scan(["id", "label"])
    assert {row["id"]: row["label"] for b in batches for row in b.to_pylist()} == {"a": "mine", "b": "later"}
    assert other.doctor().sound


def test_a_writer_is_waited_for_or_named(tmp_path: Path) -> None:
    filled(tmp_path, 3)
    with Database(tmp_path).writer(), pytest.raises(LockedError, match="is writing"):
        vecindex.open(tmp_path).annotate(["a00001"], label="x")
    assert "label" not in Database(tmp_path).articles("articles").schema.names


def test_on_the_command_line(tmp_path: Path) -> None:
    filled(tmp_path / "db", 3)

    def run(*args: str) -> subprocess.CompletedProcess[str]:
        command = [str(Path(sys.executable).with_name("vecindex")), "annotate", "--db", str(tmp_path / "db"), *args]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    done = run("a00001", "--label", "to read", "--json")
    assert done.returncode == 0
    found = json.loads(done.stdout)
    assert (found["label"], found["articles"], found["column"]) == ("to read", 1, "label")
    assert "vecindex map --topics-by label" in " ".join(done.stderr.split())
    assert run("nope", "--label", "x").returncode == 1
    wrong = run("a00001")
    assert wrong.returncode == 2
    assert "--label" in wrong.stderr
    assert "Give ids, --ids or --where." in run("--label", "x").stderr
    (tmp_path / "labels.csv").write_text("id,label\na00002,done\n")
    said = " ".join(run("--labels", str(tmp_path / "labels.csv")).stderr.split())
    assert "1 other article keeps its label; --prune removes such" in said
    said = " ".join(run("--labels", str(tmp_path / "labels.csv"), "--prune").stderr.split())
    assert "1 article without a label now: not among those given" in said
    assert labels(tmp_path / "db") == {"a00002": "done"}
    (tmp_path / "labels.csv").write_text("id,label\nzzz,done\n")
    none = run("--labels", str(tmp_path / "labels.csv"), "--column", "l3")
    assert none.returncode == 1
    said = " ".join(none.stderr.split())
    assert said.startswith("not found: zzz To find an id: vecindex search TEXT --json")
    assert "articles: 0 articles labeled, in the column l3" in said
