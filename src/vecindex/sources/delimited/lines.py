"""The lines of a delimited file, which can be given back, and the rows that they make up."""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from vecindex.sources.base import MAX_ROW_BYTES
from vecindex.sources.files import OVERLONG, read_lines


@dataclass(frozen=True, slots=True)
class Line:
    """A line with its end, its number from 1, and what is wrong with it."""

    number: int
    text: str
    fault: str | None = None

    @property
    def bare(self) -> str:
        """The line without its end."""
        return self.text.removesuffix("\n").removesuffix("\r")


class Lines:
    """The lines of a stream, one after the other; some can be given back, or looked at beforehand."""

    def __init__(self, lines: Iterable[Line]) -> None:
        """Take the lines."""
        self._source = iter(lines)
        self._back: deque[Line] = deque()

    def next(self) -> Line | None:
        """Return the next line, None at the end."""
        return self._back.popleft() if self._back else next(self._source, None)

    def next_ones(self, n: int) -> list[Line]:
        """Return the next lines, at most `n`."""
        return [line for _ in range(n) if (line := self.next()) is not None]

    def give_back(self, lines: Iterable[Line]) -> None:
        """Take back lines in their order: they come next."""
        self._back.extendleft(reversed(list(lines)))

    def peek(self, n: int) -> list[Line]:
        """Return the next lines, which come again."""
        while len(self._back) < n and (line := next(self._source, None)) is not None:
            self._back.append(line)
        return [line for line, _ in zip(self._back, range(n), strict=False)]


def decoded_lines(stream: BinaryIO, name: str) -> Iterator[Line]:
    """Yield the lines of a UTF-8 stream. Raises SourceError where the stream is damaged."""
    for number, raw, whole in read_lines(stream, name):
        fault = None
        try:
            line = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            line = raw.decode("utf-8", "replace")
            fault = f"not valid UTF-8 at byte {error.start + 1} of line {number}"
        if "\0" in line:
            fault = fault or f"NUL byte in line {number}"
        yield Line(number, line, fault) if whole else Line(number, line[:80] + "\n", OVERLONG)


@dataclass(frozen=True, slots=True)
class Row:
    """A row: its lines, the first and the last one's number, and its values or what is wrong with it."""

    line: int
    last: int
    values: list[str]
    fault: str | None
    head: str

    @property
    def location(self) -> str:
        """The lines, as a location ends with them.

        >>> Row(4, 4, [], None, "").location, Row(4, 6, [], None, "").location
        ('4', '4-6')
        """
        return f"{self.line}" if self.line == self.last else f"{self.line}-{self.last}"


class QuotedRows:
    """Rows whose fields may be quoted, read strictly as the csv module does; `dialect` are further settings of it."""

    def __init__(self, lines: Lines, delimiter: str, **dialect: Any) -> None:
        """Take the lines and what separates the fields."""
        self._lines, self._delimiter, self._dialect = lines, delimiter, dialect
        self._first: Line | None = None
        self._taken: list[Line] = []
        self._size = 0
        self._reader = self._new_reader()

    def read(self, first: Line) -> tuple[list[str], list[Line], str | None]:
        """Return the values of the row that begins with a line, its lines, and what is wrong with them.

        A quote that is never closed takes 64 MiB at most.
        """
        if '"' not in first.text:
            return first.bare.split(self._delimiter), [first], None
        self._first, self._taken, self._size = first, [], 0
        try:
            return next(self._reader, []), self._taken, None
        except csv.Error as error:
            # It would go on in the middle of a field.
            self._reader = self._new_reader()
            return [], self._taken, f"not valid CSV: {error}"

    def _new_reader(self) -> Iterator[list[str]]:
        return csv.reader(self, delimiter=self._delimiter, strict=True, **self._dialect)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        """Return the next line of the row that is read."""
        line = self._first if self._first is not None else self._lines.next() if self._size <= MAX_ROW_BYTES else None
        self._first = None
        if line is None:
            raise StopIteration
        self._taken.append(line)
        self._size += len(line.text)
        return line.text


def quoted_alone(line: Line, delimiter: str) -> list[str] | None:
    """Return the values of a line that is a row by itself, None where it is none."""
    values, _, fault = QuotedRows(Lines(()), delimiter).read(line)
    return None if fault else values


_WELL_QUOTED = re.compile(r'"(?:[^"]|"")*"')


def is_well_quoted(cell: str) -> bool:
    """Return whether a cell is one that a csv writer may have quoted, from its first character to its last.

    >>> is_well_quoted('"a and ""b"" "'), is_well_quoted('"a" b'), is_well_quoted("a")
    (True, False, False)
    """
    return _WELL_QUOTED.fullmatch(cell) is not None


def without_quotes(cell: str) -> str:
    """Return a cell as it was before a csv writer quoted it.

    >>> without_quotes('"a ""b"" c"'), without_quotes('a "b"')
    ('a "b" c', 'a "b"')
    """
    return cell[1:-1].replace('""', '"') if is_well_quoted(cell) else cell
