"""A local table kept open from search to search, with what Lance has read of its indexes."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from vecindex.errors import VecindexError
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database


@dataclass(frozen=True, slots=True)
class _Held:
    database: Database
    folder: Path
    table: ArticleTable
    # The commit that was read last: its number, and its name as `ArticleTable.snapshot` gives it.
    number: int
    snapshot: str


class Opened:
    """One table of one database, open, with the caches of that database, see `index_cache_bytes`.

    What is read follows the latest commit. Files of an index never change, and each has a name of its own, so what
    is in a cache is what the disk has. Only a table that was removed and made again may use names that another one
    had: then all is opened again. May be used by several threads at once.
    """

    def __init__(self) -> None:
        """Open nothing yet."""
        self._lock = threading.Lock()
        self._held: _Held | None = None

    def table(self, database: Database, name: str, at: str | None) -> ArticleTable:
        """Return what `database.articles` does, open already if it is the table of the last call.

        A tagged version is opened at each call, and shares the caches. One in object storage is opened at each call
        too: whether it is still the same table cannot be known.
        """
        if database.folder is None:
            return database.articles(name, at)
        with self._lock:
            folder, held = database.folder.absolute(), self._held
            if held is not None and _is_same(held, folder, name):
                database, table = held.database, held.table
            else:
                self._held = None
                table = database.articles(name)
            number = table.version
            self._held = _Held(database, folder, table, number, table.snapshot_of(number, folder))
        return table if at is None else database.articles(name, at)


def _is_same(held: _Held, folder: Path, name: str) -> bool:
    """Return whether the open table is the one that is asked for, and no other one has taken its position.

    The commit that was read last must be there still, and be the latest or be followed by others.
    """
    if (held.table.name, held.folder) != (name, folder) or held.snapshot == str(held.number):
        return False
    try:
        return held.table.snapshot_of(held.number, folder) == held.snapshot and held.table.version >= held.number
    except VecindexError:
        return False
