"""Why a reading failed: because the file is missing or damaged, or for a cause that says nothing about the file.

A repair rests on this difference. So what is not surely damage is not called damage, and a file is read twice.
"""

from __future__ import annotations

import errno
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from vecindex.errors import CorruptError, UnavailableError, VecindexError

T = TypeVar("T")

# The store names the cause in the text of its exceptions, a panic in the form of Rust's own error.
_NUMBER = re.compile(r"os error (\d+)|\bos { code: (\d+)", re.IGNORECASE)
_OF_THE_FILE = frozenset({0, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EINVAL})
_WORDS = {
    "too many open files": errno.EMFILE,
    "permission denied": errno.EACCES,
    "cannot allocate memory": errno.ENOMEM,
    "input/output error": errno.EIO,
    "timed out": errno.ETIMEDOUT,
    "connection refused": errno.ECONNREFUSED,
    "connection reset": errno.ECONNRESET,
}
_REMEDIES = {
    errno.EMFILE: "Raise the limit (ulimit -n 4096), and run the command again.",
    errno.ENFILE: "Close other programs, and run the command again.",
    errno.EACCES: "Check whose files these are, and run the command again.",
    errno.EPERM: "Check whose files these are, and run the command again.",
    errno.ENOMEM: "Close other programs or take a machine with more memory, and run the command again.",
    errno.EIO: "Copy the folder to another disk while that is possible, and check this one.",
}
_AGAIN = "Run the command again."
_PAUSE_S = 0.05
_BLOCK_BYTES = 1 << 20


def passing_cause(error: BaseException) -> int | None:
    """Return the system's error number where a failure says nothing about the file that was read; None otherwise.

    >>> passing_cause(OSError("Unable to open file x.lance: Too many open files (os error 24)")) == errno.EMFILE
    True
    >>> passing_cause(OSError("file size is too small")) is None
    True
    """
    if isinstance(error, MemoryError):
        return errno.ENOMEM
    numbers = [error.errno] if isinstance(error, OSError) and isinstance(error.errno, int) else []
    full = str(error)
    numbers += [int(a or b) for a, b in _NUMBER.findall(full)]
    numbers += [number for words, number in _WORDS.items() if words in full.lower()]
    return next((number for number in numbers if number not in _OF_THE_FILE), None)


def unavailable(what: str, number: int) -> UnavailableError:
    """Return the error for a file that cannot be read now."""
    reason = os.strerror(number).lower()
    return UnavailableError(
        f"{what} cannot be read now: {reason}. That is no proof of damage.", _REMEDIES.get(number, _AGAIN)
    )


def is_panic(error: BaseException) -> bool:
    """Return whether the Rust side panicked, which is neither an Exception nor importable."""
    return type(error).__name__ == "PanicException"


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Raise CorruptError or UnavailableError for what Lance raises while it reads."""
    try:
        yield
    except VecindexError:
        raise
    except BaseException as error:
        if not isinstance(error, ValueError | OSError | RuntimeError | MemoryError) and not is_panic(error):
            raise
        number = passing_cause(error)
        if number is not None:
            raise unavailable(what, number) from error
        line = re.sub(r",? /[\w./@:-]+\.rs:\d+(:\d+)?.*$", "", " ".join(str(error).split()))
        line = re.sub(r"^(External error: )?(LanceError\(\w+\): )?(Generic [\w/]+ error: )?", "", line)
        raise CorruptError(f"{what}: {line[:200]}") from error


def read_twice(read: Callable[[], T]) -> T:
    """Return what a reading gives; where it finds damage, it is made again before that is believed."""
    try:
        return read()
    except CorruptError:
        time.sleep(_PAUSE_S)
        return read()


def check_readable(path: Path) -> bool:
    """Read a file's bytes; return whether it is there.

    Raises UnavailableError where the system refuses them: then nothing is known of their content.
    """
    try:
        with path.open("rb") as stream:
            while stream.read(_BLOCK_BYTES):
                pass
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            return False
        raise unavailable(path.name, error.errno or errno.EIO) from error
    return True
