"""Lines to rows, by the way in which a file uses quotes.

A quote that opens a field may hold line ends, so one that stands there by mistake swallows the lines after it. What
is done about it depends on the delimiter:

- A tab hardly ever stands in a text. A line that has as many fields as the header, divided at its tabs, is a row as
  it stands, quotes and all. Some files with tabs are quoted as csv does nevertheless: whichever reading leaves fewer
  lines of the first 1,000 over is tried first, and the other one where it fails.
- A comma stands in every text, so quotes decide. A row that is no valid CSV is read again with backslashes before
  quotes, as some programs write them. One of another number of fields, or with a field that begins with a blank and a
  quote, is read again with blanks before quotes. What is neither is rejected with all of its lines, up to the first
  that reads as a row of its own.
- A single column has no delimiter: each line is a value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Any

from vecindex.messages import option, text
from vecindex.sources.base import Notice, Quoting
from vecindex.sources.delimited.lines import (
    Line,
    Lines,
    QuotedRows,
    Row,
    is_well_quoted,
    quoted_alone,
    without_quotes,
)
from vecindex.sources.files import OVERLONG

SAMPLE_LINES = 1000
HEAD_CHARS = 1000

_BACKSLASH, _BLANK = '\\"', ' "'
_OTHER_WRITERS: dict[str, dict[str, Any]] = {_BACKSLASH: {"escapechar": "\\"}, _BLANK: {"skipinitialspace": True}}
OPENED_BY_A_BLANK = re.compile(' +"')
_MAX_SHAPES = 64
_SHAPED_CHARS = 40
_SHAPED_ROWS = 1000
_DIGITS, _LETTERS = re.compile(r"\d+"), re.compile(r"[^\W\d_]+")


class Use(Enum):
    """How quotes are used."""

    CSV = "csv"
    NONE = "none"
    AS_IT_STANDS = "lines as they stand, else quoted"
    QUOTED_FIRST = "quoted, else as lines stand"


def use_of_quotes(lines: Lines, delimiter: str, n: int, quoting: Quoting) -> Use:
    """Return how quotes are used by the lines that come next, rows of `n` fields."""
    if quoting != "auto":
        return Use(quoting)
    if delimiter not in "\t|":
        return Use.CSV
    sample = lines.peek(SAMPLE_LINES)

    def left_over(use: Use) -> int:
        rows = Rows(Lines(sample), "", delimiter, n, use)
        return sum(bool(row.fault) or len(row.values) != n for row in rows)

    if not any('"' in line.text for line in sample):
        return Use.AS_IT_STANDS
    return min((Use.AS_IT_STANDS, Use.QUOTED_FIRST), key=left_over)


class Rows:
    """The rows of a file, each of `n` fields where nothing is wrong with it."""

    def __init__(
        self, lines: Lines, name: str, delimiter: str, n: int, use: Use, notice: Notice = lambda _: None
    ) -> None:
        """Take the lines after the header, and how their quotes are to be read."""
        self._lines, self._name, self._delimiter, self._n, self._use = lines, name, delimiter, n, use
        self._notice = notice
        self._quoted_rows = QuotedRows(lines, delimiter)
        self._noticed = False
        self._shapes: set[str] = set()
        self._shaped = 0
        # A writer of csv quotes every field that has a quote in it: then quotes are not part of the text.
        rows = [cells for line in lines.peek(SAMPLE_LINES) if len(cells := self._plain(line)) == n]
        self._unquotes = all(is_well_quoted(cell) for cells in rows for cell in cells if '"' in cell)

    def __iter__(self) -> Iterator[Row]:
        """Yield the rows. Blank lines are none."""
        while (line := self._lines.next()) is not None:
            if line.text.isspace() and not line.fault and self._n > 1 and self._delimiter not in line.text:
                continue
            row = self._one(line)
            if row.values or row.fault:
                yield row

    def _one(self, line: Line) -> Row:
        if line.fault is OVERLONG:
            return _row([line], [], None)
        # In a single column, a quote that does not begin the line quotes nothing.
        is_plain = '"' not in line.text or (self._n == 1 and not line.text.startswith('"'))
        if self._use is Use.NONE or is_plain:
            return _row([line], self._plain(line), None)
        if self._use is Use.CSV:
            return self._csv(line)
        if self._use is Use.AS_IT_STANDS:
            return self._as_it_stands(line) or self._quoted(line) or self._left_over(line)
        return self._quoted(line) or self._as_it_stands(line) or self._left_over(line)

    def _plain(self, line: Line) -> list[str]:
        bare = line.bare
        # In a file of one column, nothing is divided.
        return [] if not bare else [bare] if self._n == 1 else bare.split(self._delimiter)

    def _as_it_stands(self, line: Line) -> Row | None:
        cells = self._plain(line)
        if len(cells) != self._n:
            return None
        return _row([line], [without_quotes(cell) for cell in cells] if self._unquotes else cells, None)

    def _quoted(self, line: Line) -> Row | None:
        """Return the row that begins with a line if it is quoted as csv does; give back what was read of another."""
        values, taken, fault = self._quoted_rows.read(line)
        several = len(taken) > 1 and all(len(self._plain(one)) == self._n for one in taken)
        if fault is None and len(values) == self._n and not several:
            return _row(taken, values, None)
        self._lines.give_back(taken[1:])
        return None

    def _left_over(self, line: Line) -> Row:
        return _row([line], self._plain(line), None)

    def _csv(self, line: Line) -> Row:
        values, taken, fault = self._quoted_rows.read(line)
        is_wrong = fault is not None or len(values) != self._n
        # Of one program's rows, those with a comma in a text must not be read otherwise than those without.
        marks = list(_OTHER_WRITERS) if is_wrong else [_BLANK] if any(map(OPENED_BY_A_BLANK.match, values)) else []
        if marks:
            self._lines.give_back(taken[1:])
            if (other := self._of_another_writer(line, taken, marks)) is not None:
                return other
            self._lines.next_ones(len(taken) - 1)
        if fault is None:
            row = _row(taken, values, None)
            if len(taken) > 1 and len(values) == self._n and not self._noticed:
                self._report_swallowed(row, taken)
            if len(values) == self._n:
                self.note_shape(values[0])
            return row
        after = next((i for i, one in enumerate(taken) if i and self._reads_as_a_row(one)), len(taken))
        self._lines.give_back(taken[after:])
        return _row(taken[:after], [], fault)

    def _of_another_writer(self, line: Line, lines: list[Line], marks: list[str]) -> Row | None:
        """Return the row if the quotes in its lines have one of these marks before them; else give the lines back."""
        for mark in marks:
            if not any(mark in one.text for one in lines):
                continue
            dialect = _OTHER_WRITERS[mark]
            values, taken, fault = QuotedRows(self._lines, self._delimiter, **dialect).read(line)
            # A blank before a quote stands in texts too, where it opens nothing.
            if fault is None and len(values) == self._n and (len(taken) == 1 or "escapechar" in dialect):
                return _row(taken, values, None)
            self._lines.give_back(taken[1:])
        return None

    def note_shape(self, value: str) -> None:
        """Note what the first field of a quoted row looks like."""
        if self._shaped < _SHAPED_ROWS:
            self._shaped += 1
            self._shapes.add(_shape(value))

    def may_swallow(self, texts: Sequence[str], first: int) -> bool:
        """Return whether a notice is due as these lines, the first of this number, are inside a quoted field."""
        if self._noticed:
            return False
        fewest = self._n - 1
        return any(
            self._is_like_a_row(Line(number, text))
            for number, text in enumerate(texts, first)
            if text.count(self._delimiter) >= fewest
        )

    def _is_like_a_row(self, line: Line) -> bool:
        # Of words alone, the beginning of a line of text is like the first field of a row.
        return self._has_digit(line) and self._reads_as_a_row(line)

    def _has_digit(self, line: Line) -> bool:
        return re.search(r"\d", line.bare.split(self._delimiter)[0]) is not None

    def _reads_as_a_row(self, line: Line) -> bool:
        """Return whether a line inside quotes may be a row: it has all fields, the first like those of other rows."""
        values = quoted_alone(line, self._delimiter)
        if values is None or len(values) != self._n or line.fault or line.text.count('"') % 2:
            return False
        return (
            self._n == 1 or not self._shapes or len(self._shapes) > _MAX_SHAPES or _shape(values[0]) in self._shapes
        )

    def _report_swallowed(self, row: Row, taken: list[Line]) -> None:
        if self._n > 1 and any(map(self._is_like_a_row, taken[1:])):
            self._noticed = True
            message = f"{self._name}:{row.location}: one quoted field holds lines that look like rows of their own"
            self._notice(text(message, "; if a quote opens it by mistake: ", option("quoting", "none")))


def _row(lines: list[Line], values: list[str], fault: str | None) -> Row:
    for line in lines:
        if line.fault:
            fault = line.fault
            break
    return Row(lines[0].number, lines[-1].number, values, fault, lines[0].text[:HEAD_CHARS])


def _shape(value: str) -> str:
    """Return what a value looks like.

    >>> _shape("p_00_12"), _shape("Tides")
    ('a_9_9', 'a')
    """
    return _LETTERS.sub("a", _DIGITS.sub("9", value[:_SHAPED_CHARS]))
