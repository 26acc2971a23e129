"""Stretches of a file, cut at the ends of rows and put together as a small file of the same format.

A row belongs to the sample if it begins in one of the ranges of bytes that are taken. So each row is as likely as any
other to be in it, long or short, and the rows of the file are those of the sample times the file's bytes over those
of the ranges.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from io import BufferedReader
from typing import IO

from vecindex.sources.base import MAX_ROW_BYTES
from vecindex.sources.files import InputFile
from vecindex.sources.sampling import FindStarts, RowStarts, Spaced
from vecindex.sources.unpack import Unpacked

RANGE_BYTES = 64 << 10
# Of what is before a range, so that a row that begins with it is seen to.
_CONTEXT_BYTES = 64
_FOREIGN = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Some rows of a file, as a file of the same format.

    `scale` is how many times as many the whole file has; `spread` is whether they are from all of it.
    """

    data: bytes
    scale: float
    spread: bool = True


def excerpt(file: InputFile, find: FindStarts, n: int, seconds: float) -> Excerpt | None:
    """Return the rows that begin in about `n` ranges, spread over a file; of a compressed one over what can be read
    in so many seconds. None where rows cannot be found from the middle.

    Raises SourceError where the file cannot be read.
    """
    size = file.size_bytes()
    if file.compression is None and size is not None:
        with file.open_seekable() as seekable:
            starts = _starts(seekable.read(RANGE_BYTES), find)
            return None if starts is None else _at_offsets(seekable, size, starts, n)
    with file.open() as stream:
        return _along(stream, size, find, n, time.perf_counter() + seconds)


def _starts(head: bytes, find: FindStarts) -> RowStarts | None:
    # In UTF-16 a line's end is no single byte.
    return None if b"\0" in head or head.startswith(_FOREIGN) else find(head)


def _at_offsets(file: IO[bytes], size: int, starts: RowStarts, n: int) -> Excerpt:
    stretches = []
    for i in range(n):
        begin, end = i * size // n, min(i * size // n + RANGE_BYTES, (i + 1) * size // n)
        context = min(begin, _CONTEXT_BYTES)
        file.seek(begin - context)
        stretch = _Stretch(context, end - begin, file.read(context + end - begin))
        missing = RANGE_BYTES
        while stretch.rows is None:
            piece = file.read(missing)
            stretch.add(piece, starts, is_end=len(piece) < missing)
            missing = len(stretch.data)
        stretches.append(stretch)
    return _joined(stretches, starts, size)


def _along(stream: BufferedReader, size: int | None, find: FindStarts, n: int, until: float) -> Excerpt | None:
    """Return the rows of ranges that are chosen while the stream is read; to its end if there is time."""
    spaced, unfinished = Spaced[_Stretch](n), list[_Stretch]()
    piece = stream.read(RANGE_BYTES)
    starts = _starts(piece, find)
    if starts is None:
        return None
    before, done = b"", 0
    # At least one range is taken, however little time there is.
    while piece and (spaced.items[:1] == unfinished[:1] or time.perf_counter() < until):
        for stretch in unfinished:
            stretch.add(piece, starts)
        stretch = _Stretch(len(before), len(piece), before + piece)
        spaced.add(stretch)
        unfinished = [one for one in (*unfinished, stretch) if one.rows is None and one in spaced.items]
        before, done = piece[-_CONTEXT_BYTES:], done + len(piece)
        piece = stream.read(RANGE_BYTES)
    if not piece:
        for stretch in unfinished:
            stretch.add(b"", starts, is_end=True)
    elif size is not None and isinstance(stream.raw, Unpacked):
        done = round(done * size / max(1, stream.raw.stored_bytes))
    whole = [stretch for stretch in spaced.items if stretch.rows is not None]
    return _joined(whole, starts, done, spread=not piece)


def _joined(stretches: Sequence[_Stretch], starts: RowStarts, size: int, spread: bool = True) -> Excerpt:
    close = b"" if stretches and stretches[-1].ended else starts.close
    data = b"".join(stretch.rows or b"" for stretch in stretches) + close
    return Excerpt(data, size / max(1, sum(stretch.length for stretch in stretches)), spread)


class _Stretch:
    """A range of `length` bytes behind `context` bytes, and what follows it as far as its last row goes."""

    def __init__(self, context: int, length: int, data: bytes) -> None:
        """Take the bytes of context and range."""
        self.context, self.length, self.data = context, length, data
        self.rows: bytes | None = None
        """The rows that begin in the range, once the last one is whole."""
        self.ended = False
        """Whether that is the last one of the file."""

    def add(self, piece: bytes, starts: RowStarts, is_end: bool = False) -> None:
        """Take what comes next in the file; `is_end` is whether the file ends with it."""
        self.data += piece
        begin = None if self.context else 0
        for at in starts.find(self.data):
            if at >= self.context + self.length:
                self._take(begin, at)
                return
            if begin is None and at >= self.context:
                begin = at
        if is_end:
            self.ended = begin is not None
            self._take(begin, len(self.data))
        elif len(self.data) > MAX_ROW_BYTES:
            self._take(None, 0)

    def _take(self, begin: int | None, end: int) -> None:
        self.rows = b"" if begin is None else self.data[begin:end]
        self.data = b""
