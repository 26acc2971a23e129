"""The one reader of questions: files in every form that people have, standard input, Python values.

A row is an object or a record with a text, and perhaps an id, a topic, a kind and the ids of right answers, which may
have grades. Forms:

- JSON lines, or a JSON array of objects or texts;
- CSV or TSV with a header of known names, in any order;
- CSV or TSV without one: the text alone, or `qid<TAB>query`;
- plain text, one question a line;
- every other table that a source may be: Parquet, Arrow, formats of other packages.

A name that ends in a format's extension decides; else the first line does.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from numbers import Integral
from pathlib import Path
from typing import Any, BinaryIO

from vecindex.core.questions import Question, QuestionSet
from vecindex.errors import SourceError
from vecindex.sources.base import Item, LeftOut, Record, excerpt
from vecindex.sources.delimited.source import read_delimited
from vecindex.sources.files import OVERLONG, InputFile, read_lines, standard_input
from vecindex.sources.formats import ReadOptions, format_of, usable_format
from vecindex.sources.jsons.cutter import ArrayCutter
from vecindex.sources.jsons.rows import parse_object, read_json, read_json_lines
from vecindex.types import Rejected

Questions = str | Path | Sequence[str | Mapping[str, Any]]
"""Questions as a user gives them: a file ("-" for standard input), or texts and objects."""

TEXT_FIELDS = ("text", "question", "query")
ID_FIELDS = ("id", "_id", "qid", "query_id", "question_id")
KIND_FIELDS = ("kind", "group")
ANSWER_TEXT_FIELDS = ("answer_texts", "answer")
GRADE_FIELDS = ("grade", "relevance", "score")
MOST_GRADE = 1_000
"""The highest grade: trec_eval reserves memory for each grade up to the highest."""
_OTHERS = ("topic", "answers", "kind")
_KNOWN = frozenset((*TEXT_FIELDS, *ID_FIELDS, *_OTHERS, *KIND_FIELDS))
_READ_HERE = (None, "jsonl", "json", "csv", "tsv", "text")
_SNIFFED_LINES = 20
_SNIFFED_BYTES = 1 << 16
# A file without text has a NUL this early; later on it is a fault of one row.
_BINARY_BYTES = 512
_HINT = (
    'Give one a line: {"question": "...", "id": "...", "topic": "...", "answers": ["id of an article"]}, or as text; '
    "or a table with columns of these names."
)


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
    return SourceError(f"No question in {name}{first}.", _HINT)


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
        return Rejected(location, _why_no_text(values, record.fields), name)
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
    return "stdin" if str(questions) == "-" else InputFile(str(questions), str(questions)).base_name


def _records(questions: Questions, stdin: BinaryIO | None) -> Iterator[Record | Rejected]:
    if not isinstance(questions, str | Path):
        yield from _from_values(questions)
        return
    name = str(questions)
    file = standard_input(stdin) if name == "-" else InputFile(name, name)
    kind = None if name == "-" else format_of(file.base_name)
    if kind not in _READ_HERE:
        yield from _table(file, kind)
        return
    with file.open() as stream:
        yield from _from_stream(stream, file, kind)


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


def _table(file: InputFile, kind: str) -> Iterator[Record | Rejected]:
    """Read a format that has no form for questions of its own."""
    found = usable_format(kind)
    if not found.is_table:
        raise SourceError(f"{file.name}: found the format {kind}, expected a table or text of questions.", _HINT)
    return _without_left_out(found.open(file, ReadOptions(text_fields=_KNOWN)).read())


def _without_left_out(rows: Iterator[Item]) -> Iterator[Record | Rejected]:
    return (row for row in rows if not isinstance(row, LeftOut))


def _from_stream(stream: Any, file: InputFile, kind: str | None) -> Iterator[Record | Rejected]:
    if kind == "jsonl":
        return _without_left_out(read_json_lines(stream, file.name))
    beginning: bytes = stream.peek(_SNIFFED_BYTES)[:_SNIFFED_BYTES].removeprefix(b"\xef\xbb\xbf").lstrip()
    if kind == "json" or (kind not in ("csv", "tsv") and _is_array(beginning)):
        return _json(stream, file)
    lines = beginning.decode("utf-8", "replace").splitlines()[:_SNIFFED_LINES]
    if beginning.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise SourceError(f"{file.name}: found UTF-16 text, expected UTF-8.", "Save it as UTF-8.")
    is_table = kind in ("csv", "tsv")
    if not is_table and b"\0" in beginning[:_BINARY_BYTES]:
        raise SourceError(f"{file.name}: found binary data, expected questions in UTF-8 text or a table.", _HINT)
    if lines and (is_table or not lines[0].startswith("{")):
        # A header decides, then pairs by tabs, whatever the file is called.
        for delimiter in ("\t", ",", ";"):
            if _names_columns(lines[0], delimiter):
                return _delimited(stream, file, delimiter, lines[0])
        if all(_is_pair(line) for line in lines if line.strip()):
            return _delimited(stream, file, "\t", lines[0])
    if is_table:
        return _delimited(stream, file, "," if kind == "csv" else "\t", lines[0] if lines else "")
    return _lines(stream, file.name)


def _json(stream: Any, file: InputFile) -> Iterator[Record | Rejected]:
    """Read an array of objects or texts, or JSON lines."""
    if not stream.peek(_SNIFFED_BYTES).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"["):
        yield from _without_left_out(read_json(stream, file.name))
        return
    for index, raw in enumerate(ArrayCutter(file.name).elements(stream)):
        yield _element(raw, f"{file.name}[{index}]")


def _element(raw: bytes, location: str) -> Record | Rejected:
    """Return an element of an array, an object or a text, or why it is neither."""
    if raw.lstrip().startswith(b'"'):
        # What is wrong with a text that is no JSON is said as of an object.
        with suppress(ValueError):
            return Record(location, {"text": json.loads(raw.decode("utf-8"))})
    return parse_object(raw, location)


def _is_array(beginning: bytes) -> bool:
    rest = beginning.removeprefix(b"[").lstrip()
    return beginning.startswith(b"[") and rest[:1] in (b"{", b'"')


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return line.split(delimiter)


def _names_columns(line: str, delimiter: str) -> bool:
    """Return whether a line is a header of several columns, one of them named as the text."""
    names = [cell.strip().casefold() for cell in _cells(line, delimiter)]
    return len(names) > 1 and any(name in TEXT_FIELDS for name in names)


def _is_pair(line: str) -> bool:
    name, *rest = line.split("\t")
    return len(rest) == 1 and bool(name.strip()) and not any(c.isspace() for c in name.strip())


def _delimited(stream: BinaryIO, file: InputFile, delimiter: str, first: str) -> Iterator[Record | Rejected]:
    """Read a delimited file; without a header it is the text alone, or an id and the text."""
    names: tuple[str, ...] | None = None
    cells = [cell.strip() for cell in _cells(first, delimiter)]
    if not _KNOWN.intersection(cell.casefold() for cell in cells):
        names = ("text",) if len(cells) == 1 else ("id", "text")
        # A question has several words; a single one is more likely a column's name that is not known.
        if len(cells) > 2 or (cells and len(cells[-1].split()) == 1):
            columns = f"a first line of {len(cells)} columns ({', '.join(cells[:5])})"
            shown = columns if len(cells) > 1 else f"the first line {first[:80]!r}"
            raise SourceError(
                f"{file.name}: found {shown}, expected a header, a text, or an id and a text.",
                f"Begin the file with the columns' names: one of {', '.join(TEXT_FIELDS)} for the text, and perhaps "
                f"{', '.join(ID_FIELDS[:1] + _OTHERS)}.",
            )
    return _without_left_out(read_delimited(stream, file.name, delimiter, ReadOptions(text_fields=_KNOWN), names))


def _lines(stream: BinaryIO, name: str) -> Iterator[Record | Rejected]:
    for number, line, whole in read_lines(stream, name):
        location = f"{name}:{number}"
        if not whole:
            yield Rejected(location, OVERLONG, excerpt=excerpt(line))
        elif line.isspace():
            continue
        elif b"\0" in line:
            yield Rejected(location, "NUL byte", excerpt=excerpt(line))
        elif line.lstrip().startswith(b"{"):
            yield parse_object(line, location)
        else:
            try:
                yield Record(location, {"text": line.decode("utf-8")})
            except UnicodeDecodeError as error:
                yield Rejected(location, f"not valid UTF-8 at byte {error.start + 1}", excerpt=excerpt(line))


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
