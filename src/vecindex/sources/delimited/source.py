"""CSV, TSV and their like. Location: "corpus.csv:12", the line (from 1) on which the row begins; of a row that is
rejected all of its lines, "corpus.csv:12-14".

What separates the fields is what the extension says, unless another delimiter divides the lines and that one does
not, or a first line `sep=;` names it. A first line that looks like a row is no header: the columns are then called
`column_1` and so on, but for the one that is the text and the one that is the id. Both are reported. So are lines
before the header that begin with `#`, which are left out.

How quotes are read: see `rows`. Quoted line ends belong to their field. An empty field is None. The first 1,000 rows
decide each column's type: int (no leading zero, no '+'), float, else str, which whole numbers beyond 64 bits are too;
a later value that does not fit is a Rejected. Columns that are named as id, text or title, or named like one, are
always str, for an id 007 is not 7. Also rejected: another number of fields than the header has, quotes that csv does
not allow, a NUL byte, invalid UTF-8, a line or field over 64 MiB. Blank lines are not rows. A row that is the header
once more is left out.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from functools import partial
from io import BufferedReader
from itertools import chain, islice
from typing import BinaryIO

from vecindex.errors import SourceError
from vecindex.messages import counted, option, text
from vecindex.sources.base import MAX_ROW_BYTES, Block, Item, LeftOut, each
from vecindex.sources.delimited.blocks import Layout, rows_in_blocks
from vecindex.sources.delimited.columns import SAMPLE_ROWS, columns_of, record_of
from vecindex.sources.delimited.dialect import (
    DELIMITERS,
    RARE_DELIMITERS,
    find_delimiter,
    is_header,
    names_without_header,
    take_comments,
    take_sep_line,
)
from vecindex.sources.delimited.lines import Line, Lines, PieceLines, QuotedRows, Row, decoded_lines, quoted_alone
from vecindex.sources.delimited.rows import HEAD_CHARS, Rows, Use, use_of_quotes
from vecindex.sources.files import InputFile, count_lines, read_pieces
from vecindex.sources.formats import FileSource, ReadOptions, SourceFormat
from vecindex.sources.sampling import record_starts

_QUOTED = re.compile(rb"""(?:^|(?<=[,;|\t\r\n]))"[^"]*(?:""[^"]*)*"(?=[,;|\t\r\n]|$)""")
_WORDS = DELIMITERS | RARE_DELIMITERS
_LOOKED_AT = 20
"""Lines that show whether the first one is a header."""


def read_file(stream: BinaryIO, name: str, usual: str, options: ReadOptions) -> Iterator[Item]:
    """Yield one item per row of a file whose dialect is to be found out; `usual` is the delimiter of its extension.

    Raises SourceError as `read_delimited` does.
    """
    return each(_read_lines(Lines(decoded_lines(stream, name)), name, usual, options))


def read_file_in_blocks(
    stream: BufferedReader, name: str, usual: str, options: ReadOptions
) -> Iterator[Item | Block]:
    """Yield what `read_file` does, in blocks where rows are usual ones."""
    return _read_lines(PieceLines(read_pieces(stream, name)), name, usual, options)


def _read_lines(lines: Lines, name: str, usual: str, options: ReadOptions) -> Iterator[Item | Block]:
    named = take_sep_line(lines)
    comments = take_comments(lines, options.delimiter or named or usual)
    if comments:
        begin = counted(
            comments, "line before the header begins with #, and is", "lines before the header begin with #, and are"
        )
        options.notice(text(f"{name}: {begin} left out"))
    delimiter = options.delimiter or named
    if delimiter is None:
        delimiter = find_delimiter(lines, usual)
        if delimiter != usual:
            message = f"{name}: fields are separated by {_WORDS[delimiter]}; another: "
            options.notice(text(message, option("delimiter")))
    names = _names(lines, name, delimiter, options)
    yield from _read(lines, name, delimiter, options, names)


def read_delimited(
    stream: BinaryIO, name: str, delimiter: str, options: ReadOptions, names: Sequence[str] | None = None
) -> Iterator[Item]:
    """Yield one item per row. Raises SourceError when the header is missing, broken or not unique.

    A column named `options.vector_field` holds JSON arrays of numbers. `options.text_fields` are str whatever they
    look like, as are those that are named like an id, text or title. `names` are those of the columns where the file
    has no header.
    """
    return each(_read(Lines(decoded_lines(stream, name)), name, delimiter, options, names))


def _read(
    lines: Lines, name: str, delimiter: str, options: ReadOptions, names: Sequence[str] | None
) -> Iterator[Item | Block]:
    # The module's own limit of 128 KiB is less than a long article; the setting is the process's.
    csv.field_size_limit(max(csv.field_size_limit(), MAX_ROW_BYTES))
    is_quoted = any(line.text.startswith('"') for line in lines.peek(1)) and names is None
    header = _header(lines, name, delimiter) if names is None else names
    # Who quotes names of columns quotes everything.
    quoting = "csv" if is_quoted and options.quoting == "auto" else options.quoting
    use = use_of_quotes(lines, delimiter, len(header), quoting)
    rows = Rows(lines, name, delimiter, len(header), use, options.notice)
    sample = list(islice(rows, SAMPLE_ROWS))
    columns = columns_of(header, sample, options)
    others: Iterator[Row | Item | Block] = iter(rows)
    if isinstance(lines, PieceLines) and use is Use.CSV and len(header) > 1:
        others = rows_in_blocks(lines, rows, Layout(name, delimiter, header, columns))
    for row in chain(sample, others):
        if not isinstance(row, Row):
            yield row
        elif names is None and len(header) > 1 and row.values == header and not row.fault:
            # As where files were put one behind the other.
            yield LeftOut(f"{name}:{row.line}", "header once more")
        else:
            yield record_of(row, columns, name)


def _names(lines: Lines, name: str, delimiter: str, options: ReadOptions) -> list[str] | None:
    """Return the names of the columns of a file without a header, None for one that has one."""
    if options.header:
        return None
    sample = [line for line in lines.peek(_LOOKED_AT) if not line.text.isspace()]
    rows = [cells for line in sample if (cells := _cells(line, delimiter)) is not None]
    if not rows or (options.header is None and (_is_named(rows[0], options) or is_header(rows[0], rows[1:]))):
        return None
    names = names_without_header(rows)
    if options.header is None:
        options.notice(
            text(
                f"{name}: no header, as its first line looks like a row; columns are called {', '.join(names)}; if "
                "it is one: ",
                option("header", True),
            )
        )
    return names


def _is_named(cells: Sequence[str], options: ReadOptions) -> bool:
    """Return whether a row holds the name of a column that an option names."""
    return any(cell.strip() in options.text_fields or cell.strip() == options.vector_field for cell in cells)


def _cells(line: Line, delimiter: str) -> list[str] | None:
    return line.bare.split(delimiter) if delimiter == "\t" else quoted_alone(line, delimiter)


def _header(lines: Lines, name: str, delimiter: str) -> list[str]:
    row = _first_row(lines, delimiter)
    hint = "The first line must name the columns, each name once, e.g. id,title,text"
    if row is None:
        raise SourceError(f"{name}: found an empty file, expected a header line", hint)
    if row.fault:
        raise SourceError(f"{name}:{row.line}: the header cannot be read: {row.fault}", hint)
    # pandas writes its row numbers under an empty name.
    columns = [column.strip() or f"column_{i}" for i, column in enumerate(row.values, 1)]
    # Some programs write the header as a comment.
    columns[0] = columns[0].removeprefix("#").strip() or columns[0]
    twice = sorted({column for column in columns if columns.count(column) > 1})
    if twice:
        raise SourceError(f"{name}:{row.line}: the header names twice: {', '.join(twice)}", hint)
    return columns


def _first_row(lines: Lines, delimiter: str) -> Row | None:
    while (line := lines.next()) is not None:
        if line.bare:
            values, taken, fault = QuotedRows(lines, delimiter).read(line)
            fault = next((one.fault for one in taken if one.fault), fault)
            return Row(line.number, taken[-1].number, values, fault, line.text[:HEAD_CHARS])
    return None


def _count_rows(piece: bytes, is_whole: bool) -> int:
    # The header is no row.
    inside = sum(match[0].count(b"\n") for match in _QUOTED.finditer(piece))
    return max(0, count_lines(piece, is_whole) - inside - 1)


def _format(extension: str, delimiter: str) -> SourceFormat:
    def open_file(file: InputFile, options: ReadOptions) -> FileSource:
        rows = partial(read_file, usual=delimiter, options=options)
        blocks = partial(read_file_in_blocks, usual=delimiter, options=options)
        return FileSource(file, rows, _count_rows, options, record_starts, blocks)

    return SourceFormat((extension,), open_file)


CSV = _format(".csv", ",")
TSV = _format(".tsv", "\t")
