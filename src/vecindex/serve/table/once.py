"""Values that take long to make: each is made once, whoever asks, and a few of them are kept."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from typing import Generic, TypeVar

from vecindex.core.limits import Stopped, look

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
_LOOK_EVERY_S = 0.1


class Once(Generic[K, V]):
    """The values last asked for, at most `size` of them.

    >>> made = Once[str, int](2)
    >>> made.get("a", lambda: 1), made.get("a", lambda: 2)
    (1, 1)
    """

    def __init__(self, size: int) -> None:
        """Keep nothing yet."""
        self._size = size
        self._lock = threading.Lock()
        self._values: OrderedDict[K, Future[V]] = OrderedDict()

    def get(self, key: K, make: Callable[[], V]) -> V:
        """Return the value of a key. The first one who asks makes it, and the others wait; an error is not kept.

        Where the first one was stopped, another one who waits makes it. Raises Stopped where the own limit is over.
        """
        while True:
            found, mine = self._claimed(key)
            if mine:
                return self._made(key, found, make)
            try:
                return _waited(found)
            except Stopped:
                look()

    def _claimed(self, key: K) -> tuple[Future[V], bool]:
        """Return the value that will be there, and whether it is left to the caller to make it."""
        with self._lock:
            found = self._values.get(key)
            mine = found is None
            if found is None:
                found = self._values[key] = Future()
            self._values.move_to_end(key)
            while len(self._values) > self._size:
                self._values.popitem(last=False)
            return found, mine

    def _made(self, key: K, found: Future[V], make: Callable[[], V]) -> V:
        try:
            found.set_result(make())
        except BaseException as error:  # noqa: BLE001  # whoever waits gets it too
            with self._lock:
                if self._values.get(key) is found:
                    del self._values[key]
            found.set_exception(error)
        return found.result()

    def known(self, key: K) -> bool:
        """Return whether a value is there, or being made."""
        with self._lock:
            return key in self._values

    def values(self) -> list[V]:
        """Return the values that are there, the one asked for last at the end."""
        with self._lock:
            return [v.result() for v in self._values.values() if v.done() and v.exception() is None]


def _waited(found: Future[V]) -> V:
    """Return a value that another one makes, with a look from time to time."""
    while True:
        try:
            return found.result(_LOOK_EVERY_S)
        except NotYet:
            if found.done():  # just now; or what was being made ran into the same error
                return found.result()
            look()
