"""LanceDB's exceptions turned into ours: it raises RuntimeError and OSError with the cause in the text, or panics.

A repair rests on the difference between a file that is missing or damaged and one that cannot be read now. So what is
not surely damage is not called damage, and a file is read twice.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from vecindex.errors import (
    LOOK_CLOSER,
    ConfigError,
    CorruptError,
    DiskFullError,
    LockedError,
    StoreError,
    UnavailableError,
    VecindexError,
)
from vecindex.files import local_folder
from vecindex.messages import option, text
from vecindex.objects.words import remote_fault
from vecindex.shortages import Shortage, descriptors_allowed, disk_of, is_panic, short_now, shortage

T = TypeVar("T")

_PAUSE_S = 0.05
_BLOCK_BYTES = 1 << 20
_BROKEN = (
    "not found",
    "invalid range",
    "failed to fill whole buffer",
    "object at location",
    "corrupt",
    "magic number",
    "unexpected end",
    "failed to decode",
    "invalid protobuf",
    "end of file",
    "file size is too small",
    "correct footer",
    "get root as footer",
    "negative or overflowing position",
    "invalid read of range",
    "appear to be a lance file",
    "outside file of size",
    "offset table has",
)

# Not one word alone: the path of a table may have it.
_CAME_BETWEEN = (
    "commit conflict",
    "version conflict",
    "reported a conflict",
    "still conflicting",
    "incompatible transaction",
    "concurrent writers",
)

_OF_THE_DISK = (Shortage.LOCKS, Shortage.ATOMIC, Shortage.READ_ONLY, Shortage.STALE, Shortage.DISK)
_DOING = {Shortage.MEMORY: "to open", Shortage.PERMISSION: "to read or write"}

# Lance ends its messages with the line of its own source.
_SOURCE_LINE = re.compile(r",? /[\w./@:-]+\.rs:\d+(:\d+)?.*$")
_CONDITION = "error applying filter expression to batch"


def _after(message: str, phrase: str) -> str:
    """Return the words of a message after a phrase, up to the line of the store's source that it names.

    >>> _after("Error applying filter expression to batch: Arrow error: Divide by zero error, /x.rs:1", _CONDITION)
    'Divide by zero error'
    """
    words = message[message.lower().index(phrase) + len(phrase) :].strip(" :").removeprefix("Arrow error: ")
    return words.split(", /")[0].splitlines()[0].strip()[:200]


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Raise one of ours for what LanceDB raises inside the block, by its cause.

    UnavailableError and DiskFullError say what the system lacked, CorruptError that files are missing or damaged,
    LockedError that another process has committed, StoreError what LanceDB said.
    """
    try:
        yield
    except VecindexError:
        raise
    except BaseException as error:
        ours = _ours(error, where)
        if ours is None:
            raise
        raise ours from error


def _ours(error: BaseException, where: str) -> VecindexError | None:
    """Return the error of ours that stands for one of LanceDB; None for one that is not of the store."""
    panic = is_panic(error)
    if not panic and not isinstance(error, RuntimeError | OSError | ValueError | MemoryError | ImportError):
        return None
    if isinstance(error, UnicodeEncodeError):
        return not_unicode(error.object, where)
    full = str(error)
    low = full.lower()
    line = _SOURCE_LINE.sub("", (full.strip().splitlines() or [type(error).__name__])[0])[:300]
    if _CONDITION in low:
        return ConfigError(
            f"The condition cannot be worked out on every row of {where}: {_after(full, _CONDITION)}.",
            text("Change the condition: ", option("where")),
        )
    if local_folder(where) is None and (fault := remote_fault(full, where)) is not None:
        return UnavailableError(f"{where}: {fault.what}.", fault.hint)
    # Before damage: a file that could not be opened is not proven to be damaged.
    lacking = shortage(error, where) or (short_now() if panic else None)
    if lacking is not None:
        return lacking_error(lacking, where, local_folder(where))
    if panic:
        return CorruptError(
            f"LanceDB broke off at {where} (a panic in its own code), most likely because files are damaged.",
            LOOK_CLOSER,
        )
    if isinstance(error, MemoryError | ImportError):
        return None
    if is_conflict(error):
        return LockedError(f"Another process has written to {where} meanwhile.", "Run the same command again.")
    if any(phrase in low for phrase in _BROKEN):
        return CorruptError(f"Files of {where} are missing or damaged: {line}", LOOK_CLOSER)
    return StoreError(f"The store failed on {where}: {line}", "Run the command again.")


def is_conflict(error: BaseException) -> bool:
    """Return whether Lance refused a commit since another one came between."""
    said = str(error).lower()
    return any(phrase in said for phrase in _CAME_BETWEEN)


def lacking_error(lacking: Shortage, what: str, path: Path | None = None) -> StoreError:
    """Return the error for what the system lacked while `what` was read or written; `path` is where that lies."""
    disk = disk_of(path) if path is not None and lacking in (*_OF_THE_DISK, Shortage.SPACE) else None
    if lacking is Shortage.SPACE:
        where = f"{what}, {disk}" if disk else what
        return DiskFullError(f"{lacking} of {where}; what was committed before is safe.", lacking.hint)
    if lacking is Shortage.DESCRIPTORS:
        allowed = descriptors_allowed() or "no more"
        return UnavailableError(
            f"{lacking} to open {what}: this process may have {allowed} files open.", lacking.hint
        )
    if lacking in _OF_THE_DISK:
        return UnavailableError(f"{lacking}: {what}{f' is on {disk}' if disk else ''}.", lacking.hint)
    return UnavailableError(f"{lacking} {_DOING[lacking]} {what}.", lacking.hint)


def is_unicode(given: str) -> bool:
    r"""Return whether a text can be kept: Python's stand-ins for bytes that are no UTF-8 cannot.

    >>> is_unicode("é"), is_unicode("caf\udce9")
    (True, False)
    """
    return given.isascii() or not any("\ud800" <= c <= "\udfff" for c in given)


def not_unicode(given: str, where: str) -> ConfigError:
    """Return the error for an id, a name or a condition that no database can hold."""
    return ConfigError(
        f"{given[:200]!r} is not valid Unicode, so nothing in {where} can have it.",
        "Ids, texts, conditions and the database's own name are UTF-8.",
    )


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
