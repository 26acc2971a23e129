"""Spreadsheets: the first sheet of .xlsx, .xls, .xlsb and .ods, by calamine. Location: "book.xlsx Sheet1 row 5".

Rows are counted from 1 as the sheet shows them. The first one that is not blank names the columns; without names (see
`delimited.dialect`) they are called `column_1` and so on. Blank rows are not rows, blank cells None. Other sheets are
reported. The file is held in memory whole. Rejected: a row with a value beyond the named columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from vecindex.errors import SourceError
from vecindex.messages import counted
from vecindex.sources.base import Record, excerpt
from vecindex.sources.delimited.dialect import is_header, names_without_header
from vecindex.sources.files import InputFile
from vecindex.sources.formats import ReadOptions, SourceFormat
from vecindex.types import Rejected

_LOOKED_AT = 20
_NAMED = 3


@dataclass(frozen=True, slots=True)
class SheetSource:
    """The first sheet of a spreadsheet."""

    file: InputFile
    options: ReadOptions

    @property
    def name(self) -> str:
        return self.file.name

    @property
    def once(self) -> bool:
        """Whether it can be read one time only."""
        return self.file.stream is not None

    def count_hint(self) -> int | None:
        # It would have to be loaded, whole.
        return None

    def read(self) -> Iterator[Record | Rejected]:
        """Yield one item per row. Raises SourceError when the file is no spreadsheet, or names a column twice."""
        sheet, first, cells = self._sheet()
        rows = [
            (first + i, [_value(cell) for cell in row]) for i, row in enumerate(cells, 1) if any(c != "" for c in row)
        ]
        above = _above(rows) if self.options.header is not False else 0
        if above:
            what = counted(above, "row above the header is", "rows above the header are")
            self.options.notice(f"{self.name}: {what} left out, with one value each")
            rows = rows[above:]
        if not rows:
            return
        names, begin = self._names([row for _, row in rows])
        for number, row in rows[begin:]:
            location = f"{self.name} {sheet} row {number}"
            if any(value is not None for value in row[len(names) :]):
                reason = f"found {counted(len(row), 'value')}, expected {len(names)}"
                yield Rejected(location, reason, excerpt=excerpt(row))
            else:
                yield Record(location, dict(zip(names, row, strict=False)))

    def _sheet(self) -> tuple[str, int, list[list[Any]]]:
        """Return the first sheet's name, the rows above its first one, and its cells."""
        from python_calamine import CalamineError, CalamineWorkbook

        try:
            with self.file.open_seekable() as stream, CalamineWorkbook.from_filelike(stream) as book:
                sheets = [book.get_sheet_by_name(name) for name in book.sheet_names]
                filled = [sheet for sheet in sheets if sheet.height]
                if not filled:
                    return "", 0, []
                if others := [sheet.name for sheet in filled[1:]]:
                    shown = ", ".join(others[:_NAMED]) + (", ..." if len(others) > _NAMED else "")
                    self.options.notice(
                        f"{self.name}: the sheet {filled[0].name!r} is read; "
                        f"{counted(len(others), 'other is', 'others are')} not ({shown})"
                    )
                start = filled[0].start or (0, 0)
                return filled[0].name, start[0], filled[0].to_python()
        except (CalamineError, ValueError, OSError) as error:
            raise SourceError(
                f"{self.name}: cannot be read as a spreadsheet: {error}",
                "Check that the file is whole; or save it as CSV and name that.",
            ) from error

    def _names(self, rows: list[list[Any]]) -> tuple[list[str], int]:
        """Return the names of the columns and the number of rows that hold them, 1 or 0."""
        shown = [["" if value is None else str(value) for value in row] for row in rows[:_LOOKED_AT]]
        header = self.options.header
        if header is False or (header is None and not is_header(shown[0], shown[1:])):
            return names_without_header(shown), 0
        names = [name.strip() or f"column_{i}" for i, name in enumerate(shown[0], 1)]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise SourceError(
                f"{self.name}: the header names twice: {', '.join(twice)}",
                "The first row must name the columns, each name once.",
            )
        return names, 1


def _above(rows: list[tuple[int, list[Any]]]) -> int:
    """Return how many rows stand above the header, such as the title of a report: with one value, where others have
    more."""
    filled = [sum(value is not None for value in row) for _, row in rows[:_LOOKED_AT]]
    above = next((i for i, n in enumerate(filled) if n > 1), 0)
    below = [["" if value is None else str(value) for value in row] for _, row in rows[above:_LOOKED_AT]]
    return above if above and is_header(below[0], below[1:]) else 0


def _value(cell: Any) -> Any:
    if cell == "":
        return None
    # Spreadsheets have no whole numbers.
    return int(cell) if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1 << 53 else cell


FORMAT = SourceFormat(
    (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"),
    SheetSource,
    requires="python_calamine",
    install="pip install python-calamine",
)
