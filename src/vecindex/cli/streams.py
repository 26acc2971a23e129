"""Standard streams that may be closed, full, or without a reader: what a command did must not depend on them."""

from __future__ import annotations

import io
import os
import sys
from typing import Any, TextIO

_NUMBERS = {"stdin": 0, "stdout": 1, "stderr": 2}


class OutputError(OSError):
    """Standard output does not take what a command prints; its work is another matter."""


class _Output(io.FileIO):
    """Standard output, whose failures are distinguished from those of other files."""

    def write(self, data: Any, /) -> int:
        """Write. A pipe without a reader is the caller's business."""
        try:
            return super().write(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputError(error.errno, error.strerror) from error


class _Notices(io.FileIO):
    """Standard error, which drops what it cannot write: notices are no reason to end anything."""

    def write(self, data: Any, /) -> int:
        """Write, or drop."""
        try:
            return super().write(data)
        except OSError:
            return memoryview(data).nbytes


_closed: set[str] = set()


def prepare() -> None:
    """Put streams in place that may fail without harm, before a file can get the number of a closed one."""
    _closed.clear()
    for name, number in _NUMBERS.items():
        try:
            os.fstat(number)
        except OSError:
            _closed.add(name)
            # The lowest free number is this one. Else a database's file could get it, and be printed into.
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = _prepared("stdout", _Output)
    sys.stderr = _prepared("stderr", _Notices)


def is_closed(name: str) -> bool:
    """Return whether whoever started this process closed a stream: "stdin", "stdout" or "stderr"."""
    return name in _closed


def silence(*names: str) -> None:
    """Let streams go nowhere from now on, so that the interpreter's end does not complain about what they hold."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for name in names:
        os.dup2(nowhere, _NUMBERS[name])
    os.close(nowhere)


def _prepared(name: str, kind: type[io.FileIO]) -> TextIO:
    stream: TextIO | None = getattr(sys, name)
    if stream is None:
        return _text(kind, name, "utf-8", "backslashreplace", line_buffering=True)
    buffer = getattr(stream, "buffer", None)
    raw = getattr(buffer, "raw", buffer)  # unbuffered (python -u), there is nothing between
    is_own = stream is getattr(sys, f"__{name}__") and isinstance(stream, io.TextIOWrapper)
    if not is_own or type(raw) is not io.FileIO:
        # A test or another program has put it there, or it is a console of Windows.
        return stream
    stream.flush()
    at_once = bool(stream.line_buffering) or bool(getattr(stream, "write_through", False))
    return _text(kind, name, stream.encoding, stream.errors or "strict", line_buffering=at_once)


def _text(kind: type[io.FileIO], name: str, encoding: str, errors: str, *, line_buffering: bool) -> TextIO:
    raw = kind(_NUMBERS[name], "w", closefd=False)
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding, errors, line_buffering=line_buffering)
