"""How long what is done for one request may go on: until its time is over, or its client has left.

Nothing is interrupted from outside: what may take long looks between two of its steps. Without a limit, as in a
command, a look does nothing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from vecindex.errors import VecindexError

T = TypeVar("T")


class Stopped(VecindexError):
    """What was asked is not answered any more: nobody waits for it."""


class Limit:
    """The end of one request. It may be asked and stopped by several threads."""

    def __init__(self, seconds: float) -> None:
        """Begin now."""
        self._ends_at = time.monotonic() + seconds
        self._stopped = threading.Event()

    def stop(self) -> None:
        """End it at the next look."""
        self._stopped.set()

    @property
    def left_s(self) -> float:
        """The seconds that are left, 0 once it ended."""
        return 0.0 if self._stopped.is_set() else max(0.0, self._ends_at - time.monotonic())

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Let it hold for what this thread does in the block."""
        token = _CURRENT.set(self)
        try:
            yield
        finally:
            _CURRENT.reset(token)


_CURRENT: ContextVar[Limit | None] = ContextVar("limit", default=None)


def look() -> None:
    """Raise Stopped when the limit of this request is over."""
    limit = _CURRENT.get()
    if limit is not None and not limit.left_s:
        raise Stopped("What was asked took too long, or nobody waits for it any more.", "Ask for less.")


def looking(steps: Iterable[T]) -> Iterator[T]:
    """Yield the steps, with a look before each. Raises Stopped."""
    for step in steps:
        look()
        yield step


def left_s() -> float | None:
    """Return the seconds that are left for this request; None without a limit."""
    limit = _CURRENT.get()
    return None if limit is None else limit.left_s


@contextmanager
def unlimited() -> Iterator[None]:
    """Let no limit hold in the block: what it makes is kept for others."""
    token = _CURRENT.set(None)
    try:
        yield
    finally:
        _CURRENT.reset(token)
