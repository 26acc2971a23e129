"""`vecindex compare` as it is typed."""

from __future__ import annotations

import csv
import json
import os
import resource
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pages import Page
from tables import OTHER_WEIGHTS, append, make_table
from vecindex.cli.render.rows import write_rows
from vecindex.errors import ConfigError
from vecindex.files import write_whole
from vecindex.verbs.questions.model import QuestionModel

Run = Callable[..., Any]


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two tables with the articles a, b and c; in the second a and b have changed their vectors."""
    axes = np.eye(8, dtype=np.float32)
    for name, order in (("one", [0, 1, 2]), ("two", [1, 0, 2])):
        append(
            make_table(tmp_path, name=name, weights=OTHER_WEIGHTS), axes[order], ids=list("abc"), title=list("ABC")
        )
    vectors = np.array([[3, 2, 1] + [0] * 5, [1, 2, 3] + [0] * 5], dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    monkeypatch.setattr(QuestionModel, "embed", lambda self, texts, *_: vectors[[int(t[-1]) for t in texts]])
    lines = [{"id": "q0", "text": "what is 0", "answers": ["a"]}, {"id": "q1", "text": "what is 1", "answers": ["c"]}]
    (tmp_path / "q.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return tmp_path


def test_what_is_printed(run: Run, database: Path) -> None:
    done = run("compare", "one", "two", "-q", database / "q.jsonl", "--db", database)
    assert done.code == 0, done.err
    lines = [" ".join(line.split()) for line in done.out.splitlines()]
    assert lines[0].startswith("No difference between two and one is shown: ndcg@10 0.815 against 1.000, -0.185 ")
    assert "two minus one" in lines
    assert "ndcg@10 -0.185 -1.000 to +1.000 1.000 0 1 1" in lines
    assert "one 1.00 A*; B; C" in lines
    assert "two 0.63 B; A*; C" in lines


def test_json_csv_and_page(run: Run, database: Path) -> None:
    out, page = database / "out.csv", database / "out.html"
    done = run(
        "compare", "one", "two", "-q", database / "q.jsonl", "--db", database, "--json", "--csv", out, "--html", page
    )
    assert done.code == 0, done.err
    assert [one["name"] for one in done.json["tables"]] == ["one", "two"]
    rows = list(csv.DictReader(out.open(encoding="utf-8")))
    assert [(row["question_id"], row["table"], row["hits"]) for row in rows[:2]] == [
        ("q0", "one", "a b c"),
        ("q0", "two", "b a c"),
    ]
    found = Page(page.read_text(encoding="utf-8"))
    assert "No difference between two and one is shown" in found.text
    assert "ndcg@10 0.815 against 1.000, -0.185 " in found.text
    assert [row[0] for row in found.tables[0][1:3]] == ["ndcg@10", "recall@10"], "the differences come first"
    assert "relevant (1)" in found.text
    assert "two minus one, question by question" in found.text


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["one", "two"], 2, "Add --questions FILE"),
        (["one", "-q", "FILE"], 2, "For example: vecindex compare A B --questions FILE"),
        (["one", "three", "-q", "FILE"], 5, "No table 'three'"),
        (["one", "one@then", "-q", "FILE"], 2, "has no tag 'then'"),
        (["one", "two", "-q", "nowhere.jsonl"], 3, "nowhere.jsonl"),
        (["one", "two", "-q", "FILE", "--ranker", "word"], 2, "--ranker: 'word' is no way to rank"),
        (["one", "two", "-q", "FILE", "--csv", "FILE"], 2, "the questions are read from"),
    ],
)
def test_wrong_inputs(run: Run, database: Path, arguments: list[str], code: int, told: str) -> None:
    given = [one.replace("FILE", str(database / "q.jsonl")) for one in arguments]
    done = run("compare", *given, "--db", database)
    assert (done.code, told in done.err) == (code, True), done.err


def test_a_table_of_another_database(run: Run, database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(database)
    axes = np.eye(8, dtype=np.float32)
    for folder, order in (("old", [1, 0, 2]), ("new", [0, 1, 2])):
        made = make_table(database / "runs-of-november" / folder, name="one", weights=OTHER_WEIGHTS)
        append(made, axes[order], ids=list("abc"), title=list("ABC"))
    names = ["one", "runs-of-november/old/one", "runs-of-november/new/one"]
    given = ["-q", "q.jsonl", "--db", "."]
    done = run("compare", *names, *given)
    assert done.code == 0, done.err
    lines = [" ".join(line.split()) for line in done.out.splitlines()]
    assert "runs-of-november/old/one minus one" in lines
    assert "ndcg@10 -0.185 -1.000 to +1.000 1.000 0 1 1" in lines, "as in one database"
    assert lines[lines.index("what is 0") + 1 :][:3] == [
        "one 1.00 A*; B; C",
        "…of-november/old/one 0.63 B; A*; C",
        "…of-november/new/one 1.00 A*; B; C",
    ]
    found = run("compare", *names, *given, "--json").json
    assert [(one["name"], one["database"], one["table"]) for one in found["tables"]] == [
        ("one", ".", "one"),
        (names[1], "runs-of-november/old", "one"),
        (names[2], "runs-of-november/new", "one"),
    ]
    done = run("compare", "one", "runs-of-november/old/two", *given)
    assert (done.code, done.err) == (
        5,
        "error: No table 'two' in runs-of-november/old (tables there: one).\n"
        "  Name one of its tables: runs-of-november/old/one.\n",
    )
    damaged = next((database / "runs-of-november/old/one.lance/_versions").glob("*.manifest"))
    damaged.write_bytes(b"")
    done = run("compare", "one", "runs-of-november/old/one", *given)
    assert (done.code, "vecindex doctor --db runs-of-november/old" in done.err) == (5, True), done.err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_files_that_cannot_be_written_leave_the_answer_and_nothing_half(run: Run, database: Path) -> None:
    kept = database / "kept"
    kept.write_text("as it was")
    given = ["compare", "one", "two", "-q", database / "q.jsonl", "--db", database]
    for option in ("--csv", "--html"):
        done = run(*given, option, kept / "below")
        assert (done.code, done.err.count("error: ")) == (2, 1)
        assert f"Cannot write {kept}/below: Not a directory." in done.err
        assert done.out == "", "refused before the work"
    done = run(*given, "--csv", "/dev/full")
    assert done.code == 2
    assert done.out.startswith("No difference between two and one is shown"), "measured is measured"
    assert "No space left on device.\n  Name another file, on a disk with space." in done.err
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for write in (lambda: write_rows([{"a": "x" * 9_000}], str(kept)), lambda: write_whole(kept, "x" * 9_000)):
        resource.setrlimit(resource.RLIMIT_FSIZE, (4_096, hard))
        try:
            with pytest.raises(ConfigError, match=f"Cannot write {kept}: File too large"):
                write()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert kept.read_text() == "as it was"
    assert not list(database.glob(".*.part"))


def test_rows_go_into_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE)
    write_rows([{"a": 1, "b": "x"}, {"a": 2, "c": 3}], str(pipe))
    assert reader.communicate(timeout=200)[0] == b"a,b,c\r\n1,x,\r\n2,,3\r\n"
    assert pipe.is_fifo()
