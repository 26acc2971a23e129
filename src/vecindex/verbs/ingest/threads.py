"""Threads that hand work on, so that reading, the model and the commit overlap in time."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from typing import Generic, TypeVar

T = TypeVar("T")
_POLL_S = 0.2


class Ahead(Generic[T]):
    """Runs an iterator in a thread of its own, a few items ahead of whoever takes them."""

    def __init__(self, items: Iterator[T], depth: int, stopped: Callable[[], bool]) -> None:
        """Start at once; at most `depth` items wait. Once `stopped`, nothing more is waited for."""
        self._items, self._stopped = items, stopped
        self._queue: queue.Queue[T | None] = queue.Queue(depth)
        self._error: BaseException | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._run, daemon=True, name="vecindex-read")
        self._thread.start()

    def _run(self) -> None:
        try:
            for item in self._items:
                self._queue.put(item)
                if self._closed:
                    return
        except BaseException as error:  # noqa: BLE001 (handed on to the taker, whatever it is)
            self._error = error
        finally:
            if isinstance(self._items, Generator):
                # What it holds is not kept until somebody drops it: an error keeps all that it passed.
                self._items.close()
        self._queue.put(None)

    def __iter__(self) -> Iterator[T]:
        """Yield the items; what the iterator raised is raised here."""
        while True:
            try:
                item = self._queue.get(timeout=_POLL_S)
            except queue.Empty:
                # The reader may be waiting for input that never comes.
                if self._stopped():
                    return
                continue
            if item is None:
                if self._error is not None:
                    raise self._error
                return
            yield item

    def close(self) -> None:
        """Drop what waits and let the thread end."""
        self._closed = True
        with suppress(queue.Empty):
            while True:
                # This makes room for the item that the thread may be holding.
                self._queue.get_nowait()
        # A daemon: should it be loading a model just now, the process need not wait for it.
        self._thread.join(timeout=2)


class Behind(Generic[T]):
    """Does something with each item in a thread of its own, in order, a few items behind whoever gives them."""

    def __init__(self, work: Callable[[T], None], depth: int) -> None:
        """Start at once; `give` waits while `depth` items wait."""
        self._work = work
        self._queue: queue.Queue[T | None] = queue.Queue(depth)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True, name="vecindex-commit")
        self._thread.start()

    def _run(self) -> None:
        while True:
            item = self._queue.get()
            if item is None:
                return
            if self._error is None:
                try:
                    self._work(item)
                except BaseException as error:  # noqa: BLE001 (raised again where the items come from)
                    self._error = error

    def give(self, item: T) -> None:
        """Hand an item over; raises what the work on an earlier one raised."""
        self._queue.put(item)
        self._check()

    def finish(self) -> None:
        """Wait until all items are done; raises what the work raised."""
        self._queue.put(None)
        self._thread.join()
        self._check()

    def _check(self) -> None:
        if self._error is not None:
            raise self._error
