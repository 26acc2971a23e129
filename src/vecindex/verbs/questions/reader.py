"""Sets of questions: read from a file, and their vectors, from the store where they were made before."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from vecindex.core.identity import question_hash
from vecindex.core.questions import Question, QuestionSet
from vecindex.core.vectors import F32
from vecindex.errors import LockedError, SourceError, StoreError
from vecindex.options import ModelOptions
from vecindex.sources.base import Record, excerpt
from vecindex.sources.delimited import DelimitedSource
from vecindex.sources.files import InputFile, standard_input
from vecindex.sources.formats import format_of
from vecindex.sources.jsonl import parse_object
from vecindex.sources.lines import OVERLONG, read_lines
from vecindex.store.database import Database
from vecindex.types import Fingerprint, Observer, Rejected
from vecindex.verbs.questions.model import TEXT_FIELDS, QuestionModel

_HINT = (
    'Give one a line: {"question": "...", "id": "...", "topic": "...", "answers": ["id of an article"]}, or as text.'
)


Questions = str | Path | Sequence[str]
"""Questions as a user gives them: a file ("-" for standard input), or texts."""


def read(questions: Questions, stdin: BinaryIO | None = None) -> QuestionSet:
    """Return questions as a set; see `read_question_set` for files."""
    if isinstance(questions, str | Path):
        return read_question_set(str(questions), stdin)
    return questions_from_texts(questions)


def read_question_set(name: str, stdin: BinaryIO | None = None) -> QuestionSet:
    """Return the questions of a file ("-" for standard input).

    A line is a JSON object with the text under "text", "question" or "query" and perhaps an "id", a "topic" and
    "answers" (the id of a right article, or a list of them); in a file that is not named .jsonl it may be the
    question itself. A .csv or .tsv file has columns of these names, several answers separated by ";".

    Left out, with place and reason: lines without a usable question, an id that an earlier line has (`rejected`), and
    a text that an earlier line has (`duplicates`; case and white space do not tell texts apart).

    Raises SourceError when the file cannot be read or holds no question.
    """
    file = standard_input(stdin) if name == "-" else InputFile(name, name)
    found = _Collector()
    for item in _items(file, "stdin" if name == "-" else file.base_name):
        found.take(item)
    if not found.questions:
        rejected = found.rejected
        first = f" (the first line refused: {rejected[0].place}, {rejected[0].reason})" if rejected else ""
        raise SourceError(f"No question in {file.name}{first}.", _HINT)
    return QuestionSet(
        "stdin" if name == "-" else file.base_name,
        tuple(found.questions),
        tuple(found.rejected),
        tuple(found.duplicates),
    )


def questions_from_texts(texts: Sequence[str], name: str = "texts") -> QuestionSet:
    """Return texts as a set of questions; raises SourceError when there is none."""
    found = _Collector()
    for number, text in enumerate(texts, 1):
        found.take(Record(f"{name}:{number}", {"text": text}))
    if not found.questions:
        raise SourceError("No question among the texts.", "Give a file, or a list of texts.")
    return QuestionSet(name, tuple(found.questions), tuple(found.rejected), tuple(found.duplicates))


class _Collector:
    """Questions as they come, each id and each text once."""

    def __init__(self) -> None:
        self.questions: list[Question] = []
        self.rejected: list[Rejected] = []
        self.duplicates: list[Rejected] = []
        self._ids: dict[str, str] = {}
        self._texts: dict[str, str] = {}

    def take(self, item: Record | Rejected) -> None:
        made = item if isinstance(item, Rejected) else question_of(item)
        if isinstance(made, Rejected):
            self.rejected.append(made)
            return
        key = " ".join(made.text.casefold().split())
        if first := self._texts.get(key):
            self.duplicates.append(Rejected(item.place, f"the same question as {first}", made.id, excerpt(made.text)))
        elif first := self._ids.get(made.id):
            self.rejected.append(
                Rejected(item.place, f"duplicate id: {first} has it too", made.id, excerpt(made.text))
            )
        else:
            self._ids[made.id] = self._texts[key] = item.place
            self.questions.append(made)


def _items(file: InputFile, base_name: str) -> Iterator[Record | Rejected]:
    kind = format_of(base_name)
    if kind in ("csv", "tsv"):
        yield from DelimitedSource(file, "," if kind == "csv" else "\t").read()
        return
    must_be_json = kind in ("jsonl", "json")
    with file.open() as stream:
        for number, line, whole in read_lines(stream, file.name):
            place = f"{file.name}:{number}"
            if not whole:
                yield Rejected(place, OVERLONG, excerpt=excerpt(line))
            elif line.isspace():
                continue
            elif must_be_json or line.lstrip().startswith(b"{"):
                yield parse_object(line, place)
            else:
                try:
                    yield Record(place, {"text": line.decode("utf-8")})
                except UnicodeDecodeError as error:
                    yield Rejected(place, f"not valid UTF-8 at byte {error.start + 1}", excerpt=excerpt(line))


def question_of(record: Record) -> Question | Rejected:
    """Return the question that a row holds, or why it holds none."""
    values = record.fields
    row_id = values.get("id")
    name = f"#{record.place.rsplit(':', 1)[-1]}" if row_id is None or row_id == "" else str(row_id)
    text = next((values[f] for f in TEXT_FIELDS if isinstance(values.get(f), str) and values[f].strip()), None)
    if text is None:
        there = ", ".join(values) or "none"
        return Rejected(record.place, f"no text in any of {', '.join(TEXT_FIELDS)}; fields found: {there}", name)
    try:
        (text + name).encode("utf-8")
    except UnicodeEncodeError:
        return Rejected(record.place, "not valid Unicode", excerpt=excerpt(text))
    topic = values.get("topic")
    if topic is not None and not isinstance(topic, str | int | float):
        return Rejected(record.place, f"topic is not a text: {excerpt(topic)}", name, excerpt(text))
    answers = _answers(values.get("answers"))
    if answers is None:
        reason = f"answers is not a list of ids: {excerpt(values['answers'])}"
        return Rejected(record.place, reason, name, excerpt(text))
    return Question(name, text.strip(), None if topic in (None, "") else str(topic), answers)


def _answers(value: Any) -> tuple[str, ...] | None:
    if value is None:
        return ()
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = json.loads(value)
        except json.JSONDecodeError:
            return None
    elif isinstance(value, str):
        value = [part.strip() for part in value.split(";") if part.strip()]
    elif isinstance(value, int):
        value = [value]
    if not isinstance(value, list) or not all(isinstance(v, str | int) and not isinstance(v, bool) for v in value):
        return None
    return tuple(dict.fromkeys(str(v) for v in value))


def question_vectors(
    database: Database,
    asked: QuestionSet,
    stored: Fingerprint,
    where: str,
    options: ModelOptions,
    model: QuestionModel,
    observer: Observer,
) -> tuple[F32, int]:
    """Return the unit vectors (q, d) of a set, and how many of them had to be made.

    Vectors are taken from the table `questions` when they were made there before by the same model behind the same
    prompt; so a second run on the same file loads no model. The model's own prompt counts by its text; without the
    model, by the text that it had last. What is made is kept there, unless another process is writing.

    Raises ModelError when a vector is missing and the model is not at hand, or is not the table's.
    """
    table = database.questions()
    prompt = model.query_prompt(stored, options)
    prompt = table.own_prompt(stored) if prompt is None else prompt
    hashes = _hashes(asked, stored, prompt)
    known = table.vectors(hashes)
    missing = [i for i, key in enumerate(hashes) if key not in known]
    if missing:
        texts = [asked.questions[i].text for i in missing]
        made = model.embed(texts, stored, where, options, observer)
        if prompt is None:
            # The model came to this machine just now, and brought its prompt.
            prompt = model.query_prompt(stored, options)
            hashes = _hashes(asked, stored, prompt)
        known |= {hashes[i]: vector for i, vector in zip(missing, made, strict=True)}
    vectors = np.stack([known[key] for key in hashes]).astype(np.float32)
    rows = table.rows(asked, hashes, vectors, stored, prompt, own=options["prompt"] is None)
    if not table.holds(rows):
        try:
            with database.writer():
                table.put(rows)
        except (LockedError, StoreError) as error:
            observer.notice(f"the questions' vectors are not kept for the next run: {error.message}")
    return vectors, len(missing)


def _hashes(asked: QuestionSet, stored: Fingerprint, prompt: str | None) -> list[str]:
    return [question_hash(question.text, stored, prompt) for question in asked.questions]
