"""The index of the vectors: for searches that compare a query with some of the rows only."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from vecindex.core.indexes.recall import AboutIndex
from vecindex.errors import CorruptError
from vecindex.messages import counted
from vecindex.serialize import plain
from vecindex.store.articles import ArticleTable
from vecindex.store.faults import read_twice, reading, translated
from vecindex.store.local import INDEX_CACHE
from vecindex.store.lock import committing

TYPES = ("IVF_SQ", "IVF_RQ", "IVF_PQ", "IVF_HNSW_SQ")
"""As LanceDB calls them."""
GROWN = 2
"""How many times the rows of which an index was made a table may have before its lists are too long."""
TAKE_IN_ROWS, TAKE_IN_SHARE = 10_000, 0.02
"""Rows that the index may lack before an ingest takes them in, and as a share of those that it holds."""
_COLUMN = "vector"
# What LanceDB itself calls an index of this column, so that one made with it takes its position and no second one is.
_NAME = "vector_idx"
_SETTING = "vector_index"
_SINCE = "since its recall was measured"
_UNMEASURED = "what it finds was not measured"
# The rows that are later than a measurement, of the last version of each table that was asked about.
_later: dict[str, tuple[tuple[int, int], int]] = {}


@dataclass(frozen=True, slots=True)
class VectorIndex:
    """An index as it is there.

    Attributes
    ----------
    type : as in `TYPES`, or another one of LanceDB's that somebody else made.
    rows : that it holds; the others are searched one by one.
    bytes : of its files.
    """

    type: str
    rows: int
    bytes: int


def vector_index(table: ArticleTable) -> VectorIndex | None:
    """Return the index of the vectors; None where there is none. Opens no file of it."""
    with translated(table.where):
        for one in table.lance.to_lance().describe_indices():
            if list(one.field_names) == [_COLUMN]:
                return VectorIndex(str(one.index_type), int(one.num_rows_indexed), int(one.total_size_bytes or 0))
    return None


def rows_not_indexed(table: ArticleTable) -> int | None:
    """Return how many rows the index does not hold; None where there is none."""
    there = vector_index(table)
    return None if there is None else max(0, table.count() - there.rows)


def are_many(lacking: int, held: int) -> bool:
    """Return whether so many rows outside an index are worth the time to take them in.

    Each of them is compared in every search, and to take in any the whole index is written again.

    >>> are_many(10_000, 250_000), are_many(10_000, 1_000_000)
    (True, False)
    """
    return lacking >= max(TAKE_IN_ROWS, TAKE_IN_SHARE * held)


def about_index(table: ArticleTable) -> AboutIndex | None:
    """Return what is kept about the index; None where nothing is that can be read."""
    stored = table.setting(_SETTING)
    return None if stored is None else AboutIndex.from_dict(stored)


def keep_about(table: ArticleTable, about: AboutIndex | None) -> None:
    """Keep what is known of the index, or forget it. The caller holds the writer lock."""
    if about is not None or table.setting(_SETTING) is not None:
        table.set_setting(**{_SETTING: None if about is None else plain(about)})


def made_by(table: ArticleTable) -> str:
    """Return a digest of what made the vectors, and of their numbers."""
    made = json.dumps([table.fingerprint.to_dict(), table.half], sort_keys=True)
    return hashlib.blake2b(made.encode(), digest_size=8).hexdigest()


def why_stale(table: ArticleTable, rows: int, about: AboutIndex | None) -> str | None:
    """Return why an index should be made or measured again, of a table of so many rows; None where it need not."""
    if about is None:
        return _UNMEASURED
    if about.made_by != made_by(table):
        return "it was made of vectors of another model"
    if rows > GROWN * about.rows:
        return f"made and measured when the table had {about.rows:,} of its {counted(rows, 'row')}"
    if about.last_txn >= 0 and 2 * (later := _rows_after(table, about.last_txn)) > rows:
        return f"{later:,} of its {counted(rows, 'row')} came or changed {_SINCE}"
    if about.rows > GROWN * rows:
        return f"{about.rows - rows:,} of its {counted(about.rows, 'row')} were deleted {_SINCE}"
    return None


def is_mended_by_measuring(stale: str) -> bool:
    """Return whether an index for which `why_stale` gives this reason need only be measured again."""
    return stale == _UNMEASURED or stale.endswith(_SINCE)


def _rows_after(table: ArticleTable, txn: int) -> int:
    """Return how many rows are of a later transaction; counted once for a version, since each search asks."""
    key = table.version, txn
    known = _later.get(table.where)
    if known is None or known[0] != key:
        known = _later[table.where] = key, table.count(f"txn > {txn}")
    return known[1]


def now() -> str:
    """Return the time in UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def make_vector_index(table: ArticleTable, kind: str, partitions: int, sub_vectors: int | None) -> None:
    """Make the index in place of the one that is there, as one commit; what is kept of that one goes before.

    Killed at any instant, the table has the old index without its curve, or the new one. The caller holds the lock.
    """
    keep_about(table, None)
    more = {} if sub_vectors is None else {"num_sub_vectors": sub_vectors}
    with committing(table.where):
        data = table.lance.to_lance()
        data.create_index(_COLUMN, kind, name=_NAME, metric="cosine", replace=True, num_partitions=partitions, **more)
        # One that somebody else made under another name would be searched in its stead.
        for name in _names(data):
            if name != _NAME:
                data.drop_index(name)
        table.lance.checkout_latest()


def drop_vector_index(table: ArticleTable) -> None:
    """Remove the index and what is kept of it, that first: a curve without an index would promise what is not there.

    The caller holds the writer lock.
    """
    keep_about(table, None)
    with committing(table.where):
        data = table.lance.to_lance()
        for name in _names(data):
            data.drop_index(name)
        table.lance.checkout_latest()


def take_in_rows(table: ArticleTable) -> None:
    """Take the rows into the index that it does not hold. The caller holds the writer lock."""
    with committing(table.where):
        data = table.lance.to_lance()
        if names := _names(data):
            data.optimize.optimize_indices(index_names=names)
            table.lance.checkout_latest()


def vector_index_fault(table: ArticleTable) -> str | None:
    """Return what is wrong with the files of the index, found by reading all of them; None for nothing.

    Raises UnavailableError where they cannot be read now.
    """
    try:
        with translated(table.where):
            names = _names(table.lance.to_lance())
        for name in names:
            read_twice(partial(_read_index, table, name))
    except CorruptError as error:
        return str(error.message)
    return None


def _read_index(table: ArticleTable, name: str) -> None:
    with reading(f"index {name}"):
        # Opened for this, since a handle that was used before may have it in its cache.
        table.lance.to_lance(index_cache_size_bytes=INDEX_CACHE).prewarm_index(name)


def _names(data: Any) -> list[str]:
    return [one.name for one in data.describe_indices() if list(one.field_names) == [_COLUMN]]
