"""One writer at a time for each database."""

from __future__ import annotations

import os
import re
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from vecindex.errors import LockedError, StoreError


class WriterLock:
    """Held while a process writes to a database; the kernel releases it when the process dies, however it dies.

    The lock file holds the writer's process id and command, for the message that the next one gets. Databases
    that are not local folders have no lock: their commits are atomic, but two ingests at once may add the same ids.
    """

    def __init__(self, database: Path | None) -> None:
        """Take the database's folder, or None for a remote one."""
        from filelock import FileLock

        self._path = database / ".vecindex.lock" if database else None
        self._lock = FileLock(self._path, timeout=0, thread_local=False) if self._path else None
        self._holder = self._path.with_suffix(".holder") if self._path else None

    def __enter__(self) -> WriterLock:
        """Take the lock at once, or raise LockedError naming its holder."""
        from filelock import Timeout

        if self._lock is None or self._path is None or self._holder is None:
            return self
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        except Timeout as error:
            raise LockedError(
                f"Another process is writing to {self._path.parent} ({self._who()}).",
                "Wait until it is done, or stop it; then run the same command again.",
            ) from error
        except OSError as error:
            raise StoreError(
                f"Cannot write to the database folder {self._path.parent}: {error.strerror or error}.",
                "Check its permissions, or name another folder.",
            ) from error
        with suppress(OSError):  # a full disk; the note only serves a message
            note = f"process {os.getpid()}: {Path(sys.argv[0]).name} {' '.join(sys.argv[1:3])}"
            self._holder.write_text(note, encoding="utf-8", errors="replace")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Release the lock."""
        if self._lock is not None:
            if self._holder is not None and self._lock.is_locked:
                self._holder.unlink(missing_ok=True)
            self._lock.release()

    def holder(self) -> str | None:
        """Return the process id and command of the writer at work, or None when none is known to be."""
        note = self._who()
        found = re.match(r"process (\d+): ", note)
        return note if found and _is_alive(int(found[1])) else None

    def _who(self) -> str:
        try:
            return self._holder.read_text(encoding="utf-8", errors="replace") if self._holder else "unknown"
        except OSError:
            return "unknown"


def _is_alive(process: int) -> bool:
    # A crash leaves the holder's note behind, so the note alone proves nothing.
    import psutil

    return bool(psutil.pid_exists(process))
