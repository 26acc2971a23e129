"""A table kept open from search to search, with what Lance has read of its indexes."""

from __future__ import annotations

import copy
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vecindex.errors import VecindexError
from vecindex.objects.requests import Listed, Objects
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.store.local import index_cache_at


@dataclass(frozen=True, slots=True)
class _Held:
    database: Database
    folder: Path
    table: ArticleTable
    # The commit that was read last: its number, and its name as `ArticleTable.snapshot` gives it.
    number: int
    snapshot: str


@dataclass(frozen=True, slots=True)
class _HeldRemote:
    table: ArticleTable
    uri: str
    # A client keeps its connections, and the keys that it was given.
    objects: Objects
    # Its newest commits when it was opened, with what distinguishes each from another of that name.
    commits: tuple[Listed, ...]


class OneVersion:
    """LanceDB's handle of a table in object storage, which stays at its version and is read with the same caches.

    By itself each `to_lance` of such a handle asks for the version, and reads the head of the index again.
    """

    def __init__(self, handle: Any, cache: int) -> None:
        """Take the handle, and what the indexes may take in memory."""
        self._handle, self._cache = handle, cache
        self._data: Any = None

    def __getattr__(self, name: str) -> Any:
        """Hand all else to the handle."""
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._handle, name)

    def to_lance(self, **caches: int) -> Any:
        """Return the version as a Lance dataset; of the caller's own where it names sizes of caches."""
        if caches:
            return self._handle.to_lance(**caches)
        if self._data is None:
            self._data = self._handle.to_lance(index_cache_size_bytes=self._cache)
        return copy.copy(self._data)


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
        self._remote: _HeldRemote | None = None

    def table(self, database: Database, name: str, at: str | None) -> ArticleTable:
        """Return what `database.articles` does, open already if it is the table of the last call.

        A tagged version is opened at each call, and locally shares the caches. A table in object storage is asked for
        its commits, by one request, and opened again when they are others.
        """
        if database.is_leased and at is None:
            return self._in_storage(database, name)
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

    def _in_storage(self, database: Database, name: str) -> ArticleTable:
        with self._lock:
            # Forgotten where its client is refused: keys expire, and another client gets those of now.
            held, self._remote = self._remote, None
            objects = held.objects if held is not None and held.uri == database.uri else Objects(database.uri)
            commits = objects.first_listed(f"{name}.lance/_versions/")
            asked = (database.uri, name, commits)
            if held is not None and commits and (held.uri, held.table.name, held.commits) == asked:
                self._remote = held
                return held.table
            table = database.articles(name)
            table.lance = OneVersion(table.lance, index_cache_at(table.where, table.folder))
            self._remote = _HeldRemote(table, database.uri, objects, commits)
            return table


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
