"""One writer at a time for each database."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.request import url2pathname

from vecindex.errors import LockedError, StoreError
from vecindex.files import home_of
from vecindex.masks import masked
from vecindex.store.faults import translated

_LOCK = ".vecindex.lock"
_HOLDER = ".vecindex.holder"
_LOCAL_SCHEMES = ("file", "file-object-store")


def local_folder(uri: str) -> Path | None:
    """Return the folder that a database's location names, None for a remote one.

    >>> local_folder("file:///data/my%20db"), local_folder("s3://bucket/db")
    (PosixPath('/data/my db'), None)
    """
    scheme, separator, rest = uri.partition("://")
    if not separator:
        return home_of(uri)
    return Path(url2pathname(rest.removeprefix("localhost"))) if scheme.lower() in _LOCAL_SCHEMES else None


_held: dict[Path, tuple[int, int] | None] = {}
"""The lock files that this process holds, by the absolute path of their folder."""


@contextmanager
def writing(folder: Path | None) -> Iterator[None]:
    """Hold the writer lock of a database inside the block, or raise LockedError at once, naming its holder.

    The kernel releases the lock when the process dies, however it dies. A file next to it holds the writer's process
    id and command, for the message that the next one gets. Databases that are not local folders have no lock: their
    commits are atomic, but two ingests at once may add the same ids.
    """
    from filelock import FileLock, Timeout

    if folder is None:
        yield
        return
    lock = FileLock(folder / _LOCK, timeout=0, thread_local=False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as error:
        raise LockedError(
            f"Another process is writing to {folder} ({_note(folder)}).",
            "Wait until it is done, or stop it; then run the same command again.",
        ) from error
    except OSError as error:
        raise StoreError(
            f"Cannot write to the database folder {folder}: {error.strerror or error}.",
            "Check its permissions, or name another folder.",
        ) from error
    try:
        with suppress(OSError):  # a full disk; the note only serves a message
            note = f"process {os.getpid()}: {Path(sys.argv[0]).name} {masked(' '.join(sys.argv[1:3]))}"
            (folder / _HOLDER).write_text(note, encoding="utf-8", errors="replace")
        _held[folder.absolute()] = _identity(folder)
        yield
    finally:
        still_ours = _held.pop(folder.absolute(), None) == _identity(folder)
        if still_ours:
            (folder / _HOLDER).unlink(missing_ok=True)
        lock.release()


@contextmanager
def committing(where: str) -> Iterator[None]:
    """Let a block commit to a table of a database, at `where`; errors are those of `translated`.

    Raises LockedError where the lock file that this process holds is no longer the one in place: the folder was
    removed or made again meanwhile, and another process may write to it by now.
    """
    folder = local_folder(where)
    database = None if folder is None else folder.parent.absolute()
    if database in _held and _held[database] != _identity(database):
        raise LockedError(
            f"The database folder {database} was removed or replaced while this process was writing to it.",
            "Nothing was written to the new one. Run the same command again.",
        )
    with translated(where):
        yield


def _identity(folder: Path) -> tuple[int, int] | None:
    """Return what distinguishes the lock file of a folder from one that is made there later."""
    try:
        found = (folder / _LOCK).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def writer_at_work(folder: Path | None) -> str | None:
    """Return the process id and command of the writer at work, or None when none is known to be."""
    import psutil

    note = "" if folder is None else _note(folder)
    found = re.match(r"process (\d+): ", note)
    # A crash leaves the holder's note behind, so the note alone proves nothing.
    return note if found and psutil.pid_exists(int(found[1])) else None


def _note(folder: Path) -> str:
    try:
        return masked((folder / _HOLDER).read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return "unknown"
