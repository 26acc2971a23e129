"""A reading that failed: because the file is missing or damaged, or for a cause that says nothing about the file.

A repair rests on this difference. So what is not surely damage is not called damage, and a file is read twice.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from vecindex.errors import CorruptError, UnavailableError, VecindexError
from vecindex.shortages import Shortage, short_now, shortage
from vecindex.store.faults import is_panic

T = TypeVar("T")

_PAUSE_S = 0.05
_BLOCK_BYTES = 1 << 20


def _unavailable(what: str, lacking: Shortage) -> UnavailableError:
    return UnavailableError(f"{lacking}: {what} cannot be read now, which is no proof of damage.", lacking.hint)


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
        lacking = shortage(error) or (short_now() if is_panic(error) else None)
        if lacking is not None:
            raise _unavailable(what, lacking) from error
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
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            return False
        raise _unavailable(path.name, shortage(error) or Shortage.DISK) from error
    return True
