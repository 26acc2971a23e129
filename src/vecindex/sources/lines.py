"""Splits a stream into numbered lines of bounded length, for the formats that are made of lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from vecindex.errors import SourceError
from vecindex.sources.base import MAX_ROW_BYTES

OVERLONG = f"line longer than {MAX_ROW_BYTES >> 20} MiB"

_BOM = b"\xef\xbb\xbf"
_FOREIGN_BOMS = (b"\xff\xfe", b"\xfe\xff")


def read_lines(stream: BinaryIO, name: str) -> Iterator[tuple[int, bytes, bool]]:
    r"""Yield (line number from 1, line with its end, whole) for each line that ends in \n or the file.

    `whole` is False for a line over 64 MiB: only its beginning is given, the rest is passed over. A UTF-8
    byte order mark is dropped. Raises SourceError, with the line number, where the stream is damaged or
    when the file is UTF-16.
    """
    number = 1
    try:
        line = stream.readline(MAX_ROW_BYTES + 1)
        if line.startswith(_FOREIGN_BOMS):
            raise SourceError(
                f"{name}: found UTF-16 text, expected UTF-8",
                f"Convert it first: iconv -f UTF-16 -t UTF-8 {name} > converted",
            )
        line = line.removeprefix(_BOM)
        while line:
            whole = len(line) <= MAX_ROW_BYTES or line.endswith(b"\n")
            if not whole:
                line = line[:4096]
                _skip_line(stream)
            yield number, line, whole
            number += 1
            line = stream.readline(MAX_ROW_BYTES + 1)
    except SourceError as error:
        raise SourceError(f"{error.message} (in line {number})", error.hint) from error


def _skip_line(stream: BinaryIO) -> None:
    piece = stream.readline(1 << 20)
    while piece and not piece.endswith(b"\n"):
        piece = stream.readline(1 << 20)
