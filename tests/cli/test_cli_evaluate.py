"""`vecindex evaluate` as it is typed."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pages import Page
from tables import OTHER_WEIGHTS, append, make_table, unit_vectors
from vecindex.verbs.questions.model import QuestionModel

Run = Callable[..., Any]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as BEIR has it, next to a database with its table; question 0 finds a, b, c, question 1 c, b, a."""
    table = make_table(tmp_path / "db", weights=OTHER_WEIGHTS)
    append(table, np.eye(8, dtype=np.float32)[:3], ids=list("abc"), title=["A", "<b>B</b>", None])
    vectors = np.array([[3, 2, 1] + [0] * 5, [1, 2, 3] + [0] * 5], dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    monkeypatch.setattr(QuestionModel, "embed", lambda self, texts, *_: vectors[[int(t[-1]) for t in texts]])
    folder = tmp_path / "set"
    (folder / "qrels").mkdir(parents=True)
    (folder / "queries.jsonl").write_text(
        '{"_id": "q0", "text": "what is 0"}\n{"_id": "q1", "text": "<i>is</i> 1"}\n'
    )
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq0\ta\t2\nq0\tb\t0\nq1\tb\t1\n")
    return folder


def test_the_figures_and_the_worst_questions(run: Run, folder: Path) -> None:
    done = run("evaluate", "-q", folder, "--db", folder.parent / "db")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert (
        lines[0]
        == "2 questions of queries.jsonl on 3 articles of articles; 3 judgments (test.tsv), 2 of them relevant"
    )
    figures = {line.split()[0]: line.split()[1] for line in lines if line.startswith("  ") and len(line.split()) > 1}
    assert figures["ndcg@10"] == "0.815"
    assert figures["mrr@10"] == "0.750"
    assert figures["holes@10"] == "0.500"
    assert "  0.63  <i>is</i> 1  (first relevant hit: 2)" in lines
    assert "questions of queries.jsonl, judged by qrels/test.tsv" in done.err


def test_json_csv_and_page(run: Run, folder: Path) -> None:
    out, page = folder.parent / "out.csv", folder.parent / "out.html"
    more = ("--rankers", "meaning,words,hybrid", "--csv", out, "--html", page, "--json")
    done = run("evaluate", "-q", folder, "--db", folder.parent / "db", *more)
    assert done.code == 0, done.err
    assert [one["name"] for one in done.json["rankers"]] == ["meaning", "words", "hybrid"]
    rows = list(csv.DictReader(out.open(encoding="utf-8")))
    assert [(row["question_id"], row["ranker"], row["hits"]) for row in rows if row["ranker"] == "meaning"] == [
        ("q0", "meaning", "a b c"),
        ("q1", "meaning", "c b a"),
    ]
    assert [float(row["mrr@10"]) for row in rows if row["ranker"] == "meaning"] == [1, 0.5]
    found = Page(page.read_text(encoding="utf-8"))
    assert "0.815 by meaning" in found.text
    assert "<b>B</b>" in found.text, "a title is text, not markup"
    assert "relevant (2)" in found.text
    assert "not judged" in found.text


@pytest.mark.parametrize(
    ("floors", "code", "told"),
    [
        (["ndcg@10=0.8"], 0, ""),
        (["NDCG@10=0.8", "mrr@10=0.9"], 1, "mrr@10 of meaning (mean) is 0.750, below 0.9"),
        (["meaning:map=0.75"], 0, ""),
        (["words:map=0.1"], 2, "names a ranker that is not run. "),
        (["precision=0.1"], 2, "'precision' is not measured here"),
        (["holes@10=0.1"], 2, "'holes@10' is not measured here"),
        (["ndcg@10"], 2, "a measure and a share from 0 to 1"),
        (["ndcg@10=1.5"], 2, "a measure and a share from 0 to 1"),
    ],
)
def test_floors(run: Run, folder: Path, floors: list[str], code: int, told: str) -> None:
    given = [word for floor in floors for word in ("--fail-under", floor)]
    done = run("evaluate", "-q", folder, "--db", folder.parent / "db", *given)
    assert done.code == code
    assert told.strip() in done.err


def test_the_lower_end_may_be_judged(run: Run, folder: Path) -> None:
    ask = ("evaluate", "-q", folder, "--db", folder.parent / "db", "--fail-under", "mrr@10=0.6")
    assert run(*ask).code == 0
    low = run(*ask, "--on", "lower")
    assert low.code == 1
    assert "mrr@10 of meaning (lower) is 0.500, below 0.6" in low.err
    assert run(*ask, "--on", "upper").code == 2


def test_one_question_has_no_lower_end(run: Run, folder: Path) -> None:
    (folder / "queries.jsonl").write_text('{"_id": "q0", "text": "what is 0"}\n')
    ask = ("evaluate", "-q", folder, "--db", folder.parent / "db", "--fail-under", "mrr@10=0.6")
    assert run(*ask).code == 0
    low = run(*ask, "--on", "lower")
    assert low.code == 1
    assert "mrr@10 of meaning: one question shows no interval, so no lower end of it" in low.err
    assert "nan" not in low.out + low.err.replace("meaning", "")


def test_a_wrong_floor_is_refused_before_the_work(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QuestionModel, "embed", lambda *_: pytest.fail("the questions were embedded"))
    ask = ("evaluate", "-q", folder, "--db", folder.parent / "db", "--fail-under")
    for floor, told in (("words:map=0.1", "There are: meaning."), ("ndgc@10=0.1", "There are: ndcg@10, recall@10")):
        done = run(*ask, floor)
        assert (done.code, told in done.err) == (2, True), done.err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_figures_are_printed_before_a_file_that_cannot_be_written(run: Run, folder: Path) -> None:
    done = run("evaluate", "-q", folder, "--db", folder.parent / "db", "--csv", "/dev/full")
    assert (done.code, "ndcg@10" in done.out) == (2, True)


def test_a_file_without_a_folder_is_refused_before_the_work(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QuestionModel, "embed", lambda *_: pytest.fail("the questions were embedded"))
    for flag, name, why in (
        ("--csv", "no/x.csv", "No such file or directory"),
        ("--html", "qrels", "Is a directory"),
    ):
        done = run("evaluate", "-q", folder, "--db", folder.parent / "db", flag, folder / name)
        assert done.code == 2
        assert f"error: Cannot write {folder / name}: {why}." in done.err


def test_a_fall_since_a_tag_ends_with_1(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = unit_vectors(20)
    append(make_table(tmp_path, weights=OTHER_WEIGHTS), vectors)
    monkeypatch.setattr(QuestionModel, "embed", lambda self, texts, *_: vectors[[int(t) for t in texts]])
    lines = [{"id": i, "text": str(i), "answers": [f"a{i:05d}"]} for i in range(20)]
    (tmp_path / "q.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert run("tag", "good", "--db", tmp_path).code == 0
    ask = ("evaluate", "-q", tmp_path / "q.jsonl", "--against", "good", "--db", tmp_path)
    same = run(*ask)
    assert (same.code, "No fall by more than the noise." in same.out) == (0, True)
    assert run("delete", *(f"a{i:05d}" for i in range(8)), "--yes", "--db", tmp_path).code == 0
    fell = run(*ask)
    assert fell.code == 1
    assert "ndcg@10 of meaning fell by 0.400 since good" in fell.err
    assert "ndcg@10 0.600 by meaning (20 questions of q.jsonl, " in run("status", "--db", tmp_path).out


def test_bad_lines_end_with_6(run: Run, folder: Path) -> None:
    with (folder / "qrels" / "test.tsv").open("a") as file:
        file.write("q1\tc\thigh\n")
    done = run("evaluate", "-q", folder, "--db", folder.parent / "db")
    assert done.code == 6
    assert "test.tsv:5: the grade 'high' is no whole number" in done.err


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ([], 2, "Add --questions FILE"),
        (["-q", "nowhere.jsonl"], 3, "nowhere.jsonl"),
        (["-q", "FOLDER", "--qrels", "nowhere.tsv"], 3, "nowhere.tsv"),
        (["-q", "FOLDER", "--html", "FOLDER/queries.jsonl", "--csv", "FOLDER/queries.jsonl"], 2, "Name another file"),
        (
            ["-q", "FOLDER", "--qrels", "FOLDER/qrels/test.tsv", "--csv", "FOLDER/qrels/test.tsv"],
            2,
            "judgments are read",
        ),
        (["-q", "FOLDER", "--rankers", "menaing"], 2, "Is it meaning?"),
        (["-q", "FOLDER", "--answers-text"], 2, "holds no text of an answer"),
        (["-q", "FOLDER", "--table", "other"], 5, "No table 'other'"),
        (["-q", "FOLDER", "--csv", "/nowhere/x.csv"], 2, "/nowhere/x.csv"),
    ],
)
def test_wrong_inputs(run: Run, folder: Path, arguments: list[str], code: int, told: str) -> None:
    given = [one.replace("FOLDER", str(folder)) for one in arguments]
    done = run("evaluate", *given, "--db", folder.parent / "db")
    assert (done.code, told in done.err) == (code, True), done.err


def test_a_failure_is_json_too(run: Run, folder: Path) -> None:
    done = run("evaluate", "-q", folder, "--rankers", "x", "--json", "--db", folder.parent / "db")
    assert (done.code, json.loads(done.out)["exit_code"]) == (2, 2)
