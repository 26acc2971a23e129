"""`vecindex compare` as it is typed."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pages import Page
from tables import OTHER_WEIGHTS, append, make_table
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
