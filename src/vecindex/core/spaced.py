"""Evenly spaced items of a sequence whose length is not known before its end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


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
