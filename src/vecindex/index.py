"""The Python interface: `vecindex.open("db")` gives an `Index` with the verbs of the command line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from vecindex.config import DEFAULT_TABLE, database_uri

if TYPE_CHECKING:
    from vecindex.pipeline.ingest import Stop
    from vecindex.store.database import Database
    from vecindex.types import IngestReport, Observer


def open(database: str | Path | None = None, table: str = DEFAULT_TABLE) -> Index:  # noqa: A001 (the verb)
    """Return the index in a database folder (or URI) and one of its tables; nothing is read or made yet.

    `database` defaults to $VECINDEX_DB, else ./db.
    """
    return Index(database, table)


class Index:
    """A table of articles with their vectors. Cheap to make; every method opens what it needs."""

    def __init__(self, database: str | Path | None = None, table: str = DEFAULT_TABLE) -> None:
        """See `vecindex.open`."""
        self.uri = database_uri(None if database is None else str(database))
        self.table = table

    def __repr__(self) -> str:
        """Return how to make it again."""
        return f"vecindex.open({self.uri!r}, {self.table!r})"

    def _database(self) -> Database:
        from vecindex.store.database import Database

        return Database(self.uri)

    def ingest(
        self,
        *sources: str | Path,
        observer: Observer | None = None,
        stop: Stop | None = None,
        stdin: BinaryIO | None = None,
        **options: Any,
    ) -> IngestReport:
        """Bring the table up to date with the sources, in transactions of 1,000 rows.

        Rows whose id and content the table has are skipped, changed ones replaced, new ones embedded and added.
        May be stopped, or killed, at any instant: running it again goes on from the last transaction.

        Parameters
        ----------
        sources : files, globs, folders, URLs, or "-" for standard input.
        observer : told the estimate, the progress and notices.
        stop : `stop.request()`, from a signal handler or a thread, ends the run after its transaction.
        options : the fields of `vecindex.pipeline.options.IngestOptions`.

        Raises
        ------
        SourceError, ModelError, StoreError, ConfigError
            What was committed before the fault stays.
        """
        from vecindex.pipeline.ingest import ingest
        from vecindex.pipeline.options import IngestOptions

        return ingest(
            self._database(), self.table, [str(s) for s in sources], IngestOptions(**options), observer, stop, stdin
        )
