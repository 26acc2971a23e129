"""Hostile files of questions and of ids: each row is a question, a reject or a duplicate, or the file is refused."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st
from test_hostile_sources import SAMPLES, Hostile, files

from hostile import DAMAGE, HOSTILE_TEXTS, PACKED, VALUES, amounts, check_refusal, damaged, try_all
from vecindex.errors import VecindexError
from vecindex.sources.files import InputFile
from vecindex.verbs.ids import read_ids
from vecindex.verbs.questions.reader import read, rows

QUESTIONS = [
    {"id": f"q{i}", "question": f"how do cells {i} divide", "topic": "cells", "answers": ["a1", "a2"]}
    for i in range(4)
]
OF_QUESTIONS: dict[str, list[bytes]] = {
    "": [
        b"how do cells divide\nwhat is light\n",
        b"q1\thow do cells divide\nq2\twhat is light\n",
        b"question,id\nhow do cells divide,q1\n",
    ],
    ".txt": [b"how do cells divide\n\nwhat is light"],
    ".jsonl": ["\n".join(json.dumps(q) for q in QUESTIONS).encode(), b'{"text": "a b"}\n"a text"\n'],
    ".json": [json.dumps(QUESTIONS).encode(), b'["how do cells", "what is light"]'],
    ".csv": [
        b'id,question,answers\nq1,how do cells,"[""a1"", 2]"\nq2,what is light,a1;a2\n',
        b"how do cells\nlight is",
    ],
    ".tsv": [b"query_id\tquery\nq1\thow do cells divide\n", b"q1\thow do cells divide\nq2\twhat is light\n"],
    **{kind: SAMPLES[kind] for kind in (".parquet", ".arrow", ".xml", ".pkl")},
}


def check_questions(given: Any, stdin: io.BytesIO | None = None) -> None:
    """Read them twice: row by row, and as a set, whose counts must add up."""
    again = None if stdin is None else io.BytesIO(stdin.getvalue())
    try:
        n = sum(1 for _ in rows(given, stdin))
        found = read(given, again)
    except VecindexError as error:
        check_refusal(error, (2, 3, 7))
        return
    assert n == len(found.questions) + len(found.rejected) + len(found.duplicates)
    assert len({question.id for question in found.questions}) == len(found.questions)
    for question in found.questions:
        for text in (question.id, question.text, question.topic or "", *question.answers):
            assert text.encode("utf-8") is not None
    for left in (*found.rejected, *found.duplicates):
        assert left.reason
        assert f"{left.location}{left.reason}{left.excerpt}{left.id}".encode() is not None


@pytest.mark.parametrize("cases", amounts(some=120, share=0.15))
def test_every_row_of_a_hostile_file_is_counted_once(cases: int, tmp_path: Path) -> None:
    def check(case: tuple[Hostile, bool]) -> None:
        file, piped = case
        if piped:
            check_questions("-", io.BytesIO(file.data))
            return
        path = tmp_path / file.name
        path.write_bytes(file.data)
        try:
            check_questions(path)
        finally:
            path.unlink()

    try_all("files of questions", cases, st.tuples(files(OF_QUESTIONS), st.booleans()), check)


@pytest.mark.parametrize("cases", amounts(some=60, share=0.05))
def test_questions_given_in_python_are_counted_once(cases: int) -> None:
    names = st.sampled_from(["id", "text", "question", "topic", "answers", "ID", "", "\ud800"])
    one = st.one_of(VALUES, st.dictionaries(names, VALUES, max_size=4))
    try_all("questions in Python", cases, st.lists(one, max_size=5), check_questions)


@pytest.mark.parametrize("cases", amounts(some=60, share=0.05))
def test_a_hostile_file_of_ids_gives_ids_or_is_refused(cases: int, tmp_path: Path) -> None:
    lines = st.lists(st.sampled_from([*HOSTILE_TEXTS, '{"id": "a0"}', '{"id": 1}', '{"id": null}', "{"]), max_size=5)

    @st.composite
    def ids(draw: Callable[..., Any]) -> Hostile:
        data = "\n".join(draw(lines)).encode("utf-8", "surrogatepass")
        packing = draw(st.sampled_from(sorted(PACKED)))
        return Hostile(f"ids.txt{packing}", damaged(PACKED[packing](damaged(data, draw(DAMAGE))), draw(DAMAGE)))

    def check(file: Hostile) -> None:
        path = tmp_path / file.name
        path.write_bytes(file.data)
        try:
            for one in read_ids(str(path)):
                assert isinstance(one, str)
            assert InputFile(str(path), str(path)).base_name == file.name
        except VecindexError as error:
            check_refusal(error, (3,))
        finally:
            path.unlink()

    try_all("files of ids", cases, ids(), check)
