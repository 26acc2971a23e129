"""A complete map put into the table, which may have changed while the map was made."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from vecindex.core.neighbors import F64
from vecindex.errors import LockedError, StoreError
from vecindex.messages import command, text
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.store.maps import columns_and_positions, maps, put_map
from vecindex.types import Observer
from vecindex.verbs.map_rows import MapRows, content_of, same_rows

_POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class RowCounts:
    """How many rows are on a map and outside it, and how many are gone and new since it was begun."""

    articles: int
    outside: int
    gone: int
    new: int


@contextmanager
def writer_when_free(database: Database, observer: Observer) -> Iterator[None]:
    """Hold the writer lock inside the block; wait for whoever has it, and say so.

    A map may have taken long to make, and an ingest may hold the lock as long again; neither should be lost.
    """
    reported = False
    while True:
        lock = database.writer()
        try:
            lock.__enter__()
        except LockedError as error:
            if not reported:
                observer.notice(text(error.message, " The map waits and is then written."))
                reported = True
            time.sleep(_POLL_S)
            continue
        break
    try:
        yield
    finally:
        lock.__exit__(None, None, None)


def write_map(
    database: Database, rows: MapRows, name: str, positions: F64, about: dict[str, Any], replaces: Any
) -> RowCounts:
    """Store a map. Rows that are gone or whose vector changed meanwhile are left out, as are new ones.

    The caller holds the writer lock.

    Parameters
    ----------
    positions : (n, 2) of `rows`, NaN outside the map.
    about : what is stored with it; "articles" is put in.
    replaces : what was stored with the map of that name when this one was begun; None where there was none.

    Raises StoreError when someone else wrote that map meanwhile, or the table was made again by another model.
    """
    import pyarrow as pa

    table = database.articles(rows.table.name)
    _refuse_changed(table, rows, name, replaces)
    (ids, hashes), _ = columns_and_positions(table, ["id", "content_hash"], [])
    there = same_rows(rows.ids, rows.contents, ids, content_of(hashes)) >= 0
    kept = there & np.isfinite(positions).all(axis=1)
    put_map(table, name, rows.ids.filter(pa.array(kept)), positions[kept], {**about, "articles": int(kept.sum())})
    return RowCounts(
        int(kept.sum()), len(ids) - int(kept.sum()), int((~there).sum()), max(0, len(ids) - int(there.sum()))
    )


def _refuse_changed(table: ArticleTable, rows: MapRows, name: str, replaces: Any) -> None:
    if table.fingerprint != rows.table.fingerprint:
        raise StoreError(
            f"{table.where} was made again by another model while its map was made.", "Run the command again."
        )
    now = maps(table).get(name)
    if now != replaces:
        raise StoreError(
            f"Another process wrote map {name!r} of {table.where} while this one was made.",
            text("Look at it (", command("status"), "), and run the command again if this one is still wanted."),
        )
