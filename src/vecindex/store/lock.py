"""One writer at a time for each database."""

from __future__ import annotations

import inspect
import logging
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vecindex.errors import LockedError, StoreError
from vecindex.files import Unflushed, local_folder, make_folder
from vecindex.masks import masked
from vecindex.messages import option, text
from vecindex.shortages import Shortage, shortage
from vecindex.store.faults import is_conflict, lacking_error, translated
from vecindex.store.remote.lease import check_lease

_LOG = logging.getLogger(__name__)
_POLL_S = 0.2
_TRIES = 10
_LOCK = ".vecindex.lock"
_HOLDER = ".vecindex.holder"
UNKNOWN = "unknown"
"""The holder of a lock whose note is not written yet, or taken away already."""


@dataclass(frozen=True, slots=True)
class _Hold:
    """A lock that this process holds: its file, and the unflushed files of each table where commits are durable."""

    lock: tuple[int, int] | None
    durable: bool
    tables: dict[Path, Unflushed] = field(default_factory=dict)


_held: dict[Path, _Hold] = {}
"""The locks that this process holds, by the absolute path of their folder."""


@contextmanager
def writing(folder: Path | None, doing: str = "", durable: bool = False, wait_s: float = 0.0) -> Iterator[None]:
    """Hold the writer lock of a database inside the block, or raise LockedError after `wait_s`, naming its holder.

    `doing` is added to the note of the holder.

    The kernel releases the lock when the process dies, however it dies. A file next to it holds the writer's process
    id and command, for the message that the next one gets. Object storage has a lease instead; see `remote.lease`.
    If `durable`, each commit inside the block is brought to the disk; what object storage has acknowledged is durable
    anyway.
    """
    from filelock import Timeout

    if folder is None:
        yield
        return
    try:
        make_folder(folder, durable)
        lock = _lock_of(folder)
        _acquire(lock, folder, wait_s)
    except Timeout as error:
        raise LockedError(
            f"Another process is writing to {folder} ({_note(folder)}).",
            text(option("wait", f"{wait_s:g}"), " was not long enough: wait longer, or stop the other one.")
            if wait_s
            else "Wait until it is done, or stop it; then run the same command again.",
        ) from error
    except (OSError, NotImplementedError) as error:
        raise _not_lockable(folder, error) from error
    try:
        with suppress(OSError):  # a full disk; the note only serves a message
            note = f"process {os.getpid()}: {Path(sys.argv[0]).name} {masked(' '.join(sys.argv[1:3]))}{doing}"
            (folder / _HOLDER).write_text(note, encoding="utf-8", errors="replace")
        _held[folder.absolute()] = _Hold(_identity(folder), durable)
        yield
    finally:
        hold = _held.pop(folder.absolute(), None)
        still_ours = hold is not None and hold.lock == _identity(folder)
        # On a disk that failed meanwhile: what ended the block says so, and the kernel releases the lock at the end.
        if still_ours:
            with suppress(OSError):
                (folder / _HOLDER).unlink(missing_ok=True)
        with suppress(OSError):
            lock.release()


def _acquire(lock: Any, folder: Path, wait_s: float) -> None:
    from filelock import Timeout

    try:
        lock.acquire()
    except Timeout:
        if not wait_s:
            raise
        _LOG.warning("waiting up to %g s for another writer (%s)", wait_s, _note(folder))
        lock.acquire(timeout=wait_s, poll_interval=_POLL_S)


def _lock_of(folder: Path) -> Any:
    from filelock import FileLock

    # Where a disk has no locks, filelock would take the file itself for one, and a kill leaves that behind.
    kind: Any = FileLock
    known = inspect.signature(kind.__init__).parameters
    strict = {"fallback_to_soft": False} if "fallback_to_soft" in known else {}  # older ones have no such way
    return kind(folder / _LOCK, timeout=0, thread_local=False, **strict)


def _not_lockable(folder: Path, error: OSError | NotImplementedError) -> StoreError:
    """Return the error that says why a folder cannot be locked, and so cannot be written to."""
    lacking = shortage(error)
    if isinstance(error, NotImplementedError) or lacking is Shortage.ATOMIC:
        lacking = Shortage.LOCKS  # what is not supported is the lock
    what = f"the database folder {folder}"
    if lacking is not None:
        return lacking_error(lacking, what, folder)
    said = getattr(error, "strerror", None) or error
    return StoreError(f"Cannot write to {what}: {said}.", "Name another folder.")


@contextmanager
def committing(where: str) -> Iterator[None]:
    """Let a block commit to a table of a database, at `where`; errors are those of `translated`.

    Raises LockedError where the lock file that this process holds is no longer the one in place: the folder was
    removed or made again meanwhile, and another process may write to it by now; or where the lease that this process
    holds on object storage is another's. With a durable writer, what the block
    has committed is on the disk after it; raises UnavailableError where the disk did not take it.
    """
    folder = local_folder(where)
    database = None if folder is None else folder.parent.absolute()
    hold = _held.get(database) if database is not None else None
    if hold is not None and database is not None and hold.lock != _identity(database):
        raise LockedError(
            f"The database folder {database} was removed or replaced while this process was writing to it.",
            "Nothing was written to the new one. Run the same command again.",
        )
    if folder is None:
        check_lease(where)
    with translated(where):
        unflushed = None
        if hold is not None and hold.durable and folder is not None:
            table = folder.absolute().with_name(f"{folder.name}.lance")
            if table not in hold.tables:
                hold.tables[table] = Unflushed(table)
            unflushed = hold.tables[table]
        yield
        if unflushed is not None:
            unflushed.flush(last="*.manifest")
    _LOG.info("committed to %s", masked(where))


def commit_again(handle: Any, where: str, change: Callable[[], Any]) -> None:
    """Commit a change of an open table, made again of a newer version where another commit came between.

    It is for changes that add no row, so that nothing is there twice. Errors are those of `committing`; LockedError
    where other commits came between each time.
    """
    with committing(where):
        for left in reversed(range(_TRIES)):
            try:
                change()
                return
            except (RuntimeError, OSError) as error:
                if not left or not is_conflict(error):
                    raise
            handle.checkout_latest()


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
        return masked((folder / _HOLDER).read_text(encoding="utf-8", errors="replace")) or UNKNOWN
    except OSError:
        return UNKNOWN
