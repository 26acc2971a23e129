"""A LanceDB database: one folder (or remote URI) that holds all tables."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from vecindex.config import durable_by_default
from vecindex.errors import LOOK_CLOSER, ConfigError, CorruptError, StoreError, TableNotFoundError
from vecindex.files import can_be_there
from vecindex.masks import masked
from vecindex.messages import Message, Placeholder, command, counted, option, text
from vecindex.objects.requests import Objects
from vecindex.schema import FORMAT, articles_schema
from vecindex.store.articles import ArticleTable
from vecindex.store.faults import translated
from vecindex.store.local import Tables, import_lance
from vecindex.store.lock import committing, writer_at_work, writing
from vecindex.store.maintenance import KEEP_VERSIONS_FOR, maintain
from vecindex.store.remote.commits import replace_schema
from vecindex.store.remote.lease import holder_of, leased, made_meanwhile
from vecindex.store.remote.probe import check_conditional_writes
from vecindex.store.versions import broken_manifests, table_folder
from vecindex.types import Fingerprint

REJECTS = "rejects"
QUESTIONS = "questions"
GRAPH_PREFIX = "_graph."
FORMER_PREFIX = "_former."
DELETED_PREFIX = "_deleted."
UNFINISHED_PREFIX = "_unfinished."
_KEPT_UNDER = {
    GRAPH_PREFIX: "neighbor graphs",
    FORMER_PREFIX: "former positions on maps",
    DELETED_PREFIX: "the ids of deleted rows",
    UNFINISHED_PREFIX: "unfinished maps",
}
_NEXT_TO_ARTICLES = tuple(_KEPT_UNDER)
SET_ASIDE = "_set_aside"
"""The folder in a database for what was damaged; nothing in it is ever removed by vecindex."""
_RESTORED_ROWS = 1_024
_ANOTHER = text("Choose another name: ", option("table", Placeholder("NAME")))
T = TypeVar("T")
Notice = Callable[[Message], None]
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


def check_name(name: str, database: Database) -> None:
    """Raise ConfigError when an articles table cannot have this name.

    One that was named `questions` before questions were kept goes on.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(f"A table cannot be named {name!r}.", "Use letters, digits, '_', '-' and '.'.")
    if name == REJECTS:
        raise ConfigError(f"The name {name!r} is taken: rejected rows are kept under it.", _ANOTHER)
    for prefix, kept in _KEPT_UNDER.items():
        if name.startswith(prefix):
            raise ConfigError(f"Names that begin with {prefix!r} are taken: {kept} are kept under them.", _ANOTHER)
    if name == QUESTIONS and not (database.has(name) and database.holds_articles(name)):
        raise ConfigError(
            f"The name {name!r} is taken: the questions that were asked are kept under it.",
            _ANOTHER,
        )


def _of_articles(names: list[str]) -> list[str]:
    return [name for name in names if name not in (REJECTS, QUESTIONS) and not name.startswith(_NEXT_TO_ARTICLES)]


class Database(Tables):
    """An open database. Opening reads nothing and creates nothing."""

    def __init__(self, uri: str | Path) -> None:
        """Take a local folder or a URI that LanceDB knows (s3://, gs://, az://)."""
        super().__init__(str(uri))
        self.uri = masked(self._location)
        """Its name in messages and results."""
        self.durable = durable_by_default()
        """Whether writers bring each commit to the disk (fsync) before they go on."""
        self.wait_s = 0.0
        """How long a writer waits for another one before it gives up."""
        if self.folder is not None and not can_be_there(self.folder):
            raise ConfigError(
                f"{self.uri!r} cannot be a database folder: no file can have this name.", "Name another folder."
            )
        with translated(self.uri):
            if self.folder is not None and self.folder.exists() and not self.folder.is_dir():
                raise ConfigError(f"{self.uri} is a file, not a database folder.", "Name a folder.")

    def exists(self) -> bool:
        """Return whether there is a database; a remote one is taken to exist."""
        return self.folder is None or self.folder.is_dir()

    @property
    def is_leased(self) -> bool:
        """Whether it is in object storage, where a lease stands for the lock; one in memory has neither."""
        return self.folder is None and not self._location.startswith("memory://")

    def writer(self, doing: str = "") -> AbstractContextManager[None]:
        """Return the database's writer lock, to be used as a context manager; see `writing` and `leased`."""
        if self.is_leased:
            return leased(self._location, doing, self.wait_s)
        return writing(self.folder, doing, self.durable, self.wait_s)

    def check_store(self) -> None:
        """Raise StoreError where it is in object storage that does not enforce conditional writes."""
        if self.is_leased:
            check_conditional_writes(Objects(self._location))

    def writer_at_work(self) -> str | None:
        """Return the writer that is at work, as a message names it, or None when none is known to be."""
        return holder_of(self._location) if self.is_leased else writer_at_work(self.folder)

    def tables(self) -> list[str]:
        """Return the names of all tables, in order."""
        if not self.exists():
            return []
        with translated(self.uri):
            # A folder that a writer left before its first commit is no table.
            return sorted(name for name in self.listed() if self.folder is None or self.has(name))

    def has(self, name: str) -> bool:
        """Return whether there is a table of that name.

        One that was not committed yet is none. A table of articles that lost all its versions is one: its data are
        there, and opening it says what is wrong.
        """
        if self.folder is not None:
            folder = self.folder / f"{name}.lance"
            if not can_be_there(folder):
                return False
            made_with_data = name in (REJECTS, QUESTIONS) or name.startswith(_NEXT_TO_ARTICLES)
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
            return "content_hash" in self.open_table(name).schema.names

    def article_tables(self) -> list[str]:
        """Return the names of the tables of articles, in order: without those that are kept next to them."""
        return _of_articles(self.tables())

    def articles(self, name: str, at: str | None = None) -> ArticleTable:
        """Open an articles table, at its latest version or, to be read only, at a tagged one.

        Raises TableNotFoundError naming the tables that there are, ConfigError naming the tags.
        """
        names = self.tables()
        if name not in names:
            there = ", ".join(_of_articles(names)) or "none"
            raise TableNotFoundError(
                f"No table {name!r} in {self.uri} (tables there: {there}).",
                text("Make it: ", command("ingest", Placeholder("SOURCE"))),
            )
        with translated(f"{self.uri}/{name}"):
            table = ArticleTable(self._opened(name), f"{self.uri}/{name}")
            if at is not None:
                table.go_to(at)
            return table

    def plain(self, name: str) -> Any:
        """Return a table that vecindex need not have made as a Lance dataset, at its latest version.

        Raises TableNotFoundError naming the tables that there are.
        """
        names = self.tables()
        if name not in names:
            there = ", ".join(_of_articles(names)) or "none"
            raise TableNotFoundError(f"No table {name!r} in {self.uri} (tables there: {there}).", "Name one of them.")
        with translated(f"{self.uri}/{name}"):
            return self.open_table(name).to_lance()

    def _opened(self, name: str) -> Any:
        where = f"{self.uri}/{name}"
        try:
            with translated(where):
                opened = self.open_table(name)
                if not opened.schema.names:
                    # So reads a manifest of zeros.
                    raise CorruptError(f"The newest version of {where} has no columns.", LOOK_CLOSER)
                return opened
        except CorruptError as error:
            raise (self._newest_torn(name) or error) from error

    def _newest_torn(self, name: str) -> CorruptError | None:
        """Return the error for a table whose newest version alone is damaged, as a power cut leaves it."""
        if self.folder is None:
            return None
        broken, whole = broken_manifests(table_folder(self.folder, name))
        if not broken or whole is None or broken[-1][0] < whole:
            return None
        torn = broken[-1][0]
        return CorruptError(
            f"The newest version of {self.uri}/{name}, {torn}, is damaged, as a power cut leaves it. "
            f"Version {whole} is whole.",
            text(
                "Go back to it, with the rows of the damaged one that can be read: ",
                command("doctor", repair=True),
            ),
        )

    def create_articles(
        self,
        name: str,
        fingerprint: Fingerprint,
        extra: list[Any],
        overwrite: bool = False,
        half: bool = False,
    ) -> ArticleTable:
        """Create an empty articles table that knows what makes its vectors.

        `extra` are the Arrow fields of the user's own; `overwrite` replaces a table that is there; `half` stores
        vectors as float16.
        """
        schema = articles_schema(fingerprint, extra, half)
        at = schema.get_field_index("vector")
        metadata = {
            "vecindex:format": FORMAT,
            "vecindex:fingerprint": json.dumps(fingerprint.to_dict(), sort_keys=True),
        }
        schema = schema.set(at, schema.field(at).with_metadata(metadata))
        with committing(f"{self.uri}/{name}"):
            if overwrite and self.is_leased:
                table = ArticleTable(self.open_table(name), f"{self.uri}/{name}")
                table.known.version = replace_schema(table.lance, table.where, schema)
                return table
            try:
                made = self.create_table(name, schema=schema, overwrite=overwrite)
            except ValueError as error:
                raise (made_meanwhile(error, f"{self.uri}/{name}") or error) from error
            table = ArticleTable(made, f"{self.uri}/{name}")
            table.known.version = None if overwrite else 1
            return table


class AuxiliaryTable:
    """A table that a database keeps next to the articles, made when it gets its first row: a note or a cache.

    So a damaged one ends no command. Reading takes it for empty; writing sets it aside and makes it again, with the
    rows that can be read. Both give a notice.
    """

    prefix: ClassVar[str]
    """The table's name, or what it begins with where there is one for each articles table."""
    replaced_whole: ClassVar[bool] = False
    """Whether the rows that can be read of a damaged one are of no use."""

    def __init__(self, database: Database, articles: str = "", notice: Notice | None = None) -> None:
        """Take the database, the name of the articles table, if it matters, and what notices go to; open nothing."""
        self._database = database
        self._notice = notice
        self.name = self.prefix + articles
        self.where = f"{database.uri}/{self.name}"
        self.damage: Message | None = None
        """What was found damaged when it was read."""

    def exists(self) -> bool:
        """Return whether the table was made."""
        return self._database.has(self.name)

    def fault(self) -> Message | None:
        """Return what is damaged, found by reading all rows; None for nothing."""

        def look(table: Any) -> None:
            for _ in table.to_lance().to_batches():
                pass

        self._read(look, None)
        return self.damage

    def maintain(self, keep_for: timedelta = KEEP_VERSIONS_FOR) -> None:
        """Do what `maintenance.maintain` does, if the table was made. The caller holds the writer lock."""
        self._change(lambda handle: handle and maintain(ArticleTable(handle, self.where), keep_for))

    def _read(self, look: Callable[[Any], T], otherwise: T) -> T:
        """Return what a look at the table gives; `otherwise` where it was not made or is damaged."""
        if not self.exists():
            return otherwise
        try:
            with translated(self.where):
                return look(self._open())
        except StoreError as error:
            if not self._is_damage(error):
                raise
            if self.damage is None:
                self._say(text(f"the table {self.name!r} is damaged and taken for empty: ", error.message))
            self.damage = error.message
            return otherwise

    def _change(self, change: Callable[[Any], T]) -> T:
        """Return what a change of the table gives, None where it was not made. The caller holds the lock.

        A change is one commit, so that it can be tried again.
        """
        try:
            return self._changed(change)
        except StoreError as error:
            if self._database.folder is None or not self.exists() or not self._is_damage(error):
                raise
            self._begin_again(self._database.folder, error)
        return self._changed(change)

    def _changed(self, change: Callable[[Any], T]) -> T:
        with committing(self.where):
            there = self.exists()
            try:
                return change(self._open() if there else None)
            except ValueError as error:
                if there or made_meanwhile(error, self.where) is None:
                    raise
            return change(self._open())

    def _is_damage(self, error: StoreError) -> bool:
        # LanceDB has many words for bytes that make no sense. What it lacks, and who else writes, have classes.
        return isinstance(error, CorruptError) or (type(error) is StoreError and self._database.folder is not None)

    def _begin_again(self, folder: Path, error: StoreError) -> None:
        """Move the table where LanceDB does not list it, and make it again of the rows that can be read."""
        aside = folder / SET_ASIDE / f"{self.name}-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.lance"
        with committing(self.where):
            aside.parent.mkdir(exist_ok=True)
            (folder / f"{self.name}.lance").rename(aside)
        kept = "" if self.replaced_whole else f", with the {counted(self._restored(aside), 'row')} that can be read"
        cause = "" if self.damage else f" ({error.message})"
        self._say(f"the table {self.name!r} is damaged{cause}: it is set aside as {aside} and made again{kept}")
        self.damage = None

    def _restored(self, aside: Path) -> int:
        """Put the rows of a table that was set aside into a new one; return how many, 0 where not all can be read."""
        try:
            with translated(self.where):
                rows = import_lance().dataset(str(aside)).scanner(batch_size=_RESTORED_ROWS).to_reader()
                if not len(rows.schema):
                    return 0
                return int(self._database.create_table(self.name, rows).count_rows())
        except StoreError as error:
            if not self._is_damage(error):
                raise
            return 0

    def _say(self, message: Message) -> None:
        if self._notice is not None:
            self._notice(message)

    def _open(self) -> Any:
        table = self._database.open_table(self.name)
        if not table.schema.names:
            # So reads a manifest of zeros, as a power loss leaves it.
            raise CorruptError(f"The newest version of {self.where} has no columns.", LOOK_CLOSER)
        return table
