"""The table of input rows that were left out, with their reasons."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from vecindex.core.conditions import isin
from vecindex.masks import masked
from vecindex.schema import rejects_schema
from vecindex.store.database import REJECTS, AuxiliaryTable
from vecindex.store.remote.commits import upsert
from vecindex.types import Rejected

_STREAM = re.compile(r"stdin|<memory(:\d+)?>")
"""Standard input, and data in memory without a name. Another source each time, it mends nothing of an older one."""
_IDS_PER_LOOK = 10_000
# Its id is in the table by nature: the row that came first has it, unless that one was rejected in the same commit.
_DUPLICATE = "reason LIKE 'duplicate id%'"


def filed_as(name: str) -> str:
    """Return the name that a source, or a location in it, is filed under: a local path however it was spelled.

    >>> filed_as("s3://bucket/a.jsonl"), filed_as("<news> row 1"), filed_as("/data/./a.jsonl:2")
    ('s3://bucket/a.jsonl', '<news> row 1', '/data/a.jsonl:2')
    """
    is_path = not (_is_stream(name) or "://" in name or name.startswith("<"))
    # Not Path.resolve: a link is a name of its own, which may lead to another file tomorrow.
    return as_unicode(os.path.abspath(name) if is_path else masked(name))  # noqa: PTH100


def _is_stream(source: str) -> bool:
    return _STREAM.fullmatch(source) is not None


def as_unicode(text: str) -> str:
    r"""Return a text with escapes for what is no Unicode in it, such as the bytes of an old file's name.

    >>> as_unicode("caf\udce9.jsonl")
    'caf\\udce9.jsonl'
    """
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _key(table: str, source: str, row: Rejected) -> str:
    # Another stream has other rows at the same locations: only what they hold distinguishes them.
    where = (row.location, row.id or "", row.excerpt) if _is_stream(source) else (filed_as(row.location),)
    parts = as_unicode("\0".join((table, filed_as(source), *where)))
    return hashlib.blake2b(parts.encode(), digest_size=16).hexdigest()


class RejectTable(AuxiliaryTable):
    """Rejected rows of all tables of a database, one for each (table, source, location).

    Of a stream, which has no name of its own, there is one for each (table, location, id, excerpt).
    """

    prefix = REJECTS

    def put(self, table: str, run: str, rows: Sequence[tuple[str, Rejected]]) -> None:
        """Keep rows as (source, row), as one commit; a row rejected before at the same location is replaced.

        Sources are filed under `filed_as`; locations stay as they were spelled.
        """
        import pyarrow as pa

        now = datetime.now(UTC)
        by_key: dict[str, dict[str, Any]] = {}
        for source, row in rows:
            key = _key(table, source, row)
            by_key[key] = {
                "key": key,
                "table": table,
                "source": filed_as(source),
                "place": as_unicode(masked(row.location)),
                "id": None if row.id is None else as_unicode(row.id),
                "reason": as_unicode(masked(row.reason)),
                "excerpt": as_unicode(row.excerpt),
                "run": run,
                "rejected_at": now,
            }
        if not by_key:
            return
        data = pa.Table.from_pylist(list(by_key.values()), schema=rejects_schema())

        def put(handle: Any) -> None:
            if handle is None:
                self._database.create_table(self.name, data)
            else:
                upsert(handle, self.where, data, key="key")

        self._change(put)

    def forget(self, table: str, sources: Sequence[str], keep_run: str) -> None:
        """Drop the rows of sources that a complete run has read again and no longer rejects.

        Those of streams stay: what was read now is not what was read then.
        """
        named = [name for name in sources if not _is_stream(name)]
        # Under the name as spelled, too: so were they filed once.
        names = dict.fromkeys([*map(as_unicode, named), *map(filed_as, named)])
        names |= dict.fromkeys(self._unmasked(set(names)))
        self._drop(f"{isin('source', list(names))} AND {_before(table, keep_run)}")

    def _unmasked(self, names: set[str]) -> list[str]:
        """Return the sources that were filed with their secrets, as they were once, and are one of these."""

        def look(handle: Any) -> list[str]:
            urls = handle.to_lance().to_table(columns=["source"], filter="source LIKE '%://%'").column("source")
            return [source for source in urls.to_pylist() if masked(source) in names]

        nothing: list[str] = []
        return self._read(look, nothing) if any("://" in name for name in names) else nothing

    def forget_all(self, table: str, keep_run: str) -> None:
        """Drop the rows of all sources but those that this run has rejected."""
        self._drop(_before(table, keep_run))

    def forget_stored(self, table: str, ids: Sequence[str], keep_run: str) -> bool:
        """Drop the rows whose ids this run has stored, from whichever source; duplicates of an id stay.

        Returns whether there were any.
        """
        dropped = False
        for at in range(0, len(ids), _IDS_PER_LOOK):
            some = isin("id", ids[at : at + _IDS_PER_LOOK])
            dropped |= self._drop(f"{some} AND NOT ({_DUPLICATE}) AND {_before(table, keep_run)}")
        return dropped

    def _drop(self, where: str) -> bool:
        """Delete the rows that meet a condition, return whether there were any; else nothing is written."""

        def drop(handle: Any) -> bool:
            if handle is None or not handle.count_rows(where):
                return False
            handle.delete(where)
            return True

        return self._change(drop)

    def ready(self, table: str) -> int:
        """Return how many rows of a table's sources are rejected, once writing is possible: a damaged one is renewed.

        The caller holds the writer lock.
        """
        return self._change(lambda handle: 0 if handle is None else int(handle.count_rows(_of(table))))

    def count(self, table: str) -> int:
        """Return how many rows of a table's sources are rejected."""
        return self._read(lambda handle: int(handle.count_rows(_of(table))), 0)

    def rows(self, table: str, limit: int = 1_000) -> list[dict[str, Any]]:
        """Return rejected rows of a table's sources."""
        columns = ["source", "place", "id", "reason", "excerpt", "rejected_at"]
        nothing: list[dict[str, Any]] = []
        return self._read(
            lambda handle: [
                {
                    **row,
                    "source": masked(row["source"]),
                    "place": masked(row["place"]),
                    "reason": masked(row["reason"]),
                }
                for row in handle.to_lance().to_table(columns=columns, filter=_of(table), limit=limit).to_pylist()
            ],
            nothing,
        )


def _of(table: str) -> str:
    return isin("`table`", [table])


def _before(table: str, run: str) -> str:
    return f"{_of(table)} AND NOT {isin('run', [run])}"
