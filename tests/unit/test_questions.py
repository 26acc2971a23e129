"""Sets of questions: what a line may be, what is left out and why."""

from __future__ import annotations

import gzip
import io
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import feather

from planted import fingerprint
from vecindex.core.identity import question_hash
from vecindex.core.questions import Question
from vecindex.errors import SourceError
from vecindex.types import Rejected
from vecindex.verbs.questions.reader import read, rows

ROOT = Path(__file__).resolve().parents[2]


def put(folder: Path, name: str, content: str | bytes) -> str:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def test_the_sample_is_read_whole() -> None:
    found = read(str(ROOT / "examples/questions-cell-biology.jsonl"))
    assert (len(found.questions), found.rejected, found.duplicates) == (40, (), ())
    assert found.questions[2] == Question(
        "q-003", "why do plants wilt when you forget to water them", "organelles", ("cell-011",)
    )
    assert found.name == "questions-cell-biology.jsonl"


def test_json_lines_with_every_kind_of_bad_line(tmp_path: Path) -> None:
    name = put(
        tmp_path,
        "q.jsonl",
        b'{"question": " what? ", "id": 7, "topic": "t", "answers": "a1"}\n'
        b"\n"
        b'{"text": "who", "answers": ["a", "b", "a"]}\n'
        b'{"text": "WHAT?", "id": "late"}\n'
        b'{"text": "another", "id": "7"}\n'
        b'{"id": "x"}\n'
        b'{"text": "t1", "topic": ["t"]}\n'
        b'{"text": "t2", "answers": {"a": "b"}}\n'
        b'{"text": "t3", "answers": [true]}\n'
        b"not json\n"
        b'{"text": "\xff"}\n'
        b'{"text": "\\ud800"}\n',
    )
    found = read(name)
    assert found.questions == (Question("7", "what?", "t", ("a1",)), Question("#3", "who", None, ("a", "b")))
    assert [(r.location.removeprefix(name), r.reason.split(":")[0]) for r in found.rejected] == [
        (":5", "duplicate id"),
        (":6", "no text in any of text, question, query; fields found"),
        (":7", "topic is not a text"),
        (":8", "answers is not a list of ids"),
        (":9", "answers is not a list of ids"),
        (":10", "not valid JSON"),
        (":11", "not valid UTF-8 at byte 11"),
        (":12", "the text or the id is not valid Unicode"),
    ]
    assert [(r.location.removeprefix(name), r.reason) for r in found.duplicates] == [
        (":4", f"the same question as {name}:1")
    ]
    assert found.topics == ["t", None]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"question": None}, "question is empty"),
        ({"query": "  "}, "query is empty"),
        ({"question": 5}, "question is not a text: 5"),
        ({"Text": ["a b"]}, "text is not a text: ['a b']"),
        ({"q": "a b"}, "no text in any of text, question, query; fields found: q"),
        ({}, "no text in any of text, question, query; fields found: none"),
    ],
)
def test_why_a_row_has_no_question(row: dict[str, object], reason: str) -> None:
    assert [r.reason for r in read([row, "who"]).rejected] == [reason]


def test_tables_of_other_formats_are_read(tmp_path: Path) -> None:
    table = pa.table({"_id": [7, 8], "query": ["who", "what"], "topic": ["t", None]})
    pq.write_table(table, tmp_path / "q.parquet")
    feather.write_feather(table, tmp_path / "q.feather")
    for name in ("q.parquet", "q.feather"):
        assert read(tmp_path / name).questions == (Question("7", "who", "t"), Question("8", "what"))


@pytest.mark.parametrize("name", ["q.csv", "q.tsv", "q.txt", "q"])
def test_pairs_and_headers_count_more_than_the_extension(tmp_path: Path, name: str) -> None:
    expected = [("q1", "what builds proteins"), ("007", "who said stop")]
    assert texts_of(tmp_path, name, "q1\twhat builds proteins\n007\twho said stop\n") == expected
    for mark in ",;\t":
        table = f"query{mark}qid\nwhat builds proteins{mark}q1\nwho said stop{mark}007\n"
        assert texts_of(tmp_path, name, table) == expected


@pytest.mark.parametrize("name", ["q.csv", "q.txt"])
def test_a_nul_far_in_a_file_costs_one_row(tmp_path: Path, name: str) -> None:
    lines = [f"what is the number {i}" for i in range(60)]
    lines[50] = "what\0is"
    found = read(put(tmp_path, name, "question\n" * (name == "q.csv") + "\n".join(lines)))
    assert len(found.questions) == 59
    assert [r.reason.split(" in ")[0] for r in found.rejected] == ["NUL byte"]


def test_utf16_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"q\.txt: found UTF-16 text, expected UTF-8\."):
        read(put(tmp_path, "q.txt", "what is this\n".encode("utf-16")))


def test_a_table_that_is_not_there(tmp_path: Path) -> None:
    for name in ("q.parquet", "q.arrow"):
        with pytest.raises(SourceError, match=rf"{name}: no such file"):
            read(tmp_path / name)


@pytest.mark.parametrize("name", ["q.txt", "q"])
def test_binary_data_is_no_question(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceError, match="found binary data, expected questions in UTF-8 text or a table"):
        read(put(tmp_path, name, b"PK\x03\x04\x00\x00 some words\n"))


def test_a_folder_or_a_dump_is_no_file_of_questions(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="found a folder, expected a file"):
        read(tmp_path)
    with pytest.raises(SourceError, match="found the format wiki, expected a table or text of questions"):
        read(put(tmp_path, "q.xml", "<mediawiki/>"))


def test_csv(tmp_path: Path) -> None:
    name = put(tmp_path, "q.csv", 'id,question,topic,answers\n1,"a, b",t,x;y\n2,c,,"[""z""]"\n3,,t,\n')
    found = read(name)
    assert found.questions == (Question("1", "a, b", "t", ("x", "y")), Question("2", "c", None, ("z",)))
    assert [r.location for r in found.rejected] == [f"{name}:4"]


def test_plain_text_and_standard_input(tmp_path: Path) -> None:
    name = put(tmp_path, "q.txt", '\ufeffone?\n\n  two?  \n{"text": "three?"}\none?\n')
    found = read(name)
    assert [(q.id, q.text) for q in found.questions] == [("#1", "one?"), ("#3", "two?"), ("#4", "three?")]
    assert found.topics is None
    assert len(found.duplicates) == 1
    again = read("-", io.BytesIO(Path(name).read_bytes()))
    assert again.questions == found.questions
    assert again.name == "stdin"


def texts_of(folder: Path, name: str, content: str | bytes) -> list[tuple[str, str]]:
    """Return (id, text) of the questions of a file; it must give the same on standard input where it is the same."""
    return [(q.id, q.text) for q in read(put(folder, name, content)).questions]


PAIRS = [("q1", "what builds proteins, and how"), ("007", 'who said "stop"')]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("header.csv", 'id,question\nq1,"what builds proteins, and how"\n007,"who said ""stop"""\n'),
        ("order.csv", 'Query,extra,_id\n"what builds proteins, and how",x,q1\n"who said ""stop""",y,007\n'),
        ("bare.csv", 'q1,"what builds proteins, and how"\n007,"who said ""stop"""\n'),
        ("header.tsv", 'qid\tquery\nq1\twhat builds proteins, and how\n007\t"who said ""stop"""\n'),
        ("bare.tsv", 'q1\twhat builds proteins, and how\n007\t"who said ""stop"""\n'),
        (
            "array.json",
            '[{"query_id": "q1", "text": "what builds proteins, and how"},\n'
            ' {"qid": "007", "query": "who said \\"stop\\""}]',
        ),
        (
            "lines.json",
            '{"_id": "q1", "text": "what builds proteins, and how"}\n'
            '{"question_id": "007", "question": "who said \\"stop\\""}\n',
        ),
        (
            "lines.jsonl",
            '{"id": "q1", "_id": "x", "text": "what builds proteins, and how"}\n'
            '{"id": "", "qid": "007", "text": "who said \\"stop\\""}\n',
        ),
    ],
)
def test_every_form_gives_the_same_ids_and_texts(tmp_path: Path, name: str, content: str) -> None:
    assert texts_of(tmp_path, name, content) == PAIRS
    stream = read("-", io.BytesIO(content.encode()))
    if name != "bare.csv":  # commas alone do not make a line of text a pair
        assert [(q.id, q.text) for q in stream.questions] == PAIRS
    packed = put(tmp_path, name + ".gz", gzip.compress(b"\xef\xbb\xbf" + content.encode()))
    assert [(q.id, q.text) for q in read(packed).questions] == PAIRS


def test_text_that_only_looks_like_columns_stays_text(tmp_path: Path) -> None:
    assert texts_of(tmp_path, "q.txt", "what is the question, and why\n[sic] who\ta\n") == [
        ("#1", "what is the question, and why"),
        ("#2", "[sic] who\ta"),
    ]
    # A tab within a text: the first part is no id.
    assert texts_of(tmp_path, "q", "how far\tis the moon\n") == [("#1", "how far\tis the moon")]
    assert texts_of(tmp_path, "one.csv", "what moves the sea\nwhat builds proteins\n") == [
        ("#1", "what moves the sea"),
        ("#2", "what builds proteins"),
    ]


def test_an_array_of_texts(tmp_path: Path) -> None:
    found = read(put(tmp_path, "q.json", '["one?", "two \\u00fc?", 3]'))
    assert [(q.id, q.text) for q in found.questions] == [("#0", "one?"), ("#1", "two \u00fc?")]
    assert [r.reason for r in found.rejected] == ["found a JSON number, expected an object"]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("q1,what is it,t\n", "a first line of 3 columns (q1, what is it, t)"),
        ("Nr,Frage\nq1,what is it\n", "a first line of 2 columns (Nr, Frage)"),
        ("Nr;Frage\nq1;what is it\n", "the first line 'Nr;Frage'"),
    ],
)
def test_a_first_line_that_is_no_header_and_no_question(tmp_path: Path, content: str, found: str) -> None:
    with pytest.raises(SourceError, match=rf"found {re.escape(found)}, expected a header, a text, or an id"):
        read(put(tmp_path, "q.csv", content))


def test_python_values() -> None:
    found = read(["one?", {"qid": 7, "query": "two?", "topic": "t", "answers": ["a"]}, "one? ", 3])  # type: ignore[list-item]
    assert found.questions == (Question("#1", "one?"), Question("7", "two?", "t", ("a",)))
    assert [q.named for q in found.questions] == [False, True]
    assert [r.reason for r in found.duplicates] == ["the same question as texts:1"]
    assert [r.reason for r in found.rejected] == ["found a value of type int, expected a text or a mapping"]
    with pytest.raises(SourceError, match="No question in texts"):
        read([" "])


def test_rows_keep_what_repeats(tmp_path: Path) -> None:
    found = list(rows(put(tmp_path, "q.txt", 'one?\none?\n{"a": 1}\n')))
    assert [q.text for q in found if not isinstance(q, Rejected)] == ["one?", "one?"]
    assert [r.reason for r in found if isinstance(r, Rejected)] == [
        "no text in any of text, question, query; fields found: a"
    ]


def test_a_file_without_questions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"No question in .*\(the first row refused: .*:1, no text in any of"):
        read(put(tmp_path, "q.jsonl", '{"a": 1}\n'))
    with pytest.raises(SourceError, match=r"No question in .*empty.txt\."):
        read(put(tmp_path, "empty.txt", ""))
    with pytest.raises(SourceError, match="absent"):
        read(str(tmp_path / "absent.jsonl"))


def test_the_hash_follows_what_makes_the_vector() -> None:
    base = fingerprint(4)
    key = question_hash("t", base, None)
    same = [
        fingerprint(4, model="elsewhere"),
        fingerprint(4, text_template="{title}"),
        fingerprint(4, prompt="doc: "),
    ]
    assert {question_hash("t", f, None) for f in same} == {key}
    changes = [
        fingerprint(4, weights="1" * 64),
        fingerprint(5),
        fingerprint(4, pooling="cls"),
        fingerprint(4, max_tokens=128),
        fingerprint(4, normalized=False),
    ]
    others = [question_hash("t", f, None) for f in changes]
    others += [question_hash("u", base, None), question_hash("t", base, ""), question_hash("t", base, "query: ")]
    unknown = [fingerprint(4, weights="unknown"), fingerprint(4, weights="unknown", model="b")]
    others += [question_hash("t", f, None) for f in unknown]
    assert len({key, *others}) == len(others) + 1


def test_a_text_of_an_array_that_is_no_json_is_one_reject(tmp_path: Path) -> None:
    path = tmp_path / "q.json"
    path.write_bytes(b'["how do \\cells divide", "\xffand light", "\0", "what is light"]')
    found = read(path)
    assert [question.text for question in found.questions] == ["what is light"]
    assert [(left.location, left.reason) for left in found.rejected] == [
        (f"{path}[0]", "not valid JSON: Invalid \\escape at character 9"),
        (f"{path}[1]", "not valid UTF-8 at byte 3"),
        (f"{path}[2]", "not valid JSON: NUL byte at byte 3"),
    ]


@pytest.mark.parametrize("answers", ["[" * 100_000, "[" + "9" * 5_000 + "]"])
def test_answers_that_json_cannot_hold_reject_their_question(answers: str) -> None:
    found = read([{"text": "what is light", "answers": answers}, "how do cells divide"])
    assert [left.reason.split(":")[0] for left in found.rejected] == ["answers is not a list of ids"]


def test_kinds_are_those_of_the_file_else_its_topics() -> None:
    rows: list[Any] = [
        {"text": "one?", "topic": "t", "kind": "search"},
        {"text": "two?", "topic": "u", "group": 7},
        {"text": "three?", "topic": "t", "kind": ["no", "label"]},
    ]
    found = read(rows)
    assert not found.rejected
    assert found.kinds == ["search", "7", None]
    assert read([{key: row[key] for key in ("text", "topic")} for row in rows]).kinds == ["t", "u", "t"]
    assert read(["one?"]).kinds is None


def test_an_id_that_is_no_unicode_is_left_out_as_text_that_can_be_written() -> None:
    found = read([{"id": "\ud800"}, "what is light"])
    assert [(one.id, one.reason) for one in found.rejected] == [
        ("?", "no text in any of text, question, query; fields found: id")
    ]
