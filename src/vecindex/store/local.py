"""The tables of a database, local ones by Lance itself, which is there in a tenth of the time of LanceDB.

This is the one module that knows of the two, and imports them: both without pandas and the client of a remote
catalogue, which they import and vecindex does not use. Both keep tables in the same format. LanceDB is imported for
what is not here: the full-text index, and searches that must end in a given time.
"""

from __future__ import annotations

import copy
import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from functools import cache, cached_property, partial
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from typing import Any

from vecindex.core.conditions import in_backquotes
from vecindex.files import local_folder
from vecindex.masks import masked
from vecindex.objects.requests import Objects, is_known
from vecindex.shortages import addresses_left, memory_available
from vecindex.store.faults import translated

Opens = Callable[[], Any]

# LanceDB takes a few plain types from the client of a remote catalogue. Its package makes all of the client when it
# is imported, which takes two thirds of the time that LanceDB needs.
_CLIENT = "lance_namespace_urllib3_client"
# Opening the session under it imports Lance, which takes it again.
_lock = threading.RLock()
# LanceDB's default may take 1 GB, and with thousands of commits in a process it does. This holds the working set of a
# table of 10 million rows.
_METADATA_CACHE = 32 << 20
INDEX_CACHE = 256 << 20
"""What the indexes of any table may take in memory; LanceDB's default is 6 GB, whatever there is."""
_CACHE_SHARE = 0.25
"""Of the memory that the process may still take, for larger ones: an index is chosen to fit into it."""
_INDEXES = "_indices"
# What Lance needs to start, and the stack of each of its threads, one a core, with what belongs to it.
_START_BYTES = 32 << 20
_THREAD_BYTES = 4 << 20


class Tables:
    """The tables of one location: opened, made and listed by Lance in a local folder, by LanceDB elsewhere."""

    def __init__(self, location: str) -> None:
        """Take a local folder or a URI that LanceDB knows."""
        self._location = location
        self.folder = local_folder(location)
        """What the indexes of tables in object storage may take in memory."""
        self._shared: Any = None
        self._shared_bytes = 0

    @cached_property
    def connection(self) -> Any:
        """The LanceDB connection, made at the first use; object storage is asked before whether it may be used."""
        lancedb = import_lancedb()
        if is_known(self._location):
            Objects(self._location).check()
        with translated(masked(self._location)):
            return lancedb.connect(
                self.folder or self._location,
                session=lancedb.Session(
                    index_cache_size_bytes=INDEX_CACHE, metadata_cache_size_bytes=_METADATA_CACHE
                ),
                # Locally every read sees the latest commit, of whichever process. In object storage each look for it
                # is a request, and each read may have several: there a handle stays at the commit that it was opened
                # at, or that this process made, until `checkout_latest`.
                read_consistency_interval=None if is_known(self._location) else timedelta(0),
            )

    def _session(self, name: str | None = None) -> Any:
        """Return the caches that all tables which are read here share, large enough for the indexes of this one."""
        wanted = index_cache_bytes(None if name is None else self._path(name))
        with _lock:
            if wanted > self._shared_bytes:
                self._shared_bytes = wanted
                self._shared = import_lance().Session(
                    index_cache_size_bytes=wanted, metadata_cache_size_bytes=_METADATA_CACHE
                )
            return self._shared

    def _path(self, name: str) -> Path:
        assert self.folder is not None, "only a local table has a path"
        return self.folder.absolute() / f"{name}.lance"

    def listed(self) -> Iterator[str]:
        """Yield the names under which there is something; a local folder need not hold a table yet."""
        if self.folder is not None:
            yield from (path.stem for path in self.folder.iterdir() if path.suffix == ".lance")
            return
        page = None
        while True:
            # One call gives a page of names only.
            answer = self.connection.list_tables(page_token=page)
            yield from answer.tables
            page = getattr(answer, "page_token", None)
            if not page:
                return

    def open_table(self, name: str) -> Any:
        """Return LanceDB's handle of a table, or what has the same methods for a local one."""
        if self.folder is None:
            return self.connection.open_table(name)
        return LocalTable(
            self._path(name), name, partial(self._session, name), lambda: self.connection.open_table(name)
        )

    def create_table(self, name: str, rows: Any = None, schema: Any = None, *, overwrite: bool = False) -> Any:
        """Make a table of Arrow rows, or without rows, as one commit, and return it as `open_table` does.

        `overwrite` replaces all of a table that is there.
        """
        mode = "overwrite" if overwrite else "create"
        if self.folder is None:
            return self.connection.create_table(name, rows, schema=schema, mode=mode)
        import pyarrow as pa

        data = pa.Table.from_batches([], schema=schema) if rows is None else rows
        if overwrite and not self._path(name).exists():
            mode = "create"  # else Lance warns on stderr that there is nothing to overwrite
        import_lance().write_dataset(data, str(self._path(name)), mode=mode, session=self._session())
        return self.open_table(name)

    def drop_table(self, name: str) -> None:
        """Remove a table with all its versions; a local one that is removed in part is none any more."""
        if self.folder is None:
            self.connection.drop_table(name)
            return
        shutil.rmtree(self._path(name) / "_versions")
        shutil.rmtree(self._path(name))


class LocalTable:
    """The table in a folder, with the methods of LanceDB's handle that vecindex uses; others are LanceDB's own.

    Reads follow the latest commit of whichever process, until one version is chosen. Each write is one commit on top
    of the latest one.
    """

    def __init__(self, folder: Path, name: str, session: Opens, opens: Opens) -> None:
        """Open the table in `folder`; `opens` gives LanceDB's handle of it, and is called when one is needed.

        `session` gives the caches, which all tables of a database share: others where they have become too small.
        """
        self.name = name
        self._path = str(folder)
        self._session = session
        self._caches = session()
        self._data = import_lance().dataset(self._path, session=self._caches)
        self._chosen: int | str | None = None
        self._opens = opens
        self._writing: Any = None

    def __getattr__(self, name: str) -> Any:
        """Hand what is not read here to LanceDB."""
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._handle(), name)

    def _handle(self) -> Any:
        if self._writing is None:
            handle = self._opens()
            if self._chosen is not None:
                handle.checkout(self._chosen)
            self._writing = handle
        return self._writing

    def _now(self) -> Any:
        # Another thread may be reading what was found before, so that is replaced and never changed.
        data = self._data
        if self._chosen is None and (latest := data.latest_version) != data.version:
            if (caches := self._session()) is not self._caches:
                # An index has come, or has become larger.
                self._caches = caches
                data = self._data = import_lance().dataset(self._path, version=latest, session=caches)
            else:
                data = self._data = data.checkout_version(latest)
        return data

    # -- reading ------------------------------------------------------------------------------------------

    @property
    def schema(self) -> Any:
        """The Arrow schema of the version that is read."""
        return self._now().schema

    @property
    def version(self) -> int:
        """The number of the version that is read."""
        return int(self._now().version)

    def count_rows(self, where: str | None = None) -> int:
        """Return how many rows there are, or meet an SQL condition."""
        return int(self._now().count_rows(filter=in_backquotes(where)))

    def to_lance(self, **caches: int) -> Any:
        """Return the version that is read as a Lance dataset of the caller's own, with caches of other sizes."""
        data = self._now()
        return import_lance().dataset(self._path, version=data.version, **caches) if caches else copy.copy(data)

    def list_versions(self) -> list[dict[str, Any]]:
        """Return what Lance has of each version; times are in this machine's zone, without saying so."""
        found: list[dict[str, Any]] = self._now().versions()
        return found

    @property
    def tags(self) -> Any:
        """The tags, which name versions."""
        return self._now().tags

    # -- writing ------------------------------------------------------------------------------------------

    def _latest(self) -> Any:
        if self._chosen is not None:
            raise ValueError("the table cannot be modified when a specific version is checked out")
        return copy.copy(self._now())

    def add(self, rows: Any) -> None:
        """Append Arrow rows of the table's schema."""
        import_lance().write_dataset(rows, self._latest(), mode="append")

    def merge_insert(self, key: str) -> Any:
        """Return Lance's builder of a merge by a column."""
        return self._latest().merge_insert(key)

    def delete(self, where: str) -> None:
        """Delete the rows that meet an SQL condition."""
        self._latest().delete(in_backquotes(where))

    def update_field_metadata(self, *updates: dict[str, Any]) -> None:
        """Set metadata of columns; each update has the column's `path` and its `metadata`."""
        self._latest().update_field_metadata({one["path"]: one["metadata"] for one in updates})

    def add_columns(self, schema: Any) -> None:
        """Add columns of nulls."""
        self._latest().add_columns(schema)

    def alter_columns(self, *changes: dict[str, Any]) -> None:
        """Rename columns; each change has the column's `path` and its new name, `rename`."""
        self._latest().alter_columns(*({"path": one["path"], "name": one["rename"]} for one in changes))

    def drop_columns(self, columns: list[str]) -> None:
        """Remove columns."""
        self._latest().drop_columns(columns)

    # -- which version ------------------------------------------------------------------------------------

    def checkout(self, version: int | str) -> None:
        """Read from now on one version, by its number or a tag; nothing can be written then."""
        self._data = self._data.checkout_version(version)
        self._chosen = version
        if self._writing is not None:
            self._writing.checkout(version)

    def checkout_latest(self) -> None:
        """Read the latest version again, and write on top of it."""
        self._chosen = None
        if self._writing is not None:
            self._writing.checkout_latest()


# -- the libraries ----------------------------------------------------------------------------------------


def import_lance() -> Any:
    """Return Lance, imported without pandas unless somebody has imported it.

    Raises MemoryError where it could not start its threads.
    """
    if "lance" not in sys.modules:
        _import_datasets()
    import lance

    _check_addresses()
    return lance


@cache
def _check_addresses() -> None:
    """Raise MemoryError where a bound of addresses leaves no room for Lance's threads, which start at its first call.

    One that cannot start ends in an abort, or the call waits for it without end. With two cores 24 MB were enough.
    """
    left = addresses_left()
    if left is not None and left < _START_BYTES + (os.cpu_count() or 1) * _THREAD_BYTES:
        raise MemoryError(f"{left / 1e6:.0f} MB of addresses are left")


def import_lancedb() -> Any:
    """Return LanceDB, imported without the client and pandas unless somebody has imported or asks for them."""
    if "lancedb" not in sys.modules:
        import_lance()
        _postpone(_CLIENT)
    import lancedb

    return lancedb


def _import_datasets() -> None:
    """Import pyarrow's datasets, of which Lance's are, without pandas.

    pyarrow imports pandas before it converts its first plain value, for that could be one of pandas'. The only values
    that its datasets convert when they are imported are constants, which are found here without a conversion.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    with _lock:
        convert = pa.lib.scalar
        constants = {True: pc.is_null(pa.nulls(1))[0], False: pc.is_valid(pa.nulls(1))[0]}

        def scalar(value: Any, *args: Any, **options: Any) -> Any:
            if isinstance(value, bool) and not args and not options:
                return constants[value]
            return convert(value, *args, **options)

        pa.lib.scalar = scalar
        try:
            import pyarrow.dataset
        finally:
            pa.lib.scalar = convert


def _postpone(package: str) -> None:
    """Let the modules of a package be imported without the package itself, which is made when it is first asked.

    Nothing is done for a package that is there already or that cannot be found.
    """
    if package in sys.modules:
        return
    spec = find_spec(package)
    if spec is None or spec.loader is None:
        return
    module = module_from_spec(spec)
    loader = spec.loader

    lock, begun = threading.RLock(), False

    def ask(name: str) -> Any:
        nonlocal begun
        if name.startswith("__"):
            raise AttributeError(name)
        # Whoever asks meanwhile waits until all of it is there.
        with lock:
            if not begun:
                begun = True
                loader.exec_module(module)
            if name in module.__dict__:
                return module.__dict__[name]
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    module.__dict__["__getattr__"] = ask
    sys.modules[package] = module


def index_cache_bytes(table: Path | None) -> int:
    """Return what the indexes of a table in this folder may take in memory: all that their files hold.

    At least 256 MB, and no more than a quarter of the memory that is available. A cache that is smaller than the
    index reads most of it again for each search. Memory is taken as it is read. Files of an index that was replaced
    count until they are cleaned up. None stands for no table.
    """
    return INDEX_CACHE if table is None else _cache(sum(_sizes(table / _INDEXES)))


def index_cache_at(where: str, folder: Path | None) -> int:
    """Return the same for a table that messages call `where`: in object storage its files are listed."""
    if not is_known(where):
        return index_cache_bytes(folder)
    database, _, name = where.rpartition("/")
    return _cache(sum(one.size for one in Objects(database).listed(f"{name}.lance/{_INDEXES}/")))


def _cache(held: int) -> int:
    return INDEX_CACHE if held <= INDEX_CACHE else max(INDEX_CACHE, min(held, int(_CACHE_SHARE * memory_available())))


def _sizes(folder: Path) -> Iterator[int]:
    """Yield the sizes of the files of all indexes; what is removed meanwhile is passed over."""
    with suppress(OSError):
        for index in folder.iterdir():
            with suppress(OSError):
                for file in index.iterdir():
                    with suppress(OSError):
                        yield file.stat().st_size
