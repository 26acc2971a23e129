"""Questions as a user gives them: the rows of a file, or Python values, become questions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from numbers import Integral
from pathlib import Path
from typing import Any, BinaryIO

from vecindex.core.questions import Question, QuestionSet
from vecindex.errors import SourceError
from vecindex.sources.base import Record, excerpt
from vecindex.types import Rejected
from vecindex.verbs.questions.fields import (
    ANSWER_TEXT_FIELDS,
    FORMS,
    GRADE_FIELDS,
    ID_FIELDS,
    KIND_FIELDS,
    MOST_GRADE,
    TEXT_FIELDS,
)

Questions = str | Path | Sequence[str | Mapping[str, Any]]
"""Questions as a user gives them: a file ("-" for standard input), or texts and objects."""


def read(questions: Questions, stdin: BinaryIO | None = None, name: str | None = None) -> QuestionSet:
    """Return questions as a set, each id and each text once. Its name is its file's, else `name`, else "texts".

    Left out, with location and reason: rows without a usable question, an id that an earlier row has (`rejected`),
    and a text that an earlier row has (`duplicates`; case and white space do not distinguish texts).

    Raises SourceError when a file cannot be read, or when there is no question.
    """
    kept: list[Question] = []
    rejected: list[Rejected] = []
    duplicates: list[Rejected] = []
    locations: dict[tuple[str, str], str] = {}
    for item in rows(questions, stdin):
        if isinstance(item, Rejected):
            rejected.append(item)
            continue
        text, own_id = ("text", " ".join(item.text.casefold().split())), ("id", item.id)
        if first := locations.get(text):
            reason = f"the same question as {first}"
            duplicates.append(Rejected(item.location, reason, item.id, excerpt(item.text)))
        elif first := locations.get(own_id):
            reason = f"duplicate id: {first} has it too"
            rejected.append(Rejected(item.location, reason, item.id, excerpt(item.text)))
        else:
            locations[text] = locations[own_id] = item.location
            kept.append(item)
    name = name or name_of(questions)
    if not kept:
        raise no_question(name, rejected)
    return QuestionSet(name, tuple(kept), tuple(rejected), tuple(duplicates))


def no_question(name: str, rejected: Sequence[Rejected]) -> SourceError:
    """Return the error for a file that holds none, with the first reason."""
    first = f" (the first row refused: {rejected[0].location}, {rejected[0].reason})" if rejected else ""
    return SourceError(f"No question in {name}{first}.", FORMS)


def rows(questions: Questions, stdin: BinaryIO | None = None) -> Iterator[Question | Rejected]:
    """Yield each row as a question, or why it holds none; repeated ids and texts are yielded again.

    Raises SourceError when a file cannot be read.
    """
    for item in _records(questions, stdin):
        yield item if isinstance(item, Rejected) else question_of(item)


def question_of(record: Record) -> Question | Rejected:
    """Return the question that a row holds, or why it holds none."""
    location = record.location
    values = {name.casefold(): value for name, value in record.fields.items()} | dict(record.fields)
    given = next((values[f] for f in ID_FIELDS if values.get(f) not in (None, "")), None)
    name = f"#{location.rsplit(':', 1)[-1].rsplit('[', 1)[-1].removesuffix(']')}" if given is None else str(given)
    text = next((values[f] for f in TEXT_FIELDS if isinstance(values.get(f), str) and values[f].strip()), None)
    if text is None:
        return Rejected(location, _why_no_text(values, record.fields), excerpt(name))
    try:
        (text + name).encode("utf-8")
    except UnicodeEncodeError:
        return Rejected(location, "the text or the id is not valid Unicode", excerpt=excerpt(text))
    topic = values.get("topic")
    if topic is not None and not isinstance(topic, str | int | float):
        return Rejected(location, f"topic is not a text: {excerpt(topic)}", name, excerpt(text))
    # Files have other things under these names, such as lists of tags: those are no kinds.
    kind = next((values[f] for f in KIND_FIELDS if isinstance(values.get(f), str | int) and values[f] != ""), None)
    grades = _grades(values.get("answers"))
    answers = _answers(values.get("answers")) if grades is None else tuple(key for key, grade in grades if grade > 0)
    if answers is None:
        reason = f"answers is not a list of ids: {excerpt(values['answers'])}"
        return Rejected(location, reason, name, excerpt(text))
    if (beyond := next((grade for _, grade in grades or () if abs(grade) > MOST_GRADE), None)) is not None:
        reason = f"answers: a grade is from -{MOST_GRADE:,} to {MOST_GRADE:,}, found {excerpt(beyond)}"
        return Rejected(location, reason, name, excerpt(text))
    topic = None if topic in (None, "") else str(topic)
    kind = None if kind is None else str(kind)
    named, texts = given is not None, _texts(values)
    return Question(name, text.strip(), topic, answers, location, named, kind, grades or (), texts)


def _texts(values: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the texts of answers that a row gives."""
    given = next((values[f] for f in ANSWER_TEXT_FIELDS if values.get(f)), None)
    found = [given] if isinstance(given, str) else given if isinstance(given, list) else []
    return tuple(dict.fromkeys(one.strip() for one in found if isinstance(one, str) and one.strip()))


def _why_no_text(values: Mapping[str, Any], fields: Mapping[str, Any]) -> str:
    there = next((field for field in TEXT_FIELDS if field in values), None)
    if there is None:
        return f"no text in any of {', '.join(TEXT_FIELDS)}; fields found: {excerpt(', '.join(fields)) or 'none'}"
    value = values[there]
    if value is None or isinstance(value, str):
        return f"{there} is empty"
    return f"{there} is not a text: {excerpt(value)}"


def name_of(questions: Questions) -> str:
    if not isinstance(questions, str | Path):
        return "texts"
    from vecindex.sources.files import InputFile

    return "stdin" if str(questions) == "-" else InputFile(str(questions), str(questions)).base_name


def _records(questions: Questions, stdin: BinaryIO | None) -> Iterator[Record | Rejected]:
    if not isinstance(questions, str | Path):
        return _from_values(questions)
    from vecindex.verbs.questions.files import records_of_file  # readers of all formats: a typed question needs none

    return records_of_file(str(questions), stdin)


def _from_values(values: Iterable[object]) -> Iterator[Record | Rejected]:
    for number, value in enumerate(values, 1):
        location = f"texts:{number}"
        if isinstance(value, Mapping) and all(isinstance(field, str) for field in value):
            yield Record(location, value)
        elif isinstance(value, str):
            yield Record(location, {"text": value})
        else:
            reason = f"found a value of type {type(value).__name__}, expected a text or a mapping"
            yield Rejected(location, reason, excerpt=excerpt(value))


def _answers(value: Any) -> tuple[str, ...] | None:
    if value is None:
        return ()
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):  # of a number of over 4,300 digits a plain ValueError
            return None
    elif isinstance(value, str):
        value = [part.strip() for part in value.split(";") if part.strip()]
    elif isinstance(value, int):
        value = [value]
    if not isinstance(value, list) or not all(isinstance(v, str | int) and not isinstance(v, bool) for v in value):
        return None
    return tuple(dict.fromkeys(str(v) for v in value))


def _grades(value: Any) -> tuple[tuple[str, int], ...] | None:
    """Return (id, grade) of each judged article: of {"id": 2} or [{"id": "a", "grade": 2}]; None of other forms."""
    if isinstance(value, str) and value.lstrip().startswith(("{", "[{")):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    if isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
        given = [next((one[f] for f in GRADE_FIELDS if f in one), 1) for one in value]
        pairs = [(one.get("id", one.get("_id")), grade) for one, grade in zip(value, given, strict=True)]
    elif isinstance(value, Mapping) and value:
        pairs = list(value.items())
    else:
        return None
    keys = all(isinstance(key, str | int) and not isinstance(key, bool) for key, _ in pairs)
    if not keys or not all(isinstance(grade, Integral) and not isinstance(grade, bool) for _, grade in pairs):
        return None
    return tuple({str(key): int(grade) for key, grade in pairs}.items())
