"""Rows of a file with commas as blocks, read as `rows` reads them: the usual ones by the csv module, many at a time.

A row goes by the way of `Rows` where anything about it is unusual: a fault, another number of fields, a blank before
its first quote, lines that look like rows of their own. The rows after it go on as before.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from vecindex.sources.base import Item, Numbered, simple_kinds
from vecindex.sources.delimited.columns import Column, record_of
from vecindex.sources.delimited.lines import PieceLines, Row
from vecindex.sources.delimited.rows import HEAD_CHARS, OPENED_BY_A_BLANK, Rows

_ONE_BY_ONE = 50
"""Rows that are read by themselves after an unusual one."""
_MAX_WAITING_CHARS = 4 << 20
"""A row of more characters, which a quote may have opened by mistake, is read by itself."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What a file's rows are: its name, what separates the fields, and the columns."""

    name: str
    delimiter: str
    header: Sequence[str]
    columns: Sequence[Column]


def rows_in_blocks(lines: PieceLines, rows: Rows, layout: Layout) -> Iterator[Row | Item | Numbered]:
    """Yield the rows that are left: usual ones as blocks, the others as rows."""
    each = iter(rows)
    while True:
        first, texts = lines.take_texts()
        if not texts:
            # A line that is at fault comes, or nothing.
            found = 0
            for row in islice(each, _ONE_BY_ONE):
                found += 1
                yield row
            if not found:
                return
            continue
        values, ends, is_open = _usual(texts, first, rows, layout)
        used = ends[-1] if ends else 0
        lines.put_back(first + used, texts[used:])
        if values:
            yield from _as_items(values, [first, *(first + end for end in ends)], texts, layout)
        if used == len(texts) or (is_open and sum(map(len, texts[used:])) < _MAX_WAITING_CHARS and lines.more()):
            continue
        yield from islice(each, _ONE_BY_ONE)


def _usual(texts: Sequence[str], first: int, rows: Rows, layout: Layout) -> tuple[list[list[str]], list[int], bool]:
    """Return the usual rows that lines begin with, how many lines each ends after, and whether the next goes on."""
    n, delimiter, header = len(layout.header), layout.delimiter, list(layout.header)
    reader = csv.reader(texts, delimiter=delimiter, strict=True)
    values: list[list[str]] = []
    ends: list[int] = []
    begin = 0
    try:
        for row in reader:
            end = reader.line_num
            if len(row) != n or row == header:
                return values, ends, False
            if '"' in texts[begin]:
                if any(map(OPENED_BY_A_BLANK.match, row)):
                    return values, ends, False
                if end - begin > 1 and rows.may_swallow(texts[begin + 1 : end], first + begin + 1):
                    return values, ends, False
                rows.note_shape(row[0])
            values.append(row)
            ends.append(end)
            begin = end
    except csv.Error:
        # At the end of the lines, inside of quotes: the row may go on.
        return values, ends, reader.line_num == len(texts)
    return values, ends, False


def _as_items(
    values: list[list[str]], begins: Sequence[int], texts: Sequence[str], layout: Layout
) -> Iterator[Item | Numbered]:
    columns: dict[str, list[Any]] = {}
    try:
        for column, cells in zip(layout.columns, zip(*values, strict=True), strict=True):
            convert = column.convert
            columns[column.name] = [(convert(value) if convert else value) if value else None for value in cells]
    except (ValueError, RecursionError):
        for row, begin, end in zip(values, begins, begins[1:], strict=False):
            head = texts[begin - begins[0]][:HEAD_CHARS]
            yield record_of(Row(begin, end - 1, row, None, head), layout.columns, layout.name)
        return
    yield Numbered(f"{layout.name}:", begins[0], len(values), columns, simple_kinds(columns), begins[:-1])
