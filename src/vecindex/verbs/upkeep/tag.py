"""Names for versions of a table, which keep them readable."""

from __future__ import annotations

import re
from dataclasses import dataclass

from vecindex.errors import ConfigError, CorruptError
from vecindex.messages import Placeholder, command, option, text
from vecindex.options import checked
from vecindex.serialize import Result
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.verbs.upkeep.options import TagOptions

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True)
class Tag:
    """A named version; `made_at` is when that version was committed, in UTC, ISO 8601. `rows` are its rows."""

    name: str
    version: int
    rows: int | None
    made_at: str | None


@dataclass(frozen=True, slots=True)
class TagReport(Result):
    """All tags of a table by name, and which one was made, moved or deleted just now.

    `torn` are the tags whose files cannot be read, so that their versions are not known.
    """

    table: str
    version: int
    tags: tuple[Tag, ...]
    made: str | None = None
    moved: str | None = None
    deleted: str | None = None
    torn: tuple[str, ...] = ()


def tag(database: Database, name: str, label: str | None, options: TagOptions) -> TagReport:
    """List, make, move or delete a tag; see `Index.tag`."""
    options = checked(TagOptions, options)
    delete, move = options["delete"], options["move"]
    if label is None:
        if delete or move:
            name_it = Placeholder("NAME")
            raise ConfigError(
                "Which tag? No name is given.",
                text(command("tag", name_it, delete=True), ", or ", command("tag", name_it, move=True)),
            )
        return _report(database.articles(name))
    if delete and move:
        raise ConfigError(
            "A tag is either deleted or moved.", text("Give one of ", option("delete"), " and ", option("move"), ".")
        )
    table = database.articles(name)
    database.durable |= options["durable"]
    database.wait_s = options["wait"]
    with database.writer():
        table.follow()
        there, torn = table.tags(), table.torn_tags()
        if delete:
            if label not in there and label not in torn:
                raise ConfigError(
                    f"{table.where} has no tag {label!r} (tags there: {', '.join(there) or 'none'}).",
                    text("List the tags: ", command("tag")),
                )
            table.remove_tag(label)
            return _report(table, deleted=label)
        check_name(label)
        if label in torn and not move:
            raise CorruptError(
                f"{table.where} has a tag {label!r} whose file is damaged, so that its version is not known.",
                text(
                    "See whether it can be known: ",
                    command("doctor"),
                    f"; or let it name version {table.version}: ",
                    command("tag", label, move=True),
                ),
            )
        if label in there and not move:
            raise ConfigError(
                f"{table.where} has a tag {label!r} already (version {there[label]}, the latest {table.version}).",
                text("Choose another name, or move it to the latest version: ", command("tag", label, move=True)),
            )
        table.put_tag(label)
        return _report(table, **({"moved": label} if label in there or label in torn else {"made": label}))


def check_name(label: str) -> None:
    if not _NAME.fullmatch(label) or ".." in label or label.endswith((".lock", ".")):
        raise ConfigError(
            f"{label!r} cannot be a tag's name.",
            "Use letters, digits, '-', '_' and, inside, '.'; at most 100 characters.",
        )


def _report(table: ArticleTable, **done: str) -> TagReport:
    known = table.versions()
    listed = []
    for name, number in table.tags().items():
        rows, made_at = known.get(number, (None, None))
        listed.append(Tag(name, number, rows, made_at.isoformat() if made_at else None))
    return TagReport(table.name, table.version, tuple(listed), torn=tuple(table.torn_tags()), **done)
