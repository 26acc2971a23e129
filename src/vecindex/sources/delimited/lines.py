"""The lines of a delimited file, which can be given back, and the rows that they make up."""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO, StringIO
from itertools import starmap
from operator import methodcaller
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
    return starmap(_decoded, read_lines(stream, name))


def _decoded(number: int, raw: bytes, whole: bool) -> Line:
    fault = None
    try:
        line = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.decode("utf-8", "replace")
        fault = f"not valid UTF-8 at byte {error.start + 1} of line {number}"
    if "\0" in line:
        fault = fault or f"NUL byte in line {number}"
    return Line(number, line, fault) if whole else Line(number, line[:80] + "\n", OVERLONG)


class PieceLines(Lines):
    """The lines of pieces, as `read_pieces` yields them; they can be taken as plain texts, too.

    Those that are given back come first, then those that are put back as texts, then the next piece.
    """

    def __init__(self, pieces: Iterator[tuple[int, bytes, bool]]) -> None:
        """Take the pieces."""
        super().__init__(())
        self._pieces = pieces
        self._number, self._texts = 1, list[str]()

    def next(self) -> Line | None:
        """Return the next line, None at the end."""
        if not self._back and not self._refill():
            return None
        return self._back.popleft()

    def peek(self, n: int) -> list[Line]:
        """Return the next lines, which come again."""
        while len(self._back) < n and self._refill():
            pass
        return [line for line, _ in zip(self._back, range(n), strict=False)]

    def _refill(self) -> bool:
        """Make lines of the texts that were put back, or of the next piece; return whether there are any."""
        if self._texts:
            self._back.extend(Line(number, line) for number, line in enumerate(self._texts, self._number))
            self._texts = []
            return True
        piece = next(self._pieces, None)
        if piece is None:
            return False
        number, raw, whole = piece
        self._back.extend(_decoded(at, line, whole) for at, line in enumerate(BytesIO(raw), number))
        return True

    def more(self) -> bool:
        """Add the next piece to the texts that were put back; return whether there was one that may be added."""
        piece = next(self._pieces, None)
        if piece is None:
            return False
        number, raw, whole = piece
        found = _plain_texts(raw) if whole else None
        if found is None:
            before = [Line(at, line) for at, line in enumerate(self._texts, self._number)]
            self._texts = []
            self._back.extend(before)
            self._back.extend(_decoded(at, line, whole) for at, line in enumerate(BytesIO(raw), number))
            return False
        self._texts += found
        return True

    def take_texts(self) -> tuple[int, list[str]]:
        """Return the number of the next line, and the texts of it and others up to the end of a piece.

        None are returned where one of the lines is at fault, or ends in an unusual way, and at the end.
        """
        if self._back:
            number, texts = self._back[0].number, [line.text for line in self._back]
            if any(line.fault for line in self._back) or _has_returns(texts, "".join(texts)):
                return 0, []
            self._back.clear()
            return number, texts + self._take_put_back()
        if not self._texts:
            piece = next(self._pieces, None)
            if piece is None:
                return 0, []
            number, raw, whole = piece
            found = _plain_texts(raw) if whole else None
            if found is None:
                self._back.extend(_decoded(at, line, whole) for at, line in enumerate(BytesIO(raw), number))
                return 0, []
            self._number, self._texts = number, found
        return self._number, self._take_put_back()

    def _take_put_back(self) -> list[str]:
        texts, self._texts = self._texts, []
        return texts

    def put_back(self, number: int, texts: list[str]) -> None:
        """Take back the texts of lines, all that were taken from one of them on; `number` is that of the first."""
        self._number, self._texts = number, texts


def _plain_texts(raw: bytes) -> list[str] | None:
    """Return the lines of a piece with their ends; None where one may be at fault, or ends in an unusual way."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return None
    texts = list(StringIO(text, newline="\n"))
    return None if "\0" in text or _has_returns(texts, text) else texts


def _has_returns(texts: list[str], together: str) -> bool:
    r"""Return whether there is a \r in lines that does not end one with the \n after it."""
    return together.count("\r") != sum(map(_ENDS_IN_BOTH, texts)) if "\r" in together else False


_ENDS_IN_BOTH = methodcaller("endswith", "\r\n")


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
