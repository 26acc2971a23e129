"""What samples are made with: where rows begin in a stretch of a file; evenly spaced items."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

_LINE_END = re.compile(rb"\n(?=[^\r\n])")
_QUOTE_OR_LINE_END = re.compile(rb'"|\n(?=[^\r\n])')
_SEPARATORS = frozenset(b",;|\t\r\n")
_QUOTE = ord('"')


@dataclass(frozen=True, slots=True)
class RowStarts:
    """How the rows of one file are found.

    Attributes
    ----------
    find : yields the positions at which rows begin in a stretch, in order. The stretch begins anywhere in the file;
        a row that begins with its first byte is not found.
    close : ends a file that is put together of whole rows, the last one of the file not being among them.
    """

    find: Callable[[bytes], Iterator[int]]
    close: bytes = b""


FindStarts = Callable[[bytes], RowStarts | None]
"""Takes the beginning of a file; returns None where its rows cannot be found from the middle."""


def line_starts(_head: bytes) -> RowStarts:
    """Return how rows of one line each are found.

    >>> list(line_starts(b"").find(b"one\\ntwo\\n\\nthree\\n"))
    [4, 9]
    """
    return RowStarts(lambda data: (match.end() for match in _LINE_END.finditer(data)))


def record_starts(_head: bytes) -> RowStarts:
    r"""Return how rows of a delimited file are found: lines that do not begin inside quotes.

    >>> list(record_starts(b"").find(b'one,"a\nb"\ntwo,"c"\n3,d'))
    [10, 18]
    """
    return RowStarts(_record_starts)


def _record_starts(data: bytes) -> Iterator[int]:
    inside = _begins_inside_quotes(data)
    for match in _QUOTE_OR_LINE_END.finditer(data):
        if data[match.start()] == _QUOTE:
            inside = not inside
        elif not inside:
            yield match.end()


def _begins_inside_quotes(data: bytes) -> bool:
    """Return whether a stretch begins inside a quoted field, by the majority of its quotes.

    A quote that opens a field follows a separator, one that closes it is followed by one; a doubled quote says
    nothing. Which of both a quote must be follows from how many are before it.
    """
    votes = 0
    is_even = True
    at = data.find(b'"')
    while at >= 0:
        before = data[at - 1] if at else None
        after = data[at + 1] if at + 1 < len(data) else None
        opens = before in _SEPARATORS and after not in _SEPARATORS and after != _QUOTE
        closes = after in _SEPARATORS and before not in _SEPARATORS and before != _QUOTE
        if opens != closes and None not in (before, after):
            votes += 1 if opens == is_even else -1
        is_even = not is_even
        at = data.find(b'"', at + 1)
    return votes < 0


class Spaced(Generic[T]):
    """Keeps at most `most` of the items that it is given: every first, second, fourth, ... one of all.

    >>> spaced = Spaced(3)
    >>> for i in range(10):
    ...     spaced.add(i)
    >>> spaced.items
    [0, 4, 8]
    """

    def __init__(self, most: int) -> None:
        """Begin with no item."""
        self.items: list[T] = []
        self._most, self._step, self._n = most, 1, 0

    def add(self, item: T) -> None:
        """Take the next item, and keep it if it is one of those."""
        if self._n % self._step == 0:
            self.items.append(item)
        self._n += 1
        if len(self.items) > self._most:
            self.items = self.items[::2]
            self._step *= 2


def halving(n: int) -> Iterator[int]:
    """Yield 0 to n - 1 so that the first few are spread over all, however many of them are taken.

    >>> list(halving(8))
    [0, 4, 2, 6, 1, 5, 3, 7]
    >>> list(halving(3))
    [0, 2, 1]
    """
    bits = max(0, n - 1).bit_length()
    for i in range(1 << bits):
        # The bits of i in reverse order: the van der Corput sequence.
        if (at := int(f"{i:0{bits}b}"[::-1], 2) if bits else 0) < n:
            yield at
