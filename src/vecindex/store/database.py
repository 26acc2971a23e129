"""A LanceDB database: one folder (or remote URI) that holds all tables."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from vecindex.errors import ConfigError, TableNotFoundError
from vecindex.messages import Placeholder, command, option, text
from vecindex.schema import FORMAT, articles_schema
from vecindex.store.articles import ArticleTable
from vecindex.store.faults import translated
from vecindex.store.lock import local_folder, writing
from vecindex.store.quick_import import import_lancedb
from vecindex.types import Fingerprint

REJECTS = "rejects"
QUESTIONS = "questions"
GRAPH_PREFIX = "_graph."
# LanceDB's default caches may take 7 GB; with thousands of commits in a process the metadata cache alone
# reaches 1 GB and more. These hold the working set of a table of 10 million rows.
_METADATA_CACHE = 32 << 20
_INDEX_CACHE = 256 << 20
_ANOTHER = text("Choose another name: ", option("table", Placeholder("NAME")))
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


def check_name(name: str, database: Database) -> None:
    """Raise ConfigError when an articles table cannot have this name.

    One that was named `questions` before questions were kept goes on.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(f"A table cannot be named {name!r}.", "Use letters, digits, '_', '-' and '.'.")
    if name == REJECTS:
        raise ConfigError(f"The name {name!r} is taken: rejected rows are kept under it.", _ANOTHER)
    if name.startswith(GRAPH_PREFIX):
        raise ConfigError(
            f"Names that begin with {GRAPH_PREFIX!r} are taken: neighbor graphs are kept under them.",
            _ANOTHER,
        )
    if name == QUESTIONS and not (database.has(name) and database.holds_articles(name)):
        raise ConfigError(
            f"The name {name!r} is taken: the questions that were asked are kept under it.",
            _ANOTHER,
        )


class Database:
    """An open database. Opening reads nothing and creates nothing."""

    def __init__(self, uri: str | Path) -> None:
        """Take a local folder or a URI that LanceDB knows (s3://, gs://, az://)."""
        self.uri = str(uri)
        self.folder = local_folder(self.uri)
        if self.folder is not None and self.folder.exists() and not self.folder.is_dir():
            raise ConfigError(f"{self.uri} is a file, not a database folder.", "Name a folder.")

    @cached_property
    def connection(self) -> Any:
        """The LanceDB connection, made at the first use."""
        lancedb = import_lancedb()
        with translated(self.uri):
            return lancedb.connect(
                self.folder or self.uri,
                session=lancedb.Session(
                    index_cache_size_bytes=_INDEX_CACHE, metadata_cache_size_bytes=_METADATA_CACHE
                ),
                # Every read sees the latest commit, of whichever process.
                read_consistency_interval=timedelta(0),
            )

    def exists(self) -> bool:
        """Return whether there is a database; a remote one is taken to exist."""
        return self.folder is None or self.folder.is_dir()

    def writer(self) -> AbstractContextManager[None]:
        """Return the database's writer lock, to be used as a context manager; see `writing`."""
        return writing(self.folder)

    def tables(self) -> list[str]:
        """Return the names of all tables, in order."""
        if not self.exists():
            return []
        with translated(self.uri):
            names: list[str] = []
            page = None
            while True:
                # One call gives a page of names only.
                answer = self.connection.list_tables(page_token=page)
                names += list(answer.tables)
                page = getattr(answer, "page_token", None)
                if not page:
                    # LanceDB lists folders, also one that a writer left before its first commit.
                    return sorted(name for name in names if self.folder is None or self.has(name))

    def has(self, name: str) -> bool:
        """Return whether there is a table of that name.

        One that was not committed yet is none. A table of articles that lost all its versions is one: its data are
        there, and opening it says what is wrong.
        """
        if self.folder is not None:
            folder = self.folder / f"{name}.lance"
            made_with_data = name in (REJECTS, QUESTIONS) or name.startswith(GRAPH_PREFIX)
            return any((folder / "_versions").glob("*.manifest")) or (
                not made_with_data and any((folder / "data").glob("*.lance"))
            )
        with translated(self.uri):
            try:
                self.connection.open_table(name)
            except ValueError as error:
                if "was not found" not in str(error):
                    raise
                return False
        return True

    def holds_articles(self, name: str) -> bool:
        """Return whether a table that is there is one of articles."""
        with translated(f"{self.uri}/{name}"):
            return "content_hash" in self.connection.open_table(name).schema.names

    def articles(self, name: str, at: str | None = None) -> ArticleTable:
        """Open an articles table, at its latest version or, to be read only, at a tagged one.

        Raises TableNotFoundError naming the tables that there are, ConfigError naming the tags.
        """
        names = self.tables()
        if name not in names:
            own = (REJECTS, QUESTIONS)
            there = ", ".join(n for n in names if n not in own and not n.startswith(GRAPH_PREFIX)) or "none"
            raise TableNotFoundError(
                f"No table {name!r} in {self.uri} (tables there: {there}).",
                text("Make it: ", command("ingest", Placeholder("SOURCE"))),
            )
        with translated(f"{self.uri}/{name}"):
            table = ArticleTable(self.connection.open_table(name), f"{self.uri}/{name}")
            if at is not None:
                table.go_to(at)
            return table

    def create_articles(
        self,
        name: str,
        fingerprint: Fingerprint,
        extra: list[Any],
        overwrite: bool = False,
    ) -> ArticleTable:
        """Create an empty articles table that knows what makes its vectors.

        `extra` are the Arrow fields of the user's own; `overwrite` replaces a table that is there.
        """
        schema = articles_schema(fingerprint, extra)
        at = schema.get_field_index("vector")
        metadata = {
            "vecindex:format": FORMAT,
            "vecindex:fingerprint": json.dumps(fingerprint.to_dict(), sort_keys=True),
        }
        schema = schema.set(at, schema.field(at).with_metadata(metadata))
        with translated(f"{self.uri}/{name}"):
            mode = "overwrite" if overwrite else "create"
            made = self.connection.create_table(name, schema=schema, mode=mode)
            return ArticleTable(made, f"{self.uri}/{name}")


class AuxiliaryTable:
    """A table that a database keeps next to the articles. It is made when it gets its first row."""

    prefix: ClassVar[str]
    """The table's name, or what it begins with where there is one for each articles table."""

    def __init__(self, database: Database, articles: str = "") -> None:
        """Take the database and the name of the articles table, if it matters; nothing is opened yet."""
        self._database = database
        self.name = self.prefix + articles
        self.where = f"{database.uri}/{self.name}"

    def exists(self) -> bool:
        """Return whether the table was made."""
        return self._database.has(self.name)

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        """Open the LanceDB table inside the block; None where it was not made."""
        with translated(self.where):
            yield self._open() if self.exists() else None

    def _open(self) -> Any:
        return self._database.connection.open_table(self.name)
