"""Judgments in every form that they come in, and what is wrong with others."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import numpy as np
import pytest

from vecindex.errors import SourceError
from vecindex.verbs.evaluate.folder import files_in
from vecindex.verbs.evaluate.qrels import Qrels, read_qrels
from vecindex.verbs.questions.reader import read

GRADES = {"q1": {"d1": 2, "d2": 0}, "q2": {"d1": 1}}


def written(folder: Path, content: str, name: str = "qrels.tsv") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("content", "form"),
    [
        ("q1 0 d1 2\nq1 0 d2 0\nq2 0 d1 1\n", "trec"),
        ("q1\t0\td1\t2\r\nq1\t0\td2\t0\r\n\r\nq2\t0\td1\t1", "trec"),
        ("\ufeffq1  Q0   d1  2\nq1  Q0   d2  -1\nq2 Q0 d1 1\n", "trec"),
        ("topic iteration document relevance\nq1 0 d1 2\nq1 0 d2 0\nq2 0 d1 1\n", "trec"),
        ("query-id\tcorpus-id\tscore\nq1\td1\t2\nq1\td2\t0\nq2\td1\t1\n", "beir"),
        ("q1\td1\t2\nq1\td2\t0\nq2\td1\t1\n", "beir"),
        ("q1 d1 2.0\nq1 d2 0\nq2 d1 1\n", "beir"),
        ("query_id,doc_id,relevance\nq1,d1,2\nq1,d2,0\nq2,d1,1\n", "beir"),
        (
            '{"query-id": "q1", "corpus-id": "d1", "score": 2}\n{"qid": "q1", "docid": "d2", "rel": 0}\n'
            '{"corpus-id": "d1", "query-id": "q2", "score": 1.0}',
            "json",
        ),
        ("score\tcorpus-id\tquery-id\n2\td1\tq1\n0\td2\tq1\n1\td1\tq2\n", "beir"),
    ],
)
def test_forms(tmp_path: Path, content: str, form: str) -> None:
    found = read_qrels(written(tmp_path, content))
    assert found == Qrels("qrels.tsv", form, GRADES)
    assert found.judgments == 3


def test_json_and_mappings(tmp_path: Path) -> None:
    path = written(tmp_path, '{"q1": {"d1": 2, "d2": 0}, "q2": {"d1": 1.0}, "q3": 5, "q4": {"d": "x"}}', "qrels.json")
    found = read_qrels(path)
    assert found.grades == GRADES
    assert [one.reason for one in found.rejected] == [
        "found 5, expected an object of grades",
        "the grade x of d is no whole number",
    ]
    assert read_qrels(GRADES).grades == GRADES
    assert read_qrels("-", io.BytesIO(b"q1 0 d1 2\n")) == Qrels("stdin", "trec", {"q1": {"d1": 2}})


def test_compressed_files(tmp_path: Path) -> None:
    path = tmp_path / "qrels.tsv.gz"
    path.write_bytes(gzip.compress(b"q1\td1\t2\n"))
    assert read_qrels(path).grades == {"q1": {"d1": 2}}


def test_ids_with_blanks_need_tabs(tmp_path: Path) -> None:
    assert read_qrels(written(tmp_path, "q 1\td 1\t1\n")).grades == {"q 1": {"d 1": 1}}


def test_bad_lines_are_left_out_with_their_location(tmp_path: Path) -> None:
    found = read_qrels(written(tmp_path, "q1 0 d1 2\nq1 0 d2\nq1 0 d3 high\nq1 0 d4 0.5\n"))
    assert found.grades == {"q1": {"d1": 2}}
    assert [(one.location.rsplit("/", 1)[-1], one.reason) for one in found.rejected] == [
        ("qrels.tsv:2", "3 columns, expected 4"),
        ("qrels.tsv:3", "the grade 'high' is no whole number"),
        ("qrels.tsv:4", "the grade '0.5' is no whole number"),
    ]


def test_grades_that_trec_eval_makes_no_levels_of_are_left_out(tmp_path: Path) -> None:
    found = read_qrels(written(tmp_path, "q1 d1 1000\nq1 d2 1001\nq1 d3 -1000\nq1 d4 -1001\nq1 d5 2000000000\n"))
    assert found.grades == {"q1": {"d1": 1000, "d3": 0}}
    assert [one.reason for one in found.rejected] == [
        "the grade '1001' is beyond 1,000",
        "the grade '-1001' is below -1,000",
        "the grade '2000000000' is beyond 1,000",
    ]
    mapping = read_qrels({"q1": {"d1": 1, "d2": 5_000}})
    assert (mapping.grades, mapping.rejected[0].reason) == ({"q1": {"d1": 1}}, "the grade 5000 of d2 is beyond 1,000")
    asked = read([{"id": 1, "text": "one", "answers": {"a": 5_000}}, {"id": 2, "text": "two", "answers": {"a": 1}}])
    assert asked.rejected[0].reason == "answers: a grade is from -1,000 to 1,000, found 5000"


@pytest.mark.parametrize("grade", ["0.5", "high", "9999"])
def test_a_first_line_with_a_wrong_grade_is_no_header(tmp_path: Path, grade: str) -> None:
    found = read_qrels(written(tmp_path, f"q-001\tcell-001\t{grade}\nq-002\tcell-002\t1\n"))
    assert found.grades == {"q-002": {"cell-002": 1}}
    assert [(one.id, one.location.rsplit(":", 1)[-1]) for one in found.rejected] == [("q-001", "1")]


def test_a_first_line_of_other_names_is_a_header(tmp_path: Path) -> None:
    found = read_qrels(written(tmp_path, "Frage\tArtikel\tNote\nq1\td1\t1\n"))
    assert (found.grades, found.rejected) == ({"q1": {"d1": 1}}, ())


def test_commas_within_quotes_divide_nothing(tmp_path: Path) -> None:
    found = read_qrels(written(tmp_path, '"q1","a, b, c",1\n"say ""yes""","d,e",2\n'))
    assert (found.grades, found.rejected) == ({"q1": {"a, b, c": 1}, 'say "yes"': {"d,e": 2}}, ())


def test_grades_may_be_numbers_of_numpy() -> None:
    given = {"q": {"a": np.int64(2), "b": np.float32(1), "c": True, "d": np.bool_(True)}}
    found = read_qrels(given)  # type: ignore[arg-type]
    assert found.grades == {"q": {"a": 2, "b": 1}}
    assert len(found.rejected) == 2
    assert read([{"text": "one", "answers": {"a": np.int64(2)}}]).questions[0].grades == (("a", 2),)


def test_the_last_of_two_grades_counts(tmp_path: Path) -> None:
    found = read_qrels(written(tmp_path, "q1 d1 2\nq1 d1 2\nq1 d1 1\n"))
    assert (found.grades, found.repeated) == ({"q1": {"d1": 1}}, 1)


@pytest.mark.parametrize(
    ("content", "name", "told"),
    [
        ("", "qrels.tsv", r"No judgment in qrels.tsv\."),
        ("query-id\tcorpus-id\tscore\n", "qrels.tsv", "No judgment in qrels.tsv"),
        ("q1 0 d1 x\nq1 0 d2 y\n", "qrels.txt", "refused: .*:1, the grade 'x'"),
        ("q1 Q0 d1 1 9.5 bm25\n", "run.txt", "6 columns .*which is a run"),
        ('{"query-id": "q1", "corpus-id": "d1"}\n', "qrels.jsonl", "refused: .*fields found: query-id, corpus-id;"),
        ("{\n", "qrels.jsonl", "no JSON object"),
        ("q1 d1\n", "qrels.txt", "2 columns .*expected 3 or 4"),
        ("[1]", "qrels.json", r"found \[1\], expected an object"),
        ("{", "qrels.json", "found no JSON"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: str, name: str, told: str) -> None:
    with pytest.raises(SourceError, match=told):
        read_qrels(written(tmp_path, content, name))


def test_a_folder_as_beir_has_it(tmp_path: Path) -> None:
    written(tmp_path, "{}", "corpus.jsonl")
    written(tmp_path, "{}", "queries.jsonl")
    assert files_in(tmp_path) == (str(tmp_path / "queries.jsonl"), None)
    for split in ("train", "dev"):
        written(tmp_path, "", f"qrels/{split}.tsv")
    assert files_in(tmp_path)[1] == str(tmp_path / "qrels/dev.tsv")
    written(tmp_path, "", "qrels/test.tsv")
    assert files_in(tmp_path)[1] == str(tmp_path / "qrels/test.tsv")


def test_a_folder_without_questions(tmp_path: Path) -> None:
    written(tmp_path, "{}", "corpus.jsonl")
    with pytest.raises(SourceError, match=r"found corpus.jsonl; expected queries.jsonl"):
        files_in(tmp_path)


def test_grades_in_the_file_of_questions() -> None:
    rows = [
        {"id": 1, "text": "one", "answers": {"a": 2, "b": 0}},
        {"id": 2, "text": "two", "answers": [{"id": "a", "grade": 3}, {"_id": "b"}]},
        {"id": 3, "text": "three", "answers": '{"a": 1}', "answer": "a text"},
        {"id": 4, "text": "four", "answers": {"a": "high"}},
    ]
    found = read(rows)
    assert [one.grades for one in found.questions] == [
        (("a", 2), ("b", 0)),
        (("a", 3), ("b", 1)),
        (("a", 1),),
    ]
    assert [one.answers for one in found.questions] == [("a",), ("a", "b"), ("a",)]
    assert found.questions[2].answer_texts == ("a text",)
    assert "answers is not a list of ids" in found.rejected[0].reason
