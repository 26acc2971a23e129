"""What separates the fields of a delimited file, and whether its first line is a header."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from itertools import takewhile

from vecindex.sources.delimited.lines import Line, Lines, quoted_alone
from vecindex.sources.fieldmap import is_text_name

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
RARE_DELIMITERS = {"^": "carets", "~": "tildes", "\x01": "the character 1, as Hive does", "\x1f": "unit separators"}
"""Taken where none of the usual ones is in the first line and one of these divides all lines evenly."""
_SEP_LINE = re.compile(r'"?sep=(.)"?', re.IGNORECASE | re.DOTALL)
_SNIFFED_LINES = 20
_SNIFFED_CHARS = 2000
_NUMBER = re.compile(r"[-+]?\d[\d.,]*")
_FIGURE = re.compile(r"[-+]?\d\S{0,24}(?:[ T]\d\S*)?$")
_WORDS_OF_A_TEXT = 4
_ID_CHARS = 64


def take_sep_line(lines: Lines) -> str | None:
    """Take the line that names the delimiter for Excel, and return what it names; None where there is none."""
    first = lines.peek(1)
    found = _SEP_LINE.fullmatch(first[0].bare) if first else None
    if found is None:
        return None
    lines.next()
    return found[1]


def take_comments(lines: Lines, delimiter: str) -> int:
    """Take the lines before the header that begin with `#`; return how many.

    One that has as many fields as the line after them is the header itself.
    """
    first = [line for line in lines.peek(_SNIFFED_LINES) if line.bare]
    comments = list(takewhile(lambda line: line.text.startswith("#"), first))
    if not comments or len(comments) == len(first):
        return 0
    after = len(first[len(comments)].bare.split(delimiter))
    if len(comments[-1].bare.split(delimiter)) == after > 1:
        comments.pop()
    taken = 0
    while taken < len(comments) and (line := lines.next()) is not None:
        taken += bool(line.bare)
    return taken


def find_delimiter(lines: Lines, usual: str) -> str:
    """Return the delimiter of the lines that come next; `usual` unless another one divides them evenly.

    The csv module's sniffer is asked where the usual one is not in the first line, or divides hardly any other line
    as it divides the first.
    """
    sample = lines.peek(_SNIFFED_LINES)
    if not sample or _evenly(sample, usual):
        return usual
    if not any(one in sample[0].text for one in DELIMITERS):
        return next((one for one in RARE_DELIMITERS if _divides_all(sample, one)), usual)
    try:
        text = "".join(line.text[:_SNIFFED_CHARS] for line in sample)
        found = csv.Sniffer().sniff(text, "".join(DELIMITERS)).delimiter
    except csv.Error:
        return usual
    return found if found in sample[0].text and (usual not in sample[0].text or _evenly(sample, found)) else usual


def _divides_all(sample: Sequence[Line], delimiter: str) -> bool:
    counts = {line.bare.count(delimiter) for line in sample if line.bare}
    return len(counts) == 1 and min(counts) > 0


def _evenly(sample: Sequence[Line], delimiter: str) -> bool:
    """Return whether a delimiter is in the first line, and divides most other lines into as many fields."""
    widths = [len(cells) if (cells := quoted_alone(line, delimiter)) is not None else 0 for line in sample]
    # Lines of a quoted field that goes on are left aside.
    others = [width for width in widths[1:] if width > 1]
    return widths[0] > 1 and 2 * sum(width == widths[0] for width in others) >= len(others)


def is_header(first: Sequence[str], others: Sequence[Sequence[str]]) -> bool:
    """Return whether a file's first row names its columns.

    It does if one of its cells is a name that is known, or stands above numbers and dates and is none, or if none of
    them looks like a value: a number, or a text of several words.

    >>> is_header(["id", "text"], [["1", "The moon moves the tides."]])
    True
    >>> is_header(["0", "Ribosomes build proteins."], [["1", "The moon moves the tides."]])
    False
    >>> is_header(["7", "what moves"], []), is_header(["a", "b"], [])
    (False, True)
    >>> is_header(["When", "What did you like about it?"], [["2026-01-02 10:00", "The mill."]])
    True
    """
    if any(is_text_name(cell) for cell in first):
        return True
    rows = [row for row in others if len(row) == len(first)]
    if rows and any(
        cell and not any(map(str.isdigit, cell)) and all(_FIGURE.match(row[i].strip()) for row in rows)
        for i, cell in enumerate(first)
    ):
        return True
    return not any(
        (_NUMBER.fullmatch(cell.strip()) and all(_NUMBER.fullmatch(row[i].strip()) for row in rows))
        or (
            len(cell.split()) >= _WORDS_OF_A_TEXT
            or (len(cell.split()) > 1 and cell.rstrip().endswith((".", "!", "?")))
        )
        for i, cell in enumerate(first)
    )


def names_without_header(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return names for the columns of rows without a header: `column_1` and so on, and which are the id and the text.

    The id is the first column whose values are all there, all different and without blanks; the text the one with the
    longest values on average.

    >>> names_without_header([["0", "Ribosomes build proteins."], ["1", "The moon moves the tides."]])
    ['id', 'text']
    >>> names_without_header([["Ribosomes build proteins."]])
    ['text']
    """
    n = max(map(len, rows), default=0)
    whole = [row for row in rows if len(row) == n]
    names = [f"column_{i}" for i in range(1, n + 1)]
    if not n:
        return names
    lengths = [sum(len(row[i]) for row in whole) for i in range(n)]
    text = lengths.index(max(lengths))
    names[text] = "text"
    for i in range(n):
        values = [row[i] for row in whole]
        plain = all(value and len(value) <= _ID_CHARS and not any(c.isspace() for c in value) for value in values)
        if i != text and plain and len(set(values)) == len(values):
            names[i] = "id"
            break
    return names
