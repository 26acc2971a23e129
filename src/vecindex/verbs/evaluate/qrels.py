"""Judgments of articles (qrels): TREC's four columns, BEIR's three, a JSON object, or a mapping in Python.

| Form | A line |
|---|---|
| trec | question, iteration, article, grade, divided by blanks or tabs |
| beir | question, article, grade, divided by tabs, commas or blanks |
| json | one object for the whole file: {question: {article: grade}}; or an object a line with the columns' names |

A first line of names is a header: one of its cells is a known name, or none holds a digit. It decides the order of
three columns where it names them.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from pathlib import Path
from typing import BinaryIO

from vecindex.errors import SourceError
from vecindex.messages import counted
from vecindex.sources.base import excerpt
from vecindex.sources.files import OVERLONG, InputFile, read_lines, standard_input, unpacked_path
from vecindex.types import Rejected
from vecindex.verbs.questions.fields import GRADE_FIELDS, ID_FIELDS, MOST_GRADE

_QUESTION_NAMES = frozenset((*ID_FIELDS, "query-id", "query", "topic", "topic_id", "queryid"))
_ARTICLE_NAMES = frozenset(
    ("corpus-id", "corpus_id", "doc-id", "doc_id", "docid", "docno", "pid", "passage_id", "article_id", "document_id")
)
_GRADE_NAMES = frozenset((*GRADE_FIELDS, "rel", "label", "judgment", "judgement"))
_COLUMNS = {3: (0, 1, 2), 4: (0, 2, 3)}
_RUN_COLUMNS = 6
_HINT = "A line is: question, article, grade (BEIR), or: question, 0, article, grade (TREC)."


@dataclass(frozen=True, slots=True)
class Qrels:
    """Judgments as they were read.

    Attributes
    ----------
    name : of the file, without its folder.
    form : trec, beir or json; answers where the file of questions holds them.
    grades : {question: {article: grade}}; above 0 is relevant, a negative grade is 0.
    rejected : lines that hold no judgment, with the reason.
    repeated : pairs that are judged again with another grade; the last one counts.
    """

    name: str
    form: str
    grades: dict[str, dict[str, int]]
    rejected: tuple[Rejected, ...] = ()
    repeated: int = 0

    @property
    def judgments(self) -> int:
        """How many pairs are judged."""
        return sum(map(len, self.grades.values()))


@dataclass(slots=True)
class _Reading:
    """What is read so far."""

    grades: dict[str, dict[str, int]] = field(default_factory=dict)
    rejected: list[Rejected] = field(default_factory=list)
    repeated: int = 0

    def add(self, question: str, article: str, grade: int) -> None:
        of_question = self.grades.setdefault(question, {})
        # trec_eval takes a negative grade for one that was not judged, others for junk: not relevant in any case.
        grade = max(0, grade)
        self.repeated += of_question.get(article, grade) != grade
        of_question[article] = grade


def read_qrels(given: str | Path | Mapping[str, Mapping[str, int]], stdin: BinaryIO | None = None) -> Qrels:
    """Return the judgments of a file ("-" for standard input), or of a mapping.

    Raises SourceError where it cannot be read, is of another form, or holds no judgment.
    """
    found = _Reading()
    if isinstance(given, Mapping):
        _add_object(given, "the mapping", found)
        name, form = "mapping", "json"
    else:
        file = standard_input(stdin) if str(given) == "-" else InputFile(str(given), str(given))
        name = "stdin" if str(given) == "-" else file.base_name
        with file.open() as stream:
            form = _read(stream, file, found)
    if not found.grades:
        first = found.rejected[0] if found.rejected else None
        why = "" if first is None else f" (the first line refused: {first.location}, {first.reason})"
        raise SourceError(f"No judgment in {name}{why}.", _HINT)
    return Qrels(name, form, found.grades, tuple(found.rejected), found.repeated)


def _read(stream: BinaryIO, file: InputFile, found: _Reading) -> str:
    """Read a file, and return its form."""
    if unpacked_path(file.base_name).suffix.lower() == ".json":
        try:
            values = json.loads(stream.read().decode("utf-8-sig"))
        except (ValueError, RecursionError) as error:
            raise SourceError(f"{file.name}: found no JSON ({error}).", _HINT) from error
        if not isinstance(values, Mapping):
            raise SourceError(
                f"{file.name}: found {excerpt(values)[:80]}, expected an object.",
                'The form is: {"question": {"article": 1}}.',
            )
        _add_object(values, file.name, found)
        return "json"
    lines = _lines(stream, file.name, found)
    first = next(lines, None)
    if first is None:
        return "beir"
    location, line = first
    if line.startswith("{"):
        _add_record(line, location, found)
        for location, line in lines:
            _add_record(line, location, found)
        return "json"
    divider = "\t" if "\t" in line else "," if len(_cells(line, ",")) in _COLUMNS else None
    cells = _cells(line, divider)
    if len(cells) not in _COLUMNS:
        raise _no_form(location, cells)
    columns, header = _header(cells)
    if not header:
        _add(cells, columns, location, found)
    for location, line in lines:
        _add(_cells(line, divider), columns, location, found, len(cells))
    return "trec" if len(cells) == 4 else "beir"


def _no_form(location: str, cells: Sequence[str]) -> SourceError:
    shown = f"{location}: found a line of {counted(len(cells), 'column')} ({excerpt(', '.join(cells))[:80]})"
    if len(cells) == _RUN_COLUMNS:
        return SourceError(f"{shown}, which is a run: a ranking of hits, not judgments.", _HINT)
    return SourceError(f"{shown}, expected 3 or 4.", _HINT)


def _lines(stream: BinaryIO, name: str, found: _Reading) -> Iterator[tuple[str, str]]:
    """Yield the location and the text of each line that is not empty."""
    for number, raw, whole in read_lines(stream, name):
        location = f"{name}:{number}"
        try:
            line = raw.decode("utf-8").strip("\r\n ")
        except UnicodeDecodeError as error:
            found.rejected.append(
                Rejected(location, f"not valid UTF-8 at byte {error.start + 1}", None, excerpt(raw))
            )
            continue
        if not whole:
            found.rejected.append(Rejected(location, OVERLONG, None, excerpt(line)))
        elif line.strip():
            yield location, line


def _cells(line: str, divider: str | None) -> list[str]:
    if divider != ",":
        return [cell.strip().strip('"') for cell in line.split(divider)]
    try:
        return [cell.strip() for cell in next(csv.reader([line], skipinitialspace=True))]
    except csv.Error:
        # A cell longer than the reader takes.
        return line.split(",")


def _header(cells: Sequence[str]) -> tuple[tuple[int, int, int], bool]:
    """Return the columns of question, article and grade, and whether a first line names them."""
    usual = _COLUMNS[len(cells)]
    if _grade(cells[usual[2]]) is not None:
        return usual, False
    names = [cell.casefold() for cell in cells]
    known_names = _QUESTION_NAMES | _ARTICLE_NAMES | _GRADE_NAMES
    if known_names.isdisjoint(names) and any(char.isdigit() for name in names for char in name):
        return usual, False
    named = [
        next((i for i, name in enumerate(names) if name in known), None)
        for known in (_QUESTION_NAMES, _ARTICLE_NAMES, _GRADE_NAMES)
    ]
    question, article, grade = named
    if question is None or article is None or grade is None or len({question, article, grade}) < 3:
        return usual, True
    return (question, article, grade), True


def _add(
    cells: Sequence[str],
    columns: tuple[int, int, int],
    location: str,
    found: _Reading,
    expected: int | None = None,
) -> None:
    if expected is not None and len(cells) != expected:
        reason = f"{counted(len(cells), 'column')}, expected {expected}"
        found.rejected.append(Rejected(location, reason, None, excerpt(" ".join(cells))))
        return
    question, article, grade = (cells[i] for i in columns)
    value = _grade(grade)
    if value is None or abs(value) > MOST_GRADE or not question or not article:
        unfit = value is None or abs(value) > MOST_GRADE
        reason = f"the grade {grade!r} is {_unfit(value)}" if unfit else "an id is empty"
        found.rejected.append(Rejected(location, reason, question or None, excerpt(" ".join(cells))))
        return
    found.add(question, article, value)


def _grade(cell: str) -> int | None:
    """Return a grade, also one that is written as 1.0; None for what is none."""
    try:
        value = float(cell)
    except ValueError:
        return None
    return int(value) if value.is_integer() else None


def _unfit(value: int | None) -> str:
    """Return what is wrong with a grade."""
    return "no whole number" if value is None else f"beyond {MOST_GRADE:,}" if value > 0 else f"below -{MOST_GRADE:,}"


def _add_record(line: str, location: str, found: _Reading) -> None:
    """Add a judgment that is a JSON object with the names of the columns."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, dict):
        found.rejected.append(Rejected(location, "no JSON object", None, excerpt(line)))
        return
    values = {name.casefold(): value for name, value in record.items()}
    cells = [
        next((str(values[name]) for name in values if name in known and values[name] is not None), "")
        for known in (_QUESTION_NAMES, _ARTICLE_NAMES, _GRADE_NAMES)
    ]
    if not all(cells):
        reason = f"fields found: {excerpt(', '.join(record))}; expected query-id, corpus-id and score"
        found.rejected.append(Rejected(location, reason, cells[0] or None, excerpt(line)))
        return
    _add(cells, (0, 1, 2), location, found)


def _add_object(values: Mapping[str, object], name: str, found: _Reading) -> None:
    for question, judged in values.items():
        location = f"{name}[{question}]"
        if not isinstance(judged, Mapping):
            reason = f"found {excerpt(judged)[:80]}, expected an object of grades"
            found.rejected.append(Rejected(location, reason, str(question)))
            continue
        for article, grade in judged.items():
            # Numbers of numpy are such too.
            is_number = isinstance(grade, Real) and not isinstance(grade, bool)
            value = _grade(str(grade)) if is_number else None
            if value is None or abs(value) > MOST_GRADE:
                reason = f"the grade {excerpt(grade)} of {article} is {_unfit(value)}"
                found.rejected.append(Rejected(location, reason, str(question)))
            else:
                found.add(str(question), str(article), value)
