"""Ctrl-C and SIGTERM while a command runs."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from vecindex.errors import Interrupted
from vecindex.messages import Message


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
