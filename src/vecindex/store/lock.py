"""One writer at a time for each database."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vecindex.errors import LockedError, StoreError

_HOLDER = ".vecindex.holder"


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
    lock = FileLock(folder / ".vecindex.lock", timeout=0, thread_local=False)
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
            note = f"process {os.getpid()}: {Path(sys.argv[0]).name} {' '.join(sys.argv[1:3])}"
            (folder / _HOLDER).write_text(note, encoding="utf-8", errors="replace")
        yield
    finally:
        (folder / _HOLDER).unlink(missing_ok=True)
        lock.release()


def writer_at_work(folder: Path | None) -> str | None:
    """Return the process id and command of the writer at work, or None when none is known to be."""
    import psutil

    note = "" if folder is None else _note(folder)
    found = re.match(r"process (\d+): ", note)
    # A crash leaves the holder's note behind, so the note alone proves nothing.
    return note if found and psutil.pid_exists(int(found[1])) else None


def _note(folder: Path) -> str:
    try:
        return (folder / _HOLDER).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "unknown"
