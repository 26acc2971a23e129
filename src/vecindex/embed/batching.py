"""Which texts go through the model together, and how the size of a batch follows the memory that is free."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

GROWTH = 1.25
GROW_AFTER = 50
MIN_TOKENS = 1
# A batch that is swapped out is slower by more than this; texts of other lengths, or a busy machine, by less.
SLOWER = 8
SLOW_BATCHES = 3
# A wider one would cost more padding than it spares memory.
_LENGTH_STEP = 4


def plan_batches(lengths: Sequence[int], budget: int, shapes: Shapes | None = None) -> Iterator[list[int]]:
    """Yield batches of row numbers, texts of like length together, the longest first.

    A batch of b texts costs b times its longest length in tokens, padding included; it stays within `budget`
    unless one text alone is longer. The longest go first, so that a budget that is too large shows at once. With
    `shapes`, lengths are padded as it says, and the last texts are taken by powers of two.

    >>> list(plan_batches([2, 9, 3, 10], budget=20))
    [[3, 1], [2, 0]]
    >>> list(plan_batches([5, 5, 5], budget=100, shapes=Shapes(256)))
    [[2, 1], [0]]
    """
    order = np.argsort(np.asarray(lengths, dtype=np.int64), kind="stable")[::-1]
    at = 0
    while at < len(order):
        longest = max(1, int(lengths[order[at]]))
        size = max(1, budget // (shapes.length(longest) if shapes else longest))
        left = len(order) - at
        if shapes and left < size:
            size = 1 << (left.bit_length() - 1)
        yield [int(i) for i in order[at : at + size]]
        at += size


@dataclass(frozen=True, slots=True)
class Shapes:
    """Limits the number of distinct batch shapes: oneDNN makes 1 to 2 MB of kernels for each, and keeps 1,024.

    Without it the memory of a process grows by that with nearly every transaction, whose last texts are of another
    number each time. `most` is the number of tokens that the model reads.
    """

    most: int

    def length(self, longest: int) -> int:
        """Return the length that the texts of a batch are padded to.

        >>> [Shapes(most=30).length(n) for n in (12, 13, 29, 40)]
        [12, 16, 30, 40]
        """
        return max(longest, min(self.most, -(-longest // _LENGTH_STEP) * _LENGTH_STEP))


class TokenBudget:
    """The number of tokens, padding included, that a batch may hold; halved when memory runs out.

    It grows back by a quarter after `GROW_AFTER` batches without a fault, up to the start value, but never
    again to a size that has failed twice. Where the time of the batches is given, it is halved for good when several
    in a row are many times slower than the fastest was: memory is swapped out then.
    """

    def __init__(self, start: int, ceiling: int | None = None) -> None:
        """Start at `start` tokens; `ceiling` (default: `start`) bounds the growth."""
        self.tokens = start
        self.full = max(start, ceiling or start)
        """The size that it grows back to as long as memory allows."""
        self._ceiling = self.full
        self._failed_at: dict[int, int] = {}
        self._quiet = 0
        self._best_rate = 0.0
        self._slow = 0

    def failed(self, used: int) -> None:
        """Note that a batch of `used` tokens ran out of memory; the budget becomes half of that."""
        self._failed_at[used] = self._failed_at.get(used, 0) + 1
        if sum(n for size, n in self._failed_at.items() if size <= used) > 1:
            self._ceiling = min(self._ceiling, max(MIN_TOKENS, used - 1))
        self.tokens = max(MIN_TOKENS, min(self.tokens, used // 2))
        self._quiet = 0

    def passed(self, used: int = 0, seconds: float | None = None) -> None:
        """Note that a batch went through: of `used` tokens, in so many seconds where these say something."""
        if seconds is not None and self._slowed(used, seconds):
            self.full = self._ceiling = self.tokens = max(MIN_TOKENS, self.tokens // 2)
            self._quiet = self._slow = 0
            return
        self._quiet += 1
        if self._quiet >= GROW_AFTER and self.tokens < self._ceiling:
            self.tokens = min(self._ceiling, max(self.tokens + 1, int(self.tokens * GROWTH)))
            self._quiet = 0

    def _slowed(self, used: int, seconds: float) -> bool:
        if used * 2 < self.tokens:
            return False  # small batches keep no device busy
        rate = used / max(seconds, 1e-9)
        self._best_rate = max(self._best_rate, rate)
        self._slow = self._slow + 1 if rate * SLOWER < self._best_rate else 0
        return self._slow >= SLOW_BATCHES
