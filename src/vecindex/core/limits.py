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
from typing import Protocol, TypeVar

from vecindex.errors import VecindexError

T = TypeVar("T")

_LOOK_S = 0.1


class Stopped(VecindexError):
    """What was asked is not answered any more: nobody waits for it."""


class AnyLock(Protocol):
    """A lock of `threading`, of either kind."""

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Wait for the lock, or so many seconds; return whether it is held."""

    def release(self) -> None:
        """Give it back."""


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


@contextmanager
def in_turn(lock: AnyLock) -> Iterator[None]:
    """Hold a lock in the block, with looks while another thread has it. Raises Stopped."""
    while not lock.acquire(timeout=_LOOK_S):
        look()
    try:
        yield
    finally:
        lock.release()


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
