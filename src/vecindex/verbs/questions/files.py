"""Reads files of questions in every form that people have, and standard input.

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
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, BinaryIO

from vecindex.errors import SourceError
from vecindex.sources.base import Item, LeftOut, Record, excerpt
from vecindex.sources.delimited.source import read_delimited
from vecindex.sources.files import OVERLONG, InputFile, read_lines, standard_input
from vecindex.sources.formats import ReadOptions, format_of, usable_format
from vecindex.sources.jsons.cutter import ArrayCutter
from vecindex.sources.jsons.rows import parse_object, read_json, read_json_lines
from vecindex.types import Rejected
from vecindex.verbs.questions.fields import FORMS, ID_FIELDS, KIND_FIELDS, TEXT_FIELDS

_OTHERS = ("topic", "answers", "kind")
_KNOWN = frozenset((*TEXT_FIELDS, *ID_FIELDS, *_OTHERS, *KIND_FIELDS))
_READ_HERE = (None, "jsonl", "json", "csv", "tsv", "text")
_SNIFFED_LINES = 20
_SNIFFED_BYTES = 1 << 16
# A file without text has a NUL this early; later on it is a fault of one row.
_BINARY_BYTES = 512


def records_of_file(name: str, stdin: BinaryIO | None) -> Iterator[Record | Rejected]:
    """Yield the rows of a file, of standard input where it is "-", or why one is none.

    Raises SourceError when it cannot be read, or is nothing that holds questions.
    """
    file = standard_input(stdin) if name == "-" else InputFile(name, name)
    kind = None if name == "-" else format_of(file.base_name)
    if kind not in _READ_HERE:
        yield from _table(file, kind)
        return
    with file.open() as stream:
        yield from _from_stream(stream, file, kind)


def _table(file: InputFile, kind: str) -> Iterator[Record | Rejected]:
    """Read a format that has no form for questions of its own."""
    found = usable_format(kind)
    if not found.is_table:
        raise SourceError(f"{file.name}: found the format {kind}, expected a table or text of questions.", FORMS)
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
        raise SourceError(f"{file.name}: found binary data, expected questions in UTF-8 text or a table.", FORMS)
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
