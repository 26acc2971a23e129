"""The tables that a comparison names: those of the run's database, and of others by their folder or URI."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from vecindex.config import DEFAULT_TABLE
from vecindex.errors import ConfigError, TableNotFoundError, VecindexError
from vecindex.files import home_of, is_folder
from vecindex.masks import masked
from vecindex.messages import Placeholder, command, text, with_options
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database

_HOW = "Another database's table is named by its folder or URI: ../old/articles, s3://bucket/db/articles."


@dataclass(frozen=True, slots=True)
class Opened:
    """A table by the name that it was given, table@tag; a second one of a name has its number behind it."""

    name: str
    database: Database
    table_name: str
    at: str | None
    table: ArticleTable


def opened(database: Database, names: Sequence[str]) -> list[Opened]:
    """Return the tables; raises TableNotFoundError or ConfigError where there is no such table or tag.

    What is before the last slash of a name is another database. No table and no tag has a slash in its name.
    """
    found: list[Opened] = []
    for name in names:
        home, table_name, at = _located(database, name)
        shown = masked(name)
        again = sum(one.name.split(" (")[0] == shown for one in found)
        with its_commands(home, database):
            table = home.articles(table_name, at)
        found.append(Opened(f"{shown} ({again + 1})" if again else shown, home, table_name, at, table))
    for one in found:
        if not one.table.count():
            with its_commands(one.database, database):
                named = None if one.table_name == DEFAULT_TABLE else one.table_name
                fill = command("ingest", Placeholder("SOURCE"), table=named)
                raise ConfigError(f"{one.table.where} holds no rows.", text("Fill it: ", fill))
    return found


@contextmanager
def its_commands(home: Database, database: Database) -> Iterator[None]:
    """Have an error's commands name the database that it is about, where that is not the run's own."""
    try:
        yield
    except VecindexError as error:
        if home is not database and error.hint is not None:
            error.hint = with_options(error.hint, db=home.uri)
            error.args = (error.message, error.hint)
        raise


def split(database: Database, name: str) -> tuple[str, str | None]:
    """Return the table and the tag that a name stands for; a table whose own name has an @ wins."""
    table, at, tag = name.rpartition("@")
    if not at or name in database.article_tables():
        return name, None
    if not table or not tag:
        raise TableNotFoundError(f"{name!r} is no table and no tag of one.", "Give TABLE, or TABLE@TAG.")
    return table, tag


def _located(database: Database, name: str) -> tuple[Database, str, str | None]:
    """Return the database, the table and the tag that a name stands for; raises where another database lacks it."""
    folder, slash, inside = name.rpartition("/")
    home = database if not slash else _other(folder or slash, database)
    table, at = split(home, inside) if inside else ("", None)
    tables = home.article_tables()
    if table in tables:
        return home, table, at
    if "://" not in name and is_folder(home_of(name)) and (there := _other(name, database).article_tables()):
        raise TableNotFoundError(f"{name} is a database, not a table.", _name_one(name, there))
    if home is database and not inside:
        return home, table, at
    if home is database:
        raise TableNotFoundError(
            f"No table {table!r} in {home.uri} (tables there: {', '.join(tables) or 'none'}).",
            text("Name one of them, or make it: ", command("ingest", Placeholder("SOURCE"), table=table)),
        )
    if not home.exists():
        raise TableNotFoundError(f"No table {masked(name)}: there is no folder {home.uri}.", _HOW)
    raise TableNotFoundError(
        f"No table {table!r} in {home.uri} (tables there: {', '.join(tables) or 'none'}).",
        _name_one(home.uri, tables) if tables else _HOW,
    )


def _other(location: str, database: Database) -> Database:
    other = Database(location)
    other.durable, other.wait_s = database.durable, database.wait_s
    return other


def _name_one(location: str, tables: Sequence[str]) -> str:
    home = location.rstrip("/")
    return f"Name one of its tables: {', '.join(f'{home}/{table}' for table in tables)}."
