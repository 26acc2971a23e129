"""CSV and TSV with a header line. Location: "corpus.csv:12", the line (from 1) on which the row begins.

Quoting is as in the csv module, strictly: a stray quote is a Rejected, not a guess. Quoted line ends belong
to their field. An empty field is None. The first 1,000 rows decide each column's type: int (no leading zero,
no '+'), float, else str, which whole numbers beyond 64 bits are too; a later value that does not fit is a
Rejected. Columns that are named as id, text or title, or named like one, are always str, for an id 007 is
not 7. Also rejected: another number of fields than the header has, a NUL byte, invalid UTF-8, a line or field
over 64 MiB. Blank lines are not rows.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from typing import Any, BinaryIO

from vecindex.errors import SourceError
from vecindex.sources.base import MAX_ROW_BYTES, Record, excerpt
from vecindex.sources.fieldmap import is_text_name
from vecindex.sources.files import OVERLONG, InputFile, count_lines, read_lines
from vecindex.sources.formats import FileSource, ReadOptions, SourceFormat
from vecindex.types import Rejected

SAMPLE_ROWS = 1000

_INT = re.compile(r"0|-?[1-9][0-9]{0,18}")
_LONG_INT = re.compile(r"-?[1-9][0-9]{18,}")
_FLOAT = re.compile(r"-?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


@dataclass(frozen=True, slots=True)
class _Row:
    """A row as the csv module gives it, or `fault` where it cannot."""

    line: int
    values: list[str]
    fault: str | None
    head: str


def read_delimited(
    stream: BinaryIO, name: str, delimiter: str, options: ReadOptions, names: Sequence[str] | None = None
) -> Iterator[Record | Rejected]:
    """Yield one item per row. Raises SourceError when the header is missing, broken or not unique.

    A column named `options.vector_field` holds JSON arrays of numbers. `options.text_fields` are str whatever they
    look like, as are those that are named like an id, text or title. `names` are those of the columns where the file
    has no header.
    """
    # The module's own limit of 128 KiB is less than a long article; the setting is the process's.
    csv.field_size_limit(max(csv.field_size_limit(), MAX_ROW_BYTES))
    rows = _split_rows(stream, name, delimiter)
    header = _header(next(rows, None), name) if names is None else names
    sample = list(islice(rows, SAMPLE_ROWS))
    columns = _columns(header, sample, options)
    for row in chain(sample, rows):
        yield _item(row, columns, f"{name}:{row.line}")


def _header(row: _Row | None, name: str) -> list[str]:
    hint = "The first line must name the columns, each name once, e.g. id,title,text"
    if row is None:
        raise SourceError(f"{name}: found an empty file, expected a header line", hint)
    if row.fault:
        raise SourceError(f"{name}:{row.line}: the header cannot be read: {row.fault}", hint)
    # pandas writes its row numbers under an empty name.
    columns = [column.strip() or f"column_{i}" for i, column in enumerate(row.values, 1)]
    twice = sorted({column for column in columns if columns.count(column) > 1})
    if twice:
        raise SourceError(f"{name}:{row.line}: the header names twice: {', '.join(twice)}", hint)
    return columns


def _columns(header: Sequence[str], sample: list[_Row], options: ReadOptions) -> list[_Column]:
    good = [row.values for row in sample if not row.fault and len(row.values) == len(header)]
    columns = []
    for i, name in enumerate(header):
        if name == options.vector_field:
            columns.append(_Column(name, "a JSON array of numbers", _to_list))
        elif name in options.text_fields or is_text_name(name):
            columns.append(_Column(name, "str", None))
        else:
            columns.append(_infer(name, [values[i] for values in good if values[i]]))
    return columns


def _item(row: _Row, columns: list[_Column], location: str) -> Record | Rejected:
    reason = row.fault
    if reason is None and len(row.values) != len(columns):
        reason = f"found {len(row.values)} fields, expected {len(columns)}"
    if reason is None:
        fields: dict[str, Any] = {}
        for column, value in zip(columns, row.values, strict=True):
            try:
                fields[column.name] = column.convert(value) if value and column.convert else value or None
            except (ValueError, RecursionError):
                reason = f"column {column.name!r}: found {value[:80]!r}, expected {column.expected}"
                break
        else:
            return Record(location, fields)
    return Rejected(location, reason, excerpt=excerpt(row.head))


def _count_rows(piece: bytes, is_whole: bool) -> int:
    # The header is no row; quoted newlines make it a little too many.
    return max(0, count_lines(piece, is_whole) - 1)


def _format(extension: str, delimiter: str) -> SourceFormat:
    def open_file(file: InputFile, options: ReadOptions) -> FileSource:
        return FileSource(file, partial(read_delimited, delimiter=delimiter, options=options), _count_rows)

    return SourceFormat((extension,), open_file)


CSV = _format(".csv", ",")
TSV = _format(".tsv", "\t")


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    expected: str
    convert: Callable[[str], Any] | None


def _infer(name: str, values: list[str]) -> _Column:
    if any(_LONG_INT.fullmatch(value) and not _fits_64_bits(value) for value in values):
        # As a float it would lose its last digits, and two ids might become one.
        return _Column(name, "str", None)
    for kind, convert in (("int", _to_int), ("float", _to_float)):
        try:
            for value in values:
                convert(value)
        except ValueError:
            continue
        if values:
            return _Column(name, f"{kind}, as in the first {SAMPLE_ROWS:,} rows", convert)
    return _Column(name, "str", None)


def _to_int(value: str) -> int:
    if not (_INT.fullmatch(value) and _fits_64_bits(value)):
        raise ValueError(value)
    return int(value)


def _fits_64_bits(whole: str) -> bool:
    return len(whole) <= 20 and -(2**63) <= int(whole) < 2**63


def _to_float(value: str) -> float:
    if not _FLOAT.fullmatch(value):
        raise ValueError(value)
    return float(value)


def _to_list(value: str) -> list[Any]:
    parsed = json.loads(value)
    if not isinstance(parsed, list):
        raise ValueError(value)
    return parsed


class _Lines:
    """Feeds lines to csv.reader and notes what it must know of the row that they make up."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._lines = read_lines(stream, name)
        self.begin_row()

    def begin_row(self) -> None:
        self.start = 0
        self.head = ""
        self.fault: str | None = None

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        number, raw, whole = next(self._lines)
        try:
            line = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            line = raw.decode("utf-8", "replace")
            self.fault = self.fault or f"not valid UTF-8 at byte {error.start + 1} of line {number}"
        if "\0" in line:
            self.fault = self.fault or f"NUL byte in line {number}"
        if not whole:
            self.fault, line = OVERLONG, line[:80] + "\n"
        if not self.start:
            self.start, self.head = number, line[:1000]
        return line


def _split_rows(stream: BinaryIO, name: str, delimiter: str) -> Iterator[_Row]:
    lines = _Lines(stream, name)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        lines.begin_row()
        values: list[str] = []
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            lines.fault = lines.fault or f"not valid CSV: {error}"
        if values or lines.fault:
            yield _Row(lines.start, values, lines.fault, lines.head)
