"""Sets of questions: what a line may be, what is left out and why."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from planted import fingerprint
from vecindex.core.identity import question_hash
from vecindex.core.questions import Question
from vecindex.errors import SourceError
from vecindex.verbs.questions.reader import questions_from_texts, read_question_set

ROOT = Path(__file__).resolve().parents[2]


def put(folder: Path, name: str, content: str | bytes) -> str:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def test_the_sample_is_read_whole() -> None:
    found = read_question_set(str(ROOT / "examples/questions-cell-biology.jsonl"))
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
        b'{"text": "t2", "answers": {"a": 1}}\n'
        b'{"text": "t3", "answers": [true]}\n'
        b"not json\n"
        b'{"text": "\xff"}\n'
        b'{"text": "\\ud800"}\n',
    )
    found = read_question_set(name)
    assert found.questions == (Question("7", "what?", "t", ("a1",)), Question("#3", "who", None, ("a", "b")))
    assert [(r.place.removeprefix(name), r.reason.split(":")[0]) for r in found.rejected] == [
        (":5", "duplicate id"),
        (":6", "no text in any of text, question, query; fields found"),
        (":7", "topic is not a text"),
        (":8", "answers is not a list of ids"),
        (":9", "answers is not a list of ids"),
        (":10", "not valid JSON"),
        (":11", "not valid UTF-8 at byte 11"),
        (":12", "not valid Unicode"),
    ]
    assert [(r.place.removeprefix(name), r.reason) for r in found.duplicates] == [
        (":4", f"the same question as {name}:1")
    ]
    assert found.topics == ["t", None]


def test_csv(tmp_path: Path) -> None:
    name = put(tmp_path, "q.csv", 'id,question,topic,answers\n1,"a, b",t,x;y\n2,c,,"[""z""]"\n3,,t,\n')
    found = read_question_set(name)
    assert found.questions == (Question("1", "a, b", "t", ("x", "y")), Question("2", "c", None, ("z",)))
    assert [r.place for r in found.rejected] == [f"{name}:4"]


def test_plain_text_and_standard_input(tmp_path: Path) -> None:
    name = put(tmp_path, "q.txt", '\ufeffone?\n\n  two?  \n{"text": "three?"}\none?\n')
    found = read_question_set(name)
    assert [(q.id, q.text) for q in found.questions] == [("#1", "one?"), ("#3", "two?"), ("#4", "three?")]
    assert found.topics is None
    assert len(found.duplicates) == 1
    again = read_question_set("-", io.BytesIO(Path(name).read_bytes()))
    assert again.questions == found.questions
    assert again.name == "stdin"


def test_texts() -> None:
    found = questions_from_texts(["one?", "one? ", "two?"])
    assert [q.text for q in found.questions] == ["one?", "two?"]
    with pytest.raises(SourceError, match="No question among the texts"):
        questions_from_texts([" "])


def test_a_file_without_questions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"No question in .*\(the first line refused: .*:1, no text in any of"):
        read_question_set(put(tmp_path, "q.jsonl", '{"a": 1}\n'))
    with pytest.raises(SourceError, match=r"No question in .*empty.txt\."):
        read_question_set(put(tmp_path, "empty.txt", ""))
    with pytest.raises(SourceError, match="absent"):
        read_question_set(str(tmp_path / "absent.jsonl"))


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
