"""Ctrl-C and SIGTERM while a command runs."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from vecindex.errors import Interrupted
from vecindex.messages import Message

if TYPE_CHECKING:
    from vecindex import Stop
    from vecindex.cli.progress import Screen


@contextmanager
def interruptible(message: Message, hint: Message, at_once: Callable[[], bool] = lambda: True) -> Iterator[None]:
    """Let Ctrl-C (or SIGTERM) end the block with Interrupted, which has this message and hint.

    `at_once` is called at each signal; where it returns False the block goes on.
    """

    def handle(_number: int, _frame: object) -> None:
        if at_once():
            raise KeyboardInterrupt

    def unraisable(ignored: sys.UnraisableHookArgs) -> None:
        # In callbacks from C, such as those of numba's compiler, Python prints an exception and goes on.
        if not issubclass(ignored.exc_type, KeyboardInterrupt):
            print_unraisable(ignored)

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    print_unraisable, sys.unraisablehook = sys.unraisablehook, unraisable
    try:
        yield
    except KeyboardInterrupt as error:
        raise Interrupted(message, hint) from error
    finally:
        sys.unraisablehook = print_unraisable
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def stoppable(stop: Stop) -> Iterator[Screen]:
    """Give the block a screen; the first signal requests a stop and lets the block go on, the second ends it."""
    from vecindex.cli.progress import Screen

    def at_once() -> bool:
        if stop():
            return True
        stop.request()
        screen.stopping()
        return False

    with Screen() as screen, interruptible("Stopped at once.", "Run the same command again to go on.", at_once):
        yield screen
