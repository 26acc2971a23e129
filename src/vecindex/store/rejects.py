"""The table of input rows that were left out, with their reasons."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from vecindex.schema import rejects_schema
from vecindex.store.faults import translated
from vecindex.types import Rejected

if TYPE_CHECKING:
    from vecindex.store.articles import ArticleTable
    from vecindex.store.database import Database


class RejectTable:
    """Rejected rows of all tables of a database, one for each (table, source, place)."""

    def __init__(self, database: Database, name: str) -> None:
        """Take the database and the table's name; nothing is opened yet."""
        self._database = database
        self.name = name
        self.where = f"{database.uri}/{name}"

    def put(self, table: str, run: str, rows: Sequence[tuple[str, Rejected]]) -> None:
        """Keep rows as (source, row), as one commit; a row rejected before at the same place is replaced."""
        import pyarrow as pa

        now = datetime.now(UTC)
        by_key: dict[str, dict[str, Any]] = {}
        for source, row in rows:
            key = hashlib.blake2b("\0".join((table, source, row.place)).encode(), digest_size=16).hexdigest()
            by_key[key] = {
                "key": key,
                "table": table,
                "source": source,
                "place": row.place,
                "id": row.id,
                "reason": row.reason,
                "excerpt": row.excerpt,
                "run": run,
                "rejected_at": now,
            }
        if not by_key:
            return
        with translated(self.where):
            data = pa.Table.from_pylist(list(by_key.values()), schema=rejects_schema())
            if not self._database.has(self.name):
                self._database.connection.create_table(self.name, data)
                return
            handle = self._open()
            handle.merge_insert("key").when_matched_update_all().when_not_matched_insert_all().execute(data)

    def forget(self, table: str, sources: Sequence[str], keep_run: str) -> None:
        """Drop the rows of sources that a complete run has read anew and no longer rejects."""
        if not self._database.has(self.name):
            return
        from vecindex.store.articles import isin

        stale = f'{isin("source", sources)} AND "table" = {_quoted(table)} AND run <> {_quoted(keep_run)}'
        with translated(self.where):
            handle = self._open()
            if handle.count_rows(stale):
                handle.delete(stale)

    def count(self, table: str) -> int:
        """Return how many rows of a table's sources are rejected."""
        if not self._database.has(self.name):
            return 0
        with translated(self.where):
            return int(self._open().count_rows(f'"table" = {_quoted(table)}'))

    def rows(self, table: str, limit: int = 1_000) -> list[dict[str, Any]]:
        """Return rejected rows of a table's sources."""
        if not self._database.has(self.name):
            return []
        with translated(self.where):
            found: list[dict[str, Any]] = (
                self._open()
                .search()
                .where(f'"table" = {_quoted(table)}')
                .select(["source", "place", "id", "reason", "excerpt", "rejected_at"])
                .limit(limit)
                .to_list()
            )
            return found

    def opened(self) -> ArticleTable:
        """Return the table for maintenance, which goes by its rows only."""
        from vecindex.store.articles import ArticleTable

        with translated(self.where):
            return ArticleTable(self._open(), self.where)

    def _open(self) -> Any:
        return self._database.connection.open_table(self.name)


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
